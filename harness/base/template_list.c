/* template_list.c - methods and filters on lists and maps: members, first and last, join, reverse,
 * and those that run another filter or test on each item (map, select, reject). Results are new
 * lists; what they were made of stays as it is. */
#include "harness/base/template_impl.h"

#include <string.h>

static waage_status map_members(render *r, const call_args *c, const tval *self, bool keys,
                                bool values, tval *out)
{
    tlist *l;
    if (self->kind != TV_MAP) return call_wrong(r, c, "items/keys/values", self);
    WAAGE_TRY(tlist_new(r, &l));
    for (size_t i = 0; i < self->u.map->n; i++) {
        const tpair *p = &self->u.map->pairs[i];
        tval entry = keys ? p->key : p->val;
        if (keys && values) {
            tlist *pair;
            WAAGE_TRY(tlist_new(r, &pair));
            pair->tuple = true;
            WAAGE_TRY(tlist_add(r, pair, p->key));
            WAAGE_TRY(tlist_add(r, pair, p->val));
            entry = (tval){.kind = TV_LIST, .u.list = pair};
        }
        WAAGE_TRY(tlist_add(r, l, entry));
    }
    l->is = LIST_VIEW;
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

static waage_status method_items(render *r, const call_args *c, const tval *self, tval *out)
{
    return map_members(r, c, self, true, true, out);
}

static waage_status method_keys(render *r, const call_args *c, const tval *self, tval *out)
{
    return map_members(r, c, self, true, false, out);
}

static waage_status method_values(render *r, const call_args *c, const tval *self, tval *out)
{
    return map_members(r, c, self, false, true, out);
}

static waage_status method_get(render *r, const call_args *c, const tval *self, tval *out)
{
    if (self->kind != TV_MAP) return call_wrong(r, c, "get", self);
    WAAGE_TRY(tval_item(r, c->line, self, &c->args[0], out));
    if (out->kind == TV_UNDEFINED) *out = call_given(&c->args[1]) ? c->args[1] : tval_none();
    return WAAGE_OK;
}

static waage_status method_cycle(render *r, const call_args *c, const tval *self, tval *out)
{
    if (self->kind != TV_LOOP) return call_wrong(r, c, "cycle", self);
    *out = c->args[self->u.loop->index0 % c->n];
    return WAAGE_OK;
}

/* Is it called with other values than the last time? */
static waage_status method_changed(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *now;
    if (self->kind != TV_LOOP) return call_wrong(r, c, "changed", self);
    WAAGE_TRY(tlist_new(r, &now));
    for (size_t i = 0; i < c->n; i++)
        WAAGE_TRY(tlist_add(r, now, c->args[i]));
    const tval a = {.kind = TV_LIST, .u.list = now};
    const tval b = {.kind = TV_LIST, .u.list = self->u.loop->changed};
    *out = tval_bool(!b.u.list || !tval_equal(&a, &b));
    self->u.loop->changed = now;
    return WAAGE_OK;
}

static waage_status filter_items(render *r, const call_args *c, const tval *self, tval *out)
{
    if (self->kind != TV_UNDEFINED) {
        WAAGE_TRY(map_members(r, c, self, true, true, out));
    } else {
        tlist *l;
        WAAGE_TRY(tlist_new(r, &l));
        *out = (tval){.kind = TV_LIST, .u.list = l};
    }
    out->u.list->is = LIST_GENERATOR;
    return WAAGE_OK;
}

static waage_status filter_list(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items, *copy;
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    WAAGE_TRY(tlist_new(r, &copy));
    for (size_t i = 0; i < items->n; i++)
        WAAGE_TRY(tlist_add(r, copy, items->items[i]));
    *out = (tval){.kind = TV_LIST, .u.list = copy};
    return WAAGE_OK;
}

static waage_status end_item(render *r, const call_args *c, const tval *self, bool last, tval *out)
{
    tlist *items;
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    *out = items->n ? items->items[last ? items->n - 1 : 0]
                    : tval_undefined("first or last of nothing");
    return WAAGE_OK;
}

static waage_status filter_first(render *r, const call_args *c, const tval *self, tval *out)
{
    return end_item(r, c, self, false, out);
}

static waage_status filter_last(render *r, const call_args *c, const tval *self, tval *out)
{
    return end_item(r, c, self, true, out);
}

static waage_status join_items(render *r, const call_args *c, const tlist *items, tstr sep,
                               tval *out)
{
    tbuf b = TBUF_EMPTY;
    waage_status st = WAAGE_OK;
    for (size_t i = 0; i < items->n && st == WAAGE_OK; i++) {
        if (i) tbuf_put(&b, sep);
        st = tval_print(r, c->line, &items->items[i], &b);
    }
    if (st == WAAGE_OK) return tbuf_take_value(r, c->line, &b, out);
    tbuf_free(&b);
    return st;
}

static waage_status method_join(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items;
    WAAGE_TRY(call_need_str(r, c, self, "join"));
    WAAGE_TRY(tval_items(r, c->line, &c->args[0], &items));
    for (size_t i = 0; i < items->n; i++)
        WAAGE_TRY(call_need_str(r, c, &items->items[i], "join"));
    return join_items(r, c, items, self->u.str, out);
}

/* A part of a path: digits are an index, as in Jinja2. */
static tval path_part(tstr s)
{
    int64_t i = 0;
    for (size_t k = 0; k < s.len; k++) {
        if (s.s[k] < '0' || s.s[k] > '9' || k == 9) return tval_str(s);
        i = i * 10 + (s.s[k] - '0');
    }
    return s.len ? tval_int(i) : tval_str(s);
}

/* Members by attribute name: what map(attribute=), join(attribute=) and selectattr look at. */
waage_status tval_member(render *r, uint32_t line, const tval *v, const tval *attr, tval *out)
{
    tstr path = attr->u.str;
    *out = *v;
    if (attr->kind != TV_STR) return tval_item(r, line, v, attr, out);
    for (;;) {
        const size_t dot = tstr_find(path, (tstr){".", 1, NULL, false}, 0);
        const tval key = path_part(tstr_slice(path, 0, dot == SIZE_MAX ? path.len : dot));
        const tval obj = *out;
        WAAGE_TRY(tval_item(r, line, &obj, &key, out));
        if (dot == SIZE_MAX) return WAAGE_OK;
        path = tstr_slice(path, dot + 1, path.len);
    }
}

static waage_status filter_join(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items, *members;
    tstr sep = {"", 0, NULL, false};
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    if (call_given(&c->args[0])) WAAGE_TRY(tval_to_str(r, c->line, &c->args[0], &sep));
    if (call_given(&c->args[1]) && c->args[1].kind != TV_NONE) {
        WAAGE_TRY(tlist_new(r, &members));
        for (size_t i = 0; i < items->n; i++) {
            tval v;
            WAAGE_TRY(tval_member(r, c->line, &items->items[i], &c->args[1], &v));
            WAAGE_TRY(tlist_add(r, members, v));
        }
        items = members;
    }
    return join_items(r, c, items, sep, out);
}

static waage_status filter_reverse(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items, *back;
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    WAAGE_TRY(tlist_new(r, &back));
    for (size_t i = items->n; i-- > 0;)
        WAAGE_TRY(tlist_add(r, back, items->items[i]));
    back->is = LIST_GENERATOR;
    *out = (tval){.kind = TV_LIST, .u.list = back};
    if (self->kind == TV_STR) return join_items(r, c, back, (tstr){"", 0, NULL, false}, out);
    return WAAGE_OK;
}

/* What map, select and their kin walk over: nothing, if the value counts as false. */
static waage_status items_if_true(render *r, const call_args *c, const tval *self, tlist **out)
{
    if (tval_truth(self) || self->kind == TV_UNDEFINED) return tval_items(r, c->line, self, out);
    return tlist_new(r, out);
}

/* A filter or test named by a string: map('trim'), select('none'). */
static waage_status named_callee(render *r, const call_args *c, call_kind kind, const tval *name,
                                 size_t n_args, const callee **out)
{
    char buf[32];
    if (name->kind != TV_STR || name->u.str.len >= sizeof buf)
        return render_fail(r, c->line, "the name of a %s expected",
                           kind == CALL_FILTER ? "filter" : "test");
    memcpy(buf, name->u.str.s, name->u.str.len);
    buf[name->u.str.len] = '\0';
    *out = callee_find(kind, buf);
    if (!*out)
        return waage_err_set(r->err, WAAGE_EUNSUPPORTED, "%s:%u: `%s` is not supported", r->t->name,
                             c->line, buf);
    if (n_args < (*out)->min_args || n_args > (*out)->max_args)
        return render_fail(r, c->line, "wrong number of arguments for `%s`", buf);
    return WAAGE_OK;
}

/* c without its first `skip` arguments. */
static call_args shift(const call_args *c, size_t skip)
{
    call_args rest = *c;
    rest.args += skip;
    rest.n = c->n > skip ? c->n - skip : 0;
    return rest;
}

static waage_status list_of(render *r, tlist *into, tlist **out)
{
    WAAGE_TRY(tlist_new(r, out));
    return tlist_add(r, into, (tval){.kind = TV_LIST, .u.list = *out});
}

static waage_status need_count(render *r, const call_args *c, const char *what)
{
    enum { MOST = 100000 };
    const tval *v = &c->args[0];
    if (v->kind != TV_INT) return call_wrong(r, c, what, v);
    if (v->u.i < 1 || v->u.i > MOST)
        return render_fail(r, c->line, "%s: the number is not in 1..%d", what, (int)MOST);
    return render_charge(r, c->line, (size_t)v->u.i * sizeof(tval));
}

/* Rows of so many items; the last one is filled up. */
static waage_status filter_batch(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items, *rows, *row = NULL;
    const tval *fill = &c->args[1];
    WAAGE_TRY(need_count(r, c, "batch"));
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    WAAGE_TRY(tlist_new(r, &rows));
    const size_t n = (size_t)c->args[0].u.i;
    for (size_t i = 0; i < items->n; i++) {
        if (i % n == 0) WAAGE_TRY(list_of(r, rows, &row));
        WAAGE_TRY(tlist_add(r, row, items->items[i]));
    }
    while (row && row->n < n && call_given(fill) && fill->kind != TV_NONE)
        WAAGE_TRY(tlist_add(r, row, *fill));
    rows->is = LIST_GENERATOR;
    *out = (tval){.kind = TV_LIST, .u.list = rows};
    return WAAGE_OK;
}

/* So many columns, the first ones longer by one where it does not come out even. */
static waage_status filter_slice(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items, *columns, *column;
    const tval *fill = &c->args[1];
    WAAGE_TRY(need_count(r, c, "slice"));
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    WAAGE_TRY(tlist_new(r, &columns));
    const size_t n = (size_t)c->args[0].u.i, longer = items->n % n;
    for (size_t k = 0, at = 0; k < n; k++) {
        WAAGE_TRY(list_of(r, columns, &column));
        for (size_t i = 0; i < items->n / n + (k < longer); i++)
            WAAGE_TRY(tlist_add(r, column, items->items[at++]));
        if (k >= longer && call_given(fill) && fill->kind != TV_NONE)
            WAAGE_TRY(tlist_add(r, column, *fill));
    }
    columns->is = LIST_GENERATOR;
    *out = (tval){.kind = TV_LIST, .u.list = columns};
    return WAAGE_OK;
}

static waage_status filter_map(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items, *mapped;
    const callee *fn = NULL;
    const tval *attribute = &c->args[4];
    const bool by_attribute = call_given(attribute);
    WAAGE_TRY(items_if_true(r, c, self, &items));
    WAAGE_TRY(tlist_new(r, &mapped));
    const call_args rest = shift(c, 1);
    size_t n = 0;
    while (n < 3 && call_given(&c->args[1 + n]))
        n++;
    if (!by_attribute) WAAGE_TRY(named_callee(r, c, CALL_FILTER, &c->args[0], n, &fn));
    for (size_t i = 0; i < items->n; i++) {
        tval v;
        if (by_attribute)
            WAAGE_TRY(tval_member(r, c->line, &items->items[i], attribute, &v));
        else
            WAAGE_TRY(fn->run(r, &rest, &items->items[i], &v));
        if (by_attribute && v.kind == TV_UNDEFINED && call_given(&c->args[5])) v = c->args[5];
        WAAGE_TRY(tlist_add(r, mapped, v));
    }
    mapped->is = LIST_GENERATOR;
    *out = (tval){.kind = TV_LIST, .u.list = mapped};
    return WAAGE_OK;
}

/* select, reject, selectattr, rejectattr: args [attribute] [test [argument]] */
static waage_status pick(render *r, const call_args *c, const tval *self, bool attr, bool keep,
                         tval *out)
{
    tlist *items, *picked;
    const size_t at = attr ? 1 : 0;
    const callee *fn = NULL;
    WAAGE_TRY(items_if_true(r, c, self, &items));
    WAAGE_TRY(tlist_new(r, &picked));
    const call_args rest = shift(c, at + 1);
    if (call_given(&c->args[at]))
        WAAGE_TRY(
            named_callee(r, c, CALL_TEST, &c->args[at], call_given(&rest.args[0]) ? 1 : 0, &fn));
    for (size_t i = 0; i < items->n; i++) {
        tval v = items->items[i], holds;
        if (attr) WAAGE_TRY(tval_member(r, c->line, &items->items[i], &c->args[0], &v));
        if (!fn && tval_is_unusable(r, &v))
            return render_fail(r, c->line, "`%s` is undefined", v.u.str.s);
        holds = tval_bool(tval_truth(&v));
        if (fn) WAAGE_TRY(fn->run(r, &rest, &v, &holds));
        if (holds.u.b == keep) WAAGE_TRY(tlist_add(r, picked, items->items[i]));
    }
    picked->is = LIST_GENERATOR;
    *out = (tval){.kind = TV_LIST, .u.list = picked};
    return WAAGE_OK;
}

static waage_status filter_select(render *r, const call_args *c, const tval *self, tval *out)
{
    return pick(r, c, self, false, true, out);
}

static waage_status filter_reject(render *r, const call_args *c, const tval *self, tval *out)
{
    return pick(r, c, self, false, false, out);
}

static waage_status filter_selectattr(render *r, const call_args *c, const tval *self, tval *out)
{
    return pick(r, c, self, true, true, out);
}

static waage_status filter_rejectattr(render *r, const call_args *c, const tval *self, tval *out)
{
    return pick(r, c, self, true, false, out);
}

// clang-format off
static const callee callees[] = {
    {CALL_FILTER, "batch", 1, 2, "linecount fill_with", filter_batch},
    {CALL_FILTER, "first", 0, 0, "", filter_first},
    {CALL_FILTER, "items", 0, 0, "", filter_items},
    {CALL_FILTER, "join", 0, 2, "d attribute", filter_join},
    {CALL_FILTER, "last", 0, 0, "", filter_last},
    {CALL_FILTER, "list", 0, 0, "", filter_list},
    {CALL_FILTER, "map", 1, 6, "- - - - attribute default", filter_map},
    {CALL_FILTER, "reject", 0, 2, "- -", filter_reject},
    {CALL_FILTER, "rejectattr", 1, 3, "- - -", filter_rejectattr},
    {CALL_FILTER, "reverse", 0, 0, "", filter_reverse},
    {CALL_FILTER, "select", 0, 2, "- -", filter_select},
    {CALL_FILTER, "selectattr", 1, 3, "- - -", filter_selectattr},
    {CALL_FILTER, "slice", 1, 2, "slices fill_with", filter_slice},
    {CALL_METHOD, "changed", 0, 8, "- - - - - - - -", method_changed},
    {CALL_METHOD, "cycle", 1, 8, "- - - - - - - -", method_cycle},
    {CALL_METHOD, "get", 1, 2, "- -", method_get},
    {CALL_METHOD, "items", 0, 0, "", method_items},
    {CALL_METHOD, "join", 1, 1, "-", method_join},
    {CALL_METHOD, "keys", 0, 0, "", method_keys},
    {CALL_METHOD, "values", 0, 0, "", method_values},
};
// clang-format on

const callee_table template_list_callees = {callees, sizeof callees / sizeof *callees};
