/* batch.c - the scheduler. Sequences are ordered by age (job, then place in the job). The pass that
 * hands out pages goes from old to young and takes pages from the youngest when there are none: the
 * oldest sequence can always go on, so every job ends. */
#include "runners/local/batch.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/rng.h"
#include "runners/local/sampler.h"

/* Positions that are worth a copy, or waiting for. */
enum { LEAST_SHARED = 8 };

typedef enum { SEQ_BLOCKED, SEQ_WAITING, SEQ_RUNNING, SEQ_DONE } seq_state;

/* Feeding tokens[0..n_feed) to the model; the logits of positions want_from..n_feed-1 are needed.
 */
struct batch_seq {
    batch_job *job;
    seq_state state;
    int choice; /* index, or -1: the only sequence of a generate job, the root of a tree */
    const int32_t *tokens; /* owned only by generate jobs: prompt and what came after */
    size_t n_feed, want_from;
    size_t fed; /* positions whose keys and values are there */
    kv_page **pages;
    size_t n_pages;
    size_t take;   /* tokens in this step */
    size_t slice;  /* of this step */
    bool counted;  /* prompt tokens are in the job's totals */
    float logprob; /* generate: of the token that this step made */
    int32_t token;
};

struct batch {
    batch_options opt;
    forward *fwd;
    batch_job *first, *last; /* jobs by age */
    size_t n_jobs;
    uint64_t next_order, prompt_tokens, new_tokens;
    size_t max_tokens;   /* of a step */
    bool is_short;       /* of memory: nothing starts until something ends */
    batch_seq **running; /* (n_running <= n_slots) by age */
    size_t n_running;
    step_slice *slices; /* (n_slots) */
    batch_seq **by_slice;
    sampler *samplers; /* (threads) */
    size_t n_samplers;
};

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
                                .max_pages = (n_context + KV_PAGE_LEN - 1) / KV_PAGE_LEN};
    for (size_t i = 0; st == WAAGE_OK && i < b->n_samplers; i++)
        st = sampler_create(&b->samplers[i], opt->m->p.n_vocab, err);
    if (st == WAAGE_OK) st = forward_create(&b->fwd, &fo, err);
    if (st != WAAGE_OK)
        batch_free(b);
    else
        *out = b;
    return st;
}

static void drop_pages(batch *b, kv_page **pages, size_t *n)
{
    while (*n > 0) /* last page first: the beginning of a text is the part most worth keeping */
        kvcache_release(b->opt.kv, pages[--*n]);
}

static void free_job(batch *b, batch_job *job)
{
    for (size_t i = 0; i < job->n_seqs; i++) {
        batch_seq *s = &job->seqs[i];
        drop_pages(b, s->pages, &s->n_pages);
        free(s->pages);
    }
    drop_pages(b, job->root_pages, &job->n_root_pages);
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
    job->tokens = NULL;
    job->logprobs = NULL;
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

void batch_get_totals(const batch *b, uint64_t *prompt_tokens, uint64_t *new_tokens)
{
    *prompt_tokens = b->prompt_tokens;
    *new_tokens = b->new_tokens;
}

/* ---- Adding jobs ---- */

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t pages_for(size_t n_tokens)
{
    return (n_tokens + KV_PAGE_LEN - 1) / KV_PAGE_LEN;
}

static bool init_seq(batch_seq *s, batch_job *job, int choice, const int32_t *tokens, size_t n_feed,
                     size_t want_from, size_t max_feed)
{
    *s = (batch_seq){.job = job,
                     .choice = choice,
                     .state = SEQ_WAITING,
                     .tokens = tokens,
                     .n_feed = n_feed,
                     .want_from = want_from};
    s->pages = calloc(pages_for(max_feed) + 1, sizeof *s->pages);
    return s->pages != NULL;
}

static waage_status plan_generate(batch_job *job, waage_err *err)
{
    const size_t n_all = job->n_prompt + job->max_new;
    job->seqs = calloc(1, sizeof *job->seqs);
    job->tokens = calloc(n_all, sizeof *job->tokens); /* prompt, then what comes after */
    job->logprobs = calloc(job->max_new + 1, sizeof *job->logprobs);
    if (!job->seqs || !job->tokens || !job->logprobs) return waage_err_nomem(err);
    memcpy(job->tokens, job->prompt, job->n_prompt * sizeof *job->tokens);
    job->n_seqs = job->n_open = 1;
    if (!init_seq(&job->seqs[0], job, -1, job->tokens, job->n_prompt, job->n_prompt - 1, n_all))
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
    job->root_pages = calloc(pages_for(len) + 1, sizeof *job->root_pages);
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

/* ---- Pages ---- */

static bool is_older(const batch_seq *a, const batch_seq *b)
{
    if (a->job->order != b->job->order) return a->job->order < b->job->order;
    return a < b; /* same array */
}

static void remove_running(batch *b, const batch_seq *s)
{
    size_t i = 0;
    while (b->running[i] != s)
        i++;
    memmove(&b->running[i], &b->running[i + 1], (--b->n_running - i) * sizeof *b->running);
}

static void preempt(batch *b, batch_seq *s)
{
    drop_pages(b, s->pages, &s->n_pages);
    s->fed = 0;
    s->state = SEQ_WAITING;
    remove_running(b, s);
    b->is_short = true;
}

/* Pages of roots that wait for choices to fork, the youngest job first; the choices then begin
 * anew. */
static bool drop_roots(batch *b)
{
    batch_job *young = NULL;
    for (batch_job *j = b->first; j; j = j->next)
        if (j->n_root_pages > 0) young = j;
    if (young) drop_pages(b, young->root_pages, &young->n_root_pages);
    return young != NULL;
}

/* A page for s, if need be one of a younger sequence. NULL: s has to wait. */
static kv_page *take_page(batch *b, const batch_seq *s)
{
    for (;;) {
        kv_page *p = kvcache_take(b->opt.kv);
        if (p) return p;
        batch_seq *young = b->n_running > 0 ? b->running[b->n_running - 1] : NULL;
        if (young && young != s && is_older(s, young))
            preempt(b, young);
        else if (!drop_roots(b))
            return NULL;
    }
}

static void count_shared(batch_seq *s, size_t n)
{
    s->fed += n;
    if (!s->counted) s->job->n_shared += n;
}

/* What page i of s follows, as the cache counts it. */
static const kv_page *parent_of(const batch *b, const batch_seq *s, size_t i)
{
    if (i > 0) return s->pages[i - 1];
    return s->job->is_long ? kvcache_long_root(b->opt.kv) : NULL;
}

static const kv_page *parent_page(const batch *b, const batch_seq *s)
{
    return parent_of(b, s, s->fed / KV_PAGE_LEN);
}

static void adopt_whole_pages(batch *b, batch_seq *s)
{
    while (s->fed % KV_PAGE_LEN == 0 && s->fed + KV_PAGE_LEN <= s->want_from) {
        kv_page *p = kvcache_match(b->opt.kv, parent_page(b, s), s->tokens + s->fed);
        if (!p) return;
        s->pages[s->n_pages++] = p;
        count_shared(s, KV_PAGE_LEN);
    }
}

/* The first n positions of `from` become those of the page that s is in. */
static bool copy_beginning(batch *b, batch_seq *s, kv_page *from, size_t n)
{
    const size_t at = s->fed / KV_PAGE_LEN;
    if (s->n_pages == at) {
        kvcache_hold(b->opt.kv, from); /* it might be what take_page() forgets */
        kv_page *own = take_page(b, s);
        kvcache_release(b->opt.kv, from);
        if (!own) return false;
        s->pages[s->n_pages++] = own;
    }
    kvcache_copy(b->opt.kv, s->pages[at], from, n);
    count_shared(s, n - s->fed % KV_PAGE_LEN);
    return true;
}

/* Go on with a complete page in place of the begun one. */
static void swap_page(batch *b, batch_seq *s, kv_page *complete)
{
    const size_t in_page = s->fed % KV_PAGE_LEN;
    kvcache_hold(b->opt.kv, complete);
    kvcache_release(b->opt.kv, s->pages[s->n_pages - 1]);
    s->pages[s->n_pages - 1] = complete;
    count_shared(s, KV_PAGE_LEN - in_page);
}

/* Adopt what is published of the next tokens: whole pages, then the beginning of one. Wanted
 * positions are computed in any case. */
static void adopt_pages(batch *b, batch_seq *s)
{
    for (;;) {
        adopt_whole_pages(b, s);
        const size_t in_page = s->fed % KV_PAGE_LEN, start = s->fed - in_page;
        if (s->want_from < s->fed + LEAST_SHARED) return;
        const size_t n = min_size(s->want_from - start, KV_PAGE_LEN);
        size_t n_same;
        kv_page *from =
            kvcache_match_part(b->opt.kv, parent_page(b, s), s->tokens + start, n, &n_same);
        if (!from || n_same < in_page + LEAST_SHARED) return;
        if (n_same < KV_PAGE_LEN || in_page == 0) {
            (void)copy_beginning(b, s, from, n_same); /* no page: then it is computed, or waits */
            return;
        }
        swap_page(b, s, from);
    }
}

/* A choice goes on where the root ended: whole pages are shared, the last one is copied. */
static bool fork_from_root(batch *b, batch_seq *s)
{
    batch_job *job = s->job;
    const size_t whole = job->root_len / KV_PAGE_LEN, rest = job->root_len % KV_PAGE_LEN;
    if (rest > 0) {
        kv_page *copy = take_page(b, s);
        if (!copy) return false;
        if (job->n_root_pages == 0) { /* taking the page cost us the root */
            kvcache_release(b->opt.kv, copy);
            return true;
        }
        kvcache_copy(b->opt.kv, copy, job->root_pages[whole], rest);
        s->pages[whole] = copy;
    }
    for (size_t i = 0; i < whole; i++) {
        kvcache_hold(b->opt.kv, job->root_pages[i]);
        s->pages[i] = job->root_pages[i];
    }
    s->n_pages = whole + (rest > 0);
    s->fed = job->root_len;
    if (--job->n_unforked == 0) drop_pages(b, job->root_pages, &job->n_root_pages);
    return true;
}

/* ---- Planning a step ---- */

static void start_waiting(batch *b)
{
    if (b->is_short && b->n_running > 0) return;
    for (batch_job *j = b->first; j && b->n_running < b->opt.n_slots; j = j->next) {
        for (size_t i = 0; i < j->n_seqs && b->n_running < b->opt.n_slots; i++) {
            batch_seq *s = &j->seqs[i];
            if (s->state != SEQ_WAITING) continue;
            s->state = SEQ_RUNNING;
            size_t at = b->n_running++;
            for (; at > 0 && is_older(s, b->running[at - 1]); at--)
                b->running[at] = b->running[at - 1];
            b->running[at] = s;
        }
    }
}

/* Does t, whose prompt is in work, come to compute what s needs next? Whole pages of the same text
 * are the same page, so tokens are compared from the beginning of a page alone. */
static bool works_for(const batch_seq *t, const batch_seq *s)
{
    const size_t end = s->fed + LEAST_SHARED, start = s->fed - s->fed % KV_PAGE_LEN;
    if (t->take == 0 || t->fed > s->fed || t->n_feed < end || t->n_feed - t->fed <= 1) return false;
    if (t->job->is_long != s->job->is_long) return false;
    const size_t at = min_size(start, t->fed - t->fed % KV_PAGE_LEN);
    if (at > 0 && s->pages[at / KV_PAGE_LEN - 1] != t->pages[at / KV_PAGE_LEN - 1]) return false;
    return memcmp(t->tokens + at, s->tokens + at, (end - at) * sizeof *s->tokens) == 0;
}

/* Is an older sequence about to compute, in this step, what s needs next? Then s waits for it:
 * sequences with the same beginning start together, and one of them is enough. */
static bool twin_at_work(const batch *b, const batch_seq *s, size_t n_planned)
{
    if (s->fed + LEAST_SHARED > s->want_from) return false;
    for (size_t i = 0; i < n_planned; i++)
        if (works_for(b->running[i], s)) return true;
    return false;
}

static bool reserve_pages(batch *b, batch_seq *s)
{
    while (s->n_pages < pages_for(s->fed + s->take)) {
        kv_page *p = take_page(b, s);
        if (!p) return false;
        s->pages[s->n_pages++] = p;
    }
    return true;
}

/* Plan running[i] with at most `room` tokens. It may preempt sequences behind i, never one before.
 */
static void plan_seq(batch *b, size_t i, size_t room)
{
    batch_seq *s = b->running[i];
    s->take = 0;
    if (s->fed == 0 && s->choice >= 0 && s->job->n_root_pages > 0 && !fork_from_root(b, s)) return;
    adopt_pages(b, s);
    const size_t left = s->n_feed - s->fed;
    if (left > 1 && twin_at_work(b, s, i)) return;
    s->take = left < room ? left : room;
    if (reserve_pages(b, s)) return;
    s->take = 0;
    while (s->n_pages > pages_for(s->fed)) /* nobody sits on empty pages */
        kvcache_release(b->opt.kv, s->pages[--s->n_pages]);
}

static bool is_single(const batch_seq *s)
{
    return s->n_feed - s->fed == 1;
}

/* Every sequence that needs one token more is in each step; prompts share what room is left. */
static size_t plan_step(batch *b)
{
    size_t n_slices = 0, room = b->max_tokens, n_single = 0;
    start_waiting(b);
    for (size_t i = 0; i < b->n_running; i++)
        n_single += is_single(b->running[i]);
    for (size_t i = 0; i < b->n_running; i++) {
        batch_seq *s = b->running[i];
        const bool single = is_single(s);
        if (single) n_single--;
        plan_seq(b, i, room > n_single ? room - n_single : 0);
        if (s->take == 0) continue;
        room -= s->take;
        s->slice = n_slices;
        b->by_slice[n_slices] = s;
        b->slices[n_slices++] = (step_slice){.tokens = s->tokens + s->fed,
                                             .is_long = s->job->is_long,
                                             .n = s->take,
                                             .pos = s->fed,
                                             .pages = s->pages,
                                             .want_from = s->want_from,
                                             .want_to = s->n_feed};
    }
    return n_slices;
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

static void take_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    batch *b = ctx;
    batch_seq *s = b->by_slice[slice];
    batch_job *job = s->job;
    const size_t n_vocab = b->opt.m->p.n_vocab;
    const double lse = kern_logsumexp(b->opt.kern, logits, n_vocab);
    if (job->kind == REQUEST_GENERATE) {
        double u = 0;
        if (pos + 1 < s->n_feed) { /* the next token is forced */
            job->logprobs[pos + 1 - job->n_prompt] = logprob_of(logits, s->tokens[pos + 1], lse);
            return;
        }
        if (job->how.temperature > 0)
            u = rng_at(job->how.seed, job->item_key, job->sample, (uint32_t)job->n_new);
        s->token = sampler_pick(&b->samplers[thread], b->opt.kern, logits, &job->how, u);
        s->logprob = logprob_of(logits, s->token, lse);
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
    for (size_t i = from / KV_PAGE_LEN; i * KV_PAGE_LEN < s->fed; i++)
        s->pages[i] =
            kvcache_publish(b->opt.kv, s->pages[i], parent_of(b, s, i), s->tokens + i * KV_PAGE_LEN,
                            min_size(s->fed - i * KV_PAGE_LEN, KV_PAGE_LEN));
}

static void end_seq(batch *b, batch_seq *s)
{
    if (s->state == SEQ_RUNNING) remove_running(b, s);
    if (s->state == SEQ_BLOCKED) s->job->n_unforked--;
    s->state = SEQ_DONE;
    s->job->n_open--;
    b->is_short = false;
    drop_pages(b, s->pages, &s->n_pages);
}

static void fail_job(batch *b, batch_job *job, const char *why)
{
    job->error = why;
    for (size_t i = 0; i < job->n_seqs; i++)
        if (job->seqs[i].state != SEQ_DONE) end_seq(b, &job->seqs[i]);
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

static void add_token(batch *b, batch_seq *s)
{
    batch_job *job = s->job;
    job->tokens[job->n_prompt + job->n_new] = s->token;
    job->logprobs[job->n_new++] = s->logprob;
    b->new_tokens++;
    batch_forced then = {NULL, 0};
    const bool stop = b->opt.hooks.token(b->opt.hooks.ctx, job, s->token, s->logprob, &then);
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
    b->new_tokens += then.n;
    s->want_from = s->n_feed;
    s->n_feed += 1 + then.n;
}

static void finish_slice(batch *b, batch_seq *s, const step_slice *slice)
{
    if (s->state != SEQ_RUNNING) return; /* its job failed through another sequence */
    if (slice->failed) {
        fail_job(b, s->job, "a value that is not finite (activation or logit)");
        return;
    }
    const size_t from = s->fed;
    s->fed += s->take;
    if (!s->counted) {
        s->job->n_computed += s->take;
        b->prompt_tokens += s->take;
    }
    publish_pages(b, s, from);
    if (s->fed < s->n_feed) return;
    s->counted = true;
    if (s->job->kind == REQUEST_GENERATE)
        add_token(b, s);
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
    const size_t n = plan_step(b);
    if (n == 0 && b->n_running > 0) /* the oldest has taken all that the others had */
        fail_job(b, b->running[0]->job, "the key/value memory is too small for this sequence");
    forward_run(b->fwd, b->slices, n, take_row, b);
    for (size_t i = 0; i < n; i++)
        finish_slice(b, b->by_slice[i], &b->slices[i]);
    WAAGE_TRY(give_back(b, err));
    return WAAGE_OK;
}
