/* opts.h - command line options: one table gives parser, help and suggestions.
 * Long options take their value as `--name VALUE` or `--name=VALUE`, short ones as `-n VALUE` or
 * `-nVALUE`; flags may be bundled (-qv). `--` ends the options. A list option may be repeated and
 * takes every following word that is not an option: `-s math reasoning`. */
#ifndef HARNESS_OPTS_H
#define HARNESS_OPTS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/strbuf.h"

typedef struct {
    const char **items; /* borrowed from argv */
    size_t n, cap;
} opts_list;

/* What the option writes at its offset in the command's own struct. */
typedef enum {
    OPT_FLAG,   /* bool */
    OPT_TEXT,   /* const char *, borrowed from argv */
    OPT_CHOICE, /* const char *, one of the words in `arg`: "i8|i16|f32" */
    OPT_LIST,   /* opts_list */
    OPT_SIZE,   /* size_t */
    OPT_BYTES,  /* size_t; K, M, G (powers of 1024) may follow the number */
    OPT_U32,    /* uint32_t */
    OPT_U64,    /* uint64_t */
    OPT_INT,    /* int, not below 0 */
    OPT_REAL    /* double, not below 0 */
} opt_kind;

typedef struct {
    char letter;      /* 0: none */
    const char *name; /* without the dashes; NULL ends a table */
    opt_kind kind;
    size_t offset;    /* offsetof(command's struct, field) */
    const char *arg;  /* name of the value in the help; NULL for flags */
    const char *help; /* one line */
} opt;

/* Options that every command takes. */
typedef struct {
    bool help, quiet, verbose;
} opts_common;
extern const opt opts_common_table[];

/* Parse words into `target` (laid out as the table says) and `rest` (positional words, may be NULL
 * when there may be none). Common options go to `common` (may be NULL) and are otherwise skipped.
 * target NULL: check the words and fill `common` only. Values given replace what target held: the
 * first use of a list option empties that list. Lists live in `a`.
 * WAAGE_EINVAL names the option, and the nearest one when it is unknown. */
WAAGE_MUST_CHECK waage_status opts_parse(const opt *table, void *target, opts_list *rest,
                                         opts_common *common, arena *a, int argc, char **argv,
                                         waage_err *err);
/* The lines of a help text, aligned; the common options last. */
void opts_put_help(strbuf *out, const opt *table);

/* Add a word to a list. False when memory is out. */
bool opts_list_add(opts_list *l, arena *a, const char *word);
/* The words of a list split at commas, blanks trimmed, empty pieces dropped. */
WAAGE_MUST_CHECK waage_status opts_split(opts_list *out, const opts_list *in, arena *a,
                                         waage_err *err);
/* Write the value of one option of the table from text, as the parser would. `what` names the
 * source in messages ("--seed", "run.yaml:7: seed"). */
WAAGE_MUST_CHECK waage_status opts_store(const opt *o, void *target, const char *text,
                                         const char *what, waage_err *err);

#endif
