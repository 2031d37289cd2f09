/* sampler.h - the next token from a row of logits. A pure function of the row, the settings and
 * (seed, item, sample, position): docs/arithmetic.md, "Sampling". */
#ifndef RUNNERS_LOCAL_SAMPLER_H
#define RUNNERS_LOCAL_SAMPLER_H
#include <stddef.h>
#include <stdint.h>
#include "harness/base/err.h"
#include "harness/base/request.h"
#include "kernels/kernels.h"

typedef struct {
    float logit, p;
    uint32_t id;
} sampler_candidate;

typedef struct {              /* scratch of one thread */
    sampler_candidate *a, *b; /* (n_vocab) each */
    size_t n_vocab;
} sampler;

WAAGE_MUST_CHECK waage_status sampler_create(sampler *s, size_t n_vocab, waage_err *err);
void sampler_free(sampler *s);

/* u: the random number of this position, 53 bits in [0, 1); unused when greedy (temperature <= 0).
 * Logits must be finite. */
int32_t sampler_pick(sampler *s, const kern_set *kern, const float *logits, const sampling *how,
                     double u);

#endif
