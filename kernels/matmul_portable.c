/* matmul_portable.c - the reference: activations' quantisation and products in plain C. Written to
 * be read beside docs/arithmetic.md; every other set must give the same bits. */
#include <math.h>
#include "kernels/half.h"
#include "kernels/matmul.h"
#include "kernels/sets.h"
#include "kernels/unpack.h"

bool kern_available_portable(void)
{
    return true;
}

/* ---- Activations -------------------------------------------------------------------------- */

/* max |x| of up to 32 elements; false when one is infinite or NaN. */
static bool block_max(const float *x, size_t n, float *max)
{
    uint32_t largest = 0; /* magnitudes order like their bits */
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = half_f32_bits(x[i]) & 0x7fffffffu;
        largest = bits > largest ? bits : largest;
    }
    *max = half_bits_f32(largest);
    return largest < 0x7f800000u;
}

/* q = rne(x * (Q / max)), missing elements 0; sums[h] = sum of q of half h. */
static void block_round(const float *x, size_t n, float factor, int32_t q[KERN_BLOCK],
                        int32_t sums[2])
{
    for (size_t i = 0; i < KERN_BLOCK; i++) {
        /* |product| <= 32512: adding 1.5 * 2^23 rounds it to an integer, half to even. */
        q[i] = i < n ? (int32_t)((x[i] * factor + 12582912.0f) - 12582912.0f) : 0;
        sums[i / 16] += q[i];
    }
}

static bool quantize_block(kern_acts *a, size_t block, const float *x, size_t n)
{
    const float full = a->grade == KERN_GRADE_I16 ? 32512.0f : 127.0f;
    int32_t q[KERN_BLOCK] = {0}, sums[2] = {0, 0};
    float max, scale = 0.0f;
    const bool finite = block_max(x, n, &max);
    if (finite && max >= 0x1p-100f) {
        scale = max / full;
        block_round(x, n, full / max, q, sums);
    }
    a->scale[block] = scale;
    memcpy(a->sum + 2 * block, sums, sizeof sums);
    a->sum_scaled[block] = scale * (float)(sums[0] + sums[1]);
    for (size_t i = 0; i < KERN_BLOCK; i++) {
        if (a->grade == KERN_GRADE_I16)
            a->q16[block * KERN_BLOCK + i] = (int16_t)q[i];
        else
            a->q8[block * KERN_BLOCK + i] = (int8_t)q[i];
    }
    return finite;
}

bool kern_quantize_portable(kern_acts *a, size_t t0, size_t t1)
{
    bool finite = true;
    for (size_t t = t0; t < t1; t++) {
        const float *x = a->x + t * a->ldx;
        for (size_t b = 0; b < a->n_blocks; b++) {
            const size_t left = a->k - b * KERN_BLOCK, n = left < KERN_BLOCK ? left : KERN_BLOCK;
            float max;
            const bool good = a->grade == KERN_GRADE_F32
                                  ? block_max(x + b * KERN_BLOCK, n, &max)
                                  : quantize_block(a, t * a->n_blocks + b, x + b * KERN_BLOCK, n);
            finite = finite && good;
        }
    }
    return finite;
}

/* ---- Integer weights: scratch holds int16 [k][16 rows] ------------------------------------ */

static void unpack_ints(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    int16_t *w = (int16_t *)(void *)u->w;
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        for (size_t r = 0; r < KERN_PANEL_ROWS; r++) {
            quant_values v;
            panel_values(t, c, b, r, &v);
            for (size_t i = 0; i < KERN_BLOCK; i++)
                w[(b * KERN_BLOCK + i) * KERN_PANEL_ROWS + r] = v.q[i];
            u->d[b][0][r] = v.s.d[0];
            u->d[b][1][r] = v.s.d[1];
            u->m[b][r] = v.s.m[0];
            u->m1[b][r] = v.s.m[1];
        }
    }
}

/* sums[r] = sum over n elements of w[i][r] * q[i]. */
static void dot_rows(int32_t sums[KERN_PANEL_ROWS], const int16_t *w, const int16_t *q, size_t n)
{
    memset(sums, 0, KERN_PANEL_ROWS * sizeof sums[0]);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < KERN_PANEL_ROWS; r++)
            sums[r] += (int32_t)w[i * KERN_PANEL_ROWS + r] * q[i];
}

/* One block of one token: its values and the factors that go with them. */
typedef struct {
    int16_t q[KERN_BLOCK];
    float x, xs;      /* X, and XS of the whole block */
    float xs_half[2]; /* XS of each half */
} block_acts;

static void block_plain(matmul_panel *u, size_t b, float *acc, const block_acts *a)
{
    const int16_t *w = (const int16_t *)(const void *)u->w + b * KERN_BLOCK * KERN_PANEL_ROWS;
    int32_t sums[KERN_PANEL_ROWS];
    dot_rows(sums, w, a->q, KERN_BLOCK);
    for (size_t r = 0; r < KERN_PANEL_ROWS; r++)
        acc[r] = fmaf(u->d[b][0][r] * a->x, (float)sums[r], acc[r]);
}

static void block_minimum(matmul_panel *u, size_t b, float *acc, const block_acts *a)
{
    block_plain(u, b, acc, a);
    for (size_t r = 0; r < KERN_PANEL_ROWS; r++)
        acc[r] = fmaf(u->m[b][r], a->xs, acc[r]);
}

static void block_sub16(matmul_panel *u, size_t b, float *acc, const block_acts *a)
{
    const int16_t *w = (const int16_t *)(const void *)u->w + b * KERN_BLOCK * KERN_PANEL_ROWS;
    int32_t s0[KERN_PANEL_ROWS], s1[KERN_PANEL_ROWS];
    dot_rows(s0, w, a->q, 16);
    dot_rows(s1, w + 16 * KERN_PANEL_ROWS, a->q + 16, 16);
    for (size_t r = 0; r < KERN_PANEL_ROWS; r++) {
        const float t = fmaf(u->d[b][1][r], (float)s1[r], u->d[b][0][r] * (float)s0[r]);
        acc[r] = fmaf(t, a->x, acc[r]);
    }
}

static void block_sub16_minimum(matmul_panel *u, size_t b, float *acc, const block_acts *a)
{
    block_sub16(u, b, acc, a);
    for (size_t r = 0; r < KERN_PANEL_ROWS; r++)
        acc[r] = fmaf(u->m1[b][r], a->xs_half[1], fmaf(u->m[b][r], a->xs_half[0], acc[r]));
}

typedef void block_fn(matmul_panel *u, size_t b, float *acc, const block_acts *a);

static void tile_ints(matmul_panel *u, const kern_acts *a, size_t t0, size_t n_tokens, size_t k0,
                      size_t n, block_fn *block)
{
    for (size_t i = 0; i < n_tokens; i++) {
        for (size_t b = 0; b < n / KERN_BLOCK; b++) {
            const size_t at = (t0 + i) * a->n_blocks + k0 / KERN_BLOCK + b;
            block_acts x = {.x = a->scale[at], .xs = a->sum_scaled[at]};
            for (size_t e = 0; e < KERN_BLOCK; e++)
                x.q[e] = a->grade == KERN_GRADE_I16 ? a->q16[at * KERN_BLOCK + e]
                                                    : a->q8[at * KERN_BLOCK + e];
            for (size_t h = 0; h < 2; h++)
                x.xs_half[h] = a->scale[at] * (float)a->sum[2 * at + h];
            block(u, b, u->acc[i], &x);
        }
    }
}

#define TILE(shape)                                                                                \
    static void tile_##shape(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,      \
                             size_t n_tokens, size_t k0, size_t n)                                 \
    {                                                                                              \
        for (size_t j = 0; j < n_panels; j++)                                                      \
            tile_ints(&u[j], a, t0, n_tokens, k0, n, block_##shape);                               \
    }
TILE(plain)
TILE(minimum)
TILE(sub16)
TILE(sub16_minimum)
#undef TILE

/* ---- Float weights, and integer ones in grade f32: scratch holds float [k][16 rows] ------- */

static void tile_panel_floats(matmul_panel *u, const kern_acts *a, size_t t0, size_t n_tokens,
                              size_t k0, size_t n)
{
    const float *w = (const float *)(const void *)u->w;
    for (size_t i = 0; i < n_tokens; i++) {
        const float *x = a->x + (t0 + i) * a->ldx + k0;
        for (size_t e = 0; e < n; e++)
            for (size_t r = 0; r < KERN_PANEL_ROWS; r++)
                u->acc[i][r] = fmaf(w[e * KERN_PANEL_ROWS + r], x[e], u->acc[i][r]);
    }
}

static void tile_floats(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                        size_t n_tokens, size_t k0, size_t n)
{
    for (size_t j = 0; j < n_panels; j++)
        tile_panel_floats(&u[j], a, t0, n_tokens, k0, n);
}

void kern_matmul_portable(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a, size_t t0,
                          size_t t1, float *y, size_t ldy, void *scratch)
{
    static const matmul_path paths[] = {
        [QUANT_PLAIN] = {unpack_ints, tile_plain, NULL, 0},
        [QUANT_MINIMUM] = {unpack_ints, tile_minimum, NULL, 0},
        [QUANT_SUB16] = {unpack_ints, tile_sub16, NULL, 0},
        [QUANT_SUB16_MINIMUM] = {unpack_ints, tile_sub16_minimum, NULL, 0},
        [QUANT_FLOAT] = {unpack_floats, tile_floats, NULL, 0},
    };
    const quant_shape shape = a->grade == KERN_GRADE_F32 ? QUANT_FLOAT : quant_infos[w->type].shape;
    matmul_run(paths[shape], w, p0, p1, a, t0, t1, y, ldy, scratch);
}
