/* cmd_digest.c - `waage digest DIR`. */
#include "harness/cmd.h"
#include "harness/digest.h"
#include <stdio.h>

typedef struct {
    bool json;
} digest_args;

static const opt digest_options[] = {
    {0, "json", OPT_FLAG, offsetof(digest_args, json), NULL, "for machines"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

static waage_status run_digest(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    digest_args args = {false};
    opts_list rest = {0};
    WAAGE_TRY(cmd_parse(line, &args, &rest, err));
    store *s = NULL;
    store_data data;
    digest d;
    WAAGE_TRY(store_open(&s, rest.items[0], false, err));
    waage_status st = store_read(s, line->a, &data, err);
    store_close(s);
    if (st != WAAGE_OK) return st;
    WAAGE_TRY(digest_compute(&d, &data, line->a, err));
    strbuf out = STRBUF_EMPTY;
    (args.json ? digest_put_json : digest_put_text)(&out, &d);
    st = strbuf_check(&out, err);
    if (st == WAAGE_OK) fwrite(strbuf_str(&out), 1, out.len, stdout);
    strbuf_free(&out);
    return st;
}

const command cmd_digest = {
    "digest",
    "DIR [--json]",
    "Print what a run answered and scored as checksums.",
    "Two machines that weigh the same models on the same items with the same settings print the\n"
    "same lines, whatever their threads, batch size and processor. `answers` covers what the "
    "models\n"
    "said, `scores` what was made of it; `total` covers everything, without labels and order.",
    digest_options,
    1,
    1,
    run_digest,
};
