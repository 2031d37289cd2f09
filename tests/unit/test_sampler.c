/* test_sampler.c - the sampler against a plain reference (sort, then sum), and its edges. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "harness/base/rng.h"
#include "kernels/fmath.h"
#include "runners/local/sampler.h"

enum { N = 1000 };

typedef struct {
    float logit;
    double p;
    int32_t id;
} entry;

static int by_order(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->logit != y->logit) return x->logit < y->logit ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

/* docs/arithmetic.md in the simplest words. */
static int32_t reference(const float *logits, const sampling *how, double u)
{
    static entry e[N];
    size_t n = N;
    for (size_t i = 0; i < N; i++)
        e[i] = (entry){logits[i], 0, (int32_t)i};
    qsort(e, N, sizeof *e, by_order);
    if (how->temperature <= 0) return e[0].id;
    for (size_t i = 0; i < N; i++)
        e[i].p = (double)fmath_exp(
            (float)(((double)e[i].logit - (double)e[0].logit) / how->temperature));
    if (how->top_k > 0 && (size_t)how->top_k < n) n = (size_t)how->top_k;
    double sum = 0, part = 0;
    for (size_t i = 0; i < n; i++)
        sum += e[i].p;
    if (how->top_p < 1) {
        size_t kept = 0;
        while (kept < n && part < how->top_p * sum)
            part += e[kept++].p;
        n = kept > 0 ? kept : 1;
    }
    while (n > 1 && e[n - 1].p < how->min_p * e[0].p)
        n--;
    sum = part = 0;
    for (size_t i = 0; i < n; i++)
        sum += e[i].p;
    for (size_t i = 0; i < n; i++) {
        part += e[i].p;
        if (part > u * sum) return e[i].id;
    }
    return e[n - 1].id;
}

/* Coarse values, so that many logits are equal; both zeros occur. */
static void random_logits(float *x, uint64_t stream, double scale)
{
    rng r;
    rng_init(&r, 3, stream);
    for (size_t i = 0; i < N; i++) {
        x[i] = (float)(floor((rng_uniform(&r) - 0.5) * 200) / 100 * scale);
        if (x[i] == 0.0f && rng_below(&r, 2)) x[i] = -0.0f;
    }
}

static void test_against_reference(void **state)
{
    (void)state;
    static const sampling ways[] = {
        {0, 0, 1, 0, 1},       {1, 0, 1, 0, 1},      {0.7, 0, 1, 0, 1},    {1, 40, 1, 0, 1},
        {1, 0, 0.9, 0, 1},     {1.3, 0, 1, 0.05, 1}, {1, 50, 0.8, 0.1, 1}, {0.01, 0, 1, 0, 1},
        {100, 0, 0.999, 0, 1}, {1, 1, 1, 0, 1},      {1, 5000, 1, 1, 1},   {1, 0, 0, 0, 1},
    };
    static float x[N];
    waage_err err = {0};
    sampler s;
    const kern_set *kern = kern_set_find(NULL);
    assert_int_equal(sampler_create(&s, N, &err), WAAGE_OK);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        for (uint64_t i = 0; i < 200; i++) {
            const double u = i == 0 ? 0 : i == 1 ? 1 - 0x1p-53 : rng_at(9, w, 0, (uint32_t)i);
            random_logits(x, i, i % 3 == 0 ? 0.5 : i % 3 == 1 ? 10 : 100);
            assert_int_equal(sampler_pick(&s, kern, x, &ways[w], u), reference(x, &ways[w], u));
        }
    sampler_free(&s);
}

/* 40,000 draws follow the distribution (chi-squared over four tokens, p < 1e-6 would be 31). */
static void test_frequencies(void **state)
{
    (void)state;
    const float x[4] = {0.0f, 1.0f, -1.0f, 2.0f};
    const sampling how = {1, 0, 1, 0, 1};
    double count[4] = {0}, sum = 0, chi = 0;
    waage_err err = {0};
    sampler s;
    const uint32_t n = 40000;
    assert_int_equal(sampler_create(&s, 4, &err), WAAGE_OK);
    for (uint32_t i = 0; i < n; i++)
        count[sampler_pick(&s, kern_set_find(NULL), x, &how, rng_at(1, 2, 3, i))]++;
    for (size_t i = 0; i < 4; i++)
        sum += exp((double)x[i]);
    for (size_t i = 0; i < 4; i++) {
        const double expect = n * exp((double)x[i]) / sum;
        chi += (count[i] - expect) * (count[i] - expect) / expect;
    }
    assert_true(chi < 31);
    sampler_free(&s);
}

static void test_ties_go_to_the_lowest_id(void **state)
{
    (void)state;
    const float x[5] = {1, 3, 3, -2, 3};
    const sampling greedy = SAMPLING_GREEDY, cold = {1e-30, 0, 1, 0, 1};
    waage_err err = {0};
    sampler s;
    assert_int_equal(sampler_create(&s, 5, &err), WAAGE_OK);
    assert_int_equal(sampler_pick(&s, kern_set_find(NULL), x, &greedy, 0.99), 1);
    assert_int_equal(sampler_pick(&s, kern_set_find(NULL), x, &cold, 0.0), 1);
    assert_int_equal(sampler_pick(&s, kern_set_find(NULL), x, &cold, 0.5), 2);
    assert_int_equal(sampler_pick(&s, kern_set_find(NULL), x, &cold, 0.9), 4);
    sampler_free(&s);
}

int test_sampler(void);
int test_sampler(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_frequencies),
        cmocka_unit_test(test_ties_go_to_the_lowest_id),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
