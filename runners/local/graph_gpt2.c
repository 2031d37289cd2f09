/* graph_gpt2.c - GPT-2: learned positions, LayerNorms with shifts, a bias at every product, GELU
 * (tanh form) without a gate. */
#include "runners/local/blocks.h"
#include "runners/local/graphs.h"

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),
    SHIFT("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),
    MATRIX_PART("attn_qkv", LAYER_Q, DIM_EMBD, DIM_Q, DIM_QKV, DIM_ZERO),
    MATRIX_PART("attn_qkv", LAYER_K, DIM_EMBD, DIM_KV, DIM_QKV, DIM_Q),
    MATRIX_PART("attn_qkv", LAYER_V, DIM_EMBD, DIM_KV, DIM_QKV, DIM_Q_K),
    BIAS_PART("attn_qkv", LAYER_Q, DIM_Q, DIM_QKV, DIM_ZERO),
    BIAS_PART("attn_qkv", LAYER_K, DIM_KV, DIM_QKV, DIM_Q),
    BIAS_PART("attn_qkv", LAYER_V, DIM_KV, DIM_QKV, DIM_Q_K),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD),
    BIAS("attn_output", LAYER_OUT, DIM_EMBD),
    NORM("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    SHIFT("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    MATRIX("ffn_up", LAYER_UP, DIM_EMBD, DIM_FF),
    BIAS("ffn_up", LAYER_UP, DIM_FF),
    MATRIX("ffn_down", LAYER_DOWN, DIM_FF, DIM_EMBD),
    BIAS("ffn_down", LAYER_DOWN, DIM_EMBD),
    TABLE_END,
};

static const arch_key keys[] = {{NULL, KEY_USED, 0}};

static void forward(step *s)
{
    const model *m = s->m;
    block_embed(s, 1.0f);
    for (size_t i = 0; i < m->p.n_layers; i++) {
        const model_layer *l = &m->layers[i];
        block_add_norm(s, i > 0, NO_NORM, l->norm[LAYER_ATTN_NORM]);
        block_qkv(s, l);
        block_rotate(s, i);
        block_attention(s, i);
        block_matmul(s, l, LAYER_OUT);
        block_add_norm(s, true, NO_NORM, l->norm[LAYER_FFN_NORM]);
        block_up(s, l, s->kern->gelu);
        block_matmul(s, l, LAYER_DOWN);
    }
    block_add(s, NO_NORM);
}

const arch arch_gpt2 = {.name = "gpt2",
                        .tensors = tensors,
                        .keys = keys,
                        .traits = ARCH_LAYER_NORM | ARCH_POSITIONS,
                        .forward = forward};
