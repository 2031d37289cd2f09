/* peak_avx512vnni.c - dot products of AVX-512 VNNI on registers: vpdpbusd (i8), vpdpwssd (i16),
 * fused multiply-adds (f32). Twelve independent sums hide the latency of each. */
#include <immintrin.h>
#include "kernels/peak.h"

enum { SUMS = 12 };

/* The compiler must neither drop a sum nor see that a factor never changes. */
#define OPAQUE(v) __asm__ volatile("" : "+v"(v))

static uint64_t run_integers(kern_grade g, size_t rounds)
{
    __m512i w = _mm512_set1_epi8(1), x = _mm512_set1_epi8(1), sum[SUMS];
    for (size_t i = 0; i < SUMS; i++)
        sum[i] = _mm512_setzero_si512();
    for (size_t r = 0; r < rounds; r++) {
        OPAQUE(w);
        for (size_t i = 0; i < SUMS; i++)
            sum[i] = g == KERN_GRADE_I8 ? _mm512_dpbusd_epi32(sum[i], w, x)
                                        : _mm512_dpwssd_epi32(sum[i], w, x);
        OPAQUE(x);
    }
    for (size_t i = 0; i < SUMS; i++)
        OPAQUE(sum[i]);
    return (uint64_t)rounds * SUMS * (g == KERN_GRADE_I8 ? 64 : 32);
}

static uint64_t run_floats(size_t rounds)
{
    __m512 w = _mm512_set1_ps(0x1p-20f), x = _mm512_set1_ps(0x1p-20f), sum[SUMS];
    for (size_t i = 0; i < SUMS; i++)
        sum[i] = _mm512_setzero_ps();
    for (size_t r = 0; r < rounds; r++) {
        OPAQUE(w);
        for (size_t i = 0; i < SUMS; i++)
            sum[i] = _mm512_fmadd_ps(w, x, sum[i]);
        OPAQUE(x);
    }
    for (size_t i = 0; i < SUMS; i++)
        OPAQUE(sum[i]);
    return (uint64_t)rounds * SUMS * 16;
}

uint64_t kern_peak_avx512vnni(kern_grade g, size_t rounds)
{
    return g == KERN_GRADE_F32 ? run_floats(rounds) : run_integers(g, rounds);
}
