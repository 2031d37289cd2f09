/* http_run.c - the loop over requests under way: start as many as the pacer allows, judge what
 * comes back, repeat what failed, deliver what is done. */
#include "harness/base/body.h"
#include "harness/base/hash.h"
#include "harness/base/interrupt.h"
#include "harness/base/log.h"
#include "harness/base/stopwatch.h"
#include "runners/http/fault.h"
#include "runners/http/http_internal.h"
#include "runners/http/price.h"
#include "runners/http/score.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long answers that are paid for are waited for once the run must end. */
static const double drain_seconds = 20;
/* A server that nobody ever reached is given up sooner: a wrong address is the likelier reason. */
static const double first_patience = 10;
enum { N_LOG_MOST = 64, N_WAITS_MOST = 40 };

typedef struct job job;

struct job {
    transport_call call;
    const request *rq;
    const dialect *d;
    arena mem;
    size_t step; /* loglik: the choice under way */
    bool echo;   /* loglik: asked for by echo */
    unsigned n_failed, n_waited;
    double begun, due; /* due: when it may be sent again */
    bool running;
    wire_exchange *log; /* in mem, room for N_LOG_MOST */
    size_t n_log;
    const char *sent; /* body under way, in mem */
    size_t n_sent;
    char at[24];
    choice_score *scores;                      /* loglik, in mem */
    uint32_t n_prompt, n_cached, n_completion; /* summed over steps, as is the cost */
    bool has_cost;
    double cost;
    double wasted; /* dollars for replies that were of no use, but billed */
    job *next;     /* list of all */
};

typedef struct {
    http *h;
    const runner_io *io;
    transport *t;
    pacer pace;
    job *jobs;
    size_t n_running, n_waiting;
    size_t n_success, n_throttled, n_repeated;
    double ill_since; /* first failure after the last success; negative: none */
    bool ended;       /* next() gave END */
    bool draining;    /* nothing starts any more */
    double drain_until;
    waage_status status; /* why it drains */
    waage_err *err;
    uint64_t prompt_tokens, completion_tokens;
} loop;

/* ---- Jobs ---- */

static job *job_create(loop *l, const request *rq)
{
    job *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    j->rq = rq;
    j->call.owner = j;
    j->begun = stopwatch_now();
    j->next = l->jobs;
    l->jobs = j;
    return j;
}

static void job_free(loop *l, job *j)
{
    for (job **p = &l->jobs; *p; p = &(*p)->next)
        if (*p == j) {
            *p = j->next;
            break;
        }
    if (j->running) {
        transport_cancel(l->t, &j->call);
        l->n_running--;
    }
    transport_release(&j->call);
    arena_free(&j->mem);
    free(j);
}

static void now_as_text(char out[24])
{
    const time_t t = time(NULL);
    struct tm tm;
    gmtime_r(&t, &tm);
    (void)strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static value *build_body(const loop *l, job *j)
{
    const request *rq = j->rq;
    if (rq->kind == REQUEST_GENERATE) return j->d->build(&l->h->e, rq, l->h->without, &j->mem);
    const char *text =
        arena_printf(&j->mem, "%s%s", rq->prompt ? rq->prompt : "", rq->choice[j->step]);
    j->echo = !l->h->no_echo;
    return text ? dialect_build_score(&l->h->e, text, j->echo, l->h->without, &j->mem) : NULL;
}

static waage_status job_send(loop *l, job *j)
{
    strbuf b = STRBUF_EMPTY;
    const value *body = build_body(l, j);
    if (body) value_put_json(&b, body, 0);
    j->sent = body && !b.failed ? arena_strndup(&j->mem, strbuf_str(&b), b.len) : NULL;
    j->n_sent = b.len;
    strbuf_free(&b);
    transport_call *c = &j->call;
    c->url = dialect_url(j->d, &l->h->e, &j->mem);
    c->body = j->sent;
    c->body_len = j->n_sent;
    c->n_headers = 0;
    c->headers[c->n_headers++] = "Content-Type: application/json";
    if (l->h->key_header) c->headers[c->n_headers++] = l->h->key_header;
    if (j->d->header) c->headers[c->n_headers++] = j->d->header;
    if (!j->sent || !c->url) return waage_err_nomem(l->err);
    now_as_text(j->at);
    WAAGE_TRY(transport_start(l->t, c, l->err));
    j->running = true;
    l->n_running++;
    return WAAGE_OK;
}

/* ---- Ending ---- */

/* Nothing starts any more; what is under way may still arrive. The first reason counts. */
static void drain(loop *l, waage_status why)
{
    if (l->draining) return;
    l->draining = true;
    l->status = why;
    l->drain_until = stopwatch_now() + drain_seconds;
    if (l->n_running)
        log_info("%s: waiting up to %g s for %zu answers under way", l->h->e.host, drain_seconds,
                 l->n_running);
}

static waage_status deliver(loop *l, job *j, reply *rp)
{
    rp->exchanges = j->log;
    rp->n_exchanges = j->n_log;
    rp->wall_ms = 1000 * (stopwatch_now() - j->begun);
    if (!rp->host) rp->host = l->h->e.host;
    if (!rp->served_at && j->at[0]) rp->served_at = j->at;
    if (rp->finish == FINISH_ERROR) rp->is_final = true;
    if (!rp->has_cost && l->h->info.price) {
        rp->has_cost = true;
        rp->cost =
            price_of(l->h->info.price, rp->prompt_tokens, rp->cached_tokens, rp->completion_tokens);
    }
    if (j->wasted > 0) {
        rp->has_cost = true;
        rp->cost += j->wasted;
    }
    l->prompt_tokens += rp->prompt_tokens;
    l->completion_tokens += rp->completion_tokens;
    const waage_status st = l->io->done(l->io->ctx, j->rq, rp, l->err);
    job_free(l, j);
    if (l->io->progress) l->io->progress(l->io->ctx, l->prompt_tokens, l->completion_tokens);
    return st;
}

/* What the steps of a job took together. */
static void put_sums(reply *rp, const job *j)
{
    rp->prompt_tokens = j->n_prompt;
    rp->cached_tokens = j->n_cached;
    rp->completion_tokens = j->n_completion;
    rp->has_cost = j->has_cost;
    rp->cost = j->cost;
}

static waage_status deliver_failure(loop *l, job *j, finish_reason f, const char *why)
{
    const char *text = arena_strdup(&j->mem, why);
    reply rp = {.finish = f, .error = text ? text : "", .text = ""};
    put_sums(&rp, j);
    return deliver(l, j, &rp);
}

/* Stop strings that the server did not take, or does not know how to honour. */
static void cut_at_stop(reply *rp, const request *rq, arena *a)
{
    size_t first = rp->text_len;
    for (size_t i = 0; i < rq->n_stop; i++) {
        const char *at = rq->stop[i][0] ? strstr(rp->text, rq->stop[i]) : NULL;
        if (at && (size_t)(at - rp->text) < first) first = (size_t)(at - rp->text);
    }
    if (first == rp->text_len) return;
    const char *cut = arena_strndup(a, rp->text, first);
    if (!cut) return;
    rp->text = cut;
    rp->text_len = first;
    if (rp->finish == FINISH_LENGTH) rp->finish = FINISH_STOP;
}

/* ---- What came ---- */

/* Bytes of text that spell `c`: itself, or JSON's escapes for it; 0: they spell something else. */
static size_t spells(const char *text, size_t len, char c)
{
    if (len && text[0] == c) return 1;
    if (len < 2 || text[0] != '\\') return 0;
    if (text[1] == c) return c == '/' || c == '"' || c == '\\' ? 2 : 0;
    if (len < 6 || text[1] != 'u') return 0;
    const char hex[5] = {text[2], text[3], text[4], text[5], '\0'};
    char *end;
    const unsigned long code = strtoul(hex, &end, 16);
    return *end == '\0' && code == (unsigned char)c ? 6 : 0;
}

/* Some services quote the key that they refuse: it must not get into logs or stores, in whatever
 * spelling JSON allows. */
static void hide_key(char *text, size_t len, const char *key)
{
    if (!key || strlen(key) < 4) return;
    for (size_t i = 0; i < len; i++) {
        size_t n = 0, step = 1;
        for (const char *k = key; *k && step; k++) {
            step = spells(text + i + n, len - i - n, *k);
            n += step;
        }
        if (step) memset(text + i, '*', n);
    }
}

/* A reply of no use may be billed all the same. */
static void note_waste(loop *l, job *j, const value *body)
{
    const transport_call *c = &j->call;
    const runner_price *price = l->h->info.price;
    reply rp = {0};
    if (!(body ? body_find_usage(&rp, body)
               : c->got.len && body_find_usage_in_text(&rp, c->got.s, c->got.len, &j->mem)))
        return;
    if (rp.has_cost)
        j->wasted += rp.cost;
    else if (price)
        j->wasted += price_of(price, rp.prompt_tokens, rp.cached_tokens, rp.completion_tokens);
}

static waage_status note_exchange(loop *l, job *j, const char *fault_name)
{
    const transport_call *c = &j->call;
    if (!j->log) j->log = arena_calloc(&j->mem, N_LOG_MOST, sizeof *j->log);
    if (!j->log) return waage_err_nomem(l->err);
    if (j->n_log == N_LOG_MOST) { /* of a long storm the beginning and the end are kept */
        memmove(&j->log[N_LOG_MOST / 2], &j->log[N_LOG_MOST / 2 + 1],
                (N_LOG_MOST / 2 - 1) * sizeof *j->log);
        j->n_log--;
    }
    const char *got = arena_strndup(&j->mem, strbuf_str(&c->got), c->got.len);
    const char *at = arena_strdup(&j->mem, j->at);
    const char *why = fault_name ? arena_strdup(&j->mem, fault_name) : NULL;
    if (!got || !at || (fault_name && !why)) return waage_err_nomem(l->err);
    j->log[j->n_log++] = (wire_exchange){.sent = j->sent,
                                         .n_sent = j->n_sent,
                                         .got = got,
                                         .n_got = c->got.len,
                                         .status = c->status,
                                         .at = at,
                                         .fault = why,
                                         .ms = c->ms};
    return WAAGE_OK;
}

static waage_status take_answer(loop *l, job *j, const value *body)
{
    reply rp = {0};
    WAAGE_TRY(body_read(&rp, body, &j->mem, l->err));
    cut_at_stop(&rp, j->rq, &j->mem);
    return deliver(l, j, &rp);
}

/* Send it again later. */
static void put_off(loop *l, job *j, double pause)
{
    j->due = stopwatch_now() + pause;
    l->n_waiting++;
    l->n_repeated++;
}

/* The probe: an echo that does not come is asked for as prompt_logprobs, unless other echoes came.
 * true: this job was sent again so. */
static bool try_without_echo(loop *l, job *j)
{
    http *h = l->h;
    if (j->step > 0 || !j->echo || (h->has_scored && !h->no_echo)) return false;
    h->no_echo = true;
    put_off(l, j, 0);
    return true;
}

static waage_status take_score(loop *l, job *j, const value *body)
{
    const request *rq = j->rq;
    const char *why = NULL, *prompt = rq->prompt ? rq->prompt : "";
    const char *text = arena_printf(&j->mem, "%s%s", prompt, rq->choice[j->step]);
    if (!j->scores) j->scores = arena_calloc(&j->mem, rq->n_choices, sizeof *j->scores);
    if (!text || !j->scores) return waage_err_nomem(l->err);
    reply rp = {0};
    WAAGE_TRY(body_read(&rp, body, &j->mem, l->err));
    if (!(j->echo ? score_read : score_read_prompt)(&j->scores[j->step], body, text, strlen(prompt),
                                                    &why, &j->mem)) {
        note_waste(l, j, body);
        if (try_without_echo(l, j)) return WAAGE_OK;
        /* What the first request finds holds for all. Once scores have come, a failure is the
         * item's own: an empty prompt, say, whose first token has no probability. */
        if (j->step == 0 && !l->h->has_scored) l->h->no_scores = why;
        return deliver_failure(l, j, FINISH_UNSUPPORTED, why);
    }
    j->n_prompt += rp.prompt_tokens;
    j->n_cached += rp.cached_tokens;
    j->n_completion += rp.completion_tokens;
    j->has_cost = rp.has_cost;
    j->cost += rp.cost;
    if (!l->h->has_scored) l->h->no_echo = !j->echo;
    l->h->has_scored = true;
    if (++j->step < rq->n_choices) {
        j->due = 0;
        l->n_waiting++;
        return WAAGE_OK;
    }
    rp.finish = FINISH_SCORED;
    rp.error = NULL;
    rp.text = "";
    rp.text_len = 0;
    rp.choices = j->scores;
    rp.n_choices = rq->n_choices;
    put_sums(&rp, j);
    return deliver(l, j, &rp);
}

/* A server that has not answered anyone for too long ends the run; its items stay undone. */
static bool is_hopeless(const loop *l, double now, double pause, const transport_call *c)
{
    double patience = l->h->e.patience;
    if (l->n_success == 0 && c->fault == TRANSPORT_REFUSED && patience > first_patience)
        patience = first_patience;
    return l->ill_since >= 0 && now + pause - l->ill_since > patience;
}

static void stop_run(loop *l, const char *why)
{
    if (l->draining) return;
    drain(l, waage_err_set(l->err, WAAGE_EFAIL,
                           "%s: %s; what was done is kept, the same command "
                           "goes on",
                           l->h->e.host, why));
}

static waage_status handle_failure(loop *l, job *j, const fault *f)
{
    const transport_call *c = &j->call;
    const double now = stopwatch_now();
    char why[512];
    if (l->ill_since < 0) l->ill_since = now;
    if (f->kind == FAULT_THROTTLE) {
        l->n_throttled++;
        pacer_note_throttle(&l->pace, c->begun, now, c->retry_after);
    }
    if (f->kind == FAULT_RETRY)
        j->n_failed++;
    else
        j->n_waited++;
    const double pause = pacer_pause(&l->pace, j->n_failed + j->n_waited, c->retry_after);
    log_debug("%s: %s (item %s); again in %.1f s", l->h->e.host, f->why,
              j->rq->item_id ? j->rq->item_id : "-", pause);
    if (j->n_failed >= l->h->e.n_attempts) return deliver_failure(l, j, FINISH_ERROR, f->why);
    if (is_hopeless(l, now, pause, c)) {
        snprintf(why, sizeof why, "no answer for %.0f s: %.300s", now - l->ill_since, f->why);
        if (c->retry_after > l->h->e.patience)
            snprintf(why, sizeof why, "asks to wait %.0f s: %.300s", c->retry_after, f->why);
        stop_run(l, why);
    }
    put_off(l, j, pause);
    return WAAGE_OK;
}

/* For reports: what was not asked as others were. A renamed limit was asked all the same. */
static waage_status note_left_out(http *h, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    for (int k = 0; k < FIELD_COUNT; k++)
        if ((h->without & 1U << k) && k != FIELD_LIMIT)
            strbuf_printf(&b, "%s%s", b.len ? ", " : "", dialect_field_name((dialect_field)k));
    h->info.left_out = b.len ? arena_strdup(&h->a, strbuf_str(&b)) : NULL;
    const bool failed = b.failed || (b.len && !h->info.left_out);
    strbuf_free(&b);
    return failed ? waage_err_nomem(err) : WAAGE_OK;
}

static waage_status handle_field(loop *l, job *j, const fault *f)
{
    const unsigned bit = 1U << f->field;
    /* Requests under way when it was learnt are refused too, and just sent again without it. */
    const bool was_sent_without = (l->h->without & bit) && j->n_failed > 0;
    if (was_sent_without && j->n_failed >= 3) return deliver_failure(l, j, FINISH_ERROR, f->why);
    if (!(l->h->without & bit)) {
        l->h->without |= bit;
        log_warn("%s refuses '%s', which is %s from now on: %s", l->h->e.host,
                 dialect_field_name(f->field), f->field == FIELD_LIMIT ? "renamed" : "left out",
                 f->why);
        WAAGE_TRY(note_left_out(l->h, l->err));
    }
    j->n_failed++;
    put_off(l, j, 0);
    return WAAGE_OK;
}

/* Servers that need no key are asked without one, so the first to hear of it is the user. */
static void stop_for(loop *l, job *j, const char *why)
{
    const char *name = l->h->e.service->key_name;
    const bool lacks_key = j->call.status == 401 && !l->h->key;
    const char *more =
        lacks_key
            ? arena_printf(&j->mem, "%.300s (none was sent: set %s or %s_FILE)", why, name, name)
            : NULL;
    stop_run(l, more ? more : why);
}

static waage_status handle(loop *l, job *j)
{
    transport_call *c = &j->call;
    value *body = NULL;
    fault f;
    j->running = false;
    l->n_running--;
    if (c->got.s) hide_key(c->got.s, c->got.len, l->h->key);
    hide_key(c->why, strlen(c->why), l->h->key);
    hide_key(c->location, strlen(c->location), l->h->key);
    if (c->fault == TRANSPORT_FINE && c->got.len &&
        json_parse(&body, &j->mem, c->got.s, c->got.len, "reply", 1, NULL) != WAAGE_OK)
        body = NULL;
    const bool plain = j->rq->proto == PROTOCOL_COMPLETION;
    fault_judge(&f, c, body, plain);
    if (f.kind == FAULT_NONE) { /* JSON, but is it an answer? */
        reply rp = {0};
        WAAGE_TRY(body_read(&rp, body, &j->mem, l->err));
        if (rp.finish == FINISH_ERROR) {
            f.kind = FAULT_RETRY;
            snprintf(f.why, sizeof f.why, "%s", rp.error);
        }
    }
    fault_clean(&f);
    if (f.kind != FAULT_NONE) note_waste(l, j, body);
    WAAGE_TRY(note_exchange(l, j, f.kind == FAULT_NONE ? NULL : f.why));
    transport_release(c);
    switch (f.kind) {
    case FAULT_NONE:
        l->n_success++;
        l->ill_since = -1;
        pacer_note_success(&l->pace);
        return j->rq->kind == REQUEST_LOGLIK ? take_score(l, j, body) : take_answer(l, j, body);
    case FAULT_RETRY:
    case FAULT_WAIT:
    case FAULT_THROTTLE:
        return handle_failure(l, j, &f);
    case FAULT_FIELD:
        return handle_field(l, j, &f);
    case FAULT_ERROR: /* some servers refuse echo itself */
        if (j->rq->kind == REQUEST_LOGLIK && c->status == 400 && try_without_echo(l, j))
            return WAAGE_OK;
        return deliver_failure(l, j, FINISH_ERROR, f.why);
    case FAULT_FILTER:
        return deliver_failure(l, j, FINISH_FILTER, f.why);
    case FAULT_UNSUPPORTED:
        if (j->rq->kind == REQUEST_LOGLIK && (c->status == 404 || c->status == 405))
            l->h->no_scores = "the server has no completions API";
        return deliver_failure(l, j, FINISH_UNSUPPORTED, f.why);
    case FAULT_STOP:
        stop_for(l, j, f.why);
        put_off(l, j, 0); /* dropped with the rest when the run has drained */
        return WAAGE_OK;
    }
    return WAAGE_OK;
}

/* ---- What starts ---- */

static waage_status begin(loop *l, const request *rq)
{
    const char *why = NULL;
    job *j = job_create(l, rq);
    if (!j) return waage_err_nomem(l->err);
    j->d = dialect_find(&l->h->e, rq, &why);
    if (j->d && rq->kind == REQUEST_LOGLIK) {
        if (l->h->no_scores) why = l->h->no_scores;
        if (rq->n_choices == 0) why = "no continuations are given";
    }
    return why ? deliver_failure(l, j, FINISH_UNSUPPORTED, why) : job_send(l, j);
}

/* Jobs whose pause is over come first: they have waited. */
static waage_status start_due(loop *l, double now)
{
    for (job *j = l->jobs; j && l->n_waiting; j = j->next) {
        if (j->running || j->due > now) continue;
        if (!pacer_may_start(&l->pace, l->n_running, now)) return WAAGE_OK;
        l->n_waiting--;
        WAAGE_TRY(job_send(l, j));
    }
    return WAAGE_OK;
}

static waage_status start_new(loop *l, double now)
{
    while (!l->ended && pacer_may_start(&l->pace, l->n_running + l->n_waiting, now)) {
        const request *rq = NULL;
        switch (l->io->next(l->io->ctx, &rq)) {
        case RUNNER_END:
            l->ended = true;
            return WAAGE_OK;
        case RUNNER_WAIT:
            return WAAGE_OK;
        case RUNNER_REQUEST:
            WAAGE_TRY(begin(l, rq));
        }
    }
    return WAAGE_OK;
}

/* Seconds until a pause ends, at most a quarter: interrupts and deadlines are looked at. */
static double next_event(const loop *l, double now)
{
    double wait = 0.25;
    for (const job *j = l->jobs; j && !l->draining; j = j->next)
        if (!j->running && j->due - now < wait) wait = j->due > now ? j->due - now : 0;
    if (l->pace.held_until > now && wait < l->pace.held_until - now)
        wait = l->pace.held_until - now < 0.25 ? l->pace.held_until - now : 0.25;
    return wait;
}

static waage_status turn(loop *l)
{
    const double now = stopwatch_now();
    if (interrupt_signal() && !l->draining)
        drain(l, waage_err_set(l->err, WAAGE_EINTR, "interrupted"));
    if (!l->draining) {
        WAAGE_TRY(start_due(l, now));
        WAAGE_TRY(start_new(l, now));
    }
    WAAGE_TRY(transport_wait(l->t, next_event(l, now), l->err));
    for (transport_call *c; (c = transport_take(l->t));)
        WAAGE_TRY(handle(l, c->owner));
    if (l->io->progress) l->io->progress(l->io->ctx, l->prompt_tokens, l->completion_tokens);
    return WAAGE_OK;
}

static bool is_over(const loop *l)
{
    if (l->draining) return l->n_running == 0 || stopwatch_now() > l->drain_until;
    return l->ended && !l->jobs;
}

waage_status http_run(runner *base, const runner_io *io, waage_err *err)
{
    http *h = (http *)base;
    waage_err own = {WAAGE_OK, ""};
    loop l = {.h = h, .io = io, .ill_since = -1, .err = err ? err : &own};
    if (h->inspect_only)
        return waage_err_set(err, WAAGE_EINVAL, "%s was opened for inspection only", h->info.uri);
    pacer_init(&l.pace, h->n_most, h->e.backoff, hash_u64(h->info.uri, strlen(h->info.uri)));
    WAAGE_TRY(transport_open(&l.t, &h->e.limits, h->n_most, err));
    waage_status st = WAAGE_OK;
    while (st == WAAGE_OK && !is_over(&l))
        st = turn(&l);
    while (l.jobs)
        job_free(&l, l.jobs);
    transport_close(l.t);
    log_debug("%s: %zu answers, %zu repeated, %zu asked to slow down", h->e.host, l.n_success,
              l.n_repeated, l.n_throttled);
    return st != WAAGE_OK ? st : l.status;
}
