/* graph_phi3.c - Phi 3, 3.5 and 4: Llama's block out of fused tensors (q, k, v; gates, then what
 * they let through), rotation of halves of the first elements of each head, a window on every layer
 * where the file has one, and longrope: divisors of the frequencies for short and for long texts.
 */
#include <math.h>
#include "runners/local/graphs.h"
#include "runners/local/params.h"

static const arch_tensor tensors[] = {
    NORM("attn_norm", LAYER_ATTN_NORM, DIM_EMBD),
    MATRIX_PART("attn_qkv", LAYER_Q, DIM_EMBD, DIM_Q, DIM_QKV, DIM_ZERO),
    MATRIX_PART("attn_qkv", LAYER_K, DIM_EMBD, DIM_KV, DIM_QKV, DIM_Q),
    MATRIX_PART("attn_qkv", LAYER_V, DIM_EMBD, DIM_KV, DIM_QKV, DIM_Q_K),
    MATRIX("attn_output", LAYER_OUT, DIM_Q, DIM_EMBD),
    NORM("ffn_norm", LAYER_FFN_NORM, DIM_EMBD),
    MATRIX_PART("ffn_up", LAYER_GATE, DIM_EMBD, DIM_FF, DIM_FF_TWICE, DIM_ZERO),
    MATRIX_PART("ffn_up", LAYER_UP, DIM_EMBD, DIM_FF, DIM_FF_TWICE, DIM_FF),
    MATRIX("ffn_down", LAYER_DOWN, DIM_FF, DIM_EMBD),
    TABLE_END,
};

static const arch_key keys[] = {
    {"attention.sliding_window", KEY_USED, 0},
    {"rope.scaling.attn_factor", KEY_USED, 0},
    {NULL, KEY_USED, 0},
};

static waage_status read_params(model_params *p, const gguf *g, waage_err *err)
{
    float scale;
    uint32_t context = 0;
    gguf_tensor t;
    WAAGE_TRY(params_read_window(p, &arch_phi3, g, err));
    WAAGE_TRY(gguf_opt_f32(&scale, g, "phi3.rope.scaling.attn_factor", 1.0f, err));
    if (gguf_find(g, "rope_factors_long.weight", &t) == WAAGE_OK) {
        WAAGE_TRY(gguf_get_u32(&context, g, "phi3.rope.scaling.original_context_length", err));
        if (context == 0) scale = 0.0f;
    }
    if (!(scale > 0.0f) || !isfinite(scale))
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: longrope with an attention factor of %g and a context of %u is "
                             "impossible",
                             gguf_path(g), (double)scale, context);
    p->rope[ROPE_MAIN].scale *= (double)scale;
    p->n_context_short = context;
    return WAAGE_OK;
}

const arch arch_phi3 = {.name = "phi3",
                        .tensors = tensors,
                        .keys = keys,
                        .rotate = kern_rope_halves,
                        .read_params = read_params,
                        .forward = graph_prenorm};
