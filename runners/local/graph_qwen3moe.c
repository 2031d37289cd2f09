/* graph_qwen3moe.c - Qwen 3 with experts: the attention of Qwen 3 (norms on every query and key
 * head), a softmax over all experts whose chosen ones are normalised to sum 1, SwiGLU. */
#include "runners/local/experts.h"
#include "runners/local/graphs.h"
#include "runners/local/params.h"

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),
    MATRIX("attn_q", LAYER_Q, DIM_EMBD, DIM_Q),
    MATRIX("attn_k", LAYER_K, DIM_EMBD, DIM_KV),
    MATRIX("attn_v", LAYER_V, DIM_EMBD, DIM_KV),
    NORM("attn_q_norm", LAYER_Q_NORM, DIM_HEAD),
    NORM("attn_k_norm", LAYER_K_NORM, DIM_HEAD),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD),
    NORM("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    MATRIX("ffn_gate_inp", LAYER_ROUTER, DIM_EMBD, DIM_EXPERTS),
    EXPERTS_GATE_IN(NULL),
    EXPERTS_UP_IN(NULL),
    STACK("ffn_down_exps", LAYER_DOWN_EXPS, DIM_FF_EXPERT, DIM_EMBD, DIM_EXPERTS),
    TABLE_END,
};

static const arch_key keys[] = {
    {"expert_count", KEY_USED, 0},
    {"expert_used_count", KEY_USED, 0},
    {"expert_feed_forward_length", KEY_USED, 0},
    {"expert_gating_func", KEY_NEUTRAL, EXPERTS_SOFTMAX},
    {"expert_weights_norm", KEY_NEUTRAL, 1},
    {NULL, KEY_USED, 0},
};

static waage_status read_params(model_params *p, const gguf *g, waage_err *err)
{
    WAAGE_TRY(params_read_experts(p, &arch_qwen3moe, g, err));
    p->router.gating = EXPERTS_SOFTMAX;
    p->router.normalize = true;
    return WAAGE_OK;
}

void graph_prenorm_experts(step *s, block_gate_fn act)
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
        experts_route(s, l);
        experts_run(s, l, act, false);
    }
    block_add(s, NO_NORM);
}

static void forward(step *s)
{
    graph_prenorm_experts(s, s->kern->silu_mul);
}

const arch arch_qwen3moe = {.name = "qwen3moe",
                            .tensors = tensors,
                            .keys = keys,
                            .rotate = kern_rope_halves,
                            .read_params = read_params,
                            .forward = forward};
