/* progress.h - how far a run is, on stderr: one live line per model and suite on a terminal, plain
 * lines (begin, end, now and then) elsewhere. Silent with -q. */
#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct progress progress;

typedef struct {
    const char *name; /* "math (chat)"; borrowed */
    size_t n_total;   /* items */
    size_t n_before;  /* of these done by an earlier run */
} progress_row;

/* out: stderr as a rule. live: rewrite one line. every: seconds between plain lines.
 * NULL when memory is out; every call takes NULL and does nothing then. */
progress *progress_create(FILE *out, bool live, double every);
/* Sums for a terminal or a log, as the level of log.h and isatty() say; NULL when quiet. */
progress *progress_create_stderr(void);
void progress_free(progress *p);

/* A model begins; rows are borrowed until the next call of it. */
void progress_begin(progress *p, const char *model, const progress_row *rows, size_t n_rows);
/* An item of a row is done. counts: it is in the denominator. */
void progress_add_item(progress *p, size_t row, bool counts, double credit);
/* Tokens computed by this model so far. */
void progress_set_tokens(progress *p, uint64_t n);
/* The model is done, or has been stopped: end the line. */
void progress_end(progress *p);

#endif
