/* graph_gemma3.c - Gemma 3, text: scaled embeddings, norms before and after both halves of a block
 * (the file's weights contain the +1), norms on every query and key head, five local layers for
 * each global one, GELU (tanh form). */
#include <math.h>
#include "runners/local/blocks.h"
#include "runners/local/graphs.h"

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),
    MATRIX("attn_q", LAYER_Q, DIM_EMBD, DIM_Q),
    MATRIX("attn_k", LAYER_K, DIM_EMBD, DIM_KV),
    MATRIX("attn_v", LAYER_V, DIM_EMBD, DIM_KV),
    NORM("attn_q_norm", LAYER_Q_NORM, DIM_HEAD),
    NORM("attn_k_norm", LAYER_K_NORM, DIM_HEAD),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD),
    NORM("post_attention_norm", LAYER_POST_ATTN_NORM, DIM_EMBD),
    NORM("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    MATRIX("ffn_gate", LAYER_GATE, DIM_EMBD, DIM_FF),
    MATRIX("ffn_up", LAYER_UP, DIM_EMBD, DIM_FF),
    MATRIX("ffn_down", LAYER_DOWN, DIM_FF, DIM_EMBD),
    NORM("post_ffw_norm", LAYER_POST_FFN_NORM, DIM_EMBD),
    TABLE_END,
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
    p->rope_local_apart = true;
    p->rope[ROPE_LOCAL] = rope_spec_plain((double)local);
    if (p->n_layers == LAYERS_27B) p->q_scale = 1.0f / sqrtf((float)p->n_embd / (float)p->n_heads);
    return WAAGE_OK;
}

static void forward(step *s)
{
    const model *m = s->m;
    model_norm post = NO_NORM; /* of the half block whose output waits to be added */
    block_embed(s, sqrtf((float)m->p.n_embd));
    for (size_t i = 0; i < m->p.n_layers; i++) {
        const model_layer *l = &m->layers[i];
        block_add_norm(s, i > 0, post, l->norm[LAYER_ATTN_NORM]);
        block_qkv(s, l);
        block_rotate(s, i);
        block_attention(s, i);
        block_matmul(s, l, LAYER_OUT);
        block_add_norm(s, true, l->norm[LAYER_POST_ATTN_NORM], l->norm[LAYER_FFN_NORM]);
        block_gated(s, l, LAYER_GATE, s->kern->gelu_mul);
        block_matmul(s, l, LAYER_DOWN);
        post = l->norm[LAYER_POST_FFN_NORM];
    }
    block_add(s, post);
}

const arch arch_gemma3 = {.name = "gemma3",
                          .tensors = tensors,
                          .keys = keys,
                          .rotate = kern_rope_halves,
                          .read_params = read_params,
                          .forward = forward};
