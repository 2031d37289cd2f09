/* gen_tracking.c - puzzles about where things are after they moved.
 * Levels: 1 recall of one fact; 2 the same, and somebody looks at another place; 3 one of two
 * facts, or one of two things moved; 4 four people, two swaps of balls; 5 five people, four swaps.
 * The moves are simulated; places and colours differ, so one choice is right. */
#include "datasets/gen_puzzle.h"

enum { N_THINGS = 8, N_PLACES = 8, N_COLOURS = 7, SWAPPERS_MAX = 5 };

static const char *const things[N_THINGS] = {"key",   "coin",  "ring",  "letter",
                                             "watch", "phone", "spoon", "ticket"};
static const char *const places[N_PLACES] = {"box",    "bag",     "drawer", "basket",
                                             "bucket", "kitchen", "garden", "car"};
static const char *const colours[N_COLOURS] = {"red",   "blue",  "green", "yellow",
                                               "black", "white", "purple"};

static waage_status set_places(puzzle *p, const size_t *place, size_t n, size_t gold, arena *a,
                               waage_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!(p->choice[i] = arena_printf(a, "in the %s", places[place[i]])))
            return waage_err_nomem(err);
    p->n_choices = n;
    p->gold = gold;
    p->fixed_order = false;
    return WAAGE_OK;
}

/* Two things in two places. Level 1: only the one asked for is told; level 2: the same, and the
 * other place is one that somebody looks at; level 3: both are told, and one may be moved to a
 * third place. */
static waage_status draw_places(puzzle twin[2], int level, rng *r, arena *a, waage_err *err)
{
    size_t thing[2], place[3], at[2] = {0, 1};
    const bool moves = level == 3 && rng_below(r, 2) == 1;
    puzzle_pick(thing, 2, N_THINGS, r);
    puzzle_pick(place, 3, N_PLACES, r);
    const char *who = puzzle_people[rng_below(r, PUZZLE_N_PEOPLE)];
    const size_t moved = (size_t)rng_below(r, 2);
    if (moves) at[moved] = 2;
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        for (size_t i = 0; i < 2; i++)
            if (level == 3 || i == t)
                strbuf_printf(&b, "The %s is in the %s. ", things[thing[i]], places[place[i]]);
        if (level == 2) strbuf_printf(&b, "%s looks at the %s. ", who, places[place[1 - t]]);
        if (moves)
            strbuf_printf(&b, "Then %s takes the %s and puts it in the %s. ", who,
                          things[thing[moved]], places[place[2]]);
        strbuf_printf(&b, "Where is the %s%s?", things[thing[t]], moves ? " now" : "");
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        WAAGE_TRY(set_places(&twin[t], place, moves ? 3 : 2, at[t], a, err));
    }
    return WAAGE_OK;
}

typedef struct {
    size_t n, n_swaps;
    size_t name[SWAPPERS_MAX], colour[SWAPPERS_MAX]; /* person i begins with colour i */
    size_t swap[4][2];
    size_t holds[SWAPPERS_MAX]; /* who ends with which ball */
} swap_puzzle;

static void draw_swaps(swap_puzzle *s, rng *r)
{
    puzzle_pick(s->name, s->n, PUZZLE_N_PEOPLE, r);
    puzzle_pick(s->colour, s->n, N_COLOURS, r);
    for (size_t i = 0; i < s->n; i++)
        s->holds[i] = i;
    for (size_t k = 0; k < s->n_swaps; k++) {
        /* the same pair twice in a row would undo itself */
        do
            puzzle_pick(s->swap[k], 2, s->n, r);
        while (k > 0 && s->swap[k][0] + s->swap[k][1] == s->swap[k - 1][0] + s->swap[k - 1][1] &&
               s->swap[k][0] * s->swap[k][1] == s->swap[k - 1][0] * s->swap[k - 1][1]);
        const size_t i = s->swap[k][0], j = s->swap[k][1], held = s->holds[i];
        s->holds[i] = s->holds[j];
        s->holds[j] = held;
    }
}

static waage_status write_swaps(puzzle *p, const swap_puzzle *s, size_t asked, arena *a,
                                waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    for (size_t i = 0; i < s->n; i++)
        strbuf_printf(&b, "%s has a %s ball. ", puzzle_people[s->name[i]], colours[s->colour[i]]);
    for (size_t k = 0; k < s->n_swaps; k++)
        strbuf_printf(&b, "%s%s and %s swap balls. ", k ? "Then " : "",
                      puzzle_people[s->name[s->swap[k][0]]], puzzle_people[s->name[s->swap[k][1]]]);
    strbuf_printf(&b, "What colour is %s's ball now?", puzzle_people[s->name[asked]]);
    WAAGE_TRY(puzzle_take(&p->question, &b, a, err));
    for (size_t i = 0; i < s->n; i++)
        p->choice[i] = colours[s->colour[i]];
    p->n_choices = s->n;
    p->gold = s->holds[asked];
    p->fixed_order = false;
    return WAAGE_OK;
}

waage_status puzzle_draw_tracking(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                                  waage_err *err)
{
    static const size_t n_people[] = {0, 0, 0, 4, 5}, n_swaps[] = {0, 0, 0, 2, 4};
    *ok = true;
    if (level <= 3) return draw_places(twin, level, r, a, err);
    swap_puzzle s = {.n = n_people[level - 1], .n_swaps = n_swaps[level - 1]};
    draw_swaps(&s, r);
    size_t asked[2];
    puzzle_pick(asked, 2, s.n, r);
    /* at least one twin must ask about somebody whose ball changed */
    if (s.holds[asked[0]] == asked[0] && s.holds[asked[1]] == asked[1]) *ok = false;
    for (size_t t = 0; t < 2; t++)
        WAAGE_TRY(write_swaps(&twin[t], &s, asked[t], a, err));
    return WAAGE_OK;
}
