/* ops_avx512vnni.c - norms, activations, attention and log-sum-exp tiles with AVX-512: the 16
 * virtual lanes of a reduction are one register. Tails are masked. */
#include <immintrin.h>
#include <math.h>
#include <string.h>
#include "kernels/fmath_avx512.h"
#include "kernels/sets.h"

#define INLINE static inline __attribute__((always_inline))

bool kern_available_avx512vnni(void)
{
    /* The compiler's run-time asks the operating system (XGETBV) before it reports AVX-512. */
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni") && kern_available_avx2();
}

/* Halves 16, 8, 4, 2, 1. */
static inline float lanes_sum(__m512 v)
{
    const __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}

/* The first n (at most 16) lanes. */
static inline __mmask16 first_lanes(size_t n)
{
    return n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1u);
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

/* ---- Attention: a lane is a position, then an output dimension. Up to 4 query heads go together,
 * so that a page is read once for all of them. --------------------------------------------------
 */

enum { QUERIES = 4, VECTORS = KERN_ATTN_BLOCK / 16 };

typedef struct {
    float max[QUERIES], sum[QUERIES], shrink[QUERIES];
    float weights[QUERIES][KERN_ATTN_BLOCK];
} softmax_state;

/* What is visible of a page, and the job it belongs to. */
typedef struct {
    const float *q, *k, *v; /* (nq, head_dim), (head_dim, 64), (64, head_dim) */
    float *out;             /* (nq, head_dim) */
    size_t head_dim, j0, j1;
} page_view;

INLINE void page_scores(__m512 scores[QUERIES][VECTORS], const page_view *p, size_t nq)
{
    for (size_t i = 0; i < nq; i++)
        for (size_t v = 0; v < VECTORS; v++)
            scores[i][v] = _mm512_setzero_ps();
    for (size_t d = 0; d < p->head_dim; d++) {
        __m512 key[VECTORS];
        for (size_t v = 0; v < VECTORS; v++)
            key[v] = _mm512_loadu_ps(p->k + d * KERN_ATTN_BLOCK + 16 * v);
        for (size_t i = 0; i < nq; i++) {
            const __m512 x = _mm512_set1_ps(p->q[i * p->head_dim + d]);
            for (size_t v = 0; v < VECTORS; v++)
                scores[i][v] = _mm512_fmadd_ps(x, key[v], scores[i][v]);
        }
    }
}

/* Scores to weights exp(score - running maximum). A masked position counts as -inf: weight 0. */
INLINE void softmax_block(softmax_state *s, size_t i, __m512 scores[VECTORS], const page_view *p)
{
    const uint64_t below = p->j1 < 64 ? ((uint64_t)1 << p->j1) - 1 : ~(uint64_t)0;
    const uint64_t seen = below & (~(uint64_t)0 << p->j0);
    const __m512 none = _mm512_set1_ps(-INFINITY);
    __m512 top = _mm512_set1_ps(s->max[i]), acc = _mm512_setzero_ps();
    for (size_t v = 0; v < VECTORS; v++) {
        scores[v] = _mm512_mask_mov_ps(none, (__mmask16)(seen >> 16 * v), scores[v]);
        top = _mm512_max_ps(top, scores[v]);
    }
    const float max = _mm512_reduce_max_ps(top);
    for (size_t v = 0; v < VECTORS; v++) {
        const __m512 e = fmath_exp_avx512(_mm512_sub_ps(scores[v], _mm512_set1_ps(max)));
        acc = _mm512_add_ps(acc, e);
        _mm512_storeu_ps(s->weights[i] + 16 * v, e);
    }
    s->shrink[i] = _mm512_cvtss_f32(fmath_exp_avx512(_mm512_set1_ps(s->max[i] - max)));
    s->max[i] = max;
    s->sum[i] = fmaf(s->sum[i], s->shrink[i], lanes_sum(acc));
}

/* Output dimensions d .. d + 16*n - 1 (the lanes of `last` in the last register). */
INLINE void gather_dims(const softmax_state *s, const page_view *p, size_t d, size_t n,
                        __mmask16 last, size_t nq)
{
    __m512 acc[QUERIES][VECTORS];
    for (size_t i = 0; i < nq; i++)
        for (size_t v = 0; v < n; v++) {
            const __mmask16 m = v + 1 < n ? (__mmask16)0xffff : last;
            const __m512 old = _mm512_maskz_loadu_ps(m, p->out + i * p->head_dim + d + 16 * v);
            acc[i][v] = _mm512_mul_ps(old, _mm512_set1_ps(s->shrink[i]));
        }
    for (size_t j = p->j0; j < p->j1; j++) {
        __m512 value[VECTORS];
        for (size_t v = 0; v < n; v++)
            value[v] = _mm512_maskz_loadu_ps(v + 1 < n ? (__mmask16)0xffff : last,
                                             p->v + j * p->head_dim + d + 16 * v);
        for (size_t i = 0; i < nq; i++)
            for (size_t v = 0; v < n; v++)
                acc[i][v] = _mm512_fmadd_ps(_mm512_set1_ps(s->weights[i][j]), value[v], acc[i][v]);
    }
    for (size_t i = 0; i < nq; i++)
        for (size_t v = 0; v < n; v++)
            _mm512_mask_storeu_ps(p->out + i * p->head_dim + d + 16 * v,
                                  v + 1 < n ? (__mmask16)0xffff : last, acc[i][v]);
}

INLINE void attend_page(softmax_state *s, const page_view *p, size_t nq)
{
    __m512 scores[QUERIES][VECTORS];
    page_scores(scores, p, nq);
    for (size_t i = 0; i < nq; i++)
        softmax_block(s, i, scores[i], p);
    size_t d = 0;
    for (; d + 64 <= p->head_dim; d += 64)
        gather_dims(s, p, d, 4, 0xffff, nq);
    for (; d < p->head_dim; d += 16)
        gather_dims(s, p, d, 1, first_lanes(p->head_dim - d), nq);
}

static void attend(const kern_attn *job, size_t first_query, size_t nq)
{
    const size_t at = first_query * job->head_dim;
    page_view p = {.q = job->q + at, .out = job->out + at, .head_dim = job->head_dim};
    softmax_state s = {.max = {-INFINITY, -INFINITY, -INFINITY, -INFINITY}};
    memset(p.out, 0, nq * p.head_dim * sizeof *p.out);
    for (size_t pos = job->pos_from; pos < job->pos_to; pos = (pos / 64 + 1) * 64) {
        const size_t page = pos / KERN_ATTN_BLOCK, left = job->pos_to - page * KERN_ATTN_BLOCK;
        p.k = job->k_pages[page];
        p.v = job->v_pages[page];
        p.j0 = pos % KERN_ATTN_BLOCK;
        p.j1 = left < KERN_ATTN_BLOCK ? left : KERN_ATTN_BLOCK;
        switch (nq) {
        case 1:
            attend_page(&s, &p, 1);
            break;
        case 2:
            attend_page(&s, &p, 2);
            break;
        case 3:
            attend_page(&s, &p, 3);
            break;
        default:
            attend_page(&s, &p, 4);
            break;
        }
    }
    for (size_t i = 0; i < nq; i++)
        for (size_t d = 0; d < p.head_dim; d++)
            p.out[i * p.head_dim + d] /= s.sum[i];
}

void kern_attention_avx512vnni(const kern_attn *job)
{
    for (size_t i = 0; i < job->n_queries; i += QUERIES) {
        const size_t left = job->n_queries - i;
        attend(job, i, left < QUERIES ? left : QUERIES);
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
