/* vocab.h - the tokens of a GGUF file: text as stored, type, score, and look-up by text.
 * Text is borrowed from the mapping. The look-up table answers the last of several equal texts. */
#ifndef RUNNERS_LOCAL_VOCAB_H
#define RUNNERS_LOCAL_VOCAB_H
#include <stddef.h>
#include <stdint.h>
#include "runners/local/gguf.h"

typedef struct {
    gguf_str text;
    float score;  /* 0 where the file has none */
    uint8_t type; /* token_type */
} vocab_token;

typedef struct {
    uint32_t tag; /* high half of the hash */
    int32_t id;   /* -1: free */
} vocab_slot;

typedef struct {
    vocab_token *token; /* (n) */
    size_t n;
    vocab_slot *slot; /* (mask + 1) open addressing, at most half full */
    size_t mask;
    bool has_scores;
} vocab;

/* Read tokenizer.ggml.tokens, token_type and scores. WAAGE_ENOTFOUND: no tokens; WAAGE_EFORMAT:
 * lengths that differ, a type out of range, a score that is not finite; WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status vocab_read(vocab *out, const gguf *g, waage_err *err);
void vocab_free(vocab *v);                                     /* what it owns, not v itself */
int32_t vocab_find(const vocab *v, const char *s, size_t len); /* -1: none */

#endif
