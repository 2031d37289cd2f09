/* analysis_join.c - several runs as one: what has equal hashes is the same thing, everything else
 * is kept apart under a name of its own, and said. */
#include <stdlib.h>
#include <string.h>
#include "harness/analysis_internal.h"

typedef struct {
    arena *a;
    waage_err *err;
    store_model *models;
    store_task *tasks;
    store_item *items;
    store_response *responses;
    store_score *scores;
    store_setting *settings, *manifest;
    store_data out;
    const char **notes;
    size_t n_notes, cap_notes;
    const store_item **by_id; /* joined items, sorted by task and id */
    const store_key **responses_by_key, **scores_by_key;
} join;

typedef struct {                /* what one run's names became */
    const char **model, **task; /* (n_models), (n_tasks) joined names */
    const char **item;          /* (n_items) joined ids */
    size_t number;              /* 1-based, for people */
    size_t n_repeated, n_moved; /* answers that were there already; items of another document */
} renames;

#define JOIN_ALLOC(j, ptr, n)                                                                      \
    do {                                                                                           \
        (ptr) = arena_calloc((j)->a, (n), sizeof *(ptr));                                          \
        if (!(ptr)) return waage_err_nomem((j)->err);                                              \
    } while (0)

static waage_status note(join *j, const char *text)
{
    if (!text) return waage_err_nomem(j->err);
    if (j->n_notes < j->cap_notes) j->notes[j->n_notes++] = text;
    return WAAGE_OK;
}

static waage_status apart(join *j, const char **out, const char *name, size_t run)
{
    *out = arena_printf(j->a, "%s (run %zu)", name, run);
    return *out ? WAAGE_OK : waage_err_nomem(j->err);
}

/* --- models and tasks ------------------------------------------------------------------------- */

static waage_status join_model(join *j, const store_model *m, renames *r, const char **name)
{
    *name = m->label;
    for (size_t i = 0; i < j->out.n_models; i++) {
        const store_model *o = &j->models[i];
        if (strcmp(o->label, m->label) != 0) continue;
        if (analysis_same_text(o->sha256, m->sha256) && analysis_same_text(o->kind, m->kind))
            return WAAGE_OK;
        WAAGE_TRY(apart(j, name, m->label, r->number));
        WAAGE_TRY(
            note(j, arena_printf(j->a, "%s stands for other weights in run %zu and is kept apart.",
                                 m->label, r->number)));
    }
    j->models[j->out.n_models] = *m;
    j->models[j->out.n_models++].label = *name;
    return WAAGE_OK;
}

static waage_status join_task(join *j, const store_task *t, renames *r, const char **name)
{
    *name = t->name;
    for (size_t i = 0; i < j->out.n_tasks; i++) {
        const store_task *o = &j->tasks[i];
        if (strcmp(o->name, t->name) != 0) continue;
        if (analysis_same_text(o->hash, t->hash) &&
            analysis_same_text(o->data_hash, t->data_hash) &&
            analysis_same_text(o->rules_version, t->rules_version))
            return WAAGE_OK;
        WAAGE_TRY(apart(j, name, t->name, r->number));
        WAAGE_TRY(note(j, arena_printf(j->a,
                                       "%s has another definition, other data or other rules of "
                                       "scoring in run %zu and is kept apart.",
                                       t->name, r->number)));
    }
    j->tasks[j->out.n_tasks] = *t;
    j->tasks[j->out.n_tasks++].name = *name;
    return WAAGE_OK;
}

static const char *renamed(const char *name, const char *const *joined, const char *const *own,
                           size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(own[i], name) == 0) return joined[i];
    return name; /* unknown: analysis_make will say so */
}

/* --- items ------------------------------------------------------------------------------------ */

static int cmp_item(const void *x, const void *y)
{
    const store_item *a = *(const store_item *const *)x, *b = *(const store_item *const *)y;
    const int task = strcmp(a->task, b->task);
    return task ? task : strcmp(a->id, b->id);
}

static waage_status join_items(join *j, const store_data *d, renames *r,
                               const char *const *own_tasks)
{
    const size_t before = j->out.n_items;
    for (size_t i = 0; i < d->n_items; i++) {
        store_item it = d->items[i];
        it.task = renamed(it.task, r->task, own_tasks, d->n_tasks);
        const store_item *key = &it, **found = NULL;
        if (before) found = bsearch(&key, j->by_id, before, sizeof *j->by_id, cmp_item);
        r->item[i] = it.id;
        if (found && analysis_same_text((*found)->doc_hash, it.doc_hash)) continue;
        if (found) {
            WAAGE_TRY(apart(j, &r->item[i], it.id, r->number));
            it.id = r->item[i];
            r->n_moved++;
        }
        j->items[j->out.n_items++] = it;
    }
    for (size_t i = before; i < j->out.n_items; i++)
        j->by_id[i] = &j->items[i];
    qsort(j->by_id, j->out.n_items, sizeof *j->by_id, cmp_item);
    if (r->n_moved)
        return note(j, arena_printf(j->a,
                                    "%zu items of run %zu have the id of another document and are "
                                    "kept apart.",
                                    r->n_moved, r->number));
    return WAAGE_OK;
}

/* --- answers ---------------------------------------------------------------------------------- */

static int cmp_key(const void *x, const void *y)
{
    const store_key *a = *(const store_key *const *)x, *b = *(const store_key *const *)y;
    int c = strcmp(a->task, b->task);
    if (!c) c = strcmp(a->item, b->item);
    if (!c) c = strcmp(a->model, b->model);
    if (!c) c = (a->proto > b->proto) - (a->proto < b->proto);
    if (!c) c = (a->sample > b->sample) - (a->sample < b->sample);
    if (!c) c = (a->turn > b->turn) - (a->turn < b->turn);
    return c;
}

typedef struct {
    const char *task, *id;
    size_t at;
} own_item;

static int cmp_own(const void *x, const void *y)
{
    const own_item *a = x, *b = y;
    const int task = strcmp(a->task, b->task);
    return task ? task : strcmp(a->id, b->id);
}

typedef struct {
    const char *const *models, *const *tasks;
    const own_item *items; /* (n_items) sorted */
} own_names;

static store_key rename_key(const store_key *k, const store_data *d, const renames *r,
                            const own_names *own)
{
    store_key out = *k;
    const own_item key = {k->task, k->item, 0};
    const own_item *found = bsearch(&key, own->items, d->n_items, sizeof key, cmp_own);
    out.model = renamed(k->model, r->model, own->models, d->n_models);
    out.task = renamed(k->task, r->task, own->tasks, d->n_tasks);
    if (found) out.item = r->item[found->at];
    return out;
}

static bool known(const store_key *k, const store_key *const *sorted, size_t n)
{
    return n && bsearch(&k, sorted, n, sizeof *sorted, cmp_key);
}

static void join_answers(join *j, const store_data *d, renames *r, const own_names *own)
{
    const size_t n_responses = j->out.n_responses, n_scores = j->out.n_scores;
    for (size_t i = 0; i < d->n_responses; i++) {
        store_response rp = d->responses[i];
        rp.key = rename_key(&rp.key, d, r, own);
        if (!known(&rp.key, j->responses_by_key, n_responses))
            j->responses[j->out.n_responses++] = rp;
    }
    for (size_t i = 0; i < d->n_scores; i++) {
        store_score s = d->scores[i];
        s.key = rename_key(&s.key, d, r, own);
        if (known(&s.key, j->scores_by_key, n_scores))
            r->n_repeated++;
        else
            j->scores[j->out.n_scores++] = s;
    }
    for (size_t i = n_responses; i < j->out.n_responses; i++)
        j->responses_by_key[i] = &j->responses[i].key;
    for (size_t i = n_scores; i < j->out.n_scores; i++)
        j->scores_by_key[i] = &j->scores[i].key;
    qsort(j->responses_by_key, j->out.n_responses, sizeof *j->responses_by_key, cmp_key);
    qsort(j->scores_by_key, j->out.n_scores, sizeof *j->scores_by_key, cmp_key);
}

/* --- settings --------------------------------------------------------------------------------- */

static store_setting *find_setting(store_setting *s, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s[i].key, key) == 0) return &s[i];
    return NULL;
}

static waage_status join_settings(join *j, const store_data *d, const renames *r)
{
    for (size_t i = 0; i < d->n_settings; i++) {
        const store_setting *s = &d->settings[i];
        store_setting *o = find_setting(j->settings, j->out.n_settings, s->key);
        if (!o) {
            if (r->number > 1)
                WAAGE_TRY(note(j, arena_printf(j->a, "Only run %zu has the setting %s: %s.",
                                               r->number, s->key, s->value)));
            j->settings[j->out.n_settings++] = *s;
        } else if (!analysis_same_text(o->value, s->value)) {
            WAAGE_TRY(note(j, arena_printf(j->a, "The setting %s differs: %s, in run %zu %s.",
                                           s->key, o->value, r->number, s->value)));
            o->value = arena_printf(j->a, "%s; in run %zu %s", o->value, r->number, s->value);
            if (!o->value) return waage_err_nomem(j->err);
        }
    }
    for (size_t i = 0; i < d->n_manifest; i++) {
        store_setting *m = &j->manifest[j->out.n_manifest++];
        m->value = d->manifest[i].value;
        WAAGE_TRY(apart(j, &m->key, d->manifest[i].key, r->number));
    }
    return WAAGE_OK;
}

/* --- one run ---------------------------------------------------------------------------------- */

static waage_status join_run(join *j, const store_data *d, size_t number)
{
    renames r = {.number = number};
    const char **models, **tasks;
    own_item *items;
    JOIN_ALLOC(j, models, d->n_models);
    JOIN_ALLOC(j, tasks, d->n_tasks);
    JOIN_ALLOC(j, items, d->n_items);
    JOIN_ALLOC(j, r.model, d->n_models);
    JOIN_ALLOC(j, r.task, d->n_tasks);
    JOIN_ALLOC(j, r.item, d->n_items);
    for (size_t i = 0; i < d->n_models; i++) {
        models[i] = d->models[i].label;
        WAAGE_TRY(join_model(j, &d->models[i], &r, &r.model[i]));
    }
    for (size_t i = 0; i < d->n_tasks; i++) {
        tasks[i] = d->tasks[i].name;
        WAAGE_TRY(join_task(j, &d->tasks[i], &r, &r.task[i]));
    }
    for (size_t i = 0; i < d->n_items; i++)
        items[i] = (own_item){d->items[i].task, d->items[i].id, i};
    qsort(items, d->n_items, sizeof *items, cmp_own);
    WAAGE_TRY(join_items(j, d, &r, tasks));
    const own_names own = {models, tasks, items};
    join_answers(j, d, &r, &own);
    if (r.n_repeated)
        WAAGE_TRY(
            note(j, arena_printf(j->a,
                                 "%zu answers of run %zu are in an earlier run too; those are "
                                 "used.",
                                 r.n_repeated, number)));
    return join_settings(j, d, &r);
}

static waage_status allocate(join *j, const store_data *const *runs, size_t n_runs)
{
    store_data n = {0};
    for (size_t i = 0; i < n_runs; i++) {
        n.n_models += runs[i]->n_models;
        n.n_tasks += runs[i]->n_tasks;
        n.n_items += runs[i]->n_items;
        n.n_responses += runs[i]->n_responses;
        n.n_scores += runs[i]->n_scores;
        n.n_settings += runs[i]->n_settings;
        n.n_manifest += runs[i]->n_manifest;
    }
    JOIN_ALLOC(j, j->models, n.n_models);
    JOIN_ALLOC(j, j->tasks, n.n_tasks);
    JOIN_ALLOC(j, j->items, n.n_items);
    JOIN_ALLOC(j, j->by_id, n.n_items);
    JOIN_ALLOC(j, j->responses, n.n_responses);
    JOIN_ALLOC(j, j->responses_by_key, n.n_responses);
    JOIN_ALLOC(j, j->scores, n.n_scores);
    JOIN_ALLOC(j, j->scores_by_key, n.n_scores);
    JOIN_ALLOC(j, j->settings, n.n_settings);
    JOIN_ALLOC(j, j->manifest, n.n_manifest);
    j->cap_notes = n.n_models + n.n_tasks + n.n_settings + 2 * n_runs;
    JOIN_ALLOC(j, j->notes, j->cap_notes);
    return WAAGE_OK;
}

waage_status analysis_join(store_data *out, const char *const **notes, size_t *n_notes,
                           const store_data *const *runs, size_t n_runs, arena *a, waage_err *err)
{
    *notes = NULL;
    *n_notes = 0;
    if (n_runs == 1) {
        *out = *runs[0];
        return WAAGE_OK;
    }
    join j = {.a = a, .err = err};
    WAAGE_TRY(allocate(&j, runs, n_runs));
    for (size_t i = 0; i < n_runs; i++)
        WAAGE_TRY(join_run(&j, runs[i], i + 1));
    j.out.models = j.models;
    j.out.tasks = j.tasks;
    j.out.items = j.items;
    j.out.responses = j.responses;
    j.out.scores = j.scores;
    j.out.settings = j.settings;
    j.out.manifest = j.manifest;
    *out = j.out;
    *notes = j.notes;
    *n_notes = j.n_notes;
    return WAAGE_OK;
}
