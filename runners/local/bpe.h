/* bpe.h - byte-level byte-pair encoding of one pre-token (GGUF tokenizer model "gpt2"): bytes are
 * joined by the file's list of merges, lowest rank first, leftmost on ties. */
#ifndef RUNNERS_LOCAL_BPE_H
#define RUNNERS_LOCAL_BPE_H
#include "runners/local/merge.h"
#include "runners/local/vocab.h"

typedef struct bpe bpe; /* opaque */

/* Read tokenizer.ggml.merges. v must outlive *out. ignore_merges: a pre-token that is a normal
 * token as a whole is that token. WAAGE_EFORMAT names a merge whose parts or result are no tokens.
 */
WAAGE_MUST_CHECK waage_status bpe_create(bpe **out, const gguf *g, const vocab *v,
                                         bool ignore_merges, waage_err *err);
void bpe_free(bpe *b); /* NULL is fine */
/* Append the ids of a pre-token. A byte that the vocabulary lacks gives no token, and nothing is
 * joined across it (llama.cpp does so; `tokenizers` drops the byte first, so its neighbours may
 * join). Failures show in w->failed and out->failed. */
void bpe_encode(const bpe *b, const char *s, size_t len, merge_work *w, id_list *out);
/* The bytes that a token's text stands for, in the printable alphabet of GPT-2; out holds len
 * bytes. Returns their number; text with characters outside of the alphabet is copied as it is. */
size_t bpe_decode_text(const char *s, size_t len, char *out);

#endif
