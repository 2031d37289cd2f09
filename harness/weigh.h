/* weigh.h - `waage run` as a call: models and suites in, a run directory out. Opens one model after
 * the other (memory), checks that an old directory may be gone on with, writes store, manifest and
 * run.yaml, and lets run.c do the work. */
#ifndef HARNESS_WEIGH_H
#define HARNESS_WEIGH_H
#include "harness/run.h"
#include "harness/runfile.h"

typedef struct {
    runfile file;        /* settings finished by runfile_finish_settings */
    const char *dir;     /* of the run */
    const char *command; /* for the manifest, or NULL */
    run_options how;     /* st, p, label and pg are filled in */
    bool show_progress;  /* on stderr */
} weigh_job;

/* Everything in `a`. Status as of run_model; models behind one that failed on its error bound still
 * run. */
WAAGE_MUST_CHECK waage_status weigh_run(const weigh_job *job, arena *a, waage_err *err);
/* What would be done: per model, task and protocol items, prompt tokens and limits, and the
 * expected time where an earlier run of the directory measured a rate. Writes nothing to disk. */
WAAGE_MUST_CHECK waage_status weigh_dry_run(const weigh_job *job, strbuf *out, arena *a,
                                            waage_err *err);
#endif
