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
    uint16_t d, m;
    uint8_t qh[4];
    uint8_t qs[16];
} quant_block_Q5_1;
typedef struct {
    uint16_t d;
    int8_t qs[32];
} quant_block_Q8_0;
typedef struct {
    uint8_t scales[16]; /* low nibble: scale, high nibble: minimum of 16 elements */
    uint8_t qs[64];     /* 2 runs of 32 bytes; bits 2j+1:2j: elements 32j..32j+31 of 128 */
    uint16_t d, dmin;
} quant_block_Q2_K;
typedef struct {
    uint8_t hmask[32];  /* bit j of byte i: high bit of element 32j + i */
    uint8_t qs[64];     /* low 2 bits, as in Q2_K */
    uint8_t scales[12]; /* 16 scales of 6 bits, plus 32 */
    uint16_t d;
} quant_block_Q3_K;
typedef struct {
    uint16_t d, dmin;
    uint8_t scales[12]; /* 8 pairs (scale, minimum) of 6 bits */
    uint8_t qs[128];    /* 4 runs of 32 bytes: low nibbles 32 elements, high nibbles the next 32 */
} quant_block_Q4_K;
typedef struct {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qh[32]; /* bit j of byte i: high bit of element 32j + i */
    uint8_t qs[128];
} quant_block_Q5_K;
typedef struct {
    uint8_t ql[128]; /* low 4 bits */
    uint8_t qh[64];  /* high 2 bits */
    int8_t scales[16];
    uint16_t d;
} quant_block_Q6_K;
typedef struct {
    uint16_t d;
    uint8_t qs[16]; /* indices into a table */
} quant_block_IQ4_NL;
typedef struct {
    uint16_t d;
    uint16_t scales_h;   /* 8 high pairs of bits of the scales */
    uint8_t scales_l[4]; /* 8 low nibbles; the scale is 6 bits, plus 32 */
    uint8_t qs[128];     /* 8 times 16 bytes as in IQ4_NL */
} quant_block_IQ4_XS;
typedef struct {
    uint8_t e; /* power of two, E8M0; 255 is not a number */
    uint8_t qs[16];
} quant_block_MXFP4;

#define QUANT_BLOCK_SIZE(name, id, elems, bytes, shape)                                            \
    _Static_assert(sizeof(quant_block_##name) == (bytes), "block of " #name);
QUANT_TYPES(QUANT_BLOCK_SIZE)
#undef QUANT_BLOCK_SIZE

/* The factors of 32 consecutive elements, of each half of 16; both are equal but for sub-blocks of
 * 16. m is 0 without a minimum. */
typedef struct {
    float d[2], m[2];
} quant_scales;

/* 32 consecutive elements: w[i] = fma(d[i / 16], q[i], m[i / 16]). */
typedef struct {
    int8_t q[32];
    quant_scales s;
} quant_values;

/* Elements 32*sub .. 32*sub+31 of one block of the file (integer formats only): the unsigned codes
 * it stores, or what they mean. */
void quant_block_codes(quant_type t, const void *block, size_t sub, uint8_t code[32]);
void quant_block_values(quant_type t, const void *block, size_t sub, quant_values *out);

/* What a code means: table[code], or code - bias (Q8_0: the byte as int8). */
int8_t quant_code_value(quant_type t, uint8_t code);
int quant_bias(quant_type t);            /* 8 for Q4_0, 16 for Q5_0, ...; 0 for most */
const int8_t *quant_table(quant_type t); /* 16 values, or NULL */
extern const int8_t quant_iq4_values[16], quant_fp4_values[16];

/* The j-th (0..7) pair of 6-bit scale and minimum in the 12 bytes of a Q4_K or Q5_K block. */
void quant_k_scale(const uint8_t scales[12], size_t j, uint8_t *scale, uint8_t *minimum);
/* The j-th (0..15) scale of a Q3_K block, the j-th (0..7) of an IQ4_XS block: -32..31. */
int8_t quant_q3_k_scale(const quant_block_Q3_K *b, size_t j);
int8_t quant_iq4_xs_scale(const quant_block_IQ4_XS *b, size_t j);
/* 2^(e - 128), half of what E8M0 means, since the table of MXFP4 is doubled; NaN for 255. */
float quant_e8m0_half(uint8_t e);

#endif
