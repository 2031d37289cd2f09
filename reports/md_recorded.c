/* md_recorded.c - labels of recorded answers and who served them, as Markdown tables. */
#include <string.h>
#include "reports/escape.h"
#include "reports/md_parts.h"

static void put_interval(strbuf *out, stats_interval ci, bool signed_)
{
    strbuf_puts(out, " [");
    (signed_ ? view_put_signed_interval : view_put_interval)(out, ci);
    strbuf_puts(out, "]");
}

static void put_group(strbuf *out, const char *actor, const char *language, const char *against)
{
    escape_puts_md(out, actor);
    strbuf_puts(out, " ");
    escape_puts_md(out, language ? language : "");
    if (against) {
        strbuf_puts(out, " minus ");
        escape_puts_md(out, against);
    }
}

static void put_rates(strbuf *out, const view *v, size_t model, const analysis_recorded *k)
{
    for (size_t i = 0; i < k->n_by_actor; i++) {
        const analysis_incomplete *g = &k->by_actor[i];
        strbuf_puts(out, "| ");
        escape_puts_md(out, v->models[model].label);
        strbuf_puts(out, " | ");
        put_group(out, g->actor, g->language, NULL);
        strbuf_printf(out, " | %zu | ", g->recorded.n);
        view_put_percent(out, g->recorded.mean);
        put_interval(out, g->recorded.ci, false);
        strbuf_puts(out, " | ");
        view_put_percent(out, g->ours.mean);
        put_interval(out, g->ours.ci, false);
        strbuf_puts(out, " |\n");
    }
}

static void put_unpaired(strbuf *out, const analysis_unpaired *u)
{
    strbuf_puts(out, " | ");
    if (!u->n || !u->n_others) {
        strbuf_puts(out, "| ");
        return;
    }
    view_put_points(out, u->diff);
    put_interval(out, u->ci, true);
    strbuf_puts(out, " | ");
    if (u->n_clusters) put_interval(out, u->clustered_ci, true);
}

static void put_contrasts(strbuf *out, const view *v, size_t model, const analysis_recorded *k)
{
    for (size_t i = 0; i < k->n_contrasts; i++) {
        const analysis_contrast *c = &k->contrasts[i];
        strbuf_puts(out, "| ");
        escape_puts_md(out, v->models[model].label);
        strbuf_puts(out, " | ");
        put_group(out, c->actor, c->language, c->against);
        strbuf_printf(out, " | %zu, %zu", c->recorded.n, c->recorded.n_others);
        put_unpaired(out, &c->recorded);
        put_unpaired(out, &c->ours);
        strbuf_puts(out, " |\n");
    }
}

static void put_measured(strbuf *out, const stats_agreement *a)
{
    strbuf_printf(out, " %zu | ", (size_t)a->n);
    if (a->n) view_put_percent(out, a->accuracy);
    strbuf_puts(out, " | ");
    if (a->has_kappa) {
        view_put_share(out, a->kappa);
        strbuf_puts(out, " [");
        view_put_share(out, a->kappa_ci.lo);
        strbuf_puts(out, " to ");
        view_put_share(out, a->kappa_ci.hi);
        strbuf_puts(out, "]");
    }
    strbuf_puts(out, " |");
}

static void put_agreement(strbuf *out, const char *who, const analysis_agreement *a,
                          const analysis_recorded *k)
{
    strbuf_puts(out, "| ");
    escape_puts_md(out, who);
    if (a->language) {
        strbuf_puts(out, ", ");
        escape_puts_md(out, a->language);
    }
    strbuf_puts(out, " |");
    put_measured(out, &a->all);
    put_measured(out, &a->held_out);
    for (size_t i = 0; k && i < CLASS_COUNT; i++) {
        strbuf_puts(out, i ? "; " : " ");
        escape_puts_md(out, k->names[i]);
        for (size_t c = 0; c < CLASS_COUNT; c++)
            strbuf_printf(out, " %zu", (size_t)a->confusion[i * CLASS_COUNT + c]);
    }
    strbuf_puts(out, " |\n");
}

static void put_hosts(strbuf *out, const view *v, const analysis_row *r)
{
    bool any = false;
    for (size_t m = 0; m < v->d->n_models; m++)
        for (size_t i = 0; i < r->cells[m].n_hosts; i++) {
            const analysis_host *s = &r->cells[m].hosts[i];
            if (!any)
                strbuf_puts(out, "| model | host | first | last | answers | blocked | traces "
                                 "returned |\n|---|---|---|---|--:|--:|--:|\n");
            any = true;
            strbuf_puts(out, "| ");
            escape_puts_md(out, v->models[m].label);
            strbuf_puts(out, " | ");
            escape_puts_md(out, s->host ? s->host : "not named");
            strbuf_puts(out, " | ");
            escape_puts_md(out, s->first ? s->first : "");
            strbuf_puts(out, " | ");
            escape_puts_md(out, s->last ? s->last : "");
            strbuf_printf(out, " | %zu | %zu | %zu |\n", s->n_answers, s->n_blocked,
                          s->n_answers - s->n_thought[THOUGHT_ABSENT]);
        }
    if (any)
        strbuf_puts(out, "\nTraces depend on the host: an absent one says nothing about the "
                         "model.\n\n");
}

static void put_part(strbuf *out, size_t n, size_t of, bool known)
{
    strbuf_puts(out, " | ");
    if (known && of) strbuf_printf(out, "%zu of %zu", n, of);
}

static void put_traces(strbuf *out, const view *v, const analysis_row *r)
{
    bool any = false;
    for (size_t m = 0; m < v->d->n_models; m++)
        for (size_t i = 0; i < r->cells[m].n_traces; i++) {
            const analysis_trace *t = &r->cells[m].traces[i];
            if (!any)
                strbuf_puts(out, "| thoughts | questions | traces returned | suppressed | captured "
                                 "| diverging |\n|---|---|--:|--:|--:|--:|\n");
            any = true;
            strbuf_puts(out, "| ");
            escape_puts_md(out, v->models[m].label);
            strbuf_puts(out, " | ");
            escape_puts_md(out, t->name);
            put_part(out, t->n_traces, t->n_answers, true);
            put_part(out, t->n_short, t->n_traces, t->median > 0);
            put_part(out, t->n_line, t->n_read, true);
            put_part(out, t->n_diverging, t->n_facts, true);
            strbuf_puts(out, " |\n");
        }
    if (any) strbuf_puts(out, "\n");
}

typedef void put_section(strbuf *out, const view *v, size_t model, const analysis_recorded *k);

static void put_models(strbuf *out, const view *v, const analysis_row *r, const char *head,
                       put_section *part)
{
    strbuf_puts(out, head);
    for (size_t m = 0; m < v->d->n_models; m++)
        if (r->cells[m].recorded) part(out, v, m, r->cells[m].recorded);
    strbuf_puts(out, "\n");
}

void md_put_recorded(strbuf *out, const view *v, const analysis_row *r)
{
    size_t n = 0, n_groups = 0;
    for (size_t m = 0; m < v->d->n_models; m++) {
        n += r->cells[m].recorded != NULL;
        n_groups += r->cells[m].recorded ? r->cells[m].recorded->n_by_actor : 0;
    }
    if (n && n_groups) {
        put_models(out, v, r,
                   "| not complete | about | n | recorded labels % [95 %] | our labels % [95 %] "
                   "|\n|---|---|--:|---|---|\n",
                   put_rates);
        put_models(out, v, r,
                   "| gap, points | about, against all others | n | recorded [Newcombe] | "
                   "[clusters] | ours [Newcombe] | [clusters] |\n|---|---|--:|---|---|---|---|\n",
                   put_contrasts);
    }
    if (n) {
        strbuf_puts(out, "| agreement with recorded labels | n | accuracy % | kappa [95 %] | "
                         "held-out half n | accuracy % | kappa [95 %] | confusion, rows ours "
                         "|\n|---|--:|--:|---|--:|--:|---|---|\n");
        for (size_t i = r->n_pooled == 2 ? 1 : 0; i < r->n_pooled; i++)
            put_agreement(out, "all models", &r->pooled[i], NULL);
        for (size_t m = 0; m < v->d->n_models; m++)
            if (r->cells[m].recorded)
                put_agreement(out, v->models[m].label, &r->cells[m].recorded->agreement,
                              r->cells[m].recorded);
        strbuf_puts(out, "\n");
    }
    put_traces(out, v, r);
    put_hosts(out, v, r);
}
