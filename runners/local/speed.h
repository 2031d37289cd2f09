/* speed.h - how fast a model runs here, measured on the scheduler with tokens of its own making (no
 * tokenizer, no end-of-text token in the way), and what the machine could do at best. */
#ifndef RUNNERS_LOCAL_SPEED_H
#define RUNNERS_LOCAL_SPEED_H
#include "runners/local/batch.h"
#include "runners/runner.h"

/* opt's slots must hold load->n_seqs sequences; its hooks are replaced. `salt` differs from call to
 * call, so that nothing is found in pages of an earlier one. */
WAAGE_MUST_CHECK waage_status speed_measure(runner_speed *out, const batch_options *opt,
                                            const runner_load *load, uint32_t salt, waage_err *err);
/* What a token of m costs, and the ceilings of this machine with these kernels and threads. Takes
 * about a second. */
WAAGE_MUST_CHECK waage_status speed_limits(runner_limits *out, const model *m, const kern_set *kern,
                                           kern_grade grade, pool *threads, waage_err *err);

#endif
