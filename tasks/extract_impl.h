/* extract_impl.h - shared by extract.c (rungs) and extract_value.c (values inside a stretch of
 * text). */
#ifndef TASKS_EXTRACT_IMPL_H
#define TASKS_EXTRACT_IMPL_H
#include "harness/base/regex.h"
#include "tasks/extract.h"

enum { EXTRACT_VERSION = 1, EXTRACT_MAX_PHRASES = 32, EXTRACT_MAX_BYTES = 256 * 1024 };

struct extract_rules {
    regex *phrase[EXTRACT_MAX_PHRASES];
    size_t n_phrases;
    regex *marker;
    char version[40];
};

typedef struct {
    const char *s;
    size_t len;
} stretch;

typedef struct {
    const extract_rules *rules;
    answer_kind kind;
    const extract_query *q;
    arena *a;
    bool out_of_memory;
} finder;

typedef struct {
    const char *answer; /* normalised, in the arena */
    size_t end;         /* byte behind it in the whole text, 0 when a delimiter ended it */
} found;

/* Valid UTF-8 without control characters other than newline and tab; NULL when memory is out. */
char *extract_clean(arena *a, const char *s, size_t len, size_t *out_len);
/* The value that stands behind an announcement ending at `from`. direct: the announcement ended
 * with "is" or a colon. */
bool value_behind_phrase(const finder *f, stretch whole, size_t from, bool direct, found *out);
bool value_in_box(const finder *f, stretch t,
                  found *out); /* the content of \boxed{} or of a group */
bool value_alone(const finder *f, stretch t, found *out); /* nothing but an answer */
bool value_last(const finder *f, stretch t, found *out);
bool value_first(const finder *f, stretch t, found *out);
#endif
