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

/* Rows 8*half .. 8*half+7 of element e, of a format of floats or of scratch (F32). */
INLINE __m256 float_rows(quant_type t, const uint8_t *w, size_t e, size_t half)
{
    const size_t at = e * KERN_PANEL_ROWS + 8 * half;
    if (t == QUANT_F16) return load_f16(w + 2 * at);
    if (t == QUANT_BF16) {
        const __m128i h = _mm_loadu_si128((const __m128i *)(const void *)(w + 2 * at));
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
    }
    return _mm256_loadu_ps((const float *)(const void *)(w + 4 * at));
}

INLINE void unpack_floats(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    float *w = (float *)(void *)u->w;
    for (size_t e = 0; e < c->n; e++)
        for (size_t half = 0; half < 2; half++)
            _mm256_store_ps(w + e * KERN_PANEL_ROWS + 8 * half, float_rows(t, c->main, e, half));
}

/* ---- Float tile: up to 6 tokens -------------------------------------------------------------- */

/* STRETCH: elements between two askings, more where many tokens share a chunk. */
enum { FLOAT_TILE = 6, STRETCH = 128, STRETCH_DIRECT = 32 };

/* With each `stretch` elements of n `ask` bytes are asked for. */
INLINE void tile_rows(matmul_panel *u, quant_type t, const uint8_t *w, const float *x, size_t ldx,
                      size_t i0, size_t n, size_t nr, size_t stretch, size_t ask)
{
    __m256 acc[FLOAT_TILE][2];
    const float *row[FLOAT_TILE];
    for (size_t i = 0; i < nr; i++) {
        row[i] = x + i * ldx;
        __asm__("" : "+r"(row[i])); /* or gcc computes them from each other for every element */
    }
    for (size_t i = 0; i < nr; i++)
        for (size_t half = 0; half < 2; half++)
            acc[i][half] = _mm256_load_ps(u->acc[i0 + i] + 8 * half);
    for (size_t e0 = 0; e0 < n; e0 += stretch) {
        const size_t end = n - e0 < stretch ? n : e0 + stretch;
        matmul_ask(u->next, ask);
        u->next += ask;
        KERN_UNROLL(4)
        for (size_t e = e0; e < end; e++) {
            const __m256 w0 = float_rows(t, w, e, 0), w1 = float_rows(t, w, e, 1);
            for (size_t i = 0; i < nr; i++) {
                const __m256 v = _mm256_broadcast_ss(row[i] + e);
                acc[i][0] = _mm256_fmadd_ps(w0, v, acc[i][0]);
                acc[i][1] = _mm256_fmadd_ps(w1, v, acc[i][1]);
            }
        }
    }
    for (size_t i = 0; i < nr; i++)
        for (size_t half = 0; half < 2; half++)
            _mm256_store_ps(u->acc[i0 + i] + 8 * half, acc[i][half]);
}

/* Tokens of the next tile of those left: 7 to 11 are halved, since a tile of few waits for its
 * sums. */
INLINE size_t tile_size(size_t left)
{
    const bool halve = left > FLOAT_TILE && left < 2 * FLOAT_TILE;
    return halve ? (left + 1) / 2 : left < FLOAT_TILE ? left : FLOAT_TILE;
}

INLINE void tile_tokens(matmul_panel *u, quant_type t, const uint8_t *w, const kern_acts *a,
                        size_t t0, size_t n_tokens, size_t k0, size_t n, size_t stretch)
{
    const size_t n_tiles = (n_tokens + FLOAT_TILE - 1) / FLOAT_TILE;
    const size_t ask = matmul_share(u, n_tiles, (n + stretch - 1) / stretch);
    for (size_t i = 0, nr; i < n_tokens; i += nr) {
        const float *x = a->x + (t0 + i) * a->ldx + k0;
        nr = tile_size(n_tokens - i);
        switch (nr) {
        case 1:
            tile_rows(u, t, w, x, a->ldx, i, n, 1, stretch, ask);
            break;
        case 2:
            tile_rows(u, t, w, x, a->ldx, i, n, 2, stretch, ask);
            break;
        case 3:
            tile_rows(u, t, w, x, a->ldx, i, n, 3, stretch, ask);
            break;
        case 4:
            tile_rows(u, t, w, x, a->ldx, i, n, 4, stretch, ask);
            break;
        case 5:
            tile_rows(u, t, w, x, a->ldx, i, n, 5, stretch, ask);
            break;
        default:
            tile_rows(u, t, w, x, a->ldx, i, n, 6, stretch, ask);
            break;
        }
    }
}

static void tile_floats(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                        size_t n_tokens, size_t k0, size_t n)
{
    for (size_t j = 0; j < n_panels; j++)
        tile_tokens(&u[j], QUANT_F32, u[j].w, a, t0, n_tokens, k0, n, STRETCH);
}

#define FLOATS(code)                                                                               \
    static void floats_##code(matmul_panel *u, quant_type t, const panel_chunk *c)                 \
    {                                                                                              \
        (void)t;                                                                                   \
        unpack_floats(u, QUANT_##code, c);                                                         \
    }                                                                                              \
    static void direct_##code(matmul_panel *u, quant_type t, const panel_chunk *c,                 \
                              const kern_acts *a, size_t t0, size_t n_tokens, size_t k0)           \
    {                                                                                              \
        (void)t;                                                                                   \
        tile_tokens(u, QUANT_##code, c->main, a, t0, n_tokens, k0, c->n, STRETCH_DIRECT);          \
    }
FLOATS(F32)
FLOATS(F16)
FLOATS(BF16)
#undef FLOATS

const matmul_path matmul_floats_avx2[QUANT_COUNT] = {
    [QUANT_F32] = {floats_F32, tile_floats, direct_F32, FLOAT_TILE},
    [QUANT_F16] = {floats_F16, tile_floats, direct_F16, FLOAT_TILE},
    [QUANT_BF16] = {floats_BF16, tile_floats, direct_BF16, FLOAT_TILE},
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
