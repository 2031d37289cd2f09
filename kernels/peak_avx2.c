/* peak_avx2.c - dot products of AVX2 on registers: grade i8 as nibbles run it (eight byte products
 * added in 16 bits, then widened once), i16 as 16-bit products, f32 as fused multiply-adds. Eight
 * independent sums hide the latency of each; five where each needs two registers. */
#include <immintrin.h>
#include "kernels/peak.h"

enum { SUMS = 8, BYTE_SUMS = 5, QUADS = 8 };

/* The compiler must neither drop a sum nor see that a factor never changes. */
#define OPAQUE(v) __asm__ volatile("" : "+x"(v))

static uint64_t run_i8(size_t rounds)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i w = _mm256_set1_epi8(1), x = _mm256_set1_epi8(1), sum[BYTE_SUMS];
    for (size_t i = 0; i < BYTE_SUMS; i++)
        sum[i] = _mm256_setzero_si256();
    for (size_t r = 0; r < rounds; r++) {
        __m256i part[BYTE_SUMS];
        for (size_t i = 0; i < BYTE_SUMS; i++) {
            OPAQUE(w);
            part[i] = _mm256_maddubs_epi16(w, x);
        }
        for (size_t q = 1; q < QUADS; q++)
            for (size_t i = 0; i < BYTE_SUMS; i++) {
                OPAQUE(w); /* or the product would be formed once for all sums */
                part[i] = _mm256_add_epi16(part[i], _mm256_maddubs_epi16(w, x));
            }
        for (size_t i = 0; i < BYTE_SUMS; i++) {
            OPAQUE(part[i]);
            sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(part[i], ones));
        }
    }
    for (size_t i = 0; i < BYTE_SUMS; i++)
        OPAQUE(sum[i]);
    return (uint64_t)rounds * BYTE_SUMS * QUADS * 32;
}

static uint64_t run_i16(size_t rounds)
{
    __m256i w = _mm256_set1_epi16(1), x = _mm256_set1_epi16(1), sum[SUMS];
    for (size_t i = 0; i < SUMS; i++)
        sum[i] = _mm256_setzero_si256();
    for (size_t r = 0; r < rounds; r++) {
        for (size_t i = 0; i < SUMS; i++) {
            OPAQUE(w);
            sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(w, x));
        }
    }
    for (size_t i = 0; i < SUMS; i++)
        OPAQUE(sum[i]);
    return (uint64_t)rounds * SUMS * 16;
}

static uint64_t run_f32(size_t rounds)
{
    __m256 w = _mm256_set1_ps(0x1p-20f), x = _mm256_set1_ps(0x1p-20f), sum[SUMS];
    for (size_t i = 0; i < SUMS; i++)
        sum[i] = _mm256_setzero_ps();
    for (size_t r = 0; r < rounds; r++) {
        OPAQUE(w);
        for (size_t i = 0; i < SUMS; i++)
            sum[i] = _mm256_fmadd_ps(w, x, sum[i]);
        OPAQUE(x);
    }
    for (size_t i = 0; i < SUMS; i++)
        OPAQUE(sum[i]);
    return (uint64_t)rounds * SUMS * 8;
}

uint64_t kern_peak_avx2(kern_grade g, size_t rounds)
{
    return g == KERN_GRADE_I8    ? run_i8(rounds)
           : g == KERN_GRADE_I16 ? run_i16(rounds)
                                 : run_f32(rounds);
}
