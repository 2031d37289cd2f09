/* matmul_float_avx2.c - products of float weights, and of all weights in grade f32, with AVX2. */
#include "kernels/matmul_avx2.h"

/* ---- Unpacking: scratch holds floats, [element][16 rows] ------------------------------------ */

/* w = fma(D, q, M). */
INLINE void unpack_dequantized(matmul_panel *u, quant_type t, const panel_chunk *c, coding code)
{
    const __m256i bias = _mm256_set1_epi8((char)code_bias(t));
    const quant_shape shape = quant_infos[t].shape;
    const bool halves = shape == QUANT_SUB16 || shape == QUANT_SUB16_MINIMUM;
    const bool minimum = shape == QUANT_MINIMUM || shape == QUANT_SUB16_MINIMUM;
    float *w = (float *)(void *)u->w;
    chunk_scales(u, t, c);
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        const uint8_t *codes = panel_codes(t, c, b);
        KERN_UNROLL(8)
        for (size_t quad = 0; quad < 8; quad++) {
            const bool second = halves && quad >= 4;
            for (size_t half = 0; half < 2; half++) {
                const __m256i v = _mm256_sub_epi8(stored_quad(code, codes, quad, half), bias);
                const __m256 d = _mm256_load_ps(u->d[b][second] + 8 * half);
                const __m256 m = minimum ? _mm256_load_ps((second ? u->m1 : u->m)[b] + 8 * half)
                                         : _mm256_setzero_ps();
                float *at = w + (b * 32 + quad * 4) * KERN_PANEL_ROWS + 8 * half;
                /* bytes 0, 2, 1, 3 of a row are elements 0, 1, 2, 3 */
                const __m256i e[4] = {_mm256_slli_epi32(v, 24), _mm256_slli_epi32(v, 8),
                                      _mm256_slli_epi32(v, 16), v};
                for (size_t j = 0; j < 4; j++)
                    _mm256_store_ps(
                        at + j * KERN_PANEL_ROWS,
                        _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(_mm256_srai_epi32(e[j], 24)), m));
            }
        }
    }
}

#define UNPACKER(code)                                                                             \
    static void floats_##code(matmul_panel *u, quant_type t, const panel_chunk *c)                 \
    {                                                                                              \
        unpack_dequantized(u, t, c, CODING_##code);                                                \
    }
UNPACKER(INT8)
UNPACKER(NIBBLES)
UNPACKER(FIFTH)
UNPACKER(SIXTH)
UNPACKER(TWO)
UNPACKER(THIRD)
UNPACKER(IQ4)
UNPACKER(FP4)
#undef UNPACKER

static void floats_F32(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    (void)t;
    memcpy(u->w, c->main, c->n * KERN_PANEL_ROWS * sizeof(float));
}

static void floats_F16(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    float *w = (float *)(void *)u->w;
    (void)t;
    for (size_t i = 0; i < c->n * KERN_PANEL_ROWS; i += 8)
        _mm256_store_ps(w + i, load_f16(c->main + 2 * i));
}

static void floats_BF16(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    float *w = (float *)(void *)u->w;
    (void)t;
    for (size_t i = 0; i < c->n * KERN_PANEL_ROWS; i += 8) {
        const __m128i h = _mm_loadu_si128((const __m128i *)(const void *)(c->main + 2 * i));
        _mm256_store_ps(w + i,
                        _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16)));
    }
}

/* ---- Float tile: up to 6 tokens -------------------------------------------------------------- */

enum { FLOAT_TILE = 6 };

INLINE void tile_float_rows(matmul_panel *u, const float *x, size_t ldx, size_t i0, size_t n,
                            size_t nr)
{
    const float *w = (const float *)(const void *)u->w;
    __m256 acc[FLOAT_TILE][2];
    for (size_t i = 0; i < nr; i++)
        for (size_t half = 0; half < 2; half++)
            acc[i][half] = _mm256_load_ps(u->acc[i0 + i] + 8 * half);
    for (size_t e = 0; e < n; e++) {
        const __m256 w0 = _mm256_load_ps(w + e * 16), w1 = _mm256_load_ps(w + e * 16 + 8);
        for (size_t i = 0; i < nr; i++) {
            const __m256 v = _mm256_broadcast_ss(x + i * ldx + e);
            acc[i][0] = _mm256_fmadd_ps(w0, v, acc[i][0]);
            acc[i][1] = _mm256_fmadd_ps(w1, v, acc[i][1]);
        }
    }
    for (size_t i = 0; i < nr; i++)
        for (size_t half = 0; half < 2; half++)
            _mm256_store_ps(u->acc[i0 + i] + 8 * half, acc[i][half]);
}

static void tile_panel_floats(matmul_panel *u, const kern_acts *a, size_t t0, size_t n_tokens,
                              size_t k0, size_t n)
{
    for (size_t i = 0; i < n_tokens; i += FLOAT_TILE) {
        const float *x = a->x + (t0 + i) * a->ldx + k0;
        switch (n_tokens - i) {
        case 1:
            tile_float_rows(u, x, a->ldx, i, n, 1);
            break;
        case 2:
            tile_float_rows(u, x, a->ldx, i, n, 2);
            break;
        case 3:
            tile_float_rows(u, x, a->ldx, i, n, 3);
            break;
        case 4:
            tile_float_rows(u, x, a->ldx, i, n, 4);
            break;
        case 5:
            tile_float_rows(u, x, a->ldx, i, n, 5);
            break;
        default:
            tile_float_rows(u, x, a->ldx, i, n, 6);
            break;
        }
    }
}

static void tile_floats(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                        size_t n_tokens, size_t k0, size_t n)
{
    for (size_t j = 0; j < n_panels; j++)
        tile_panel_floats(&u[j], a, t0, n_tokens, k0, n);
}

const matmul_path matmul_floats_avx2[QUANT_COUNT] = {
    [QUANT_F32] = {floats_F32, tile_floats, NULL, 0},
    [QUANT_F16] = {floats_F16, tile_floats, NULL, 0},
    [QUANT_BF16] = {floats_BF16, tile_floats, NULL, 0},
    [QUANT_Q4_0] = {floats_NIBBLES, tile_floats, NULL, 0},
    [QUANT_Q4_1] = {floats_NIBBLES, tile_floats, NULL, 0},
    [QUANT_Q5_0] = {floats_FIFTH, tile_floats, NULL, 0},
    [QUANT_Q5_1] = {floats_FIFTH, tile_floats, NULL, 0},
    [QUANT_Q8_0] = {floats_INT8, tile_floats, NULL, 0},
    [QUANT_Q2_K] = {floats_TWO, tile_floats, NULL, 0},
    [QUANT_Q3_K] = {floats_THIRD, tile_floats, NULL, 0},
    [QUANT_Q4_K] = {floats_NIBBLES, tile_floats, NULL, 0},
    [QUANT_Q5_K] = {floats_FIFTH, tile_floats, NULL, 0},
    [QUANT_Q6_K] = {floats_SIXTH, tile_floats, NULL, 0},
    [QUANT_IQ4_NL] = {floats_IQ4, tile_floats, NULL, 0},
    [QUANT_IQ4_XS] = {floats_IQ4, tile_floats, NULL, 0},
    [QUANT_MXFP4] = {floats_FP4, tile_floats, NULL, 0},
};
