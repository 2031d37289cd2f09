/* cmd_lint.c - `waage lint`: what is wrong with a task file before it costs a run. */
#include "harness/cmd.h"
#include "harness/base/log.h"
#include "tasks/task.h"
#include <stdio.h>

typedef struct {
    const char *data;
} lint_args;

static const opt lint_options[] = {
    {0, "data", OPT_TEXT, offsetof(lint_args, data), "DIR", "where data files are"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

static void print_finding(void *ctx, const char *finding)
{
    size_t *n = ctx;
    ++*n;
    puts(finding);
}

/* A suite that cannot even be loaded is a finding, not a reason to skip the other suites. */
static waage_status run_lint(const cmd_line *line, bool *no, waage_err *err)
{
    lint_args args = {NULL};
    opts_list rest = {0};
    size_t n = 0;
    WAAGE_TRY(cmd_parse(line, &args, &rest, err));
    const task_options how = {.data_dir = args.data, .num_fewshot = -1};
    for (size_t i = 0; i < rest.n; i++) {
        const waage_status st = task_lint(rest.items[i], &how, print_finding, &n, err);
        if (st == WAAGE_EFORMAT || st == WAAGE_EUNSUPPORTED)
            print_finding(&n, err->msg);
        else if (st != WAAGE_OK)
            return st;
    }
    log_info("%zu finding%s in %zu suite%s", n, n == 1 ? "" : "s", rest.n, rest.n == 1 ? "" : "s");
    *no = n > 0;
    return WAAGE_OK;
}

const command cmd_lint = {
    "lint",
    "SUITE... [--data DIR]",
    "Check task files: exit status 1 when something is found.",
    "One line per finding, with file and line. Checks that gold answers parse to themselves, that "
    "keys\n"
    "are known, that answers have a limit and stop strings cannot cut them, that shots are not "
    "test\n"
    "items, that data files are pinned by a checksum.",
    lint_options,
    1,
    64,
    run_lint,
};
