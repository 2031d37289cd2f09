/* attn_portable.c - the reference for attention (docs/arithmetic.md, section 6): one query at a
 * time, one block of 64 positions after the other. */
#include <math.h>
#include <string.h>
#include "kernels/fmath.h"
#include "kernels/kv.h"
#include "kernels/lanes.h"
#include "kernels/sets.h"

/* Running state of one query's softmax. */
typedef struct {
    float max, sum;
} softmax_state;

/* scores[j] = q . K[j] for the visible positions of a block; one chain each, upwards. */
static void block_scores(float scores[KERN_ATTN_BLOCK], const float *q, kern_kv_shape s,
                         const kv_view *v, kv_range seen)
{
    memset(scores, 0, KERN_ATTN_BLOCK * sizeof scores[0]);
    for (size_t d = 0; d < s.key_dim; d++)
        for (size_t j = seen.j0; j < seen.j1; j++)
            scores[j] =
                fmaf(q[d], kv_element(s.format, v->keys, d * KERN_ATTN_BLOCK + j), scores[j]);
    if (!v->key_scales) return;
    for (size_t j = seen.j0; j < seen.j1; j++)
        scores[j] *= v->key_scales[j];
}

/* Turn a block's scores into weights exp(score - running maximum); returns the factor by which what
 * was gathered before must shrink. Masked positions add nothing. */
static float softmax_block(softmax_state *state, float scores[KERN_ATTN_BLOCK], kv_range seen)
{
    float max = state->max, lane[LANES] = {0};
    for (size_t j = seen.j0; j < seen.j1; j++)
        max = scores[j] > max ? scores[j] : max;
    const float shrink = fmath_exp(state->max - max);
    for (size_t j = seen.j0; j < seen.j1; j++) {
        scores[j] = fmath_exp(scores[j] - max);
        lane[j % LANES] += scores[j];
    }
    state->max = max;
    state->sum = fmaf(state->sum, shrink, lanes_sum(lane));
    return shrink;
}

static void gather_values(float *out, const float *weights, float shrink, kern_kv_shape s,
                          const kv_view *v, kv_range seen)
{
    for (size_t d = 0; d < s.value_dim; d++)
        out[d] *= shrink;
    for (size_t j = seen.j0; j < seen.j1; j++) {
        const float weight = v->value_scales ? weights[j] * v->value_scales[j] : weights[j];
        for (size_t d = 0; d < s.value_dim; d++)
            out[d] = fmaf(weight, kv_element(s.format, v->values, j * s.value_dim + d), out[d]);
    }
}

static void attend(const kern_attn *job, size_t token, size_t head)
{
    const kern_kv_shape s = job->kv;
    const float *q = job->q + token * job->ldq + head * s.key_dim;
    float *out = job->out + token * job->ldo + head * s.value_dim;
    softmax_state state = {-INFINITY, 0.0f};
    float scores[KERN_ATTN_BLOCK];
    if (job->sinks) state = (softmax_state){job->sinks[head], 1.0f};
    memset(out, 0, s.value_dim * sizeof *out);
    for (size_t b = kv_first_seen(job, token) / KERN_ATTN_BLOCK;
         b <= (job->pos + token) / KERN_ATTN_BLOCK; b++) {
        const kv_view v = kv_view_of(s, job->blocks[b]);
        const kv_range seen = kv_seen(job, token, b);
        block_scores(scores, q, s, &v, seen);
        const float shrink = softmax_block(&state, scores, seen);
        gather_values(out, scores, shrink, s, &v, seen);
    }
    for (size_t d = 0; d < s.value_dim; d++)
        out[d] /= state.sum;
}

void kern_attention_portable(const kern_attn *job)
{
    for (size_t token = 0; token < job->n_tokens; token++)
        for (size_t head = 0; head < job->n_heads; head++)
            attend(job, token, head);
}
