/* filter.h - filter_list and exact_match as lm-evaluation-harness has them: pipelines over a reply,
 * and comparison of texts after what is to be ignored was taken out. */
#ifndef TASKS_FILTER_H
#define TASKS_FILTER_H
#include <stdbool.h>
#include "harness/base/arena.h"
#include "harness/base/err.h"
#include "harness/base/regex.h"
#include "harness/base/value.h"

/* How exact_match compares; a plain value whose expressions text_match_close releases. */
typedef struct {
    bool ignore_case, ignore_punctuation, ignore_numbers;
    regex **ignore; /* (n_ignore) in the arena */
    size_t n_ignore;
} text_match;

/* Compile regexes_to_ignore (NULL: none). */
WAAGE_MUST_CHECK waage_status text_match_compile(text_match *m, arena *a, const value *patterns,
                                                 const char *file, waage_err *err);
void text_match_close(text_match *m);
/* In this order: expressions removed, case, punctuation (ASCII), digits; then equal bytes. */
WAAGE_MUST_CHECK waage_status text_match_equal(const text_match *m, const char *a, const char *b,
                                               bool *out, arena *mem, waage_err *err);

typedef struct filter_list filter_list; /* lives in an arena */

WAAGE_MUST_CHECK waage_status filter_list_compile(filter_list **out, arena *a, const value *list,
                                                  const char *file, waage_err *err);
void filter_list_close(filter_list *f); /* NULL is fine */
size_t filter_list_n(const filter_list *f);
const char *filter_list_name(const filter_list *f, size_t i); /* "strict-match" */

/* Run pipeline i over a reply. choices: texts of the document's `choices`, for multi_choice_regex.
 * *out lives in `a`. WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status filter_list_run(const filter_list *f, size_t i, const char *text,
                                              size_t len, const char *const *choices,
                                              size_t n_choices, const char **out, arena *a,
                                              waage_err *err);
#endif
