/* template_call.c - how a callee is found by its name, gets its arguments and is run. The callees
 * themselves stand in tables beside their code: template_text.c, template_split.c,
 * template_format.c, template_list.c, template_order.c, template_filter.c, template_test.c and
 * template_function.c. A name that is not in these tables is
 * refused when a template is compiled. */
#include "harness/base/template_impl.h"

#include <string.h>

bool call_given(const tval *v)
{
    return v->kind != TV_UNDEFINED;
}

waage_status call_wrong(render *r, const call_args *c, const char *what, const tval *v)
{
    if (v->kind == TV_UNDEFINED) return render_fail(r, c->line, "`%s` is undefined", v->u.str.s);
    return render_fail(r, c->line, "%s: not for %s", what, tval_kind_name(v));
}

/* Methods of strings are for strings only. */
waage_status call_need_str(render *r, const call_args *c, const tval *v, const char *what)
{
    return v->kind == TV_STR ? WAAGE_OK : call_wrong(r, c, what, v);
}

const callee *callee_find(call_kind kind, const char *name)
{
    static const callee_table *const tables[] = {
        &template_text_callees,  &template_list_callees,     &template_filter_callees,
        &template_test_callees,  &template_function_callees, &template_order_callees,
        &template_split_callees, &template_format_callees};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        const callee *c = tables[t]->items;
        for (size_t i = 0; i < tables[t]->n; i++)
            if (c[i].kind == kind && strcmp(c[i].name, name) == 0) return &c[i];
    }
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
    const bool html = self && self->kind == TV_STR && self->html;
    WAAGE_TRY(fn->run(r, &c, self, out));
    out->html = out->kind == TV_STR && (html || out->html);
    return WAAGE_OK;
}
