/* panel.c - owns the layout of panel.h: packs file rows into it and reads single rows back. Scalar
 * and generic on purpose; the fast unpackers live with their instruction sets. */
#include "kernels/panel.h"
#include <math.h>
#include <string.h>
#include "kernels/half.h"
#include "kernels/scales.h"

#define INLINE static inline __attribute__((always_inline))

/* Byte of element j of a quad; its own inverse. */
static const uint8_t quad_byte[4] = {0, 2, 1, 3};

/* Of a chunk of n elements. */
static size_t chunk_bytes(quant_type t, size_t n)
{
    const panel_layout *l = &panel_layouts[t];
    const size_t bytes = n / quant_infos[t].block_elems * (l->main_bytes + l->tail_bytes);
    return (bytes + KERN_ALIGN - 1) / KERN_ALIGN * KERN_ALIGN;
}

size_t panel_bytes(quant_type t, size_t k)
{
    return k / PANEL_CHUNK * chunk_bytes(t, PANEL_CHUNK) + chunk_bytes(t, k % PANEL_CHUNK);
}

panel_chunk panel_chunk_at(quant_type t, const void *panel, size_t k, size_t chunk)
{
    const size_t left = k - chunk * PANEL_CHUNK, n = left < PANEL_CHUNK ? left : PANEL_CHUNK;
    const uint8_t *main = (const uint8_t *)panel + chunk * chunk_bytes(t, PANEL_CHUNK);
    return (panel_chunk){
        .main = main,
        .tail = main + n / quant_infos[t].block_elems * panel_layouts[t].main_bytes,
        .n = n,
    };
}

/* ---- Packing ------------------------------------------------------------------------------ */

/* Where `bits` bits (8, 4, 2 or 1) of byte `at` of a quad lie. */
typedef struct {
    size_t byte;
    unsigned shift;
} place;

static place place_of(unsigned bits, size_t quad, size_t at)
{
    const size_t quads = 8 / bits; /* of a vector */
    if (bits == 4) /* low nibbles hold the first four quads; elsewhere neighbours share a byte */
        return (place){quad % 4 * PANEL_QUAD + at, (unsigned)(4 * (quad / 4))};
    return (place){quad / quads * PANEL_QUAD + at, (unsigned)(quad % quads) * bits};
}

static unsigned get_bits(const uint8_t *codes, unsigned bits, size_t quad, size_t at)
{
    const place p = place_of(bits, quad, at);
    return codes[p.byte] >> p.shift & ((1u << bits) - 1u);
}

/* Codes of 32 elements of 16 rows, the four bytes of a quad in the order of panel.h. */
typedef struct {
    uint32_t quad[8][KERN_PANEL_ROWS];
} panel_block;

static void take_codes(panel_block *b, size_t r, const uint8_t code[32])
{
    for (size_t quad = 0; quad < 8; quad++) {
        uint32_t v;
        memcpy(&v, code + 4 * quad, sizeof v);
        b->quad[quad][r] = (v & 0xff0000ff) | (v & 0xff00) << 8 | (v >> 8 & 0xff00);
    }
}

/* `bits` bits of all codes, from bit `shift` on: 8 / bits quads share a vector. */
static void put_bits(const panel_block *b, unsigned bits, unsigned shift, uint8_t *to)
{
    const uint32_t mask = 0x01010101 * ((1u << bits) - 1);
    const size_t n_vectors = bits;
    for (size_t v = 0; v < n_vectors; v++) {
        uint32_t vector[KERN_PANEL_ROWS] = {0};
        for (unsigned j = 0; j < 8 / bits; j++) {
            const uint32_t *quad = b->quad[bits == 4 ? v + 4 * j : v * (8 / bits) + j];
            for (size_t r = 0; r < KERN_PANEL_ROWS; r++)
                vector[r] |= (quad[r] >> shift & mask) << (bits * j);
        }
        memcpy(to + v * PANEL_QUAD, vector, sizeof vector);
    }
}

static void put_codes(const panel_layout *l, const panel_block *b, uint8_t *to)
{
    put_bits(b, l->low, 0, to);
    if (l->high) put_bits(b, l->high, l->low, to + l->high_at);
}

static void put_u16(uint8_t *p, size_t index, uint16_t v)
{
    memcpy(p + 2 * index, &v, sizeof v);
}

/* d, dmin and the scales of Q4_K and Q5_K, which begin alike. */
static void put_k_scales(uint8_t *main, size_t r, const uint8_t *block)
{
    quant_block_Q4_K b;
    memcpy(&b, block, offsetof(quant_block_Q4_K, qs));
    put_u16(main, r, b.d);
    put_u16(main, 16 + r, b.dmin);
    for (size_t j = 0; j < 8; j++)
        quant_k_scale(b.scales, j, &main[PANEL_Q4_K_SCALES + j * 16 + r],
                      &main[PANEL_Q4_K_MINIMA + j * 16 + r]);
}

static void put_q2_k_scales(uint8_t *main, size_t r, const uint8_t *block)
{
    quant_block_Q2_K b;
    memcpy(&b, block, sizeof b);
    put_u16(main, r, b.d);
    put_u16(main, 16 + r, b.dmin);
    for (size_t s = 0; s < 16; s++)
        main[PANEL_Q4_K_SCALES + s * 16 + r] = b.scales[s];
}

/* Formats of 256 elements with int8 scales: n of them, d in the tail. */
static void put_int8_scales(quant_type t, uint8_t *main, uint8_t *tail, size_t r,
                            const uint8_t *block)
{
    union {
        quant_block_Q3_K q3;
        quant_block_Q6_K q6;
        quant_block_IQ4_XS iq4;
    } b;
    memcpy(&b, block, quant_infos[t].block_bytes);
    put_u16(tail, r, t == QUANT_Q3_K ? b.q3.d : t == QUANT_Q6_K ? b.q6.d : b.iq4.d);
    for (size_t s = 0; s < (t == QUANT_IQ4_XS ? 8 : 16); s++) {
        const int8_t scale = t == QUANT_Q3_K   ? quant_q3_k_scale(&b.q3, s)
                             : t == QUANT_Q6_K ? b.q6.scales[s]
                                               : quant_iq4_xs_scale(&b.iq4, s);
        main[s * 16 + r] = (uint8_t)scale;
    }
}

/* Scales travel as the file has them; only those of 6 bits are spread to bytes. */
static void put_scales(quant_type t, uint8_t *main, uint8_t *tail, size_t r, const uint8_t *block)
{
    uint16_t half[2];
    switch (t) {
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        put_k_scales(main, r, block);
        break;
    case QUANT_Q2_K:
        put_q2_k_scales(main, r, block);
        break;
    case QUANT_Q3_K:
    case QUANT_Q6_K:
    case QUANT_IQ4_XS:
        put_int8_scales(t, main, tail, r, block);
        break;
    case QUANT_MXFP4:
        tail[r] = block[0];
        break;
    default: /* blocks of 32 begin with d, those with a minimum with d and m */
        memcpy(half, block, sizeof half);
        put_u16(tail, r, half[0]);
        if (quant_infos[t].shape == QUANT_MINIMUM) put_u16(tail, 16 + r, half[1]);
    }
}

/* Element i of all rows, `size` bytes each, side by side. */
INLINE void pack_floats(uint8_t *panel, const uint8_t *rows, size_t row_bytes, size_t n_rows,
                        size_t k, size_t size)
{
    for (size_t i = 0; i < k; i++)
        for (size_t r = 0; r < n_rows; r++)
            memcpy(panel + (i * KERN_PANEL_ROWS + r) * size, rows + r * row_bytes + i * size, size);
}

/* Unit u of all rows. */
static void pack_unit(quant_type t, uint8_t *main, uint8_t *tail, const uint8_t *blocks,
                      size_t row_bytes, size_t n_rows)
{
    const panel_layout *l = &panel_layouts[t];
    panel_block codes = {0};
    for (size_t r = 0; r < n_rows; r++)
        put_scales(t, main, tail, r, blocks + r * row_bytes);
    for (size_t sub = 0; sub < quant_infos[t].block_elems / 32; sub++) {
        for (size_t r = 0; r < n_rows; r++) {
            uint8_t code[32];
            quant_block_codes(t, blocks + r * row_bytes, sub, code);
            take_codes(&codes, r, code);
        }
        put_codes(l, &codes, main + l->codes + sub * l->block);
    }
}

void panel_pack(quant_type t, void *panel, const void *rows, size_t row_bytes, size_t n_rows,
                size_t k)
{
    const quant_info *info = &quant_infos[t];
    const panel_layout *l = &panel_layouts[t];
    const uint8_t *block = rows;
    memset(panel, 0, panel_bytes(t, k));
    if (info->shape == QUANT_FLOAT && info->block_bytes == 2) {
        pack_floats(panel, rows, row_bytes, n_rows, k, 2);
        return;
    }
    if (info->shape == QUANT_FLOAT) {
        pack_floats(panel, rows, row_bytes, n_rows, k, 4);
        return;
    }
    for (size_t chunk = 0; chunk * PANEL_CHUNK < k; chunk++) {
        const panel_chunk c = panel_chunk_at(t, panel, k, chunk);
        uint8_t *main = (uint8_t *)panel + (c.main - (const uint8_t *)panel);
        uint8_t *tail = main + (c.tail - c.main);
        for (size_t u = 0; u < c.n / info->block_elems; u++, block += info->block_bytes)
            pack_unit(t, main + u * l->main_bytes, tail + u * l->tail_bytes, block, row_bytes,
                      n_rows);
    }
}

/* ---- Reading back ------------------------------------------------------------------------- */

void panel_values(quant_type t, const panel_chunk *c, size_t b, size_t r, quant_values *out)
{
    const panel_layout *l = &panel_layouts[t];
    const uint8_t *codes = panel_codes(t, c, b);
    panel_scales(t, c, b, r, &out->s);
    for (size_t i = 0; i < 32; i++) {
        const size_t at = r * 4 + quad_byte[i % 4];
        unsigned code = get_bits(codes, l->low, i / 4, at);
        if (l->high) code |= get_bits(codes + l->high_at, l->high, i / 4, at) << l->low;
        out->q[i] = quant_code_value(t, (uint8_t)code);
    }
}

static void float_row(quant_type t, const uint8_t *panel, size_t r, size_t k, float *out)
{
    for (size_t i = 0; i < k; i++) {
        const uint8_t *p = panel + i * panel_layouts[t].main_bytes;
        uint16_t h;
        if (t == QUANT_F32) {
            memcpy(&out[i], p + 4 * r, sizeof out[i]);
            continue;
        }
        memcpy(&h, p + 2 * r, sizeof h);
        out[i] = t == QUANT_F16 ? half_f16_to_f32(h) : half_bf16_to_f32(h);
    }
}

void panel_row_f32(quant_type t, const void *panel, size_t r, size_t k, float *out)
{
    if (quant_infos[t].shape == QUANT_FLOAT) {
        float_row(t, panel, r, k, out);
        return;
    }
    for (size_t chunk = 0; chunk * PANEL_CHUNK < k; chunk++) {
        const panel_chunk c = panel_chunk_at(t, panel, k, chunk);
        for (size_t b = 0; b < c.n / 32; b++) {
            quant_values v;
            panel_values(t, &c, b, r, &v);
            for (size_t i = 0; i < 32; i++)
                *out++ = fmaf(v.s.d[i / 16], (float)v.q[i], v.s.m[i / 16]);
        }
    }
}
