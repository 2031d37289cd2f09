/* cmd_serve.c - `waage serve`: a model behind HTTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "harness/base/host.h"
#include "harness/base/interrupt.h"
#include "harness/base/log.h"
#include "harness/base/secret.h"
#include "harness/cmd_model.h"
#include "harness/serve.h"

typedef struct {
    cmd_model model;
    const char *host, *name, *key_file;
    size_t port, queue, max_body;
    uint32_t connections, grace;
} serve_args;

static const opt serve_cmd_options[] = {
    CMD_MODEL_OPTION(offsetof(serve_args, model)),
    {0, "host", OPT_TEXT, offsetof(serve_args, host), "ADDRESS",
     "where to listen (default 127.0.0.1: this machine alone)"},
    {'p', "port", OPT_SIZE, offsetof(serve_args, port), "N",
     "default 8080; 0: any that is free, see the line that is printed"},
    {0, "name", OPT_TEXT, offsetof(serve_args, name), "NAME",
     "how requests name the model (default: the file's name without .gguf)"},
    {0, "api-key-file", OPT_TEXT, offsetof(serve_args, key_file), "FILE",
     "ask for this key (mode 600); or environment WAAGE_SERVE_KEY"},
    {0, "queue", OPT_SIZE, offsetof(serve_args, queue), "N",
     "answers that may wait for the model (default 256), then 429"},
    {0, "max-body", OPT_BYTES, offsetof(serve_args, max_body), "SIZE",
     "of a request (default 4M), then 413"},
    {0, "connections", OPT_U32, offsetof(serve_args, connections), "N", "at a time (default 512)"},
    {0, "grace", OPT_U32, offsetof(serve_args, grace), "SECONDS",
     "for what is under way when a signal comes (default 30)"},
    CMD_ENGINE_OPTIONS(offsetof(serve_args, model)),
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

/* "dir/model-q4.gguf" -> "model-q4" */
static const char *name_of(const char *uri, arena *a)
{
    const char *slash = strrchr(uri, '/'), *base = slash ? slash + 1 : uri;
    const size_t n = strlen(base);
    const bool has_suffix = n > 5 && strcasecmp(base + n - 5, ".gguf") == 0;
    return arena_strndup(a, base, has_suffix ? n - 5 : n);
}

static waage_status find_key(const serve_args *args, const char **key, arena *a, waage_err *err)
{
    static const char variable[] = "WAAGE_SERVE_KEY";
    *key = getenv(variable);
    if (args->key_file) return secret_read_file(args->key_file, key, a, err);
    return *key ? secret_check(*key, variable, err) : WAAGE_OK;
}

static waage_status check_args(const serve_args *args, waage_err *err)
{
    if (args->port > 65535) return waage_err_set(err, WAAGE_EINVAL, "--port: at most 65535");
    if (args->queue == 0 || args->queue > 100000)
        return waage_err_set(err, WAAGE_EINVAL, "--queue: 1 to 100000");
    if (args->max_body < 1024 || args->max_body > ((size_t)1 << 30))
        return waage_err_set(err, WAAGE_EINVAL, "--max-body: 1K to 1G");
    if (args->connections == 0 || args->connections > 60000)
        return waage_err_set(err, WAAGE_EINVAL, "--connections: 1 to 60000");
    return WAAGE_OK;
}

static waage_status serve_model(const serve_args *args, runner *r, arena *a, waage_err *err)
{
    serve *s = NULL;
    const runner_info *i = r->ops->info(r);
    serve_options o = {.host = args->host,
                       .version = WAAGE_VERSION,
                       .port = (uint16_t)args->port,
                       .model = args->name ? args->name : name_of(i->uri, a),
                       .max_waiting = args->queue,
                       .max_body = args->max_body,
                       .max_connections = args->connections,
                       .grace = args->grace};
    if (!o.model) return waage_err_nomem(err);
    WAAGE_TRY(find_key(args, &o.key, a, err));
    if (!o.key && !host_is_loopback(o.host))
        log_warn("anyone who reaches %s can use this model: --api-key-file asks for a key", o.host);
    WAAGE_TRY(serve_start(&s, r, &o, err));
    const bool v6 = strchr(o.host, ':') != NULL;
    printf("http://%s%s%s:%u/v1#%s\n", v6 ? "[" : "", o.host, v6 ? "]" : "", serve_port(s),
           o.model);
    (void)fflush(stdout);
    const waage_status st = serve_run(s, err);
    serve_free(s);
    if (st != WAAGE_OK) return st;
    return waage_err_set(err, WAAGE_EINTR, "stopped by signal %d", interrupt_signal());
}

static waage_status run_serve(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    serve_args args = {.host = "127.0.0.1",
                       .port = 8080,
                       .queue = 256,
                       .max_body = (size_t)4 << 20,
                       .connections = 512,
                       .grace = 30};
    runner *r = NULL;
    WAAGE_TRY(cmd_parse(line, &args, NULL, err));
    WAAGE_TRY(check_args(&args, err));
    WAAGE_TRY(cmd_model_open(&r, &args.model, false, line->a, err));
    const waage_status st = serve_model(&args, r, line->a, err);
    runner_close(r);
    return st;
}

const command cmd_serve = {
    "serve",
    "-m FILE [--port N]",
    "Put a model behind OpenAI-compatible HTTP.",
    "Completions (with echo and log-probabilities), chat completions, streams; docs/serve.md has\n"
    "the fields. All clients share one batch, and none of them changes the answer of another. The\n"
    "first line printed is the model URI for `waage run`. SIGTERM and SIGINT end it gracefully.",
    serve_cmd_options,
    0,
    0,
    run_serve,
};
