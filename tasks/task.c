/* task.c - loading a suite, its hashes, and the request of an item. */
#include "tasks/task.h"

#include <stdlib.h>
#include <string.h>
#include "harness/base/hash.h"
#include "tasks/prompt.h"
#include "tasks/score.h"
#include "tasks/task_impl.h"

/* ---- canonical JSON ---- */

static int by_key(const void *x, const void *y)
{
    return strcmp(((const value_pair *)x)->key, ((const value_pair *)y)->key);
}

/* A copy whose maps are sorted by key; NULL when memory is out. */
static value *sorted(arena *a, const value *v)
{
    value *out = arena_alloc(a, sizeof *out);
    if (!out) return NULL;
    *out = *v;
    if (v->kind == VALUE_LIST && v->u.list.n) {
        out->u.list.items = arena_calloc(a, v->u.list.n, sizeof *out->u.list.items);
        if (!out->u.list.items) return NULL;
        for (size_t i = 0; i < v->u.list.n; i++)
            if (!(out->u.list.items[i] = sorted(a, v->u.list.items[i]))) return NULL;
    } else if (v->kind == VALUE_MAP && v->u.map.n) {
        out->u.map.pairs = arena_calloc(a, v->u.map.n, sizeof *out->u.map.pairs);
        if (!out->u.map.pairs) return NULL;
        for (size_t i = 0; i < v->u.map.n; i++) {
            out->u.map.pairs[i] =
                (value_pair){v->u.map.pairs[i].key, sorted(a, v->u.map.pairs[i].val)};
            if (!out->u.map.pairs[i].val) return NULL;
        }
        qsort(out->u.map.pairs, v->u.map.n, sizeof *out->u.map.pairs, by_key);
    }
    return out;
}

const char *task_canonical_json(arena *a, const value *v)
{
    strbuf b = STRBUF_EMPTY;
    const value *s = sorted(a, v);
    if (s) value_put_json(&b, s, 0);
    const char *out = !s || b.failed ? NULL : arena_strndup(a, strbuf_str(&b), b.len);
    strbuf_free(&b);
    return out;
}

/* The definition without what changes no score (texts for people) and without `docs`, which the
 * data hash covers. */
static value *scored_part(arena *a, const value *map)
{
    static const char *const left_out[] = {
        "about", "canary", "docs", "group", "licence", "redistribute", "source_url", "title", NULL};
    value *out = value_map(a);
    for (size_t i = 0; out && i < map->u.map.n; i++) {
        bool skip = false;
        for (size_t k = 0; left_out[k]; k++)
            skip = skip || strcmp(left_out[k], map->u.map.pairs[i].key) == 0;
        for (size_t k = 0; task_keys_ignored[k]; k++)
            skip = skip || strcmp(task_keys_ignored[k], map->u.map.pairs[i].key) == 0;
        if (!skip && !value_map_set(a, out, map->u.map.pairs[i].key, map->u.map.pairs[i].val))
            return NULL;
    }
    return out;
}

static waage_status hash_task(task *t, arena *a, waage_err *err)
{
    char hex[HASH_HEX];
    const value *part = scored_part(a, t->def.map);
    t->info.definition = part ? task_canonical_json(a, part) : NULL;
    hash *h = t->info.definition ? hash_create() : NULL;
    if (!h) return waage_err_nomem(err);
    hash_add_field(h, t->info.definition, strlen(t->info.definition));
    hash_add_field(h, t->info.data_hash, strlen(t->info.data_hash));
    hash_end(h, hex);
    t->info.hash = arena_strdup(a, hex);
    return t->info.hash ? WAAGE_OK : waage_err_nomem(err);
}

/* ---- loading ---- */

static waage_status load_shared(task_shared *s, arena *a, waage_err *err)
{
    WAAGE_TRY(extract_rules_load(&s->extract, err));
    WAAGE_TRY(label_rules_load(&s->labels, err));
    s->version = arena_printf(a, "%s %s %s", SCORE_VERSION, extract_rules_version(s->extract),
                              label_rules_version(s->labels));
    return s->version ? WAAGE_OK : waage_err_nomem(err);
}

static void close_task(const task *t)
{
    text_match match = t->match;
    extractor_close(t->extract);
    filter_list_close(t->filters);
    text_match_close(&match);
}

static void close_all(task *const *tasks, size_t n, const task_shared *s)
{
    for (size_t i = 0; i < n; i++)
        close_task(tasks[i]);
    extract_rules_free(s->extract);
    label_rules_free(s->labels);
}

void task_list_close(task_list *list)
{
    if (!list || !list->n) return;
    const task_shared *s = list->tasks[0]->shared;
    for (size_t i = 0; i < list->n; i++)
        close_task(list->tasks[i]);
    extract_rules_free(s->extract);
    label_rules_free(s->labels);
    *list = (task_list){NULL, 0};
}

static waage_status load_one(task *t, const task_def *def, const task_options *opt,
                             task_shared *shared, arena *a, waage_err *err)
{
    t->def = *def;
    t->opt = *opt;
    t->shared = shared;
    t->info.rules_version = shared->version;
    WAAGE_TRY(task_read_settings(t, a, err));
    WAAGE_TRY(task_read_documents(t, a, err));
    return hash_task(t, a, err);
}

waage_status task_load(task_list *out, arena *a, const char *suite, const task_options *opt,
                       waage_err *err)
{
    task_def *defs;
    size_t n, done = 0;
    task_shared *shared = arena_calloc(a, 1, sizeof *shared);

    *out = (task_list){NULL, 0};
    if (!shared) return waage_err_nomem(err);
    WAAGE_TRY(task_file_resolve(&defs, &n, a, suite, err));
    task **tasks = arena_calloc(a, n + 1, sizeof *tasks);
    if (!tasks) return waage_err_nomem(err);
    waage_status st = load_shared(shared, a, err);
    for (; st == WAAGE_OK && done < n; done++) {
        tasks[done] = arena_calloc(a, 1, sizeof **tasks);
        if (!tasks[done]) {
            st = waage_err_nomem(err);
            break;
        }
        st = load_one(tasks[done], &defs[done], opt, shared, a, err);
    }
    if (st != WAAGE_OK) {
        close_all(tasks, done, shared);
        return st;
    }
    *out = (task_list){(const task *const *)tasks, n};
    return WAAGE_OK;
}

const task_info *task_get_info(const task *t)
{
    return &t->info;
}

const task_item *task_get_item(const task *t, size_t i)
{
    return &t->items[i];
}

/* ---- requests ---- */

static waage_status put_choices(const task *t, size_t item, protocol p, request *out, arena *a,
                                waage_err *err)
{
    const task_row *row = &t->rows[item];
    const char *delimiter = p == PROTOCOL_COMPLETION ? t->style[p].target_delimiter : "";
    const char **choices = arena_calloc(a, row->n_choices, sizeof *choices);
    if (!choices) return waage_err_nomem(err);
    for (size_t i = 0; i < row->n_choices; i++) {
        choices[i] = arena_printf(a, "%s%s", delimiter, row->choices[i]);
        if (!choices[i]) return waage_err_nomem(err);
    }
    out->kind = REQUEST_LOGLIK;
    out->choice = choices;
    out->n_choices = row->n_choices;
    return WAAGE_OK;
}

waage_status task_build_request(const task *t, size_t item, protocol proto, uint32_t sample,
                                uint32_t turn, const char *const *answers, request *out, arena *a,
                                waage_err *err)
{
    const task_style *s = &t->style[proto];
    const task_item *it = &t->items[item];
    if (!(t->info.protocols & 1U << proto))
        return waage_err_set(err, WAAGE_EUNSUPPORTED, "suite %s does not run under `%s`",
                             t->info.name, protocol_name(proto));
    if (turn >= it->n_turns)
        return waage_err_set(err, WAAGE_EINVAL, "%s has no turn %u", it->id, turn);
    *out = (request){.item_id = it->id,
                     .sample = sample,
                     .turn = turn,
                     .kind = REQUEST_GENERATE,
                     .proto = proto,
                     .sample_by = t->sample_by,
                     .max_tokens = s->max_tokens,
                     .stop = s->until,
                     .n_stop = s->n_until};
    if (proto == PROTOCOL_COMPLETION) {
        WAAGE_TRY(prompt_write_text(t, item, &out->prompt, a, err));
    } else {
        out->think = s->think;
        WAAGE_TRY(prompt_write_messages(t, item, turn, answers, &out->messages, &out->n_messages, a,
                                        err));
        if (s->gen_prefix)
            WAAGE_TRY(field_text(s->gen_prefix, t->rows[item].vars, &out->answer_prefix, a, err));
    }
    if (t->info.output != TASK_CHOICE) return WAAGE_OK;
    out->stop = NULL;
    out->n_stop = 0;
    out->max_tokens = 0;
    return put_choices(t, item, proto, out, a, err);
}

waage_status task_score(const task *t, size_t item, const reply *replies, size_t n_replies,
                        task_verdict *out, arena *a, waage_err *err)
{
    return score_replies(t, item, replies, n_replies, out, a, err);
}
