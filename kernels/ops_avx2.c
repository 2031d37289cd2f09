/* ops_avx2.c - norms, activations and log-sum-exp tiles with AVX2 and FMA. The 16
 * virtual lanes of a reduction are two registers: lanes 0-7 and 8-15. */
#include <cpuid.h>
#include <immintrin.h>
#include <math.h>
#include "kernels/fmath_avx2.h"
#include "kernels/lanes_avx2.h"
#include "kernels/sets.h"

bool kern_available_avx2(void)
{
    unsigned eax, ebx, ecx = 0, edx;
    /* The compiler's run-time asks the operating system (XGETBV) before it reports AVX2; it has no
     * word for F16C, which cpuid reports in leaf 1. */
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}

/* ---- Elementwise -------------------------------------------------------------------------- */

static inline lanes16 add_squares(lanes16 acc, lanes16 x)
{
    return (lanes16){_mm256_fmadd_ps(x.lo, x.lo, acc.lo), _mm256_fmadd_ps(x.hi, x.hi, acc.hi)};
}

void kern_rmsnorm_avx2(float *out, const float *x, const float *w, size_t n, float eps)
{
    lanes16 acc = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        acc = add_squares(acc, load16(x + i));
    if (i < n) acc = add_squares(acc, load_tail(x + i, n - i, 0.0f));
    const float inverse = 1.0f / sqrtf(lanes_sum(acc) / (float)n + eps);
    const __m256 factor = _mm256_set1_ps(inverse);
    for (i = 0; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), factor),
                                                _mm256_loadu_ps(w + i)));
    for (; i < n; i++)
        out[i] = x[i] * inverse * w[i];
}

static inline lanes16 minus(lanes16 x, float mean)
{
    const __m256 m = _mm256_set1_ps(mean);
    return (lanes16){_mm256_sub_ps(x.lo, m), _mm256_sub_ps(x.hi, m)};
}

static float mean_of(const float *x, size_t n)
{
    lanes16 acc = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i < n; i += 16) {
        const lanes16 v = i + 16 <= n ? load16(x + i) : load_tail(x + i, n - i, 0.0f);
        acc = (lanes16){_mm256_add_ps(acc.lo, v.lo), _mm256_add_ps(acc.hi, v.hi)};
    }
    return lanes_sum(acc) / (float)n;
}

void kern_layernorm_avx2(float *out, const float *x, const float *w, const float *b, size_t n,
                         float eps)
{
    const float mean = mean_of(x, n);
    lanes16 acc = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        acc = add_squares(acc, minus(load16(x + i), mean));
    /* a missing element is the mean: it adds nothing */
    if (i < n) acc = add_squares(acc, minus(load_tail(x + i, n - i, mean), mean));
    const float inverse = 1.0f / sqrtf(lanes_sum(acc) / (float)n + eps);
    const __m256 shift = _mm256_set1_ps(mean), factor = _mm256_set1_ps(inverse);
    for (i = 0; i + 8 <= n; i += 8) {
        const __m256 d = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(x + i), shift), factor);
        _mm256_storeu_ps(out + i,
                         _mm256_fmadd_ps(d, _mm256_loadu_ps(w + i), _mm256_loadu_ps(b + i)));
    }
    for (; i < n; i++)
        out[i] = fmaf((x[i] - mean) * inverse, w[i], b[i]);
}

void kern_silu_mul_avx2(float *out, const float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_mul_ps(fmath_silu_avx2(_mm256_loadu_ps(gate + i)),
                                                _mm256_loadu_ps(up + i)));
    for (; i < n; i++)
        out[i] = fmath_silu(gate[i]) * up[i];
}

void kern_gelu_mul_avx2(float *out, const float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_mul_ps(fmath_gelu_avx2(_mm256_loadu_ps(gate + i)),
                                                _mm256_loadu_ps(up + i)));
    for (; i < n; i++)
        out[i] = fmath_gelu(gate[i]) * up[i];
}

void kern_gelu_avx2(float *out, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, fmath_gelu_avx2(_mm256_loadu_ps(x + i)));
    for (; i < n; i++)
        out[i] = fmath_gelu(x[i]);
}

void kern_swiglu_clamped_avx2(float *out, const float *gate, const float *up, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(
            out + i, fmath_swiglu_clamped_avx2(_mm256_loadu_ps(gate + i), _mm256_loadu_ps(up + i)));
    for (; i < n; i++)
        out[i] = fmath_swiglu_clamped(gate[i], up[i]);
}

void kern_add_scaled_avx2(float *y, const float *x, float a, size_t n)
{
    const __m256 factor = _mm256_set1_ps(a);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i,
                         _mm256_fmadd_ps(factor, _mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    for (; i < n; i++)
        y[i] = fmaf(a, x[i], y[i]);
}

void kern_add_avx2(float *x, const float *y, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(x + i, _mm256_add_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    for (; i < n; i++)
        x[i] += y[i];
}

/* ---- Vocabulary --------------------------------------------------------------------------- */

static float max_of(const float *x, size_t n)
{
    __m256 top = _mm256_set1_ps(-INFINITY);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        top = _mm256_max_ps(top, _mm256_loadu_ps(x + i));
    float max = max8(top);
    for (; i < n; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

static inline lanes16 add_exp(lanes16 acc, lanes16 x, __m256 max)
{
    return (lanes16){_mm256_add_ps(acc.lo, fmath_exp_avx2(_mm256_sub_ps(x.lo, max))),
                     _mm256_add_ps(acc.hi, fmath_exp_avx2(_mm256_sub_ps(x.hi, max)))};
}

void kern_lse_tile_avx2(const float *x, size_t n, float *m, float *sum)
{
    *m =
        max_of(x, n) + 0.0f; /* -0 becomes 0: which of the two a register keeps is its own affair */
    const __m256 max = _mm256_set1_ps(*m);
    lanes16 acc = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        acc = add_exp(acc, load16(x + i), max);
    if (i < n) acc = add_exp(acc, load_tail(x + i, n - i, -INFINITY), max);
    *sum = lanes_sum(acc);
}

size_t kern_argmax_avx2(const float *x, size_t n)
{
    const __m256 max = _mm256_set1_ps(max_of(x, n));
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        if (_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + i), max, _CMP_EQ_OQ))) break;
    const float value = _mm_cvtss_f32(_mm256_castps256_ps128(max));
    for (; i < n; i++)
        if (x[i] == value) return i;
    return 0;
}
