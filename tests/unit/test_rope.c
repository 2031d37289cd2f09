/* test_rope.c - frequencies of the rotary embedding against formulas in the C library's double and
 * against figures published for gpt-oss. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "runners/local/rope.h"

static rope make(arena *a, const rope_spec *spec, size_t n_pairs, const float *divisors)
{
    waage_err err = {0};
    rope r;
    if (rope_make(&r, a, spec, n_pairs, divisors, 1000, "x.gguf", &err) != WAAGE_OK)
        fail_msg("%s", err.msg);
    return r;
}

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-13 * fabs(b))) fail_msg("%.17g is not %.17g", a, b);
}

static void test_plain_and_linear(void **state)
{
    (void)state;
    arena a = {0};
    rope_spec s = rope_spec_plain(10000.0);
    const float divisors[4] = {1.0f, 2.0f, 8.0f, 0.5f};
    const rope plain = make(&a, &s, 4, NULL), divided = make(&a, &s, 4, divisors);
    s.kind = ROPE_LINEAR;
    s.factor = 8.0;
    const rope linear = make(&a, &s, 4, NULL);
    for (size_t i = 0; i < 4; i++) {
        const double f = pow(10000.0, -(double)i / 4.0);
        near(plain.freq[i], f);
        near(divided.freq[i], f / (double)divisors[i]);
        near(linear.freq[i], f / 8.0);
    }
    arena_free(&a);
}

/* gpt-oss: 64 rotated elements, base 150000, factor 32, context 4096. The ramp runs from 8.0928 to
 * 17.398; rounded, from 8 to 18. */
static void check_ramp(bool exact, double low, double high)
{
    arena a = {0};
    rope_spec s = rope_spec_plain(150000.0);
    s.kind = ROPE_YARN;
    s.factor = 32.0;
    s.context = 4096.0;
    s.exact_ramp = exact;
    const rope r = make(&a, &s, 32, NULL);
    for (size_t i = 0; i < 32; i++) {
        const double f = pow(150000.0, -(double)i / 32.0);
        const double slow = fmin(fmax(((double)i - low) / (high - low), 0.0), 1.0);
        const double want = f / 32.0 * slow + f * (1.0 - slow);
        if (!(fabs(r.freq[i] - want) <= 2e-4 * want)) /* the figures have five digits */
            fail_msg("pair %zu: %g, not %g", i, r.freq[i], want);
    }
    arena_free(&a);
}

static void test_yarn(void **state)
{
    (void)state;
    check_ramp(true, 8.0928, 17.398);
    check_ramp(false, 8.0, 18.0);
    assert_true(fabs(rope_yarn_scale(32.0) - 1.3466) < 1e-4);
    assert_true(rope_yarn_scale(1.0) == 1.0);
}

/* Every pair turns often within the context, or none does: the ramp has no width. */
static void test_yarn_without_a_ramp(void **state)
{
    (void)state;
    arena a = {0};
    rope_spec s = rope_spec_plain(10000.0);
    s.kind = ROPE_YARN;
    s.factor = 4.0;
    s.context = 2.0;
    const rope slow = make(&a, &s, 8, NULL);
    near(slow.freq[0], 1.0); /* the ramp ends right behind pair 0 */
    for (size_t i = 1; i < 8; i++)
        near(slow.freq[i], pow(10000.0, -(double)i / 8.0) / 4.0);
    arena_free(&a);
}

static void test_table(void **state)
{
    (void)state;
    arena a = {0};
    rope_spec s = rope_spec_plain(10000.0);
    float c[4], n[4], c2[4], n2[4];
    const rope r = make(&a, &s, 4, NULL);
    s.scale = 1.5;
    const rope scaled = make(&a, &s, 4, NULL);
    rope_table(&r, c, n, 777);
    rope_table(&scaled, c2, n2, 777);
    for (size_t i = 0; i < 4; i++) {
        assert_true(c[i] == (float)cos(777.0 * r.freq[i]));
        assert_true(n[i] == (float)sin(777.0 * r.freq[i]));
        assert_true(c2[i] == (float)(1.5 * cos(777.0 * r.freq[i])));
        assert_true(n2[i] == (float)(1.5 * sin(777.0 * r.freq[i])));
    }
    arena_free(&a);
}

static void test_impossible_angles(void **state)
{
    (void)state;
    arena a = {0};
    rope r;
    const float divisors[] = {1.0f, -1.0f, NAN, 0.0f};
    for (size_t i = 1; i < 4; i++) {
        waage_err err = {0};
        const rope_spec s = rope_spec_plain(10000.0);
        float d[2] = {1.0f, divisors[i]};
        assert_int_equal(rope_make(&r, &a, &s, 2, d, 1000, "x.gguf", &err), WAAGE_EFORMAT);
        assert_non_null(strstr(err.msg, "x.gguf: the rotary embedding turns pair 1"));
    }
    arena_free(&a);
}

int test_rope(void);
int test_rope(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_linear),    cmocka_unit_test(test_yarn),
        cmocka_unit_test(test_yarn_without_a_ramp), cmocka_unit_test(test_table),
        cmocka_unit_test(test_impossible_angles),
    };
    return cmocka_run_group_tests_name("rope", tests, NULL, NULL);
}
