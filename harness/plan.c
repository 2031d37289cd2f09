/* plan.c - lays out a run. Reads no model and writes nothing but the frame of the store. */
#include "harness/plan.h"
#include "harness/base/log.h"
#include "harness/base/nearest.h"
#include "harness/base/num.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    arena *a;
    const runfile_settings *s;
    const task **tasks;
    size_t n_tasks, cap_tasks;
    bool *item_used; /* per --items id */
} maker;

/* ---- Tasks ----------------------------------------------------------------------------------- */

static waage_status add_task(maker *m, const task *t, waage_err *err)
{
    const task_info *info = task_get_info(t);
    for (size_t i = 0; i < m->n_tasks; i++) {
        const task_info *have = task_get_info(m->tasks[i]);
        if (strcmp(have->name, info->name) != 0) continue;
        if (strcmp(have->hash, info->hash) == 0)
            return WAAGE_OK; /* in two groups that were named */
        return waage_err_set(err, WAAGE_EINVAL, "two different tasks are called '%s'", info->name);
    }
    if (m->n_tasks == m->cap_tasks) {
        const size_t cap = m->cap_tasks ? 2 * m->cap_tasks : 16;
        const task **tasks = arena_calloc(m->a, cap, sizeof *tasks);
        if (!tasks) return waage_err_nomem(err);
        for (size_t i = 0; i < m->n_tasks; i++)
            tasks[i] = m->tasks[i];
        m->tasks = tasks;
        m->cap_tasks = cap;
    }
    m->tasks[m->n_tasks++] = t;
    return WAAGE_OK;
}

/* As it enters the digest: "off", "high:2048", ... */
static const char *print_reasoning(arena *a, const char *text)
{
    char out[REASONING_TEXT];
    reasoning r = {REASONING_DEFAULT, 0};
    if (text) (void)reasoning_from_text(&r, text); /* runfile_finish_settings has checked it */
    reasoning_print(out, r);
    return arena_strdup(a, out);
}

static waage_status load_suite(maker *m, plan *out, const char *name, waage_err *err)
{
    task_options how = {.data_dir = m->s->data,
                        .seed = m->s->seed,
                        .limit = m->s->limit,
                        .num_fewshot = m->s->num_fewshot,
                        .max_tokens = m->s->max_tokens,
                        .system = m->s->system};
    task_list list = {NULL, 0};
    if (m->s->reasoning) (void)reasoning_from_text(&how.think, m->s->reasoning);
    WAAGE_TRY(task_load(&list, m->a, name, &how, err));
    out->loaded[out->n_loaded++] = list;
    for (size_t i = 0; i < list.n; i++)
        WAAGE_TRY(add_task(m, list.tasks[i], err));
    return WAAGE_OK;
}

static waage_status load_suites(maker *m, plan *out, const opts_list *suites, waage_err *err)
{
    out->loaded = arena_calloc(m->a, suites->n, sizeof *out->loaded);
    if (!out->loaded) return waage_err_nomem(err);
    for (size_t i = 0; i < suites->n; i++)
        WAAGE_TRY(load_suite(m, out, suites->items[i], err));
    if (m->n_tasks == 0)
        return waage_err_set(err, WAAGE_EINVAL, "no suite to run; -s NAME adds one");
    return WAAGE_OK;
}

/* ---- Rows and units -------------------------------------------------------------------------- */

static bool wanted_protocol(const maker *m, const task_info *info, protocol p)
{
    if (!(info->protocols & (1U << p))) return false;
    return !m->s->protocol || strcmp(m->s->protocol, protocol_name(p)) == 0;
}

static bool wanted_item(maker *m, const opts_list *ids, const char *id)
{
    if (ids->n == 0) return true;
    for (size_t i = 0; i < ids->n; i++)
        if (strcmp(ids->items[i], id) == 0) {
            m->item_used[i] = true;
            return true;
        }
    return false;
}

static waage_status unknown_item(const maker *m, const char *id, waage_err *err)
{
    nearest near;
    nearest_init(&near, id);
    for (size_t t = 0; t < m->n_tasks; t++)
        for (size_t i = 0; i < task_get_info(m->tasks[t])->n_items; i++)
            nearest_offer(&near, task_get_item(m->tasks[t], i)->id);
    if (near.best)
        return waage_err_set(err, WAAGE_EINVAL, "--items: no item '%s' in these suites; '%s'?", id,
                             near.best);
    return waage_err_set(err, WAAGE_EINVAL, "--items: no item '%s' in these suites%s", id,
                         m->s->limit ? " (--limit leaves some out)" : "");
}

static uint32_t n_samples(const maker *m, const task_info *info)
{
    const uint32_t n = m->s->repeats ? m->s->repeats : info->repeats;
    return n ? n : 1;
}

static waage_status add_row(maker *m, plan *out, plan_row *row, plan_unit *units,
                            const opts_list *ids, waage_err *err)
{
    row->name = arena_printf(m->a, "%s (%s)", row->info->name, protocol_name(row->proto));
    if (!row->name) return waage_err_nomem(err);
    row->first = out->n_units;
    for (size_t i = 0; i < row->info->n_items; i++) {
        if (!wanted_item(m, ids, task_get_item(row->t, i)->id)) continue;
        for (uint32_t s = 0; s < n_samples(m, row->info); s++)
            units[out->n_units++] = (plan_unit){(uint32_t)out->n_rows, (uint32_t)i, s};
    }
    row->n = out->n_units - row->first;
    if (row->n) out->n_rows++;
    return WAAGE_OK;
}

static waage_status lay_out(maker *m, plan *out, const opts_list *ids, waage_err *err)
{
    static const protocol protocols[] = {PROTOCOL_COMPLETION, PROTOCOL_CHAT};
    size_t n_units = 0;
    for (size_t t = 0; t < m->n_tasks; t++) {
        const task_info *info = task_get_info(m->tasks[t]);
        size_t n = 0;
        if (!num_mul_size(&n, 2 * info->n_items, n_samples(m, info)) ||
            !num_add_size(&n_units, n_units, n) || n_units > UINT32_MAX)
            return waage_err_set(err, WAAGE_EINVAL, "--repeats: too many answers");
    }
    plan_row *rows = arena_calloc(m->a, 2 * m->n_tasks, sizeof *rows);
    plan_unit *units = arena_calloc(m->a, n_units, sizeof *units);
    if (!rows || !units) return waage_err_nomem(err);
    out->rows = rows;
    out->units = units;
    for (size_t t = 0; t < m->n_tasks; t++) {
        const task_info *info = task_get_info(m->tasks[t]);
        bool any = false;
        for (size_t p = 0; p < 2; p++) {
            if (!wanted_protocol(m, info, protocols[p])) continue;
            any = true;
            plan_row *row = &rows[out->n_rows];
            *row = (plan_row){m->tasks[t], info, protocols[p], NULL, 0, 0};
            WAAGE_TRY(add_row(m, out, row, units, ids, err));
        }
        if (!any)
            log_warn("%s is left out: it does not offer --protocol %s", info->name, m->s->protocol);
    }
    return WAAGE_OK;
}

/* ---- Settings -------------------------------------------------------------------------------- */

static const char *number_or(arena *a, uint64_t v, uint64_t unset, const char *word)
{
    return v == unset ? word : arena_printf(a, "%" PRIu64, v);
}

static int compare_settings(const void *a, const void *b)
{
    return strcmp(((const store_setting *)a)->key, ((const store_setting *)b)->key);
}

static waage_status make_settings(plan *out, arena *a, const runfile_settings *s, waage_err *err)
{
    const store_setting all[] = {
        {"arithmetic", PLAN_ARITHMETIC},
        {"activations", s->activations ? s->activations : "i16"},
        {"kv_format", s->kv_format ? s->kv_format : "f32"},
        {"seed", arena_printf(a, "%" PRIu64, s->seed)},
        {"limit", number_or(a, s->limit, 0, "none")},
        {"max_tokens", number_or(a, s->max_tokens, 0, "task")},
        {"num_fewshot", s->num_fewshot < 0 ? "task" : arena_printf(a, "%d", s->num_fewshot)},
        {"system", s->system ? s->system : ""},
        {"date", s->date ? s->date : ENGINE_DATE},
        {"reasoning", print_reasoning(a, s->reasoning)}, /* last: left out when nothing is said */
    };
    const size_t n = sizeof all / sizeof *all - (s->reasoning == NULL);
    store_setting *copy = arena_calloc(a, n, sizeof *copy);
    if (!copy) return waage_err_nomem(err);
    memcpy(copy, all, n * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        if (!copy[i].value) return waage_err_nomem(err);
    qsort(copy, n, sizeof *copy, compare_settings);
    out->settings = copy;
    out->n_settings = n;
    return WAAGE_OK;
}

waage_status plan_make(plan *out, arena *a, const opts_list *suites, const runfile_settings *s,
                       waage_err *err)
{
    maker m = {.a = a, .s = s};
    opts_list ids = {0};
    *out = (plan){0};
    WAAGE_TRY(opts_split(&ids, &s->items, a, err));
    m.item_used = arena_calloc(a, ids.n, sizeof *m.item_used);
    if (!m.item_used) return waage_err_nomem(err);
    WAAGE_TRY(load_suites(&m, out, suites, err));
    WAAGE_TRY(lay_out(&m, out, &ids, err));
    out->tasks = m.tasks;
    out->n_tasks = m.n_tasks;
    if (out->n_units == 0 && s->protocol && ids.n == 0)
        return waage_err_set(err, WAAGE_EINVAL, "nothing to do: no suite offers --protocol %s",
                             s->protocol);
    for (size_t i = 0; i < ids.n; i++)
        if (!m.item_used[i]) return unknown_item(&m, ids.items[i], err);
    return make_settings(out, a, s, err);
}

void plan_close(plan *p)
{
    for (size_t i = 0; i < p->n_loaded; i++)
        task_list_close(&p->loaded[i]);
    p->n_loaded = 0;
}

store_key plan_get_key(const plan *p, size_t unit, const char *model)
{
    const plan_unit *u = &p->units[unit];
    const plan_row *row = &p->rows[u->row];
    return (store_key){model,      row->info->name, task_get_item(row->t, u->item)->id,
                       row->proto, u->sample,       0};
}

bool plan_can_run(const request *rq, const runner_info *m, const char **why)
{
    *why = NULL;
    if (rq->proto == PROTOCOL_CHAT && !m->can_chat)
        *why = m->no_chat ? m->no_chat : "this model cannot chat";
    else if (rq->kind == REQUEST_LOGLIK && !m->can_loglik)
        *why = "this model gives no log-probabilities of given continuations";
    else if (rq->proto == PROTOCOL_COMPLETION && !m->can_complete)
        *why = "this model only takes chats";
    return !*why;
}

/* ---- Resuming -------------------------------------------------------------------------------- */

static const char *option_of(const char *key)
{
    static const char *const names[][2] = {
        {"activations", "--activations"},
        {"kv_format", "--kv-format"},
        {"seed", "--seed"},
        {"limit", "--limit"},
        {"max_tokens", "--max-tokens"},
        {"num_fewshot", "--num-fewshot"},
        {"system", "--system"},
        {"date", "--date"},
        {"reasoning", "--reasoning"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], key) == 0) return names[i][1];
    return key;
}

static const char *find_setting(const store_setting *s, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s[i].key, key) == 0) return s[i].value;
    return NULL;
}

/* A setting that the store does not know yet is no conflict, but for those that are left out where
 * nothing is said. */
static waage_status check_setting(const plan *p, const store_data *head, const char *key,
                                  const char *dir, waage_err *err)
{
    const bool optional = strcmp(key, "reasoning") == 0;
    const char *old = find_setting(head->settings, head->n_settings, key);
    const char *now = find_setting(p->settings, p->n_settings, key);
    if (!old && !(optional && head->n_models > 0)) return WAAGE_OK;
    if (!old) old = "task";
    if (!now) now = "task";
    if (strcmp(old, now) == 0) return WAAGE_OK;
    return waage_err_set(err, WAAGE_ECONFLICT,
                         "%s was made with %s '%.200s', this run has '%.200s'; go on with the "
                         "old one or use another directory",
                         dir, option_of(key), old, now);
}

static waage_status check_task(const task_info *t, const store_task *old, const char *dir,
                               waage_err *err)
{
    enum { HASH_SHOWN = 12, RULES_SHOWN = 120 };
    const struct {
        const char *what, *was, *is;
        int shown; /* of its characters */
    } facts[] = {{"definition is", old->hash, t->hash, HASH_SHOWN},
                 {"data is", old->data_hash, t->data_hash, HASH_SHOWN},
                 {"scoring rules are", old->rules_version ? old->rules_version : "unknown",
                  t->rules_version, RULES_SHOWN}};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (strcmp(facts[i].was, facts[i].is) != 0)
            return waage_err_set(err, WAAGE_ECONFLICT,
                                 "%s holds results of another version of task '%s', whose %s "
                                 "'%.*s'; now '%.*s'; use another directory",
                                 dir, t->name, facts[i].what, facts[i].shown, facts[i].was,
                                 facts[i].shown, facts[i].is);
    return WAAGE_OK;
}

waage_status plan_check(const plan *p, const store_data *head, const char *dir, waage_err *err)
{
    for (size_t i = 0; i < p->n_settings; i++)
        WAAGE_TRY(check_setting(p, head, p->settings[i].key, dir, err));
    if (head->n_models > 0) WAAGE_TRY(check_setting(p, head, "reasoning", dir, err));
    for (size_t i = 0; i < p->n_tasks; i++)
        for (size_t k = 0; k < head->n_tasks; k++) {
            const task_info *t = task_get_info(p->tasks[i]);
            if (strcmp(t->name, head->tasks[k].name) == 0)
                WAAGE_TRY(check_task(t, &head->tasks[k], dir, err));
        }
    return WAAGE_OK;
}

waage_status plan_check_model(const store_data *head, const store_model *m, const char *dir,
                              waage_err *err)
{
    for (size_t i = 0; i < head->n_models; i++) {
        const store_model *old = &head->models[i];
        if (strcmp(old->label, m->label) != 0 || strcmp(old->sha256, m->sha256) == 0) continue;
        return waage_err_set(err, WAAGE_ECONFLICT,
                             "%s holds results of another model '%s': its sha256 was %.12s, %s has "
                             "%.12s; name the new one (-m LABEL=...) or use another directory",
                             dir, m->label, old->sha256, m->uri, m->sha256);
    }
    return WAAGE_OK;
}

/* ---- The frame of the store ------------------------------------------------------------------ */

static waage_status put_item(const plan_row *row, uint32_t i, store *s, waage_err *err)
{
    const task_item *x = task_get_item(row->t, i);
    const store_item item = {.task = row->info->name,
                             .id = x->id,
                             .ordinal = i,
                             .doc_hash = x->doc_hash,
                             .doc_json = x->doc_json,
                             .question = x->question,
                             .cluster = x->cluster,
                             .level = x->level,
                             .language = x->language,
                             .pair = x->pair,
                             .role = x->role,
                             .actor = x->actor,
                             .gold = x->gold,
                             .gold_choice = x->gold_choice,
                             .n_choices = (uint32_t)x->n_choices,
                             .n_turns = x->n_turns,
                             .chance = x->chance};
    return store_put_item(s, &item, err);
}

waage_status plan_put(const plan *p, store *s, waage_err *err)
{
    for (size_t i = 0; i < p->n_tasks; i++) {
        const task_info *t = task_get_info(p->tasks[i]);
        const store_task row = {.name = t->name,
                                .group = t->group,
                                .title = t->title,
                                .kind = t->kind,
                                .hash = t->hash,
                                .data_hash = t->data_hash,
                                .definition_json = t->definition,
                                .rules_version = t->rules_version,
                                .licence = t->licence,
                                .redistribute = t->redistribute,
                                .is_choice = t->output == TASK_CHOICE,
                                .num_fewshot = t->num_fewshot,
                                .version = t->version};
        WAAGE_TRY(store_put_task(s, &row, err));
    }
    for (size_t i = 0; i < p->n_units; i++)
        if (p->units[i].sample == 0)
            WAAGE_TRY(put_item(&p->rows[p->units[i].row], p->units[i].item, s, err));
    for (size_t i = 0; i < p->n_settings; i++)
        WAAGE_TRY(store_put_setting(s, p->settings[i].key, p->settings[i].value, err));
    return WAAGE_OK;
}
