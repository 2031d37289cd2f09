/* products.h - how fast the kernels multiply by each weight format of a model, without the rest of
 * the engine, and how fast they could if no weight came from further than the nearest cache. */
#ifndef RUNNERS_LOCAL_PRODUCTS_H
#define RUNNERS_LOCAL_PRODUCTS_H
#include "runners/local/model.h"
#include "runners/runner.h"

/* As runner_ops.products. On the calling thread; seconds for each format. */
WAAGE_MUST_CHECK waage_status products_measure(runner_product out[RUNNER_PRODUCTS], size_t *n,
                                               const model *m, const kern_set *kern,
                                               kern_grade grade, waage_err *err);

#endif
