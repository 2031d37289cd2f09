/* template_eval.c - expressions: the value of a node of the tree. */
#include "harness/base/template_impl.h"

#include <string.h>

static waage_status eval_name(render *r, frame *f, const node *n, tval *out)
{
    const tval *v = frame_find(f, n->name);
    if (v)
        *out = *v;
    else if (callee_find(CALL_FUNCTION, n->name))
        *out = (tval){.kind = TV_MACRO, .u.macro = NULL}; /* defined, and good for nothing else */
    else
        *out = tval_undefined(n->name);
    (void)r;
    return WAAGE_OK;
}

static bool loop_attribute(const tloop *l, const char *name, tval *out)
{
    const struct {
        const char *name;
        size_t value;
    } numbers[] = {{"index", l->index0 + 1},
                   {"index0", l->index0},
                   {"revindex", l->n - l->index0},
                   {"revindex0", l->n - l->index0 - 1},
                   {"length", l->n},
                   {"depth", l->depth0 + 1},
                   {"depth0", l->depth0}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, numbers[i].name) != 0) continue;
        *out = tval_int((int64_t)numbers[i].value);
        return true;
    }
    if (strcmp(name, "first") == 0)
        *out = tval_bool(l->index0 == 0);
    else if (strcmp(name, "last") == 0)
        *out = tval_bool(l->index0 + 1 == l->n);
    else if (strcmp(name, "previtem") == 0)
        *out = l->index0 ? l->items[l->index0 - 1] : tval_undefined("loop.previtem");
    else if (strcmp(name, "nextitem") == 0)
        *out = l->index0 + 1 < l->n ? l->items[l->index0 + 1] : tval_undefined("loop.nextitem");
    else
        return false;
    return true;
}

static waage_status eval_attr(render *r, frame *f, const node *n, tval *out)
{
    tval obj;
    WAAGE_TRY(render_eval(r, f, n->a, &obj));
    if (obj.kind == TV_LOOP) {
        if (loop_attribute(obj.u.loop, n->name, out)) return WAAGE_OK;
        return render_fail(r, n->line, "loop.%s is not supported", n->name);
    }
    const tval key = tval_text(n->name, strlen(n->name));
    return tval_item(r, n->line, &obj, &key, out);
}

static waage_status slice_bound(render *r, frame *f, const node *n, int64_t def, int64_t *out)
{
    tval v;
    *out = def;
    if (!n) return WAAGE_OK;
    WAAGE_TRY(render_eval(r, f, n, &v));
    if (v.kind == TV_INT)
        *out = v.u.i;
    else if (v.kind != TV_NONE)
        return render_fail(r, n->line, "a slice needs integers, not %s", tval_kind_name(&v));
    return WAAGE_OK;
}

/* Python's rule: negative bounds count from the end, and everything is clamped to the sequence. */
static int64_t clamp_bound(int64_t i, int64_t n, bool down)
{
    if (i < 0) {
        i = i < -n ? -1 : i + n;
        if (i < 0) return down ? -1 : 0;
    }
    if (i >= n) return down ? n - 1 : n;
    return i;
}

/* Walk the slice start:stop:step over n members; calls take(i) for each. */
static waage_status eval_slice(render *r, frame *f, const node *n, tval *out)
{
    tval obj;
    int64_t step, start, stop;
    tlist *items, *picked;
    const int64_t no = INT64_MIN;

    WAAGE_TRY(render_eval(r, f, n->a, &obj));
    if (obj.kind != TV_STR && (obj.kind != TV_LIST || obj.u.list->is > LIST_RANGE))
        return render_fail(r, n->line, "%s has no slices", tval_kind_name(&obj));
    WAAGE_TRY(tval_items(r, n->line, &obj, &items));
    WAAGE_TRY(slice_bound(r, f, n->d, 1, &step));
    WAAGE_TRY(slice_bound(r, f, n->b, no, &start));
    WAAGE_TRY(slice_bound(r, f, n->c, no, &stop));
    if (step == 0) return render_fail(r, n->line, "a slice needs a step other than 0");
    const int64_t len = (int64_t)items->n;
    const bool down = step < 0;
    if (step > len) step = len + 1; /* the same members, and no overflow */
    if (step < -len) step = -len - 1;
    start = start == no ? (down ? len - 1 : 0) : clamp_bound(start, len, down);
    stop = stop == no ? (down ? -1 : len) : clamp_bound(stop, len, down);
    WAAGE_TRY(tlist_new(r, &picked));
    for (int64_t i = start; down ? i > stop : i < stop; i += step) {
        WAAGE_TRY(render_charge(r, n->line, 0));
        WAAGE_TRY(tlist_add(r, picked, items->items[i]));
    }
    if (obj.kind == TV_LIST) {
        picked->is = obj.u.list->is;
        picked->tuple = obj.u.list->tuple;
        *out = (tval){.kind = TV_LIST, .u.list = picked};
        return WAAGE_OK;
    }
    tbuf b = {STRBUF_EMPTY, STRBUF_EMPTY};
    *out = (tval){.kind = TV_STR, .html = obj.html};
    for (size_t i = 0; i < picked->n; i++)
        tbuf_put(&b, picked->items[i].u.str);
    return tbuf_take(r, n->line, &b, &out->u.str);
}

static waage_status eval_list(render *r, frame *f, const node *n, tval *out)
{
    tlist *l;
    WAAGE_TRY(tlist_new(r, &l));
    l->tuple = n->flag;
    for (size_t i = 0; i < n->n_kids; i++) {
        tval v;
        WAAGE_TRY(render_eval(r, f, n->kids[i], &v));
        WAAGE_TRY(tlist_add(r, l, v));
    }
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

static waage_status eval_dict(render *r, frame *f, const node *n, tval *out)
{
    tmap *m;
    WAAGE_TRY(tmap_new(r, &m));
    for (size_t i = 0; i + 1 < n->n_kids; i += 2) {
        tval key, val;
        WAAGE_TRY(render_eval(r, f, n->kids[i], &key));
        WAAGE_TRY(render_eval(r, f, n->kids[i + 1], &val));
        WAAGE_TRY(tmap_set(r, m, key, val));
    }
    *out = (tval){.kind = TV_MAP, .u.map = m};
    return WAAGE_OK;
}

static waage_status eval_negate(render *r, frame *f, const node *n, tval *out)
{
    WAAGE_TRY(render_eval(r, f, n->a, out));
    const int64_t sign = n->kind == N_NEG ? -1 : 1;
    if (out->kind == TV_BOOL) *out = tval_int(out->u.b);
    if (out->kind == TV_INT && out->u.i != INT64_MIN)
        out->u.i *= sign;
    else if (out->kind == TV_FLOAT)
        out->u.f *= (double)sign;
    else
        return render_fail(r, n->line, "%s has no sign", tval_kind_name(out));
    return WAAGE_OK;
}

static waage_status eval_operand(render *r, const node *n, const tval *a, const tval *b, bool *out)
{
    int order;
    if (n->op == OP_EQ || n->op == OP_NE) {
        if (tval_is_unusable(r, a) || tval_is_unusable(r, b))
            return render_fail(r, n->line, "`%s` is undefined",
                               tval_is_unusable(r, a) ? a->u.str.s : b->u.str.s);
        *out = tval_equal(a, b) == (n->op == OP_EQ);
        return WAAGE_OK;
    }
    if (n->op == OP_IN || n->op == OP_NOT_IN) {
        WAAGE_TRY(tval_contains(r, n->line, a, b, out));
        *out = *out == (n->op == OP_IN);
        return WAAGE_OK;
    }
    if (!tval_order(a, b, &order))
        return render_fail(r, n->line, "%s and %s have no order", tval_kind_name(a),
                           tval_kind_name(b));
    *out = n->op == OP_LT   ? order < 0
           : n->op == OP_LE ? order <= 0
           : n->op == OP_GT ? order > 0
                            : order >= 0;
    return WAAGE_OK;
}

/* a < b < c is a < b and b < c. */
static waage_status eval_compare(render *r, frame *f, const node *n, tval *out)
{
    tval a, b;
    bool holds = true;
    WAAGE_TRY(render_eval(r, f, n->a, &a));
    for (size_t i = 0; i < n->n_kids && holds; i++) {
        WAAGE_TRY(render_eval(r, f, n->kids[i]->a, &b));
        WAAGE_TRY(eval_operand(r, n->kids[i], &a, &b, &holds));
        a = b;
    }
    *out = tval_bool(holds);
    return WAAGE_OK;
}

waage_status render_truth(render *r, frame *f, const node *n, bool *out)
{
    tval v;
    WAAGE_TRY(render_eval(r, f, n, &v));
    if (tval_is_unusable(r, &v)) return render_fail(r, n->line, "`%s` is undefined", v.u.str.s);
    *out = tval_truth(&v);
    return WAAGE_OK;
}

static waage_status eval_and_or(render *r, frame *f, const node *n, tval *out)
{
    WAAGE_TRY(render_eval(r, f, n->a, out));
    if (tval_is_unusable(r, out)) return render_fail(r, n->line, "`%s` is undefined", out->u.str.s);
    if (tval_truth(out) == (n->kind == N_OR)) return WAAGE_OK;
    return render_eval(r, f, n->b, out);
}
static waage_status eval_call(render *r, frame *f, const node *n, tval *out)
{
    return n->fn ? callee_run(r, f, n, NULL, out) : render_call(r, f, n, NULL, out);
}

static waage_status eval_subject_call(render *r, frame *f, const node *n, tval *out)
{
    tval self;
    WAAGE_TRY(render_eval(r, f, n->a, &self));
    return callee_run(r, f, n, &self, out);
}

static waage_status eval_index(render *r, frame *f, const node *n, tval *out)
{
    tval obj, key;
    WAAGE_TRY(render_eval(r, f, n->a, &obj));
    WAAGE_TRY(render_eval(r, f, n->b, &key));
    return tval_item(r, n->line, &obj, &key, out);
}

static waage_status eval_binary(render *r, frame *f, const node *n, tval *out)
{
    tval a, b;
    WAAGE_TRY(render_eval(r, f, n->a, &a));
    WAAGE_TRY(render_eval(r, f, n->b, &b));
    return tval_binary(r, n, &a, &b, out);
}

static waage_status eval_kind(render *r, frame *f, const node *n, tval *out)
{
    bool truth;
    switch (n->kind) {
    case N_CONST:
        *out = n->value;
        return WAAGE_OK;
    case N_NAME:
        return eval_name(r, f, n, out);
    case N_ATTR:
        return eval_attr(r, f, n, out);
    case N_INDEX:
        return eval_index(r, f, n, out);
    case N_SLICE:
        return eval_slice(r, f, n, out);
    case N_LIST:
        return eval_list(r, f, n, out);
    case N_DICT:
        return eval_dict(r, f, n, out);
    case N_CALL:
        return eval_call(r, f, n, out);
    case N_CAPTURE:
        return render_capture(r, f, n->a, out);
    case N_METHOD:
    case N_FILTER:
    case N_TEST:
        return eval_subject_call(r, f, n, out);
    case N_NEG:
    case N_POS:
        return eval_negate(r, f, n, out);
    case N_NOT:
        WAAGE_TRY(render_truth(r, f, n->a, &truth));
        *out = tval_bool(!truth);
        return WAAGE_OK;
    case N_AND:
    case N_OR:
        return eval_and_or(r, f, n, out);
    case N_BINARY:
        return eval_binary(r, f, n, out);
    case N_COMPARE:
        return eval_compare(r, f, n, out);
    case N_COND:
        WAAGE_TRY(render_truth(r, f, n->b, &truth));
        if (truth || n->c) return render_eval(r, f, truth ? n->a : n->c, out);
        *out = tval_undefined("the else of an inline if");
        out->u.str.data = true; /* prints as "" even in strict templates, as in Jinja2 */
        return WAAGE_OK;
    default:
        return render_fail(r, n->line, "not an expression");
    }
}

waage_status render_eval(render *r, frame *f, const node *n, tval *out)
{
    WAAGE_TRY(render_charge(r, n->line, 0));
    if (r->depth >= RENDER_MAX_DEPTH) return render_fail(r, n->line, "nested too deeply");
    r->depth++;
    const waage_status st = eval_kind(r, f, n, out);
    r->depth--;
    return st;
}
