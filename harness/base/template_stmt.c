/* template_stmt.c - statements (if, for, set, with, macro, call, filter, break, continue,
 * generation), the text and the prints between them, and what closes each. */
#include "harness/base/template_parse.h"

#include <string.h>

static waage_status end_block(parser *p)
{
    return parser_expect(p, T_BLOCK_END, "`%}`");
}

/* {% NAME %} that closes a statement; the body parser stopped in front of NAME. */
static waage_status end_statement(parser *p, const char *name)
{
    if (!parser_take_name(p, name)) return parser_fail(p, "`%s` is missing", name);
    return end_block(p);
}

static waage_status parse_if(parser *p, node **out)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    static const char *const last[] = {"endif", NULL};
    PARSER_NEW(n, N_IF);
    *out = n;
    WAAGE_TRY(parse_tuple(p, false, &n->a));
    WAAGE_TRY(end_block(p));
    WAAGE_TRY(parse_body(p, ends, &n->b));
    if (parser_take_name(p, "elif")) {
        WAAGE_TRY(parser_enter(p));
        WAAGE_TRY(parse_if(p, &n->c));
        p->depth--;
        return WAAGE_OK;
    }
    if (parser_take_name(p, "else")) {
        WAAGE_TRY(end_block(p));
        WAAGE_TRY(parse_body(p, last, &n->c));
    }
    return end_statement(p, "endif");
}

/* a, b (also in parentheses): names to assign to; ns.x where `members` allows it. */
static waage_status parse_targets(parser *p, bool members, node *n)
{
    node_list targets = {NULL, 0, 0};
    const bool paren = parser_take_op(p, "(");
    do {
        if (targets.n && p->t->kind != T_NAME) break;
        if (p->t->kind != T_NAME)
            return parser_fail(p, "a name expected, not `%s`", token_describe(p->t));
        PARSER_NEW(t, N_NAME);
        if (parse_constant(p->t->text, &t->value))
            return parser_fail(p, "cannot assign to `%s`", p->t->text);
        t->name = p->t->text;
        p->t++;
        if (members && parser_take_op(p, ".")) {
            PARSER_NEW(attr, N_ATTR);
            if (p->t->kind != T_NAME)
                return parser_fail(p, "a name expected, not `%s`", token_describe(p->t));
            attr->a = t;
            attr->name = p->t->text;
            p->t++;
            t = attr;
        }
        WAAGE_TRY(parser_add(p, &targets, t));
    } while (parser_take_op(p, ","));
    n->kids = targets.items;
    n->n_kids = targets.n;
    return paren ? parser_expect_op(p, ")") : WAAGE_OK;
}

static waage_status parse_for(parser *p, node **out)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    PARSER_NEW(n, N_FOR);
    *out = n;
    WAAGE_TRY(parse_targets(p, false, n));
    if (!parser_take_name(p, "in"))
        return parser_fail(p, "`in` expected, not `%s`", token_describe(p->t));
    /* The iterable ends at `if`, which is the loop's own filter and not a conditional expression.
     */
    WAAGE_TRY(parse_or(p, &n->a));
    if (parser_take_name(p, "if")) WAAGE_TRY(parse_expression(p, &n->b));
    n->flag = parser_take_name(p, "recursive");
    WAAGE_TRY(end_block(p));
    p->loops++;
    p->recursive += n->flag;
    WAAGE_TRY(parse_body(p, ends, &n->c));
    p->recursive -= n->flag;
    p->loops--;
    if (parser_take_name(p, "else")) {
        WAAGE_TRY(end_block(p));
        WAAGE_TRY(parse_body(p, last, &n->d));
    }
    return end_statement(p, "endfor");
}

/* A body whose text is taken; no break or continue leads out of it. */
static waage_status parse_inner_body(parser *p, const char *const *ends, node **out)
{
    const int loops = p->loops;
    p->loops = 0;
    WAAGE_TRY(parse_body(p, ends, out));
    p->loops = loops;
    return WAAGE_OK;
}

static waage_status parse_set(parser *p, node **out)
{
    static const char *const ends[] = {"endset", NULL};
    PARSER_NEW(n, N_SET);
    PARSER_NEW(text, N_CAPTURE);
    *out = n;
    WAAGE_TRY(parse_targets(p, true, n));
    if (parser_take_op(p, "=")) {
        WAAGE_TRY(parse_tuple(p, false, &n->a));
        return end_block(p);
    }
    if (n->n_kids != 1) return parser_fail(p, "a set block has one name");
    n->a = text;
    if (parser_take_op(p, "|")) WAAGE_TRY(parse_filter_chain(p, &n->a));
    WAAGE_TRY(end_block(p));
    WAAGE_TRY(parse_inner_body(p, ends, &text->a));
    return end_statement(p, "endset");
}

static waage_status parse_filter_block(parser *p, node **out)
{
    static const char *const ends[] = {"endfilter", NULL};
    PARSER_NEW(n, N_PRINT);
    PARSER_NEW(text, N_CAPTURE);
    *out = n;
    n->flag = true;
    n->a = text;
    WAAGE_TRY(parse_filter_chain(p, &n->a));
    WAAGE_TRY(end_block(p));
    WAAGE_TRY(parse_inner_body(p, ends, &text->a));
    return end_statement(p, "endfilter");
}

static waage_status parse_with(parser *p, node **out)
{
    static const char *const ends[] = {"endwith", NULL};
    node_list names = {NULL, 0, 0};
    PARSER_NEW(n, N_WITH);
    *out = n;
    while (p->t->kind != T_BLOCK_END) {
        if (names.n) WAAGE_TRY(parser_expect_op(p, ","));
        PARSER_NEW(set, N_SET);
        WAAGE_TRY(parse_targets(p, false, set));
        WAAGE_TRY(parser_expect_op(p, "="));
        WAAGE_TRY(parse_expression(p, &set->a));
        WAAGE_TRY(parser_add(p, &names, set));
    }
    n->kids = names.items;
    n->n_kids = names.n;
    WAAGE_TRY(end_block(p));
    WAAGE_TRY(parse_body(p, ends, &n->a));
    return end_statement(p, "endwith");
}

/* The special names that the tokens of a body use, as variables. */
static uint8_t special_names(const token *from, const token *to)
{
    static const char *const names[] = {"caller", "varargs", "kwargs"};
    uint8_t found = 0;
    for (const token *t = from; t < to; t++) {
        if (t->kind != T_NAME || (t[-1].kind == T_OP && strcmp(t[-1].op, ".") == 0)) continue;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp(t->text, names[i]) == 0) found = (uint8_t)(found | 1u << i);
    }
    return found;
}

/* (a, b=DEFAULT) of a macro or a call block. */
static waage_status parse_parameters(parser *p, node *n)
{
    node_list defaults = {NULL, 0, 0};
    const char *names[PARSE_MAX_ARGS];
    WAAGE_TRY(parser_expect_op(p, "("));
    while (!parser_at_op(p, ")")) {
        if (defaults.n) WAAGE_TRY(parser_expect_op(p, ","));
        if (defaults.n == PARSE_MAX_ARGS) return parser_fail(p, "too many parameters");
        if (p->t->kind != T_NAME)
            return parser_fail(p, "a name expected, not `%s`", token_describe(p->t));
        if (special_names(p->t, p->t + 1)) return parser_refuse(p, "parameter", p->t->text);
        names[defaults.n] = p->t->text;
        p->t++;
        node *def = NULL;
        if (parser_take_op(p, "=")) WAAGE_TRY(parse_expression(p, &def));
        WAAGE_TRY(parser_add(p, &defaults, def));
    }
    p->t++;
    n->kids = defaults.items;
    n->n_kids = defaults.n;
    n->names = arena_calloc(p->a, defaults.n + 1, sizeof *n->names);
    if (!n->names) return waage_err_nomem(p->err);
    if (defaults.n) memcpy(n->names, names, defaults.n * sizeof *names);
    return WAAGE_OK;
}

/* The body of a macro or a call block. */
static waage_status parse_macro_body(parser *p, const char *const *ends, node *n)
{
    WAAGE_TRY(end_block(p));
    const token *start = p->t;
    p->bodies++;
    WAAGE_TRY(parse_inner_body(p, ends, &n->a));
    p->bodies--;
    n->takes = special_names(start, p->t);
    return end_statement(p, ends[0]);
}

static waage_status parse_macro(parser *p, node **out)
{
    static const char *const ends[] = {"endmacro", NULL};
    PARSER_NEW(n, N_MACRO);
    *out = n;
    if (p->t->kind != T_NAME)
        return parser_fail(p, "a name expected, not `%s`", token_describe(p->t));
    n->name = p->t->text;
    p->t++;
    WAAGE_TRY(parse_parameters(p, n));
    return parse_macro_body(p, ends, n);
}

/* {% call(a, b) m(...) %}: a macro is called, and gets the body as its `caller`. */
static waage_status parse_call_block(parser *p, node **out)
{
    static const char *const ends[] = {"endcall", NULL};
    PARSER_NEW(n, N_CALL_BLOCK);
    PARSER_NEW(body, N_MACRO);
    *out = n;
    n->b = body;
    body->name = "caller";
    if (parser_at_op(p, "(")) WAAGE_TRY(parse_parameters(p, body));
    WAAGE_TRY(parse_expression(p, &n->a));
    if (n->a->kind != N_CALL || n->a->fn)
        return parser_refuse(p, "call block of", "what is not a macro");
    return parse_macro_body(p, ends, body);
}

static waage_status parse_jump(parser *p, node_kind kind, node **out)
{
    PARSER_NEW(n, kind);
    if (!p->loops) return parser_fail(p, "break and continue belong into a loop");
    *out = n;
    return end_block(p);
}

static waage_status parse_break(parser *p, node **out)
{
    return parse_jump(p, N_BREAK, out);
}

static waage_status parse_continue(parser *p, node **out)
{
    return parse_jump(p, N_CONTINUE, out);
}

/* {% generation %} marks the assistant's own words for training; all it does is to be a scope. */
static waage_status parse_generation(parser *p, node **out)
{
    static const char *const ends[] = {"endgeneration", NULL};
    PARSER_NEW(scope, N_SCOPE);
    WAAGE_TRY(end_block(p));
    WAAGE_TRY(parse_body(p, ends, &scope->a));
    *out = scope;
    return end_statement(p, "endgeneration");
}

static const struct {
    const char *name;
    waage_status (*parse)(parser *p, node **out);
} statements[] = {{"if", parse_if},
                  {"for", parse_for},
                  {"set", parse_set},
                  {"with", parse_with},
                  {"macro", parse_macro},
                  {"call", parse_call_block},
                  {"filter", parse_filter_block},
                  {"break", parse_break},
                  {"continue", parse_continue},
                  {"generation", parse_generation}};

static waage_status parse_statement(parser *p, node **out)
{
    if (p->t->kind != T_NAME)
        return parser_fail(p, "a statement expected, not `%s`", token_describe(p->t));
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        if (!parser_at_name(p, statements[i].name)) continue;
        p->t++;
        WAAGE_TRY(parser_enter(p));
        WAAGE_TRY(statements[i].parse(p, out));
        p->depth--;
        return WAAGE_OK;
    }
    if (strncmp(p->t->text, "end", 3) == 0 || parser_at_name(p, "else") ||
        parser_at_name(p, "elif"))
        return parser_fail(p, "`%s` closes nothing", p->t->text);
    return parser_refuse(p, "statement", p->t->text);
}

static bool is_one_of(const parser *p, const char *const *names)
{
    for (size_t i = 0; names && names[i]; i++)
        if (parser_at_name(p, names[i])) return true;
    return false;
}

static const char *last_of(const char *const *names)
{
    while (names[1])
        names++;
    return *names;
}

/* Everything up to one of `ends` (in front of whose name it stops) or, without ends, to the end. */
waage_status parse_body(parser *p, const char *const *ends, node **out)
{
    node_list items = {NULL, 0, 0};
    PARSER_NEW(seq, N_SEQ);

    for (;;) {
        node *n = NULL;
        if (p->t->kind == T_EOF) {
            if (ends) return parser_fail(p, "`%s` is missing", last_of(ends));
            break;
        }
        if (p->t->kind == T_TEXT) {
            n = parser_node(p, N_TEXT);
            if (!n) return waage_err_nomem(p->err);
            n->value = tval_text(p->t->text, p->t->len);
            p->t++;
        } else if (p->t->kind == T_VAR_BEGIN) {
            n = parser_node(p, N_PRINT);
            if (!n) return waage_err_nomem(p->err);
            p->t++;
            WAAGE_TRY(parse_tuple(p, false, &n->a));
            WAAGE_TRY(parser_expect(p, T_VAR_END, "`}}`"));
        } else {
            WAAGE_TRY(parser_expect(p, T_BLOCK_BEGIN, "text or a tag"));
            if (is_one_of(p, ends)) break;
            WAAGE_TRY(parse_statement(p, &n));
        }
        WAAGE_TRY(parser_add(p, &items, n));
    }
    seq->kids = items.items;
    seq->n_kids = items.n;
    *out = seq;
    return WAAGE_OK;
}
