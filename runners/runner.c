/* runner.c - opening a model by its URI. */
#include "runners/runner.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

waage_status runner_open(runner **out, const char *uri, const runner_options *opt, waage_err *err)
{
    char known[512] = "";
    struct stat st;
    *out = NULL;
    for (const runner_ops *const *ops = runner_list; *ops; ops++) {
        if ((*ops)->accepts(uri)) return (*ops)->open(out, uri, opt, err);
        const size_t n = strlen(known);
        (void)snprintf(known + n, sizeof known - n, "%s%s", n > 0 ? "; " : "", (*ops)->help);
    }
    if (stat(uri, &st) == 0 && S_ISDIR(st.st_mode))
        return waage_err_set(err, WAAGE_ENOTFOUND, "%s is a directory; name a model file in it",
                             uri);
    return waage_err_set(err, WAAGE_ENOTFOUND, "no runner for model '%s'; known forms: %s", uri,
                         known);
}

void runner_close(runner *r)
{
    if (r) r->ops->close(r);
}
