/* template_value.c - the values of a rendering: strings that know who wrote each byte, lists, maps;
 * conversion, equality, order, and their text as Python prints it. */
#include "harness/base/template_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"

enum { VALUE_MAX_DEPTH = 100 };

tval tval_none(void)
{
    return (tval){.kind = TV_NONE};
}

tval tval_bool(bool b)
{
    return (tval){.kind = TV_BOOL, .u.b = b};
}

tval tval_int(int64_t i)
{
    return (tval){.kind = TV_INT, .u.i = i};
}

tval tval_float(double f)
{
    return (tval){.kind = TV_FLOAT, .u.f = f};
}

tval tval_undefined(const char *name)
{
    return (tval){.kind = TV_UNDEFINED, .u.str = {name, strlen(name), NULL, false}};
}

tval tval_text(const char *s, size_t len)
{
    return (tval){.kind = TV_STR, .u.str = {s, len, NULL, false}};
}

tval tval_str(tstr s)
{
    return (tval){.kind = TV_STR, .u.str = s};
}

bool tval_is_unusable(const render *r, const tval *v)
{
    return v->kind == TV_UNDEFINED && r->t->opt.strict && !v->u.str.data;
}

const char *tval_kind_name(const tval *v)
{
    static const char *const names[] = {"undefined",   "none",     "a boolean", "an integer",
                                        "a float",     "a string", "a list",    "a map",
                                        "a namespace", "the loop", "a macro"};
    return names[v->kind];
}

/* ---- containers ---- */

waage_status tlist_new(render *r, tlist **out)
{
    *out = arena_calloc(r->a, 1, sizeof **out);
    return *out ? WAAGE_OK : waage_err_nomem(r->err);
}

waage_status tlist_add(render *r, tlist *l, tval v)
{
    if (l->n == l->cap) {
        const size_t cap = l->cap ? l->cap * 2 : 8;
        tval *grown = arena_calloc(r->a, cap, sizeof *grown);
        if (!grown) return waage_err_nomem(r->err);
        if (l->n) memcpy(grown, l->items, l->n * sizeof *grown);
        l->items = grown;
        l->cap = cap;
    }
    l->items[l->n++] = v;
    return WAAGE_OK;
}

waage_status tmap_new(render *r, tmap **out)
{
    *out = arena_calloc(r->a, 1, sizeof **out);
    return *out ? WAAGE_OK : waage_err_nomem(r->err);
}

waage_status tmap_set(render *r, tmap *m, tval key, tval val)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!tval_equal(&m->pairs[i].key, &key)) continue;
        m->pairs[i].val = val;
        return WAAGE_OK;
    }
    if (m->n == m->cap) {
        const size_t cap = m->cap ? m->cap * 2 : 8;
        tpair *grown = arena_calloc(r->a, cap, sizeof *grown);
        if (!grown) return waage_err_nomem(r->err);
        if (m->n) memcpy(grown, m->pairs, m->n * sizeof *grown);
        m->pairs = grown;
        m->cap = cap;
    }
    m->pairs[m->n++] = (tpair){key, val};
    return WAAGE_OK;
}

const tval *tmap_get(const tmap *m, const char *key, size_t len)
{
    for (size_t i = 0; i < m->n; i++) {
        const tval *k = &m->pairs[i].key;
        if (k->kind == TV_STR && k->u.str.len == len && memcmp(k->u.str.s, key, len) == 0)
            return &m->pairs[i].val;
    }
    return NULL;
}

/* ---- conversion ---- */

static waage_status from_list(render *r, const value *v, bool data, tval *out)
{
    tlist *l;
    WAAGE_TRY(tlist_new(r, &l));
    for (size_t i = 0; i < v->u.list.n; i++) {
        tval item;
        WAAGE_TRY(tval_from_value(r, v->u.list.items[i], data, &item));
        WAAGE_TRY(tlist_add(r, l, item));
    }
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

static waage_status from_map(render *r, const value *v, bool data, tval *out)
{
    tmap *m;
    WAAGE_TRY(tmap_new(r, &m));
    m->pairs = arena_calloc(r->a, v->u.map.n + 1, sizeof *m->pairs);
    if (!m->pairs) return waage_err_nomem(r->err);
    m->cap = v->u.map.n + 1;
    for (size_t i = 0; i < v->u.map.n; i++) { /* keys are unique already */
        const value_pair *p = &v->u.map.pairs[i];
        m->pairs[i].key = tval_str((tstr){p->key, strlen(p->key), NULL, data});
        WAAGE_TRY(tval_from_value(r, p->val, data, &m->pairs[i].val));
        m->n++;
    }
    *out = (tval){.kind = TV_MAP, .u.map = m};
    return WAAGE_OK;
}

waage_status tval_from_value(render *r, const value *v, bool data, tval *out)
{
    if (!v) {
        *out = tval_none();
        return WAAGE_OK;
    }
    switch (v->kind) {
    case VALUE_NULL:
        *out = tval_none();
        return WAAGE_OK;
    case VALUE_BOOL:
        *out = tval_bool(v->u.b);
        return WAAGE_OK;
    case VALUE_INT:
        *out = tval_int(v->u.i);
        return WAAGE_OK;
    case VALUE_FLOAT:
        *out = tval_float(v->u.f);
        return WAAGE_OK;
    case VALUE_STR:
        *out = tval_str((tstr){v->u.str.s, v->u.str.len, NULL, data});
        return WAAGE_OK;
    case VALUE_LIST:
        return from_list(r, v, data, out);
    case VALUE_MAP:
        return from_map(r, v, data, out);
    }
    return waage_err_set(r->err, WAAGE_EINVAL, "a value of unknown kind");
}

static value *to_map(arena *a, const tmap *m)
{
    value *out = value_map(a);
    for (size_t i = 0; out && i < m->n; i++) {
        strbuf key = STRBUF_EMPTY;
        value *k = tval_to_value(a, &m->pairs[i].key);
        if (k) value_print(&key, k);
        const bool ok =
            k && value_map_set(a, out, strbuf_str(&key), tval_to_value(a, &m->pairs[i].val));
        strbuf_free(&key);
        if (!ok) return NULL;
    }
    return out;
}

value *tval_to_value(arena *a, const tval *v)
{
    value *out;
    switch (v->kind) {
    case TV_BOOL:
        return value_bool(a, v->u.b);
    case TV_INT:
        return value_int(a, v->u.i);
    case TV_FLOAT:
        return value_float(a, v->u.f);
    case TV_STR:
        return value_strn(a, v->u.str.s, v->u.str.len);
    case TV_LIST:
        out = value_list(a);
        for (size_t i = 0; out && i < v->u.list->n; i++)
            if (!value_list_add(a, out, tval_to_value(a, &v->u.list->items[i]))) return NULL;
        return out;
    case TV_MAP:
    case TV_NAMESPACE:
        return to_map(a, v->u.map);
    default:
        return value_null(a);
    }
}

/* ---- truth, equality, order, length ---- */

bool tval_truth(const tval *v)
{
    switch (v->kind) {
    case TV_UNDEFINED:
    case TV_NONE:
        return false;
    case TV_BOOL:
        return v->u.b;
    case TV_INT:
        return v->u.i != 0;
    case TV_FLOAT:
        return v->u.f != 0;
    case TV_STR:
        return v->u.str.len != 0;
    case TV_LIST:
        return v->u.list->n != 0 || v->u.list->is == LIST_GENERATOR;
    case TV_MAP:
        return v->u.map->n != 0;
    default:
        return true;
    }
}

size_t tstr_find(tstr a, tstr b, size_t from)
{
    for (size_t i = from; i + b.len <= a.len; i++)
        if (memcmp(a.s + i, b.s, b.len) == 0) return i;
    return SIZE_MAX;
}

size_t tstr_find_last(tstr a, tstr b)
{
    if (b.len > a.len) return SIZE_MAX;
    for (size_t i = a.len - b.len + 1; i-- > 0;)
        if (memcmp(a.s + i, b.s, b.len) == 0) return i;
    return SIZE_MAX;
}

bool tstr_same(tstr a, tstr b)
{
    return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

/* Numbers and booleans as a double and, when exact, as an integer. */
static bool as_number(const tval *v, double *f, int64_t *i, bool *is_int)
{
    *is_int = v->kind != TV_FLOAT;
    switch (v->kind) {
    case TV_BOOL:
        *i = v->u.b;
        break;
    case TV_INT:
        *i = v->u.i;
        break;
    case TV_FLOAT:
        *f = v->u.f;
        return true;
    default:
        return false;
    }
    *f = (double)*i;
    return true;
}

static bool lists_equal(const tlist *a, const tlist *b)
{
    if (a->n != b->n || a->tuple != b->tuple) return false;
    for (size_t i = 0; i < a->n; i++)
        if (!tval_equal(&a->items[i], &b->items[i])) return false;
    return true;
}

static bool maps_equal(const tmap *a, const tmap *b)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        size_t k = 0;
        while (k < b->n && !tval_equal(&a->pairs[i].key, &b->pairs[k].key))
            k++;
        if (k == b->n || !tval_equal(&a->pairs[i].val, &b->pairs[k].val)) return false;
    }
    return true;
}

bool tval_equal(const tval *a, const tval *b)
{
    double fa, fb;
    int64_t ia = 0, ib = 0;
    bool inta, intb;
    if (as_number(a, &fa, &ia, &inta) && as_number(b, &fb, &ib, &intb))
        return inta && intb ? ia == ib : fa == fb;
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case TV_UNDEFINED:
    case TV_NONE:
        return true;
    case TV_STR:
        return tstr_same(a->u.str, b->u.str);
    case TV_LIST:
        return lists_equal(a->u.list, b->u.list);
    case TV_MAP:
        return maps_equal(a->u.map, b->u.map);
    case TV_NAMESPACE:
        return a->u.map == b->u.map;
    case TV_LOOP:
        return a->u.loop == b->u.loop;
    case TV_MACRO:
        return a->u.macro == b->u.macro;
    default:
        return false;
    }
}

static bool order_lists(const tlist *a, const tlist *b, int *out)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (tval_equal(&a->items[i], &b->items[i])) continue;
        return tval_order(&a->items[i], &b->items[i], out);
    }
    *out = a->n < b->n ? -1 : a->n > b->n;
    return true;
}

bool tval_order(const tval *a, const tval *b, int *out)
{
    double fa, fb;
    int64_t ia = 0, ib = 0;
    bool inta, intb;
    if (as_number(a, &fa, &ia, &inta) && as_number(b, &fb, &ib, &intb)) {
        if (isnan(fa) || isnan(fb)) return false;
        *out = inta && intb ? (ia < ib ? -1 : ia > ib) : (fa < fb ? -1 : fa > fb);
        return true;
    }
    if (a->kind != b->kind) return false;
    if (a->kind == TV_LIST) return order_lists(a->u.list, b->u.list, out);
    if (a->kind != TV_STR) return false;
    const tstr x = a->u.str, y = b->u.str;
    const size_t n = x.len < y.len ? x.len : y.len;
    const int c = memcmp(x.s, y.s, n); /* the order of UTF-8 is that of the code points */
    *out = c < 0 ? -1 : c > 0 ? 1 : x.len < y.len ? -1 : x.len > y.len;
    return true;
}

size_t tval_length(const tval *v, bool *ok)
{
    *ok = true;
    switch (v->kind) {
    case TV_UNDEFINED:
        return 0;
    case TV_STR:
        return utf8_count(v->u.str.s, v->u.str.len);
    case TV_LIST:
        return v->u.list->n;
    case TV_MAP:
        return v->u.map->n;
    default:
        *ok = false;
        return 0;
    }
}

waage_status tval_items(render *r, uint32_t line, const tval *v, tlist **out)
{
    if (v->kind == TV_LIST && !v->u.list->used) {
        *out = v->u.list;
        v->u.list->used = v->u.list->is == LIST_GENERATOR;
        return WAAGE_OK;
    }
    WAAGE_TRY(tlist_new(r, out));
    if (v->kind == TV_MAP) {
        for (size_t i = 0; i < v->u.map->n; i++)
            WAAGE_TRY(tlist_add(r, *out, v->u.map->pairs[i].key));
    } else if (v->kind == TV_STR) {
        for (size_t i = 0; i < v->u.str.len;) {
            uint32_t cp;
            const size_t n = utf8_decode(v->u.str.s + i, v->u.str.len - i, &cp);
            WAAGE_TRY(render_charge(r, line, n));
            tbuf b = {STRBUF_EMPTY, STRBUF_EMPTY};
            tstr ch;
            tbuf_put(&b, tstr_slice(v->u.str, i, i + n));
            WAAGE_TRY(tbuf_take(r, line, &b, &ch));
            WAAGE_TRY(tlist_add(r, *out, tval_str(ch)));
            i += n;
        }
    } else if (v->kind != TV_LIST && (v->kind != TV_UNDEFINED || tval_is_unusable(r, v))) {
        return v->kind == TV_UNDEFINED
                   ? render_fail(r, line, "`%s` is undefined", v->u.str.s)
                   : render_fail(r, line, "%s cannot be walked over", tval_kind_name(v));
    }
    return WAAGE_OK;
}

/* ---- text ---- */

/* Not NUL-terminated behind `end`: callers copy it. */
tstr tstr_slice(tstr s, size_t start, size_t end)
{
    return (tstr){s.s + start, end - start, s.mask ? s.mask + start : NULL, s.data};
}

void tbuf_free(tbuf *b)
{
    strbuf_free(&b->text);
    strbuf_free(&b->mask);
}

void tbuf_put(tbuf *b, tstr s)
{
    strbuf_put(&b->text, s.s, s.len);
    if (s.mask) {
        strbuf_put(&b->mask, (const char *)s.mask, s.len);
        return;
    }
    char run[64];
    memset(run, s.data, sizeof run);
    for (size_t i = 0; i < s.len; i += sizeof run)
        strbuf_put(&b->mask, run, s.len - i < sizeof run ? s.len - i : sizeof run);
}

void tbuf_puts(tbuf *b, const char *s)
{
    tbuf_put(b, (tstr){s, strlen(s), NULL, false});
}

waage_status tbuf_check(render *r, uint32_t line, const tbuf *b)
{
    if (b->text.len > r->max_output)
        return render_fail(r, line, "more than %zu bytes of text", r->max_output);
    if (b->text.failed || b->mask.failed) return waage_err_nomem(r->err);
    return WAAGE_OK;
}

waage_status tbuf_take(render *r, uint32_t line, tbuf *b, tstr *out)
{
    waage_status st = tbuf_check(r, line, b);
    if (st == WAAGE_OK) st = render_charge(r, line, b->text.len);
    if (st == WAAGE_OK) {
        const size_t n = b->text.len;
        const char *mask = strbuf_str(&b->mask);
        const char first = n ? mask[0] : 0;
        bool uniform = true;
        for (size_t i = 1; i < n && uniform; i++)
            uniform = mask[i] == first;
        char *text = arena_strndup(r->a, strbuf_str(&b->text), n);
        char *copy = uniform ? NULL : arena_strndup(r->a, mask, n);
        *out = (tstr){text, n, (const uint8_t *)copy, first != 0};
        if (!text || (!uniform && !copy)) st = waage_err_nomem(r->err);
    }
    tbuf_free(b);
    return st;
}

waage_status tbuf_take_value(render *r, uint32_t line, tbuf *b, tval *out)
{
    *out = (tval){.kind = TV_STR};
    return tbuf_take(r, line, b, &out->u.str);
}

static waage_status put_scalar(render *r, const tval *v, tbuf *out)
{
    arena tmp = ARENA_EMPTY;
    strbuf s = STRBUF_EMPTY;
    const value *val = tval_to_value(&tmp, v);
    if (val) value_print(&s, val);
    tbuf_puts(out, strbuf_str(&s));
    strbuf_free(&s);
    arena_free(&tmp);
    return val ? WAAGE_OK : waage_err_nomem(r->err);
}

/* repr() of a string: quotes and escapes of the template, the rest of whoever wrote it. */
static void put_repr_str(tstr s, tbuf *out)
{
    const bool dbl = memchr(s.s, '\'', s.len) && !memchr(s.s, '"', s.len);
    const char quote = dbl ? '"' : '\'';
    const char quotes[2] = {quote, '\0'};

    tbuf_puts(out, quotes);
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        char esc[16] = "";
        const size_t n = utf8_decode(s.s + i, s.len - i, &cp);
        if (cp == '\n' || cp == '\r' || cp == '\t')
            snprintf(esc, sizeof esc, "\\%c", cp == '\n' ? 'n' : cp == '\r' ? 'r' : 't');
        else if (cp == '\\' || cp == (unsigned char)quote)
            snprintf(esc, sizeof esc, "\\%c", (char)cp);
        else if (!unicode_is_printable(cp))
            snprintf(esc, sizeof esc,
                     cp < 0x100     ? "\\x%02x"
                     : cp < 0x10000 ? "\\u%04x"
                                    : "\\U%08x",
                     (unsigned)cp);
        if (esc[0])
            tbuf_puts(out, esc);
        else
            tbuf_put(out, tstr_slice(s, i, i + n));
        i += n;
    }
    tbuf_puts(out, quotes);
}

static waage_status put_repr(render *r, uint32_t line, const tval *v, int depth, tbuf *out);

static waage_status put_repr_items(render *r, uint32_t line, const tlist *l, int depth, tbuf *out)
{
    tbuf_puts(out, l->tuple ? "(" : "[");
    for (size_t i = 0; i < l->n; i++) {
        if (i) tbuf_puts(out, ", ");
        WAAGE_TRY(put_repr(r, line, &l->items[i], depth + 1, out));
    }
    if (l->tuple && l->n == 1) tbuf_puts(out, ",");
    tbuf_puts(out, l->tuple ? ")" : "]");
    return WAAGE_OK;
}

static waage_status put_repr_pairs(render *r, uint32_t line, const tmap *m, int depth, tbuf *out)
{
    tbuf_puts(out, "{");
    for (size_t i = 0; i < m->n; i++) {
        if (i) tbuf_puts(out, ", ");
        WAAGE_TRY(put_repr(r, line, &m->pairs[i].key, depth + 1, out));
        tbuf_puts(out, ": ");
        WAAGE_TRY(put_repr(r, line, &m->pairs[i].val, depth + 1, out));
    }
    tbuf_puts(out, "}");
    return WAAGE_OK;
}

static waage_status put_repr(render *r, uint32_t line, const tval *v, int depth, tbuf *out)
{
    if (depth > VALUE_MAX_DEPTH) return render_fail(r, line, "a value is nested too deeply");
    WAAGE_TRY(render_charge(r, line, 0));
    WAAGE_TRY(tbuf_check(r, line, out));
    switch (v->kind) {
    case TV_STR:
        put_repr_str(v->u.str, out);
        return WAAGE_OK;
    case TV_LIST:
        if (v->u.list->is != LIST_PLAIN)
            return render_fail(r, line,
                               "what range, keys, map and their kin give has no text; "
                               "`|list` makes a list of it");
        return put_repr_items(r, line, v->u.list, depth, out);
    case TV_MAP:
        return put_repr_pairs(r, line, v->u.map, depth, out);
    case TV_UNDEFINED:
        tbuf_puts(out, "Undefined");
        return WAAGE_OK;
    default:
        return tval_print(r, line, v, out);
    }
}

waage_status tval_print(render *r, uint32_t line, const tval *v, tbuf *out)
{
    switch (v->kind) {
    case TV_UNDEFINED:
        if (tval_is_unusable(r, v)) return render_fail(r, line, "`%s` is undefined", v->u.str.s);
        return WAAGE_OK;
    case TV_STR:
        tbuf_put(out, v->u.str);
        return tbuf_check(r, line, out);
    case TV_LIST:
    case TV_MAP:
        return put_repr(r, line, v, 0, out);
    case TV_NONE:
    case TV_BOOL:
    case TV_INT:
    case TV_FLOAT:
        return put_scalar(r, v, out);
    default:
        return render_fail(r, line, "%s cannot be printed", tval_kind_name(v));
    }
}

waage_status tval_print_repr(render *r, uint32_t line, const tval *v, tbuf *out)
{
    return put_repr(r, line, v, 0, out);
}

waage_status tval_to_str(render *r, uint32_t line, const tval *v, tstr *out)
{
    if (v->kind == TV_STR) {
        *out = v->u.str;
        return WAAGE_OK;
    }
    tbuf b = {STRBUF_EMPTY, STRBUF_EMPTY};
    const waage_status st = tval_print(r, line, v, &b);
    if (st != WAAGE_OK) {
        tbuf_free(&b);
        return st;
    }
    return tbuf_take(r, line, &b, out);
}

/* ---- JSON ---- */

static void put_json_str(tstr s, const json_style *st, tbuf *out)
{
    tbuf_puts(out, "\"");
    for (size_t i = 0; i < s.len;) {
        static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
        uint32_t cp;
        char esc[32] = "";
        const size_t n = utf8_decode(s.s + i, s.len - i, &cp);
        const char *short_form = cp && cp < 0x80 ? strchr(from, (char)cp) : NULL;
        if (short_form)
            snprintf(esc, sizeof esc, "\\%c", to[short_form - from]);
        else if (cp < 0x20 || (cp == 0x7f && st->ascii) ||
                 (st->html && cp < 0x80 && strchr("<>&'", (char)cp)))
            snprintf(esc, sizeof esc, "\\u%04x", (unsigned)cp);
        else if (st->ascii && cp >= 0x10000)
            snprintf(esc, sizeof esc, "\\u%04x\\u%04x", 0xd800 + (unsigned)((cp - 0x10000) >> 10),
                     0xdc00 + (unsigned)((cp - 0x10000) & 0x3ff));
        else if (st->ascii && cp >= 0x80)
            snprintf(esc, sizeof esc, "\\u%04x", (unsigned)cp);
        if (esc[0])
            tbuf_puts(out, esc);
        else
            tbuf_put(out, tstr_slice(s, i, i + n));
        i += n;
    }
    tbuf_puts(out, "\"");
}

static void put_break(const json_style *st, int depth, tbuf *out)
{
    if (st->indent < 0) return;
    tbuf_puts(out, "\n");
    for (int i = 0; i < st->indent * depth; i++)
        tbuf_puts(out, " ");
}

static int by_key(const void *x, const void *y)
{
    const tpair *a = *(const tpair *const *)x, *b = *(const tpair *const *)y;
    int c = 0;
    tval_order(&a->key, &b->key, &c);
    return c;
}

static waage_status put_json_map(render *r, uint32_t line, const tmap *m, const json_style *st,
                                 int depth, tbuf *out)
{
    const tpair **order = arena_calloc(r->a, m->n + 1, sizeof *order);
    if (!order) return waage_err_nomem(r->err);
    for (size_t i = 0; i < m->n; i++)
        order[i] = &m->pairs[i];
    if (st->sort) qsort(order, m->n, sizeof *order, by_key);
    tbuf_puts(out, "{");
    for (size_t i = 0; i < m->n; i++) {
        if (order[i]->key.kind != TV_STR)
            return render_fail(r, line, "tojson: keys must be strings, not %s",
                               tval_kind_name(&order[i]->key));
        if (i) tbuf_puts(out, st->item_sep);
        put_break(st, depth + 1, out);
        put_json_str(order[i]->key.u.str, st, out);
        tbuf_puts(out, st->key_sep);
        WAAGE_TRY(tval_put_json(r, line, &order[i]->val, st, depth + 1, out));
    }
    if (m->n) put_break(st, depth, out);
    tbuf_puts(out, "}");
    return WAAGE_OK;
}

static waage_status put_json_list(render *r, uint32_t line, const tlist *l, const json_style *st,
                                  int depth, tbuf *out)
{
    tbuf_puts(out, "[");
    for (size_t i = 0; i < l->n; i++) {
        if (i) tbuf_puts(out, st->item_sep);
        put_break(st, depth + 1, out);
        WAAGE_TRY(tval_put_json(r, line, &l->items[i], st, depth + 1, out));
    }
    if (l->n) put_break(st, depth, out);
    tbuf_puts(out, "]");
    return WAAGE_OK;
}

waage_status tval_put_json(render *r, uint32_t line, const tval *v, const json_style *st, int depth,
                           tbuf *out)
{
    if (depth > VALUE_MAX_DEPTH) return render_fail(r, line, "a value is nested too deeply");
    WAAGE_TRY(render_charge(r, line, 0));
    WAAGE_TRY(tbuf_check(r, line, out));
    switch (v->kind) {
    case TV_NONE:
        tbuf_puts(out, "null");
        return WAAGE_OK;
    case TV_BOOL:
        tbuf_puts(out, v->u.b ? "true" : "false");
        return WAAGE_OK;
    case TV_INT:
        return put_scalar(r, v, out);
    case TV_FLOAT:
        if (isnan(v->u.f))
            tbuf_puts(out, "NaN");
        else if (isinf(v->u.f))
            tbuf_puts(out, v->u.f > 0 ? "Infinity" : "-Infinity");
        else
            return put_scalar(r, v, out);
        return WAAGE_OK;
    case TV_STR:
        put_json_str(v->u.str, st, out);
        return WAAGE_OK;
    case TV_LIST:
        return put_json_list(r, line, v->u.list, st, depth, out);
    case TV_MAP:
        return put_json_map(r, line, v->u.map, st, depth, out);
    case TV_UNDEFINED:
        return render_fail(r, line, "tojson: `%s` is undefined", v->u.str.s);
    default:
        return render_fail(r, line, "tojson: %s has no JSON form", tval_kind_name(v));
    }
}
