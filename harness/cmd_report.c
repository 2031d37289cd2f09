/* cmd_report.c - `waage report`: stores in, a document out. */
#include "harness/base/file.h"
#include "harness/base/log.h"
#include "harness/base/nearest.h"
#include "harness/cmd.h"
#include "harness/digest.h"
#include "reports/report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_RUNFILE_MAX = 4 << 20, REPORT_RUNS_MAX = 64 };

typedef struct {
    const char *format, *output, *transcripts;
} report_args;

static const opt report_options_table[] = {
    {0, "format", OPT_TEXT, offsetof(report_args, format), "NAME",
     "html, md, csv or json (default: by the name of -o, else html)"},
    {'o', "output", OPT_TEXT, offsetof(report_args, output), "PATH",
     "file, or - for stdout (default: DIR/report.FORMAT)"},
    {0, "transcripts", OPT_TEXT, offsetof(report_args, transcripts), "all|N|none",
     "per suite (default: all that may be passed on, up to a size)"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

static const report_format *find_format(const char *name, bool by_extension)
{
    for (const report_format *f = report_formats; f->name; f++)
        if (strcmp(by_extension ? f->extension : f->name, name) == 0) return f;
    return NULL;
}

static waage_status choose_format(const report_format **out, const report_args *args,
                                  waage_err *err)
{
    const char *dot = args->output ? strrchr(args->output, '.') : NULL;
    *out = NULL;
    if (args->format)
        *out = find_format(args->format, false);
    else if (dot && !strchr(dot, '/'))
        *out = find_format(dot + 1, true);
    if (*out) return WAAGE_OK;
    if (!args->format) {
        *out = find_format("html", false);
        return *out ? WAAGE_OK : waage_err_set(err, WAAGE_EINVAL, "--format is needed");
    }
    nearest near;
    nearest_init(&near, args->format);
    for (const report_format *f = report_formats; f->name; f++)
        nearest_offer(&near, f->name);
    return waage_err_set(err, WAAGE_EINVAL, "--format: no format '%s'%s%s%s", args->format,
                         near.best ? "; did you mean '" : "; `waage list formats` names them",
                         near.best ? near.best : "", near.best ? "'?" : "");
}

static waage_status parse_transcripts(int *out, const char *word, waage_err *err)
{
    static const opt row = {0, "transcripts", OPT_INT, 0, "N", NULL};
    if (!word)
        *out = REPORT_TRANSCRIPTS_DEFAULT;
    else if (strcmp(word, "all") == 0)
        *out = REPORT_TRANSCRIPTS_ALL;
    else if (strcmp(word, "none") == 0)
        *out = REPORT_TRANSCRIPTS_NONE;
    else if (opts_store(&row, out, word, "--transcripts", NULL) != WAAGE_OK)
        return waage_err_set(err, WAAGE_EINVAL, "--transcripts: '%s' is not all, none or a number",
                             word);
    return WAAGE_OK;
}

/* ---- What the report is made of -------------------------------------------------------------- */

static waage_status add_digests(report_run *run, const store_data *data, arena *a, waage_err *err)
{
    digest d;
    WAAGE_TRY(digest_compute(&d, data, a, err));
    report_digest *lines = arena_calloc(a, d.n_lines, sizeof *lines);
    if (!lines) return waage_err_nomem(err);
    for (size_t i = 0; i < d.n_lines; i++) {
        const digest_line *l = &d.lines[i];
        lines[i] = (report_digest){l->model, l->task, l->proto, l->answers, l->scores};
    }
    run->digests = lines;
    run->n_digests = d.n_lines;
    run->answers_digest = arena_strdup(a, d.answers);
    run->scores_digest = arena_strdup(a, d.total);
    return run->answers_digest && run->scores_digest ? WAAGE_OK : waage_err_nomem(err);
}

/* DIR/run.yaml, when it is there; a run without it can be reported all the same. */
static waage_status add_runfile(report_run *run, const char *dir, arena *a, waage_err *err)
{
    const char *path = arena_printf(a, "%s/run.yaml", dir);
    char *text = NULL;
    size_t len = 0;
    if (!path) return waage_err_nomem(err);
    if (!file_exists(path)) return WAAGE_OK;
    WAAGE_TRY(file_read(&text, &len, path, REPORT_RUNFILE_MAX, err));
    run->run_yaml = arena_strndup(a, text, len);
    free(text);
    return run->run_yaml ? WAAGE_OK : waage_err_nomem(err);
}

static waage_status read_run(report_run *run, const char *dir, arena *a, waage_err *err)
{
    store *s = NULL;
    store_data *data = arena_calloc(a, 1, sizeof *data);
    if (!data) return waage_err_nomem(err);
    WAAGE_TRY(store_open(&s, dir, false, err));
    const waage_status st = store_read(s, a, data, err);
    store_close(s);
    if (st != WAAGE_OK) return st;
    *run = (report_run){.data = data, .dir = dir};
    WAAGE_TRY(add_digests(run, data, a, err));
    return add_runfile(run, dir, a, err);
}

static waage_status deliver(const strbuf *text, const char *path, waage_err *err)
{
    if (strcmp(path, "-") == 0) {
        fwrite(strbuf_str(text), 1, text->len, stdout);
        return WAAGE_OK;
    }
    WAAGE_TRY(file_write(path, strbuf_str(text), text->len, err));
    puts(path);
    return WAAGE_OK;
}

static waage_status run_report(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    report_args args = {NULL, NULL, NULL};
    opts_list dirs = {0};
    const report_format *format = NULL;
    report_options how = REPORT_OPTIONS_DEFAULT;
    WAAGE_TRY(cmd_parse(line, &args, &dirs, err));
    WAAGE_TRY(choose_format(&format, &args, err));
    WAAGE_TRY(parse_transcripts(&how.transcripts, args.transcripts, err));
    report_run *runs = arena_calloc(line->a, dirs.n, sizeof *runs);
    const char *path = args.output;
    if (!path) path = arena_printf(line->a, "%s/report.%s", dirs.items[0], format->extension);
    if (!runs || !path) return waage_err_nomem(err);
    for (size_t i = 0; i < dirs.n; i++)
        WAAGE_TRY(read_run(&runs[i], dirs.items[i], line->a, err));
    strbuf text = STRBUF_EMPTY;
    waage_status st = report_write(&text, format->name, &how, runs, dirs.n, err);
    if (st == WAAGE_OK) st = strbuf_check(&text, err);
    if (st == WAAGE_OK) st = deliver(&text, path, err);
    strbuf_free(&text);
    return st;
}

const command cmd_report = {
    "report",
    "DIR... [--format html|md|csv|json] [-o PATH] [--transcripts all|N|none]",
    "Write the report of one or several runs; prints the file's name.",
    "The report is made from the stores alone: it can be made again at any time, without the "
    "models.\n"
    "Several runs are compared where their items, tasks and protocols are the same; what is left "
    "out\n"
    "is listed. Texts that must not be passed on are left out unless --transcripts all is given.",
    report_options_table,
    1,
    REPORT_RUNS_MAX,
    run_report,
};
