/* latent.c - projections around one attention that all heads share. A head's matrices are small;
 * its rows of all tokens go through them in one product. */
#include "runners/local/latent.h"
#include <string.h>

enum { ROW_RUN = 8, PARTS_PER_THREAD = 4 };

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

typedef struct {
    step *s;
    const model_layer *l;
    size_t layer;
    float *rows; /* what is worked on: (n, ld) */
    size_t ld, n_rows, run;
} row_job;

static void run_rows(step *s, row_job *job, pool_fn fn)
{
    job->s = s;
    job->n_rows = s->n;
    job->run = pool_share(s->threads, s->n, ROW_RUN);
    pool_run(s->threads, (s->n + job->run - 1) / job->run, fn, job);
}

/* ---- Each head's rows ---- */

static kern_acts *head_acts(const step *s, size_t head)
{
    return &s->latent->acts[head];
}

/* Row t of head h is k elements at rows + h * apart + t * ld. */
static void begin_heads(step *s, float *rows, size_t apart, size_t ld, size_t k)
{
    const latent_step *e = s->latent;
    for (size_t h = 0; h < s->m->p.n_heads; h++) {
        kern_acts *a = head_acts(s, h);
        kern_acts_init(a, s->grade, s->n, k, e->acts_storage + h * e->acts_bytes);
        a->x = rows + h * apart;
        a->ldx = ld;
    }
}

static void quantize_head(step *s, size_t head, size_t t, float *row)
{
    kern_acts *a = head_acts(s, head);
    if (s->kern->quantize(a, t, t + 1)) return;
    s->bad[t] = 1;
    memset(row, 0, a->k * sizeof *row);
    (void)s->kern->quantize(a, t, t + 1);
}

typedef struct {
    step *s;
    const kern_matrix *w; /* (n_heads) */
    float *out;           /* of head 0 */
    size_t apart, ldy, n_panels, run, n_runs;
} product_job;

static void product_part(void *ctx, size_t part, size_t thread)
{
    const product_job *j = ctx;
    step *s = j->s;
    const size_t head = part / j->n_runs, p0 = part % j->n_runs * j->run;
    block_panels(s, &j->w[head], p0, min_size(p0 + j->run, j->n_panels), head_acts(s, head), 0,
                 s->n, j->out + head * j->apart, j->ldy, thread);
}

/* out + head * apart + t * ldy = w[head] times row t of the head. */
static void head_products(step *s, const kern_matrix *w, float *out, size_t apart, size_t ldy)
{
    product_job j = {.s = s, .w = w, .out = out, .apart = apart, .ldy = ldy};
    const size_t n_heads = s->m->p.n_heads;
    j.n_panels = (w->n_rows + KERN_PANEL_ROWS - 1) / KERN_PANEL_ROWS;
    j.run = min_size(block_panel_run(s, n_heads * j.n_panels, PARTS_PER_THREAD), j.n_panels);
    j.n_runs = (j.n_panels + j.run - 1) / j.run;
    pool_run(s->threads, n_heads * j.n_runs, product_part, &j);
}

/* ---- Queries and keys ---- */

/* Norm the latent, rotate the rest of the key, store both; norm what queries are made of. */
static void keys_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    step *s = j->s;
    const model_params *p = &s->m->p;
    const model_latent *q = &p->latent;
    const size_t half = p->n_rot / 2, end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t t = part * j->run; t < end; t++) {
        float *key = j->rows + t * j->ld + (j->ld - q->kv_rank - p->n_rot);
        const float *r = s->rope[ROPE_MAIN] + t * 2 * half;
        block_norm_row(s, key, key, j->l->norm[LAYER_KV_A_NORM], q->kv_rank);
        s->m->arch->rotate(key + q->kv_rank, r, r + half, half);
        block_store_kv(s, t, j->layer, key, key);
        if (q->q_rank > 0)
            block_norm_row(s, s->h + t * q->q_rank, j->rows + t * j->ld, j->l->norm[LAYER_Q_A_NORM],
                           q->q_rank);
    }
}

/* The rotated part of every query goes to its place, the rest is quantised. */
static void queries_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    step *s = j->s;
    const model_params *p = &s->m->p;
    const size_t half = p->n_rot / 2, plain = p->latent.key_length - p->n_rot;
    const size_t rank = p->latent.kv_rank, width = rank + p->n_rot;
    const size_t end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t t = part * j->run; t < end; t++) {
        const float *r = s->rope[ROPE_MAIN] + t * 2 * half;
        for (size_t h = 0; h < p->n_heads; h++) {
            float *q = j->rows + t * j->ld + h * p->latent.key_length;
            s->m->arch->rotate(q + plain, r, r + half, half);
            for (size_t i = 0; i < p->latent.key_length; i++)
                q[i] *= p->q_scale;
            memcpy(s->latent->q + (t * p->n_heads + h) * width + rank, q + plain,
                   p->n_rot * sizeof *q);
            quantize_head(s, h, t, q);
        }
    }
}

void latent_project(step *s, size_t layer)
{
    const model_params *p = &s->m->p;
    const model_latent *q = &p->latent;
    const model_layer *l = &s->m->layers[layer];
    const size_t width = p->n_heads * q->key_length, first = q->q_rank > 0 ? q->q_rank : width;
    const size_t ld = first + q->kv_rank + p->n_rot;
    const kern_matrix *w[] = {&l->w[q->q_rank > 0 ? LAYER_Q_A : LAYER_Q], &l->w[LAYER_KV_A]};
    const float *no_bias[] = {NULL, NULL};
    float *out[] = {s->z, s->z + first};
    block_product(s, w, no_bias, out, 2, ld);
    row_job keys = {.l = l, .layer = layer, .rows = s->z, .ld = ld};
    run_rows(s, &keys, keys_part);
    row_job queries = {.rows = s->z, .ld = ld};
    if (q->q_rank > 0) {
        const kern_matrix *b = &l->w[LAYER_Q_B];
        block_quantize(s, s->n, q->q_rank);
        block_product(s, &b, no_bias, &s->latent->z, 1, width);
        queries = (row_job){.rows = s->latent->z, .ld = width};
    }
    begin_heads(s, queries.rows, q->key_length, queries.ld, q->key_length - p->n_rot);
    run_rows(s, &queries, queries_part);
    const size_t key = q->kv_rank + p->n_rot;
    head_products(s, l->stack[LAYER_K_B], s->latent->q, key, p->n_heads * key);
}

static void answers_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    const size_t end = min_size((part + 1) * j->run, j->n_rows);
    const size_t rank = j->s->m->p.latent.kv_rank;
    for (size_t t = part * j->run; t < end; t++)
        for (size_t h = 0; h < j->s->m->p.n_heads; h++)
            quantize_head(j->s, h, t, j->rows + t * j->ld + h * rank);
}

void latent_attention(step *s, size_t layer)
{
    const model_params *p = &s->m->p;
    const model_latent *q = &p->latent;
    const size_t key = q->kv_rank + p->n_rot, width = p->n_heads * q->kv_rank;
    const block_heads heads = {.q = s->latent->q,
                               .ldq = p->n_heads * key,
                               .out = s->latent->out,
                               .ldo = width,
                               .n_heads = p->n_heads};
    block_attend(s, layer, &heads);
    row_job answers = {.rows = s->latent->out, .ld = width};
    begin_heads(s, answers.rows, q->kv_rank, width, q->kv_rank);
    run_rows(s, &answers, answers_part);
    head_products(s, s->m->layers[layer].stack[LAYER_V_B], s->h, q->value_length,
                  p->n_heads * q->value_length);
    block_quantize(s, s->n, p->n_heads * q->value_length);
}

void latent_carve(latent_step *e, carver *c, const model_params *p, kern_grade grade,
                  size_t max_tokens)
{
    const model_latent *q = &p->latent;
    if (q->kv_rank == 0) return;
    const size_t rows = max_tokens * p->n_heads;
    const size_t widest = q->kv_rank > q->key_length ? q->kv_rank : q->key_length;
    const size_t bytes = kern_acts_bytes(grade, max_tokens, widest);
    e->q = carve(c, rows, (q->kv_rank + p->n_rot) * sizeof *e->q);
    if (q->q_rank > 0) e->z = carve(c, rows, q->key_length * sizeof *e->z);
    e->out = carve(c, rows, q->kv_rank * sizeof *e->out);
    e->acts = carve(c, p->n_heads, sizeof *e->acts);
    e->acts_bytes = (bytes + KERN_ALIGN - 1) & ~(size_t)(KERN_ALIGN - 1);
    e->acts_storage = carve(c, p->n_heads, e->acts_bytes);
}
