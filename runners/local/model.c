/* model.c - from a GGUF file to bound, shape-checked, repacked weights. Reading the hyperparameters
 * is in params.c; what a layer consists of stands in the architecture's tables. */
#include "runners/local/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/num.h"
#include "runners/local/params.h"

enum { TENSOR_NAME_MAX = 96 };

/* How often a matrix is read: the order in which they are packed when memory is short. */
typedef enum {
    USE_TRANSPOSED, /* is not in the file as it is used: always packed */
    USE_EVERY_STEP,
    USE_HEAD,    /* only for rows whose logits somebody wants */
    USE_EXPERT,  /* some of them, for some tokens */
    USE_LOOK_UP, /* single rows */
    USE_COUNT
} matrix_use;

/* A matrix that waits for its panels: the first walk over the file adds up the sizes, so that all
 * panels lie in one block of memory. Matrices of one tensor come one behind the other. */
typedef struct {
    gguf_tensor t;
    const char *rows; /* the first one, in the file */
    kern_matrix *to;
    bool transposed; /* the rows of the file are the columns of `to`, which is float32 */
    matrix_use use;
    bool packed;
} pending;

typedef struct {
    model *m;
    const gguf *g;
    pool *threads;
    pending *mats;
    size_t n_mats, max_mats;
    bool *used; /* (n_tensors) of the file */
    size_t max_packed, panel_bytes;
} loader;

typedef struct {
    size_t in, out, depth;
} shape;

size_t model_dim_size(const model_params *p, size_t layer, model_dim d)
{
    (void)layer; /* no architecture of this engine has layers of different widths yet */
    const size_t q = p->n_heads * p->head_dim, kv = p->n_kv_heads * p->head_dim;
    const size_t sizes[DIM_COUNT] = {[DIM_ZERO] = 0,
                                     [DIM_ONE] = 1,
                                     [DIM_EMBD] = p->n_embd,
                                     [DIM_Q] = q,
                                     [DIM_KV] = kv,
                                     [DIM_Q_K] = q + kv,
                                     [DIM_QKV] = q + 2 * kv,
                                     [DIM_HEAD] = p->head_dim,
                                     [DIM_FF] = p->n_ff,
                                     [DIM_FF_TWICE] = 2 * p->n_ff,
                                     [DIM_HEADS] = p->n_heads,
                                     [DIM_EXPERTS] = p->n_experts,
                                     [DIM_FF_EXPERT] = p->n_ff_expert,
                                     [DIM_FF_EXPERT_TWICE] = 2 * p->n_ff_expert,
                                     [DIM_FF_SHARED] = p->n_ff_shared,
                                     [DIM_Q_RANK] = p->latent.q_rank,
                                     [DIM_KV_RANK] = p->latent.kv_rank,
                                     [DIM_LATENT_Q] = p->n_heads * p->latent.key_length,
                                     [DIM_LATENT_KEY] = p->latent.kv_rank + p->n_rot,
                                     [DIM_LATENT_PLAIN] = p->latent.key_length - p->n_rot,
                                     [DIM_LATENT_VALUE] = p->latent.value_length,
                                     [DIM_LATENT_OUT] = p->n_heads * p->latent.value_length};
    return sizes[d];
}

/* ---- Finding and checking ---- */

static bool has_tensor(const loader *ld, const char *name)
{
    gguf_tensor t;
    return gguf_find(ld->g, name, &t) == WAAGE_OK;
}

static waage_status find_tensor(loader *ld, gguf_tensor *t, const char *name, shape want,
                                waage_err *err)
{
    const char *file = gguf_path(ld->g);
    if (gguf_find(ld->g, name, t) != WAAGE_OK)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: tensor %s is missing (%zu x %zu expected)",
                             file, name, want.in, want.out);
    if (t->dim[0] != want.in || t->dim[1] != want.out || t->dim[2] != want.depth || t->dim[3] != 1)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: tensor %s is %llu x %llu x %llu, but %zu x %zu x %zu is expected",
                             file, name, (unsigned long long)t->dim[0],
                             (unsigned long long)t->dim[1], (unsigned long long)t->dim[2], want.in,
                             want.out, want.depth);
    if (!t->supported)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: tensor %s has type %s, which this engine does not compute", file,
                             name, quant_ggml_name(t->ggml_type));
    ld->used[t->index] = true;
    return WAAGE_OK;
}

/* Floats of a tensor of in x out elements. */
static waage_status bind_floats(loader *ld, const float **to, const char *name, size_t in,
                                size_t out, waage_err *err)
{
    gguf_tensor t;
    WAAGE_TRY(find_tensor(ld, &t, name, (shape){in, out, 1}, err));
    if (quant_infos[t.type].shape != QUANT_FLOAT)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: tensor %s has type %s, but a float type is "
                             "expected",
                             gguf_path(ld->g), name, quant_infos[t.type].name);
    float *v = arena_calloc(&ld->m->arena, in * out, sizeof *v);
    if (!v) return waage_err_nomem(err);
    quant_row_f32(t.type, t.data, in * out, v);
    *to = v;
    return WAAGE_OK;
}

static size_t n_panels_of(const kern_matrix *w)
{
    return (w->n_rows + KERN_PANEL_ROWS - 1) / KERN_PANEL_ROWS;
}

static bool grow_mats(loader *ld)
{
    if (ld->n_mats < ld->max_mats) return true;
    const size_t max = 2 * ld->max_mats + 64;
    pending *more = realloc(ld->mats, max * sizeof *more);
    if (!more) return false;
    ld->mats = more;
    ld->max_mats = max;
    return true;
}

/* `to` waits for panels of its own; rows: the first one in the file. */
static waage_status add_pending(loader *ld, pending p, waage_err *err)
{
    size_t bytes;
    kern_matrix *w = p.to;
    w->panel_bytes = panel_bytes(w->type, w->k);
    if (!num_mul_size(&bytes, n_panels_of(w), w->panel_bytes) || !grow_mats(ld))
        return waage_err_nomem(err);
    ld->mats[ld->n_mats++] = p;
    return WAAGE_OK;
}

static waage_status check_blocks(const loader *ld, const gguf_tensor *t, waage_err *err)
{
    const int show = (int)(t->name.len < 90 ? t->name.len : 90);
    if (quant_row_bytes(t->type, (size_t)t->dim[0]) > 0) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EFORMAT,
                         "%s: tensor %.*s: %llu columns are not whole blocks of %s",
                         gguf_path(ld->g), show, t->name.s, (unsigned long long)t->dim[0],
                         quant_infos[t->type].name);
}

/* Rows first.. of t, counted through its whole depth, become the matrix `to`. */
static waage_status add_matrix(loader *ld, kern_matrix *to, matrix_use use, const gguf_tensor *t,
                               size_t first, size_t n_rows, waage_err *err)
{
    const size_t in = (size_t)t->dim[0];
    WAAGE_TRY(check_blocks(ld, t, err));
    *to = (kern_matrix){.type = t->type, .n_rows = n_rows, .k = in};
    const char *rows = (const char *)t->data + first * quant_row_bytes(t->type, in);
    return add_pending(ld, (pending){.t = *t, .rows = rows, .to = to, .use = use}, err);
}

/* Columns of `to` are the rows first.. of t, n_columns of them. */
static waage_status add_transposed(loader *ld, kern_matrix *to, const gguf_tensor *t, size_t first,
                                   size_t n_columns, waage_err *err)
{
    const size_t in = (size_t)t->dim[0];
    WAAGE_TRY(check_blocks(ld, t, err));
    *to = (kern_matrix){.type = QUANT_F32, .n_rows = in, .k = n_columns};
    const char *rows = (const char *)t->data + first * quant_row_bytes(t->type, in);
    return add_pending(
        ld, (pending){.t = *t, .rows = rows, .to = to, .transposed = true, .use = USE_TRANSPOSED},
        err);
}

static waage_status bind_matrix(loader *ld, kern_matrix *to, matrix_use use, const char *name,
                                size_t in, size_t out, waage_err *err)
{
    gguf_tensor t;
    WAAGE_TRY(find_tensor(ld, &t, name, (shape){in, out, 1}, err));
    return add_matrix(ld, to, use, &t, 0, out, err);
}

/* Of each of want.depth matrices the rows from.., n_rows of them. */
static waage_status bind_stack(loader *ld, kern_matrix **to, layer_stack slot, const char *name,
                               shape want, size_t from, size_t n_rows, waage_err *err)
{
    const bool of_heads = slot == LAYER_K_B || slot == LAYER_V_B;
    const matrix_use use = of_heads ? USE_EVERY_STEP : USE_EXPERT;
    gguf_tensor t;
    if (gguf_find(ld->g, name, &t) == WAAGE_OK && t.dim[2] == 1 && want.depth > 1) {
        size_t all; /* some files keep them one behind the other */
        if (!num_mul_size(&all, want.out, want.depth)) return waage_err_nomem(err);
        WAAGE_TRY(find_tensor(ld, &t, name, (shape){want.in, all, 1}, err));
    } else {
        WAAGE_TRY(find_tensor(ld, &t, name, want, err));
    }
    *to = arena_calloc(&ld->m->arena, want.depth, sizeof **to);
    if (!*to) return waage_err_nomem(err);
    for (size_t i = 0; i < want.depth; i++)
        WAAGE_TRY(add_matrix(ld, *to + i, use, &t, i * want.out + from, n_rows, err));
    return WAAGE_OK;
}

static waage_status bind_stack_row(loader *ld, size_t layer, const arch_tensor *a, const char *name,
                                   waage_err *err)
{
    const model_params *p = &ld->m->p;
    kern_matrix **to = &ld->m->layers[layer].stack[a->slot];
    const layer_stack slot = (layer_stack)a->slot;
    const size_t in = model_dim_size(p, layer, a->in), out = model_dim_size(p, layer, a->out);
    const size_t depth = model_dim_size(p, layer, a->depth);
    char fused[TENSOR_NAME_MAX];
    if (a->fused && !has_tensor(ld, name)) {
        (void)snprintf(fused, sizeof fused, "blk.%zu.%s", layer, a->fused);
        if (has_tensor(ld, fused))
            return bind_stack(ld, to, slot, fused,
                              (shape){in, model_dim_size(p, layer, a->whole), depth},
                              model_dim_size(p, layer, a->from), out, err);
    }
    return bind_stack(ld, to, slot, name, (shape){in, out, depth}, 0, out, err);
}

static waage_status bind_keys_values(loader *ld, model_layer *l, const char *name, waage_err *err)
{
    const model_params *p = &ld->m->p;
    const size_t plain = p->latent.key_length - p->n_rot, each = plain + p->latent.value_length;
    const bool split = l->stack[LAYER_K_B] && l->stack[LAYER_V_B];
    gguf_tensor t;
    if (split && !has_tensor(ld, name)) return WAAGE_OK;
    WAAGE_TRY(find_tensor(ld, &t, name, (shape){p->latent.kv_rank, p->n_heads * each, 1}, err));
    if (split) return WAAGE_OK; /* the same weights a second time */
    kern_matrix *w = arena_calloc(&ld->m->arena, 2 * p->n_heads, sizeof *w);
    if (!w) return waage_err_nomem(err);
    l->stack[LAYER_K_B] = w;
    l->stack[LAYER_V_B] = w + p->n_heads;
    for (size_t h = 0; h < p->n_heads; h++) {
        WAAGE_TRY(add_transposed(ld, &w[h], &t, h * each, plain, err));
        WAAGE_TRY(add_matrix(ld, &w[p->n_heads + h], USE_EVERY_STEP, &t, h * each + plain,
                             each - plain, err));
    }
    return WAAGE_OK;
}

static waage_status bind_tensor(loader *ld, size_t layer, const arch_tensor *a, waage_err *err)
{
    const model_params *p = &ld->m->p;
    model_layer *l = &ld->m->layers[layer];
    char name[TENSOR_NAME_MAX];
    (void)snprintf(name, sizeof name, "blk.%zu.%s", layer, a->name);
    if (a->optional && !has_tensor(ld, name)) return WAAGE_OK;
    const size_t in = model_dim_size(p, layer, a->in), out = model_dim_size(p, layer, a->out);
    const size_t from = model_dim_size(p, layer, a->from);
    const size_t whole = model_dim_size(p, layer, a->whole);
    gguf_tensor t;
    switch (a->kind) {
    case TENSOR_MATRIX:
        WAAGE_TRY(find_tensor(ld, &t, name, (shape){in, whole ? whole : out, 1}, err));
        return add_matrix(ld, &l->w[a->slot], USE_EVERY_STEP, &t, from, out, err);
    case TENSOR_STACK:
        return bind_stack_row(ld, layer, a, name, err);
    case TENSOR_KEYS_VALUES:
        return bind_keys_values(ld, l, name, err);
    case TENSOR_STACK_BIAS:
        return bind_floats(ld, &l->stack_bias[a->slot], name, in, out, err);
    case TENSOR_BIAS:
        WAAGE_TRY(bind_floats(ld, &l->bias[a->slot], name, whole ? whole : in, 1, err));
        l->bias[a->slot] += from;
        return WAAGE_OK;
    case TENSOR_VECTOR:
        return bind_floats(ld, &l->v[a->slot], name, in, 1, err);
    case TENSOR_NORM:
        return bind_floats(ld, &l->norm[a->slot].weight, name, in, 1, err);
    case TENSOR_SHIFT:
        return bind_floats(ld, &l->norm[a->slot].shift, name, in, 1, err);
    }
    return WAAGE_OK;
}

static bool is_local(const model_params *p, size_t layer)
{
    return p->window != 0 &&
           (p->global_every == 0 || layer % p->global_every != p->global_every - 1);
}

static waage_status bind_layer(loader *ld, size_t layer, waage_err *err)
{
    const model_params *p = &ld->m->p;
    model_layer *l = &ld->m->layers[layer];
    l->window = is_local(p, layer) ? p->window : 0;
    l->rope = l->window != 0 && p->rope_local_apart ? ROPE_LOCAL : ROPE_MAIN;
    for (const arch_tensor *a = ld->m->arch->tensors; a->name; a++)
        if (!a->in_layer || a->in_layer(p, layer)) WAAGE_TRY(bind_tensor(ld, layer, a, err));
    return WAAGE_OK;
}

/* Divisors for short and for long texts. */
static waage_status bind_longrope(loader *ld, waage_err *err)
{
    model *m = ld->m;
    const model_params *p = &m->p;
    const size_t n = p->n_rot / 2;
    const float *in_short, *in_long;
    WAAGE_TRY(bind_floats(ld, &in_short, "rope_factors_short.weight", n, 1, err));
    WAAGE_TRY(bind_floats(ld, &in_long, "rope_factors_long.weight", n, 1, err));
    WAAGE_TRY(rope_make(&m->rope[ROPE_MAIN], &m->arena, &p->rope[ROPE_MAIN], n, in_short,
                        p->n_context, gguf_path(ld->g), err));
    return rope_make(&m->rope_long, &m->arena, &p->rope[ROPE_MAIN], n, in_long, p->n_context,
                     gguf_path(ld->g), err);
}

bool model_is_long(const model *m, size_t n_tokens)
{
    return m->rope_long.freq && n_tokens > m->p.n_context_short;
}

static waage_status bind_rope(loader *ld, waage_err *err)
{
    model *m = ld->m;
    const model_params *p = &m->p;
    const size_t n = p->n_rot / 2;
    const char *file = gguf_path(ld->g);
    const float *divisors = NULL;
    if (n == 0) return WAAGE_OK;
    if (p->n_context_short > 0) return bind_longrope(ld, err);
    if ((m->arch->traits & ARCH_ROPE_FREQS) && has_tensor(ld, "rope_freqs.weight"))
        WAAGE_TRY(bind_floats(ld, &divisors, "rope_freqs.weight", n, 1, err));
    WAAGE_TRY(rope_make(&m->rope[ROPE_MAIN], &m->arena, &p->rope[ROPE_MAIN], n, divisors,
                        p->n_context, file, err));
    if (!p->rope_local_apart) return WAAGE_OK;
    return rope_make(&m->rope[ROPE_LOCAL], &m->arena, &p->rope[ROPE_LOCAL], n, NULL, p->n_context,
                     file, err);
}

/* What stands before and behind the blocks. */
static waage_status bind_ends(loader *ld, waage_err *err)
{
    model *m = ld->m;
    const model_params *p = &m->p;
    m->tied = !has_tensor(ld, "output.weight");
    WAAGE_TRY(bind_matrix(ld, &m->embed, m->tied ? USE_HEAD : USE_LOOK_UP, "token_embd.weight",
                          p->n_embd, p->n_vocab, err));
    if (!m->tied)
        WAAGE_TRY(bind_matrix(ld, &m->head, USE_HEAD, "output.weight", p->n_embd, p->n_vocab, err));
    if (m->arch->traits & ARCH_POSITIONS)
        WAAGE_TRY(
            bind_floats(ld, &m->positions, "position_embd.weight", p->n_embd, p->n_context, err));
    WAAGE_TRY(bind_floats(ld, &m->out_norm.weight, "output_norm.weight", p->n_embd, 1, err));
    if (m->arch->traits & ARCH_LAYER_NORM)
        WAAGE_TRY(bind_floats(ld, &m->out_norm.shift, "output_norm.bias", p->n_embd, 1, err));
    return WAAGE_OK;
}

/* Does the tensor belong to a layer that is not computed? */
static bool in_unused_layer(const loader *ld, const gguf_tensor *t)
{
    const model_params *p = &ld->m->p;
    char prefix[TENSOR_NAME_MAX];
    for (size_t i = p->n_layers; i < p->n_layers + p->n_unused_layers; i++) {
        const int n = snprintf(prefix, sizeof prefix, "blk.%zu.", i);
        if (t->name.len > (size_t)n && memcmp(t->name.s, prefix, (size_t)n) == 0) return true;
    }
    return false;
}

static waage_status bind_all(loader *ld, waage_err *err)
{
    const model *m = ld->m;
    WAAGE_TRY(bind_ends(ld, err));
    for (size_t i = 0; i < m->p.n_layers; i++)
        WAAGE_TRY(bind_layer(ld, i, err));
    WAAGE_TRY(bind_rope(ld, err));
    for (size_t i = 0; i < gguf_n_tensors(ld->g); i++) {
        const gguf_tensor t = gguf_tensor_at(ld->g, i);
        if (!ld->used[i] && !in_unused_layer(ld, &t))
            return waage_err_set(err, WAAGE_EUNSUPPORTED,
                                 "%s: tensor %.*s has no place in architecture %s as this engine "
                                 "computes it; leaving it out would give wrong answers",
                                 gguf_path(ld->g), (int)(t.name.len < 90 ? t.name.len : 90),
                                 t.name.s, m->arch->name);
    }
    return WAAGE_OK;
}

/* ---- Repacking ---- */

typedef struct {
    const pending *mat;
    char *panels;
} pack_job;

/* A panel takes 16 elements of each row of the file: they lie in one block. */
static void pack_transposed(const pack_job *job, size_t part, size_t n_rows)
{
    const kern_matrix *w = job->mat->to;
    const quant_type t = job->mat->t.type;
    const size_t block = quant_infos[t].block_elems, row_bytes = quant_row_bytes(t, w->n_rows);
    const size_t first = part * KERN_PANEL_ROWS;
    const size_t chunk = block < KERN_PANEL_ROWS ? KERN_PANEL_ROWS : block;
    const size_t start = first / chunk * chunk;
    const size_t n = w->n_rows - start < chunk ? w->n_rows - start : chunk;
    float rows[KERN_PANEL_ROWS][MODEL_MAX_KEY], values[QUANT_MAX_BLOCK];
    for (size_t k = 0; k < w->k; k++) {
        quant_row_f32(t, job->mat->rows + k * row_bytes + quant_row_bytes(t, start), n, values);
        for (size_t r = 0; r < n_rows; r++)
            rows[r][k] = values[first - start + r];
    }
    panel_pack(w->type, job->panels + part * w->panel_bytes, rows, sizeof rows[0], n_rows, w->k);
}

static void pack_panel(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const pack_job *job = ctx;
    const kern_matrix *w = job->mat->to;
    const size_t row = part * KERN_PANEL_ROWS, left = w->n_rows - row;
    const size_t row_bytes = quant_row_bytes(w->type, w->k);
    if (job->mat->transposed) {
        pack_transposed(job, part, left < KERN_PANEL_ROWS ? left : KERN_PANEL_ROWS);
        return;
    }
    panel_pack(w->type, job->panels + part * w->panel_bytes, job->mat->rows + row * row_bytes,
               row_bytes, left < KERN_PANEL_ROWS ? left : KERN_PANEL_ROWS, w->k);
}

/* Mark what is packed, most used first. */
static void choose_packed(loader *ld)
{
    for (matrix_use use = 0; use < USE_COUNT; use++)
        for (size_t i = 0; i < ld->n_mats; i++) {
            pending *p = &ld->mats[i];
            const size_t bytes = n_panels_of(p->to) * p->to->panel_bytes;
            const bool fits =
                ld->panel_bytes <= ld->max_packed && bytes <= ld->max_packed - ld->panel_bytes;
            if (p->use != use || (!fits && !p->transposed)) continue;
            p->packed = true;
            ld->panel_bytes += bytes;
        }
}

static void leave_mapped(model *m, const pending *p)
{
    kern_matrix *w = p->to;
    w->rows = p->rows;
    w->row_bytes = quant_row_bytes(w->type, w->k);
    m->n_mapped++;
    if (w->panel_bytes > m->mapped_panel_bytes) m->mapped_panel_bytes = w->panel_bytes;
}

static waage_status pack_all(loader *ld, waage_err *err)
{
    model *m = ld->m;
    choose_packed(ld);
    WAAGE_TRY(bigmem_create(&m->panels, ld->panel_bytes, "the weights", err));
    char *at = m->panels.data;
    for (size_t i = 0; i < ld->n_mats; i++) {
        kern_matrix *w = ld->mats[i].to;
        if (!ld->mats[i].packed) {
            leave_mapped(m, &ld->mats[i]);
            continue;
        }
        pack_job job = {&ld->mats[i], at};
        pool_run(ld->threads, n_panels_of(w), pack_panel, &job);
        const bool is_last = i + 1 == ld->n_mats || ld->mats[i + 1].t.data != ld->mats[i].t.data;
        if (is_last) gguf_drop_pages(ld->g, &ld->mats[i].t);
        w->panels = at;
        at += n_panels_of(w) * w->panel_bytes;
    }
    if (m->tied) m->head = m->embed;
    return gguf_check_unchanged(ld->g, err);
}

static waage_status load(loader *ld, waage_err *err)
{
    model *m = ld->m;
    WAAGE_TRY(params_read(&m->p, &m->arch, ld->g, err));
    m->layers = arena_calloc(&m->arena, m->p.n_layers, sizeof *m->layers);
    ld->used = calloc(gguf_n_tensors(ld->g) + 1, sizeof *ld->used);
    if (!m->layers || !ld->used) return waage_err_nomem(err);
    WAAGE_TRY(bind_all(ld, err));
    return pack_all(ld, err);
}

waage_status model_load(model **out, const gguf *g, pool *threads, size_t max_packed,
                        waage_err *err)
{
    *out = NULL;
    loader ld = {
        .m = calloc(1, sizeof *ld.m), .g = g, .threads = threads, .max_packed = max_packed};
    if (!ld.m) return waage_err_nomem(err);
    const waage_status st = load(&ld, err);
    free(ld.mats);
    free(ld.used);
    if (st == WAAGE_OK)
        *out = ld.m;
    else
        model_free(ld.m);
    return st;
}

kv_shape model_kv_shape(const model_params *p, kern_kv_format format)
{
    return (kv_shape){p->n_layers, p->cache_heads, {format, p->key_dim, p->value_dim}};
}

void model_free(model *m)
{
    if (!m) return;
    bigmem_free(&m->panels);
    arena_free(&m->arena);
    free(m);
}
