/* graph_gptoss.c - gpt-oss: experts in every layer, biases everywhere, sinks in the softmax of the
 * attention, a window on every other layer (the first one has it), clamped SwiGLU. Its YaRN does
 * not round the ends of the ramp (the reference's `truncate: false`). */
#include "runners/local/graphs.h"
#include "runners/local/params.h"

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),
    MATRIX("attn_q", LAYER_Q, DIM_EMBD, DIM_Q),
    BIAS("attn_q", LAYER_Q, DIM_Q),
    MATRIX("attn_k", LAYER_K, DIM_EMBD, DIM_KV),
    BIAS("attn_k", LAYER_K, DIM_KV),
    MATRIX("attn_v", LAYER_V, DIM_EMBD, DIM_KV),
    BIAS("attn_v", LAYER_V, DIM_KV),
    VECTOR("attn_sinks.weight", LAYER_SINKS, DIM_HEADS),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD),
    BIAS("attn_output", LAYER_OUT, DIM_EMBD),
    NORM("post_attention_norm", LAYER_FFN_NORM, DIM_EMBD), /* in spite of its name */
    MATRIX("ffn_gate_inp", LAYER_ROUTER, DIM_EMBD, DIM_EXPERTS),
    BIAS("ffn_gate_inp", LAYER_ROUTER, DIM_EXPERTS),
    EXPERTS_GATE_IN(NULL),
    STACK_BIAS("ffn_gate_exps", LAYER_GATE_EXPS, DIM_FF_EXPERT, DIM_EXPERTS),
    EXPERTS_UP_IN(NULL),
    STACK_BIAS("ffn_up_exps", LAYER_UP_EXPS, DIM_FF_EXPERT, DIM_EXPERTS),
    STACK("ffn_down_exps", LAYER_DOWN_EXPS, DIM_FF_EXPERT, DIM_EMBD, DIM_EXPERTS),
    STACK_BIAS("ffn_down_exps", LAYER_DOWN_EXPS, DIM_EMBD, DIM_EXPERTS),
    TABLE_END,
};

static const arch_key keys[] = {
    {"attention.sliding_window", KEY_USED, 0},
    {"expert_count", KEY_USED, 0},
    {"expert_used_count", KEY_USED, 0},
    {"expert_feed_forward_length", KEY_USED, 0},
    {"expert_gating_func", KEY_NEUTRAL, EXPERTS_SOFTMAX_CHOSEN},
    {NULL, KEY_USED, 0},
};

static waage_status read_params(model_params *p, const gguf *g, waage_err *err)
{
    uint32_t window;
    WAAGE_TRY(gguf_get_u32(&window, g, "gpt-oss.attention.sliding_window", err));
    WAAGE_TRY(params_read_experts(p, &arch_gptoss, g, err));
    p->window = window;
    p->global_every = 2;
    p->rope[ROPE_MAIN].exact_ramp = true;
    p->router.gating = EXPERTS_SOFTMAX_CHOSEN;
    return WAAGE_OK;
}

static void forward(step *s)
{
    graph_prenorm_experts(s, s->kern->swiglu_clamped);
}

const arch arch_gptoss = {.name = "gpt-oss",
                          .tensors = tensors,
                          .keys = keys,
                          .rotate = kern_rope_halves,
                          .read_params = read_params,
                          .forward = forward};
