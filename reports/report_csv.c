/* report_csv.c - one row per model, suite, protocol, item and sample: what was asked of whom, how
 * it ended, what it is worth. Texts are as the model wrote them (docs/report.md). */
#include <stdio.h>
#include "reports/escape.h"
#include "reports/writers.h"

typedef struct {
    const view *v;
    const store_task *task;
    const store_item *item;
    const store_score *score;       /* or NULL */
    const store_response *response; /* the sample's last one, or NULL */
    const store_key *key;
} csv_row;

typedef void (*csv_column)(strbuf *out, const csv_row *r);

static void put_number(strbuf *out, double x)
{
    char text[40];
    snprintf(text, sizeof text, "%.10g", x);
    strbuf_puts(out, text);
}

/* --- columns ---------------------------------------------------------------------------------- */

static void put_model(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->key->model);
}
static void put_suite(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->task->group);
}
static void put_task(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->task->name);
}
static void put_protocol(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, protocol_name(r->key->proto));
}
static void put_item(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->item->id);
}
static void put_sample(strbuf *out, const csv_row *r)
{
    strbuf_printf(out, "%u", r->key->sample);
}
static void put_cluster(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->item->cluster);
}
static void put_level(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->item->level);
}
static void put_language(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->item->language);
}
static void put_pair(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->item->pair);
}
static void put_role(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->item->role);
}
static void put_actor(strbuf *out, const csv_row *r)
{
    escape_puts_csv(out, r->item->actor);
}
static void put_outcome(strbuf *out, const csv_row *r)
{
    if (r->score) escape_puts_csv(out, outcome_name(r->score->result));
}
static void put_credit(strbuf *out, const csv_row *r)
{
    if (r->score && r->score->has_credit) put_number(out, r->score->credit);
}
static void put_label(strbuf *out, const csv_row *r)
{
    if (r->score) escape_puts_csv(out, r->score->label);
}
static void put_recorded(strbuf *out, const csv_row *r)
{
    if (r->response) escape_puts_csv(out, r->response->recorded_label);
}
static void put_extracted(strbuf *out, const csv_row *r)
{
    if (r->score) escape_puts_csv(out, r->score->extracted);
}
static void put_gold(strbuf *out, const csv_row *r)
{
    if (view_may_show(r->v, r->task)) escape_puts_csv(out, r->item->gold);
}
static void put_rule(strbuf *out, const csv_row *r)
{
    if (r->score) escape_puts_csv(out, r->score->rule);
}
static void put_reason(strbuf *out, const csv_row *r)
{
    if (r->score) escape_puts_csv(out, r->score->reason);
}
static void put_finish(strbuf *out, const csv_row *r)
{
    if (r->response) escape_puts_csv(out, finish_name(r->response->finish));
}
static void put_prompt_tokens(strbuf *out, const csv_row *r)
{
    if (r->response) strbuf_printf(out, "%u", r->response->prompt_tokens);
}
static void put_completion_tokens(strbuf *out, const csv_row *r)
{
    if (r->response) strbuf_printf(out, "%u", r->response->completion_tokens);
}
static void put_thought_tokens(strbuf *out, const csv_row *r)
{
    if (r->response) strbuf_printf(out, "%u", r->response->thought_tokens);
}
static void put_forced_closes(strbuf *out, const csv_row *r)
{
    if (r->response) strbuf_printf(out, "%u", r->response->forced_closes);
}
static void put_cost(strbuf *out, const csv_row *r)
{
    if (r->response && r->response->has_cost) strbuf_printf(out, "%.9g", r->response->cost);
}
static void put_model_version(strbuf *out, const csv_row *r)
{
    if (r->response) escape_puts_csv(out, r->response->model_version);
}
static void put_host(strbuf *out, const csv_row *r)
{
    if (r->response) escape_puts_csv(out, r->response->host);
}
static void put_served_at(strbuf *out, const csv_row *r)
{
    if (r->response) escape_puts_csv(out, r->response->served_at);
}
static void put_prompt_hash(strbuf *out, const csv_row *r)
{
    if (r->response) escape_puts_csv(out, r->response->prompt_hash);
}
static void put_question(strbuf *out, const csv_row *r)
{
    if (view_may_show(r->v, r->task)) escape_puts_csv(out, r->item->question);
}
static void put_answer(strbuf *out, const csv_row *r)
{
    if (r->response) escape_puts_csv(out, r->response->text);
}

static const struct {
    const char *name;
    csv_column put;
} columns[] = {
    {"model", put_model},
    {"suite", put_suite},
    {"task", put_task},
    {"protocol", put_protocol},
    {"item", put_item},
    {"sample", put_sample},
    {"cluster", put_cluster},
    {"level", put_level},
    {"language", put_language},
    {"pair", put_pair},
    {"role", put_role},
    {"actor", put_actor},
    {"outcome", put_outcome},
    {"credit", put_credit},
    {"label", put_label},
    {"recorded_label", put_recorded},
    {"extracted", put_extracted},
    {"gold", put_gold},
    {"rule", put_rule},
    {"reason", put_reason},
    {"finish", put_finish},
    {"prompt_tokens", put_prompt_tokens},
    {"completion_tokens", put_completion_tokens},
    {"thought_tokens", put_thought_tokens},
    {"forced_closes", put_forced_closes},
    {"cost_usd", put_cost},
    {"model_version", put_model_version},
    {"host", put_host},
    {"served_at", put_served_at},
    {"prompt_hash", put_prompt_hash},
    {"question", put_question},
    {"answer", put_answer},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

/* --- rows ------------------------------------------------------------------------------------- */

static void put_line(strbuf *out, const csv_row *r)
{
    for (size_t i = 0; i < N_COLUMNS; i++) {
        if (i) strbuf_putc(out, ',');
        columns[i].put(out, r);
    }
    strbuf_puts(out, "\r\n");
}

/* Samples in order; a response without a score (a run that was cut off) is a row as well. */
static void put_item_rows(strbuf *out, csv_row *r, const analysis_item *it)
{
    size_t next = 0;
    for (size_t i = 0; i < it->n_scores; i++) {
        r->score = it->scores[i];
        r->key = &r->score->key;
        r->response = NULL;
        for (; next < it->n_responses && it->responses[next]->key.sample <= r->key->sample; next++)
            r->response = it->responses[next];
        put_line(out, r);
    }
    for (; next < it->n_responses; next++) {
        r->score = NULL;
        r->response = it->responses[next];
        r->key = &r->response->key;
        put_line(out, r);
    }
}

waage_status report_write_csv(strbuf *out, const view *v)
{
    for (size_t i = 0; i < N_COLUMNS; i++)
        strbuf_printf(out, "%s%s", i ? "," : "", columns[i].name);
    strbuf_puts(out, "\r\n");
    for (size_t m = 0; m < v->d->n_models; m++)
        for (size_t i = 0; i < v->an->n_rows; i++) {
            const analysis_row *row = &v->an->rows[i];
            csv_row r = {.v = v, .task = &v->d->tasks[row->task]};
            for (size_t k = 0; k < row->n_items; k++) {
                r.item = row->items[k];
                put_item_rows(out, &r, &row->cells[m].items[k]);
            }
        }
    return strbuf_check(out, v->err);
}
