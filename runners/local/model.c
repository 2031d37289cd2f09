/* model.c - from a GGUF file to bound, shape-checked, repacked weights. Reading the hyperparameters
 * is in params.c; what a layer consists of stands in the architecture's tables. */
#include "runners/local/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/num.h"
#include "runners/local/params.h"

enum { TENSOR_NAME_MAX = 96 };

/* A tensor that waits for its panels: the first walk over the file adds up the sizes, so that all
 * panels lie in one block of memory. */
typedef struct {
    gguf_tensor t;
    kern_matrix *to;
} pending;

typedef struct {
    model *m;
    const gguf *g;
    pool *threads;
    size_t dims[DIM_COUNT];
    pending *mats;
    size_t n_mats;
    bool *used; /* (n_tensors) of the file */
    size_t panel_bytes;
} loader;

/* ---- Finding and checking ---- */

static void mark_used(loader *ld, const gguf_tensor *t)
{
    for (size_t i = 0; i < gguf_n_tensors(ld->g); i++)
        if (gguf_tensor_at(ld->g, i).name.s == t->name.s) ld->used[i] = true;
}

static waage_status find_tensor(loader *ld, gguf_tensor *t, const char *name, size_t in, size_t out,
                                waage_err *err)
{
    const char *file = gguf_path(ld->g);
    if (gguf_find(ld->g, name, t) != WAAGE_OK)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: tensor %s is missing (%zu x %zu expected)",
                             file, name, in, out);
    const bool flat = t->dim[2] == 1 && t->dim[3] == 1;
    if (!flat || t->dim[0] != in || t->dim[1] != out)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: tensor %s is %llu x %llu x %llu, but %zu x %zu is expected", file,
                             name, (unsigned long long)t->dim[0], (unsigned long long)t->dim[1],
                             (unsigned long long)t->dim[2], in, out);
    if (!t->supported)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: tensor %s has type %s, which this engine does not compute", file,
                             name, quant_ggml_name(t->ggml_type));
    mark_used(ld, t);
    return WAAGE_OK;
}

static waage_status bind_vector(loader *ld, const float **to, const char *name, size_t n,
                                waage_err *err)
{
    gguf_tensor t;
    WAAGE_TRY(find_tensor(ld, &t, name, n, 1, err));
    if (quant_infos[t.type].shape != QUANT_FLOAT)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: tensor %s has type %s, but a float type is "
                             "expected",
                             gguf_path(ld->g), name, quant_infos[t.type].name);
    float *v = arena_alloc(&ld->m->arena, n * sizeof *v);
    if (!v) return waage_err_nomem(err);
    quant_row_f32(t.type, t.data, n, v);
    *to = v;
    return WAAGE_OK;
}

static waage_status bind_matrix(loader *ld, kern_matrix *to, const char *name, size_t in,
                                size_t out, waage_err *err)
{
    gguf_tensor t;
    WAAGE_TRY(find_tensor(ld, &t, name, in, out, err));
    if (quant_row_bytes(t.type, in) == 0)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: tensor %s: %zu columns are not whole blocks of %s",
                             gguf_path(ld->g), name, in, quant_infos[t.type].name);
    to->type = t.type;
    to->n_rows = out;
    to->k = in;
    to->panel_bytes = panel_bytes(t.type, in);
    size_t bytes;
    const size_t n_panels = (out + KERN_PANEL_ROWS - 1) / KERN_PANEL_ROWS;
    if (!num_mul_size(&bytes, n_panels, to->panel_bytes) ||
        !num_add_size(&ld->panel_bytes, ld->panel_bytes, bytes))
        return waage_err_nomem(err);
    ld->mats[ld->n_mats++] = (pending){t, to};
    return WAAGE_OK;
}

static waage_status bind_layer(loader *ld, size_t layer, waage_err *err)
{
    model_layer *l = &ld->m->layers[layer];
    for (const arch_tensor *a = ld->m->arch->tensors; a->name; a++) {
        char name[TENSOR_NAME_MAX];
        (void)snprintf(name, sizeof name, "blk.%zu.%s", layer, a->name);
        const size_t in = ld->dims[a->in], out = ld->dims[a->out];
        if (a->is_matrix)
            WAAGE_TRY(bind_matrix(ld, &l->w[a->slot], name, in, out, err));
        else
            WAAGE_TRY(bind_vector(ld, &l->v[a->slot], name, in, err));
    }
    return WAAGE_OK;
}

/* The angles of all positions must stay where fmath_sincos_d() is exact (and where every machine
 * converts to an integer alike): hostile bases and divisors leave it, and NaN is nowhere. */
static waage_status check_angles(const loader *ld, const double *freq, size_t n, waage_err *err)
{
    const size_t n_context = ld->m->p.n_context;
    for (size_t i = 0; i < n; i++)
        if (!(freq[i] >= 0.0 && freq[i] * (double)n_context < 0x1p30))
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s: the rotary embedding turns pair %zu by %g a position, which "
                                 "is impossible for %zu positions",
                                 gguf_path(ld->g), i, freq[i], n_context);
    return WAAGE_OK;
}

static waage_status bind_rope(loader *ld, waage_err *err)
{
    model *m = ld->m;
    const size_t n = m->p.n_rot / 2;
    m->rope_freq = arena_alloc(&m->arena, n * sizeof(double));
    if (!m->rope_freq) return waage_err_nomem(err);
    params_rope_freq(m->rope_freq, n, m->p.rope_base, m->p.rope_factor);
    gguf_tensor t;
    if (gguf_find(ld->g, "rope_freqs.weight", &t) == WAAGE_OK) { /* Llama 3.1: divisors */
        const float *div;
        WAAGE_TRY(bind_vector(ld, &div, "rope_freqs.weight", n, err));
        for (size_t i = 0; i < n; i++)
            m->rope_freq[i] /= (double)div[i];
    }
    WAAGE_TRY(check_angles(ld, m->rope_freq, n, err));
    if (m->p.window == 0) return WAAGE_OK;
    m->rope_freq_local = arena_alloc(&m->arena, n * sizeof(double));
    if (!m->rope_freq_local) return waage_err_nomem(err);
    params_rope_freq(m->rope_freq_local, n, m->p.rope_base_local, 1.0);
    return check_angles(ld, m->rope_freq_local, n, err);
}

static waage_status bind_all(loader *ld, waage_err *err)
{
    model *m = ld->m;
    const model_params *p = &m->p;
    WAAGE_TRY(bind_matrix(ld, &m->embed, "token_embd.weight", p->n_embd, p->n_vocab, err));
    gguf_tensor t;
    m->tied = gguf_find(ld->g, "output.weight", &t) != WAAGE_OK;
    if (!m->tied) WAAGE_TRY(bind_matrix(ld, &m->head, "output.weight", p->n_embd, p->n_vocab, err));
    WAAGE_TRY(bind_vector(ld, &m->out_norm, "output_norm.weight", p->n_embd, err));
    for (size_t i = 0; i < p->n_layers; i++)
        WAAGE_TRY(bind_layer(ld, i, err));
    WAAGE_TRY(bind_rope(ld, err));
    for (size_t i = 0; i < gguf_n_tensors(ld->g); i++) {
        t = gguf_tensor_at(ld->g, i);
        if (!ld->used[i])
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

static void pack_panel(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const pack_job *job = ctx;
    const kern_matrix *w = job->mat->to;
    const size_t row = part * KERN_PANEL_ROWS, left = w->n_rows - row;
    const size_t row_bytes = quant_row_bytes(w->type, w->k);
    panel_pack(w->type, job->panels + part * w->panel_bytes,
               (const char *)job->mat->t.data + row * row_bytes, row_bytes,
               left < KERN_PANEL_ROWS ? left : KERN_PANEL_ROWS, w->k);
}

static waage_status pack_all(loader *ld, waage_err *err)
{
    model *m = ld->m;
    WAAGE_TRY(bigmem_create(&m->panels, ld->panel_bytes, "the weights", err));
    char *at = m->panels.data;
    for (size_t i = 0; i < ld->n_mats; i++) {
        kern_matrix *w = ld->mats[i].to;
        pack_job job = {&ld->mats[i], at};
        const size_t n_panels = (w->n_rows + KERN_PANEL_ROWS - 1) / KERN_PANEL_ROWS;
        pool_run(ld->threads, n_panels, pack_panel, &job);
        gguf_drop_pages(ld->g, &ld->mats[i].t);
        w->panels = at;
        at += n_panels * w->panel_bytes;
    }
    if (m->tied) m->head = m->embed;
    return gguf_check_unchanged(ld->g, err);
}

static waage_status load(loader *ld, waage_err *err)
{
    model *m = ld->m;
    WAAGE_TRY(params_read(&m->p, &m->arch, ld->g, err));
    const model_params *p = &m->p;
    const size_t dims[DIM_COUNT] = {[DIM_ONE] = 1,
                                    [DIM_EMBD] = p->n_embd,
                                    [DIM_Q] = p->n_heads * p->head_dim,
                                    [DIM_KV] = p->n_kv_heads * p->head_dim,
                                    [DIM_HEAD] = p->head_dim,
                                    [DIM_FF] = p->n_ff,
                                    [DIM_VOCAB] = p->n_vocab};
    memcpy(ld->dims, dims, sizeof dims);
    m->layers = arena_calloc(&m->arena, p->n_layers, sizeof *m->layers);
    const size_t n_tensors = gguf_n_tensors(ld->g);
    ld->mats = calloc(n_tensors + 1, sizeof *ld->mats);
    ld->used = calloc(n_tensors + 1, sizeof *ld->used);
    if (!m->layers || !ld->mats || !ld->used) return waage_err_nomem(err);
    WAAGE_TRY(bind_all(ld, err));
    return pack_all(ld, err);
}

waage_status model_load(model **out, const gguf *g, pool *threads, waage_err *err)
{
    *out = NULL;
    loader ld = {.m = calloc(1, sizeof *ld.m), .g = g, .threads = threads};
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

void model_free(model *m)
{
    if (!m) return;
    bigmem_free(&m->panels);
    arena_free(&m->arena);
    free(m);
}
