/* cmd_list.c - `waage list`: what is built in. */
#include "datasets/dataset.h"
#include "harness/base/nearest.h"
#include "harness/cmd.h"
#include "reports/report.h"
#include "runners/runner.h"
#include "tasks/task.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bool json;
} list_args;

static const opt list_options[] = {
    {0, "json", OPT_FLAG, offsetof(list_args, json), NULL, "for machines"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

/* Rows of name, description and note; printed as aligned text or as JSON. */
typedef struct {
    strbuf out;
    bool json;
    size_t n;
} listing;

static void put_row(listing *l, const char *name, const char *text, const char *note)
{
    if (l->json) {
        strbuf_puts(&l->out, l->n ? ",\n  {\"name\": " : "\n  {\"name\": ");
        strbuf_put_json(&l->out, name, strlen(name));
        strbuf_puts(&l->out, ", \"description\": ");
        strbuf_put_json(&l->out, text ? text : "", text ? strlen(text) : 0);
        strbuf_puts(&l->out, ", \"note\": ");
        strbuf_put_json(&l->out, note, strlen(note));
        strbuf_putc(&l->out, '}');
    } else {
        strbuf_printf(&l->out, "%-22s %s%s%s%s\n", name, text ? text : "", *note ? " (" : "", note,
                      *note ? ")" : "");
    }
    l->n++;
}

static waage_status list_suites(listing *l, arena *a, waage_err *err)
{
    const task_builtin *suites = NULL;
    size_t n = 0;
    WAAGE_TRY(task_list_builtin(&suites, &n, a, err));
    for (size_t i = 0; i < n; i++)
        put_row(l, suites[i].name, suites[i].description,
                suites[i].needs_data ? "needs --data DIR" : "");
    return WAAGE_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* GGUF files where the downloads go. */
static waage_status list_models(listing *l, arena *a, waage_err *err)
{
    const char *dir = getenv("WAAGE_MODELS");
    if (!dir || !*dir) dir = ".cache/models";
    opts_list names = {0};
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        const size_t n = strlen(e->d_name);
        if (n < 5 || strcmp(e->d_name + n - 5, ".gguf") != 0) continue;
        const char *path = arena_printf(a, "%s/%s", dir, e->d_name);
        if (!path || !opts_list_add(&names, a, path)) {
            closedir(d);
            return waage_err_nomem(err);
        }
    }
    if (d) closedir(d);
    if (names.n) qsort(names.items, names.n, sizeof *names.items, compare_names);
    for (size_t i = 0; i < names.n; i++)
        put_row(l, names.items[i], "", "");
    if (names.n == 0 && !l->json)
        strbuf_printf(&l->out,
                      "no GGUF files in %s (WAAGE_MODELS names another directory); any path "
                      "will do as MODEL\n",
                      dir);
    return WAAGE_OK;
}

static waage_status list_datasets(listing *l, arena *a, waage_err *err)
{
    (void)a;
    (void)err;
    for (const dataset_builtin *d = dataset_builtins; d->name; d++)
        put_row(l, d->name, d->description, "");
    return WAAGE_OK;
}

static waage_status list_formats(listing *l, arena *a, waage_err *err)
{
    (void)a;
    (void)err;
    for (size_t i = 0; runner_list[i]; i++)
        put_row(l, runner_list[i]->scheme, runner_list[i]->help, "model");
    for (const report_format *f = report_formats; f->name; f++)
        put_row(l, f->name, f->help, "report");
    return WAAGE_OK;
}

static const struct {
    const char *name;
    waage_status (*list)(listing *l, arena *a, waage_err *err);
} kinds[] = {{"suites", list_suites},
             {"models", list_models},
             {"datasets", list_datasets},
             {"formats", list_formats}};

static waage_status unknown_kind(const char *word, waage_err *err)
{
    nearest near;
    nearest_init(&near, word);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        nearest_offer(&near, kinds[i].name);
    if (near.best)
        return waage_err_set(err, WAAGE_EINVAL, "cannot list '%s'; did you mean '%s'?", word,
                             near.best);
    return waage_err_set(err, WAAGE_EINVAL,
                         "cannot list '%s'; it is one of suites, models, datasets, formats", word);
}

static waage_status run_list(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    list_args args = {false};
    opts_list rest = {0};
    WAAGE_TRY(cmd_parse(line, &args, &rest, err));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, rest.items[0]) != 0) continue;
        listing l = {STRBUF_EMPTY, args.json, 0};
        if (l.json) strbuf_putc(&l.out, '[');
        waage_status st = kinds[i].list(&l, line->a, err);
        if (l.json) strbuf_puts(&l.out, l.n ? "\n]\n" : "]\n");
        if (st == WAAGE_OK) st = strbuf_check(&l.out, err);
        if (st == WAAGE_OK) fwrite(strbuf_str(&l.out), 1, l.out.len, stdout);
        strbuf_free(&l.out);
        return st;
    }
    return unknown_kind(rest.items[0], err);
}

const command cmd_list = {
    "list",
    "suites|models|datasets|formats [--json]",
    "List what is built in.",
    "suites: names for -s. models: GGUF files that were downloaded. datasets: built-in "
    "generators.\n"
    "formats: kinds of models for -m, and formats of reports.",
    list_options,
    1,
    1,
    run_list,
};
