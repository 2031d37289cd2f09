/* acts_batch.h - quantisation of activations, four blocks at a time, for sets with registers of 256
 * bits or more. What a block is reduced to (its maximum, its sums) takes longer alone than its
 * elements do: vectors of four blocks are reduced together, and divided together. Blocks that are
 * left over, and those beside a number that is not finite, go one by one. Internal to kernels/. */
#ifndef KERNELS_ACTS_BATCH_H
#define KERNELS_ACTS_BATCH_H
#include <immintrin.h>
#include <string.h>
#include "kernels/kernels.h"

enum { BATCH = 4 };

static inline float full_scale(const kern_acts *a)
{
    return a->grade == KERN_GRADE_I16 ? 32512.0f : 127.0f;
}

/* Element i of either half: that half of v[i], reduced. */
#define REDUCER(name, op)                                                                          \
    static inline __m256i name(const __m256i v[4])                                                 \
    {                                                                                              \
        const __m256i lo01 = _mm256_unpacklo_epi32(v[0], v[1]);                                    \
        const __m256i hi01 = _mm256_unpackhi_epi32(v[0], v[1]);                                    \
        const __m256i lo23 = _mm256_unpacklo_epi32(v[2], v[3]);                                    \
        const __m256i hi23 = _mm256_unpackhi_epi32(v[2], v[3]);                                    \
        const __m256i v01 = op(lo01, hi01), v23 = op(lo23, hi23);                                  \
        return op(_mm256_unpacklo_epi64(v01, v23), _mm256_unpackhi_epi64(v01, v23));               \
    }
REDUCER(reduce_max, _mm256_max_epi32)
REDUCER(reduce_sum, _mm256_add_epi32)
REDUCER(reduce_lanes, _mm256_add_epi16) /* an element is two sums */
#undef REDUCER

/* Scales of four blocks from partial maxima of theirs, as bits, and what their numbers are to be
 * multiplied by. False: a number is not finite, and nothing is stored. A block that counts as zero
 * gets the factor 0, which makes zeros of its numbers. */
static inline bool batch_scales(kern_acts *a, size_t block, const __m256i max_bits[BATCH],
                                float factor[BATCH])
{
    const __m256i r = reduce_max(max_bits);
    const __m128i bits = _mm_max_epi32(_mm256_castsi256_si128(r), _mm256_extracti128_si256(r, 1));
    if (_mm_movemask_epi8(_mm_cmpgt_epi32(bits, _mm_set1_epi32(0x7f7fffff))) != 0) return false;
    const __m128 max = _mm_castsi128_ps(bits), full = _mm_set1_ps(full_scale(a));
    const __m128 live = _mm_cmpge_ps(max, _mm_set1_ps(0x1p-100f));
    _mm_storeu_ps(factor, _mm_and_ps(live, _mm_div_ps(full, max)));
    _mm_storeu_ps(a->scale + block, _mm_and_ps(live, _mm_div_ps(max, full)));
    return true;
}

/* sum and sum_scaled. half: of each block, partial sums of its first half and of its second. */
static inline void batch_sums(kern_acts *a, size_t block, const __m256i half[2 * BATCH])
{
    const __m256i even_odd = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const __m256i r0 = reduce_sum(half), r1 = reduce_sum(half + 4);
    const __m256i s = _mm256_add_epi32(_mm256_permute2x128_si256(r0, r1, 0x20),
                                       _mm256_permute2x128_si256(r0, r1, 0x31));
    const __m256i by_half = _mm256_permutevar8x32_epi32(s, even_odd);
    const __m128i whole =
        _mm_add_epi32(_mm256_castsi256_si128(by_half), _mm256_extracti128_si256(by_half, 1));
    _mm256_storeu_si256((__m256i *)(void *)(a->sum + 2 * block), s);
    _mm_storeu_ps(a->sum_scaled + block,
                  _mm_mul_ps(_mm_loadu_ps(a->scale + block), _mm_cvtepi32_ps(whole)));
}

/* The same of one block, from its maximum, at least 2^-100, and the sums of its halves. */
static inline void block_scale(kern_acts *a, size_t block, float max, int32_t sum0, int32_t sum1)
{
    a->scale[block] = max / full_scale(a);
    a->sum[2 * block] = sum0;
    a->sum[2 * block + 1] = sum1;
    a->sum_scaled[block] = a->scale[block] * (float)(sum0 + sum1);
}

/* False: a number is not finite. Of four blocks, nothing is done then; one is made zeros. */
typedef bool acts_blocks_fn(kern_acts *a, size_t block, const float *x);

static inline bool batch_row(kern_acts *a, const float *x, size_t first, acts_blocks_fn *four,
                             acts_blocks_fn *one)
{
    bool finite = true;
    size_t b = 0;
    for (; (b + BATCH) * KERN_BLOCK <= a->k; b += BATCH) {
        if (four(a, first + b, x + b * KERN_BLOCK)) continue;
        finite = false;
        for (size_t i = b; i < b + BATCH; i++)
            (void)one(a, first + i, x + i * KERN_BLOCK);
    }
    for (; b < a->n_blocks; b++) {
        const size_t left = a->k - b * KERN_BLOCK;
        const float *from = x + b * KERN_BLOCK;
        float padded[KERN_BLOCK] = {0};
        if (left < KERN_BLOCK) from = memcpy(padded, from, left * sizeof *from);
        finite = one(a, first + b, from) && finite;
    }
    return finite;
}

/* kern_set.quantize over what a set has for blocks, and for rows in grade f32. */
static inline bool batch_rows(kern_acts *a, size_t t0, size_t t1, acts_blocks_fn *four,
                              acts_blocks_fn *one, bool (*is_finite)(const float *x, size_t n))
{
    bool finite = true;
    for (size_t t = t0; t < t1; t++) {
        const float *x = a->x + t * a->ldx;
        const bool good = a->grade == KERN_GRADE_F32 ? is_finite(x, a->k)
                                                     : batch_row(a, x, t * a->n_blocks, four, one);
        finite = finite && good;
    }
    return finite;
}

#endif
