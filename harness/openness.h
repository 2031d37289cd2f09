/* openness.h - what is published of a model: weights, licence, training data and code, and its
 * class in the Model Openness Framework. The table openness.yaml is compiled in; RUN.yaml comes
 * before it. */
#ifndef HARNESS_OPENNESS_H
#define HARNESS_OPENNESS_H
#include "harness/base/arena.h"
#include "harness/base/value.h"

extern const unsigned char openness_embed[]; /* openness.yaml and a zero byte */

typedef struct { /* words of openness.yaml; NULL: not known */
    const char *weights, *licence, *data, *code, *class, *source, *date;
    const char *by; /* whose word it is: "RUN.yaml", "name NAME" of the table */
} openness;

/* Names of the fields in YAML and in the store, in the order of the struct, `by` left out. */
extern const char *const openness_keys[]; /* ends with NULL */
const char **openness_field(openness *o, size_t key);

/* The first entry of the table that one of these names (n, NULL ones skipped) has; all NULL when
 * none has one. A name may be a path, or "maker/model"; case and signs do not count. Strings live
 * in `a`. WAAGE_EFORMAT: the table is not what it should be. */
WAAGE_MUST_CHECK waage_status openness_find(openness *out, const char *const *names, size_t n,
                                            arena *a, waage_err *err);
/* What `said` knows takes the place of what `o` had; then it is all said by it. */
void openness_override(openness *o, const openness *said);
/* A map of what is known; NULL: no memory. */
value *openness_value(const openness *o, arena *a);
#endif
