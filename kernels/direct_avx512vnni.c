/* direct_avx512vnni.c - products of few tokens with AVX-512 VNNI: the way through scratch would
 * cost them more than the multiplication. One of each kind a format, so that its codes are taken
 * apart by constants. */
#include "kernels/sets.h"
#include "kernels/tile_avx512.h"

INLINE void direct(matmul_panel *u, const panel_chunk *c, const kern_acts *a, size_t t0,
                   size_t n_tokens, size_t k0, tile_kind kind)
{
    const size_t n_blocks = c->n / KERN_BLOCK;
    int_rows rows;
    rows.chunk = c;
    rows.ask = matmul_share(u, (n_tokens + 3) / 4, n_blocks);
    for (size_t i = 0, nr; i < n_tokens; i += nr) {
        nr = n_tokens - i >= 4 ? 4 : n_tokens - i >= 2 ? 2 : 1;
        rows_of(&rows, a, t0 + i, nr, k0, c->n, byte_bias(kind.type), kind);
        rows.first = i;
        if (nr == 4)
            tile_blocks(u, 1, &rows, 4, n_blocks, kind);
        else if (nr == 2)
            tile_blocks(u, 1, &rows, 2, n_blocks, kind);
        else
            tile_blocks(u, 1, &rows, 1, n_blocks, kind);
    }
}

/* The shapes as UNPACK_FORMATS has them. */
enum {
    SHAPE_plain = TILE_PLAIN,
    SHAPE_minimum = TILE_MINIMUM,
    SHAPE_sub16 = TILE_SUB16,
    SHAPE_sub16_minimum = TILE_SUB16_MINIMUM
};

#define DIRECT(name, shape, suffix, grade)                                                         \
    static void name##_##suffix(matmul_panel *u, quant_type t, const panel_chunk *c,               \
                                const kern_acts *a, size_t t0, size_t n_tokens, size_t k0)         \
    {                                                                                              \
        (void)t;                                                                                   \
        const tile_kind kind = {(tile_shape)SHAPE_##shape, grade, true, QUANT_##name};             \
        direct(u, c, a, t0, n_tokens, k0, kind);                                                   \
    }
#define DIRECT_I16(name, shape) DIRECT(name, shape, i16, KERN_GRADE_I16)
#define DIRECT_I8(name, shape) DIRECT(name, shape, i8, KERN_GRADE_I8)
UNPACK_FORMATS(DIRECT_I16)
UNPACK_FORMATS(DIRECT_I8)

/* ---- Floats, in every grade ------------------------------------------------------------------ */

/* With each 32 elements `ask` bytes are asked for. */
INLINE void float_tile(matmul_panel *u, quant_type t, const panel_chunk *c, const float *x,
                       size_t ldx, size_t first, size_t nr, size_t ask)
{
    __m512 acc[DIRECT_TOKENS];
    for (size_t i = 0; i < nr; i++)
        acc[i] = _mm512_load_ps(u->acc[first + i]);
    for (size_t e0 = 0; e0 < c->n; e0 += KERN_BLOCK) {
        const size_t end = c->n - e0 < KERN_BLOCK ? c->n : e0 + KERN_BLOCK;
        matmul_ask(u->next, ask);
        u->next += ask;
        for (size_t e = e0; e < end; e++) {
            const __m512 w = load_floats(t, c->main, e);
            for (size_t i = 0; i < nr; i++)
                acc[i] = _mm512_fmadd_ps(w, _mm512_set1_ps(x[i * ldx + e]), acc[i]);
        }
    }
    for (size_t i = 0; i < nr; i++)
        _mm512_store_ps(u->acc[first + i], acc[i]);
}

INLINE void direct_floats(matmul_panel *u, quant_type t, const panel_chunk *c, const kern_acts *a,
                          size_t t0, size_t n_tokens, size_t k0)
{
    const size_t ask = matmul_share(u, (n_tokens + 3) / 4, (c->n + KERN_BLOCK - 1) / KERN_BLOCK);
    for (size_t i = 0, nr; i < n_tokens; i += nr) {
        const float *x = a->x + (t0 + i) * a->ldx + k0;
        nr = n_tokens - i >= 4 ? 4 : n_tokens - i >= 2 ? 2 : 1;
        if (nr == 4)
            float_tile(u, t, c, x, a->ldx, i, 4, ask);
        else if (nr == 2)
            float_tile(u, t, c, x, a->ldx, i, 2, ask);
        else
            float_tile(u, t, c, x, a->ldx, i, 1, ask);
    }
}

#define DIRECT_FLOATS(name)                                                                        \
    static void direct_##name(matmul_panel *u, quant_type t, const panel_chunk *c,                 \
                              const kern_acts *a, size_t t0, size_t n_tokens, size_t k0)           \
    {                                                                                              \
        (void)t;                                                                                   \
        direct_floats(u, QUANT_##name, c, a, t0, n_tokens, k0);                                    \
    }
DIRECT_FLOATS(F32)
DIRECT_FLOATS(F16)
DIRECT_FLOATS(BF16)

#define FLOAT_ROWS [QUANT_F32] = direct_F32, [QUANT_F16] = direct_F16, [QUANT_BF16] = direct_BF16,
#define I16_ROW(name, shape) [QUANT_##name] = name##_i16,
#define I8_ROW(name, shape) [QUANT_##name] = name##_i8,

matmul_direct_fn *kern_direct_avx512vnni(kern_grade g, quant_type t)
{
    static matmul_direct_fn *const i16[QUANT_COUNT] = {FLOAT_ROWS UNPACK_FORMATS(I16_ROW)};
    static matmul_direct_fn *const i8[QUANT_COUNT] = {FLOAT_ROWS UNPACK_FORMATS(I8_ROW)};
    static matmul_direct_fn *const f32[QUANT_COUNT] = {FLOAT_ROWS};
    return g == KERN_GRADE_I16 ? i16[t] : g == KERN_GRADE_I8 ? i8[t] : f32[t];
}
