/* acts_avx512vnni.c - quantisation of activations with AVX-512. */
#include "kernels/acts_batch.h"
#include "kernels/half.h"
#include "kernels/sets.h"

static inline __m512i magnitudes(__m512 x)
{
    return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
}

static inline __m512i block_max(const float *x)
{
    return _mm512_max_epi32(magnitudes(_mm512_loadu_ps(x)), magnitudes(_mm512_loadu_ps(x + 16)));
}

static inline __m256i low(__m512i v)
{
    return _mm512_castsi512_si256(v);
}

static inline __m256i high(__m512i v)
{
    return _mm512_extracti64x4_epi64(v, 1);
}

/* q = rne(x * factor), each half. */
static inline void block_round(kern_acts *a, size_t block, const float *x, __m512 factor,
                               __m512i q[2])
{
    q[0] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), factor));
    q[1] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 16), factor));
    if (a->grade == KERN_GRADE_I16) {
        __m256i *at = (__m256i *)(void *)(a->q16 + block * KERN_BLOCK);
        _mm256_storeu_si256(at, _mm512_cvtepi32_epi16(q[0]));
        _mm256_storeu_si256(at + 1, _mm512_cvtepi32_epi16(q[1]));
    } else {
        __m128i *at = (__m128i *)(void *)(a->q8 + block * KERN_BLOCK);
        _mm_storeu_si128(at, _mm512_cvtepi32_epi8(q[0]));
        _mm_storeu_si128(at + 1, _mm512_cvtepi32_epi8(q[1]));
    }
}

static void block_zero(kern_acts *a, size_t block)
{
    memset(a->sum + 2 * block, 0, 2 * sizeof *a->sum);
    a->scale[block] = a->sum_scaled[block] = 0.0f;
    if (a->grade == KERN_GRADE_I16)
        memset(a->q16 + block * KERN_BLOCK, 0, KERN_BLOCK * sizeof *a->q16);
    else
        memset(a->q8 + block * KERN_BLOCK, 0, KERN_BLOCK * sizeof *a->q8);
}

static bool quantize_block(kern_acts *a, size_t block, const float *x)
{
    const uint32_t bits = _mm512_reduce_max_epu32(block_max(x));
    const float max = half_bits_f32(bits);
    const bool finite = bits < 0x7f800000u;
    if (!finite || max < 0x1p-100f) {
        block_zero(a, block);
        return finite;
    }
    __m512i q[2];
    block_round(a, block, x, _mm512_set1_ps(full_scale(a) / max), q);
    block_scale(a, block, max, _mm512_reduce_add_epi32(q[0]), _mm512_reduce_add_epi32(q[1]));
    return true;
}

static bool quantize_batch(kern_acts *a, size_t block, const float *x)
{
    __m256i max[BATCH], half[2 * BATCH];
    float factor[BATCH];
    for (size_t b = 0; b < BATCH; b++) {
        const __m512i m = block_max(x + b * KERN_BLOCK);
        max[b] = _mm256_max_epi32(low(m), high(m));
    }
    if (!batch_scales(a, block, max, factor)) return false;
    for (size_t b = 0; b < BATCH; b++) {
        __m512i q[2];
        block_round(a, block + b, x + b * KERN_BLOCK, _mm512_set1_ps(factor[b]), q);
        for (size_t i = 0; i < 2; i++)
            half[2 * b + i] = _mm256_add_epi32(low(q[i]), high(q[i]));
    }
    batch_sums(a, block, half);
    return true;
}

static bool row_is_finite(const float *x, size_t n)
{
    __m512i max = _mm512_setzero_si512();
    for (; n >= 16; n -= 16, x += 16)
        max = _mm512_max_epi32(max, magnitudes(_mm512_loadu_ps(x)));
    max = _mm512_max_epi32(max, magnitudes(_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), x)));
    return _mm512_reduce_max_epu32(max) < 0x7f800000u;
}

bool kern_quantize_avx512vnni(kern_acts *a, size_t t0, size_t t1)
{
    return batch_rows(a, t0, t1, quantize_batch, quantize_block, row_is_finite);
}
