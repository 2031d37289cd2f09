/* ops_neon.c - norms, activations and log-sum-exp tiles with NEON. The 16 virtual lanes of a
 * reduction are four registers. */
#include <math.h>
#include <sys/auxv.h>
#include "kernels/fmath_neon.h"
#include "kernels/lanes_neon.h"
#include "kernels/sets.h"

/* Byte products (SDOT) came with Armv8.2; the rest every 64-bit Arm has. Bit 20 of AT_HWCAP: Linux,
 * Documentation/arch/arm64/elf_hwcaps. */
bool kern_available_neon(void)
{
    return (getauxval(AT_HWCAP) & (1ul << 20)) != 0;
}

/* ---- Norms -------------------------------------------------------------------------------- */

static inline lanes16 part(const float *x, size_t n, float missing)
{
    return n >= 16 ? load16(x) : load_tail(x, n, missing);
}

static inline lanes16 add_squares(lanes16 acc, lanes16 x)
{
    for (size_t i = 0; i < 4; i++)
        acc.v[i] = vfmaq_f32(acc.v[i], x.v[i], x.v[i]);
    return acc;
}

void kern_rmsnorm_neon(float *out, const float *x, const float *w, size_t n, float eps)
{
    lanes16 acc = lanes_of(0.0f);
    size_t i = 0;
    for (; i < n; i += 16)
        acc = add_squares(acc, part(x + i, n - i, 0.0f));
    const float inverse = 1.0f / sqrtf(lanes_sum(acc) / (float)n + eps);
    for (i = 0; i + 4 <= n; i += 4)
        vst1q_f32(out + i,
                  vmulq_f32(vmulq_f32(vld1q_f32(x + i), vdupq_n_f32(inverse)), vld1q_f32(w + i)));
    for (; i < n; i++)
        out[i] = x[i] * inverse * w[i];
}

static float mean_of(const float *x, size_t n)
{
    lanes16 acc = lanes_of(0.0f);
    for (size_t i = 0; i < n; i += 16) {
        const lanes16 v = part(x + i, n - i, 0.0f);
        for (size_t k = 0; k < 4; k++)
            acc.v[k] = vaddq_f32(acc.v[k], v.v[k]);
    }
    return lanes_sum(acc) / (float)n;
}

void kern_layernorm_neon(float *out, const float *x, const float *w, const float *b, size_t n,
                         float eps)
{
    const float mean = mean_of(x, n);
    const float32x4_t shift = vdupq_n_f32(mean);
    lanes16 acc = lanes_of(0.0f);
    size_t i = 0;
    for (; i < n; i += 16) {
        lanes16 v = part(x + i, n - i, mean); /* a missing element is the mean: it adds nothing */
        for (size_t k = 0; k < 4; k++)
            v.v[k] = vsubq_f32(v.v[k], shift);
        acc = add_squares(acc, v);
    }
    const float inverse = 1.0f / sqrtf(lanes_sum(acc) / (float)n + eps);
    for (i = 0; i + 4 <= n; i += 4) {
        const float32x4_t d = vmulq_f32(vsubq_f32(vld1q_f32(x + i), shift), vdupq_n_f32(inverse));
        vst1q_f32(out + i, vfmaq_f32(vld1q_f32(b + i), d, vld1q_f32(w + i)));
    }
    for (; i < n; i++)
        out[i] = fmaf((x[i] - mean) * inverse, w[i], b[i]);
}

/* ---- Elementwise -------------------------------------------------------------------------- */

void kern_silu_mul_neon(float *out, const float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(out + i, vmulq_f32(fmath_silu_neon(vld1q_f32(gate + i)), vld1q_f32(up + i)));
    for (; i < n; i++)
        out[i] = fmath_silu(gate[i]) * up[i];
}

void kern_gelu_mul_neon(float *out, const float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(out + i, vmulq_f32(fmath_gelu_neon(vld1q_f32(gate + i)), vld1q_f32(up + i)));
    for (; i < n; i++)
        out[i] = fmath_gelu(gate[i]) * up[i];
}

void kern_gelu_neon(float *out, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(out + i, fmath_gelu_neon(vld1q_f32(x + i)));
    for (; i < n; i++)
        out[i] = fmath_gelu(x[i]);
}

void kern_swiglu_clamped_neon(float *out, const float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(out + i, fmath_swiglu_clamped_neon(vld1q_f32(gate + i), vld1q_f32(up + i)));
    for (; i < n; i++)
        out[i] = fmath_swiglu_clamped(gate[i], up[i]);
}

void kern_add_neon(float *x, const float *y, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(x + i, vaddq_f32(vld1q_f32(x + i), vld1q_f32(y + i)));
    for (; i < n; i++)
        x[i] += y[i];
}

void kern_add_scaled_neon(float *y, const float *x, float a, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1q_f32(y + i, vfmaq_f32(vld1q_f32(y + i), vdupq_n_f32(a), vld1q_f32(x + i)));
    for (; i < n; i++)
        y[i] = fmaf(a, x[i], y[i]);
}

/* ---- Vocabulary --------------------------------------------------------------------------- */

static float max_of(const float *x, size_t n)
{
    float32x4_t top = vdupq_n_f32(-INFINITY);
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        top = vmaxq_f32(top, vld1q_f32(x + i));
    float max = vmaxvq_f32(top);
    for (; i < n; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

void kern_lse_tile_neon(const float *x, size_t n, float *m, float *sum)
{
    *m = max_of(x, n) + 0.0f; /* -0 becomes 0 */
    const float32x4_t max = vdupq_n_f32(*m);
    lanes16 acc = lanes_of(0.0f);
    for (size_t i = 0; i < n; i += 16) {
        const lanes16 v = part(x + i, n - i, -INFINITY);
        for (size_t k = 0; k < 4; k++)
            acc.v[k] = vaddq_f32(acc.v[k], fmath_exp_neon(vsubq_f32(v.v[k], max)));
    }
    *sum = lanes_sum(acc);
}

size_t kern_argmax_neon(const float *x, size_t n)
{
    const float max = max_of(x, n);
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        if (vmaxvq_u32(vceqq_f32(vld1q_f32(x + i), vdupq_n_f32(max)))) break;
    for (; i < n; i++)
        if (x[i] == max) return i;
    return 0;
}
