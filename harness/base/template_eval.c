/* template_eval.c - walking the tree: statements, expressions, scopes, limits; the public
 * functions. */
#include "harness/base/template_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/utf8.h"

enum { EVAL_MAX_DEPTH = 600 };
static const uint64_t default_max_steps = 2000000;
static const size_t default_max_output = (size_t)16 << 20;

typedef struct {
    const char *name;
    tval val;
} binding;

struct frame {
    frame *parent;
    binding *vars;
    size_t n, cap;
};

waage_status render_fail(render *r, uint32_t line, const char *fmt, ...)
{
    char msg[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return waage_err_set(r->err, WAAGE_EFORMAT, "%s:%u: %s", r->t->name, line, msg);
}

waage_status render_charge(render *r, uint32_t line, size_t n_bytes)
{
    const uint64_t cost = 1 + n_bytes / 64;
    if (cost > r->steps_left)
        return render_fail(r, line, "the template runs too long (step limit)");
    r->steps_left -= cost;
    return WAAGE_OK;
}

/* ---- scopes ---- */

static const tval *lookup(const frame *f, const char *name)
{
    for (; f; f = f->parent)
        for (size_t i = 0; i < f->n; i++)
            if (strcmp(f->vars[i].name, name) == 0) return &f->vars[i].val;
    return NULL;
}

static waage_status bind(render *r, frame *f, const char *name, tval v)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->vars[i].name, name) != 0) continue;
        f->vars[i].val = v;
        return WAAGE_OK;
    }
    if (f->n == f->cap) {
        const size_t cap = f->cap ? f->cap * 2 : 4;
        binding *grown = arena_calloc(r->a, cap, sizeof *grown);
        if (!grown) return waage_err_nomem(r->err);
        if (f->n) memcpy(grown, f->vars, f->n * sizeof *grown);
        f->vars = grown;
        f->cap = cap;
    }
    f->vars[f->n++] = (binding){name, v};
    return WAAGE_OK;
}

/* ---- expressions ---- */

static waage_status eval_name(render *r, frame *f, const node *n, tval *out)
{
    const tval *v = lookup(f, n->name);
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
                   {"depth", 1}, /* only recursive loops go deeper */
                   {"depth0", 0}};
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
    out->kind = TV_STR;
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

/* The truth of a value; a strict template does not let an undefined one pass as false. */
static waage_status eval_truth(render *r, frame *f, const node *n, bool *out)
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

static waage_status exec(render *r, frame *f, const node *n, tbuf *out);

/* Bind the parameters of a macro to the arguments of a call; `inner` is the macro's frame. */
static waage_status bind_arguments(render *r, frame *f, frame *inner, const node *macro,
                                   const node *call)
{
    for (size_t i = 0; i < call->n_kids; i++) {
        tval v;
        size_t at = i;
        if (call->names[i]) {
            for (at = 0; at < macro->n_kids; at++)
                if (strcmp(macro->names[at], call->names[i]) == 0) break;
        }
        if (at >= macro->n_kids)
            return render_fail(r, call->line, "macro `%s` has no such parameter", macro->name);
        WAAGE_TRY(render_eval(r, f, call->kids[i], &v));
        WAAGE_TRY(bind(r, inner, macro->names[at], v));
    }
    for (size_t i = 0; i < macro->n_kids; i++) {
        tval v = tval_undefined(macro->names[i]);
        bool given = false;
        for (size_t k = 0; k < inner->n && !given; k++)
            given = strcmp(inner->vars[k].name, macro->names[i]) == 0;
        if (given) continue;
        if (macro->kids[i]) WAAGE_TRY(render_eval(r, inner, macro->kids[i], &v));
        WAAGE_TRY(bind(r, inner, macro->names[i], v));
    }
    return WAAGE_OK;
}

static waage_status eval_call(render *r, frame *f, const node *n, tval *out)
{
    if (n->fn) return callee_run(r, f, n, NULL, out);
    const tval *v = lookup(f, n->name);
    if (!v || v->kind != TV_MACRO || !v->u.macro)
        return render_fail(r, n->line, "`%s` is not a macro here", n->name);
    frame *inner = arena_calloc(r->a, 1, sizeof *inner);
    if (!inner) return waage_err_nomem(r->err);
    inner->parent = r->root;
    WAAGE_TRY(bind_arguments(r, f, inner, v->u.macro, n));
    tbuf b = {STRBUF_EMPTY, STRBUF_EMPTY};
    const waage_status st = exec(r, inner, v->u.macro->a, &b);
    if (st != WAAGE_OK) {
        tbuf_free(&b);
        return st;
    }
    out->kind = TV_STR;
    return tbuf_take(r, n->line, &b, &out->u.str);
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
    case N_METHOD:
    case N_FILTER:
    case N_TEST:
        return eval_subject_call(r, f, n, out);
    case N_NEG:
    case N_POS:
        return eval_negate(r, f, n, out);
    case N_NOT:
        WAAGE_TRY(eval_truth(r, f, n->a, &truth));
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
        WAAGE_TRY(eval_truth(r, f, n->b, &truth));
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
    if (r->depth >= EVAL_MAX_DEPTH) return render_fail(r, n->line, "nested too deeply");
    r->depth++;
    const waage_status st = eval_kind(r, f, n, out);
    r->depth--;
    return st;
}

/* ---- statements ---- */

static waage_status assign(render *r, frame *f, const node *target, tval v)
{
    if (target->kind == N_NAME) return bind(r, f, target->name, v);
    const tval *ns = lookup(f, target->a->name);
    if (!ns || ns->kind != TV_NAMESPACE)
        return render_fail(r, target->line, "`%s` is not a namespace; only its members can be set",
                           target->a->name);
    return tmap_set(r, ns->u.map, tval_text(target->name, strlen(target->name)), v);
}

static waage_status assign_all(render *r, frame *f, const node *n, tval v)
{
    tlist *parts;
    if (n->n_kids == 1) return assign(r, f, n->kids[0], v);
    WAAGE_TRY(tval_items(r, n->line, &v, &parts));
    if (parts->n != n->n_kids)
        return render_fail(r, n->line, "%zu values for %zu names", parts->n, n->n_kids);
    for (size_t i = 0; i < n->n_kids; i++)
        WAAGE_TRY(assign(r, f, n->kids[i], parts->items[i]));
    return WAAGE_OK;
}

static frame *new_frame(render *r, frame *parent)
{
    frame *f = arena_calloc(r->a, 1, sizeof *f);
    if (f) f->parent = parent;
    return f;
}

/* The members that the loop's own `if` lets pass. */
static waage_status filter_items(render *r, frame *f, const node *n, tlist **items)
{
    tlist *kept;
    if (!n->b) return WAAGE_OK;
    WAAGE_TRY(tlist_new(r, &kept));
    for (size_t i = 0; i < (*items)->n; i++) {
        bool keep;
        frame *inner = new_frame(r, f);
        if (!inner) return waage_err_nomem(r->err);
        WAAGE_TRY(assign_all(r, inner, n, (*items)->items[i]));
        WAAGE_TRY(eval_truth(r, inner, n->b, &keep));
        if (keep) WAAGE_TRY(tlist_add(r, kept, (*items)->items[i]));
    }
    *items = kept;
    return WAAGE_OK;
}

/* What is set inside is not there outside. */
static waage_status exec_scope(render *r, frame *f, const node *n, tbuf *out)
{
    frame *inner = new_frame(r, f);
    return inner ? exec(r, inner, n->a, out) : waage_err_nomem(r->err);
}

static waage_status exec_for(render *r, frame *f, const node *n, tbuf *out)
{
    tval iterable;
    tlist *items;
    WAAGE_TRY(render_eval(r, f, n->a, &iterable));
    WAAGE_TRY(tval_items(r, n->line, &iterable, &items));
    WAAGE_TRY(filter_items(r, f, n, &items));
    if (items->n == 0) return n->d ? exec(r, f, n->d, out) : WAAGE_OK;
    tloop *loop = arena_calloc(r->a, 1, sizeof *loop);
    if (!loop) return waage_err_nomem(r->err);
    *loop = (tloop){0, items->n, items->items};
    for (; loop->index0 < items->n; loop->index0++) {
        WAAGE_TRY(render_charge(r, n->line, 0));
        frame *inner = new_frame(r, f);
        if (!inner) return waage_err_nomem(r->err);
        WAAGE_TRY(bind(r, inner, "loop", (tval){.kind = TV_LOOP, .u.loop = loop}));
        WAAGE_TRY(assign_all(r, inner, n, items->items[loop->index0]));
        WAAGE_TRY(exec(r, inner, n->c, out));
        const node_kind jump = r->jump;
        r->jump = N_SEQ;
        if (jump == N_BREAK) break;
    }
    return WAAGE_OK;
}

static waage_status exec_set_block(render *r, frame *f, const node *n, tbuf *out)
{
    tbuf b = {STRBUF_EMPTY, STRBUF_EMPTY};
    tval v = {.kind = TV_STR};
    const waage_status st = exec(r, f, n->a, &b);
    (void)out;
    if (st != WAAGE_OK) {
        tbuf_free(&b);
        return st;
    }
    WAAGE_TRY(tbuf_take(r, n->line, &b, &v.u.str));
    return assign(r, f, n->kids[0], v);
}

static waage_status exec_kind(render *r, frame *f, const node *n, tbuf *out)
{
    tval v;
    bool truth;
    switch (n->kind) {
    case N_SEQ:
        for (size_t i = 0; i < n->n_kids && r->jump == N_SEQ; i++)
            WAAGE_TRY(exec(r, f, n->kids[i], out));
        return WAAGE_OK;
    case N_TEXT:
        tbuf_put(out, n->value.u.str);
        return tbuf_check(r, n->line, out);
    case N_PRINT:
        WAAGE_TRY(render_eval(r, f, n->a, &v));
        return tval_print(r, n->line, &v, out);
    case N_IF:
        WAAGE_TRY(eval_truth(r, f, n->a, &truth));
        if (truth) return exec(r, f, n->b, out);
        return n->c ? exec(r, f, n->c, out) : WAAGE_OK;
    case N_FOR:
        return exec_for(r, f, n, out);
    case N_SET:
        WAAGE_TRY(render_eval(r, f, n->a, &v));
        return assign_all(r, f, n, v);
    case N_SET_BLOCK:
        return exec_set_block(r, f, n, out);
    case N_MACRO:
        return bind(r, f, n->name, (tval){.kind = TV_MACRO, .u.macro = n});
    case N_SCOPE:
        return exec_scope(r, f, n, out);
    case N_BREAK:
    case N_CONTINUE:
        r->jump = n->kind;
        return WAAGE_OK;
    default:
        return render_fail(r, n->line, "not a statement");
    }
}

static waage_status exec(render *r, frame *f, const node *n, tbuf *out)
{
    WAAGE_TRY(render_charge(r, n->line, 0));
    if (r->depth >= EVAL_MAX_DEPTH) return render_fail(r, n->line, "nested too deeply");
    r->depth++;
    const waage_status st = exec_kind(r, f, n, out);
    r->depth--;
    return st;
}

/* ---- public ---- */

bool template_has_code(const char *source, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++)
        if (source[i] == '{' &&
            (source[i + 1] == '{' || source[i + 1] == '%' || source[i + 1] == '#'))
            return true;
    return false;
}

bool template_uses(const template *t, const char *name)
{
    for (size_t i = 0; i < t->n_tokens; i++) {
        const token *k = &t->tokens[i];
        const bool member = i > 0 && k[-1].kind == T_OP && strcmp(k[-1].op, ".") == 0;
        if (k->kind == T_NAME && !member && strcmp(k->text, name) == 0) return true;
    }
    return false;
}

waage_status template_compile(template **out, arena *a, const char *source, size_t len,
                              const char *name, uint32_t line0, const template_options *opt,
                              waage_err *err)
{
    token *tokens;
    size_t n;
    template *t = arena_calloc(a, 1, sizeof *t);
    if (!t) return waage_err_nomem(err);
    t->opt = *opt;
    t->name = arena_strdup(a, name);
    if (!t->name) return waage_err_nomem(err);
    if (len > TEMPLATE_MAX_BYTES)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: a template of %zu bytes; at most %d", name,
                             len, TEMPLATE_MAX_BYTES);
    for (size_t i = 0; i < len;) {
        const size_t k = utf8_valid_length(source + i, len - i);
        if (!k)
            return waage_err_set(err, WAAGE_EFORMAT, "%s: not valid UTF-8 at byte %zu", name, i);
        i += k;
    }
    WAAGE_TRY(template_lex(&tokens, &n, a, source, len, t->name, line0, opt, err));
    WAAGE_TRY(template_parse(&t->root, a, tokens, n, t->name, err));
    t->tokens = tokens;
    t->n_tokens = n;
    *out = t;
    return WAAGE_OK;
}

static bool is_trusted(const template *t, const char *name)
{
    for (size_t i = 0; t->opt.trusted && t->opt.trusted[i]; i++)
        if (strcmp(t->opt.trusted[i], name) == 0) return true;
    return false;
}

/* A rendering with its top-level variables; `tmp` holds everything it makes. */
static waage_status start(render *r, const template *t, const value *vars, const char *date,
                          arena *tmp, waage_err *err)
{
    *r = (render){.t = t,
                  .a = tmp,
                  .date = date ? date : "2026-01-01",
                  .steps_left = t->opt.max_steps ? t->opt.max_steps : default_max_steps,
                  .max_output = t->opt.max_output ? t->opt.max_output : default_max_output,
                  .jump = N_SEQ,
                  .err = err};
    r->root = new_frame(r, NULL);
    if (!r->root) return waage_err_nomem(err);
    if (vars && vars->kind != VALUE_MAP)
        return waage_err_set(err, WAAGE_EINVAL, "%s: the variables must be a map", t->name);
    for (size_t i = 0; vars && i < vars->u.map.n; i++) {
        const value_pair *p = &vars->u.map.pairs[i];
        tval v;
        WAAGE_TRY(tval_from_value(r, p->val, !is_trusted(t, p->key), &v));
        WAAGE_TRY(bind(r, r->root, p->key, v));
    }
    return WAAGE_OK;
}

/* Runs of equal writers as spans in `a`. */
static waage_status make_spans(const tbuf *b, template_output *out, arena *a, waage_err *err)
{
    const char *mask = strbuf_str(&b->mask);
    size_t n = 0;
    for (size_t i = 0; i < b->text.len; i++)
        n += i == 0 || mask[i] != mask[i - 1];
    template_span *spans = arena_calloc(a, n + 1, sizeof *spans);
    if (!spans) return waage_err_nomem(err);
    n = 0;
    for (size_t i = 0; i < b->text.len; i++) {
        if (i == 0 || mask[i] != mask[i - 1]) spans[n++] = (template_span){i, i, mask[i] != 0};
        spans[n - 1].end = i + 1;
    }
    out->spans = spans;
    out->n_spans = n;
    return WAAGE_OK;
}

waage_status template_render(const template *t, const value *vars, const char *date,
                             template_output *out, arena *a, waage_err *err)
{
    arena tmp = ARENA_EMPTY;
    tbuf b = {STRBUF_EMPTY, STRBUF_EMPTY};
    render r;

    waage_status st = start(&r, t, vars, date, &tmp, err);
    if (st == WAAGE_OK) st = exec(&r, r.root, t->root, &b);
    if (st == WAAGE_OK) st = tbuf_check(&r, 1, &b);
    if (st == WAAGE_OK) st = make_spans(&b, out, a, err);
    if (st == WAAGE_OK) {
        out->len = b.text.len;
        out->text = arena_strndup(a, strbuf_str(&b.text), b.text.len);
        if (!out->text) st = waage_err_nomem(err);
    }
    tbuf_free(&b);
    arena_free(&tmp);
    return st;
}

static bool is_literal(const node *n)
{
    if (n->kind == N_NEG || n->kind == N_POS) return is_literal(n->a);
    if (n->kind != N_LIST && n->kind != N_DICT) return n->kind == N_CONST;
    for (size_t i = 0; i < n->n_kids; i++)
        if (!is_literal(n->kids[i])) return false;
    return true;
}

/* A text that is a list literal becomes that list; everything else stays text. */
static waage_status literal_or_text(render *r, tstr s, tval *v)
{
    node *n;
    waage_err ignored;
    *v = tval_str(s);
    while (s.len && (s.s[s.len - 1] == '\n' || s.s[s.len - 1] == ' '))
        s.len--;
    if (s.len < 2 || s.s[0] != '[' || s.s[s.len - 1] != ']') return WAAGE_OK;
    if (template_parse_expression(&n, r->a, s.s, s.len, &ignored) != WAAGE_OK || !is_literal(n))
        return WAAGE_OK;
    return render_eval(r, r->root, n, v);
}

waage_status template_evaluate(const template *t, const value *vars, value **out, arena *a,
                               waage_err *err)
{
    arena tmp = ARENA_EMPTY;
    tbuf b = {STRBUF_EMPTY, STRBUF_EMPTY};
    const node *root = t->root;
    const bool single = root->n_kids == 1 && root->kids[0]->kind == N_PRINT;
    render r;
    tval v = tval_none();

    waage_status st = start(&r, t, vars, NULL, &tmp, err);
    if (st == WAAGE_OK && single) {
        st = render_eval(&r, r.root, root->kids[0]->a, &v);
        if (st == WAAGE_OK && v.kind == TV_UNDEFINED)
            st = render_fail(&r, root->kids[0]->line, "`%s` is undefined", v.u.str.s);
    } else if (st == WAAGE_OK) {
        st = exec(&r, r.root, root, &b);
        v.kind = TV_STR;
        if (st == WAAGE_OK) st = tbuf_take(&r, 1, &b, &v.u.str);
    }
    if (st == WAAGE_OK && v.kind == TV_STR) st = literal_or_text(&r, v.u.str, &v);
    if (st == WAAGE_OK) {
        *out = tval_to_value(a, &v);
        if (!*out) st = waage_err_nomem(err);
    }
    tbuf_free(&b);
    arena_free(&tmp);
    return st;
}
