/* batch_internal.h - what the scheduler knows of its sequences; shared by batch.c (jobs, what comes
 * of a step) and batch_plan.c (who computes what in a step, and in which pages). */
#ifndef RUNNERS_LOCAL_BATCH_INTERNAL_H
#define RUNNERS_LOCAL_BATCH_INTERNAL_H
#include "runners/local/batch.h"
#include "runners/local/draft.h"
#include "runners/local/sampler.h"

enum { DRAFT_ROWS = 8 }; /* of a step with drafts, at most: more rows are no longer cheap */

typedef enum { SEQ_BLOCKED, SEQ_WAITING, SEQ_RUNNING, SEQ_DONE } seq_state;

/* Feeding tokens[0..n_feed) to the model; the logits of positions want_from..n_feed-1 are needed.
 * During a step guesses may stand behind n_feed. */
struct batch_seq {
    batch_job *job;
    seq_state state;
    int choice; /* index, or -1: the only sequence of a generate job, the root of a tree */
    const int32_t *tokens; /* owned only by generate jobs: prompt and what came after */
    size_t n_feed, want_from;
    size_t fed; /* positions whose keys and values are there */
    kv_page **pages;
    size_t n_pages;
    size_t take;                /* tokens in this step, without drafts */
    size_t n_guesses, n_drafts; /* behind n_feed, and those of them that this step computes */
    bool counted;               /* prompt tokens are in the job's totals */
    bool forked;                /* no longer among the job's n_unforked */
    /* generate: what this step made behind n_feed - 1 and behind each draft */
    int32_t picked[DRAFT_ROWS];
    float logprob[DRAFT_ROWS];
    draft_trust trust;
};

struct batch {
    batch_options opt;
    forward *fwd;
    batch_job *first, *last; /* jobs by age */
    size_t n_jobs;
    uint64_t next_order;
    batch_totals totals;
    size_t max_tokens;   /* of a step */
    bool is_short;       /* of memory: nothing starts until something ends */
    batch_seq **running; /* (n_running <= n_slots) by age */
    size_t n_running;
    size_t n_single;    /* while a step is planned: those not planned yet that need one token */
    step_slice *slices; /* (n_slots) */
    batch_seq **by_slice;
    sampler *samplers; /* (threads) */
    size_t n_samplers;
};

/* Give back the last pages until n_kept are left: the beginning of a text is the part most worth
 * keeping. */
void batch_drop_pages(batch *b, kv_page **pages, size_t *n, size_t n_kept);
void batch_remove_running(batch *b, const batch_seq *s);
/* What page i of s follows, as the cache counts it. */
const kv_page *batch_parent_of(const batch *b, const batch_seq *s, size_t i);
/* Fill b->slices and b->by_slice for the next step; returns how many. */
size_t batch_plan_step(batch *b);

static inline size_t batch_pages_for(size_t n_tokens)
{
    return (n_tokens + KV_PAGE_LEN - 1) / KV_PAGE_LEN;
}

#endif
