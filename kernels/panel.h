/* panel.h - how 16 weight rows lie in memory, for those who unpack them. Internal to kernels/.
 *
 * A panel holds 16 rows as units of one file block each (1, 32 or 256 elements of K), K ascending:
 * first the main parts of all units, then their tails. Within 32 elements, a quad is 4 consecutive
 * elements; 16 rows of a quad are 64 bytes, 4 a row. A row's 4 bytes hold the elements 0, 2, 1, 3
 * of the quad: even bytes then are the first pair and odd bytes the second, in order, which makes
 * widening to 16 bits a mask and a shift.
 *
 *   type   main part of a unit                                          tail
 *   F32    16 f32
 *   F16    16 f16 (BF16 alike)
 *   Q8_0   8 quads of 64 int8                                           16 f16 d
 *   Q4_0   4 vectors of 64 bytes: low nibbles quad g, high quad g + 4   16 f16 d
 *   Q4_1   as Q4_0                                                      16 f16 d, 16 f16 m
 *   Q5_0   as Q4_0; 8 masks of 64 bits, bit i for byte i of the quad    16 f16 d
 *   Q4_K   16 f16 d, 16 f16 dmin, 8x16 scales, 8x16 minima (bytes), 8 times as Q4_0
 *   Q6_K   16x16 scales (int8), 8 times (as Q4_0; 2 vectors of 64 bytes, bits 2g+1:2g of vector h
 *          belong to quad 4h + g)                                       16 f16 d
 */
#ifndef KERNELS_PANEL_H
#define KERNELS_PANEL_H
#include "kernels/kernels.h"
#include "kernels/quant_block.h"

enum {
    PANEL_CHUNK = 256,      /* K elements that are unpacked at a time: whole units of any format */
    PANEL_QUAD = 64,        /* bytes of a quad, or of two quads of nibbles */
    PANEL_Q4_K_SCALES = 64, /* offsets in a Q4_K unit */
    PANEL_Q4_K_MINIMA = 192,
    PANEL_Q4_K_QUADS = 320,
    PANEL_Q6_K_QUADS = 256, /* offset in a Q6_K unit */
    PANEL_Q6_K_BLOCK = 384  /* nibbles and bit pairs of 32 elements */
};

/* Where one chunk begins; units of the chunk follow one another in both parts. */
typedef struct {
    const uint8_t *main, *tail;
    size_t n; /* elements: PANEL_CHUNK, or what is left of K */
} panel_chunk;

panel_chunk panel_chunk_at(quant_type t, const void *panel, size_t k, size_t chunk);

/* Block b (0..7) of 32 elements of row r in an integer format's chunk. */
void panel_values(quant_type t, const panel_chunk *c, size_t b, size_t r, quant_values *out);

#endif
