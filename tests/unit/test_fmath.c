/* test_fmath.c - our elementary functions against the C library in double, with the error in units
 * in the last place; and the values that must be exact. */
#include <math.h>
#include "kernels/fmath.h"
#include "tests/unit/kernel_cases.h"

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* |got - want| in units in the last place of want. */
static double ulps(float got, double want)
{
    int exponent;
    frexp(want, &exponent);
    return fabs((double)got - want) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

static double ulps_d(double got, double want)
{
    int exponent;
    frexp(want, &exponent);
    return fabs(got - want) / ldexp(1.0, exponent - 53);
}

/* Largest error of f over every step-th float of [from, to], both positive or both negative. */
static double worst(float (*f)(float), double (*want)(double), float from, float to, uint32_t step)
{
    uint32_t a, b;
    double w = 0.0;
    memcpy(&a, &from, sizeof a);
    memcpy(&b, &to, sizeof b);
    for (; a <= b; a += step) {
        const float x = from_bits(a);
        const double u = ulps(f(x), want((double)x));
        if (u > w) w = u;
    }
    return w;
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double silu(double x)
{
    return x * sigmoid(x);
}

static double gelu(double x)
{
    return x * sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x));
}

static void report(const char *name, double error, double bound)
{
    fprintf(stderr, "             %-8s largest error %.3f ulp (allowed %.1f)\n", name, error,
            bound);
    assert_true(error <= bound);
}

static void test_single(void **unused)
{
    const uint32_t step = 4093; /* about 270,000 floats for the widest range; prime */
    (void)unused;
    report("exp",
           fmax(worst(fmath_exp, exp, -1e-20f, -87.0f, step),
                worst(fmath_exp, exp, 1e-20f, 88.7f, step)),
           1.1);
    report("sigmoid",
           fmax(worst(fmath_sigmoid, sigmoid, -1e-20f, -86.0f, step),
                worst(fmath_sigmoid, sigmoid, 1e-20f, 80.0f, step)),
           2.5);
    report("tanh",
           fmax(worst(fmath_tanh, tanh, -1e-20f, -30.0f, step),
                worst(fmath_tanh, tanh, 1e-20f, 30.0f, step)),
           2.0);
    report("silu",
           fmax(worst(fmath_silu, silu, -1e-20f, -80.0f, step),
                worst(fmath_silu, silu, 1e-20f, 80.0f, step)),
           3.0);
    /* The exponent of the sigmoid reaches 60 with single precision's 2^-24: the error grows with
     * it. */
    report("gelu", worst(fmath_gelu, gelu, 1e-20f, 20.0f, step), 3.0);
    report("gelu -3", worst(fmath_gelu, gelu, -1e-20f, -3.0f, step), 24.0);
}

static void test_exact(void **unused)
{
    const float inf = (float)INFINITY;
    (void)unused;
    assert_true(fmath_exp(0.0f) == 1.0f && fmath_exp(-0.0f) == 1.0f);
    assert_true(fmath_exp(-87.0f) > 0.0f && fmath_exp(nextafterf(-87.0f, -100.0f)) == 0.0f);
    assert_true(fmath_exp(-inf) == 0.0f && fmath_exp(inf) == inf && fmath_exp(100.0f) == inf);
    assert_true(fmath_exp(88.72f) < inf && 0 != isnan(fmath_exp((float)NAN)));
    assert_true(fmath_sigmoid(0.0f) == 0.5f && fmath_sigmoid(200.0f) == 1.0f);
    assert_true(fmath_sigmoid(-200.0f) == 0.0f && fmath_silu(-1e30f) == 0.0f);
    assert_true(fmath_silu(1e30f) == 1e30f && fmath_gelu(1e30f) == 1e30f);
    assert_true(fmath_gelu(-1e30f) == 0.0f && 0 != isnan(fmath_silu((float)NAN)));
    assert_true(fmath_tanh(0.0f) == 0.0f && fmath_tanh(inf) == 1.0f && fmath_tanh(-inf) == -1.0f);
    assert_true(fmath_exp_d(0.0) == 1.0 && fmath_exp_d(-1000.0) == 0.0);
    assert_true(fmath_exp_d(1000.0) == (double)inf && fmath_exp_d(-(double)inf) == 0.0);
    assert_true(fmath_log_d(1.0) == 0.0 && fmath_log_d(0.0) == -(double)inf);
    assert_true(0 != isnan(fmath_log_d(-1.0)) && fmath_log_d((double)inf) == (double)inf);
    assert_true(fmath_sin_d(0.0) == 0.0 && fmath_cos_d(0.0) == 1.0);
}

static void test_double(void **unused)
{
    uint64_t state = 4;
    double e = 0.0, l = 0.0, p = 0.0;
    (void)unused;
    for (int i = 0; i < 200000; i++) {
        const double u = (double)case_unit(&state) + (double)case_unit(&state) * 0x1p-30;
        const double x = u * 700.0, y = exp(x * 0.9);
        e = fmax(e, ulps_d(fmath_exp_d(x), exp(x)));
        l = fmax(l, ulps_d(fmath_log_d(y), log(y)));
        l = fmax(l, ulps_d(fmath_log_d(1.0 + u * 0.5), log(1.0 + u * 0.5)));
        p = fmax(p, fabs(fmath_pow_d(1e6, u) / pow(1e6, u) - 1.0));
    }
    report("exp_d", e, 1.5);
    report("log_d", l, 1.5);
    assert_true(p < 1e-14);
}

/* Against long double, which reduces 2^30 well enough on x86 (64 bits of mantissa) and is quadruple
 * or double elsewhere; the bound leaves room for either. */
static void test_angles(void **unused)
{
    uint64_t state = 9;
    double worst_small = 0.0, worst_large = 0.0;
    (void)unused;
    for (int i = 0; i < 200000; i++) {
        const double u = (double)case_unit(&state) + (double)case_unit(&state) * 0x1p-30;
        const double x = u * 3000.0, big = u * 0x1p29;
        double s, c;
        fmath_sincos_d(x, &s, &c);
        worst_small = fmax(worst_small, fmax(fabs(s - sin(x)), fabs(c - cos(x))));
        fmath_sincos_d(big, &s, &c);
        worst_large = fmax(worst_large, fmax(fabs(s - sin(big)), fabs(c - cos(big))));
    }
    fprintf(stderr, "             sincos_d errors %.2e (|x| < 3000), %.2e (|x| < 2^29)\n",
            worst_small, worst_large);
    assert_true(worst_small < 2.3e-16 && worst_large < 2.3e-16);
}

/* Near a multiple of pi/2 the reduction must keep relative accuracy: these are doubles closest to
 * it. */
static void test_angles_near_zero(void **unused)
{
    static const double near[] = {0x1.921fb54442d18p+0,
                                  0x1.921fb54442d18p+1,
                                  0x1.2d97c7f3321d2p+2,
                                  0x1.6ac5b262ca1ffp+849 * 0x1p-830,
                                  11.0,
                                  355.0,
                                  710.0,
                                  103993.0};
    (void)unused;
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        double s, c;
        fmath_sincos_d(near[i], &s, &c);
        assert_true(ulps_d(s, sin(near[i])) < 1.5 && ulps_d(c, cos(near[i])) < 1.5);
    }
}

static void test_half(void **unused)
{
    (void)unused;
    assert_true(kern_f16_to_f32(0x3c00) == 1.0f && kern_f16_to_f32(0xc000) == -2.0f);
    assert_true(kern_f16_to_f32(0x0001) == 0x1p-24f && kern_f16_to_f32(0x7bff) == 65504.0f);
    assert_true(kern_f16_to_f32(0x7c00) == (float)INFINITY && 0 != isnan(kern_f16_to_f32(0x7e01)));
    assert_true(kern_bf16_to_f32(0x3fc0) == 1.5f && kern_bf16_to_f32(0x8001) == -0x1p-133f);
    for (uint32_t h = 0; h < 65536; h++) { /* every half survives the way there and back */
        const float f = kern_f16_to_f32((uint16_t)h);
        const uint16_t back = kern_f32_to_f16(f);
        const bool nan = (h & 0x7c00) == 0x7c00 && (h & 0x3ff) != 0;
        if (nan)
            assert_true(0 != isnan(f) && (back & 0x7c00) == 0x7c00 && (back & 0x200) != 0);
        else
            assert_int_equal(back, h);
    }
    for (uint32_t h = 0; h < 0x7bff; h++) { /* halves of the way between two go to the even one */
        const float a = kern_f16_to_f32((uint16_t)h), b = kern_f16_to_f32((uint16_t)(h + 1));
        const float middle = (a + b) * 0.5f;
        assert_int_equal(kern_f32_to_f16(middle), h & 1 ? h + 1 : h);
        assert_int_equal(kern_f32_to_f16(nextafterf(middle, a)), h);
        assert_int_equal(kern_f32_to_f16(nextafterf(middle, b)), h + 1);
    }
    assert_int_equal(kern_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(kern_f32_to_f16(65519.99f), 0x7bff);
    assert_int_equal(kern_f32_to_f16(-1e30f), 0xfc00);
    assert_int_equal(kern_f32_to_f16(0x1p-25f), 0);
    assert_int_equal(kern_f32_to_f16(-0x1.8p-25f), 0x8001);
}

int test_fmath(void);
int test_fmath(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_angles),
        cmocka_unit_test(test_angles_near_zero),
        cmocka_unit_test(test_half),
    };
    return cmocka_run_group_tests_name("fmath", tests, NULL, NULL);
}
