/* stats.h - the statistics that a report may use (docs/statistics.md has sources and reasons).
 * Pure functions; random ones take a seed and draw from the counter-based generator of rng.h, so
 * the same input gives the same bits on every machine. Intervals are two-sided 95 %.
 * tests/golden/stats.tsv holds what scipy and statsmodels say about the same cases. */
#ifndef HARNESS_STATS_H
#define HARNESS_STATS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/err.h"

#define STATS_Z95 1.959963984540054 /* normal quantile of 0.975 */

enum {
    STATS_FLIPS = 100000,      /* random sign flips beyond STATS_EXACT_CLUSTERS */
    STATS_RESAMPLES = 10000,   /* bootstrap */
    STATS_EXACT_CLUSTERS = 20, /* up to here all 2^n sign patterns are enumerated */
    STATS_MIN_CLUSTERS = 20    /* fewer clusters carry no verdict */
};

typedef struct {
    double lo, hi;
} stats_interval;

/* Normal quantile (Wichura 1988, AS 241), relative error below 1e-15; p in (0, 1). */
double stats_normal_quantile(double p);

/* Wilson score interval of `sum` successes in n trials; n = 0 gives [0, 1]. `sum` may be fractional
 * (a mean of credits in 0..1 varies less than a binary one of the same mean: the interval is then
 * too wide, never too narrow). */
stats_interval stats_wilson(double sum, double n);

/* Two-sided exact McNemar test: b and c are the two kinds of discordant pairs; b = c = 0 gives 1.
 */
double stats_mcnemar_exact(uint64_t b, uint64_t c);

typedef struct { /* pairs by (first right, second right) */
    uint64_t both, only_a, only_b, neither;
} stats_table2;

/* Difference of paired proportions, first minus second: Newcombe (1998b), method 10, Wilson limits
 * with the continuity-corrected phi. n = 0 gives [-1, 1]. */
stats_interval stats_newcombe_paired(const stats_table2 *t);

/* Difference of independent proportions x1/n1 - x2/n2: Newcombe (1998a), method 10 without
 * correction. */
stats_interval stats_newcombe_unpaired(double x1, double n1, double x2, double n2);

/* Sums over a cluster of items that are not independent of each other. */
typedef struct {
    double sum; /* of the differences (or credits) of the cluster's items */
    double n;   /* its items */
} stats_cluster;

/* Two-sided sign-flip permutation test of "the sum over clusters is 0". Exact while at most
 * STATS_EXACT_CLUSTERS clusters have a sum other than 0, else STATS_FLIPS random patterns with
 * p = (1 + hits) / (1 + flips). |sum| must stay below 2^20. */
double stats_sign_flip(const stats_cluster *c, size_t n, uint64_t seed);

/* Percentile bootstrap of sum/n over clusters. Where the resamples have no width (every cluster at
 * the same extreme) the caller must fall back on a closed form; *degenerate says so. WAAGE_ENOMEM.
 */
WAAGE_MUST_CHECK waage_status stats_bootstrap(stats_interval *out, bool *degenerate,
                                              const stats_cluster *c, size_t n, uint64_t seed,
                                              waage_err *err);
/* The same for the difference a - b of two shares that share clusters: a[i] and b[i] are what the
 * two sides have in cluster i, n = 0 where one has nothing there. */
WAAGE_MUST_CHECK waage_status stats_bootstrap_difference(stats_interval *out, bool *degenerate,
                                                         const stats_cluster *a,
                                                         const stats_cluster *b, size_t n,
                                                         uint64_t seed, waage_err *err);
/* Quantile q in 0..1 of n >= 1 ascending numbers, linear between order statistics (type 7). */
double stats_quantile(const double *sorted, size_t n, double q);
void stats_sort(double *x, size_t n); /* ascending; no NaN */

/* Standard error of sum/n over clusters (ratio estimator, n/(n-1) correction); 0 below two
 * clusters. */
double stats_cluster_se(const stats_cluster *c, size_t n);

/* Holm's step-down adjustment; adjusted may be p itself. WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status stats_holm(double *adjusted, const double *p, size_t n,
                                         waage_err *err);

/* Smallest true difference that n pairs with this share of discordant pairs show with 80 % power at
 * two-sided level alpha (Connor 1987); the discordance is taken to be at least the difference. In
 * 0..1; 1 when even that could not be seen. */
double stats_detectable_paired(double n, double discordance, double alpha);
/* The same for a normal estimate with this standard error: (z(1 - alpha/2) + z(.8)) * se. */
double stats_detectable_normal(double se, double alpha);

/* Agreement of two raters over k classes: counts[i * k + j] items that the first called i, the
 * second j. */
typedef struct {
    double accuracy;            /* share on the diagonal */
    stats_interval accuracy_ci; /* Wilson */
    bool has_kappa;             /* false: no items, or chance agreement is 1 */
    double kappa;               /* Cohen 1960 */
    stats_interval kappa_ci;    /* Fleiss, Cohen and Everitt 1969, cut at -1 and 1 */
    uint64_t n;
} stats_agreement;
stats_agreement stats_cohen(const uint64_t *counts, size_t k);
#endif
