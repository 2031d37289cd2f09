/* ops_avx2.c - norms, activations, attention and log-sum-exp tiles with AVX2 and FMA. The 16
 * virtual lanes of a reduction are two registers: lanes 0-7 and 8-15. */
#include <cpuid.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>
#include "kernels/fmath_avx2.h"
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

typedef struct {
    __m256 lo, hi;
} lanes16;

/* Halves 16, 8, 4, 2, 1. */
static inline float lanes_sum(lanes16 v)
{
    const __m256 s8 = _mm256_add_ps(v.lo, v.hi);
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}

static inline float max8(__m256 v)
{
    const __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 m2 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
    return _mm_cvtss_f32(_mm_max_ss(m2, _mm_movehdup_ps(m2)));
}

/* Lanes below n (which may exceed 8) are all ones. */
static inline __m256i first_lanes(size_t n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n < 8 ? n : 8)), lane);
}

/* 16 elements at x of which n exist; the others are `missing`. */
static inline lanes16 load_tail(const float *x, size_t n, float missing)
{
    const __m256i lo = first_lanes(n), hi = first_lanes(n > 8 ? n - 8 : 0);
    const __m256 fill = _mm256_set1_ps(missing);
    return (lanes16){
        _mm256_blendv_ps(fill, _mm256_maskload_ps(x, lo), _mm256_castsi256_ps(lo)),
        _mm256_blendv_ps(fill, _mm256_maskload_ps(x + (n > 8 ? 8 : 0), hi),
                         _mm256_castsi256_ps(hi)),
    };
}

static inline lanes16 load16(const float *x)
{
    return (lanes16){_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8)};
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

/* ---- Attention: a lane is a position, then an output dimension ---------------------------- */

typedef struct {
    float max, sum;
} softmax_state;

enum { VECTORS = KERN_ATTN_BLOCK / 8 };

static inline void page_scores(__m256 scores[VECTORS], const float *q, const float *k_page,
                               size_t head_dim)
{
    __m256 acc[VECTORS];
    for (size_t v = 0; v < VECTORS; v++)
        acc[v] = _mm256_setzero_ps();
    for (size_t d = 0; d < head_dim; d++) {
        const __m256 x = _mm256_broadcast_ss(q + d);
        const float *row = k_page + d * KERN_ATTN_BLOCK;
        for (size_t v = 0; v < VECTORS; v++)
            acc[v] = _mm256_fmadd_ps(x, _mm256_loadu_ps(row + 8 * v), acc[v]);
    }
    for (size_t v = 0; v < VECTORS; v++)
        scores[v] = acc[v];
}

/* Positions outside j0..j1 become -inf: their weight is 0, whatever the page holds there. */
static inline void mask_scores(__m256 scores[VECTORS], size_t j0, size_t j1)
{
    const __m256i from = _mm256_set1_epi32((int)j0 - 1), to = _mm256_set1_epi32((int)j1);
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (size_t v = 0; v < VECTORS; v++) {
        const __m256i seen =
            _mm256_and_si256(_mm256_cmpgt_epi32(lane, from), _mm256_cmpgt_epi32(to, lane));
        scores[v] =
            _mm256_blendv_ps(_mm256_set1_ps(-INFINITY), scores[v], _mm256_castsi256_ps(seen));
        lane = _mm256_add_epi32(lane, _mm256_set1_epi32(8));
    }
}

static inline float softmax_block(softmax_state *state, __m256 scores[VECTORS],
                                  float weights[KERN_ATTN_BLOCK])
{
    __m256 top = _mm256_set1_ps(state->max);
    for (size_t v = 0; v < VECTORS; v++)
        top = _mm256_max_ps(top, scores[v]);
    const float max = max8(top);
    const float shrink = _mm256_cvtss_f32(fmath_exp_avx2(_mm256_set1_ps(state->max - max)));
    lanes16 acc = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (size_t v = 0; v < VECTORS; v += 2) {
        const __m256 lo = fmath_exp_avx2(_mm256_sub_ps(scores[v], _mm256_set1_ps(max)));
        const __m256 hi = fmath_exp_avx2(_mm256_sub_ps(scores[v + 1], _mm256_set1_ps(max)));
        acc = (lanes16){_mm256_add_ps(acc.lo, lo), _mm256_add_ps(acc.hi, hi)};
        _mm256_storeu_ps(weights + 8 * v, lo);
        _mm256_storeu_ps(weights + 8 * v + 8, hi);
    }
    state->max = max;
    state->sum = fmaf(state->sum, shrink, lanes_sum(acc));
    return shrink;
}

/* n <= 8 registers of output dimensions, in registers through all positions of the page. */
static inline __attribute__((always_inline)) void gather_dims(float *out, const float *weights,
                                                              float shrink, const float *values,
                                                              size_t head_dim, size_t j0, size_t j1,
                                                              size_t n)
{
    __m256 acc[8];
    for (size_t v = 0; v < n; v++)
        acc[v] = _mm256_mul_ps(_mm256_loadu_ps(out + 8 * v), _mm256_set1_ps(shrink));
    for (size_t j = j0; j < j1; j++) {
        const __m256 p = _mm256_broadcast_ss(weights + j);
        for (size_t v = 0; v < n; v++)
            acc[v] = _mm256_fmadd_ps(p, _mm256_loadu_ps(values + j * head_dim + 8 * v), acc[v]);
    }
    for (size_t v = 0; v < n; v++)
        _mm256_storeu_ps(out + 8 * v, acc[v]);
}

static void gather_values(float *out, const float *weights, float shrink, const float *v_page,
                          size_t head_dim, size_t j0, size_t j1)
{
    size_t d = 0;
    for (; d + 64 <= head_dim; d += 64)
        gather_dims(out + d, weights, shrink, v_page + d, head_dim, j0, j1, 8);
    for (; d + 8 <= head_dim; d += 8)
        gather_dims(out + d, weights, shrink, v_page + d, head_dim, j0, j1, 1);
    for (; d < head_dim; d++) {
        out[d] *= shrink;
        for (size_t j = j0; j < j1; j++)
            out[d] = fmaf(weights[j], v_page[j * head_dim + d], out[d]);
    }
}

static void attend(const kern_attn *job, size_t query)
{
    const float *q = job->q + query * job->head_dim;
    float *out = job->out + query * job->head_dim;
    softmax_state state = {-INFINITY, 0.0f};
    memset(out, 0, job->head_dim * sizeof *out);
    for (size_t pos = job->pos_from; pos < job->pos_to;) {
        const size_t page = pos / KERN_ATTN_BLOCK, first = page * KERN_ATTN_BLOCK;
        const size_t left = job->pos_to - first;
        const size_t j0 = pos - first, j1 = left < KERN_ATTN_BLOCK ? left : KERN_ATTN_BLOCK;
        __m256 scores[VECTORS];
        float weights[KERN_ATTN_BLOCK];
        page_scores(scores, q, job->k_pages[page], job->head_dim);
        if (j0 > 0 || j1 < KERN_ATTN_BLOCK) mask_scores(scores, j0, j1);
        const float shrink = softmax_block(&state, scores, weights);
        gather_values(out, weights, shrink, job->v_pages[page], job->head_dim, j0, j1);
        pos = first + j1;
    }
    for (size_t d = 0; d < job->head_dim; d++)
        out[d] /= state.sum;
}

void kern_attention_avx2(const kern_attn *job)
{
    for (size_t query = 0; query < job->n_queries; query++)
        attend(job, query);
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
