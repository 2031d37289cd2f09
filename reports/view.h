/* view.h - how a report calls things and prints numbers; shared by all writers, free of markup. */
#ifndef REPORTS_VIEW_H
#define REPORTS_VIEW_H
#include "harness/analysis.h"
#include "harness/base/arena.h"
#include "harness/base/strbuf.h"
#include "reports/report.h"

typedef struct {
    const char *label;
    const char *training;                        /* "instruct", "base", "recorded": never NULL */
    const char *quant;                           /* "Q4_1", or NULL */
    const char *descriptor;                      /* "instruct, Q4_1" */
    const char *architecture, *licence, *cutoff; /* or NULL */
    const char *openness;                        /* in words, or NULL */
    struct { /* what its makers publish, in the words of docs/report.md; NULL: unknown */
        const char *weights, *licence, *data, *code, *class, *source, *date, *by;
    } published;
    const char *effort;     /* how it was told to think, or NULL */
    const char *family;     /* the same for one model under several efforts */
    const char *parameters; /* "134.5 M", or NULL */
    const char *file_size;  /* "98.4 MB", or NULL */
} view_model;

typedef struct {
    const char *title;  /* of the task; its name where the title is not unique */
    const char *group;  /* suite it belongs to */
    const char *how;    /* "completion, 4 shots", "completion, log-likelihood", "chat" */
    const char *anchor; /* unique HTML id: "s3-completion" */
} view_row;

typedef struct { /* what every writer gets */
    const analysis *an;
    const store_data *d; /* the joined runs */
    const report_options *opt;
    const report_run *runs;
    size_t n_runs;
    const char *const *notes; /* (n_notes) what joining kept apart */
    size_t n_notes;
    const view_model *models; /* (d->n_models) */
    const view_row *rows;     /* (an->n_rows) */
    bool subset;              /* --limit or --items: not the whole suite */
    arena *a;
    waage_err *err;
} view;

/* Fill models, rows and subset from the rest. WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status view_make(view *v);

/* Numbers. `dash` U+2212 is the minus sign; intervals read "42.7 to 54.0". */
void view_put_percent(strbuf *out, double share);              /* 48.3 */
void view_put_points(strbuf *out, double diff);                /* +31.3, −2.0, 0.0 */
void view_put_interval(strbuf *out, stats_interval ci);        /* 42.7 to 54.0 */
void view_put_signed_interval(strbuf *out, stats_interval ci); /* −3.5 to +8.1 */
void view_put_p(strbuf *out, double p);                        /* p < .001, p = .44 */
void view_put_share(strbuf *out, double x);                    /* .61, −.05, 1.00 */
void view_put_count(strbuf *out, size_t n);                    /* 1,319 */
const char *view_plural(size_t n, const char *one, const char *many);

/* Higher of chance and best constant answer. */
double view_floor(const analysis_cell *c);
/* The value of a setting or a manifest entry, or NULL. */
const char *view_setting(const view *v, const char *key);
const char *view_manifest(const view *v, const char *key);
/* Of the activations, or NULL: no model of this report ran in our engine. */
const char *view_grade(const view *v);
/* May this task's item texts be shown? */
bool view_may_show(const view *v, const store_task *t);
/* The command that runs one item again. */
void view_put_rerun(strbuf *out, const view *v, const char *item);
/* Outcome word for a score: "right", "wrong", "partly right", or the outcome's name; for kinds
 * other than accuracy the outcome alone. */
const char *view_result_word(const store_score *s, analysis_kind kind);

#endif
