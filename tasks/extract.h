/* extract.h - finding the answer in a reply: a ladder of named rules, tried in order. The phrases
 * that announce an answer are data (tasks/rules/extract.yaml). Pure functions of (rules, text). */
#ifndef TASKS_EXTRACT_H
#define TASKS_EXTRACT_H
#include <stdbool.h>
#include "harness/base/arena.h"
#include "harness/base/err.h"
#include "harness/base/value.h"

typedef struct extract_rules extract_rules; /* opaque; immutable, usable from several threads */
typedef struct extractor extractor;         /* the ladder of one task; lives in an arena */

typedef enum { ANSWER_NUMBER, ANSWER_LETTER, ANSWER_OPTION, ANSWER_TEXT } answer_kind;

WAAGE_MUST_CHECK waage_status extract_rules_load(extract_rules **out, waage_err *err);
void extract_rules_free(extract_rules *r);
const char *extract_rules_version(const extract_rules *r); /* "extract-1:" and 12 digits */

/* From the `extract` map of a task file (NULL: the whole text). Rules are borrowed.
 * Regular expressions are released by extractor_close. */
WAAGE_MUST_CHECK waage_status extractor_create(extractor **out, arena *a, const extract_rules *r,
                                               const value *map, const char *file, waage_err *err);
void extractor_close(extractor *e); /* NULL is fine */
answer_kind extractor_kind(const extractor *e);
const value *extractor_options(const extractor *e); /* the `options` entry, or NULL */

typedef struct {
    const char *text;
    size_t len;
    bool cut_off;         /* at its limit: only explicit rungs count */
    const char *language; /* of the item, or NULL: how numbers are written */
    const char *const
        *options;     /* (n_options) words (option), texts of the choices (letter) or NULL */
    size_t n_options; /* letter: how many; 0: A to J */
} extract_query;

typedef struct {
    bool found, is_explicit;
    const char
        *answer; /* normalised: "1234.5", "C", the option as written in the task; in the arena */
    const char *rule; /* name of the rung */
} extract_result;

/* WAAGE_ENOMEM; never fails on what the text holds. */
WAAGE_MUST_CHECK waage_status extract_answer(const extractor *e, const extract_query *q,
                                             extract_result *out, arena *a, waage_err *err);
#endif
