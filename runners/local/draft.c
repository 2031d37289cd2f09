/* draft.c - prompt lookup, and when it pays. */
#include "runners/local/draft.h"

enum {
    LEAST_MATCH = 2,   /* tokens; behind one, anything may follow */
    ENOUGH_MATCH = 16, /* a longer match says no more */
    STEP_ROWS = 4, /* a step without rows costs as much as so many rows: measured, docs/engine.md */
    MEMORY = 8     /* guesses that trust is built on */
};

/* Tokens before `end` that are those at the end of the text. */
static size_t match_before(const int32_t *tokens, size_t n, size_t end)
{
    size_t k = 0;
    while (k < ENOUGH_MATCH && k < end && tokens[end - 1 - k] == tokens[n - 1 - k])
        k++;
    return k;
}

size_t draft_lookup(const int32_t *tokens, size_t n, int32_t *out, size_t max)
{
    size_t best = 0, longest = LEAST_MATCH - 1;
    for (size_t end = n - 1; end > 0 && longest < ENOUGH_MATCH; end--) {
        if (tokens[end - 1] != tokens[n - 1]) continue;
        const size_t k = match_before(tokens, n, end);
        if (k <= longest) continue;
        longest = k;
        best = end;
    }
    if (best == 0) return 0;
    for (size_t i = 0; i < max; i++) /* the match may reach into the end itself: a loop goes on */
        out[i] = tokens[best + i % (n - best)];
    return max;
}

void draft_learn(draft_trust *t, bool was_right)
{
    *t += ((was_right ? 1.0f : 0.0f) - *t) / MEMORY;
}

/* A guess saves a row of a later step and its share of the rest of it, if all before it are right
 * too. */
size_t draft_worth(draft_trust t, size_t n_rows, size_t max)
{
    const float cost = (float)n_rows / (float)(n_rows + STEP_ROWS);
    float right = 1;
    for (size_t k = 0; k < max; k++) {
        right *= t;
        if (right <= cost) return k;
    }
    return max;
}
