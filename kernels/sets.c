/* sets.c - owns the table of kernel sets and the choice at run time. */
#include "kernels/sets.h"
#include <string.h>
#include "kernels/matmul.h"

static size_t scratch_bytes(size_t k)
{
    (void)k; /* K is taken in chunks */
    return sizeof(matmul_scratch);
}

#define KERN_DEFINE(set)                                                                           \
    static const kern_set set_##set = {                                                            \
        .name = #set,                                                                              \
        .available = kern_available_##set,                                                         \
        .quantize = kern_quantize_##set,                                                           \
        .matmul = kern_matmul_##set,                                                               \
        .matmul_scratch = scratch_bytes,                                                           \
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
KERN_SETS(KERN_DEFINE)
#undef KERN_DEFINE

#define KERN_ROW(set) &set_##set,
const kern_set *const kern_sets[] = {KERN_SETS(KERN_ROW) NULL};
#undef KERN_ROW

const kern_set *kern_set_find(const char *name)
{
    for (const kern_set *const *s = kern_sets; *s; s++)
        if ((!name || strcmp((*s)->name, name) == 0) && (*s)->available()) return *s;
    return NULL;
}

const char *kern_set_names(void)
{
#define KERN_NAME(set) ", " #set
    static const char names[] = KERN_SETS(KERN_NAME);
#undef KERN_NAME
    return names + 2;
}
