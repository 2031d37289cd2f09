/* score.h - log-probabilities of a given continuation out of a completions body: with `echo`,
 * choices[0].logprobs {tokens, token_logprobs, top_logprobs, text_offset}; with `prompt_logprobs`
 * (vLLM), choices[0].prompt_logprobs [null, {"ID": {logprob, rank, decoded_token}, ...}, ...]. */
#ifndef RUNNERS_HTTP_SCORE_H
#define RUNNERS_HTTP_SCORE_H
#include "harness/base/request.h"
#include "harness/base/value.h"

/* text: prompt followed by the choice, of which the first n_prompt bytes are the prompt. Blanks at
 * its end belong to the choice. The choice's tokens begin with the first one that ends behind the
 * prompt. false and *why (borrowed): the body does not hold what is needed. */
bool score_read(choice_score *out, const value *body, const char *text, size_t n_prompt,
                const char **why, arena *a);
/* The same out of prompt_logprobs. Tokens that the server does not give as a piece of the text (a
 * part of a character) are taken together with their neighbours of that kind. */
bool score_read_prompt(choice_score *out, const value *body, const char *text, size_t n_prompt,
                       const char **why, arena *a);
#endif
