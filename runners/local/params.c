/* params.c - hyperparameters: read, bounded, and every key accounted for. A key that this engine
 * does not know might change what the model computes, so it is refused by name, not skipped. */
#include "runners/local/params.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LAYERS = 1024, MAX_WIDTH = 1 << 20, MAX_HEADS = 1 << 12, MAX_HEAD_DIM = 1024 };
enum { KEY_MAX = 128 };

/* Keys below "ARCH." that mean the same everywhere. */
static const arch_key shared_keys[] = {
    {"block_count", KEY_USED, 0},
    {"context_length", KEY_USED, 0},
    {"embedding_length", KEY_USED, 0},
    {"feed_forward_length", KEY_USED, 0},
    {"vocab_size", KEY_USED, 0},
    {"tensor_data_layout", KEY_USED, 0}, /* describes the converter's permutation of q and k */
    {"attention.head_count", KEY_USED, 0},
    {"attention.head_count_kv", KEY_USED, 0},
    {"attention.key_length", KEY_USED, 0},
    {"attention.value_length", KEY_USED, 0},
    {"attention.layer_norm_rms_epsilon", KEY_USED, 0},
    {"attention.layer_norm_epsilon", KEY_USED, 0}, /* some converters write both; one is read */
    {"attention.causal", KEY_NEUTRAL, 1},
    {"attention.clamp_kqv", KEY_NEUTRAL, 0},
    {"attention.max_alibi_bias", KEY_NEUTRAL, 0},
    {"attn_logit_softcapping", KEY_NEUTRAL, 0},
    {"final_logit_softcapping", KEY_NEUTRAL, 0},
    {"use_parallel_residual", KEY_NEUTRAL, 0},
    {"logit_scale", KEY_NEUTRAL, 1},
    {"residual_scale", KEY_NEUTRAL, 1},
    {"embedding_scale", KEY_NEUTRAL, 1},
    {"expert_count", KEY_NEUTRAL, 0},
    {"expert_used_count", KEY_NEUTRAL, 0},
    {"rope.dimension_count", KEY_USED, 0},
    {"rope.freq_base", KEY_USED, 0},
    {"rope.scale_linear", KEY_NEUTRAL, 1},
    {"rope.scaling.type", KEY_USED, 0},
    {"rope.scaling.factor", KEY_USED, 0},
    {"rope.scaling.attn_factor", KEY_NEUTRAL, 1},
    {"rope.scaling.original_context_length", KEY_USED, 0},
    {"rope.scaling.yarn_beta_fast", KEY_USED, 0},
    {"rope.scaling.yarn_beta_slow", KEY_USED, 0},
    {"rope.scaling.yarn_ext_factor", KEY_NEUTRAL, 1},
    {"rope.scaling.yarn_attn_factor", KEY_NEUTRAL, 1},
    {"rope.scaling.finetuned", KEY_USED, 0},
    {NULL, KEY_USED, 0},
};

static const arch_key *find_key(const arch_key *keys, const char *name, size_t len)
{
    for (; keys->name; keys++)
        if (strlen(keys->name) == len && memcmp(keys->name, name, len) == 0) return keys;
    return NULL;
}

/* The value of a KEY_NEUTRAL entry as a number; false when it is none. */
static bool entry_number(const gguf_entry *e, double *v)
{
    float f;
    uint32_t u;
    if (gguf_array_u32(&e->array, 0, &u))
        *v = (double)u;
    else if (gguf_array_f32(&e->array, 0, &f))
        *v = (double)f;
    else
        return false;
    return e->kind != GGUF_ARRAY;
}

static waage_status check_keys(const arch *a, const gguf *g, waage_err *err)
{
    const size_t prefix = strlen(a->name) + 1;
    for (size_t i = 0; i < gguf_n_entries(g); i++) {
        const gguf_entry e = gguf_entry_at(g, i);
        if (e.key.len <= prefix || memcmp(e.key.s, a->name, prefix - 1) != 0 ||
            e.key.s[prefix - 1] != '.')
            continue;
        const char *name = e.key.s + prefix;
        const size_t len = e.key.len - prefix;
        const int show = (int)(e.key.len < 100 ? e.key.len : 100);
        const arch_key *k = find_key(a->keys, name, len);
        if (!k) k = find_key(shared_keys, name, len);
        if (!k)
            return waage_err_set(err, WAAGE_EUNSUPPORTED,
                                 "%s: metadata key %.*s is unknown to this engine; it may change "
                                 "what the model computes",
                                 gguf_path(g), show, e.key.s);
        double v;
        if (k->use == KEY_NEUTRAL && (!entry_number(&e, &v) || v != k->neutral))
            return waage_err_set(err, WAAGE_EUNSUPPORTED,
                                 "%s: metadata key %.*s: this engine computes only the value %g",
                                 gguf_path(g), show, e.key.s, k->neutral);
    }
    return WAAGE_OK;
}

static const char *key_of(char buf[KEY_MAX], const arch *a, const char *name)
{
    (void)snprintf(buf, KEY_MAX, "%s.%s", a->name, name);
    return buf;
}

/* A size in 1..max; some converters write it once for each layer, then all must be equal. */
static waage_status read_size(size_t *out, const arch *a, const gguf *g, const char *name,
                              size_t def, size_t max, waage_err *err)
{
    char key[KEY_MAX];
    uint32_t v = 0;
    (void)key_of(key, a, name);
    const gguf_entry *e = gguf_find_entry(g, key);
    if (!e && def != 0) {
        *out = def;
        return WAAGE_OK;
    }
    if (e && e->kind == GGUF_ARRAY) {
        for (size_t i = 0; i < e->array.n; i++) {
            uint32_t w = 0;
            if (!gguf_array_u32(&e->array, i, &w) || (i > 0 && w != v))
                return waage_err_set(err, WAAGE_EUNSUPPORTED,
                                     "%s: metadata key %s differs between layers, which this "
                                     "engine does not compute",
                                     gguf_path(g), key);
            v = w;
        }
    } else {
        WAAGE_TRY(gguf_get_u32(&v, g, key, err));
    }
    if (v == 0 || v > max)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: metadata key %s is %u; 1 to %zu is possible",
                             gguf_path(g), key, v, max);
    *out = v;
    return WAAGE_OK;
}

static waage_status get_number(double *out, const arch *a, const gguf *g, const char *name,
                               waage_err *err)
{
    char key[KEY_MAX];
    float v;
    WAAGE_TRY(gguf_get_f32(&v, g, key_of(key, a, name), err));
    *out = (double)v;
    return WAAGE_OK;
}

/* *out stays as it is when there is no such key. */
static waage_status opt_number(double *out, const arch *a, const gguf *g, const char *name,
                               waage_err *err)
{
    char key[KEY_MAX];
    return gguf_has(g, key_of(key, a, name)) ? get_number(out, a, g, name, err) : WAAGE_OK;
}

static bool is_positive(double v)
{
    return v > 0.0 && isfinite(v);
}

static waage_status read_scaling(rope_spec *r, const arch *a, const gguf *g, waage_err *err)
{
    char key[KEY_MAX];
    gguf_str type;
    WAAGE_TRY(gguf_opt_str(&type, g, key_of(key, a, "rope.scaling.type"), err));
    if (type.len == 0 || gguf_str_equal(type, "none")) return WAAGE_OK;
    if (gguf_str_equal(type, "linear")) {
        r->kind = ROPE_LINEAR;
        return get_number(&r->factor, a, g, "rope.scaling.factor", err);
    }
    if (!gguf_str_equal(type, "yarn"))
        return waage_err_set(
            err, WAAGE_EUNSUPPORTED,
            "%s: %s.rope.scaling.type is %.*s; this engine computes none, linear and yarn",
            gguf_path(g), a->name, (int)(type.len < 40 ? type.len : 40), type.s);
    r->kind = ROPE_YARN;
    WAAGE_TRY(get_number(&r->factor, a, g, "rope.scaling.factor", err));
    WAAGE_TRY(get_number(&r->context, a, g, "rope.scaling.original_context_length", err));
    WAAGE_TRY(opt_number(&r->beta_fast, a, g, "rope.scaling.yarn_beta_fast", err));
    WAAGE_TRY(opt_number(&r->beta_slow, a, g, "rope.scaling.yarn_beta_slow", err));
    if (!is_positive(r->context) || !is_positive(r->beta_fast) || !is_positive(r->beta_slow) ||
        !(r->base > 1.0) || !(r->factor >= 1.0))
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: YaRN with base %g, factor %g, context %g and betas %g, %g is "
                             "impossible",
                             gguf_path(g), r->base, r->factor, r->context, r->beta_fast,
                             r->beta_slow);
    r->scale = rope_yarn_scale(r->factor);
    return WAAGE_OK;
}

static waage_status read_rope(model_params *p, const arch *a, const gguf *g, waage_err *err)
{
    if (a->traits & ARCH_POSITIONS) return WAAGE_OK;
    rope_spec r = rope_spec_plain(10000.0);
    WAAGE_TRY(read_size(&p->n_rot, a, g, "rope.dimension_count", p->head_dim, p->head_dim, err));
    WAAGE_TRY(opt_number(&r.base, a, g, "rope.freq_base", err));
    WAAGE_TRY(read_scaling(&r, a, g, err));
    if (p->n_rot % 2 != 0 || !is_positive(r.base) || !is_positive(r.factor))
        return waage_err_set(
            err, WAAGE_EFORMAT,
            "%s: rotary embedding of %zu elements, base %g, factor %g is impossible", gguf_path(g),
            p->n_rot, r.base, r.factor);
    p->rope[ROPE_MAIN] = r;
    return WAAGE_OK;
}

static waage_status read_vocab(model_params *p, const gguf *g, waage_err *err)
{
    gguf_tensor t;
    if (gguf_find(g, "token_embd.weight", &t) != WAAGE_OK)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: tensor token_embd.weight is missing",
                             gguf_path(g));
    if (t.dim[1] == 0 || t.dim[1] > (1u << 24))
        return waage_err_set(err, WAAGE_EFORMAT, "%s: tensor token_embd.weight has %llu rows",
                             gguf_path(g), (unsigned long long)t.dim[1]);
    p->n_vocab = (size_t)t.dim[1];
    return WAAGE_OK;
}

static waage_status read_shape(model_params *p, const arch *a, const gguf *g, waage_err *err)
{
    char key[KEY_MAX];
    size_t value_dim;
    WAAGE_TRY(read_size(&p->n_layers, a, g, "block_count", 0, MAX_LAYERS, err));
    WAAGE_TRY(read_size(&p->n_embd, a, g, "embedding_length", 0, MAX_WIDTH, err));
    WAAGE_TRY(read_size(&p->n_ff, a, g, "feed_forward_length", 0, MAX_WIDTH, err));
    WAAGE_TRY(read_size(&p->n_context, a, g, "context_length", 0, (size_t)1 << 28, err));
    WAAGE_TRY(read_size(&p->n_heads, a, g, "attention.head_count", 0, MAX_HEADS, err));
    WAAGE_TRY(
        read_size(&p->n_kv_heads, a, g, "attention.head_count_kv", p->n_heads, MAX_HEADS, err));
    const size_t even = p->n_embd / p->n_heads > 0 ? p->n_embd / p->n_heads : 1;
    WAAGE_TRY(read_size(&p->head_dim, a, g, "attention.key_length", even, MAX_HEAD_DIM, err));
    WAAGE_TRY(read_size(&value_dim, a, g, "attention.value_length", even, MAX_HEAD_DIM, err));
    const char *eps = a->traits & ARCH_LAYER_NORM ? "attention.layer_norm_epsilon"
                                                  : "attention.layer_norm_rms_epsilon";
    WAAGE_TRY(gguf_get_f32(&p->norm_eps, g, key_of(key, a, eps), err));
    if (p->n_heads % p->n_kv_heads != 0)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: %zu heads cannot share %zu key/value heads",
                             gguf_path(g), p->n_heads, p->n_kv_heads);
    if (value_dim != p->head_dim && !(a->traits & ARCH_LATENT))
        return waage_err_set(
            err, WAAGE_EUNSUPPORTED,
            "%s: keys of %zu and values of %zu elements; this engine computes equal "
            "lengths",
            gguf_path(g), p->head_dim, value_dim);
    if (p->head_dim > MAX_HEAD_DIM || !(p->norm_eps >= 0.0f) || !isfinite(p->norm_eps))
        return waage_err_set(err, WAAGE_EFORMAT, "%s: heads of %zu elements, norm epsilon %g",
                             gguf_path(g), p->head_dim, (double)p->norm_eps);
    p->q_scale = 1.0f / sqrtf((float)p->head_dim);
    p->cache_heads = p->n_kv_heads;
    p->key_dim = p->value_dim = p->head_dim;
    return WAAGE_OK;
}

waage_status params_read_experts(model_params *p, const arch *a, const gguf *g, waage_err *err)
{
    model_router *r = &p->router;
    WAAGE_TRY(read_size(&p->n_experts, a, g, "expert_count", 0, MODEL_MAX_EXPERTS, err));
    WAAGE_TRY(read_size(&r->n_used, a, g, "expert_used_count", 0, p->n_experts, err));
    WAAGE_TRY(read_size(&p->n_ff_expert, a, g, "expert_feed_forward_length", 0, MAX_WIDTH, err));
    r->n_groups = r->n_groups_used = r->n_group_best = 1;
    r->scale = 1.0f;
    return WAAGE_OK;
}

waage_status params_read_window(model_params *p, const arch *a, const gguf *g, waage_err *err)
{
    char key[KEY_MAX];
    uint32_t window;
    WAAGE_TRY(gguf_opt_u32(&window, g, key_of(key, a, "attention.sliding_window"), 0, err));
    p->window = window;
    return WAAGE_OK;
}

waage_status params_read(model_params *p, const arch **a, const gguf *g, waage_err *err)
{
    gguf_str name;
    WAAGE_TRY(gguf_get_str(&name, g, "general.architecture", err));
    *a = arch_find(name.s, name.len);
    if (!*a) {
        char known[256] = "";
        for (const arch *const *k = arch_list; *k; k++) {
            const size_t n = strlen(known);
            (void)snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", (*k)->name);
        }
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: architecture %.*s; this engine computes %s", gguf_path(g),
                             (int)(name.len < 60 ? name.len : 60), name.s, known);
    }
    WAAGE_TRY(check_keys(*a, g, err));
    WAAGE_TRY(read_shape(p, *a, g, err));
    WAAGE_TRY(read_rope(p, *a, g, err));
    WAAGE_TRY(read_vocab(p, g, err));
    return (*a)->read_params ? (*a)->read_params(p, g, err) : WAAGE_OK;
}
