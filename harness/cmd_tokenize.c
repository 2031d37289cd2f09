/* cmd_tokenize.c - `waage tokenize`: the token ids of a text. */
#include "harness/base/utf8.h"
#include "harness/cmd_model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cmd_model model;
    const char *file;
    bool pieces, no_bos, no_special;
} tokenize_args;

static const opt tokenize_options[] = {
    CMD_MODEL_OPTION(offsetof(tokenize_args, model)),
    {'f', "file", OPT_TEXT, offsetof(tokenize_args, file), "FILE", "the text from a file"},
    {0, "pieces", OPT_FLAG, offsetof(tokenize_args, pieces), NULL,
     "a line per token: id and bytes"},
    {0, "no-bos", OPT_FLAG, offsetof(tokenize_args, no_bos), NULL,
     "without the token that begins a text"},
    {0, "no-special", OPT_FLAG, offsetof(tokenize_args, no_special), NULL,
     "read <|...|> and the like as plain text"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

/* In quotes; what is not printable UTF-8 as \xHH, because a token may be a part of a character. */
static void put_piece(strbuf *out, const char *s)
{
    const size_t len = strlen(s);
    strbuf_putc(out, '"');
    for (size_t i = 0; i < len;) {
        const size_t n = utf8_valid_length(s + i, len - i);
        const unsigned char c = (unsigned char)s[i];
        if (n == 0 || c < 0x20 || c == 0x7f)
            strbuf_printf(out, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            strbuf_printf(out, "\\%c", c);
        else
            strbuf_put(out, s + i, n);
        i += n ? n : 1;
    }
    strbuf_putc(out, '"');
}

static waage_status tokenize(const tokenize_args *args, runner *r, const char *text, size_t len,
                             arena *a, waage_err *err)
{
    const int32_t *ids = NULL;
    const char *const *pieces = NULL;
    size_t n = 0;
    if (!r->ops->tokenize)
        return waage_err_set(err, WAAGE_EUNSUPPORTED, "%s: a model of this kind has no tokenizer",
                             args->model.uri);
    WAAGE_TRY(r->ops->tokenize(r, text, len, !args->no_bos, !args->no_special, &ids, &pieces, &n, a,
                               err));
    strbuf out = STRBUF_EMPTY;
    for (size_t i = 0; i < n; i++) {
        if (args->pieces) {
            strbuf_printf(&out, "%d\t", ids[i]);
            put_piece(&out, pieces && pieces[i] ? pieces[i] : "");
            strbuf_putc(&out, '\n');
        } else {
            strbuf_printf(&out, i ? " %d" : "%d", ids[i]);
        }
    }
    if (!args->pieces) strbuf_putc(&out, '\n');
    const waage_status st = strbuf_check(&out, err);
    if (st == WAAGE_OK) fwrite(strbuf_str(&out), 1, out.len, stdout);
    strbuf_free(&out);
    return st;
}

static waage_status run_tokenize(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    tokenize_args args = {0};
    opts_list rest = {0};
    WAAGE_TRY(cmd_parse(line, &args, &rest, err));
    if (rest.n && args.file) return waage_err_set(err, WAAGE_EINVAL, "TEXT or --file, not both");
    runner *r = NULL;
    char *text = NULL;
    size_t len = 0;
    const char *given = rest.n && strcmp(rest.items[0], "-") != 0 ? rest.items[0] : NULL;
    WAAGE_TRY(cmd_model_open(&r, &args.model, true, line->a, err));
    waage_status st = WAAGE_OK;
    if (given)
        len = strlen(given);
    else
        st = cmd_read_text(&text, &len, args.file ? args.file : "-", err);
    if (st == WAAGE_OK) st = tokenize(&args, r, given ? given : text, len, line->a, err);
    free(text);
    runner_close(r);
    return st;
}

const command cmd_tokenize = {
    "tokenize",
    "-m MODEL [TEXT|-] [--pieces] [--no-bos]",
    "Print the token ids of a text.",
    "Without TEXT, or with -, the text is read from standard input, byte for byte.",
    tokenize_options,
    0,
    1,
    run_tokenize,
};
