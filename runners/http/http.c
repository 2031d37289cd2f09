/* http.c - opening a model behind an API, and what is known of it. */
#include "harness/base/hash.h"
#include "harness/base/host.h"
#include "harness/base/log.h"
#include "runners/http/http_internal.h"
#include "runners/http/price.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_MOST_DEFAULT = 32, N_MOST_LIMIT = 1024 };

/* What stands for the weights, which nobody outside knows: address, model and how it is asked. */
static const char *identity(http *h)
{
    char hex[HASH_HEX], thinking[16];
    hash *sum = hash_create();
    if (!sum) return NULL;
    snprintf(thinking, sizeof thinking, "%u", h->e.thinking);
    const char *const fields[] = {"waage http 1",
                                  h->e.base,
                                  h->e.query,
                                  h->e.model,
                                  endpoint_api_name(h->e.api),
                                  h->e.effort ? h->e.effort : "",
                                  thinking};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        hash_add_field(sum, fields[i], strlen(fields[i]));
    hash_end(sum, hex);
    return arena_strdup(&h->a, hex);
}

static bool put_price(arena *a, value *meta, const runner_price *p)
{
    return !p || (value_map_set(a, meta, "price_input", value_float(a, p->input)) &&
                  value_map_set(a, meta, "price_cached", value_float(a, p->cached)) &&
                  value_map_set(a, meta, "price_output", value_float(a, p->output)) &&
                  value_map_set(a, meta, "price_date", value_str(a, p->date)));
}

static value *make_meta(http *h)
{
    arena *a = &h->a;
    const endpoint *e = &h->e;
    value *meta = value_map(a);
    const bool ok =
        value_map_set(a, meta, "service",
                      value_str(a, e->service->name ? e->service->name : e->host)) &&
        value_map_set(a, meta, "host", value_str(a, e->host)) &&
        value_map_set(a, meta, "model", value_str(a, e->model)) &&
        value_map_set(a, meta, "api", value_str(a, endpoint_api_name(e->api))) &&
        (!e->effort || value_map_set(a, meta, "effort", value_str(a, e->effort))) &&
        (!e->thinking || value_map_set(a, meta, "thinking_tokens", value_int(a, e->thinking))) &&
        put_price(a, meta, h->info.price) &&
        value_map_set(a, meta, "sha256_of", value_str(a, "address and model name, not weights"));
    return ok ? meta : NULL;
}

/* The URI's prices come before the table's. */
static waage_status find_price(http *h, waage_err *err)
{
    const endpoint *e = &h->e;
    const runner_price *known = NULL;
    WAAGE_TRY(price_find(&known, e->service->name, e->model, &h->a, err));
    if (e->input_price < 0 && e->output_price < 0) {
        h->info.price = known;
        return WAAGE_OK;
    }
    if (e->input_price < 0 || e->output_price < 0)
        return waage_err_set(err, WAAGE_EINVAL,
                             "a model URI that names a price names both: ;input_price= and "
                             ";output_price= (dollars per million tokens)");
    runner_price *p = arena_calloc(&h->a, 1, sizeof *p);
    if (!p) return waage_err_nomem(err);
    *p = (runner_price){e->input_price, e->cached_price < 0 ? e->input_price : e->cached_price,
                        e->output_price, "as given"};
    h->info.price = p;
    return WAAGE_OK;
}

static waage_status fill_info(http *h, waage_err *err)
{
    h->info = (runner_info){.uri = h->e.uri,
                            .kind = "http",
                            .name = h->e.model,
                            .can_chat = true,
                            .can_complete = h->e.api == API_CHAT && h->e.service->completes,
                            .can_loglik = h->e.api == API_CHAT && h->e.service->scores};
    WAAGE_TRY(find_price(h, err));
    h->info.sha256 = identity(h);
    h->info.meta = make_meta(h);
    return h->info.sha256 && h->info.meta ? WAAGE_OK : waage_err_nomem(err);
}

static waage_status find_key(http *h, waage_err *err)
{
    const char *key = NULL;
    WAAGE_TRY(endpoint_find_key(&h->e, &key, &h->a, err));
    if (!key) return WAAGE_OK;
    h->key = arena_strdup(&h->a, key);
    h->key_header = endpoint_key_header(&h->e, key, &h->a);
    if (!h->key || !h->key_header) return waage_err_nomem(err);
    if (strncmp(h->e.base, "http://", 7) == 0 && !host_is_loopback(h->e.host) && !h->inspect_only)
        log_warn("%s: the key travels without encryption (http://)", h->e.host);
    return WAAGE_OK;
}

static bool http_accepts(const char *uri)
{
    return endpoint_accepts(uri);
}

/* The compiler must not drop it as a store nobody reads. */
static void wipe(char *s)
{
    for (volatile char *p = s; p && *p; p++)
        *p = 0;
}

static void http_close(runner *base)
{
    http *h = (http *)base;
    wipe(h->key);
    wipe(h->key_header);
    arena_free(&h->a);
    free(h);
}

static waage_status http_open(runner **out, const char *uri, const runner_options *opt,
                              waage_err *err)
{
    *out = NULL;
    http *h = calloc(1, sizeof *h);
    if (!h) return waage_err_nomem(err);
    h->base.ops = &http_runner;
    h->inspect_only = opt && opt->inspect_only;
    h->n_most = opt && opt->n_batch ? opt->n_batch : N_MOST_DEFAULT;
    if (h->n_most > N_MOST_LIMIT) h->n_most = N_MOST_LIMIT;
    waage_status st = endpoint_parse(&h->e, uri, &h->a, err);
    if (st == WAAGE_OK) st = fill_info(h, err);
    if (st == WAAGE_OK && !h->inspect_only) st = find_key(h, err);
    if (st == WAAGE_OK)
        *out = &h->base;
    else
        http_close(&h->base);
    return st;
}

static const runner_info *http_info(const runner *base)
{
    return &((const http *)base)->info;
}

/* What is sent: the exact prompt is the server's secret. */
static waage_status http_render(runner *base, const request *rq, strbuf *out, size_t *n_tokens,
                                waage_err *err)
{
    const http *h = (const http *)base;
    const char *why = NULL;
    arena a = ARENA_EMPTY;
    *n_tokens = 0;
    const dialect *d = dialect_find(&h->e, rq, &why);
    value *body = !d ? NULL
                  : rq->kind == REQUEST_LOGLIK
                      ? dialect_build_score(&h->e, rq->prompt, !h->no_echo, h->without, &a)
                      : d->build(&h->e, rq, h->without, &a);
    waage_status st = WAAGE_OK;
    if (!d)
        st = waage_err_set(err, WAAGE_EUNSUPPORTED, "%s", why);
    else if (!body)
        st = waage_err_nomem(err);
    else
        value_put_json(out, body, 2);
    arena_free(&a);
    return st == WAAGE_OK ? strbuf_check(out, err) : st;
}

/* The URI or an effort may ask for thought of which the request knows no number. */
static uint32_t http_thought(const runner *base, const request *rq)
{
    const uint32_t n = dialect_thinking_tokens(&((const http *)base)->e, rq);
    return rq->proto == PROTOCOL_CHAT && n > rq->think.budget ? n - rq->think.budget : 0;
}

static waage_status http_tokenize(runner *base, const char *text, size_t len, bool bos,
                                  bool parse_special, const int32_t **ids,
                                  const char *const **pieces, size_t *n, arena *a, waage_err *err)
{
    (void)base, (void)text, (void)len, (void)bos, (void)parse_special, (void)pieces, (void)a;
    *ids = NULL;
    *n = 0;
    return waage_err_set(err, WAAGE_EUNSUPPORTED, "a model behind an API has no tokenizer here");
}

static waage_status http_describe(runner *base, strbuf *out, waage_err *err)
{
    const http *h = (const http *)base;
    const endpoint *e = &h->e;
    strbuf_printf(out, "model behind an API: %s\n", e->model);
    strbuf_printf(out, "  %-15s %s\n", "service", e->service->name ? e->service->name : e->host);
    strbuf_printf(out, "  %-15s %s%s\n", "address", e->base, e->query);
    strbuf_printf(out, "  %-15s %s\n", "api", endpoint_api_name(e->api));
    strbuf_printf(out, "  %-15s %s%s\n", "key",
                  e->key_file  ? e->key_file
                  : e->key_env ? e->key_env
                               : e->service->key_name,
                  e->service->needs_key || e->key_env || e->key_file ? "" : " (if it is set)");
    strbuf_printf(out, "  %-15s chat%s%s\n", "protocols",
                  h->info.can_complete ? ", completion where the server has it" : "",
                  h->info.can_loglik ? ", log-likelihoods where it echoes them" : "");
    if (h->info.price)
        strbuf_printf(out, "  %-15s %g in, %g cached, %g out; dollars per million tokens, %s\n",
                      "price", h->info.price->input, h->info.price->cached, h->info.price->output,
                      h->info.price->date);
    else
        strbuf_printf(out, "  %-15s unknown\n", "price");
    strbuf_printf(out, "  %-15s %s (address and model, not weights)\n", "sha256", h->info.sha256);
    return strbuf_check(out, err);
}

const runner_ops http_runner = {
    .scheme = "http",
    .help = "openai:MODEL, anthropic:MODEL, gemini:MODEL, openrouter:MODEL, deepseek:MODEL, "
            "http[s]://HOST/v1#MODEL (a model behind an API; docs/http.md)",
    .accepts = http_accepts,
    .open = http_open,
    .close = http_close,
    .info = http_info,
    .render = http_render,
    .tokenize = http_tokenize,
    .describe = http_describe,
    .thought = http_thought,
    .run = http_run,
};
