/* fmath_avx2.h - fmath.c's single-precision functions for 8 lanes, to the same bits.
 * Only for files that are compiled with AVX2 and FMA. */
#ifndef KERNELS_FMATH_AVX2_H
#define KERNELS_FMATH_AVX2_H
#include <immintrin.h>
#include "kernels/fmath.h"

/* fmath_exp of x <= 0 or NaN, which is all that anyone here asks for (beside a NaN among logits x
 * may exceed a maximum: their sum is NaN whatever this gives). What is kept has n >= -126 and is
 * not subnormal, so one factor 2^n does; below -87 it is 0 whatever was computed. */
static inline __m256 fmath_exp_avx2(__m256 x)
{
    const __m256 round = _mm256_set1_ps(FMATH_ROUND);
    const __m256 shifted = _mm256_fmadd_ps(x, _mm256_set1_ps(FMATH_LOG2E), round);
    const __m256 n = _mm256_sub_ps(shifted, round);
    __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-FMATH_LN2_HI), x);
    r = _mm256_fmadd_ps(n, _mm256_set1_ps(-FMATH_LN2_LO), r);
    __m256 q = _mm256_fmadd_ps(_mm256_set1_ps(FMATH_E4), r, _mm256_set1_ps(FMATH_E3));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(FMATH_E2));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(FMATH_E1));
    q = _mm256_fmadd_ps(q, r, _mm256_set1_ps(FMATH_E0));
    const __m256 p =
        _mm256_add_ps(_mm256_fmadd_ps(_mm256_mul_ps(r, r), q, r), _mm256_set1_ps(1.0f));
    /* The low bits of `shifted` are n: moved up they are what n adds to an exponent. */
    const __m256i factor = _mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(shifted), 23),
                                            _mm256_castps_si256(_mm256_set1_ps(1.0f)));
    const __m256 y = _mm256_mul_ps(p, _mm256_castsi256_ps(factor));
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
