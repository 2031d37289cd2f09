/* gen_reasoning.c - the data set builtin:reasoning: draws clusters from the families, places the
 * right choices so that every position is gold equally often, and writes the documents.
 * A cluster draws from its own stream (seed, family, level, place), so families do not disturb each
 * other. */
#include "datasets/gen_reasoning.h"
#include <stdio.h>
#include <string.h>
#include "datasets/gen_puzzle.h"
#include "datasets/gen_text.h"
#include "harness/base/rng.h"

enum { CLUSTERS_PER_CELL = 6, DRAWS_MAX = 1000, GOLD_STREAM = 0x676f6c64 };

/* Deals gold positions 0..n-1 for one level and number of choices: every block of n deals holds
 * each position once, in random order, so counts differ by one at most. */
typedef struct {
    size_t block[PUZZLE_CHOICES_MAX], left;
} dealer;

typedef struct {
    value *rows;
    arena *a;
    uint64_t seed;
    dealer gold[PUZZLE_LEVELS][PUZZLE_CHOICES_MAX + 1];
    rng gold_rng;
    size_t n_clusters;
} generator;

static size_t deal(generator *g, int level, size_t n)
{
    dealer *d = &g->gold[level - 1][n];
    if (d->left == 0) {
        puzzle_pick(d->block, n, n, &g->gold_rng);
        d->left = n;
    }
    return d->block[--d->left];
}

/* Shuffle the wrong choices and put the right one at its dealt position. */
static void place_gold(generator *g, puzzle *p, int level)
{
    if (p->fixed_order) return;
    size_t order[PUZZLE_CHOICES_MAX];
    const char *choice[PUZZLE_CHOICES_MAX];
    const size_t at = deal(g, level, p->n_choices);
    puzzle_pick(order, p->n_choices, p->n_choices, &g->gold_rng);
    for (size_t i = 0, k = 0; i < p->n_choices; i++, k++) {
        if (i == at) {
            choice[i] = p->choice[p->gold];
            k--;
            continue;
        }
        if (order[k] == p->gold) k++;
        choice[i] = p->choice[order[k]];
    }
    memcpy(p->choice, choice, p->n_choices * sizeof choice[0]);
    p->gold = at;
}

static bool is_new(const generator *g, const char *question)
{
    for (size_t i = 0; i < value_len(g->rows); i++)
        if (strcmp(value_get_str(value_at(g->rows, i), "question", ""), question) == 0)
            return false;
    return true;
}

static bool choices_differ(const puzzle *p)
{
    for (size_t i = 0; i < p->n_choices; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(p->choice[i], p->choice[j]) == 0) return false;
    return true;
}

static waage_status draw(const generator *g, puzzle twin[2], size_t family, int level, size_t place,
                         waage_err *err)
{
    rng r;
    rng_init(&r, g->seed, (uint64_t)family << 32 | (uint64_t)level << 16 | place);
    for (int attempt = 0; attempt < DRAWS_MAX; attempt++) {
        bool ok = false;
        WAAGE_TRY(puzzle_families[family].draw(twin, &ok, level, &r, g->a, err));
        if (ok && choices_differ(&twin[0]) && choices_differ(&twin[1]) &&
            strcmp(twin[0].question, twin[1].question) != 0 && is_new(g, twin[0].question) &&
            is_new(g, twin[1].question))
            return WAAGE_OK;
    }
    return waage_err_set(err, WAAGE_EINVAL, "builtin:reasoning: %s has too few puzzles at level %d",
                         puzzle_families[family].name, level);
}

/* "A) red\nB) blue" */
static waage_status write_options(const char **out, arena *a, const puzzle *p, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    for (size_t i = 0; i < p->n_choices; i++)
        strbuf_printf(&b, "%s%c) %s", i ? "\n" : "", (char)('A' + (int)i), p->choice[i]);
    return puzzle_take(out, &b, a, err);
}

static waage_status add_row(generator *g, const puzzle *p, size_t family, int level, size_t twin,
                            waage_err *err)
{
    arena *a = g->a;
    const char *options = NULL;
    char id[32], letter[2] = {(char)('A' + (int)p->gold), 0};
    WAAGE_TRY(write_options(&options, a, p, err));
    value *row = value_map(a), *choices = value_list(a);
    bool ok = true;
    for (size_t i = 0; i < p->n_choices; i++)
        ok = ok && value_list_add(a, choices, value_str(a, p->choice[i]));
    snprintf(id, sizeof id, "reasoning-%03zu-%c", g->n_clusters, (char)('a' + (int)twin));
    ok = ok && value_map_set(a, row, "id", value_str(a, id));
    id[strlen(id) - 2] = 0;
    ok = ok && value_map_set(a, row, "cluster", value_str(a, id)) &&
         value_map_set(a, row, "level", value_int(a, level)) &&
         value_map_set(a, row, "family", value_str(a, puzzle_families[family].name)) &&
         value_map_set(a, row, "question", value_str(a, p->question)) &&
         value_map_set(a, row, "choices", choices) &&
         value_map_set(a, row, "gold", value_int(a, (int64_t)p->gold)) &&
         value_map_set(a, row, "answer", value_str(a, p->choice[p->gold])) &&
         value_map_set(a, row, "options", value_str(a, options)) &&
         value_map_set(a, row, "letter", value_str(a, letter)) &&
         value_map_set(a, row, "n_choices", value_int(a, (int64_t)p->n_choices)) &&
         value_list_add(a, g->rows, row);
    return ok ? WAAGE_OK : waage_err_nomem(err);
}

waage_status gen_reasoning(value *rows, arena *a, const value *args, waage_err *err)
{
    generator g = {.rows = rows, .a = a};
    WAAGE_TRY(gen_text_seed(&g.seed, args, "reasoning", err));
    rng_init(&g.gold_rng, g.seed, GOLD_STREAM);
    for (int level = 1; level <= PUZZLE_LEVELS; level++)
        for (size_t f = 0; puzzle_families[f].name; f++)
            for (size_t i = 0; i < CLUSTERS_PER_CELL; i++) {
                puzzle twin[2] = {0};
                WAAGE_TRY(draw(&g, twin, f, level, i, err));
                g.n_clusters++;
                for (size_t t = 0; t < 2; t++) {
                    place_gold(&g, &twin[t], level);
                    WAAGE_TRY(add_row(&g, &twin[t], f, level, t, err));
                }
            }
    return WAAGE_OK;
}
