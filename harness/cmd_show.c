/* cmd_show.c - `waage show`: facts about a model file, a suite or a run. */
#include "harness/base/file.h"
#include "harness/base/log.h"
#include "harness/cmd_model.h"
#include "harness/digest.h"
#include "harness/run.h"
#include "tasks/task.h"
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *data, *item, *protocol;
} show_args;

static const opt show_options[] = {
    {0, "data", OPT_TEXT, offsetof(show_args, data), "DIR", "where data files are (suites)"},
    {0, "item", OPT_TEXT, offsetof(show_args, item), "ID",
     "the exact prompt of this item (suites)"},
    {0, "protocol", OPT_CHOICE, offsetof(show_args, protocol), "completion|chat",
     "prompts under this protocol only (suites)"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

/* ---- Suites ---------------------------------------------------------------------------------- */

static void put_fact(strbuf *out, const char *name, const char *text)
{
    if (text && *text) strbuf_printf(out, "  %-12s %s\n", name, text);
}

static void put_task(strbuf *out, const task *t)
{
    const task_info *i = task_get_info(t);
    const char *both = i->protocols == 3   ? "completion, chat"
                       : i->protocols == 2 ? "chat"
                                           : "completion";
    strbuf_printf(out, "%s\n", i->name);
    put_fact(out, "title", i->title);
    put_fact(out, "about", i->description);
    put_fact(out, "suite", i->group);
    put_fact(out, "kind", i->kind);
    strbuf_printf(out, "  %-12s %zu\n", "items", i->n_items);
    strbuf_printf(out, "  %-12s %s\n", "output",
                  i->output == TASK_CHOICE ? "multiple choice by log-likelihood"
                                           : "generated text");
    put_fact(out, "protocols", both);
    strbuf_printf(out, "  %-12s %d\n", "shots", i->num_fewshot);
    put_fact(out, "licence", i->licence);
    put_fact(out, "source", i->source_url);
    strbuf_printf(out, "  %-12s %s\n", "texts",
                  i->redistribute ? "may be passed on" : "must not be passed on");
    strbuf_printf(out, "  %-12s %d, definition %.12s, data %.12s\n", "version", i->version, i->hash,
                  i->data_hash);
}

static void put_request(strbuf *out, const request *rq)
{
    strbuf_printf(out, "--- %s, %s", rq->item_id, protocol_name(rq->proto));
    if (rq->kind == REQUEST_GENERATE) strbuf_printf(out, ", at most %u tokens", rq->max_tokens);
    strbuf_puts(out, "\n");
    for (size_t i = 0; i < rq->n_messages; i++)
        strbuf_printf(out, "[%s]\n%s\n", rq->messages[i].role, rq->messages[i].content);
    if (rq->prompt) strbuf_printf(out, "%s\n", rq->prompt);
    if (rq->answer_prefix) strbuf_printf(out, "[answer begins with] %s\n", rq->answer_prefix);
    for (size_t i = 0; i < rq->n_choices; i++)
        strbuf_printf(out, "[choice %zu]%s\n", i, rq->choice[i]);
    for (size_t i = 0; i < rq->n_stop; i++) {
        strbuf_puts(out, "[stop] ");
        strbuf_put_json(out, rq->stop[i], strlen(rq->stop[i]));
        strbuf_putc(out, '\n');
    }
}

/* The first turn of the item under each protocol; *found tells whether the task has it. */
static waage_status put_prompts(strbuf *out, const task *t, const show_args *args, bool *found,
                                arena *a, waage_err *err)
{
    static const protocol protocols[] = {PROTOCOL_COMPLETION, PROTOCOL_CHAT};
    const task_info *info = task_get_info(t);
    for (size_t i = 0; i < info->n_items; i++) {
        if (strcmp(task_get_item(t, i)->id, args->item) != 0) continue;
        *found = true;
        for (size_t p = 0; p < 2; p++) {
            request rq;
            if (!(info->protocols & (1U << protocols[p]))) continue;
            if (args->protocol && strcmp(args->protocol, protocol_name(protocols[p])) != 0)
                continue;
            WAAGE_TRY(task_build_request(t, i, protocols[p], 0, 0, NULL, &rq, a, err));
            put_request(out, &rq);
        }
    }
    return WAAGE_OK;
}

static waage_status put_suite(strbuf *out, const char *name, const task_list *list,
                              const show_args *args, arena *a, waage_err *err)
{
    bool found = false;
    for (size_t i = 0; i < list->n; i++)
        if (args->item)
            WAAGE_TRY(put_prompts(out, list->tasks[i], args, &found, a, err));
        else
            put_task(out, list->tasks[i]);
    if (args->item && !found)
        return waage_err_set(err, WAAGE_ENOTFOUND, "%s has no item '%s'", name, args->item);
    return WAAGE_OK;
}

static waage_status show_suite(strbuf *out, const char *name, const show_args *args, arena *a,
                               waage_err *err)
{
    const task_options how = {.data_dir = args->data, .num_fewshot = -1};
    task_list list = {NULL, 0};
    WAAGE_TRY(task_load(&list, a, name, &how, err));
    const waage_status st = put_suite(out, name, &list, args, a, err);
    task_list_close(&list);
    return st;
}

/* ---- Models ---------------------------------------------------------------------------------- */

static bool is_model(const char *word)
{
    for (size_t i = 0; runner_list[i]; i++)
        if (runner_list[i]->accepts(word)) return true;
    return false;
}

static waage_status show_model(strbuf *out, const char *uri, waage_err *err)
{
    const runner_options look = {.inspect_only = true};
    runner *r = NULL;
    WAAGE_TRY(runner_open(&r, uri, &look, err));
    waage_status st = WAAGE_OK;
    if (r->ops->describe) {
        st = r->ops->describe(r, out, err);
    } else {
        const runner_info *i = r->ops->info(r);
        strbuf_printf(out, "%s\n  %-12s %s\n  %-12s %s\n", i->name, "kind", i->kind, "sha256",
                      i->sha256 ? i->sha256 : "");
        value_put_json(out, i->meta, 2);
        strbuf_putc(out, '\n');
    }
    runner_close(r);
    return st;
}

/* ---- Runs ------------------------------------------------------------------------------------ */

typedef struct {
    size_t n, n_scored, by_outcome[OUTCOME_COUNT];
    double credit;
} tally;

static void put_tally(strbuf *out, const store_data *d, const digest_line *l)
{
    tally t = {0};
    for (size_t i = 0; i < d->n_scores; i++) {
        const store_score *s = &d->scores[i];
        if (s->key.proto != l->proto || strcmp(s->key.model, l->model) != 0 ||
            strcmp(s->key.task, l->task) != 0)
            continue;
        t.n++;
        t.by_outcome[s->result]++;
        if (!s->has_credit || !outcome_counts(s->result)) continue;
        t.n_scored++;
        t.credit += s->credit;
    }
    strbuf_printf(out, "  %-24s %-24s %-10s %5zu", l->model, l->task, protocol_name(l->proto), t.n);
    if (t.n_scored)
        strbuf_printf(out, "  %.3f", t.credit / (double)t.n_scored);
    else
        strbuf_puts(out, "      -");
    for (int o = 0; o < OUTCOME_COUNT; o++)
        if (t.by_outcome[o])
            strbuf_printf(out, "  %s %zu", outcome_name((outcome)o), t.by_outcome[o]);
    strbuf_putc(out, '\n');
}

static waage_status show_run(strbuf *out, const char *dir, arena *a, waage_err *err)
{
    store *s = NULL;
    store_data d;
    digest g;
    WAAGE_TRY(store_open(&s, dir, false, err));
    const waage_status st = store_read(s, a, &d, err);
    store_close(s);
    if (st != WAAGE_OK) return st;
    WAAGE_TRY(digest_compute(&g, &d, a, err));
    strbuf_printf(out, "%s: %zu models, %zu tasks, %zu items, %zu answers\nmodels\n", dir,
                  d.n_models, d.n_tasks, d.n_items, d.n_responses);
    for (size_t i = 0; i < d.n_models; i++)
        strbuf_printf(out, "  %-24s %s  sha256 %.12s\n", d.models[i].label, d.models[i].uri,
                      d.models[i].sha256);
    strbuf_puts(out, "settings\n");
    for (size_t i = 0; i < d.n_settings; i++)
        strbuf_printf(out, "  %-24s %s\n", d.settings[i].key, d.settings[i].value);
    strbuf_puts(out, "made by\n");
    for (size_t i = 0; i < d.n_manifest; i++)
        strbuf_printf(out, "  %-24s %s\n", d.manifest[i].key, d.manifest[i].value);
    strbuf_puts(out, "scores\n");
    for (size_t i = 0; i < g.n_lines; i++)
        put_tally(out, &d, &g.lines[i]);
    strbuf_printf(out, "total %s\n", g.total);
    return WAAGE_OK;
}

static bool is_yaml(const char *word)
{
    const size_t n = strlen(word);
    return (n > 5 && strcmp(word + n - 5, ".yaml") == 0) ||
           (n > 4 && strcmp(word + n - 4, ".yml") == 0);
}

static waage_status run_show(const cmd_line *line, bool *no, waage_err *err)
{
    (void)no;
    show_args args = {NULL, NULL, NULL};
    opts_list rest = {0};
    WAAGE_TRY(cmd_parse(line, &args, &rest, err));
    const char *what = rest.items[0];
    strbuf out = STRBUF_EMPTY;
    waage_status st;
    if (file_is_dir(what))
        st = show_run(&out, what, line->a, err);
    else if (!is_yaml(what) && is_model(what))
        st = show_model(&out, what, err);
    else
        st = show_suite(&out, what, &args, line->a, err);
    if (st == WAAGE_OK) st = strbuf_check(&out, err);
    if (st == WAAGE_OK) fwrite(strbuf_str(&out), 1, out.len, stdout);
    strbuf_free(&out);
    return st;
}

const command cmd_show = {
    "show",
    "MODEL|SUITE|DIR [--item ID]",
    "Show what is known about a model file, a suite or a run.",
    "A directory is a run; a GGUF file, replay:FILE or an API's URI is a model; anything else is a "
    "suite.\n"
    "`waage show SUITE --item ID` prints the exact prompt of one item.",
    show_options,
    1,
    1,
    run_show,
};
