/* report.c - the table of formats, and what every writer gets: runs joined, analysed, named. */
#include "reports/report.h"
#include <string.h>
#include "reports/writers.h"

typedef waage_status (*writer)(strbuf *out, const view *v);

const report_format report_formats[] = {
    {"csv", "csv", "one row per model, suite, protocol, item and sample"},
    {"html", "html", "one file for people, opens offline"},
    {"json", "json", "all tables and samples for programs"},
    {"md", "md", "Markdown: verdict and tables"},
    {NULL, NULL, NULL},
};

static const writer writers[] = {report_write_csv, report_write_html, report_write_json,
                                 report_write_md};
_Static_assert(sizeof writers / sizeof *writers + 1 ==
                   sizeof report_formats / sizeof *report_formats,
               "a writer for every format");

static waage_status find_writer(writer *out, const char *format, waage_err *err)
{
    for (size_t i = 0; report_formats[i].name; i++)
        if (strcmp(report_formats[i].name, format) == 0) {
            *out = writers[i];
            return WAAGE_OK;
        }
    return waage_err_set(err, WAAGE_EINVAL, "unknown report format %s: one of csv, html, json, md",
                         format);
}

static waage_status write_all(strbuf *out, writer write, const report_options *opt,
                              const report_run *runs, size_t n_runs, arena *a, waage_err *err)
{
    const store_data **data = arena_calloc(a, n_runs, sizeof *data);
    store_data joined;
    analysis an;
    view v = {
        .an = &an, .d = &joined, .opt = opt, .runs = runs, .n_runs = n_runs, .a = a, .err = err};
    if (!data) return waage_err_nomem(err);
    for (size_t i = 0; i < n_runs; i++)
        data[i] = runs[i].data;
    WAAGE_TRY(analysis_join(&joined, &v.notes, &v.n_notes, data, n_runs, a, err));
    WAAGE_TRY(analysis_make(&an, &joined, a, err));
    WAAGE_TRY(view_make(&v));
    return write(out, &v);
}

waage_status report_write(strbuf *out, const char *format, const report_options *opt,
                          const report_run *runs, size_t n_runs, waage_err *err)
{
    static const report_options defaults = REPORT_OPTIONS_DEFAULT;
    arena a = ARENA_EMPTY;
    writer write = NULL;
    if (n_runs == 0) return waage_err_set(err, WAAGE_EINVAL, "a report needs at least one run");
    waage_status st = find_writer(&write, format, err);
    if (st == WAAGE_OK) st = write_all(out, write, opt ? opt : &defaults, runs, n_runs, &a, err);
    if (st == WAAGE_OK) st = strbuf_check(out, err);
    arena_free(&a);
    return st;
}
