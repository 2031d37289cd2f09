/* attn_block.h - what every vector version of attention does at a block of positions, over what its
 * file defines before it includes this:
 *   ROWS                 3 or 4: rows that go together
 *   expand()             a stored format to f32
 *   scale_row()          64 floats times their scales
 *   block_scores()       q.k of rows r0 .. r1-1 with all 64 positions, into weights
 *   softmax_row()        scores of a row to weights; its maximum, sum and shrink
 *   gather_rows()        out += weights times values for nr <= ROWS rows that see the same
 */
#ifndef KERNELS_ATTN_BLOCK_H
#define KERNELS_ATTN_BLOCK_H
#include "kernels/attn_tile.h"

/* Rows that go together see the same positions: positions that are not seen are not visited. */
INLINE void block_values(tile *t, size_t r0, size_t r1, kern_kv_format format, const void *values)
{
    for (size_t r = r0; r < r1;) {
        const size_t n = tile_equal_rows(t, r, r1, ROWS);
        if (ROWS > 3 && n == 4)
            gather_rows(t, r, ROWS, format, values);
        else if (n == 3)
            gather_rows(t, r, 3, format, values);
        else if (n == 2)
            gather_rows(t, r, 2, format, values);
        else
            gather_rows(t, r, 1, format, values);
        r += n;
    }
}

/* The stored format itself, or f32 after an expansion that pays from two groups of rows on. */
INLINE kern_kv_format prepared(const tile *t, size_t n_rows, const void **x, size_t dim)
{
    const kern_kv_format format = t->job->kv.format;
    if (format == KERN_KV_F32 || n_rows <= ROWS) return format;
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
    switch (prepared(t, r1 - r0, &keys, s.key_dim)) {
    case KERN_KV_F16:
        block_scores(t, r0, r1, KERN_KV_F16, keys);
        break;
    case KERN_KV_Q8:
        block_scores(t, r0, r1, KERN_KV_Q8, keys);
        break;
    default:
        block_scores(t, r0, r1, KERN_KV_F32, keys);
        break;
    }
    for (size_t r = r0; r < r1; r++) {
        if (view.key_scales) scale_row(t->weights[r], view.key_scales);
        softmax_row(t, r);
        if (view.value_scales) scale_row(t->weights[r], view.value_scales);
    }
    switch (prepared(t, r1 - r0, &values, s.value_dim)) {
    case KERN_KV_F16:
        block_values(t, r0, r1, KERN_KV_F16, values);
        break;
    case KERN_KV_Q8:
        block_values(t, r0, r1, KERN_KV_Q8, values);
        break;
    default:
        block_values(t, r0, r1, KERN_KV_F32, values);
        break;
    }
}

#endif
