/* serve.c - a table of paths. What needs the model goes to the jobs; the rest is answered by the
 * thread of HTTP at once. */
#include "harness/serve.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/hash.h"
#include "harness/serve_jobs.h"
#include "harness/serve_send.h"

/* A request must be whole after this time, and its answer taken. */
static const double read_seconds = 60, write_seconds = 300, flush_seconds = 5;

struct serve {
    serve_options opt;
    runner *r;
    arena mem;
    const char *fingerprint;
    char key[HASH_HEX]; /* its hash */
    serve_limits limits;
    serve_metrics *metrics;
    serve_http *http;
    serve_jobs *jobs;
};

typedef struct {
    const char *path, *method;
    bool is_open; /* needs no key */
    void (*answer)(serve *s, serve_exchange *x);
} route;

static void send_fault(serve *s, serve_exchange *x, int status, const char *code, const char *msg)
{
    serve_fault f;
    serve_fault_set(&f, status, status < 500 ? "invalid_request_error" : "server_error", code, NULL,
                    "%s", msg);
    serve_send_fault(s->metrics, x, &f);
}

static void put_json_text(strbuf *b, const char *text)
{
    if (text && *text)
        strbuf_put_json(b, text, strlen(text));
    else
        strbuf_puts(b, "null");
}

/* ---- The model ---- */

static void ask_model(serve *s, serve_exchange *x, serve_api api)
{
    serve_ask ask;
    serve_fault why;
    const strbuf *body = serve_exchange_body(x);
    if (serve_request_read(&ask, api, strbuf_str(body), body->len, &s->limits, &why)) {
        if (serve_jobs_add(s->jobs, x, &ask, &why)) return;
        serve_ask_free(&ask);
    }
    serve_send_fault(s->metrics, x, &why);
}

static void answer_completions(serve *s, serve_exchange *x)
{
    ask_model(s, x, SERVE_COMPLETIONS);
}

static void answer_chat(serve *s, serve_exchange *x)
{
    ask_model(s, x, SERVE_CHAT);
}

/* ---- Facts ---- */

static void answer_models(serve *s, serve_exchange *x)
{
    strbuf b = STRBUF_EMPTY;
    const runner_info *i = s->r->ops->info(s->r);
    strbuf_puts(&b, "{\"object\": \"list\", \"data\": [{\"id\": ");
    strbuf_put_json(&b, s->opt.model, strlen(s->opt.model));
    strbuf_printf(&b,
                  ", \"object\": \"model\", \"created\": 0, \"owned_by\": \"waage\", "
                  "\"max_model_len\": %zu, \"sha256\": \"%s\", \"name\": ",
                  i->context_length, i->sha256);
    put_json_text(&b, i->name);
    strbuf_printf(&b, ", \"chat\": %s}]}\n", i->can_chat ? "true" : "false");
    serve_send_json(s->metrics, x, &b, false);
}

static void answer_health(serve *s, serve_exchange *x)
{
    strbuf b = STRBUF_EMPTY;
    if (serve_jobs_is_stopping(s->jobs)) {
        send_fault(s, x, 503, "stopping", "the server is stopping");
        return;
    }
    strbuf_puts(&b, "{\"status\": \"ok\"}\n");
    serve_send_json(s->metrics, x, &b, false);
}

static void answer_metrics(serve *s, serve_exchange *x)
{
    static const serve_answer_head head = {.status = 200,
                                           .type = "text/plain; version=0.0.4; charset=utf-8"};
    strbuf b = STRBUF_EMPTY;
    size_t n_waiting, n_running;
    serve_jobs_count(s->jobs, &n_waiting, &n_running);
    serve_metrics_print(s->metrics, n_waiting, n_running, &b);
    serve_metrics_count(s->metrics, "/metrics", 200, -1);
    serve_exchange_answer(x, &head, &b);
}

/* ---- Tokens: what vLLM has, for clients that count them ---- */

static void answer_tokenizer_info(serve *s, serve_exchange *x)
{
    static const char *const names[] = {"bos_token", "eos_token", "unk_token", "pad_token"};
    strbuf b = STRBUF_EMPTY;
    const runner_info *i = s->r->ops->info(s->r);
    strbuf_puts(&b, "{\"tokenizer_class\": \"waage\"");
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        strbuf_printf(&b, ", \"%s\": ", names[k]);
        put_json_text(&b, value_get_str(i->template_vars, names[k], NULL));
    }
    strbuf_puts(&b, ", \"chat_template\": ");
    put_json_text(&b, i->chat_template);
    strbuf_puts(&b, "}\n");
    serve_send_json(s->metrics, x, &b, false);
}

static void send_ids(serve *s, serve_exchange *x, const int32_t *ids, size_t n)
{
    strbuf b = STRBUF_EMPTY;
    strbuf_printf(&b, "{\"count\": %zu, \"max_model_len\": %zu, \"tokens\": [", n,
                  s->limits.n_context);
    for (size_t i = 0; i < n; i++)
        strbuf_printf(&b, i > 0 ? ", %d" : "%d", ids[i]);
    strbuf_puts(&b, "]}\n");
    serve_send_json(s->metrics, x, &b, false);
}

static void answer_tokenize(serve *s, serve_exchange *x)
{
    arena a = ARENA_EMPTY;
    serve_fault why;
    waage_err err = {0};
    const strbuf *body = serve_exchange_body(x);
    const value *v = serve_request_parse(&a, strbuf_str(body), body->len, &why);
    const char *text = value_get_str(v, "prompt", NULL);
    const int32_t *ids;
    size_t n;
    if (!v)
        serve_send_fault(s->metrics, x, &why);
    else if (!text)
        send_fault(s, x, 400, NULL, "prompt: a string was expected");
    else if (s->r->ops->tokenize(
                 s->r, text, strlen(text), value_get_bool(v, "add_special_tokens", true),
                 value_get_bool(v, "parse_special", true), &ids, NULL, &n, &a, &err) != WAAGE_OK)
        send_fault(s, x, 500, NULL, err.msg);
    else
        send_ids(s, x, ids, n);
    arena_free(&a);
}

static void answer_detokenize(serve *s, serve_exchange *x)
{
    arena a = ARENA_EMPTY;
    serve_fault why;
    waage_err err = {0};
    strbuf text = STRBUF_EMPTY, b = STRBUF_EMPTY;
    const strbuf *body = serve_exchange_body(x);
    const value *v = serve_request_parse(&a, strbuf_str(body), body->len, &why);
    const value *list = value_get(v, "tokens");
    const int32_t *ids;
    size_t n;
    if (v && (!list || list->kind != VALUE_LIST)) {
        send_fault(s, x, 400, NULL, "tokens: a list of token ids was expected");
    } else if (!v || !serve_request_ids(&ids, &n, list, "tokens", &a, &why)) {
        serve_send_fault(s->metrics, x, &why);
    } else if (s->r->ops->detokenize(s->r, ids, n, true, true, &text, NULL, &err) != WAAGE_OK) {
        send_fault(s, x, err.code == WAAGE_EINVAL ? 400 : 500, NULL, err.msg);
    } else {
        strbuf_puts(&b, "{\"prompt\": ");
        strbuf_put_json(&b, strbuf_str(&text), text.len);
        strbuf_puts(&b, "}\n");
        serve_send_json(s->metrics, x, &b, false);
    }
    strbuf_free(&text);
    arena_free(&a);
}

/* ---- Routes ---- */

static const route routes[] = {
    {"/v1/completions", "POST", false, answer_completions},
    {"/v1/chat/completions", "POST", false, answer_chat},
    {"/v1/models", "GET", false, answer_models},
    {"/health", "GET", true, answer_health},
    {"/metrics", "GET", false, answer_metrics},
    {"/tokenizer_info", "GET", false, answer_tokenizer_info},
    {"/tokenize", "POST", false, answer_tokenize},
    {"/detokenize", "POST", false, answer_detokenize},
};

static const route *find_route(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].path, path) == 0) return &routes[i];
    return NULL;
}

/* Hashes are compared, and all of them: the time says nothing of the key. */
static bool has_key(const serve *s, serve_exchange *x)
{
    static const char scheme[] = "Bearer ";
    char hex[HASH_HEX];
    unsigned differ = 0;
    const char *given = serve_exchange_header(x, "Authorization");
    if (!s->opt.key) return true;
    if (!given || strncmp(given, scheme, strlen(scheme)) != 0) return false;
    given += strlen(scheme);
    hash_hex(given, strlen(given), hex);
    for (size_t i = 0; i < HASH_HEX; i++)
        differ |= (unsigned char)hex[i] ^ (unsigned char)s->key[i];
    return differ == 0;
}

static bool is_method(const route *r, const char *method)
{
    return strcmp(method, r->method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0);
}

/* Refuse by the head alone. */
static void on_head(void *ctx, serve_exchange *x)
{
    serve *s = ctx;
    serve_fault f;
    const route *r = find_route(serve_exchange_path(x));
    if (!(r && r->is_open) && !has_key(s, x)) {
        send_fault(s, x, 401, "invalid_api_key", "the key is missing or wrong (Bearer)");
    } else if (!r) {
        send_fault(s, x, 404, "unknown_url", "no such path; docs/serve.md lists them");
    } else if (!is_method(r, serve_exchange_method(x))) {
        serve_fault_set(&f, 405, "invalid_request_error", NULL, NULL, "%s takes %s", r->path,
                        r->method);
        f.allow = r->method;
        serve_send_fault(s->metrics, x, &f);
    } else if (serve_exchange_is_too_big(x)) {
        serve_fault_set(&f, 413, "invalid_request_error", NULL, NULL,
                        "the body is too large; at most %zu bytes are read", s->opt.max_body);
        serve_send_fault(s->metrics, x, &f);
    }
}

static void on_whole(void *ctx, serve_exchange *x)
{
    serve *s = ctx;
    if (serve_exchange_is_too_big(x)) /* of a length that nobody announced */
        on_head(s, x);
    else
        find_route(serve_exchange_path(x))->answer(s, x);
}

/* ---- Life ---- */

static void sweep(void *ctx)
{
    serve_http_sweep(((serve *)ctx)->http);
}

static void stop_listening(void *ctx)
{
    serve_http_stop_listening(((serve *)ctx)->http);
}

static waage_status start(serve *s, waage_err *err)
{
    const runner_info *i = s->r->ops->info(s->r);
    if (!s->r->ops->detokenize)
        return waage_err_set(err, WAAGE_EUNSUPPORTED, "%s: only local models (GGUF) can be served",
                             i->uri);
    s->fingerprint = arena_printf(&s->mem, "waage-%s-%.12s-%s-%s", s->opt.version, i->sha256,
                                  i->activations, i->kv_format);
    s->metrics = serve_metrics_create();
    if (!s->fingerprint || !s->metrics) return waage_err_nomem(err);
    if (s->opt.key) hash_hex(s->opt.key, strlen(s->opt.key), s->key);
    s->limits = (serve_limits){s->opt.model, i->context_length, s->opt.max_waiting};
    const serve_jobs_options jo = {
        s->r,         s->metrics, s->opt.model, s->fingerprint, s->opt.max_waiting,
        s->opt.grace, s,          sweep,        stop_listening};
    WAAGE_TRY(serve_jobs_create(&s->jobs, &jo, err));
    const serve_http_options ho = {.host = s->opt.host,
                                   .port = s->opt.port,
                                   .max_body = s->opt.max_body,
                                   .max_connections = s->opt.max_connections,
                                   .read_seconds = read_seconds,
                                   .write_seconds = write_seconds,
                                   .ctx = s,
                                   .head = on_head,
                                   .whole = on_whole};
    return serve_http_start(&s->http, &ho, err);
}

waage_status serve_start(serve **out, runner *r, const serve_options *opt, waage_err *err)
{
    *out = NULL;
    serve *s = calloc(1, sizeof *s);
    if (!s) return waage_err_nomem(err);
    s->opt = *opt;
    s->r = r;
    const waage_status st = start(s, err);
    if (st != WAAGE_OK)
        serve_free(s);
    else
        *out = s;
    return st;
}

uint16_t serve_port(const serve *s)
{
    return serve_http_port(s->http);
}

waage_status serve_run(serve *s, waage_err *err)
{
    return serve_jobs_run(s->jobs, err);
}

void serve_stop(serve *s)
{
    serve_jobs_stop(s->jobs);
}

void serve_free(serve *s)
{
    if (!s) return;
    serve_http_free(s->http, flush_seconds);
    serve_jobs_free(s->jobs);
    serve_metrics_free(s->metrics);
    arena_free(&s->mem);
    free(s);
}
