/* detokenizer.h - ids to text as they come, whole UTF-8 characters only.
 * Bytes of a character that is not complete wait for the next token; what turns out to be
 * ill-formed becomes U+FFFD, one for each maximal ill-formed part, so that the text does not depend
 * on where the stream is cut. A plain value; nothing to free. */
#ifndef RUNNERS_LOCAL_DETOKENIZER_H
#define RUNNERS_LOCAL_DETOKENIZER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/strbuf.h"
#include "runners/local/tokenizer.h"

typedef struct {
    const tokenizer *tok; /* borrowed */
    bool special;         /* write control tokens by name; else they are left out */
    bool strip_space;     /* the next piece loses one leading blank */
    char wait[4];         /* (n_wait) bytes of an incomplete character */
    size_t n_wait;
} detokenizer;

/* whole_text: the ids begin a text, so the blank that a SentencePiece model with add_space_prefix
 * puts in front is taken away again; false where they continue a prompt. special: see above. */
void detokenizer_init(detokenizer *d, const tokenizer *t, bool whole_text, bool special);
/* Append the complete characters to out. Ids out of range add nothing. */
void detokenizer_put(detokenizer *d, int32_t id, strbuf *out);
/* No more tokens: an incomplete character becomes U+FFFD. d is ready for another continuation. */
void detokenizer_end(detokenizer *d, strbuf *out);

#endif
