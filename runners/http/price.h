/* price.h - what tokens cost: the table of prices.yaml, which is compiled in. */
#ifndef RUNNERS_HTTP_PRICE_H
#define RUNNERS_HTTP_PRICE_H
#include "harness/base/arena.h"
#include "harness/base/request.h"
#include "runners/runner.h"

extern const unsigned char price_embed[]; /* prices.yaml and a zero byte */

/* The price of a service's model in the table; a date behind the model's name ("-2025-04-14",
 * "-20250514", "-latest") does not matter. *out NULL: not in the table. WAAGE_EFORMAT: the table is
 * not what it should be. */
WAAGE_MUST_CHECK waage_status price_find(const runner_price **out, const char *service,
                                         const char *model, arena *a, waage_err *err);
/* Dollars for these tokens; cached ones are part of the prompt's. */
double price_of(const runner_price *p, uint32_t prompt, uint32_t cached, uint32_t completion);
#endif
