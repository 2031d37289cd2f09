/* side.c - see side.h. */
#include "reports/side.h"
#include "harness/base/value.h"
#include <stdio.h>
#include <string.h>

static bool is_kind(const view *v, size_t model, const char *kind)
{
    return v->d->models[model].kind && strcmp(v->d->models[model].kind, kind) == 0;
}

/* "KEY:LABEL" in the manifest of the run that has it. */
static const char *of_model(const view *v, const char *key, size_t model)
{
    const char *name = arena_printf(v->a, "%s:%s", key, v->d->models[model].label);
    for (size_t i = 0; name && i < v->n_runs; i++)
        for (size_t k = 0; k < v->runs[i].data->n_manifest; k++)
            if (strcmp(v->runs[i].data->manifest[k].key, name) == 0)
                return v->runs[i].data->manifest[k].value;
    return NULL;
}

static bool is_reply(const store_response *r)
{
    return r->finish != FINISH_ERROR && r->finish != FINISH_UNSUPPORTED;
}

/* All that was asked, errors and stopped answers too. */
static double cost_of(const analysis_row *r, const analysis_cell *c)
{
    double cost = 0;
    for (size_t i = 0; i < r->n_items; i++)
        for (size_t j = 0; j < c->items[i].n_responses; j++)
            cost += c->items[i].responses[j]->cost;
    return cost;
}

/* --- one model -------------------------------------------------------------------------------- */

static void add_reply(side_model *s, const store_response *r, double *times)
{
    s->n_blocked += r->finish == FINISH_FILTER;
    s->cost += r->cost; /* errors may be billed too */
    if (!is_reply(r)) return;
    s->n_answers++;
    s->prompt += r->prompt_tokens;
    s->completion += r->completion_tokens;
    s->thought += r->thought_tokens;
    s->has_tokens = s->has_tokens || r->prompt_tokens + r->completion_tokens > 0;
    if (r->thought_is == THOUGHT_PRESENT && r->thought_tokens == 0) s->has_thought = false;
    if (!r->has_cost && r->prompt_tokens + r->completion_tokens > 0) s->has_cost = false;
    if (r->wall_ms > 0) times[s->n_timed++] = r->wall_ms / 1000;
}

/* Credit, and what the suites took that it was given in: the cost of others buys no right answer.
 */
static void add_right(side_model *s, const analysis_row *r, const analysis_cell *c)
{
    if (r->kind != KIND_ACCURACY || c->score.n == 0) return;
    if (s->n_right < 0) s->n_right = 0;
    s->n_right += c->score.mean * (double)c->score.n * r->n_samples;
    s->cost_of_right += cost_of(r, c);
}

static const char *layer_of(const view *v, size_t model)
{
    if (is_kind(v, model, "local")) return "none: weights alone";
    return is_kind(v, model, "http") ? "the server" : "the host that was recorded";
}

/* "energy:LABEL" of the run's manifest: "812.5 J for 50 items". */
static double joules_of(const view *v, size_t model)
{
    const char *text = of_model(v, "energy", model);
    double joules;
    size_t n;
    return text && sscanf(text, "%lf J for %zu items", &joules, &n) == 2 && n ? joules / (double)n
                                                                              : 0;
}

waage_status side_make(const side_model **out, const view *v)
{
    side_model *all = arena_calloc(v->a, v->d->n_models, sizeof *all);
    double *times = arena_calloc(v->a, v->d->n_responses, sizeof *times);
    if (!all || !times) return waage_err_nomem(v->err);
    for (size_t m = 0; m < v->d->n_models; m++) {
        side_model *s = &all[m];
        *s = (side_model){.has_thought = true, .has_cost = true, .n_right = -1};
        for (size_t i = 0; i < v->d->n_responses; i++)
            if (strcmp(v->d->responses[i].key.model, v->d->models[m].label) == 0)
                add_reply(s, &v->d->responses[i], times);
        s->has_cost = s->has_cost && (s->has_tokens || s->cost > 0) && is_kind(v, m, "http");
        stats_sort(times, s->n_timed);
        if (s->n_timed) {
            s->median = stats_quantile(times, s->n_timed, 0.5);
            s->p95 = stats_quantile(times, s->n_timed, 0.95);
        }
        for (size_t r = 0; r < v->an->n_rows; r++)
            add_right(s, &v->an->rows[r], &v->an->rows[r].cells[m]);
        s->joules = joules_of(v, m);
        s->layer = layer_of(v, m);
    }
    *out = all;
    return WAAGE_OK;
}

/* --- protocol --------------------------------------------------------------------------------- */

static const char *question_of(const store_task *t, const value *def)
{
    const char *answer = value_get_str(value_get(def, "extract"), "answer", "");
    if (t->is_choice) return "log-likelihood of the choices";
    if (strcmp(answer, "letter") == 0) return "a letter, generated";
    if (strcmp(answer, "option") == 0) return "an option, generated";
    return "generated";
}

static const char *template_of(const view *v, size_t model, protocol proto)
{
    if (proto == PROTOCOL_COMPLETION) return "the same text for all";
    if (is_kind(v, model, "local")) return "own template, exact";
    return is_kind(v, model, "http") ? "server's template, not known" : "template not recorded";
}

static const char *sampling_of(const view *v, const store_task *t, size_t model, const value *def,
                               const char *proto)
{
    const value *own = value_get(value_get(def, proto), "generation_kwargs");
    const double heat =
        value_get_float(own ? own : value_get(def, "generation_kwargs"), "temperature", 0);
    const char *refused = of_model(v, "left out", model);
    const char *asked = heat > 0 ? arena_printf(v->a, "temperature %g, seeded", heat) : "greedy";
    if (t->is_choice) return NULL;
    if (is_kind(v, model, "replay")) return "sampling not recorded";
    return refused ? arena_printf(v->a, "%s asked, refused: %s", asked, refused) : asked;
}

const char *side_protocol(const view *v, size_t row, size_t model)
{
    const analysis_row *r = &v->an->rows[row];
    const store_task *t = &v->d->tasks[r->task];
    const analysis_cell *c = &r->cells[model];
    value *def = NULL;
    if (c->state == CELL_NOT_RUN || c->state == CELL_UNSUPPORTED)
        return analysis_state_name(c->state);
    if (t->definition_json && json_parse(&def, v->a, t->definition_json, strlen(t->definition_json),
                                         "task", 1, NULL) != WAAGE_OK)
        def = NULL;
    const char *drawn = sampling_of(v, t, model, def, protocol_name(r->proto));
    const char *effort = r->proto == PROTOCOL_CHAT ? v->models[model].effort : NULL;
    return arena_printf(v->a, "%s; %s%s%s%s%s", question_of(t, def),
                        template_of(v, model, r->proto), drawn ? "; " : "", drawn ? drawn : "",
                        effort ? "; thinks: " : "", effort ? effort : "");
}

/* --- thinking --------------------------------------------------------------------------------- */

static side_point measure(const view *v, size_t row, size_t model)
{
    const analysis_row *r = &v->an->rows[row];
    const analysis_cell *c = &r->cells[model];
    side_point p = {
        .row = row, .model = model, .has_thought = true, .has_cost = true, .score = &c->score};
    for (size_t i = 0; i < r->n_items; i++)
        for (size_t j = 0; j < c->items[i].n_responses; j++) {
            const store_response *rp = c->items[i].responses[j];
            if (!is_reply(rp) || rp->finish == FINISH_FILTER) continue;
            p.n++;
            p.thought += rp->thought_tokens;
            p.completion += rp->completion_tokens;
            p.has_cost = p.has_cost && rp->has_cost;
            if (rp->thought_is == THOUGHT_PRESENT && rp->thought_tokens == 0) p.has_thought = false;
        }
    const double right = c->score.mean * (double)c->score.n * r->n_samples;
    if (p.has_cost && right > 0) p.cost_per_right = cost_of(r, c) / right;
    if (p.n) {
        p.thought /= (double)p.n;
        p.completion /= (double)p.n;
    }
    return p;
}

waage_status side_thinking(const side_point **out, size_t *n, const view *v)
{
    side_point *p = arena_calloc(v->a, v->an->n_rows * v->d->n_models, sizeof *p);
    if (!p) return waage_err_nomem(v->err);
    *n = 0;
    for (size_t r = 0; r < v->an->n_rows; r++) {
        const size_t first = *n;
        bool any = false;
        if (v->an->rows[r].kind != KIND_ACCURACY) continue;
        for (size_t m = 0; m < v->d->n_models; m++) {
            const side_point one = measure(v, r, m);
            if (one.n == 0 || one.score->n == 0) continue;
            any = any || one.thought > 0;
            p[(*n)++] = one;
        }
        if (!any) *n = first;
    }
    *out = p;
    return WAAGE_OK;
}
