/* graph_deepseek2.c - DeepSeek V2, V2-Lite, V3, R1: latent attention, leading dense layers, then
 * routed experts beside shared ones that every token passes. V2 routes by a softmax and lets the
 * groups with the largest expert compete; V3 by sigmoids with a bias that only chooses, and groups
 * by the sum of their two best. Layers that predict a further token are left out. */
#include <math.h>
#include "kernels/fmath.h"
#include "runners/local/experts.h"
#include "runners/local/graphs.h"
#include "runners/local/latent.h"
#include "runners/local/params.h"

static bool has_query_rank(const model_params *p, size_t layer)
{
    (void)layer;
    return p->latent.q_rank > 0;
}

static bool has_plain_query(const model_params *p, size_t layer)
{
    return !has_query_rank(p, layer);
}

static bool is_dense(const model_params *p, size_t layer)
{
    return layer < p->n_dense;
}

static bool has_experts(const model_params *p, size_t layer)
{
    return !is_dense(p, layer);
}

static bool has_shared(const model_params *p, size_t layer)
{
    return has_experts(p, layer) && p->n_ff_shared > 0;
}

static bool has_choice_bias(const model_params *p, size_t layer)
{
    return has_experts(p, layer) && p->router.gating == EXPERTS_SIGMOID;
}

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),
    MATRIX_IN(has_plain_query, "attn_q", LAYER_Q, DIM_EMBD, DIM_LATENT_Q),
    MATRIX_IN(has_query_rank, "attn_q_a", LAYER_Q_A, DIM_EMBD, DIM_Q_RANK),
    NORM_IN(has_query_rank, "attn_q_a_norm", LAYER_Q_A_NORM, DIM_Q_RANK),
    MATRIX_IN(has_query_rank, "attn_q_b", LAYER_Q_B, DIM_Q_RANK, DIM_LATENT_Q),
    MATRIX("attn_kv_a_mqa", LAYER_KV_A, DIM_EMBD, DIM_LATENT_KEY),
    NORM("attn_kv_a_norm", LAYER_KV_A_NORM, DIM_KV_RANK),
    STACK_MAYBE("attn_k_b", LAYER_K_B, DIM_LATENT_PLAIN, DIM_KV_RANK, DIM_HEADS),
    STACK_MAYBE("attn_v_b", LAYER_V_B, DIM_KV_RANK, DIM_LATENT_VALUE, DIM_HEADS),
    /* Older files hold both in one, keys not yet transposed; some hold it beside the two. */
    {.name = "attn_kv_b.weight", .kind = TENSOR_KEYS_VALUES},
    MATRIX("attn_output", LAYER_OUT, DIM_LATENT_OUT, DIM_EMBD),
    NORM("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    MATRIX_IN(is_dense, "ffn_gate", LAYER_GATE, DIM_EMBD, DIM_FF),
    MATRIX_IN(is_dense, "ffn_up", LAYER_UP, DIM_EMBD, DIM_FF),
    MATRIX_IN(is_dense, "ffn_down", LAYER_DOWN, DIM_FF, DIM_EMBD),
    MATRIX_IN(has_experts, "ffn_gate_inp", LAYER_ROUTER, DIM_EMBD, DIM_EXPERTS),
    VECTOR_IN(has_choice_bias, "exp_probs_b.bias", LAYER_EXPERT_BIAS, DIM_EXPERTS),
    EXPERTS_GATE_IN(has_experts),
    EXPERTS_UP_IN(has_experts),
    STACK_IN(has_experts, "ffn_down_exps", LAYER_DOWN_EXPS, DIM_FF_EXPERT, DIM_EMBD, DIM_EXPERTS),
    MATRIX_IN(has_shared, "ffn_gate_shexp", LAYER_GATE_SHARED, DIM_EMBD, DIM_FF_SHARED),
    MATRIX_IN(has_shared, "ffn_up_shexp", LAYER_UP_SHARED, DIM_EMBD, DIM_FF_SHARED),
    MATRIX_IN(has_shared, "ffn_down_shexp", LAYER_DOWN_SHARED, DIM_FF_SHARED, DIM_EMBD),
    TABLE_END,
};

static const arch_key keys[] = {
    {"attention.q_lora_rank", KEY_USED, 0},
    {"attention.kv_lora_rank", KEY_USED, 0},
    {"attention.key_length_mla", KEY_USED, 0},
    {"attention.value_length_mla", KEY_USED, 0},
    {"expert_count", KEY_USED, 0},
    {"expert_used_count", KEY_USED, 0},
    {"expert_feed_forward_length", KEY_USED, 0},
    {"expert_shared_count", KEY_USED, 0},
    {"expert_weights_scale", KEY_USED, 0},
    {"expert_weights_norm", KEY_USED, 0},
    {"expert_gating_func", KEY_USED, 0},
    {"expert_group_count", KEY_USED, 0},
    {"expert_group_used_count", KEY_USED, 0},
    {"leading_dense_block_count", KEY_USED, 0},
    {"nextn_predict_layers", KEY_USED, 0},
    {"rope.scaling.yarn_log_multiplier", KEY_USED, 0},
    {NULL, KEY_USED, 0},
};

enum { MAX_RANK = 1 << 14 };

/* Sizes of the heads. Files with split k_b and v_b describe what is cached by key_length and
 * value_length, and the heads by *_mla; older files describe the heads. */
static waage_status read_latent(model_params *p, const gguf *g, waage_err *err)
{
    uint32_t q_rank, kv_rank, key, value;
    WAAGE_TRY(gguf_opt_u32(&q_rank, g, "deepseek2.attention.q_lora_rank", 0, err));
    WAAGE_TRY(gguf_get_u32(&kv_rank, g, "deepseek2.attention.kv_lora_rank", err));
    const bool split = gguf_has(g, "deepseek2.attention.key_length_mla");
    WAAGE_TRY(gguf_get_u32(
        &key, g, split ? "deepseek2.attention.key_length_mla" : "deepseek2.attention.key_length",
        err));
    WAAGE_TRY(gguf_get_u32(
        &value, g,
        split ? "deepseek2.attention.value_length_mla" : "deepseek2.attention.value_length", err));
    if (kv_rank == 0 || value == 0 || key <= p->n_rot || q_rank > MAX_RANK || kv_rank > MAX_RANK ||
        key > MODEL_MAX_KEY || value > MODEL_MAX_KEY)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: latent attention with ranks %u and %u, keys of %u (%zu of them "
                             "rotated) and values of %u elements is impossible",
                             gguf_path(g), q_rank, kv_rank, key, p->n_rot, value);
    p->latent = (model_latent){q_rank, kv_rank, key, value};
    p->cache_heads = 1;
    p->key_dim = kv_rank + p->n_rot;
    p->value_dim = kv_rank;
    return WAAGE_OK;
}

/* A stretched model sharpens its scores by the square of 1 + 0.1 * mscale_all_dim * ln(factor);
 * the file holds 0.1 * mscale_all_dim. Sines and cosines are left alone: the reference multiplies
 * them by a quotient that is 1 in every published model. */
static waage_status read_scale(model_params *p, const gguf *g, waage_err *err)
{
    float multiplier;
    WAAGE_TRY(
        gguf_opt_f32(&multiplier, g, "deepseek2.rope.scaling.yarn_log_multiplier", 0.0f, err));
    rope_spec *r = &p->rope[ROPE_MAIN];
    const bool stretched = r->kind == ROPE_YARN;
    const double m = stretched ? 1.0 + (double)multiplier * fmath_log_d(r->factor) : 1.0;
    if (!(m > 0.0) || !isfinite(m))
        return waage_err_set(err, WAAGE_EFORMAT, "%s: yarn_log_multiplier %g is impossible",
                             gguf_path(g), (double)multiplier);
    p->q_scale = (float)(m * m / sqrt((double)p->latent.key_length));
    r->scale = 1.0;
    return WAAGE_OK;
}

static waage_status read_router(model_params *p, const gguf *g, waage_err *err)
{
    uint32_t gating, groups, groups_used;
    float scale;
    model_router *r = &p->router;
    WAAGE_TRY(gguf_opt_u32(&gating, g, "deepseek2.expert_gating_func", EXPERTS_SOFTMAX, err));
    WAAGE_TRY(gguf_opt_bool(&r->normalize, g, "deepseek2.expert_weights_norm", false, err));
    WAAGE_TRY(gguf_opt_f32(&scale, g, "deepseek2.expert_weights_scale", 1.0f, err));
    WAAGE_TRY(gguf_opt_u32(&groups, g, "deepseek2.expert_group_count", 1, err));
    WAAGE_TRY(gguf_opt_u32(&groups_used, g, "deepseek2.expert_group_used_count", groups, err));
    const size_t each = groups > 0 ? p->n_experts / groups : 0;
    if (gating != EXPERTS_SOFTMAX && gating != EXPERTS_SIGMOID)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: deepseek2.expert_gating_func is %u; this engine computes 1 "
                             "(softmax) and 2 (sigmoid)",
                             gguf_path(g), gating);
    r->gating = gating == EXPERTS_SIGMOID ? EXPERTS_SIGMOID : EXPERTS_SOFTMAX;
    r->n_group_best = gating == EXPERTS_SIGMOID ? 2 : 1;
    if (each == 0 || each * groups != p->n_experts || groups_used == 0 || groups_used > groups ||
        groups_used * each < r->n_used || (groups_used < groups && each < r->n_group_best))
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: %zu experts in %u groups, %u of them used, cannot give %zu",
                             gguf_path(g), p->n_experts, groups, groups_used, r->n_used);
    r->n_groups = groups;
    r->n_groups_used = groups_used;
    r->scale = scale != 0.0f ? scale : 1.0f; /* 0: converters that had none to write */
    return WAAGE_OK;
}

static waage_status read_params(model_params *p, const gguf *g, waage_err *err)
{
    uint32_t dense, shared, extra;
    WAAGE_TRY(gguf_opt_u32(&dense, g, "deepseek2.leading_dense_block_count", 0, err));
    WAAGE_TRY(gguf_opt_u32(&shared, g, "deepseek2.expert_shared_count", 0, err));
    WAAGE_TRY(gguf_opt_u32(&extra, g, "deepseek2.nextn_predict_layers", 0, err));
    if (extra >= p->n_layers || shared > 1024)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: %u of %zu layers predict a further token, %u shared experts",
                             gguf_path(g), extra, p->n_layers, shared);
    p->n_layers -= extra;
    p->n_unused_layers = extra;
    p->n_dense = dense;
    WAAGE_TRY(params_read_experts(p, &arch_deepseek2, g, err));
    p->n_ff_shared = shared * p->n_ff_expert;
    WAAGE_TRY(read_router(p, g, err));
    WAAGE_TRY(read_latent(p, g, err));
    return read_scale(p, g, err);
}

static void forward(step *s)
{
    const model *m = s->m;
    block_embed(s, 1.0f);
    for (size_t i = 0; i < m->p.n_layers; i++) {
        const model_layer *l = &m->layers[i];
        block_add_norm(s, i > 0, NO_NORM, l->norm[LAYER_ATTN_NORM]);
        latent_project(s, i);
        latent_attention(s, i);
        block_matmul(s, l, LAYER_OUT);
        block_add_norm(s, true, NO_NORM, l->norm[LAYER_FFN_NORM]);
        if (is_dense(&m->p, i)) {
            block_gated(s, l, LAYER_GATE, s->kern->silu_mul);
            block_matmul(s, l, LAYER_DOWN);
            continue;
        }
        experts_route(s, l);
        if (has_shared(&m->p, i)) {
            block_gated(s, l, LAYER_GATE_SHARED, s->kern->silu_mul);
            block_matmul(s, l, LAYER_DOWN_SHARED);
        }
        experts_run(s, l, s->kern->silu_mul, has_shared(&m->p, i));
    }
    block_add(s, NO_NORM);
}

const arch arch_deepseek2 = {.name = "deepseek2",
                             .tensors = tensors,
                             .keys = keys,
                             .traits = ARCH_LATENT,
                             .rotate = kern_rope_adjacent,
                             .read_params = read_params,
                             .forward = forward};
