/* acts.c - owns the storage of quantised activations and the shared pieces that need no instruction
 * set of their own: rotary embedding, merging of log-sum-exp tiles. */
#include <math.h>
#include <string.h>
#include "kernels/fmath.h"
#include "kernels/kernels.h"

static size_t aligned(size_t bytes)
{
    return (bytes + KERN_ALIGN - 1) / KERN_ALIGN * KERN_ALIGN;
}

/* Lay the arrays out from `at` (NULL: only measure); returns the bytes taken. */
static size_t carve(kern_acts *a, kern_grade grade, size_t n_tokens, size_t k, uint8_t *at)
{
    const size_t n_blocks = (k + KERN_BLOCK - 1) / KERN_BLOCK, blocks = n_tokens * n_blocks;
    const size_t values = blocks * KERN_BLOCK, scales = aligned(blocks * sizeof(float));
    const size_t q16 = aligned(values * sizeof(int16_t)), sums = aligned(2 * blocks * 4);
    const bool narrow = grade == KERN_GRADE_I8;
    if (at) *a = (kern_acts){.grade = grade, .n_tokens = n_tokens, .k = k, .n_blocks = n_blocks};
    if (grade == KERN_GRADE_F32) return KERN_ALIGN;
    if (at) {
        a->scale = (float *)(void *)at;
        a->sum_scaled = (float *)(void *)(at + scales);
        a->sum = (int32_t *)(void *)(at + 2 * scales);
        a->q16 = (int16_t *)(void *)(at + 2 * scales + sums);
        a->lanes = narrow ? (int16_t *)(void *)(at + 2 * scales + sums + q16) : NULL;
        a->q8 = narrow ? (int8_t *)(at + 2 * scales + 2 * sums + q16) : NULL;
    }
    return 2 * scales + sums + q16 + (narrow ? sums + aligned(values) : 0);
}

size_t kern_acts_bytes(kern_grade grade, size_t n_tokens, size_t k)
{
    return carve(NULL, grade, n_tokens, k, NULL);
}

void kern_acts_init(kern_acts *a, kern_grade grade, size_t n_tokens, size_t k, void *storage)
{
    carve(a, grade, n_tokens, k, storage);
}

void kern_acts_copy_row(kern_acts *to, size_t t, const kern_acts *from, size_t u)
{
    const size_t n = from->n_blocks, a = t * n, b = u * n;
    if (from->grade == KERN_GRADE_F32) return;
    memcpy(to->q16 + a * KERN_BLOCK, from->q16 + b * KERN_BLOCK, n * KERN_BLOCK * sizeof *to->q16);
    if (from->grade == KERN_GRADE_I8) {
        memcpy(to->q8 + a * KERN_BLOCK, from->q8 + b * KERN_BLOCK, n * KERN_BLOCK);
        memcpy(to->lanes + 4 * a, from->lanes + 4 * b, 4 * n * sizeof *to->lanes);
    }
    memcpy(to->scale + a, from->scale + b, n * sizeof *to->scale);
    memcpy(to->sum_scaled + a, from->sum_scaled + b, n * sizeof *to->sum_scaled);
    memcpy(to->sum + 2 * a, from->sum + 2 * b, 2 * n * sizeof *to->sum);
}

double kern_logsumexp(const kern_set *s, const float *x, size_t n)
{
    double max = -(double)INFINITY, sum = 0.0;
    for (size_t i = 0; i < n; i += KERN_LSE_TILE) {
        float tile_max, tile_sum;
        s->lse_tile(x + i, n - i < KERN_LSE_TILE ? n - i : KERN_LSE_TILE, &tile_max, &tile_sum);
        const double m = (double)tile_max;
        if (m > max) {
            sum = sum * fmath_exp_d(max - m) + (double)tile_sum;
            max = m;
        } else {
            sum += (double)tile_sum * fmath_exp_d(m - max);
        }
    }
    return max + fmath_log_d(sum);
}

void kern_rope_table(float *cos_out, float *sin_out, const double *freq, size_t n_pairs,
                     uint64_t pos, double scale)
{
    for (size_t i = 0; i < n_pairs; i++) {
        double s, c;
        fmath_sincos_d((double)pos * freq[i], &s, &c);
        cos_out[i] = (float)(c * scale);
        sin_out[i] = (float)(s * scale);
    }
}

void kern_rope_adjacent(float *head, const float *cos_t, const float *sin_t, size_t n_pairs)
{
    for (size_t i = 0; i < n_pairs; i++) {
        const float x = head[2 * i], y = head[2 * i + 1];
        head[2 * i] = x * cos_t[i] - y * sin_t[i];
        head[2 * i + 1] = y * cos_t[i] + x * sin_t[i];
    }
}

void kern_rope_halves(float *head, const float *cos_t, const float *sin_t, size_t n_pairs)
{
    for (size_t i = 0; i < n_pairs; i++) {
        const float x = head[i], y = head[i + n_pairs];
        head[i] = x * cos_t[i] - y * sin_t[i];
        head[i + n_pairs] = y * cos_t[i] + x * sin_t[i];
    }
}
