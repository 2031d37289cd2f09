/* forward.h - runs steps: buffers for a number of tokens, the graph of the model, and the head for
 * the rows whose logits somebody wants. Nothing is allocated after forward_create(). */
#ifndef RUNNERS_LOCAL_FORWARD_H
#define RUNNERS_LOCAL_FORWARD_H
#include "runners/local/blocks.h"

typedef struct forward forward; /* opaque */

typedef struct {
    const model *m; /* borrowed, like all of these */
    const kern_set *kern;
    kern_grade grade;
    pool *threads;
    const kvcache *kv;
    size_t max_tokens, max_slices; /* of one step */
    size_t max_pages;              /* of one sequence */
} forward_options;

WAAGE_MUST_CHECK waage_status forward_create(forward **out, const forward_options *opt,
                                             waage_err *err);
void forward_free(forward *f); /* NULL is fine */

/* One wanted row: logits (n_vocab), finite, valid during the call. Called from the pool's threads,
 * each row once; slice and pos say which. thread indexes per-thread scratch of the receiver. */
typedef void (*forward_row)(void *ctx, size_t slice, size_t pos, const float *logits,
                            size_t thread);

/* Compute the slices (at most max_slices with at most max_tokens tokens together; ids in range):
 * their keys and values go into their pages, wanted rows to fn. A token that met a value
 * that is not finite ends the good part of its slice (n_good): rows of tokens behind that are to be
 * thrown away. */
void forward_run(forward *f, step_slice *slices, size_t n_slices, forward_row fn, void *ctx);

#endif
