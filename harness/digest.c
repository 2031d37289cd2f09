/* digest.c - hashes the rows of a store in an order that depends on ids alone. */
#include "harness/digest.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(hash *h, const char *s)
{
    hash_add_field(h, s ? s : "", s ? strlen(s) : 0);
}

static void add_buf(hash *h, strbuf *b)
{
    hash_add_field(h, strbuf_str(b), b->len);
    strbuf_clear(b);
}

static void add_u32(hash *h, uint32_t v)
{
    char text[16];
    snprintf(text, sizeof text, "%" PRIu32, v);
    add(h, text);
}

static void put_bits(strbuf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    strbuf_printf(b, "%016" PRIx64, bits);
}

static void add_tokens(hash *h, strbuf *b, const int32_t *tokens, size_t n)
{
    for (size_t i = 0; tokens && i < n; i++)
        strbuf_printf(b, i ? " %" PRId32 : "%" PRId32, tokens[i]);
    add_buf(h, b);
}

static void add_logprobs(hash *h, strbuf *b, const float *x, size_t n)
{
    for (size_t i = 0; x && i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        strbuf_printf(b, i ? " %08" PRIx32 : "%08" PRIx32, bits);
    }
    add_buf(h, b);
}

static void add_response(hash *h, strbuf *b, const store_response *r)
{
    add(h, r->key.item);
    add_u32(h, r->key.sample);
    add_u32(h, r->key.turn);
    add(h, r->prompt_hash);
    add(h, finish_name(r->finish));
    add_tokens(h, b, r->tokens, r->n_tokens);
    add_logprobs(h, b, r->logprobs, r->n_tokens);
    for (size_t i = 0; i < r->n_choices; i++) {
        put_bits(b, r->choices[i].logprob);
        add_buf(h, b);
        add_tokens(h, b, r->choices[i].tokens, r->choices[i].n_tokens);
        add_logprobs(h, b, r->choices[i].logprobs, r->choices[i].n_tokens);
    }
    if (!r->tokens && r->n_choices == 0) {
        add(h, r->thought);
        add(h, r->text);
    }
}

static void add_score(hash *h, strbuf *b, const store_score *s)
{
    add(h, s->key.item);
    add_u32(h, s->key.sample);
    add(h, outcome_name(s->result));
    add(h, s->extracted);
    if (s->has_credit) put_bits(b, s->credit);
    add_buf(h, b);
}

/* ---- Order ----------------------------------------------------------------------------------- */

static int compare_u32(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_keys(const store_key *a, const store_key *b)
{
    int c = strcmp(a->item, b->item);
    if (c == 0) c = compare_u32(a->sample, b->sample);
    if (c == 0) c = compare_u32(a->turn, b->turn);
    return c;
}

static int compare_responses(const void *a, const void *b)
{
    return compare_keys(&(*(const store_response *const *)a)->key,
                        &(*(const store_response *const *)b)->key);
}

static int compare_scores(const void *a, const void *b)
{
    return compare_keys(&(*(const store_score *const *)a)->key,
                        &(*(const store_score *const *)b)->key);
}

static int compare_settings(const void *a, const void *b)
{
    return strcmp((*(const store_setting *const *)a)->key, (*(const store_setting *const *)b)->key);
}

/* ---- One line -------------------------------------------------------------------------------- */

typedef struct {
    const store_data *d;
    const store_setting **settings;   /* by key */
    const store_response **responses; /* of the line at hand, as many as fit */
    const store_score **scores;
    size_t n_responses, n_scores;
    strbuf text;
} work;

static bool is_of(const store_key *k, const store_model *m, const store_task *t, protocol p)
{
    return k->proto == p && strcmp(k->model, m->label) == 0 && strcmp(k->task, t->name) == 0;
}

static void collect(work *w, const store_model *m, const store_task *t, protocol p)
{
    w->n_responses = w->n_scores = 0;
    for (size_t i = 0; i < w->d->n_responses; i++)
        if (is_of(&w->d->responses[i].key, m, t, p))
            w->responses[w->n_responses++] = &w->d->responses[i];
    for (size_t i = 0; i < w->d->n_scores; i++)
        if (is_of(&w->d->scores[i].key, m, t, p)) w->scores[w->n_scores++] = &w->d->scores[i];
    qsort(w->responses, w->n_responses, sizeof *w->responses, compare_responses);
    qsort(w->scores, w->n_scores, sizeof *w->scores, compare_scores);
}

static waage_status hash_line(work *w, digest_line *line, const store_model *m, const store_task *t,
                              waage_err *err)
{
    hash *h = hash_create();
    if (!h) return waage_err_nomem(err);
    add(h, "waage answers 1");
    for (size_t i = 0; i < w->d->n_settings; i++) {
        add(h, w->settings[i]->key);
        add(h, w->settings[i]->value);
    }
    add(h, m->sha256);
    add(h, t->hash);
    add(h, t->data_hash);
    add(h, protocol_name(line->proto));
    for (size_t i = 0; i < w->n_responses; i++)
        add_response(h, &w->text, w->responses[i]);
    hash_end(h, line->answers);

    h = hash_create();
    if (!h) return waage_err_nomem(err);
    add(h, "waage scores 1");
    add(h, line->answers);
    add(h, t->rules_version);
    for (size_t i = 0; i < w->n_scores; i++)
        add_score(h, &w->text, w->scores[i]);
    hash_end(h, line->scores);
    return strbuf_check(&w->text, err);
}

/* ---- Totals ---------------------------------------------------------------------------------- */

typedef struct {
    const char *weights, *task;
    const digest_line *line;
} total_row;

static int compare_rows(const void *a, const void *b)
{
    const total_row *x = a, *y = b;
    int c = strcmp(x->weights, y->weights);
    if (c == 0) c = strcmp(x->task, y->task);
    if (c == 0) c = (int)x->line->proto - (int)y->line->proto;
    /* The same weights may be there twice, under two labels. */
    if (c == 0) c = strcmp(x->line->answers, y->line->answers);
    return c ? c : strcmp(x->line->scores, y->line->scores);
}

static waage_status hash_totals(digest *out, const total_row *rows, waage_err *err)
{
    for (int pass = 0; pass < 2; pass++) {
        hash *h = hash_create();
        if (!h) return waage_err_nomem(err);
        add(h, pass == 0 ? "waage total answers 1" : "waage total scores 1");
        for (size_t i = 0; i < out->n_lines; i++)
            add(h, pass == 0 ? rows[i].line->answers : rows[i].line->scores);
        hash_end(h, pass == 0 ? out->answers : out->total);
    }
    return WAAGE_OK;
}

static waage_status compute(digest *out, work *w, digest_line *lines, total_row *rows,
                            waage_err *err)
{
    static const protocol protocols[] = {PROTOCOL_COMPLETION, PROTOCOL_CHAT};
    const store_data *d = w->d;
    for (size_t i = 0; i < d->n_settings; i++)
        w->settings[i] = &d->settings[i];
    qsort(w->settings, d->n_settings, sizeof *w->settings, compare_settings);
    for (size_t m = 0; m < d->n_models; m++)
        for (size_t t = 0; t < d->n_tasks; t++)
            for (size_t p = 0; p < 2; p++) {
                collect(w, &d->models[m], &d->tasks[t], protocols[p]);
                if (w->n_responses == 0 && w->n_scores == 0) continue;
                digest_line *line = &lines[out->n_lines];
                *line = (digest_line){.model = d->models[m].label,
                                      .group = d->tasks[t].group,
                                      .task = d->tasks[t].name,
                                      .proto = protocols[p]};
                WAAGE_TRY(hash_line(w, line, &d->models[m], &d->tasks[t], err));
                rows[out->n_lines++] = (total_row){d->models[m].sha256, d->tasks[t].name, line};
            }
    qsort(rows, out->n_lines, sizeof *rows, compare_rows);
    return hash_totals(out, rows, err);
}

waage_status digest_compute(digest *out, const store_data *d, arena *a, waage_err *err)
{
    memset(out, 0, sizeof *out);
    const size_t n = d->n_models * d->n_tasks * 2;
    digest_line *lines = arena_calloc(a, n, sizeof *lines);
    total_row *rows = arena_calloc(a, n, sizeof *rows);
    work w = {.d = d};
    w.settings = arena_calloc(a, d->n_settings, sizeof *w.settings);
    w.responses = arena_calloc(a, d->n_responses, sizeof *w.responses);
    w.scores = arena_calloc(a, d->n_scores, sizeof *w.scores);
    if (!lines || !rows || !w.settings || !w.responses || !w.scores) return waage_err_nomem(err);
    out->lines = lines;
    const waage_status st = compute(out, &w, lines, rows, err);
    strbuf_free(&w.text);
    return st;
}

/* ---- Output ---------------------------------------------------------------------------------- */

void digest_put_text(strbuf *out, const digest *d)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < d->n_lines; i++) {
            const digest_line *l = &d->lines[i];
            strbuf_printf(out, "%s %s %s/%s %s %s\n", pass == 0 ? "answers" : "scores", l->model,
                          l->group ? l->group : l->task, l->task, protocol_name(l->proto),
                          pass == 0 ? l->answers : l->scores);
        }
    strbuf_printf(out, "total %s\n", d->total);
}

static void put_member(strbuf *out, const char *key, const char *text, const char *after)
{
    strbuf_printf(out, "\"%s\": ", key);
    strbuf_put_json(out, text, strlen(text));
    strbuf_puts(out, after);
}

void digest_put_json(strbuf *out, const digest *d)
{
    strbuf_puts(out, "{\n  \"lines\": [");
    for (size_t i = 0; i < d->n_lines; i++) {
        const digest_line *l = &d->lines[i];
        strbuf_puts(out, i ? ",\n    {" : "\n    {");
        put_member(out, "model", l->model, ", ");
        put_member(out, "suite", l->group ? l->group : l->task, ", ");
        put_member(out, "task", l->task, ", ");
        put_member(out, "protocol", protocol_name(l->proto), ",\n     ");
        put_member(out, "answers", l->answers, ",\n     ");
        put_member(out, "scores", l->scores, "}");
    }
    strbuf_puts(out, d->n_lines ? "\n  ],\n  " : "],\n  ");
    put_member(out, "answers", d->answers, ",\n  ");
    put_member(out, "total", d->total, "\n}\n");
}
