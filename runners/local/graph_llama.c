/* graph_llama.c - Llama 1 to 3, Mistral, SmolLM, the distilled R1 models on Llama, and what else
 * shares their block: pre-norms, grouped attention, rotation of adjacent pairs (the converter
 * permutes the rows of q and k for it), SwiGLU; a window on every layer where the file has one
 * (Mistral's first release). */
#include "runners/local/blocks.h"
#include "runners/local/graphs.h"
#include "runners/local/params.h"

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),
    MATRIX("attn_q", LAYER_Q, DIM_EMBD, DIM_Q),
    MATRIX("attn_k", LAYER_K, DIM_EMBD, DIM_KV),
    MATRIX("attn_v", LAYER_V, DIM_EMBD, DIM_KV),
    BIAS_MAYBE("attn_q", LAYER_Q, DIM_Q),
    BIAS_MAYBE("attn_k", LAYER_K, DIM_KV),
    BIAS_MAYBE("attn_v", LAYER_V, DIM_KV),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD),
    BIAS_MAYBE("attn_output", LAYER_OUT, DIM_EMBD),
    NORM("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    MATRIX("ffn_gate", LAYER_GATE, DIM_EMBD, DIM_FF),
    MATRIX("ffn_up", LAYER_UP, DIM_EMBD, DIM_FF),
    MATRIX("ffn_down", LAYER_DOWN, DIM_FF, DIM_EMBD),
    BIAS_MAYBE("ffn_gate", LAYER_GATE, DIM_FF),
    BIAS_MAYBE("ffn_up", LAYER_UP, DIM_FF),
    BIAS_MAYBE("ffn_down", LAYER_DOWN, DIM_EMBD),
    TABLE_END,
};

static const arch_key keys[] = {
    {"attention.sliding_window", KEY_USED, 0},
    {NULL, KEY_USED, 0},
};

static waage_status read_params(model_params *p, const gguf *g, waage_err *err)
{
    return params_read_window(p, &arch_llama, g, err);
}

void graph_prenorm(step *s)
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
        block_gated(s, l, LAYER_GATE, s->kern->silu_mul);
        block_matmul(s, l, LAYER_DOWN);
    }
    block_add(s, NO_NORM);
}

const arch arch_llama = {.name = "llama",
                         .tensors = tensors,
                         .keys = keys,
                         .traits = ARCH_ROPE_FREQS,
                         .rotate = kern_rope_adjacent,
                         .read_params = read_params,
                         .forward = graph_prenorm};
