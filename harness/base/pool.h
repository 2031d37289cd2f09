/* pool.h - a fixed set of threads that run one function over parts 0..n_parts-1.
 * Which thread runs which part never changes a result: every part writes its own outputs. */
#ifndef BASE_POOL_H
#define BASE_POOL_H
#include <stddef.h>
#include "harness/base/err.h"

typedef struct pool pool;

/* n_threads >= 1 counts the caller, which works too; 0 means the number of online processors. */
WAAGE_MUST_CHECK waage_status pool_create(pool **out, size_t n_threads, waage_err *err);
void pool_free(pool *p); /* NULL is fine */
size_t pool_n_threads(const pool *p);
/* How many of n like things make a part: at most `most`, fewer where threads would go without. */
size_t pool_share(const pool *p, size_t n, size_t most);

/* n like things cut into parts that are large at first and ever smaller later, so that threads end
 * together although some are slower: half of the things in parts of a size, half of the rest in
 * parts half as large, and so on down to `least` (>= 1) things, or to less where that would make
 * fewer than four parts a thread. */
typedef struct {
    size_t n, width, least; /* width: parts of a size */
    size_t n_sizes;         /* the last one takes the rest */
} pool_cut;

pool_cut pool_cut_make(const pool *p, size_t n, size_t least);
size_t pool_cut_parts(const pool_cut *c);
/* Part `part` is the things [*from, *to); ascending, none empty. */
void pool_cut_part(const pool_cut *c, size_t part, size_t *from, size_t *to);

/* fn(ctx, part, thread) for every part; returns when all are done. thread is 0..n_threads-1 and
 * unique among running calls (an index into per-thread scratch). No heap allocation, no nesting. */
typedef void (*pool_fn)(void *ctx, size_t part, size_t thread);
void pool_run(pool *p, size_t n_parts, pool_fn fn, void *ctx);
#endif
