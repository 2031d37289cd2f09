/* gen_truth.c - puzzles about people who always tell the truth and people who always lie.
 * Levels: 1 the one thing an honest speaker said; 2 the same, beside a thing of another colour; 3
 * an honest speaker about two things, or a speaker who may lie, alone or with a second person; 4
 * and 5 chains of 3 and 5 people who talk about each other, at level 5 told in mixed order. For
 * chains every assignment of truth tellers and liars is tried, and exactly one may fit. */
#include "datasets/gen_puzzle.h"

enum { CHAIN_MAX = 5, N_COLOURS = 6, N_OBJECTS = 6 };

static const char *const colours[N_COLOURS] = {"red", "blue", "green", "yellow", "black", "white"};
static const char *const objects[N_OBJECTS] = {"box", "door", "hat", "car", "cup", "flag"};

static const char *habit(bool honest)
{
    return honest ? "always tells the truth" : "always lies";
}

/* An honest speaker says the colour of one object (levels 1, 2: of the one asked about) or of two.
 * At level 2 the speaker also owns a thing of the other colour. */
static waage_status draw_honest(puzzle twin[2], int level, rng *r, arena *a, waage_err *err)
{
    size_t object[2], colour[2];
    puzzle_pick(object, 2, N_OBJECTS, r);
    puzzle_pick(colour, 2, N_COLOURS, r);
    const char *who = puzzle_people[rng_below(r, PUZZLE_N_PEOPLE)];
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const size_t first = level == 3 ? 0 : t;
        strbuf_printf(&b, "%s always tells the truth. ", who);
        if (level == 2) strbuf_printf(&b, "%s has a %s scarf. ", who, colours[colour[1 - t]]);
        strbuf_printf(&b, "%s says that the %s is %s", who, objects[object[first]],
                      colours[colour[first]]);
        if (level == 3)
            strbuf_printf(&b, " and that the %s is %s", objects[object[1]], colours[colour[1]]);
        strbuf_printf(&b, ". What colour is the %s?", objects[object[t]]);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        twin[t].choice[0] = colours[colour[0]];
        twin[t].choice[1] = colours[colour[1]];
        twin[t].n_choices = 2;
        twin[t].gold = t;
        twin[t].fixed_order = false;
    }
    return WAAGE_OK;
}

/* Two colours; the twins differ in who speaks or in whether the speaker lies. */
static waage_status draw_colours(puzzle twin[2], bool alone, rng *r, arena *a, waage_err *err)
{
    size_t name[2], colour[2];
    puzzle_pick(name, 2, PUZZLE_N_PEOPLE, r);
    puzzle_pick(colour, 2, N_COLOURS, r);
    const char *object = objects[rng_below(r, N_OBJECTS)];
    const bool first_honest = rng_below(r, 2) == 1;
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const bool honest = first_honest == (t == 0);
        strbuf_printf(&b, "The %s is either %s or %s. ", object, colours[colour[0]],
                      colours[colour[1]]);
        if (alone)
            strbuf_printf(&b, "%s %s. ", puzzle_people[name[0]], habit(honest));
        else
            strbuf_printf(&b, "%s %s. %s %s. ", puzzle_people[name[0]], habit(first_honest),
                          puzzle_people[name[1]], habit(!first_honest));
        strbuf_printf(&b, "%s says that the %s is %s. What colour is the %s?",
                      puzzle_people[name[alone ? 0 : t]], object, colours[colour[0]], object);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        twin[t].choice[0] = colours[colour[0]];
        twin[t].choice[1] = colours[colour[1]];
        twin[t].n_choices = 2;
        twin[t].gold = honest ? 0 : 1;
        twin[t].fixed_order = false;
    }
    return WAAGE_OK;
}

typedef struct {
    size_t n; /* people; person 0's nature is told */
    bool anchor_honest;
    size_t name[CHAIN_MAX];
    bool claims_honest[CHAIN_MAX]; /* person i says that i-1 tells the truth (or lies), i >= 1 */
    size_t order[CHAIN_MAX];       /* order in which the n-1 claims are told */
} chain;

/* Does the assignment (bit i: person i tells the truth) fit all that was said? */
static bool fits(const chain *c, unsigned honest)
{
    if ((honest & 1) != (c->anchor_honest ? 1u : 0u)) return false;
    for (size_t i = 1; i < c->n; i++) {
        const bool before = honest >> (i - 1) & 1, claim_true = before == c->claims_honest[i];
        if (claim_true != (honest >> i & 1)) return false;
    }
    return true;
}

/* The only assignment that fits into *out; false when there is none or more than one. */
static bool solve(const chain *c, unsigned *out)
{
    size_t n_fit = 0;
    for (unsigned honest = 0; honest < 1u << c->n; honest++)
        if (fits(c, honest)) {
            *out = honest;
            n_fit++;
        }
    return n_fit == 1;
}

static void write_chain(strbuf *b, const chain *c)
{
    strbuf_puts(b, "Each person either always tells the truth or always lies. ");
    strbuf_printf(b, "%s %s. ", puzzle_people[c->name[0]], habit(c->anchor_honest));
    for (size_t k = 0; k + 1 < c->n; k++) {
        const size_t i = c->order[k] + 1;
        strbuf_printf(b, "%s says that %s %s. ", puzzle_people[c->name[i]],
                      puzzle_people[c->name[i - 1]],
                      c->claims_honest[i] ? "tells the truth" : "lies");
    }
}

static waage_status draw_chain(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                               waage_err *err)
{
    static const size_t n_people[] = {0, 0, 0, 3, 5};
    chain c = {.n = n_people[level - 1], .anchor_honest = rng_below(r, 2) == 1};
    unsigned honest = 0;
    puzzle_pick(c.name, c.n, PUZZLE_N_PEOPLE, r);
    for (size_t i = 0; i < c.n; i++)
        c.order[i] = i;
    for (size_t i = 1; i < c.n; i++)
        c.claims_honest[i] = rng_below(r, 2) == 1;
    if (level == 5) rng_shuffle(r, c.order, c.n - 1);
    *ok = solve(&c, &honest);
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const bool last_honest = honest >> (c.n - 1) & 1;
        write_chain(&b, &c);
        strbuf_printf(&b, t == 0 ? "Does %s tell the truth?" : "Does %s lie?",
                      puzzle_people[c.name[c.n - 1]]);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        puzzle_set_yes_no(&twin[t], last_honest == (t == 0));
    }
    return WAAGE_OK;
}

waage_status puzzle_draw_truth(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                               waage_err *err)
{
    *ok = true;
    if (level <= 2) return draw_honest(twin, level, r, a, err);
    if (level == 3) {
        const uint64_t kind = rng_below(r, 3);
        if (kind == 0) return draw_honest(twin, level, r, a, err);
        return draw_colours(twin, kind == 1, r, a, err);
    }
    return draw_chain(twin, ok, level, r, a, err);
}
