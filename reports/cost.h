/* cost.h - what models behind APIs took: tokens and money by model and row of the report. */
#ifndef REPORTS_COST_H
#define REPORTS_COST_H
#include "reports/view.h"

typedef struct {
    size_t model, row;                    /* of the view */
    size_t n_items;                       /* answers */
    uint64_t prompt, completion, thought; /* tokens; thought is part of completion */
    bool has_cost;                        /* cost is known for every answer with tokens */
    double cost;                          /* US dollars */
    double n_right; /* summed credit; negative: this suite has no right answers */
} cost_line;

/* One line for each model and row that took tokens of a model of kind "http", and last one for each
 * such model over all rows (row SIZE_MAX). *n 0: there is none. */
WAAGE_MUST_CHECK waage_status cost_make(const cost_line **out, size_t *n, const view *v);
/* "$0.0123" with four significant digits at least. */
void cost_put_money(strbuf *out, double dollars);
/* The price that a model was reckoned with, "$2 in, $8 out (2026-06-01)"; nothing if unknown. */
void cost_put_price(strbuf *out, const view *v, size_t model);
#endif
