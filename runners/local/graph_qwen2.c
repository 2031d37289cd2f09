/* graph_qwen2.c - Qwen 2 and 2.5, and the distilled R1 models on them: Llama's block with biases at
 * queries, keys and values, and rotation of halves. */
#include "runners/local/graphs.h"

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),
    MATRIX("attn_q", LAYER_Q, DIM_EMBD, DIM_Q),
    MATRIX("attn_k", LAYER_K, DIM_EMBD, DIM_KV),
    MATRIX("attn_v", LAYER_V, DIM_EMBD, DIM_KV),
    BIAS("attn_q", LAYER_Q, DIM_Q),
    BIAS("attn_k", LAYER_K, DIM_KV),
    BIAS("attn_v", LAYER_V, DIM_KV),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD),
    NORM("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    MATRIX("ffn_gate", LAYER_GATE, DIM_EMBD, DIM_FF),
    MATRIX("ffn_up", LAYER_UP, DIM_EMBD, DIM_FF),
    MATRIX("ffn_down", LAYER_DOWN, DIM_FF, DIM_EMBD),
    TABLE_END,
};

static const arch_key keys[] = {{NULL, KEY_USED, 0}};

const arch arch_qwen2 = {.name = "qwen2",
                         .tensors = tensors,
                         .keys = keys,
                         .rotate = kern_rope_halves,
                         .forward = graph_prenorm};
