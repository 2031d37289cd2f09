/* speed.c - loads of random tokens through the scheduler, timed. Owns no memory beyond a call. */
#include "runners/local/speed.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/interrupt.h"
#include "harness/base/rng.h"
#include "harness/base/stopwatch.h"
#include "kernels/peak.h"

/* ---- A load ---- */

typedef struct {
    batch *b;
    const runner_load *load;
    batch_job *jobs;       /* (n_seqs) */
    batch_choice *choices; /* (n_seqs, n_choices) */
    int32_t *tokens;       /* of all jobs */
    size_t n_writing;      /* jobs that have written a token */
    size_t n_done;
    uint64_t n_new;
    uint64_t n_warming; /* prompt tokens that were read before the clock starts */
    const char *failed;
} measurement;

static bool on_token(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *forced)
{
    measurement *m = ctx;
    (void)id, (void)logprob, (void)forced;
    m->n_writing += job->n_new == 1;
    m->n_new++;
    return false;
}

static waage_status on_done(void *ctx, batch_job *job, waage_err *err)
{
    measurement *m = ctx;
    (void)err;
    m->n_done++;
    if (job->error) m->failed = job->error;
    batch_free_results(job);
    return WAAGE_OK;
}

static void fill(int32_t *tokens, size_t n, size_t n_vocab, rng *r)
{
    for (size_t i = 0; i < n; i++)
        tokens[i] = (int32_t)rng_below(r, (uint32_t)n_vocab);
}

/* Tokens that a job needs room for. A scored continuation repeats its question: choices are whole
 * token strings. */
static size_t job_tokens(const runner_load *l)
{
    const size_t n = l->n_shared + l->n_prompt;
    return l->n_choices > 0 ? l->n_choices * (n + l->n_choice) : n;
}

static void make_job(measurement *m, size_t i, size_t max_new, size_t n_vocab, rng *r)
{
    const runner_load *l = m->load;
    const size_t n = l->n_shared + l->n_prompt;
    int32_t *first = m->tokens, *own = m->tokens + i * job_tokens(l);
    batch_job *job = &m->jobs[i];
    if (i == 0) fill(first, l->n_shared, n_vocab, r);
    if (i > 0) memcpy(own, first, l->n_shared * sizeof *own);
    const size_t period = l->n_period > 0 && l->n_period < l->n_prompt ? l->n_period : l->n_prompt;
    fill(own + l->n_shared, period, n_vocab, r);
    for (size_t k = l->n_shared + period; k < n; k++)
        own[k] = own[k - period];
    if (l->n_choices == 0) {
        *job = (batch_job){.kind = REQUEST_GENERATE,
                           .prompt = own,
                           .n_prompt = n,
                           .max_new = max_new,
                           .how = SAMPLING_GREEDY};
        return;
    }
    *job = (batch_job){.kind = REQUEST_LOGLIK,
                       .choices = m->choices + i * l->n_choices,
                       .n_choices = l->n_choices};
    for (size_t c = 0; c < l->n_choices; c++) {
        int32_t *text = own + c * (n + l->n_choice);
        if (c > 0) memcpy(text, own, n * sizeof *text);
        fill(text + n, l->n_choice, n_vocab, r);
        job->choices[c] = (batch_choice){.tokens = text, .n = n + l->n_choice, .cut = n};
    }
}

static waage_status run_until(measurement *m, bool (*reached)(const measurement *m), waage_err *err)
{
    while (!reached(m) && batch_n_jobs(m->b) > 0) {
        WAAGE_TRY(interrupt_check(err));
        WAAGE_TRY(batch_step(m->b, err));
    }
    return m->failed ? waage_err_set(err, WAAGE_EFAIL, "%s", m->failed) : WAAGE_OK;
}

static bool never(const measurement *m)
{
    (void)m;
    return false;
}

static bool all_write(const measurement *m)
{
    return m->n_writing == m->load->n_seqs;
}

static bool wrote_enough(const measurement *m)
{
    return m->n_new >= (uint64_t)m->load->n_seqs * m->load->n_new || m->n_done > 0;
}

/* A sequence as long as the load's, at most a step, not timed: what a batch does once, such as
 * touching its buffers, is no part of a rate. Writing needs none: its prompts are read before the
 * clock starts. */
static waage_status warm_up(measurement *m, const batch_options *opt, rng *r, waage_err *err)
{
    const runner_load *l = m->load;
    size_t n = l->n_shared + l->n_prompt + l->n_choice;
    if (l->n_new > 0) return WAAGE_OK;
    if (n > opt->chunk_tokens) n = opt->chunk_tokens;
    batch_job *job = &m->jobs[0];
    fill(m->tokens, n, opt->m->p.n_vocab, r);
    *job = (batch_job){.kind = REQUEST_GENERATE,
                       .prompt = m->tokens,
                       .n_prompt = n,
                       .max_new = 1,
                       .how = SAMPLING_GREEDY};
    WAAGE_TRY(batch_add(m->b, job, err));
    WAAGE_TRY(run_until(m, never, err));
    m->n_warming = batch_get_totals(m->b).prompt_tokens;
    m->n_writing = m->n_done = 0;
    m->n_new = 0;
    return WAAGE_OK;
}

/* Writing is timed from the moment when every prompt is read until each sequence has had n_new
 * steps on average; none ends before. */
static waage_status time_load(runner_speed *out, measurement *m, waage_err *err)
{
    const runner_load *l = m->load;
    double begun = stopwatch_now();
    if (l->n_new == 0) {
        WAAGE_TRY(run_until(m, never, err));
        out->n_tokens = batch_get_totals(m->b).prompt_tokens - m->n_warming;
        out->seconds = stopwatch_now() - begun;
        return WAAGE_OK;
    }
    WAAGE_TRY(run_until(m, all_write, err));
    if (m->n_done > 0)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "the model's context ends before %zu sequences write together",
                             l->n_seqs);
    begun = stopwatch_now();
    m->n_new = 0;
    WAAGE_TRY(run_until(m, wrote_enough, err));
    const batch_totals t = batch_get_totals(m->b);
    *out = (runner_speed){m->n_new, stopwatch_now() - begun, t.n_drafted, t.n_accepted};
    return WAAGE_OK;
}

static waage_status run_load(runner_speed *out, measurement *m, const batch_options *opt,
                             uint32_t salt, waage_err *err)
{
    const runner_load *l = m->load;
    const size_t n_vocab = opt->m->p.n_vocab;
    /* the first to write goes on while the last prompts are read */
    const size_t reading = l->n_seqs * (l->n_shared + l->n_prompt) / opt->chunk_tokens + l->n_seqs;
    const size_t room = opt->m->p.n_context - l->n_shared - l->n_prompt;
    const size_t want = l->n_new > 0 ? l->n_new + 2 * reading + 2 : 1;
    const size_t max_new = want < room ? want : room;
    batch_options bo = *opt;
    rng r;
    rng_init(&r, salt, 1);
    bo.draft = l->n_period > 0 ? draft_lookup : NULL;
    bo.hooks = (batch_hooks){.ctx = m, .token = on_token, .done = on_done};
    m->tokens = calloc(l->n_seqs, job_tokens(l) * sizeof *m->tokens);
    m->jobs = calloc(l->n_seqs, sizeof *m->jobs);
    m->choices = calloc(l->n_seqs, (l->n_choices + 1) * sizeof *m->choices);
    if (!m->tokens || !m->jobs || !m->choices) return waage_err_nomem(err);
    WAAGE_TRY(batch_create(&m->b, &bo, err));
    WAAGE_TRY(warm_up(m, opt, &r, err));
    for (size_t i = 0; i < l->n_seqs; i++) {
        make_job(m, i, max_new, n_vocab, &r);
        WAAGE_TRY(batch_add(m->b, &m->jobs[i], err));
    }
    return time_load(out, m, err);
}

waage_status speed_measure(runner_speed *out, const batch_options *opt, const runner_load *load,
                           uint32_t salt, waage_err *err)
{
    measurement m = {.load = load};
    *out = (runner_speed){0};
    const size_t longest = load->n_shared + load->n_prompt + load->n_new + load->n_choice + 1;
    if (load->n_seqs == 0 || load->n_shared + load->n_prompt == 0)
        return waage_err_set(err, WAAGE_EINVAL, "a load without tokens");
    if (longest > opt->m->p.n_context)
        return waage_err_set(err, WAAGE_EUNSUPPORTED, "%zu tokens; the model's context is %zu",
                             longest, opt->m->p.n_context);
    const waage_status st = run_load(out, &m, opt, salt, err);
    batch_free(m.b);
    for (size_t i = 0; m.jobs && i < load->n_seqs; i++)
        batch_free_results(&m.jobs[i]);
    free(m.tokens);
    free(m.jobs);
    free(m.choices);
    return st;
}

/* ---- Limits ---- */

enum { PEAK_ROUNDS = 1 << 22, TRIES = 5 };
/* Far above any cache, in parts that a thread takes when it is done with another, since cores are
 * not equally fast; and a part as several streams in turns, which memory serves faster than one. */
enum { READ_PART = 1 << 20, READ_PARTS = 512, READ_STREAMS = 4, READ_TURN = 512 };

static void add_matrix(double *gop, double *gb, const kern_matrix *w)
{
    const size_t n_panels = (w->n_rows + KERN_PANEL_ROWS - 1) / KERN_PANEL_ROWS;
    *gop += 2e-9 * (double)w->n_rows * (double)w->k;
    *gb += 1e-9 * (double)n_panels * (double)w->panel_bytes;
}

/* Of a stack of experts a token meets a few, which are alike; of the heads' all. */
static void count_stacks(runner_limits *out, const model_params *p, const model_layer *l)
{
    for (size_t j = 0; j < LAYER_STACKS; j++) {
        const size_t n = j == LAYER_K_B || j == LAYER_V_B ? p->n_heads : p->router.n_used;
        for (size_t i = 0; l->stack[j] && i < n; i++)
            add_matrix(&out->token_gop, &out->weight_gb, &l->stack[j][i]);
    }
}

static void count_work(runner_limits *out, const model *m)
{
    for (size_t i = 0; i < m->p.n_layers; i++) {
        for (size_t j = 0; j < LAYER_MATRICES; j++)
            add_matrix(&out->token_gop, &out->weight_gb, &m->layers[i].w[j]);
        count_stacks(out, &m->p, &m->layers[i]);
    }
    add_matrix(&out->head_gop, &out->weight_gb, &m->head);
}

typedef struct {
    kern_peak_fn *peak;
    kern_grade grade;
    size_t rounds;
    const uint64_t *words; /* (READ_PARTS, READ_STREAMS, words of a stream) */
    uint64_t *sum;         /* (n_parts) so that no read is left out */
} limit_job;

static void run_peak(void *ctx, size_t part, size_t thread)
{
    limit_job *j = ctx;
    (void)thread;
    j->sum[part] = j->peak(j->grade, j->rounds);
}

static void run_read(void *ctx, size_t part, size_t thread)
{
    enum {
        STREAM = READ_PART / READ_STREAMS / sizeof(uint64_t),
        TURN = READ_TURN / sizeof(uint64_t)
    };
    limit_job *j = ctx;
    const uint64_t *w = j->words + part * READ_STREAMS * STREAM;
    uint64_t sum[8] = {0};
    (void)thread;
    for (size_t at = 0; at < STREAM; at += TURN)
        for (size_t s = 0; s < READ_STREAMS; s++)
            for (size_t i = 0; i < TURN; i += 8)
                for (size_t k = 0; k < 8; k++)
                    sum[k] ^= w[s * STREAM + at + i + k];
    for (size_t k = 1; k < 8; k++)
        sum[0] ^= sum[k];
    j->sum[part] = sum[0];
}

/* Runs a second, the best of a few tries: a ceiling is what is possible. */
static double best_rate(pool *threads, size_t n_parts, pool_fn fn, limit_job *j)
{
    double best = 0;
    for (size_t i = 0; i < TRIES; i++) {
        const double begun = stopwatch_now();
        pool_run(threads, n_parts, fn, j);
        const double took = stopwatch_now() - begun;
        if (took > 0 && 1.0 / took > best) best = 1.0 / took;
    }
    return best;
}

waage_status speed_limits(runner_limits *out, const model *m, const kern_set *kern,
                          kern_grade grade, pool *threads, waage_err *err)
{
    const size_t n = pool_n_threads(threads);
    *out = (runner_limits){.n_threads = n};
    count_work(out, m);
    limit_job j = {.peak = kern_peak_find(kern->name), .grade = grade, .rounds = PEAK_ROUNDS};
    bigmem mem = BIGMEM_EMPTY;
    j.sum = calloc(n > READ_PARTS ? n : READ_PARTS, sizeof *j.sum);
    if (!j.sum) return waage_err_nomem(err);
    if (j.peak) {
        const double rate = best_rate(threads, n, run_peak, &j);
        for (size_t i = 0; i < n; i++)
            out->peak_gop_s += 2e-9 * (double)j.sum[i] * rate;
    }
    const size_t read_bytes = (size_t)READ_PART * READ_PARTS;
    waage_status st = bigmem_create(&mem, read_bytes, "the measurement of memory speed", err);
    if (st == WAAGE_OK) {
        memset(mem.data, 1, read_bytes);
        j.words = (const uint64_t *)mem.data;
        out->read_gb_s = 1e-9 * (double)read_bytes * best_rate(threads, READ_PARTS, run_read, &j);
    }
    bigmem_free(&mem);
    free(j.sum);
    return st;
}
