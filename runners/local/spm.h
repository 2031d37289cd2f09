/* spm.h - SentencePiece-style byte-pair encoding (GGUF tokenizer model "llama"): characters are
 * joined to the neighbouring pair whose text is the token with the highest score, leftmost on ties;
 * a character that is no token becomes its bytes. */
#ifndef RUNNERS_LOCAL_SPM_H
#define RUNNERS_LOCAL_SPM_H
#include "runners/local/merge.h"
#include "runners/local/vocab.h"
#include "runners/local/word_cache.h"

typedef struct spm spm; /* opaque */

/* v must outlive *out; unk: the id for a byte without a byte token, -1: leave it out.
 * WAAGE_EFORMAT: no scores; WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status spm_create(spm **out, const gguf *g, const vocab *v, int32_t unk,
                                         waage_err *err);
void spm_free(spm *m); /* NULL is fine */
/* Append the ids of valid UTF-8 text in which blanks are U+2581 already. words may be NULL. */
void spm_encode(const spm *m, const char *s, size_t len, merge_work *w, word_cache *words,
                id_list *out);
/* Value of a byte token's text "<0x41>", -1 when it is none. */
int spm_byte_of_text(const char *s, size_t len);

#endif
