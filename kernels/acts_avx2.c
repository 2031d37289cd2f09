/* acts_avx2.c - quantisation of activations with AVX2. */
#include <immintrin.h>
#include <string.h>
#include "kernels/half.h"
#include "kernels/sets.h"

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

/* Bits of the largest magnitude of 32 floats. */
static inline int32_t block_max(const float *x)
{
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i max = _mm256_setzero_si256();
    for (size_t i = 0; i < 4; i++)
        max = _mm256_max_epi32(
            max, _mm256_and_si256(magnitude, _mm256_castps_si256(_mm256_loadu_ps(x + 8 * i))));
    return max_epi32(max);
}

/* The sums of the first and of the second pair of every quad, by half of 16: four int16. */
static inline void block_lanes(int16_t lanes[4], __m256i q)
{
    __m256i s = _mm256_maddubs_epi16(_mm256_set1_epi8(1), q);
    s = _mm256_add_epi16(s, _mm256_shuffle_epi32(s, 0x4e));
    s = _mm256_add_epi16(s, _mm256_shuffle_epi32(s, 0xb1));
    const int32_t first = _mm_cvtsi128_si32(_mm256_castsi256_si128(s));
    const int32_t second = _mm_cvtsi128_si32(_mm256_extracti128_si256(s, 1));
    memcpy(lanes, &first, sizeof first);
    memcpy(lanes + 2, &second, sizeof second);
}

/* q = rne(x * factor) of 32 elements, and the sum of each half. */
static inline void block_round(kern_acts *a, size_t block, const float *x, float factor)
{
    const __m256 f = _mm256_set1_ps(factor);
    int32_t *sums = a->sum + 2 * block;
    __m256i q[4];
    for (size_t i = 0; i < 4; i++)
        q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), f));
    const __m256i p0 = _mm256_packs_epi32(q[0], q[1]), p1 = _mm256_packs_epi32(q[2], q[3]);
    int16_t *q16 = a->q16 + block * KERN_BLOCK;
    _mm256_storeu_si256((__m256i *)(void *)q16, _mm256_permute4x64_epi64(p0, 0xd8));
    _mm256_storeu_si256((__m256i *)(void *)(q16 + 16), _mm256_permute4x64_epi64(p1, 0xd8));
    sums[0] = sum_epi32(_mm256_add_epi32(q[0], q[1]));
    sums[1] = sum_epi32(_mm256_add_epi32(q[2], q[3]));
    if (a->grade == KERN_GRADE_I16) return;
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(p0, p1), order);
    _mm256_storeu_si256((__m256i *)(void *)(a->q8 + block * KERN_BLOCK), bytes);
    block_lanes(a->lanes + 4 * block, bytes);
}

static void block_zero(kern_acts *a, size_t block)
{
    memset(a->q16 + block * KERN_BLOCK, 0, KERN_BLOCK * sizeof *a->q16);
    memset(a->sum + 2 * block, 0, 2 * sizeof *a->sum);
    if (a->grade == KERN_GRADE_I16) return;
    memset(a->q8 + block * KERN_BLOCK, 0, KERN_BLOCK * sizeof *a->q8);
    memset(a->lanes + 4 * block, 0, 4 * sizeof *a->lanes);
}

static bool quantize_block(kern_acts *a, size_t block, const float *x)
{
    const float full = a->grade == KERN_GRADE_I16 ? 32512.0f : 127.0f;
    const int32_t bits = block_max(x);
    const float max = half_bits_f32((uint32_t)bits);
    const bool finite = bits < 0x7f800000, live = finite && max >= 0x1p-100f;
    a->scale[block] = live ? max / full : 0.0f;
    if (live)
        block_round(a, block, x, full / max);
    else
        block_zero(a, block);
    a->sum_scaled[block] = a->scale[block] * (float)(a->sum[2 * block] + a->sum[2 * block + 1]);
    return finite;
}

bool kern_quantize_avx2(kern_acts *a, size_t t0, size_t t1)
{
    bool finite = true;
    for (size_t t = t0; t < t1; t++) {
        for (size_t b = 0; b < a->n_blocks; b++) {
            const float *x = a->x + t * a->ldx + b * KERN_BLOCK;
            const size_t left = a->k - b * KERN_BLOCK;
            float padded[KERN_BLOCK] = {0};
            if (left < KERN_BLOCK) x = memcpy(padded, x, left * sizeof *x);
            const bool good = a->grade == KERN_GRADE_F32
                                  ? block_max(x) < 0x7f800000
                                  : quantize_block(a, t * a->n_blocks + b, x);
            finite = finite && good;
        }
    }
    return finite;
}
