/* csv.c - RFC 4180 rows through libcsv; sole includer of csv.h.
 * libcsv is a push parser: fields are collected until the end of a row. */
#include "datasets/dataset.h"
#include "harness/base/utf8.h"
#include <csv.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 1024 };

typedef struct {
    const char *name;
    dataset_row_fn row;
    void *ctx;
    waage_err *err;
    waage_status status; /* first failure; later rows are ignored */
    strbuf text;         /* fields of the row, one NUL after each */
    size_t start[FIELDS_MAX], len[FIELDS_MAX], n;
    bool at_start;   /* between two rows */
    size_t line;     /* where the row began */
    size_t line_fed; /* the physical line that libcsv is given now */
} csv_state;

static void fail(csv_state *s, const char *what)
{
    if (s->status == WAAGE_OK)
        s->status = waage_err_set(s->err, WAAGE_EFORMAT, "%s:%zu: %s", s->name, s->line, what);
}

static bool valid_utf8(const char *p, size_t len)
{
    for (size_t i = 0, n; i < len; i += n)
        if ((n = utf8_valid_length(p + i, len - i)) == 0 || p[i] == 0) return false;
    return true;
}

static void on_field(void *data, size_t len, void *ctx)
{
    csv_state *s = ctx;
    if (s->status != WAAGE_OK) return;
    const char *p = data ? data : "";
    if (s->n == FIELDS_MAX) {
        fail(s, "more than 1024 columns");
        return;
    }
    if (!valid_utf8(p, len)) {
        fail(s, "a field is not valid UTF-8");
        return;
    }
    s->start[s->n] = s->text.len;
    s->len[s->n++] = len;
    strbuf_put(&s->text, p, len);
    strbuf_putc(&s->text, 0);
}

static void on_row(int end, void *ctx)
{
    (void)end;
    csv_state *s = ctx;
    const char *fields[FIELDS_MAX];
    if (s->status == WAAGE_OK) s->status = strbuf_check(&s->text, s->err);
    for (size_t i = 0; i < s->n && s->status == WAAGE_OK; i++)
        fields[i] = strbuf_str(&s->text) + s->start[i];
    if (s->status == WAAGE_OK && s->n)
        s->status = s->row(s->ctx, fields, s->len, s->n, s->line, s->err);
    s->n = 0;
    strbuf_clear(&s->text);
    s->at_start = true;
}

/* Blanks belong to their field: nothing is stripped. */
static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

/* Physical line by physical line, so that a message can name the place. */
static void feed(struct csv_parser *p, csv_state *s, const char *text, size_t len)
{
    for (size_t at = 0; at < len && s->status == WAAGE_OK; s->line_fed++) {
        const char *nl = memchr(text + at, '\n', len - at);
        const size_t n = nl ? (size_t)(nl - text) + 1 - at : len - at;
        const bool blank = n == 1 ? text[at] == '\n' : n == 2 && memcmp(text + at, "\r\n", 2) == 0;
        if (s->at_start) s->line = s->line_fed;
        s->at_start = s->at_start && blank; /* libcsv skips blank lines between rows */
        if (csv_parse(p, text + at, n, on_field, on_row, s) != n) {
            s->line = s->line_fed;
            fail(s, csv_strerror(csv_error(p)));
        }
        at += n;
    }
    if (s->status == WAAGE_OK && csv_fini(p, on_field, on_row, s) != 0)
        fail(s, "the file ends inside a quoted field");
}

waage_status dataset_parse_csv(const char *text, size_t len, char delimiter, const char *name,
                               dataset_row_fn row, void *ctx, waage_err *err)
{
    struct csv_parser p;
    csv_state *s = calloc(1, sizeof *s);
    if (!s) return waage_err_nomem(err);
    *s = (csv_state){.name = name,
                     .row = row,
                     .ctx = ctx,
                     .err = err,
                     .line = 1,
                     .line_fed = 1,
                     .at_start = true};
    /* A byte order mark at the beginning belongs to no field. */
    const size_t bom = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (csv_init(&p, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        free(s);
        return waage_err_nomem(err);
    }
    csv_set_delim(&p, (unsigned char)delimiter);
    csv_set_space_func(&p, no_space);
    feed(&p, s, text + bom, len - bom);
    csv_free(&p);
    strbuf_free(&s->text);
    const waage_status st = s->status;
    free(s);
    return st;
}
