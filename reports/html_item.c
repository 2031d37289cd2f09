/* html_item.c - every item with what each model was asked, thought and answered, side by side. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "reports/escape.h"
#include "reports/html_parts.h"

static bool is_class_word(char c)
{
    return (c >= 'a' && c <= 'z') || c == '-';
}

/* "partly right" -> "partly-right": one word for data-r and for the filter. */
static void put_word(html *h, const char *s)
{
    for (; *s; s++)
        strbuf_putc(h->out, is_class_word(*s) ? *s : '-');
}

static const char *result_of(const analysis_item *it, analysis_kind kind)
{
    return it->n_scores ? view_result_word(it->scores[0], kind) : "no answer";
}

static bool models_differ(const view *v, const analysis_row *r, size_t item)
{
    const analysis_item *first = NULL;
    for (size_t m = 0; m < v->d->n_models; m++) {
        const analysis_item *it = &r->cells[m].items[item];
        if (!it->n_scores) continue;
        if (first && (first->counted != it->counted || first->credit != it->credit ||
                      first->scores[0]->result != it->scores[0]->result))
            return true;
        if (!first) first = it;
    }
    return false;
}

/* --- one answer ------------------------------------------------------------------------------- */

static void put_pre(html *h, const char *s, size_t model)
{
    strbuf_printf(h->out, "<pre class=\"%s\" dir=\"auto\">",
                  model == SIZE_MAX ? "" : html_fill(model));
    html_text(h, s);
    html_put(h, "</pre>");
}

static void put_folded(html *h, const char *title, const char *text, size_t model)
{
    strbuf_printf(h->out, "<details><summary><small>%s</small></summary>", title);
    put_pre(h, text, model);
    html_put(h, "</details>");
}

static void put_choices(html *h, const store_response *rp, const store_item *item)
{
    size_t best = 0;
    for (size_t i = 1; i < rp->n_choices; i++)
        if (rp->choices[i].logprob > rp->choices[best].logprob) best = i;
    html_put(
        h, "<table class=\"fit\"><thead><tr><th>choice</th><th>log-probability</th><th>tokens</th>"
           "</tr></thead><tbody>");
    for (size_t i = 0; i < rp->n_choices; i++) {
        const bool gold = item->gold_choice >= 0 && (size_t)item->gold_choice == i;
        strbuf_printf(h->out, "<tr><td>%zu%s</td><td>%s%.4f%s</td><td>%u</td></tr>", i + 1,
                      gold ? ", gold" : "", i == best ? "<b>" : "", rp->choices[i].logprob,
                      i == best ? "</b>" : "", rp->choices[i].n_tokens);
    }
    html_put(h, "</tbody></table>");
}

static void put_response_meta(html *h, const store_response *rp)
{
    strbuf_printf(h->out, "<small>finish: %s; %u tokens in, %u out", finish_name(rp->finish),
                  rp->prompt_tokens, rp->completion_tokens);
    if (rp->thought_tokens) strbuf_printf(h->out, ", %u of them thought", rp->thought_tokens);
    if (rp->forced_closes) html_put(h, " and ended by force at the budget");
    if (rp->host) {
        html_put(h, "; served by ");
        html_text(h, rp->host);
    }
    if (rp->served_at) {
        html_put(h, ", ");
        html_text(h, rp->served_at);
    }
    if (rp->recorded_label) {
        html_put(h, "; recorded label ");
        html_text(h, rp->recorded_label);
        if (rp->recorded_labeler) {
            html_put(h, " by ");
            html_text(h, rp->recorded_labeler);
        }
    }
    html_put(h, "</small>");
}

static void put_response(html *h, const store_response *rp, const store_item *item, size_t model,
                         bool show_prompt)
{
    if (show_prompt && rp->prompt) put_folded(h, "exact prompt", rp->prompt, SIZE_MAX);
    if (rp->error) {
        html_put(h, "<p>");
        html_text(h, rp->error);
        html_put(h, "</p>");
    }
    if (rp->thought && *rp->thought) put_folded(h, "thought", rp->thought, model);
    if (rp->thought_is == THOUGHT_EMPTY) html_put(h, "<small>the thought is empty</small>");
    if (rp->n_choices)
        put_choices(h, rp, item);
    else if (rp->text && *rp->text)
        put_pre(h, rp->text, model);
    else if (rp->finish != FINISH_SCORED && !rp->error)
        html_put(h, "<p><small>(nothing)</small></p>");
    put_response_meta(h, rp);
}

static void put_score(html *h, const store_score *s, size_t model, analysis_kind kind)
{
    html_put(h, "<div>");
    html_model(h, model);
    strbuf_printf(h->out, " <b>%s</b>", view_result_word(s, kind));
    if (s->has_credit) strbuf_printf(h->out, ", credit %.4g", s->credit);
    if (s->label) {
        html_put(h, ", label ");
        html_text(h, s->label);
    }
    if (s->extracted) {
        html_put(h, ", answer &ldquo;<bdi>");
        html_text(h, s->extracted);
        html_put(h, "</bdi>&rdquo;");
    }
    html_put(h, "<br><small>");
    if (s->rule) {
        html_put(h, "rule <code>");
        html_text(h, s->rule);
        html_put(h, "</code> ");
    }
    html_text(h, s->reason);
    html_put(h, "</small></div>");
}

static void put_column(html *h, const analysis_row *r, size_t item, size_t model, bool show_prompt)
{
    const analysis_item *it = &r->cells[model].items[item];
    if (it->n_responses == 0 && it->n_scores == 0) return;
    html_put(h, "<div>");
    size_t next = 0;
    for (size_t i = 0; i < it->n_scores; i++) {
        const store_score *s = it->scores[i];
        if (r->n_samples > 1) strbuf_printf(h->out, "<small>sample %u</small>", s->key.sample + 1);
        put_score(h, s, model, r->kind);
        for (; next < it->n_responses && it->responses[next]->key.sample <= s->key.sample; next++) {
            const store_response *rp = it->responses[next];
            if (rp->key.turn) strbuf_printf(h->out, "<small>turn %u</small>", rp->key.turn + 1);
            put_response(h, rp, r->items[item], model, show_prompt);
        }
    }
    for (; next < it->n_responses; next++)
        put_response(h, it->responses[next], r->items[item], model, show_prompt);
    html_put(h, "</div>\n");
}

/* The prompt when all models got the same text in one turn, else NULL. */
static const char *common_prompt(const view *v, const analysis_row *r, size_t item)
{
    const char *prompt = NULL;
    for (size_t m = 0; m < v->d->n_models; m++) {
        const analysis_item *it = &r->cells[m].items[item];
        for (size_t i = 0; i < it->n_responses; i++) {
            const char *p = it->responses[i]->prompt;
            if (!p || (prompt && strcmp(p, prompt) != 0)) return NULL;
            prompt = p;
        }
    }
    return prompt;
}

/* --- one item --------------------------------------------------------------------------------- */

static void put_summary(html *h, const analysis_row *r, size_t row, size_t item, bool may_show)
{
    const view *v = h->v;
    const store_item *s = r->items[item];
    strbuf_printf(h->out, "<details class=\"item\" id=\"%s-%zu\" data-r=\"", v->rows[row].anchor,
                  item + 1);
    for (size_t m = 0; m < v->d->n_models; m++)
        if (r->cells[m].items[item].n_scores) {
            put_word(h, result_of(&r->cells[m].items[item], r->kind));
            html_put(h, " ");
        }
    html_put(h, models_differ(v, r, item) ? "differ\"><summary><span class=\"meta\">"
                                          : "\"><summary><span class=\"meta\">");
    html_text(h, s->id);
    html_put(h, "</span><span dir=\"auto\">");
    if (may_show)
        html_text(h, s->question);
    else
        html_put(h, "<small>(text left out)</small>");
    html_put(h, "</span><span class=\"res\">");
    for (size_t m = 0; m < v->d->n_models; m++)
        if (r->cells[m].items[item].n_scores && v->d->n_models <= 4)
            strbuf_printf(h->out, "<span class=\"%s\">%s</span>", html_fill(m),
                          result_of(&r->cells[m].items[item], r->kind));
    html_put(h, "</span></summary>");
}

static void put_fact(html *h, const char *name, const char *value)
{
    if (!value || !*value) return;
    strbuf_printf(h->out, "%s ", name);
    html_text(h, value);
    html_put(h, ". ");
}

static void put_facts(html *h, const store_item *s, bool may_show)
{
    html_put(h, "<small>");
    if (may_show) put_fact(h, "Gold", s->gold);
    put_fact(h, "Level", s->level);
    put_fact(h, "Language", s->language);
    put_fact(h, "Role", s->role);
    put_fact(h, "Actor", s->actor);
    put_fact(h, "Pair", s->pair);
    put_fact(h, "Cluster", s->cluster);
    html_put(h, "Run it again: <code>");
    strbuf cmd = STRBUF_EMPTY;
    view_put_rerun(&cmd, h->v, s->id);
    html_text(h, strbuf_str(&cmd));
    strbuf_free(&cmd);
    html_put(h, "</code></small>");
}

static void put_item(html *h, size_t row, size_t item)
{
    const analysis_row *r = &h->v->an->rows[row];
    const store_item *s = r->items[item];
    const bool may_show = view_may_show(h->v, &h->v->d->tasks[r->task]);
    const char *prompt = common_prompt(h->v, r, item);
    put_summary(h, r, row, item, may_show);
    html_put(h, "<div class=\"body\">");
    if (may_show && s->question) {
        html_put(h, "<p dir=\"auto\">");
        html_text(h, s->question);
        html_put(h, "</p>");
    }
    if (may_show && prompt)
        put_folded(h,
                   h->v->d->n_models > 1 ? "exact prompt, the same for all models" : "exact prompt",
                   prompt, SIZE_MAX);
    html_put(h, "<div class=\"pair\">");
    for (size_t m = 0; m < h->v->d->n_models; m++)
        put_column(h, r, item, m, may_show && !prompt);
    html_put(h, "</div>");
    put_facts(h, s, may_show);
    html_put(h, "</div></details>\n");
}

/* --- the list --------------------------------------------------------------------------------- */

static void put_filters(html *h, const analysis_row *r)
{
    const char *words[OUTCOME_COUNT + 4];
    size_t n = 0;
    for (size_t i = 0; i < r->n_items; i++)
        for (size_t m = 0; m < h->v->d->n_models; m++) {
            const analysis_item *it = &r->cells[m].items[i];
            if (!it->n_scores) continue;
            const char *w = result_of(it, r->kind);
            size_t k = 0; /* the words are our own constants, but in several files */
            while (k < n && strcmp(words[k], w) != 0)
                k++;
            if (k == n && n < sizeof words / sizeof *words) words[n++] = w;
        }
    html_put(
        h, "<div class=\"tools\" hidden><input type=\"search\" placeholder=\"find in transcripts\" "
           "aria-label=\"find in transcripts\"><button data-f=\"\" "
           "aria-pressed=\"true\">all</button>");
    if (h->v->d->n_models > 1)
        html_put(h, "<button data-f=\"differ\" aria-pressed=\"false\">models differ</button>");
    for (size_t i = 0; i < n; i++) {
        html_put(h, "<button data-f=\"");
        put_word(h, words[i]);
        strbuf_printf(h->out, "\" aria-pressed=\"false\">%s</button>", words[i]);
    }
    html_put(h, "<output class=\"meta\"></output></div>\n");
}

static size_t n_wanted(const view *v, const analysis_row *r)
{
    const int t = v->opt->transcripts;
    return t >= 0 && (size_t)t < r->n_items ? (size_t)t : r->n_items;
}

void html_put_items(html *h, size_t row)
{
    const analysis_row *r = &h->v->an->rows[row];
    const store_task *t = &h->v->d->tasks[r->task];
    const size_t wanted = n_wanted(h->v, r), begin = h->out->len;
    const size_t share = h->rows_left ? h->budget / h->rows_left : h->budget;
    size_t n = 0, answered = 0;
    for (size_t m = 0; m < h->v->d->n_models; m++)
        answered += r->cells[m].n_answers;
    if (h->rows_left) h->rows_left--;
    if (answered == 0) return;
    if (wanted == 0) {
        html_put(h, "<p class=\"meta\">Transcripts were left out (--transcripts none).</p>\n");
        return;
    }
    strbuf_printf(h->out,
                  "<details class=\"all\"><summary>Transcripts of %zu of %zu items</summary>\n",
                  wanted, r->n_items);
    if (!view_may_show(h->v, t))
        html_put(
            h,
            "<p class=\"meta\">The licence of this data set does not allow its texts to be passed "
            "on: questions, prompts and gold answers are left out. The command beneath each item "
            "shows them to whoever has the data; <code>waage report --transcripts all</code> puts "
            "them in.</p>\n");
    put_filters(h, r);
    for (; n < wanted && h->out->len - begin <= share; n++)
        put_item(h, row, n);
    if (n < wanted)
        strbuf_printf(h->out,
                      "<p class=\"meta\">The first %zu of %zu items, to keep this file readable; "
                      "<code>waage report --transcripts all</code> shows every one, and the CSV "
                      "and JSON reports hold all answers.</p>\n",
                      n, r->n_items);
    html_put(h, "</details>\n");
    if (h->budget != SIZE_MAX) {
        const size_t used = h->out->len - begin;
        h->budget = used < h->budget ? h->budget - used : 0;
    }
}
