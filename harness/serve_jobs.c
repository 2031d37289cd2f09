/* serve_jobs.c - the list of jobs is guarded by a lock; a job itself belongs to the model's thread
 * once it is in the list, but for n_given. */
#include "harness/serve_jobs.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "harness/base/interrupt.h"
#include "harness/serve_send.h"
#include "harness/base/stopwatch.h"

/* How often clients are looked for that have gone, and how long an idle server sleeps at most: then
 * it looks whether a signal came. */
static const double look_seconds = 0.1, nap_seconds = 0.25;

/* Log-probabilities of long prompts make long answers: of one request, and of all that are not
 * complete. */
static const size_t max_answer = (size_t)64 << 20, max_answers = (size_t)512 << 20;

typedef struct job job;

typedef struct { /* of a call, by events */
    bool begun;
    size_t n_answer; /* bytes */
    bool in_thought, had_thought;
} streamed;

struct job {
    serve_jobs *q;
    serve_exchange *x; /* held */
    serve_ask ask;
    strbuf *choices; /* (n_calls) */
    size_t n_given;  /* calls that the runner has; locked */
    size_t n_open;   /* calls that have no reply yet */
    bool begun;      /* of a stream: its head went out */
    bool unwanted;   /* client gone, or a call failed: the rest is dropped */
    serve_fault fault;
    serve_title title;
    serve_usage usage;
    size_t n_bytes; /* of choices */
    streamed *told; /* (n_calls) */
    job *next;
};

struct serve_jobs {
    serve_jobs_options opt;
    pthread_mutex_t lock;
    pthread_cond_t come;
    job *first, *last; /* by age */
    size_t n_waiting, n_running;
    uint64_t n_jobs;
    bool stopping;
    bool stop_begun; /* what follows belongs to the model's thread */
    size_t n_bytes;  /* of all jobs */
    double stop_at, look_at;
};

static void lock(serve_jobs *q)
{
    (void)pthread_mutex_lock(&q->lock);
}

static void unlock(serve_jobs *q)
{
    (void)pthread_mutex_unlock(&q->lock);
}

/* ---- Life ---- */

waage_status serve_jobs_create(serve_jobs **out, const serve_jobs_options *opt, waage_err *err)
{
    pthread_condattr_t attr;
    serve_jobs *q = calloc(1, sizeof *q);
    *out = q;
    if (!q) return waage_err_nomem(err);
    q->opt = *opt;
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&q->come, &attr);
    (void)pthread_condattr_destroy(&attr);
    return WAAGE_OK;
}

static void free_job(job *j)
{
    for (size_t i = 0; j->choices && i < j->ask.n_calls; i++)
        strbuf_free(&j->choices[i]);
    free(j->choices);
    free(j->told);
    serve_ask_free(&j->ask);
    free(j);
}

void serve_jobs_free(serve_jobs *q)
{
    if (!q) return;
    (void)pthread_cond_destroy(&q->come);
    (void)pthread_mutex_destroy(&q->lock);
    free(q);
}

/* ---- Adding, on the thread of HTTP ---- */

static job *create_job(serve_jobs *q, serve_exchange *x, serve_ask *ask)
{
    job *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    j->q = q;
    j->x = x;
    j->choices = calloc(ask->n_calls, sizeof *j->choices);
    j->told = calloc(ask->n_calls, sizeof *j->told);
    if (!j->choices || !j->told) {
        free(j->choices);
        free(j->told);
        free(j);
        return NULL;
    }
    j->ask = *ask;
    j->n_open = ask->n_calls;
    for (size_t i = 0; i < ask->n_calls; i++)
        ask->calls[i].owner = j;
    return j;
}

/* Locked. Is there room for n more answers? */
static bool may_add(serve_jobs *q, size_t n, serve_fault *why)
{
    if (q->stopping) {
        serve_fault_set(why, 503, "server_error", "stopping", NULL, "the server is stopping");
        return false;
    }
    if (q->n_waiting + n <= q->opt.max_waiting) return true;
    const double lately = serve_metrics_lately(q->opt.metrics);
    serve_fault_set(why, 429, "rate_limit_error", "queue_full", NULL,
                    "%zu answers wait already; at most %zu may", q->n_waiting, q->opt.max_waiting);
    why->retry_after = lately < 1 ? 1 : lately > 60 ? 60 : (unsigned)lately + 1;
    return false;
}

bool serve_jobs_add(serve_jobs *q, serve_exchange *x, serve_ask *ask, serve_fault *why)
{
    job *j = create_job(q, x, ask);
    if (!j) {
        serve_fault_set(why, 500, "server_error", NULL, NULL, "out of memory");
        return false;
    }
    serve_exchange_hold(x);
    lock(q);
    const bool ok = may_add(q, ask->n_calls, why);
    if (ok) {
        j->title = (serve_title){ask->api, ++q->n_jobs, (int64_t)time(NULL), q->opt.model,
                                 q->opt.fingerprint};
        *ask = (serve_ask){.api = ask->api};
        *(q->last ? &q->last->next : &q->first) = j;
        q->last = j;
        q->n_waiting += j->n_open;
        (void)pthread_cond_signal(&q->come);
    }
    unlock(q);
    if (!ok) {
        serve_exchange_release(x);
        j->ask = (serve_ask){.api = ask->api}; /* is the caller's */
        free_job(j);
    }
    return ok;
}

void serve_jobs_count(serve_jobs *q, size_t *n_waiting, size_t *n_running)
{
    lock(q);
    *n_waiting = q->n_waiting;
    *n_running = q->n_running;
    unlock(q);
}

bool serve_jobs_is_stopping(serve_jobs *q)
{
    lock(q);
    const bool is = q->stopping;
    unlock(q);
    return is;
}

void serve_jobs_stop(serve_jobs *q)
{
    lock(q);
    q->stopping = true;
    (void)pthread_cond_signal(&q->come);
    unlock(q);
}

/* ---- Answers, on the model's thread ---- */

static void forget_job(serve_jobs *q, job *j)
{
    lock(q);
    job *prev = NULL;
    for (job *k = q->first; k != j; k = k->next)
        prev = k;
    *(prev ? &prev->next : &q->first) = j->next;
    if (q->last == j) q->last = prev;
    unlock(q);
}

static void put_events(job *j, strbuf *events)
{
    static const serve_answer_head head = {.status = 200, .type = "text/event-stream"};
    if (!j->begun) serve_exchange_begin(j->x, &head);
    j->begun = true;
    serve_exchange_put(j->x, strbuf_str(events), events->len);
    strbuf_free(events);
}

static void end_stream(job *j)
{
    strbuf events = STRBUF_EMPTY;
    serve_metrics *m = j->q->opt.metrics;
    if (j->fault.status) {
        serve_event_fault(&events, &j->fault);
    } else {
        if (j->ask.include_usage) serve_event_usage(&events, &j->title, &j->usage);
        serve_event_done(&events);
    }
    put_events(j, &events);
    serve_metrics_count(m, serve_exchange_path(j->x), j->fault.status ? j->fault.status : 200,
                        stopwatch_now() - serve_exchange_begun(j->x));
    serve_exchange_end(j->x);
}

/* All calls have their reply: answer and forget. */
static void finish_job(job *j)
{
    serve_metrics *m = j->q->opt.metrics;
    forget_job(j->q, j);
    j->q->n_bytes -= j->n_bytes;
    if (!j->fault.status) serve_metrics_add_usage(m, &j->usage);
    if (j->begun) {
        end_stream(j);
    } else if (j->fault.status) {
        serve_send_fault(m, j->x, &j->fault);
    } else {
        strbuf body = STRBUF_EMPTY;
        serve_answer_body(&body, &j->title, j->choices, j->ask.n_calls, &j->usage);
        serve_send_json(m, j->x, &body, true);
    }
    serve_exchange_release(j->x);
    free_job(j);
}

static void give_up(job *j, int status, const char *type, const char *code, const char *msg)
{
    j->unwanted = true;
    if (!j->fault.status) serve_fault_set(&j->fault, status, type, code, NULL, "%s", msg);
}

static void begin_choice(job *j, size_t i, strbuf *events)
{
    if (!j->told[i].begun && j->ask.api == SERVE_CHAT) serve_event_role(events, &j->title, i);
    j->told[i].begun = true;
}

/* What was not streamed already: markers that turned out to be text, a reply of a runner that does
 * not stream. */
static void stream_reply(job *j, size_t i, const reply *rp)
{
    strbuf events = STRBUF_EMPTY;
    const streamed *t = &j->told[i];
    begin_choice(j, i, &events);
    if (rp->text_len > t->n_answer && !j->ask.drops_new)
        serve_event_text(&events, &j->title, i, false, rp->text + t->n_answer,
                         rp->text_len - t->n_answer);
    serve_event_finish(&events, &j->title, i, rp->finish);
    put_events(j, &events);
}

static waage_status take_answer(job *j, size_t i, const reply *rp, waage_err *err)
{
    if (rp->finish == FINISH_UNSUPPORTED)
        give_up(j, 400, "invalid_request_error", rp->is_too_long ? "context_length_exceeded" : NULL,
                rp->error);
    else if (rp->finish == FINISH_ERROR)
        give_up(j, 500, "server_error", NULL, rp->error);
    if (j->unwanted) return WAAGE_OK;
    if (i % j->ask.n == 0) { /* samples of one prompt: it counts once */
        j->usage.prompt += rp->prompt_tokens;
        j->usage.cached += rp->cached_tokens;
    }
    j->usage.thought += rp->thought_tokens;
    if (!j->ask.drops_new) j->usage.completion += rp->completion_tokens;
    if (j->ask.stream) {
        stream_reply(j, i, rp);
        return WAAGE_OK;
    }
    j->choices[i].max = max_answer;
    WAAGE_TRY(serve_answer_choice(&j->choices[i], &j->ask, i, rp, j->q->opt.r, err));
    j->n_bytes += j->choices[i].len;
    j->q->n_bytes += j->choices[i].len;
    return j->n_bytes > max_answer || j->q->n_bytes > max_answers ? waage_err_nomem(err) : WAAGE_OK;
}

/* ---- The runner's side ---- */

/* Locked. Calls that were not given yet are not wanted any more. */
static void drop_rest(serve_jobs *q, job *j)
{
    const size_t n = j->ask.n_calls - j->n_given;
    j->n_given += n;
    j->n_open -= n;
    q->n_waiting -= n;
}

static job *job_of(const request *rq, size_t *i)
{
    const serve_call *call = (const serve_call *)(const void *)rq;
    job *j = call->owner;
    *i = (size_t)(call - j->ask.calls);
    return j;
}

/* Clients that have gone, connections that are too slow, a signal: every now and then. */
static void look_around(serve_jobs *q)
{
    const double t = stopwatch_now();
    if (t < q->look_at) return;
    q->look_at = t + look_seconds;
    q->opt.sweep(q->opt.ctx);
    if (interrupt_signal()) serve_jobs_stop(q);
    if (serve_jobs_is_stopping(q) && !q->stop_begun) {
        q->stop_begun = true;
        q->stop_at = t + q->opt.grace;
        q->opt.stopped(q->opt.ctx);
    }
    lock(q);
    job *j = q->first;
    unlock(q);
    while (j) { /* only this thread takes jobs away */
        if (!j->unwanted && serve_exchange_is_gone(j->x))
            give_up(j, 499, "server_error", NULL, "the client has gone");
        lock(q);
        if (j->unwanted) drop_rest(q, j);
        job *next = j->next;
        unlock(q);
        if (j->n_open == 0) finish_job(j);
        j = next;
    }
}

static runner_next give(void *ctx, const request **out)
{
    serve_jobs *q = ctx;
    runner_next next = RUNNER_WAIT;
    lock(q);
    job *j = q->first;
    while (j && (j->n_given == j->ask.n_calls || j->unwanted))
        j = j->next;
    if (j) {
        *out = &j->ask.calls[j->n_given++].rq;
        q->n_waiting--;
        q->n_running++;
        next = RUNNER_REQUEST;
    } else if (q->stopping && q->n_waiting == 0) {
        next = RUNNER_END;
    }
    unlock(q);
    return next;
}

static waage_status take(void *ctx, const request *rq, const reply *rp, waage_err *err)
{
    serve_jobs *q = ctx;
    size_t i;
    job *j = job_of(rq, &i);
    lock(q);
    q->n_running--;
    unlock(q);
    const waage_status st = take_answer(j, i, rp, err);
    if (st != WAAGE_OK)
        give_up(j, 500, "server_error", "answer_too_large",
                "no memory for an answer of this size; ask for fewer at a time, or for fewer "
                "log-probabilities");
    j->n_open--;
    lock(q);
    if (j->unwanted) drop_rest(q, j);
    unlock(q);
    if (j->n_open == 0) finish_job(j);
    return WAAGE_OK;
}

static void stream(void *ctx, const request *rq, runner_channel channel, const char *text,
                   size_t len)
{
    size_t i;
    strbuf events = STRBUF_EMPTY;
    job *j = job_of(rq, &i);
    streamed *t = &j->told[i];
    const bool is_thought = channel == RUNNER_THOUGHT;
    (void)ctx;
    if (!j->ask.stream || j->ask.drops_new || j->unwanted) return;
    if (channel != RUNNER_HIDDEN) {
        begin_choice(j, i, &events);
        if (is_thought && t->had_thought && !t->in_thought) /* as the whole answer joins them */
            serve_event_text(&events, &j->title, i, true, "\n\n", 2);
        serve_event_text(&events, &j->title, i, is_thought, text, len);
        if (!is_thought) t->n_answer += len;
        put_events(j, &events);
    }
    t->in_thought = is_thought;
    t->had_thought = t->had_thought || is_thought;
}

static void wait_for_jobs(void *ctx)
{
    serve_jobs *q = ctx;
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)(nap_seconds * 1e9);
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    lock(q);
    if (q->n_waiting == 0 && !q->stopping) (void)pthread_cond_timedwait(&q->come, &q->lock, &t);
    unlock(q);
}

static bool is_cancelled(void *ctx, const request *rq)
{
    size_t i;
    (void)ctx;
    return job_of(rq, &i)->unwanted;
}

static bool must_stop(void *ctx)
{
    serve_jobs *q = ctx;
    look_around(q);
    return q->stop_begun && stopwatch_now() > q->stop_at;
}

waage_status serve_jobs_run(serve_jobs *q, waage_err *err)
{
    const runner_io io = {.ctx = q,
                          .next = give,
                          .done = take,
                          .stream = stream,
                          .wait = wait_for_jobs,
                          .is_cancelled = is_cancelled,
                          .must_stop = must_stop};
    const waage_status st = q->opt.r->ops->run(q->opt.r, &io, err);
    const bool failed = st != WAAGE_OK && st != WAAGE_EINTR;
    serve_jobs_stop(q);
    while (q->first) { /* nothing is added any more */
        job *j = q->first;
        give_up(j, failed ? 500 : 503, "server_error", failed ? "engine_failed" : "stopping",
                failed ? "the engine has failed" : "the server has stopped");
        finish_job(j);
    }
    return failed ? st : WAAGE_OK;
}
