/* likeliest.h - the likeliest tokens of a row of logits. */
#ifndef RUNNERS_LOCAL_LIKELIEST_H
#define RUNNERS_LOCAL_LIKELIEST_H
#include "harness/base/request.h"

/* Fill out (n) with the n likeliest of n_vocab tokens, likeliest first, of equal ones the lower id;
 * rows behind the vocabulary's end get id -1. lse: log of the sum of exponentials of the row.
 * Logits must be finite. */
void likeliest_tokens(token_prob *out, size_t n, const float *logits, size_t n_vocab, double lse);

#endif
