/* cmd_table.c - the table of subcommands. */
#include "harness/cmd.h"

const command *const cmd_table[] = {
    &cmd_bench,  &cmd_digest, &cmd_export, &cmd_generate, &cmd_lint,     &cmd_list, &cmd_render,
    &cmd_report, &cmd_run,    &cmd_serve,  &cmd_show,     &cmd_tokenize, NULL,
};
