/* acts_avx2.c - quantisation of activations with AVX2. */
#include "kernels/acts_batch.h"
#include "kernels/half.h"
#include "kernels/sets.h"

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
    const float max = half_bits_f32((uint32_t)bits);
    const bool finite = bits < 0x7f800000;
    if (!finite || max < 0x1p-100f) {
        block_zero(a, block);
        return finite;
    }
    __m256i half[2], lanes = _mm256_setzero_si256();
    block_round(a, block, x, _mm256_set1_ps(full_scale(a) / max), half, &lanes);
    block_scale(a, block, max, sum_epi32(half[0]), sum_epi32(half[1]));
    if (a->grade == KERN_GRADE_I8) store_lanes(a->lanes + 4 * block, lanes);
    return true;
}

/* ---- Four of them ---------------------------------------------------------------------------- */

/* Of each block, sums of the first and of the second pairs of each half. */
static inline __m256i batch_lanes(const __m256i v[BATCH])
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return _mm256_permutevar8x32_epi32(reduce_lanes(v), order);
}

static bool quantize_batch(kern_acts *a, size_t block, const float *x)
{
    __m256i v[BATCH], half[2 * BATCH];
    float factor[BATCH];
    for (size_t b = 0; b < BATCH; b++)
        v[b] = block_max(x + b * KERN_BLOCK);
    if (!batch_scales(a, block, v, factor)) return false;
    for (size_t b = 0; b < BATCH; b++) {
        v[b] = _mm256_setzero_si256();
        block_round(a, block + b, x + b * KERN_BLOCK, _mm256_broadcast_ss(factor + b), half + 2 * b,
                    v + b);
    }
    batch_sums(a, block, half);
    if (a->grade == KERN_GRADE_I8)
        _mm256_storeu_si256((__m256i *)(void *)(a->lanes + 4 * block), batch_lanes(v));
    return true;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

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
    return batch_rows(a, t0, t1, quantize_batch, quantize_block, row_is_finite);
}
