/* local_run.c - requests in, replies out. A task is one request on its way: its prompt, its job in
 * the batch, its text so far. Requests are taken while slots could stand idle, so that a long queue
 * costs no memory. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/hash.h"
#include "harness/base/interrupt.h"
#include "harness/base/log.h"
#include "harness/base/stopwatch.h"
#include "runners/local/answer.h"
#include "runners/local/local_internal.h"

enum { HEADERS = 64 }; /* tokens for the headers of harmony messages, on top of the limits */

typedef struct task {
    struct task *prev, *next; /* all that are on their way */
    const request *rq;
    arena arena; /* prompt, choices, scores, messages */
    prompt p;
    batch_job job;
    answer text;
    bool is_done; /* by end of turn or stop string, not by length */
    bool is_too_long;
    double t0;
} task;

typedef struct {
    local_model *m;
    const runner_io *io;
    batch *b;
    task *live;
    bool ended; /* the caller has no more requests */
    double t_progress;
} run;

static double now_ms(void)
{
    return 1e3 * stopwatch_now();
}

/* ---- Replies ---- */

static waage_status give_reply(run *r, task *t, reply *rp, waage_err *err)
{
    rp->rendered = t->p.text;
    rp->rendered_len = t->p.len;
    if (!rp->text) rp->text = "";
    rp->prompt_tokens = (uint32_t)t->p.n;
    rp->cached_tokens = (uint32_t)(t->job.n_shared < t->p.n ? t->job.n_shared : t->p.n);
    rp->wall_ms = now_ms() - t->t0;
    return r->io->done(r->io->ctx, t->rq, rp, err);
}

static void free_task(run *r, task *t)
{
    *(t->prev ? &t->prev->next : &r->live) = t->next;
    if (t->next) t->next->prev = t->prev;
    batch_free_results(&t->job);
    answer_free(&t->text);
    arena_free(&t->arena);
    free(t);
}

static waage_status reply_failure(run *r, task *t, finish_reason why, const char *msg,
                                  waage_err *err)
{
    reply rp = {.finish = why, .error = msg, .is_too_long = t->is_too_long};
    return give_reply(r, t, &rp, err);
}

static void stream_text(run *r, task *t)
{
    static const runner_channel as[] = {[PART_ANSWER] = RUNNER_ANSWER,
                                        [PART_THOUGHT] = RUNNER_THOUGHT,
                                        [PART_HIDDEN] = RUNNER_HIDDEN};
    part_kind kind;
    const char *s;
    size_t len;
    while (r->io->stream && answer_stream(&t->text, &kind, &s, &len))
        r->io->stream(r->io->ctx, t->rq, as[kind], s, len);
}

static waage_status reply_generate(run *r, task *t, waage_err *err)
{
    const batch_job *j = &t->job;
    answer_end(&t->text);
    stream_text(r, t);
    reply rp = {.finish = t->is_done || t->text.stopped ? FINISH_STOP : FINISH_LENGTH,
                .tokens = j->tokens,
                .logprobs = j->logprobs,
                .n_tokens = j->n_new,
                .top = j->top ? j->top + j->top_from * j->n_top : NULL,
                .prompt_ids = j->score_prompt ? j->prompt : NULL,
                .prompt_logprobs = j->prompt_logprobs,
                .prompt_top = j->score_prompt ? j->top : NULL,
                .completion_tokens = (uint32_t)j->n_new};
    WAAGE_TRY(answer_split(&t->text, &rp, err));
    return give_reply(r, t, &rp, err);
}

static waage_status reply_loglik(run *r, task *t, waage_err *err)
{
    const batch_job *j = &t->job;
    choice_score *scores = arena_calloc(&t->arena, j->n_choices, sizeof *scores);
    if (!scores) return waage_err_nomem(err);
    reply rp = {.finish = FINISH_SCORED, .choices = scores, .n_choices = j->n_choices};
    for (size_t i = 0; i < j->n_choices; i++) {
        const batch_choice *c = &j->choices[i];
        const size_t n = c->n - c->cut;
        scores[i] = (choice_score){.n_tokens = (uint32_t)n,
                                   .greedy = true,
                                   .logprobs = c->logprobs,
                                   .tokens = c->tokens + c->cut};
        for (size_t k = 0; k < n; k++) {
            scores[i].logprob += (double)c->logprobs[k];
            scores[i].greedy = scores[i].greedy && c->greedy[k];
        }
        rp.completion_tokens += (uint32_t)n;
    }
    return give_reply(r, t, &rp, err);
}

/* ---- Hooks of the batch ---- */

/* With a budget for the thought the limit is the answer's alone. */
static bool answer_is_full(const task *t)
{
    return t->rq->think.budget > 0 && t->rq->max_tokens > 0 &&
           t->text.n_answer >= t->rq->max_tokens;
}

static bool on_token(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *then)
{
    run *r = ctx;
    task *t = job->user;
    (void)logprob;
    if (tokenizer_is_eog(r->m->tok, id)) {
        t->is_done = true;
        return true;
    }
    const bool stop = answer_put(&t->text, id) || answer_is_full(t);
    const size_t room = job->max_new - job->n_new;
    if (!stop && answer_wants_end(&t->text) && r->m->n_end_thought < room) {
        answer_force(&t->text, r->m->end_thought, r->m->n_end_thought);
        *then = (batch_forced){r->m->end_thought, r->m->n_end_thought};
    }
    if (!stop) stream_text(r, t);
    return stop;
}

static waage_status on_done(void *ctx, batch_job *job, waage_err *err)
{
    run *r = ctx;
    task *t = job->user;
    waage_status st = WAAGE_OK;
    if (r->m->model->n_mapped > 0) st = gguf_check_unchanged(r->m->file, err);
    if (st != WAAGE_OK) {
        free_task(r, t);
        return st;
    }
    if (job->error)
        st = reply_failure(r, t, FINISH_ERROR, job->error, err);
    else if (job->kind == REQUEST_GENERATE)
        st = reply_generate(r, t, err);
    else
        st = reply_loglik(r, t, err);
    free_task(r, t);
    return st;
}

/* ---- Requests ---- */

/* Too long for the model: said with the numbers, not cut off in silence. */
static const char *too_long(task *t, size_t n_tokens, size_t n_context)
{
    t->is_too_long = true;
    return arena_printf(&t->arena, "%zu tokens do not fit the model's context of %zu", n_tokens,
                        n_context);
}

static waage_status plan_generate(run *r, task *t, const char **refused, waage_err *err)
{
    const size_t n_context = r->m->model->p.n_context;
    const size_t room = n_context > t->p.n ? n_context - t->p.n : 0;
    (void)err;
    if (room == 0) {
        *refused = too_long(t, t->p.n + 1, n_context);
        return WAAGE_OK;
    }
    const channels *ch = t->rq->proto == PROTOCOL_CHAT ? r->m->prompts.ch : NULL;
    size_t want = t->rq->max_tokens > 0 ? t->rq->max_tokens : room;
    if (ch && t->rq->max_tokens > 0 && t->rq->think.budget > 0)
        want += t->rq->think.budget + r->m->n_end_thought + HEADERS;
    t->job.prompt = t->p.ids;
    t->job.n_prompt = t->p.n;
    t->job.max_new = want < room ? want : room;
    t->job.score_prompt = t->rq->score_prompt;
    t->job.n_top = t->rq->n_top < TOP_MAX ? t->rq->n_top : TOP_MAX;
    t->job.how = t->rq->sample_by;
    t->job.sample = t->rq->sample;
    t->job.item_key = t->rq->item_id ? hash_u64(t->rq->item_id, strlen(t->rq->item_id)) : 0;
    answer_init(&t->text, r->m->tok, t->rq, ch, t->p.part);
    return WAAGE_OK;
}

static waage_status plan_loglik(run *r, task *t, const char **refused, waage_err *err)
{
    prompt_choice *c;
    const size_t n_context = r->m->model->p.n_context;
    WAAGE_TRY(prompt_make_choices(&c, &r->m->prompts, &t->p, t->rq, &t->arena, err));
    batch_choice *b = arena_calloc(&t->arena, t->rq->n_choices, sizeof *b);
    if (!b) return waage_err_nomem(err);
    for (size_t i = 0; i < t->rq->n_choices; i++) {
        b[i] = (batch_choice){.tokens = c[i].ids, .n = c[i].n, .cut = c[i].cut};
        if (c[i].n > n_context) *refused = too_long(t, c[i].n, n_context);
    }
    t->job.choices = b;
    t->job.n_choices = t->rq->n_choices;
    if (t->rq->n_choices == 0) *refused = "a request without continuations to score";
    return WAAGE_OK;
}

/* Statuses that concern this request alone become its reply. */
static bool is_own_fault(waage_status st)
{
    return st == WAAGE_EUNSUPPORTED || st == WAAGE_EFORMAT || st == WAAGE_EINVAL;
}

static waage_status plan_task(run *r, task *t, const char **refused, waage_err *err)
{
    waage_status st = prompt_make(&t->p, &r->m->prompts, t->rq, &t->arena, err);
    t->job.kind = t->rq->kind;
    t->job.user = t;
    if (st == WAAGE_OK)
        st = t->rq->kind == REQUEST_GENERATE ? plan_generate(r, t, refused, err)
                                             : plan_loglik(r, t, refused, err);
    if (st == WAAGE_OK && !*refused) st = batch_add(r->b, &t->job, err);
    return st;
}

static waage_status add_request(run *r, const request *rq, waage_err *err)
{
    task *t = calloc(1, sizeof *t);
    if (!t) return waage_err_nomem(err);
    t->next = r->live;
    if (t->next) t->next->prev = t;
    r->live = t;
    t->rq = rq;
    t->t0 = now_ms();
    const char *refused = NULL;
    waage_err why = {0};
    waage_status st = plan_task(r, t, &refused, &why);
    if (is_own_fault(st)) {
        refused = why.msg;
        st = WAAGE_OK;
    }
    if (st == WAAGE_OK && !refused) return WAAGE_OK; /* it runs; free_task comes with its reply */
    if (st == WAAGE_OK)
        st = reply_failure(r, t, FINISH_UNSUPPORTED, refused, err);
    else
        (void)waage_err_set(err, st, "%s", why.msg);
    free_task(r, t);
    return st;
}

static void cancel_unwanted(run *r)
{
    for (task *t = r->io->is_cancelled ? r->live : NULL; t; t = t->next)
        if (r->io->is_cancelled(r->io->ctx, t->rq))
            batch_cancel(r->b, &t->job, "nobody waits for the answer any more");
}

static bool must_stop(const run *r)
{
    return r->io->must_stop ? r->io->must_stop(r->io->ctx) : interrupt_signal() != 0;
}

/* Take requests until every slot has something waiting behind it. */
static waage_status take_requests(run *r, waage_err *err)
{
    while (!r->ended && batch_n_waiting(r->b) < r->m->n_batch) {
        const request *rq = NULL;
        const runner_next next = r->io->next(r->io->ctx, &rq);
        if (next == RUNNER_END) r->ended = true;
        if (next == RUNNER_WAIT && batch_n_jobs(r->b) == 0) {
            if (!r->io->wait)
                return waage_err_set(err, WAAGE_EFAIL,
                                     "the caller waits for replies, but nothing runs");
            r->io->wait(r->io->ctx);
        }
        if (next != RUNNER_REQUEST) break;
        WAAGE_TRY(add_request(r, rq, err));
    }
    return WAAGE_OK;
}

static void show_progress(run *r)
{
    const double t = now_ms();
    if (!r->io->progress || t - r->t_progress < 100) return;
    r->t_progress = t;
    const batch_totals n = batch_get_totals(r->b);
    r->io->progress(r->io->ctx, n.prompt_tokens, n.new_tokens);
}

static void log_guesses(batch_totals n)
{
    if (n.n_drafted > 0)
        log_debug("%" PRIu64 " tokens guessed for the last sequences, %" PRIu64
                  " of them right; %" PRIu64 " tokens written",
                  n.n_drafted, n.n_accepted, n.new_tokens);
}

static waage_status run_all(run *r, waage_err *err)
{
    for (;;) {
        if (must_stop(r))
            return waage_err_set(err, WAAGE_EINTR, "interrupted by signal %d", interrupt_signal());
        cancel_unwanted(r);
        WAAGE_TRY(take_requests(r, err));
        if (batch_n_jobs(r->b) == 0 && r->ended) return WAAGE_OK;
        if (batch_n_jobs(r->b) > 0) WAAGE_TRY(batch_step(r->b, err));
        show_progress(r);
    }
}

waage_status local_run(runner *base, const runner_io *io, waage_err *err)
{
    run r = {.m = (local_model *)base, .io = io};
    const local_model *m = r.m;
    if (!m->model)
        return waage_err_set(err, WAAGE_EINVAL, "%s was opened for its facts only", m->info.uri);
    const batch_options bo = {.m = m->model,
                              .kern = m->kern,
                              .grade = m->grade,
                              .threads = m->threads,
                              .kv = m->kv,
                              .n_slots = m->n_batch,
                              .chunk_tokens = m->chunk_tokens,
                              .draft = draft_lookup,
                              .hooks = {&r, on_token, on_done}};
    WAAGE_TRY(batch_create(&r.b, &bo, err));
    const waage_status st = run_all(&r, err);
    log_guesses(batch_get_totals(r.b));
    batch_free(r.b);
    while (r.live)
        free_task(&r, r.live);
    return st;
}
