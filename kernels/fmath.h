/* fmath.h - elementary functions with the same bits on every machine.
 *
 * Each is a fixed sequence of IEEE operations (+ - * / fma, comparisons, integer shifts). A vector
 * lane that performs the same sequence gets the same bits, and so does one that leaves out steps
 * which cannot matter to it (kernels/fmath_avx2.h, fmath_avx512.h, fmath_neon.h). Coefficients and
 * steps: docs/arithmetic.md. Errors were measured against the C library in double
 * (tests/unit/test_fmath.c). */
#ifndef KERNELS_FMATH_H
#define KERNELS_FMATH_H

/* e^x; 0 for x < -87 (no subnormals), +inf from 88.73 on. Within 1.1 ulp. */
float fmath_exp(float x);
/* 1 / (1 + e^-x), by e^-|x|: never overflows. Within 2.5 ulp above -87, 0 below. */
float fmath_sigmoid(float x);
/* Within 2 ulp. */
float fmath_tanh(float x);
/* x * sigmoid(x). */
float fmath_silu(float x);
/* GELU in its tanh form, 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), computed as
 * x * sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)): the same function without the cancellation. */
float fmath_gelu(float x);
/* The gate of gpt-oss: g = min(gate, 7), u = up within [-7, 7]; (g * sigmoid(1.702 g)) * (u + 1).
 * NaN stays NaN. */
float fmath_swiglu_clamped(float gate, float up);

/* Double precision, for tables, angles and log-sum-exp; within 1 ulp (pow_d: relative error below
 * 2^-52 * (1 + |y log x|)). */
double fmath_exp_d(double x);           /* 0 below -708 */
double fmath_log_d(double x);           /* x > 0 and normal; -inf for 0, NaN below */
double fmath_pow_d(double x, double y); /* exp(y log x), x > 0 */
/* Sine and cosine of |x| < 2^30, to 2e-16 absolutely. */
void fmath_sincos_d(double x, double *sine, double *cosine);
double fmath_sin_d(double x);
double fmath_cos_d(double x);

/* Shared by the vector versions. */
#define FMATH_ROUND 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer, half to even */
#define FMATH_LOG2E 0x1.715476p+0f
#define FMATH_LN2_HI 0.693359375f /* 355/512: n * hi is exact */
#define FMATH_LN2_LO -2.12194440e-4f
#define FMATH_EXP_MIN -87.0f /* below: 0 */
/* e^r = 1 + r + r^2 (E0 + E1 r + .. + E4 r^4) for |r| <= ln(2)/2, minimax in the relative error. */
#define FMATH_E0 0.4999999341248123f
#define FMATH_E1 0.16666520107742389f
#define FMATH_E2 0.041668394215115256f
#define FMATH_E3 0.00836878041832136f
#define FMATH_E4 0.0013814466849556297f
#define FMATH_SWIGLU_LIMIT 7.0f
#define FMATH_SWIGLU_ALPHA 1.702f
#define FMATH_GELU_A 1.5957691216057308f  /* 2 sqrt(2/pi) */
#define FMATH_GELU_B 0.07135481627260025f /* 0.044715 times that */

#endif
