/* scales.c - reads the factors back from where panel.c put them. */
#include "kernels/scales.h"
#include <string.h>
#include "kernels/half.h"

static float get_f16(const uint8_t *p, size_t index)
{
    uint16_t h;
    memcpy(&h, p + 2 * index, sizeof h);
    return half_f16_to_f32(h);
}

static float get_i8(const uint8_t *p, size_t index)
{
    return (float)(p[index] < 128 ? p[index] : p[index] - 256);
}

void panel_scales(quant_type t, const panel_chunk *c, size_t b, size_t r, quant_scales *out)
{
    const uint8_t *main = c->main, *tail = c->tail;
    *out = (quant_scales){{0.0f, 0.0f}, {0.0f, 0.0f}};
    switch (t) {
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        out->d[0] = get_f16(main, r) * (float)main[PANEL_Q4_K_SCALES + b * 16 + r];
        out->m[0] = -(get_f16(main, 16 + r) * (float)main[PANEL_Q4_K_MINIMA + b * 16 + r]);
        break;
    case QUANT_Q2_K:
        for (size_t h = 0; h < 2; h++) {
            const uint8_t both = main[PANEL_Q4_K_SCALES + (b * 2 + h) * 16 + r];
            out->d[h] = get_f16(main, r) * (float)(both & 15);
            out->m[h] = -(get_f16(main, 16 + r) * (float)(both >> 4));
        }
        return;
    case QUANT_Q3_K:
    case QUANT_Q6_K:
        for (size_t h = 0; h < 2; h++)
            out->d[h] = get_f16(tail, r) * get_i8(main, (b * 2 + h) * 16 + r);
        return;
    case QUANT_IQ4_XS:
        out->d[0] = get_f16(tail, r) * get_i8(main, b * 16 + r);
        break;
    case QUANT_MXFP4:
        out->d[0] = quant_e8m0_half(tail[b * panel_layouts[t].tail_bytes + r]);
        break;
    default:
        tail += b * panel_layouts[t].tail_bytes;
        out->d[0] = get_f16(tail, r);
        if (quant_infos[t].shape == QUANT_MINIMUM) out->m[0] = get_f16(tail, 16 + r);
    }
    out->d[1] = out->d[0];
    out->m[1] = out->m[0];
}
