/* request.c - names of the enumerations that appear in stores and reports. */
#include "harness/base/request.h"
#include "harness/base/outcome.h"
#include <stdio.h>
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

static const char *const effort_names[] = {"", "off", "low", "medium", "high"};

bool reasoning_from_text(reasoning *out, const char *text)
{
    const size_t n = strcspn(text, ":");
    reasoning r = {REASONING_DEFAULT, 0};
    for (size_t i = 1; i < COUNT(effort_names); i++)
        if (strlen(effort_names[i]) == n && strncmp(effort_names[i], text, n) == 0)
            r.effort = (reasoning_effort)i;
    const bool named = r.effort != REASONING_DEFAULT;
    if (named && text[n] == '\0') {
        *out = r;
        return true;
    }
    if (text[n] == ':' && (!named || r.effort == REASONING_OFF)) return false;
    const char *digits = named ? text + n + 1 : text;
    if (*digits == '\0') return false;
    for (const char *c = digits; *c; c++) {
        if (*c < '0' || *c > '9') return false;
        r.budget = r.budget * 10 + (uint32_t)(*c - '0');
        if (r.budget > REASONING_BUDGET_MAX) return false;
    }
    if (r.budget == 0 && named) return false;
    if (r.budget == 0) r.effort = REASONING_OFF;
    *out = r;
    return true;
}

void reasoning_print(char out[REASONING_TEXT], reasoning r)
{
    const char *name = effort_names[r.effort];
    if (r.budget == 0)
        snprintf(out, REASONING_TEXT, "%s", name);
    else
        snprintf(out, REASONING_TEXT, "%s%s%u", name, *name ? ":" : "", r.budget);
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
