/* graph_llama.c - Llama 1 to 3, Mistral, SmolLM and what else shares their block: pre-norms,
 * grouped attention over everything, rotation of adjacent pairs (the converter permutes the rows of
 * q and k for it), SwiGLU. */
#include "runners/local/blocks.h"
#include "runners/local/graphs.h"

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),      MATRIX("attn_q", LAYER_Q, DIM_EMBD, DIM_Q),
    MATRIX("attn_k", LAYER_K, DIM_EMBD, DIM_KV),       MATRIX("attn_v", LAYER_V, DIM_EMBD, DIM_KV),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD), NORM("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    MATRIX("ffn_gate", LAYER_GATE, DIM_EMBD, DIM_FF),  MATRIX("ffn_up", LAYER_UP, DIM_EMBD, DIM_FF),
    MATRIX("ffn_down", LAYER_DOWN, DIM_FF, DIM_EMBD),  TABLE_END,
};

static const arch_key keys[] = {
    /* Mistral's first release had a window; its files carry no key. One that does is another model.
     */
    {"attention.sliding_window", KEY_NEUTRAL, 0},
    {NULL, KEY_USED, 0},
};

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
        block_gated(s, l, LAYER_GATE, s->kern->silu_mul);
        block_matmul(s, l, LAYER_DOWN);
    }
    block_add(s, NO_NORM);
}

const arch arch_llama = {.name = "llama",
                         .tensors = tensors,
                         .keys = keys,
                         .rotate = kern_rope_adjacent,
                         .forward = forward};
