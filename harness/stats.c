/* stats.c - intervals, exact tests, resampling, agreement; see stats.h and docs/statistics.md.
 * Owns the numbers only: which test a comparison gets is decided in analysis.c. Binomial tails are
 * summed by ratios of neighbouring terms, so no gamma function enters; the only libm calls are sqrt
 * (exact by IEEE 754) and, in the normal quantile, log. */
#include "harness/stats.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/num.h"
#include "harness/base/rng.h"

/* --- closed forms -------------------------------------------------------------------------- */

static double horner(const double *c, size_t n, double x)
{
    double y = c[n - 1];
    for (size_t i = n - 1; i-- > 0;)
        y = y * x + c[i];
    return y;
}

/* Coefficients of Wichura, Applied Statistics 37 (1988) 477-484, routine PPND16. */
double stats_normal_quantile(double p)
{
    static const double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                               1.9715909503065514427e+3, 1.3731693765509461125e+4,
                               4.5921953931549871457e+4, 6.7265770927008700853e+4,
                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[] = {1.0,
                               4.2313330701600911252e+1,
                               6.8718700749205790830e+2,
                               5.3941960214247511077e+3,
                               2.1213794301586595867e+4,
                               3.9307895800092710610e+4,
                               2.8729085735721942674e+4,
                               5.2264952788528545610e+3};
    static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                               5.76949722146069140550e0,  3.64784832476320460504e0,
                               1.27045825245236838258e0,  2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1.0,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1.0,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    const double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        const double r = 0.180625 - q * q;
        return q * horner(a, 8, r) / horner(b, 8, r);
    }
    const double r = sqrt(-log(q < 0 ? p : 1.0 - p));
    const double x = r <= 5.0 ? horner(c, 8, r - 1.6) / horner(d, 8, r - 1.6)
                              : horner(e, 8, r - 5.0) / horner(f, 8, r - 5.0);
    return q < 0 ? -x : x;
}

stats_interval stats_wilson(double sum, double n)
{
    if (n <= 0) return (stats_interval){0.0, 1.0};
    const double z2 = STATS_Z95 * STATS_Z95, p = sum / n;
    const double mid = (p + z2 / (2 * n)) / (1 + z2 / n);
    double inner = p * (1 - p) / n + z2 / (4 * n * n);
    if (inner < 0) inner = 0;
    const double half = STATS_Z95 * sqrt(inner) / (1 + z2 / n);
    stats_interval ci = {mid - half, mid + half};
    /* The ends are exact at the extremes; rounding must not print -0.0 or 1.0000000002. */
    if (ci.lo < 0 || sum <= 0) ci.lo = 0;
    if (ci.hi > 1 || sum >= n) ci.hi = 1;
    return ci;
}

double stats_mcnemar_exact(uint64_t b, uint64_t c)
{
    const uint64_t n = b + c, k = b < c ? b : c;
    if (n == 0) return 1.0;
    /* Terms C(n, j) relative to the middle one, from the middle downwards: no overflow, and the far
     * tail underflows to an honest 0. */
    const uint64_t mode = n / 2;
    double term = 1.0, below_mode = 0.0, tail = k >= mode ? 1.0 : 0.0;
    for (uint64_t j = mode; j > 0; j--) {
        term *= (double)j / (double)(n - j + 1);
        below_mode += term;
        if (j - 1 <= k) tail += term;
    }
    /* All terms: both halves by symmetry; an odd n has two middle terms. */
    const double all = n % 2 ? 2 * (1.0 + below_mode) : 1.0 + 2 * below_mode;
    const double p = 2 * tail / all;
    return p < 1.0 ? p : 1.0;
}

/* Square-and-add: the distance of a limit from the difference. */
static double add_squares(double x, double y, double phi)
{
    const double s = x * x - 2 * phi * x * y + y * y;
    return s > 0 ? sqrt(s) : 0.0;
}

static stats_interval clip(double lo, double hi)
{
    return (stats_interval){lo < -1 ? -1 : lo, hi > 1 ? 1 : hi};
}

stats_interval stats_newcombe_paired(const stats_table2 *t)
{
    const double a = (double)t->both, b = (double)t->only_a, c = (double)t->only_b,
                 d = (double)t->neither, n = a + b + c + d;
    if (n <= 0) return (stats_interval){-1, 1};
    const double p1 = (a + b) / n, p2 = (a + c) / n, diff = (b - c) / n;
    const stats_interval w1 = stats_wilson(a + b, n), w2 = stats_wilson(a + c, n);
    const double denom = (a + b) * (c + d) * (a + c) * (b + d);
    double phi = 0;
    if (denom > 0) {
        const double det = a * d - b * c;
        const double corrected = det > n / 2 ? det - n / 2 : det >= 0 ? 0 : det;
        phi = corrected / sqrt(denom);
    }
    return clip(diff - add_squares(p1 - w1.lo, w2.hi - p2, phi),
                diff + add_squares(w1.hi - p1, p2 - w2.lo, phi));
}

stats_interval stats_newcombe_unpaired(double x1, double n1, double x2, double n2)
{
    if (n1 <= 0 || n2 <= 0) return (stats_interval){-1, 1};
    const stats_interval w1 = stats_wilson(x1, n1), w2 = stats_wilson(x2, n2);
    const double p1 = x1 / n1, p2 = x2 / n2;
    return clip(p1 - p2 - add_squares(p1 - w1.lo, w2.hi - p2, 0),
                p1 - p2 + add_squares(w1.hi - p1, p2 - w2.lo, 0));
}

/* --- resampling over clusters -------------------------------------------------------------- */

/* Sums become integers of 2^-32, so that enumeration in any order is exact and equal sums tie. */
#define FLIP_UNIT 4294967296.0

static double flip_exact(const int64_t *v, size_t n, int64_t limit)
{
    int64_t sum = 0;
    uint64_t hits = 0;
    const uint64_t patterns = (uint64_t)1 << n;
    for (size_t i = 0; i < n; i++)
        sum -= v[i];
    for (uint64_t g = 1;; g++) { /* Gray code: pattern g differs from g - 1 in one sign */
        if (sum >= limit || -sum >= limit) hits++;
        if (g == patterns) break;
        const int bit = __builtin_ctzll(g);
        const uint64_t gray = g ^ (g >> 1);
        sum += (gray >> bit & 1 ? 2 : -2) * v[bit];
    }
    return (double)hits / (double)patterns;
}

static double flip_random(const int64_t *v, size_t n, int64_t limit, uint64_t seed)
{
    uint64_t hits = 0;
    rng r;
    rng_init(&r, seed, 0x73666c70u /* "sflp" */);
    for (size_t f = 0; f < STATS_FLIPS; f++) {
        int64_t sum = 0;
        for (size_t i = 0; i < n; i += 64) {
            uint64_t bits = rng_u64(&r);
            const size_t end = n - i < 64 ? n - i : 64;
            for (size_t j = 0; j < end; j++, bits >>= 1) {
                const int64_t mask = -(int64_t)(bits & 1); /* 0 or -1: v or -v without a branch */
                sum += (v[i + j] ^ mask) - mask;
            }
        }
        if (sum >= limit || -sum >= limit) hits++;
    }
    return (double)(hits + 1) / (double)(STATS_FLIPS + 1);
}

double stats_sign_flip(const stats_cluster *c, size_t n, uint64_t seed)
{
    int64_t *v = malloc((n ? n : 1) * sizeof *v);
    if (!v) return 1.0; /* without memory nothing is claimed */
    size_t m = 0;
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t x = (int64_t)llrint(c[i].sum * FLIP_UNIT);
        sum += x;
        if (x != 0) v[m++] = x; /* a zero has no sign to flip */
    }
    double p = 1.0;
    if (m > 0) {
        /* A pattern whose sum differs only by the rounding to 2^-32 counts as a tie. */
        const int64_t limit = (sum < 0 ? -sum : sum) - (int64_t)m;
        p = m <= STATS_EXACT_CLUSTERS ? flip_exact(v, m, limit) : flip_random(v, m, limit, seed);
    }
    free(v);
    return p;
}

static int cmp_double(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

void stats_sort(double *x, size_t n)
{
    qsort(x, n, sizeof *x, cmp_double);
}

double stats_quantile(const double *sorted, size_t n, double q)
{
    const double pos = q * (double)(n - 1);
    const size_t i = (size_t)pos;
    if (i + 1 >= n) return sorted[n - 1];
    return sorted[i] + (pos - (double)i) * (sorted[i + 1] - sorted[i]);
}

/* Uniform in 0..n-1 without bias (Lemire 2019): half the cost of rng_below, and this loop is where
 * a report spends its time. */
static uint32_t pick_below(rng *r, uint32_t n)
{
    uint64_t m = (uint64_t)rng_u32(r) * n;
    if ((uint32_t)m < n) {
        const uint32_t skip = (0 - n) % n;
        while ((uint32_t)m < skip)
            m = (uint64_t)rng_u32(r) * n;
    }
    return (uint32_t)(m >> 32);
}

/* One arm (b NULL): sum/n; two arms: their difference, over the resamples in which both have items.
 */
static waage_status bootstrap(stats_interval *out, bool *degenerate, const stats_cluster *a,
                              const stats_cluster *b, size_t n, uint64_t seed, waage_err *err)
{
    *out = (stats_interval){0, 0};
    *degenerate = true;
    if (n == 0) return WAAGE_OK;
    if (n > UINT32_MAX) return waage_err_set(err, WAAGE_EINVAL, "too many clusters: %zu", n);
    double *stat = malloc(STATS_RESAMPLES * sizeof *stat);
    if (!stat) return waage_err_nomem(err);
    size_t m = 0;
    rng r;
    rng_init(&r, seed, 0x626f6f74u /* "boot" */);
    for (size_t k = 0; k < STATS_RESAMPLES; k++) {
        stats_cluster x = {0, 0}, y = {0, 0};
        for (size_t i = 0; i < n; i++) {
            const uint32_t pick = pick_below(&r, (uint32_t)n);
            x.sum += a[pick].sum;
            x.n += a[pick].n;
            if (!b) continue;
            y.sum += b[pick].sum;
            y.n += b[pick].n;
        }
        if (!b)
            stat[m++] = x.n > 0 ? x.sum / x.n : 0;
        else if (x.n > 0 && y.n > 0)
            stat[m++] = x.sum / x.n - y.sum / y.n;
    }
    stats_sort(stat, m);
    if (m > 0) {
        out->lo = stats_quantile(stat, m, 0.025);
        out->hi = stats_quantile(stat, m, 0.975);
        *degenerate = !(stat[m - 1] > stat[0]);
    }
    free(stat);
    return WAAGE_OK;
}

waage_status stats_bootstrap(stats_interval *out, bool *degenerate, const stats_cluster *c,
                             size_t n, uint64_t seed, waage_err *err)
{
    return bootstrap(out, degenerate, c, NULL, n, seed, err);
}

waage_status stats_bootstrap_difference(stats_interval *out, bool *degenerate,
                                        const stats_cluster *a, const stats_cluster *b, size_t n,
                                        uint64_t seed, waage_err *err)
{
    return bootstrap(out, degenerate, a, b, n, seed, err);
}

double stats_cluster_se(const stats_cluster *c, size_t n)
{
    double sum = 0, weight = 0, ss = 0;
    for (size_t i = 0; i < n; i++) {
        sum += c[i].sum;
        weight += c[i].n;
    }
    if (n < 2 || weight <= 0) return 0;
    const double mean = sum / weight;
    for (size_t i = 0; i < n; i++) {
        const double e = c[i].sum - mean * c[i].n;
        ss += e * e;
    }
    return sqrt((double)n / (double)(n - 1) * ss) / weight;
}

/* --- several tests, power ------------------------------------------------------------------ */

typedef struct {
    double p;
    size_t at;
} ranked;

static int cmp_ranked(const void *x, const void *y)
{
    const ranked *a = x, *b = y;
    if (a->p != b->p) return a->p < b->p ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

waage_status stats_holm(double *adjusted, const double *p, size_t n, waage_err *err)
{
    size_t bytes;
    if (!num_mul_size(&bytes, n ? n : 1, sizeof(ranked))) return waage_err_nomem(err);
    ranked *r = malloc(bytes);
    if (!r) return waage_err_nomem(err);
    for (size_t i = 0; i < n; i++)
        r[i] = (ranked){p[i], i};
    qsort(r, n, sizeof *r, cmp_ranked);
    double running = 0;
    for (size_t i = 0; i < n; i++) {
        const double adj = (double)(n - i) * r[i].p;
        if (adj > running) running = adj;
        adjusted[r[i].at] = running < 1 ? running : 1;
    }
    free(r);
    return WAAGE_OK;
}

/* Pairs that a difference d needs at this discordance (never below d): Connor 1987, equation 1. */
static double pairs_needed(double d, double discordance, double z_alpha, double z_power)
{
    const double psi = discordance > d ? discordance : d;
    const double root = z_alpha * sqrt(psi) + z_power * sqrt(psi - d * d > 0 ? psi - d * d : 0);
    return root * root / (d * d);
}

double stats_detectable_paired(double n, double discordance, double alpha)
{
    const double za = stats_normal_quantile(1 - alpha / 2), zp = stats_normal_quantile(0.8);
    if (n <= 0 || pairs_needed(1.0, discordance, za, zp) > n) return 1.0;
    double lo = 0, hi = 1; /* the need falls as the difference grows: bisect to the last bit */
    for (int i = 0; i < 60; i++) {
        const double mid = (lo + hi) / 2;
        if (pairs_needed(mid, discordance, za, zp) > n)
            lo = mid;
        else
            hi = mid;
    }
    return hi;
}

double stats_detectable_normal(double se, double alpha)
{
    return (stats_normal_quantile(1 - alpha / 2) + stats_normal_quantile(0.8)) * se;
}

/* --- agreement ----------------------------------------------------------------------------- */

/* Large-sample variance of kappa when it need not be 0 (Fleiss, Cohen and Everitt 1969, eq. 13). */
static double kappa_variance(const uint64_t *counts, size_t k, double n, double pe, double kappa)
{
    double diag = 0, off = 0;
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            double row_j = 0, col_i = 0; /* marginals p_j. and p_.i as the off term needs them */
            for (size_t m = 0; m < k; m++) {
                row_j += (double)counts[j * k + m];
                col_i += (double)counts[m * k + i];
            }
            const double pij = (double)counts[i * k + j] / n, s = (row_j + col_i) / n;
            if (i == j) {
                const double t = 1 - s * (1 - kappa);
                diag += pij * t * t;
            } else {
                off += pij * s * s;
            }
        }
    }
    const double c = kappa - pe * (1 - kappa);
    const double var = (diag + (1 - kappa) * (1 - kappa) * off - c * c) / ((1 - pe) * (1 - pe) * n);
    return var > 0 ? var : 0;
}

stats_agreement stats_cohen(const uint64_t *counts, size_t k)
{
    stats_agreement r = {0};
    uint64_t agree = 0;
    for (size_t i = 0; i < k * k; i++)
        r.n += counts[i];
    for (size_t i = 0; i < k; i++)
        agree += counts[i * k + i];
    const double n = (double)r.n;
    r.accuracy_ci = stats_wilson((double)agree, n);
    if (r.n == 0) return r;
    r.accuracy = (double)agree / n;
    double pe = 0;
    for (size_t i = 0; i < k; i++) {
        double row = 0, col = 0;
        for (size_t j = 0; j < k; j++) {
            row += (double)counts[i * k + j];
            col += (double)counts[j * k + i];
        }
        pe += row / n * (col / n);
    }
    if (pe >= 1) return r;
    r.has_kappa = true;
    r.kappa = (r.accuracy - pe) / (1 - pe);
    const double half = STATS_Z95 * sqrt(kappa_variance(counts, k, n, pe, r.kappa));
    r.kappa_ci = clip(r.kappa - half, r.kappa + half);
    return r;
}
