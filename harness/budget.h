/* budget.h - money and tokens that a run may spend on models behind APIs. A request reserves what
 * it could cost at most before it is sent, so that answers under way never break the bound (as far
 * as price and limits hold: prompts are counted in bytes, thinking without a limit is not
 * foreseen). */
#ifndef HARNESS_BUDGET_H
#define HARNESS_BUDGET_H
#include "runners/runner.h"

typedef struct {
    double money;    /* US dollars; 0: no bound */
    uint64_t tokens; /* 0: no bound */
    double spent, reserved;
    uint64_t used, held; /* tokens: of answers that came; of requests under way */
} budget;

typedef struct { /* what one request may take */
    double money;
    uint64_t tokens;
} budget_share;

bool budget_is_set(const budget *b); /* NULL is fine: false */
/* The most that a request to this model may take; without a price: no money. */
budget_share budget_estimate(const request *rq, const runner *r);
/* Reserve a share; false: it does not fit. */
bool budget_take(budget *b, budget_share s);
/* The reply is there: its true cost takes the place of the share. */
void budget_settle(budget *b, budget_share s, const reply *rp);
#endif
