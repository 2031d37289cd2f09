/* analysis_index.c - finds for every (task, protocol, model, item) the scores and responses that
 * belong to it, whatever the order in which the store gives them; numbers the clusters of a row. */
#include <stdlib.h>
#include <string.h>
#include "harness/analysis_internal.h"

typedef struct {
    const char *id;
    size_t at; /* position among the items of its task */
} item_name;

typedef struct {
    item_name *names;         /* (n) by id */
    const store_item **items; /* (n) in the order of the store */
    size_t n;
} task_items;

typedef struct { /* one score or response */
    size_t row, model, item;
    uint32_t sample, turn;
    size_t at; /* index in the store_data array */
} ref;

typedef struct {
    task_items *tasks; /* (n_tasks) */
    size_t *row_of;    /* (n_tasks, 2) row of a task and protocol, SIZE_MAX: none */
} lookup;

static int cmp_name(const void *x, const void *y)
{
    return strcmp(((const item_name *)x)->id, ((const item_name *)y)->id);
}

static int cmp_ref(const void *x, const void *y)
{
    const ref *a = x, *b = y;
    if (a->row != b->row) return a->row < b->row ? -1 : 1;
    if (a->model != b->model) return a->model < b->model ? -1 : 1;
    if (a->item != b->item) return a->item < b->item ? -1 : 1;
    if (a->sample != b->sample) return a->sample < b->sample ? -1 : 1;
    if (a->turn != b->turn) return a->turn < b->turn ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

static size_t find_task(const store_data *d, const char *name)
{
    for (size_t i = 0; i < d->n_tasks; i++)
        if (strcmp(d->tasks[i].name, name) == 0) return i;
    return d->n_tasks;
}

static size_t find_model(const store_data *d, const char *label)
{
    for (size_t i = 0; i < d->n_models; i++)
        if (strcmp(d->models[i].label, label) == 0) return i;
    return d->n_models;
}

static waage_status index_items(work *w, lookup *l)
{
    const store_data *d = w->d;
    size_t *task_of;
    WORK_SCRATCH(w, l->tasks, d->n_tasks);
    WORK_SCRATCH(w, task_of, d->n_items);
    for (size_t i = 0; i < d->n_items; i++) {
        const size_t t = find_task(d, d->items[i].task);
        if (t == d->n_tasks)
            return waage_err_set(w->err, WAAGE_EFORMAT, "item %s belongs to unknown task %s",
                                 d->items[i].id, d->items[i].task);
        task_of[i] = t;
        l->tasks[t].n++;
    }
    for (size_t t = 0; t < d->n_tasks; t++) {
        WORK_SCRATCH(w, l->tasks[t].names, l->tasks[t].n);
        WORK_ALLOC(w, l->tasks[t].items, l->tasks[t].n);
        l->tasks[t].n = 0;
    }
    for (size_t i = 0; i < d->n_items; i++) {
        task_items *t = &l->tasks[task_of[i]];
        t->names[t->n] = (item_name){d->items[i].id, t->n};
        t->items[t->n++] = &d->items[i];
    }
    for (size_t t = 0; t < d->n_tasks; t++)
        qsort(l->tasks[t].names, l->tasks[t].n, sizeof(item_name), cmp_name);
    return WAAGE_OK;
}

/* Position of key in models, tasks and items; the row is filled in later from (task, protocol). */
static waage_status resolve(work *w, const lookup *l, const store_key *k, size_t at, ref *out,
                            size_t *task)
{
    const size_t m = find_model(w->d, k->model), t = find_task(w->d, k->task);
    if (m == w->d->n_models || t == w->d->n_tasks)
        return waage_err_set(w->err, WAAGE_EFORMAT, "an answer names unknown model or task: %s, %s",
                             k->model, k->task);
    const item_name key = {k->item, 0};
    const item_name *found = bsearch(&key, l->tasks[t].names, l->tasks[t].n, sizeof key, cmp_name);
    if (!found)
        return waage_err_set(w->err, WAAGE_EFORMAT, "an answer names unknown item %s of task %s",
                             k->item, k->task);
    *out = (ref){0, m, found->at, k->sample, k->turn, at};
    *task = t;
    return WAAGE_OK;
}

static analysis_kind kind_of(const store_task *t)
{
    if (t->kind && strcmp(t->kind, "safety") == 0) return KIND_SAFETY;
    if (t->kind && strcmp(t->kind, "censorship") == 0) return KIND_CENSORSHIP;
    return KIND_ACCURACY;
}

/* A row for every task and protocol that has an answer, and one for a task that has none. */
static waage_status make_rows(work *w, lookup *l)
{
    const store_data *d = w->d;
    bool *used;
    WORK_SCRATCH(w, used, 2 * d->n_tasks);
    WORK_SCRATCH(w, l->row_of, 2 * d->n_tasks);
    for (size_t i = 0; i < d->n_scores + d->n_responses; i++) {
        const store_key *k =
            i < d->n_scores ? &d->scores[i].key : &d->responses[i - d->n_scores].key;
        const size_t t = find_task(d, k->task);
        if (t < d->n_tasks) used[2 * t + (k->proto == PROTOCOL_CHAT)] = true;
    }
    size_t n = 0;
    for (size_t t = 0; t < d->n_tasks; t++) {
        if (!used[2 * t] && !used[2 * t + 1])
            used[2 * t + (kind_of(&d->tasks[t]) != KIND_ACCURACY)] = true;
        for (size_t p = 0; p < 2; p++)
            l->row_of[2 * t + p] = used[2 * t + p] ? n++ : SIZE_MAX;
    }
    analysis_row *rows;
    WORK_ALLOC(w, rows, n);
    WORK_SCRATCH(w, w->rows, n);
    for (size_t i = 0; i < 2 * d->n_tasks; i++) {
        if (l->row_of[i] == SIZE_MAX) continue;
        analysis_row *r = &rows[l->row_of[i]];
        analysis_cell *cells;
        WORK_ALLOC(w, cells, d->n_models);
        const task_items *t = &l->tasks[i / 2];
        *r = (analysis_row){.task = i / 2,
                            .proto = i % 2 ? PROTOCOL_CHAT : PROTOCOL_COMPLETION,
                            .kind = kind_of(&d->tasks[i / 2]),
                            .items = t->items,
                            .n_items = t->n,
                            .n_samples = 1,
                            .cells = cells};
        w->rows[l->row_of[i]] = (work_row){.out = r, .cells = cells};
    }
    w->out->rows = rows;
    w->out->n_rows = n;
    return WAAGE_OK;
}

static waage_status make_refs(work *w, const lookup *l, bool scores, ref **out)
{
    const size_t n = scores ? w->d->n_scores : w->d->n_responses;
    WORK_SCRATCH(w, *out, n);
    for (size_t i = 0; i < n; i++) {
        const store_key *k = scores ? &w->d->scores[i].key : &w->d->responses[i].key;
        size_t task = 0;
        WAAGE_TRY(resolve(w, l, k, i, &(*out)[i], &task));
        (*out)[i].row = l->row_of[2 * task + (k->proto == PROTOCOL_CHAT)];
    }
    qsort(*out, n, sizeof **out, cmp_ref);
    return WAAGE_OK;
}

/* Sorted references make each item's scores one run of an array. */
static waage_status attach(work *w, const ref *refs, size_t n, bool scores)
{
    const store_score **s = NULL;
    const store_response **r = NULL;
    if (scores)
        WORK_ALLOC(w, s, n);
    else
        WORK_ALLOC(w, r, n);
    for (size_t i = 0; i < n; i++) {
        analysis_item *it = &w->rows[refs[i].row].items[refs[i].model][refs[i].item];
        analysis_row *row = w->rows[refs[i].row].out;
        if (refs[i].sample >= row->n_samples && refs[i].sample < UINT32_MAX)
            row->n_samples = refs[i].sample + 1;
        if (scores) {
            s[i] = &w->d->scores[refs[i].at];
            if (it->n_scores++ == 0) it->scores = &s[i];
        } else {
            r[i] = &w->d->responses[refs[i].at];
            if (it->n_responses++ == 0) it->responses = &r[i];
        }
    }
    return WAAGE_OK;
}

waage_status analysis_index(work *w)
{
    lookup l = {0};
    ref *scores, *responses;
    WAAGE_TRY(index_items(w, &l));
    WAAGE_TRY(make_rows(w, &l));
    for (size_t i = 0; i < w->out->n_rows; i++) {
        work_row *r = &w->rows[i];
        WORK_SCRATCH(w, r->items, w->d->n_models);
        for (size_t m = 0; m < w->d->n_models; m++) {
            WORK_ALLOC(w, r->items[m], r->out->n_items);
            r->cells[m].items = r->items[m];
        }
    }
    WAAGE_TRY(make_refs(w, &l, true, &scores));
    WAAGE_TRY(make_refs(w, &l, false, &responses));
    WAAGE_TRY(attach(w, scores, w->d->n_scores, true));
    return attach(w, responses, w->d->n_responses, false);
}

/* --- clusters ------------------------------------------------------------------------------ */

waage_status analysis_number_clusters(work *w, work_row *r)
{
    const size_t n = r->out->n_items;
    item_name *by_cluster;
    size_t m = 0;
    WORK_SCRATCH(w, by_cluster, n);
    WORK_SCRATCH(w, r->cluster, n);
    r->n_ids = 0;
    for (size_t i = 0; i < n; i++) {
        const store_item *it = r->out->items[i];
        const char *key = it->cluster && *it->cluster ? it->cluster : it->pair;
        if (key && *key)
            by_cluster[m++] = (item_name){key, i};
        else
            r->cluster[i] = (uint32_t)r->n_ids++;
    }
    qsort(by_cluster, m, sizeof *by_cluster, cmp_name);
    bool shared = false;
    for (size_t i = 0; i < m; i++) {
        const bool same = i > 0 && strcmp(by_cluster[i].id, by_cluster[i - 1].id) == 0;
        shared = shared || same;
        r->cluster[by_cluster[i].at] = (uint32_t)(same ? r->n_ids - 1 : r->n_ids++);
    }
    r->out->n_clusters = shared ? r->n_ids : 0;
    return WAAGE_OK;
}
