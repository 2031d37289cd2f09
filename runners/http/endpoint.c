/* endpoint.c - the services that the program knows, URIs and keys. */
#include "runners/http/endpoint.h"
#include "harness/base/file.h"
#include "harness/base/nearest.h"
#include "harness/base/secret.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sources: the API references of each service, not checked again for the models of November 2026;
 * what a server refuses is learnt from its answer (fault.c). The last row is for every
 * other server: vLLM, SGLang, llama-server, Ollama, TGI, LM Studio, ... */
static const endpoint_service services[] = {
    {.name = "OpenAI",
     .scheme = "openai:",
     .host = "api.openai.com",
     .base = "https://api.openai.com/v1",
     .key_name = "OPENAI_API_KEY",
     .auth = AUTH_BEARER,
     .think = THINK_EFFORT,
     .needs_key = true,
     .new_limit = true},
    {.name = "Anthropic",
     .scheme = "anthropic:",
     .host = "api.anthropic.com",
     .base = "https://api.anthropic.com/v1",
     .key_name = "ANTHROPIC_API_KEY",
     .api = API_MESSAGES,
     .auth = AUTH_X_API_KEY,
     .think = THINK_BUDGET,
     .needs_key = true,
     .prefills = true,
     .samples_freely = true},
    {.name = "Gemini",
     .scheme = "gemini:",
     .host = "generativelanguage.googleapis.com",
     .base = "https://generativelanguage.googleapis.com/v1beta",
     .key_name = "GEMINI_API_KEY",
     .api = API_GEMINI,
     .auth = AUTH_GOOG,
     .think = THINK_BUDGET,
     .needs_key = true,
     .samples_freely = true},
    {.name = "OpenRouter",
     .scheme = "openrouter:",
     .host = "openrouter.ai",
     .base = "https://openrouter.ai/api/v1",
     .key_name = "OPENROUTER_API_KEY",
     .auth = AUTH_BEARER,
     .think = THINK_OBJECT,
     .needs_key = true,
     .completes = true,
     .samples_freely = true},
    {.name = "DeepSeek",
     .scheme = "deepseek:",
     .host = "api.deepseek.com",
     .base = "https://api.deepseek.com",
     .key_name = "DEEPSEEK_API_KEY",
     .auth = AUTH_BEARER,
     .think = THINK_TYPE,
     .needs_key = true},
    {.name = "Azure OpenAI",
     .host = ".openai.azure.com",
     .key_name = "AZURE_OPENAI_API_KEY",
     .auth = AUTH_API_KEY,
     .think = THINK_EFFORT,
     .needs_key = true,
     .new_limit = true},
    {.name = "Azure AI",
     .host = ".services.ai.azure.com",
     .key_name = "AZURE_OPENAI_API_KEY",
     .auth = AUTH_API_KEY,
     .think = THINK_EFFORT,
     .needs_key = true,
     .new_limit = true},
    {.name = NULL, /* its host stands for it */
     .key_name = "WAAGE_API_KEY",
     .auth = AUTH_BEARER,
     .think = THINK_TEMPLATE,
     .completes = true,
     .scores = true,
     .samples_freely = true},
};
enum { N_SERVICES = sizeof services / sizeof *services };

static const char *const api_names[] = {"chat", "responses", "anthropic", "gemini"};

const char *endpoint_api_name(endpoint_api api)
{
    return api_names[api];
}

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_url(const char *uri)
{
    return has_prefix(uri, "http://") || has_prefix(uri, "https://");
}

static const endpoint_service *service_of_scheme(const char *uri)
{
    for (size_t i = 0; i < N_SERVICES; i++)
        if (services[i].scheme && has_prefix(uri, services[i].scheme)) return &services[i];
    return NULL;
}

static const endpoint_service *service_of_host(const char *host, size_t len)
{
    size_t i = 0;
    for (; i + 1 < N_SERVICES; i++) {
        const char *known = services[i].host;
        const size_t n = strlen(known);
        if (known[0] == '.' ? len > n && strncasecmp(host + len - n, known, n) == 0
                            : len == n && strncasecmp(host, known, n) == 0)
            break;
    }
    return &services[i];
}

bool endpoint_accepts(const char *uri)
{
    return is_url(uri) || service_of_scheme(uri);
}

/* ---- Options ---- */

typedef enum {
    OPTION_TEXT,
    OPTION_SECONDS,
    OPTION_COUNT,
    OPTION_BYTES,
    OPTION_MONEY,
    OPTION_API
} option_kind;

static const struct {
    const char *name;
    option_kind kind;
    size_t at;
} options[] = {
    {"api", OPTION_API, offsetof(endpoint, api)},
    {"key_env", OPTION_TEXT, offsetof(endpoint, key_env)},
    {"key_file", OPTION_TEXT, offsetof(endpoint, key_file)},
    {"effort", OPTION_TEXT, offsetof(endpoint, effort)},
    {"thinking", OPTION_COUNT, offsetof(endpoint, thinking)},
    {"connect", OPTION_SECONDS, offsetof(endpoint, limits.connect)},
    {"first_byte", OPTION_SECONDS, offsetof(endpoint, limits.first_byte)},
    {"stall", OPTION_SECONDS, offsetof(endpoint, limits.stall)},
    {"timeout", OPTION_SECONDS, offsetof(endpoint, limits.total)},
    {"max_body", OPTION_BYTES, offsetof(endpoint, limits.max_body)},
    {"patience", OPTION_SECONDS, offsetof(endpoint, patience)},
    {"backoff", OPTION_SECONDS, offsetof(endpoint, backoff)},
    {"input_price", OPTION_MONEY, offsetof(endpoint, input_price)},
    {"cached_price", OPTION_MONEY, offsetof(endpoint, cached_price)},
    {"output_price", OPTION_MONEY, offsetof(endpoint, output_price)},
    {"attempts", OPTION_COUNT, offsetof(endpoint, n_attempts)},
};
enum { N_OPTIONS = sizeof options / sizeof *options };

static waage_status unknown_option(const char *name, waage_err *err)
{
    nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < N_OPTIONS; i++)
        nearest_offer(&near, options[i].name);
    return waage_err_set(err, WAAGE_EINVAL, "unknown option ';%s=' in a model URI%s%s%s", name,
                         near.best ? "; did you mean '" : "", near.best ? near.best : "",
                         near.best ? "'?" : "");
}

static waage_status store_number(option_kind kind, void *to, const char *name, const char *text,
                                 waage_err *err)
{
    char *end = NULL;
    const double v = strtod(text, &end);
    const double least = kind == OPTION_MONEY ? 0 : kind == OPTION_SECONDS ? 0.001 : 1;
    if (end == text || *end || !(v >= least) || v > 1e9)
        return waage_err_set(err, WAAGE_EINVAL, ";%s= takes a number from %g on, not '%.40s'", name,
                             least, text);
    if (kind == OPTION_SECONDS || kind == OPTION_MONEY)
        *(double *)to = v;
    else if (kind == OPTION_BYTES)
        *(size_t *)to = (size_t)v;
    else
        *(uint32_t *)to = (uint32_t)v;
    return WAAGE_OK;
}

static waage_status store_option(endpoint *e, size_t i, const char *text, waage_err *err)
{
    void *to = (char *)e + options[i].at;
    if (options[i].kind == OPTION_TEXT) {
        *(const char **)to = text;
        return WAAGE_OK;
    }
    if (options[i].kind != OPTION_API)
        return store_number(options[i].kind, to, options[i].name, text, err);
    for (size_t k = 0; k < sizeof api_names / sizeof *api_names; k++)
        if (strcmp(api_names[k], text) == 0) {
            *(endpoint_api *)to = (endpoint_api)k;
            return WAAGE_OK;
        }
    return waage_err_set(err, WAAGE_EINVAL,
                         ";api= is chat, responses, anthropic or gemini, not '%.40s'", text);
}

/* "model;name=value;..." : cut into the model and options. */
static waage_status read_options(endpoint *e, char *text, waage_err *err)
{
    char *at = strchr(text, ';');
    while (at) {
        *at++ = 0;
        char *word = at, *value = strchr(word, '=');
        at = strchr(word, ';');
        if (at && value && value > at) value = NULL;
        if (!value)
            return waage_err_set(err, WAAGE_EINVAL, "an option in a model URI is ;name=value");
        *value++ = 0;
        if (at) *at = 0;
        size_t i = 0;
        while (i < N_OPTIONS && strcmp(options[i].name, word) != 0)
            i++;
        if (i == N_OPTIONS) return unknown_option(word, err);
        WAAGE_TRY(store_option(e, i, value, err));
    }
    return WAAGE_OK;
}

/* ---- URI ---- */

/* The URI goes into stores and reports: "?key=..." must not. */
static waage_status check_query(const char *query, waage_err *err)
{
    static const char *const words[] = {"key", "token", "secret", "password", "signature"};
    for (const char *name = query; name; name = strchr(name + 1, '&')) {
        const size_t n = strcspn(name + 1, "=&");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            for (size_t k = 1; k + strlen(words[i]) <= n + 1; k++)
                if (strncasecmp(name + k, words[i], strlen(words[i])) == 0)
                    return waage_err_set(err, WAAGE_EINVAL,
                                         "a model URI must not hold a key ('%.*s='); keys come "
                                         "from the environment or a file (docs/http.md)",
                                         (int)(n < 40 ? n : 40), name + 1);
    }
    return WAAGE_OK;
}

static waage_status read_url(endpoint *e, char *url, arena *a, waage_err *err)
{
    char *host = strstr(url, "://") + 3;
    const size_t n_authority = strcspn(host, "/?");
    if (memchr(host, '@', n_authority))
        return waage_err_set(err, WAAGE_EINVAL,
                             "a model URI must not hold a name or password; keys come from the "
                             "environment or a file (docs/http.md)");
    if (n_authority == 0) return waage_err_set(err, WAAGE_EINVAL, "a model URI needs a host");
    const bool v6 = host[0] == '[';
    const char *end = v6 ? memchr(host, ']', n_authority) : memchr(host, ':', n_authority);
    if (v6 && !end) return waage_err_set(err, WAAGE_EINVAL, "a model URI: ']' is missing");
    const size_t n_host = end ? (size_t)(end - host) + v6 : n_authority;
    const char *port = host + n_host;
    if (n_host < n_authority) {
        const long n = *port == ':' ? strtol(port + 1, NULL, 10) : 0;
        if (n < 1 || n > 65535 || strspn(port + 1, "0123456789") != n_authority - n_host - 1)
            return waage_err_set(err, WAAGE_EINVAL, "a model URI: not a port: '%.*s'",
                                 (int)(n_authority - n_host), port);
    }
    e->service = service_of_host(host, n_host);
    e->host = arena_strndup(a, host, n_authority);
    char *query = strchr(url, '?');
    WAAGE_TRY(check_query(query, err));
    e->query = query ? arena_strdup(a, query) : "";
    if (query) *query = 0;
    for (size_t n = strlen(url); n > 0 && url[n - 1] == '/'; n--)
        url[n - 1] = 0;
    e->base = url;
    return e->host && e->query ? WAAGE_OK : waage_err_nomem(err);
}

static waage_status check_text(const char *uri, waage_err *err)
{
    for (const char *s = uri; *s; s++)
        if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '"' || *s == '\\')
            return waage_err_set(err, WAAGE_EINVAL,
                                 "a model URI holds a blank or a control character");
    return WAAGE_OK;
}

static waage_status take_effort(const endpoint *e, waage_err *err)
{
    static const char *const levels[] = {"off", "minimal", "low", "medium", "high", "xhigh", "max"};
    if (!e->effort) return WAAGE_OK;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i], e->effort) == 0) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EINVAL,
                         ";effort= is off, minimal, low, medium, high, xhigh or max, not '%.40s'",
                         e->effort);
}

/* A key in the place of its variable's name must not be repeated by any message. */
static waage_status check_key_env(const endpoint *e, waage_err *err)
{
    for (const char *s = e->key_env; s && *s; s++)
        if (*s != '_' && !(*s >= 'A' && *s <= 'Z') && !(*s >= '0' && *s <= '9'))
            return waage_err_set(err, WAAGE_EINVAL,
                                 ";key_env= names a variable, in capitals; it is not the key");
    return WAAGE_OK;
}

waage_status endpoint_parse(endpoint *out, const char *uri, arena *a, waage_err *err)
{
    *out = (endpoint){.uri = arena_strdup(a, uri),
                      .limits = {.connect = 10,
                                 .first_byte = 600,
                                 .stall = 120,
                                 .total = 900,
                                 .max_body = (size_t)16 << 20},
                      .input_price = -1,
                      .cached_price = -1,
                      .output_price = -1,
                      .patience = 300,
                      .backoff = 1,
                      .n_attempts = 6};
    char *text = arena_strdup(a, uri);
    if (!text || !out->uri) return waage_err_nomem(err);
    WAAGE_TRY(check_text(uri, err));
    char *model;
    if (is_url(uri)) {
        model = strchr(text, '#');
        if (!model)
            return waage_err_set(err, WAAGE_EINVAL,
                                 "which model? http://HOST:PORT/v1#MODEL names it");
        *model++ = 0;
        WAAGE_TRY(read_url(out, text, a, err));
    } else {
        out->service = service_of_scheme(uri);
        model = text + strlen(out->service->scheme);
        out->base = out->service->base;
        out->host = out->service->host;
        out->query = "";
    }
    out->api = out->service->api;
    WAAGE_TRY(read_options(out, model, err));
    WAAGE_TRY(take_effort(out, err));
    WAAGE_TRY(check_key_env(out, err));
    if (!*model) return waage_err_set(err, WAAGE_EINVAL, "a model URI ends without a model's name");
    out->model = model;
    out->prefills = out->service->prefills || out->api == API_MESSAGES;
    return WAAGE_OK;
}

/* ---- Keys ---- */

static waage_status missing_key(const endpoint *e, const char *name, waage_err *err)
{
    return waage_err_set(err, WAAGE_EINVAL,
                         "%s needs a key: set %s, or %s_FILE to a file of mode 600", e->host, name,
                         name);
}

waage_status endpoint_find_key(const endpoint *e, const char **key, arena *a, waage_err *err)
{
    char with_file[160];
    *key = NULL;
    if (e->key_file) return secret_read_file(e->key_file, key, a, err);
    const char *name = e->key_env ? e->key_env : e->service->key_name;
    const char *text = getenv(name);
    snprintf(with_file, sizeof with_file, "%.120s_FILE", name);
    const char *path = getenv(with_file);
    if (text && *text) {
        *key = arena_strdup(a, text);
        return *key ? secret_check(*key, name, err) : waage_err_nomem(err);
    }
    if (path && *path) return secret_read_file(path, key, a, err);
    return e->key_env || e->service->needs_key ? missing_key(e, name, err) : WAAGE_OK;
}

char *endpoint_key_header(const endpoint *e, const char *key, arena *a)
{
    static const char *const forms[] = {"Authorization: Bearer ",
                                        "api-key: ", "x-api-key: ", "x-goog-api-key: "};
    endpoint_auth auth = e->service->auth;
    if (!e->service->host) /* any other server: as the API that it imitates does it */
        auth = e->api == API_MESSAGES ? AUTH_X_API_KEY
               : e->api == API_GEMINI ? AUTH_GOOG
                                      : AUTH_BEARER;
    return arena_printf(a, "%s%s", forms[auth], key);
}
