/* score.h - log-probabilities of a given continuation out of a completions body with `echo`:
 * choices[0].logprobs {tokens, token_logprobs, top_logprobs, text_offset}. */
#ifndef RUNNERS_HTTP_SCORE_H
#define RUNNERS_HTTP_SCORE_H
#include "harness/base/request.h"
#include "harness/base/value.h"

/* text: prompt followed by the choice, of which the first n_prompt bytes are the prompt. Blanks at
 * its end belong to the choice. The choice's tokens begin with the first one that ends behind the
 * prompt. false and *why (borrowed): the body does not hold what is needed. */
bool score_read(choice_score *out, const value *body, const char *text, size_t n_prompt,
                const char **why, arena *a);
#endif
