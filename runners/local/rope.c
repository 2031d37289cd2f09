/* rope.c - frequencies of the rotary embedding. */
#include "runners/local/rope.h"
#include <math.h>
#include "kernels/fmath.h"
#include "kernels/kernels.h"

static const double two_pi = 6.283185307179586;

rope_spec rope_spec_plain(double base)
{
    return (rope_spec){.kind = ROPE_PLAIN,
                       .base = base,
                       .factor = 1.0,
                       .beta_fast = 32.0,
                       .beta_slow = 1.0,
                       .scale = 1.0};
}

double rope_yarn_scale(double factor)
{
    return 1.0 + 0.1 * fmath_log_d(factor);
}

/* The pair, counted from 0 and not whole, that turns `turns` times within the trained context. */
static double pair_of_turns(const rope_spec *s, double n_rot, double turns)
{
    return n_rot * fmath_log_d(s->context / (turns * two_pi)) / (2.0 * fmath_log_d(s->base));
}

/* Where the ramp begins and ends. The upper bound counts elements, not pairs, as the reference does
 * it: a ramp may end behind the last pair. */
static void ramp_of(const rope_spec *s, size_t n_pairs, double *low, double *high)
{
    const double n_rot = 2.0 * (double)n_pairs;
    *low = pair_of_turns(s, n_rot, s->beta_fast);
    *high = pair_of_turns(s, n_rot, s->beta_slow);
    if (!s->exact_ramp) {
        *low = floor(*low);
        *high = ceil(*high);
    }
    if (*low < 0.0) *low = 0.0;
    if (*high > n_rot - 1.0) *high = n_rot - 1.0;
    if (*low == *high) *high += 0.001;
}

static void fill(double *freq, const rope_spec *s, size_t n)
{
    double low = 0.0, high = 1.0;
    if (s->kind == ROPE_YARN) ramp_of(s, n, &low, &high);
    for (size_t i = 0; i < n; i++) {
        const double f = fmath_pow_d(s->base, -(double)i / (double)n);
        if (s->kind == ROPE_PLAIN) {
            freq[i] = f;
        } else if (s->kind == ROPE_LINEAR) {
            freq[i] = f / s->factor;
        } else {
            double slow = ((double)i - low) / (high - low);
            slow = slow < 0.0 ? 0.0 : slow > 1.0 ? 1.0 : slow;
            freq[i] = f / s->factor * slow + f * (1.0 - slow);
        }
    }
}

waage_status rope_make(rope *out, arena *a, const rope_spec *spec, size_t n_pairs,
                       const float *divisors, size_t n_positions, const char *name, waage_err *err)
{
    *out = (rope){arena_alloc(a, (n_pairs + 1) * sizeof(double)), n_pairs, spec->scale};
    if (!out->freq) return waage_err_nomem(err);
    fill(out->freq, spec, n_pairs);
    for (size_t i = 0; i < n_pairs; i++) {
        if (divisors) out->freq[i] /= (double)divisors[i];
        if (!(out->freq[i] >= 0.0 && out->freq[i] * (double)n_positions < 0x1p30))
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s: the rotary embedding turns pair %zu by %g a position, which "
                                 "is impossible for %zu positions",
                                 name, i, out->freq[i], n_positions);
    }
    return WAAGE_OK;
}

void rope_table(const rope *r, float *cos_out, float *sin_out, uint64_t pos)
{
    kern_rope_table(cos_out, sin_out, r->freq, r->n_pairs, pos, r->scale);
}
