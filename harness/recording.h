/* recording.h - the answers of a run as a recording that `replay:FILE` reads (docs/replay.md): one
 * row an answer, with the body that the server sent, or one made of what the store has. Rows stand
 * in the order of the store, so that equal stores give equal files. */
#ifndef HARNESS_RECORDING_H
#define HARNESS_RECORDING_H
#include <stdio.h>
#include "harness/store.h"

/* Write the answers of the model `label` to out; *n counts them. Errors and what the model cannot
 * do are left out. WAAGE_EWRITE, and what reading the store gives. */
WAAGE_MUST_CHECK waage_status recording_write(FILE *out, store *s, const char *label, size_t *n,
                                              waage_err *err);
#endif
