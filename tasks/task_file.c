/* task_file.c - from a suite's name to definitions: built-in and disk files, include, groups, and
 * the check that every key is known. */
#include "tasks/task_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/file.h"
#include "harness/base/nearest.h"
#include "tasks/suite_embed.h"

enum { FILE_MAX_BYTES = 64 << 20, MAX_NESTING = 8, MAX_TASKS = 4096 };

const char *const task_keys[] = {"about",
                                 "aggregate_metric_list",
                                 "canary",
                                 "chat",
                                 "completion",
                                 "credit",
                                 "dataset_kwargs",
                                 "dataset_name",
                                 "dataset_path",
                                 "description",
                                 "doc_to_actor",
                                 "doc_to_choice",
                                 "doc_to_cluster",
                                 "doc_to_decontamination_query",
                                 "doc_to_facts",
                                 "doc_to_falsehoods",
                                 "doc_to_id",
                                 "doc_to_language",
                                 "doc_to_level",
                                 "doc_to_pair",
                                 "doc_to_question",
                                 "doc_to_role",
                                 "doc_to_target",
                                 "doc_to_text",
                                 "docs",
                                 "extract",
                                 "fewshot_as_multiturn",
                                 "fewshot_config",
                                 "fewshot_delimiter",
                                 "fewshot_split",
                                 "filter_list",
                                 "gen_prefix",
                                 "generation_kwargs",
                                 "group",
                                 "group_alias",
                                 "include",
                                 "kind",
                                 "labels",
                                 "licence",
                                 "metadata",
                                 "metric_list",
                                 "needs_data",
                                 "num_fewshot",
                                 "output_type",
                                 "process_docs",
                                 "protocols",
                                 "reasoning",
                                 "redistribute",
                                 "repeats",
                                 "should_decontaminate",
                                 "source_url",
                                 "system",
                                 "tag",
                                 "target_delimiter",
                                 "task",
                                 "task_alias",
                                 "test_split",
                                 "title",
                                 "training_split",
                                 "turns",
                                 "validation_split",
                                 NULL};

const char *const task_keys_ignored[] = {"aggregate_metric_list",
                                         "dataset_name",
                                         "doc_to_decontamination_query",
                                         "group_alias",
                                         "should_decontaminate",
                                         "tag",
                                         "task_alias",
                                         "test_split",
                                         "training_split",
                                         "validation_split",
                                         NULL};

static const char *const group_keys[] = {"about",    "aggregate_metric_list",
                                         "group",    "group_alias",
                                         "metadata", "needs_data",
                                         "tag",      "task",
                                         "title",    NULL};

typedef struct {
    arena *a;
    task_def *defs;
    size_t n, cap;
    int depth;
    waage_err *err;
} resolver;

/* A YAML file before its includes are resolved. */
typedef struct {
    const value *map;
    const char *file;     /* for messages */
    const char *dir;      /* NULL: built in */
    const char *embedded; /* directory among the built-in files, "suites/public/", or NULL */
} source;

static waage_status resolve_name(resolver *r, const char *name, const source *from,
                                 const char *group);

const char *task_def_file(const task_def *d, const char *key)
{
    return value_get_str(d->origin, key, d->file);
}

waage_status task_def_fail(const task_def *d, const value *at, const char *key, waage_err *err,
                           const char *fmt, ...)
{
    char msg[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: %s", task_def_file(d, key), at ? at->line : 1,
                         msg);
}

static bool listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

waage_status task_check_keys(const value *map, const char *const *known, const char *file,
                             const char *what, waage_err *err)
{
    if (map->kind != VALUE_MAP)
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: %s must be a map", file, map->line, what);
    for (size_t i = 0; i < map->u.map.n; i++) {
        const value_pair *p = &map->u.map.pairs[i];
        nearest near;
        if (listed(known, p->key)) continue;
        nearest_init(&near, p->key);
        for (size_t k = 0; known[k]; k++)
            nearest_offer(&near, known[k]);
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: unknown key `%s` in %s%s%s%s", file,
                             p->val->line, p->key, what, near.best ? "; did you mean `" : "",
                             near.best ? near.best : "", near.best ? "`?" : "");
    }
    return WAAGE_OK;
}

/* ---- reading ---- */

static const suite_embed_file *find_embedded(const char *path)
{
    for (const suite_embed_file *f = suite_embed_files; f->name; f++)
        if (strcmp(f->name, path) == 0) return f;
    return NULL;
}

static waage_status read_embedded(resolver *r, const suite_embed_file *f, source *out)
{
    value *v;
    const char *slash = strrchr(f->name, '/');
    out->file = arena_printf(r->a, "%s.yaml", f->name);
    out->dir = NULL;
    out->embedded = arena_strndup(r->a, f->name, slash ? (size_t)(slash - f->name) + 1 : 0);
    if (!out->file || !out->embedded) return waage_err_nomem(r->err);
    WAAGE_TRY(yaml_parse(&v, r->a, (const char *)f->data, f->n_bytes, out->file, r->err));
    out->map = v;
    return WAAGE_OK;
}

static waage_status read_disk(resolver *r, const char *path, source *out)
{
    char *text;
    size_t len;
    value *v;
    const char *slash = strrchr(path, '/');
    out->file = arena_strdup(r->a, path);
    out->dir = slash ? arena_strndup(r->a, path, (size_t)(slash - path) + 1) : "";
    out->embedded = NULL;
    if (!out->file || !out->dir) return waage_err_nomem(r->err);
    WAAGE_TRY(file_read(&text, &len, path, FILE_MAX_BYTES, r->err));
    const waage_status st = yaml_parse(&v, r->a, text, len, out->file, r->err);
    free(text);
    WAAGE_TRY(st);
    out->map = v;
    return WAAGE_OK;
}

static bool has_yaml_suffix(const char *s)
{
    const size_t n = strlen(s);
    return (n > 5 && strcmp(s + n - 5, ".yaml") == 0) || (n > 4 && strcmp(s + n - 4, ".yml") == 0);
}

/* ---- include ---- */

static value *copy_of(arena *a, const value *v)
{
    value *copy = arena_alloc(a, sizeof *copy);
    if (copy) *copy = *v;
    return copy;
}

/* base overlaid with `over`: maps key by key, everything else replaced. NULL when memory is out. */
static value *merge(arena *a, const value *base, const value *over)
{
    value *out = value_map(a);
    if (!out) return NULL;
    out->line = over->line;
    for (size_t i = 0; i < base->u.map.n; i++)
        if (!value_map_set(a, out, base->u.map.pairs[i].key, copy_of(a, base->u.map.pairs[i].val)))
            return NULL;
    for (size_t i = 0; i < over->u.map.n; i++) {
        const value_pair *p = &over->u.map.pairs[i];
        const value *old = value_get(base, p->key);
        const bool both = old && old->kind == VALUE_MAP && p->val->kind == VALUE_MAP;
        value *v = both ? merge(a, old, p->val) : copy_of(a, p->val);
        if (!value_map_set(a, out, p->key, v)) return NULL;
    }
    return out;
}

static value *without(arena *a, const value *map, const char *key)
{
    value *out = value_map(a);
    if (!out) return NULL;
    out->line = map->line;
    for (size_t i = 0; i < map->u.map.n; i++) {
        const value_pair *p = &map->u.map.pairs[i];
        if (strcmp(p->key, key) != 0 && !value_map_set(a, out, p->key, copy_of(a, p->val)))
            return NULL;
    }
    return out;
}

static bool note_origin(arena *a, value *origin, const value *map, const char *file)
{
    for (size_t i = 0; i < map->u.map.n; i++)
        if (!value_map_set(a, origin, map->u.map.pairs[i].key, value_str(a, file))) return false;
    return true;
}

/* The file that `include: NAME` means: beside the including file, else a built-in one. */
static waage_status read_include(resolver *r, const source *from, const value *name, source *out)
{
    const char *s = name->kind == VALUE_STR ? name->u.str.s : "";
    const size_t n = strlen(s), suffix = has_yaml_suffix(s) ? (s[n - 4] == '.' ? 4 : 5) : 0;
    const char *stem = arena_strndup(r->a, s, n - suffix);
    if (!stem) return waage_err_nomem(r->err);
    if (from->dir) {
        const char *path =
            arena_printf(r->a, "%s%s%s", s[0] == '/' ? "" : from->dir, s, suffix ? "" : ".yaml");
        if (!path) return waage_err_nomem(r->err);
        if (file_exists(path)) return read_disk(r, path, out);
    }
    const char *const dirs[] = {from->embedded ? from->embedded : "suites/", "suites/",
                                "suites/public/"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs && n; i++) {
        const char *path = arena_printf(r->a, "%s%s", dirs[i], stem);
        const suite_embed_file *f = path ? find_embedded(path) : NULL;
        if (f) return read_embedded(r, f, out);
    }
    return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%u: include: there is no file `%s`", from->file,
                         name->line, s);
}

/* map with all its includes; *origin gets the file of each key. */
static waage_status resolve_include(resolver *r, const source *src, const value *map,
                                    const value **out, value *origin)
{
    const value *name = value_get(map, "include");
    source base;
    const value *below;

    if (map->kind != VALUE_MAP)
        return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%u: a task is a map of keys", src->file,
                             map->line);
    if (!name) {
        *out = map;
        return note_origin(r->a, origin, map, src->file) ? WAAGE_OK : waage_err_nomem(r->err);
    }
    if (++r->depth > MAX_NESTING)
        return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%u: include: nested too deeply", src->file,
                             name->line);
    WAAGE_TRY(read_include(r, src, name, &base));
    WAAGE_TRY(resolve_include(r, &base, base.map, &below, origin));
    r->depth--;
    const value *own = without(r->a, map, "include");
    *out = own ? merge(r->a, below, own) : NULL;
    if (!*out || !note_origin(r->a, origin, own, src->file)) return waage_err_nomem(r->err);
    return WAAGE_OK;
}

/* ---- tasks and groups ---- */

static waage_status add_task(resolver *r, const source *src, const value *map, const value *origin,
                             const char *group)
{
    WAAGE_TRY(task_check_keys(map, task_keys, src->file, "a task", r->err));
    if (r->n == MAX_TASKS)
        return waage_err_set(r->err, WAAGE_EFORMAT, "%s: more than %d tasks", src->file, MAX_TASKS);
    if (r->n == r->cap) {
        const size_t cap = r->cap ? r->cap * 2 : 8;
        task_def *grown = arena_calloc(r->a, cap, sizeof *grown);
        if (!grown) return waage_err_nomem(r->err);
        if (r->n) memcpy(grown, r->defs, r->n * sizeof *grown);
        r->defs = grown;
        r->cap = cap;
    }
    r->defs[r->n++] = (task_def){map, origin, src->file, src->dir, group};
    return WAAGE_OK;
}

static waage_status resolve_map(resolver *r, const source *src, const value *map, const char *group)
{
    const value *full;
    value *origin = value_map(r->a);
    if (!origin) return waage_err_nomem(r->err);
    WAAGE_TRY(resolve_include(r, src, map, &full, origin));
    const value *members = value_get(full, "task");
    if (!members || (members->kind != VALUE_LIST && members->kind != VALUE_STR))
        return waage_err_set(r->err, WAAGE_EFORMAT,
                             "%s:%u: `task` is missing: a name, or the list of a group", src->file,
                             members      ? members->line
                             : full->line ? full->line
                                          : 1);
    if (members->kind == VALUE_STR) return add_task(r, src, full, origin, group);

    WAAGE_TRY(task_check_keys(full, group_keys, src->file, "a group", r->err));
    const char *name = value_get_str(full, "group", NULL);
    if (!name)
        return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%u: a list of tasks needs `group: NAME`",
                             src->file, members->line);
    if (++r->depth > MAX_NESTING)
        return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%u: groups are nested too deeply",
                             src->file, members->line);
    for (size_t i = 0; i < members->u.list.n; i++) {
        const value *m = members->u.list.items[i];
        const char *outer = group ? group : name;
        if (m->kind == VALUE_STR)
            WAAGE_TRY(resolve_name(r, m->u.str.s, src, outer));
        else
            WAAGE_TRY(resolve_map(r, src, m, outer));
    }
    r->depth--;
    return WAAGE_OK;
}

/* The name a built-in file answers to: of its group, else of its task. */
static const char *suite_name(const value *map)
{
    const value *members = value_get(map, "task");
    if (!members) return NULL;
    return members->kind == VALUE_STR ? members->u.str.s : value_get_str(map, "group", NULL);
}

static bool is_listed_file(const suite_embed_file *f)
{
    const char *base = strrchr(f->name, '/');
    return strncmp(f->name, "suites/", 7) == 0 && base && base[1] != '_';
}

static waage_status resolve_builtin(resolver *r, const char *name, const char *group)
{
    nearest near;
    nearest_init(&near, name);
    for (const suite_embed_file *f = suite_embed_files; f->name; f++) {
        source src;
        if (!is_listed_file(f)) continue;
        WAAGE_TRY(read_embedded(r, f, &src));
        const char *own = suite_name(src.map);
        if (!own) continue;
        if (strcmp(own, name) == 0) return resolve_map(r, &src, src.map, group);
        nearest_offer(&near, own);
    }
    return waage_err_set(
        r->err, WAAGE_ENOTFOUND, "no suite `%s`%s%s%s; `waage list suites` shows them", name,
        near.best ? "; did you mean `" : "", near.best ? near.best : "", near.best ? "`?" : "");
}

static waage_status resolve_name(resolver *r, const char *name, const source *from,
                                 const char *group)
{
    if (from && from->dir) {
        source src;
        const char *path = arena_printf(r->a, "%s%s.yaml", from->dir, name);
        if (!path) return waage_err_nomem(r->err);
        if (file_exists(path)) {
            WAAGE_TRY(read_disk(r, path, &src));
            return resolve_map(r, &src, src.map, group);
        }
    }
    return resolve_builtin(r, name, group);
}

waage_status task_file_resolve(task_def **out, size_t *n, arena *a, const char *suite,
                               waage_err *err)
{
    resolver r = {.a = a, .err = err};
    source src;

    if (has_yaml_suffix(suite) || strchr(suite, '/')) {
        WAAGE_TRY(read_disk(&r, suite, &src));
        WAAGE_TRY(resolve_map(&r, &src, src.map, NULL));
    } else {
        WAAGE_TRY(resolve_builtin(&r, suite, NULL));
    }
    *out = r.defs;
    *n = r.n;
    return WAAGE_OK;
}

/* ---- the list of built-in suites ---- */

static int by_name(const void *x, const void *y)
{
    return strcmp(((const task_builtin *)x)->name, ((const task_builtin *)y)->name);
}

static bool wants_data(const value *map)
{
    const char *path = value_get_str(map, "dataset_path", "");
    const bool file =
        strncmp(path, "file:", 5) == 0 || strcmp(path, "json") == 0 || strcmp(path, "csv") == 0;
    return value_get_bool(map, "needs_data", file);
}

waage_status task_list_builtin(const task_builtin **out, size_t *n, arena *a, waage_err *err)
{
    size_t cap = 0;
    for (const suite_embed_file *f = suite_embed_files; f->name; f++)
        cap++;
    task_builtin *list = arena_calloc(a, cap + 1, sizeof *list);
    resolver r = {.a = a, .err = err};
    if (!list) return waage_err_nomem(err);
    *n = 0;
    for (const suite_embed_file *f = suite_embed_files; f->name; f++) {
        source src;
        const value *full;
        value *origin = value_map(a);
        if (!is_listed_file(f)) continue;
        if (!origin) return waage_err_nomem(err);
        WAAGE_TRY(read_embedded(&r, f, &src));
        WAAGE_TRY(resolve_include(&r, &src, src.map, &full, origin));
        const char *name = suite_name(full);
        if (!name) continue;
        list[(*n)++] =
            (task_builtin){name, value_get_str(full, "about", value_get_str(full, "title", name)),
                           wants_data(full)};
    }
    qsort(list, *n, sizeof *list, by_name);
    *out = list;
    return WAAGE_OK;
}
