/* cmd_model.c - opening one model, running a handful of requests. */
#include "harness/cmd_model.h"
#include "harness/base/file.h"
#include "harness/runfile.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CMD_TEXT_MAX = 64 << 20 };

waage_status cmd_model_open(runner **out, const cmd_model *m, bool inspect_only, arena *a,
                            waage_err *err)
{
    runfile_model split;
    *out = NULL;
    if (!m->uri) return waage_err_set(err, WAAGE_EINVAL, "which model? -m MODEL names it");
    WAAGE_TRY(runfile_split_model(&split, a, m->uri, err));
    runner_options how = m->open_as;
    how.inspect_only = inspect_only;
    return runner_open(out, split.uri, &how, err);
}

typedef struct {
    const cmd_batch *b;
    size_t n_given;
} batch_state;

static runner_next give(void *ctx, const request **out)
{
    batch_state *s = ctx;
    if (s->n_given == s->b->n) return RUNNER_END;
    *out = &s->b->requests[s->n_given++];
    return RUNNER_REQUEST;
}

static waage_status take(void *ctx, const request *rq, const reply *rp, waage_err *err)
{
    const batch_state *s = ctx;
    return s->b->done(s->b->ctx, (size_t)(rq - s->b->requests), rp, err);
}

static void pass_text(void *ctx, const request *rq, runner_channel channel, const char *text,
                      size_t len)
{
    const batch_state *s = ctx;
    (void)rq;
    (void)channel;
    s->b->stream(s->b->ctx, text, len);
}

waage_status cmd_model_run(runner *r, const cmd_batch *b, waage_err *err)
{
    batch_state s = {b, 0};
    const runner_io io = {
        .ctx = &s, .next = give, .done = take, .stream = b->stream ? pass_text : NULL};
    return r->ops->run(r, &io, err);
}

static waage_status read_stdin(char **out, size_t *len, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    char part[65536];
    size_t n;
    b.max = CMD_TEXT_MAX;
    while ((n = fread(part, 1, sizeof part, stdin)) > 0)
        strbuf_put(&b, part, n);
    waage_status st = WAAGE_OK;
    if (ferror(stdin))
        st = waage_err_set(err, WAAGE_EIO, "standard input: %s", strerror(errno));
    else if (b.failed)
        st = waage_err_set(err, WAAGE_EFORMAT, "standard input: more than %d MiB",
                           CMD_TEXT_MAX >> 20);
    if (st != WAAGE_OK) {
        strbuf_free(&b);
        return st;
    }
    strbuf_put(&b, "", 0); /* empty input gives an empty text, not NULL */
    *out = b.s;
    *len = b.len;
    return WAAGE_OK;
}

waage_status cmd_read_text(char **out, size_t *len, const char *path, waage_err *err)
{
    if (strcmp(path, "-") == 0) return read_stdin(out, len, err);
    return file_read(out, len, path, CMD_TEXT_MAX, err);
}
