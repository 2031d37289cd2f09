/* graphs.h - one constant for each architecture, defined in graph_NAME.c; and the words that their
 * tables are written in. */
#ifndef RUNNERS_LOCAL_GRAPHS_H
#define RUNNERS_LOCAL_GRAPHS_H
#include "runners/local/blocks.h"
#include "runners/local/model.h"

extern const arch arch_deepseek2;
extern const arch arch_gemma3;
extern const arch arch_gpt2;
extern const arch arch_gptoss;
extern const arch arch_llama;
extern const arch arch_olmo2;
extern const arch arch_phi3;
extern const arch arch_qwen2;
extern const arch arch_qwen3;
extern const arch arch_qwen3moe;

/* Llama's forward pass, which its relatives share: a norm before each half of a block, SwiGLU. */
void graph_prenorm(struct step *s);
/* The same with a mixture of experts in the second half: Qwen 3 MoE, gpt-oss. */
void graph_prenorm_experts(struct step *s, block_gate_fn act);

/* Rows of a table of tensors (arch_tensor). PART: some rows of a fused tensor. */
#define MATRIX(tensor, to, n_in, n_out)                                                            \
    {                                                                                              \
        .name = tensor ".weight", .kind = TENSOR_MATRIX, .slot = to, .in = n_in, .out = n_out      \
    }
#define MATRIX_PART(tensor, to, n_in, n_out, n_whole, n_from)                                      \
    {                                                                                              \
        .name = tensor ".weight", .kind = TENSOR_MATRIX, .slot = to, .in = n_in, .out = n_out,     \
        .whole = n_whole, .from = n_from                                                           \
    }
#define BIAS(tensor, to, n)                                                                        \
    {                                                                                              \
        .name = tensor ".bias", .kind = TENSOR_BIAS, .slot = to, .in = n                           \
    }
#define BIAS_MAYBE(tensor, to, n)                                                                  \
    {                                                                                              \
        .name = tensor ".bias", .kind = TENSOR_BIAS, .slot = to, .in = n, .optional = true         \
    }
#define BIAS_PART(tensor, to, n, n_whole, n_from)                                                  \
    {                                                                                              \
        .name = tensor ".bias", .kind = TENSOR_BIAS, .slot = to, .in = n, .whole = n_whole,        \
        .from = n_from                                                                             \
    }
#define NORM(tensor, to, n)                                                                        \
    {                                                                                              \
        .name = tensor ".weight", .kind = TENSOR_NORM, .slot = to, .in = n                         \
    }
#define SHIFT(tensor, to, n)                                                                       \
    {                                                                                              \
        .name = tensor ".bias", .kind = TENSOR_SHIFT, .slot = to, .in = n                          \
    }
#define VECTOR(tensor, to, n)                                                                      \
    {                                                                                              \
        .name = tensor, .kind = TENSOR_VECTOR, .slot = to, .in = n                                 \
    }
#define STACK(tensor, to, n_in, n_out, n)                                                          \
    {                                                                                              \
        .name = tensor ".weight", .kind = TENSOR_STACK, .slot = to, .in = n_in, .out = n_out,      \
        .depth = n                                                                                 \
    }
#define STACK_MAYBE(tensor, to, n_in, n_out, n)                                                    \
    {                                                                                              \
        .name = tensor ".weight", .kind = TENSOR_STACK, .slot = to, .in = n_in, .out = n_out,      \
        .depth = n, .optional = true                                                               \
    }
#define STACK_BIAS(tensor, to, n, n_matrices)                                                      \
    {                                                                                              \
        .name = tensor ".bias", .kind = TENSOR_STACK_BIAS, .slot = to, .in = n, .out = n_matrices  \
    }
/* Rows that only some layers have. */
#define MATRIX_IN(layers, tensor, to, n_in, n_out)                                                 \
    {                                                                                              \
        .name = tensor ".weight", .kind = TENSOR_MATRIX, .slot = to, .in = n_in, .out = n_out,     \
        .in_layer = layers                                                                         \
    }
#define NORM_IN(layers, tensor, to, n)                                                             \
    {                                                                                              \
        .name = tensor ".weight", .kind = TENSOR_NORM, .slot = to, .in = n, .in_layer = layers     \
    }
#define VECTOR_IN(layers, tensor, to, n)                                                           \
    {                                                                                              \
        .name = tensor, .kind = TENSOR_VECTOR, .slot = to, .in = n, .in_layer = layers             \
    }
/* Half of the rows of every expert: in a tensor of its own, or in ffn_gate_up_exps, where each
 * expert has its gate's rows and then those of up. `start`: DIM_ZERO or the width of the gate. */
#define EXPERTS_HALF_IN(layers, tensor, to, start)                                                 \
    {                                                                                              \
        .name = tensor ".weight", .fused = "ffn_gate_up_exps.weight", .kind = TENSOR_STACK,        \
        .slot = to, .in = DIM_EMBD, .out = DIM_FF_EXPERT, .depth = DIM_EXPERTS,                    \
        .whole = DIM_FF_EXPERT_TWICE, .from = start, .in_layer = layers                            \
    }
#define EXPERTS_GATE_IN(layers) EXPERTS_HALF_IN(layers, "ffn_gate_exps", LAYER_GATE_EXPS, DIM_ZERO)
#define EXPERTS_UP_IN(layers) EXPERTS_HALF_IN(layers, "ffn_up_exps", LAYER_UP_EXPS, DIM_FF_EXPERT)
#define STACK_IN(layers, tensor, to, n_in, n_out, n)                                               \
    {                                                                                              \
        .name = tensor ".weight", .kind = TENSOR_STACK, .slot = to, .in = n_in, .out = n_out,      \
        .depth = n, .in_layer = layers                                                             \
    }
#define TABLE_END                                                                                  \
    {                                                                                              \
        .name = NULL                                                                               \
    }

#endif
