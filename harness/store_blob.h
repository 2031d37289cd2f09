/* store_blob.h - numbers as the store keeps them: little-endian bytes, the same on every machine.
 * Decoding takes bytes from a file that may be damaged; false means they do not fit. */
#ifndef HARNESS_STORE_BLOB_H
#define HARNESS_STORE_BLOB_H
#include "harness/base/arena.h"
#include "harness/base/request.h"
#include "harness/base/strbuf.h"

void store_blob_put_tokens(strbuf *out, const int32_t *tokens, size_t n);
void store_blob_put_floats(strbuf *out, const float *x, size_t n);
/* Per choice: f64 sum, u32 n_tokens, u8 flags (1 greedy, 2 log-probabilities, 4 tokens), then the
 * arrays that the flags name. */
void store_blob_put_choices(strbuf *out, const choice_score *c, size_t n);

bool store_blob_get_tokens(const void *data, size_t len, arena *a, const int32_t **out, size_t *n);
bool store_blob_get_floats(const void *data, size_t len, arena *a, const float **out, size_t *n);
bool store_blob_get_choices(const void *data, size_t len, arena *a, const choice_score **out,
                            size_t *n);
#endif
