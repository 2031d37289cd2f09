/* attn_tile.h - the walk that the vector versions of attention share: up to 96 rows (a row is a
 * query head of a token) go through a block of positions before the next block is touched, so that
 * they find its keys and values in the caches. A version supplies what is done at a block. */
#ifndef KERNELS_ATTN_TILE_H
#define KERNELS_ATTN_TILE_H
#include <math.h>
#include <string.h>
#include "kernels/kv.h"
#include "kernels/unroll.h"

#define INLINE static inline __attribute__((always_inline))

enum { TILE_ROWS = 96 };

typedef struct {
    const kern_attn *job;
    size_t n_rows;
    const float *q[TILE_ROWS];
    float *out[TILE_ROWS];
    size_t token[TILE_ROWS];
    kv_range seen[TILE_ROWS]; /* of the block at hand */
    float max[TILE_ROWS], sum[TILE_ROWS];
    float shrink[TILE_ROWS];                   /* of what was gathered before this block */
    float weights[TILE_ROWS][KERN_ATTN_BLOCK]; /* scores at first */
} tile;

/* Rows r0 <= r < r1 see something of this block. */
typedef void tile_block_fn(tile *t, size_t r0, size_t r1, const void *block);

static inline void tile_begin(tile *t, const kern_attn *job, size_t first, size_t n)
{
    t->job = job;
    t->n_rows = n;
    for (size_t r = 0; r < n; r++) {
        const size_t token = (first + r) / job->n_heads, head = (first + r) % job->n_heads;
        t->token[r] = token;
        t->q[r] = job->q + token * job->ldq + head * job->kv.key_dim;
        t->out[r] = job->out + token * job->ldo + head * job->kv.value_dim;
        t->max[r] = job->sinks ? job->sinks[head] : -INFINITY;
        t->sum[r] = job->sinks ? 1.0f : 0.0f;
        memset(t->out[r], 0, job->kv.value_dim * sizeof(float));
    }
}

/* Rows are ordered by token, so those that see something of a block are neighbours. */
static inline void tile_walk(tile *t, tile_block_fn *fn)
{
    const kern_attn *job = t->job;
    const size_t last = (job->pos + t->token[t->n_rows - 1]) / KERN_ATTN_BLOCK;
    for (size_t b = kv_first_seen(job, t->token[0]) / KERN_ATTN_BLOCK; b <= last; b++) {
        size_t r0 = t->n_rows, r1 = 0;
        for (size_t r = 0; r < t->n_rows; r++) {
            t->seen[r] = kv_seen(job, t->token[r], b);
            if (t->seen[r].j0 == t->seen[r].j1) continue;
            r0 = r < r0 ? r : r0;
            r1 = r + 1;
        }
        fn(t, r0, r1, job->blocks[b]);
    }
    for (size_t r = 0; r < t->n_rows; r++) {
        const float sum = t->sum[r];
        for (size_t d = 0; d < job->kv.value_dim; d++)
            t->out[r][d] /= sum;
    }
}

INLINE void tile_attend(const kern_attn *job, tile_block_fn *fn)
{
    tile t;
    const size_t n = job->n_tokens * job->n_heads;
    for (size_t first = 0; first < n; first += TILE_ROWS) {
        tile_begin(&t, job, first, n - first < TILE_ROWS ? n - first : TILE_ROWS);
        tile_walk(&t, fn);
    }
}

/* How many rows from r on, at most max, see the same positions of the block: only they may gather
 * values together, since a position that is not seen is not visited. */
static inline size_t tile_equal_rows(const tile *t, size_t r, size_t r1, size_t max)
{
    size_t n = 1;
    while (n < max && r + n < r1 && t->seen[r + n].j0 == t->seen[r].j0 &&
           t->seen[r + n].j1 == t->seen[r].j1)
        n++;
    return n;
}

/* out += weights times values for the dimensions from d on, one at a time. */
static inline void tile_gather_rest(tile *t, size_t r, size_t nr, kern_kv_format format,
                                    const void *values, size_t d)
{
    const size_t value_dim = t->job->kv.value_dim;
    for (; d < value_dim; d++)
        for (size_t i = 0; i < nr; i++) {
            float acc = t->out[r + i][d] * t->shrink[r + i];
            for (size_t j = t->seen[r].j0; j < t->seen[r].j1; j++)
                acc =
                    fmaf(t->weights[r + i][j], kv_element(format, values, j * value_dim + d), acc);
            t->out[r + i][d] = acc;
        }
}

#endif
