/* plan.h - what a run is going to ask: tasks times protocols times items times samples, in an order
 * that keeps requests with the same shots together, with ids that never change. The plan is the
 * same for every model; what a model cannot do is found when it runs. */
#ifndef HARNESS_PLAN_H
#define HARNESS_PLAN_H
#include "harness/runfile.h"
#include "harness/store.h"
#include "runners/runner.h"
#include "tasks/task.h"

#define PLAN_ARITHMETIC "1" /* version of docs/arithmetic.md; a test holds it to the kernels' */

typedef struct { /* requests of one task under one protocol: neighbours in the plan */
    const task *t;
    const task_info *info;
    protocol proto;
    const char *name; /* "math (chat)" */
    size_t first, n;  /* units */
} plan_row;

typedef struct { /* one item, asked once: all turns of it */
    uint32_t row, item, sample;
} plan_unit;

typedef struct {
    const task *const *tasks;
    const plan_row *rows;
    const plan_unit *units;
    const store_setting *settings; /* that enter digests, sorted by key */
    size_t n_tasks, n_rows, n_units, n_settings;
    task_list *loaded; /* (n_loaded) what plan_close releases */
    size_t n_loaded;
} plan;

/* Load the suites and lay out the plan in `a`.
 * WAAGE_EINVAL: nothing to do, an unknown item id, two tasks of one name. */
WAAGE_MUST_CHECK waage_status plan_make(plan *out, arena *a, const opts_list *suites,
                                        const runfile_settings *s, waage_err *err);

/* Release what the arena cannot; before the arena is freed. Fine after a plan_make that failed, and
 * on a zeroed plan. */
void plan_close(plan *p);

store_key plan_get_key(const plan *p, size_t unit, const char *model);
/* Can this model do this request? If not, *why says what is missing (borrowed). */
bool plan_can_run(const request *rq, const runner_info *m, const char **why);

/* Does the store hold results of other settings or other tasks than the plan's? WAAGE_ECONFLICT
 * names old and new. */
WAAGE_MUST_CHECK waage_status plan_check(const plan *p, const store_data *head, const char *dir,
                                         waage_err *err);
WAAGE_MUST_CHECK waage_status plan_check_model(const store_data *head, const store_model *m,
                                               const char *dir, waage_err *err);
/* Write tasks, items and settings; within the caller's transaction. */
WAAGE_MUST_CHECK waage_status plan_put(const plan *p, store *s, waage_err *err);

#endif
