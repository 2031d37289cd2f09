/* fmath_neon.h - fmath.c's single-precision functions for 4 lanes, operation for operation. */
#ifndef KERNELS_FMATH_NEON_H
#define KERNELS_FMATH_NEON_H
#include <arm_neon.h>
#include "kernels/fmath.h"

/* a * b + c with one rounding. */
static inline float32x4_t fmath_fma_neon(float32x4_t a, float32x4_t b, float32x4_t c)
{
    return vfmaq_f32(c, a, b);
}

static inline float32x4_t fmath_exp_neon(float32x4_t x)
{
    const float32x4_t round = vdupq_n_f32(FMATH_ROUND);
    /* max and min keep NaN. */
    const float32x4_t clamped = vminq_f32(vdupq_n_f32(89.0f), vmaxq_f32(vdupq_n_f32(-88.0f), x));
    const float32x4_t shifted = fmath_fma_neon(clamped, vdupq_n_f32(FMATH_LOG2E), round);
    const float32x4_t n = vsubq_f32(shifted, round);
    float32x4_t r = fmath_fma_neon(n, vdupq_n_f32(-FMATH_LN2_HI), clamped);
    r = fmath_fma_neon(n, vdupq_n_f32(-FMATH_LN2_LO), r);
    float32x4_t q = fmath_fma_neon(vdupq_n_f32(FMATH_E4), r, vdupq_n_f32(FMATH_E3));
    q = fmath_fma_neon(q, r, vdupq_n_f32(FMATH_E2));
    q = fmath_fma_neon(q, r, vdupq_n_f32(FMATH_E1));
    q = fmath_fma_neon(q, r, vdupq_n_f32(FMATH_E0));
    const float32x4_t p = vaddq_f32(fmath_fma_neon(vmulq_f32(r, r), q, r), vdupq_n_f32(1.0f));
    const int32x4_t i = vsubq_s32(vreinterpretq_s32_f32(shifted), vreinterpretq_s32_f32(round));
    const int32x4_t half = vshrq_n_s32(i, 1), bias = vdupq_n_s32(127);
    const int32x4_t lo = vshlq_n_s32(vaddq_s32(half, bias), 23);
    const int32x4_t hi = vshlq_n_s32(vaddq_s32(vsubq_s32(i, half), bias), 23);
    const float32x4_t y =
        vmulq_f32(vmulq_f32(p, vreinterpretq_f32_s32(lo)), vreinterpretq_f32_s32(hi));
    const uint32x4_t gone = vcltq_f32(x, vdupq_n_f32(FMATH_EXP_MIN));
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(y), gone));
}

static inline float32x4_t fmath_sigmoid_neon(float32x4_t x)
{
    const float32x4_t one = vdupq_n_f32(1.0f);
    const float32x4_t e = fmath_exp_neon(vnegq_f32(vabsq_f32(x)));
    const uint32x4_t positive = vcgeq_f32(x, vdupq_n_f32(0.0f));
    return vdivq_f32(vbslq_f32(positive, one, e), vaddq_f32(one, e));
}

static inline float32x4_t fmath_silu_neon(float32x4_t x)
{
    return vmulq_f32(x, fmath_sigmoid_neon(x));
}

static inline float32x4_t fmath_swiglu_clamped_neon(float32x4_t gate, float32x4_t up)
{
    const float32x4_t limit = vdupq_n_f32(FMATH_SWIGLU_LIMIT);
    const float32x4_t g = vminq_f32(limit, gate);
    const float32x4_t u = vminq_f32(limit, vmaxq_f32(vnegq_f32(limit), up));
    const float32x4_t s = fmath_sigmoid_neon(vmulq_f32(vdupq_n_f32(FMATH_SWIGLU_ALPHA), g));
    return vmulq_f32(vmulq_f32(g, s), vaddq_f32(u, vdupq_n_f32(1.0f)));
}

static inline float32x4_t fmath_gelu_neon(float32x4_t x)
{
    const float32x4_t inner =
        fmath_fma_neon(vmulq_f32(x, x), vdupq_n_f32(FMATH_GELU_B), vdupq_n_f32(FMATH_GELU_A));
    return vmulq_f32(x, fmath_sigmoid_neon(vmulq_f32(x, inner)));
}

#endif
