/* panel.h - how 16 weight rows lie in memory, for those who unpack them. Internal to kernels/.
 *
 * A panel holds 16 rows as chunks of 256 elements of K, the last of which may be shorter; a chunk
 * holds units of one file block each (1, 32 or 256 elements), K ascending: first the main parts of
 * all its units, then their tails, and then what is missing to a multiple of KERN_ALIGN. So who
 * goes through a matrix reads memory from end to end. Within 32 elements, a quad is 4 consecutive
 * elements; 16 rows of a quad are 64 bytes, 4 a row. A row's 4 bytes hold the elements 0, 2, 1, 3
 * of the quad: even bytes then are the first pair and odd bytes the second, in order, which makes
 * widening to 16 bits a mask and a shift.
 *
 * A code of a block is its low 8, 4 or 2 bits and then none, 1 or 2 high ones, in vectors of 64
 * bytes:
 *
 *   8 bits    vector q: quad q
 *   nibbles   vector v (0..3): low nibbles quad v, high ones quad v + 4
 *   pairs     vector v (0, 1): bits 2j+1:2j belong to quad 4v + j
 *   bits      one vector: bit j belongs to quad j
 *
 *   type          main part of a unit                                            tail
 *   F32           16 f32
 *   F16, BF16     16 halves
 *   Q8_0          8 bits                                                         16 f16 d
 *   Q4_0, IQ4_NL  nibbles                                                        16 f16 d
 *   Q4_1          nibbles                                                        16 f16 d, 16 f16 m
 *   Q5_0          nibbles, bits                                                  16 f16 d
 *   Q5_1          nibbles, bits                                                  16 f16 d, 16 f16 m
 *   MXFP4         nibbles                                                        16 bytes e
 *   Q2_K          16 f16 d, 16 f16 dmin, 16x16 bytes as in the file, 8 x pairs
 *   Q3_K          16x16 scales (int8), 8 x (pairs, bits)                         16 f16 d
 *   Q4_K          16 f16 d, 16 f16 dmin, 8x16 scales, 8x16 minima, 8 x nibbles
 *   Q5_K          as Q4_K, 8 x (nibbles, bits)
 *   Q6_K          16x16 scales (int8), 8 x (nibbles, pairs)                      16 f16 d
 *   IQ4_XS        8x16 scales (int8), 8 x nibbles                                16 f16 d
 */
#ifndef KERNELS_PANEL_H
#define KERNELS_PANEL_H
#include "kernels/kernels.h"
#include "kernels/quant_block.h"

enum {
    PANEL_CHUNK = 256,      /* K elements that are unpacked at a time: whole units of any format */
    PANEL_QUAD = 64,        /* bytes of a vector: 16 rows of a quad */
    PANEL_Q4_K_SCALES = 64, /* offsets in a unit of Q4_K and Q5_K; in Q2_K a byte holds both */
    PANEL_Q4_K_MINIMA = 192,
    PANEL_Q4_K_QUADS = 320,
    PANEL_Q6_K_QUADS = 256, /* offset in a unit of Q6_K */
    PANEL_Q6_K_BLOCK = 384
};

typedef struct {
    uint16_t main_bytes, tail_bytes; /* of one unit, 16 rows */
    uint16_t codes;                  /* offset of the first 32 elements' codes in the main part */
    uint16_t block;                  /* bytes of 32 elements' codes */
    uint8_t low, high;               /* bits of a code, and where the high ones lie */
    uint16_t high_at;
} panel_layout;

/* Constant, so that an unpacker compiled for one format folds it away. */
static const panel_layout panel_layouts[QUANT_COUNT] = {
    [QUANT_F32] = {64, 0, 0, 0, 0, 0, 0},
    [QUANT_F16] = {32, 0, 0, 0, 0, 0, 0},
    [QUANT_BF16] = {32, 0, 0, 0, 0, 0, 0},
    [QUANT_Q4_0] = {256, 32, 0, 256, 4, 0, 0},
    [QUANT_Q4_1] = {256, 64, 0, 256, 4, 0, 0},
    [QUANT_Q5_0] = {320, 32, 0, 320, 4, 1, 256},
    [QUANT_Q5_1] = {320, 64, 0, 320, 4, 1, 256},
    [QUANT_Q8_0] = {512, 32, 0, 512, 8, 0, 0},
    [QUANT_Q2_K] = {320 + 8 * 128, 0, 320, 128, 2, 0, 0},
    [QUANT_Q3_K] = {256 + 8 * 192, 32, 256, 192, 2, 1, 128},
    [QUANT_Q4_K] = {320 + 8 * 256, 0, 320, 256, 4, 0, 0},
    [QUANT_Q5_K] = {320 + 8 * 320, 0, 320, 320, 4, 1, 256},
    [QUANT_Q6_K] = {256 + 8 * 384, 32, 256, 384, 4, 2, 256},
    [QUANT_IQ4_NL] = {256, 32, 0, 256, 4, 0, 0},
    [QUANT_IQ4_XS] = {128 + 8 * 256, 32, 128, 256, 4, 0, 0},
    [QUANT_MXFP4] = {256, 16, 0, 256, 4, 0, 0},
};

/* Where one chunk begins; units of the chunk follow one another in both parts. */
typedef struct {
    const uint8_t *main, *tail;
    size_t n; /* elements: PANEL_CHUNK, or what is left of K */
} panel_chunk;

panel_chunk panel_chunk_at(quant_type t, const void *panel, size_t k, size_t chunk);

/* Block b (0..7) of 32 elements in an integer format's chunk: where its codes lie. (Where a unit is
 * one block, its main part holds nothing else: blocks are l->block apart in every format.) */
static inline const uint8_t *panel_codes(quant_type t, const panel_chunk *c, size_t b)
{
    return c->main + panel_layouts[t].codes + b * panel_layouts[t].block;
}

/* The same block, row r alone, taken apart one element at a time. */
void panel_values(quant_type t, const panel_chunk *c, size_t b, size_t r, quant_values *out);

#endif
