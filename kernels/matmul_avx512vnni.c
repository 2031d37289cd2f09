/* matmul_avx512vnni.c - products with AVX-512 VNNI, chunk by chunk from scratch. Few tokens go
 * another way (direct_avx512vnni.c). */
#include <immintrin.h>
#include "kernels/sets.h"
#include "kernels/tile_avx512.h"

/* ---- Unpackers: one of each kind a format --------------------------------------------------- */

#define UNPACKERS(name, shape)                                                                     \
    static void pairs_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                  \
    {                                                                                              \
        (void)t;                                                                                   \
        take_pairs(u, QUANT_##name, c);                                                            \
    }                                                                                              \
    static void bytes_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                  \
    {                                                                                              \
        (void)t;                                                                                   \
        take_bytes(u, QUANT_##name, c);                                                            \
    }                                                                                              \
    static void floats_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                 \
    {                                                                                              \
        (void)t;                                                                                   \
        take_dequantized(u, QUANT_##name, c);                                                      \
    }
UNPACK_FORMATS(UNPACKERS)
#undef UNPACKERS

#define FLOAT_UNPACKER(name)                                                                       \
    static void floats_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                 \
    {                                                                                              \
        (void)t;                                                                                   \
        for (size_t e = 0; e < c->n; e++)                                                          \
            _mm512_store_ps((float *)(void *)u->w + e * 16,                                        \
                            load_floats(QUANT_##name, c->main, e));                                \
    }
FLOAT_UNPACKER(F32)
FLOAT_UNPACKER(F16)
FLOAT_UNPACKER(BF16)
#undef FLOAT_UNPACKER

/* ---- Integer tiles --------------------------------------------------------------------------- */

/* How many tokens the next tile takes of those left: the sizes that are compiled. */
INLINE size_t tile_tokens(size_t left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

INLINE void tile_panels(matmul_panel *u, size_t np, const kern_acts *a, size_t t0, size_t n_tokens,
                        size_t k0, size_t n, tile_kind kind)
{
    const size_t n_blocks = n / KERN_BLOCK;
    int_rows rows;
    for (size_t i = 0; i < n_tokens;) {
        const size_t nr = tile_tokens(n_tokens - i);
        for (size_t j = 0; j < np; j++) /* its share, by tokens */
            matmul_ask(u[j].next + i * u[j].next_bytes / n_tokens, nr * u[j].next_bytes / n_tokens);
        rows_of(&rows, a, t0 + i, nr, k0, n, u->bias, kind);
        rows.first = i;
        switch (nr) {
        case 1:
            tile_blocks(u, np, &rows, 1, n_blocks, kind);
            break;
        case 2:
            tile_blocks(u, np, &rows, 2, n_blocks, kind);
            break;
        case 4:
            tile_blocks(u, np, &rows, 4, n_blocks, kind);
            break;
        default:
            tile_blocks(u, np, &rows, 8, n_blocks, kind);
            break;
        }
        i += nr;
    }
}

#define INT_TILE(name, ...)                                                                        \
    static void name(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,              \
                     size_t n_tokens, size_t k0, size_t n)                                         \
    {                                                                                              \
        const tile_kind kind = {__VA_ARGS__, false, QUANT_F32};                                    \
        if (n_panels == 2)                                                                         \
            tile_panels(u, 2, a, t0, n_tokens, k0, n, kind);                                       \
        else                                                                                       \
            tile_panels(u, 1, a, t0, n_tokens, k0, n, kind);                                       \
    }
INT_TILE(plain_i16, TILE_PLAIN, KERN_GRADE_I16)
INT_TILE(minimum_i16, TILE_MINIMUM, KERN_GRADE_I16)
INT_TILE(sub16_i16, TILE_SUB16, KERN_GRADE_I16)
INT_TILE(sub16_minimum_i16, TILE_SUB16_MINIMUM, KERN_GRADE_I16)
INT_TILE(plain_i8, TILE_PLAIN, KERN_GRADE_I8)
INT_TILE(minimum_i8, TILE_MINIMUM, KERN_GRADE_I8)
INT_TILE(sub16_i8, TILE_SUB16, KERN_GRADE_I8)
INT_TILE(sub16_minimum_i8, TILE_SUB16_MINIMUM, KERN_GRADE_I8)
#undef INT_TILE

/* ---- Float tile ----------------------------------------------------------------------------- */

INLINE void tile_float_rows(matmul_panel *u, size_t np, size_t first, const float *x, size_t ldx,
                            size_t nr, size_t n)
{
    __m512 acc[MATMUL_PANELS][TILE];
    for (size_t j = 0; j < np; j++)
        for (size_t i = 0; i < nr; i++)
            acc[j][i] = _mm512_load_ps(u[j].acc[first + i]);
    for (size_t e = 0; e < n; e++) {
        __m512 w[MATMUL_PANELS];
        for (size_t j = 0; j < np; j++)
            w[j] = _mm512_load_ps(u[j].w + e * 64);
        KERN_UNROLL(8)
        for (size_t i = 0; i < nr; i++) {
            const __m512 v = _mm512_set1_ps(x[i * ldx + e]);
            for (size_t j = 0; j < np; j++)
                acc[j][i] = _mm512_fmadd_ps(w[j], v, acc[j][i]);
        }
    }
    for (size_t j = 0; j < np; j++)
        for (size_t i = 0; i < nr; i++)
            _mm512_store_ps(u[j].acc[first + i], acc[j][i]);
}

INLINE void tile_float_panels(matmul_panel *u, size_t np, const kern_acts *a, size_t t0,
                              size_t n_tokens, size_t k0, size_t n)
{
    for (size_t i = 0; i < n_tokens;) {
        const float *x = a->x + (t0 + i) * a->ldx + k0;
        const size_t nr = tile_tokens(n_tokens - i);
        switch (nr) {
        case 1:
            tile_float_rows(u, np, i, x, a->ldx, 1, n);
            break;
        case 2:
            tile_float_rows(u, np, i, x, a->ldx, 2, n);
            break;
        case 4:
            tile_float_rows(u, np, i, x, a->ldx, 4, n);
            break;
        default:
            tile_float_rows(u, np, i, x, a->ldx, 8, n);
            break;
        }
        i += nr;
    }
}

static void tile_floats(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                        size_t n_tokens, size_t k0, size_t n)
{
    if (n_panels == 2)
        tile_float_panels(u, 2, a, t0, n_tokens, k0, n);
    else
        tile_float_panels(u, 1, a, t0, n_tokens, k0, n);
}

/* ---- Dispatch -------------------------------------------------------------------------------- */

#define FLOATS(name) [QUANT_##name] = {.unpack = floats_##name, .tile = tile_floats},
#define FLOAT_ROWS FLOATS(F32) FLOATS(F16) FLOATS(BF16)
#define I16_ROW(name, shape) [QUANT_##name] = {.unpack = pairs_##name, .tile = shape##_i16},
#define I8_ROW(name, shape) [QUANT_##name] = {.unpack = bytes_##name, .tile = shape##_i8},
#define F32_ROW(name, shape) FLOATS(name)

static const matmul_path paths[][QUANT_COUNT] = {
    [KERN_GRADE_I16] = {FLOAT_ROWS UNPACK_FORMATS(I16_ROW)},
    [KERN_GRADE_I8] = {FLOAT_ROWS UNPACK_FORMATS(I8_ROW)},
    [KERN_GRADE_F32] = {FLOAT_ROWS UNPACK_FORMATS(F32_ROW)},
};

void kern_matmul_avx512vnni(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a,
                            size_t t0, size_t t1, float *y, size_t ldy, void *scratch)
{
    matmul_path path = paths[a->grade][w->type];
    path.direct = kern_direct_avx512vnni(a->grade, w->type);
    path.direct_tokens = path.direct ? DIRECT_TOKENS : 0;
    matmul_run(path, w, p0, p1, a, t0, t1, y, ldy, scratch);
}
