/* serve_jobs.h - requests of all clients in one queue, and the runner that works it off in one
 * batch. Jobs are added by the thread of HTTP; serve_jobs_run() runs the model on its own thread
 * and answers. What a job gets never depends on the others. */
#ifndef HARNESS_SERVE_JOBS_H
#define HARNESS_SERVE_JOBS_H
#include "harness/serve_http.h"
#include "harness/serve_metrics.h"
#include "harness/serve_request.h"
#include "runners/runner.h"

typedef struct serve_jobs serve_jobs; /* opaque */

typedef struct {
    runner *r;
    serve_metrics *metrics;
    const char *model, *fingerprint; /* as answers name them */
    size_t max_waiting;              /* answers not begun; above it: 429 */
    double grace;                    /* seconds that a stop leaves to what is under way */
    void *ctx;
    void (*sweep)(void *ctx);   /* now and then, by the model's thread */
    void (*stopped)(void *ctx); /* once, when a stop begins; same thread */
} serve_jobs_options;

WAAGE_MUST_CHECK waage_status serve_jobs_create(serve_jobs **out, const serve_jobs_options *opt,
                                                waage_err *err);
void serve_jobs_free(serve_jobs *q); /* not before serve_jobs_run() has returned */
/* Take over ask and answer x at some time. False: *why is set, ask and x stay the caller's. */
bool serve_jobs_add(serve_jobs *q, serve_exchange *x, serve_ask *ask, serve_fault *why);
void serve_jobs_count(serve_jobs *q, size_t *n_waiting, size_t *n_running);
bool serve_jobs_is_stopping(serve_jobs *q);
/* Work until a signal comes or serve_jobs_stop() is called: then nothing new is taken, what is
 * there is finished within the grace time. At the end every job has its answer. WAAGE_OK after a
 * stop; else why the runner failed. */
WAAGE_MUST_CHECK waage_status serve_jobs_run(serve_jobs *q, waage_err *err);
void serve_jobs_stop(serve_jobs *q); /* any thread */

#endif
