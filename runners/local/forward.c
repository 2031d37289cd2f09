/* forward.c - step buffers and the head. The head is by far the widest matrix, so only wanted rows
 * go through it, a few at a time: logits of a whole chunk would fill hundreds of megabytes. */
#include "runners/local/forward.h"
#include <stdlib.h>
#include <string.h>
#include "runners/local/bigmem.h"
#include "runners/local/carver.h"
#include "runners/local/experts.h"
#include "runners/local/latent.h"

enum {
    HEAD_ROWS = 32,   /* rows of logits at a time */
    GROUP_TOKENS = 32 /* of a slice that attend in one part, with one reading of the keys */
};

typedef struct {
    uint32_t slice, token; /* of the step */
} wanted_row;

struct forward {
    forward_options opt;
    step s;
    experts_step experts;
    latent_step latent;
    wanted_row *rows; /* (max_tokens) */
    float *logits;    /* (HEAD_ROWS, n_vocab) */
    uint8_t row_bad[HEAD_ROWS];
    bigmem mem;
};

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Elements of the widest row of h. */
static size_t widest_input(const model_params *p)
{
    const model_latent *q = &p->latent;
    const size_t heads = q->kv_rank ? q->value_length : p->head_dim;
    const size_t ff = max_size(p->n_ff, p->n_ff_shared);
    return max_size(max_size(p->n_embd, ff), max_size(q->q_rank, p->n_heads * heads));
}

/* Elements of the widest row of z. */
static size_t widest_product(const model_params *p)
{
    const model_latent *q = &p->latent;
    const size_t first = q->q_rank ? q->q_rank : p->n_heads * q->key_length;
    const size_t qkv =
        q->kv_rank ? first + q->kv_rank + p->n_rot : (p->n_heads + 2 * p->n_kv_heads) * p->head_dim;
    return max_size(2 * max_size(p->n_ff, p->n_ff_shared), qkv);
}

static void carve_all(forward *f, carver *c)
{
    const forward_options *o = &f->opt;
    const model_params *p = &o->m->p;
    step *s = &f->s;
    const size_t n = max_size(o->max_tokens, HEAD_ROWS), threads = pool_n_threads(o->threads);
    s->ids = carve(c, n, sizeof *s->ids);
    s->pos = carve(c, n, sizeof *s->pos);
    s->owner = carve(c, n, sizeof *s->owner);
    s->bad = carve(c, n, sizeof *s->bad);
    s->groups = carve(c, n, sizeof *s->groups);
    f->rows = carve(c, n, sizeof *f->rows);
    s->x = carve(c, n, p->n_embd * sizeof(float));
    s->h = carve(c, n, widest_input(p) * sizeof(float));
    s->y = carve(c, n, p->n_embd * sizeof(float));
    s->z = carve(c, n, widest_product(p) * sizeof(float));
    for (size_t i = 0; i < ROPE_TABLES; i++)
        if (o->m->rope[i].freq) s->rope[i] = carve(c, n, p->n_rot * sizeof(float));
    s->acts_storage = carve(c, 1, kern_acts_bytes(o->grade, n, widest_input(p)));
    s->scratch = carve(c, threads, s->scratch_bytes);
    s->packing = carve(c, threads, s->packing_bytes);
    s->block_ptrs = carve(c, threads, o->max_pages * sizeof *s->block_ptrs);
    f->logits = carve(c, HEAD_ROWS, p->n_vocab * sizeof(float));
    experts_carve(&f->experts, c, p, o->grade, n);
    latent_carve(&f->latent, c, p, o->grade, n);
}

/* What a kernel, or one row of the residual stream, needs at a time. */
static size_t scratch_of_thread(const forward_options *opt)
{
    const model_params *p = &opt->m->p;
    const size_t latent = max_size(p->latent.kv_rank, p->latent.key_length);
    const size_t k = max_size(widest_input(p), max_size(p->n_ff_expert, latent));
    const size_t product = opt->kern->matmul_scratch(k);
    const size_t attention = kern_attn_scratch(kvcache_shape(opt->kv).block);
    return max_size(max_size(product, attention), p->n_embd * sizeof(float));
}

waage_status forward_create(forward **out, const forward_options *opt, waage_err *err)
{
    *out = NULL;
    forward *f = calloc(1, sizeof *f);
    if (!f) return waage_err_nomem(err);
    f->opt = *opt;
    f->s = (step){.m = opt->m,
                  .kern = opt->kern,
                  .grade = opt->grade,
                  .threads = opt->threads,
                  .kv = opt->kv,
                  .max_pages = opt->max_pages};
    const size_t scratch = scratch_of_thread(opt);
    f->s.scratch_bytes = (scratch + KERN_ALIGN - 1) & ~(size_t)(KERN_ALIGN - 1);
    f->s.experts = &f->experts;
    f->s.latent = &f->latent;
    f->s.packing_bytes =
        BLOCK_PACK_PANELS * opt->m->mapped_panel_bytes; /* a multiple of KERN_ALIGN */
    carver c = {NULL, 0, false};
    carve_all(f, &c);
    waage_status st = c.overflow ? waage_err_nomem(err)
                                 : bigmem_create(&f->mem, c.used, "the buffers of a step", err);
    if (st != WAAGE_OK) {
        forward_free(f);
        return st;
    }
    c = (carver){f->mem.data, 0, false};
    carve_all(f, &c);
    *out = f;
    return WAAGE_OK;
}

void forward_free(forward *f)
{
    if (!f) return;
    bigmem_free(&f->mem);
    free(f);
}

/* Lay the tokens of all slices out in a row; returns the number of wanted rows. */
static size_t lay_out(forward *f, step_slice *slices, size_t n_slices)
{
    step *s = &f->s;
    size_t n_rows = 0;
    s->slices = slices;
    s->n_slices = n_slices;
    s->n = s->n_groups = 0;
    for (size_t i = 0; i < n_slices; i++) {
        slices[i].n_good = slices[i].n;
        for (size_t j = 0; j < slices[i].n; j++) {
            const size_t t = s->n++, pos = slices[i].pos + j;
            s->ids[t] = slices[i].tokens[j];
            s->pos[t] = (uint32_t)pos;
            s->owner[t] = (uint32_t)i;
            s->bad[t] = 0;
            if (j % GROUP_TOKENS == 0)
                s->groups[s->n_groups++] = (step_group){(uint32_t)i, (uint32_t)t, 0};
            s->groups[s->n_groups - 1].n++;
            if (pos >= slices[i].want_from && pos < slices[i].want_to)
                f->rows[n_rows++] = (wanted_row){(uint32_t)i, (uint32_t)t};
        }
    }
    return n_rows;
}

/* Token t of the step is not good. */
static void end_good(step *s, size_t t)
{
    step_slice *slice = &s->slices[s->owner[t]];
    const size_t at = s->pos[t] - slice->pos;
    if (at < slice->n_good) slice->n_good = at;
}

static void collect_bad(step *s)
{
    for (size_t t = 0; t < s->n; t++)
        if (s->bad[t]) end_good(s, t);
}

typedef struct {
    forward *f;
    const wanted_row *rows;
    forward_row fn;
    void *ctx;
} head_job;

static void give_row(void *ctx, size_t part, size_t thread)
{
    const head_job *j = ctx;
    forward *f = j->f;
    const wanted_row *r = &j->rows[part];
    const float *logits = f->logits + part * f->opt.m->p.n_vocab;
    const step_slice *slice = &f->s.slices[r->slice];
    if (f->s.pos[r->token] - slice->pos >= slice->n_good) return;
    if (!f->s.bad[part] && block_is_finite(logits, f->opt.m->p.n_vocab))
        j->fn(j->ctx, r->slice, f->s.pos[r->token], logits, thread);
    else
        f->row_bad[part] = 1;
}

static void run_head(forward *f, const wanted_row *rows, size_t n, forward_row fn, void *ctx)
{
    step *s = &f->s;
    const model *m = f->opt.m;
    const size_t d = m->p.n_embd;
    const kern_matrix *w = &m->head;
    const float *no_bias = NULL;
    memset(s->bad, 0, n);
    memset(f->row_bad, 0, n);
    for (size_t i = 0; i < n; i++)
        block_norm_row(s, s->h + i * d, s->x + rows[i].token * d, m->out_norm, d);
    block_quantize(s, n, d);
    block_product(s, &w, &no_bias, &f->logits, 1, m->p.n_vocab);
    head_job job = {f, rows, fn, ctx};
    pool_run(s->threads, n, give_row, &job);
    for (size_t i = 0; i < n; i++)
        if (f->row_bad[i]) end_good(s, rows[i].token);
}

void forward_run(forward *f, step_slice *slices, size_t n_slices, forward_row fn, void *ctx)
{
    const size_t n_rows = lay_out(f, slices, n_slices);
    if (f->s.n == 0) return;
    f->opt.m->arch->forward(&f->s);
    collect_bad(&f->s);
    for (size_t i = 0; i < n_rows; i += HEAD_ROWS)
        run_head(f, f->rows + i, n_rows - i < HEAD_ROWS ? n_rows - i : HEAD_ROWS, fn, ctx);
}
