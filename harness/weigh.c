/* weigh.c - a whole run: what run.c does per model, between opening and manifest. */
#include "harness/weigh.h"
#include "harness/base/file.h"
#include "harness/base/interrupt.h"
#include "harness/base/log.h"
#include "harness/base/regex.h"
#include "harness/cmd.h"
#include "harness/model_facts.h"
#include "harness/base/stopwatch.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const weigh_job *job;
    arena *a;
    runner_options open_as;
    plan p;
    store_model *models;    /* (file.n_models) what inspection found */
    budget money;           /* for models behind APIs */
    const store_data *head; /* what the directory held before this run */
} session;

/* ---- Models ---------------------------------------------------------------------------------- */

static runner_options options_of(const runfile_settings *s)
{
    return (runner_options){.n_threads = s->threads,
                            .n_batch = s->batch,
                            .activations = s->activations,
                            .kv_format = s->kv_format,
                            .isa = s->isa,
                            .date = s->date,
                            .kv_memory = s->kv_memory,
                            .weights_memory = s->weights_memory};
}

/* A bound in money needs a price; a server of one's own has none, unless its URI says 0. */
static waage_status check_price(const session *s, const store_model *m, const runner_info *info,
                                waage_err *err)
{
    if (s->money.money <= 0 || strcmp(info->kind, "http") != 0 || info->price) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EINVAL,
                         "--budget: no price is known for %s; add ;input_price=X;output_price=Y "
                         "(dollars per million tokens) to its URI, or bound it by --budget-tokens",
                         m->label);
}

static waage_status inspect_models(session *s, waage_err *err)
{
    const runfile *f = &s->job->file;
    runner_options look = s->open_as;
    look.inspect_only = true;
    s->models = arena_calloc(s->a, f->n_models, sizeof *s->models);
    if (!s->models) return waage_err_nomem(err);
    for (size_t i = 0; i < f->n_models; i++) {
        runner *r = NULL;
        WAAGE_TRY(runner_open(&r, f->models[i].uri, &look, err));
        waage_status st = model_facts_describe(&s->models[i], s->a, r->ops->info(r), &f->models[i],
                                               f->settings.reasoning, err);
        if (st == WAAGE_OK) st = check_price(s, &s->models[i], r->ops->info(r), err);
        runner_close(r);
        if (st != WAAGE_OK) return st;
        for (size_t k = 0; k < i; k++)
            if (strcmp(s->models[k].label, s->models[i].label) == 0)
                return waage_err_set(err, WAAGE_EINVAL,
                                     "two models are called '%s': name them (-m A=%s -m B=%s)",
                                     s->models[i].label, s->models[k].uri, s->models[i].uri);
    }
    return WAAGE_OK;
}

static waage_status begin_session(session *s, const weigh_job *job, arena *a, waage_err *err)
{
    *s = (session){.job = job, .a = a, .open_as = options_of(&job->file.settings)};
    s->money.money = job->file.settings.budget;
    s->money.tokens = job->file.settings.budget_tokens;
    if (job->file.n_models == 0)
        return waage_err_set(err, WAAGE_EINVAL, "no model to weigh; -m MODEL adds one");
    WAAGE_TRY(plan_make(&s->p, a, &job->file.suites, &job->file.settings, err));
    return inspect_models(s, err);
}

/* ---- The frame: store, manifest, run.yaml ---------------------------------------------------- */

static waage_status check_old(const session *s, const store_data *head, waage_err *err)
{
    WAAGE_TRY(plan_check(&s->p, head, s->job->dir, err));
    for (size_t i = 0; i < s->job->file.n_models; i++)
        WAAGE_TRY(plan_check_model(head, &s->models[i], s->job->dir, err));
    return WAAGE_OK;
}

static waage_status put_manifest(const session *s, store *st, bool fresh, waage_err *err)
{
    char date[STOPWATCH_DATE], number[32];
    const runfile_settings *set = &s->job->file.settings;
    const long n_processors = sysconf(_SC_NPROCESSORS_ONLN);
    stopwatch_date(date);
    const store_setting rows[] = {
        {"version", WAAGE_VERSION},
        {"compiler", __VERSION__},
        {"unicode", regex_unicode_version()},
        {"command", s->job->command ? s->job->command : ""},
        {fresh ? "started" : "resumed", date},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        WAAGE_TRY(store_put_manifest(st, rows[i].key, rows[i].value, err));
    const struct {
        const char *key;
        size_t n;
    } numbers[] = {{"threads", set->threads},
                   {"batch", set->batch},
                   {"kv_memory", set->kv_memory},
                   {"weights_memory", set->weights_memory},
                   {"processors", (size_t)(n_processors > 0 ? n_processors : 0)}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(number, sizeof number, numbers[i].n ? "%zu" : "auto", numbers[i].n);
        WAAGE_TRY(store_put_manifest(st, numbers[i].key, number, err));
    }
    return WAAGE_OK;
}

/* "key:LABEL" */
static waage_status put_for_model(store *st, const char *key, const char *label, const char *text,
                                  waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    strbuf_printf(&b, "%s:%s", key, label);
    waage_status status = strbuf_check(&b, err);
    if (status == WAAGE_OK && text) status = store_put_manifest(st, strbuf_str(&b), text, err);
    strbuf_free(&b);
    return status;
}

static waage_status put_frame(const session *s, store *st, bool fresh, waage_err *err)
{
    WAAGE_TRY(store_begin(st, err));
    WAAGE_TRY(plan_put(&s->p, st, err));
    for (size_t i = 0; i < s->job->file.n_models; i++)
        WAAGE_TRY(store_put_model(st, &s->models[i], err));
    WAAGE_TRY(put_manifest(s, st, fresh, err));
    return store_commit(st, err);
}

static const char *path_in(arena *a, const char *dir, const char *name)
{
    return arena_printf(a, "%s/%s", dir, name);
}

/* "items": which ones the directory was made for, so that a report can call it a subset. */
static waage_status put_items(store *st, const opts_list *items, waage_err *err)
{
    strbuf b = STRBUF_EMPTY;
    for (size_t i = 0; i < items->n; i++)
        strbuf_printf(&b, "%s%s", i ? ", " : "", items->items[i]);
    waage_status status = strbuf_check(&b, err);
    if (status == WAAGE_OK) status = store_begin(st, err);
    if (status == WAAGE_OK)
        status = store_put_manifest(st, "items", items->n ? strbuf_str(&b) : "all", err);
    if (status == WAAGE_OK) status = store_commit(st, err);
    strbuf_free(&b);
    return status;
}

/* DIR/run.yaml repeats all that the directory holds: what an earlier run asked for, and this one.
 */
static waage_status write_runfile(const session *s, store *into, bool fresh, waage_err *err)
{
    const char *path = path_in(s->a, s->job->dir, "run.yaml");
    runfile all = s->job->file;
    runfile_model *named = arena_calloc(s->a, all.n_models, sizeof *named);
    if (!path || !named) return waage_err_nomem(err);
    memcpy(named, all.models, all.n_models * sizeof *named);
    for (size_t i = 0; i < all.n_models; i++)
        named[i].label = s->models[i].label;
    all.models = named;
    if (!fresh && file_exists(path)) {
        runfile old;
        WAAGE_TRY(runfile_read(&old, s->a, path, err));
        const runfile now = all;
        all.models = old.models;
        all.n_models = old.n_models;
        all.suites = old.suites;
        all.settings.items = old.settings.items;
        all.settings.protocol = old.settings.protocol;
        if (old.settings.repeats > all.settings.repeats)
            all.settings.repeats = old.settings.repeats;
        WAAGE_TRY(runfile_merge(&all, &now, s->a, err));
    }
    strbuf b = STRBUF_EMPTY;
    waage_status st = runfile_print(&b, &all, s->job->dir, err);
    if (st == WAAGE_OK) st = file_write(path, strbuf_str(&b), b.len, err);
    strbuf_free(&b);
    if (st == WAAGE_OK) st = put_items(into, &all.settings.items, err);
    return st;
}

/* ---- Running --------------------------------------------------------------------------------- */

/* "energy:LABEL": what earlier runs in this directory took is added. */
static waage_status put_energy(store *st, const store_data *head, const char *label, double joules,
                               size_t n_items, waage_err *err)
{
    char text[96];
    for (size_t i = 0; i < head->n_manifest; i++) {
        double before;
        size_t n;
        if (strncmp(head->manifest[i].key, "energy:", 7) == 0 &&
            strcmp(head->manifest[i].key + 7, label) == 0 &&
            sscanf(head->manifest[i].value, "%lf J for %zu items", &before, &n) == 2) {
            joules += before;
            n_items += n;
        }
    }
    snprintf(text, sizeof text, "%.1f J for %zu items", joules, n_items);
    return put_for_model(st, "energy", label, text, err);
}

static waage_status put_results(store *st, const runner_info *info, const char *label,
                                const run_result *res, waage_err *err)
{
    char rate[32], seconds[32], shared[64];
    WAAGE_TRY(store_begin(st, err));
    WAAGE_TRY(put_for_model(st, "isa", label, info->isa, err));
    WAAGE_TRY(put_for_model(st, "left out", label, info->left_out, err));
    if (res->n_tokens && res->seconds > 0) {
        snprintf(rate, sizeof rate, "%.1f", (double)res->n_tokens / res->seconds);
        snprintf(seconds, sizeof seconds, "%.1f", res->seconds);
        WAAGE_TRY(put_for_model(st, "rate", label, rate, err));
        WAAGE_TRY(put_for_model(st, "seconds", label, seconds, err));
    }
    if (res->n_prompt_tokens) {
        snprintf(shared, sizeof shared, "%llu of %llu (%.1f %%)",
                 (unsigned long long)res->n_shared_tokens, (unsigned long long)res->n_prompt_tokens,
                 100.0 * (double)res->n_shared_tokens / (double)res->n_prompt_tokens);
        WAAGE_TRY(put_for_model(st, "shared prompt tokens", label, shared, err));
    }
    return store_commit(st, err);
}

static void log_result(const char *label, const run_result *r)
{
    char span[STOPWATCH_SPAN];
    stopwatch_print_span(span, r->seconds);
    log_debug(
        "%s: %zu items, %zu done before, %zu now in %s, %zu unsupported, %zu errors, %zu tried "
        "again",
        label, r->n_planned, r->n_before, r->n_done, span, r->n_unsupported, r->n_errors,
        r->n_retried);
}

static waage_status run_one(session *s, store *st, progress *pg, size_t i, waage_err *err)
{
    const store_model *m = &s->models[i];
    const bool *todo = NULL;
    size_t n_todo = 0;
    WAAGE_TRY(run_find_todo(&todo, &n_todo, st, &s->p, m->label, s->a, err));
    if (n_todo == 0) {
        log_info("%s: all %zu items are there", m->label, s->p.n_units);
        return WAAGE_OK;
    }
    runner *r = NULL;
    run_result res;
    run_options how = s->job->how;
    how.st = st;
    how.p = &s->p;
    how.label = m->label;
    how.pg = pg;
    WAAGE_TRY(runner_open(&r, m->uri, &s->open_as, err));
    const runner_info *info = r->ops->info(r);
    waage_status status;
    if (strcmp(info->kind, "http") == 0) {
        how.commit_items = 1; /* what is paid for is kept at once */
        how.money = &s->money;
    }
    if (strcmp(info->kind, "local") == 0) how.power = energy_open(NULL);
    if (strcmp(info->sha256 ? info->sha256 : "", m->sha256) != 0)
        status = waage_err_set(err, WAAGE_ECONFLICT, "%s changed while the run began", m->uri);
    else
        status = run_model(&res, r, &how, err);
    if (how.power && (status == WAAGE_OK || status == WAAGE_EFAIL) && res.n_done) {
        waage_status put = store_begin(st, err);
        if (put == WAAGE_OK)
            put = put_energy(st, s->head, m->label, energy_joules(how.power), res.n_done, err);
        if (put == WAAGE_OK) put = store_commit(st, err);
        if (status == WAAGE_OK) status = put;
    }
    energy_close(how.power);
    if (status == WAAGE_OK || status == WAAGE_EFAIL) {
        log_result(m->label, &res);
        const waage_status put = put_results(st, info, m->label, &res, status ? NULL : err);
        if (status == WAAGE_OK) status = put;
    }
    runner_close(r);
    return status;
}

static waage_status interrupted(const session *s, waage_err *err)
{
    return waage_err_set(err, WAAGE_EINTR,
                         "interrupted; what was done is kept; `waage run -o %s` goes on",
                         s->job->dir);
}

/* A model above its error bound does not keep the others from running. */
static waage_status run_all(session *s, store *st, waage_err *err)
{
    progress *pg = s->job->show_progress ? progress_create_stderr() : NULL;
    waage_status status = WAAGE_OK;
    for (size_t i = 0; i < s->job->file.n_models; i++) {
        waage_err one = {WAAGE_OK, ""};
        const waage_status now = run_one(s, st, pg, i, &one);
        if (now == WAAGE_OK) continue;
        if (status == WAAGE_OK || now != WAAGE_EFAIL) {
            if (status != WAAGE_OK) log_error("%s", err->msg);
            status = waage_err_set(err, now, "%s", one.msg);
        } else {
            log_error("%s", one.msg);
        }
        if (now != WAAGE_EFAIL) break;
    }
    progress_free(pg);
    return status == WAAGE_EINTR ? interrupted(s, err) : status;
}

static waage_status run_in_store(session *s, store *st, waage_err *err)
{
    char date[STOPWATCH_DATE];
    store_data head;
    WAAGE_TRY(store_read_head(st, s->a, &head, err));
    const bool fresh = head.n_models == 0;
    s->head = &head;
    WAAGE_TRY(check_old(s, &head, err));
    WAAGE_TRY(put_frame(s, st, fresh, err));
    WAAGE_TRY(write_runfile(s, st, fresh, err));
    WAAGE_TRY(store_read_spent(st, &s->money.spent, &s->money.used, err));
    WAAGE_TRY(run_all(s, st, err));
    stopwatch_date(date);
    WAAGE_TRY(store_begin(st, err));
    WAAGE_TRY(store_put_manifest(st, "finished", date, err));
    return store_commit(st, err);
}

waage_status weigh_run(const weigh_job *job, arena *a, waage_err *err)
{
    session s;
    store *st = NULL;
    waage_status status = begin_session(&s, job, a, err);
    if (status == WAAGE_OK && interrupt_signal()) status = interrupted(&s, err);
    if (status == WAAGE_OK) status = store_open(&st, job->dir, true, err);
    if (status == WAAGE_OK) status = run_in_store(&s, st, err);
    store_close(st);
    plan_close(&s.p);
    return status;
}

/* ---- Dry run --------------------------------------------------------------------------------- */

typedef struct {
    size_t n_items, n_done, n_choices;
    uint64_t prompt_tokens, max_tokens; /* summed over what is left */
    uint32_t limit;                     /* of one answer; 0: the context */
    bool counted;                       /* the runner knows tokens */
    const char *unsupported;
} estimate;

static waage_status estimate_unit(const session *s, runner *r, const plan_unit *u, estimate *e,
                                  arena *a, waage_err *err)
{
    const plan_row *row = &s->p.rows[u->row];
    request rq;
    strbuf text = STRBUF_EMPTY;
    size_t n_tokens = 0;
    const char *why = NULL;
    WAAGE_TRY(task_build_request(row->t, u->item, row->proto, u->sample, 0, NULL, &rq, a, err));
    if (!plan_can_run(&rq, r->ops->info(r), &why)) {
        e->unsupported = why;
        return WAAGE_OK;
    }
    const waage_status st = r->ops->render(r, &rq, &text, &n_tokens, NULL);
    strbuf_free(&text);
    e->counted = e->counted && st == WAAGE_OK && n_tokens > 0;
    e->prompt_tokens += n_tokens;
    if (rq.kind == REQUEST_LOGLIK) {
        e->n_choices += rq.n_choices;
    } else {
        e->max_tokens += rq.max_tokens + rq.think.budget;
        if (rq.max_tokens > e->limit) e->limit = rq.max_tokens;
    }
    return WAAGE_OK;
}

static waage_status estimate_row(const session *s, runner *r, size_t row, const bool *todo,
                                 estimate *e, waage_err *err)
{
    const plan_row *p = &s->p.rows[row];
    *e = (estimate){.n_items = p->n, .counted = true};
    for (size_t i = p->first; i < p->first + p->n && !e->unsupported; i++) {
        arena a = ARENA_EMPTY;
        waage_status st = WAAGE_OK;
        if (todo && !todo[i])
            e->n_done++;
        else
            st = estimate_unit(s, r, &s->p.units[i], e, &a, err);
        arena_free(&a);
        if (st != WAAGE_OK) return st;
    }
    return WAAGE_OK;
}

static void put_estimate(strbuf *out, const plan_row *row, const estimate *e)
{
    strbuf_printf(out, "  %-32s %6zu", row->name, e->n_items);
    if (e->unsupported) {
        strbuf_printf(out, "  unsupported: %s\n", e->unsupported);
        return;
    }
    strbuf_printf(out, " %6zu", e->n_done);
    if (e->counted)
        strbuf_printf(out, " %14llu", (unsigned long long)e->prompt_tokens);
    else
        strbuf_printf(out, " %14s", "unknown");
    if (e->n_choices)
        strbuf_printf(out, "  %zu continuations scored\n", e->n_choices);
    else if (e->limit)
        strbuf_printf(out, "  at most %u tokens each\n", e->limit);
    else
        strbuf_puts(out, "  up to the context length\n");
}

static double measured_rate(const store_data *head, const char *label)
{
    for (size_t i = 0; i < head->n_manifest; i++) {
        const char *key = head->manifest[i].key;
        double rate = 0;
        if (strncmp(key, "rate:", 5) == 0 && strcmp(key + 5, label) == 0 &&
            sscanf(head->manifest[i].value, "%lf", &rate) == 1)
            return rate;
    }
    return 0;
}

static waage_status dry_run_model(const session *s, store *st, const store_data *head, size_t i,
                                  strbuf *out, waage_err *err)
{
    const store_model *m = &s->models[i];
    const bool *todo = NULL;
    size_t n_todo = 0;
    uint64_t tokens = 0;
    runner_options look = s->open_as;
    runner *r = NULL;
    look.inspect_only = true;
    if (st) WAAGE_TRY(run_find_todo(&todo, &n_todo, st, &s->p, m->label, s->a, err));
    WAAGE_TRY(runner_open(&r, m->uri, &look, err));
    strbuf_printf(out, "%s\n  %-32s %6s %6s %14s  %s\n", m->label, "suite", "items", "done",
                  "prompt tokens", "answers");
    waage_status status = WAAGE_OK;
    for (size_t row = 0; row < s->p.n_rows && status == WAAGE_OK; row++) {
        estimate e;
        status = estimate_row(s, r, row, todo, &e, err);
        if (status != WAAGE_OK) break;
        put_estimate(out, &s->p.rows[row], &e);
        if (!e.unsupported) tokens += e.prompt_tokens + e.max_tokens;
    }
    runner_close(r);
    const double rate = measured_rate(head, m->label);
    if (status == WAAGE_OK && rate > 0) {
        char span[STOPWATCH_SPAN];
        stopwatch_print_span(span, (double)tokens / rate);
        strbuf_printf(out, "  at most %s (%.0f tokens/s measured before)\n", span, rate);
    }
    return status;
}

waage_status weigh_dry_run(const weigh_job *job, strbuf *out, arena *a, waage_err *err)
{
    session s;
    store *st = NULL;
    store_data head = {0};
    waage_status status = begin_session(&s, job, a, err);
    const char *db = path_in(a, job->dir ? job->dir : ".", "run.sqlite");
    if (status == WAAGE_OK && !db) status = waage_err_nomem(err);
    if (status == WAAGE_OK && job->dir && file_exists(db)) {
        status = store_open(&st, job->dir, false, err);
        if (status == WAAGE_OK) status = store_read_head(st, a, &head, err);
        if (status == WAAGE_OK) status = check_old(&s, &head, err);
    }
    for (size_t i = 0; i < job->file.n_models && status == WAAGE_OK; i++)
        status = dry_run_model(&s, st, &head, i, out, err);
    store_close(st);
    plan_close(&s.p);
    return status == WAAGE_OK ? strbuf_check(out, err) : status;
}
