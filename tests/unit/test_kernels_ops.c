/* test_kernels_ops.c - norms, activations, attention, log-sum-exp, rotary embedding: every set
 * against the reference by memcmp, the reference against plain sums in double. */
#include <math.h>
#include "kernels/fmath.h"
#include "tests/unit/kernel_cases.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- Elementwise -------------------------------------------------------------------------------
 */

enum { LONGEST = 1500 };
static const size_t lengths[] = {1, 7, 8, 15, 16, 17, 31, 33, 64, 100, 576, 1023, 1500};

/* Ordinary values with some that reach the ends of exp, zeros of both signs and subnormals. */
static void fill(uint64_t *state, float *x, size_t n)
{
    static const float odd[] = {0.0f,   -0.0f,   87.0f,     -87.0f, -87.00001f, 88.73f,
                                200.0f, -200.0f, 0x1p-140f, 1e19f,  -1e19f,     1e-30f};
    for (size_t i = 0; i < n; i++) {
        const uint32_t r = case_next(state) % 64;
        x[i] = r < COUNT(odd) ? odd[r] : case_unit(state) * 12.0f;
    }
}

typedef void mul_fn(float *out, const float *gate, const float *up, size_t n);

static void same_mul(mul_fn *f, mul_fn *want, const float *gate, const float *up, size_t n)
{
    float a[LONGEST + 1], b[LONGEST + 1];
    a[n] = b[n] = 42.0f; /* nothing may be written there */
    f(a, gate, up, n);
    want(b, gate, up, n);
    assert_memory_equal(a, b, (n + 1) * sizeof *a);
    memcpy(a, gate, n * sizeof *a); /* in place */
    f(a, a, up, n);
    assert_memory_equal(a, b, n * sizeof *a);
}

static void elementwise(const kern_set *set, const kern_set *ref)
{
    static float x[LONGEST + 1], y[LONGEST + 1], a[LONGEST + 1], b[LONGEST + 1];
    uint64_t state = 17;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (size_t shift = 0; shift < 2; shift++) { /* aligned and not */
            const size_t n = lengths[i] - shift;
            fill(&state, x, LONGEST + 1);
            fill(&state, y, LONGEST + 1);
            same_mul(set->silu_mul, ref->silu_mul, x + shift, y + shift, n);
            same_mul(set->gelu_mul, ref->gelu_mul, x + shift, y + shift, n);
            same_mul(set->swiglu_clamped, ref->swiglu_clamped, x + shift, y + shift, n);
            memcpy(a, x, sizeof a);
            memcpy(b, x, sizeof b);
            set->add_scaled(a + shift, y + shift, 0.37f, n);
            ref->add_scaled(b + shift, y + shift, 0.37f, n);
            assert_memory_equal(a, b, sizeof a);
            set->add(a + shift, y + shift, n);
            ref->add(b + shift, y + shift, n);
            assert_memory_equal(a, b, sizeof a);
            for (size_t e = 0; e <= LONGEST; e++)
                x[e] = case_unit(&state);
            memcpy(a, x, sizeof a);
            memcpy(b, x, sizeof b);
            if (n == 0) continue;
            set->rmsnorm(a + shift, x + shift, y + shift, n, 1e-6f);
            ref->rmsnorm(b + shift, x + shift, y + shift, n, 1e-6f);
            assert_memory_equal(a, b, sizeof a);
            set->rmsnorm(x + shift, x + shift, y + shift, n, 1e-6f); /* in place */
            assert_memory_equal(x, b, sizeof x);
        }
    }
}

static void layernorm_and_gelu(const kern_set *set, const kern_set *ref)
{
    static float x[LONGEST + 1], w[LONGEST + 1], shift[LONGEST + 1], a[LONGEST + 1], b[LONGEST + 1];
    uint64_t state = 19;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        const size_t n = lengths[i];
        fill(&state, x, LONGEST + 1);
        for (size_t e = 0; e <= LONGEST; e++)
            a[e] = b[e] = w[e] = shift[e] = case_unit(&state);
        set->gelu(a, x, n);
        ref->gelu(b, x, n);
        assert_memory_equal(a, b, sizeof a);
        for (size_t e = 0; e <= LONGEST; e++)
            x[e] = case_unit(&state) + 3.0f;
        set->layernorm(a, x, w, shift + 1, n, 1e-5f);
        ref->layernorm(b, x, w, shift + 1, n, 1e-5f);
        assert_memory_equal(a, b, sizeof a);
        memcpy(a, x, n * sizeof *a); /* in place */
        set->layernorm(a, a, w, shift + 1, n, 1e-5f);
        assert_memory_equal(a, b, sizeof a);
    }
}

static void test_elementwise(void **unused)
{
    (void)unused;
    case_each_set(elementwise);
    case_each_set(layernorm_and_gelu);
}

static void test_elementwise_values(void **unused)
{
    const kern_set *ref = kern_set_find("portable");
    float x[100], w[100], out[100];
    double squares = 0.0;
    uint64_t state = 23;
    (void)unused;
    for (size_t i = 0; i < 100; i++) {
        x[i] = case_unit(&state) * 5.0f;
        w[i] = case_unit(&state);
        squares += (double)x[i] * (double)x[i];
    }
    ref->rmsnorm(out, x, w, 100, 1e-5f);
    for (size_t i = 0; i < 100; i++)
        assert_true(fabs((double)out[i] -
                         (double)x[i] / sqrt(squares / 100.0 + 1e-5) * (double)w[i]) < 1e-6);
    double mean = 0.0, variance = 0.0;
    for (size_t i = 0; i < 100; i++)
        mean += (double)x[i] / 100.0;
    for (size_t i = 0; i < 100; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / 100.0;
    ref->layernorm(out, x, w, x, 100, 1e-5f);
    for (size_t i = 0; i < 100; i++)
        assert_true(fabs((double)out[i] -
                         ((double)x[i] - mean) / sqrt(variance + 1e-5) * (double)w[i] -
                         (double)x[i]) < 1e-5);
    ref->silu_mul(out, x, w, 100);
    for (size_t i = 0; i < 100; i++)
        assert_true(
            fabs((double)out[i] - (double)x[i] / (1.0 + exp(-(double)x[i])) * (double)w[i]) < 1e-6);
    ref->gelu_mul(out, x, w, 100);
    for (size_t i = 0; i < 100; i++) {
        const double v = (double)x[i];
        const double g = 0.5 * v * (1.0 + tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)));
        assert_true(fabs((double)out[i] - g * (double)w[i]) < 1e-6);
    }
    for (size_t i = 0; i < 100; i++) /* both clamps are reached */
        x[i] *= 4.0f, w[i] *= 15.0f;
    ref->swiglu_clamped(out, x, w, 100);
    for (size_t i = 0; i < 100; i++) {
        const double g = fmin((double)x[i], 7.0), u = fmax(-7.0, fmin((double)w[i], 7.0));
        assert_true(fabs((double)out[i] - g / (1.0 + exp(-1.702 * g)) * (u + 1.0)) < 2e-5);
    }
    assert_true(isnan(fmath_swiglu_clamped((float)NAN, 1.0f)));
    assert_true(isnan(fmath_swiglu_clamped(1.0f, (float)NAN)));
}

/* ---- Attention ----------------------------------------------------------------------------------
 */

typedef struct {
    kern_attn job;
    size_t n_pages;
    float *q, *out, *pages;
    const float **k_pages, **v_pages;
} case_attn;

static case_attn attn_new(uint64_t *state, size_t head_dim, size_t n_queries, size_t from,
                          size_t to)
{
    case_attn c = {.n_pages = (to + 63) / 64};
    const size_t page = 64 * head_dim;
    c.q = case_alloc(n_queries * head_dim * sizeof(float));
    c.out = case_alloc((n_queries * head_dim + 1) * sizeof(float));
    c.pages = case_alloc(2 * c.n_pages * page * sizeof(float));
    c.k_pages = case_alloc(c.n_pages * sizeof *c.k_pages);
    c.v_pages = case_alloc(c.n_pages * sizeof *c.v_pages);
    for (size_t i = 0; i < n_queries * head_dim; i++)
        c.q[i] = case_unit(state) * 2.0f / sqrtf((float)head_dim);
    for (size_t p = 0; p < c.n_pages; p++) {
        float *k = c.pages + 2 * p * page, *v = k + page;
        for (size_t i = 0; i < page; i++) {
            /* What must not be seen is NaN: it spoils the result if it gets in. */
            const size_t k_pos = p * 64 + i % 64, v_pos = p * 64 + i / head_dim;
            k[i] = k_pos >= from && k_pos < to ? case_unit(state) * 3.0f : (float)NAN;
            v[i] = v_pos >= from && v_pos < to ? case_unit(state) : (float)NAN;
        }
        c.k_pages[p] = (p + 1) * 64 > from ? k : NULL;
        c.v_pages[p] = (p + 1) * 64 > from ? v : NULL;
    }
    c.job = (kern_attn){head_dim, n_queries, c.q, c.k_pages, c.v_pages, 64, from, to, c.out};
    return c;
}

static void attn_free(case_attn *c)
{
    free(c->q);
    free(c->out);
    free(c->pages);
    free(c->k_pages);
    free(c->v_pages);
}

/* {head_dim, queries, from, to} */
static const size_t attn_cases[][4] = {
    {64, 3, 0, 1},    {64, 3, 0, 63},   {64, 3, 0, 64},   {64, 3, 0, 65},    {64, 1, 0, 200},
    {64, 9, 5, 333},  {256, 4, 0, 130}, {256, 4, 70, 75}, {256, 1, 64, 128}, {128, 2, 100, 612},
    {80, 5, 3, 190},  {96, 7, 63, 65},  {16, 1, 0, 700},  {8, 3, 17, 70},    {20, 6, 1, 129},
    {576, 2, 60, 70}, {1, 1, 0, 3},
};

static void attention(const kern_set *set, const kern_set *ref)
{
    uint64_t state = 31;
    for (size_t i = 0; i < COUNT(attn_cases); i++) {
        const size_t *p = attn_cases[i];
        case_attn c = attn_new(&state, p[0], p[1], p[2], p[3]);
        const size_t bytes = (p[0] * p[1] + 1) * sizeof(float);
        float *want = case_alloc(bytes);
        ref->attention(&c.job);
        memcpy(want, c.out, bytes);
        memset(c.out, 0xa5, bytes);
        set->attention(&c.job);
        if (memcmp(c.out, want, bytes) != 0)
            fail_msg("%s: attention differs: head %zu, %zu queries, %zu..%zu", set->name, p[0],
                     p[1], p[2], p[3]);
        free(want);
        attn_free(&c);
    }
}

static void test_attention(void **unused)
{
    (void)unused;
    case_each_set(attention);
}

/* softmax(q K) V of one query in double, everything at once. */
static void naive(const case_attn *c, size_t query, double *out)
{
    const size_t dim = c->job.head_dim;
    double scores[1024], max = -INFINITY, sum = 0.0;
    for (size_t pos = c->job.pos_from; pos < c->job.pos_to; pos++) {
        scores[pos] = 0.0;
        for (size_t d = 0; d < dim; d++)
            scores[pos] +=
                (double)c->q[query * dim + d] * (double)c->k_pages[pos / 64][d * 64 + pos % 64];
        max = fmax(max, scores[pos]);
    }
    for (size_t d = 0; d < dim; d++)
        out[d] = 0.0;
    for (size_t pos = c->job.pos_from; pos < c->job.pos_to; pos++) {
        const double p = exp(scores[pos] - max);
        sum += p;
        for (size_t d = 0; d < dim; d++)
            out[d] += p * (double)c->v_pages[pos / 64][pos % 64 * dim + d];
    }
    for (size_t d = 0; d < dim; d++)
        out[d] /= sum;
}

static void test_attention_values(void **unused)
{
    const kern_set *ref = kern_set_find("portable");
    uint64_t state = 37;
    double worst = 0.0, want[576];
    (void)unused;
    for (size_t i = 0; i < COUNT(attn_cases); i++) {
        const size_t *p = attn_cases[i];
        case_attn c = attn_new(&state, p[0], p[1], p[2], p[3]);
        ref->attention(&c.job);
        for (size_t query = 0; query < p[1]; query++) {
            naive(&c, query, want);
            for (size_t d = 0; d < p[0]; d++) {
                const double error = fabs((double)c.out[query * p[0] + d] - want[d]);
                assert_true(error == error); /* no NaN */
                worst = fmax(worst, error);
            }
        }
        attn_free(&c);
    }
    fprintf(stderr, "             attention: largest error %.2e\n", worst);
    assert_true(worst < 2e-6);
}

/* A query's answer depends on positions alone: not on its neighbours in the group, nor on what lies
 * in a page behind or before what it may see. */
static void attention_invariance(const kern_set *set)
{
    enum { DIM = 64, N = 7, FROM = 37, TO = 283 };
    uint64_t state = 41;
    case_attn c = attn_new(&state, DIM, N, FROM, TO);
    float whole[N * DIM], one[DIM];
    set->attention(&c.job);
    memcpy(whole, c.out, sizeof whole);
    for (size_t p = 0; p < c.n_pages; p++)
        for (size_t i = 0; i < (size_t)2 * 64 * DIM; i++)
            if (isnan(c.pages[p * 2 * 64 * DIM + i])) c.pages[p * 2 * 64 * DIM + i] = 1e30f;
    for (size_t query = 0; query < N; query++) {
        kern_attn job = c.job;
        job.n_queries = 1;
        job.q = c.q + query * DIM;
        job.out = one;
        set->attention(&job);
        assert_memory_equal(one, whole + query * DIM, sizeof one);
    }
    attn_free(&c);
}

static void test_attention_invariance(void **unused)
{
    (void)unused;
    for (const kern_set *const *s = kern_sets; *s; s++)
        if ((*s)->available()) attention_invariance(*s);
}

/* Far apart scores: the first block's weights vanish when the second's maximum is 100 above, and a
 * falling maximum leaves what was gathered alone. */
static void attention_far_scores(const kern_set *set)
{
    float k0[64], k1[64], v0[64], v1[64], out, q = 1.0f;
    const float *k_pages[2] = {k0, k1}, *v_pages[2] = {v0, v1};
    const kern_attn job = {1, 1, &q, k_pages, v_pages, 64, 0, 128, &out};
    for (size_t i = 0; i < 64; i++) {
        k0[i] = 0.0f, k1[i] = 100.0f;
        v0[i] = 5.0f, v1[i] = 3.0f;
    }
    set->attention(&job);
    assert_true(out == 3.0f);
    for (size_t i = 0; i < 64; i++)
        k1[i] = -100.0f;
    set->attention(&job);
    assert_true(out == 5.0f);
}

static void test_attention_far_scores(void **unused)
{
    (void)unused;
    for (const kern_set *const *s = kern_sets; *s; s++)
        if ((*s)->available()) attention_far_scores(*s);
}

/* ---- Vocabulary ---------------------------------------------------------------------------------
 */

static void vocabulary(const kern_set *set, const kern_set *ref)
{
    static float x[5000];
    uint64_t state = 43;
    for (size_t i = 0; i < 5000; i++)
        x[i] = case_unit(&state) * 20.0f;
    for (size_t n = 1; n <= KERN_LSE_TILE; n = n < 70 ? n + 1 : n + 159) {
        float m[2], sum[2];
        set->lse_tile(x + n, n, &m[0], &sum[0]);
        ref->lse_tile(x + n, n, &m[1], &sum[1]);
        assert_memory_equal(&m[0], &m[1], sizeof m[0]);
        assert_memory_equal(&sum[0], &sum[1], sizeof sum[0]);
        assert_int_equal(set->argmax(x + n, n), ref->argmax(x + n, n));
    }
    const double a = kern_logsumexp(set, x, 5000), b = kern_logsumexp(ref, x, 5000);
    assert_memory_equal(&a, &b, sizeof a);
    const float zeros[4] = {-0.0f, 0.0f, -0.0f, -1.0f};
    float m[2], sum;
    set->lse_tile(zeros, 4, &m[0], &sum);
    ref->lse_tile(zeros, 4, &m[1], &sum);
    assert_memory_equal(&m[0], &m[1], sizeof m[0]);
}

static void test_vocabulary(void **unused)
{
    (void)unused;
    case_each_set(vocabulary);
}

static void argmax_ties(const kern_set *set)
{
    float x[100];
    for (size_t first = 0; first < 100; first++) {
        for (size_t i = 0; i < 100; i++)
            x[i] = i == first || i > first + 2 ? 1.0f : -1.0f;
        assert_int_equal(set->argmax(x, 100), first);
    }
    for (size_t i = 0; i < 100; i++)
        x[i] = -(float)INFINITY;
    assert_int_equal(set->argmax(x, 100), 0);
    x[0] = -0.0f, x[1] = 0.0f; /* equal: the lower index */
    assert_int_equal(set->argmax(x, 2), 0);
}

static void test_argmax_ties(void **unused)
{
    (void)unused;
    for (const kern_set *const *s = kern_sets; *s; s++)
        if ((*s)->available()) argmax_ties(*s);
}

static void test_logsumexp_values(void **unused)
{
    enum { N = 50000 };
    const kern_set *ref = kern_set_find("portable");
    float *x = case_alloc(N * sizeof *x);
    uint64_t state = 47;
    double sum = 0.0;
    (void)unused;
    for (size_t i = 0; i < N; i++) {
        x[i] = case_unit(&state) * 15.0f - (i < 3000 ? 100.0f : 0.0f);
        sum += exp((double)x[i]);
    }
    assert_true(fabs(kern_logsumexp(ref, x, N) - log(sum)) < 1e-6);
    assert_true(kern_logsumexp(ref, x, 1) == (double)x[0]);
    free(x);
}

/* ---- Rotary embedding ---------------------------------------------------------------------------
 */

static void test_rope(void **unused)
{
    double freq[32];
    float c[32], s[32], adjacent[64], halves[64];
    (void)unused;
    for (size_t i = 0; i < 32; i++)
        freq[i] = fmath_pow_d(10000.0, -2.0 * (double)i / 64.0);
    kern_rope_table(c, s, freq, 32, 131071, 1.0);
    for (size_t i = 0; i < 32; i++) { /* rounded once: exactly the library's value, rounded */
        assert_true(fabs(cos(131071.0 * freq[i]) - (double)c[i]) <= 0x1p-25);
        assert_true(fabs(sin(131071.0 * freq[i]) - (double)s[i]) <= 0x1p-25);
    }
    for (size_t i = 0; i < 32; i++) {
        adjacent[2 * i] = halves[i] = (float)i + 1.0f;
        adjacent[2 * i + 1] = halves[i + 32] = 0.5f * (float)i - 3.0f;
    }
    kern_rope_adjacent(adjacent, c, s, 32);
    kern_rope_halves(halves, c, s, 32);
    for (size_t i = 0; i < 32; i++) {
        const double x = (double)i + 1.0, y = 0.5 * (double)i - 3.0;
        assert_true(adjacent[2 * i] == halves[i] && adjacent[2 * i + 1] == halves[i + 32]);
        assert_true(fabs((double)halves[i] - (x * (double)c[i] - y * (double)s[i])) < 1e-5);
        assert_true(fabs((double)halves[i + 32] - (y * (double)c[i] + x * (double)s[i])) < 1e-5);
    }
    kern_rope_table(c, s, freq, 32, 0, 1.0);
    assert_true(c[5] == 1.0f && s[5] == 0.0f);
}

int test_kernels_ops(void);
int test_kernels_ops(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_elementwise_values),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_values),
        cmocka_unit_test(test_attention_invariance),
        cmocka_unit_test(test_attention_far_scores),
        cmocka_unit_test(test_vocabulary),
        cmocka_unit_test(test_argmax_ties),
        cmocka_unit_test(test_logsumexp_values),
        cmocka_unit_test(test_rope),
    };
    return cmocka_run_group_tests_name("kernels_ops", tests, NULL, NULL);
}
