/* graph_olmo2.c - OLMo 2: norms behind each half of a block and none before, norms of queries and
 * keys over all heads at once, rotation of halves, SwiGLU. */
#include "runners/local/blocks.h"
#include "runners/local/graphs.h"

static const arch_tensor tensors[] = {
    MATRIX("attn_q", LAYER_Q, DIM_EMBD, DIM_Q),
    MATRIX("attn_k", LAYER_K, DIM_EMBD, DIM_KV),
    MATRIX("attn_v", LAYER_V, DIM_EMBD, DIM_KV),
    NORM("attn_q_norm", LAYER_Q_NORM, DIM_Q),
    NORM("attn_k_norm", LAYER_K_NORM, DIM_KV),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD),
    NORM("post_attention_norm", LAYER_POST_ATTN_NORM, DIM_EMBD),
    MATRIX("ffn_gate", LAYER_GATE, DIM_EMBD, DIM_FF),
    MATRIX("ffn_up", LAYER_UP, DIM_EMBD, DIM_FF),
    MATRIX("ffn_down", LAYER_DOWN, DIM_FF, DIM_EMBD),
    NORM("post_ffw_norm", LAYER_POST_FFN_NORM, DIM_EMBD),
    TABLE_END,
};

static const arch_key keys[] = {{NULL, KEY_USED, 0}};

static waage_status read_params(model_params *p, const gguf *g, waage_err *err)
{
    (void)g, (void)err;
    p->norm_whole_qk = true;
    return WAAGE_OK;
}

static void forward(step *s)
{
    const model *m = s->m;
    model_norm post = NO_NORM; /* of the half block whose output waits to be added */
    block_embed(s, 1.0f);
    for (size_t i = 0; i < m->p.n_layers; i++) {
        const model_layer *l = &m->layers[i];
        block_add_norm(s, i > 0, post, NO_NORM);
        block_qkv(s, l);
        block_rotate(s, i);
        block_attention(s, i);
        block_matmul(s, l, LAYER_OUT);
        block_add_norm(s, true, l->norm[LAYER_POST_ATTN_NORM], NO_NORM);
        block_gated(s, l, LAYER_GATE, s->kern->silu_mul);
        block_matmul(s, l, LAYER_DOWN);
        post = l->norm[LAYER_POST_FFN_NORM];
    }
    block_add(s, post);
}

const arch arch_olmo2 = {.name = "olmo2",
                         .tensors = tensors,
                         .keys = keys,
                         .rotate = kern_rope_halves,
                         .read_params = read_params,
                         .forward = forward};
