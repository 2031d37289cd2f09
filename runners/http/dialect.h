/* dialect.h - how a request is put to each API: the table of dialects. What comes back is read by
 * harness/base/body.h, which knows the API by the shape of the body. */
#ifndef RUNNERS_HTTP_DIALECT_H
#define RUNNERS_HTTP_DIALECT_H
#include "harness/base/request.h"
#include "harness/base/value.h"
#include "runners/http/endpoint.h"

/* Fields that some servers refuse. The runner learns it from the refusal and leaves them out. */
typedef enum {
    FIELD_TEMPERATURE,
    FIELD_TOP_P,
    FIELD_TOP_K,
    FIELD_MIN_P,
    FIELD_SEED,
    FIELD_STOP,
    FIELD_LIMIT, /* max_tokens: refused, it becomes max_completion_tokens, and the other way round
                  */
    FIELD_EFFORT,
    FIELD_COUNT
} dialect_field;

typedef struct dialect dialect;

struct dialect {
    const char *name;   /* "chat", "completions", "responses", "anthropic", "gemini" */
    const char *path;   /* below the base; "%s" stands for the model */
    const char *header; /* one that the API wants besides, or NULL */
    /* The request as a map in `a`; without: bits 1 << dialect_field. NULL: no memory. */
    value *(*build)(const endpoint *e, const request *rq, unsigned without, arena *a);
};

/* What serves this request; NULL and *why (borrowed) when nothing does. */
const dialect *dialect_find(const endpoint *e, const request *rq, const char **why);
/* URL of a dialect at an endpoint; NULL: no memory. */
const char *dialect_url(const dialect *d, const endpoint *e, arena *a);
/* Completions that score: the prompt and one choice, and the log-probabilities of all its tokens,
 * by an echo of the prompt or, without one, by `prompt_logprobs`. */
value *dialect_build_score(const endpoint *e, const char *text, bool echo, unsigned without,
                           arena *a);
/* Which field does this name (of a parameter, or a sentence that quotes one) stand for?
 * FIELD_COUNT: none that can be left out. */
dialect_field dialect_find_field(const char *text);
const char *dialect_field_name(dialect_field f); /* "temperature" */
/* How much the model shall think: as the run says, else as the URI does; NULL: nothing is said. */
const char *dialect_effort(const endpoint *e, const request *rq);
bool dialect_is_off(const endpoint *e, const request *rq); /* it shall not think */
/* Tokens for that, on top of the answer's limit; 0: none, nothing is said, or the answer's
 * beginning is given. */
uint32_t dialect_thinking_tokens(const endpoint *e, const request *rq);

/* dialect_other.c */
value *dialect_build_responses(const endpoint *e, const request *rq, unsigned without, arena *a);
value *dialect_build_messages(const endpoint *e, const request *rq, unsigned without, arena *a);
value *dialect_build_gemini(const endpoint *e, const request *rq, unsigned without, arena *a);
/* Helpers that dialects share; each returns false when memory is out. */
bool dialect_put_str(arena *a, value *map, const char *key, const char *text);
bool dialect_put_int(arena *a, value *map, const char *key, int64_t n);
bool dialect_add_message(arena *a, value *list, const char *role, const char *content);
bool dialect_put_sampling(arena *a, value *map, const request *rq, unsigned without,
                          const char *const names[FIELD_COUNT]);
bool dialect_put_stop(arena *a, value *map, const char *key, const request *rq, size_t most,
                      bool blank_too);
bool dialect_has(unsigned without, dialect_field f); /* may it be sent? */
#endif
