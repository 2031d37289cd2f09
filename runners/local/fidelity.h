/* fidelity.h - how far an activation grade and a key/value format lie from float32: two readings of
 * the same text, side by side. */
#ifndef RUNNERS_LOCAL_FIDELITY_H
#define RUNNERS_LOCAL_FIDELITY_H
#include "runners/local/probe.h"
#include "runners/runner.h"

/* opt->grade with keys and values as kv stores them is compared with f32 in both, over n tokens
 * (n >= 1, at most the context). kv must have room for n tokens. */
WAAGE_MUST_CHECK waage_status fidelity_measure(runner_fidelity *out, const forward_options *opt,
                                               kvcache *kv, const int32_t *tokens, size_t n,
                                               waage_err *err);
/* A text of our own to measure on, made up of sums and little stories: NUL-terminated, in `a`. */
char *fidelity_text(arena *a);

#endif
