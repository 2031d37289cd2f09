/* prompt.h - from a request to the exact text and the token ids that the model sees. Both protocols
 * go through here, for running as for rendering, so that what is shown is what was computed. */
#ifndef RUNNERS_LOCAL_PROMPT_H
#define RUNNERS_LOCAL_PROMPT_H
#include "harness/base/arena.h"
#include "harness/base/request.h"
#include "harness/base/template.h"
#include "runners/local/channels.h"
#include "runners/local/tokenizer.h"

typedef struct {
    const tokenizer *tok;
    const template *chat; /* NULL: the model has none */
    const char *no_chat;  /* why not */
    const char *date;     /* for templates that print one, or NULL */
    const channels *ch;   /* of the model; NULL: thoughts are left alone */
} prompt_maker;

typedef struct {
    const char *text; /* (len) what stands before the answer */
    size_t len;
    const tokenizer_span *spans; /* (n_spans) template text */
    size_t n_spans;
    const int32_t *ids; /* (n) with exactly one BOS if the model wants one */
    size_t n;
    part_kind part; /* what the model goes on with */
} prompt;

typedef struct {
    const int32_t *ids; /* (n) prompt and continuation, tokenised jointly */
    size_t n, cut;      /* ids[cut..n) are scored; 1 <= cut < n */
} prompt_choice;

/* The variables that a model gives its template: bos_token, eos_token, unk_token, pad_token (""
 * when it has none). */
WAAGE_MUST_CHECK waage_status prompt_model_vars(value **out, const tokenizer *t, arena *a,
                                                waage_err *err);
/* A chat's thought is switched on or off by the template's own variables (enable_thinking,
 * thinking, reasoning_effort). Where it shall be off, and where the answer has to begin at once
 * (loglik, an answer_prefix), a thought that the template opened is closed, and a harmony model is
 * put into its final channel. Everything lives in `a`. WAAGE_EUNSUPPORTED: chat without a template;
 * WAAGE_EFORMAT: the template refused these messages; WAAGE_EINVAL: an id outside of the
 * vocabulary. */
WAAGE_MUST_CHECK waage_status prompt_make(prompt *out, const prompt_maker *pm, const request *rq,
                                          arena *a, waage_err *err);
/* The continuations of a loglik request behind p: (rq->n_choices). Blanks at the end of the prompt
 * belong to the continuation: a token rarely ends with one. WAAGE_EUNSUPPORTED: a continuation that
 * adds no token, so that there is nothing to score. */
WAAGE_MUST_CHECK waage_status prompt_make_choices(prompt_choice **out, const prompt_maker *pm,
                                                  const prompt *p, const request *rq, arena *a,
                                                  waage_err *err);

#endif
