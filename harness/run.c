/* run.c - the run loop. Owns the items in flight, each with an arena for its requests and replies;
 * the runner decides how many there are. Order: further turns first, so that a conversation finds
 * its prefix still cached; then new items in the order of the plan; then items to try again. */
#include "harness/run.h"
#include "harness/base/hash.h"
#include "harness/base/interrupt.h"
#include "harness/base/log.h"
#include "harness/base/stopwatch.h"
#include <stdlib.h>
#include <string.h>

typedef struct flight flight;

struct flight {
    request rq; /* first: done() gets its address back */
    size_t unit;
    arena mem;
    uint32_t turn, n_turns, n_attempts;
    bool is_begun;          /* in the store: turns in front of `turn` are there, no others */
    budget_share share;     /* of the budget, while the runner has it */
    reply *replies;         /* (n_turns) copies in mem */
    const char **answers;   /* (n_turns) their texts */
    flight *next;           /* in one of the queues */
    flight *before, *after; /* in the list of all */
};

typedef struct {
    flight *first, *last;
} queue;

typedef struct {
    const run_options *how;
    const runner *r;
    const runner_info *info;
    const bool *todo;
    size_t next_unit;
    queue turns, retries;
    flight *all;     /* also those that the runner holds */
    size_t n_flying; /* given to the runner, not back yet */
    bool in_transaction;
    size_t n_uncommitted;
    double last_commit;
    run_result *result;
    waage_status status; /* first failure inside a callback that cannot return one */
    waage_err *err;
} loop;

static void queue_push(queue *q, flight *f)
{
    f->next = NULL;
    if (q->last)
        q->last->next = f;
    else
        q->first = f;
    q->last = f;
}

static void queue_push_front(queue *q, flight *f)
{
    f->next = q->first;
    q->first = f;
    if (!q->last) q->last = f;
}

static flight *queue_pop(queue *q)
{
    flight *f = q->first;
    if (f && !(q->first = f->next)) q->last = NULL;
    return f;
}

static void flight_add(loop *l, flight *f)
{
    f->after = l->all;
    if (l->all) l->all->before = f;
    l->all = f;
}

static void flight_free(loop *l, flight *f)
{
    if (!f) return;
    if (f->before)
        f->before->after = f->after;
    else
        l->all = f->after;
    if (f->after) f->after->before = f->before;
    arena_free(&f->mem);
    free(f);
}

static const plan_unit *unit_of(const loop *l, const flight *f)
{
    return &l->how->p->units[f->unit];
}

static const plan_row *row_of(const loop *l, const flight *f)
{
    return &l->how->p->rows[unit_of(l, f)->row];
}

static const char *item_id(const loop *l, const flight *f)
{
    return task_get_item(row_of(l, f)->t, unit_of(l, f)->item)->id;
}

/* ---- What is stored -------------------------------------------------------------------------- */

void run_put_prompt(strbuf *out, const request *rq, const reply *rp)
{
    if (rp && rp->rendered) {
        strbuf_put(out, rp->rendered, rp->rendered_len);
    } else if (rq->proto == PROTOCOL_COMPLETION) {
        strbuf_puts(out, rq->prompt ? rq->prompt : "");
    } else {
        strbuf_putc(out, '[');
        for (size_t i = 0; i < rq->n_messages; i++) {
            strbuf_puts(out, i ? ", {\"role\": " : "{\"role\": ");
            strbuf_put_json(out, rq->messages[i].role, strlen(rq->messages[i].role));
            strbuf_puts(out, ", \"content\": ");
            strbuf_put_json(out, rq->messages[i].content, strlen(rq->messages[i].content));
            strbuf_putc(out, '}');
        }
        strbuf_putc(out, ']');
    }
}

/* Model output may hold zero bytes, which text columns and C strings cannot: U+FFFD stands for
 * them. */
static const char *storable(arena *a, const char *s, size_t len)
{
    if (!s || memchr(s, 0, len) == NULL) return s;
    strbuf b = STRBUF_EMPTY;
    for (size_t i = 0; i < len; i++)
        if (s[i])
            strbuf_putc(&b, s[i]);
        else
            strbuf_puts(&b, "\xEF\xBF\xBD");
    const char *out = b.failed ? NULL : arena_strndup(a, b.s, b.len);
    strbuf_free(&b);
    return out;
}

static waage_status put_response(loop *l, flight *f, const store_key *key, waage_err *err)
{
    const reply *rp = &f->replies[key->turn];
    char hash_text[HASH_HEX];
    hash_hex(rp->rendered, rp->rendered_len,
             hash_text); /* flight_take_reply put the prompt there */
    const store_response row = {.key = *key,
                                .prompt_hash = hash_text,
                                .prompt = storable(&f->mem, rp->rendered, rp->rendered_len),
                                .finish = rp->finish,
                                .error = rp->error,
                                .text = storable(&f->mem, rp->text, rp->text_len),
                                .thought = rp->thought,
                                .thought_is = rp->thought_is,
                                .thought_tokens = rp->thought_tokens,
                                .forced_closes = rp->forced_closes,
                                .tokens = rp->tokens,
                                .logprobs = rp->logprobs,
                                .n_tokens = rp->n_tokens,
                                .choices = rp->choices,
                                .n_choices = rp->n_choices,
                                .prompt_tokens = rp->prompt_tokens,
                                .completion_tokens = rp->completion_tokens,
                                .cached_tokens = rp->cached_tokens,
                                .host = rp->host,
                                .served_at = rp->served_at,
                                .recorded_label = rp->recorded_label,
                                .recorded_labeler = rp->recorded_labeler,
                                .wall_ms = rp->wall_ms,
                                .model_version = rp->model_version,
                                .has_cost = rp->has_cost,
                                .cost = rp->cost,
                                .exchanges = rp->exchanges,
                                .n_exchanges = rp->n_exchanges};
    if (!row.prompt || !row.text) return waage_err_nomem(err);
    return store_put_response(l->how->st, &row, err);
}

static waage_status commit(loop *l, waage_err *err)
{
    l->last_commit = stopwatch_now();
    if (!l->in_transaction) return WAAGE_OK;
    l->in_transaction = false;
    l->n_uncommitted = 0;
    return store_commit(l->how->st, err);
}

static waage_status commit_when_due(loop *l, waage_err *err)
{
    if (l->n_uncommitted >= l->how->commit_items ||
        (l->n_uncommitted && stopwatch_now() - l->last_commit >= l->how->commit_seconds))
        return commit(l, err);
    return WAAGE_OK;
}

/* The turn that was just answered. */
static waage_status put_turn(loop *l, flight *f, waage_err *err)
{
    store *st = l->how->st;
    store_key key = plan_get_key(l->how->p, f->unit, l->how->label);
    key.turn = f->turn;
    if (!l->in_transaction) WAAGE_TRY(store_begin(st, err));
    l->in_transaction = true;
    if (!f->is_begun) WAAGE_TRY(store_drop_item(st, &key, err)); /* what an earlier run left */
    f->is_begun = true;
    l->n_uncommitted++;
    return put_response(l, f, &key, err);
}

/* The last turn and what the item is worth, together. */
static waage_status put_item(loop *l, flight *f, const task_verdict *v, waage_err *err)
{
    const store_key key = plan_get_key(l->how->p, f->unit, l->how->label);
    WAAGE_TRY(put_turn(l, f, err));
    const store_score score = {.key = key,
                               .result = v->result,
                               .has_credit = v->has_credit,
                               .credit = v->credit,
                               .extracted = v->extracted,
                               .rule = v->rule,
                               .reason = v->reason,
                               .label = v->label,
                               .extra_json = v->extra_json};
    WAAGE_TRY(store_put_score(l->how->st, &score, err));
    return commit_when_due(l, err);
}

/* The last reply of an item is there: score it, store it, forget it. Frees f. */
static waage_status finish_item(loop *l, flight *f, waage_err *err)
{
    const plan_row *row = row_of(l, f);
    const reply *last = &f->replies[f->turn];
    run_result *res = l->result;
    task_verdict v = {.result = OUTCOME_ERROR};
    waage_status st =
        task_score(row->t, unit_of(l, f)->item, f->replies, f->turn + 1, &v, &f->mem, err);
    if (st == WAAGE_OK) st = put_item(l, f, &v, err);
    if (st == WAAGE_OK) {
        res->n_done++;
        if (v.result == OUTCOME_UNSUPPORTED) res->n_unsupported++;
        if (v.result == OUTCOME_ERROR) {
            if (res->n_errors++ == 0)
                snprintf(res->error, sizeof res->error, "%s: %s", item_id(l, f),
                         last->error ? last->error : "no reason given");
            log_debug("%s: %s", item_id(l, f), last->error ? last->error : "error");
        }
        progress_add_item(l->how->pg, unit_of(l, f)->row, outcome_counts(v.result) && v.has_credit,
                          v.credit);
    }
    flight_free(l, f);
    return st;
}

/* ---- Copies of replies, which are borrowed during done() only -------------------------------- */

static bool copy_text(arena *a, const char **s)
{
    if (!*s) return true;
    *s = arena_strdup(a, *s);
    return *s != NULL;
}

/* n elements; an absent array stays absent. */
static bool copy_array(arena *a, const void **data, size_t n, size_t size)
{
    if (!*data) return true;
    void *copy = arena_calloc(a, n, size);
    if (copy && n) memcpy(copy, *data, n * size);
    *data = copy;
    return copy != NULL;
}

static bool copy_choices(arena *a, reply *rp)
{
    const void *rows = rp->choices;
    if (!copy_array(a, &rows, rp->n_choices, sizeof *rp->choices)) return false;
    choice_score *c = NULL;
    if (rows) {
        c = arena_calloc(a, rp->n_choices, sizeof *c);
        if (!c) return false;
        memcpy(c, rows, rp->n_choices * sizeof *c);
    }
    for (size_t i = 0; c && i < rp->n_choices; i++) {
        const void *lp = c[i].logprobs, *ids = c[i].tokens;
        if (!copy_array(a, &lp, c[i].n_tokens, sizeof *c[i].logprobs) ||
            !copy_array(a, &ids, c[i].n_tokens, sizeof *c[i].tokens))
            return false;
        c[i].logprobs = lp;
        c[i].tokens = ids;
    }
    rp->choices = c;
    return true;
}

static bool copy_exchanges(arena *a, reply *rp)
{
    wire_exchange *x = arena_calloc(a, rp->n_exchanges, sizeof *x);
    if (!x) return false;
    for (size_t i = 0; i < rp->n_exchanges; i++) {
        x[i] = rp->exchanges[i];
        x[i].sent = arena_strndup(a, x[i].sent, x[i].n_sent);
        x[i].got = arena_strndup(a, x[i].got, x[i].n_got);
        if (!x[i].sent || !x[i].got || !copy_text(a, &x[i].at) || !copy_text(a, &x[i].fault))
            return false;
    }
    rp->exchanges = x;
    return true;
}

static waage_status flight_take_reply(flight *f, const request *rq, const reply *from,
                                      waage_err *err)
{
    arena *a = &f->mem;
    reply *rp = &f->replies[f->turn];
    *rp = *from;
    strbuf prompt = STRBUF_EMPTY;
    run_put_prompt(&prompt, rq, from);
    rp->rendered = prompt.failed ? NULL : arena_strndup(a, strbuf_str(&prompt), prompt.len);
    rp->rendered_len = prompt.len;
    strbuf_free(&prompt);
    const void *tokens = from->tokens, *logprobs = from->logprobs;
    bool ok = rp->rendered != NULL;
    if (!rp->text) {
        rp->text = "";
        rp->text_len = 0;
    }
    ok = ok && (rp->text = arena_strndup(a, rp->text, rp->text_len)) != NULL;
    ok = ok && copy_text(a, &rp->thought) && copy_text(a, &rp->error) && copy_text(a, &rp->host) &&
         copy_text(a, &rp->served_at) && copy_text(a, &rp->recorded_label) &&
         copy_text(a, &rp->recorded_labeler) && copy_text(a, &rp->model_version) &&
         copy_exchanges(a, rp);
    ok = ok && copy_array(a, &tokens, from->n_tokens, sizeof *from->tokens) &&
         copy_array(a, &logprobs, from->n_tokens, sizeof *from->logprobs) && copy_choices(a, rp);
    rp->tokens = tokens;
    rp->logprobs = logprobs;
    f->answers[f->turn] = rp->text;
    return ok ? WAAGE_OK : waage_err_nomem(err);
}

/* ---- Turns that an earlier run left ---------------------------------------------------------- */

static reply reply_from_row(const store_response *x)
{
    return (reply){.finish = x->finish,
                   .error = x->error,
                   .rendered = x->prompt,
                   .rendered_len = x->prompt ? strlen(x->prompt) : 0,
                   .text = x->text,
                   .text_len = strlen(x->text),
                   .thought = x->thought,
                   .thought_is = x->thought_is,
                   .thought_tokens = x->thought_tokens,
                   .forced_closes = x->forced_closes,
                   .tokens = x->tokens,
                   .logprobs = x->logprobs,
                   .n_tokens = x->n_tokens,
                   .choices = x->choices,
                   .n_choices = x->n_choices,
                   .prompt_tokens = x->prompt_tokens,
                   .completion_tokens = x->completion_tokens,
                   .cached_tokens = x->cached_tokens,
                   .model_version = x->model_version,
                   .has_cost = x->has_cost,
                   .cost = x->cost,
                   .host = x->host,
                   .served_at = x->served_at,
                   .wall_ms = x->wall_ms,
                   .recorded_label = x->recorded_label,
                   .recorded_labeler = x->recorded_labeler};
}

/* Can the conversation go on behind this turn? A text in which U+FFFD may stand for a zero byte is
 * not the model's own, so it is asked again. */
static bool is_usable_turn(const store_response *x, uint32_t turn)
{
    return x->key.turn == turn && x->text && !strstr(x->text, "\xEF\xBF\xBD") &&
           (x->finish == FINISH_STOP || x->finish == FINISH_LENGTH);
}

/* A conversation that an earlier run could not end goes on behind its last answer. */
static waage_status restore_turns(loop *l, flight *f, waage_err *err)
{
    const store_key key = plan_get_key(l->how->p, f->unit, l->how->label);
    const store_response *rows;
    size_t n;
    WAAGE_TRY(store_read_turns(l->how->st, &key, &f->mem, &rows, &n, err));
    for (size_t i = 0; i < n && f->turn + 1 < f->n_turns; i++) {
        if (!is_usable_turn(&rows[i], f->turn)) break;
        f->replies[f->turn] = reply_from_row(&rows[i]);
        f->answers[f->turn] = rows[i].text;
        f->turn++;
    }
    return WAAGE_OK;
}

/* ---- Items in flight ------------------------------------------------------------------------- */

static waage_status build_request(loop *l, flight *f, waage_err *err)
{
    const plan_unit *u = unit_of(l, f);
    const waage_status st =
        task_build_request(row_of(l, f)->t, u->item, row_of(l, f)->proto, u->sample, f->turn,
                           f->answers, &f->rq, &f->mem, err);
    if (st != WAAGE_OK)
        waage_err_prefix(err, "%s, item %s", row_of(l, f)->info->name, item_id(l, f));
    return st;
}

static waage_status start_flight(loop *l, flight **out, size_t unit, waage_err *err)
{
    flight *f = calloc(1, sizeof *f);
    if (!f) return waage_err_nomem(err);
    flight_add(l, f);
    f->unit = unit;
    const uint32_t n = task_get_item(row_of(l, f)->t, unit_of(l, f)->item)->n_turns;
    f->n_turns = n ? n : 1;
    f->replies = arena_calloc(&f->mem, f->n_turns, sizeof *f->replies);
    f->answers = arena_calloc(&f->mem, f->n_turns, sizeof *f->answers);
    waage_status st = f->replies && f->answers ? WAAGE_OK : waage_err_nomem(err);
    if (st == WAAGE_OK && f->n_turns > 1) st = restore_turns(l, f, err);
    if (st == WAAGE_OK) st = build_request(l, f, err);
    if (st != WAAGE_OK) {
        flight_free(l, f);
        return st;
    }
    *out = f;
    return WAAGE_OK;
}

/* Does not ask the model: the row says unsupported, and why. */
static waage_status finish_unsupported(loop *l, flight *f, const char *why, waage_err *err)
{
    const reply rp = {.finish = FINISH_UNSUPPORTED, .error = why, .text = ""};
    const waage_status st = flight_take_reply(f, &f->rq, &rp, err);
    if (st != WAAGE_OK) {
        flight_free(l, f);
        return st;
    }
    return finish_item(l, f, err);
}

/* The next item that the model can do; *out = NULL when none is left. */
static waage_status next_item(loop *l, flight **out, waage_err *err)
{
    *out = NULL;
    while (l->next_unit < l->how->p->n_units) {
        const size_t unit = l->next_unit++;
        flight *f = NULL;
        const char *why = NULL;
        if (!l->todo[unit]) continue;
        WAAGE_TRY(start_flight(l, &f, unit, err));
        if (plan_can_run(&f->rq, l->info, &why)) {
            *out = f;
            return WAAGE_OK;
        }
        WAAGE_TRY(finish_unsupported(l, f, why, err));
    }
    return WAAGE_OK;
}

/* ---- The runner's callbacks ------------------------------------------------------------------ */

/* Has the budget room for it? If not, it waits for what is under way, which may cost less than was
 * reserved; when nothing is, the run ends. */
static bool afford(loop *l, flight *f)
{
    budget *b = l->how->money;
    if (!budget_is_set(b)) return true;
    const budget_share share = budget_estimate(&f->rq, l->r);
    f->share = share;
    if (budget_take(b, share)) return true;
    f->share = (budget_share){0, 0};
    queue_push_front(&l->turns, f);
    if (l->n_flying == 0)
        l->status = waage_err_set(
            l->err, WAAGE_EFAIL,
            "%s: the budget has no room for another request ($%.4f and %llu tokens are spent, this "
            "one may take $%.4f and %llu); what was done is kept, a larger --budget goes on",
            l->how->label, b->spent, (unsigned long long)b->used, share.money,
            (unsigned long long)share.tokens);
    return false;
}

static runner_next give_request(void *ctx, const request **out)
{
    loop *l = ctx;
    if (l->status == WAAGE_OK && interrupt_signal())
        l->status = waage_err_set(l->err, WAAGE_EINTR, "interrupted");
    flight *f = queue_pop(&l->turns);
    if (!f && l->status == WAAGE_OK) l->status = next_item(l, &f, l->err);
    if (l->status == WAAGE_OK && !f) f = queue_pop(&l->retries);
    if (l->status == WAAGE_OK) l->status = commit_when_due(l, l->err);
    if (l->status != WAAGE_OK) return RUNNER_END;
    if (!f) return l->n_flying ? RUNNER_WAIT : RUNNER_END;
    if (!afford(l, f)) return l->status == WAAGE_OK ? RUNNER_WAIT : RUNNER_END;
    l->n_flying++;
    *out = &f->rq;
    return RUNNER_REQUEST;
}

static bool is_last_turn(const flight *f, const reply *rp)
{
    return f->turn + 1 == f->n_turns || (rp->finish != FINISH_STOP && rp->finish != FINISH_LENGTH &&
                                         rp->finish != FINISH_SCORED);
}

static waage_status take_reply(void *ctx, const request *rq, const reply *rp, waage_err *err)
{
    loop *l = ctx;
    flight *f =
        (flight *)(uintptr_t)rq; /* rq is &f->rq, which this loop handed out and may write */
    l->n_flying--;
    if (budget_is_set(l->how->money)) budget_settle(l->how->money, f->share, rp);
    const uint32_t shared =
        rp->cached_tokens < rp->prompt_tokens ? rp->cached_tokens : rp->prompt_tokens;
    l->result->n_prompt_tokens += rp->prompt_tokens;
    l->result->n_shared_tokens += shared;
    l->result->n_tokens += rp->prompt_tokens - shared + rp->completion_tokens;
    if (rp->finish == FINISH_ERROR && !rp->is_final && f->n_attempts < l->how->n_retries) {
        f->n_attempts++;
        l->result->n_retried++;
        queue_push(&l->retries, f);
        return commit_when_due(l, err);
    }
    waage_status st = flight_take_reply(f, rq, rp, err);
    if (st == WAAGE_OK && is_last_turn(f, rp)) return finish_item(l, f, err);
    if (st == WAAGE_OK) st = put_turn(l, f, err);
    if (st == WAAGE_OK) {
        f->turn++;
        st = build_request(l, f, err);
    }
    if (st != WAAGE_OK) {
        flight_free(l, f);
        return st;
    }
    queue_push(&l->turns, f);
    return commit_when_due(l, err);
}

static void show_progress(void *ctx, uint64_t prompt_tokens, uint64_t completion_tokens)
{
    loop *l = ctx;
    energy_sample(l->how->power);
    progress_set_tokens(l->how->pg, prompt_tokens + completion_tokens);
    if (l->status == WAAGE_OK) l->status = commit_when_due(l, l->err);
}

/* ---- The run --------------------------------------------------------------------------------- */

waage_status run_find_todo(const bool **todo, size_t *n, store *st, const plan *p,
                           const char *label, arena *a, waage_err *err)
{
    bool *out = arena_calloc(a, p->n_units, sizeof *out);
    if (!out) return waage_err_nomem(err);
    *n = 0;
    for (size_t i = 0; i < p->n_units; i++) {
        const store_key key = plan_get_key(p, i, label);
        bool done = false;
        WAAGE_TRY(store_has_score(st, &key, &done, err));
        out[i] = !done;
        *n += !done;
    }
    *todo = out;
    return WAAGE_OK;
}

static waage_status begin_progress(loop *l, arena *a, waage_err *err)
{
    const plan *p = l->how->p;
    progress_row *rows = arena_calloc(a, p->n_rows, sizeof *rows);
    if (!rows) return waage_err_nomem(err);
    for (size_t i = 0; i < p->n_rows; i++) {
        rows[i] = (progress_row){p->rows[i].name, p->rows[i].n, 0};
        for (size_t k = 0; k < p->rows[i].n; k++)
            rows[i].n_before += !l->todo[p->rows[i].first + k];
    }
    progress_begin(l->how->pg, l->how->label, rows, p->n_rows);
    return WAAGE_OK;
}

static waage_status check_errors(const loop *l, waage_err *err)
{
    const run_result *r = l->result;
    if (r->n_errors == 0) return WAAGE_OK;
    if ((double)r->n_errors > l->how->error_bound * (double)r->n_done)
        return waage_err_set(err, WAAGE_EFAIL,
                             "%s: %zu of %zu items ended with an error (bound: %g %%); the same "
                             "command tries them again. The first: %s",
                             l->how->label, r->n_errors, r->n_done, 100 * l->how->error_bound,
                             r->error);
    log_warn("%s: %zu of %zu items ended with an error; the same command tries them again. The "
             "first: %s",
             l->how->label, r->n_errors, r->n_done, r->error);
    return WAAGE_OK;
}

static waage_status drive(loop *l, runner *r, waage_err *err)
{
    const runner_io io = {
        .ctx = l, .next = give_request, .done = take_reply, .progress = show_progress};
    waage_status st = r->ops->run(r, &io, err);
    if (l->status != WAAGE_OK) return l->status; /* the runner only saw the end of requests */
    if (st == WAAGE_OK && l->n_flying)
        st = waage_err_set(err, WAAGE_EFAIL, "%s: the runner left %zu requests without a reply",
                           l->how->label, l->n_flying);
    return st;
}

waage_status run_model(run_result *out, runner *r, const run_options *how, waage_err *err)
{
    arena a = ARENA_EMPTY;
    loop l = {.how = how, .r = r, .info = r->ops->info(r), .result = out, .err = err};
    size_t n_todo = 0;
    memset(out, 0, sizeof *out);
    waage_status st = run_find_todo(&l.todo, &n_todo, how->st, how->p, how->label, &a, err);
    if (st == WAAGE_OK) st = begin_progress(&l, &a, err);
    if (st == WAAGE_OK) {
        out->n_planned = how->p->n_units;
        out->n_before = how->p->n_units - n_todo;
        l.last_commit = stopwatch_now();
        const double begun = l.last_commit;
        st = drive(&l, r, err);
        out->seconds = stopwatch_now() - begun;
        /* What is finished stays, also after a failure; a second failure says nothing new. */
        const waage_status last = commit(&l, st == WAAGE_OK ? err : NULL);
        if (st == WAAGE_OK) st = last;
        progress_end(how->pg);
    }
    if (st == WAAGE_OK) st = check_errors(&l, err);
    while (l.all) /* unfinished: interrupted or failed */
        flight_free(&l, l.all);
    arena_free(&a);
    return st;
}
