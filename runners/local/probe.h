/* probe.h - the logits of one text, position by position, outside of the scheduler: for golden
 * tests and for the distance between grades. */
#ifndef RUNNERS_LOCAL_PROBE_H
#define RUNNERS_LOCAL_PROBE_H
#include "runners/local/forward.h"

typedef struct probe probe; /* opaque: one sequence that is being read */

/* For a text of n_tokens (model_is_long() may ask). opt as for forward_create(); max_slices and
 * max_pages are set by the probe. kv is written to. */
WAAGE_MUST_CHECK waage_status probe_create(probe **out, const forward_options *opt, kvcache *kv,
                                           size_t n_tokens, waage_err *err);
void probe_free(probe *p); /* gives the pages back; NULL is fine */
/* Read n more tokens, at most opt->max_tokens; positions from want_from on go to fn (slice is 0).
 * WAAGE_EFAIL: no memory for keys and values left, or a value is not finite. */
WAAGE_MUST_CHECK waage_status probe_read(probe *p, const int32_t *tokens, size_t n,
                                         size_t want_from, forward_row fn, void *ctx,
                                         waage_err *err);

#endif
