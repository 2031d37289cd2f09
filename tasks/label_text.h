/* label_text.h - the text of an answer as the label rules and the fact matcher see it: valid UTF-8,
 * plain quotes and hyphens, no Markdown marks, single blanks and newlines, a leading thought block
 * removed; with the borders of its sentences. */
#ifndef TASKS_LABEL_TEXT_H
#define TASKS_LABEL_TEXT_H
#include <stddef.h>
#include "harness/base/arena.h"
#include "harness/base/err.h"
#include "harness/base/strbuf.h"

enum { LABEL_TEXT_MAX = 256 * 1024 }; /* bytes of an answer that are looked at */

typedef struct {
    size_t start, end; /* byte offsets */
} label_span;

typedef struct {
    const char *s; /* NUL-terminated, in the arena */
    size_t len;
    label_span *sentence; /* (n_sentences), ascending, without empty ones */
    size_t n_sentences;
} label_text;

/* Normalise and split. WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status label_text_make(label_text *out, const char *s, size_t len, arena *a,
                                              waage_err *err);
/* Normalise only: appends to `out`. */
void label_text_clean(strbuf *out, const char *s, size_t len);
/* Index of the sentence that holds byte `at`; n_sentences must not be 0. */
size_t label_text_sentence_at(const label_text *t, size_t at);
/* Largest n <= max that does not cut a character of s[0..len). */
size_t label_text_cut(const char *s, size_t len, size_t max);
#endif
