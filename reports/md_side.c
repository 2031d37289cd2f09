/* md_side.c - open and closed models side by side, as Markdown tables. */
#include "reports/cost.h"
#include "reports/escape.h"
#include "reports/md_parts.h"
#include "reports/side.h"

static void put_cell(strbuf *out, const char *s)
{
    strbuf_puts(out, " | ");
    escape_puts_md(out, s);
}

static void put_published(strbuf *out, const view *v)
{
    strbuf_puts(out, "| model | weights | licence | training data | training code | class (Model "
                     "Openness Framework) | source |\n|---|---|---|---|---|---|---|\n");
    for (size_t m = 0; m < v->d->n_models; m++) {
        const view_model *vm = &v->models[m];
        const char *const words[] = {vm->published.weights, vm->published.licence,
                                     vm->published.data, vm->published.code, vm->published.class};
        strbuf_puts(out, "| ");
        escape_puts_md(out, vm->label);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            put_cell(out, words[i] ? words[i] : "unknown");
        put_cell(out, vm->published.source ? vm->published.source : "");
        if (vm->published.source) {
            strbuf_puts(out, ", ");
            escape_puts_md(out, vm->published.date ? vm->published.date : "no date");
        }
        strbuf_puts(out, " |\n");
    }
    strbuf_puts(out, "\n");
}

static void put_tokens(strbuf *out, uint64_t n, bool known)
{
    if (known)
        strbuf_printf(out, " | %llu", (unsigned long long)n);
    else
        strbuf_puts(out, " | not counted");
}

static void put_taken(strbuf *out, const view *v, const side_model *side)
{
    strbuf_puts(out,
                "| model | answers | tokens in | tokens out | of it thought | cost | per right "
                "answer | median time, s | 95 % within, s | stopped by a filter "
                "|\n|---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n");
    for (size_t m = 0; m < v->d->n_models; m++) {
        const side_model *s = &side[m];
        strbuf_puts(out, "| ");
        escape_puts_md(out, v->models[m].label);
        strbuf_printf(out, " | %zu", s->n_answers);
        put_tokens(out, s->prompt, s->has_tokens);
        put_tokens(out, s->completion, s->has_tokens);
        put_tokens(out, s->thought, s->has_tokens && s->has_thought);
        strbuf_puts(out, " | ");
        if (s->has_cost) cost_put_money(out, s->cost);
        strbuf_puts(out, " | ");
        if (s->has_cost && s->n_right > 0) cost_put_money(out, s->cost_of_right / s->n_right);
        if (s->n_timed)
            strbuf_printf(out, " | %.3g | %.3g", s->median, s->p95);
        else
            strbuf_puts(out, " |  | ");
        strbuf_printf(out, " | %zu (%s) |\n", s->n_blocked, s->layer);
    }
    strbuf_puts(out, "\n");
    for (size_t m = 0; m < v->d->n_models; m++) {
        if (side[m].joules <= 0) continue;
        strbuf_puts(out, "- Energy for an item, ");
        escape_puts_md(out, v->models[m].label);
        strbuf_printf(out, ": %.3g J (the whole processor)\n\n", side[m].joules);
    }
}

static void put_protocols(strbuf *out, const view *v)
{
    strbuf_puts(out, "| suite | model | how it was put |\n|---|---|---|\n");
    for (size_t i = 0; i < v->an->n_rows; i++)
        for (size_t m = 0; m < v->d->n_models; m++) {
            strbuf_puts(out, "| ");
            escape_puts_md(out, v->rows[i].title);
            strbuf_printf(out, ", %s", protocol_name(v->an->rows[i].proto));
            put_cell(out, v->models[m].label);
            put_cell(out, side_protocol(v, i, m));
            strbuf_puts(out, " |\n");
        }
    strbuf_puts(out, "\n");
}

static waage_status put_thinking(strbuf *out, const view *v)
{
    const side_point *p = NULL;
    size_t n = 0;
    WAAGE_TRY(side_thinking(&p, &n, v));
    if (n == 0) return WAAGE_OK;
    strbuf_puts(out, "| suite | model | effort | thought tokens for an answer | all tokens out | "
                     "score % [95 %] | cost per right answer |\n|---|---|---|--:|--:|---|--:|\n");
    for (size_t i = 0; i < n; i++) {
        const char *effort = v->models[p[i].model].effort;
        strbuf_puts(out, "| ");
        escape_puts_md(out, v->rows[p[i].row].title);
        strbuf_printf(out, ", %s", protocol_name(v->an->rows[p[i].row].proto));
        put_cell(out, v->models[p[i].model].label);
        put_cell(out, effort ? effort : "as by default");
        if (p[i].has_thought)
            strbuf_printf(out, " | %.0f", p[i].thought);
        else
            strbuf_puts(out, " | not counted");
        strbuf_printf(out, " | %.0f | ", p[i].completion);
        view_put_percent(out, p[i].score->mean);
        strbuf_puts(out, " [");
        view_put_interval(out, p[i].score->ci);
        strbuf_puts(out, "] | ");
        if (p[i].cost_per_right > 0) cost_put_money(out, p[i].cost_per_right);
        strbuf_puts(out, " |\n");
    }
    strbuf_puts(out, "\n");
    return WAAGE_OK;
}

waage_status md_put_side(strbuf *out, const view *v)
{
    const side_model *side = NULL;
    WAAGE_TRY(side_make(&side, v));
    strbuf_puts(out, "## Open and closed side by side\n\n");
    put_published(out, v);
    put_taken(out, v, side);
    put_protocols(out, v);
    return put_thinking(out, v);
}
