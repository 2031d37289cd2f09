/* unpack.c - the unpacker that knows no instruction set: short, and slow beside those that do. */
#include "kernels/unpack.h"
#include <math.h>
#include "kernels/half.h"

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
            panel_values(t, c, b, r, &v);
            for (size_t i = 0; i < KERN_BLOCK; i++)
                w[(b * KERN_BLOCK + i) * KERN_PANEL_ROWS + r] =
                    fmaf(v.s.d[i / 16], (float)v.q[i], v.s.m[i / 16]);
        }
    }
}
