/* run.h - the run loop for one model: feed its runner, collect items as they end, score them at
 * once, commit in batches. Killed at any moment it loses no committed item and repeats none: an
 * item's last turn and its score enter the store in one transaction. */
#ifndef HARNESS_RUN_H
#define HARNESS_RUN_H
#include "harness/budget.h"
#include "harness/energy.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/store.h"
#include "runners/runner.h"

typedef struct {
    store *st; /* open for writing; frame and model are there; no transaction is open */
    const plan *p;
    const char *label;     /* of the model in the store */
    progress *pg;          /* may be NULL */
    budget *money;         /* shared by models; NULL: no bound */
    energy *power;         /* sampled while the model runs; NULL: not measured */
    size_t commit_items;   /* commit after so many items ... */
    double commit_seconds; /* ... or so much time */
    uint32_t n_retries;    /* of an item whose answer was an error */
    double error_bound;    /* share of items that may end with an error */
} run_options;
#define RUN_OPTIONS_DEFAULT                                                                        \
    {                                                                                              \
        .commit_items = 32, .commit_seconds = 2, .n_retries = 2, .error_bound = 0.05               \
    }

typedef struct {
    size_t n_planned, n_before; /* items times samples; done by an earlier run */
    size_t n_done;              /* by this run, errors included */
    size_t n_unsupported, n_errors, n_retried;
    uint64_t n_tokens; /* computed: prompts without what was shared, and answers */
    uint64_t n_prompt_tokens, n_shared_tokens; /* of prompts; found computed for another request */
    double seconds;
    char error[256]; /* the first one */
} run_result;

/* Which units of the plan the store does not have yet: todo[unit], in the arena. */
WAAGE_MUST_CHECK waage_status run_find_todo(const bool **todo, size_t *n, store *st, const plan *p,
                                            const char *label, arena *a, waage_err *err);
/* Run what is left. *out is filled in any case. WAAGE_EINTR after a signal, WAAGE_EWRITE when the
 * store cannot be written, WAAGE_EFAIL above the error bound
 * or when the budget is used up; committed work stays in every case.
 */
WAAGE_MUST_CHECK waage_status run_model(run_result *out, runner *r, const run_options *how,
                                        waage_err *err);
/* The prompt as text for people and hashes: as rendered, or the messages as JSON. */
void run_put_prompt(strbuf *out, const request *rq, const reply *rp);

#endif
