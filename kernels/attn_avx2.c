/* attn_avx2.c - attention with AVX2 and FMA: a lane is a position, then an output dimension. Rows
 * (a query head of a token) go through a block 3 at a time, so that keys and values are loaded once
 * for 3 rows; up to 96 rows go through it before the next block is touched, so that they find it in
 * the caches. Stored formats are converted on load, which the multiplications mostly hide, or once
 * for many rows. */
#include <immintrin.h>
#include <math.h>
#include "kernels/attn_tile.h"
#include "kernels/fmath_avx2.h"
#include "kernels/lanes_avx2.h"
#include "kernels/sets.h"

#define ROWS 3
enum { VECTORS = KERN_ATTN_BLOCK / 8, EXPAND_GROUPS = 8 };

INLINE __m256 load8(kern_kv_format format, const void *x, size_t i)
{
    switch (format) {
    case KERN_KV_F16:
        return _mm256_cvtph_ps(_mm_loadu_si128((const void *)((const uint16_t *)x + i)));
    case KERN_KV_Q8:
        return _mm256_cvtepi32_ps(
            _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)((const int8_t *)x + i))));
    default:
        return _mm256_loadu_ps((const float *)x + i);
    }
}

/* ---- Scores ------------------------------------------------------------------------------- */

/* Positions 0 .. 8*nv-1 at `keys` for nr rows: nr * nv chains over the dimensions. */
INLINE void row_scores(tile *t, size_t r, size_t nr, kern_kv_format format, const void *keys,
                       size_t at, size_t nv)
{
    __m256 acc[ROWS][VECTORS];
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++)
            acc[i][v] = _mm256_setzero_ps();
    }
    const size_t key_dim = t->job->kv.key_dim;
    const float *q[ROWS]; /* not read again at every dimension */
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++)
        q[i] = t->q[r + i];
    for (size_t d = 0; d < key_dim; d++) {
        __m256 x[ROWS];
        KERN_UNROLL(8)
        for (size_t i = 0; i < nr; i++)
            x[i] = _mm256_broadcast_ss(q[i] + d);
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++) {
            const __m256 key = load8(format, keys, d * KERN_ATTN_BLOCK + at + 8 * v);
            KERN_UNROLL(8)
            for (size_t i = 0; i < nr; i++)
                acc[i][v] = _mm256_fmadd_ps(x[i], key, acc[i][v]);
        }
    }
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++)
            _mm256_storeu_ps(t->weights[r + i] + at + 8 * v, acc[i][v]);
    }
}

/* Halves of the block that none of the rows sees are left out; rows are ordered by what they see.
 */
INLINE void group_scores(tile *t, size_t r, size_t nr, kern_kv_format format, const void *keys)
{
    enum { HALF = KERN_ATTN_BLOCK / 2 };
    if (nr == 1) { /* eight chains of additions, or each would wait for itself */
        row_scores(t, r, nr, format, keys, 0, VECTORS);
        return;
    }
    if (t->seen[r].j0 < HALF) row_scores(t, r, nr, format, keys, 0, VECTORS / 2);
    if (t->seen[r + nr - 1].j1 > HALF) row_scores(t, r, nr, format, keys, HALF, VECTORS / 2);
}

static void scale_row(float x[KERN_ATTN_BLOCK], const float *scales)
{
    for (size_t j = 0; j < KERN_ATTN_BLOCK; j += 8)
        _mm256_storeu_ps(x + j, _mm256_mul_ps(_mm256_loadu_ps(x + j), _mm256_loadu_ps(scales + j)));
}

/* ---- Softmax ------------------------------------------------------------------------------ */

/* Positions that are not seen become -inf: their weight is 0, whatever the block holds there. */
INLINE __m256 masked(__m256 score, kv_range seen, size_t v)
{
    const __m256i lane = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                                          _mm256_set1_epi32((int)(8 * v)));
    const __m256i in =
        _mm256_and_si256(_mm256_cmpgt_epi32(lane, _mm256_set1_epi32((int)seen.j0 - 1)),
                         _mm256_cmpgt_epi32(_mm256_set1_epi32((int)seen.j1), lane));
    return _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), score, _mm256_castsi256_ps(in));
}

static void softmax_row(tile *t, size_t r)
{
    float *w = t->weights[r];
    const kv_range seen = t->seen[r];
    __m256 scores[VECTORS], top = _mm256_set1_ps(t->max[r]);
    const bool partial = seen.j0 > 0 || seen.j1 < KERN_ATTN_BLOCK;
    KERN_UNROLL(8)
    for (size_t v = 0; v < VECTORS; v++) {
        scores[v] = _mm256_loadu_ps(w + 8 * v);
        if (partial) scores[v] = masked(scores[v], seen, v);
        top = _mm256_max_ps(top, scores[v]);
    }
    const float max = max8(top);
    const float fell = t->max[r] - max; /* mostly 0: e^0 is 1 */
    t->shrink[r] = fell == 0 ? 1.0f : _mm256_cvtss_f32(fmath_exp_avx2(_mm256_set1_ps(fell)));
    lanes16 acc = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    KERN_UNROLL(8)
    for (size_t v = 0; v < VECTORS; v += 2) {
        const __m256 lo = fmath_exp_avx2(_mm256_sub_ps(scores[v], _mm256_set1_ps(max)));
        const __m256 hi = fmath_exp_avx2(_mm256_sub_ps(scores[v + 1], _mm256_set1_ps(max)));
        acc = (lanes16){_mm256_add_ps(acc.lo, lo), _mm256_add_ps(acc.hi, hi)};
        _mm256_storeu_ps(w + 8 * v, lo);
        _mm256_storeu_ps(w + 8 * v + 8, hi);
    }
    t->max[r] = max;
    t->sum[r] = fmaf(t->sum[r], t->shrink[r], lanes_sum(acc));
}

/* ---- Values ------------------------------------------------------------------------------- */

/* Output dimensions d .. d + 8*nv - 1 of nr rows, in registers through the seen positions. */
INLINE void gather_dims(tile *t, size_t r, size_t nr, kern_kv_format format, const void *values,
                        size_t d, size_t nv)
{
    const size_t value_dim = t->job->kv.value_dim;
    const kv_range seen = t->seen[r];
    __m256 acc[ROWS][VECTORS];
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++)
            acc[i][v] = _mm256_mul_ps(_mm256_loadu_ps(t->out[r + i] + d + 8 * v),
                                      _mm256_set1_ps(t->shrink[r + i]));
    }
    for (size_t j = seen.j0; j < seen.j1; j++) {
        __m256 p[ROWS];
        KERN_UNROLL(8)
        for (size_t i = 0; i < nr; i++)
            p[i] = _mm256_broadcast_ss(t->weights[r + i] + j);
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++) {
            const __m256 value = load8(format, values, j * value_dim + d + 8 * v);
            KERN_UNROLL(8)
            for (size_t i = 0; i < nr; i++)
                acc[i][v] = _mm256_fmadd_ps(p[i], value, acc[i][v]);
        }
    }
    KERN_UNROLL(8)
    for (size_t i = 0; i < nr; i++) {
        KERN_UNROLL(8)
        for (size_t v = 0; v < nv; v++)
            _mm256_storeu_ps(t->out[r + i] + d + 8 * v, acc[i][v]);
    }
}

INLINE void group_values(tile *t, size_t r, size_t nr, kern_kv_format format, const void *values)
{
    const size_t value_dim = t->job->kv.value_dim, wide = nr == 1 ? 8 : 4;
    size_t d = 0;
    for (; d + 8 * wide <= value_dim; d += 8 * wide)
        gather_dims(t, r, nr, format, values, d, wide);
    for (; d + 8 <= value_dim; d += 8)
        gather_dims(t, r, nr, format, values, d, 1);
    tile_gather_rest(t, r, nr, format, values, d);
}

/* ---- Blocks ------------------------------------------------------------------------------- */

static void expand(float *to, kern_kv_format format, const void *x, size_t n)
{
    for (size_t i = 0; i < n; i += 8) /* n is a multiple of 64 */
        _mm256_store_ps(to + i,
                        format == KERN_KV_F16 ? load8(KERN_KV_F16, x, i) : load8(KERN_KV_Q8, x, i));
}

#include "kernels/attn_block.h"

void kern_attention_avx2(const kern_attn *job)
{
    tile_attend(job, attend_block);
}
