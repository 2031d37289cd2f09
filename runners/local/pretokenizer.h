/* pretokenizer.h - cuts text into the pieces that byte-pair encoding treats one by one, by the rule
 * that a GGUF file names in tokenizer.ggml.pre. Patterns are those of the models' own
 * tokenizer.json. */
#ifndef RUNNERS_LOCAL_PRETOKENIZER_H
#define RUNNERS_LOCAL_PRETOKENIZER_H
#include <stdbool.h>
#include <stddef.h>
#include "harness/base/err.h"

typedef struct pretokenizer pretokenizer; /* opaque */

typedef struct {
    const char *name;   /* as in tokenizer.ggml.pre */
    bool add_bos;       /* the model wants BOS unless the file says otherwise */
    bool ignore_merges; /* a piece that is a token as a whole is not merged */
    bool nfc;           /* text is brought to normal form C first */
} pretokenizer_rule;

typedef struct { /* growing list of cuts */
    size_t
        *end; /* (n) byte offset behind each piece, ascending, the last one is the text's length */
    size_t n, cap;
} pretokenizer_cuts;

/* WAAGE_EUNSUPPORTED names an unknown rule. The rule's name need not be NUL-terminated. */
WAAGE_MUST_CHECK waage_status pretokenizer_create(pretokenizer **out, const char *name, size_t len,
                                                  waage_err *err);
void pretokenizer_free(pretokenizer *p); /* NULL is fine */
const pretokenizer_rule *pretokenizer_get_rule(const pretokenizer *p);
/* Cut valid UTF-8 text; *out is overwritten and keeps its memory. Thread-safe. */
WAAGE_MUST_CHECK waage_status pretokenizer_cut(const pretokenizer *p, const char *text, size_t len,
                                               pretokenizer_cuts *out, waage_err *err);
void pretokenizer_cuts_free(pretokenizer_cuts *c);

/* All rules, ascending by name; NULL behind the last. */
const pretokenizer_rule *pretokenizer_rule_at(size_t i);

#endif
