/* gen_puzzle.h - the contract between the reasoning generator and its families.
 * A family draws the two twin questions of one cluster and proves, by enumeration or simulation
 * (each file says how), that exactly one choice of each is right. */
#ifndef DATASETS_GEN_PUZZLE_H
#define DATASETS_GEN_PUZZLE_H
#include <stdbool.h>
#include <stddef.h>
#include "harness/base/arena.h"
#include "harness/base/rng.h"
#include "harness/base/strbuf.h"

enum { PUZZLE_LEVELS = 5, PUZZLE_CHOICES_MAX = 5 };

typedef struct {
    const char *question; /* facts and question on one line, in the arena */
    const char *choice[PUZZLE_CHOICES_MAX];
    size_t n_choices;
    size_t gold;      /* index of the right choice */
    bool fixed_order; /* Yes/No, True/False: the choices stay as they are; else they are shuffled.
                         Then the golds of the two twins differ, which balances them. */
} puzzle;

/* Draw twins of a level (1..PUZZLE_LEVELS). *ok = false: this draw is no good (not unique, or no
 * twin), draw again. */
typedef waage_status (*puzzle_fn)(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                                  waage_err *err);

typedef struct {
    const char *name;
    puzzle_fn draw;
} puzzle_family;

extern const puzzle_family puzzle_families[]; /* ends with a NULL name */

waage_status puzzle_draw_ordering(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                                  waage_err *err);
waage_status puzzle_draw_tracking(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                                  waage_err *err);
waage_status puzzle_draw_dates(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                               waage_err *err);
waage_status puzzle_draw_truth(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                               waage_err *err);
waage_status puzzle_draw_boolean(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                                 waage_err *err);
waage_status puzzle_draw_sets(puzzle twin[2], bool *ok, int level, rng *r, arena *a,
                              waage_err *err);

/* Shared words and small helpers (gen_puzzle.c). */
extern const char *const puzzle_people[];
enum { PUZZLE_N_PEOPLE = 14 };

/* The first n of a random order of 0..n_all-1 (n_all <= 32). */
void puzzle_pick(size_t *out, size_t n, size_t n_all, rng *r);
/* Copy of the buffer's text into the arena as the question; frees the buffer. */
waage_status puzzle_take(const char **out, strbuf *b, arena *a, waage_err *err);
/* Both choices of a yes/no question. */
void puzzle_set_yes_no(puzzle *p, bool yes);
#endif
