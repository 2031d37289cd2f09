/* fmath_avx512.h - fmath.c's single-precision functions for 16 lanes, to the same bits.
 * Only for files that are compiled with AVX-512F. */
#ifndef KERNELS_FMATH_AVX512_H
#define KERNELS_FMATH_AVX512_H
#include <immintrin.h>
#include "kernels/fmath.h"

/* fmath_exp of x <= 0 or NaN, which is all that anyone here asks for (beside a NaN among logits x
 * may exceed a maximum: their sum is NaN whatever this gives). Below -87 it is 0 whatever was
 * computed. */
static inline __m512 fmath_exp_avx512(__m512 x)
{
    const __m512 round = _mm512_set1_ps(FMATH_ROUND);
    const __m512 n = _mm512_sub_ps(_mm512_fmadd_ps(x, _mm512_set1_ps(FMATH_LOG2E), round), round);
    __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-FMATH_LN2_HI), x);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(-FMATH_LN2_LO), r);
    __m512 q = _mm512_fmadd_ps(_mm512_set1_ps(FMATH_E4), r, _mm512_set1_ps(FMATH_E3));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(FMATH_E2));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(FMATH_E1));
    q = _mm512_fmadd_ps(q, r, _mm512_set1_ps(FMATH_E0));
    const __m512 p =
        _mm512_add_ps(_mm512_fmadd_ps(_mm512_mul_ps(r, r), q, r), _mm512_set1_ps(1.0f));
    /* p * 2^n in one step: no result that is kept is subnormal, so it equals the two exact factors.
     */
    const __mmask16 kept = _mm512_cmp_ps_mask(x, _mm512_set1_ps(FMATH_EXP_MIN), _CMP_NLT_UQ);
    return _mm512_maskz_scalef_ps(kept, p, n);
}

static inline __m512 fmath_sigmoid_avx512(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1.0f);
    const __m512 e = fmath_exp_avx512(_mm512_or_ps(x, _mm512_set1_ps(-0.0f)));
    const __mmask16 positive = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GE_OQ);
    return _mm512_div_ps(_mm512_mask_mov_ps(e, positive, one), _mm512_add_ps(one, e));
}

static inline __m512 fmath_silu_avx512(__m512 x)
{
    return _mm512_mul_ps(x, fmath_sigmoid_avx512(x));
}

static inline __m512 fmath_swiglu_clamped_avx512(__m512 gate, __m512 up)
{
    const __m512 limit = _mm512_set1_ps(FMATH_SWIGLU_LIMIT);
    const __m512 g = _mm512_min_ps(limit, gate);
    const __m512 u = _mm512_min_ps(limit, _mm512_max_ps(_mm512_set1_ps(-FMATH_SWIGLU_LIMIT), up));
    const __m512 s = fmath_sigmoid_avx512(_mm512_mul_ps(_mm512_set1_ps(FMATH_SWIGLU_ALPHA), g));
    return _mm512_mul_ps(_mm512_mul_ps(g, s), _mm512_add_ps(u, _mm512_set1_ps(1.0f)));
}

static inline __m512 fmath_gelu_avx512(__m512 x)
{
    const __m512 inner = _mm512_fmadd_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(FMATH_GELU_B),
                                         _mm512_set1_ps(FMATH_GELU_A));
    return _mm512_mul_ps(x, fmath_sigmoid_avx512(_mm512_mul_ps(x, inner)));
}

#endif
