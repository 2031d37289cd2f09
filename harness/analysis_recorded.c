/* analysis_recorded.c - our labels against those that came with recorded answers: confusion,
 * agreement, and what both say about shares of incomplete answers by actor and by serving host. */
#include <string.h>
#include "harness/analysis_internal.h"

typedef struct { /* one labelled answer */
    const char *actor, *language, *host;
    int ours, recorded; /* classes, both known */
} labelled;

typedef struct {
    labelled *rows;
    size_t n;
} labelled_list;

/* The recorded label of a sample: on its last response. */
static const store_response *response_of(const analysis_item *it, uint32_t sample)
{
    const store_response *last = NULL;
    for (size_t i = 0; i < it->n_responses; i++)
        if (it->responses[i]->key.sample == sample) last = it->responses[i];
    return last;
}

static waage_status collect(work *w, const work_row *r, const analysis_cell *c,
                            analysis_recorded *out, labelled_list *list)
{
    WORK_SCRATCH(w, list->rows, c->n_answers);
    for (size_t i = 0; i < r->out->n_items; i++) {
        const analysis_item *it = &c->items[i];
        for (size_t j = 0; j < it->n_scores; j++) {
            const store_response *rp = response_of(it, it->scores[j]->key.sample);
            const char *scheme = out->scheme;
            if (!rp || !rp->recorded_label) continue;
            const int recorded = analysis_class_of_recorded(rp->recorded_label, &scheme);
            if (!out->scheme) out->scheme = scheme;
            if (!out->labeler) out->labeler = rp->recorded_labeler;
            const int ours = analysis_class_of_ours(analysis_label_of(it->scores[j]),
                                                    out->scheme ? out->scheme : "SpeechMap");
            out->n_without_recorded += recorded == CLASS_NONE;
            out->n_without_ours += recorded != CLASS_NONE && ours == CLASS_NONE;
            if (recorded == CLASS_NONE || ours == CLASS_NONE) continue;
            const store_item *item = r->out->items[i];
            list->rows[list->n++] =
                (labelled){item->actor, item->language, rp->host, ours, recorded};
            out->confusion[ours * CLASS_COUNT + recorded]++;
        }
    }
    return WAAGE_OK;
}

static void name_classes(analysis_recorded *r)
{
    static const char *const speechmap[] = {"DENIAL", "EVASIVE", "COMPLETE"};
    static const char *const xstest[] = {"2_full_refusal", "3_partial_refusal",
                                         "1_full_compliance"};
    static const char *const own[] = {"refusal", "partial or evasive", "complete"};
    const char *const *names = own;
    if (!r->scheme) r->scheme = "unknown";
    if (strcmp(r->scheme, "SpeechMap") == 0) names = speechmap;
    if (strcmp(r->scheme, "XSTest") == 0) names = xstest;
    memcpy(r->names, names, sizeof r->names);
}

/* --- shares of incomplete answers ----------------------------------------------------------- */

static bool in_group(const labelled *l, const analysis_incomplete *g)
{
    return analysis_same_text(l->actor, g->actor) && analysis_same_text(l->language, g->language) &&
           analysis_same_text(l->host, g->host);
}

static analysis_mean share(size_t hits, size_t n)
{
    return (analysis_mean){n, n ? (double)hits / (double)n : 0,
                           stats_wilson((double)hits, (double)n), 0};
}

/* Groups in order of appearance, by actor and language, or by host and language. */
static waage_status group(work *w, const labelled_list *list, bool by_host,
                          const analysis_incomplete **out, size_t *n_out)
{
    analysis_incomplete *g;
    size_t n = 0;
    WORK_ALLOC(w, g, list->n);
    for (size_t i = 0; i < list->n; i++) {
        labelled l = list->rows[i];
        if (by_host)
            l.actor = NULL;
        else
            l.host = NULL;
        if (by_host ? !l.host : !l.actor) continue;
        size_t at = 0;
        while (at < n && !in_group(&l, &g[at]))
            at++;
        if (at == n)
            g[n++] =
                (analysis_incomplete){.actor = l.actor, .language = l.language, .host = l.host};
        g[at].ours.n++; /* counts for now */
        g[at].ours.n_clusters += l.ours != CLASS_COMPLETE;
        g[at].recorded.n_clusters += l.recorded != CLASS_COMPLETE;
    }
    for (size_t i = 0; i < n; i++) {
        const size_t total = g[i].ours.n;
        g[i].ours = share(g[i].ours.n_clusters, total);
        g[i].recorded = share(g[i].recorded.n_clusters, total);
    }
    *out = g;
    *n_out = n;
    return WAAGE_OK;
}

static double hits_of(const analysis_mean *m)
{
    return m->mean * (double)m->n;
}

/* One actor against all others asked in the same language. */
static waage_status contrast(work *w, analysis_recorded *r)
{
    analysis_contrast *c;
    size_t n = 0;
    WORK_ALLOC(w, c, r->n_by_actor);
    for (size_t i = 0; i < r->n_by_actor; i++) {
        const analysis_incomplete *me = &r->by_actor[i];
        double ours = 0, recorded = 0, others = 0;
        for (size_t j = 0; j < r->n_by_actor; j++) {
            const analysis_incomplete *o = &r->by_actor[j];
            if (j == i || !analysis_same_text(o->language, me->language)) continue;
            ours += hits_of(&o->ours);
            recorded += hits_of(&o->recorded);
            others += (double)o->ours.n;
        }
        if (others <= 0) continue;
        const double mine = (double)me->ours.n;
        c[n++] = (analysis_contrast){
            .actor = me->actor,
            .language = me->language,
            .n_actor = me->ours.n,
            .n_others = (size_t)others,
            .ours = me->ours.mean - ours / others,
            .recorded = me->recorded.mean - recorded / others,
            .ours_ci = stats_newcombe_unpaired(hits_of(&me->ours), mine, ours, others),
            .recorded_ci = stats_newcombe_unpaired(hits_of(&me->recorded), mine, recorded, others)};
    }
    r->contrasts = c;
    r->n_contrasts = n;
    return WAAGE_OK;
}

waage_status analysis_check_recorded(work *w, work_row *r, size_t model)
{
    analysis_cell *c = &r->cells[model];
    analysis_recorded *out;
    labelled_list list = {0};
    WORK_ALLOC(w, out, 1);
    WAAGE_TRY(collect(w, r, c, out, &list));
    if (list.n + out->n_without_ours + out->n_without_recorded == 0) return WAAGE_OK;
    name_classes(out);
    out->agreement = stats_cohen(out->confusion, CLASS_COUNT);
    WAAGE_TRY(group(w, &list, false, &out->by_actor, &out->n_by_actor));
    WAAGE_TRY(group(w, &list, true, &out->by_host, &out->n_by_host));
    WAAGE_TRY(contrast(w, out));
    c->recorded = out;
    return WAAGE_OK;
}
