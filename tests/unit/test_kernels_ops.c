/* test_kernels_ops.c - norms, activations, log-sum-exp, rotary embedding: every set
 * against the reference by memcmp, the reference against plain sums in double. */
#include <math.h>
#include "kernels/fmath.h"
#include "tests/unit/kernel_cases.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- Elementwise ----------------------------------------------------------------------------- */

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

/* x * sigmoid(x) shows e^x near 0, where exponents run out (-126 from -86.99 on) and where it
 * becomes 0. */
static void small_exponentials(const kern_set *set, const kern_set *ref)
{
    static const float starts[] = {-0x1p-126f, -0x1p-23f, -86.0f,  -86.6433f, -87.0f,
                                   -87.3365f,  -86.9897f, -88.37f, -103.97f,  -(float)INFINITY};
    enum { EACH = 100, N = COUNT(starts) * EACH };
    static float x[N], one[N], a[N], b[N];
    for (size_t i = 0; i < N; i++) {
        one[i] = 1.0f;
        x[i] = i % EACH == 0 ? nextafterf(starts[i / EACH], 0.0f)
                             : nextafterf(x[i - 1], -(float)INFINITY);
    }
    set->silu_mul(a, x, one, N);
    ref->silu_mul(b, x, one, N);
    for (size_t i = 0; i < N; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fail_msg("%s: silu(%a) is %a, not %a", set->name, (double)x[i], (double)a[i],
                     (double)b[i]);
}

static void test_elementwise(void **unused)
{
    (void)unused;
    case_each_set(small_exponentials);
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

/* ---- Vocabulary ------------------------------------------------------------------------------ */

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

/* ---- Rotary embedding ------------------------------------------------------------------------ */

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
        cmocka_unit_test(test_elementwise),      cmocka_unit_test(test_elementwise_values),
        cmocka_unit_test(test_vocabulary),       cmocka_unit_test(test_argmax_ties),
        cmocka_unit_test(test_logsumexp_values), cmocka_unit_test(test_rope),
    };
    return cmocka_run_group_tests_name("kernels_ops", tests, NULL, NULL);
}
