/* batch_plan.c - who computes what in the next step. Sequences are ordered by age (job, then place
 * in the job). The pass that hands out pages goes from old to young and takes pages from the
 * youngest when there are none: the oldest sequence can always go on, so every job ends. */
#include <string.h>
#include "runners/local/batch_internal.h"

/* Positions that are worth a copy, or waiting for. */
enum { LEAST_SHARED = 8 };

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- Pages ---- */

/* Needs one token more: a decoding sequence, or the last of a prompt. */
static bool is_single(const batch_seq *s)
{
    return s->n_feed - s->fed == 1;
}

static bool is_older(const batch_seq *a, const batch_seq *b)
{
    if (a->job->order != b->job->order) return a->job->order < b->job->order;
    return a < b; /* same array */
}

void batch_remove_running(batch *b, const batch_seq *s)
{
    size_t i = 0;
    while (b->running[i] != s)
        i++;
    memmove(&b->running[i], &b->running[i + 1], (--b->n_running - i) * sizeof *b->running);
}

/* s stands behind the one that is being planned. */
static void preempt(batch *b, batch_seq *s)
{
    b->n_single -= is_single(s);
    batch_drop_pages(b, s->pages, &s->n_pages, 0);
    s->fed = 0;
    s->state = SEQ_WAITING;
    batch_remove_running(b, s);
    b->is_short = true;
}

/* Pages of roots that wait for choices to fork, the youngest job first; the choices then begin
 * anew. */
static bool drop_roots(batch *b)
{
    batch_job *young = NULL;
    for (batch_job *j = b->first; j; j = j->next)
        if (j->n_root_pages > 0) young = j;
    if (young) batch_drop_pages(b, young->root_pages, &young->n_root_pages, 0);
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

const kv_page *batch_parent_of(const batch *b, const batch_seq *s, size_t i)
{
    if (i > 0) return s->pages[i - 1];
    return s->job->is_long ? kvcache_long_root(b->opt.kv) : NULL;
}

static const kv_page *parent_page(const batch *b, const batch_seq *s)
{
    return batch_parent_of(b, s, s->fed / KV_PAGE_LEN);
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

/* The root's pages go with the last fork. A choice that lost its pages forks once more. */
static void count_fork(batch *b, batch_seq *s)
{
    batch_job *job = s->job;
    if (s->forked) return;
    s->forked = true;
    if (--job->n_unforked == 0) batch_drop_pages(b, job->root_pages, &job->n_root_pages, 0);
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
    count_fork(b, s);
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
    while (s->n_pages < batch_pages_for(s->fed + s->take)) {
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
    s->take = s->n_guesses = s->n_drafts = 0;
    if (s->fed == 0 && s->choice >= 0 && s->job->n_root_pages > 0 && !fork_from_root(b, s)) return;
    adopt_pages(b, s);
    const size_t left = s->n_feed - s->fed;
    if (left > 1 && twin_at_work(b, s, i)) return;
    s->take = left < room ? left : room;
    if (reserve_pages(b, s)) return;
    s->take = 0;
    batch_drop_pages(b, s->pages, &s->n_pages,
                     batch_pages_for(s->fed)); /* nobody sits on empty pages */
}

/* Guesses at what comes behind sequences that decode, when they are so few that rows are cheap.
 * They get rows that are left over and positions of pages that are held, never a page. */
static void plan_drafts(batch *b, size_t n_slices)
{
    size_t rows = min_size(DRAFT_ROWS, b->max_tokens);
    rows -= min_size(rows, n_slices);
    for (size_t i = 0; i < n_slices && rows > 0; i++) {
        batch_seq *s = b->by_slice[i];
        const batch_job *job = s->job;
        if (job->kind != REQUEST_GENERATE || s->fed + s->take < s->n_feed) continue;
        const size_t in_pages = s->n_pages * KV_PAGE_LEN - s->n_feed;
        const size_t to_come = job->max_new - job->n_new - 1; /* behind the next one */
        const size_t fair = rows / (n_slices - i);
        const size_t most = min_size(min_size(in_pages, to_come), fair);
        const size_t want = draft_worth(s->trust, n_slices, most);
        s->n_guesses = b->opt.draft(s->tokens, s->n_feed, job->tokens + s->n_feed, want + !want);
        s->n_drafts = min_size(s->n_guesses, want);
        b->slices[i].n += s->n_drafts;
        b->slices[i].want_to += s->n_drafts;
        b->totals.n_drafted += s->n_drafts;
        rows -= s->n_drafts;
    }
}

/* Every sequence that needs one token more is in each step; prompts share what room is left. */
size_t batch_plan_step(batch *b)
{
    size_t n_slices = 0, room = b->max_tokens;
    start_waiting(b);
    b->n_single = 0;
    for (size_t i = 0; i < b->n_running; i++)
        b->n_single += is_single(b->running[i]);
    for (size_t i = 0; i < b->n_running; i++) {
        batch_seq *s = b->running[i];
        b->n_single -= is_single(s);
        plan_seq(b, i, room > b->n_single ? room - b->n_single : 0);
        if (s->take == 0) continue;
        room -= s->take;
        b->by_slice[n_slices] = s;
        b->slices[n_slices++] = (step_slice){.tokens = s->tokens + s->fed,
                                             .is_long = s->job->is_long,
                                             .n = s->take,
                                             .pos = s->fed,
                                             .pages = s->pages,
                                             .want_from = s->want_from,
                                             .want_to = s->n_feed};
    }
    if (b->opt.draft && b->max_tokens - room == n_slices) plan_drafts(b, n_slices);
    return n_slices;
}
