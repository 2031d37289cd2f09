/* attn_avx2.c - attention with AVX2 and FMA: a lane is a position, then an output dimension. Rows
 * (a query head of a token) go through a block 3 at a time, so that keys and values are loaded once
 * for 3 rows; up to 32 rows go through it before the next block is touched, so that they find it in
 * the first-level cache. Stored formats are converted on load, or once for many rows. */
#include <immintrin.h>
#include <math.h>
#include "kernels/attn_tile.h"
#include "kernels/fmath_avx2.h"
#include "kernels/lanes_avx2.h"
#include "kernels/sets.h"

enum { ROWS = 3, VECTORS = KERN_ATTN_BLOCK / 8 };

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
    for (size_t i = 0; i < nr; i++)
        for (size_t v = 0; v < nv; v++)
            acc[i][v] = _mm256_setzero_ps();
    const size_t key_dim = t->job->kv.key_dim;
    for (size_t d = 0; d < key_dim; d++) {
        __m256 x[ROWS];
        for (size_t i = 0; i < nr; i++)
            x[i] = _mm256_broadcast_ss(t->q[r + i] + d);
        for (size_t v = 0; v < nv; v++) {
            const __m256 key = load8(format, keys, d * KERN_ATTN_BLOCK + at + 8 * v);
            for (size_t i = 0; i < nr; i++)
                acc[i][v] = _mm256_fmadd_ps(x[i], key, acc[i][v]);
        }
    }
    for (size_t i = 0; i < nr; i++)
        for (size_t v = 0; v < nv; v++)
            _mm256_storeu_ps(t->weights[r + i] + at + 8 * v, acc[i][v]);
}

INLINE void block_scores(tile *t, size_t r0, size_t r1, kern_kv_format format, const void *keys)
{
    size_t r = r0;
    for (; r + 3 <= r1; r += 3) {
        row_scores(t, r, 3, format, keys, 0, 4);
        row_scores(t, r, 3, format, keys, 32, 4);
    }
    if (r + 2 == r1) {
        row_scores(t, r, 2, format, keys, 0, 4);
        row_scores(t, r, 2, format, keys, 32, 4);
    } else if (r < r1) {
        row_scores(t, r, 1, format, keys, 0, 8);
    }
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
    for (size_t v = 0; v < VECTORS; v++) {
        scores[v] = _mm256_loadu_ps(w + 8 * v);
        if (partial) scores[v] = masked(scores[v], seen, v);
        top = _mm256_max_ps(top, scores[v]);
    }
    const float max = max8(top);
    t->shrink[r] = _mm256_cvtss_f32(fmath_exp_avx2(_mm256_set1_ps(t->max[r] - max)));
    lanes16 acc = {_mm256_setzero_ps(), _mm256_setzero_ps()};
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
    for (size_t i = 0; i < nr; i++)
        for (size_t v = 0; v < nv; v++)
            acc[i][v] = _mm256_mul_ps(_mm256_loadu_ps(t->out[r + i] + d + 8 * v),
                                      _mm256_set1_ps(t->shrink[r + i]));
    for (size_t j = seen.j0; j < seen.j1; j++) {
        __m256 p[ROWS];
        for (size_t i = 0; i < nr; i++)
            p[i] = _mm256_broadcast_ss(t->weights[r + i] + j);
        for (size_t v = 0; v < nv; v++) {
            const __m256 value = load8(format, values, j * value_dim + d + 8 * v);
            for (size_t i = 0; i < nr; i++)
                acc[i][v] = _mm256_fmadd_ps(p[i], value, acc[i][v]);
        }
    }
    for (size_t i = 0; i < nr; i++)
        for (size_t v = 0; v < nv; v++)
            _mm256_storeu_ps(t->out[r + i] + d + 8 * v, acc[i][v]);
}

INLINE void gather_rows(tile *t, size_t r, size_t nr, kern_kv_format format, const void *values)
{
    const size_t value_dim = t->job->kv.value_dim, wide = nr == 1 ? 8 : 4;
    size_t d = 0;
    for (; d + 8 * wide <= value_dim; d += 8 * wide)
        gather_dims(t, r, nr, format, values, d, wide);
    for (; d + 8 <= value_dim; d += 8)
        gather_dims(t, r, nr, format, values, d, 1);
    for (; d < value_dim; d++)
        for (size_t i = 0; i < nr; i++) {
            float acc = t->out[r + i][d] * t->shrink[r + i];
            for (size_t j = t->seen[r].j0; j < t->seen[r].j1; j++)
                acc =
                    fmaf(t->weights[r + i][j], kv_element(format, values, j * value_dim + d), acc);
            t->out[r + i][d] = acc;
        }
}

/* Rows that go together see the same positions: positions that are not seen are not visited. */
INLINE void block_values(tile *t, size_t r0, size_t r1, kern_kv_format format, const void *values)
{
    for (size_t r = r0; r < r1;) {
        const size_t n = tile_equal_rows(t, r, r1, ROWS);
        if (n == 3)
            gather_rows(t, r, 3, format, values);
        else if (n == 2)
            gather_rows(t, r, 2, format, values);
        else
            gather_rows(t, r, 1, format, values);
        r += n;
    }
}

/* ---- Blocks ------------------------------------------------------------------------------- */

static void expand(float *to, kern_kv_format format, const void *x, size_t n)
{
    for (size_t i = 0; i < n; i += 8) /* n is a multiple of 64 */
        _mm256_store_ps(to + i,
                        format == KERN_KV_F16 ? load8(KERN_KV_F16, x, i) : load8(KERN_KV_Q8, x, i));
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

void kern_attention_avx2(const kern_attn *job)
{
    tile_attend(job, attend_block);
}
