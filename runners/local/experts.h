/* experts.h - mixture of experts. A token's router logits choose a few experts; the rows of all
 * tokens of a step are gathered expert by expert, so that an expert's weights are read once for
 * all of its tokens; then each token sums its experts' answers in the order of their ids. What a
 * token gets depends on nothing but its own row. docs/arithmetic.md, section "Experts". */
#ifndef RUNNERS_LOCAL_EXPERTS_H
#define RUNNERS_LOCAL_EXPERTS_H
#include "runners/local/blocks.h"
#include "runners/local/carver.h"

/* What a step needs for its experts; rows = tokens * n_used. Rows of one expert follow each other.
 */
typedef struct experts_step {
    float *logits;    /* (tokens, n_experts) of the router */
    uint32_t *ids;    /* (tokens, n_used), ascending */
    float *weights;   /* (tokens, n_used) */
    uint32_t *row;    /* (tokens, n_used): where the token's row for that expert lies */
    uint32_t *token;  /* (rows) whose row it is */
    uint32_t *expert; /* (rows) */
    uint8_t *bad;     /* (rows) not finite */
    uint32_t *first;  /* (n_experts + 1): expert e has rows first[e]..first[e + 1] - 1 */
    uint32_t *active; /* (n_active) experts that have rows */
    size_t n_active;
    float *x;       /* (rows, max(n_embd, n_ff of an expert)) */
    float *z;       /* (rows, max(2 n_ff, n_embd)) */
    kern_acts acts; /* of x */
    void *acts_storage;
} experts_step;

/* The n_used experts of one token, ids ascending, from its router logits (n_experts), which are
 * overwritten by the scores. bias (n_experts or NULL) is added to what chooses, not to what
 * weighs. */
void experts_choose(const model_params *p, float *logits, const float *bias, uint32_t *ids,
                    float *weights);
/* Route the tokens whose normed rows are quantised in s->acts, and gather their rows; h is free
 * for other uses then. */
void experts_route(step *s, const model_layer *l);
/* y = sum over the chosen experts of weight * down(act(gate, up)); with `add`, plus what y was (the
 * shared expert's answer). */
void experts_run(step *s, const model_layer *l, block_gate_fn act, bool add);
/* Take the buffers for max_tokens; nothing when the model has no experts. */
void experts_carve(experts_step *e, carver *c, const model_params *p, kern_grade grade,
                   size_t max_tokens);

#endif
