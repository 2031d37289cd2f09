/* attn_neon.c - attention with NEON: a lane is a position, then an output dimension. Rows go
 * through a block 4 at a time (kernels/attn_tile.h), so that keys and values are loaded once for 4
 * rows. Stored formats are converted on load, or once for many rows. */
#include <math.h>
#include "kernels/attn_tile.h"
#include "kernels/fmath_neon.h"
#include "kernels/lanes_neon.h"
#include "kernels/sets.h"

#define ROWS 4
enum { VECTORS = 4, WIDTH = 4 * VECTORS /* lanes of a register tile */, EXPAND_GROUPS = 1 };

INLINE float32x4_t load4(kern_kv_format format, const void *x, size_t i)
{
    switch (format) {
    case KERN_KV_F16: {
        const uint16x4_t h = vld1_u16((const uint16_t *)x + i);
        return vcvt_f32_f16(vreinterpret_f16_u16(h));
    }
    case KERN_KV_Q8: {
        int32_t four;
        memcpy(&four, (const int8_t *)x + i, sizeof four);
        const int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
        return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
    }
    default:
        return vld1q_f32((const float *)x + i);
    }
}

/* ---- Scores ------------------------------------------------------------------------------- */

/* Positions at .. at+15 for nr rows. */
INLINE void row_scores(tile *t, size_t r, size_t nr, kern_kv_format format, const void *keys,
                       size_t at)
{
    float32x4_t acc[ROWS][VECTORS];
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < VECTORS; v++)
            acc[i][v] = vdupq_n_f32(0.0f);
    }
    const size_t key_dim = t->job->kv.key_dim;
    for (size_t d = 0; d < key_dim; d++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < VECTORS; v++) {
            const float32x4_t key = load4(format, keys, d * KERN_ATTN_BLOCK + at + 4 * v);
            KERN_UNROLL(8)
            for (size_t i = 0; i < nr; i++)
                acc[i][v] = vfmaq_n_f32(acc[i][v], key, t->q[r + i][d]);
        }
    }
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < VECTORS; v++)
            vst1q_f32(t->weights[r + i] + at + 4 * v, acc[i][v]);
    }
}

INLINE void group_scores(tile *t, size_t r, size_t nr, kern_kv_format format, const void *keys)
{
    for (size_t at = 0; at < KERN_ATTN_BLOCK; at += WIDTH)
        row_scores(t, r, nr, format, keys, at);
}

static void scale_row(float x[KERN_ATTN_BLOCK], const float *scales)
{
    for (size_t j = 0; j < KERN_ATTN_BLOCK; j += 4)
        vst1q_f32(x + j, vmulq_f32(vld1q_f32(x + j), vld1q_f32(scales + j)));
}

/* ---- Softmax ------------------------------------------------------------------------------ */

/* Positions that are not seen become -inf: their weight is 0, whatever the block holds there. */
static void softmax_row(tile *t, size_t r)
{
    float *w = t->weights[r];
    for (size_t j = 0; j < t->seen[r].j0; j++)
        w[j] = -INFINITY;
    for (size_t j = t->seen[r].j1; j < KERN_ATTN_BLOCK; j++)
        w[j] = -INFINITY;
    float32x4_t top = vdupq_n_f32(t->max[r]);
    for (size_t j = 0; j < KERN_ATTN_BLOCK; j += 4)
        top = vmaxq_f32(top, vld1q_f32(w + j));
    const float max = vmaxvq_f32(top);
    lanes16 acc = lanes_of(0.0f);
    for (size_t j = 0; j < KERN_ATTN_BLOCK; j += 4) {
        const float32x4_t e = fmath_exp_neon(vsubq_f32(vld1q_f32(w + j), vdupq_n_f32(max)));
        acc.v[j / 4 % 4] = vaddq_f32(acc.v[j / 4 % 4], e);
        vst1q_f32(w + j, e);
    }
    t->shrink[r] = vgetq_lane_f32(fmath_exp_neon(vdupq_n_f32(t->max[r] - max)), 0);
    t->max[r] = max;
    t->sum[r] = fmaf(t->sum[r], t->shrink[r], lanes_sum(acc));
}

/* ---- Values ------------------------------------------------------------------------------- */

/* Output dimensions d .. d + 4*nv - 1 of nr rows, in registers through the seen positions. */
INLINE void gather_dims(tile *t, size_t r, size_t nr, kern_kv_format format, const void *values,
                        size_t d, size_t nv)
{
    const size_t value_dim = t->job->kv.value_dim;
    const kv_range seen = t->seen[r];
    float32x4_t acc[ROWS][VECTORS];
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++)
            acc[i][v] = vmulq_n_f32(vld1q_f32(t->out[r + i] + d + 4 * v), t->shrink[r + i]);
    }
    for (size_t j = seen.j0; j < seen.j1; j++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++) {
            const float32x4_t value = load4(format, values, j * value_dim + d + 4 * v);
            KERN_UNROLL(8)
            for (size_t i = 0; i < nr; i++)
                acc[i][v] = vfmaq_n_f32(acc[i][v], value, t->weights[r + i][j]);
        }
    }
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++)
            vst1q_f32(t->out[r + i] + d + 4 * v, acc[i][v]);
    }
}

INLINE void group_values(tile *t, size_t r, size_t nr, kern_kv_format format, const void *values)
{
    const size_t value_dim = t->job->kv.value_dim;
    size_t d = 0;
    for (; d + WIDTH <= value_dim; d += WIDTH)
        gather_dims(t, r, nr, format, values, d, VECTORS);
    for (; d + 4 <= value_dim; d += 4)
        gather_dims(t, r, nr, format, values, d, 1);
    tile_gather_rest(t, r, nr, format, values, d);
}

/* ---- Blocks ------------------------------------------------------------------------------- */

static void expand(float *to, kern_kv_format format, const void *x, size_t n)
{
    for (size_t i = 0; i < n; i += 4) /* n is a multiple of 64 */
        vst1q_f32(to + i,
                  format == KERN_KV_F16 ? load4(KERN_KV_F16, x, i) : load4(KERN_KV_Q8, x, i));
}

#include "kernels/attn_block.h"

void kern_attention_neon(const kern_attn *job)
{
    tile_attend(job, attend_block);
}
