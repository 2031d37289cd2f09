/* model_facts.h - what the store keeps of a model: the runner's facts, what is published of it,
 * what RUN.yaml says, how it was told to think. */
#ifndef HARNESS_MODEL_FACTS_H
#define HARNESS_MODEL_FACTS_H
#include "harness/runfile.h"
#include "harness/store.h"
#include "runners/runner.h"

/* Strings are copied into `a`: those of the runner die with it. think: --reasoning, or NULL. */
WAAGE_MUST_CHECK waage_status model_facts_describe(store_model *out, arena *a,
                                                   const runner_info *info, const runfile_model *m,
                                                   const char *think, waage_err *err);
#endif
