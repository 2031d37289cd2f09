/* field.c - templated entries of task files. */
#include "tasks/field.h"

#include <string.h>
#include "harness/base/template.h"

struct field {
    const value *src;
    const char *file, *key;
    template *tpl; /* for a string */
    field **items; /* (n_items) for a list */
    size_t n_items;
};

static waage_status wrong_kind(const value *src, const char *file, const char *key, waage_err *err)
{
    return waage_err_set(err, WAAGE_EFORMAT, "%s:%u: `%s` must be a text, a number or a list", file,
                         src->line, key);
}

static waage_status compile_list(field *f, arena *a, waage_err *err)
{
    f->n_items = f->src->u.list.n;
    f->items = arena_calloc(a, f->n_items + 1, sizeof *f->items);
    if (!f->items) return waage_err_nomem(err);
    for (size_t i = 0; i < f->n_items; i++) {
        const value *item = f->src->u.list.items[i];
        if (item->kind == VALUE_LIST) return wrong_kind(item, f->file, f->key, err);
        WAAGE_TRY(field_compile(&f->items[i], a, item, f->file, f->key, err));
    }
    return WAAGE_OK;
}

waage_status field_compile(field **out, arena *a, const value *src, const char *file,
                           const char *key, waage_err *err)
{
    static const template_options opt = TEMPLATE_FOR_TASK;
    field *f = arena_calloc(a, 1, sizeof *f);
    if (!f) return waage_err_nomem(err);
    *f = (field){.src = src, .file = file, .key = key};
    *out = f;
    if (src->tag)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s:%u: `%s`: %s is not supported; tasks hold no code", file,
                             src->line, key, src->tag);
    switch (src->kind) {
    case VALUE_STR:
        return template_compile(&f->tpl, a, src->u.str.s, src->u.str.len, file,
                                src->line ? src->line : 1, &opt, err);
    case VALUE_LIST:
        return compile_list(f, a, err);
    case VALUE_NULL:
    case VALUE_MAP:
        return wrong_kind(src, file, key, err);
    default:
        return WAAGE_OK;
    }
}

/* The document's field that the string names, or NULL. */
static const value *named_field(const field *f, const value *vars)
{
    if (f->src->kind != VALUE_STR || template_has_code(f->src->u.str.s, f->src->u.str.len))
        return NULL;
    return value_get(vars, f->src->u.str.s);
}

static waage_status in_context(const field *f, waage_err *err)
{
    return waage_err_prefix(err, "`%s`", f->key);
}

static waage_status list_value(const field *f, const value *vars, const value **out, arena *a,
                               waage_err *err)
{
    value *list = value_list(a);
    for (size_t i = 0; i < f->n_items; i++) {
        const value *item;
        WAAGE_TRY(field_value(f->items[i], vars, &item, a, err));
        value *copy = arena_alloc(a, sizeof *copy);
        if (!copy) return waage_err_nomem(err);
        *copy = *item;
        if (!value_list_add(a, list, copy)) return waage_err_nomem(err);
    }
    *out = list;
    return list ? WAAGE_OK : waage_err_nomem(err);
}

waage_status field_value(const field *f, const value *vars, const value **out, arena *a,
                         waage_err *err)
{
    value *v;
    *out = named_field(f, vars);
    if (*out) return WAAGE_OK;
    if (f->src->kind == VALUE_LIST) return list_value(f, vars, out, a, err);
    *out = f->src;
    if (!f->tpl) return WAAGE_OK;
    if (template_evaluate(f->tpl, vars, &v, a, err) != WAAGE_OK) return in_context(f, err);
    *out = v;
    return WAAGE_OK;
}

waage_status field_text(const field *f, const value *vars, const char **out, arena *a,
                        waage_err *err)
{
    const value *v = named_field(f, vars);
    template_output rendered;
    if (!v && f->tpl) {
        if (template_render(f->tpl, vars, NULL, &rendered, a, err) != WAAGE_OK)
            return in_context(f, err);
        *out = rendered.text;
        return WAAGE_OK;
    }
    if (!v) WAAGE_TRY(field_value(f, vars, &v, a, err));
    strbuf b = STRBUF_EMPTY;
    if (v->kind != VALUE_NULL) value_print(&b, v);
    *out = b.failed ? NULL : arena_strndup(a, strbuf_str(&b), b.len);
    strbuf_free(&b);
    return *out ? WAAGE_OK : waage_err_nomem(err);
}

const char *field_key(const field *f)
{
    return f->key;
}

const char *field_file(const field *f)
{
    return f->file;
}

uint32_t field_line(const field *f)
{
    return f->src->line;
}

const char *field_source(const field *f)
{
    return f->src->kind == VALUE_STR ? f->src->u.str.s : NULL;
}
