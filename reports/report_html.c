/* report_html.c - the frame and the first screen: verdict, one table, one figure. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/hash.h"
#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/plot.h"
#include "reports/writers.h"

enum {
    TRANSCRIPT_BUDGET = 24 << 20, /* bytes of transcripts by default */
    MAX_PLOT_ROWS = 40,
    WIDE_MODELS = 3 /* up to here models are columns of the first table, beyond they are rows */
};

/* --- the first table -------------------------------------------------------------------------- */

/* What recorded answers without controls still show: the government that stands out most. */
static void put_contrast(html *h, const analysis_row *r, const analysis_recorded *k)
{
    for (size_t i = 0; i < k->n_contrasts; i++) {
        const analysis_contrast *c = &k->contrasts[i];
        if (c->against || !r->focus_actor || strcmp(c->actor, r->focus_actor) != 0) continue;
        strbuf_printf(h->out, "<td data-v=\"%.4f\">", c->recorded.diff);
        view_put_points(h->out, c->recorded.diff);
        html_put(h, "<small>");
        view_put_signed_interval(h->out, c->recorded.ci);
        html_put(h, "</small><small>our labels ");
        view_put_points(h->out, c->ours.diff);
        html_put(h, "</small></td>");
        return;
    }
    html_put(h, "<td data-v=\"\">not measurable</td>");
}

static void put_state_cell(html *h, const analysis_row *r, const analysis_cell *c)
{
    if (c->state == CELL_NOT_RUN) {
        html_put(h, "<td data-v=\"\"><small>not run</small></td>");
        return;
    }
    if (c->state == CELL_NOT_MEASURABLE && c->recorded && r->focus_actor) {
        put_contrast(h, r, c->recorded);
        return;
    }
    strbuf_printf(h->out, "<td data-v=\"\">%s<small class=\"why\">", analysis_state_name(c->state));
    html_text(h, c->why);
    html_put(h, "</small></td>");
}

static void put_score_cell(html *h, const analysis_row *r, const analysis_cell *c)
{
    const bool gap = r->kind == KIND_CENSORSHIP;
    if (c->state != CELL_SCORED) {
        put_state_cell(h, r, c);
        return;
    }
    const analysis_mean *m = gap ? &c->censorship->all.gap : &c->score;
    strbuf_printf(h->out, "<td data-v=\"%.4f\">", m->mean);
    if (gap) {
        html_put(h, "gap ");
        view_put_points(h->out, m->mean);
    } else {
        view_put_percent(h->out, m->mean);
        html_put(h, " %");
    }
    html_put(h, "<small>");
    (gap ? view_put_signed_interval : view_put_interval)(h->out, m->ci);
    html_put(h, "</small>");
    if (r->kind == KIND_SAFETY) {
        html_put(h, "<small>discrimination ");
        view_put_share(h->out, c->safety->j);
        html_put(h, "</small>");
    }
    if (c->at_floor) html_put(h, "<span class=\"tag\">at floor</span>");
    if (c->n_left_out) strbuf_printf(h->out, "<small>%zu left out</small>", c->n_left_out);
    html_put(h, "</td>");
}

static const analysis_comparison *comparison_of(const view *v, size_t row)
{
    for (size_t i = 0; i < v->an->n_comparisons; i++)
        if (v->an->comparisons[i].row == row) return &v->an->comparisons[i];
    return NULL;
}

static void put_difference_cell(html *h, const analysis_comparison *k)
{
    if (!k || k->n == 0) {
        html_put(h, "<td data-v=\"\">&ndash;</td>");
        return;
    }
    const bool sure = k->verdict == VERDICT_DIFFERENT;
    strbuf_printf(h->out, "<td data-v=\"%.4f\">%s", k->diff, sure ? "<b>" : "");
    view_put_points(h->out, k->diff);
    html_put(h, sure ? "</b><small>" : "<small>");
    view_put_signed_interval(h->out, k->ci);
    html_put(h, "</small><small>");
    if (k->test != TEST_NONE)
        html_p(h, k->p_adjusted);
    else
        html_put(h, analysis_verdict_name(k->verdict));
    html_put(h, "</small></td>");
}

/* Number of items that count, and the floor, over the models that were scored. */
static size_t most_counted(const view *v, const analysis_row *r)
{
    size_t n = 0;
    for (size_t m = 0; m < v->d->n_models; m++)
        if (r->cells[m].score.n > n) n = r->cells[m].score.n;
    return n ? n : r->n_items;
}

static double row_floor(const view *v, const analysis_row *r, bool *known)
{
    double floor = 0;
    *known = false;
    for (size_t m = 0; m < v->d->n_models; m++) {
        const analysis_cell *c = &r->cells[m];
        if (c->score.n == 0 || r->kind != KIND_ACCURACY) continue;
        if (view_floor(c) > floor) floor = view_floor(c);
        *known = true;
    }
    return floor;
}

static void put_row_header(html *h, size_t i, bool with_phone_facts)
{
    const view_row *vr = &h->v->rows[i];
    const analysis_row *r = &h->v->an->rows[i];
    bool known;
    const double floor = row_floor(h->v, r, &known);
    strbuf_printf(h->out, "<th scope=\"row\"><a href=\"#%s\">", vr->anchor);
    html_text(h, vr->title);
    html_put(h, "</a><small>");
    html_text(h, vr->how);
    html_put(h, "</small>");
    if (with_phone_facts) {
        html_put(h, "<small class=\"ph\">");
        view_put_count(h->out, most_counted(h->v, r));
        html_put(h, " items");
        if (known) {
            html_put(h, ", floor ");
            view_put_percent(h->out, floor);
        }
        html_put(h, "</small>");
    }
    html_put(h, "</th>");
}

static void put_floor_cell(html *h, const analysis_row *r)
{
    bool known;
    const double floor = row_floor(h->v, r, &known);
    if (!known) {
        html_put(h, "<td class=\"n\" data-v=\"\">&ndash;</td>");
        return;
    }
    strbuf_printf(h->out, "<td class=\"n\" data-v=\"%.4f\">", floor);
    view_put_percent(h->out, floor);
    html_put(h, "</td>");
}

static void put_suites_by_models(html *h)
{
    const view *v = h->v;
    html_put(h, "<thead><tr>");
    html_sort_header(h, "suite");
    html_put(h, "<th scope=\"col\" class=\"n\"><button>items</button></th>");
    for (size_t m = 0; m < v->d->n_models; m++) {
        html_put(h, "<th scope=\"col\"><button>");
        html_model(h, m);
        html_put(h, "</button><small>");
        html_text(h, v->models[m].descriptor);
        html_put(h, "</small></th>");
    }
    if (v->d->n_models == 2) html_sort_header(h, "difference");
    html_put(h, "<th scope=\"col\" class=\"n\"><button>floor</button></th></tr></thead><tbody>");
    for (size_t i = 0; i < v->an->n_rows; i++) {
        const analysis_row *r = &v->an->rows[i];
        html_put(h, "<tr>");
        put_row_header(h, i, true);
        strbuf_printf(h->out, "<td class=\"n\" data-v=\"%zu\">", most_counted(v, r));
        view_put_count(h->out, most_counted(v, r));
        html_put(h, "</td>");
        for (size_t m = 0; m < v->d->n_models; m++)
            put_score_cell(h, r, &r->cells[m]);
        if (v->d->n_models == 2) put_difference_cell(h, comparison_of(v, i));
        put_floor_cell(h, r);
        html_put(h, "</tr>\n");
    }
}

static void put_models_by_suites(html *h)
{
    const view *v = h->v;
    html_put(h, "<thead><tr>");
    html_sort_header(h, "model");
    for (size_t i = 0; i < v->an->n_rows; i++) {
        bool known;
        const double floor = row_floor(v, &v->an->rows[i], &known);
        html_put(h, "<th scope=\"col\"><button>");
        html_text(h, v->rows[i].title);
        html_put(h, "</button><small>");
        html_text(h, v->rows[i].how);
        html_put(h, "</small><small>");
        view_put_count(h->out, most_counted(v, &v->an->rows[i]));
        html_put(h, " items");
        if (known) {
            html_put(h, ", floor ");
            view_put_percent(h->out, floor);
        }
        html_put(h, "</small>");
        html_put(h, "</th>");
    }
    html_put(h, "</tr></thead><tbody>");
    for (size_t m = 0; m < v->d->n_models; m++) {
        html_put(h, "<tr><th scope=\"row\">");
        html_model(h, m);
        html_put(h, "<small>");
        html_text(h, v->models[m].descriptor);
        html_put(h, "</small></th>");
        for (size_t i = 0; i < v->an->n_rows; i++)
            put_score_cell(h, &v->an->rows[i], &v->an->rows[i].cells[m]);
        html_put(h, "</tr>\n");
    }
}

static void put_table(html *h)
{
    const bool by_suite = h->v->d->n_models <= WIDE_MODELS;
    const size_t n = by_suite ? 0 : h->v->an->n_rows;
    const char **names = arena_calloc(h->v->a, n + 1, sizeof *names);
    for (size_t i = 0; names && i < n; i++)
        names[i + 1] = arena_printf(h->v->a, "%s, %s", h->v->rows[i].title,
                                    protocol_name(h->v->an->rows[i].proto));
    html_begin_table(h, by_suite ? "id=\"scores\"" : "id=\"scores\" class=\"st\"", names,
                     names ? n + 1 : 0);
    if (by_suite)
        put_suites_by_models(h);
    else
        put_models_by_suites(h);
    html_put(h,
             "</tbody></table></div>\n<p class=\"meta\">Score in percent of the items that count, "
             "95 % interval beneath. Difference in points on the items that count for both; bold: "
             "different. Floor: the higher of chance and the best constant answer; a score whose "
             "interval does not lie above it is marked and enters no verdict.");
    for (size_t i = 0; i < h->v->an->n_rows; i++) {
        const analysis_row *r = &h->v->an->rows[i];
        if (!r->focus_actor) continue;
        html_put(h, " ");
        html_text(h, h->v->rows[i].title);
        html_put(h, ": in points, incomplete answers on ");
        html_text(h, r->focus_actor);
        html_put(h, " minus those on the others, by the recorded labels; no verdict.");
    }
    html_put(h, "</p>\n");
}

/* --- the figure ------------------------------------------------------------------------------- */

static const char *plot_label(const view *v, const analysis_comparison *k)
{
    const view_row *r = &v->rows[k->row];
    if (v->d->n_models == 2)
        return arena_printf(v->a, "%s, %s", r->title, protocol_name(v->an->rows[k->row].proto));
    return arena_printf(v->a, "%s: %s minus %s", r->title, v->models[k->a].label,
                        v->models[k->b].label);
}

static size_t plot_color(const analysis_comparison *k)
{
    if (k->ci.lo <= 0 && k->ci.hi >= 0) return SIZE_MAX;
    return (k->diff > 0) == !k->is_gap ? k->a : k->b;
}

static void put_figure(html *h)
{
    const view *v = h->v;
    plot_difference d[MAX_PLOT_ROWS];
    size_t n = 0, n_all = 0;
    for (size_t i = 0; i < v->an->n_comparisons; i++) {
        const analysis_comparison *k = &v->an->comparisons[i];
        if (k->n == 0) continue;
        n_all++;
        if (n == MAX_PLOT_ROWS) continue;
        const char *label = plot_label(v, k);
        d[n++] = (plot_difference){label ? label : "", k->diff, k->ci, plot_color(k)};
    }
    if (n == 0) return;
    html_put(h, "<figure>");
    const bool drawn =
        plot_differences(h->out, v->opt->gnuplot, d, n,
                         "Differences in points with 95 % intervals; the same numbers "
                         "stand in the tables");
    html_put(h, "<figcaption>");
    if (!drawn)
        html_put(h, "No figure: gnuplot is not installed, or failed. The differences stand in the "
                    "tables. ");
    else if (v->d->n_models == 2) {
        html_put(
            h, "Difference in points with its 95 % interval, item by item; to the right in favour "
               "of ");
        html_model(h, 0);
        html_put(h, " (of a censorship gap: a larger gap). Grey: the interval holds zero.");
    } else {
        html_put(h,
                 "First model minus second, in points, with 95 % intervals. Coloured by the better "
                 "model; grey: the interval holds zero.");
    }
    if (n_all > n) strbuf_printf(h->out, " The first %zu of %zu pairs.", n, n_all);
    html_put(h, "</figcaption></figure>\n");
}

/* --- the page --------------------------------------------------------------------------------- */

/* Base64 of the script's SHA-256: the page's policy lets this script run and nothing else, whatever
 * a model wrote. */
static void put_script_hash(strbuf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char hex[HASH_HEX];
    unsigned char b[HASH_BYTES + 1] = {0};
    hash_hex(html_script, strlen(html_script), hex);
    for (size_t i = 0; i < HASH_BYTES; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        b[i] = (unsigned char)byte;
    }
    for (size_t i = 0; i < HASH_BYTES; i += 3) {
        const unsigned w =
            (unsigned)b[i] << 16 | (unsigned)b[i + 1] << 8 | (i + 2 < HASH_BYTES ? b[i + 2] : 0u);
        strbuf_putc(out, digits[w >> 18]);
        strbuf_putc(out, digits[w >> 12 & 63]);
        strbuf_putc(out, digits[w >> 6 & 63]);
        strbuf_putc(out, i + 2 < HASH_BYTES ? digits[w & 63] : '=');
    }
}

static void put_head(html *h)
{
    const view *v = h->v;
    html_put(h,
             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
             "'unsafe-inline'; script-src 'sha256-");
    put_script_hash(h->out);
    html_put(
        h, "'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"
           "Waage report: ");
    for (size_t m = 0; m < v->d->n_models; m++) {
        if (m) html_put(h, m + 1 == v->d->n_models ? " and " : ", ");
        escape_puts_attr(h->out, v->models[m].label);
    }
    strbuf_printf(h->out, "</title>\n<style>%s</style></head>\n<body><main>\n", html_css);
}

/* When a run began, by its own manifest: its first ten characters are the date. */
static const char *date_of(const store_data *d)
{
    static const char *const keys[] = {"started", "start", "created", "date"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (size_t i = 0; i < d->n_manifest; i++)
            if (strcmp(d->manifest[i].key, keys[k]) == 0 && d->manifest[i].value &&
                strlen(d->manifest[i].value) >= 10)
                return d->manifest[i].value;
    return NULL;
}

static void put_dates(html *h)
{
    for (size_t i = 0; i < h->v->n_runs; i++) {
        const char *date = date_of(h->v->runs[i].data);
        if (!date) continue;
        html_put(h, i ? " and " : ". ");
        escape_put_html(h->out, date, 10);
    }
}

static void put_meta(html *h)
{
    const view *v = h->v;
    const char *grade = view_grade(v);
    html_put(h, "<header><h1>Waage report</h1>");
    if (v->subset) html_put(h, " <span class=\"tag\">subset</span>");
    strbuf_printf(h->out, "\n<p class=\"meta\">%zu %s, %zu %s, ", v->d->n_models,
                  view_plural(v->d->n_models, "model", "models"), v->an->n_rows,
                  view_plural(v->an->n_rows, "suite and protocol", "suites by protocol"));
    view_put_count(h->out, v->d->n_scores);
    html_put(h, " answers");
    put_dates(h);
    if (grade) {
        html_put(h, ", grade ");
        html_text(h, grade);
    }
    html_put(h, ".");
    if (v->n_runs == 1 && v->runs[0].scores_digest) {
        html_put(h, " Scores digest <code>");
        escape_put_html(h->out, v->runs[0].scores_digest, strnlen(v->runs[0].scores_digest, 16));
        html_put(h, "</code>");
    }
    html_put(h, "</p></header>\n");
}

static void put_verdict(html *h, const verdict *vd)
{
    html_put(h, "<p class=\"verdict\">");
    for (size_t i = 0; i < vd->n_sentences; i++) {
        html_spans(h, &vd->sentences[i]);
        html_put(h, "\n");
    }
    html_put(h, "</p>\n<div class=\"meta notes\">");
    for (size_t i = 0; i < vd->n_notes; i++) {
        html_put(h, "<p>");
        html_spans(h, &vd->notes[i]);
        html_put(h, "</p>\n");
    }
    for (size_t i = 0; i < h->v->n_notes; i++) {
        html_put(h, "<p>");
        html_text(h, h->v->notes[i]);
        html_put(h, "</p>\n");
    }
    html_put(h, "</div>\n");
}

static void put_nav(html *h)
{
    const view *v = h->v;
    html_put(h, "<nav aria-label=\"suites\">");
    for (size_t i = 0; i < v->an->n_rows; i++) {
        if (i > 0 && v->an->rows[i].task == v->an->rows[i - 1].task) continue;
        strbuf_printf(h->out, "<a href=\"#%s\">", v->rows[i].anchor);
        html_text(h, v->rows[i].title);
        html_put(h, "</a>");
    }
    html_put(h, "<a href=\"#models\">Open and closed side by side</a><a href=\"#how\">How this was "
                "measured</a></nav>\n");
}

waage_status report_write_html(strbuf *out, const view *v)
{
    verdict vd;
    html h = {out, v,
              v->opt->transcripts == REPORT_TRANSCRIPTS_DEFAULT ? TRANSCRIPT_BUDGET : SIZE_MAX,
              v->an->n_rows};
    WAAGE_TRY(verdict_make(&vd, v));
    put_head(&h);
    put_meta(&h);
    put_verdict(&h, &vd);
    put_nav(&h);
    put_table(&h);
    put_figure(&h);
    WAAGE_TRY(html_put_suites(&h));
    WAAGE_TRY(html_put_side(&h));
    WAAGE_TRY(html_put_cost(&h));
    html_put_foot(&h);
    strbuf_printf(out, "</main>\n<script>%s</script>\n</body></html>\n", html_script);
    return strbuf_check(out, v->err);
}
