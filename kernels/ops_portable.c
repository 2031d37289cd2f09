/* ops_portable.c - the reference for everything but matrix products: norms, activations and
 * log-sum-exp tiles. */
#include <math.h>
#include <string.h>
#include "kernels/fmath.h"
#include "kernels/lanes.h"
#include "kernels/sets.h"

void kern_rmsnorm_portable(float *out, const float *x, const float *w, size_t n, float eps)
{
    float lane[LANES] = {0};
    for (size_t i = 0; i < n; i++)
        lane[i % LANES] = fmaf(x[i], x[i], lane[i % LANES]);
    const float inverse = 1.0f / sqrtf(lanes_sum(lane) / (float)n + eps);
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * inverse * w[i];
}

void kern_layernorm_portable(float *out, const float *x, const float *w, const float *b, size_t n,
                             float eps)
{
    float lane[LANES] = {0};
    for (size_t i = 0; i < n; i++)
        lane[i % LANES] += x[i];
    const float mean = lanes_sum(lane) / (float)n;
    memset(lane, 0, sizeof lane);
    for (size_t i = 0; i < n; i++)
        lane[i % LANES] = fmaf(x[i] - mean, x[i] - mean, lane[i % LANES]);
    const float inverse = 1.0f / sqrtf(lanes_sum(lane) / (float)n + eps);
    for (size_t i = 0; i < n; i++)
        out[i] = fmaf((x[i] - mean) * inverse, w[i], b[i]);
}

void kern_silu_mul_portable(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fmath_silu(gate[i]) * up[i];
}

void kern_gelu_mul_portable(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fmath_gelu(gate[i]) * up[i];
}

void kern_gelu_portable(float *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fmath_gelu(x[i]);
}

void kern_swiglu_clamped_portable(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fmath_swiglu_clamped(gate[i], up[i]);
}

void kern_add_portable(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
}

void kern_add_scaled_portable(float *y, const float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = fmaf(a, x[i], y[i]);
}

/* ---- Vocabulary --------------------------------------------------------------------------- */

void kern_lse_tile_portable(const float *x, size_t n, float *m, float *sum)
{
    float max = -INFINITY, lane[LANES] = {0};
    for (size_t i = 0; i < n; i++)
        max = x[i] > max ? x[i] : max;
    for (size_t i = 0; i < n; i++)
        lane[i % LANES] += fmath_exp(x[i] - max);
    *m = max + 0.0f; /* -0 becomes 0 */
    *sum = lanes_sum(lane);
}

size_t kern_argmax_portable(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}
