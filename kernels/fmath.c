/* fmath.c - scalar elementary functions: the definition of what vector versions compute. */
#include "kernels/fmath.h"
#include <math.h> /* fma, fmaf and classification only */
#include <stdint.h>
#include <string.h>
#include "kernels/half.h"

/* ---- Single precision --------------------------------------------------------------------- */

/* 2^i for -126 <= i <= 127. */
static float exp2_int(int32_t i)
{
    return half_bits_f32((uint32_t)(i + 127) << 23);
}

float fmath_exp(float x)
{
    /* Comparisons are written so that NaN passes through, as x86's max and min do with x second. */
    const float above = -88.0f > x ? -88.0f : x;
    const float clamped = 89.0f < above ? 89.0f : above;
    const float shifted = fmaf(clamped, FMATH_LOG2E, FMATH_ROUND);
    const float n = shifted - FMATH_ROUND;
    const float r = fmaf(n, -FMATH_LN2_LO, fmaf(n, -FMATH_LN2_HI, clamped));
    float q = fmaf(FMATH_E4, r, FMATH_E3);
    q = fmaf(q, r, FMATH_E2);
    q = fmaf(q, r, FMATH_E1);
    q = fmaf(q, r, FMATH_E0);
    const float p = fmaf(r * r, q, r) + 1.0f;
    /* 2^n in two factors, so that n = 128 overflows by multiplication only. */
    const int32_t i = (int32_t)(half_f32_bits(shifted) - half_f32_bits(FMATH_ROUND));
    const int32_t half = i >> 1;
    const float y = p * exp2_int(half) * exp2_int(i - half);
    return x < FMATH_EXP_MIN ? 0.0f : y;
}

float fmath_sigmoid(float x)
{
    const float e = fmath_exp(-fabsf(x));
    return (x >= 0.0f ? 1.0f : e) / (1.0f + e);
}

float fmath_silu(float x)
{
    return x * fmath_sigmoid(x);
}

float fmath_swiglu_clamped(float gate, float up)
{
    /* Comparisons that NaN fails keep it. */
    const float g = FMATH_SWIGLU_LIMIT < gate ? FMATH_SWIGLU_LIMIT : gate;
    const float low = -FMATH_SWIGLU_LIMIT > up ? -FMATH_SWIGLU_LIMIT : up;
    const float u = FMATH_SWIGLU_LIMIT < low ? FMATH_SWIGLU_LIMIT : low;
    return g * fmath_sigmoid(FMATH_SWIGLU_ALPHA * g) * (u + 1.0f);
}

float fmath_gelu(float x)
{
    return x * fmath_sigmoid(x * fmaf(x * x, FMATH_GELU_B, FMATH_GELU_A));
}

float fmath_tanh(float x)
{
    const float a = fabsf(x);
    if (a < 0.625f) { /* x + x^3 P(x^2), minimax */
        const float z = x * x;
        float p = fmaf(-0.005704986771695834f, z, 0.020639087005421726f);
        p = fmaf(p, z, -0.05373971499606221f);
        p = fmaf(p, z, 0.1333144219682934f);
        p = fmaf(p, z, -0.33333281941947274f);
        return fmaf(x * z, p, x);
    }
    const float e = fmath_exp(-2.0f * a);
    const float t = (1.0f - e) / (1.0f + e);
    return x < 0.0f ? -t : t;
}

/* ---- Double precision --------------------------------------------------------------------- */

#define LN2_HI 0x1.62e42fefa3800p-1 /* 41 bits: n * hi is exact for |n| < 2^12 */
#define LN2_LO 0x1.ef35793c76730p-45

static double bits_f64(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static double exp2_int_d(int64_t i)
{
    return bits_f64((uint64_t)(i + 1023) << 52);
}

/* Adding and subtracting 1.5 * 2^52 rounds to an integer, half to even. */
static double round_even(double x)
{
    return (x + 0x1.8p52) - 0x1.8p52;
}

double fmath_exp_d(double x)
{
    if (x < -708.0) return 0.0;
    if (x > 709.8) return (double)INFINITY;
    if (x != x) return x;
    const double n = round_even(x * 0x1.71547652b82fep+0);
    const double r = fma(n, -LN2_LO, fma(n, -LN2_HI, x));
    /* Taylor series to r^13: the remainder at ln(2)/2 is 4e-18. */
    static const double inverse_factorial[] = {
        1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0,
        1.0 / 362880.0,     1.0 / 40320.0,     1.0 / 5040.0,     1.0 / 720.0,
        1.0 / 120.0,        1.0 / 24.0,        1.0 / 6.0,        0.5,
    };
    double q = inverse_factorial[0];
    for (int i = 1; i < 12; i++)
        q = fma(q, r, inverse_factorial[i]);
    const double p = fma(r * r, q, r) + 1.0;
    const int64_t i = (int64_t)n, half = i >> 1;
    return p * exp2_int_d(half) * exp2_int_d(i - half);
}

double fmath_log_d(double x)
{
    if (x == 0.0) return -(double)INFINITY;
    if (x < 0.0 || x != x) return (double)NAN;
    if (x > 0x1.fffffffffffffp1023) return x;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    /* x = 2^e m with m in [sqrt(1/2), sqrt(2)) */
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcdu;
    const int64_t e = (int64_t)((bits - sqrt_half) >> 52) - (bits < sqrt_half ? 4096 : 0);
    const double m = bits_f64(bits - ((uint64_t)e << 52));
    /* log m = 2 atanh(f), f = (m-1)/(m+1); series to f^23, |f| <= 0.1716. m - 1 is exact. */
    const double f1 = m - 1.0, f = f1 / (m + 1.0), s = f * f;
    double q = 2.0 / 23.0;
    for (int k = 21; k >= 3; k -= 2)
        q = fma(q, s, 2.0 / (double)k);
    /* 2f = f1 - f*f1: the correction keeps what the division rounded away small. */
    const double correction = f * (s * q - f1);
    const double n = (double)e;
    return fma(n, LN2_HI, f1 + (correction + n * LN2_LO));
}

double fmath_pow_d(double x, double y)
{
    return fmath_exp_d(y * fmath_log_d(x));
}

void fmath_sincos_d(double x, double *sine, double *cosine)
{
    /* pi/2 in three parts of 53 bits each; every step is one rounding. */
    const double n = round_even(x * 0x1.45f306dc9c883p-1);
    double r = fma(n, -0x1.921fb54442d18p+0, x);
    r = fma(n, -0x1.1a62633145c07p-54, r);
    r = fma(n, 0x1.f1976b7ed8fbcp-110, r);
    /* Taylor series to r^17 and r^18: remainders at pi/4 below 1e-19. */
    const double z = r * r;
    static const double s_terms[] = {
        1.0 / 355687428096000.0, -1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0,
        1.0 / 362880.0,          -1.0 / 5040.0,          1.0 / 120.0,        -1.0 / 6.0,
    };
    static const double c_terms[] = {
        -1.0 / 6402373705728000.0, 1.0 / 20922789888000.0, -1.0 / 87178291200.0, 1.0 / 479001600.0,
        -1.0 / 3628800.0,          1.0 / 40320.0,          -1.0 / 720.0,         1.0 / 24.0,
    };
    double s = s_terms[0], c = c_terms[0];
    for (int i = 1; i < 8; i++) {
        s = fma(s, z, s_terms[i]);
        c = fma(c, z, c_terms[i]);
    }
    const double sin_r = fma(r * z, s, r);
    const double cos_r = fma(z * z, c, fma(z, -0.5, 1.0));
    switch ((int64_t)n & 3) {
    case 0:
        *sine = sin_r, *cosine = cos_r;
        break;
    case 1:
        *sine = cos_r, *cosine = -sin_r;
        break;
    case 2:
        *sine = -sin_r, *cosine = -cos_r;
        break;
    default:
        *sine = -cos_r, *cosine = sin_r;
        break;
    }
}

double fmath_sin_d(double x)
{
    double s, c;
    fmath_sincos_d(x, &s, &c);
    return s;
}

double fmath_cos_d(double x)
{
    double s, c;
    fmath_sincos_d(x, &s, &c);
    return c;
}
