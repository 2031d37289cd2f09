/* graph_gemma3.c - Gemma 3, text: scaled embeddings, norms before and after both halves of a block
 * (the file's weights contain the +1), norms on every query and key head, five local layers for
 * each global one, GELU (tanh form). */
#include <math.h>
#include "runners/local/blocks.h"
#include "runners/local/graphs.h"

static const arch_tensor tensors[] = {
    {"attn_norm.weight", false, LAYER_ATTN_NORM, DIM_EMBD, DIM_ONE},
    {"attn_q.weight", true, LAYER_Q, DIM_EMBD, DIM_Q},
    {"attn_k.weight", true, LAYER_K, DIM_EMBD, DIM_KV},
    {"attn_v.weight", true, LAYER_V, DIM_EMBD, DIM_KV},
    {"attn_q_norm.weight", false, LAYER_Q_NORM, DIM_HEAD, DIM_ONE},
    {"attn_k_norm.weight", false, LAYER_K_NORM, DIM_HEAD, DIM_ONE},
    {"attn_output.weight", true, LAYER_OUT, DIM_Q, DIM_EMBD},
    {"post_attention_norm.weight", false, LAYER_POST_ATTN_NORM, DIM_EMBD, DIM_ONE},
    {"ffn_norm.weight", false, LAYER_FFN_NORM, DIM_EMBD, DIM_ONE},
    {"ffn_gate.weight", true, LAYER_GATE, DIM_EMBD, DIM_FF},
    {"ffn_up.weight", true, LAYER_UP, DIM_EMBD, DIM_FF},
    {"ffn_down.weight", true, LAYER_DOWN, DIM_FF, DIM_EMBD},
    {"post_ffw_norm.weight", false, LAYER_POST_FFN_NORM, DIM_EMBD, DIM_ONE},
    {NULL, false, 0, DIM_ONE, DIM_ONE},
};

static const arch_key keys[] = {
    {"attention.sliding_window", KEY_USED, 0},
    {"attention.sliding_window_pattern", KEY_USED, 0},
    {"rope.freq_base_swa", KEY_USED, 0},
    {NULL, KEY_USED, 0},
};

/* The 27B model scales its queries by 1/sqrt(width/heads) instead of 1/sqrt(head_dim); no key says
 * so, the number of layers does. */
enum { LAYERS_27B = 62, GLOBAL_EVERY = 6 };

static waage_status read_params(model_params *p, const gguf *g, waage_err *err)
{
    uint32_t window, every;
    float local;
    WAAGE_TRY(gguf_get_u32(&window, g, "gemma3.attention.sliding_window", err));
    WAAGE_TRY(
        gguf_opt_u32(&every, g, "gemma3.attention.sliding_window_pattern", GLOBAL_EVERY, err));
    WAAGE_TRY(gguf_opt_f32(&local, g, "gemma3.rope.freq_base_swa", 10000.0f, err));
    if (window == 0 || every == 0 || !(local > 0.0f))
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: gemma3 needs a sliding window, a pattern and a local rope base "
                             "above 0",
                             gguf_path(g));
    p->window = window;
    p->global_every = every;
    p->rope_base_local = (double)local;
    if (p->n_layers == LAYERS_27B) p->q_scale = 1.0f / sqrtf((float)p->n_embd / (float)p->n_heads);
    return WAAGE_OK;
}

static void forward(step *s)
{
    const model *m = s->m;
    const float *post = NULL; /* of the half block whose output waits to be added */
    block_embed(s, sqrtf((float)m->p.n_embd));
    for (size_t i = 0; i < m->p.n_layers; i++) {
        const model_layer *l = &m->layers[i];
        block_add_norm(s, i > 0, post, l->v[LAYER_ATTN_NORM]);
        block_qkv(s, l);
        block_rotate(s, i, kern_rope_halves);
        block_attention(s, i);
        block_matmul(s, &l->w[LAYER_OUT]);
        block_add_norm(s, true, l->v[LAYER_POST_ATTN_NORM], l->v[LAYER_FFN_NORM]);
        block_gated(s, l, s->kern->gelu_mul);
        block_matmul(s, &l->w[LAYER_DOWN]);
        post = l->v[LAYER_POST_FFN_NORM];
    }
    block_add(s, post);
}

const arch arch_gemma3 = {"gemma3", tensors, keys, read_params, forward};
