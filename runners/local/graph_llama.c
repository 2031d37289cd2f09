/* graph_llama.c - Llama 1 to 3, Mistral, SmolLM and what else shares their block: pre-norms,
 * grouped attention over everything, rotation of adjacent pairs (the converter permutes the rows of
 * q and k for it), SwiGLU. */
#include "runners/local/blocks.h"
#include "runners/local/graphs.h"

static const arch_tensor tensors[] = {
    {"attn_norm.weight", false, LAYER_ATTN_NORM, DIM_EMBD, DIM_ONE},
    {"attn_q.weight", true, LAYER_Q, DIM_EMBD, DIM_Q},
    {"attn_k.weight", true, LAYER_K, DIM_EMBD, DIM_KV},
    {"attn_v.weight", true, LAYER_V, DIM_EMBD, DIM_KV},
    {"attn_output.weight", true, LAYER_OUT, DIM_Q, DIM_EMBD},
    {"ffn_norm.weight", false, LAYER_FFN_NORM, DIM_EMBD, DIM_ONE},
    {"ffn_gate.weight", true, LAYER_GATE, DIM_EMBD, DIM_FF},
    {"ffn_up.weight", true, LAYER_UP, DIM_EMBD, DIM_FF},
    {"ffn_down.weight", true, LAYER_DOWN, DIM_FF, DIM_EMBD},
    {NULL, false, 0, DIM_ONE, DIM_ONE},
};

static const arch_key keys[] = {
    /* Mistral's first release had a window; its files carry no key. One that does is another model.
     */
    {"attention.sliding_window", KEY_NEUTRAL, 0},
    {NULL, KEY_USED, 0},
};

static waage_status read_params(model_params *p, const gguf *g, waage_err *err)
{
    (void)p, (void)g, (void)err;
    return WAAGE_OK;
}

static void forward(step *s)
{
    const model *m = s->m;
    block_embed(s, 1.0f);
    for (size_t i = 0; i < m->p.n_layers; i++) {
        const model_layer *l = &m->layers[i];
        block_add_norm(s, i > 0, NULL, l->v[LAYER_ATTN_NORM]);
        block_qkv(s, l);
        block_rotate(s, i, kern_rope_adjacent);
        block_attention(s, i);
        block_matmul(s, &l->w[LAYER_OUT]);
        block_add_norm(s, true, NULL, l->v[LAYER_FFN_NORM]);
        block_gated(s, l, s->kern->silu_mul);
        block_matmul(s, &l->w[LAYER_DOWN]);
    }
    block_add(s, NULL);
}

const arch arch_llama = {"llama", tensors, keys, read_params, forward};
