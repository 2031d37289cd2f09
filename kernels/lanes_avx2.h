/* lanes_avx2.h - the 16 virtual lanes of a reduction as two registers: lanes 0-7 and 8-15.
 * Only for files that are compiled with AVX2. */
#ifndef KERNELS_LANES_AVX2_H
#define KERNELS_LANES_AVX2_H
#include <immintrin.h>
#include <stddef.h>

typedef struct {
    __m256 lo, hi;
} lanes16;

/* Halves 16, 8, 4, 2, 1. */
static inline float lanes_sum(lanes16 v)
{
    const __m256 s8 = _mm256_add_ps(v.lo, v.hi);
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}

static inline float max8(__m256 v)
{
    const __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 m2 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
    return _mm_cvtss_f32(_mm_max_ss(m2, _mm_movehdup_ps(m2)));
}

/* Lanes below n (which may exceed 8) are all ones. */
static inline __m256i first_lanes(size_t n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n < 8 ? n : 8)), lane);
}

/* 16 elements at x of which n exist; the others are `missing`. */
static inline lanes16 load_tail(const float *x, size_t n, float missing)
{
    const __m256i lo = first_lanes(n), hi = first_lanes(n > 8 ? n - 8 : 0);
    const __m256 fill = _mm256_set1_ps(missing);
    return (lanes16){
        _mm256_blendv_ps(fill, _mm256_maskload_ps(x, lo), _mm256_castsi256_ps(lo)),
        _mm256_blendv_ps(fill, _mm256_maskload_ps(x + (n > 8 ? 8 : 0), hi),
                         _mm256_castsi256_ps(hi)),
    };
}

static inline lanes16 load16(const float *x)
{
    return (lanes16){_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8)};
}

#endif
