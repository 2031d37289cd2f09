/* request.c - names of the enumerations that appear in stores and reports. */
#include "harness/base/request.h"
#include "harness/base/outcome.h"
#include <string.h>

static const char *const protocol_names[] = {"completion", "chat"};
static const char *const finish_names[] = {"stop",   "length",      "scored",
                                           "filter", "unsupported", "error"};
static const char *const thought_names[] = {"absent", "empty", "present"};
static const char *const outcome_names[] = {"error",       "unsupported", "blocked", "truncated",
                                            "empty",       "degenerate",  "refused", "evaded",
                                            "unparseable", "answered"};
_Static_assert(sizeof outcome_names / sizeof *outcome_names == OUTCOME_COUNT, "one name each");

static int find_name(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return (int)i;
    return -1;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *protocol_name(protocol p)
{
    return protocol_names[p];
}

bool protocol_from_name(protocol *out, const char *name)
{
    const int i = find_name(protocol_names, COUNT(protocol_names), name);
    if (i >= 0) *out = (protocol)i;
    return i >= 0;
}

const char *finish_name(finish_reason f)
{
    return finish_names[f];
}

bool finish_from_name(finish_reason *out, const char *name)
{
    const int i = find_name(finish_names, COUNT(finish_names), name);
    if (i >= 0) *out = (finish_reason)i;
    return i >= 0;
}

const char *thought_name(thought_state s)
{
    return thought_names[s];
}

const char *outcome_name(outcome o)
{
    return outcome_names[o];
}

bool outcome_from_name(outcome *out, const char *name)
{
    const int i = find_name(outcome_names, OUTCOME_COUNT, name);
    if (i >= 0) *out = (outcome)i;
    return i >= 0;
}

bool outcome_counts(outcome o)
{
    return o != OUTCOME_ERROR && o != OUTCOME_UNSUPPORTED && o != OUTCOME_BLOCKED;
}
