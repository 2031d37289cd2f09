/* batch.c - the scheduler: jobs and their sequences, and what comes of a step. Which tokens make up
 * a step is decided in batch_plan.c. */
#include <stdlib.h>
#include <string.h>
#include "harness/base/num.h"
#include "harness/base/rng.h"
#include "runners/local/batch_internal.h"
#include "runners/local/likeliest.h"

/* ---- Life ---- */

waage_status batch_create(batch **out, const batch_options *opt, waage_err *err)
{
    *out = NULL;
    batch *b = calloc(1, sizeof *b);
    if (!b) return waage_err_nomem(err);
    b->opt = *opt;
    const size_t n = opt->n_slots;
    b->running = calloc(n, sizeof *b->running);
    b->slices = calloc(n, sizeof *b->slices);
    b->by_slice = calloc(n, sizeof *b->by_slice);
    b->n_samplers = pool_n_threads(opt->threads);
    b->samplers = calloc(b->n_samplers, sizeof *b->samplers);
    waage_status st =
        b->running && b->slices && b->by_slice && b->samplers ? WAAGE_OK : waage_err_nomem(err);
    const size_t n_context = opt->m->p.n_context;
    b->max_tokens = opt->chunk_tokens > n ? opt->chunk_tokens : n;
    const forward_options fo = {.m = opt->m,
                                .kern = opt->kern,
                                .grade = opt->grade,
                                .threads = opt->threads,
                                .kv = opt->kv,
                                .max_tokens = b->max_tokens,
                                .max_slices = n,
                                .max_pages = batch_pages_for(n_context)};
    for (size_t i = 0; st == WAAGE_OK && i < b->n_samplers; i++)
        st = sampler_create(&b->samplers[i], opt->m->p.n_vocab, err);
    if (st == WAAGE_OK) st = forward_create(&b->fwd, &fo, err);
    if (st != WAAGE_OK)
        batch_free(b);
    else
        *out = b;
    return st;
}

void batch_drop_pages(batch *b, kv_page **pages, size_t *n, size_t n_kept)
{
    while (*n > n_kept)
        kvcache_release(b->opt.kv, pages[--*n]);
}

static void free_job(batch *b, batch_job *job)
{
    for (size_t i = 0; i < job->n_seqs; i++) {
        batch_seq *s = &job->seqs[i];
        batch_drop_pages(b, s->pages, &s->n_pages, 0);
        free(s->pages);
    }
    batch_drop_pages(b, job->root_pages, &job->n_root_pages, 0);
    free(job->root_pages);
    free(job->seqs);
    job->seqs = NULL;
    job->root_pages = NULL;
    job->n_seqs = 0;
}

void batch_free_results(batch_job *job)
{
    free(job->tokens);
    free(job->logprobs);
    free(job->prompt_logprobs);
    free(job->top);
    job->tokens = NULL;
    job->logprobs = job->prompt_logprobs = NULL;
    job->top = NULL;
    for (size_t i = 0; job->kind == REQUEST_LOGLIK && i < job->n_choices; i++) {
        free(job->choices[i].logprobs);
        free(job->choices[i].greedy);
        job->choices[i].logprobs = NULL;
        job->choices[i].greedy = NULL;
    }
}

void batch_free(batch *b)
{
    if (!b) return;
    for (batch_job *j = b->first; j; j = j->next)
        free_job(b, j);
    for (size_t i = 0; b->samplers && i < b->n_samplers; i++)
        sampler_free(&b->samplers[i]);
    forward_free(b->fwd);
    free(b->running);
    free(b->slices);
    free(b->by_slice);
    free(b->samplers);
    free(b);
}

size_t batch_n_jobs(const batch *b)
{
    return b->n_jobs;
}

size_t batch_n_waiting(const batch *b)
{
    size_t n = 0;
    for (const batch_job *j = b->first; j; j = j->next)
        for (size_t i = 0; i < j->n_seqs; i++)
            n += j->seqs[i].state == SEQ_WAITING || j->seqs[i].state == SEQ_BLOCKED;
    return n;
}

batch_totals batch_get_totals(const batch *b)
{
    return b->totals;
}

/* ---- Adding jobs ---- */

static bool init_seq(batch_seq *s, batch_job *job, int choice, const int32_t *tokens, size_t n_feed,
                     size_t want_from, size_t max_feed)
{
    *s = (batch_seq){.job = job,
                     .choice = choice,
                     .state = SEQ_WAITING,
                     .tokens = tokens,
                     .n_feed = n_feed,
                     .want_from = want_from,
                     .trust = draft_trust_first};
    s->pages = calloc(batch_pages_for(max_feed) + 1, sizeof *s->pages);
    return s->pages != NULL;
}

/* Room for what is told of the prompt and of other tokens. Untouched rows cost no memory. */
static bool plan_scores(batch_job *job)
{
    job->top_from = job->score_prompt ? job->n_prompt : 0;
    if (job->score_prompt) {
        job->prompt_logprobs = calloc(job->n_prompt, sizeof *job->prompt_logprobs);
        if (!job->prompt_logprobs) return false;
    }
    if (job->n_top == 0) return true;
    size_t n;
    if (!num_mul_size(&n, job->top_from + job->max_new, job->n_top)) return false;
    job->top = calloc(n, sizeof *job->top);
    return job->top != NULL;
}

static waage_status plan_generate(batch_job *job, waage_err *err)
{
    const size_t n_all = job->n_prompt + job->max_new;
    job->seqs = calloc(1, sizeof *job->seqs);
    job->tokens = calloc(n_all, sizeof *job->tokens); /* prompt, then what comes after */
    job->logprobs = calloc(job->max_new + 1, sizeof *job->logprobs);
    if (!job->seqs || !job->tokens || !job->logprobs) return waage_err_nomem(err);
    memcpy(job->tokens, job->prompt, job->n_prompt * sizeof *job->tokens);
    if (!plan_scores(job)) return waage_err_nomem(err);
    job->n_seqs = job->n_open = 1;
    const size_t want_from = job->score_prompt ? 0 : job->n_prompt - 1;
    if (!init_seq(&job->seqs[0], job, -1, job->tokens, job->n_prompt, want_from, n_all))
        return waage_err_nomem(err);
    return WAAGE_OK;
}

static size_t common_prefix(const batch_choice *c, size_t n)
{
    size_t len = c[0].n;
    for (size_t i = 1; i < n; i++) {
        size_t k = 0;
        while (k < len && k < c[i].n && c[i].tokens[k] == c[0].tokens[k])
            k++;
        len = k;
    }
    return len;
}

/* Sequence 0 is the root, 1 + i belongs to choice i and feeds all but its last token. */
static waage_status plan_loglik(batch_job *job, waage_err *err)
{
    size_t longest = 0, cut = SIZE_MAX, len = common_prefix(job->choices, job->n_choices);
    job->seqs = calloc(job->n_choices + 1, sizeof *job->seqs);
    if (!job->seqs) return waage_err_nomem(err);
    job->n_seqs = 1;
    for (size_t i = 0; i < job->n_choices; i++) {
        batch_choice *c = &job->choices[i];
        c->logprobs = calloc(c->n - c->cut + 1, sizeof *c->logprobs);
        c->greedy = calloc(c->n - c->cut + 1, 1);
        if (!c->logprobs || !c->greedy) return waage_err_nomem(err);
        if (c->n > longest) longest = c->n;
        if (c->cut < cut) cut = c->cut;
    }
    if (len > longest - 1) len = longest - 1;
    job->root_len = len;
    const size_t root_want = cut - 1 < len ? cut - 1 : len;
    if (!init_seq(&job->seqs[0], job, -1, job->choices[0].tokens, len, root_want, len))
        return waage_err_nomem(err);
    if (len == 0) job->seqs[0].state = SEQ_DONE;
    job->n_open = len > 0;
    for (size_t i = 0; i < job->n_choices; i++) {
        const batch_choice *c = &job->choices[i];
        batch_seq *s = &job->seqs[job->n_seqs++];
        const size_t want = c->cut - 1 > len ? c->cut - 1 : len;
        if (!init_seq(s, job, (int)i, c->tokens, c->n - 1, want, c->n)) return waage_err_nomem(err);
        if (len > 0) s->state = SEQ_BLOCKED;
        if (c->n - 1 <= len) s->state = SEQ_DONE; /* the root sees all of it */
        if (s->state != SEQ_DONE) job->n_open++;
        if (s->state == SEQ_BLOCKED) job->n_unforked++;
    }
    job->root_pages = calloc(batch_pages_for(len) + 1, sizeof *job->root_pages);
    return job->root_pages ? WAAGE_OK : waage_err_nomem(err);
}

/* What the request alone says: the choice must not depend on where a text happens to end. */
static size_t longest_text(const batch_job *job)
{
    if (job->kind == REQUEST_GENERATE) return job->n_prompt + job->max_new;
    size_t n = 0;
    for (size_t i = 0; i < job->n_choices; i++)
        if (job->choices[i].n > n) n = job->choices[i].n;
    return n;
}

waage_status batch_add(batch *b, batch_job *job, waage_err *err)
{
    if (job->kind == REQUEST_GENERATE && (job->n_prompt == 0 || job->max_new == 0))
        return waage_err_set(err, WAAGE_EINVAL,
                             "a job without a prompt, or without tokens to make");
    for (size_t i = 0; job->kind == REQUEST_LOGLIK && i < job->n_choices; i++)
        if (job->choices[i].cut < 1 || job->choices[i].cut > job->choices[i].n)
            return waage_err_set(err, WAAGE_EINVAL, "choice %zu begins outside of its %zu tokens",
                                 i, job->choices[i].n);
    job->is_long = model_is_long(b->opt.m, longest_text(job));
    job->order = b->next_order++;
    job->next = NULL;
    const waage_status st =
        job->kind == REQUEST_GENERATE ? plan_generate(job, err) : plan_loglik(job, err);
    if (st != WAAGE_OK) {
        free_job(b, job);
        batch_free_results(job);
        return st;
    }
    *(b->last ? &b->last->next : &b->first) = job;
    b->last = job;
    b->n_jobs++;
    return WAAGE_OK;
}

/* ---- Rows of logits, on the pool's threads ---- */

static float logprob_of(const float *logits, int32_t id, double lse)
{
    return (float)((double)logits[id] - lse);
}

static void score_choice(batch_choice *c, size_t pos, const float *logits, double lse, size_t best)
{
    if (pos + 1 < c->cut || pos + 1 >= c->n) return;
    const int32_t id = c->tokens[pos + 1];
    c->logprobs[pos + 1 - c->cut] = logprob_of(logits, id, lse);
    c->greedy[pos + 1 - c->cut] = (size_t)id == best;
}

/* The token behind draft i, were the drafts right; 0: behind all that is sure. */
static void pick_token(batch *b, batch_seq *s, size_t i, const float *logits, double lse,
                       size_t thread)
{
    const batch_job *job = s->job;
    double u = 0;
    if (job->how.temperature > 0)
        u = rng_at(job->how.seed, job->item_key, job->sample, (uint32_t)(job->n_new + i));
    s->picked[i] = sampler_pick(&b->samplers[thread], b->opt.kern, logits, &job->how, u);
    s->logprob[i] = logprob_of(logits, s->picked[i], lse);
}

/* What is told of the token behind pos: the likeliest, and its own log-probability if it is given
 * (of the prompt, or forced). False: it is to be chosen. */
static bool score_next(const batch *b, const batch_seq *s, size_t pos, const float *logits,
                       double lse)
{
    batch_job *job = s->job;
    const size_t next = pos + 1, n_prompt = job->n_prompt;
    if (job->top)
        likeliest_tokens(job->top + (next - n_prompt + job->top_from) * job->n_top, job->n_top,
                         logits, b->opt.m->p.n_vocab, lse);
    if (next >= s->n_feed) return false;
    float *to = next < n_prompt ? &job->prompt_logprobs[next] : &job->logprobs[next - n_prompt];
    *to = logprob_of(logits, s->tokens[next], lse);
    return true;
}

static void take_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    batch *b = ctx;
    batch_seq *s = b->by_slice[slice];
    batch_job *job = s->job;
    const size_t n_vocab = b->opt.m->p.n_vocab;
    const double lse = kern_logsumexp(b->opt.kern, logits, n_vocab);
    if (job->kind == REQUEST_GENERATE) {
        if (!score_next(b, s, pos, logits, lse))
            pick_token(b, s, pos + 1 - s->n_feed, logits, lse, thread);
        return;
    }
    const size_t best = b->opt.kern->argmax(logits, n_vocab);
    if (s->choice >= 0) {
        score_choice(&job->choices[s->choice], pos, logits, lse, best);
        return;
    }
    for (size_t i = 0; i < job->n_choices; i++)
        score_choice(&job->choices[i], pos, logits, lse, best);
}

/* ---- After a step ---- */

static void publish_pages(batch *b, batch_seq *s, size_t from)
{
    for (size_t i = from / KV_PAGE_LEN; i * KV_PAGE_LEN < s->fed; i++) {
        const size_t n = s->fed - i * KV_PAGE_LEN;
        s->pages[i] =
            kvcache_publish(b->opt.kv, s->pages[i], batch_parent_of(b, s, i),
                            s->tokens + i * KV_PAGE_LEN, n < KV_PAGE_LEN ? n : KV_PAGE_LEN);
    }
}

static void end_seq(batch *b, batch_seq *s)
{
    if (s->state == SEQ_RUNNING) batch_remove_running(b, s);
    s->state = SEQ_DONE;
    s->job->n_open--;
    b->is_short = false;
    batch_drop_pages(b, s->pages, &s->n_pages, 0);
}

static void fail_job(batch *b, batch_job *job, const char *why)
{
    job->error = why;
    for (size_t i = 0; i < job->n_seqs; i++)
        if (job->seqs[i].state != SEQ_DONE) end_seq(b, &job->seqs[i]);
}

void batch_cancel(batch *b, batch_job *job, const char *why)
{
    if (job->n_open > 0) fail_job(b, job, why);
}

/* The root keeps its pages in the job until the last choice has forked. */
static void end_root(batch *b, batch_seq *s)
{
    batch_job *job = s->job;
    if (job->n_unforked > 0) {
        memcpy(job->root_pages, s->pages, s->n_pages * sizeof *s->pages);
        job->n_root_pages = s->n_pages;
        s->n_pages = 0;
    }
    for (size_t i = 1; i < job->n_seqs; i++)
        if (job->seqs[i].state == SEQ_BLOCKED) job->seqs[i].state = SEQ_WAITING;
    end_seq(b, s);
}

static void add_token(batch *b, batch_seq *s, int32_t id, float logprob)
{
    batch_job *job = s->job;
    job->tokens[job->n_prompt + job->n_new] = id;
    job->logprobs[job->n_new++] = logprob;
    b->totals.new_tokens++;
    batch_forced then = {NULL, 0};
    const bool stop = b->opt.hooks.token(b->opt.hooks.ctx, job, id, logprob, &then);
    if (stop || job->n_new == job->max_new) {
        end_seq(b, s);
        return;
    }
    if (then.n >= job->max_new - job->n_new) {
        fail_job(b, job, "forced tokens leave no room for an answer");
        return;
    }
    if (then.n > 0)
        memcpy(job->tokens + job->n_prompt + job->n_new, then.ids, then.n * sizeof *job->tokens);
    job->n_new += then.n;
    b->totals.new_tokens += then.n;
    s->want_from = s->n_feed;
    s->n_feed += 1 + then.n;
}

/* The token that the step made; where it is the one that was guessed, the token behind it was made
 * as well, and so on. What a wrong guess left in the pages is overwritten by the next step, and
 * nobody else has seen it: only positions below s->fed are published. */
static void add_tokens(batch *b, batch_seq *s, size_t n_good)
{
    for (size_t i = 0;; i++) {
        const size_t n_feed = s->n_feed; /* where a right draft stands, until add_token() writes */
        const bool is_right = i < s->n_guesses && s->tokens[n_feed] == s->picked[i];
        const bool more = is_right && i < s->n_drafts && s->take + i < n_good;
        if (i < s->n_guesses) draft_learn(&s->trust, is_right);
        add_token(b, s, s->picked[i], s->logprob[i]);
        if (!more || s->state != SEQ_RUNNING || s->n_feed != n_feed + 1) return;
        b->totals.n_accepted++;
        s->fed++;
        publish_pages(b, s, s->fed - 1);
    }
}

static void finish_slice(batch *b, batch_seq *s, const step_slice *slice)
{
    if (s->state != SEQ_RUNNING) return; /* its job failed through another sequence */
    if (slice->n_good < s->take) {
        fail_job(b, s->job, "a value that is not finite (activation or logit)");
        return;
    }
    const size_t from = s->fed;
    s->fed += s->take;
    if (!s->counted) {
        s->job->n_computed += s->take;
        b->totals.prompt_tokens += s->take;
    }
    publish_pages(b, s, from);
    if (s->fed < s->n_feed) return;
    s->counted = true;
    if (s->job->kind == REQUEST_GENERATE)
        add_tokens(b, s, slice->n_good);
    else if (s->choice < 0)
        end_root(b, s);
    else
        end_seq(b, s);
}

static waage_status give_back(batch *b, waage_err *err)
{
    batch_job **at = &b->first, *prev = NULL;
    while (*at) {
        batch_job *job = *at;
        if (job->n_open > 0) {
            prev = job;
            at = &job->next;
            continue;
        }
        *at = job->next;
        if (b->last == job) b->last = prev;
        b->n_jobs--;
        free_job(b, job);
        if (job->kind == REQUEST_GENERATE && job->n_new > 0)
            memmove(job->tokens, job->tokens + job->n_prompt, job->n_new * sizeof *job->tokens);
        WAAGE_TRY(b->opt.hooks.done(b->opt.hooks.ctx, job, err)); /* job may be gone now */
    }
    return WAAGE_OK;
}

waage_status batch_step(batch *b, waage_err *err)
{
    const size_t n = batch_plan_step(b);
    if (n == 0 && b->n_running > 0) /* the oldest has taken all that the others had */
        fail_job(b, b->running[0]->job, "the key/value memory is too small for this sequence");
    forward_run(b->fwd, b->slices, n, take_row, b);
    for (size_t i = 0; i < n; i++)
        finish_slice(b, b->by_slice[i], &b->slices[i]);
    return give_back(b, err);
}
