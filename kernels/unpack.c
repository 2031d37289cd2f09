/* unpack.c - the unpackers that know no instruction set: short, and slow beside those that do. */
#include "kernels/unpack.h"
#include <math.h>
#include "kernels/half.h"

/* Block b of row r; its factors go to the scratch. */
static void take(matmul_panel *u, quant_type t, const panel_chunk *c, size_t b, size_t r,
                 quant_values *v)
{
    panel_values(t, c, b, r, v);
    u->d[b][0][r] = v->s.d[0];
    u->d[b][1][r] = v->s.d[1];
    u->m[b][r] = v->s.m[0];
    u->m1[b][r] = v->s.m[1];
}

void unpack_pairs(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    int16_t *w = (int16_t *)(void *)u->w;
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        for (size_t r = 0; r < KERN_PANEL_ROWS; r++) {
            quant_values v;
            take(u, t, c, b, r, &v);
            for (size_t i = 0; i < KERN_BLOCK; i++)
                w[((b * KERN_BLOCK + i) / 2 * KERN_PANEL_ROWS + r) * 2 + i % 2] = v.q[i];
        }
    }
}

void unpack_bytes(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    u->bias = 128;
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        for (size_t r = 0; r < KERN_PANEL_ROWS; r++) {
            quant_values v;
            take(u, t, c, b, r, &v);
            for (size_t i = 0; i < KERN_BLOCK; i++)
                u->w[((b * KERN_BLOCK + i) / 4 * KERN_PANEL_ROWS + r) * 4 + i % 4] =
                    (uint8_t)(v.q[i] + 128);
        }
    }
}

static float load_float(quant_type t, const uint8_t *p)
{
    uint16_t h;
    float f;
    if (t == QUANT_F32) {
        memcpy(&f, p, sizeof f);
        return f;
    }
    memcpy(&h, p, sizeof h);
    return t == QUANT_F16 ? half_f16_to_f32(h) : half_bf16_to_f32(h);
}

void unpack_floats(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    float *w = (float *)(void *)u->w;
    if (quant_infos[t].shape == QUANT_FLOAT) {
        for (size_t i = 0; i < c->n * KERN_PANEL_ROWS; i++)
            w[i] = load_float(t, c->main + i * quant_infos[t].block_bytes);
        return;
    }
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        for (size_t r = 0; r < KERN_PANEL_ROWS; r++) {
            quant_values v;
            take(u, t, c, b, r, &v);
            for (size_t i = 0; i < KERN_BLOCK; i++)
                w[(b * KERN_BLOCK + i) * KERN_PANEL_ROWS + r] =
                    fmaf(v.s.d[i / 16], (float)v.q[i], v.s.m[i / 16]);
        }
    }
}
