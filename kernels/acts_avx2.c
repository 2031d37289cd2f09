/* acts_avx2.c - quantisation of activations with AVX2, four blocks at a time: what a block is
 * reduced to (its maximum, its sums) takes longer alone than its elements do, so vectors of four
 * blocks are reduced together, and divided together. Blocks that are left over, and those beside a
 * number that is not finite, go one by one. */
#include <immintrin.h>
#include <string.h>
#include "kernels/half.h"
#include "kernels/sets.h"

enum { BATCH = 4 };

static inline float full_scale(const kern_acts *a)
{
    return a->grade == KERN_GRADE_I16 ? 32512.0f : 127.0f;
}

/* ---- The elements of a block ----------------------------------------------------------------- */

static inline __m256i magnitudes(const float *x)
{
    return _mm256_and_si256(_mm256_set1_epi32(0x7fffffff), _mm256_castps_si256(_mm256_loadu_ps(x)));
}

/* Eight partial maxima, as bits. */
static inline __m256i block_max(const float *x)
{
    const __m256i a = _mm256_max_epi32(magnitudes(x), magnitudes(x + 8));
    return _mm256_max_epi32(a, _mm256_max_epi32(magnitudes(x + 16), magnitudes(x + 24)));
}

/* q = rne(x * factor). *half: partial sums of each half. *lanes (grade i8): of each half, first and
 * second pairs of four quads in turn. */
static inline void block_round(kern_acts *a, size_t block, const float *x, __m256 factor,
                               __m256i half[2], __m256i *lanes)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    int16_t *q16 = a->q16 + block * KERN_BLOCK;
    __m256i q[4];
    for (size_t i = 0; i < 4; i++)
        q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), factor));
    const __m256i p0 = _mm256_packs_epi32(q[0], q[1]), p1 = _mm256_packs_epi32(q[2], q[3]);
    _mm256_storeu_si256((__m256i *)(void *)q16, _mm256_permute4x64_epi64(p0, 0xd8));
    _mm256_storeu_si256((__m256i *)(void *)(q16 + 16), _mm256_permute4x64_epi64(p1, 0xd8));
    half[0] = _mm256_add_epi32(q[0], q[1]);
    half[1] = _mm256_add_epi32(q[2], q[3]);
    if (a->grade == KERN_GRADE_I16) return;
    const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(p0, p1), order);
    _mm256_storeu_si256((__m256i *)(void *)(a->q8 + block * KERN_BLOCK), bytes);
    *lanes = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
}

/* ---- One block ------------------------------------------------------------------------------- */

static inline int32_t max_epi32(__m256i v)
{
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
    return _mm_cvtsi128_si32(m);
}

static inline int32_t sum_epi32(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtsi128_si32(s);
}

static void store_lanes(int16_t to[4], __m256i s)
{
    s = _mm256_add_epi16(s, _mm256_shuffle_epi32(s, 0x4e));
    s = _mm256_add_epi16(s, _mm256_shuffle_epi32(s, 0xb1));
    const int32_t first = _mm_cvtsi128_si32(_mm256_castsi256_si128(s));
    const int32_t second = _mm_cvtsi128_si32(_mm256_extracti128_si256(s, 1));
    memcpy(to, &first, sizeof first);
    memcpy(to + 2, &second, sizeof second);
}

static void block_zero(kern_acts *a, size_t block)
{
    memset(a->q16 + block * KERN_BLOCK, 0, KERN_BLOCK * sizeof *a->q16);
    memset(a->sum + 2 * block, 0, 2 * sizeof *a->sum);
    a->scale[block] = a->sum_scaled[block] = 0.0f;
    if (a->grade == KERN_GRADE_I16) return;
    memset(a->q8 + block * KERN_BLOCK, 0, KERN_BLOCK * sizeof *a->q8);
    memset(a->lanes + 4 * block, 0, 4 * sizeof *a->lanes);
}

static bool quantize_block(kern_acts *a, size_t block, const float *x)
{
    const int32_t bits = max_epi32(block_max(x));
    const float max = half_bits_f32((uint32_t)bits), full = full_scale(a);
    const bool finite = bits < 0x7f800000;
    if (!finite || max < 0x1p-100f) {
        block_zero(a, block);
        return finite;
    }
    __m256i half[2], lanes = _mm256_setzero_si256();
    block_round(a, block, x, _mm256_set1_ps(full / max), half, &lanes);
    const int32_t s0 = sum_epi32(half[0]), s1 = sum_epi32(half[1]);
    a->sum[2 * block] = s0;
    a->sum[2 * block + 1] = s1;
    a->scale[block] = max / full;
    a->sum_scaled[block] = a->scale[block] * (float)(s0 + s1);
    if (a->grade == KERN_GRADE_I8) store_lanes(a->lanes + 4 * block, lanes);
    return true;
}

/* ---- Four of them ---------------------------------------------------------------------------- */

/* Element i of either half: that half of v[i], reduced. */
#define REDUCER(name, op)                                                                          \
    static inline __m256i name(const __m256i v[4])                                                 \
    {                                                                                              \
        const __m256i lo01 = _mm256_unpacklo_epi32(v[0], v[1]);                                    \
        const __m256i hi01 = _mm256_unpackhi_epi32(v[0], v[1]);                                    \
        const __m256i lo23 = _mm256_unpacklo_epi32(v[2], v[3]);                                    \
        const __m256i hi23 = _mm256_unpackhi_epi32(v[2], v[3]);                                    \
        const __m256i v01 = op(lo01, hi01), v23 = op(lo23, hi23);                                  \
        return op(_mm256_unpacklo_epi64(v01, v23), _mm256_unpackhi_epi64(v01, v23));               \
    }
REDUCER(reduce_max, _mm256_max_epi32)
REDUCER(reduce_sum, _mm256_add_epi32)
REDUCER(reduce_lanes, _mm256_add_epi16) /* an element is two sums */
#undef REDUCER

/* half: of each block, partial sums of its first half and of its second. */
static inline void batch_sums(kern_acts *a, size_t block, const __m256i half[2 * BATCH],
                              __m128 scale)
{
    const __m256i even_odd = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const __m256i r0 = reduce_sum(half), r1 = reduce_sum(half + 4);
    const __m256i s = _mm256_add_epi32(_mm256_permute2x128_si256(r0, r1, 0x20),
                                       _mm256_permute2x128_si256(r0, r1, 0x31));
    const __m256i by_half = _mm256_permutevar8x32_epi32(s, even_odd);
    const __m128i whole =
        _mm_add_epi32(_mm256_castsi256_si128(by_half), _mm256_extracti128_si256(by_half, 1));
    _mm256_storeu_si256((__m256i *)(void *)(a->sum + 2 * block), s);
    _mm_storeu_ps(a->sum_scaled + block, _mm_mul_ps(scale, _mm_cvtepi32_ps(whole)));
}

/* False: a number is not finite, and nothing is done. A block that counts as zero gets the factor
 * 0, which makes zeros of its numbers. */
static bool quantize_batch(kern_acts *a, size_t block, const float *x)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i v[BATCH], half[2 * BATCH];
    float factor[BATCH];
    for (size_t b = 0; b < BATCH; b++)
        v[b] = block_max(x + b * KERN_BLOCK);
    const __m256i r = reduce_max(v);
    const __m128i bits = _mm_max_epi32(_mm256_castsi256_si128(r), _mm256_extracti128_si256(r, 1));
    if (_mm_movemask_epi8(_mm_cmpgt_epi32(bits, _mm_set1_epi32(0x7f7fffff))) != 0) return false;
    const __m128 max = _mm_castsi128_ps(bits), full = _mm_set1_ps(full_scale(a));
    const __m128 live = _mm_cmpge_ps(max, _mm_set1_ps(0x1p-100f));
    const __m128 scale = _mm_and_ps(live, _mm_div_ps(max, full));
    _mm_storeu_ps(factor, _mm_and_ps(live, _mm_div_ps(full, max)));
    _mm_storeu_ps(a->scale + block, scale);
    for (size_t b = 0; b < BATCH; b++) {
        v[b] = _mm256_setzero_si256();
        block_round(a, block + b, x + b * KERN_BLOCK, _mm256_broadcast_ss(factor + b), half + 2 * b,
                    v + b);
    }
    batch_sums(a, block, half, scale);
    if (a->grade == KERN_GRADE_I8)
        _mm256_storeu_si256((__m256i *)(void *)(a->lanes + 4 * block),
                            _mm256_permutevar8x32_epi32(reduce_lanes(v), order));
    return true;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static bool quantize_row(kern_acts *a, const float *x, size_t first)
{
    bool finite = true;
    size_t b = 0;
    for (; (b + BATCH) * KERN_BLOCK <= a->k; b += BATCH) {
        if (quantize_batch(a, first + b, x + b * KERN_BLOCK)) continue;
        finite = false;
        for (size_t i = b; i < b + BATCH; i++)
            (void)quantize_block(a, first + i, x + i * KERN_BLOCK);
    }
    for (; b < a->n_blocks; b++) {
        const size_t left = a->k - b * KERN_BLOCK;
        const float *from = x + b * KERN_BLOCK;
        float padded[KERN_BLOCK] = {0};
        if (left < KERN_BLOCK) from = memcpy(padded, from, left * sizeof *from);
        finite = quantize_block(a, first + b, from) && finite;
    }
    return finite;
}

static bool row_is_finite(const float *x, size_t n)
{
    __m256i max = _mm256_setzero_si256();
    float padded[8] = {0};
    for (; n >= 8; n -= 8, x += 8)
        max = _mm256_max_epi32(max, magnitudes(x));
    memcpy(padded, x, n * sizeof *x);
    return max_epi32(_mm256_max_epi32(max, magnitudes(padded))) < 0x7f800000;
}

bool kern_quantize_avx2(kern_acts *a, size_t t0, size_t t1)
{
    bool finite = true;
    for (size_t t = t0; t < t1; t++) {
        const float *x = a->x + t * a->ldx;
        const bool good = a->grade == KERN_GRADE_F32 ? row_is_finite(x, a->k)
                                                     : quantize_row(a, x, t * a->n_blocks);
        finite = finite && good;
    }
    return finite;
}
