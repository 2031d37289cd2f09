/* serve_answer.h - replies as the JSON that OpenAI's completions and chat completions return.
 * Log-probabilities are printed with 17 digits: a client gets the very number. */
#ifndef HARNESS_SERVE_ANSWER_H
#define HARNESS_SERVE_ANSWER_H
#include "harness/serve_request.h"
#include "runners/runner.h"

/* What stands at the top of every answer to one request. */
typedef struct {
    serve_api api;
    uint64_t number; /* of the request: its id */
    int64_t created; /* seconds since 1970 */
    const char *model;
    const char *fingerprint; /* of weights and settings */
} serve_title;

typedef struct {
    uint64_t prompt, completion, cached, thought; /* tokens */
} serve_usage;

/* The element of `choices` for call `index`. */
WAAGE_MUST_CHECK waage_status serve_answer_choice(strbuf *out, const serve_ask *ask, size_t index,
                                                  const reply *rp, runner *r, waage_err *err);
/* All of the body; choices: n JSON texts in order. */
void serve_answer_body(strbuf *out, const serve_title *t, const strbuf *choices, size_t n,
                       const serve_usage *u);
void serve_answer_fault(strbuf *out, const serve_fault *f);

/* ---- Server-sent events ---- */

/* A chat's first event of a choice. */
void serve_event_role(strbuf *out, const serve_title *t, size_t index);
/* A piece of the answer, or of its thought (chats only). */
void serve_event_text(strbuf *out, const serve_title *t, size_t index, bool is_thought,
                      const char *s, size_t len);
void serve_event_finish(strbuf *out, const serve_title *t, size_t index, finish_reason why);
void serve_event_usage(strbuf *out, const serve_title *t, const serve_usage *u);
void serve_event_fault(strbuf *out, const serve_fault *f);
void serve_event_done(strbuf *out);

#endif
