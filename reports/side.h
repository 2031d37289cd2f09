/* side.h - open and closed models side by side: what each took, who may have filtered it, how each
 * suite was put to it, and what its thinking brought. Timings come from a table that no digest
 * covers; everything else follows from the answers. */
#ifndef REPORTS_SIDE_H
#define REPORTS_SIDE_H
#include "reports/view.h"

typedef struct {      /* one model over all suites */
    size_t n_answers; /* replies, turns apart, that are neither error nor unsupported */
    uint64_t prompt, completion, thought; /* tokens; thought is part of completion */
    bool has_tokens;                      /* somebody counted them */
    bool has_thought;                     /* false: thoughts came whose tokens nobody counted */
    bool has_cost;                        /* known for every answer with tokens */
    double cost;                          /* US dollars, of errors too */
    double n_right;       /* summed credit of suites with right answers; negative: none */
    double cost_of_right; /* of these suites alone */
    size_t n_timed;       /* replies with a time; 0: the next two say nothing */
    double median, p95;   /* seconds from request to reply */
    size_t n_blocked;     /* stopped by a filter */
    double joules;        /* of the processor for an item; 0: not measured */
    const char *layer;    /* where a filter may have been, in words */
} side_model;

/* (d->n_models). WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status side_make(const side_model **out, const view *v);

/* How a row was put to a model: "log-likelihood; ...". NULL: no memory. */
const char *side_protocol(const view *v, size_t row, size_t model);

typedef struct { /* a model on a suite with right answers */
    size_t row, model;
    size_t n;                   /* replies that no filter stopped */
    double thought, completion; /* tokens for one reply */
    bool has_thought;           /* as above */
    const analysis_mean *score;
    bool has_cost;
    double cost_per_right; /* US dollars; 0 where nothing is right */
} side_point;

/* Where any model thought: all models of those rows, by row, then by model. */
WAAGE_MUST_CHECK waage_status side_thinking(const side_point **out, size_t *n, const view *v);

#endif
