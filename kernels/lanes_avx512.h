/* lanes_avx512.h - the 16 virtual lanes of a reduction as one register.
 * Only for files that are compiled with AVX-512F and DQ. */
#ifndef KERNELS_LANES_AVX512_H
#define KERNELS_LANES_AVX512_H
#include <immintrin.h>
#include <stddef.h>

/* Halves 16, 8, 4, 2, 1. */
static inline float lanes_sum(__m512 v)
{
    const __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}

/* The first n (at most 16) lanes. */
static inline __mmask16 first_lanes(size_t n)
{
    return n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1u);
}

#endif
