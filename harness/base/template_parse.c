/* template_parse.c - tokens to a tree: the entry points, and the cursor that expressions
 * (template_expr.c) and statements (template_stmt.c) move over the tokens. What the interpreter
 * does not have is refused, with line and name, so that no template is ever rendered wrongly. */
#include "harness/base/template_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

waage_status parser_fail(parser *p, const char *fmt, ...)
{
    char msg[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return waage_err_set(p->err, WAAGE_EFORMAT, "%s:%u: %s", p->name, p->t->line, msg);
}

waage_status parser_refuse(parser *p, const char *kind, const char *what)
{
    return waage_err_set(p->err, WAAGE_EUNSUPPORTED, "%s:%u: %s `%s` is not supported", p->name,
                         p->t->line, kind, what);
}

const char *token_describe(const token *t)
{
    switch (t->kind) {
    case T_EOF:
        return "the end of the template";
    case T_TEXT:
        return "text";
    case T_VAR_BEGIN:
        return "{{";
    case T_VAR_END:
        return "}}";
    case T_BLOCK_BEGIN:
        return "{%";
    case T_BLOCK_END:
        return "%}";
    case T_OP:
        return t->op;
    default:
        return t->text;
    }
}

node *parser_node(parser *p, node_kind kind)
{
    node *n = arena_calloc(p->a, 1, sizeof *n);
    if (!n) return NULL;
    n->kind = kind;
    n->line = p->t->line;
    return n;
}

waage_status parser_add(parser *p, node_list *l, node *n)
{
    if (l->n == l->cap) {
        const size_t cap = l->cap ? l->cap * 2 : 4;
        node **grown = arena_calloc(p->a, cap, sizeof *grown);
        if (!grown) return waage_err_nomem(p->err);
        if (l->n) memcpy(grown, l->items, l->n * sizeof *grown);
        l->items = grown;
        l->cap = cap;
    }
    l->items[l->n++] = n;
    return WAAGE_OK;
}

bool parser_at_op(const parser *p, const char *op)
{
    return p->t->kind == T_OP && strcmp(p->t->op, op) == 0;
}

bool parser_at_name(const parser *p, const char *name)
{
    return p->t->kind == T_NAME && strcmp(p->t->text, name) == 0;
}

bool parser_take_op(parser *p, const char *op)
{
    if (!parser_at_op(p, op)) return false;
    p->t++;
    return true;
}

bool parser_take_name(parser *p, const char *name)
{
    if (!parser_at_name(p, name)) return false;
    p->t++;
    return true;
}

waage_status parser_expect_op(parser *p, const char *op)
{
    if (parser_take_op(p, op)) return WAAGE_OK;
    return parser_fail(p, "`%s` expected, not `%s`", op, token_describe(p->t));
}

waage_status parser_expect(parser *p, token_kind kind, const char *what)
{
    if (p->t->kind != kind)
        return parser_fail(p, "%s expected, not `%s`", what, token_describe(p->t));
    p->t++;
    return WAAGE_OK;
}

waage_status parser_enter(parser *p)
{
    if (++p->depth > PARSE_MAX_DEPTH) return parser_fail(p, "nested too deeply");
    return WAAGE_OK;
}

/* Names of all macros, so that a call in front of the definition is known as one. */
static waage_status collect_macros(parser *p)
{
    size_t n = 0;
    for (const token *t = p->t; t < p->end; t++)
        n += t->kind == T_NAME && strcmp(t->text, "macro") == 0;
    p->macros = arena_calloc(p->a, n + 1, sizeof *p->macros);
    if (!p->macros) return waage_err_nomem(p->err);
    for (const token *t = p->t; t + 2 < p->end; t++)
        if (t->kind == T_BLOCK_BEGIN && t[1].kind == T_NAME && strcmp(t[1].text, "macro") == 0 &&
            t[2].kind == T_NAME)
            p->macros[p->n_macros++] = t[2].text;
    return WAAGE_OK;
}

waage_status template_parse(node **out, arena *a, const token *tokens, size_t n, const char *name,
                            waage_err *err)
{
    parser p = {.a = a, .name = name, .t = tokens, .end = tokens + n, .err = err};
    WAAGE_TRY(collect_macros(&p));
    return parse_body(&p, NULL, out);
}

waage_status template_parse_expression(node **out, arena *a, const char *text, size_t len,
                                       waage_err *err)
{
    static const template_options opt = TEMPLATE_FOR_TASK;
    token *tokens;
    size_t n;
    strbuf wrapped = STRBUF_EMPTY;

    strbuf_puts(&wrapped, "{{");
    strbuf_put(&wrapped, text, len);
    strbuf_puts(&wrapped, "}}");
    waage_status st = strbuf_check(&wrapped, err);
    if (st == WAAGE_OK)
        st = template_lex(&tokens, &n, a, strbuf_str(&wrapped), wrapped.len, "list", 1, &opt, err);
    strbuf_free(&wrapped);
    WAAGE_TRY(st);
    parser p = {.a = a, .name = "list", .t = tokens + 1, .end = tokens + n, .err = err};
    WAAGE_TRY(parse_expression(&p, out));
    return parser_expect(&p, T_VAR_END, "the end of the list");
}
