/* sets.h - the functions of each kernel set, named kern_OP_SET; KERN_SETS lists them, best first.
 */
#ifndef KERNELS_SETS_H
#define KERNELS_SETS_H
#include "kernels/kernels.h"

#if defined(__x86_64__)
#define KERN_SETS_HERE(X) X(avx512vnni) X(avx2)
#elif defined(__aarch64__)
#define KERN_SETS_HERE(X) X(neon)
#else
#define KERN_SETS_HERE(X)
#endif
#define KERN_SETS(X)                                                                               \
    KERN_SETS_HERE(X)                                                                              \
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

size_t kern_matmul_scratch(size_t k); /* of every set but AMX */

/* set_NAME, the set's table; `ops` names the set that everything but products comes from. */
#define KERN_DEFINE_FROM(set, ops, scratch)                                                        \
    static const kern_set set_##set = {                                                            \
        .name = #set,                                                                              \
        .available = kern_available_##set,                                                         \
        .quantize = kern_quantize_##ops,                                                           \
        .matmul = kern_matmul_##set,                                                               \
        .matmul_scratch = scratch,                                                                 \
        .rmsnorm = kern_rmsnorm_##ops,                                                             \
        .layernorm = kern_layernorm_##ops,                                                         \
        .silu_mul = kern_silu_mul_##ops,                                                           \
        .gelu_mul = kern_gelu_mul_##ops,                                                           \
        .gelu = kern_gelu_##ops,                                                                   \
        .swiglu_clamped = kern_swiglu_clamped_##ops,                                               \
        .add = kern_add_##ops,                                                                     \
        .add_scaled = kern_add_scaled_##ops,                                                       \
        .attention = kern_attention_##ops,                                                         \
        .lse_tile = kern_lse_tile_##ops,                                                           \
        .argmax = kern_argmax_##ops,                                                               \
    };

#define KERN_DEFINE(set) KERN_DEFINE_FROM(set, set, kern_matmul_scratch)

#if defined(__x86_64__)
/* Products alone are AMX's; the set's other functions are those of AVX-512. */
bool kern_available_amx(void);
void kern_matmul_amx(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a, size_t t0,
                     size_t t1, float *y, size_t ldy, void *scratch);
size_t kern_scratch_amx(size_t k);
#endif

#endif
