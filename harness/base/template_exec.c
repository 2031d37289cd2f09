/* template_exec.c - statements: what they print, the scopes they open, loops and macros. */
#include "harness/base/template_impl.h"

#include <string.h>

typedef struct {
    const char *name;
    tval val;
} binding;

struct frame {
    frame *parent;
    binding *vars;
    size_t n, cap;
};

/* ---- scopes ---- */

const tval *frame_find(const frame *f, const char *name)
{
    for (; f; f = f->parent)
        for (size_t i = 0; i < f->n; i++)
            if (strcmp(f->vars[i].name, name) == 0) return &f->vars[i].val;
    return NULL;
}

waage_status frame_bind(render *r, frame *f, const char *name, tval v)
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

frame *frame_new(render *r, frame *parent)
{
    frame *f = arena_calloc(r->a, 1, sizeof *f);
    if (f) f->parent = parent;
    return f;
}

/* ---- statements ---- */

static waage_status assign(render *r, frame *f, const node *target, tval v)
{
    if (target->kind == N_NAME) return frame_bind(r, f, target->name, v);
    const tval *ns = frame_find(f, target->a->name);
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

/* The members that the loop's own `if` lets pass. */
static waage_status filter_items(render *r, frame *f, const node *n, tlist **items)
{
    tlist *kept;
    if (!n->b) return WAAGE_OK;
    WAAGE_TRY(tlist_new(r, &kept));
    for (size_t i = 0; i < (*items)->n; i++) {
        bool keep;
        frame *inner = frame_new(r, f);
        if (!inner) return waage_err_nomem(r->err);
        WAAGE_TRY(assign_all(r, inner, n, (*items)->items[i]));
        WAAGE_TRY(render_truth(r, inner, n->b, &keep));
        if (keep) WAAGE_TRY(tlist_add(r, kept, (*items)->items[i]));
    }
    *items = kept;
    return WAAGE_OK;
}

/* What is set inside is not there outside. */
static waage_status exec_scope(render *r, frame *f, const node *n, tbuf *out)
{
    frame *inner = frame_new(r, f);
    return inner ? render_exec(r, inner, n->a, out) : waage_err_nomem(r->err);
}

/* One walk of a loop over `iterable`; a recursive loop makes more of them, each deeper by one. */
static waage_status exec_loop(render *r, frame *f, const node *n, const tval *iterable,
                              size_t depth0, tbuf *out)
{
    tlist *items;
    WAAGE_TRY(tval_items(r, n->line, iterable, &items));
    WAAGE_TRY(filter_items(r, f, n, &items));
    if (items->n == 0) return n->d ? render_exec(r, f, n->d, out) : WAAGE_OK;
    tloop *loop = arena_calloc(r->a, 1, sizeof *loop);
    if (!loop) return waage_err_nomem(r->err);
    *loop = (tloop){0, items->n, items->items, depth0, n, f, NULL};
    for (; loop->index0 < items->n; loop->index0++) {
        WAAGE_TRY(render_charge(r, n->line, 0));
        frame *inner = frame_new(r, f);
        if (!inner) return waage_err_nomem(r->err);
        WAAGE_TRY(frame_bind(r, inner, "loop", (tval){.kind = TV_LOOP, .u.loop = loop}));
        WAAGE_TRY(assign_all(r, inner, n, items->items[loop->index0]));
        WAAGE_TRY(render_exec(r, inner, n->c, out));
        const node_kind jump = r->jump;
        r->jump = N_SEQ;
        if (jump == N_BREAK) break;
    }
    return WAAGE_OK;
}

static waage_status exec_for(render *r, frame *f, const node *n, tbuf *out)
{
    tval iterable;
    WAAGE_TRY(render_eval(r, f, n->a, &iterable));
    return exec_loop(r, f, n, &iterable, 0, out);
}

/* The values are those of the names outside. */
static waage_status exec_with(render *r, frame *f, const node *n, tbuf *out)
{
    frame *inner = frame_new(r, f);
    if (!inner) return waage_err_nomem(r->err);
    for (size_t i = 0; i < n->n_kids; i++) {
        tval v;
        WAAGE_TRY(render_eval(r, f, n->kids[i]->a, &v));
        WAAGE_TRY(assign_all(r, inner, n->kids[i], v));
    }
    return render_exec(r, inner, n->a, out);
}

static waage_status define_macro(render *r, frame *f, const node *n, tval *out)
{
    tmacro *m = arena_calloc(r->a, 1, sizeof *m);
    if (!m) return waage_err_nomem(r->err);
    *m = (tmacro){n, f};
    *out = (tval){.kind = TV_MACRO, .u.macro = m};
    return WAAGE_OK;
}

static waage_status exec_macro(render *r, frame *f, const node *n)
{
    tval v;
    WAAGE_TRY(define_macro(r, f, n, &v));
    return frame_bind(r, f, n->name, v);
}

static waage_status exec_call_block(render *r, frame *f, const node *n, tbuf *out)
{
    tval caller, v;
    WAAGE_TRY(define_macro(r, f, n->b, &caller));
    WAAGE_TRY(render_call(r, f, n->a, &caller, &v));
    return tval_print(r, n->line, &v, out);
}

static waage_status exec_print(render *r, frame *f, const node *n, tbuf *out)
{
    tval v;
    WAAGE_TRY(render_eval(r, f, n->a, &v));
    if (n->flag && v.kind != TV_STR)
        return render_fail(r, n->line, "a filter block must give text, not %s", tval_kind_name(&v));
    return tval_print(r, n->line, &v, out);
}

static waage_status exec_kind(render *r, frame *f, const node *n, tbuf *out)
{
    tval v;
    bool truth;
    switch (n->kind) {
    case N_SEQ:
        for (size_t i = 0; i < n->n_kids && r->jump == N_SEQ; i++)
            WAAGE_TRY(render_exec(r, f, n->kids[i], out));
        return WAAGE_OK;
    case N_TEXT:
        tbuf_put(out, n->value.u.str);
        return tbuf_check(r, n->line, out);
    case N_PRINT:
        return exec_print(r, f, n, out);
    case N_IF:
        WAAGE_TRY(render_truth(r, f, n->a, &truth));
        if (truth) return render_exec(r, f, n->b, out);
        return n->c ? render_exec(r, f, n->c, out) : WAAGE_OK;
    case N_FOR:
        return exec_for(r, f, n, out);
    case N_SET:
        WAAGE_TRY(render_eval(r, f, n->a, &v));
        return assign_all(r, f, n, v);
    case N_WITH:
        return exec_with(r, f, n, out);
    case N_MACRO:
        return exec_macro(r, f, n);
    case N_CALL_BLOCK:
        return exec_call_block(r, f, n, out);
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

waage_status render_exec(render *r, frame *f, const node *n, tbuf *out)
{
    WAAGE_TRY(render_charge(r, n->line, 0));
    if (r->depth >= RENDER_MAX_DEPTH) return render_fail(r, n->line, "nested too deeply");
    r->depth++;
    const waage_status st = exec_kind(r, f, n, out);
    r->depth--;
    return st;
}

/* What a body prints, in this scope. */
static waage_status take_text(render *r, frame *f, const node *body, tval *out)
{
    tbuf b = TBUF_EMPTY;
    const waage_status st = render_exec(r, f, body, &b);
    if (st == WAAGE_OK) return tbuf_take_value(r, body->line, &b, out);
    tbuf_free(&b);
    return st;
}

waage_status render_capture(render *r, frame *f, const node *body, tval *out)
{
    frame *inner = frame_new(r, f);
    return inner ? take_text(r, inner, body, out) : waage_err_nomem(r->err);
}

/* ---- calls ---- */

static bool is_bound(const frame *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->vars[i].name, name) == 0) return true;
    return false;
}

/* What has no parameter goes into varargs and kwargs, if the macro uses them. */
static waage_status bind_argument(render *r, frame *inner, const node *macro, const node *call,
                                  size_t i, tval v, tlist *rest, tmap *named)
{
    const char *keyword = call->names[i];
    size_t at = i;
    if (keyword)
        for (at = 0; at < macro->n_kids; at++)
            if (strcmp(macro->names[at], keyword) == 0) break;
    if (at < macro->n_kids) {
        if (is_bound(inner, macro->names[at]))
            return render_fail(r, call->line, "argument `%s` is given twice", macro->names[at]);
        return frame_bind(r, inner, macro->names[at], v);
    }
    if (!keyword && (macro->takes & MACRO_VARARGS)) return tlist_add(r, rest, v);
    if (keyword && (macro->takes & MACRO_KWARGS) && strcmp(keyword, "caller") != 0)
        return tmap_set(r, named, tval_text(keyword, strlen(keyword)), v);
    return render_fail(r, call->line, "macro `%s` has no such parameter", macro->name);
}

/* Bind the parameters of a macro to the arguments of a call; `inner` is the macro's frame. */
static waage_status bind_arguments(render *r, frame *f, frame *inner, const node *macro,
                                   const node *call)
{
    tlist *rest;
    tmap *named;
    WAAGE_TRY(tlist_new(r, &rest));
    WAAGE_TRY(tmap_new(r, &named));
    rest->tuple = true;
    for (size_t i = 0; i < call->n_kids; i++) {
        tval v;
        WAAGE_TRY(render_eval(r, f, call->kids[i], &v));
        WAAGE_TRY(bind_argument(r, inner, macro, call, i, v, rest, named));
    }
    for (size_t i = 0; i < macro->n_kids; i++) {
        tval v = tval_undefined(macro->names[i]);
        if (is_bound(inner, macro->names[i])) continue;
        if (macro->kids[i]) WAAGE_TRY(render_eval(r, inner, macro->kids[i], &v));
        WAAGE_TRY(frame_bind(r, inner, macro->names[i], v));
    }
    if (macro->takes & MACRO_VARARGS)
        WAAGE_TRY(frame_bind(r, inner, "varargs", (tval){.kind = TV_LIST, .u.list = rest}));
    if (macro->takes & MACRO_KWARGS)
        WAAGE_TRY(frame_bind(r, inner, "kwargs", (tval){.kind = TV_MAP, .u.map = named}));
    return WAAGE_OK;
}

static waage_status call_macro(render *r, frame *f, const node *call, const tmacro *m,
                               const tval *caller, tval *out)
{
    frame *inner = frame_new(r, m->scope);
    if (!inner) return waage_err_nomem(r->err);
    if (m->def->takes & MACRO_CALLER)
        WAAGE_TRY(frame_bind(r, inner, "caller", caller ? *caller : tval_undefined("caller")));
    else if (caller)
        return render_fail(r, call->line, "macro `%s` does not use the call block", m->def->name);
    WAAGE_TRY(bind_arguments(r, f, inner, m->def, call));
    return take_text(r, inner, m->def->a, out);
}

/* loop(items) in a recursive loop: what the loop prints for these items. */
static waage_status call_loop(render *r, frame *f, const node *call, const tloop *loop, tval *out)
{
    tval items;
    tbuf b = TBUF_EMPTY;
    if (call->n_kids != 1 || call->names[0])
        return render_fail(r, call->line, "loop() has one argument");
    WAAGE_TRY(render_eval(r, f, call->kids[0], &items));
    const waage_status st = exec_loop(r, loop->scope, loop->def, &items, loop->depth0 + 1, &b);
    if (st == WAAGE_OK) return tbuf_take_value(r, call->line, &b, out);
    tbuf_free(&b);
    return st;
}

waage_status render_call(render *r, frame *f, const node *call, const tval *caller, tval *out)
{
    const tval *v = frame_find(f, call->name);
    if (v && v->kind == TV_MACRO && v->u.macro)
        return call_macro(r, f, call, v->u.macro, caller, out);
    if (v && v->kind == TV_LOOP && v->u.loop->def->flag && !caller)
        return call_loop(r, f, call, v->u.loop, out);
    return render_fail(r, call->line, "`%s` cannot be called here", call->name);
}
