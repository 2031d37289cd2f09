/* field.h - a templated entry of a task file (doc_to_text and its kin): the name of a document's
 * field, an integer, a list, or a template. Lives in an arena; immutable. */
#ifndef TASKS_FIELD_H
#define TASKS_FIELD_H
#include "harness/base/arena.h"
#include "harness/base/value.h"

typedef struct field field;

/* Compile. src: string, integer, boolean, float or list of these; file and key are for messages.
 * WAAGE_EFORMAT, WAAGE_EUNSUPPORTED (both name file and line), WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status field_compile(field **out, arena *a, const value *src,
                                            const char *file, const char *key, waage_err *err);
/* Its text, and its value with the type kept; `vars` is the document's map. Both live in `a`. */
WAAGE_MUST_CHECK waage_status field_text(const field *f, const value *vars, const char **out,
                                         arena *a, waage_err *err);
WAAGE_MUST_CHECK waage_status field_value(const field *f, const value *vars, const value **out,
                                          arena *a, waage_err *err);
const char *field_key(const field *f);
const char *field_file(const field *f);
uint32_t field_line(const field *f);
/* The text as written, or NULL when it is not a string. */
const char *field_source(const field *f);
#endif
