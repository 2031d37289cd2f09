/* serve_request.h - the bodies of POST /v1/completions and /v1/chat/completions as requests of
 * ours. Every byte is a stranger's: bounded, checked, and what would change the meaning of an
 * answer without being done here is refused by name. Sources: OpenAI's API reference; vLLM's for
 * top_k, min_p and chat_template_kwargs. docs/serve.md has the table of fields. */
#ifndef HARNESS_SERVE_REQUEST_H
#define HARNESS_SERVE_REQUEST_H
#include "harness/base/arena.h"
#include "harness/base/request.h"
#include "harness/base/value.h"

typedef enum { SERVE_COMPLETIONS, SERVE_CHAT } serve_api;

/* What an answer other than 200 says. */
typedef struct {
    int status;       /* HTTP */
    const char *type; /* "invalid_request_error", ... */
    const char *code; /* or NULL */
    char param[64];   /* field, or "" */
    char message[512];
    const char *allow;    /* methods, for 405 */
    unsigned retry_after; /* seconds, 0: none */
} serve_fault;
void serve_fault_set(serve_fault *f, int status, const char *type, const char *code,
                     const char *param, const char *fmt, ...) WAAGE_PRINTF(6, 7);

typedef struct {
    const char *model; /* the name that requests may give */
    size_t n_context;  /* tokens; 0: unknown */
    size_t max_calls;  /* prompts times n */
} serve_limits;

typedef struct {
    request rq;  /* first: what the runner gives back is one of these */
    void *owner; /* the reader's business no more */
} serve_call;

typedef struct {
    serve_api api;
    arena mem, doc;    /* strings and ids; what chats point to in the body */
    serve_call *calls; /* (n_calls) prompt i / n, sample i % n */
    size_t n_calls, n;
    bool echo, stream, include_usage;
    bool logprobs;  /* wanted; how many others beside it stands in the requests' n_top */
    bool drops_new; /* max_tokens 0: a token is made, and not shown */
} serve_ask;

/* Read a body. False: *why is set and *out is empty. */
bool serve_request_read(serve_ask *out, serve_api api, const char *body, size_t len,
                        const serve_limits *limits, serve_fault *why);
void serve_ask_free(serve_ask *ask);

/* The body of a request as a map, for the smaller endpoints. NULL: *why is set. */
const value *serve_request_parse(arena *a, const char *body, size_t len, serve_fault *why);
/* A list of token ids, copied. False: *why names the field and the place. */
bool serve_request_ids(const int32_t **out, size_t *n, const value *list, const char *param,
                       arena *a, serve_fault *why);

#endif
