/* template_order.c - filters that compare items with each other: sort, dictsort, unique, min, max,
 * groupby and sum. As in Jinja2, letters are compared without their case unless case_sensitive is
 * given. */
#include "harness/base/template_impl.h"

#include <string.h>
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"

typedef struct {
    tval key, item; /* what is compared, and what it stands for */
    tval name;      /* groupby: the key as it was written */
} entry;

static waage_status lower_key(render *r, uint32_t line, tval *key)
{
    tbuf b = TBUF_EMPTY;
    if (key->kind != TV_STR) return WAAGE_OK;
    for (size_t i = 0; i < key->u.str.len;) {
        uint32_t cp;
        char text[4];
        i += utf8_decode(key->u.str.s + i, key->u.str.len - i, &cp);
        const size_t n = utf8_encode(unicode_lower(cp), text);
        tbuf_put(&b, (tstr){text, n, NULL, key->u.str.data});
    }
    return tbuf_take_value(r, line, &b, key);
}

/* Items with what they are compared by: the member `attribute` (absent: the item itself). */
static waage_status make_entries(render *r, const call_args *c, const tval *self,
                                 const tval *attribute, const tval *case_sensitive, entry **out,
                                 size_t *n)
{
    tlist *items;
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    entry *e = arena_calloc(r->a, items->n, sizeof *e);
    if (!e) return waage_err_nomem(r->err);
    if (call_given(attribute) && attribute->kind == TV_STR &&
        memchr(attribute->u.str.s, ',', attribute->u.str.len))
        return render_fail(r, c->line, "an attribute with a comma is not supported");
    for (size_t i = 0; i < items->n; i++) {
        WAAGE_TRY(render_charge(r, c->line, 0));
        e[i] = (entry){.key = items->items[i], .item = items->items[i]};
        if (call_given(attribute) && attribute->kind != TV_NONE)
            WAAGE_TRY(tval_member(r, c->line, &e[i].item, attribute, &e[i].key));
        if (!tval_truth(case_sensitive)) WAAGE_TRY(lower_key(r, c->line, &e[i].key));
    }
    *out = e;
    *n = items->n;
    return WAAGE_OK;
}

static waage_status order(render *r, const call_args *c, const tval *a, const tval *b, int *out)
{
    if (tval_order(a, b, out)) return WAAGE_OK;
    return call_wrong(r, c, "comparison", a->kind == TV_STR || a->kind == TV_INT ? b : a);
}

/* Equal ones keep their order, also when it is reversed. Merge sort, bottom up. */
static waage_status sort_entries(render *r, const call_args *c, entry *e, size_t n, bool reverse)
{
    entry *to = arena_calloc(r->a, n, sizeof *to);
    if (!to) return waage_err_nomem(r->err);
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t from = 0; from < n; from += 2 * run) {
            const size_t mid = from + run < n ? from + run : n;
            const size_t end = mid + run < n ? mid + run : n;
            size_t a = from, b = mid;
            for (size_t i = from; i < end; i++) {
                int o = 0;
                if (a < mid && b < end) WAAGE_TRY(order(r, c, &e[a].key, &e[b].key, &o));
                const bool second = a == mid || (b < end && (reverse ? o < 0 : o > 0));
                to[i] = second ? e[b++] : e[a++];
                WAAGE_TRY(render_charge(r, c->line, 0));
            }
        }
        memcpy(e, to, n * sizeof *e);
    }
    return WAAGE_OK;
}

static waage_status take_items(render *r, const entry *e, size_t n, list_kind is, tval *out)
{
    tlist *l;
    WAAGE_TRY(tlist_new(r, &l));
    l->is = is;
    for (size_t i = 0; i < n; i++)
        WAAGE_TRY(tlist_add(r, l, e[i].item));
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

static waage_status filter_sort(render *r, const call_args *c, const tval *self, tval *out)
{
    entry *e;
    size_t n;
    WAAGE_TRY(make_entries(r, c, self, &c->args[2], &c->args[1], &e, &n));
    WAAGE_TRY(sort_entries(r, c, e, n, tval_truth(&c->args[0])));
    return take_items(r, e, n, LIST_PLAIN, out);
}

static waage_status filter_dictsort(render *r, const call_args *c, const tval *self, tval *out)
{
    const tval *by = &c->args[1];
    const bool is_key = !call_given(by) || (by->kind == TV_STR && by->u.str.len == 3 &&
                                            memcmp(by->u.str.s, "key", 3) == 0);
    const bool is_value =
        by->kind == TV_STR && by->u.str.len == 5 && memcmp(by->u.str.s, "value", 5) == 0;
    if (self->kind != TV_MAP) return call_wrong(r, c, "dictsort", self);
    if (!is_key && !is_value) return render_fail(r, c->line, "dictsort: by 'key' or by 'value'");
    const size_t n = self->u.map->n;
    entry *e = arena_calloc(r->a, n, sizeof *e);
    if (!e) return waage_err_nomem(r->err);
    for (size_t i = 0; i < n; i++) {
        const tpair *p = &self->u.map->pairs[i];
        tlist *pair;
        WAAGE_TRY(render_charge(r, c->line, 0));
        WAAGE_TRY(tlist_new(r, &pair));
        pair->tuple = true;
        WAAGE_TRY(tlist_add(r, pair, p->key));
        WAAGE_TRY(tlist_add(r, pair, p->val));
        e[i] = (entry){.key = is_key ? p->key : p->val, .item = {.kind = TV_LIST, .u.list = pair}};
        if (!tval_truth(&c->args[0])) WAAGE_TRY(lower_key(r, c->line, &e[i].key));
    }
    WAAGE_TRY(sort_entries(r, c, e, n, tval_truth(&c->args[2])));
    return take_items(r, e, n, LIST_PLAIN, out);
}

static waage_status filter_unique(render *r, const call_args *c, const tval *self, tval *out)
{
    entry *e;
    size_t n, kept = 0;
    WAAGE_TRY(make_entries(r, c, self, &c->args[1], &c->args[0], &e, &n));
    for (size_t i = 0; i < n; i++) {
        bool seen = false;
        if (e[i].key.kind == TV_LIST || e[i].key.kind == TV_MAP)
            return call_wrong(r, c, "unique", &e[i].key); /* cannot be hashed */
        for (size_t k = 0; k < kept && !seen; k++) {
            WAAGE_TRY(render_charge(r, c->line, 0));
            seen = tval_equal(&e[k].key, &e[i].key);
        }
        if (!seen) e[kept++] = e[i];
    }
    return take_items(r, e, kept, LIST_GENERATOR, out);
}

/* The groups by their key in order, each with its items: tuples (grouper, list). */
static waage_status filter_groupby(render *r, const call_args *c, const tval *self, tval *out)
{
    static const tval exact = {.kind = TV_BOOL, .u.b = true};
    const tval *fallback = &c->args[1];
    entry *e;
    size_t n;
    tlist *groups, *group, *members = NULL;
    WAAGE_TRY(make_entries(r, c, self, &c->args[0], &exact, &e, &n));
    for (size_t i = 0; i < n; i++) {
        if (e[i].key.kind == TV_UNDEFINED && call_given(fallback)) e[i].key = *fallback;
        e[i].name = e[i].key;
        if (!tval_truth(&c->args[2])) WAAGE_TRY(lower_key(r, c->line, &e[i].key));
    }
    WAAGE_TRY(sort_entries(r, c, e, n, false));
    WAAGE_TRY(tlist_new(r, &groups));
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !tval_equal(&e[i].key, &e[i - 1].key)) {
            WAAGE_TRY(tlist_new(r, &group));
            WAAGE_TRY(tlist_new(r, &members));
            group->tuple = group->group = true;
            WAAGE_TRY(tlist_add(r, group, e[i].name));
            WAAGE_TRY(tlist_add(r, group, (tval){.kind = TV_LIST, .u.list = members}));
            WAAGE_TRY(tlist_add(r, groups, (tval){.kind = TV_LIST, .u.list = group}));
        }
        WAAGE_TRY(tlist_add(r, members, e[i].item));
    }
    *out = (tval){.kind = TV_LIST, .u.list = groups};
    return WAAGE_OK;
}

/* The first of the smallest (sign -1) or largest. */
static waage_status extreme(render *r, const call_args *c, const tval *self, int sign, tval *out)
{
    entry *e;
    size_t n, best = 0;
    WAAGE_TRY(make_entries(r, c, self, &c->args[1], &c->args[0], &e, &n));
    for (size_t i = 1; i < n; i++) {
        int o;
        WAAGE_TRY(order(r, c, &e[i].key, &e[best].key, &o));
        if (o == sign) best = i;
    }
    *out = n > 0 ? e[best].item : tval_undefined("min or max of nothing");
    return WAAGE_OK;
}

static waage_status filter_min(render *r, const call_args *c, const tval *self, tval *out)
{
    return extreme(r, c, self, -1, out);
}

static waage_status filter_max(render *r, const call_args *c, const tval *self, tval *out)
{
    return extreme(r, c, self, 1, out);
}

/* Of numbers. */
static waage_status filter_sum(render *r, const call_args *c, const tval *self, tval *out)
{
    static const tval exact = {.kind = TV_BOOL, .u.b = true};
    entry *e;
    size_t n;
    double sum = 0, f;
    int64_t isum = 0, i;
    bool is_int, all_int = true;
    const tval *start = &c->args[1];
    if (call_given(start) && (start->kind != TV_INT || start->u.i != 0))
        return render_fail(r, c->line, "sum: a start other than 0 is not supported");
    WAAGE_TRY(make_entries(r, c, self, &c->args[0], &exact, &e, &n));
    for (size_t k = 0; k < n; k++) {
        if (!tval_number(&e[k].key, &f, &i, &is_int)) return call_wrong(r, c, "sum", &e[k].key);
        all_int = all_int && is_int;
        if (all_int && __builtin_add_overflow(isum, i, &isum))
            return render_fail(r, c->line, "sum: the number is too large");
        sum += f;
    }
    *out = all_int ? tval_int(isum) : (tval){.kind = TV_FLOAT, .u.f = sum};
    return WAAGE_OK;
}

// clang-format off
static const callee callees[] = {
    {CALL_FILTER, "dictsort", 0, 3, "case_sensitive by reverse", filter_dictsort},
    {CALL_FILTER, "groupby", 1, 3, "attribute default case_sensitive", filter_groupby},
    {CALL_FILTER, "max", 0, 2, "case_sensitive attribute", filter_max},
    {CALL_FILTER, "min", 0, 2, "case_sensitive attribute", filter_min},
    {CALL_FILTER, "sort", 0, 3, "reverse case_sensitive attribute", filter_sort},
    {CALL_FILTER, "sum", 0, 2, "attribute start", filter_sum},
    {CALL_FILTER, "unique", 0, 2, "case_sensitive attribute", filter_unique},
};
// clang-format on

const callee_table template_order_callees = {callees, sizeof callees / sizeof *callees};
