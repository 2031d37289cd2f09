/* report_md.c - Markdown for pull requests and READMEs: verdict, tables, comparisons, how it was
 * measured; transcripts only when asked for. */
#include <string.h>
#include "reports/cost.h"
#include "reports/escape.h"
#include "reports/md_parts.h"
#include "reports/verdict.h"
#include "reports/writers.h"

static void put_spans(strbuf *out, const verdict_text *t)
{
    for (size_t i = 0; i < t->n_spans; i++) {
        const bool model = t->spans[i].model != SIZE_MAX;
        if (model) strbuf_puts(out, "**");
        escape_puts_md(out, t->spans[i].text);
        if (model) strbuf_puts(out, "**");
    }
}

static void put_verdict(strbuf *out, const view *v, const verdict *vd)
{
    strbuf_puts(out, v->subset ? "# Waage report (subset)\n\n" : "# Waage report\n\n");
    for (size_t i = 0; i < vd->n_sentences; i++) {
        put_spans(out, &vd->sentences[i]);
        strbuf_puts(out, "\n\n");
    }
    for (size_t i = 0; i < vd->n_notes; i++) {
        strbuf_puts(out, "- ");
        put_spans(out, &vd->notes[i]);
        strbuf_puts(out, "\n");
    }
    for (size_t i = 0; i < v->n_notes; i++) {
        strbuf_puts(out, "- ");
        escape_puts_md(out, v->notes[i]);
        strbuf_puts(out, "\n");
    }
    strbuf_puts(out, "\n");
}

/* --- scores ----------------------------------------------------------------------------------- */

static void put_score(strbuf *out, const analysis_row *r, const analysis_cell *c)
{
    const bool gap = r->kind == KIND_CENSORSHIP;
    if (c->state != CELL_SCORED) {
        strbuf_printf(out, "%s (", analysis_state_name(c->state));
        escape_puts_md(out, c->why);
        strbuf_puts(out, ")");
        return;
    }
    if (gap) {
        strbuf_puts(out, "gap ");
        view_put_points(out, c->censorship->all.gap.mean);
        strbuf_puts(out, " [");
        view_put_signed_interval(out, c->censorship->all.gap.ci);
    } else {
        view_put_percent(out, c->score.mean);
        strbuf_puts(out, " [");
        view_put_interval(out, c->score.ci);
    }
    strbuf_puts(out, "]");
    if (r->kind == KIND_SAFETY) {
        strbuf_puts(out, ", discrimination ");
        view_put_share(out, c->safety->j);
    }
    if (c->at_floor) strbuf_puts(out, ", at floor");
}

static void put_scores(strbuf *out, const view *v)
{
    strbuf_puts(out, "| suite | protocol | model | n | score % [95 %] | chance | best constant | "
                     "commonest answer | left out |\n|---|---|---|--:|---|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < v->an->n_rows; i++)
        for (size_t m = 0; m < v->d->n_models; m++) {
            const analysis_row *r = &v->an->rows[i];
            const analysis_cell *c = &r->cells[m];
            if (c->state == CELL_NOT_RUN) continue;
            strbuf_puts(out, "| ");
            escape_puts_md(out, v->rows[i].title);
            strbuf_puts(out, " | ");
            escape_puts_md(out, v->rows[i].how);
            strbuf_puts(out, " | ");
            escape_puts_md(out, v->models[m].label);
            strbuf_puts(out, " (");
            escape_puts_md(out, v->models[m].descriptor);
            strbuf_printf(out, ") | %zu | ", c->score.n);
            put_score(out, r, c);
            strbuf_puts(out, " | ");
            view_put_percent(out, c->chance);
            strbuf_puts(out, " | ");
            view_put_percent(out, c->best_constant);
            strbuf_puts(out, " | ");
            view_put_percent(out, c->commonest);
            strbuf_printf(out, " | %zu |\n", c->n_left_out);
        }
    strbuf_puts(out, "\n");
}

/* --- suites ----------------------------------------------------------------------------------- */

static void put_outcomes(strbuf *out, const view *v, const analysis_row *r)
{
    strbuf_puts(out, "| model | right | partly | wrong |");
    for (size_t o = 0; o < OUTCOME_ANSWERED; o++)
        strbuf_printf(out, " %s |", outcome_name((outcome)o));
    strbuf_puts(out, "\n|---|--:|--:|--:|");
    for (size_t o = 0; o < OUTCOME_ANSWERED; o++)
        strbuf_puts(out, "--:|");
    strbuf_puts(out, "\n");
    for (size_t m = 0; m < v->d->n_models; m++) {
        const analysis_cell *c = &r->cells[m];
        if (c->n_answers == 0) continue;
        strbuf_puts(out, "| ");
        escape_puts_md(out, v->models[m].label);
        strbuf_printf(out, " | %zu | %zu | %zu |", c->n_full, c->n_part, c->n_none);
        for (size_t o = 0; o < OUTCOME_ANSWERED; o++)
            strbuf_printf(out, " %zu |", c->outcomes[o]);
        strbuf_puts(out, "\n");
    }
    strbuf_puts(out, "\n");
}

static void put_levels(strbuf *out, const view *v, const analysis_row *r)
{
    const analysis_cell *lead = NULL;
    for (size_t m = 0; m < v->d->n_models; m++)
        if (r->cells[m].score.n && (!lead || r->cells[m].n_levels > lead->n_levels))
            lead = &r->cells[m];
    if (!lead || lead->n_levels < 2) return;
    strbuf_puts(out, "| score % by level |");
    for (size_t i = 0; i < lead->n_levels; i++) {
        strbuf_puts(out, " ");
        escape_puts_md(out, lead->levels[i].name);
        strbuf_puts(out, " |");
    }
    strbuf_puts(out, "\n|---|");
    for (size_t i = 0; i < lead->n_levels; i++)
        strbuf_puts(out, "--:|");
    strbuf_puts(out, "\n");
    for (size_t m = 0; m < v->d->n_models; m++) {
        const analysis_cell *c = &r->cells[m];
        if (c->score.n == 0) continue;
        strbuf_puts(out, "| ");
        escape_puts_md(out, v->models[m].label);
        strbuf_puts(out, " |");
        for (size_t i = 0; i < lead->n_levels; i++) {
            strbuf_puts(out, " ");
            for (size_t k = 0; k < c->n_levels; k++)
                if (strcmp(c->levels[k].name, lead->levels[i].name) == 0 && c->levels[k].score.n)
                    view_put_percent(out, c->levels[k].score.mean);
            strbuf_puts(out, " |");
        }
        strbuf_puts(out, "\n");
    }
    strbuf_puts(out, "\n");
}

static waage_status put_comparisons(strbuf *out, const view *v, size_t row)
{
    for (size_t i = 0; i < v->an->n_comparisons; i++) {
        const analysis_comparison *k = &v->an->comparisons[i];
        verdict_text t;
        if (k->row != row || k->n == 0) continue;
        WAAGE_TRY(verdict_explain(&t, v, k));
        strbuf_puts(out, "**");
        escape_puts_md(out, v->models[k->a].label);
        strbuf_puts(out, "** minus **");
        escape_puts_md(out, v->models[k->b].label);
        strbuf_puts(out, "**: ");
        view_put_points(out, k->diff);
        strbuf_puts(out, " points [");
        view_put_signed_interval(out, k->ci);
        strbuf_puts(out, "]. ");
        put_spans(out, &t);
        strbuf_puts(out, "\n\n");
    }
    return WAAGE_OK;
}

/* --- transcripts ------------------------------------------------------------------------------ */

static void put_answer(strbuf *out, const view *v, const analysis_row *r, size_t item, size_t model,
                       bool may_show)
{
    const analysis_item *it = &r->cells[model].items[item];
    for (size_t i = 0; i < it->n_scores; i++) {
        strbuf_puts(out, "**");
        escape_puts_md(out, v->models[model].label);
        strbuf_printf(out, "**: %s", view_result_word(it->scores[i], r->kind));
        if (it->scores[i]->reason) {
            strbuf_puts(out, ", ");
            escape_puts_md(out, it->scores[i]->reason);
        }
        strbuf_puts(out, "\n\n");
    }
    for (size_t i = 0; i < it->n_responses; i++) {
        if (may_show && it->responses[i]->prompt) {
            strbuf_puts(out, "Prompt:\n\n");
            escape_put_md_block(out, it->responses[i]->prompt);
        }
        strbuf_puts(out, "\nAnswer:\n\n");
        escape_put_md_block(out, it->responses[i]->text);
        strbuf_puts(out, "\n");
    }
}

static void put_transcripts(strbuf *out, const view *v, const analysis_row *r)
{
    const int wanted = v->opt->transcripts;
    const size_t n = wanted == REPORT_TRANSCRIPTS_ALL ? r->n_items
                     : wanted > 0                     ? (size_t)wanted
                                                      : 0;
    const bool may_show = view_may_show(v, &v->d->tasks[r->task]);
    for (size_t i = 0; i < n && i < r->n_items; i++) {
        strbuf_puts(out, "### ");
        escape_puts_md(out, r->items[i]->id);
        strbuf_puts(out, "\n\n");
        if (may_show && r->items[i]->question) {
            escape_puts_md(out, r->items[i]->question);
            strbuf_puts(out, "\n\n");
        }
        for (size_t m = 0; m < v->d->n_models; m++)
            put_answer(out, v, r, i, m, may_show);
    }
}

/* --- cost ------------------------------------------------------------------------------------- */

static void put_cost_line(strbuf *out, const view *v, const cost_line *c)
{
    const double by[] = {1, (double)c->n_items, c->n_right};
    strbuf_puts(out, "| ");
    escape_puts_md(out, v->models[c->model].label);
    strbuf_puts(out, " | ");
    if (c->row == SIZE_MAX) {
        strbuf_puts(out, "all suites");
    } else {
        escape_puts_md(out, v->rows[c->row].title);
        strbuf_puts(out, ", ");
        escape_puts_md(out, v->rows[c->row].how);
    }
    strbuf_printf(out, " | %zu | %llu | %llu | %llu |", c->n_items, (unsigned long long)c->prompt,
                  (unsigned long long)c->completion, (unsigned long long)c->thought);
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        strbuf_puts(out, " ");
        if (c->has_cost && by[i] > 0) cost_put_money(out, c->cost / by[i]);
        strbuf_puts(out, " |");
    }
    strbuf_puts(out, "\n");
}

static waage_status put_cost(strbuf *out, const view *v)
{
    const cost_line *lines = NULL;
    size_t n = 0;
    WAAGE_TRY(cost_make(&lines, &n, v));
    if (n == 0) return WAAGE_OK;
    strbuf_puts(out,
                "## Tokens and cost\n\n| model | suite | answers | tokens in | tokens out | of it "
                "thought | cost | per item | per right answer "
                "|\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < n; i++)
        put_cost_line(out, v, &lines[i]);
    strbuf_puts(out, "\n");
    for (size_t i = 0; i < n; i++) {
        strbuf price = STRBUF_EMPTY;
        if (lines[i].row != SIZE_MAX) continue;
        cost_put_price(&price, v, lines[i].model);
        strbuf_puts(out, "- ");
        escape_puts_md(out, v->models[lines[i].model].label);
        strbuf_puts(out, ": ");
        escape_puts_md(out, price.len ? strbuf_str(&price)
                                      : "price not known, or as the service reckoned");
        strbuf_puts(out, "\n");
        strbuf_free(&price);
    }
    strbuf_puts(out, "\n");
    return WAAGE_OK;
}

/* --- foot ------------------------------------------------------------------------------------- */

static void put_foot(strbuf *out, const view *v)
{
    strbuf_puts(
        out,
        "## How this was measured\n\n| model | kind | licence | sha256 |\n|---|---|---|---|\n");
    for (size_t i = 0; i < v->d->n_models; i++) {
        strbuf_puts(out, "| ");
        escape_puts_md(out, v->models[i].label);
        strbuf_puts(out, " | ");
        escape_puts_md(out, v->models[i].descriptor);
        strbuf_puts(out, " | ");
        escape_puts_md(out, v->models[i].licence ? v->models[i].licence : "not stated");
        strbuf_puts(out, " | ");
        escape_puts_md(out, v->d->models[i].sha256);
        strbuf_puts(out, " |\n");
    }
    strbuf_puts(out, "\n");
    for (size_t i = 0; i < v->d->n_settings; i++) {
        strbuf_puts(out, "- ");
        escape_puts_md(out, v->d->settings[i].key);
        strbuf_puts(out, ": ");
        escape_puts_md(out, v->d->settings[i].value);
        strbuf_puts(out, "\n");
    }
    for (size_t i = 0; i < v->n_runs; i++)
        if (v->runs[i].scores_digest) {
            strbuf_puts(out, "- scores digest: ");
            escape_puts_md(out, v->runs[i].scores_digest);
            strbuf_puts(out, "\n");
        }
    strbuf_puts(out, "\n");
    escape_put_md_block(out, v->opt->repeat ? v->opt->repeat
                             : v->opt->rerun
                                 ? v->opt->rerun
                                 : "waage run -c run.yaml -o again && waage digest again");
}

waage_status report_write_md(strbuf *out, const view *v)
{
    verdict vd;
    WAAGE_TRY(verdict_make(&vd, v));
    put_verdict(out, v, &vd);
    put_scores(out, v);
    for (size_t i = 0; i < v->an->n_rows; i++) {
        strbuf_puts(out, "## ");
        escape_puts_md(out, v->rows[i].title);
        strbuf_puts(out, ", ");
        escape_puts_md(out, v->rows[i].how);
        strbuf_puts(out, "\n\n");
        put_outcomes(out, v, &v->an->rows[i]);
        put_levels(out, v, &v->an->rows[i]);
        WAAGE_TRY(put_comparisons(out, v, i));
        md_put_recorded(out, v, &v->an->rows[i]);
        put_transcripts(out, v, &v->an->rows[i]);
    }
    WAAGE_TRY(md_put_side(out, v));
    WAAGE_TRY(put_cost(out, v));
    put_foot(out, v);
    return strbuf_check(out, v->err);
}
