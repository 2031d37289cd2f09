/* http_internal.h - the runner's own state, shared by http.c and http_run.c. */
#ifndef RUNNERS_HTTP_HTTP_INTERNAL_H
#define RUNNERS_HTTP_HTTP_INTERNAL_H
#include "runners/http/dialect.h"
#include "runners/http/http.h"
#include "runners/http/pacer.h"

typedef struct {
    runner base;
    runner_info info;
    arena a;
    endpoint e;
    char *key;        /* or NULL; wiped at the end */
    char *key_header; /* or NULL; wiped at the end */
    size_t n_most;    /* requests under way */
    bool inspect_only;
    unsigned without;      /* fields that the server refused */
    bool has_scored;       /* log-likelihoods have worked here */
    bool no_echo;          /* they did not come by `echo`: prompt_logprobs is tried */
    const char *no_scores; /* why log-likelihoods do not work here, once that is known */
} http;

waage_status http_run(runner *base, const runner_io *io, waage_err *err);
#endif
