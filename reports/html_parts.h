/* html_parts.h - the pieces of the HTML report, in the order of the page: report_html.c writes the
 * frame and the first screen, html_suite.c a section for each suite, html_safety.c what safety and
 * censorship suites add, html_recorded.c what labels of recorded answers say, html_item.c the
 * transcripts, html_side.c open and closed models side by side, html_cost.c tokens and money,
 * html_foot.c how it was measured; html_table.c holds tables and their cells, html_style.c style
 * and script. */
#ifndef REPORTS_HTML_PARTS_H
#define REPORTS_HTML_PARTS_H
#include "reports/verdict.h"

typedef struct {
    strbuf *out;
    const view *v;
    size_t budget;    /* bytes that transcripts may still take; SIZE_MAX: no cap */
    size_t rows_left; /* rows that share the budget */
} html;

extern const char html_css[], html_script[];

waage_status html_put_suites(html *h);
void html_put_levels(html *h, size_t row);
void html_put_validity(html *h, size_t row); /* safety, censorship, labels, recorded labels */
void html_put_recorded(html *h, const analysis_row *r);
void html_put_traces(html *h, const analysis_row *r); /* thoughts; may be nothing */
void html_put_hosts(html *h, const analysis_row *r);  /* who served answers; may be nothing */
void html_put_items(html *h, size_t row);
WAAGE_MUST_CHECK waage_status html_put_side(html *h); /* open and closed side by side */
WAAGE_MUST_CHECK waage_status html_put_cost(html *h); /* tokens and money; may be nothing */
void html_put_foot(html *h);

/* Shared pieces. */
void html_put(html *h, const char *markup); /* as it is */
void html_text(html *h, const char *s);     /* escaped */
void html_model(html *h, size_t model);     /* the label in the model's colour */
void html_p(html *h, double p);             /* p = .44 */
void html_spans(html *h, const verdict_text *t);
/* A cell with a mean in percent, its interval beneath, sortable by value. signed_: a difference. */
void html_mean_cell(html *h, const analysis_mean *m, bool signed_);
/* <th><button>label</button></th>: a header that sorts its column. */
void html_sort_header(html *h, const char *label);
const char *html_fill(size_t model); /* class "m0".."m7" */

/* <div><table ATTRIBUTES>, up to its head. The columns' names (n, any text) go into its style: on a
 * phone a table of class "st" becomes a list, each cell beneath its column's name. */
void html_begin_table(html *h, const char *attributes, const char *const *names, size_t n);
/* The same with its head: sortable columns, plain words; one that begins with "<" stands over text.
 * NULL ends the list. */
void html_open_table(html *h, const char *const *headers);
void html_close_table(html *h);
void html_open_row(html *h, size_t model); /* <tr> with the model's name as its header */
void html_text_cell(html *h, const char *s);
void html_count_cell(html *h, size_t n);
void html_points_cell(html *h, double x, stats_interval ci);

#endif
