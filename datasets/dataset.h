/* dataset.h - documents: rows of a file, of a built-in generator, or written inside a task file.
 * A document is a map value; rows keep their order. Files are untrusted; errors name file and row.
 */
#ifndef DATASETS_DATASET_H
#define DATASETS_DATASET_H
#include "harness/base/arena.h"
#include "harness/base/hash.h"
#include "harness/base/value.h"

typedef struct {
    value *rows;                /* list of maps */
    char data_hash[HASH_HEX];   /* sha256 over the rows' JSON, in order */
    char file_sha256[HASH_HEX]; /* of the file, "" for generated or inline data */
} dataset;

/* Read a file by its extension: .jsonl (a map per line), .json (a list of maps, or a map one of
 * whose members is that list, named by `field`, e.g. "examples"), .csv and .tsv (first row names
 * the columns; every value is text). Compressed files are not read. field may be NULL. sha256 (hex)
 * is checked when given: WAAGE_EFORMAT names both sums. */
WAAGE_MUST_CHECK waage_status dataset_read_file(dataset *out, arena *a, const char *path,
                                                const char *field, const char *sha256,
                                                waage_err *err);

/* Rows written inside a task file. Checks that they are maps and hashes them. */
WAAGE_MUST_CHECK waage_status dataset_from_rows(dataset *out, arena *a, value *rows,
                                                waage_err *err);

/* A built-in generator: `args` is the task's dataset_kwargs map (may be NULL). The same name and
 * args give the same rows on every machine. */
typedef waage_status (*dataset_generator)(value *rows, arena *a, const value *args, waage_err *err);
typedef struct {
    const char *name; /* "math", "reasoning" as in dataset_path: builtin:math */
    const char *description;
    dataset_generator generate;
} dataset_builtin;
extern const dataset_builtin dataset_builtins[]; /* sorted by name, ends with a NULL name */

WAAGE_MUST_CHECK waage_status dataset_generate(dataset *out, arena *a, const char *name,
                                               const value *args, waage_err *err);

/* Streaming CSV (RFC 4180, quoted newlines, blank lines skipped) for other modules: row() gets the
 * fields (NUL-terminated, valid UTF-8, borrowed for the call) and the line on which the row began.
 * Anything but WAAGE_OK from row() ends the parse with that status. */
typedef waage_status (*dataset_row_fn)(void *ctx, const char *const *fields, const size_t *lens,
                                       size_t n, size_t line, waage_err *err);
WAAGE_MUST_CHECK waage_status dataset_parse_csv(const char *text, size_t len, char delimiter,
                                                const char *name, dataset_row_fn row, void *ctx,
                                                waage_err *err);
#endif
