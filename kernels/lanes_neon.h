/* lanes_neon.h - the 16 virtual lanes of a reduction as four registers. */
#ifndef KERNELS_LANES_NEON_H
#define KERNELS_LANES_NEON_H
#include <arm_neon.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    float32x4_t v[4];
} lanes16;

static inline lanes16 lanes_of(float x)
{
    const float32x4_t v = vdupq_n_f32(x);
    return (lanes16){{v, v, v, v}};
}

/* Halves 16, 8, 4, 2, 1. */
static inline float lanes_sum(lanes16 s)
{
    const float32x4_t s4 = vaddq_f32(vaddq_f32(s.v[0], s.v[2]), vaddq_f32(s.v[1], s.v[3]));
    const float32x2_t s2 = vadd_f32(vget_low_f32(s4), vget_high_f32(s4));
    return vget_lane_f32(s2, 0) + vget_lane_f32(s2, 1);
}

static inline lanes16 load16(const float *x)
{
    return (lanes16){{vld1q_f32(x), vld1q_f32(x + 4), vld1q_f32(x + 8), vld1q_f32(x + 12)}};
}

/* 16 elements at x of which n exist; the others are `missing`. */
static inline lanes16 load_tail(const float *x, size_t n, float missing)
{
    float padded[16];
    for (size_t i = 0; i < 16; i++)
        padded[i] = missing;
    memcpy(padded, x, (n < 16 ? n : 16) * sizeof *x);
    return load16(padded);
}

#endif
