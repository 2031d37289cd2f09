/* batch.h - continuous batching over the forward pass: many jobs, as many sequences at a time as
 * slots and memory allow, prompts in chunks beside single decoded tokens. What a job gets back
 * never depends on the others, on chunks or on memory: a sequence that has to give up its pages is
 * computed again later, to the same bits.
 *
 * A loglik job is a little tree: the tokens that all its choices begin with are computed once, then
 * every choice goes on from there. Jobs with the same beginning compute it once: whole pages are
 * shared, the rest is copied. */
#ifndef RUNNERS_LOCAL_BATCH_H
#define RUNNERS_LOCAL_BATCH_H
#include "harness/base/request.h"
#include "runners/local/draft.h"
#include "runners/local/forward.h"

typedef struct batch batch;         /* opaque */
typedef struct batch_seq batch_seq; /* one row of key/value pages, inside a job */

typedef struct {
    const int32_t *tokens; /* (n) prompt and continuation, borrowed */
    size_t n;
    size_t cut; /* 1 <= cut <= n: tokens[cut..n) are scored */
    /* results, (n - cut) each */
    float *logprobs;
    uint8_t *greedy; /* token was the arg max */
} batch_choice;

typedef struct batch_job {
    /* set by the caller */
    request_kind kind;
    void *user;
    const int32_t *prompt; /* generate: (n_prompt), n_prompt >= 1, borrowed */
    size_t n_prompt, max_new;
    sampling how;
    uint64_t item_key;
    uint32_t sample;
    bool score_prompt;     /* generate: the prompt's tokens too, so no pages of it can be shared */
    uint32_t n_top;        /* generate: this many of the likeliest tokens at each scored place */
    batch_choice *choices; /* loglik: (n_choices), n_choices >= 1, borrowed */
    size_t n_choices;
    /* results */
    int32_t *tokens; /* generate: (n_new) */
    float *logprobs; /* (n_new) */
    size_t n_new;
    float *prompt_logprobs; /* score_prompt: (n_prompt), the first is void */
    token_prob *top;        /* n_top > 0: rows of n_top; the first of new tokens is row top_from */
    size_t top_from;        /* n_prompt with score_prompt, else 0 */
    size_t n_computed, n_shared; /* prompt tokens run through the model, and found in pages */
    const char *error;           /* NULL, or why the job failed (static text) */
    /* private */
    batch_seq *seqs;
    size_t n_seqs, n_open;
    kv_page **root_pages; /* of the common beginning, until all choices have forked */
    size_t n_root_pages, root_len, n_unforked;
    uint64_t order;
    bool is_long; /* model_is_long() of its longest text */
    struct batch_job *next;
} batch_job;

/* Tokens that follow the one just made: fed like a prompt, not sampled. They stand among the job's
 * tokens, with the log-probabilities that the model gave them. */
typedef struct {
    const int32_t *ids; /* (n) copied */
    size_t n;           /* n_new + n < max_new: one more has to be sampled */
} batch_forced;

typedef struct {
    void *ctx;
    /* A generated token; true ends the job. *then is empty and may be filled. Not called for
     * loglik, nor for forced tokens. */
    bool (*token)(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *then);
    /* The job is done (error set or not) and the batch knows it no more; the results are the
     * caller's to free. */
    waage_status (*done)(void *ctx, batch_job *job, waage_err *err);
} batch_hooks;

typedef struct {
    const model *m;
    const kern_set *kern;
    kern_grade grade;
    pool *threads;
    kvcache *kv;
    size_t n_slots;      /* sequences that run at the same time, at least 1 */
    size_t chunk_tokens; /* of one step */
    draft_fn draft;      /* guesses for the last, lonely sequences; NULL: none. Changes no result */
    batch_hooks hooks;
} batch_options;

/* So far. */
typedef struct {
    uint64_t prompt_tokens, new_tokens; /* run through the model: of prompts and continuations, and
                                           generated ones */
    uint64_t n_drafted, n_accepted;     /* guesses computed; new tokens that were among them */
} batch_totals;

WAAGE_MUST_CHECK waage_status batch_create(batch **out, const batch_options *opt, waage_err *err);
/* Running jobs are forgotten: done() is not called, their results stay with the caller. */
void batch_free(batch *b);
void batch_free_results(batch_job *job); /* also of jobs that never ran; twice is fine */

/* Add a job. It must stay until done(). Token ids must be in range and no sequence longer than the
 * model's context. A sequence that outgrows all the key/value memory there is ends with an error.
 */
WAAGE_MUST_CHECK waage_status batch_add(batch *b, batch_job *job, waage_err *err);
/* Between steps: the job ends as failed, with this reason (static text); done() comes with the
 * next step. A job that has ended already stays as it is. */
void batch_cancel(batch *b, batch_job *job, const char *why);
size_t batch_n_jobs(const batch *b);
size_t batch_n_waiting(const batch *b); /* sequences that have not got a slot */
/* One forward step; calls the hooks. */
WAAGE_MUST_CHECK waage_status batch_step(batch *b, waage_err *err);
batch_totals batch_get_totals(const batch *b);

#endif
