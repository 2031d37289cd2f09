/* avx512.h - AVX-512 in terms of AVX2, for tests on machines without it: SIMDe's emulation, and
 * what SIMDe 0.7.4 lacks or does with more than one rounding. Included before anything else (see
 * the Makefile: tests/emulated), it replaces what <immintrin.h> declares. The product never sees
 * it.
 *
 * Slow, and no proof of speed; but exact: a product of a kernel must have the reference's bits. */
#ifndef TESTS_EMULATED_AVX512_H
#define TESTS_EMULATED_AVX512_H
#define _GNU_SOURCE /* before any header, as matmul_amx.c has it */
#define SIMDE_ENABLE_NATIVE_ALIASES
#define SIMDE_NO_INLINE /* calls: inlined and unrolled, a kernel compiles for minutes */
#define KERN_UNROLL(n)
#define SIMDE_NO_CHECK_IMMEDIATE_CONSTANT /* constant only after inlining */
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>
#include <math.h>
#include <string.h>

#if !defined(__FMA__) || !defined(__F16C__)
#error "needs -mavx2 -mfma -mf16c: without them a fused step would have two roundings"
#endif

/* Lanes of a register in memory; the functions below are loops over them. */
typedef union {
    __m512 ps;
    __m512i si;
    __m256 half_ps[2];
    __m256i half_si[2];
    float f[16];
    int32_t i[16];
    uint32_t u[16];
    int16_t h[32];
    int8_t b[64];
} emu512;

#define EMU static __attribute__((noinline, unused))
#define EMU_LANES(n, ...)                                                                          \
    for (int k = 0; k < (n); k++) {                                                                \
        __VA_ARGS__;                                                                               \
    }

/* ---- Masked loads and stores: what the mask leaves out is not touched ------------------------ */

EMU __m512 emu_mask_loadu_ps(__m512 or, __mmask16 m, const float *p)
{
    emu512 r = {.ps = or };
    EMU_LANES(16, if (m >> k & 1) r.f[k] = p[k])
    return r.ps;
}

EMU __m512 emu_maskz_loadu_ps(__mmask16 m, const float *p)
{
    return emu_mask_loadu_ps(_mm512_setzero_ps(), m, p);
}

EMU __m512i emu_maskz_loadu_epi32(__mmask16 m, const void *p)
{
    emu512 r = {.si = _mm512_setzero_si512()};
    EMU_LANES(16, if (m >> k & 1) memcpy(&r.i[k], (const char *)p + 4 * k, 4))
    return r.si;
}

EMU __m256 emu_maskz_loadu256_ps(__mmask8 m, const float *p)
{
    float f[8] = {0};
    EMU_LANES(8, if (m >> k & 1) f[k] = p[k])
    return _mm256_loadu_ps(f);
}

EMU __m256i emu_maskz_loadu_epi16(__mmask16 m, const void *p)
{
    int16_t h[16] = {0};
    EMU_LANES(16, if (m >> k & 1) memcpy(&h[k], (const char *)p + 2 * k, 2))
    return _mm256_loadu_si256((const __m256i *)(const void *)h);
}

EMU __m128i emu_maskz_loadu_epi8(__mmask16 m, const void *p)
{
    int8_t b[16] = {0};
    EMU_LANES(16, if (m >> k & 1) memcpy(&b[k], (const char *)p + k, 1))
    return _mm_loadu_si128((const __m128i *)(const void *)b);
}

EMU void emu_mask_storeu_ps(float *p, __mmask16 m, __m512 v)
{
    const emu512 r = {.ps = v};
    EMU_LANES(16, if (m >> k & 1) p[k] = r.f[k])
}

/* ---- Conversions ----------------------------------------------------------------------------- */

EMU __m512 emu_cvtepi32_ps(__m512i v)
{
    emu512 r = {.si = v};
    EMU_LANES(2, r.half_ps[k] = _mm256_cvtepi32_ps(r.half_si[k]))
    return r.ps;
}

EMU __m512i emu_cvtps_epi32(__m512 v)
{
    emu512 r = {.ps = v};
    EMU_LANES(2, r.half_si[k] = _mm256_cvtps_epi32(r.half_ps[k]))
    return r.si;
}

EMU __m512 emu_cvtph_ps(__m256i v)
{
    emu512 r;
    r.half_ps[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(v));
    r.half_ps[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(v, 1));
    return r.ps;
}

EMU __m512i emu_cvtepi8_epi32(__m128i v)
{
    emu512 r;
    r.half_si[0] = _mm256_cvtepi8_epi32(v);
    r.half_si[1] = _mm256_cvtepi8_epi32(_mm_bsrli_si128(v, 8));
    return r.si;
}

EMU __m512i emu_cvtepu8_epi32(__m128i v)
{
    emu512 r;
    r.half_si[0] = _mm256_cvtepu8_epi32(v);
    r.half_si[1] = _mm256_cvtepu8_epi32(_mm_bsrli_si128(v, 8));
    return r.si;
}

EMU __m512i emu_cvtepu16_epi32(__m256i v)
{
    emu512 r;
    r.half_si[0] = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(v));
    r.half_si[1] = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(v, 1));
    return r.si;
}

EMU __m256i emu_cvtepi32_epi16(__m512i v)
{
    const emu512 r = {.si = v};
    int16_t h[16];
    EMU_LANES(16, h[k] = (int16_t)r.i[k])
    return _mm256_loadu_si256((const __m256i *)(const void *)h);
}

EMU __m128i emu_cvtepi32_epi8(__m512i v)
{
    const emu512 r = {.si = v};
    int8_t b[16];
    EMU_LANES(16, b[k] = (int8_t)r.i[k])
    return _mm_loadu_si128((const __m128i *)(const void *)b);
}

/* ---- Lanes ----------------------------------------------------------------------------------- */

EMU int32_t emu_reduce_add_epi32(__m512i v)
{
    const emu512 r = {.si = v};
    uint32_t sum = 0;
    EMU_LANES(16, sum += r.u[k])
    return (int32_t)sum;
}

EMU uint32_t emu_reduce_max_epu32(__m512i v)
{
    const emu512 r = {.si = v};
    uint32_t max = 0;
    EMU_LANES(16, max = r.u[k] > max ? r.u[k] : max)
    return max;
}

EMU float emu_reduce_max_ps(__m512 v)
{
    const emu512 r = {.ps = v};
    float max = r.f[0];
    EMU_LANES(16, max = r.f[k] > max ? r.f[k] : max)
    return max;
}

EMU __m512i emu_shuffle_epi32(__m512i v, int order)
{
    const emu512 from = {.si = v};
    emu512 r;
    EMU_LANES(16, r.i[k] = from.i[k / 4 * 4 + (order >> 2 * (k % 4) & 3)])
    return r.si;
}

EMU __m512i emu_srai_epi32(__m512i v, unsigned n)
{
    emu512 r = {.si = v};
    EMU_LANES(16, r.i[k] >>= n > 31 ? 31 : n)
    return r.si;
}

EMU __m256 emu_extractf32x8_ps(__m512 v, int half)
{
    const emu512 r = {.ps = v};
    return r.half_ps[half];
}

/* One rounding, as the instruction. */
EMU __m512 emu_maskz_scalef_ps(__mmask16 m, __m512 v, __m512 power)
{
    emu512 r = {.ps = v};
    const emu512 n = {.ps = power};
    EMU_LANES(16, r.f[k] = m >> k & 1 ? scalbnf(r.f[k], (int)n.f[k]) : 0.0f)
    return r.ps;
}

/* The second operand where one is NaN, or both are zeros. */
EMU __m512 emu_max_ps(__m512 a, __m512 b)
{
    emu512 x = {.ps = a};
    const emu512 y = {.ps = b};
    EMU_LANES(2, x.half_ps[k] = _mm256_max_ps(x.half_ps[k], y.half_ps[k]))
    return x.ps;
}

EMU __m512 emu_min_ps(__m512 a, __m512 b)
{
    emu512 x = {.ps = a};
    const emu512 y = {.ps = b};
    EMU_LANES(2, x.half_ps[k] = _mm256_min_ps(x.half_ps[k], y.half_ps[k]))
    return x.ps;
}

#undef _mm512_mask_loadu_ps
#define _mm512_mask_loadu_ps emu_mask_loadu_ps
#undef _mm512_maskz_loadu_ps
#define _mm512_maskz_loadu_ps emu_maskz_loadu_ps
#undef _mm512_maskz_loadu_epi32
#define _mm512_maskz_loadu_epi32 emu_maskz_loadu_epi32
#undef _mm256_maskz_loadu_ps
#define _mm256_maskz_loadu_ps emu_maskz_loadu256_ps
#undef _mm256_maskz_loadu_epi16
#define _mm256_maskz_loadu_epi16 emu_maskz_loadu_epi16
#undef _mm_maskz_loadu_epi8
#define _mm_maskz_loadu_epi8 emu_maskz_loadu_epi8
#undef _mm512_mask_storeu_ps
#define _mm512_mask_storeu_ps emu_mask_storeu_ps
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps emu_cvtepi32_ps
#undef _mm512_cvtps_epi32
#define _mm512_cvtps_epi32 emu_cvtps_epi32
#undef _mm512_cvtph_ps
#define _mm512_cvtph_ps emu_cvtph_ps
#undef _mm512_cvtepi8_epi32
#define _mm512_cvtepi8_epi32 emu_cvtepi8_epi32
#undef _mm512_cvtepu8_epi32
#define _mm512_cvtepu8_epi32 emu_cvtepu8_epi32
#undef _mm512_cvtepu16_epi32
#define _mm512_cvtepu16_epi32 emu_cvtepu16_epi32
#undef _mm512_cvtepi32_epi16
#define _mm512_cvtepi32_epi16 emu_cvtepi32_epi16
#undef _mm512_cvtepi32_epi8
#define _mm512_cvtepi32_epi8 emu_cvtepi32_epi8
#undef _mm512_reduce_add_epi32
#define _mm512_reduce_add_epi32 emu_reduce_add_epi32
#undef _mm512_reduce_max_epu32
#define _mm512_reduce_max_epu32 emu_reduce_max_epu32
#undef _mm512_reduce_max_ps
#define _mm512_reduce_max_ps emu_reduce_max_ps
#undef _mm512_shuffle_epi32
#define _mm512_shuffle_epi32 emu_shuffle_epi32
#undef _mm512_srai_epi32
#define _mm512_srai_epi32 emu_srai_epi32
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps emu_extractf32x8_ps
#undef _mm512_maskz_scalef_ps
#define _mm512_maskz_scalef_ps emu_maskz_scalef_ps
#undef _mm512_max_ps
#define _mm512_max_ps emu_max_ps
#undef _mm512_min_ps
#define _mm512_min_ps emu_min_ps
#undef _mm512_mask_cmp_ps_mask
#define _mm512_mask_cmp_ps_mask(m, a, b, op) ((__mmask16)((m)&_mm512_cmp_ps_mask(a, b, op)))
#undef _mm512_cvtss_f32
#define _mm512_cvtss_f32(v) _mm_cvtss_f32(_mm256_castps256_ps128(_mm512_castps512_ps256(v)))

#endif
