/* quant_block.h - the file's blocks, and 32 elements of one taken apart. Internal to kernels/. */
#ifndef KERNELS_QUANT_BLOCK_H
#define KERNELS_QUANT_BLOCK_H
#include "kernels/quant.h"

/* Little-endian, packed by nature (no member is wider than its offset allows); scales are binary16.
 * Blocks of a file lie at any address: copy one out with memcpy before looking into it. */
typedef float quant_block_F32;
typedef uint16_t quant_block_F16;
typedef uint16_t quant_block_BF16;
typedef struct {
    uint16_t d;
    uint8_t qs[16]; /* low nibbles: elements 0-15, high nibbles: 16-31 */
} quant_block_Q4_0;
typedef struct {
    uint16_t d, m;
    uint8_t qs[16];
} quant_block_Q4_1;
typedef struct {
    uint16_t d;
    uint8_t qh[4]; /* bit j: fifth bit of element j */
    uint8_t qs[16];
} quant_block_Q5_0;
typedef struct {
    uint16_t d;
    int8_t qs[32];
} quant_block_Q8_0;
typedef struct {
    uint16_t d, dmin;
    uint8_t scales[12]; /* 8 pairs (scale, minimum) of 6 bits */
    uint8_t qs[128];    /* 4 runs of 32 bytes: low nibbles 32 elements, high nibbles the next 32 */
} quant_block_Q4_K;
typedef struct {
    uint8_t ql[128]; /* low 4 bits */
    uint8_t qh[64];  /* high 2 bits */
    int8_t scales[16];
    uint16_t d;
} quant_block_Q6_K;

#define QUANT_BLOCK_SIZE(name, id, elems, bytes, shape)                                            \
    _Static_assert(sizeof(quant_block_##name) == (bytes), "block of " #name);
QUANT_TYPES(QUANT_BLOCK_SIZE)
#undef QUANT_BLOCK_SIZE

/* 32 consecutive elements: w[i] = fma(d[i / 16], q[i], m). */
typedef struct {
    int8_t q[32];
    float d[2]; /* equal but for sub-blocks of 16 */
    float m;    /* 0 without a minimum */
} quant_values;

/* Elements 32*sub .. 32*sub+31 of one block of the file (integer formats only). */
void quant_block_values(quant_type t, const void *block, size_t sub, quant_values *out);

/* The j-th (0..7) pair of 6-bit scale and minimum in the 12 bytes of a Q4_K block. */
void quant_k_scale(const uint8_t scales[12], size_t j, uint8_t *scale, uint8_t *minimum);

/* What the stored unsigned value exceeds q by: 8 for Q4_0, 16 for Q5_0, 32 for Q6_K, else 0. */
int quant_bias(quant_type t);

#endif
