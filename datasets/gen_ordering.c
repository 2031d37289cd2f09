/* gen_ordering.c - puzzles about who is taller, older, faster than whom.
 * Levels: 1 the next number or letter; 2 who is first or last in a line of three; 3 three people
 * told in order; 4 four, clauses shuffled, directions mixed, second place; 5 five people, middle
 * places. Every order of the people is tried: the answer counts only when all orders that fit the
 * clauses agree on it.
 */
#include <string.h>
#include "datasets/gen_puzzle.h"

enum { PEOPLE_MAX = 5 };

typedef struct {
    const char *more, *most, *less, *least;
} relation;

static const relation relations[] = {
    {"taller", "tallest", "shorter", "shortest"}, {"older", "oldest", "younger", "youngest"},
    {"faster", "fastest", "slower", "slowest"},   {"heavier", "heaviest", "lighter", "lightest"},
    {"richer", "richest", "poorer", "poorest"},
};

typedef struct {
    size_t n;                  /* people; person 0 is first in truth, n-1 last */
    size_t name[PEOPLE_MAX];   /* indices into puzzle_people */
    size_t clause[PEOPLE_MAX]; /* clause i says: person clause[i] is above clause[i] + 1 */
    bool reversed[PEOPLE_MAX]; /* told from below: "B is shorter than A" */
    const relation *rel;
} order_puzzle;

/* Next permutation in lexicographic order; false after the last. */
static bool next_order(size_t *p, size_t n)
{
    size_t i = n - 1;
    while (i > 0 && p[i - 1] >= p[i])
        i--;
    if (i == 0) return false;
    size_t j = n - 1;
    while (p[j] <= p[i - 1])
        j--;
    const size_t t = p[i - 1];
    p[i - 1] = p[j];
    p[j] = t;
    for (size_t l = i, r = n - 1; l < r; l++, r--) {
        const size_t u = p[l];
        p[l] = p[r];
        p[r] = u;
    }
    return true;
}

static bool fits(const order_puzzle *o, const size_t *order)
{
    size_t rank[PEOPLE_MAX] = {0};
    for (size_t i = 0; i < o->n; i++)
        rank[order[i]] = i;
    for (size_t i = 0; i + 1 < o->n; i++)
        if (rank[o->clause[i]] > rank[o->clause[i] + 1]) return false;
    return true;
}

/* Who stands at `place` (0: most) in every order that fits; n when they disagree. */
static size_t solve(const order_puzzle *o, size_t place)
{
    size_t order[PEOPLE_MAX], found = o->n;
    for (size_t i = 0; i < o->n; i++)
        order[i] = i;
    do {
        if (!fits(o, order)) continue;
        if (found != o->n && found != order[place]) return o->n;
        found = order[place];
    } while (next_order(order, o->n));
    return found;
}

static void write_story(strbuf *b, const order_puzzle *o)
{
    for (size_t i = 0; i + 1 < o->n; i++) {
        const size_t hi = o->name[o->clause[i]], lo = o->name[o->clause[i] + 1];
        strbuf_printf(b, "%s is %s than %s. ", puzzle_people[o->reversed[i] ? lo : hi],
                      o->reversed[i] ? o->rel->less : o->rel->more,
                      puzzle_people[o->reversed[i] ? hi : lo]);
    }
}

/* place counts from the top, or from the bottom when `low`. */
static void write_question(strbuf *b, const order_puzzle *o, size_t place, bool low)
{
    static const char *const ordinal[] = {"", "second ", "third "};
    strbuf_printf(b, "Who is the %s%s?", ordinal[place], low ? o->rel->least : o->rel->most);
}

/* Level 1: the order is common knowledge. */
static waage_status draw_next(puzzle twin[2], rng *r, arena *a, waage_err *err)
{
    static const int step[] = {1, -1, 3};
    const int number = (int)rng_between(r, 11, 90), letter = (int)rng_between(r, 'B', 'W');
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        if (t == 0)
            strbuf_printf(&b, "Which number comes right after %d?", number);
        else
            strbuf_printf(&b, "Which letter comes right after %c?", (char)letter);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        for (size_t i = 0; i < 3; i++) {
            twin[t].choice[i] = t == 0 ? arena_printf(a, "%d", number + step[i])
                                       : arena_printf(a, "%c", (char)(letter + step[i]));
            if (!twin[t].choice[i]) return waage_err_nomem(err);
        }
        twin[t].n_choices = 3;
        twin[t].gold = 0;
        twin[t].fixed_order = false;
    }
    return WAAGE_OK;
}

/* Level 2: the order is told outright. */
static waage_status draw_line(puzzle twin[2], rng *r, arena *a, waage_err *err)
{
    enum { N = 3 };
    size_t name[N];
    puzzle_pick(name, N, PUZZLE_N_PEOPLE, r);
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        strbuf_printf(&b, "%s, %s and %s stand in a line, in this order. Who is %s?",
                      puzzle_people[name[0]], puzzle_people[name[1]], puzzle_people[name[2]],
                      t == 0 ? "first" : "last");
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        for (size_t i = 0; i < N; i++)
            twin[t].choice[i] = puzzle_people[name[i]];
        twin[t].n_choices = N;
        twin[t].gold = t == 0 ? 0 : N - 1;
        twin[t].fixed_order = false;
    }
    return WAAGE_OK;
}

waage_status puzzle_draw_ordering(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                                  waage_err *err)
{
    *ok = true;
    if (level == 1) return draw_next(twin, r, a, err);
    if (level == 2) return draw_line(twin, r, a, err);
    static const size_t n_people[] = {0, 0, 3, 4, 5};
    /* places asked by the twins, the second counted from the bottom */
    static const size_t place[][2] = {{0, 0}, {0, 0}, {0, 0}, {1, 1}, {2, 1}};
    order_puzzle o = {.n = n_people[level - 1],
                      .rel = &relations[rng_below(r, sizeof relations / sizeof relations[0])]};
    puzzle_pick(o.name, o.n, PUZZLE_N_PEOPLE, r);
    for (size_t i = 0; i + 1 < o.n; i++)
        o.clause[i] = i;
    if (level >= 4) rng_shuffle(r, o.clause, o.n - 1);
    for (size_t i = 0; i + 1 < o.n; i++)
        o.reversed[i] = level >= 4 && rng_below(r, 2) == 1;
    for (size_t t = 0; t < 2; t++) {
        strbuf b = STRBUF_EMPTY;
        const size_t k = place[level - 1][t];
        const size_t who = solve(&o, t == 0 ? k : o.n - 1 - k);
        if (who == o.n) *ok = false;
        write_story(&b, &o);
        write_question(&b, &o, k, t == 1);
        WAAGE_TRY(puzzle_take(&twin[t].question, &b, a, err));
        for (size_t i = 0; i < o.n; i++)
            twin[t].choice[i] = puzzle_people[o.name[i]];
        twin[t].n_choices = o.n;
        twin[t].gold = who;
        twin[t].fixed_order = false;
    }
    return WAAGE_OK;
}
