/* gen_text.h - what the built-in generators share: templates with named places, rows, arguments.
 * Only integers and fixed texts go into generated documents (no floating point, no locale), so
 * their bytes are the same on every machine. */
#ifndef DATASETS_GEN_TEXT_H
#define DATASETS_GEN_TEXT_H
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/value.h"

typedef struct {
    const char *key;  /* "a" stands for {a} in a template */
    const char *text; /* borrowed */
} gen_var;

/* Append the template with every {key} replaced by its text. A key that is not in the list is a
 * mistake in our own tables: WAAGE_EINVAL names it. */
WAAGE_MUST_CHECK waage_status gen_text_expand(strbuf *out, const char *tmpl, const gen_var *vars,
                                              size_t n_vars, waage_err *err);
/* The same into the arena. */
WAAGE_MUST_CHECK waage_status gen_text_make(const char **out, arena *a, const char *tmpl,
                                            const gen_var *vars, size_t n_vars, waage_err *err);

/* The generators' only argument, `seed`: an integer >= 0, default 1. args may be NULL; any other
 * key or kind is WAAGE_EINVAL, with the generator's name. */
WAAGE_MUST_CHECK waage_status gen_text_seed(uint64_t *out, const value *args, const char *generator,
                                            waage_err *err);
#endif
