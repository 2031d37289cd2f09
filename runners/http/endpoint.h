/* endpoint.h - what a model URI says: where the server is, which API it speaks, which model it
 * shall run, and how to find the key. Forms (docs/http.md):
 *   openai:MODEL  anthropic:MODEL  gemini:MODEL  openrouter:MODEL  deepseek:MODEL
 *   http[s]://HOST[:PORT]/PATH[?QUERY]#MODEL
 * each followed by options `;name=value`. A URI never holds a key. */
#ifndef RUNNERS_HTTP_ENDPOINT_H
#define RUNNERS_HTTP_ENDPOINT_H
#include <stdint.h>
#include "harness/base/arena.h"
#include "runners/http/transport.h"

typedef enum { API_CHAT, API_RESPONSES, API_MESSAGES, API_GEMINI } endpoint_api;
const char *endpoint_api_name(endpoint_api api); /* "chat", "responses", "anthropic", "gemini" */

typedef enum { AUTH_BEARER, AUTH_API_KEY, AUTH_X_API_KEY, AUTH_GOOG } endpoint_auth;

/* How an effort or a budget for thinking is asked for. */
typedef enum {
    THINK_EFFORT, /* reasoning_effort: "low" */
    THINK_OBJECT, /* reasoning: {effort | max_tokens | enabled} (OpenRouter; responses: {effort}) */
    THINK_BUDGET, /* Anthropic, Gemini: a number of tokens */
    THINK_TEMPLATE, /* chat_template_kwargs: {enable_thinking}, and reasoning_effort */
    THINK_TYPE      /* DeepSeek: thinking: {type} */
} endpoint_think;

/* A service that the program knows. Others take the row of their URI's scheme. */
typedef struct {
    const char *name;     /* for reports: "OpenAI" */
    const char *scheme;   /* "openai:", or NULL */
    const char *host;     /* its host, or a suffix that begins with '.'; NULL: any */
    const char *base;     /* URL that the scheme stands for, or NULL */
    const char *key_name; /* environment variable that holds the key */
    endpoint_api api;
    endpoint_auth auth;
    endpoint_think think;
    bool needs_key;
    bool completes;      /* offers completions (raw text) */
    bool scores;         /* may give log-probabilities of given text */
    bool new_limit;      /* max_completion_tokens in place of max_tokens */
    bool samples_freely; /* takes top_k and min_p */
    bool prefills;       /* goes on with an assistant message that comes last */
} endpoint_service;

typedef struct {
    const char *uri;
    const endpoint_service *service;
    const char *base;  /* "https://api.openai.com/v1": no slash at the end */
    const char *query; /* "?api-version=...", or "" */
    const char *host;  /* "api.openai.com", with a port that is not the usual one */
    const char *model;
    const char *effort; /* "off", "low", ... as the URI asks, or NULL */
    uint32_t thinking;  /* tokens that it may think; 0: not said */
    endpoint_api api;
    const char *key_env, *key_file; /* as the URI names them, or NULL */
    bool prefills;
    transport_limits limits;
    double patience; /* seconds without any success until the run is given up */
    double input_price, cached_price, output_price; /* as the URI says; negative: it does not */
    double backoff;                                 /* seconds: bound of the first pause */
    uint32_t n_attempts; /* of one request that fails on its own account */
} endpoint;

bool endpoint_accepts(const char *uri);
/* Everything in `a`. WAAGE_EINVAL says what is wrong with the URI; keys in it are not repeated. */
WAAGE_MUST_CHECK waage_status endpoint_parse(endpoint *out, const char *uri, arena *a,
                                             waage_err *err);
/* Find the key: the variable or file of the URI's options; else the variable that the service
 * names, NAME, or the file that NAME_FILE names. NULL: none is there and none is needed. A file
 * must be the user's own and closed to others. WAAGE_EINVAL | WAAGE_EIO; no message holds any of
 * the key. */
WAAGE_MUST_CHECK waage_status endpoint_find_key(const endpoint *e, const char **key, arena *a,
                                                waage_err *err);
/* The header that carries the key; the caller wipes it. NULL: no memory. */
char *endpoint_key_header(const endpoint *e, const char *key, arena *a);
#endif
