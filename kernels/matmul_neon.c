/* matmul_neon.c - products with NEON: SDOT adds four byte products to a row's sum, exactly. Grade
 * i16 takes two passes over the same weights: q = 256 * hi + lo with both in a byte
 * (docs/arithmetic.md, section 3), S = (S_hi << 8) + S_lo. A lane is a row. */
#include <arm_neon.h>
#include "kernels/half.h"
#include "kernels/matmul.h"
#include "kernels/scales.h"
#include "kernels/sets.h"
#include "kernels/unpack.h"

#define INLINE static inline __attribute__((always_inline))

enum { ROW_VECTORS = KERN_PANEL_ROWS / 4, QUADS = KERN_BLOCK / 4 };

/* ---- Activations -------------------------------------------------------------------------- */

/* Bits of the largest magnitude of 32 floats. */
static inline uint32_t block_max(const float *x)
{
    uint32x4_t max = vdupq_n_u32(0);
    for (size_t i = 0; i < KERN_BLOCK; i += 4)
        max = vmaxq_u32(max, vreinterpretq_u32_f32(vabsq_f32(vld1q_f32(x + i))));
    return vmaxvq_u32(max);
}

/* q = rne(x * factor); writes 32 of them as int16 or int8, and the sum of each half. */
static inline void block_round(const float *x, float factor, int16_t *q16, int8_t *q8,
                               int32_t sums[2])
{
    for (size_t h = 0; h < 2; h++) {
        int32x4_t q[4];
        for (size_t i = 0; i < 4; i++)
            q[i] = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 16 * h + 4 * i), factor));
        const int16x8_t lo = vcombine_s16(vmovn_s32(q[0]), vmovn_s32(q[1]));
        const int16x8_t hi = vcombine_s16(vmovn_s32(q[2]), vmovn_s32(q[3]));
        if (q16) {
            vst1q_s16(q16 + 16 * h, lo);
            vst1q_s16(q16 + 16 * h + 8, hi);
        } else {
            vst1q_s8(q8 + 16 * h, vcombine_s8(vmovn_s16(lo), vmovn_s16(hi)));
        }
        sums[h] = vaddvq_s32(vaddq_s32(vaddq_s32(q[0], q[1]), vaddq_s32(q[2], q[3])));
    }
}

static bool quantize_block(kern_acts *a, size_t block, const float *x)
{
    const bool wide = a->grade == KERN_GRADE_I16;
    const float full = wide ? 32512.0f : 127.0f;
    const uint32_t bits = block_max(x);
    const float max = half_bits_f32(bits);
    const bool finite = bits < 0x7f800000u, live = finite && max >= 0x1p-100f;
    int16_t *q16 = wide ? a->q16 + block * KERN_BLOCK : NULL;
    int8_t *q8 = wide ? NULL : a->q8 + block * KERN_BLOCK;
    int32_t *sums = a->sum + 2 * block;
    sums[0] = sums[1] = 0;
    a->scale[block] = live ? max / full : 0.0f;
    if (live)
        block_round(x, full / max, q16, q8, sums);
    else if (wide)
        memset(q16, 0, KERN_BLOCK * sizeof *q16);
    else
        memset(q8, 0, KERN_BLOCK * sizeof *q8);
    a->sum_scaled[block] = a->scale[block] * (float)(sums[0] + sums[1]);
    return finite;
}

bool kern_quantize_neon(kern_acts *a, size_t t0, size_t t1)
{
    bool finite = true;
    for (size_t t = t0; t < t1; t++) {
        for (size_t b = 0; b < a->n_blocks; b++) {
            const float *x = a->x + t * a->ldx + b * KERN_BLOCK;
            const size_t left = a->k - b * KERN_BLOCK;
            float padded[KERN_BLOCK] = {0};
            if (left < KERN_BLOCK) x = memcpy(padded, x, left * sizeof *x);
            const bool good = a->grade == KERN_GRADE_F32
                                  ? block_max(x) < 0x7f800000u
                                  : quantize_block(a, t * a->n_blocks + b, x);
            finite = finite && good;
        }
    }
    return finite;
}

/* ---- Unpacking: [quad][16 rows][4] int8, elements of a quad in order ------------------------- */

/* Byte of a vector of 4 rows that holds element i of a row: panels keep 0, 2, 1, 3. */
static const uint8_t quad_order[16] = {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15};

/* `bits` bits of rows 4v .. 4v+3 of a quad (kernels/panel.h). */
INLINE uint8x16_t take_bits(const uint8_t *codes, unsigned bits, size_t quad, size_t v)
{
    if (bits == 8) return vld1q_u8(codes + quad * PANEL_QUAD + 16 * v);
    const size_t quads = 8 / bits; /* of a vector; nibbles: those of four lie side by side */
    const size_t vector = bits == 4 ? quad % 4 : quad / quads;
    const int shift = (int)(bits == 4 ? 4 * (quad / 4) : bits * (quad % quads));
    const uint8x16_t low = vdupq_n_u8((uint8_t)((1u << bits) - 1u));
    const uint8x16_t all = vld1q_u8(codes + vector * PANEL_QUAD + 16 * v);
    return vandq_u8(vshlq_u8(all, vdupq_n_s8((int8_t)-shift)), low);
}

/* The integers of a vector: table[code], or code - bias. */
INLINE int8x16_t take_quad(quant_type t, const uint8_t *codes, size_t quad, size_t v)
{
    const panel_layout *l = &panel_layouts[t];
    const int8_t *table = quant_table(t);
    uint8x16_t code = take_bits(codes, l->low, quad, v);
    if (l->high)
        code = vorrq_u8(code, vshlq_u8(take_bits(codes + l->high_at, l->high, quad, v),
                                       vdupq_n_s8((int8_t)l->low)));
    const uint8x16_t order = vld1q_u8(quad_order);
    code = vqtbl1q_u8(code, order);
    if (table) return vqtbl1q_s8(vld1q_s8(table), code);
    return vsubq_s8(vreinterpretq_s8_u8(code), vdupq_n_s8((int8_t)quant_bias(t)));
}

static void unpack_quads(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    int8_t *w = (int8_t *)u->w;
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        const uint8_t *codes = panel_codes(t, c, b);
        for (size_t quad = 0; quad < QUADS; quad++)
            for (size_t v = 0; v < ROW_VECTORS; v++)
                vst1q_s8(w + ((b * QUADS + quad) * ROW_VECTORS + v) * 16,
                         take_quad(t, codes, quad, v));
        for (size_t r = 0; r < KERN_PANEL_ROWS; r++) {
            quant_scales s;
            panel_scales(t, c, b, r, &s);
            u->d[b][0][r] = s.d[0];
            u->d[b][1][r] = s.d[1];
            u->m[b][r] = s.m[0];
            u->m1[b][r] = s.m[1];
        }
    }
}

/* ---- Integer tiles ------------------------------------------------------------------------ */

/* One block of one token. */
typedef struct {
    int8x16_t lo[2], hi[2]; /* i8: lo alone */
    bool wide;
    float x, xs, xs_half[2];
} block_acts;

static inline block_acts block_of(const kern_acts *a, size_t at)
{
    block_acts x = {.wide = a->grade == KERN_GRADE_I16, .x = a->scale[at], .xs = a->sum_scaled[at]};
    for (size_t h = 0; h < 2; h++) {
        x.xs_half[h] = a->scale[at] * (float)a->sum[2 * at + h];
        if (!x.wide) {
            x.lo[h] = vld1q_s8(a->q8 + at * KERN_BLOCK + 16 * h);
            continue;
        }
        const int16_t *q = a->q16 + at * KERN_BLOCK + 16 * h;
        const int16x8_t q0 = vld1q_s16(q), q1 = vld1q_s16(q + 8);
        /* The low byte is lo as it is; hi = (q - lo) >> 8 = (q + 128) >> 8, which fits 16 bits. */
        const int16x8_t half = vdupq_n_s16(128);
        x.lo[h] = vcombine_s8(vmovn_s16(q0), vmovn_s16(q1));
        x.hi[h] =
            vcombine_s8(vshrn_n_s16(vaddq_s16(q0, half), 8), vshrn_n_s16(vaddq_s16(q1, half), 8));
    }
    return x;
}

/* sums[v] += dot products of 4 quads with the rows 4v .. 4v+3. */
INLINE void dot_quads(int32x4_t sums[ROW_VECTORS], const int8_t *w, int8x16_t x)
{
    for (size_t v = 0; v < ROW_VECTORS; v++) {
        sums[v] = vdotq_laneq_s32(sums[v], vld1q_s8(w + 16 * v), x, 0);
        sums[v] = vdotq_laneq_s32(sums[v], vld1q_s8(w + 64 + 16 * v), x, 1);
        sums[v] = vdotq_laneq_s32(sums[v], vld1q_s8(w + 128 + 16 * v), x, 2);
        sums[v] = vdotq_laneq_s32(sums[v], vld1q_s8(w + 192 + 16 * v), x, 3);
    }
}

/* Sums over half h of a block, added to sums. */
INLINE void dot_half(int32x4_t sums[ROW_VECTORS], const int8_t *w, const block_acts *x, size_t h)
{
    if (x->wide) {
        int32x4_t high[ROW_VECTORS];
        for (size_t v = 0; v < ROW_VECTORS; v++)
            high[v] = vdupq_n_s32(0);
        dot_quads(high, w + h * 256, x->hi[h]);
        for (size_t v = 0; v < ROW_VECTORS; v++)
            sums[v] = vaddq_s32(sums[v], vshlq_n_s32(high[v], 8));
    }
    dot_quads(sums, w + h * 256, x->lo[h]);
}

INLINE void tile_block(matmul_panel *u, size_t b, float *acc, const block_acts *x,
                       quant_shape shape)
{
    const int8_t *w = (const int8_t *)u->w + b * KERN_BLOCK * KERN_PANEL_ROWS;
    const bool halves = shape == QUANT_SUB16 || shape == QUANT_SUB16_MINIMUM;
    int32x4_t s0[ROW_VECTORS], s1[ROW_VECTORS];
    for (size_t v = 0; v < ROW_VECTORS; v++)
        s0[v] = s1[v] = vdupq_n_s32(0);
    dot_half(s0, w, x, 0);
    dot_half(halves ? s1 : s0, w, x, 1);
    for (size_t v = 0; v < ROW_VECTORS; v++) {
        float32x4_t y = vld1q_f32(acc + 4 * v);
        const float32x4_t d0 = vld1q_f32(u->d[b][0] + 4 * v), f0 = vcvtq_f32_s32(s0[v]);
        if (halves) {
            const float32x4_t d1 = vld1q_f32(u->d[b][1] + 4 * v), f1 = vcvtq_f32_s32(s1[v]);
            y = vfmaq_n_f32(y, vfmaq_f32(vmulq_f32(d0, f0), d1, f1), x->x);
        } else {
            y = vfmaq_f32(y, vmulq_n_f32(d0, x->x), f0);
        }
        if (shape == QUANT_MINIMUM) y = vfmaq_n_f32(y, vld1q_f32(u->m[b] + 4 * v), x->xs);
        if (shape == QUANT_SUB16_MINIMUM) {
            y = vfmaq_n_f32(y, vld1q_f32(u->m[b] + 4 * v), x->xs_half[0]);
            y = vfmaq_n_f32(y, vld1q_f32(u->m1[b] + 4 * v), x->xs_half[1]);
        }
        vst1q_f32(acc + 4 * v, y);
    }
}

INLINE void tile_ints(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                      size_t n_tokens, size_t k0, size_t n, quant_shape shape)
{
    for (size_t i = 0; i < n_tokens; i++)
        for (size_t b = 0; b < n / KERN_BLOCK; b++) {
            const block_acts x = block_of(a, (t0 + i) * a->n_blocks + k0 / KERN_BLOCK + b);
            for (size_t j = 0; j < n_panels; j++)
                tile_block(&u[j], b, u[j].acc[i], &x, shape);
        }
}

#define TILE(name, shape)                                                                          \
    static void tile_##name(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,       \
                            size_t n_tokens, size_t k0, size_t n)                                  \
    {                                                                                              \
        tile_ints(u, n_panels, a, t0, n_tokens, k0, n, shape);                                     \
    }
TILE(plain, QUANT_PLAIN)
TILE(minimum, QUANT_MINIMUM)
TILE(sub16, QUANT_SUB16)
TILE(sub16_minimum, QUANT_SUB16_MINIMUM)
#undef TILE

/* ---- Float weights, and integer ones in grade f32: scratch holds float [k][16 rows] ------- */

enum { FLOAT_TOKENS = 4 };

INLINE void float_rows(matmul_panel *u, const kern_acts *a, size_t i0, size_t nt, size_t t0,
                       size_t k0, size_t n)
{
    const float *w = (const float *)(const void *)u->w;
    const float *x = a->x + (t0 + i0) * a->ldx + k0;
    float32x4_t acc[FLOAT_TOKENS][ROW_VECTORS];
    for (size_t i = 0; i < nt; i++)
        for (size_t v = 0; v < ROW_VECTORS; v++)
            acc[i][v] = vld1q_f32(u->acc[i0 + i] + 4 * v);
    for (size_t e = 0; e < n; e++)
        for (size_t v = 0; v < ROW_VECTORS; v++) {
            const float32x4_t weights = vld1q_f32(w + e * KERN_PANEL_ROWS + 4 * v);
            for (size_t i = 0; i < nt; i++)
                acc[i][v] = vfmaq_n_f32(acc[i][v], weights, x[i * a->ldx + e]);
        }
    for (size_t i = 0; i < nt; i++)
        for (size_t v = 0; v < ROW_VECTORS; v++)
            vst1q_f32(u->acc[i0 + i] + 4 * v, acc[i][v]);
}

static void tile_floats(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                        size_t n_tokens, size_t k0, size_t n)
{
    for (size_t j = 0; j < n_panels; j++) {
        size_t i = 0;
        for (; i + FLOAT_TOKENS <= n_tokens; i += FLOAT_TOKENS)
            float_rows(&u[j], a, i, FLOAT_TOKENS, t0, k0, n);
        for (; i < n_tokens; i++)
            float_rows(&u[j], a, i, 1, t0, k0, n);
    }
}

void kern_matmul_neon(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a, size_t t0,
                      size_t t1, float *y, size_t ldy, void *scratch)
{
    static const matmul_path paths[] = {
        [QUANT_PLAIN] = {unpack_quads, tile_plain, NULL, 0},
        [QUANT_MINIMUM] = {unpack_quads, tile_minimum, NULL, 0},
        [QUANT_SUB16] = {unpack_quads, tile_sub16, NULL, 0},
        [QUANT_SUB16_MINIMUM] = {unpack_quads, tile_sub16_minimum, NULL, 0},
        [QUANT_FLOAT] = {unpack_floats, tile_floats, NULL, 0},
    };
    const quant_shape shape = a->grade == KERN_GRADE_F32 ? QUANT_FLOAT : quant_infos[w->type].shape;
    matmul_run(paths[shape], w, p0, p1, a, t0, t1, y, ldy, scratch);
}
