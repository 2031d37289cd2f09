/* outcome.h - how an item ended (DESIGN: outcomes, not just right and wrong).
 * Exactly one each, the first that matches in this order. Credit is separate. */
#ifndef BASE_OUTCOME_H
#define BASE_OUTCOME_H
#include <stdbool.h>

typedef enum {
    OUTCOME_ERROR,       /* transport, engine fault: retried, leaves the denominator */
    OUTCOME_UNSUPPORTED, /* protocol or context length: leaves the denominator */
    OUTCOME_BLOCKED,     /* the provider's filter: leaves the denominator */
    OUTCOME_TRUNCATED,   /* limit hit and no answer extracted */
    OUTCOME_EMPTY,
    OUTCOME_DEGENERATE, /* a loop, or the prompt copied */
    OUTCOME_REFUSED,
    OUTCOME_EVADED,
    OUTCOME_UNPARSEABLE,
    OUTCOME_ANSWERED,
    OUTCOME_COUNT
} outcome;

const char *outcome_name(outcome o); /* "error", ..., "answered" */
bool outcome_from_name(outcome *out, const char *name);
bool outcome_counts(outcome o); /* false for those that leave the denominator */
#endif
