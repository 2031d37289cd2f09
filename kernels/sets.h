/* sets.h - the functions of each kernel set, named kern_OP_SET. Internal to kernels/.
 * One KERN_SETS row drives the declarations and the table in sets.c. */
#ifndef KERNELS_SETS_H
#define KERNELS_SETS_H
#include "kernels/kernels.h"

#if defined(__x86_64__)
#define KERN_SETS_X86(X) X(avx512vnni) X(avx2)
#else
#define KERN_SETS_X86(X)
#endif
/* Best first. */
#define KERN_SETS(X)                                                                               \
    KERN_SETS_X86(X)                                                                               \
    X(portable)

#define KERN_DECLARE(set)                                                                          \
    bool kern_available_##set(void);                                                               \
    bool kern_quantize_##set(kern_acts *a, size_t t0, size_t t1);                                  \
    void kern_matmul_##set(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a,         \
                           size_t t0, size_t t1, float *y, size_t ldy, void *scratch);             \
    void kern_rmsnorm_##set(float *out, const float *x, const float *w, size_t n, float eps);      \
    void kern_layernorm_##set(float *out, const float *x, const float *w, const float *b,          \
                              size_t n, float eps);                                                \
    void kern_silu_mul_##set(float *out, const float *gate, const float *up, size_t n);            \
    void kern_gelu_mul_##set(float *out, const float *gate, const float *up, size_t n);            \
    void kern_gelu_##set(float *out, const float *x, size_t n);                                    \
    void kern_swiglu_clamped_##set(float *out, const float *gate, const float *up, size_t n);      \
    void kern_add_##set(float *x, const float *y, size_t n);                                       \
    void kern_add_scaled_##set(float *y, const float *x, float a, size_t n);                       \
    void kern_attention_##set(const kern_attn *job);                                               \
    void kern_lse_tile_##set(const float *x, size_t n, float *m, float *sum);                      \
    size_t kern_argmax_##set(const float *x, size_t n);
KERN_SETS(KERN_DECLARE)

size_t kern_matmul_scratch(size_t k); /* of every set */

/* set_NAME, the set's table. */
#define KERN_DEFINE(set)                                                                           \
    static const kern_set set_##set = {                                                            \
        .name = #set,                                                                              \
        .available = kern_available_##set,                                                         \
        .quantize = kern_quantize_##set,                                                           \
        .matmul = kern_matmul_##set,                                                               \
        .matmul_scratch = kern_matmul_scratch,                                                     \
        .rmsnorm = kern_rmsnorm_##set,                                                             \
        .layernorm = kern_layernorm_##set,                                                         \
        .silu_mul = kern_silu_mul_##set,                                                           \
        .gelu_mul = kern_gelu_mul_##set,                                                           \
        .gelu = kern_gelu_##set,                                                                   \
        .swiglu_clamped = kern_swiglu_clamped_##set,                                               \
        .add = kern_add_##set,                                                                     \
        .add_scaled = kern_add_scaled_##set,                                                       \
        .attention = kern_attention_##set,                                                         \
        .lse_tile = kern_lse_tile_##set,                                                           \
        .argmax = kern_argmax_##set,                                                               \
    };

#endif
