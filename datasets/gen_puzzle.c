/* gen_puzzle.c - the table of families and what they share. */
#include "datasets/gen_puzzle.h"

const puzzle_family puzzle_families[] = {
    {"ordering", puzzle_draw_ordering},
    {"tracking", puzzle_draw_tracking},
    {"dates", puzzle_draw_dates},
    {"truth", puzzle_draw_truth},
    {"boolean", puzzle_draw_boolean},
    {"sets", puzzle_draw_sets},
    {NULL, NULL},
};

const char *const puzzle_people[] = {"Anna",  "Ben",  "Clara", "David", "Emma", "Felix", "Grace",
                                     "Henry", "Iris", "Jack",  "Kate",  "Liam", "Mary",  "Noah"};
_Static_assert(sizeof puzzle_people / sizeof puzzle_people[0] == PUZZLE_N_PEOPLE, "people");

void puzzle_pick(size_t *out, size_t n, size_t n_all, rng *r)
{
    size_t order[32];
    for (size_t i = 0; i < n_all; i++)
        order[i] = i;
    rng_shuffle(r, order, n_all);
    for (size_t i = 0; i < n; i++)
        out[i] = order[i];
}

waage_status puzzle_take(const char **out, strbuf *b, arena *a, waage_err *err)
{
    waage_status st = strbuf_check(b, err);
    if (st == WAAGE_OK && !(*out = arena_strndup(a, strbuf_str(b), b->len)))
        st = waage_err_nomem(err);
    strbuf_free(b);
    return st;
}

void puzzle_set_yes_no(puzzle *p, bool yes)
{
    p->choice[0] = "Yes";
    p->choice[1] = "No";
    p->n_choices = 2;
    p->gold = yes ? 0 : 1;
    p->fixed_order = true;
}
