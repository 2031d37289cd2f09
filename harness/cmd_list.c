/* cmd_list.c - the table of subcommands. */
#include "harness/cmd.h"

const command *const cmd_list[] = {
    &cmd_digest,
    NULL,
};
