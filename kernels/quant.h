/* quant.h - the weight formats of GGUF that the engine reads, one row each.
 * Block layouts: the ggml type list of the GGUF specification; values in docs/arithmetic.md. */
#ifndef KERNELS_QUANT_H
#define KERNELS_QUANT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUANT_MAX_BLOCK = 256 }; /* elements of the largest block of any format */

/* How an output is accumulated (docs/arithmetic.md). */
typedef enum {
    QUANT_PLAIN,         /* acc = fma(D*X, S, acc) per block of 32 */
    QUANT_MINIMUM,       /* then acc = fma(M, XS, acc) */
    QUANT_SUB16,         /* two scales per block of 32 */
    QUANT_SUB16_MINIMUM, /* and two minima */
    QUANT_FLOAT          /* float weights and float activations in every grade */
} quant_shape;

/* X(NAME, ggml type id, elements per block, bytes per block, shape) */
#define QUANT_TYPES(X)                                                                             \
    X(F32, 0, 1, 4, QUANT_FLOAT)                                                                   \
    X(F16, 1, 1, 2, QUANT_FLOAT)                                                                   \
    X(Q4_0, 2, 32, 18, QUANT_PLAIN)                                                                \
    X(Q4_1, 3, 32, 20, QUANT_MINIMUM)                                                              \
    X(Q5_0, 6, 32, 22, QUANT_PLAIN)                                                                \
    X(Q5_1, 7, 32, 24, QUANT_MINIMUM)                                                              \
    X(Q8_0, 8, 32, 34, QUANT_PLAIN)                                                                \
    X(Q2_K, 10, 256, 84, QUANT_SUB16_MINIMUM)                                                      \
    X(Q3_K, 11, 256, 110, QUANT_SUB16)                                                             \
    X(Q4_K, 12, 256, 144, QUANT_MINIMUM)                                                           \
    X(Q5_K, 13, 256, 176, QUANT_MINIMUM)                                                           \
    X(Q6_K, 14, 256, 210, QUANT_SUB16)                                                             \
    X(IQ4_NL, 20, 32, 18, QUANT_PLAIN)                                                             \
    X(IQ4_XS, 23, 256, 136, QUANT_PLAIN)                                                           \
    X(BF16, 30, 1, 2, QUANT_FLOAT)                                                                 \
    X(MXFP4, 39, 32, 17, QUANT_PLAIN)

typedef enum {
#define QUANT_ENUM(name, id, elems, bytes, shape) QUANT_##name,
    QUANT_TYPES(QUANT_ENUM)
#undef QUANT_ENUM
        QUANT_COUNT
} quant_type;

typedef struct {
    const char *name; /* "Q4_K" */
    uint32_t ggml_id; /* type number in the file */
    size_t block_elems, block_bytes;
    quant_shape shape;
} quant_info;

extern const quant_info quant_infos[QUANT_COUNT]; /* indexed by quant_type */

/* Look up by the file's type number. false: not supported (quant_ggml_name names it all the same).
 */
bool quant_from_ggml(quant_type *out, uint32_t ggml_id);
const char *quant_ggml_name(uint32_t ggml_id); /* "IQ4_XS", "an unknown type": never NULL */
/* Bytes of a row of k elements; 0 when k is not a multiple of the block. */
size_t quant_row_bytes(quant_type t, size_t k);
/* Dequantise one row of the file's layout: w = fma(D, q, M), the values of grade f32. A scale that
 * is not a number makes its block so: the outputs it reaches fail their item (docs/arithmetic.md).
 */
void quant_row_f32(quant_type t, const void *row, size_t k, float *out);
#endif
