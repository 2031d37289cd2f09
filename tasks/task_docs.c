/* task_docs.c - documents and items: reading, process_docs, item fields, the seeded sample of
 * --limit. */
#include "tasks/task_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/dataset.h"
#include "harness/base/hash.h"
#include "harness/base/utf8.h"
#include "tasks/fact.h"

enum { QUESTION_MAX = 400 }; /* bytes of a question in lists */

typedef struct {
    task *t;
    arena *a;
    waage_err *err;
    const field *id, *cluster, *level, *language, *pair, *role, *actor, *question, *facts,
        *falsehoods, *options;
} docs_reader;

static const value *get(const docs_reader *r, const char *key)
{
    return value_get(r->t->def.map, key);
}

#define FAIL(r, at, key, ...) task_def_fail(&(r)->t->def, at, key, (r)->err, __VA_ARGS__)

waage_status task_make_vars(const value **out, const value *doc, arena *a, waage_err *err)
{
    value *vars = value_map(a);
    bool ok = vars != NULL;
    for (size_t i = 0; ok && i < doc->u.map.n; i++)
        ok = value_map_set(a, vars, doc->u.map.pairs[i].key, doc->u.map.pairs[i].val);
    if (ok && !value_get(doc, "doc")) {
        value *copy = arena_alloc(a, sizeof *copy);
        if (copy) *copy = *doc;
        ok = value_map_set(a, vars, "doc", copy);
    }
    *out = vars;
    return ok ? WAAGE_OK : waage_err_nomem(err);
}

/* ---- where the rows come from ---- */

static waage_status read_file_rows(docs_reader *r, const char *name, const value *at,
                                   const char *field_name, const char *sha256, dataset *out)
{
    const task *t = r->t;
    if (!t->opt.data_dir)
        return waage_err_set(r->err, WAAGE_EINVAL,
                             "suite %s reads `%s`: name its directory with --data DIR",
                             t->info.name, name);
    if (name[0] == '/' || strstr(name, ".."))
        return FAIL(r, at, "dataset_path", "`%s` must be a path below the data directory", name);
    const char *path = arena_printf(r->a, "%s/%s", t->opt.data_dir, name);
    if (!path) return waage_err_nomem(r->err);
    if (sha256 && strcmp(sha256, "any") == 0) sha256 = NULL;
    return dataset_read_file(out, r->a, path, field_name, sha256, r->err);
}

/* dataset_kwargs of a file. */
static waage_status file_arguments(docs_reader *r, const char **name, const char **field_name,
                                   const char **sha256)
{
    static const char *const known[] = {"data_files", "field", "sha256", NULL};
    const value *map = get(r, "dataset_kwargs");
    const struct {
        const char *key;
        const char **to;
    } members[] = {{"data_files", name}, {"field", field_name}, {"sha256", sha256}};
    if (!map) return WAAGE_OK;
    WAAGE_TRY(task_check_keys(map, known, task_def_file(&r->t->def, "dataset_kwargs"),
                              "`dataset_kwargs`", r->err));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const value *v = value_get(map, members[i].key);
        if (v && v->kind != VALUE_STR)
            return FAIL(r, v, "dataset_kwargs", "`%s` must be a text", members[i].key);
        if (v) *members[i].to = v->u.str.s;
    }
    return WAAGE_OK;
}

static waage_status read_rows(docs_reader *r, dataset *out)
{
    const value *path = get(r, "dataset_path"), *docs = get(r, "docs");
    const char *s, *name = NULL, *field_name = NULL, *sha256 = NULL;
    if (!path || path->kind != VALUE_STR)
        return FAIL(r, path ? path : get(r, "task"), "dataset_path", "`dataset_path` is missing");
    s = path->u.str.s;
    if (strcmp(s, "inline") == 0) {
        if (!docs || docs->kind != VALUE_LIST)
            return FAIL(r, path, "dataset_path", "`dataset_path: inline` needs the list `docs`");
        value *rows = arena_alloc(r->a, sizeof *rows);
        if (!rows) return waage_err_nomem(r->err);
        *rows = *docs;
        if (dataset_from_rows(out, r->a, rows, r->err) == WAAGE_OK) return WAAGE_OK;
        return waage_err_prefix(r->err, "%s", task_def_file(&r->t->def, "docs"));
    }
    if (docs) return FAIL(r, docs, "docs", "`docs` goes with `dataset_path: inline`");
    if (strncmp(s, "builtin:", 8) == 0) {
        if (dataset_generate(out, r->a, s + 8, get(r, "dataset_kwargs"), r->err) == WAAGE_OK)
            return WAAGE_OK;
        return waage_err_prefix(r->err, "%s:%u", task_def_file(&r->t->def, "dataset_path"),
                                path->line);
    }
    WAAGE_TRY(file_arguments(r, &name, &field_name, &sha256));
    if (strncmp(s, "file:", 5) == 0)
        name = s + 5;
    else if ((strcmp(s, "json") != 0 && strcmp(s, "csv") != 0) || !name)
        return FAIL(
            r, path, "dataset_path",
            "`%s` is not a source of documents: builtin:NAME, file:NAME, inline, or json/csv "
            "with dataset_kwargs.data_files",
            s);
    return read_file_rows(r, name, path, field_name, sha256, out);
}

/* ---- process_docs ---- */

static bool is_one_of(const value *v, const value *want)
{
    if (!v) return want->kind == VALUE_NULL;
    if (want->kind != VALUE_LIST) return value_equal(v, want);
    for (size_t i = 0; i < want->u.list.n; i++)
        if (value_equal(v, want->u.list.items[i])) return true;
    return false;
}

static waage_status filter_rows(docs_reader *r, const value *conditions, bool keep, value **rows)
{
    value *kept = value_list(r->a);
    if (conditions->kind != VALUE_MAP)
        return FAIL(r, conditions, "process_docs", "a filter is a map of fields and values");
    for (size_t i = 0; kept && i < value_len(*rows); i++) {
        bool all = true;
        for (size_t k = 0; k < conditions->u.map.n && all; k++) {
            const value_pair *p = &conditions->u.map.pairs[k];
            all = is_one_of(value_get((*rows)->u.list.items[i], p->key), p->val);
        }
        if (all == keep && !value_list_add(r->a, kept, (*rows)->u.list.items[i])) kept = NULL;
    }
    *rows = kept;
    return kept ? WAAGE_OK : waage_err_nomem(r->err);
}

/* Rows with no other fields than these: a recording's questions without its answers. */
static waage_status keep_fields(docs_reader *r, const value *names, value **rows)
{
    value *kept = value_list(r->a);
    if (names->kind != VALUE_LIST)
        return FAIL(r, names, "process_docs", "`keep` is a list of fields");
    for (size_t i = 0; kept && i < value_len(*rows); i++) {
        value *out = value_map(r->a);
        for (size_t k = 0; k < names->u.list.n; k++) {
            const value *name = names->u.list.items[k];
            if (name->kind != VALUE_STR)
                return FAIL(r, names, "process_docs", "`keep` is a list of fields");
            const value *v = value_get((*rows)->u.list.items[i], name->u.str.s);
            value *copy = v ? arena_alloc(r->a, sizeof *copy) : NULL;
            if (copy) *copy = *v;
            if (v && !value_map_set(r->a, out, name->u.str.s, copy)) return waage_err_nomem(r->err);
        }
        if (!value_list_add(r->a, kept, out)) kept = NULL;
    }
    *rows = kept;
    return kept ? WAAGE_OK : waage_err_nomem(r->err);
}

static waage_status map_row(docs_reader *r, field *const *fields, const value *map,
                            const value *row, value *out)
{
    const value *vars;
    for (size_t i = 0; i < row->u.map.n; i++)
        if (!value_map_set(r->a, out, row->u.map.pairs[i].key, row->u.map.pairs[i].val))
            return waage_err_nomem(r->err);
    for (size_t i = 0; i < map->u.map.n; i++) {
        const value *v;
        WAAGE_TRY(task_make_vars(&vars, out, r->a, r->err)); /* later fields see the earlier ones */
        WAAGE_TRY(field_value(fields[i], vars, &v, r->a, r->err));
        value *copy = arena_alloc(r->a, sizeof *copy);
        if (copy) *copy = *v;
        if (!value_map_set(r->a, out, map->u.map.pairs[i].key, copy))
            return waage_err_nomem(r->err);
    }
    return WAAGE_OK;
}

static waage_status map_rows(docs_reader *r, const value *map, value **rows)
{
    value *mapped = value_list(r->a);
    if (map->kind != VALUE_MAP)
        return FAIL(r, map, "process_docs", "`map` is a map of fields and templates");
    field **fields = arena_calloc(r->a, map->u.map.n + 1, sizeof *fields);
    if (!fields) return waage_err_nomem(r->err);
    for (size_t i = 0; i < map->u.map.n; i++)
        WAAGE_TRY(field_compile(&fields[i], r->a, map->u.map.pairs[i].val,
                                task_def_file(&r->t->def, "process_docs"), map->u.map.pairs[i].key,
                                r->err));
    for (size_t i = 0; i < value_len(*rows); i++) {
        value *out = value_map(r->a);
        if (!out) return waage_err_nomem(r->err);
        if (map_row(r, fields, map, (*rows)->u.list.items[i], out) != WAAGE_OK)
            return waage_err_prefix(r->err, "document %zu", i);
        if (!value_list_add(r->a, mapped, out)) return waage_err_nomem(r->err);
    }
    *rows = mapped;
    return WAAGE_OK;
}

static waage_status process_rows(docs_reader *r, value **rows)
{
    static const char *const known[] = {"filter", "filter_not", "keep", "map", NULL};
    const value *steps = get(r, "process_docs");
    if (!steps) return WAAGE_OK;
    if (steps->tag)
        return waage_err_set(r->err, WAAGE_EUNSUPPORTED,
                             "%s:%u: `process_docs`: %s is not supported; write steps",
                             task_def_file(&r->t->def, "process_docs"), steps->line, steps->tag);
    if (steps->kind != VALUE_LIST)
        return FAIL(r, steps, "process_docs", "`process_docs` is a list of steps");
    for (size_t i = 0; i < steps->u.list.n; i++) {
        const value *step = steps->u.list.items[i];
        WAAGE_TRY(task_check_keys(step, known, task_def_file(&r->t->def, "process_docs"),
                                  "a step of `process_docs`", r->err));
        for (size_t k = 0; k < step->u.map.n; k++) {
            const value_pair *p = &step->u.map.pairs[k];
            if (strcmp(p->key, "map") == 0)
                WAAGE_TRY(map_rows(r, p->val, rows));
            else if (strcmp(p->key, "keep") == 0)
                WAAGE_TRY(keep_fields(r, p->val, rows));
            else
                WAAGE_TRY(filter_rows(r, p->val, strcmp(p->key, "filter") == 0, rows));
        }
    }
    return WAAGE_OK;
}

/* ---- shots ---- */

/* Are there as many as are asked for? */
static waage_status count_shots(docs_reader *r)
{
    const task *t = r->t;
    const value *config = get(r, "fewshot_config");
    if (t->shot_match) return WAAGE_OK; /* counted per document, when its prompt is built */
    for (int p = 0; p < 2; p++)
        if ((t->info.protocols & 1U << p) && (size_t)t->style[p].num_fewshot > t->n_shots)
            return FAIL(r, config ? config : get(r, "task"), "fewshot_config",
                        "%d shots are asked for under `%s`, and %zu are there",
                        t->style[p].num_fewshot, protocol_name((protocol)p), t->n_shots);
    return WAAGE_OK;
}

bool task_shot_fits(const task *t, const value *shot, const value *vars)
{
    if (!t->shot_match) return true;
    const value *mine = value_get(vars, t->shot_match), *its = value_get(shot, t->shot_match);
    return mine && its && value_equal(mine, its);
}

/* The first documents (of each value of `match`) are shots, and no longer items. */
static waage_status hold_out(docs_reader *r)
{
    task *t = r->t;
    size_t kept = 0;
    const value *config = get(r, "fewshot_config"), *split = get(r, "fewshot_split");
    if (split || value_get(config, "samples"))
        return FAIL(r, config, "fewshot_config",
                    "`hold_out` takes the shots from the documents, but they are named as well");
    t->shots = arena_calloc(r->a, t->info.n_items + 1, sizeof *t->shots);
    if (!t->shots) return waage_err_nomem(r->err);
    for (size_t i = 0; i < t->info.n_items; i++) {
        const value *vars = t->rows[i].vars;
        size_t same = 0;
        if (t->shot_match && !value_get(vars, t->shot_match))
            return FAIL(r, config, "fewshot_config", "document %zu has no field `%s`", i,
                        t->shot_match);
        for (size_t k = 0; k < t->n_shots; k++)
            same += task_shot_fits(t, t->shots[k], vars);
        if (same < t->n_held_out) {
            t->shots[t->n_shots++] = vars;
            continue;
        }
        t->items[kept] = t->items[i];
        t->rows[kept++] = t->rows[i];
    }
    t->info.n_items = kept;
    if (kept == 0)
        return FAIL(r, config, "fewshot_config", "`hold_out` leaves no documents to ask");
    return count_shots(r);
}

static waage_status read_shots(docs_reader *r)
{
    task *t = r->t;
    const value *config = get(r, "fewshot_config"), *split = get(r, "fewshot_split");
    const value *samples = value_get(config, "samples");
    dataset d;

    if (split && (split->kind != VALUE_STR || strncmp(split->u.str.s, "file:", 5) != 0))
        split = NULL;
    if (samples && samples->kind != VALUE_LIST)
        return FAIL(r, samples, "fewshot_config", "`samples` must be a list of documents");
    if (!samples && split && (t->style[0].num_fewshot || t->style[1].num_fewshot)) {
        WAAGE_TRY(read_file_rows(r, split->u.str.s + 5, split, NULL,
                                 value_get_str(config, "sha256", NULL), &d));
        samples = d.rows;
    }
    t->n_shots = value_len(samples);
    t->shots = arena_calloc(r->a, t->n_shots + 1, sizeof *t->shots);
    if (!t->shots) return waage_err_nomem(r->err);
    for (size_t i = 0; i < t->n_shots; i++) {
        const value *row = samples->u.list.items[i];
        if (row->kind != VALUE_MAP)
            return FAIL(r, row, "fewshot_config", "a sample is a map, like a document");
        WAAGE_TRY(task_make_vars(&t->shots[i], row, r->a, r->err));
    }
    return count_shots(r);
}

/* ---- items ---- */

static waage_status read_fields(docs_reader *r)
{
    const struct {
        const char *key;
        const field **to;
    } rows[] = {{"doc_to_id", &r->id},       {"doc_to_cluster", &r->cluster},
                {"doc_to_level", &r->level}, {"doc_to_language", &r->language},
                {"doc_to_pair", &r->pair},   {"doc_to_role", &r->role},
                {"doc_to_actor", &r->actor}, {"doc_to_question", &r->question},
                {"doc_to_facts", &r->facts}, {"doc_to_falsehoods", &r->falsehoods}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const value *v = get(r, rows[i].key);
        field *f;
        if (!v || v->kind == VALUE_NULL) continue;
        WAAGE_TRY(field_compile(&f, r->a, v, task_def_file(&r->t->def, rows[i].key), rows[i].key,
                                r->err));
        *rows[i].to = f;
    }
    const value *options = r->t->extract ? extractor_options(r->t->extract) : NULL;
    if (options) {
        field *f;
        WAAGE_TRY(field_compile(&f, r->a, options, task_def_file(&r->t->def, "extract"), "options",
                                r->err));
        r->options = f;
    }
    return WAAGE_OK;
}

/* The text of an optional field; empty text is NULL. */
static waage_status optional_text(docs_reader *r, const field *f, const value *vars,
                                  const char **out)
{
    *out = NULL;
    if (!f) return WAAGE_OK;
    WAAGE_TRY(field_text(f, vars, out, r->a, r->err));
    if (!**out) *out = NULL;
    return WAAGE_OK;
}

/* White space runs become one blank; cut at QUESTION_MAX bytes between characters. */
static const char *one_line(arena *a, const char *s)
{
    strbuf b = STRBUF_EMPTY;
    bool blank = true;
    for (; *s; s++) {
        const bool space = *s == ' ' || *s == '\n' || *s == '\r' || *s == '\t';
        if (!space || !blank) strbuf_putc(&b, space ? ' ' : *s);
        blank = space;
    }
    while (b.len && b.s[b.len - 1] == ' ')
        strbuf_truncate(&b, b.len - 1);
    if (b.len > QUESTION_MAX) {
        strbuf_truncate(&b, QUESTION_MAX);
        strbuf_truncate(&b, b.len - utf8_incomplete_tail(b.s, b.len));
        strbuf_puts(&b, "…");
    }
    const char *copy = b.failed ? NULL : arena_strndup(a, strbuf_str(&b), b.len);
    strbuf_free(&b);
    return copy;
}

waage_status task_read_choices(const field *f, const value *vars, const char ***out, size_t *n,
                               arena *a, waage_err *err)
{
    const value *v;
    WAAGE_TRY(field_value(f, vars, &v, a, err));
    if (v->kind != VALUE_LIST)
        return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: `%s` gives no list", field_file(f),
                             field_line(f), field_key(f));
    *n = v->u.list.n;
    *out = arena_calloc(a, *n + 1, sizeof **out);
    if (!*out) return waage_err_nomem(err);
    for (size_t i = 0; i < *n; i++) {
        strbuf b = STRBUF_EMPTY;
        value_print(&b, v->u.list.items[i]);
        (*out)[i] = b.failed ? NULL : arena_strndup(a, strbuf_str(&b), b.len);
        strbuf_free(&b);
        if (!(*out)[i]) return waage_err_nomem(err);
    }
    return WAAGE_OK;
}

/* An index among the choices from an integer, digits, or the text of a choice; -1: none of these.
 */
static int choice_index(const value *v, const char *const *choices, size_t n)
{
    if (v->kind == VALUE_INT) return v->u.i >= 0 && (uint64_t)v->u.i < n ? (int)v->u.i : -1;
    if (v->kind == VALUE_BOOL) return (size_t)v->u.b < n ? v->u.b : -1;
    if (v->kind != VALUE_STR) return -1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(choices[i], v->u.str.s) == 0) return (int)i;
    if (v->u.str.len && v->u.str.len < 4 && strspn(v->u.str.s, "0123456789") == v->u.str.len) {
        const int i = atoi(v->u.str.s);
        return (size_t)i < n ? i : -1;
    }
    return -1;
}

static waage_status read_choice_gold(docs_reader *r, task_item *item, task_row *row)
{
    const task *t = r->t;
    const value *v;
    item->n_choices = row->n_choices;
    if (row->n_choices < 2)
        return FAIL(r, get(r, "doc_to_choice"), "doc_to_choice",
                    "%zu choices; at least 2 are needed", row->n_choices);
    WAAGE_TRY(field_value(t->doc_to_target, row->vars, &v, r->a, r->err));
    if (v->kind == VALUE_LIST) { /* several are right */
        bool *is_true = arena_calloc(r->a, row->n_choices, sizeof *is_true);
        if (!is_true) return waage_err_nomem(r->err);
        for (size_t i = 0; i < v->u.list.n; i++) {
            const int at = choice_index(v->u.list.items[i], row->choices, row->n_choices);
            if (at < 0)
                return FAIL(r, get(r, "doc_to_target"), "doc_to_target",
                            "a right answer is none of the choices");
            is_true[at] = true;
            if (i == 0) item->gold_choice = at;
        }
        row->is_true = is_true;
        if (v->u.list.n == 0 || v->u.list.n == row->n_choices)
            return FAIL(r, get(r, "doc_to_target"), "doc_to_target", "%zu of %zu choices are right",
                        v->u.list.n, row->n_choices);
    } else {
        item->gold_choice = choice_index(v, row->choices, row->n_choices);
    }
    if (item->gold_choice < 0)
        return FAIL(r, get(r, "doc_to_target"), "doc_to_target",
                    "the right answer is none of the choices");
    item->gold = row->choices[item->gold_choice];
    item->chance = 1.0 / (double)row->n_choices;
    return WAAGE_OK;
}

/* The gold of a generated answer; an index among choices becomes a letter or the choice's text. */
static waage_status read_text_gold(docs_reader *r, task_item *item, task_row *row)
{
    const task *t = r->t;
    const value *v;
    if (!t->doc_to_target) return WAAGE_OK;
    WAAGE_TRY(field_value(t->doc_to_target, row->vars, &v, r->a, r->err));
    const bool letter = t->extract && extractor_kind(t->extract) == ANSWER_LETTER;
    const bool digits = v->kind == VALUE_STR && v->u.str.len > 0 && v->u.str.len < 4 &&
                        strspn(v->u.str.s, "0123456789") == v->u.str.len;
    if (row->n_choices && (v->kind == VALUE_INT || digits)) {
        item->gold_choice = choice_index(v, row->choices, row->n_choices);
        if (item->gold_choice < 0)
            return FAIL(r, get(r, "doc_to_target"), "doc_to_target",
                        "the right answer is none of the choices");
        item->gold = letter ? arena_printf(r->a, "%c", 'A' + item->gold_choice)
                            : row->choices[item->gold_choice];
        return item->gold ? WAAGE_OK : waage_err_nomem(r->err);
    }
    return field_text(t->doc_to_target, row->vars, &item->gold, r->a, r->err);
}

static waage_status read_options(docs_reader *r, task_row *row)
{
    const value *v;
    if (!r->options) {
        row->options = row->choices;
        row->n_options = row->n_choices;
        return WAAGE_OK;
    }
    WAAGE_TRY(field_value(r->options, row->vars, &v, r->a, r->err));
    if (v->kind == VALUE_INT) {
        if (v->u.i < 1 || v->u.i > 26)
            return FAIL(r, v, "extract", "`options`: %lld letters", (long long)v->u.i);
        row->n_options = (size_t)v->u.i;
        return WAAGE_OK;
    }
    return task_read_choices(r->options, row->vars, &row->options, &row->n_options, r->a, r->err);
}

static waage_status read_ids(docs_reader *r, size_t i, task_item *item, const value *vars)
{
    const struct {
        const field *f;
        const char **to;
    } rows[] = {{r->id, &item->id},       {r->cluster, &item->cluster},
                {r->level, &item->level}, {r->language, &item->language},
                {r->pair, &item->pair},   {r->role, &item->role},
                {r->actor, &item->actor}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        WAAGE_TRY(optional_text(r, rows[k].f, vars, rows[k].to));
    if (!item->id) item->id = arena_printf(r->a, "%s-%04zu", r->t->info.name, i);
    return item->id ? WAAGE_OK : waage_err_nomem(r->err);
}

static waage_status read_question(docs_reader *r, task_item *item, const value *vars)
{
    const task *t = r->t;
    const field *f = r->question ? r->question : t->style[PROTOCOL_COMPLETION].text;
    const char *text;
    if (!f) f = t->style[PROTOCOL_CHAT].text ? t->style[PROTOCOL_CHAT].text : t->turns[0];
    WAAGE_TRY(field_text(f, vars, &text, r->a, r->err));
    item->question = one_line(r->a, text);
    return item->question ? WAAGE_OK : waage_err_nomem(r->err);
}

static waage_status read_facts(docs_reader *r, const field *f, const value *vars, const value **out)
{
    if (!f) return WAAGE_OK;
    WAAGE_TRY(field_value(f, vars, out, r->a, r->err));
    if ((*out)->kind == VALUE_NULL || ((*out)->kind == VALUE_STR && (*out)->u.str.len == 0))
        *out = NULL;
    if (*out && (*out)->kind != VALUE_LIST)
        return FAIL(r, *out, field_key(f), "`%s` gives no list", field_key(f));
    if (*out && fact_check(*out, r->err) != WAAGE_OK)
        return waage_err_prefix(r->err, "%s", field_file(f));
    return WAAGE_OK;
}

static waage_status read_item(docs_reader *r, size_t i, const value *doc, task_item *item,
                              task_row *row)
{
    strbuf json = STRBUF_EMPTY;
    char hex[HASH_HEX];
    const task *t = r->t;

    value_put_json(&json, doc, 0);
    hash_hex(strbuf_str(&json), json.len, hex);
    item->doc_json = json.failed ? NULL : arena_strndup(r->a, strbuf_str(&json), json.len);
    strbuf_free(&json);
    item->doc_hash = arena_strdup(r->a, hex);
    if (!item->doc_json || !item->doc_hash) return waage_err_nomem(r->err);
    item->gold_choice = -1;
    item->n_turns = t->n_turns ? (uint32_t)t->n_turns : 1;
    WAAGE_TRY(task_make_vars(&row->vars, doc, r->a, r->err));
    WAAGE_TRY(read_ids(r, i, item, row->vars));
    WAAGE_TRY(read_question(r, item, row->vars));
    if (t->doc_to_choice)
        WAAGE_TRY(task_read_choices(t->doc_to_choice, row->vars, &row->choices, &row->n_choices,
                                    r->a, r->err));
    if (t->info.output == TASK_CHOICE) return read_choice_gold(r, item, row);
    WAAGE_TRY(read_text_gold(r, item, row));
    WAAGE_TRY(read_options(r, row));
    /* A letter or a word out of a list can be guessed; a number or a text cannot. */
    if (item->gold && row->n_options >= 2) item->chance = 1.0 / (double)row->n_options;
    WAAGE_TRY(read_facts(r, r->facts, row->vars, &row->facts));
    return read_facts(r, r->falsehoods, row->vars, &row->falsehoods);
}

typedef struct {
    const char *id;
    size_t at;
} id_row;

static int by_id(const void *x, const void *y)
{
    return strcmp(((const id_row *)x)->id, ((const id_row *)y)->id);
}

static waage_status check_ids(docs_reader *r, size_t n)
{
    id_row *ids = calloc(n + 1, sizeof *ids);
    waage_status st = WAAGE_OK;
    if (!ids) return waage_err_nomem(r->err);
    for (size_t i = 0; i < n; i++)
        ids[i] = (id_row){r->t->items[i].id, i};
    qsort(ids, n, sizeof *ids, by_id);
    for (size_t i = 1; i < n && st == WAAGE_OK; i++)
        if (strcmp(ids[i].id, ids[i - 1].id) == 0)
            st = FAIL(r, get(r, "doc_to_id"), "doc_to_id",
                      "documents %zu and %zu have the same id `%s`", ids[i - 1].at, ids[i].at,
                      ids[i].id);
    free(ids);
    return st;
}

/* ---- --limit ---- */

/* Items that stay together: one cluster, else one pair, else one item. */
typedef struct {
    const char *key, *level;
    uint64_t order; /* seeded; decides who is taken first */
    size_t first, n;
} bundle;

static const char *bundle_key(const task_item *it)
{
    return it->cluster ? it->cluster : it->pair ? it->pair : it->id;
}

static int by_level_and_order(const void *x, const void *y)
{
    const bundle *a = x, *b = y;
    const int c = strcmp(a->level, b->level);
    if (c) return c;
    if (a->order != b->order) return a->order < b->order ? -1 : 1;
    return strcmp(a->key, b->key);
}

static int by_key(const void *x, const void *y)
{
    return strcmp(((const bundle *)x)->key, ((const bundle *)y)->key);
}

/* Items to bundles: one per key, with its size. Returns their number. */
static size_t make_bundles(const task *t, bundle *b)
{
    size_t n = 0;
    for (size_t i = 0; i < t->info.n_items; i++) {
        const task_item *it = &t->items[i];
        b[i] = (bundle){bundle_key(it), it->level ? it->level : "", 0, i, 1};
    }
    qsort(b, t->info.n_items, sizeof *b, by_key);
    for (size_t i = 0; i < t->info.n_items; i++) {
        if (n && strcmp(b[n - 1].key, b[i].key) == 0) {
            if (b[i].first < b[n - 1].first) {
                b[n - 1].first = b[i].first;
                b[n - 1].level = b[i].level;
            }
            b[n - 1].n++;
        } else {
            b[n++] = b[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        char text[512];
        const int len = snprintf(text, sizeof text, "limit %llu %s %s",
                                 (unsigned long long)t->opt.seed, t->info.name, b[i].key);
        b[i].order = hash_u64(text, len < 0                     ? 0
                                    : (size_t)len < sizeof text ? (size_t)len
                                                                : sizeof text - 1);
    }
    qsort(b, n, sizeof *b, by_level_and_order);
    return n;
}

/* Take whole bundles level by level. Each level gets its share of the limit, carried over so that
 * the shares add up; the first bundle of a level is taken when at least half of it fits. */
static void choose_bundles(const bundle *b, size_t n, size_t n_items, size_t limit, bool *take)
{
    size_t seen = 0, taken = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i, level_items = 0;
        while (end < n && strcmp(b[end].level, b[i].level) == 0)
            level_items += b[end++].n;
        seen += level_items;
        const size_t due = (limit * seen + n_items / 2) / n_items; /* by the end of this level */
        for (size_t k = i; k < end; k++) {
            if (taken >= due || (taken + b[k].n > due && (due - taken) * 2 < b[k].n)) continue;
            take[k] = true;
            taken += b[k].n;
        }
        i = end;
    }
    if (taken == 0) take[0] = true;
}

static waage_status apply_limit(docs_reader *r)
{
    task *t = r->t;
    const size_t n_items = t->info.n_items;
    if (!t->opt.limit || t->opt.limit >= n_items) return WAAGE_OK;
    bundle *b = calloc(n_items, sizeof *b);
    bool *take = calloc(n_items, sizeof *take);
    waage_status st = b && take ? WAAGE_OK : waage_err_nomem(r->err);
    if (st == WAAGE_OK) {
        const size_t n = make_bundles(t, b);
        size_t kept = 0;
        choose_bundles(b, n, n_items, t->opt.limit, take);
        size_t n_chosen = 0;
        for (size_t i = 0; i < n; i++)
            if (take[i]) b[n_chosen++] = b[i];
        qsort(b, n_chosen, sizeof *b, by_key);
        for (size_t i = 0; i < n_items; i++) {
            const bundle want = {.key = bundle_key(&t->items[i])};
            if (!bsearch(&want, b, n_chosen, sizeof *b, by_key)) continue;
            t->items[kept] = t->items[i];
            t->rows[kept++] = t->rows[i];
        }
        t->info.n_items = kept;
    }
    free(b);
    free(take);
    return st;
}

/* ---- the whole ---- */

static waage_status hash_items(docs_reader *r)
{
    task *t = r->t;
    char hex[HASH_HEX];
    hash *h = hash_create();
    if (!h) return waage_err_nomem(r->err);
    for (size_t i = 0; i < t->info.n_items; i++)
        hash_add_field(h, t->items[i].doc_json, strlen(t->items[i].doc_json));
    hash_end(h, hex);
    t->info.data_hash = arena_strdup(r->a, hex);
    return t->info.data_hash ? WAAGE_OK : waage_err_nomem(r->err);
}

waage_status task_read_documents(task *t, arena *a, waage_err *err)
{
    docs_reader r = {.t = t, .a = a, .err = err};
    dataset d;
    WAAGE_TRY(read_fields(&r));
    WAAGE_TRY(read_rows(&r, &d));
    WAAGE_TRY(process_rows(&r, &d.rows));
    const size_t n = value_len(d.rows);
    if (n == 0) return FAIL(&r, get(&r, "dataset_path"), "dataset_path", "there are no documents");
    t->items = arena_calloc(a, n, sizeof *t->items);
    t->rows = arena_calloc(a, n, sizeof *t->rows);
    if (!t->items || !t->rows) return waage_err_nomem(err);
    for (size_t i = 0; i < n; i++)
        if (read_item(&r, i, d.rows->u.list.items[i], &t->items[i], &t->rows[i]) != WAAGE_OK)
            return waage_err_prefix(err, "%s: document %zu", t->info.name, i);
    t->info.n_items = n;
    WAAGE_TRY(check_ids(&r, n));
    WAAGE_TRY(hash_items(&r)); /* of all documents, also under --limit */
    WAAGE_TRY(t->n_held_out > 0 ? hold_out(&r) : read_shots(&r));
    return apply_limit(&r);
}
