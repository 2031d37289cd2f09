/* html_suite.c - one section a suite: outcomes, floors, levels, comparison, then what its kind
 * adds. */
#include <stdio.h>
#include <string.h>
#include "reports/html_parts.h"
#include "reports/plot.h"

enum { MAX_LEVELS_PLOTTED = 12, MAX_MODELS_PLOTTED = 8 };

/* --- outcomes --------------------------------------------------------------------------------- */

typedef struct {
    const char *class, *word;
    size_t n;
} segment;

enum { MAX_SEGMENTS = OUTCOME_COUNT + 4 };

/* The parts of a cell's answers, best first. Accuracy splits what was answered by credit. */
static size_t list_segments(const analysis_cell *c, analysis_kind kind, segment *s)
{
    static const outcome order[] = {OUTCOME_REFUSED,   OUTCOME_EVADED,      OUTCOME_UNPARSEABLE,
                                    OUTCOME_TRUNCATED, OUTCOME_EMPTY,       OUTCOME_DEGENERATE,
                                    OUTCOME_BLOCKED,   OUTCOME_UNSUPPORTED, OUTCOME_ERROR};
    size_t n = 0;
    if (kind == KIND_ACCURACY) {
        s[n++] = (segment){"right", "right", c->n_full};
        s[n++] = (segment){"partly", "partly right", c->n_part};
        s[n++] = (segment){"wrong", "wrong", c->n_none};
        s[n++] = (segment){"ungraded", "not graded", c->n_ungraded};
    } else {
        s[n++] = (segment){"answered", "answered", c->outcomes[OUTCOME_ANSWERED]};
    }
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        s[n++] = (segment){outcome_name(order[i]), outcome_name(order[i]), c->outcomes[order[i]]};
    return n;
}

static void put_counts(html *h, const segment *s, size_t n)
{
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        if (!s[i].n) continue;
        strbuf_printf(h->out, "%s%zu %s", first ? "" : ", ", s[i].n, s[i].word);
        first = false;
    }
}

static void put_left_out(html *h, const analysis_cell *c)
{
    if (!c->n_left_out) return;
    strbuf_printf(h->out,
                  "<small>%zu %s left out; had all of them failed or succeeded, the score "
                  "would be ",
                  c->n_left_out, view_plural(c->n_left_out, "item", "items"));
    view_put_percent(h->out, c->bounds.lo);
    html_put(h, " or ");
    view_put_percent(h->out, c->bounds.hi);
    html_put(h, "</small>");
}

static void put_bar_cell(html *h, const analysis_row *r, const analysis_cell *c)
{
    segment s[MAX_SEGMENTS];
    const size_t n = list_segments(c, r->kind, s);
    html_put(h, "<td class=\"out\"><div class=\"bar\" role=\"img\" aria-label=\"");
    put_counts(h, s, n);
    html_put(h, "\">");
    for (size_t i = 0; i < n; i++)
        if (s[i].n)
            strbuf_printf(h->out, "<i class=\"%s\" style=\"flex:%zu\"></i>", s[i].class, s[i].n);
    html_put(h, "</div><small>");
    put_counts(h, s, n);
    if (c->n_cut_answers)
        strbuf_printf(h->out, "; %zu %s hit the length limit", c->n_cut_answers,
                      view_plural(c->n_cut_answers, "reply", "replies"));
    if (c->n_forced)
        strbuf_printf(h->out, "; %zu %s ended by force at the budget", c->n_forced,
                      view_plural(c->n_forced, "thought", "thoughts"));
    html_put(h, "</small>");
    put_left_out(h, c);
    html_put(h, "</td>");
}

static void put_key(html *h, const analysis_row *r)
{
    segment total[MAX_SEGMENTS], s[MAX_SEGMENTS];
    size_t n = 0;
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        n = list_segments(&r->cells[m], r->kind, s);
        for (size_t i = 0; i < n; i++) {
            if (m == 0) total[i] = (segment){s[i].class, s[i].word, 0};
            total[i].n += s[i].n;
        }
    }
    html_put(h, "<p class=\"key\" aria-hidden=\"true\">");
    for (size_t i = 0; i < n; i++)
        if (total[i].n)
            strbuf_printf(h->out, "<span><i class=\"%s\"></i>%s</span>", total[i].class,
                          total[i].word);
    html_put(h, "</p>\n");
}

static void put_constant_cell(html *h, double share, const char *answer, bool quote)
{
    strbuf_printf(h->out, "<td data-v=\"%.4f\">", share);
    view_put_percent(h->out, share);
    if (answer && share > 0) {
        html_put(h, quote ? "<small>&ldquo;" : "<small>");
        strbuf clipped = STRBUF_EMPTY;
        const size_t len = strlen(answer);
        strbuf_put(&clipped, answer, len > 40 ? 40 : len);
        html_text(h, strbuf_str(&clipped));
        strbuf_free(&clipped);
        html_put(h,
                 quote ? (len > 40 ? "&hellip;&rdquo;</small>" : "&rdquo;</small>") : "</small>");
    }
    html_put(h, "</td>");
}

static void put_outcome_row(html *h, const analysis_row *r, size_t m)
{
    const analysis_cell *c = &r->cells[m];
    html_put(h, "<tr><th scope=\"row\">");
    html_model(h, m);
    html_put(h, "</th>");
    if (c->n_answers == 0 || c->state == CELL_UNSUPPORTED) {
        strbuf_printf(h->out, "<td class=\"out\">%s<small>", analysis_state_name(c->state));
        html_text(h, c->why);
        html_put(h, "</small></td>");
        for (int i = 0; i < (r->kind == KIND_ACCURACY ? 4 : 1); i++)
            html_put(h, "<td data-v=\"\">&ndash;</td>");
    } else {
        put_bar_cell(h, r, c);
        html_mean_cell(h, &c->score, false);
        if (r->kind == KIND_ACCURACY) {
            strbuf_printf(h->out, "<td data-v=\"%.4f\">", c->chance);
            view_put_percent(h->out, c->chance);
            html_put(h, "</td>");
            put_constant_cell(h, c->best_constant, c->best_constant_answer, true);
            put_constant_cell(h, c->commonest, c->commonest_answer, true);
        }
    }
    html_put(h, "</tr>\n");
}

static void put_outcomes(html *h, const analysis_row *r)
{
    const bool right = r->kind == KIND_ACCURACY;
    const char *const names[] = {"model",  "outcomes",      right ? "score, %" : "credit, %",
                                 "chance", "best constant", "commonest answer"};
    put_key(h, r);
    html_begin_table(h, "class=\"st\"", names, sizeof names / sizeof *names);
    html_put(h, "<thead><tr>");
    html_sort_header(h, "model");
    strbuf_printf(h->out, "<th scope=\"col\" class=\"l\">outcomes of %zu items%s</th>", r->n_items,
                  r->n_samples > 1 ? ", all samples" : "");
    html_sort_header(h, names[2]);
    if (right) {
        html_sort_header(h, "chance");
        html_sort_header(h, "best constant");
        html_sort_header(h, "commonest answer");
    }
    html_put(h, "</tr></thead><tbody>");
    for (size_t m = 0; m < h->v->d->n_models; m++)
        if (r->cells[m].state != CELL_NOT_RUN) put_outcome_row(h, r, m);
    html_put(h, "</tbody></table></div>\n");
}

/* --- levels, languages, further metrics --------------------------------------------------------
 */

typedef enum { BY_LEVEL, BY_LANGUAGE, BY_METRIC } slice_kind;

static const analysis_slice *slices_of(const analysis_cell *c, slice_kind kind, size_t *n)
{
    *n = kind == BY_LEVEL ? c->n_levels : kind == BY_LANGUAGE ? c->n_languages : c->n_extras;
    return kind == BY_LEVEL ? c->levels : kind == BY_LANGUAGE ? c->languages : c->extras;
}

/* The cell with the most slices names the columns. */
static const analysis_cell *widest(const html *h, const analysis_row *r, slice_kind kind)
{
    const analysis_cell *best = NULL;
    size_t most = 0, n;
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        slices_of(&r->cells[m], kind, &n);
        if (r->cells[m].score.n && n > most) {
            most = n;
            best = &r->cells[m];
        }
    }
    return best;
}

static const analysis_mean *slice_named(const analysis_cell *c, slice_kind kind, const char *name)
{
    size_t n;
    const analysis_slice *s = slices_of(c, kind, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(s[i].name, name) == 0) return &s[i].score;
    return NULL;
}

/* Whole percents in the interval: slices are small, and a dozen of them must fit beside each other.
 */
static void put_compact_cell(html *h, const analysis_mean *m)
{
    if (m->n == 0) {
        html_put(h, "<td data-v=\"\">&ndash;</td>");
        return;
    }
    strbuf_printf(h->out, "<td data-v=\"%.4f\">", m->mean);
    view_put_percent(h->out, m->mean);
    strbuf_printf(h->out, "<small>%.0f&ndash;%.0f</small></td>", 100 * m->ci.lo, 100 * m->ci.hi);
}

static void put_slice_table(html *h, const analysis_row *r, slice_kind kind, const char *word)
{
    static const analysis_mean none = {0};
    const analysis_cell *lead = widest(h, r, kind);
    size_t n;
    const analysis_slice *names = slices_of(lead, kind, &n);
    const char **titles = arena_calloc(h->v->a, n + 1, sizeof *titles);
    if (!titles) return;
    for (size_t i = 0; i < n; i++)
        titles[i + 1] =
            kind == BY_METRIC ? names[i].name : arena_printf(h->v->a, "%s %s", word, names[i].name);
    html_begin_table(h, "class=\"st\"", titles, n + 1);
    strbuf_printf(h->out, "<thead><tr><th scope=\"col\">%s</th>", word);
    for (size_t i = 0; i < n; i++) {
        html_put(h, "<th scope=\"col\"><button>");
        html_text(h, names[i].name);
        strbuf_printf(h->out, "</button><small>%zu</small></th>", names[i].score.n);
    }
    html_put(h, "</tr></thead><tbody>");
    for (size_t m = 0; m < h->v->d->n_models; m++) {
        if (r->cells[m].score.n == 0) continue;
        html_put(h, "<tr><th scope=\"row\">");
        html_model(h, m);
        html_put(h, "</th>");
        for (size_t i = 0; i < n; i++) {
            const analysis_mean *s = slice_named(&r->cells[m], kind, names[i].name);
            put_compact_cell(h, s ? s : &none);
        }
        html_put(h, "</tr>\n");
    }
    html_put(h, "</tbody></table></div>\n");
}

static void put_level_plot(html *h, const analysis_row *r)
{
    size_t n, n_series = 0;
    const analysis_slice *names = slices_of(widest(h, r, BY_LEVEL), BY_LEVEL, &n);
    const char *labels[MAX_LEVELS_PLOTTED];
    plot_point points[MAX_MODELS_PLOTTED][MAX_LEVELS_PLOTTED];
    plot_series series[MAX_MODELS_PLOTTED];
    if (n < 2 || n > MAX_LEVELS_PLOTTED) return;
    for (size_t i = 0; i < n; i++)
        labels[i] = names[i].name;
    for (size_t m = 0; m < h->v->d->n_models && n_series < MAX_MODELS_PLOTTED; m++) {
        plot_series *s = &series[n_series];
        *s = (plot_series){points[n_series], 0, m % 8};
        for (size_t i = 0; i < n; i++) {
            const analysis_mean *x = slice_named(&r->cells[m], BY_LEVEL, names[i].name);
            if (x && x->n) points[n_series][s->n++] = (plot_point){i, x->mean, x->ci};
        }
        n_series += s->n > 0;
    }
    plot_levels(h->out, h->v->opt->gnuplot, labels, n, series, n_series,
                "Score in percent by level with 95 % intervals, as in the table beside it");
}

void html_put_levels(html *h, size_t row)
{
    const analysis_row *r = &h->v->an->rows[row];
    const analysis_cell *levels = widest(h, r, BY_LEVEL), *languages = widest(h, r, BY_LANGUAGE);
    if (levels && levels->n_levels > 1) {
        html_put(h, "<div class=\"side\">");
        put_level_plot(h, r);
        put_slice_table(h, r, BY_LEVEL, "level");
        html_put(h, "</div>\n");
    }
    if (languages && languages->n_languages > 1) put_slice_table(h, r, BY_LANGUAGE, "language");
    if (widest(h, r, BY_METRIC)) put_slice_table(h, r, BY_METRIC, "further metric, %");
}

/* --- comparison ------------------------------------------------------------------------------- */

static waage_status put_comparison(html *h, size_t row)
{
    const analysis *an = h->v->an;
    for (size_t i = 0; i < an->n_comparisons; i++) {
        const analysis_comparison *k = &an->comparisons[i];
        verdict_text t;
        if (k->row != row || k->verdict == VERDICT_NOTHING_COMMON) continue;
        if (k->verdict == VERDICT_NOT_MEASURABLE) continue;
        WAAGE_TRY(verdict_explain(&t, h->v, k));
        html_put(h, "<p>");
        html_spans(h, &t);
        html_put(h, "</p>\n");
    }
    return WAAGE_OK;
}

static waage_status put_comparison_table(html *h, size_t row)
{
    static const char *const headers[] = {
        "first",      "<second", "items",     "score of the first", "of the second",
        "difference", "p, Holm", "could see", "<verdict",           NULL};
    const analysis *an = h->v->an;
    bool any = false;
    for (size_t i = 0; i < an->n_comparisons; i++) {
        const analysis_comparison *k = &an->comparisons[i];
        if (k->row != row || k->n == 0) continue;
        if (!any) {
            html_put(h, "<h4>Pairs of models</h4>");
            html_open_table(h, headers);
        }
        any = true;
        html_put(h, "<tr><th scope=\"row\">");
        html_model(h, k->a);
        html_put(h, "</th><td class=\"l\">");
        html_model(h, k->b);
        strbuf_printf(h->out, "</td><td data-v=\"%zu\">%zu</td><td data-v=\"%.4f\">", k->n, k->n,
                      k->mean_a);
        view_put_percent(h->out, k->mean_a);
        strbuf_printf(h->out, "</td><td data-v=\"%.4f\">", k->mean_b);
        view_put_percent(h->out, k->mean_b);
        strbuf_printf(h->out, "</td><td data-v=\"%.4f\">", k->diff);
        view_put_points(h->out, k->diff);
        html_put(h, "<small>");
        view_put_signed_interval(h->out, k->ci);
        strbuf_printf(h->out, "</small></td><td data-v=\"%.6f\">", k->p_adjusted);
        if (k->test != TEST_NONE)
            html_p(h, k->p_adjusted);
        else
            html_put(h, "&ndash;");
        strbuf_printf(h->out, "</td><td data-v=\"%.4f\">", k->detectable);
        if (k->test != TEST_NONE) view_put_percent(h->out, k->detectable);
        strbuf_printf(h->out, "</td><td class=\"l\">%s</td></tr>\n",
                      analysis_verdict_name(k->verdict));
    }
    if (any) html_close_table(h);
    return WAAGE_OK;
}

/* --- sections --------------------------------------------------------------------------------- */

static void put_row_meta(html *h, size_t row)
{
    const analysis_row *r = &h->v->an->rows[row];
    const store_task *t = &h->v->d->tasks[r->task];
    html_put(h, "<p class=\"meta\">");
    html_text(h, h->v->rows[row].how);
    strbuf_printf(h->out, "; %zu items", r->n_items);
    if (r->n_clusters) strbuf_printf(h->out, " in %zu clusters", r->n_clusters);
    if (r->n_samples > 1) strbuf_printf(h->out, ", %u samples each", r->n_samples);
    strbuf_printf(h->out, "; task ");
    html_text(h, t->name);
    strbuf_printf(h->out, " version %d", t->version);
    if (t->licence && *t->licence) {
        html_put(h, ", ");
        html_text(h, t->licence);
    }
    html_put(h, "</p>\n");
}

static waage_status put_row(html *h, size_t row)
{
    put_row_meta(h, row);
    put_outcomes(h, &h->v->an->rows[row]);
    html_put_levels(h, row);
    if (h->v->d->n_models == 2)
        WAAGE_TRY(put_comparison(h, row));
    else
        WAAGE_TRY(put_comparison_table(h, row));
    html_put_validity(h, row);
    html_put_items(h, row);
    return WAAGE_OK;
}

waage_status html_put_suites(html *h)
{
    const view *v = h->v;
    for (size_t i = 0; i < v->an->n_rows; i++) {
        const bool same = i > 0 && v->an->rows[i].task == v->an->rows[i - 1].task;
        const bool more = i + 1 < v->an->n_rows && v->an->rows[i].task == v->an->rows[i + 1].task;
        if (!same) {
            html_put(h, i ? "</section>\n<section><h2" : "<section><h2");
            if (!more) strbuf_printf(h->out, " id=\"%s\"", v->rows[i].anchor);
            html_put(h, ">");
            html_text(h, v->rows[i].title);
            html_put(h, "</h2>\n");
        }
        if (same || more) {
            strbuf_printf(h->out, "<h3 id=\"%s\">By %s</h3>\n", v->rows[i].anchor,
                          protocol_name(v->an->rows[i].proto));
        }
        WAAGE_TRY(put_row(h, i));
    }
    if (v->an->n_rows) html_put(h, "</section>\n");
    return WAAGE_OK;
}
