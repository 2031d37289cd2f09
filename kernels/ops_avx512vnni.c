/* ops_avx512vnni.c - norms, activations and log-sum-exp tiles with AVX-512: the 16
 * virtual lanes of a reduction are one register. Tails are masked. */
#include <immintrin.h>
#include <math.h>
#include "kernels/fmath_avx512.h"
#include "kernels/lanes_avx512.h"
#include "kernels/sets.h"

bool kern_available_avx512vnni(void)
{
    /* The compiler's run-time asks the operating system (XGETBV) before it reports AVX-512. */
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni") && kern_available_avx2();
}

/* ---- Elementwise -------------------------------------------------------------------------- */

void kern_rmsnorm_avx512vnni(float *out, const float *x, const float *w, size_t n, float eps)
{
    __m512 acc = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16) {
        const __m512 v = _mm512_maskz_loadu_ps(first_lanes(n - i), x + i);
        acc = _mm512_fmadd_ps(v, v, acc);
    }
    const __m512 factor = _mm512_set1_ps(1.0f / sqrtf(lanes_sum(acc) / (float)n + eps));
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        const __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x + i), factor);
        _mm512_mask_storeu_ps(out + i, m, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(m, w + i)));
    }
}

void kern_layernorm_avx512vnni(float *out, const float *x, const float *w, const float *b, size_t n,
                               float eps)
{
    __m512 acc = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16)
        acc = _mm512_add_ps(acc, _mm512_maskz_loadu_ps(first_lanes(n - i), x + i));
    const __m512 mean = _mm512_set1_ps(lanes_sum(acc) / (float)n);
    acc = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        const __m512 d = _mm512_maskz_sub_ps(m, _mm512_maskz_loadu_ps(m, x + i), mean);
        acc = _mm512_fmadd_ps(d, d, acc);
    }
    const __m512 factor = _mm512_set1_ps(1.0f / sqrtf(lanes_sum(acc) / (float)n + eps));
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        const __m512 d =
            _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(m, x + i), mean), factor);
        _mm512_mask_storeu_ps(
            out + i, m,
            _mm512_fmadd_ps(d, _mm512_maskz_loadu_ps(m, w + i), _mm512_maskz_loadu_ps(m, b + i)));
    }
}

void kern_silu_mul_avx512vnni(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        const __m512 g = fmath_silu_avx512(_mm512_maskz_loadu_ps(m, gate + i));
        _mm512_mask_storeu_ps(out + i, m, _mm512_mul_ps(g, _mm512_maskz_loadu_ps(m, up + i)));
    }
}

void kern_gelu_mul_avx512vnni(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        const __m512 g = fmath_gelu_avx512(_mm512_maskz_loadu_ps(m, gate + i));
        _mm512_mask_storeu_ps(out + i, m, _mm512_mul_ps(g, _mm512_maskz_loadu_ps(m, up + i)));
    }
}

void kern_gelu_avx512vnni(float *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        _mm512_mask_storeu_ps(out + i, m, fmath_gelu_avx512(_mm512_maskz_loadu_ps(m, x + i)));
    }
}

void kern_swiglu_clamped_avx512vnni(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        _mm512_mask_storeu_ps(out + i, m,
                              fmath_swiglu_clamped_avx512(_mm512_maskz_loadu_ps(m, gate + i),
                                                          _mm512_maskz_loadu_ps(m, up + i)));
    }
}

void kern_add_scaled_avx512vnni(float *y, const float *x, float a, size_t n)
{
    const __m512 factor = _mm512_set1_ps(a);
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        _mm512_mask_storeu_ps(y + i, m,
                              _mm512_fmadd_ps(factor, _mm512_maskz_loadu_ps(m, x + i),
                                              _mm512_maskz_loadu_ps(m, y + i)));
    }
}

void kern_add_avx512vnni(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        _mm512_mask_storeu_ps(
            x + i, m,
            _mm512_add_ps(_mm512_maskz_loadu_ps(m, x + i), _mm512_maskz_loadu_ps(m, y + i)));
    }
}

/* ---- Vocabulary --------------------------------------------------------------------------- */

static float max_of(const float *x, size_t n)
{
    const __m512 none = _mm512_set1_ps(-INFINITY);
    __m512 top[4] = {none, none, none, none};
    size_t i = 0;
    for (; i + 64 <= n; i += 64)
        for (size_t v = 0; v < 4; v++)
            top[v] = _mm512_max_ps(top[v], _mm512_loadu_ps(x + i + 16 * v));
    for (; i < n; i += 16)
        top[0] = _mm512_max_ps(top[0], _mm512_mask_loadu_ps(none, first_lanes(n - i), x + i));
    return _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(top[0], top[1]), _mm512_max_ps(top[2], top[3])));
}

void kern_lse_tile_avx512vnni(const float *x, size_t n, float *m, float *sum)
{
    *m =
        max_of(x, n) + 0.0f; /* -0 becomes 0: which of the two a register keeps is its own affair */
    const __m512 max = _mm512_set1_ps(*m), none = _mm512_set1_ps(-INFINITY);
    __m512 acc = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16) {
        const __m512 v = _mm512_mask_loadu_ps(none, first_lanes(n - i), x + i);
        acc = _mm512_add_ps(acc, fmath_exp_avx512(_mm512_sub_ps(v, max)));
    }
    *sum = lanes_sum(acc);
}

size_t kern_argmax_avx512vnni(const float *x, size_t n)
{
    const __m512 max = _mm512_set1_ps(max_of(x, n));
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = first_lanes(n - i);
        const __mmask16 hit =
            _mm512_mask_cmp_ps_mask(m, _mm512_maskz_loadu_ps(m, x + i), max, _CMP_EQ_OQ);
        if (hit) return i + (size_t)__builtin_ctz(hit);
    }
    return 0;
}
