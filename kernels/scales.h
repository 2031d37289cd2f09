/* scales.h - the factors of a block of 32 elements in a panel. Internal to kernels/. */
#ifndef KERNELS_SCALES_H
#define KERNELS_SCALES_H
#include "kernels/panel.h"

/* Of row r in block b (0..7) of an integer format's chunk. */
void panel_scales(quant_type t, const panel_chunk *c, size_t b, size_t r, quant_scales *out);

#endif
