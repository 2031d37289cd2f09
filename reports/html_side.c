/* html_side.c - open and closed models side by side. */
#include "reports/cost.h"
#include "reports/html_parts.h"
#include "reports/plot.h"
#include "reports/side.h"
#include <string.h>

enum { MAX_POINTS = 64 };

static void put_word_cell(html *h, const char *s)
{
    html_text_cell(h, s ? s : "unknown");
}

static void put_published(html *h)
{
    static const char *const headers[] = {
        "model",          "<weights", "<licence", "<training data",
        "<training code", "<class",   "<source",  NULL};
    html_open_table(h, headers);
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        const view_model *vm = &h->v->models[m];
        html_open_row(h, m);
        put_word_cell(h, vm->published.weights);
        put_word_cell(h, vm->published.licence);
        put_word_cell(h, vm->published.data);
        put_word_cell(h, vm->published.code);
        put_word_cell(h, vm->published.class);
        html_put(h, "<td class=\"l hash\">");
        html_text(h, vm->published.source ? vm->published.source : "");
        html_put(h, "<small>");
        if (vm->published.source) html_text(h, vm->published.date ? vm->published.date : "no date");
        if (vm->published.by) {
            html_put(h, vm->published.source ? ", by " : "by ");
            html_text(h, vm->published.by);
        }
        html_put(h, "</small></td></tr>\n");
    }
    html_close_table(h);
    html_put(h,
             "<p class=\"meta\">As its makers or the named source say; found by the model&rsquo;s "
             "name or given in RUN.yaml, never guessed (no date: from general knowledge, not "
             "looked up). Class: Model Openness Framework, I Open "
             "Science, II Open Tooling, III Open Model, none: Class III is not met.</p>\n");
}

static void put_seconds_cell(html *h, const side_model *s, double seconds)
{
    if (s->n_timed)
        strbuf_printf(h->out, "<td data-v=\"%.4f\">%.*f s</td>", seconds, seconds < 10 ? 2 : 0,
                      seconds);
    else
        html_put(h, "<td data-v=\"\">&ndash;</td>");
}

static void put_tokens_cell(html *h, uint64_t n, bool known)
{
    if (known)
        html_count_cell(h, (size_t)n);
    else
        html_put(h, "<td data-v=\"\">not counted</td>");
}

static void put_money_cell(html *h, const side_model *s, double cost, double by)
{
    html_put(h, "<td>");
    if (s->has_cost && by > 0)
        cost_put_money(h->out, cost / by);
    else
        html_put(h, "&ndash;");
    html_put(h, "</td>");
}

/* Only where the machine's counters could be read. */
static void put_energy(html *h, const side_model *side)
{
    bool any = false;
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        if (side[m].joules <= 0) continue;
        html_put(h, any ? ", " : " Energy for an item: ");
        any = true;
        html_model(h, m);
        strbuf_printf(h->out, " %.3g J", side[m].joules);
    }
    if (any)
        html_put(h, " (the whole processor while the model ran, with all else that ran on it).");
}

static void put_taken(html *h, const side_model *side)
{
    static const char *const headers[] = {
        "model", "answers",          "tokens in",   "tokens out",  "of it thought",
        "cost",  "per right answer", "median time", "95 % within", "stopped by a filter",
        NULL};
    html_open_table(h, headers);
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        const side_model *s = &side[m];
        html_open_row(h, m);
        html_count_cell(h, s->n_answers);
        put_tokens_cell(h, s->prompt, s->has_tokens);
        put_tokens_cell(h, s->completion, s->has_tokens);
        put_tokens_cell(h, s->thought, s->has_tokens && s->has_thought);
        put_money_cell(h, s, s->cost, 1);
        put_money_cell(h, s, s->cost_of_right, s->n_right);
        put_seconds_cell(h, s, s->median);
        put_seconds_cell(h, s, s->p95);
        strbuf_printf(h->out, "<td data-v=\"%zu\">%zu<small>%s</small></td></tr>\n", s->n_blocked,
                      s->n_blocked, s->layer);
    }
    html_close_table(h);
    html_put(h,
             "<p class=\"meta\">Over all suites. Time: from request to reply as it was run; local "
             "models answer in batches, servers with waits and second tries, so these are no "
             "measure of speed. Filter: beneath, where one may have been; a model&rsquo;s own "
             "refusals are not in it.");
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        strbuf price = STRBUF_EMPTY;
        cost_put_price(&price, h->v, m);
        if (price.len) {
            html_put(h, " ");
            html_model(h, m);
            html_put(h, ": ");
            html_text(h, strbuf_str(&price));
            html_put(h, ".");
        }
        strbuf_free(&price);
    }
    put_energy(h, side);
    html_put(h, "</p>\n");
}

static waage_status put_protocols(html *h)
{
    const view *v = h->v;
    const char **names = arena_calloc(v->a, v->an->n_rows + 1, sizeof *names);
    if (!names) return waage_err_nomem(v->err);
    names[0] = "model";
    for (size_t i = 0; i < v->an->n_rows; i++)
        names[i + 1] =
            arena_printf(v->a, "%s, %s", v->rows[i].title, protocol_name(v->an->rows[i].proto));
    html_put(h, "<h4>How it was put to each</h4>");
    html_begin_table(h, "class=\"st say\"", names, v->an->n_rows + 1);
    html_put(h, "<thead><tr>");
    for (size_t i = 0; i <= v->an->n_rows; i++) {
        html_put(h, i ? "<th scope=\"col\" class=\"l\">" : "<th scope=\"col\">");
        html_text(h, names[i]);
        html_put(h, "</th>");
    }
    html_put(h, "</tr></thead><tbody>");
    for (size_t m = 0; m < v->d->n_models; m++) {
        html_open_row(h, m);
        for (size_t i = 0; i < v->an->n_rows; i++)
            html_text_cell(h, side_protocol(v, i, m));
        html_put(h, "</tr>\n");
    }
    html_close_table(h);
    return WAAGE_OK;
}

/* --- thinking --------------------------------------------------------------------------------- */

static size_t color_of(const view *v, size_t model)
{
    for (size_t m = 0; m < model; m++)
        if (strcmp(v->models[m].family, v->models[model].family) == 0) return m;
    return model;
}

/* One series a family: a model under several efforts is joined by a line, by tokens. */
static void put_thinking_plot(html *h, const side_point *p, size_t n)
{
    plot_token points[MAX_POINTS];
    size_t n_points = 0;
    for (size_t i = 0; i < n && n_points < MAX_POINTS; i++)
        if (p[i].has_thought)
            points[n_points++] = (plot_token){p[i].thought, p[i].score->mean, p[i].score->ci,
                                              color_of(h->v, p[i].model)};
    plot_tokens(h->out, h->v->opt->gnuplot, points, n_points,
                "Score in percent against tokens of thought for an answer, as in the table");
}

static void put_thinking_row(html *h, const side_point *p)
{
    const char *effort = h->v->models[p->model].effort;
    html_open_row(h, p->model);
    html_text_cell(h, effort ? effort : "as by default");
    if (p->has_thought)
        strbuf_printf(h->out, "<td data-v=\"%.2f\">%.0f</td>", p->thought, p->thought);
    else
        html_put(h, "<td data-v=\"\">not counted</td>");
    strbuf_printf(h->out, "<td data-v=\"%.2f\">%.0f</td>", p->completion, p->completion);
    html_mean_cell(h, p->score, false);
    html_put(h, "<td>");
    if (p->cost_per_right > 0)
        cost_put_money(h->out, p->cost_per_right);
    else
        html_put(h, "&ndash;");
    html_put(h, "</td></tr>\n");
}

static waage_status put_thinking(html *h)
{
    static const char *const headers[] = {
        "model", "<effort", "thought tokens", "all tokens out", "score, %", "cost per right answer",
        NULL};
    const side_point *p = NULL;
    size_t n = 0;
    WAAGE_TRY(side_thinking(&p, &n, h->v));
    if (n == 0) return WAAGE_OK;
    html_put(h, "<h3>Tokens of thought against accuracy</h3>\n");
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && p[k].row == p[i].row; k++)
            ;
        html_put(h, "<h4>");
        html_text(h, h->v->rows[p[i].row].title);
        html_put(h, ", ");
        html_text(h, h->v->rows[p[i].row].how);
        html_put(h, "</h4><div class=\"side\">");
        put_thinking_plot(h, &p[i], k - i);
        html_open_table(h, headers);
        for (size_t j = i; j < k; j++)
            put_thinking_row(h, &p[j]);
        html_close_table(h);
        html_put(h, "</div>\n");
    }
    html_put(h, "<p class=\"meta\">Tokens are means for an answer, as each side counts them: "
                "tokenizers differ. Figure: tokens to the right, score in percent upwards; lines "
                "join one model under several efforts.</p>\n");
    return WAAGE_OK;
}

waage_status html_put_side(html *h)
{
    const side_model *side = NULL;
    WAAGE_TRY(side_make(&side, h->v));
    html_put(h, "<section><h2 id=\"models\">Open and closed side by side</h2>\n");
    put_published(h);
    put_taken(h, side);
    WAAGE_TRY(put_protocols(h));
    WAAGE_TRY(put_thinking(h));
    html_put(h, "</section>\n");
    return WAAGE_OK;
}
