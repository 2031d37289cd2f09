/* attn_block.h - what every vector version of attention does at a block of positions, over what its
 * file defines before it includes this:
 *   ROWS                 3 or 4 (a macro): rows that go together, keys and values being loaded once
 *   EXPAND_GROUPS        for more groups of rows a block is expanded first; others convert it
 *   expand()             a stored format to f32
 *   scale_row()          64 floats times their scales
 *   group_scores()       q.k of nr rows with the positions that they see, or more, into weights
 *   softmax_row()        scores of a row to weights; its maximum, sum and shrink
 *   group_values()       out += weights times values for nr rows that see the same
 */
#ifndef KERNELS_ATTN_BLOCK_H
#define KERNELS_ATTN_BLOCK_H
#include "kernels/attn_tile.h"

/* ---- Groups of rows: one function of each kind a format and number of rows ------------------- */

typedef void group_fn(tile *t, size_t r, const void *x);

/* Not inlined, so that the compiler gives out registers for one loop at a time. */
#define GROUP(format, nr)                                                                          \
    static __attribute__((noinline)) void scores_##format##_##nr(tile *t, size_t r, const void *x) \
    {                                                                                              \
        group_scores(t, r, nr, KERN_KV_##format, x);                                               \
    }                                                                                              \
    static __attribute__((noinline)) void values_##format##_##nr(tile *t, size_t r, const void *x) \
    {                                                                                              \
        group_values(t, r, nr, KERN_KV_##format, x);                                               \
    }
#if ROWS == 4
#define GROUPS(format) GROUP(format, 1) GROUP(format, 2) GROUP(format, 3) GROUP(format, 4)
#define FUNCTIONS(kind, format)                                                                    \
    [KERN_KV_##format] = {NULL, kind##_##format##_1, kind##_##format##_2, kind##_##format##_3,     \
                          kind##_##format##_4},
#else
#define GROUPS(format) GROUP(format, 1) GROUP(format, 2) GROUP(format, 3)
#define FUNCTIONS(kind, format)                                                                    \
    [KERN_KV_##format] = {NULL, kind##_##format##_1, kind##_##format##_2, kind##_##format##_3},
#endif
GROUPS(F32)
GROUPS(F16)
GROUPS(Q8)

static group_fn *const group_scores_of[KERN_KV_FORMATS][ROWS + 1] = {
    FUNCTIONS(scores, F32) FUNCTIONS(scores, F16) FUNCTIONS(scores, Q8)};
static group_fn *const group_values_of[KERN_KV_FORMATS][ROWS + 1] = {
    FUNCTIONS(values, F32) FUNCTIONS(values, F16) FUNCTIONS(values, Q8)};

#undef GROUP
#undef GROUPS
#undef FUNCTIONS

/* How many of n rows go next. One row alone loads as much as ROWS of them. */
static inline size_t group_rows(size_t n)
{
    return n <= ROWS ? n : n == ROWS + 1 ? ROWS - 1 : ROWS;
}

/* ---- A block --------------------------------------------------------------------------------- */

/* The stored format itself, or f32 after an expansion. */
static kern_kv_format prepared(const tile *t, size_t n_rows, const void **x, size_t dim)
{
    const kern_kv_format format = t->job->kv.format;
    if (format == KERN_KV_F32 || n_rows <= EXPAND_GROUPS * ROWS) return format;
    expand(t->job->scratch, format, *x, dim * KERN_ATTN_BLOCK);
    *x = t->job->scratch;
    return KERN_KV_F32;
}

/* Rows r0 <= r < r1 see something of this block. */
static void attend_block(tile *t, size_t r0, size_t r1, const void *block)
{
    const kern_kv_shape s = t->job->kv;
    const kv_view view = kv_view_of(s, block);
    const void *keys = view.keys, *values = view.values;
    const kern_kv_format key_format = prepared(t, r1 - r0, &keys, s.key_dim);
    for (size_t r = r0, n; r < r1; r += n) {
        n = group_rows(r1 - r);
        group_scores_of[key_format][n](t, r, keys);
    }
    for (size_t r = r0; r < r1; r++) {
        if (view.key_scales) scale_row(t->weights[r], view.key_scales);
        softmax_row(t, r);
        if (view.value_scales) scale_row(t->weights[r], view.value_scales);
    }
    /* Rows that go together see the same positions: positions that are not seen are not visited.
     * ROWS + 2 of them are as many as group_rows() needs to know of. */
    const kern_kv_format value_format = prepared(t, r1 - r0, &values, s.value_dim);
    for (size_t r = r0, n; r < r1; r += n) {
        n = group_rows(tile_equal_rows(t, r, r1, ROWS + 2));
        group_values_of[value_format][n](t, r, values);
    }
}

#endif
