/* attn_avx512vnni.c - attention with AVX-512: a lane is a position, then an output dimension. Rows
 * go through a block 4 at a time (kernels/attn_tile.h), so that keys and values are loaded once for
 * 4 rows. Stored formats are converted on load, or once for many rows. */
#include <immintrin.h>
#include <math.h>
#include "kernels/attn_tile.h"
#include "kernels/fmath_avx512.h"
#include "kernels/lanes_avx512.h"
#include "kernels/sets.h"

#define ROWS 4
enum { VECTORS = KERN_ATTN_BLOCK / 16, EXPAND_GROUPS = 1 };

/* The lanes of m; the others are 0. */
INLINE __m512 load16(kern_kv_format format, __mmask16 m, const void *x, size_t i)
{
    switch (format) {
    case KERN_KV_F16:
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, (const uint16_t *)x + i));
    case KERN_KV_Q8:
        return _mm512_cvtepi32_ps(
            _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(m, (const int8_t *)x + i)));
    default:
        return _mm512_maskz_loadu_ps(m, (const float *)x + i);
    }
}

/* ---- Scores ------------------------------------------------------------------------------- */

INLINE void group_scores(tile *t, size_t r, size_t nr, kern_kv_format format, const void *keys)
{
    __m512 acc[ROWS][VECTORS];
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < VECTORS; v++)
            acc[i][v] = _mm512_setzero_ps();
    }
    const size_t key_dim = t->job->kv.key_dim;
    for (size_t d = 0; d < key_dim; d++) {
        __m512 key[VECTORS];
        KERN_UNROLL(8)
        for (size_t v = 0; v < VECTORS; v++)
            key[v] = load16(format, 0xffff, keys, d * KERN_ATTN_BLOCK + 16 * v);
        KERN_UNROLL(8)
        for (size_t i = 0; i < nr; i++) {
            const __m512 x = _mm512_set1_ps(t->q[r + i][d]);
            KERN_UNROLL(8)
            for (size_t v = 0; v < VECTORS; v++)
                acc[i][v] = _mm512_fmadd_ps(x, key[v], acc[i][v]);
        }
    }
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < VECTORS; v++)
            _mm512_storeu_ps(t->weights[r + i] + 16 * v, acc[i][v]);
    }
}

static void scale_row(float x[KERN_ATTN_BLOCK], const float *scales)
{
    for (size_t j = 0; j < KERN_ATTN_BLOCK; j += 16)
        _mm512_storeu_ps(x + j, _mm512_mul_ps(_mm512_loadu_ps(x + j), _mm512_loadu_ps(scales + j)));
}

/* ---- Softmax ------------------------------------------------------------------------------ */

/* Positions that are not seen become -inf: their weight is 0, whatever the block holds there. */
static void softmax_row(tile *t, size_t r)
{
    float *w = t->weights[r];
    const kv_range in = t->seen[r];
    const uint64_t below = in.j1 < 64 ? ((uint64_t)1 << in.j1) - 1 : ~(uint64_t)0;
    const uint64_t seen = below & (~(uint64_t)0 << in.j0);
    const __m512 none = _mm512_set1_ps(-INFINITY);
    __m512 scores[VECTORS], top = _mm512_set1_ps(t->max[r]), acc = _mm512_setzero_ps();
    KERN_UNROLL(8)
    for (size_t v = 0; v < VECTORS; v++) {
        scores[v] = _mm512_mask_loadu_ps(none, (__mmask16)(seen >> 16 * v), w + 16 * v);
        top = _mm512_max_ps(top, scores[v]);
    }
    const float max = _mm512_reduce_max_ps(top);
    KERN_UNROLL(8)
    for (size_t v = 0; v < VECTORS; v++) {
        const __m512 e = fmath_exp_avx512(_mm512_sub_ps(scores[v], _mm512_set1_ps(max)));
        acc = _mm512_add_ps(acc, e);
        _mm512_storeu_ps(w + 16 * v, e);
    }
    const float fell = t->max[r] - max; /* mostly 0: e^0 is 1 */
    t->shrink[r] = fell == 0 ? 1.0f : _mm512_cvtss_f32(fmath_exp_avx512(_mm512_set1_ps(fell)));
    t->max[r] = max;
    t->sum[r] = fmaf(t->sum[r], t->shrink[r], lanes_sum(acc));
}

/* ---- Values ------------------------------------------------------------------------------- */

/* Output dimensions d .. d + 16*nv - 1 (the lanes of `last` in the last register) of nr rows. */
INLINE void gather_dims(tile *t, size_t r, size_t nr, kern_kv_format format, const void *values,
                        size_t d, size_t nv, __mmask16 last)
{
    const size_t value_dim = t->job->kv.value_dim;
    const kv_range seen = t->seen[r];
    __m512 acc[ROWS][VECTORS];
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++) {
            const __mmask16 m = v + 1 < nv ? (__mmask16)0xffff : last;
            acc[i][v] = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, t->out[r + i] + d + 16 * v),
                                      _mm512_set1_ps(t->shrink[r + i]));
        }
    }
    for (size_t j = seen.j0; j < seen.j1; j++) {
        __m512 value[VECTORS];
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++)
            value[v] = load16(format, v + 1 < nv ? (__mmask16)0xffff : last, values,
                              j * value_dim + d + 16 * v);
        KERN_UNROLL(8)
        for (size_t i = 0; i < nr; i++) {
            const __m512 p = _mm512_set1_ps(t->weights[r + i][j]);
            KERN_UNROLL(8)
            for (size_t v = 0; v < nv; v++)
                acc[i][v] = _mm512_fmadd_ps(p, value[v], acc[i][v]);
        }
    }
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++)
            _mm512_mask_storeu_ps(t->out[r + i] + d + 16 * v, v + 1 < nv ? (__mmask16)0xffff : last,
                                  acc[i][v]);
    }
}

INLINE void group_values(tile *t, size_t r, size_t nr, kern_kv_format format, const void *values)
{
    const size_t value_dim = t->job->kv.value_dim;
    size_t d = 0;
    for (; d + 64 <= value_dim; d += 64)
        gather_dims(t, r, nr, format, values, d, 4, 0xffff);
    for (; d < value_dim; d += 16)
        gather_dims(t, r, nr, format, values, d, 1, first_lanes(value_dim - d));
}

/* ---- Blocks ------------------------------------------------------------------------------- */

static void expand(float *to, kern_kv_format format, const void *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) /* n is a multiple of 64 */
        _mm512_store_ps(to + i, format == KERN_KV_F16 ? load16(KERN_KV_F16, 0xffff, x, i)
                                                      : load16(KERN_KV_Q8, 0xffff, x, i));
}

#include "kernels/attn_block.h"

void kern_attention_avx512vnni(const kern_attn *job)
{
    tile_attend(job, attend_block);
}
