/* report.h - writers over the store: HTML, Markdown, CSV, JSON.
 * A report is a pure function of the runs it is given and of the options: no clock, no environment,
 * no network. Equal stores give byte-equal reports (the figures of the HTML come from the installed
 * gnuplot and depend on its version; everything else does not).
 * docs/report.md describes the formats, docs/statistics.md what the numbers mean. */
#ifndef REPORTS_REPORT_H
#define REPORTS_REPORT_H
#include "harness/base/strbuf.h"
#include "harness/store.h"

enum {
    REPORT_TRANSCRIPTS_DEFAULT =
        -1, /* all, up to a total size; texts that must not be passed on are left out */
    REPORT_TRANSCRIPTS_ALL =
        -2, /* --transcripts all: everything, also what is not redistributable */
    REPORT_TRANSCRIPTS_NONE = 0 /* any N > 0: the first N items of each suite and protocol */
};

typedef struct { /* one line of `waage digest` */
    const char *model, *task;
    protocol proto;
    const char *answers, *scores; /* hex; either may be NULL */
} report_digest;

typedef struct {
    const store_data *data;
    const char *dir;            /* for messages and for "run 1, run 2"; may be NULL */
    const char *answers_digest; /* `total` lines of `waage digest`, hex, or NULL */
    const char *scores_digest;
    const report_digest *digests; /* (n_digests) per model and suite, or NULL */
    size_t n_digests;
    const char *run_yaml; /* text of the RUN.yaml that repeats the run, or NULL */
} report_run;

typedef struct {
    int transcripts; /* REPORT_TRANSCRIPTS_... or N */
    const char *
        rerun; /* command to which " --items ID" is added; NULL: "waage run -c run.yaml -o again" */
    const char *repeat;  /* command that repeats the whole run; NULL: `rerun` and a digest */
    const char *gnuplot; /* program that draws the figures; NULL: "gnuplot"; "": no figures */
} report_options;
#define REPORT_OPTIONS_DEFAULT                                                                     \
    {                                                                                              \
        REPORT_TRANSCRIPTS_DEFAULT, NULL, NULL, NULL                                               \
    }

typedef struct {
    const char *name;      /* "html" */
    const char *extension; /* "html": DIR/report.html when no -o is given */
    const char *help;
} report_format;

/* Table of formats, sorted by name, ends with a NULL name. */
extern const report_format report_formats[];

/* Append the report of one or several runs to `out` (UTF-8). Runs are joined where task, data and
 * item hashes are equal; what does not fit is kept apart and named in the report. WAAGE_EINVAL
 * (unknown format, no run) | WAAGE_ENOMEM. A missing or failing gnuplot is no error: the report
 * says so and shows the numbers. */
WAAGE_MUST_CHECK waage_status report_write(strbuf *out, const char *format,
                                           const report_options *opt, const report_run *runs,
                                           size_t n_runs, waage_err *err);
#endif
