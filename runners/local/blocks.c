/* blocks.c - the pieces of a transformer block over the kernels. Here is decided who computes what;
 * no order of floating-point operations depends on it: a part is a set of whole outputs. */
#include "runners/local/blocks.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum {
    TOKEN_RUN = 8,          /* tokens a thread takes at once in element-wise work, at most */
    PART_LEAST = 256 * 1024 /* multiply-adds of a part of a product, where there are parts enough */
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- Element-wise work: parts are runs of rows ----------------------------------------------- */

typedef struct {
    step *s;
    bool add, to_h;
    model_norm post, norm;
    float scale;
    block_gate_fn gate;
    block_act_fn act;
    size_t n_rows, run, layer, width;
} row_job;

static void run_rows(step *s, row_job *job, pool_fn fn, size_t n_rows)
{
    job->s = s;
    job->n_rows = n_rows;
    job->run = pool_share(s->threads, n_rows, TOKEN_RUN);
    pool_run(s->threads, (n_rows + job->run - 1) / job->run, fn, job);
}

/* A row that is not finite would poison nobody else, but the integer kernels want numbers: it is
 * zeroed, and its sequence fails when the step is done. */
static void quantize_row(step *s, size_t t)
{
    if (s->kern->quantize(&s->acts, t, t + 1)) return;
    s->bad[t] = 1;
    memset(s->h + t * s->acts.ldx, 0, s->acts.k * sizeof(float));
    (void)s->kern->quantize(&s->acts, t, t + 1);
}

static void begin_acts(step *s, size_t n_rows, size_t k)
{
    kern_acts_init(&s->acts, s->grade, n_rows, k, s->acts_storage);
    s->acts.x = s->h;
    s->acts.ldx = k;
}

static void quantize_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    const size_t end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t t = part * j->run; t < end; t++)
        quantize_row(j->s, t);
}

void block_quantize(step *s, size_t n_rows, size_t k)
{
    row_job job = {0};
    begin_acts(s, n_rows, k);
    run_rows(s, &job, quantize_part, n_rows);
}

void block_norm_row(const step *s, float *out, const float *x, model_norm norm, size_t n)
{
    if (norm.shift)
        s->kern->layernorm(out, x, norm.weight, norm.shift, n, s->m->p.norm_eps);
    else
        s->kern->rmsnorm(out, x, norm.weight, n, s->m->p.norm_eps);
}

bool block_is_finite(const float *x, size_t n)
{
    enum { RUN = 16 }; /* a length that the compiler knows makes vectors */
    int bad[RUN] = {0};
    size_t i = 0;
    for (; i + RUN <= n; i += RUN)
        for (size_t j = 0; j < RUN; j++)
            bad[j] |= !(fabsf(x[i + j]) <= FLT_MAX);
    for (; i < n; i++)
        bad[0] |= !(fabsf(x[i]) <= FLT_MAX);
    for (size_t j = 1; j < RUN; j++)
        bad[0] |= bad[j];
    return !bad[0];
}

void block_row(const kern_matrix *w, size_t row, float *out)
{
    if (w->rows) {
        quant_row_f32(w->type, (const char *)w->rows + row * w->row_bytes, w->k, out);
        return;
    }
    const char *panel = (const char *)w->panels + row / KERN_PANEL_ROWS * w->panel_bytes;
    panel_row_f32(w->type, panel, row % KERN_PANEL_ROWS, w->k, out);
}

static void embed_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    step *s = j->s;
    const kern_matrix *w = &s->m->embed;
    const size_t half = s->m->p.n_rot / 2, end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t t = part * j->run; t < end; t++) {
        const size_t id = (size_t)s->ids[t];
        float *x = s->x + t * w->k;
        block_row(w, id, x);
        if (j->scale != 1.0f)
            for (size_t i = 0; i < w->k; i++)
                x[i] *= j->scale;
        if (s->m->positions) s->kern->add(x, s->m->positions + s->pos[t] * w->k, w->k);
        for (size_t i = 0; i < ROPE_TABLES; i++) {
            if (!s->rope[i]) continue;
            float *r = s->rope[i] + t * 2 * half;
            const bool is_long = i == ROPE_MAIN && s->slices[s->owner[t]].is_long;
            rope_table(is_long ? &s->m->rope_long : &s->m->rope[i], r, r + half, s->pos[t]);
        }
    }
}

void block_embed(step *s, float scale)
{
    row_job job = {.scale = scale};
    run_rows(s, &job, embed_part, s->n);
}

static void add_row(step *s, size_t t, model_norm post)
{
    const size_t d = s->m->p.n_embd;
    float *y = s->y + t * d;
    if (post.weight) block_norm_row(s, y, y, post, d);
    s->kern->add(s->x + t * d, y, d);
}

static void add_norm_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    step *s = j->s;
    const size_t d = s->m->p.n_embd, end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t t = part * j->run; t < end; t++) {
        if (j->add) add_row(s, t, j->post);
        if (!j->to_h) continue;
        if (j->norm.weight)
            block_norm_row(s, s->h + t * d, s->x + t * d, j->norm, d);
        else
            memcpy(s->h + t * d, s->x + t * d, d * sizeof(float));
        quantize_row(s, t);
    }
}

void block_add_norm(step *s, bool add, model_norm post, model_norm norm)
{
    row_job job = {.add = add, .to_h = true, .post = post, .norm = norm};
    begin_acts(s, s->n, s->m->p.n_embd);
    run_rows(s, &job, add_norm_part, s->n);
}

void block_add(step *s, model_norm post)
{
    row_job job = {.add = true, .post = post};
    run_rows(s, &job, add_norm_part, s->n);
}

/* ---- Products: parts are runs of panels ------------------------------------------------------ */

enum { MAX_MATS = 3 };

typedef struct {
    step *s;
    const kern_matrix *w[MAX_MATS];
    const float *bias[MAX_MATS];
    float *out[MAX_MATS];
    size_t ldy, unit; /* panels that one thread takes together */
    pool_cut cut;     /* of the units of all matrices, one behind the other */
} product_job;

/* Pack panels [p0, p1), at most BLOCK_PACK_PANELS, into `to`; *out is the matrix that they are. */
static void pack_panels(kern_matrix *out, const kern_matrix *w, size_t p0, size_t p1, char *to)
{
    const size_t row = p0 * KERN_PANEL_ROWS, end = min_size(p1 * KERN_PANEL_ROWS, w->n_rows);
    *out = (kern_matrix){.type = w->type,
                         .n_rows = end - row,
                         .k = w->k,
                         .panel_bytes = w->panel_bytes,
                         .panels = to};
    for (size_t r = row; r < end; r += KERN_PANEL_ROWS, to += w->panel_bytes)
        panel_pack(w->type, to, (const char *)w->rows + r * w->row_bytes, w->row_bytes,
                   min_size(end - r, KERN_PANEL_ROWS), w->k);
}

/* All tokens of the step pass over a few panels before the next ones are packed: the file is read
 * once a step. */
void block_panels(const step *s, const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a,
                  size_t t0, size_t t1, float *y, size_t ldy, size_t thread)
{
    char *scratch = s->scratch + thread * s->scratch_bytes;
    if (w->panels) {
        s->kern->matmul(w, p0, p1, a, t0, t1, y, ldy, scratch);
        return;
    }
    for (size_t p = p0; p < p1; p += BLOCK_PACK_PANELS) {
        kern_matrix few;
        const size_t end = min_size(p + BLOCK_PACK_PANELS, p1);
        pack_panels(&few, w, p, end, s->packing + thread * s->packing_bytes);
        s->kern->matmul(&few, 0, end - p, a, t0, t1, y + p * KERN_PANEL_ROWS, ldy, scratch);
    }
}

static size_t panels_of(const kern_matrix *w)
{
    return (w->n_rows + KERN_PANEL_ROWS - 1) / KERN_PANEL_ROWS;
}

static size_t units_of(const product_job *j, size_t m)
{
    return (panels_of(j->w[m]) + j->unit - 1) / j->unit;
}

static void product_panels(const product_job *j, size_t m, size_t p0, size_t p1, size_t thread)
{
    const step *s = j->s;
    block_panels(s, j->w[m], p0, p1, &s->acts, 0, s->acts.n_tokens, j->out[m], j->ldy, thread);
    if (!j->bias[m]) return;
    const size_t r0 = p0 * KERN_PANEL_ROWS, r1 = min_size(p1 * KERN_PANEL_ROWS, j->w[m]->n_rows);
    for (size_t t = 0; t < s->acts.n_tokens; t++)
        s->kern->add(j->out[m] + t * j->ldy + r0, j->bias[m] + r0, r1 - r0);
}

static void product_part(void *ctx, size_t part, size_t thread)
{
    const product_job *j = ctx;
    size_t from, to;
    pool_cut_part(&j->cut, part, &from, &to);
    for (size_t m = 0; to > 0; m++) {
        const size_t n = units_of(j, m), end = min_size(to, n);
        if (from < end)
            product_panels(j, m, from * j->unit, min_size(end * j->unit, panels_of(j->w[m])),
                           thread);
        from -= min_size(from, n);
        to -= end;
    }
}

/* Two panels share their loads of activations; single ones where pairs would be few a thread. */
static size_t panel_unit(const step *s, size_t n_panels)
{
    enum { FEW = 4 };
    return n_panels > FEW * pool_n_threads(s->threads) ? 2 : 1;
}

size_t block_panel_run(const step *s, size_t n_panels, size_t parts_per_thread)
{
    const size_t want = pool_n_threads(s->threads) * parts_per_thread;
    const size_t run = (n_panels + want - 1) / want;
    return run > 1 ? run + run % 2 : run;
}

void block_product(step *s, const kern_matrix *const *w, const float *const *bias,
                   float *const *out, size_t n_mats, size_t ldy)
{
    product_job job = {.s = s, .ldy = ldy};
    size_t n_panels = 0, n_units = 0;
    for (size_t i = 0; i < n_mats; i++) {
        job.w[i] = w[i];
        job.bias[i] = bias[i];
        job.out[i] = out[i];
        n_panels += panels_of(w[i]);
    }
    job.unit = panel_unit(s, n_panels);
    for (size_t i = 0; i < n_mats; i++)
        n_units += units_of(&job, i);
    const size_t unit_work = job.unit * KERN_PANEL_ROWS * s->acts.k * s->acts.n_tokens;
    job.cut = pool_cut_make(s->threads, n_units, PART_LEAST / (unit_work + 1) + 1);
    pool_run(s->threads, pool_cut_parts(&job.cut), product_part, &job);
}

/* Matrices slot, slot + 1, ... of a layer side by side in rows of z or y. */
static void layer_product(step *s, const model_layer *l, layer_matrix slot, size_t n_mats,
                          float *rows)
{
    const kern_matrix *w[MAX_MATS];
    const float *bias[MAX_MATS];
    float *out[MAX_MATS];
    size_t width = 0;
    for (size_t i = 0; i < n_mats; i++) {
        w[i] = &l->w[slot + i];
        bias[i] = l->bias[slot + i];
        out[i] = rows + width;
        width += w[i]->n_rows;
    }
    block_product(s, w, bias, out, n_mats, width);
}

void block_matmul(step *s, const model_layer *l, layer_matrix w)
{
    layer_product(s, l, w, 1, s->y);
}

void block_qkv(step *s, const model_layer *l)
{
    layer_product(s, l, LAYER_Q, 3, s->z);
}

static void inner_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    step *s = j->s;
    const size_t f = j->width, end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t t = part * j->run; t < end; t++) {
        const float *z = s->z + t * f * (j->gate ? 2 : 1);
        if (j->gate)
            j->gate(s->h + t * f, z, z + f, f);
        else
            j->act(s->h + t * f, z, f);
        quantize_row(s, t);
    }
}

void block_gated(step *s, const model_layer *l, layer_matrix gate, block_gate_fn act)
{
    row_job job = {.gate = act, .width = l->w[gate].n_rows};
    layer_product(s, l, gate, 2, s->z);
    begin_acts(s, s->n, job.width);
    run_rows(s, &job, inner_part, s->n);
}

void block_up(step *s, const model_layer *l, block_act_fn act)
{
    row_job job = {.act = act, .width = l->w[LAYER_UP].n_rows};
    layer_product(s, l, LAYER_UP, 1, s->z);
    begin_acts(s, s->n, job.width);
    run_rows(s, &job, inner_part, s->n);
}

/* ---- Attention ------------------------------------------------------------------------------- */

void block_store_kv(step *s, size_t t, size_t layer, const float *k, const float *v)
{
    const kv_shape shape = kvcache_shape(s->kv);
    const kern_kv_shape b = shape.block;
    const size_t pos = s->pos[t];
    const kv_page *page = s->slices[s->owner[t]].pages[pos / KV_PAGE_LEN];
    for (size_t h = 0; h < shape.n_kv_heads; h++)
        if (!kern_kv_store(b, kvcache_block(s->kv, page, layer, h), pos % KV_PAGE_LEN,
                           k + h * b.key_dim, v + h * b.value_dim))
            s->bad[t] = 1;
}

/* Each head by itself, or all of them as one long row. */
static void norm_heads(const step *s, float *heads, model_norm norm, size_t n)
{
    const size_t hd = s->m->p.head_dim, width = s->m->p.norm_whole_qk ? n * hd : hd;
    for (size_t i = 0; norm.weight && i < n * hd; i += width)
        block_norm_row(s, heads + i, heads + i, norm, width);
}

static void rotate_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    step *s = j->s;
    const model_params *p = &s->m->p;
    const model_layer *l = &s->m->layers[j->layer];
    const size_t hd = p->head_dim, half = p->n_rot / 2, n_q = p->n_heads, n_kv = p->n_kv_heads;
    const size_t end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t t = part * j->run; t < end; t++) {
        float *z = s->z + t * (n_q + 2 * n_kv) * hd; /* heads of q, then of k, then of v */
        norm_heads(s, z, l->norm[LAYER_Q_NORM], n_q);
        norm_heads(s, z + n_q * hd, l->norm[LAYER_K_NORM], n_kv);
        const float *r = half > 0 ? s->rope[l->rope] + t * 2 * half : NULL;
        for (size_t i = 0; r && i < n_q + n_kv; i++)
            s->m->arch->rotate(z + i * hd, r, r + half, half);
        for (size_t i = 0; i < n_q * hd; i++)
            z[i] *= p->q_scale;
        block_store_kv(s, t, j->layer, z + n_q * hd, z + (n_q + n_kv) * hd);
    }
}

void block_rotate(step *s, size_t layer)
{
    row_job job = {.layer = layer};
    run_rows(s, &job, rotate_part, s->n);
}

typedef struct {
    step *s;
    size_t layer, n_kv_heads;
    kern_kv_shape shape;
    const block_heads *heads;
    size_t n_heads, run, n_runs; /* query heads of a key/value head, and of a part of it */
} attend_job;

/* A part is one group of tokens and some query heads of one key/value head. */
static void attend_part(void *ctx, size_t part, size_t thread)
{
    const attend_job *j = ctx;
    const step *s = j->s;
    const block_heads *h = j->heads;
    const step_group *g = &s->groups[part / j->n_runs / j->n_kv_heads];
    const size_t head = part / j->n_runs % j->n_kv_heads, skip = part % j->n_runs * j->run;
    const size_t query = head * j->n_heads + skip;
    const size_t first = s->pos[g->first], last = first + g->n - 1;
    const size_t from = h->window != 0 && first + 1 > h->window ? first + 1 - h->window : 0;
    const void **blocks = s->block_ptrs + thread * s->max_pages;
    kv_page *const *pages = s->slices[g->slice].pages;
    for (size_t i = from / KV_PAGE_LEN; i <= last / KV_PAGE_LEN; i++)
        blocks[i] = kvcache_block(s->kv, pages[i], j->layer, head);
    const kern_attn job = {
        .kv = j->shape,
        .n_heads = min_size(j->run, j->n_heads - skip),
        .n_tokens = g->n,
        .q = h->q + g->first * h->ldq + query * j->shape.key_dim,
        .ldq = h->ldq,
        .sinks = h->sinks ? h->sinks + query : NULL,
        .blocks = blocks,
        .pos = first,
        .window = h->window,
        .out = h->out + g->first * h->ldo + query * j->shape.value_dim,
        .ldo = h->ldo,
        .scratch = s->scratch + thread * s->scratch_bytes,
    };
    s->kern->attention(&job);
}

void block_attend(step *s, size_t layer, const block_heads *heads)
{
    const kv_shape shape = kvcache_shape(s->kv);
    attend_job job = {.s = s,
                      .layer = layer,
                      .n_kv_heads = shape.n_kv_heads,
                      .shape = shape.block,
                      .heads = heads,
                      .n_heads = heads->n_heads / shape.n_kv_heads};
    const size_t pairs = s->n_groups * shape.n_kv_heads;
    const size_t want = pool_n_threads(s->threads) * 2; /* few sequences must not idle threads */
    const size_t runs = min_size((want + pairs - 1) / pairs, job.n_heads);
    job.run = (job.n_heads + runs - 1) / runs;
    job.n_runs = (job.n_heads + job.run - 1) / job.run;
    pool_run(s->threads, pairs * job.n_runs, attend_part, &job);
}

void block_attention(step *s, size_t layer)
{
    const model_params *p = &s->m->p;
    const size_t width = p->n_heads * p->head_dim;
    const block_heads heads = {.q = s->z,
                               .ldq = width + 2 * p->n_kv_heads * p->head_dim,
                               .out = s->h,
                               .ldo = width,
                               .n_heads = p->n_heads,
                               .window = s->m->layers[layer].window,
                               .sinks = s->m->layers[layer].v[LAYER_SINKS]};
    block_attend(s, layer, &heads);
    block_quantize(s, s->n, width);
}
