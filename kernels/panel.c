/* panel.c - owns the layout of panel.h: packs file rows into it and reads single rows back. Scalar
 * and generic on purpose; the fast unpackers live with their instruction sets. */
#include "kernels/panel.h"
#include <math.h>
#include <string.h>
#include "kernels/half.h"

typedef struct {
    size_t main_bytes, tail_bytes; /* of one unit, 16 rows */
} panel_layout;

static const panel_layout layouts[QUANT_COUNT] = {
    [QUANT_F32] = {64, 0},    [QUANT_F16] = {32, 0},    [QUANT_BF16] = {32, 0},
    [QUANT_Q4_0] = {256, 32}, [QUANT_Q4_1] = {256, 64}, [QUANT_Q5_0] = {320, 32},
    [QUANT_Q8_0] = {512, 32}, [QUANT_Q4_K] = {2368, 0}, [QUANT_Q6_K] = {3328, 32},
};

/* Byte of element j of a quad; its own inverse. */
static const uint8_t quad_byte[4] = {0, 2, 1, 3};

static size_t n_units(quant_type t, size_t k)
{
    return k / quant_infos[t].block_elems;
}

size_t panel_bytes(quant_type t, size_t k)
{
    const size_t bytes = n_units(t, k) * (layouts[t].main_bytes + layouts[t].tail_bytes);
    return (bytes + KERN_ALIGN - 1) / KERN_ALIGN * KERN_ALIGN;
}

panel_chunk panel_chunk_at(quant_type t, const void *panel, size_t k, size_t chunk)
{
    const panel_layout *l = &layouts[t];
    const uint8_t *base = panel;
    const size_t unit = chunk * (PANEL_CHUNK / quant_infos[t].block_elems);
    const size_t left = k - chunk * PANEL_CHUNK;
    return (panel_chunk){
        .main = base + unit * l->main_bytes,
        .tail = base + n_units(t, k) * l->main_bytes + unit * l->tail_bytes,
        .n = left < PANEL_CHUNK ? left : PANEL_CHUNK,
    };
}

/* ---- Packing ------------------------------------------------------------------------------ */

/* Offset in the chunk's main part of block b's nibbles or bytes; its high bits lie 256 bytes on. */
static size_t quads_offset(quant_type t, size_t b)
{
    if (t == QUANT_Q4_K) return PANEL_Q4_K_QUADS + b * 256;
    if (t == QUANT_Q6_K) return PANEL_Q6_K_QUADS + b * PANEL_Q6_K_BLOCK;
    return b * layouts[t].main_bytes;
}

static void put_values(quant_type t, uint8_t *quads, size_t r, const int8_t q[32])
{
    const int bias = quant_bias(t);
    uint8_t *high = quads + 256; /* Q5_0: masks, Q6_K: bit pairs */
    for (size_t i = 0; i < 32; i++) {
        const size_t quad = i / 4, at = r * 4 + quad_byte[i % 4];
        const unsigned u = (unsigned)(q[i] + bias);
        if (t == QUANT_Q8_0) {
            quads[quad * PANEL_QUAD + at] = (uint8_t)q[i];
            continue;
        }
        uint8_t *byte = &quads[quad % 4 * PANEL_QUAD + at];
        *byte = (uint8_t)(*byte | (quad < 4 ? u & 15 : (u & 15) << 4));
        if (t == QUANT_Q5_0) {
            uint8_t *mask = &high[quad * 8 + at / 8];
            *mask = (uint8_t)(*mask | (u >> 4 & 1) << at % 8);
        } else if (t == QUANT_Q6_K) {
            uint8_t *pair = &high[quad / 4 * PANEL_QUAD + at];
            *pair = (uint8_t)(*pair | (u >> 4 & 3) << 2 * (quad % 4));
        }
    }
}

static void put_u16(uint8_t *p, size_t index, uint16_t v)
{
    memcpy(p + 2 * index, &v, sizeof v);
}

/* Scales travel as the file has them; only Q4_K's 6-bit pairs are spread to bytes. */
static void put_scales(quant_type t, uint8_t *main, uint8_t *tail, size_t r, const uint8_t *block)
{
    uint16_t d, second;
    memcpy(&d, block, 2);
    memcpy(&second, block + 2, 2); /* m of Q4_1, dmin of Q4_K */
    if (t == QUANT_Q6_K) {
        quant_block_Q6_K b;
        memcpy(&b, block, sizeof b);
        for (size_t s = 0; s < 16; s++)
            main[s * 16 + r] = (uint8_t)b.scales[s];
        put_u16(tail, r, b.d);
    } else if (t == QUANT_Q4_K) {
        quant_block_Q4_K b;
        memcpy(&b, block, sizeof b);
        put_u16(main, r, d);
        put_u16(main, 16 + r, second);
        for (size_t j = 0; j < 8; j++)
            quant_k_scale(b.scales, j, &main[PANEL_Q4_K_SCALES + j * 16 + r],
                          &main[PANEL_Q4_K_MINIMA + j * 16 + r]);
    } else {
        put_u16(tail, r, d);
        if (t == QUANT_Q4_1) put_u16(tail, 16 + r, second);
    }
}

static void pack_row(quant_type t, uint8_t *panel, const uint8_t *row, size_t r, size_t k)
{
    const quant_info *info = &quant_infos[t];
    const panel_layout *l = &layouts[t];
    const size_t units = n_units(t, k);
    if (info->shape == QUANT_FLOAT) {
        for (size_t i = 0; i < k; i++)
            memcpy(panel + i * l->main_bytes + r * info->block_bytes, row + i * info->block_bytes,
                   info->block_bytes);
        return;
    }
    for (size_t u = 0; u < units; u++) {
        const uint8_t *block = row + u * info->block_bytes;
        uint8_t *main = panel + u * l->main_bytes;
        put_scales(t, main, panel + units * l->main_bytes + u * l->tail_bytes, r, block);
        for (size_t sub = 0; sub < info->block_elems / 32; sub++) {
            quant_values v;
            quant_block_values(t, block, sub, &v);
            put_values(t, main + quads_offset(t, sub), r, v.q);
        }
    }
}

void panel_pack(quant_type t, void *panel, const void *rows, size_t row_bytes, size_t n_rows,
                size_t k)
{
    const uint8_t *bytes = rows;
    memset(panel, 0, panel_bytes(t, k));
    for (size_t r = 0; r < n_rows; r++)
        pack_row(t, panel, bytes + r * row_bytes, r, k);
}

/* ---- Reading back ------------------------------------------------------------------------- */

static float get_f16(const uint8_t *p, size_t index)
{
    uint16_t h;
    memcpy(&h, p + 2 * index, sizeof h);
    return half_f16_to_f32(h);
}

static void get_scales(quant_type t, const panel_chunk *c, size_t b, size_t r, quant_values *out)
{
    out->m = 0.0f;
    if (t == QUANT_Q6_K) {
        const float d = get_f16(c->tail, r);
        for (size_t s = 0; s < 2; s++) {
            const uint8_t byte = c->main[(b * 2 + s) * 16 + r];
            out->d[s] = d * (float)(byte < 128 ? byte : byte - 256);
        }
        return;
    }
    if (t == QUANT_Q4_K) {
        out->d[0] = get_f16(c->main, r) * (float)c->main[PANEL_Q4_K_SCALES + b * 16 + r];
        out->m = -(get_f16(c->main, 16 + r) * (float)c->main[PANEL_Q4_K_MINIMA + b * 16 + r]);
    } else {
        const uint8_t *tail = c->tail + b * layouts[t].tail_bytes;
        out->d[0] = get_f16(tail, r);
        if (t == QUANT_Q4_1) out->m = get_f16(tail, 16 + r);
    }
    out->d[1] = out->d[0];
}

void panel_values(quant_type t, const panel_chunk *c, size_t b, size_t r, quant_values *out)
{
    const int bias = quant_bias(t);
    const uint8_t *quads = c->main + quads_offset(t, b), *high = quads + 256;
    get_scales(t, c, b, r, out);
    for (size_t i = 0; i < 32; i++) {
        const size_t quad = i / 4, at = r * 4 + quad_byte[i % 4];
        if (t == QUANT_Q8_0) {
            const uint8_t byte = quads[quad * PANEL_QUAD + at];
            out->q[i] = (int8_t)(byte < 128 ? byte : byte - 256);
            continue;
        }
        const uint8_t byte = quads[quad % 4 * PANEL_QUAD + at];
        int u = quad < 4 ? byte & 15 : byte >> 4;
        if (t == QUANT_Q5_0) u |= (high[quad * 8 + at / 8] >> at % 8 & 1) << 4;
        if (t == QUANT_Q6_K) u |= (high[quad / 4 * PANEL_QUAD + at] >> 2 * (quad % 4) & 3) << 4;
        out->q[i] = (int8_t)(u - bias);
    }
}

static void float_row(quant_type t, const uint8_t *panel, size_t r, size_t k, float *out)
{
    for (size_t i = 0; i < k; i++) {
        const uint8_t *p = panel + i * layouts[t].main_bytes;
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
                *out++ = fmaf(v.d[i / 16], (float)v.q[i], v.m);
        }
    }
}
