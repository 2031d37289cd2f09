/* template_call.c - filters, tests, methods and functions as tables, and the operators on values.
 * A name that is not in these tables is refused when a template is compiled. */
#include "harness/base/template_impl.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/num.h"
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"

#define TBUF_EMPTY                                                                                 \
    {                                                                                              \
        STRBUF_EMPTY, STRBUF_EMPTY                                                                 \
    }

static bool given(const tval *v)
{
    return v->kind != TV_UNDEFINED;
}

static waage_status wrong(render *r, const call_args *c, const char *what, const tval *v)
{
    if (v->kind == TV_UNDEFINED) return render_fail(r, c->line, "`%s` is undefined", v->u.str.s);
    return render_fail(r, c->line, "%s: not for %s", what, tval_kind_name(v));
}

static waage_status take_str(render *r, uint32_t line, tbuf *b, tval *out)
{
    out->kind = TV_STR;
    return tbuf_take(r, line, b, &out->u.str);
}

/* ---- operators ---- */

static bool number_of(const tval *v, double *f, int64_t *i, bool *is_int)
{
    *is_int = v->kind == TV_INT || v->kind == TV_BOOL;
    *i = v->kind == TV_INT ? v->u.i : v->kind == TV_BOOL ? v->u.b : 0;
    *f = v->kind == TV_FLOAT ? v->u.f : (double)*i;
    return *is_int || v->kind == TV_FLOAT;
}

static bool int_power(int64_t base, int64_t exponent, int64_t *out)
{
    int64_t v = 1;
    if (base >= -1 && base <= 1)
        exponent = exponent ? 2 - exponent % 2 : 0; /* same value, few rounds */
    for (int64_t i = 0; i < exponent; i++)
        if (__builtin_mul_overflow(v, base, &v)) return false;
    *out = v;
    return true;
}

static waage_status int_binary(render *r, const node *n, int64_t a, int64_t b, tval *out)
{
    int64_t v = 0;
    bool overflow = false;
    if ((n->op == OP_DIV || n->op == OP_FLOORDIV || n->op == OP_MOD) && b == 0)
        return render_fail(r, n->line, "division by zero");
    switch (n->op) {
    case OP_ADD:
        overflow = __builtin_add_overflow(a, b, &v);
        break;
    case OP_SUB:
        overflow = __builtin_sub_overflow(a, b, &v);
        break;
    case OP_MUL:
        overflow = __builtin_mul_overflow(a, b, &v);
        break;
    case OP_DIV:
        *out = tval_float((double)a / (double)b);
        return WAAGE_OK;
    case OP_FLOORDIV:
    case OP_MOD:
        if (b == -1) { /* INT64_MIN / -1 has no result */
            overflow = n->op == OP_FLOORDIV && __builtin_sub_overflow((int64_t)0, a, &v);
            break;
        }
        v = n->op == OP_MOD ? a % b : a / b;
        if (a % b != 0 && (a % b < 0) != (b < 0)) v = n->op == OP_MOD ? v + b : v - 1;
        break;
    case OP_POW:
        if (b < 0) {
            *out = tval_float(pow((double)a, (double)b));
            return WAAGE_OK;
        }
        overflow = !int_power(a, b, &v);
        break;
    default:
        return render_fail(r, n->line, "an operator without a rule");
    }
    if (overflow) return render_fail(r, n->line, "an integer does not fit into 64 bits");
    *out = tval_int(v);
    return WAAGE_OK;
}

static waage_status float_binary(render *r, const node *n, double a, double b, tval *out)
{
    double v, m;
    if ((n->op == OP_DIV || n->op == OP_FLOORDIV || n->op == OP_MOD) && b == 0)
        return render_fail(r, n->line, "division by zero");
    switch (n->op) {
    case OP_ADD:
        v = a + b;
        break;
    case OP_SUB:
        v = a - b;
        break;
    case OP_MUL:
        v = a * b;
        break;
    case OP_DIV:
        v = a / b;
        break;
    case OP_FLOORDIV:
        v = floor(a / b);
        break;
    case OP_MOD:
        m = fmod(a, b);
        v = m != 0 && (m < 0) != (b < 0) ? m + b : m;
        break;
    case OP_POW:
        v = pow(a, b);
        break;
    default:
        return render_fail(r, n->line, "an operator without a rule");
    }
    *out = tval_float(v);
    return WAAGE_OK;
}

static waage_status concat(render *r, uint32_t line, tstr a, tstr b, tval *out)
{
    tbuf buf = TBUF_EMPTY;
    tbuf_put(&buf, a);
    tbuf_put(&buf, b);
    return take_str(r, line, &buf, out);
}

static waage_status repeat(render *r, const node *n, const tval *v, int64_t times, tval *out)
{
    if (times < 0) times = 0;
    if (v->kind == TV_STR) {
        tbuf buf = TBUF_EMPTY;
        size_t total;
        if (!num_mul_size(&total, v->u.str.len, (size_t)times) || total > r->max_output)
            return render_fail(r, n->line, "more than %zu bytes of text", r->max_output);
        for (int64_t i = 0; i < times && v->u.str.len; i++)
            tbuf_put(&buf, v->u.str);
        return take_str(r, n->line, &buf, out);
    }
    tlist *l;
    WAAGE_TRY(tlist_new(r, &l));
    l->tuple = v->u.list->tuple;
    for (int64_t i = 0; i < times && v->u.list->n; i++)
        for (size_t k = 0; k < v->u.list->n; k++) {
            WAAGE_TRY(render_charge(r, n->line, sizeof(tval)));
            WAAGE_TRY(tlist_add(r, l, v->u.list->items[k]));
        }
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

static waage_status join_lists(render *r, const node *n, const tlist *a, const tlist *b, tval *out)
{
    tlist *l;
    WAAGE_TRY(tlist_new(r, &l));
    WAAGE_TRY(render_charge(r, n->line, (a->n + b->n) * sizeof(tval)));
    l->tuple = a->tuple;
    for (size_t i = 0; i < a->n; i++)
        WAAGE_TRY(tlist_add(r, l, a->items[i]));
    for (size_t i = 0; i < b->n; i++)
        WAAGE_TRY(tlist_add(r, l, b->items[i]));
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

waage_status tval_binary(render *r, const node *n, const tval *a, const tval *b, tval *out)
{
    double fa, fb;
    int64_t ia, ib;
    bool inta, intb;

    if (n->op == OP_CONCAT) {
        tstr sa, sb;
        WAAGE_TRY(tval_to_str(r, n->line, a, &sa));
        WAAGE_TRY(tval_to_str(r, n->line, b, &sb));
        return concat(r, n->line, sa, sb, out);
    }
    const bool num_a = number_of(a, &fa, &ia, &inta), num_b = number_of(b, &fb, &ib, &intb);
    if (num_a && num_b)
        return inta && intb ? int_binary(r, n, ia, ib, out) : float_binary(r, n, fa, fb, out);
    if (n->op == OP_ADD && a->kind == TV_STR && b->kind == TV_STR)
        return concat(r, n->line, a->u.str, b->u.str, out);
    if (n->op == OP_ADD && a->kind == TV_LIST && b->kind == TV_LIST &&
        a->u.list->tuple == b->u.list->tuple)
        return join_lists(r, n, a->u.list, b->u.list, out);
    if (n->op == OP_MUL && (a->kind == TV_STR || a->kind == TV_LIST) && intb)
        return repeat(r, n, a, ib, out);
    if (n->op == OP_MUL && (b->kind == TV_STR || b->kind == TV_LIST) && inta)
        return repeat(r, n, b, ia, out);
    if (a->kind == TV_UNDEFINED || b->kind == TV_UNDEFINED)
        return render_fail(r, n->line, "`%s` is undefined",
                           a->kind == TV_UNDEFINED ? a->u.str.s : b->u.str.s);
    return render_fail(r, n->line, "no such operation on %s and %s", tval_kind_name(a),
                       tval_kind_name(b));
}

/* Position of b in a at or after `from`, or SIZE_MAX. */
static size_t find_str(tstr a, tstr b, size_t from)
{
    for (size_t i = from; i + b.len <= a.len; i++)
        if (memcmp(a.s + i, b.s, b.len) == 0) return i;
    return SIZE_MAX;
}

waage_status tval_contains(render *r, uint32_t line, const tval *item, const tval *in, bool *out)
{
    *out = false;
    if (in->kind == TV_STR && item->kind == TV_STR) {
        *out = find_str(in->u.str, item->u.str, 0) != SIZE_MAX;
        return render_charge(r, line, in->u.str.len);
    }
    if (in->kind == TV_LIST) {
        for (size_t i = 0; i < in->u.list->n && !*out; i++)
            *out = tval_equal(item, &in->u.list->items[i]);
        return render_charge(r, line, in->u.list->n * sizeof(tval));
    }
    if (in->kind == TV_MAP) {
        for (size_t i = 0; i < in->u.map->n && !*out; i++)
            *out = tval_equal(item, &in->u.map->pairs[i].key);
        return WAAGE_OK;
    }
    if (in->kind == TV_UNDEFINED && !tval_is_unusable(r, in)) return WAAGE_OK;
    if (in->kind == TV_UNDEFINED) return render_fail(r, line, "`%s` is undefined", in->u.str.s);
    return render_fail(r, line, "`in`: nothing can be in %s", tval_kind_name(in));
}

static bool index_of(int64_t i, size_t n, size_t *at)
{
    if (i < 0) i += (int64_t)n;
    if (i < 0 || (uint64_t)i >= n) return false;
    *at = (size_t)i;
    return true;
}

waage_status tval_item(render *r, uint32_t line, const tval *v, const tval *key, tval *out)
{
    const char *name =
        key->kind == TV_STR ? arena_strndup(r->a, key->u.str.s, key->u.str.len) : "an index";
    size_t at;
    if (!name) return waage_err_nomem(r->err);
    if (v->kind == TV_UNDEFINED)
        return render_fail(r, line, "`%s` is undefined (it is asked for `%s`)", v->u.str.s, name);
    *out = tval_undefined(name);
    if (v->kind == TV_MAP || v->kind == TV_NAMESPACE) {
        for (size_t i = 0; i < v->u.map->n; i++)
            if (tval_equal(&v->u.map->pairs[i].key, key)) *out = v->u.map->pairs[i].val;
    } else if (v->kind == TV_LIST && (key->kind == TV_INT || key->kind == TV_BOOL)) {
        const int64_t i = key->kind == TV_INT ? key->u.i : key->u.b;
        if (index_of(i, v->u.list->n, &at)) *out = v->u.list->items[at];
    } else if (v->kind == TV_STR && key->kind == TV_INT) {
        tlist *chars;
        WAAGE_TRY(tval_items(r, line, v, &chars));
        if (index_of(key->u.i, chars->n, &at)) *out = chars->items[at];
    }
    return WAAGE_OK;
}

/* ---- strings ---- */

/* Should this character go? chars NULL: white space. */
static bool strips(tstr s, size_t at, size_t n, const tstr *chars)
{
    uint32_t cp;
    if (!chars) {
        utf8_decode(s.s + at, n, &cp);
        return unicode_is_space(cp);
    }
    for (size_t i = 0; i < chars->len;) {
        const size_t k = utf8_decode(chars->s + i, chars->len - i, &cp);
        if (k == n && memcmp(chars->s + i, s.s + at, n) == 0) return true;
        i += k;
    }
    return false;
}

static tstr strip(tstr s, const tstr *chars, bool left, bool right)
{
    size_t start = 0, end = s.len;
    uint32_t cp;
    while (left && start < end) {
        const size_t n = utf8_decode(s.s + start, end - start, &cp);
        if (!strips(s, start, n, chars)) break;
        start += n;
    }
    while (right && end > start) {
        size_t at = end - 1;
        while (at > start && ((unsigned char)s.s[at] & 0xc0) == 0x80)
            at--;
        if (!strips(s, at, end - at, chars)) break;
        end = at;
    }
    return tstr_slice(s, start, end);
}

/* strip(), lstrip(), rstrip() and the filter trim; `self` is converted to text. */
static waage_status do_strip(render *r, const call_args *c, const tval *self, bool left, bool right,
                             tval *out)
{
    tstr s;
    if (given(&c->args[0]) && c->args[0].kind != TV_STR && c->args[0].kind != TV_NONE)
        return wrong(r, c, "strip", &c->args[0]);
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    WAAGE_TRY(render_charge(r, c->line, s.len));
    *out = tval_str(strip(s, c->args[0].kind == TV_STR ? &c->args[0].u.str : NULL, left, right));
    return WAAGE_OK;
}

static waage_status filter_trim(render *r, const call_args *c, const tval *self, tval *out)
{
    return do_strip(r, c, self, true, true, out);
}

/* Methods of strings are for strings only. */
static waage_status need_str(render *r, const call_args *c, const tval *v, const char *what)
{
    return v->kind == TV_STR ? WAAGE_OK : wrong(r, c, what, v);
}

static waage_status method_strip(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(need_str(r, c, self, "strip"));
    return do_strip(r, c, self, true, true, out);
}

static waage_status method_lstrip(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(need_str(r, c, self, "lstrip"));
    return do_strip(r, c, self, true, false, out);
}

static waage_status method_rstrip(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(need_str(r, c, self, "rstrip"));
    return do_strip(r, c, self, false, true, out);
}

typedef enum { CASE_LOWER, CASE_UPPER, CASE_CAPITAL, CASE_TITLE } case_kind;

static waage_status put_case(render *r, const call_args *c, tstr s, case_kind kind, tval *out)
{
    tbuf b = TBUF_EMPTY;
    bool start = true; /* of the text, or of a word for CASE_TITLE */
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        char buf[4];
        const size_t n = utf8_decode(s.s + i, s.len - i, &cp);
        const bool upper = kind == CASE_UPPER || (kind != CASE_LOWER && start);
        const bool data = s.mask ? s.mask[i] != 0 : s.data;
        start = kind == CASE_TITLE && !unicode_is_alpha(cp);
        if (cp == 0xdf && upper) { /* one character becomes two */
            tbuf_put(&b, (tstr){kind == CASE_UPPER ? "SS" : "Ss", 2, NULL, data});
        } else {
            const uint32_t mapped = upper ? unicode_upper(cp) : unicode_lower(cp);
            tbuf_put(&b, (tstr){buf, utf8_encode(mapped, buf), NULL, data});
        }
        i += n;
    }
    return take_str(r, c->line, &b, out);
}

static waage_status case_filter(render *r, const call_args *c, const tval *self, case_kind kind,
                                tval *out)
{
    tstr s;
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    return put_case(r, c, s, kind, out);
}

static waage_status case_method(render *r, const call_args *c, const tval *self, case_kind kind,
                                tval *out)
{
    WAAGE_TRY(need_str(r, c, self, "case methods"));
    return put_case(r, c, self->u.str, kind, out);
}

#define CASE_PAIR(name, kind)                                                                      \
    static waage_status filter_##name(render *r, const call_args *c, const tval *self, tval *out)  \
    {                                                                                              \
        return case_filter(r, c, self, kind, out);                                                 \
    }                                                                                              \
    static waage_status method_##name(render *r, const call_args *c, const tval *self, tval *out)  \
    {                                                                                              \
        return case_method(r, c, self, kind, out);                                                 \
    }
CASE_PAIR(lower, CASE_LOWER)
CASE_PAIR(upper, CASE_UPPER)
CASE_PAIR(capitalize, CASE_CAPITAL)
CASE_PAIR(title, CASE_TITLE)

static waage_status replace_text(render *r, const call_args *c, tstr s, tstr from, tstr to,
                                 int64_t count, tval *out)
{
    tbuf b = TBUF_EMPTY;
    size_t pos = 0;
    while (count != 0) {
        size_t at = find_str(s, from, pos);
        if (at == SIZE_MAX) break;
        if (from.len == 0) { /* between all characters, as Python does */
            tbuf_put(&b, to);
            if (pos >= s.len) {
                pos = s.len;
                count = 0;
                break;
            }
            uint32_t cp;
            at = pos + utf8_decode(s.s + pos, s.len - pos, &cp);
            tbuf_put(&b, tstr_slice(s, pos, at));
            pos = at;
        } else {
            tbuf_put(&b, tstr_slice(s, pos, at));
            tbuf_put(&b, to);
            pos = at + from.len;
        }
        if (b.text.len > r->max_output) break;
        if (count > 0) count--;
    }
    if (pos < s.len) tbuf_put(&b, tstr_slice(s, pos, s.len));
    return take_str(r, c->line, &b, out);
}

static waage_status do_replace(render *r, const call_args *c, const tval *self, tval *out)
{
    tstr s, from, to;
    int64_t count = -1;
    if (given(&c->args[2]) && c->args[2].kind != TV_NONE) {
        if (c->args[2].kind != TV_INT) return wrong(r, c, "replace", &c->args[2]);
        count = c->args[2].u.i;
    }
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    WAAGE_TRY(tval_to_str(r, c->line, &c->args[0], &from));
    WAAGE_TRY(tval_to_str(r, c->line, &c->args[1], &to));
    return replace_text(r, c, s, from, to, count, out);
}

static waage_status method_replace(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(need_str(r, c, self, "replace"));
    WAAGE_TRY(need_str(r, c, &c->args[0], "replace"));
    WAAGE_TRY(need_str(r, c, &c->args[1], "replace"));
    return do_replace(r, c, self, out);
}

static waage_status add_piece(render *r, uint32_t line, tlist *l, tstr s)
{
    WAAGE_TRY(render_charge(r, line, s.len));
    return tlist_add(r, l, tval_str(s));
}

static waage_status split_blank(render *r, uint32_t line, tstr s, int64_t max, tlist *l)
{
    for (;;) {
        s = strip(s, NULL, true, false);
        if (s.len == 0) return WAAGE_OK;
        if (max >= 0 && l->n == (size_t)max)
            return add_piece(r, line, l, strip(s, NULL, false, true));
        size_t end = 0;
        while (end < s.len) {
            uint32_t cp;
            const size_t n = utf8_decode(s.s + end, s.len - end, &cp);
            if (unicode_is_space(cp)) break;
            end += n;
        }
        WAAGE_TRY(add_piece(r, line, l, tstr_slice(s, 0, end)));
        s = tstr_slice(s, end, s.len);
    }
}

static waage_status method_split(render *r, const call_args *c, const tval *self, tval *out)
{
    int64_t max = -1;
    tlist *l;
    WAAGE_TRY(need_str(r, c, self, "split"));
    if (given(&c->args[1]) && c->args[1].kind != TV_INT) return wrong(r, c, "split", &c->args[1]);
    if (given(&c->args[1])) max = c->args[1].u.i;
    WAAGE_TRY(tlist_new(r, &l));
    *out = (tval){.kind = TV_LIST, .u.list = l};
    if (!given(&c->args[0]) || c->args[0].kind == TV_NONE)
        return split_blank(r, c->line, self->u.str, max, l);
    WAAGE_TRY(need_str(r, c, &c->args[0], "split"));
    const tstr s = self->u.str, sep = c->args[0].u.str;
    if (sep.len == 0) return render_fail(r, c->line, "split: the separator is empty");
    size_t pos = 0, at;
    while ((max < 0 || l->n < (size_t)max) && (at = find_str(s, sep, pos)) != SIZE_MAX) {
        WAAGE_TRY(add_piece(r, c->line, l, tstr_slice(s, pos, at)));
        pos = at + sep.len;
    }
    return add_piece(r, c->line, l, tstr_slice(s, pos, s.len));
}

static waage_status method_splitlines(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *l;
    size_t pos = 0;
    WAAGE_TRY(need_str(r, c, self, "splitlines"));
    WAAGE_TRY(tlist_new(r, &l));
    *out = (tval){.kind = TV_LIST, .u.list = l};
    const tstr s = self->u.str;
    for (size_t i = 0; i < s.len; i++) {
        if (s.s[i] != '\n' && s.s[i] != '\r') continue;
        WAAGE_TRY(add_piece(r, c->line, l, tstr_slice(s, pos, i)));
        if (s.s[i] == '\r' && i + 1 < s.len && s.s[i + 1] == '\n') i++;
        pos = i + 1;
    }
    return pos < s.len ? add_piece(r, c->line, l, tstr_slice(s, pos, s.len)) : WAAGE_OK;
}

/* startswith and endswith: one string or a list of them. */
static waage_status affix(render *r, const call_args *c, const tval *self, bool end, tval *out)
{
    WAAGE_TRY(need_str(r, c, self, "startswith/endswith"));
    const tval *want = &c->args[0];
    const size_t n = want->kind == TV_LIST ? want->u.list->n : 1;
    bool found = false;
    for (size_t i = 0; i < n && !found; i++) {
        const tval *w = want->kind == TV_LIST ? &want->u.list->items[i] : want;
        WAAGE_TRY(need_str(r, c, w, "startswith/endswith"));
        const tstr s = self->u.str, x = w->u.str;
        found = x.len <= s.len && memcmp(end ? s.s + s.len - x.len : s.s, x.s, x.len) == 0;
    }
    *out = tval_bool(found);
    return WAAGE_OK;
}

static waage_status method_startswith(render *r, const call_args *c, const tval *self, tval *out)
{
    return affix(r, c, self, false, out);
}

static waage_status method_endswith(render *r, const call_args *c, const tval *self, tval *out)
{
    return affix(r, c, self, true, out);
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
    if (st == WAAGE_OK) return take_str(r, c->line, &b, out);
    tbuf_free(&b);
    return st;
}

static waage_status method_join(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items;
    WAAGE_TRY(need_str(r, c, self, "join"));
    WAAGE_TRY(tval_items(r, c->line, &c->args[0], &items));
    for (size_t i = 0; i < items->n; i++)
        WAAGE_TRY(need_str(r, c, &items->items[i], "join"));
    return join_items(r, c, items, self->u.str, out);
}

/* Members by attribute name: what map(attribute=), join(attribute=) and selectattr look at. */
static waage_status member(render *r, uint32_t line, const tval *v, const tval *attr, tval *out)
{
    tstr path = attr->u.str;
    *out = *v;
    if (attr->kind != TV_STR) return tval_item(r, line, v, attr, out);
    for (;;) {
        const size_t dot = find_str(path, (tstr){".", 1, NULL, false}, 0);
        const tval key = tval_str(tstr_slice(path, 0, dot == SIZE_MAX ? path.len : dot));
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
    if (given(&c->args[0])) WAAGE_TRY(tval_to_str(r, c->line, &c->args[0], &sep));
    if (given(&c->args[1]) && c->args[1].kind != TV_NONE) {
        WAAGE_TRY(tlist_new(r, &members));
        for (size_t i = 0; i < items->n; i++) {
            tval v;
            WAAGE_TRY(member(r, c->line, &items->items[i], &c->args[1], &v));
            WAAGE_TRY(tlist_add(r, members, v));
        }
        items = members;
    }
    return join_items(r, c, items, sep, out);
}

/* Characters in front of byte `at`. */
static int64_t chars_before(tstr s, size_t at)
{
    return (int64_t)utf8_count(s.s, at);
}

static waage_status method_find(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(need_str(r, c, self, "find"));
    WAAGE_TRY(need_str(r, c, &c->args[0], "find"));
    const size_t at = find_str(self->u.str, c->args[0].u.str, 0);
    *out = tval_int(at == SIZE_MAX ? -1 : chars_before(self->u.str, at));
    return WAAGE_OK;
}

static waage_status method_index(render *r, const call_args *c, const tval *self, tval *out)
{
    if (self->kind == TV_STR) {
        WAAGE_TRY(method_find(r, c, self, out));
        return out->u.i >= 0 ? WAAGE_OK
                             : render_fail(r, c->line, "index: the text is not in there");
    }
    if (self->kind != TV_LIST) return wrong(r, c, "index", self);
    for (size_t i = 0; i < self->u.list->n; i++) {
        if (!tval_equal(&self->u.list->items[i], &c->args[0])) continue;
        *out = tval_int((int64_t)i);
        return WAAGE_OK;
    }
    return render_fail(r, c->line, "index: the value is not in the list");
}

static waage_status method_count(render *r, const call_args *c, const tval *self, tval *out)
{
    int64_t n = 0;
    if (self->kind == TV_LIST) {
        for (size_t i = 0; i < self->u.list->n; i++)
            n += tval_equal(&self->u.list->items[i], &c->args[0]);
    } else {
        WAAGE_TRY(need_str(r, c, self, "count"));
        WAAGE_TRY(need_str(r, c, &c->args[0], "count"));
        const tstr s = self->u.str, x = c->args[0].u.str;
        if (x.len == 0) n = chars_before(s, s.len) + 1;
        for (size_t at = 0; x.len && (at = find_str(s, x, at)) != SIZE_MAX; at += x.len)
            n++;
    }
    *out = tval_int(n);
    return WAAGE_OK;
}

static waage_status method_isdigit(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(need_str(r, c, self, "isdigit"));
    bool all = self->u.str.len > 0;
    for (size_t i = 0; i < self->u.str.len && all;) {
        uint32_t cp;
        i += utf8_decode(self->u.str.s + i, self->u.str.len - i, &cp);
        all = unicode_is_digit(cp);
    }
    *out = tval_bool(all);
    return WAAGE_OK;
}

/* ---- maps ---- */

static waage_status map_members(render *r, const call_args *c, const tval *self, bool keys,
                                bool values, tval *out)
{
    tlist *l;
    if (self->kind != TV_MAP) return wrong(r, c, "items/keys/values", self);
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
    if (self->kind != TV_MAP) return wrong(r, c, "get", self);
    WAAGE_TRY(tval_item(r, c->line, self, &c->args[0], out));
    if (out->kind == TV_UNDEFINED) *out = given(&c->args[1]) ? c->args[1] : tval_none();
    return WAAGE_OK;
}

static waage_status method_cycle(render *r, const call_args *c, const tval *self, tval *out)
{
    if (self->kind != TV_LOOP) return wrong(r, c, "cycle", self);
    *out = c->args[self->u.loop->index0 % c->n];
    return WAAGE_OK;
}

/* ---- filters ---- */

static waage_status filter_length(render *r, const call_args *c, const tval *self, tval *out)
{
    bool ok;
    const size_t n = tval_length(self, &ok);
    if (!ok || (tval_is_unusable(r, self))) return wrong(r, c, "length", self);
    *out = tval_int((int64_t)n);
    return WAAGE_OK;
}

static waage_status filter_string(render *r, const call_args *c, const tval *self, tval *out)
{
    tstr s;
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    *out = tval_str(s);
    return WAAGE_OK;
}

/* A Python number literal with blanks around it; false when it is none. */
static bool parse_number(render *r, tstr s, bool integer, int64_t *i, double *f)
{
    const tstr t = strip(s, NULL, true, true);
    char *end, *text = arena_strndup(r->a, t.s, t.len);
    if (!text || !*text || strpbrk(text, "xXpPnN") || strlen(text) != t.len) return false;
    errno = 0;
    if (integer)
        *i = strtoll(text, &end, 10);
    else
        *f = strtod(text, &end);
    return *end == '\0' && end != text && errno != ERANGE;
}

static waage_status filter_int(render *r, const call_args *c, const tval *self, tval *out)
{
    double f = 0;
    int64_t i;
    if (given(&c->args[1]) && (c->args[1].kind != TV_INT || c->args[1].u.i != 10))
        return render_fail(r, c->line, "int: only base 10 is supported");
    *out = given(&c->args[0]) ? c->args[0] : tval_int(0);
    if (self->kind == TV_UNDEFINED)
        return tval_is_unusable(r, self) ? wrong(r, c, "int", self) : WAAGE_OK;
    if (self->kind == TV_INT || self->kind == TV_BOOL) {
        *out = tval_int(self->kind == TV_INT ? self->u.i : self->u.b);
        return WAAGE_OK;
    }
    if (self->kind == TV_STR && parse_number(r, self->u.str, true, &i, &f)) {
        *out = tval_int(i);
        return WAAGE_OK;
    }
    if (self->kind == TV_FLOAT)
        f = self->u.f;
    else if (self->kind != TV_STR || !parse_number(r, self->u.str, false, &i, &f))
        return WAAGE_OK;
    if (f > -9e18 && f < 9e18) *out = tval_int((int64_t)f);
    return WAAGE_OK;
}

static waage_status filter_float(render *r, const call_args *c, const tval *self, tval *out)
{
    double f;
    int64_t i;
    bool is_int;
    *out = given(&c->args[0]) ? c->args[0] : tval_float(0);
    if (self->kind == TV_UNDEFINED)
        return tval_is_unusable(r, self) ? wrong(r, c, "float", self) : WAAGE_OK;
    if (number_of(self, &f, &i, &is_int) ||
        (self->kind == TV_STR && parse_number(r, self->u.str, false, &i, &f)))
        *out = tval_float(f);
    return WAAGE_OK;
}

static waage_status filter_abs(render *r, const call_args *c, const tval *self, tval *out)
{
    *out = *self;
    if (self->kind == TV_INT && self->u.i != INT64_MIN)
        out->u.i = self->u.i < 0 ? -self->u.i : self->u.i;
    else if (self->kind == TV_FLOAT)
        out->u.f = fabs(self->u.f);
    else
        return wrong(r, c, "abs", self);
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

static waage_status filter_reverse(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items, *back;
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    WAAGE_TRY(tlist_new(r, &back));
    for (size_t i = items->n; i-- > 0;)
        WAAGE_TRY(tlist_add(r, back, items->items[i]));
    *out = (tval){.kind = TV_LIST, .u.list = back};
    if (self->kind == TV_STR) return join_items(r, c, back, (tstr){"", 0, NULL, false}, out);
    return WAAGE_OK;
}

static waage_status filter_default(render *r, const call_args *c, const tval *self, tval *out)
{
    const bool boolean = given(&c->args[1]) && tval_truth(&c->args[1]);
    const bool replace = self->kind == TV_UNDEFINED || (boolean && !tval_truth(self));
    *out = !replace ? *self : given(&c->args[0]) ? c->args[0] : tval_text("", 0);
    (void)r;
    return WAAGE_OK;
}

static waage_status filter_items(render *r, const call_args *c, const tval *self, tval *out)
{
    if (self->kind != TV_UNDEFINED) return map_members(r, c, self, true, true, out);
    tlist *l;
    WAAGE_TRY(tlist_new(r, &l));
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

static waage_status filter_tojson(render *r, const call_args *c, const tval *self, tval *out)
{
    const bool html = r->t->opt.html_json;
    json_style st = {-1, html, html, html, ", ", ": "};
    tbuf b = TBUF_EMPTY;
    if (c->args[0].kind == TV_INT) {
        if (c->args[0].u.i < 0 || c->args[0].u.i > 32)
            return render_fail(r, c->line, "tojson: indent is not in 0..32");
        st.indent = (int)c->args[0].u.i;
        st.item_sep = ",";
    } else if (given(&c->args[0]) && c->args[0].kind != TV_NONE) {
        return wrong(r, c, "tojson: indent", &c->args[0]);
    }
    if (given(&c->args[1])) st.ascii = tval_truth(&c->args[1]);
    if (given(&c->args[2])) st.sort = tval_truth(&c->args[2]);
    const waage_status status = tval_put_json(r, c->line, self, &st, 0, &b);
    if (status == WAAGE_OK) return take_str(r, c->line, &b, out);
    tbuf_free(&b);
    return status;
}

static waage_status filter_safe(render *r, const call_args *c, const tval *self, tval *out)
{
    return filter_string(r, c, self, out);
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

static waage_status filter_map(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *items, *mapped;
    const callee *fn = NULL;
    const tval *attribute = &c->args[4];
    const bool by_attribute = given(attribute);
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    WAAGE_TRY(tlist_new(r, &mapped));
    const call_args rest = shift(c, 1);
    size_t n = 0;
    while (n < 3 && given(&c->args[1 + n]))
        n++;
    if (!by_attribute) WAAGE_TRY(named_callee(r, c, CALL_FILTER, &c->args[0], n, &fn));
    for (size_t i = 0; i < items->n; i++) {
        tval v;
        if (by_attribute)
            WAAGE_TRY(member(r, c->line, &items->items[i], attribute, &v));
        else
            WAAGE_TRY(fn->run(r, &rest, &items->items[i], &v));
        if (by_attribute && v.kind == TV_UNDEFINED && given(&c->args[5])) v = c->args[5];
        WAAGE_TRY(tlist_add(r, mapped, v));
    }
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
    WAAGE_TRY(tval_items(r, c->line, self, &items));
    WAAGE_TRY(tlist_new(r, &picked));
    const call_args rest = shift(c, at + 1);
    if (given(&c->args[at]))
        WAAGE_TRY(named_callee(r, c, CALL_TEST, &c->args[at], given(&rest.args[0]) ? 1 : 0, &fn));
    for (size_t i = 0; i < items->n; i++) {
        tval v = items->items[i], holds;
        if (attr) WAAGE_TRY(member(r, c->line, &items->items[i], &c->args[0], &v));
        holds = tval_bool(tval_truth(&v));
        if (fn) WAAGE_TRY(fn->run(r, &rest, &v, &holds));
        if (holds.u.b == keep) WAAGE_TRY(tlist_add(r, picked, items->items[i]));
    }
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

/* ---- tests ---- */

#define TEST(name, expression)                                                                     \
    static waage_status test_##name(render *r, const call_args *c, const tval *v, tval *out)       \
    {                                                                                              \
        (void)r;                                                                                   \
        (void)c;                                                                                   \
        *out = tval_bool(expression);                                                              \
        return WAAGE_OK;                                                                           \
    }
TEST(defined, v->kind != TV_UNDEFINED)
TEST(undefined, v->kind == TV_UNDEFINED)
TEST(none, v->kind == TV_NONE)
TEST(boolean, v->kind == TV_BOOL)
TEST(true, v->kind == TV_BOOL && v->u.b)
TEST(false, v->kind == TV_BOOL && !v->u.b)
TEST(integer, v->kind == TV_INT)
TEST(float, v->kind == TV_FLOAT)
TEST(number, v->kind == TV_INT || v->kind == TV_FLOAT || v->kind == TV_BOOL)
TEST(string, v->kind == TV_STR)
TEST(mapping, v->kind == TV_MAP)
TEST(iterable,
     v->kind == TV_STR || v->kind == TV_LIST || v->kind == TV_MAP || v->kind == TV_UNDEFINED)
TEST(sequence,
     v->kind == TV_STR || v->kind == TV_LIST || v->kind == TV_MAP || v->kind == TV_UNDEFINED)
TEST(eq, tval_equal(v, &c->args[0]))
TEST(ne, !tval_equal(v, &c->args[0]))

static waage_status order_test(render *r, const call_args *c, const tval *v, int sign, bool equal,
                               tval *out)
{
    int order;
    if (!tval_order(v, &c->args[0], &order)) return wrong(r, c, "comparison", v);
    *out = tval_bool(order == sign || (equal && order == 0));
    return WAAGE_OK;
}

static waage_status test_lt(render *r, const call_args *c, const tval *v, tval *out)
{
    return order_test(r, c, v, -1, false, out);
}

static waage_status test_le(render *r, const call_args *c, const tval *v, tval *out)
{
    return order_test(r, c, v, -1, true, out);
}

static waage_status test_gt(render *r, const call_args *c, const tval *v, tval *out)
{
    return order_test(r, c, v, 1, false, out);
}

static waage_status test_ge(render *r, const call_args *c, const tval *v, tval *out)
{
    return order_test(r, c, v, 1, true, out);
}

static waage_status test_in(render *r, const call_args *c, const tval *v, tval *out)
{
    bool in;
    WAAGE_TRY(tval_contains(r, c->line, v, &c->args[0], &in));
    *out = tval_bool(in);
    return WAAGE_OK;
}

static waage_status remainder_test(render *r, const call_args *c, const tval *v, int64_t by,
                                   int64_t want, tval *out)
{
    if (v->kind != TV_INT) return wrong(r, c, "odd/even/divisibleby", v);
    if (by == 0) return render_fail(r, c->line, "division by zero");
    *out = tval_bool(by == -1 ? want == 0 : v->u.i % by == want || v->u.i % by == -want);
    return WAAGE_OK;
}

static waage_status test_odd(render *r, const call_args *c, const tval *v, tval *out)
{
    return remainder_test(r, c, v, 2, 1, out);
}

static waage_status test_even(render *r, const call_args *c, const tval *v, tval *out)
{
    return remainder_test(r, c, v, 2, 0, out);
}

static waage_status test_divisibleby(render *r, const call_args *c, const tval *v, tval *out)
{
    if (c->args[0].kind != TV_INT) return wrong(r, c, "divisibleby", &c->args[0]);
    return remainder_test(r, c, v, c->args[0].u.i, 0, out);
}

/* ---- functions ---- */

static waage_status function_range(render *r, const call_args *c, const tval *self, tval *out)
{
    int64_t v[3] = {0, 0, 1};
    tlist *l;
    (void)self;
    for (size_t i = 0; i < c->n; i++) {
        if (c->args[i].kind != TV_INT) return wrong(r, c, "range", &c->args[i]);
        v[i] = c->args[i].u.i;
    }
    const int64_t start = c->n == 1 ? 0 : v[0], stop = c->n == 1 ? v[0] : v[1], step = v[2];
    if (step == 0) return render_fail(r, c->line, "range: the step is 0");
    WAAGE_TRY(tlist_new(r, &l));
    for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
        WAAGE_TRY(render_charge(r, c->line, sizeof(tval)));
        WAAGE_TRY(tlist_add(r, l, tval_int(i)));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

static waage_status keyword_map(render *r, const call_args *c, tv_kind kind, tval *out)
{
    tmap *m;
    WAAGE_TRY(tmap_new(r, &m));
    for (size_t i = 0; i < c->n; i++) {
        if (!c->names[i]) return render_fail(r, c->line, "only arguments with a keyword here");
        WAAGE_TRY(tmap_set(r, m, tval_text(c->names[i], strlen(c->names[i])), c->args[i]));
    }
    *out = (tval){.kind = kind, .u.map = m};
    return WAAGE_OK;
}

static waage_status function_namespace(render *r, const call_args *c, const tval *self, tval *out)
{
    (void)self;
    return keyword_map(r, c, TV_NAMESPACE, out);
}

static waage_status function_dict(render *r, const call_args *c, const tval *self, tval *out)
{
    (void)self;
    return keyword_map(r, c, TV_MAP, out);
}

static waage_status function_raise(render *r, const call_args *c, const tval *self, tval *out)
{
    tstr s;
    (void)self;
    (void)out;
    WAAGE_TRY(tval_to_str(r, c->line, &c->args[0], &s));
    return render_fail(r, c->line, "the template says: %.*s", (int)(s.len < 400 ? s.len : 400),
                       s.s);
}

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

/* Sakamoto's method. */
static int weekday(int y, int m, int d)
{
    static const int t[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    if (m < 3) y--;
    return (y + y / 4 - y / 100 + y / 400 + t[m - 1] + d) % 7;
}

/* One letter of a strftime format, in the C locale, at midnight of the date. False: not supported.
 */
static bool put_date(strbuf *b, char letter, int y, int m, int d)
{
    switch (letter) {
    case 'Y':
        strbuf_printf(b, "%04d", y);
        return true;
    case 'y':
        strbuf_printf(b, "%02d", y % 100);
        return true;
    case 'm':
        strbuf_printf(b, "%02d", m);
        return true;
    case 'd':
        strbuf_printf(b, "%02d", d);
        return true;
    case 'e':
        strbuf_printf(b, "%2d", d);
        return true;
    case 'B':
        strbuf_puts(b, months[m - 1]);
        return true;
    case 'b':
    case 'h':
        strbuf_put(b, months[m - 1], 3);
        return true;
    case 'A':
        strbuf_puts(b, days[weekday(y, m, d)]);
        return true;
    case 'a':
        strbuf_put(b, days[weekday(y, m, d)], 3);
        return true;
    case 'F':
        strbuf_printf(b, "%04d-%02d-%02d", y, m, d);
        return true;
    case 'H':
    case 'M':
    case 'S':
        strbuf_puts(b, "00");
        return true;
    case 'T':
        strbuf_puts(b, "00:00:00");
        return true;
    case '%':
        strbuf_putc(b, '%');
        return true;
    default:
        return false;
    }
}

static waage_status function_strftime(render *r, const call_args *c, const tval *self, tval *out)
{
    int y, m, d;
    strbuf b = STRBUF_EMPTY;
    (void)self;
    if (c->args[0].kind != TV_STR) return wrong(r, c, "strftime_now", &c->args[0]);
    if (strlen(r->date) != 10 || sscanf(r->date, "%4d-%2d-%2d", &y, &m, &d) != 3 || m < 1 ||
        m > 12 || d < 1 || d > 31 || y < 1)
        return render_fail(r, c->line, "the date `%s` is not of the form YYYY-MM-DD", r->date);
    const tstr f = c->args[0].u.str;
    for (size_t i = 0; i < f.len; i++) {
        if (f.s[i] != '%' || i + 1 == f.len) {
            strbuf_putc(&b, f.s[i]);
        } else if (!put_date(&b, f.s[++i], y, m, d)) {
            strbuf_free(&b);
            return render_fail(r, c->line, "strftime_now: %%%c is not supported", f.s[i]);
        }
    }
    const char *s = b.failed ? NULL : arena_strndup(r->a, strbuf_str(&b), b.len);
    *out = tval_text(s, b.len);
    strbuf_free(&b);
    return s ? WAAGE_OK : waage_err_nomem(r->err);
}

/* ---- the table ---- */

// clang-format off
static const callee callees[] = {
    {CALL_FILTER, "abs", 0, 0, "", filter_abs},
    {CALL_FILTER, "capitalize", 0, 0, "", filter_capitalize},
    {CALL_FILTER, "count", 0, 0, "", filter_length},
    {CALL_FILTER, "d", 0, 2, "default_value boolean", filter_default},
    {CALL_FILTER, "default", 0, 2, "default_value boolean", filter_default},
    {CALL_FILTER, "first", 0, 0, "", filter_first},
    {CALL_FILTER, "float", 0, 1, "default", filter_float},
    {CALL_FILTER, "int", 0, 2, "default base", filter_int},
    {CALL_FILTER, "items", 0, 0, "", filter_items},
    {CALL_FILTER, "join", 0, 2, "d attribute", filter_join},
    {CALL_FILTER, "last", 0, 0, "", filter_last},
    {CALL_FILTER, "length", 0, 0, "", filter_length},
    {CALL_FILTER, "list", 0, 0, "", filter_list},
    {CALL_FILTER, "lower", 0, 0, "", filter_lower},
    {CALL_FILTER, "map", 1, 6, "- - - - attribute default", filter_map},
    {CALL_FILTER, "reject", 0, 2, "- -", filter_reject},
    {CALL_FILTER, "rejectattr", 1, 3, "- - -", filter_rejectattr},
    {CALL_FILTER, "replace", 2, 3, "old new count", do_replace},
    {CALL_FILTER, "reverse", 0, 0, "", filter_reverse},
    {CALL_FILTER, "safe", 0, 0, "", filter_safe},
    {CALL_FILTER, "select", 0, 2, "- -", filter_select},
    {CALL_FILTER, "selectattr", 1, 3, "- - -", filter_selectattr},
    {CALL_FILTER, "string", 0, 0, "", filter_string},
    {CALL_FILTER, "title", 0, 0, "", filter_title},
    {CALL_FILTER, "tojson", 0, 3, "indent ensure_ascii sort_keys", filter_tojson},
    {CALL_FILTER, "trim", 0, 1, "chars", filter_trim},
    {CALL_FILTER, "upper", 0, 0, "", filter_upper},
    {CALL_TEST, "!=", 1, 1, "other", test_ne},
    {CALL_TEST, "<", 1, 1, "other", test_lt},
    {CALL_TEST, "<=", 1, 1, "other", test_le},
    {CALL_TEST, "==", 1, 1, "other", test_eq},
    {CALL_TEST, ">", 1, 1, "other", test_gt},
    {CALL_TEST, ">=", 1, 1, "other", test_ge},
    {CALL_TEST, "boolean", 0, 0, "", test_boolean},
    {CALL_TEST, "defined", 0, 0, "", test_defined},
    {CALL_TEST, "divisibleby", 1, 1, "num", test_divisibleby},
    {CALL_TEST, "eq", 1, 1, "other", test_eq},
    {CALL_TEST, "equalto", 1, 1, "other", test_eq},
    {CALL_TEST, "even", 0, 0, "", test_even},
    {CALL_TEST, "false", 0, 0, "", test_false},
    {CALL_TEST, "float", 0, 0, "", test_float},
    {CALL_TEST, "ge", 1, 1, "other", test_ge},
    {CALL_TEST, "greaterthan", 1, 1, "other", test_gt},
    {CALL_TEST, "gt", 1, 1, "other", test_gt},
    {CALL_TEST, "in", 1, 1, "seq", test_in},
    {CALL_TEST, "integer", 0, 0, "", test_integer},
    {CALL_TEST, "iterable", 0, 0, "", test_iterable},
    {CALL_TEST, "le", 1, 1, "other", test_le},
    {CALL_TEST, "lessthan", 1, 1, "other", test_lt},
    {CALL_TEST, "lt", 1, 1, "other", test_lt},
    {CALL_TEST, "mapping", 0, 0, "", test_mapping},
    {CALL_TEST, "ne", 1, 1, "other", test_ne},
    {CALL_TEST, "none", 0, 0, "", test_none},
    {CALL_TEST, "number", 0, 0, "", test_number},
    {CALL_TEST, "odd", 0, 0, "", test_odd},
    {CALL_TEST, "sequence", 0, 0, "", test_sequence},
    {CALL_TEST, "string", 0, 0, "", test_string},
    {CALL_TEST, "true", 0, 0, "", test_true},
    {CALL_TEST, "undefined", 0, 0, "", test_undefined},
    {CALL_METHOD, "capitalize", 0, 0, "", method_capitalize},
    {CALL_METHOD, "count", 1, 1, "-", method_count},
    {CALL_METHOD, "cycle", 1, 8, "- - - - - - - -", method_cycle},
    {CALL_METHOD, "endswith", 1, 1, "-", method_endswith},
    {CALL_METHOD, "find", 1, 1, "-", method_find},
    {CALL_METHOD, "get", 1, 2, "- -", method_get},
    {CALL_METHOD, "index", 1, 1, "-", method_index},
    {CALL_METHOD, "isdigit", 0, 0, "", method_isdigit},
    {CALL_METHOD, "items", 0, 0, "", method_items},
    {CALL_METHOD, "join", 1, 1, "-", method_join},
    {CALL_METHOD, "keys", 0, 0, "", method_keys},
    {CALL_METHOD, "lower", 0, 0, "", method_lower},
    {CALL_METHOD, "lstrip", 0, 1, "-", method_lstrip},
    {CALL_METHOD, "replace", 2, 3, "- - count", method_replace},
    {CALL_METHOD, "rstrip", 0, 1, "-", method_rstrip},
    {CALL_METHOD, "split", 0, 2, "sep maxsplit", method_split},
    {CALL_METHOD, "splitlines", 0, 0, "", method_splitlines},
    {CALL_METHOD, "startswith", 1, 1, "-", method_startswith},
    {CALL_METHOD, "strip", 0, 1, "-", method_strip},
    {CALL_METHOD, "title", 0, 0, "", method_title},
    {CALL_METHOD, "upper", 0, 0, "", method_upper},
    {CALL_METHOD, "values", 0, 0, "", method_values},
    {CALL_FUNCTION, "dict", 0, 32, "**", function_dict},
    {CALL_FUNCTION, "namespace", 0, 32, "**", function_namespace},
    {CALL_FUNCTION, "raise_exception", 1, 1, "message", function_raise},
    {CALL_FUNCTION, "range", 1, 3, "- - -", function_range},
    {CALL_FUNCTION, "strftime_now", 1, 1, "format", function_strftime},
};
// clang-format on

const callee *callee_find(call_kind kind, const char *name)
{
    for (size_t i = 0; i < sizeof callees / sizeof *callees; i++)
        if (callees[i].kind == kind && strcmp(callees[i].name, name) == 0) return &callees[i];
    return NULL;
}

bool callee_is_map_method(const char *name)
{
    static const char *const methods[] = {"clear",      "copy",   "fromkeys", "get",
                                          "items",      "keys",   "pop",      "popitem",
                                          "setdefault", "update", "values"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(name, methods[i]) == 0) return true;
    return false;
}

int callee_param(const callee *c, const char *keyword)
{
    const size_t n = strlen(keyword);
    int at = 0;
    for (const char *p = c->params; *p; at++) {
        const size_t len = strcspn(p, " ");
        if (len == n && memcmp(p, keyword, n) == 0 && *p != '-') return at;
        p += len;
        while (*p == ' ')
            p++;
    }
    return -1;
}

waage_status callee_run(render *r, frame *f, const node *call, const tval *self, tval *out)
{
    const callee *fn = call->fn;
    const bool any = strcmp(fn->params, "**") == 0;
    const size_t room = (size_t)fn->max_args + 3; /* readers may look at absent ones */
    tval *args = arena_calloc(r->a, room, sizeof *args);
    if (!args) return waage_err_nomem(r->err);
    for (size_t i = 0; i < room; i++)
        args[i] = tval_undefined("an argument");
    for (size_t i = 0; i < call->n_kids; i++) {
        const char *keyword = call->names[i];
        const size_t at = keyword && !any ? (size_t)callee_param(fn, keyword) : i;
        WAAGE_TRY(render_eval(r, f, call->kids[i], &args[at]));
    }
    const call_args c = {call->line, args, call->n_kids, call->names};
    return fn->run(r, &c, self, out);
}
