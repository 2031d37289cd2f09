/* added_tokens.h - finds control and user-defined tokens in a text: leftmost first, the longest
 * there. */
#ifndef RUNNERS_LOCAL_ADDED_TOKENS_H
#define RUNNERS_LOCAL_ADDED_TOKENS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "runners/local/vocab.h"

typedef struct {
    gguf_str text; /* borrowed from the mapping */
    int32_t id;
    bool always; /* user-defined; control tokens only in trusted text */
} added_token;

typedef struct {
    added_token *token; /* (n) ascending by text */
    size_t n;
    size_t first[257]; /* token[first[c]..first[c + 1] - 1] begin with byte c */
    char *marks;       /* text of the entries that are runs of U+2581 */
} added_tokens;

/* blank_runs: user-defined tokens that are runs of blanks match runs of U+2581, too. SentencePiece
 * files store them with blanks; in the reference they are runs of U+2581 (blanks reach them by
 * merges). */
WAAGE_MUST_CHECK waage_status added_tokens_create(added_tokens *out, const vocab *v,
                                                  bool blank_runs, waage_err *err);
void added_tokens_free(added_tokens *a); /* what it owns, not a itself */
/* The longest token that the text begins with; NULL when there is none. Tokens that are not
 * `always` must end within the first n_trusted bytes. */
const added_token *added_tokens_match(const added_tokens *a, const char *text, size_t len,
                                      size_t n_trusted);
const added_token *added_tokens_find(const added_tokens *a, const char *text,
                                     size_t len); /* exactly */

#endif
