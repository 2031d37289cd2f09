/* rope.h - rotary position embeddings: how far each pair of elements turns from one position to the
 * next. Everything here is computed once, in double; docs/arithmetic.md section 5 has the bits.
 * Sources: Su et al. 2021 (rotation), Chen et al. 2023 (linear), Peng et al. 2023 (YaRN). */
#ifndef RUNNERS_LOCAL_ROPE_H
#define RUNNERS_LOCAL_ROPE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/err.h"

typedef enum {
    ROPE_PLAIN,  /* base^(-i/n) */
    ROPE_LINEAR, /* the same, divided by the factor */
    ROPE_YARN    /* fast pairs as they are, slow ones divided, a ramp between them */
} rope_kind;

typedef struct {
    rope_kind kind;
    double base;
    double factor;  /* linear, YaRN */
    double context; /* YaRN: positions that the model was trained on before it was stretched */
    double beta_fast, beta_slow; /* YaRN: turns within the context where the ramp begins and ends */
    bool exact_ramp;             /* YaRN: the ramp's ends are not rounded outwards to whole pairs */
    double scale;                /* sines and cosines are multiplied by it; 1 leaves them alone */
} rope_spec;

/* A table for the positions of one kind of layer. */
typedef struct {
    double *freq; /* (n_pairs) angle of a position, in radians; NULL: there is no such table */
    size_t n_pairs;
    double scale;
} rope;

/* The rotation that stretches nothing. */
rope_spec rope_spec_plain(double base);
/* What YaRN multiplies sines and cosines by where a model says nothing else: 1 + 0.1 ln(factor). */
double rope_yarn_scale(double factor);
/* Frequencies of n_pairs pairs, then divided by divisors (n_pairs) where they are given. Angles of
 * n_positions positions must stay where sine and cosine are exact (and where every machine converts
 * to an integer alike): WAAGE_EFORMAT for a hostile base or divisor; `name` begins the message. */
WAAGE_MUST_CHECK waage_status rope_make(rope *out, arena *a, const rope_spec *spec, size_t n_pairs,
                                        const float *divisors, size_t n_positions, const char *name,
                                        waage_err *err);
/* Cosines and sines of a position, (n_pairs) each. */
void rope_table(const rope *r, float *cos_out, float *sin_out, uint64_t pos);

#endif
