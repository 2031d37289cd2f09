/* fmath_avx2.h - fmath.c's single-precision functions for 8 lanes, operation for operation.
 * Only for files that are compiled with AVX2 and FMA. */
#ifndef KERNELS_FMATH_AVX2_H
#define KERNELS_FMATH_AVX2_H
#include <immintrin.h>
#include "kernels/fmath.h"

static inline __m256 fmath_exp_avx2(__m256 x)
{
    const __m256 round = _mm256_set1_ps(FMATH_ROUND);
    /* max and min return their second operand for NaN. */
    const __m256 clamped =
        _mm256_min_ps(_mm256_set1_ps(89.0f), _mm256_max_ps(_mm256_set1_ps(-88.0f), x));
    const __m256 shifted = _mm256_fmadd_ps(clamped, _mm256_set1_ps(FMATH_LOG2E), round);
    const __m256 n = _mm256_sub_ps(shifted, round);
    __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-FMATH_LN2_HI), clamped);
    r = _mm256_fmadd_ps(n, _mm256_set1_ps(-FMATH_LN2_LO), r);
    __m256 q = _mm256_fmadd_ps(_mm256_set1_ps(FMATH_E4), r, _mm256_set1_ps(FMATH_E3));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(FMATH_E2));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(FMATH_E1));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(FMATH_E0));
    const __m256 p =
        _mm256_add_ps(_mm256_fmadd_ps(_mm256_mul_ps(r, r), q, r), _mm256_set1_ps(1.0f));
    const __m256i i = _mm256_sub_epi32(_mm256_castps_si256(shifted), _mm256_castps_si256(round));
    const __m256i half = _mm256_srai_epi32(i, 1), bias = _mm256_set1_epi32(127);
    const __m256i lo = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    const __m256i hi = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(i, half), bias), 23);
    const __m256 y =
        _mm256_mul_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(lo)), _mm256_castsi256_ps(hi));
    return _mm256_andnot_ps(_mm256_cmp_ps(x, _mm256_set1_ps(FMATH_EXP_MIN), _CMP_LT_OQ), y);
}

static inline __m256 fmath_sigmoid_avx2(__m256 x)
{
    const __m256 one = _mm256_set1_ps(1.0f);
    const __m256 e = fmath_exp_avx2(_mm256_or_ps(x, _mm256_set1_ps(-0.0f)));
    const __m256 positive = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GE_OQ);
    return _mm256_div_ps(_mm256_blendv_ps(e, one, positive), _mm256_add_ps(one, e));
}

static inline __m256 fmath_silu_avx2(__m256 x)
{
    return _mm256_mul_ps(x, fmath_sigmoid_avx2(x));
}

static inline __m256 fmath_swiglu_clamped_avx2(__m256 gate, __m256 up)
{
    const __m256 limit = _mm256_set1_ps(FMATH_SWIGLU_LIMIT);
    const __m256 g = _mm256_min_ps(limit, gate);
    const __m256 u = _mm256_min_ps(limit, _mm256_max_ps(_mm256_set1_ps(-FMATH_SWIGLU_LIMIT), up));
    const __m256 s = fmath_sigmoid_avx2(_mm256_mul_ps(_mm256_set1_ps(FMATH_SWIGLU_ALPHA), g));
    return _mm256_mul_ps(_mm256_mul_ps(g, s), _mm256_add_ps(u, _mm256_set1_ps(1.0f)));
}

static inline __m256 fmath_gelu_avx2(__m256 x)
{
    const __m256 inner = _mm256_fmadd_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(FMATH_GELU_B),
                                         _mm256_set1_ps(FMATH_GELU_A));
    return _mm256_mul_ps(x, fmath_sigmoid_avx2(_mm256_mul_ps(x, inner)));
}

#endif
