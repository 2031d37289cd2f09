/* html_cost.c - the section on tokens and money. */
#include "reports/cost.h"
#include "reports/html_parts.h"

static void put_money_cell(html *h, const cost_line *c, double by)
{
    html_put(h, "<td>");
    if (c->has_cost && by > 0) cost_put_money(h->out, c->cost / by);
    html_put(h, "</td>");
}

static void put_line(html *h, const cost_line *c)
{
    const view *v = h->v;
    html_put(h, "<tr><th scope=\"row\">");
    html_model(h, c->model);
    html_put(h, "</th><td class=\"l\">");
    if (c->row == SIZE_MAX) {
        html_put(h, "all suites");
    } else {
        html_text(h, v->rows[c->row].title);
        html_put(h, ", ");
        html_text(h, v->rows[c->row].how);
    }
    const uint64_t counts[] = {c->n_items, c->prompt, c->completion, c->thought};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        html_put(h, "</td><td>");
        view_put_count(h->out, (size_t)counts[i]);
    }
    html_put(h, "</td>");
    put_money_cell(h, c, 1);
    put_money_cell(h, c, (double)c->n_items);
    put_money_cell(h, c, c->n_right);
    html_put(h, "</tr>\n");
}

waage_status html_put_cost(html *h)
{
    const cost_line *lines = NULL;
    size_t n = 0;
    WAAGE_TRY(cost_make(&lines, &n, h->v));
    if (n == 0) return WAAGE_OK;
    static const char *const heads[] = {
        "model",         "<suite", "answers",  "tokens in",        "tokens out",
        "of it thought", "cost",   "per item", "per right answer", NULL};
    html_put(h, "<section id=\"cost\"><h2>Tokens and cost</h2>");
    html_open_table(h, heads);
    for (size_t i = 0; i < n; i++)
        put_line(h, &lines[i]);
    html_close_table(h);
    html_put(h, "<p class=\"meta\">Models behind APIs only. ");
    for (size_t i = 0; i < n; i++) {
        strbuf price = STRBUF_EMPTY;
        if (lines[i].row != SIZE_MAX) continue;
        cost_put_price(&price, h->v, lines[i].model);
        html_model(h, lines[i].model);
        html_put(h, ": ");
        html_text(h,
                  price.len ? strbuf_str(&price) : "price not known, or as the service reckoned");
        html_put(h, ". ");
        strbuf_free(&price);
    }
    html_put(h, "Empty: not known.</p></section>\n");
    return WAAGE_OK;
}
