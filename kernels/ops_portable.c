/* ops_portable.c - the reference for everything but matrix products: norms, activations, attention,
 * log-sum-exp tiles. */
#include <math.h>
#include <string.h>
#include "kernels/fmath.h"
#include "kernels/sets.h"

enum { LANES = 16 };

/* Halves 16, 8, 4, 2, 1. */
static float lanes_sum(float lane[LANES])
{
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t l = 0; l < width; l++)
            lane[l] += lane[l + width];
    return lane[0];
}

void kern_rmsnorm_portable(float *out, const float *x, const float *w, size_t n, float eps)
{
    float lane[LANES] = {0};
    for (size_t i = 0; i < n; i++)
        lane[i % LANES] = fmaf(x[i], x[i], lane[i % LANES]);
    const float inverse = 1.0f / sqrtf(lanes_sum(lane) / (float)n + eps);
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * inverse * w[i];
}

void kern_layernorm_portable(float *out, const float *x, const float *w, const float *b, size_t n,
                             float eps)
{
    float lane[LANES] = {0};
    for (size_t i = 0; i < n; i++)
        lane[i % LANES] += x[i];
    const float mean = lanes_sum(lane) / (float)n;
    memset(lane, 0, sizeof lane);
    for (size_t i = 0; i < n; i++)
        lane[i % LANES] = fmaf(x[i] - mean, x[i] - mean, lane[i % LANES]);
    const float inverse = 1.0f / sqrtf(lanes_sum(lane) / (float)n + eps);
    for (size_t i = 0; i < n; i++)
        out[i] = fmaf((x[i] - mean) * inverse, w[i], b[i]);
}

void kern_silu_mul_portable(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fmath_silu(gate[i]) * up[i];
}

void kern_gelu_mul_portable(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fmath_gelu(gate[i]) * up[i];
}

void kern_gelu_portable(float *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fmath_gelu(x[i]);
}

void kern_swiglu_clamped_portable(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fmath_swiglu_clamped(gate[i], up[i]);
}

void kern_add_portable(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
}

void kern_add_scaled_portable(float *y, const float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = fmaf(a, x[i], y[i]);
}

/* ---- Attention ---------------------------------------------------------------------------- */

/* Running state of one query's softmax. */
typedef struct {
    float max, sum;
} softmax_state;

/* scores[j] = q . K[j] for positions j0 <= j < j1 of a page; one chain each, upwards. */
static void page_scores(float scores[KERN_ATTN_BLOCK], const float *q, const float *k_page,
                        size_t head_dim, size_t j0, size_t j1)
{
    memset(scores, 0, KERN_ATTN_BLOCK * sizeof scores[0]);
    for (size_t d = 0; d < head_dim; d++)
        for (size_t j = j0; j < j1; j++)
            scores[j] = fmaf(q[d], k_page[d * KERN_ATTN_BLOCK + j], scores[j]);
}

/* Turn a block's scores into weights exp(score - running maximum); returns the factor by which what
 * was gathered before must shrink. Masked positions add nothing. */
static float softmax_block(softmax_state *state, float scores[KERN_ATTN_BLOCK], size_t j0,
                           size_t j1)
{
    float max = state->max, lane[LANES] = {0};
    for (size_t j = j0; j < j1; j++)
        max = scores[j] > max ? scores[j] : max;
    const float shrink = fmath_exp(state->max - max);
    for (size_t j = j0; j < j1; j++) {
        scores[j] = fmath_exp(scores[j] - max);
        lane[j % LANES] += scores[j];
    }
    state->max = max;
    state->sum = fmaf(state->sum, shrink, lanes_sum(lane));
    return shrink;
}

static void gather_values(float *out, const float *weights, float shrink, const float *v_page,
                          size_t head_dim, size_t j0, size_t j1)
{
    for (size_t d = 0; d < head_dim; d++)
        out[d] *= shrink;
    for (size_t j = j0; j < j1; j++)
        for (size_t d = 0; d < head_dim; d++)
            out[d] = fmaf(weights[j], v_page[j * head_dim + d], out[d]);
}

static void attend(const kern_attn *job, size_t query)
{
    const float *q = job->q + query * job->head_dim;
    float *out = job->out + query * job->head_dim;
    softmax_state state = {-INFINITY, 0.0f};
    float scores[KERN_ATTN_BLOCK];
    memset(out, 0, job->head_dim * sizeof *out);
    for (size_t pos = job->pos_from; pos < job->pos_to;) {
        const size_t page = pos / KERN_ATTN_BLOCK, first = page * KERN_ATTN_BLOCK;
        const size_t left = job->pos_to - first;
        const size_t j0 = pos - first, j1 = left < KERN_ATTN_BLOCK ? left : KERN_ATTN_BLOCK;
        page_scores(scores, q, job->k_pages[page], job->head_dim, j0, j1);
        const float shrink = softmax_block(&state, scores, j0, j1);
        gather_values(out, scores, shrink, job->v_pages[page], job->head_dim, j0, j1);
        pos = first + j1;
    }
    for (size_t d = 0; d < job->head_dim; d++)
        out[d] /= state.sum;
}

void kern_attention_portable(const kern_attn *job)
{
    for (size_t query = 0; query < job->n_queries; query++)
        attend(job, query);
}

/* ---- Vocabulary --------------------------------------------------------------------------- */

void kern_lse_tile_portable(const float *x, size_t n, float *m, float *sum)
{
    float max = -INFINITY, lane[LANES] = {0};
    for (size_t i = 0; i < n; i++)
        max = x[i] > max ? x[i] : max;
    for (size_t i = 0; i < n; i++)
        lane[i % LANES] += fmath_exp(x[i] - max);
    *m = max + 0.0f; /* -0 becomes 0 */
    *sum = lanes_sum(lane);
}

size_t kern_argmax_portable(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}
