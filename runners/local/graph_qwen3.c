/* graph_qwen3.c - Qwen 3, dense: Llama's block with a norm on every query and key head, heads of a
 * width of their own, and rotation of halves. */
#include "runners/local/graphs.h"

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),      MATRIX("attn_q", LAYER_Q, DIM_EMBD, DIM_Q),
    MATRIX("attn_k", LAYER_K, DIM_EMBD, DIM_KV),       MATRIX("attn_v", LAYER_V, DIM_EMBD, DIM_KV),
    NORM("attn_q_norm", LAYER_Q_NORM, DIM_HEAD),       NORM("attn_k_norm", LAYER_K_NORM, DIM_HEAD),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD), NORM("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    MATRIX("ffn_gate", LAYER_GATE, DIM_EMBD, DIM_FF),  MATRIX("ffn_up", LAYER_UP, DIM_EMBD, DIM_FF),
    MATRIX("ffn_down", LAYER_DOWN, DIM_FF, DIM_EMBD),  TABLE_END,
};

static const arch_key keys[] = {{NULL, KEY_USED, 0}};

const arch arch_qwen3 = {.name = "qwen3",
                         .tensors = tensors,
                         .keys = keys,
                         .rotate = kern_rope_halves,
                         .forward = graph_prenorm};
