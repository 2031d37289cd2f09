/* test_stats.c - stats.c against scipy and statsmodels (tests/golden/stats.tsv, made by
 * tools/golden_stats.py) and against what must hold without them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/file.h"
#include "harness/stats.h"

enum { MAX_NUMBERS = 256 };

typedef struct {
    char *function, *name;
    double in[MAX_NUMBERS], want[MAX_NUMBERS];
    size_t n_in, n_want;
    double tol;
} golden;

static size_t read_numbers(char *s, double *out)
{
    size_t n = 0;
    char *end;
    for (;;) {
        const double v = strtod(s, &end);
        if (end == s) return n;
        assert_true(n < MAX_NUMBERS);
        out[n++] = v;
        s = end;
    }
}

static stats_interval interval_of(const golden *g)
{
    const stats_table2 t = {(uint64_t)g->in[0], (uint64_t)g->in[1], (uint64_t)g->in[2],
                            (uint64_t)g->in[3]};
    if (strcmp(g->function, "wilson") == 0) return stats_wilson(g->in[0], g->in[1]);
    if (strcmp(g->function, "newcombe_paired") == 0) return stats_newcombe_paired(&t);
    return stats_newcombe_unpaired(g->in[0], g->in[1], g->in[2], g->in[3]);
}

static size_t clusters_of(const golden *g, bool with_sizes, stats_cluster *c)
{
    const size_t n = with_sizes ? g->n_in / 2 : g->n_in;
    for (size_t i = 0; i < n; i++)
        c[i] = with_sizes ? (stats_cluster){g->in[2 * i], g->in[2 * i + 1]}
                          : (stats_cluster){g->in[i], 1};
    return n;
}

/* What our function says; returns the number of values, 0 for an unknown name. */
static size_t compute(const golden *g, double *got)
{
    stats_cluster c[MAX_NUMBERS];
    if (strcmp(g->function, "mcnemar") == 0) {
        got[0] = stats_mcnemar_exact((uint64_t)g->in[0], (uint64_t)g->in[1]);
        return 1;
    }
    if (strcmp(g->function, "sign_flip") == 0) {
        got[0] = stats_sign_flip(c, clusters_of(g, false, c), 1);
        return 1;
    }
    if (strcmp(g->function, "cluster_se") == 0) {
        got[0] = stats_cluster_se(c, clusters_of(g, true, c));
        return 1;
    }
    if (strcmp(g->function, "bootstrap") == 0) {
        stats_interval ci;
        bool degenerate;
        assert_int_equal(stats_bootstrap(&ci, &degenerate, c, clusters_of(g, true, c), 1, NULL),
                         WAAGE_OK);
        assert_false(degenerate);
        got[0] = ci.lo, got[1] = ci.hi;
        return 2;
    }
    if (strcmp(g->function, "holm") == 0) {
        assert_int_equal(stats_holm(got, g->in, g->n_in, NULL), WAAGE_OK);
        return g->n_in;
    }
    if (strcmp(g->function, "kappa") == 0) {
        uint64_t counts[MAX_NUMBERS];
        for (size_t i = 0; i < g->n_in; i++)
            counts[i] = (uint64_t)g->in[i];
        const stats_agreement r = stats_cohen(counts, g->n_in == 4 ? 2 : 3);
        assert_true(r.has_kappa);
        got[0] = r.kappa, got[1] = r.kappa_ci.lo, got[2] = r.kappa_ci.hi;
        return 3;
    }
    if (strcmp(g->function, "normal_quantile") == 0) {
        got[0] = stats_normal_quantile(g->in[0]);
        return 1;
    }
    if (strcmp(g->function, "detectable") == 0) {
        got[0] = stats_detectable_paired(g->in[0], g->in[1], g->in[2]);
        return 1;
    }
    if (strcmp(g->function, "wilson") != 0 && strncmp(g->function, "newcombe_", 9) != 0) return 0;
    const stats_interval ci = interval_of(g);
    got[0] = ci.lo, got[1] = ci.hi;
    return 2;
}

static bool parse_line(char *line, golden *g)
{
    char *field[5], *save = NULL;
    size_t n = 0;
    if (line[0] == '#') return false;
    for (char *f = strtok_r(line, "\t", &save); f && n < 5; f = strtok_r(NULL, "\t", &save))
        field[n++] = f;
    if (n != 5) return false;
    g->function = field[0], g->name = field[1];
    g->n_in = read_numbers(field[2], g->in);
    g->n_want = read_numbers(field[3], g->want);
    g->tol = strtod(field[4], NULL);
    return true;
}

static void agrees_with_scipy_and_statsmodels(void **state)
{
    (void)state;
    char *text, *save = NULL;
    size_t len, n_cases = 0;
    waage_err err;
    assert_int_equal(file_read(&text, &len, "tests/golden/stats.tsv", 1 << 20, &err), WAAGE_OK);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        golden g;
        double got[MAX_NUMBERS];
        if (!parse_line(line, &g)) continue;
        assert_int_equal(compute(&g, got), g.n_want);
        for (size_t i = 0; i < g.n_want; i++)
            if (!(fabs(got[i] - g.want[i]) <= g.tol))
                fail_msg("%s, %s: value %zu is %.17g, expected %.17g", g.function, g.name, i,
                         got[i], g.want[i]);
        n_cases++;
    }
    free(text);
    assert_true(n_cases >= 50);
}

/* Two arms over the same clusters: with an empty second share it is the bootstrap of the first,
 * swapped it changes its sign, and against itself it has no width. */
static void bootstraps_a_difference(void **state)
{
    (void)state;
    stats_cluster a[30], zero[30], b[30];
    stats_interval one, two, ab, ba;
    bool degenerate;
    for (size_t i = 0; i < 30; i++) {
        a[i] = (stats_cluster){i % 3 == 0, 1};
        b[i] = (stats_cluster){i % 5 == 0, 3};
        zero[i] = (stats_cluster){0, 1};
    }
    assert_int_equal(stats_bootstrap(&one, &degenerate, a, 30, 1, NULL), WAAGE_OK);
    assert_int_equal(stats_bootstrap_difference(&two, &degenerate, a, zero, 30, 1, NULL), WAAGE_OK);
    assert_true(!degenerate && one.lo == two.lo && one.hi == two.hi);
    assert_int_equal(stats_bootstrap_difference(&ab, &degenerate, a, b, 30, 1, NULL), WAAGE_OK);
    assert_int_equal(stats_bootstrap_difference(&ba, &degenerate, b, a, 30, 1, NULL), WAAGE_OK);
    assert_true(fabs(ab.lo + ba.hi) < 1e-12 && fabs(ab.hi + ba.lo) < 1e-12);
    assert_true(ab.lo < 10.0 / 30 - 6.0 / 90 && ab.hi > 10.0 / 30 - 6.0 / 90);
    assert_int_equal(stats_bootstrap_difference(&two, &degenerate, a, a, 30, 1, NULL), WAAGE_OK);
    assert_true(degenerate && two.lo == 0 && two.hi == 0);
    for (size_t i = 0; i < 30; i++)
        zero[i].n = 0; /* an arm that is empty in every resample gives nothing */
    assert_int_equal(stats_bootstrap_difference(&two, &degenerate, a, zero, 30, 1, NULL), WAAGE_OK);
    assert_true(degenerate);
}

/* Newcombe's own worked examples and the tutorial of Fagerland, Lydersen and Laake (2014), 3
 * digits. */
static void matches_published_examples(void **state)
{
    (void)state;
    const stats_interval a = stats_newcombe_unpaired(56, 70, 48, 80);
    assert_true(fabs(a.lo - 0.0524) < 5e-5 && fabs(a.hi - 0.3339) < 5e-5);
    const stats_table2 airway = {1, 1, 7, 12};
    const stats_interval b = stats_newcombe_paired(&airway);
    assert_true(fabs(b.lo + 0.507) < 5e-4 && fabs(b.hi + 0.026) < 5e-4);
}

static void extremes_stay_inside(void **state)
{
    (void)state;
    for (int n = 0; n <= 40; n++)
        for (int k = 0; k <= n; k++) {
            const stats_interval w = stats_wilson(k, n);
            assert_true(w.lo >= 0 && w.hi <= 1 && w.lo <= w.hi);
            if (n) assert_true(w.lo <= (double)k / n && w.hi >= (double)k / n);
        }
    assert_true(stats_wilson(0, 50).lo == 0 && stats_wilson(50, 50).hi == 1);
    for (unsigned a = 0; a < 5; a++)
        for (unsigned b = 0; b < 5; b++)
            for (unsigned c = 0; c < 5; c++)
                for (unsigned d = 0; d < 5; d++) {
                    const stats_table2 t = {a, b, c, d}, swapped = {a, c, b, d};
                    const stats_interval i = stats_newcombe_paired(&t),
                                         j = stats_newcombe_paired(&swapped);
                    assert_true(i.lo >= -1 && i.hi <= 1 && i.lo <= i.hi);
                    assert_true(fabs(i.lo + j.hi) < 1e-12 && fabs(i.hi + j.lo) < 1e-12);
                }
    assert_true(stats_mcnemar_exact(0, 100000) == 0.0);
    assert_true(stats_mcnemar_exact(50000, 50001) == 1.0);
}

static void resampling_repeats_to_the_bit(void **state)
{
    (void)state;
    stats_cluster c[50];
    for (size_t i = 0; i < 50; i++)
        c[i] = (stats_cluster){(double)(i * 7 % 5) - 1.5, 1 + (double)(i % 3)};
    stats_interval a, b;
    bool degenerate;
    assert_int_equal(stats_bootstrap(&a, &degenerate, c, 50, 42, NULL), WAAGE_OK);
    assert_int_equal(stats_bootstrap(&b, &degenerate, c, 50, 42, NULL), WAAGE_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(stats_bootstrap(&b, &degenerate, c, 50, 43, NULL), WAAGE_OK);
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_true(stats_sign_flip(c, 50, 42) == stats_sign_flip(c, 50, 42));
}

static void bootstrap_says_when_it_has_no_width(void **state)
{
    (void)state;
    stats_cluster c[3] = {{3, 3}, {2, 2}, {1, 1}};
    stats_interval ci;
    bool degenerate;
    assert_int_equal(stats_bootstrap(&ci, &degenerate, c, 3, 1, NULL), WAAGE_OK);
    assert_true(degenerate && ci.lo == 1 && ci.hi == 1);
    assert_int_equal(stats_bootstrap(&ci, &degenerate, c, 1, 1, NULL), WAAGE_OK);
    assert_true(degenerate);
    assert_int_equal(stats_bootstrap(&ci, &degenerate, c, 0, 1, NULL), WAAGE_OK);
    assert_true(degenerate);
}

static void kappa_is_undefined_without_variation(void **state)
{
    (void)state;
    const uint64_t none[4] = {0}, same[4] = {12, 0, 0, 0};
    assert_false(stats_cohen(none, 2).has_kappa);
    assert_false(stats_cohen(same, 2).has_kappa);
    assert_true(stats_cohen(same, 2).accuracy == 1.0);
}

/* Under the null with triplets, the test over clusters must keep its level; McNemar over the items
 * does not: the reason for clusters (docs/statistics.md). */
static void sign_flip_keeps_its_level_on_triplets(void **state)
{
    (void)state;
    enum { RUNS = 400, TRIPLETS = 40 };
    uint64_t x = 88172645463325252ull;
    int rejected = 0, mcnemar = 0;
    for (int run = 0; run < RUNS; run++) {
        stats_cluster c[TRIPLETS];
        uint64_t b = 0, d = 0;
        for (size_t i = 0; i < TRIPLETS; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            const double v = (double)(x % 3) - 1; /* all three items of a cluster go one way */
            c[i] = (stats_cluster){3 * v, 3};
            b += v > 0 ? 3 : 0, d += v < 0 ? 3 : 0;
        }
        if (run < 60) /* 100,000 flips each: the rest is for McNemar */
            rejected += stats_sign_flip(c, TRIPLETS, (uint64_t)run) < 0.05;
        mcnemar += stats_mcnemar_exact(b, d) < 0.05;
    }
    assert_true(rejected <= 9);       /* 60 runs at 5 %: 9 or fewer with probability .998 */
    assert_true(mcnemar > RUNS / 10); /* far above 5 % */
}

int test_stats(void);
int test_stats(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_scipy_and_statsmodels),
        cmocka_unit_test(bootstraps_a_difference),
        cmocka_unit_test(matches_published_examples),
        cmocka_unit_test(extremes_stay_inside),
        cmocka_unit_test(resampling_repeats_to_the_bit),
        cmocka_unit_test(bootstrap_says_when_it_has_no_width),
        cmocka_unit_test(kappa_is_undefined_without_variation),
        cmocka_unit_test(sign_flip_keeps_its_level_on_triplets),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
