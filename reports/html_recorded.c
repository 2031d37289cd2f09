/* html_recorded.c - what labels that came with recorded answers say: rates and gaps by government,
 * by language and by host, and how far our own labels agree with them. */
#include <string.h>
#include "reports/escape.h"
#include "reports/html_parts.h"

enum { MAX_COLUMNS = 19 }; /* of a matrix; the JSON report has all groups */

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool any_recorded(const html *h, const analysis_row *r)
{
    for (size_t m = 0; m < h->v->d->n_models; m++)
        if (r->cells[m].recorded) return true;
    return false;
}

/* --- agreement -------------------------------------------------------------------------------- */

static void put_kappa_cell(html *h, const stats_agreement *a)
{
    if (a->n == 0) {
        html_put(h, "<td data-v=\"\">&ndash;</td>");
        return;
    }
    if (!a->has_kappa) {
        strbuf_printf(h->out, "<td data-v=\"\">no variation<small>%zu answers</small></td>",
                      (size_t)a->n);
        return;
    }
    strbuf_printf(h->out, "<td data-v=\"%.4f\">", a->kappa);
    view_put_share(h->out, a->kappa);
    html_put(h, "<small>");
    view_put_share(h->out, a->kappa_ci.lo);
    html_put(h, " to ");
    view_put_share(h->out, a->kappa_ci.hi);
    html_put(h, "</small></td>");
}

static void put_agreement_cells(html *h, const analysis_agreement *a)
{
    const stats_agreement *both[] = {&a->all, &a->held_out};
    for (size_t i = 0; i < 2; i++) {
        const analysis_mean acc = {both[i]->n, both[i]->accuracy, both[i]->accuracy_ci, 0};
        html_count_cell(h, (size_t)both[i]->n);
        html_mean_cell(h, &acc, false);
        put_kappa_cell(h, both[i]);
    }
}

static void put_agreement(html *h, const analysis_row *r)
{
    static const char *const headers[] = {"model",     "answers",       "accuracy, %",
                                          "kappa",     "held-out half", "its accuracy, %",
                                          "its kappa", "not compared",  NULL};
    const analysis_recorded *last = NULL;
    html_open_table(h, headers);
    for (size_t i = 0; i < r->n_pooled; i++) {
        if (r->n_pooled == 2 && i == 0) continue; /* one language: the same as all */
        html_put(h, "<tr><th scope=\"row\">all models");
        if (r->pooled[i].language) {
            html_put(h, ", ");
            html_text(h, r->pooled[i].language);
        }
        html_put(h, "</th>");
        put_agreement_cells(h, &r->pooled[i]);
        html_put(h, "<td></td></tr>\n");
    }
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        const analysis_recorded *k = r->cells[m].recorded;
        if (!k) continue;
        last = k;
        html_open_row(h, m);
        put_agreement_cells(h, &k->agreement);
        strbuf_printf(h->out, "<td>%zu recorded, %zu ours</td></tr>\n", k->n_without_recorded,
                      k->n_without_ours);
    }
    html_close_table(h);
    html_put(h, "<p class=\"meta\">Our rules against labels of the scheme ");
    html_text(h, last->scheme);
    html_put(h, last->labeler ? " by " : "");
    html_text(h, last->labeler ? last->labeler : "");
    html_put(h, last->agreement.held_out.n
                    ? ". The rules were written on the other half of the items (even ids): figures "
                      "over all of them flatter the rules, those of the held-out half do not. Not "
                      "compared: answers without a usable label (errors, filtered, invalid).</p>\n"
                    : ". Not compared: answers without a usable label (errors, filtered, "
                      "invalid).</p>\n");
}

static void put_confusion(html *h, size_t model, const analysis_recorded *k)
{
    html_put(h, "<div class=\"wide\"><table class=\"cm\"><thead><tr><th scope=\"col\">");
    html_model(h, model);
    html_put(h, "<small>rows ours, columns recorded</small></th>");
    for (size_t j = 0; j < CLASS_COUNT; j++) {
        html_put(h, "<th scope=\"col\">");
        html_text(h, k->names[j]);
        html_put(h, "</th>");
    }
    html_put(h, "</tr></thead><tbody>");
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        html_put(h, "<tr><th scope=\"row\">");
        html_text(h, k->names[i]);
        html_put(h, "</th>");
        for (size_t j = 0; j < CLASS_COUNT; j++)
            strbuf_printf(h->out, "<td%s>%zu</td>", i == j ? " class=\"d\"" : "",
                          (size_t)k->agreement.confusion[i * CLASS_COUNT + j]);
        html_put(h, "</tr>");
    }
    html_close_table(h);
}

/* --- rates and gaps by government ------------------------------------------------------------- */

/* The cell with the most groups (contrasts) names the columns. */
static const analysis_recorded *widest(const html *h, const analysis_row *r)
{
    const analysis_recorded *best = NULL;
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        const analysis_recorded *k = r->cells[m].recorded;
        if (k && (!best || k->n_by_actor > best->n_by_actor)) best = k;
    }
    return best;
}

/* "CN en", "CN zh minus en". NULL: no memory, and the column has no name. */
static const char *group_name(const html *h, const char *actor, const char *language,
                              const char *against)
{
    const char *name = arena_printf(h->v->a, against ? "%s %s minus %s" : "%s %s", actor,
                                    language ? language : "", against ? against : "");
    return name ? name : "";
}

static void open_matrix(html *h, const char *const *names, size_t n)
{
    html_begin_table(h, "class=\"st\"", names, n);
    html_put(h, "<thead><tr>");
    for (size_t i = 0; i < n; i++) {
        html_put(h, "<th scope=\"col\"><button>");
        html_text(h, names[i]);
        html_put(h, "</button></th>");
    }
    html_put(h, "</tr></thead><tbody>");
}

static void put_rate_cell(html *h, const analysis_incomplete *g)
{
    if (!g || g->recorded.n + g->ours.n == 0) {
        html_put(h, "<td data-v=\"\">&ndash;</td>");
        return;
    }
    strbuf_printf(h->out, "<td data-v=\"%.4f\">", g->recorded.mean);
    view_put_percent(h->out, g->recorded.mean);
    html_put(h, "<small>");
    view_put_interval(h->out, g->recorded.ci);
    strbuf_printf(h->out, "</small><small>of %zu; ours ", g->recorded.n);
    view_put_percent(h->out, g->ours.mean);
    html_put(h, "</small></td>");
}

static const analysis_incomplete *group_like(const analysis_recorded *k,
                                             const analysis_incomplete *g)
{
    for (size_t i = 0; i < k->n_by_actor; i++)
        if (same(k->by_actor[i].actor, g->actor) && same(k->by_actor[i].language, g->language))
            return &k->by_actor[i];
    return NULL;
}

static void put_rates(html *h, const analysis_row *r)
{
    const analysis_recorded *lead = widest(h, r);
    if (lead->n_by_actor < 2) return;
    html_put(h, "<h4>Answers that are not complete, by government</h4>");
    const char *names[1 + MAX_COLUMNS] = {"model"};
    const size_t n = lead->n_by_actor < MAX_COLUMNS ? lead->n_by_actor : MAX_COLUMNS;
    for (size_t i = 0; i < n; i++)
        names[i + 1] = group_name(h, lead->by_actor[i].actor, lead->by_actor[i].language, NULL);
    open_matrix(h, names, n + 1);
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        const analysis_recorded *k = r->cells[m].recorded;
        if (!k) continue;
        html_open_row(h, m);
        for (size_t i = 0; i < n; i++)
            put_rate_cell(h, group_like(k, &lead->by_actor[i]));
        html_put(h, "</tr>\n");
    }
    html_close_table(h);
    html_put(h, "<p class=\"meta\">Percent by the recorded labels with their Wilson intervals; "
                "beneath, the share by our labels.</p>\n");
}

static const analysis_contrast *contrast_like(const analysis_recorded *k,
                                              const analysis_contrast *c)
{
    for (size_t i = 0; i < k->n_contrasts; i++)
        if (same(k->contrasts[i].actor, c->actor) && same(k->contrasts[i].language, c->language) &&
            same(k->contrasts[i].against, c->against))
            return &k->contrasts[i];
    return NULL;
}

static void put_gap_cell(html *h, const analysis_unpaired *u)
{
    if (!u || !u->n || !u->n_others) {
        html_put(h, "<td data-v=\"\">&ndash;</td>");
        return;
    }
    strbuf_printf(h->out, "<td data-v=\"%.4f\">", u->diff);
    view_put_points(h->out, u->diff);
    html_put(h, "<small>");
    view_put_signed_interval(h->out, u->ci);
    html_put(h, "</small>");
    if (u->n_clusters) {
        html_put(h, "<small>");
        view_put_signed_interval(h->out, u->clustered_ci);
        html_put(h, "*</small>");
    }
    html_put(h, "</td>");
}

static void put_gap_matrix(html *h, const analysis_row *r, bool ours)
{
    const analysis_recorded *lead = widest(h, r);
    const char *names[1 + MAX_COLUMNS] = {"model"};
    const size_t n = lead->n_contrasts < MAX_COLUMNS ? lead->n_contrasts : MAX_COLUMNS;
    for (size_t i = 0; i < n; i++)
        names[i + 1] = group_name(h, lead->contrasts[i].actor, lead->contrasts[i].language,
                                  lead->contrasts[i].against);
    open_matrix(h, names, n + 1);
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        const analysis_recorded *k = r->cells[m].recorded;
        if (!k) continue;
        html_open_row(h, m);
        for (size_t i = 0; i < n; i++) {
            const analysis_contrast *c = contrast_like(k, &lead->contrasts[i]);
            put_gap_cell(h, !c ? NULL : ours ? &c->ours : &c->recorded);
        }
        html_put(h, "</tr>\n");
    }
    html_close_table(h);
}

static void put_gaps(html *h, const analysis_row *r)
{
    const analysis_recorded *lead = widest(h, r);
    if (lead->n_contrasts == 0) return;
    html_put(h, "<h4>Gaps by the recorded labels, in points</h4>");
    put_gap_matrix(h, r, false);
    html_put(h, "<h4>The same by our labels</h4>");
    put_gap_matrix(h, r, true);
    html_put(h, "<p class=\"meta\">Share of answers that are not complete on one government minus "
                "the share on all others asked in the same language; last, one language minus "
                "another. First interval: Newcombe, as if all questions were independent. *: "
                "bootstrap over clusters of questions that belong together (here the same request "
                "about different governments). Answers whose label is an error are dropped. "
                "Descriptive: recorded questions have no matched controls and no knowledge "
                "gate.</p>\n");
}

/* --- hosts ------------------------------------------------------------------------------------ */

static const analysis_contrast *host_contrast(const analysis_row *r, const analysis_recorded *k,
                                              const char *host)
{
    for (size_t i = 0; k && i < k->n_host_contrasts; i++) {
        const analysis_contrast *c = &k->host_contrasts[i];
        if (same(c->host, host) && same(c->actor, r->focus_actor) &&
            same(c->language, r->focus_language))
            return c;
    }
    return NULL;
}

static void put_dates_cell(html *h, const analysis_host *s)
{
    html_put(h, "<td class=\"l\">");
    if (!s->first) html_put(h, "&ndash;");
    escape_put_html(h->out, s->first ? s->first : "", s->first ? strnlen(s->first, 10) : 0);
    if (s->first && strncmp(s->first, s->last, 10) != 0) {
        html_put(h, " to ");
        escape_put_html(h->out, s->last, strnlen(s->last, 10));
    }
    html_put(h, "</td>");
}

static void put_trace_cell(html *h, const analysis_host *s)
{
    const size_t returned = s->n_answers - s->n_thought[THOUGHT_ABSENT];
    strbuf_printf(h->out, "<td data-v=\"%zu\">%zu", returned, returned);
    if (s->n_thought[THOUGHT_EMPTY])
        strbuf_printf(h->out, "<small>%zu empty</small>", s->n_thought[THOUGHT_EMPTY]);
    html_put(h, "</td>");
}

static void put_host_row(html *h, const analysis_row *r, size_t m, const analysis_host *s)
{
    const analysis_recorded *k = r->cells[m].recorded;
    const analysis_contrast *c = host_contrast(r, k, s->host);
    html_open_row(h, m);
    html_text_cell(h, s->host ? s->host : "not named");
    put_dates_cell(h, s);
    html_count_cell(h, s->n_answers);
    html_count_cell(h, s->n_blocked);
    put_trace_cell(h, s);
    if (k && r->focus_actor) {
        if (c)
            strbuf_printf(h->out, "<td>%zu and %zu</td>", c->recorded.n, c->recorded.n_others);
        else
            html_put(h, "<td>&ndash;</td>");
        put_gap_cell(h, c ? &c->recorded : NULL);
    }
    html_put(h, "</tr>\n");
}

void html_put_hosts(html *h, const analysis_row *r)
{
    static const char *const plain[] = {"model",   "<host",           "<dates", "answers",
                                        "blocked", "traces returned", NULL};
    static const char *const gaps[] = {"model",    "<host",   "<dates",
                                       "answers",  "blocked", "traces returned",
                                       "compared", "gap",     NULL};
    const bool recorded = any_recorded(h, r) && r->focus_actor;
    bool any = false;
    for (size_t m = 0; m < h->v->d->n_models; m++) /* one host for all: transcripts name it */
        any = any || r->cells[m].n_hosts > 1 || (recorded && r->cells[m].n_hosts);
    if (!any) return;
    html_put(h, "<h4>Who served the answers, and when</h4>");
    html_open_table(h, recorded ? gaps : plain);
    for (size_t m = 0; m < h->v->d->n_models; m++)
        for (size_t i = 0; i < r->cells[m].n_hosts; i++)
            put_host_row(h, r, m, &r->cells[m].hosts[i]);
    html_close_table(h);
    html_put(h, "<p class=\"meta\">Traces depend on the host: some return none, so an absent one "
                "says nothing about the model.");
    if (recorded) {
        html_put(h, " Gap: ");
        html_text(h, r->focus_actor);
        html_put(h, " against the others by the recorded labels, within one host; compared: "
                    "answers on either side. Hosts answered at different times, and few of them "
                    "all sets: differences between hosts are no experiment.");
    }
    html_put(h, "</p>\n");
}

/* --- thoughts --------------------------------------------------------------------------------- */

static void put_part_cell(html *h, size_t n, size_t of, bool known)
{
    if (!known || of == 0) {
        html_put(h, "<td data-v=\"\">&ndash;</td>");
        return;
    }
    strbuf_printf(h->out, "<td data-v=\"%.4f\">%zu of %zu</td>", (double)n / (double)of, n, of);
}

void html_put_traces(html *h, const analysis_row *r)
{
    static const char *const headers[] = {
        "model", "<questions", "traces returned", "suppressed", "captured", "diverging", NULL};
    bool any = false;
    for (size_t m = 0; m < h->v->d->n_models; m++)
        any = any || r->cells[m].n_traces;
    if (!any) return;
    html_put(h, "<h4>Thoughts, where they were returned</h4>");
    html_open_table(h, headers);
    for (size_t m = 0; m < h->v->d->n_models; m++)
        for (size_t i = 0; i < r->cells[m].n_traces; i++) {
            const analysis_trace *t = &r->cells[m].traces[i];
            html_open_row(h, m);
            html_text_cell(h, t->name);
            put_part_cell(h, t->n_traces, t->n_answers, true);
            put_part_cell(h, t->n_short, t->n_traces, t->median > 0);
            put_part_cell(h, t->n_line, t->n_read, true);
            put_part_cell(h, t->n_diverging, t->n_facts, true);
            html_put(h, "</tr>\n");
        }
    html_close_table(h);
    html_put(h, "<p class=\"meta\">Suppressed: empty, or shorter than a tenth of the model&rsquo;s "
                "median thought on controls (without controls: on the other governments) in the "
                "same language. Captured: our rules take the thought itself for the official line. "
                "Diverging: the thought holds a key fact that the withheld answer lacks (only "
                "where key facts are listed). Traces depend on the host: absent ones are in no "
                "figure here.</p>\n");
}

void html_put_recorded(html *h, const analysis_row *r)
{
    if (!any_recorded(h, r)) return;
    put_rates(h, r);
    put_gaps(h, r);
    html_put(h, "<h4>Our labels against the recorded ones</h4>");
    put_agreement(h, r);
    html_put(h, "<details><summary>Confusion matrices</summary><div class=\"cms\">");
    for (size_t m = 0; m < h->v->d->n_models; m++)
        if (r->cells[m].recorded) put_confusion(h, m, r->cells[m].recorded);
    html_put(h, "</div></details>\n");
}
