/* draft.h - guesses at the next tokens of a text, to be checked by the model many at a time. A text
 * that quotes itself (a summary, a table, code, a sum that is set down again) is guessed well by
 * what stood behind the same few tokens before. A guess never decides anything: the scheduler keeps
 * one only where the sampler chose the same token. */
#ifndef RUNNERS_LOCAL_DRAFT_H
#define RUNNERS_LOCAL_DRAFT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Up to `max` tokens that might follow tokens[0..n); returns how many. Ids of the vocabulary only.
 */
typedef size_t (*draft_fn)(const int32_t *tokens, size_t n, int32_t *out, size_t max);

/* What stood behind the latest of the longest earlier matches of the end of the text. */
size_t draft_lookup(const int32_t *tokens, size_t n, int32_t *out, size_t max);

/* How far the guesses for one text are trusted: the share of the latest that were right. */
typedef float draft_trust;
static const draft_trust draft_trust_first = 0.5f;

void draft_learn(draft_trust *t, bool was_right);
/* Guesses that are worth a row each in a step of n_rows rows without them, at most `max`. */
size_t draft_worth(draft_trust t, size_t n_rows, size_t max);

#endif
