/* template_filter.c - filters on one value of any kind: length, default, the conversions to numbers
 * and text, and JSON. */
#include "harness/base/template_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static waage_status filter_length(render *r, const call_args *c, const tval *self, tval *out)
{
    bool ok;
    const size_t n = tval_length(self, &ok);
    if (!ok || (tval_is_unusable(r, self))) return call_wrong(r, c, "length", self);
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
    const tstr t = tstr_strip(s, NULL, true, true);
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
    if (call_given(&c->args[1]) && (c->args[1].kind != TV_INT || c->args[1].u.i != 10))
        return render_fail(r, c->line, "int: only base 10 is supported");
    *out = call_given(&c->args[0]) ? c->args[0] : tval_int(0);
    if (self->kind == TV_UNDEFINED)
        return tval_is_unusable(r, self) ? call_wrong(r, c, "int", self) : WAAGE_OK;
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
    *out = call_given(&c->args[0]) ? c->args[0] : tval_float(0);
    if (self->kind == TV_UNDEFINED)
        return tval_is_unusable(r, self) ? call_wrong(r, c, "float", self) : WAAGE_OK;
    if (tval_number(self, &f, &i, &is_int) ||
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
        return call_wrong(r, c, "abs", self);
    return WAAGE_OK;
}

static waage_status filter_default(render *r, const call_args *c, const tval *self, tval *out)
{
    const bool boolean = call_given(&c->args[1]) && tval_truth(&c->args[1]);
    const bool replace = self->kind == TV_UNDEFINED || (boolean && !tval_truth(self));
    *out = !replace ? *self : call_given(&c->args[0]) ? c->args[0] : tval_text("", 0);
    (void)r;
    return WAAGE_OK;
}

static waage_status read_separators(render *r, const call_args *c, const tval *v, json_style *st)
{
    if (!call_given(v) || v->kind == TV_NONE) return WAAGE_OK;
    const tlist *l = v->kind == TV_LIST ? v->u.list : NULL;
    if (!l || l->n != 2 || l->items[0].kind != TV_STR || l->items[1].kind != TV_STR)
        return call_wrong(r, c, "tojson: separators", v);
    st->item_sep = arena_strndup(r->a, l->items[0].u.str.s, l->items[0].u.str.len);
    st->key_sep = arena_strndup(r->a, l->items[1].u.str.s, l->items[1].u.str.len);
    return st->item_sep && st->key_sep ? WAAGE_OK : waage_err_nomem(r->err);
}

static waage_status filter_tojson(render *r, const call_args *c, const tval *self, tval *out)
{
    const bool html = r->t->opt.html_json;
    json_style st = {-1, html, html, html, ", ", ": "};
    tbuf b = TBUF_EMPTY;
    if (!html && c->n > 0 && !c->names[0]) { /* transformers' first parameter is another one */
        if (c->n > 1) return render_fail(r, c->line, "tojson: name the arguments");
        st.ascii = tval_truth(&c->args[0]);
    } else if (c->args[0].kind == TV_INT) {
        if (c->args[0].u.i < 0 || c->args[0].u.i > 32)
            return render_fail(r, c->line, "tojson: indent is not in 0..32");
        st.indent = (int)c->args[0].u.i;
        st.item_sep = ",";
    } else if (call_given(&c->args[0]) && c->args[0].kind != TV_NONE) {
        return call_wrong(r, c, "tojson: indent", &c->args[0]);
    }
    if (call_given(&c->args[1])) st.ascii = tval_truth(&c->args[1]);
    if (call_given(&c->args[2])) st.sort = tval_truth(&c->args[2]);
    WAAGE_TRY(read_separators(r, c, &c->args[3], &st));
    const waage_status status = tval_put_json(r, c->line, self, &st, 0, &b);
    if (status == WAAGE_OK) {
        WAAGE_TRY(tbuf_take_value(r, c->line, &b, out));
        out->html = html;
        return WAAGE_OK;
    }
    tbuf_free(&b);
    return status;
}

static waage_status filter_safe(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(filter_string(r, c, self, out));
    out->html = true;
    return WAAGE_OK;
}

// clang-format off
static const callee callees[] = {
    {CALL_FILTER, "abs", 0, 0, "", filter_abs},
    {CALL_FILTER, "count", 0, 0, "", filter_length},
    {CALL_FILTER, "d", 0, 2, "default_value boolean", filter_default},
    {CALL_FILTER, "default", 0, 2, "default_value boolean", filter_default},
    {CALL_FILTER, "float", 0, 1, "default", filter_float},
    {CALL_FILTER, "int", 0, 2, "default base", filter_int},
    {CALL_FILTER, "length", 0, 0, "", filter_length},
    {CALL_FILTER, "safe", 0, 0, "", filter_safe},
    {CALL_FILTER, "string", 0, 0, "", filter_string},
    {CALL_FILTER, "tojson", 0, 4, "indent ensure_ascii sort_keys separators", filter_tojson},
};
// clang-format on

const callee_table template_filter_callees = {callees, sizeof callees / sizeof *callees};
