/* body_impl.h - what the readers of the several APIs share; not for other modules. */
#ifndef BASE_BODY_IMPL_H
#define BASE_BODY_IMPL_H
#include "harness/base/body.h"

typedef waage_status (*body_reader)(reply *out, const value *body, arena *a, waage_err *err);
/* One per API; text is "" and finish STOP when they are called. */
waage_status body_read_choices(reply *out, const value *body, arena *a, waage_err *err);
waage_status body_read_response(reply *out, const value *body, arena *a, waage_err *err);
waage_status body_read_message(reply *out, const value *body, arena *a, waage_err *err);
waage_status body_read_candidates(reply *out, const value *body, arena *a, waage_err *err);

/* What a finish reason of any API means; unknown ones and NULL are a stop. */
finish_reason body_finish(const char *name);
waage_status body_set_error(reply *out, finish_reason f, const char *why, arena *a, waage_err *err);
waage_status body_set_thought(reply *out, const char *s, size_t len, arena *a, waage_err *err);
waage_status body_set_text(reply *out, const char *s, size_t len, arena *a, waage_err *err);
/* Text, or a list of parts with a `text` each. NULL: neither. */
const char *body_text(const value *v, arena *a, size_t *len);
const char *body_date(int64_t seconds, arena *a); /* Unix time as ISO 8601, or NULL */
uint32_t body_count(const value *map, const char *key);
/* The text of every part of `list` whose `type` is `type`, joined; NULL when there is no such part.
 */
const char *body_join(const value *list, const char *type, const char *key, arena *a, size_t *len);
/* Copy map[key], a text; a missing key leaves *out. */
waage_status body_keep(const char **out, const value *map, const char *key, arena *a,
                       waage_err *err);
#endif
