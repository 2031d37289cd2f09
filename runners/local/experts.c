/* experts.c - choice, gathering and summing. The products are those of the kernels over the rows of
 * one expert; which thread computes which panels of which expert decides no bit. */
#include "runners/local/experts.h"
#include <math.h>
#include <string.h>
#include "kernels/fmath.h"

enum {
    ROW_RUN = 8,         /* rows a thread takes at once in element-wise work, at most */
    PARTS_PER_THREAD = 8 /* experts have different numbers of rows: finer than other products */
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---- The choice ---- */

static float lanes_sum(float lane[16])
{
    for (size_t width = 8; width > 0; width /= 2)
        for (size_t l = 0; l < width; l++)
            lane[l] += lane[l + width];
    return lane[0];
}

static void softmax(float *x, size_t n)
{
    float max = x[0], lane[16] = {0};
    for (size_t i = 1; i < n; i++)
        max = x[i] > max ? x[i] : max;
    for (size_t i = 0; i < n; i++) {
        x[i] = fmath_exp(x[i] - max);
        lane[i % 16] += x[i];
    }
    const float sum = lanes_sum(lane);
    for (size_t i = 0; i < n; i++)
        x[i] /= sum;
}

/* The largest of x that is not taken, the lowest index among equals; n when all are taken. With NaN
 * among them it is some index that is not taken: the token fails for its logits, or its weights. */
static size_t best_of(const float *x, const bool *taken, size_t n)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++)
        if (!taken[i] && (best == n || x[i] > x[best])) best = i;
    return best;
}

/* Sum of the one or two best choices of a group. */
static float group_score(const float *choice, size_t n, size_t n_best)
{
    float first = -INFINITY, second = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (choice[i] > first) {
            second = first;
            first = choice[i];
        } else if (choice[i] > second) {
            second = choice[i];
        }
    }
    return n_best == 1 ? first : first + second;
}

/* Experts of groups that are not among the best are marked as taken. */
static void limit_groups(const model_params *p, const float *choice, bool *taken)
{
    float score[MODEL_MAX_EXPERTS];
    bool used[MODEL_MAX_EXPERTS] = {false};
    const size_t n = p->n_experts / p->router.n_groups;
    if (p->router.n_groups_used == p->router.n_groups) return;
    for (size_t g = 0; g < p->router.n_groups; g++)
        score[g] = group_score(choice + g * n, n, p->router.n_group_best);
    for (size_t i = 0; i < p->router.n_groups_used; i++)
        used[best_of(score, used, p->router.n_groups)] = true;
    for (size_t i = 0; i < p->n_experts; i++)
        taken[i] = !used[i / n];
}

/* Weights from the scores of the chosen; sums run in the order of ids. */
static void weigh(const model_params *p, float *weights)
{
    float sum = 0.0f;
    if (p->router.gating == EXPERTS_SOFTMAX_CHOSEN) {
        float max = weights[0];
        for (size_t i = 1; i < p->router.n_used; i++)
            max = weights[i] > max ? weights[i] : max;
        for (size_t i = 0; i < p->router.n_used; i++)
            weights[i] = fmath_exp(weights[i] - max);
    }
    if (p->router.gating == EXPERTS_SOFTMAX_CHOSEN || p->router.normalize) {
        for (size_t i = 0; i < p->router.n_used; i++)
            sum += weights[i];
        sum += 1e-20f;
        for (size_t i = 0; i < p->router.n_used; i++)
            weights[i] /= sum;
    }
    for (size_t i = 0; i < p->router.n_used; i++)
        weights[i] *= p->router.scale;
}

void experts_choose(const model_params *p, float *logits, const float *bias, uint32_t *ids,
                    float *weights)
{
    float choice[MODEL_MAX_EXPERTS];
    bool taken[MODEL_MAX_EXPERTS] = {false}, chosen[MODEL_MAX_EXPERTS] = {false};
    const size_t n = p->n_experts;
    if (p->router.gating == EXPERTS_SOFTMAX) softmax(logits, n);
    for (size_t i = 0; p->router.gating == EXPERTS_SIGMOID && i < n; i++)
        logits[i] = fmath_sigmoid(logits[i]);
    for (size_t i = 0; i < n; i++)
        choice[i] = bias ? logits[i] + bias[i] : logits[i];
    limit_groups(p, choice, taken);
    for (size_t i = 0; i < p->router.n_used; i++) {
        const size_t best = best_of(choice, taken, n);
        taken[best] = chosen[best] = true;
    }
    for (size_t i = 0, j = 0; j < p->router.n_used; i++)
        if (chosen[i]) {
            ids[j] = (uint32_t)i;
            weights[j++] = logits[i];
        }
    weigh(p, weights);
}

/* ---- Routing ---- */

typedef struct {
    step *s;
    const model_layer *l;
    block_gate_fn act;
    bool add, floats;
    size_t n_rows, run;
} row_job;

static void run_rows(step *s, row_job *job, pool_fn fn, size_t n_rows)
{
    job->s = s;
    job->n_rows = n_rows;
    job->run = pool_share(s->threads, n_rows, ROW_RUN);
    pool_run(s->threads, (n_rows + job->run - 1) / job->run, fn, job);
}

/* A logit that is not finite may not be among the chosen, but it may have kept one out. */
static void choose_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    step *s = j->s;
    const model_params *p = &s->m->p;
    experts_step *e = s->experts;
    const size_t end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t t = part * j->run; t < end; t++) {
        float *logits = e->logits + t * p->n_experts;
        if (!block_is_finite(logits, p->n_experts)) s->bad[t] = 1;
        experts_choose(p, logits, j->l->v[LAYER_EXPERT_BIAS], e->ids + t * p->router.n_used,
                       e->weights + t * p->router.n_used);
    }
}

/* Rows by expert, within an expert by token. */
static void sort_rows(step *s)
{
    const model_params *p = &s->m->p;
    experts_step *e = s->experts;
    const size_t n = s->n * p->router.n_used;
    memset(e->first, 0, (p->n_experts + 1) * sizeof *e->first);
    for (size_t i = 0; i < n; i++)
        e->first[e->ids[i] + 1]++;
    e->n_active = 0;
    for (size_t x = 0; x < p->n_experts; x++) {
        if (e->first[x + 1] > 0) e->active[e->n_active++] = (uint32_t)x;
        e->first[x + 1] += e->first[x];
    }
    uint32_t next[MODEL_MAX_EXPERTS];
    memcpy(next, e->first, p->n_experts * sizeof *next);
    for (size_t i = 0; i < n; i++) {
        const uint32_t r = next[e->ids[i]]++;
        e->row[i] = r;
        e->token[r] = (uint32_t)(i / p->router.n_used);
        e->expert[r] = e->ids[i];
    }
}

/* ---- Products: a part is a run of panels of one matrix of one expert ---- */

enum { MAX_MATS = 2 };

typedef struct {
    step *s;
    const kern_matrix *w[MAX_MATS]; /* (n_experts) each */
    float *out[MAX_MATS];
    size_t n_mats, ldy, n_panels, run, n_runs;
} product_job;

static void product_part(void *ctx, size_t part, size_t thread)
{
    const product_job *j = ctx;
    step *s = j->s;
    const experts_step *e = s->experts;
    const size_t x = e->active[part / (j->n_mats * j->n_runs)];
    const size_t mat = part / j->n_runs % j->n_mats, p0 = part % j->n_runs * j->run;
    block_panels(s, &j->w[mat][x], p0, min_size(p0 + j->run, j->n_panels), &e->acts, e->first[x],
                 e->first[x + 1], j->out[mat], j->ldy, thread);
}

/* Matrices of one shape. */
static void run_products(step *s, product_job *j)
{
    j->s = s;
    j->n_panels = (j->w[0]->n_rows + KERN_PANEL_ROWS - 1) / KERN_PANEL_ROWS;
    const size_t mats = s->experts->n_active * j->n_mats;
    j->run = min_size(block_panel_run(s, mats * j->n_panels, PARTS_PER_THREAD), j->n_panels);
    j->n_runs = (j->n_panels + j->run - 1) / j->run;
    pool_run(s->threads, mats * j->n_runs, product_part, j);
}

/* ---- Rows on their way ---- */

static bool needs_floats(const step *s, const kern_matrix *w)
{
    return s->grade == KERN_GRADE_F32 || quant_infos[w->type].shape == QUANT_FLOAT;
}

/* Activations were quantised once, token by token; here their rows are copied. */
static void gather_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    step *s = j->s;
    experts_step *e = s->experts;
    const size_t d = s->m->p.n_embd, end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t r = part * j->run; r < end; r++) {
        kern_acts_copy_row(&e->acts, r, &s->acts, e->token[r]);
        if (j->floats)
            memcpy(e->x + r * d, s->acts.x + e->token[r] * s->acts.ldx, d * sizeof *e->x);
    }
}

static void begin_acts(step *s, size_t k)
{
    experts_step *e = s->experts;
    kern_acts_init(&e->acts, s->grade, s->n * s->m->p.router.n_used, k, e->acts_storage);
    e->acts.x = e->x;
    e->acts.ldx = k;
}

void experts_route(step *s, const model_layer *l)
{
    experts_step *e = s->experts;
    const kern_matrix *router = &l->w[LAYER_ROUTER];
    row_job job = {.l = l};
    block_product(s, &router, &l->bias[LAYER_ROUTER], &e->logits, 1, s->m->p.n_experts);
    run_rows(s, &job, choose_part, s->n);
    sort_rows(s);
    job.floats =
        needs_floats(s, l->stack[LAYER_GATE_EXPS]) || needs_floats(s, l->stack[LAYER_UP_EXPS]);
    begin_acts(s, s->m->p.n_embd);
    run_rows(s, &job, gather_part, s->n * s->m->p.router.n_used);
}

static void gated_part(void *ctx, size_t part, size_t thread)
{
    (void)thread;
    const row_job *j = ctx;
    step *s = j->s;
    experts_step *e = s->experts;
    const float *gate_bias = j->l->stack_bias[LAYER_GATE_EXPS];
    const float *up_bias = j->l->stack_bias[LAYER_UP_EXPS];
    const size_t f = s->m->p.n_ff_expert, end = min_size((part + 1) * j->run, j->n_rows);
    for (size_t r = part * j->run; r < end; r++) {
        float *gate = e->z + r * 2 * f, *up = gate + f, *x = e->x + r * f;
        if (gate_bias) s->kern->add(gate, gate_bias + e->expert[r] * f, f);
        if (up_bias) s->kern->add(up, up_bias + e->expert[r] * f, f);
        j->act(x, gate, up, f);
        e->bad[r] = !s->kern->quantize(&e->acts, r, r + 1);
        if (!e->bad[r]) continue;
        memset(x, 0, f * sizeof *x);
        (void)s->kern->quantize(&e->acts, r, r + 1);
    }
}

static void sum_part(void *ctx, size_t part, size_t thread)
{
    const row_job *j = ctx;
    step *s = j->s;
    const experts_step *e = s->experts;
    const size_t d = s->m->p.n_embd, k = s->m->p.router.n_used;
    const size_t end = min_size((part + 1) * j->run, j->n_rows);
    const float *bias = j->l->stack_bias[LAYER_DOWN_EXPS];
    float *sum = (float *)(void *)(s->scratch + thread * s->scratch_bytes);
    for (size_t t = part * j->run; t < end; t++) {
        memset(sum, 0, d * sizeof *sum);
        for (size_t i = t * k; i < (t + 1) * k; i++) {
            float *out = e->z + e->row[i] * d;
            if (bias) s->kern->add(out, bias + e->ids[i] * d, d);
            s->kern->add_scaled(sum, out, e->weights[i], d);
            s->bad[t] |= e->bad[e->row[i]];
        }
        if (j->add) s->kern->add(sum, s->y + t * d, d);
        memcpy(s->y + t * d, sum, d * sizeof *sum);
    }
}

void experts_run(step *s, const model_layer *l, block_gate_fn act, bool add)
{
    experts_step *e = s->experts;
    const size_t d = s->m->p.n_embd, f = s->m->p.n_ff_expert;
    const size_t rows = s->n * s->m->p.router.n_used;
    row_job job = {.l = l, .act = act, .add = add};
    product_job in = {.w = {l->stack[LAYER_GATE_EXPS], l->stack[LAYER_UP_EXPS]},
                      .out = {e->z, e->z + f},
                      .n_mats = 2,
                      .ldy = 2 * f};
    run_products(s, &in);
    begin_acts(s, f);
    run_rows(s, &job, gated_part, rows);
    product_job out = {.w = {l->stack[LAYER_DOWN_EXPS]}, .out = {e->z}, .n_mats = 1, .ldy = d};
    run_products(s, &out);
    run_rows(s, &job, sum_part, s->n);
}

/* ---- Memory ---- */

void experts_carve(experts_step *e, carver *c, const model_params *p, kern_grade grade,
                   size_t max_tokens)
{
    if (p->n_experts == 0) return;
    const size_t wide = max_size(p->n_embd, p->n_ff_expert);
    const size_t rows = max_tokens * p->router.n_used;
    e->logits = carve(c, max_tokens, p->n_experts * sizeof *e->logits);
    e->ids = carve(c, rows, sizeof *e->ids);
    e->weights = carve(c, rows, sizeof *e->weights);
    e->row = carve(c, rows, sizeof *e->row);
    e->token = carve(c, rows, sizeof *e->token);
    e->expert = carve(c, rows, sizeof *e->expert);
    e->bad = carve(c, rows, sizeof *e->bad);
    e->first = carve(c, p->n_experts + 1, sizeof *e->first);
    e->active = carve(c, p->n_experts, sizeof *e->active);
    e->x = carve(c, rows, wide * sizeof *e->x);
    e->z = carve(c, rows, max_size(2 * p->n_ff_expert, p->n_embd) * sizeof *e->z);
    e->acts_storage = carve(c, 1, kern_acts_bytes(grade, rows, wide));
}
