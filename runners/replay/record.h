/* record.h - one recorded answer, and readers of the files that hold them. */
#ifndef RUNNERS_REPLAY_RECORD_H
#define RUNNERS_REPLAY_RECORD_H
#include "harness/base/arena.h"
#include "harness/base/request.h"
#include "harness/base/value.h"

typedef struct {
    const char *item;   /* id as recorded, or NULL */
    const char *set;    /* question set the id belongs to, or NULL */
    const char *prompt; /* white space normalised, or NULL: not recorded */
    const char *model;  /* or NULL */
    uint32_t sample, turn;
    protocol proto; /* chat where the row does not say */
    size_t line;    /* 1-based line of the file */
    reply answer;   /* strings live in the arena of the list */
} record;

typedef struct {
    arena a;
    record *item; /* (n), malloc'd */
    size_t n, cap;
} record_list;

/* Read a file by its extension: .csv (XSTest), else JSONL (see docs/replay.md). Errors name file
 * and line. On failure the list is empty. */
WAAGE_MUST_CHECK waage_status record_read_file(record_list *out, const char *path, waage_err *err);
/* The same from memory, for tests and fuzzing. */
WAAGE_MUST_CHECK waage_status record_read_jsonl(record_list *out, const char *text, size_t len,
                                                const char *name, waage_err *err);
WAAGE_MUST_CHECK waage_status record_read_csv(record_list *out, const char *text, size_t len,
                                              const char *name, waage_err *err);
void record_list_free(record_list *l);

/* Single blanks for runs of white space, none at the ends; NULL when memory is out. */
char *record_normalise(arena *a, const char *s);
#endif
