/* sampler.c - temperature, top-k, top-p, min-p, in this order, over candidates sorted by (logit
 * descending, id ascending); p_i = exp((logit_i - max) / T), sums in double in that order. */
#include "runners/local/sampler.h"
#include <stdlib.h>
#include <string.h>
#include "kernels/fmath.h"

enum { RADIX_BITS = 11, RADIX = 1 << RADIX_BITS };

waage_status sampler_create(sampler *s, size_t n_vocab, waage_err *err)
{
    s->n_vocab = n_vocab;
    s->a = calloc(n_vocab, sizeof *s->a);
    s->b = calloc(n_vocab, sizeof *s->b);
    if (s->a && s->b) return WAAGE_OK;
    sampler_free(s);
    return waage_err_nomem(err);
}

void sampler_free(sampler *s)
{
    free(s->a);
    free(s->b);
    *s = (sampler){NULL, NULL, 0};
}

/* Unsigned keys that ascend while finite floats descend; -0 and +0 are one value. */
static uint32_t descending_key(float x)
{
    uint32_t u;
    if (x == 0.0f) x = 0.0f;
    memcpy(&u, &x, sizeof u);
    return u & 0x80000000u ? u : ~u & 0x7FFFFFFFu;
}

/* Stable radix sort; ids ascend in the input, so they ascend among equal logits. The result is in
 * s->a again. */
static void sort_candidates(sampler *s, size_t n)
{
    uint32_t count[RADIX];
    for (unsigned shift = 0; shift < 32; shift += RADIX_BITS) {
        memset(count, 0, sizeof count);
        for (size_t i = 0; i < n; i++)
            count[descending_key(s->a[i].logit) >> shift & (RADIX - 1)]++;
        for (uint32_t i = 0, at = 0; i < RADIX; i++) {
            const uint32_t c = count[i];
            count[i] = at;
            at += c;
        }
        for (size_t i = 0; i < n; i++)
            s->b[count[descending_key(s->a[i].logit) >> shift & (RADIX - 1)]++] = s->a[i];
        sampler_candidate *swap = s->a;
        s->a = s->b;
        s->b = swap;
    }
}

/* Candidates in order of id; those whose probability is exactly 0 are left out. */
static size_t collect(sampler *s, const float *logits, float max, double temperature)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_vocab; i++) {
        const float p = fmath_exp((float)(((double)logits[i] - (double)max) / temperature));
        if (p > 0.0f) s->a[n++] = (sampler_candidate){logits[i], p, (uint32_t)i};
    }
    return n;
}

static double sum_of(const sampler_candidate *c, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)c[i].p;
    return sum;
}

/* The shortest beginning whose share of the sum reaches top_p. */
static size_t cut_top_p(const sampler_candidate *c, size_t n, double top_p)
{
    const double goal = top_p * sum_of(c, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)c[i].p;
        if (sum >= goal) return i + 1;
    }
    return n;
}

static size_t cut_min_p(const sampler_candidate *c, size_t n, double min_p)
{
    const double least = min_p * (double)c[0].p;
    size_t kept = 1;
    while (kept < n && (double)c[kept].p >= least)
        kept++;
    return kept;
}

int32_t sampler_pick(sampler *s, const kern_set *kern, const float *logits, const sampling *how,
                     double u)
{
    const size_t best = kern->argmax(logits, s->n_vocab);
    if (!(how->temperature > 0.0) || how->top_k == 1) return (int32_t)best;
    size_t n = collect(s, logits, logits[best], how->temperature);
    sort_candidates(s, n);
    if (how->top_k > 0 && (size_t)how->top_k < n) n = (size_t)how->top_k;
    if (how->top_p < 1.0) n = cut_top_p(s->a, n, how->top_p);
    if (how->min_p > 0.0) n = cut_min_p(s->a, n, how->min_p);
    const double goal = u * sum_of(s->a, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)s->a[i].p;
        if (sum > goal) return (int32_t)s->a[i].id;
    }
    return (int32_t)s->a[n - 1].id;
}
