/* cmd.h - the subcommands: one file cmd_NAME.c each, joined by the table in cmd_table.c.
 * A command parses its own options by its table, does its work, and returns a status; data goes to
 * stdout, messages to stderr through log.h. */
#ifndef HARNESS_CMD_H
#define HARNESS_CMD_H
#include <stdbool.h>
#include "harness/opts.h"

#define WAAGE_VERSION "0.1.0"

typedef struct command command;

typedef struct {
    const command *self;
    int argc; /* the words behind the command's name */
    char **argv;
    arena *a;            /* lives as long as the command */
    const char *as_text; /* the whole command line, quoted for a shell */
} cmd_line;

struct command {
    const char *name;
    const char *args;          /* "-m MODEL... -s SUITE... -o DIR" */
    const char *summary;       /* one line for `waage --help` */
    const char *details;       /* paragraphs for `waage NAME --help`, or NULL */
    const opt *options;        /* ends with a NULL name; may be NULL */
    size_t min_args, max_args; /* positional words */
    /* *no = true: the work was done and the answer is no (lint findings): exit status 1. */
    waage_status (*run)(const cmd_line *line, bool *no, waage_err *err);
};

extern const command *const cmd_table[]; /* sorted by name, NULL-terminated */

/* Parse the command's options into target; checks the number of positional words. */
WAAGE_MUST_CHECK waage_status cmd_parse(const cmd_line *line, void *target, opts_list *rest,
                                        waage_err *err);
/* Find and run the command of argv[1]; the exit status of the process. Nothing else calls exit. */
int cmd_main(int argc, char **argv);

extern const command cmd_bench, cmd_digest, cmd_export, cmd_generate, cmd_lint, cmd_list,
    cmd_render, cmd_report, cmd_run, cmd_serve, cmd_show, cmd_tokenize;

#endif
