/* template.c - the public functions: compiling a template and rendering it, with its limits. */
#include "harness/base/template_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "harness/base/utf8.h"

static const uint64_t default_max_steps = 2000000;
static const size_t default_max_output = (size_t)16 << 20;

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
    r->root = frame_new(r, NULL);
    if (!r->root) return waage_err_nomem(err);
    if (vars && vars->kind != VALUE_MAP)
        return waage_err_set(err, WAAGE_EINVAL, "%s: the variables must be a map", t->name);
    for (size_t i = 0; vars && i < vars->u.map.n; i++) {
        const value_pair *p = &vars->u.map.pairs[i];
        tval v;
        WAAGE_TRY(tval_from_value(r, p->val, !is_trusted(t, p->key), &v));
        WAAGE_TRY(frame_bind(r, r->root, p->key, v));
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
    if (st == WAAGE_OK) st = render_exec(&r, r.root, t->root, &b);
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
        st = render_exec(&r, r.root, root, &b);
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
