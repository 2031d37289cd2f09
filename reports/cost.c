/* cost.c - see cost.h. */
#include "reports/cost.h"
#include "harness/base/value.h"
#include <string.h>

static bool is_served(const view *v, size_t model)
{
    return v->d->models[model].kind && strcmp(v->d->models[model].kind, "http") == 0;
}

static bool is_of(const view *v, const store_key *k, size_t model, size_t row)
{
    const analysis_row *r = &v->an->rows[row];
    return k->proto == r->proto && strcmp(k->model, v->d->models[model].label) == 0 &&
           strcmp(k->task, v->d->tasks[r->task].name) == 0;
}

static void sum_up(const view *v, cost_line *line)
{
    line->has_cost = true;
    for (size_t i = 0; i < v->d->n_responses; i++) {
        const store_response *r = &v->d->responses[i];
        if (!is_of(v, &r->key, line->model, line->row)) continue;
        line->n_items += r->key.turn == 0;
        line->prompt += r->prompt_tokens;
        line->completion += r->completion_tokens;
        line->thought += r->thought_tokens;
        line->cost += r->cost;
        if (!r->has_cost && r->prompt_tokens + r->completion_tokens > 0) line->has_cost = false;
    }
    line->n_right = v->an->rows[line->row].kind == KIND_ACCURACY ? 0 : -1;
    for (size_t i = 0; line->n_right >= 0 && i < v->d->n_scores; i++) {
        const store_score *s = &v->d->scores[i];
        if (is_of(v, &s->key, line->model, line->row) && s->has_credit) line->n_right += s->credit;
    }
}

static void add(cost_line *total, const cost_line *line)
{
    total->n_items += line->n_items;
    total->prompt += line->prompt;
    total->completion += line->completion;
    total->thought += line->thought;
    total->cost += line->cost;
    total->has_cost = total->has_cost && line->has_cost;
}

waage_status cost_make(const cost_line **out, size_t *n, const view *v)
{
    const size_t most = v->d->n_models * (v->an->n_rows + 1);
    cost_line *lines = arena_calloc(v->a, most, sizeof *lines);
    if (!lines) return waage_err_nomem(v->err);
    *n = 0;
    for (size_t m = 0; m < v->d->n_models; m++) {
        cost_line total = {.model = m, .row = SIZE_MAX, .has_cost = true, .n_right = -1};
        for (size_t r = 0; r < v->an->n_rows && is_served(v, m); r++) {
            cost_line line = {.model = m, .row = r};
            sum_up(v, &line);
            if (line.prompt + line.completion == 0) continue;
            add(&total, &line);
            lines[(*n)++] = line;
        }
        if (total.n_items) lines[(*n)++] = total;
    }
    *out = lines;
    return WAAGE_OK;
}

void cost_put_money(strbuf *out, double dollars)
{
    const int digits = dollars >= 100 ? 0 : dollars >= 1 ? 2 : dollars >= 0.01 ? 4 : 6;
    strbuf_printf(out, "$%.*f", dollars == 0 ? 0 : digits, dollars);
}

void cost_put_price(strbuf *out, const view *v, size_t model)
{
    const char *text = v->d->models[model].meta_json;
    value *meta = NULL;
    arena a = ARENA_EMPTY;
    if (text && json_parse(&meta, &a, text, strlen(text), "meta", 1, NULL) == WAAGE_OK &&
        value_get(meta, "price_input"))
        strbuf_printf(
            out, "$%g in, $%g cached, $%g out a million tokens (%s)",
            value_get_float(meta, "price_input", 0), value_get_float(meta, "price_cached", 0),
            value_get_float(meta, "price_output", 0), value_get_str(meta, "price_date", "no date"));
    arena_free(&a);
}
