/* analysis_compare.c - every pair of models on what counts for both: the test that fits the design,
 * Holm over all of them, and the verdict. Never across protocols: a row has one. */
#include <string.h>
#include "harness/analysis_internal.h"

typedef struct {          /* the common units of two models in one row */
    double *a, *b, *diff; /* (n) */
    uint32_t *cluster;
    size_t n;
    stats_cluster *sums; /* of diff, by cluster */
    size_t n_sums;
    bool shared; /* some units belong together */
} common;

static waage_status make_common(work *w, size_t n, common *c)
{
    WORK_SCRATCH(w, c->a, n);
    WORK_SCRATCH(w, c->b, n);
    WORK_SCRATCH(w, c->diff, n);
    WORK_SCRATCH(w, c->cluster, n);
    return WAAGE_OK;
}

static void add_unit(common *c, double a, double b, uint32_t cluster)
{
    c->a[c->n] = a;
    c->b[c->n] = b;
    c->diff[c->n] = a - b;
    c->cluster[c->n++] = cluster;
}

static waage_status common_items(work *w, const work_row *r, analysis_comparison *k, common *c)
{
    const analysis_item *a = r->items[k->a], *b = r->items[k->b];
    WAAGE_TRY(make_common(w, r->out->n_items, c));
    for (size_t i = 0; i < r->out->n_items; i++) {
        k->n_only_a += a[i].counted && !b[i].counted;
        k->n_only_b += b[i].counted && !a[i].counted;
        if (a[i].counted && b[i].counted) add_unit(c, a[i].credit, b[i].credit, r->cluster[i]);
    }
    return WAAGE_OK;
}

/* Pairs behind both models' knowledge gates; the unit is the pair's gap. */
static waage_status common_pairs(work *w, const work_row *r, analysis_comparison *k, common *c)
{
    const pair_value *a = r->values + k->a * r->n_pairs, *b = r->values + k->b * r->n_pairs;
    WAAGE_TRY(make_common(w, r->n_pairs, c));
    k->is_gap = true;
    for (size_t i = 0; i < r->n_pairs; i++) {
        k->n_only_a += a[i].gated && !b[i].gated;
        k->n_only_b += b[i].gated && !a[i].gated;
        if (a[i].gated && b[i].gated)
            add_unit(c, a[i].na_sensitive - a[i].na_control, b[i].na_sensitive - b[i].na_control,
                     r->pairs[i].cluster);
    }
    return WAAGE_OK;
}

static bool all_binary(const common *c)
{
    for (size_t i = 0; i < c->n; i++)
        if ((c->a[i] != 0 && c->a[i] != 1) || (c->b[i] != 0 && c->b[i] != 1)) return false;
    return true;
}

static stats_table2 table_of(const common *c)
{
    stats_table2 t = {0, 0, 0, 0};
    for (size_t i = 0; i < c->n; i++) {
        const bool a = c->a[i] > 0, b = c->b[i] > 0;
        t.both += a && b;
        t.only_a += a && !b;
        t.only_b += !a && b;
        t.neither += !a && !b;
    }
    return t;
}

/* All clusters differ by the same amount (usually 0): what n independent units of these means say.
 */
static stats_interval closed_form(const analysis_comparison *k, size_t n)
{
    const double m = (double)n, low = k->mean_a < k->mean_b ? k->mean_a : k->mean_b;
    const double both = k->is_gap ? 0 : low * m, gap = k->diff < 0 ? -k->diff : k->diff;
    stats_table2 t = {(uint64_t)(both + 0.5), 0, 0, 0};
    const uint64_t only = (uint64_t)((gap > 1 ? 1 : gap) * m + 0.5);
    if (k->diff > 0)
        t.only_a = only;
    else
        t.only_b = only;
    t.neither = t.both + only < n ? n - t.both - only : 0;
    return stats_newcombe_paired(&t);
}

static waage_status test_clusters(work *w, analysis_comparison *k, const common *c)
{
    bool degenerate;
    WAAGE_TRY(stats_bootstrap(&k->ci, &degenerate, c->sums, c->n_sums, ANALYSIS_SEED, w->err));
    if (degenerate) k->ci = closed_form(k, c->n_sums);
    if (c->n_sums < STATS_MIN_CLUSTERS) {
        k->verdict = VERDICT_FEW_CLUSTERS;
        return WAAGE_OK;
    }
    k->test = TEST_SIGN_FLIP;
    k->p = stats_sign_flip(c->sums, c->n_sums, ANALYSIS_SEED);
    k->detectable = stats_cluster_se(c->sums, c->n_sums); /* finished when the level is known */
    return WAAGE_OK;
}

static void test_items(analysis_comparison *k)
{
    k->ci = stats_newcombe_paired(&k->table);
    k->test = TEST_MCNEMAR;
    k->p = stats_mcnemar_exact(k->table.only_a, k->table.only_b);
}

static waage_status compare_pair(work *w, const work_row *r, analysis_comparison *k)
{
    const analysis_cell *a = &r->cells[k->a], *b = &r->cells[k->b];
    common c = {0};
    k->verdict = VERDICT_NOTHING_COMMON;
    if (a->state == CELL_NOT_MEASURABLE || b->state == CELL_NOT_MEASURABLE)
        k->verdict = VERDICT_NOT_MEASURABLE;
    if (a->state != CELL_SCORED || b->state != CELL_SCORED) return WAAGE_OK;
    if (r->out->kind == KIND_CENSORSHIP)
        WAAGE_TRY(common_pairs(w, r, k, &c));
    else
        WAAGE_TRY(common_items(w, r, k, &c));
    k->n = c.n;
    if (c.n == 0) return WAAGE_OK;
    for (size_t i = 0; i < c.n; i++) {
        k->mean_a += c.a[i];
        k->mean_b += c.b[i];
    }
    k->mean_a /= (double)c.n;
    k->mean_b /= (double)c.n;
    k->diff = k->mean_a - k->mean_b;
    WAAGE_TRY(
        analysis_sum_clusters(w, &c.sums, &c.n_sums, &c.shared, c.diff, c.cluster, c.n, r->n_ids));
    k->n_clusters = c.shared ? c.n_sums : 0;
    k->has_table = !k->is_gap && all_binary(&c);
    if (k->has_table) k->table = table_of(&c);
    k->verdict = VERDICT_NOT_SHOWN;
    if (k->has_table && !c.shared) {
        test_items(k);
        return WAAGE_OK;
    }
    return test_clusters(w, k,
                         &c); /* repeats and partial credit: every item a cluster of its own */
}

/* --- Holm, verdicts ------------------------------------------------------------------------- */

static waage_status adjust(work *w, analysis_comparison *k, size_t n)
{
    double *p;
    size_t m = 0;
    WORK_SCRATCH(w, p, n);
    for (size_t i = 0; i < n; i++)
        if (k[i].test != TEST_NONE) p[m++] = k[i].p;
    w->out->n_tests = m;
    WAAGE_TRY(stats_holm(p, p, m, w->err));
    m = 0;
    for (size_t i = 0; i < n; i++)
        k[i].p_adjusted = k[i].test != TEST_NONE ? p[m++] : 1.0;
    return WAAGE_OK;
}

static void decide(const work *w, analysis_comparison *k)
{
    if (k->test == TEST_NONE) return;
    const work_row *r = &w->rows[k->row];
    /* The level of Holm's first step: what this report asks of its strongest difference. */
    const double alpha = 0.05 / (double)w->out->n_tests, n = (double)k->n;
    if (k->test == TEST_MCNEMAR)
        k->detectable =
            stats_detectable_paired(n, (double)(k->table.only_a + k->table.only_b) / n, alpha);
    else if (k->detectable > 0)
        k->detectable = stats_detectable_normal(k->detectable, alpha);
    else
        k->detectable =
            stats_detectable_paired((double)(k->n_clusters ? k->n_clusters : k->n), 0, alpha);
    if (r->cells[k->a].at_floor || r->cells[k->b].at_floor)
        k->verdict = VERDICT_AT_FLOOR;
    else if (k->p_adjusted < 0.05 && (k->ci.lo > 0 || k->ci.hi < 0))
        k->verdict = VERDICT_DIFFERENT;
    else
        k->verdict = VERDICT_NOT_SHOWN;
}

waage_status analysis_compare(work *w)
{
    const size_t models = w->d->n_models;
    const size_t n = models ? w->out->n_rows * (models * (models - 1) / 2) : 0;
    analysis_comparison *k;
    size_t m = 0;
    WORK_ALLOC(w, k, n);
    for (size_t i = 0; i < w->out->n_rows; i++)
        for (size_t a = 0; a < models; a++)
            for (size_t b = a + 1; b < models; b++) {
                k[m] = (analysis_comparison){.row = i, .a = a, .b = b, .ci = {-1, 1}, .p = 1};
                WAAGE_TRY(compare_pair(w, &w->rows[i], &k[m++]));
            }
    WAAGE_TRY(adjust(w, k, n));
    for (size_t i = 0; i < n; i++)
        decide(w, &k[i]);
    w->out->comparisons = k;
    w->out->n_comparisons = n;
    return WAAGE_OK;
}
