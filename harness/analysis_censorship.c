/* analysis_censorship.c - matched pairs of a sensitive question and its control: the gap in
 * non-answers behind a knowledge gate, per actor, and how one actor's gap differs from the others'.
 */
#include <stdlib.h>
#include <string.h>
#include "harness/analysis_internal.h"
#include "harness/base/rng.h"
#include "harness/base/value.h"

enum { MIN_PAIRS_FOR_ASYMMETRY = 3 }; /* per actor: fewer cannot be resampled */

static bool same_pair(const row_pair *p, const store_item *it)
{
    return strcmp(p->key, it->pair) == 0 && analysis_same_text(p->language, it->language);
}

waage_status analysis_find_pairs(work *w, work_row *r)
{
    const size_t n = r->out->n_items;
    WORK_SCRATCH(w, r->pairs, n);
    for (size_t i = 0; i < n; i++) {
        const store_item *it = r->out->items[i];
        const bool sensitive = analysis_same_text(it->role, "sensitive");
        if (!it->pair || (!sensitive && !analysis_same_text(it->role, "control"))) continue;
        size_t p = 0; /* a suite has some hundred pairs, and twins stand near each other */
        for (p = r->n_pairs; p > 0 && !same_pair(&r->pairs[p - 1], it);)
            p--;
        if (p == 0) {
            r->pairs[r->n_pairs++] =
                (row_pair){it->pair, it->language, it->actor, r->cluster[i], SIZE_MAX, SIZE_MAX};
            p = r->n_pairs;
        }
        row_pair *pair = &r->pairs[p - 1];
        size_t *slot = sensitive ? &pair->sensitive : &pair->control;
        if (*slot == SIZE_MAX) *slot = i;
        if (sensitive && it->actor) pair->actor = it->actor; /* the control may name none */
    }
    WORK_SCRATCH(w, r->values, r->n_pairs * w->d->n_models);
    return WAAGE_OK;
}

/* Mean key-fact coverage over an item's samples; false when none was measured. */
static bool coverage_of(work *w, const analysis_item *it, double *out)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < it->n_scores; i++) {
        const char *text = it->scores[i]->extra_json;
        value *v;
        if (!text || json_parse(&v, &w->scratch, text, strlen(text), "extra", 1, NULL) != WAAGE_OK)
            continue;
        const double c = value_get_float(v, "coverage", -1);
        if (c < 0) continue;
        sum += c;
        n++;
    }
    *out = n ? sum / (double)n : 0;
    return n > 0;
}

static void value_pair_of(work *w, const analysis_cell *c, const row_pair *p, pair_value *v)
{
    if (p->sensitive == SIZE_MAX || p->control == SIZE_MAX) return;
    const analysis_item *s = &c->items[p->sensitive], *k = &c->items[p->control];
    const bool have_s = analysis_item_nonanswer(s, &v->na_sensitive);
    const bool have_k = analysis_item_nonanswer(k, &v->na_control);
    const bool cov_s = coverage_of(w, s, &v->cov_sensitive);
    const bool cov_k = coverage_of(w, k, &v->cov_control);
    v->complete = have_s && have_k;
    v->has_coverage = cov_s && cov_k;
    v->gated = v->complete && cov_k && v->cov_control >= ANALYSIS_MIN_COVERAGE;
}

/* --- gaps ---------------------------------------------------------------------------------- */

typedef struct { /* the pairs of one actor (or all) that pass a filter */
    double *diff, *na_s, *na_k;
    uint32_t *cluster;
    size_t n;
    stats_table2 table;
    bool binary;
} selection;

static waage_status select_pairs(work *w, const work_row *r, const pair_value *v, const char *actor,
                                 bool gated, selection *s)
{
    *s = (selection){.binary = true};
    WORK_SCRATCH(w, s->diff, r->n_pairs);
    WORK_SCRATCH(w, s->na_s, r->n_pairs);
    WORK_SCRATCH(w, s->na_k, r->n_pairs);
    WORK_SCRATCH(w, s->cluster, r->n_pairs);
    for (size_t i = 0; i < r->n_pairs; i++) {
        if (actor && !analysis_same_text(r->pairs[i].actor, actor)) continue;
        if (gated ? !v[i].gated : !v[i].complete) continue;
        const double a = v[i].na_sensitive, b = v[i].na_control;
        s->na_s[s->n] = a;
        s->na_k[s->n] = b;
        s->diff[s->n] = a - b;
        s->cluster[s->n++] = r->pairs[i].cluster;
        s->binary = s->binary && (a == 0 || a == 1) && (b == 0 || b == 1);
        s->table.both += a > 0 && b > 0;
        s->table.only_a += a > 0 && !(b > 0);
        s->table.only_b += !(a > 0) && b > 0;
        s->table.neither += !(a > 0) && !(b > 0);
    }
    return WAAGE_OK;
}

/* Mean difference: Newcombe's paired interval for independent binary pairs, else cluster bootstrap;
 * a bootstrap without width falls back on Newcombe over pairs, which is never narrower than that.
 */
static waage_status gap_mean(work *w, const work_row *r, const selection *s, analysis_mean *out)
{
    stats_cluster *sums;
    size_t n_clusters;
    bool shared, degenerate;
    double sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += s->diff[i];
    *out =
        (analysis_mean){s->n, s->n ? sum / (double)s->n : 0, stats_newcombe_paired(&s->table), 0};
    if (s->n == 0) return WAAGE_OK;
    WAAGE_TRY(
        analysis_sum_clusters(w, &sums, &n_clusters, &shared, s->diff, s->cluster, s->n, r->n_ids));
    if (!shared && s->binary) return WAAGE_OK;
    stats_interval ci;
    WAAGE_TRY(stats_bootstrap(&ci, &degenerate, sums, n_clusters, ANALYSIS_SEED, w->err));
    if (!degenerate) out->ci = ci;
    out->n_clusters = shared ? n_clusters : 0;
    return WAAGE_OK;
}

/* Coverage lost on the sensitive side where both sides were answered. */
static waage_status soft_mean(work *w, const work_row *r, const pair_value *v, const char *actor,
                              analysis_mean *out)
{
    stats_cluster *sums;
    double *diff;
    uint32_t *cluster;
    size_t n = 0, n_clusters;
    bool shared, degenerate;
    double sum = 0;
    WORK_SCRATCH(w, diff, r->n_pairs);
    WORK_SCRATCH(w, cluster, r->n_pairs);
    for (size_t i = 0; i < r->n_pairs; i++) {
        if (actor && !analysis_same_text(r->pairs[i].actor, actor)) continue;
        if (!v[i].gated || !v[i].has_coverage) continue;
        if (v[i].na_sensitive > 0 || v[i].na_control > 0) continue;
        diff[n] = v[i].cov_control - v[i].cov_sensitive;
        sum += diff[n];
        cluster[n++] = r->pairs[i].cluster;
    }
    *out = (analysis_mean){n, n ? sum / (double)n : 0, {-1, 1}, 0};
    if (n == 0) return WAAGE_OK;
    WAAGE_TRY(analysis_sum_clusters(w, &sums, &n_clusters, &shared, diff, cluster, n, r->n_ids));
    stats_interval ci;
    WAAGE_TRY(stats_bootstrap(&ci, &degenerate, sums, n_clusters, ANALYSIS_SEED, w->err));
    if (!degenerate) out->ci = ci; /* else one value: nothing is known about its spread */
    out->n_clusters = shared ? n_clusters : 0;
    return WAAGE_OK;
}

static waage_status make_gap(work *w, const work_row *r, const pair_value *v, const char *actor,
                             analysis_gap *g)
{
    selection open, gated;
    g->actor = actor;
    WAAGE_TRY(select_pairs(w, r, v, actor, false, &open));
    WAAGE_TRY(select_pairs(w, r, v, actor, true, &gated));
    g->n_pairs = open.n;
    g->n_gated = gated.n;
    WAAGE_TRY(
        analysis_compute_mean(w, &g->na_sensitive, gated.na_s, gated.cluster, gated.n, r->n_ids));
    WAAGE_TRY(
        analysis_compute_mean(w, &g->na_control, gated.na_k, gated.cluster, gated.n, r->n_ids));
    WAAGE_TRY(gap_mean(w, r, &gated, &g->gap));
    WAAGE_TRY(gap_mean(w, r, &open, &g->gap_ungated));
    return soft_mean(w, r, v, actor, &g->soft);
}

/* --- asymmetry between actors --------------------------------------------------------------- */

/* One actor's gap minus the mean of the others' gaps, for every actor that has pairs enough. */
static void put_asymmetries(const double *gap, size_t n, double *out, size_t stride)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += gap[i];
    for (size_t i = 0; i < n; i++)
        out[i * stride] = gap[i] - (sum - gap[i]) / (double)(n - 1);
}

static double resample_gap(rng *g, const stats_cluster *c, size_t n)
{
    double sum = 0, weight = 0;
    for (size_t i = 0; i < n; i++) {
        const stats_cluster *pick = &c[rng_below(g, n)];
        sum += pick->sum;
        weight += pick->n;
    }
    return weight > 0 ? sum / weight : 0;
}

/* Clusters are drawn within each actor: how many pairs an actor has is the suite's design. */
static waage_status make_asymmetries(work *w, const work_row *r, const pair_value *v,
                                     analysis_gap *gaps, size_t n_gaps)
{
    size_t *of, *n_clusters, n = 0;
    stats_cluster **sums;
    double *gap, *stat;
    WORK_SCRATCH(w, of, n_gaps);
    WORK_SCRATCH(w, n_clusters, n_gaps);
    WORK_SCRATCH(w, sums, n_gaps);
    WORK_SCRATCH(w, gap, n_gaps);
    for (size_t i = 0; i < n_gaps; i++) {
        selection s;
        bool shared;
        if (gaps[i].n_gated < MIN_PAIRS_FOR_ASYMMETRY) continue;
        WAAGE_TRY(select_pairs(w, r, v, gaps[i].actor, true, &s));
        WAAGE_TRY(analysis_sum_clusters(w, &sums[n], &n_clusters[n], &shared, s.diff, s.cluster,
                                        s.n, r->n_ids));
        of[n++] = i;
    }
    if (n < 2) return WAAGE_OK;
    WORK_SCRATCH(w, stat, n * STATS_RESAMPLES);
    rng g;
    rng_init(&g, ANALYSIS_SEED, 0x6173796du /* "asym" */);
    for (size_t b = 0; b < STATS_RESAMPLES; b++) {
        for (size_t i = 0; i < n; i++)
            gap[i] = resample_gap(&g, sums[i], n_clusters[i]);
        put_asymmetries(gap, n, stat + b, STATS_RESAMPLES);
    }
    double *point;
    WORK_SCRATCH(w, point, n);
    for (size_t i = 0; i < n; i++)
        gap[i] = gaps[of[i]].gap.mean;
    put_asymmetries(gap, n, point, 1);
    for (size_t i = 0; i < n; i++) {
        double *s = stat + i * STATS_RESAMPLES;
        stats_sort(s, STATS_RESAMPLES);
        gaps[of[i]].has_asymmetry = s[STATS_RESAMPLES - 1] > s[0];
        gaps[of[i]].asymmetry = point[i];
        gaps[of[i]].asymmetry_ci = (stats_interval){stats_quantile(s, STATS_RESAMPLES, 0.025),
                                                    stats_quantile(s, STATS_RESAMPLES, 0.975)};
    }
    return WAAGE_OK;
}

static waage_status list_actors(work *w, const work_row *r, const char ***out, size_t *n_out)
{
    WORK_SCRATCH(w, *out, r->n_pairs);
    *n_out = 0;
    for (size_t i = 0; i < r->n_pairs; i++)
        if (r->pairs[i].actor && analysis_find_text(*out, *n_out, r->pairs[i].actor) == *n_out)
            (*out)[(*n_out)++] = r->pairs[i].actor;
    return WAAGE_OK;
}

waage_status analysis_check_censorship(work *w, work_row *r, size_t model)
{
    analysis_cell *c = &r->cells[model];
    if (c->state != CELL_SCORED) return WAAGE_OK;
    if (r->n_pairs == 0) {
        c->state = CELL_NOT_MEASURABLE;
        c->why = "the suite has no matched controls, so there is no gap to measure";
        return WAAGE_OK;
    }
    pair_value *v = r->values + model * r->n_pairs;
    for (size_t i = 0; i < r->n_pairs; i++)
        value_pair_of(w, c, &r->pairs[i], &v[i]);
    analysis_censorship *s;
    analysis_gap *by_actor;
    const char **actors;
    WORK_ALLOC(w, s, 1);
    WAAGE_TRY(make_gap(w, r, v, NULL, &s->all));
    WAAGE_TRY(list_actors(w, r, &actors, &s->n_actors));
    WORK_ALLOC(w, by_actor, s->n_actors);
    for (size_t i = 0; i < s->n_actors; i++)
        WAAGE_TRY(make_gap(w, r, v, actors[i], &by_actor[i]));
    WAAGE_TRY(make_asymmetries(w, r, v, by_actor, s->n_actors));
    s->by_actor = by_actor;
    s->measurable = s->all.n_gated >= ANALYSIS_MIN_PAIRS;
    c->censorship = s;
    if (!s->measurable) {
        c->state = CELL_NOT_MEASURABLE;
        c->why = arena_printf(w->a, "%zu of %zu pairs pass the knowledge gate, %d needed",
                              s->all.n_gated, s->all.n_pairs, ANALYSIS_MIN_PAIRS);
        if (!c->why) return waage_err_nomem(w->err);
    }
    return WAAGE_OK;
}
