/* analysis_contrast.c - what labels say about governments, languages and hosts: shares of
 * incomplete answers by group, and one group against others. Ours and recorded labels are counted
 * apart: an answer that only one of them knows counts there. */
#include <string.h>
#include "harness/analysis_internal.h"

typedef int label_side(const labelled_answer *l);

static int ours_of(const labelled_answer *l)
{
    return l->ours;
}

static int recorded_of(const labelled_answer *l)
{
    return l->recorded;
}

/* --- shares ---------------------------------------------------------------------------------- */

static bool in_group(const labelled_answer *l, const analysis_incomplete *g, bool by_host)
{
    return analysis_same_text(l->actor, g->actor) && analysis_same_text(l->language, g->language) &&
           (!by_host || analysis_same_text(l->host, g->host));
}

static analysis_mean share(const labelled_list *list, const analysis_incomplete *g, bool by_host,
                           label_side *side)
{
    size_t n = 0, hits = 0;
    for (size_t i = 0; i < list->n; i++) {
        const int class = side(&list->rows[i]);
        if (class == CLASS_NONE || !in_group(&list->rows[i], g, by_host)) continue;
        n++;
        hits += class != CLASS_COMPLETE;
    }
    return (analysis_mean){n, n ? (double)hits / (double)n : 0,
                           stats_wilson((double)hits, (double)n), 0};
}

/* Groups of answers that name an actor, in order of appearance. */
static waage_status group(work *w, const labelled_list *list, bool by_host,
                          const analysis_incomplete **out, size_t *n_out)
{
    analysis_incomplete *g;
    size_t n = 0;
    WORK_ALLOC(w, g, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const labelled_answer *l = &list->rows[i];
        size_t at = 0;
        if (!l->actor || (by_host && !l->host)) continue;
        while (at < n && !in_group(l, &g[at], by_host))
            at++;
        if (at == n)
            g[n++] = (analysis_incomplete){
                .actor = l->actor, .language = l->language, .host = by_host ? l->host : NULL};
    }
    for (size_t i = 0; i < n; i++) {
        g[i].ours = share(list, &g[i], by_host, ours_of);
        g[i].recorded = share(list, &g[i], by_host, recorded_of);
    }
    *out = g;
    *n_out = n;
    return WAAGE_OK;
}

/* --- contrasts ------------------------------------------------------------------------------- */

/* 1: among the questions at hand, -1: among the others, 0: neither. */
static int arm_of(const labelled_answer *l, const analysis_contrast *c)
{
    const bool actor = analysis_same_text(l->actor, c->actor);
    if (!l->actor || (c->host && !analysis_same_text(l->host, c->host))) return 0;
    if (analysis_same_text(l->language, c->language)) return actor ? 1 : c->against ? 0 : -1;
    return c->against && actor && analysis_same_text(l->language, c->against) ? -1 : 0;
}

static waage_status compare(work *w, const work_row *r, const labelled_list *list,
                            const analysis_contrast *c, label_side *side, analysis_unpaired *out)
{
    stats_cluster *arm[2], sum[2] = {{0, 0}, {0, 0}};
    bool shared = false, degenerate = true;
    size_t n = 0;
    *out = (analysis_unpaired){.ci = {-1, 1}, .clustered_ci = {-1, 1}};
    WORK_SCRATCH(w, arm[0], r->n_ids);
    WORK_SCRATCH(w, arm[1], r->n_ids);
    for (size_t i = 0; i < list->n; i++) {
        const labelled_answer *l = &list->rows[i];
        const int which = arm_of(l, c), class = side(l);
        if (!which || class == CLASS_NONE) continue;
        stats_cluster *into = &arm[which < 0][l->cluster];
        shared = shared || arm[0][l->cluster].n + arm[1][l->cluster].n > 0;
        into->n += 1;
        into->sum += class != CLASS_COMPLETE;
        sum[which < 0].n += 1;
        sum[which < 0].sum += class != CLASS_COMPLETE;
    }
    out->n = (size_t)sum[0].n;
    out->n_others = (size_t)sum[1].n;
    if (!out->n || !out->n_others) return WAAGE_OK;
    out->diff = sum[0].sum / sum[0].n - sum[1].sum / sum[1].n;
    out->ci = stats_newcombe_unpaired(sum[0].sum, sum[0].n, sum[1].sum, sum[1].n);
    out->clustered_ci = out->ci;
    if (!shared || c->host) return WAAGE_OK; /* a host's questions seldom meet within a cluster */
    for (size_t i = 0; i < r->n_ids; i++)    /* only clusters that occur */
        if (arm[0][i].n + arm[1][i].n > 0) {
            arm[0][n] = arm[0][i];
            arm[1][n++] = arm[1][i];
        }
    out->n_clusters = n;
    WAAGE_TRY(stats_bootstrap_difference(&out->clustered_ci, &degenerate, arm[0], arm[1], n,
                                         ANALYSIS_SEED, w->err));
    if (degenerate) out->clustered_ci = out->ci;
    return WAAGE_OK;
}

static waage_status add(work *w, const work_row *r, const labelled_list *list, analysis_contrast c,
                        analysis_contrast *out, size_t *n)
{
    WAAGE_TRY(compare(w, r, list, &c, ours_of, &c.ours));
    WAAGE_TRY(compare(w, r, list, &c, recorded_of, &c.recorded));
    const bool ours = c.ours.n && c.ours.n_others, theirs = c.recorded.n && c.recorded.n_others;
    if (ours || theirs) out[(*n)++] = c;
    return WAAGE_OK;
}

/* The language that most answers about actors are in: the others are compared with it. */
static const char *main_language(const analysis_incomplete *g, size_t n)
{
    const char *best = NULL;
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        size_t here = 0;
        for (size_t j = 0; j < n; j++)
            if (analysis_same_text(g[i].language, g[j].language)) here += g[j].recorded.n;
        if (here > most) {
            most = here;
            best = g[i].language;
        }
    }
    return best;
}

waage_status analysis_contrast_answers(work *w, const work_row *r, const labelled_list *list,
                                       analysis_recorded *out)
{
    analysis_contrast *c, *by_host;
    WAAGE_TRY(group(w, list, false, &out->by_actor, &out->n_by_actor));
    WAAGE_TRY(group(w, list, true, &out->by_host, &out->n_by_host));
    WORK_ALLOC(w, c, 2 * out->n_by_actor);
    WORK_ALLOC(w, by_host, out->n_by_host);
    for (size_t i = 0; i < out->n_by_actor; i++) {
        const analysis_incomplete *g = &out->by_actor[i];
        const analysis_contrast one = {.actor = g->actor, .language = g->language};
        WAAGE_TRY(add(w, r, list, one, c, &out->n_contrasts));
    }
    const char *language = main_language(out->by_actor, out->n_by_actor);
    for (size_t i = 0; language && i < out->n_by_actor; i++) {
        const analysis_incomplete *g = &out->by_actor[i];
        const analysis_contrast one = {
            .actor = g->actor, .language = g->language, .against = language};
        if (!analysis_same_text(g->language, language))
            WAAGE_TRY(add(w, r, list, one, c, &out->n_contrasts));
    }
    for (size_t i = 0; i < out->n_by_host; i++) {
        const analysis_incomplete *g = &out->by_host[i];
        const analysis_contrast one = {.actor = g->actor, .language = g->language, .host = g->host};
        WAAGE_TRY(add(w, r, list, one, by_host, &out->n_host_contrasts));
    }
    out->contrasts = c;
    out->host_contrasts = by_host;
    return WAAGE_OK;
}

/* The sum over models of one actor's difference from the others. */
static double total_gap(const work *w, const work_row *r, const analysis_contrast *like)
{
    double sum = 0;
    for (size_t m = 0; m < w->d->n_models; m++) {
        const analysis_recorded *k = r->cells[m].recorded;
        for (size_t i = 0; k && i < k->n_contrasts; i++)
            if (!k->contrasts[i].against &&
                analysis_same_text(k->contrasts[i].actor, like->actor) &&
                analysis_same_text(k->contrasts[i].language, like->language))
                sum += k->contrasts[i].recorded.diff;
    }
    return sum;
}

void analysis_choose_focus(work *w, work_row *r)
{
    double most = 0;
    for (size_t m = 0; m < w->d->n_models; m++) {
        const analysis_recorded *k = r->cells[m].recorded;
        for (size_t i = 0; k && i < k->n_contrasts; i++) {
            const analysis_contrast *c = &k->contrasts[i];
            const double gap = c->against ? 0 : total_gap(w, r, c);
            if (gap <= most) continue;
            most = gap;
            r->out->focus_actor = c->actor;
            r->out->focus_language = c->language;
        }
    }
}
