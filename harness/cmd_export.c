/* cmd_export.c - `waage export`: a run in the forms of others. */
#include "harness/base/file.h"
#include "harness/base/log.h"
#include "harness/cmd.h"
#include "harness/recording.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    bool recordings;
    const char *model, *path;
} export_args;

static const opt export_options[] = {
    {0, "recordings", OPT_FLAG, offsetof(export_args, recordings), NULL,
     "the answers, as replay:FILE reads them"},
    {'m', "model", OPT_TEXT, offsetof(export_args, model), "LABEL",
     "whose (needed when the run has several models)"},
    {'o', "output", OPT_TEXT, offsetof(export_args, path), "FILE",
     "where to (default: standard output)"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

/* The model that was named, or the only one. */
static waage_status choose_model(const char **label, store *s, const export_args *args,
                                 const char *dir, arena *a, waage_err *err)
{
    store_data head;
    strbuf all = STRBUF_EMPTY;
    WAAGE_TRY(store_read_head(s, a, &head, err));
    *label = !args->model && head.n_models == 1 ? head.models[0].label : NULL;
    for (size_t i = 0; i < head.n_models; i++) {
        strbuf_printf(&all, "%s%s", i ? ", " : "", head.models[i].label);
        if (args->model && strcmp(args->model, head.models[i].label) == 0)
            *label = head.models[i].label;
    }
    waage_status st = WAAGE_OK;
    if (!*label)
        st = waage_err_set(err, WAAGE_EINVAL, "%s holds the models %s; -m LABEL chooses one", dir,
                           strbuf_str(&all));
    strbuf_free(&all);
    return st;
}

static waage_status end_file(FILE *f, const char *part, const char *path, waage_status st,
                             waage_err *err)
{
    const bool special = strcmp(part, path) == 0;
    const bool bad = fflush(f) != 0 || ferror(f) || (!special && fsync(fileno(f)) != 0);
    if (st == WAAGE_OK && bad)
        st = waage_err_set(err, WAAGE_EWRITE, "%s: %s", path, strerror(errno));
    if (fclose(f) != 0 && st == WAAGE_OK)
        st = waage_err_set(err, WAAGE_EWRITE, "%s: %s", path, strerror(errno));
    if (special) return st;
    if (st == WAAGE_OK && rename(part, path) != 0)
        st = waage_err_set(err, WAAGE_EWRITE, "%s: %s", path, strerror(errno));
    if (st != WAAGE_OK) (void)unlink(part);
    return st;
}

/* The whole file or the old one, never half of it; devices and pipes take it as it comes. */
static waage_status write_file(const char *path, store *s, const char *label, size_t *n, arena *a,
                               waage_err *err)
{
    const char *part = file_is_special(path) ? path : arena_printf(a, "%s.part", path);
    if (!part) return waage_err_nomem(err);
    FILE *f = fopen(part, "wb");
    if (!f) return waage_err_set(err, WAAGE_EWRITE, "%s: %s", part, strerror(errno));
    return end_file(f, part, path, recording_write(f, s, label, n, err), err);
}

static waage_status export_from(store *s, const export_args *args, const char *dir, arena *a,
                                waage_err *err)
{
    const char *label = NULL;
    size_t n = 0;
    WAAGE_TRY(choose_model(&label, s, args, dir, a, err));
    if (!args->path || strcmp(args->path, "-") == 0)
        return recording_write(stdout, s, label, &n, err);
    WAAGE_TRY(write_file(args->path, s, label, &n, a, err));
    log_info("%s: %zu answers of %s; `-m %s=replay:%s` reads them", args->path, n, label, label,
             args->path);
    return WAAGE_OK;
}

static waage_status run_export(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    export_args args = {0};
    opts_list rest = {0};
    store *s = NULL;
    WAAGE_TRY(cmd_parse(line, &args, &rest, err));
    if (!args.recordings)
        return waage_err_set(err, WAAGE_EINVAL, "export what? --recordings DIR writes the answers");
    WAAGE_TRY(store_open(&s, rest.items[0], false, err));
    const waage_status st = export_from(s, &args, rest.items[0], line->a, err);
    store_close(s);
    return st;
}

const command cmd_export = {
    "export",
    "--recordings DIR [-m LABEL] [-o FILE]",
    "Write the answers of a run in a form that others read.",
    "A recording is JSONL: one answer a row, with the body that the server sent. `replay:FILE`\n"
    "answers from it without network or cost: new rules score old answers.",
    export_options,
    1,
    1,
    run_export,
};
