/* html_table.c - what all sections write with: text, models in their colours, tables and cells. */
#include <string.h>
#include "reports/escape.h"
#include "reports/html_parts.h"

enum { MAX_HEADERS = 20 }; /* as many columns as the style knows for phones */

void html_put(html *h, const char *markup)
{
    strbuf_puts(h->out, markup);
}

void html_text(html *h, const char *s)
{
    escape_puts_html(h->out, s);
}

const char *html_fill(size_t model)
{
    static const char *const fills[] = {"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"};
    return fills[model % (sizeof fills / sizeof *fills)];
}

void html_model(html *h, size_t model)
{
    strbuf_printf(h->out, "<b class=\"m %s\">", html_fill(model));
    html_text(h, h->v->models[model].label);
    html_put(h, "</b>");
}

void html_spans(html *h, const verdict_text *t)
{
    for (size_t i = 0; i < t->n_spans; i++) {
        if (t->spans[i].model == SIZE_MAX)
            html_text(h, t->spans[i].text);
        else
            html_model(h, t->spans[i].model);
    }
}

void html_p(html *h, double p)
{
    strbuf b = STRBUF_EMPTY;
    view_put_p(&b, p); /* may hold a "<" */
    html_text(h, strbuf_str(&b));
    strbuf_free(&b);
}

void html_sort_header(html *h, const char *label)
{
    strbuf_printf(h->out, "<th scope=\"col\"><button>%s</button></th>", label);
}

void html_mean_cell(html *h, const analysis_mean *m, bool signed_)
{
    if (m->n == 0) {
        html_put(h, "<td data-v=\"\">&ndash;</td>");
        return;
    }
    strbuf_printf(h->out, "<td data-v=\"%.4f\">", m->mean);
    (signed_ ? view_put_points : view_put_percent)(h->out, m->mean);
    html_put(h, "<small>");
    (signed_ ? view_put_signed_interval : view_put_interval)(h->out, m->ci);
    html_put(h, "</small></td>");
}

/* --- tables ----------------------------------------------------------------------------------- */

void html_begin_table(html *h, const char *attributes, const char *const *names, size_t n)
{
    strbuf_printf(h->out, "<div class=\"wide\"><table %s style=\"", attributes);
    for (size_t i = 1; i < n; i++) {
        strbuf_printf(h->out, "--h%zu:'", i + 1);
        escape_puts_css(h->out, names[i]);
        html_put(h, "';");
    }
    html_put(h, "\">");
}

void html_open_table(html *h, const char *const *headers)
{
    const char *names[MAX_HEADERS];
    size_t n = 0;
    for (; headers[n] && n < MAX_HEADERS; n++)
        names[n] = headers[n] + (headers[n][0] == '<');
    html_begin_table(h, "class=\"st\"", names, n);
    html_put(h, "<thead><tr>");
    for (; *headers; headers++)
        if (**headers == '<')
            strbuf_printf(h->out, "<th scope=\"col\" class=\"l\"><button>%s</button></th>",
                          *headers + 1);
        else
            html_sort_header(h, *headers);
    html_put(h, "</tr></thead><tbody>");
}

void html_close_table(html *h)
{
    html_put(h, "</tbody></table></div>\n");
}

void html_open_row(html *h, size_t model)
{
    html_put(h, "<tr><th scope=\"row\">");
    html_model(h, model);
    html_put(h, "</th>");
}

void html_text_cell(html *h, const char *s)
{
    html_put(h, "<td class=\"l\">");
    html_text(h, s ? s : "");
    html_put(h, "</td>");
}

void html_count_cell(html *h, size_t n)
{
    strbuf_printf(h->out, "<td data-v=\"%zu\">", n);
    view_put_count(h->out, n);
    html_put(h, "</td>");
}

void html_points_cell(html *h, double x, stats_interval ci)
{
    strbuf_printf(h->out, "<td data-v=\"%.4f\">", x);
    view_put_points(h->out, x);
    html_put(h, "<small>");
    view_put_signed_interval(h->out, ci);
    html_put(h, "</small></td>");
}
