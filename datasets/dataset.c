/* dataset.c - documents from files, generators and task files. */
#include "datasets/dataset.h"
#include "harness/base/file.h"
#include <stdlib.h>
#include <string.h>

/* The largest public benchmark files are a few hundred megabytes. */
#define FILE_MAX_BYTES ((size_t)1 << 30)

typedef struct {
    arena *a;
    value *rows;
    value *columns; /* CSV: names from the first row */
    const char *name;
} reader;

/* A document is a map. */
static waage_status check_rows(const value *rows, const char *name, waage_err *err)
{
    for (size_t i = 0; i < rows->u.list.n; i++)
        if (rows->u.list.items[i]->kind != VALUE_MAP)
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s: row %zu is not an object with named fields", name, i + 1);
    if (rows->u.list.n == 0) return waage_err_set(err, WAAGE_EFORMAT, "%s: no rows", name);
    return WAAGE_OK;
}

static waage_status finish(dataset *d, value *rows, const char *name, waage_err *err)
{
    WAAGE_TRY(check_rows(rows, name, err));
    strbuf json = STRBUF_EMPTY;
    hash *h = hash_create();
    if (!h) return waage_err_nomem(err);
    waage_status st = WAAGE_OK;
    for (size_t i = 0; i < rows->u.list.n && st == WAAGE_OK; i++) {
        strbuf_clear(&json);
        value_put_json(&json, rows->u.list.items[i], 0);
        st = strbuf_check(&json, err);
        hash_add_field(h, strbuf_str(&json), json.len);
    }
    hash_end(h, d->data_hash);
    strbuf_free(&json);
    d->rows = rows;
    return st;
}

static waage_status read_jsonl(reader *r, const char *text, size_t len, waage_err *err)
{
    uint32_t line = 1;
    for (size_t at = 0; at < len; line++) {
        const char *nl = memchr(text + at, '\n', len - at);
        const size_t n = nl ? (size_t)(nl - text) - at : len - at;
        if (strspn(text + at, " \t\r") < n) {
            value *row = NULL;
            WAAGE_TRY(json_parse(&row, r->a, text + at, n, r->name, line, err));
            if (!value_list_add(r->a, r->rows, row)) return waage_err_nomem(err);
        }
        at += n + 1;
    }
    return WAAGE_OK;
}

static waage_status read_json(reader *r, const char *text, size_t len, const char *field,
                              waage_err *err)
{
    value *root = NULL;
    WAAGE_TRY(json_parse(&root, r->a, text, len, r->name, 1, err));
    const value *list = field ? value_get(root, field) : root;
    if (!list || list->kind != VALUE_LIST)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: %s%s%s is not a list of rows", r->name,
                             field ? "member \"" : "the file", field ? field : "",
                             field ? "\"" : "");
    for (size_t i = 0; i < list->u.list.n; i++)
        if (!value_list_add(r->a, r->rows, list->u.list.items[i])) return waage_err_nomem(err);
    return WAAGE_OK;
}

static waage_status csv_header(reader *r, const char *const *fields, size_t n, waage_err *err)
{
    r->columns = value_list(r->a);
    for (size_t i = 0; i < n; i++)
        if (!value_list_add(r->a, r->columns, value_str(r->a, fields[i])))
            return waage_err_nomem(err);
    return WAAGE_OK;
}

static waage_status csv_row(void *ctx, const char *const *fields, const size_t *lens, size_t n,
                            size_t line, waage_err *err)
{
    reader *r = ctx;
    if (!r->columns) return csv_header(r, fields, n, err);
    const size_t n_columns = value_len(r->columns);
    if (n != n_columns)
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%zu: %zu fields, the header has %zu", r->name,
                             line, n, n_columns);
    value *row = value_map(r->a);
    for (size_t i = 0; i < n; i++)
        if (!value_map_set(r->a, row, value_at(r->columns, i)->u.str.s,
                           value_strn(r->a, fields[i], lens[i])))
            return waage_err_nomem(err);
    row->line = (uint32_t)line;
    return value_list_add(r->a, r->rows, row) ? WAAGE_OK : waage_err_nomem(err);
}

static bool has_suffix(const char *s, const char *suffix)
{
    const size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

static waage_status read_rows(reader *r, const char *path, const char *text, size_t len,
                              const char *field, waage_err *err)
{
    if (has_suffix(path, ".jsonl")) return read_jsonl(r, text, len, err);
    if (has_suffix(path, ".json")) return read_json(r, text, len, field, err);
    if (has_suffix(path, ".csv"))
        return dataset_parse_csv(text, len, ',', r->name, csv_row, r, err);
    if (has_suffix(path, ".tsv"))
        return dataset_parse_csv(text, len, '\t', r->name, csv_row, r, err);
    return waage_err_set(err, WAAGE_EUNSUPPORTED,
                         "%s: unknown kind of data file; .jsonl, .json, .csv and .tsv are read",
                         path);
}

static waage_status check_sha256(const dataset *d, const char *path, const char *sha256,
                                 waage_err *err)
{
    if (!sha256 || strcmp(sha256, d->file_sha256) == 0) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EFORMAT,
                         "%s: sha256 is %s, but the task was written for %s; "
                         "fetch that version of the file",
                         path, d->file_sha256, sha256);
}

waage_status dataset_read_file(dataset *out, arena *a, const char *path, const char *field,
                               const char *sha256, waage_err *err)
{
    memset(out, 0, sizeof *out);
    char *text = NULL;
    size_t len = 0;
    WAAGE_TRY(file_read(&text, &len, path, FILE_MAX_BYTES, err));
    hash_hex(text, len, out->file_sha256);
    reader r = {a, value_list(a), NULL, path};
    waage_status st = r.rows ? check_sha256(out, path, sha256, err) : waage_err_nomem(err);
    if (st == WAAGE_OK) st = read_rows(&r, path, text, len, field, err);
    if (st == WAAGE_OK) st = finish(out, r.rows, path, err);
    free(text);
    return st;
}

waage_status dataset_from_rows(dataset *out, arena *a, value *rows, waage_err *err)
{
    (void)a;
    memset(out, 0, sizeof *out);
    if (!rows || rows->kind != VALUE_LIST)
        return waage_err_set(err, WAAGE_EFORMAT, "docs: a list of rows is expected");
    return finish(out, rows, "docs", err);
}

waage_status dataset_generate(dataset *out, arena *a, const char *name, const value *args,
                              waage_err *err)
{
    memset(out, 0, sizeof *out);
    const dataset_builtin *b = dataset_builtins;
    while (b->name && strcmp(b->name, name) != 0)
        b++;
    if (!b->name)
        return waage_err_set(err, WAAGE_ENOTFOUND,
                             "no built-in data set \"%s\"; `waage list datasets` names them", name);
    value *rows = value_list(a);
    if (!rows) return waage_err_nomem(err);
    WAAGE_TRY(b->generate(rows, a, args, err));
    return finish(out, rows, name, err);
}
