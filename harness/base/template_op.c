/* template_op.c - the operators: arithmetic, joining and repeating, `in`, and subscripts. Integers
 * have 64 bits, and a result that does not fit is an error; division and modulo round as Python's.
 */
#include "harness/base/template_impl.h"

#include <math.h>
#include <string.h>
#include "harness/base/num.h"

bool tval_number(const tval *v, double *f, int64_t *i, bool *is_int)
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
    return tbuf_take_value(r, line, &buf, out);
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
        return tbuf_take_value(r, n->line, &buf, out);
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

/* Text joined to text that is held for HTML is escaped by Jinja2. Where that changes nothing, so be
 * it; a prompt with escapes in it is nobody's wish. */
static waage_status check_html(render *r, const node *n, const tval *a, const tval *b)
{
    static const char special[] = "<>&'\"";
    const tval *const other[] = {b, a}, *const held[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        tstr s;
        if (held[i]->kind != TV_STR || !held[i]->html ||
            (other[i]->kind == TV_STR && other[i]->html))
            continue;
        WAAGE_TRY(tval_to_str(r, n->line, other[i], &s));
        for (size_t k = 0; k < s.len; k++)
            if (memchr(special, s.s[k], sizeof special - 1))
                return waage_err_set(r->err, WAAGE_EUNSUPPORTED,
                                     "%s:%u: text joined to `safe` text would be escaped as HTML, "
                                     "which is not supported",
                                     r->t->name, n->line);
    }
    return WAAGE_OK;
}

static waage_status binary(render *r, const node *n, const tval *a, const tval *b, tval *out)
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
    const bool num_a = tval_number(a, &fa, &ia, &inta), num_b = tval_number(b, &fb, &ib, &intb);
    if (num_a && num_b)
        return inta && intb ? int_binary(r, n, ia, ib, out) : float_binary(r, n, fa, fb, out);
    if (n->op == OP_ADD && a->kind == TV_STR && b->kind == TV_STR)
        return concat(r, n->line, a->u.str, b->u.str, out);
    if (n->op == OP_ADD && a->kind == TV_LIST && b->kind == TV_LIST &&
        a->u.list->tuple == b->u.list->tuple && a->u.list->is == LIST_PLAIN &&
        b->u.list->is == LIST_PLAIN)
        return join_lists(r, n, a->u.list, b->u.list, out);
    if (n->op == OP_MUL && (a->kind == TV_STR || a->kind == TV_LIST) && intb)
        return repeat(r, n, a, ib, out);
    if (n->op == OP_MUL && (b->kind == TV_STR || b->kind == TV_LIST) && inta)
        return repeat(r, n, b, ia, out);
    if (n->op == OP_MOD && a->kind == TV_STR) return tval_format(r, n->line, a->u.str, b, out);
    if (a->kind == TV_UNDEFINED || b->kind == TV_UNDEFINED)
        return render_fail(r, n->line, "`%s` is undefined",
                           a->kind == TV_UNDEFINED ? a->u.str.s : b->u.str.s);
    return render_fail(r, n->line, "no such operation on %s and %s", tval_kind_name(a),
                       tval_kind_name(b));
}

waage_status tval_binary(render *r, const node *n, const tval *a, const tval *b, tval *out)
{
    const bool html = (a->kind == TV_STR && a->html) || (b->kind == TV_STR && b->html);
    if (html && (n->op == OP_CONCAT || n->op == OP_ADD || n->op == OP_MOD))
        WAAGE_TRY(check_html(r, n, a, b));
    WAAGE_TRY(binary(r, n, a, b, out));
    out->html = html && out->kind == TV_STR;
    return WAAGE_OK;
}

waage_status tval_contains(render *r, uint32_t line, const tval *item, const tval *in, bool *out)
{
    *out = false;
    if (tval_is_unusable(r, item) && (in->kind != TV_LIST || in->u.list->n > 0))
        return render_fail(r, line, "`%s` is undefined", item->u.str.s);
    if (in->kind == TV_STR && item->kind == TV_STR) {
        *out = tstr_find(in->u.str, item->u.str, 0) != SIZE_MAX;
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
    } else if (v->kind == TV_LIST && v->u.list->is <= LIST_RANGE &&
               (key->kind == TV_INT || key->kind == TV_BOOL)) {
        const int64_t i = key->kind == TV_INT ? key->u.i : key->u.b;
        if (index_of(i, v->u.list->n, &at)) *out = v->u.list->items[at];
    } else if (v->kind == TV_LIST && v->u.list->group && key->kind == TV_STR) {
        if (strcmp(name, "grouper") == 0) *out = v->u.list->items[0];
        if (strcmp(name, "list") == 0) *out = v->u.list->items[1];
    } else if (v->kind == TV_STR && key->kind == TV_INT) {
        tlist *chars;
        WAAGE_TRY(tval_items(r, line, v, &chars));
        if (index_of(key->u.i, chars->n, &at)) *out = chars->items[at];
        out->html = v->html && out->kind == TV_STR;
    }
    return WAAGE_OK;
}
