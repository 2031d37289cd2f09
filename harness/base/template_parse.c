/* template_parse.c - tokens to a tree, by recursive descent with Jinja2's precedences.
 * What the interpreter does not have is refused here, with line and name, so that no template is
 * ever rendered wrongly. */
#include "harness/base/template_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARSE_MAX_DEPTH = 120, PARSE_MAX_ARGS = 64 };

typedef struct {
    arena *a;
    const char *name;
    const token *t; /* current token */
    const token *end;
    int depth;
    int loops;           /* loops around the current statement, within its macro */
    const char **macros; /* names of macros that the template defines anywhere */
    size_t n_macros;
    waage_err *err;
} parser;

typedef struct {
    node **items;
    size_t n, cap;
} node_list;

static waage_status parse_expression(parser *p, node **out);
static waage_status parse_body(parser *p, const char *const *ends, node **out);

static waage_status fail(parser *p, const char *fmt, ...) WAAGE_PRINTF(2, 3);
static waage_status fail(parser *p, const char *fmt, ...)
{
    char msg[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return waage_err_set(p->err, WAAGE_EFORMAT, "%s:%u: %s", p->name, p->t->line, msg);
}

static waage_status refuse(parser *p, const char *kind, const char *what)
{
    return waage_err_set(p->err, WAAGE_EUNSUPPORTED, "%s:%u: %s `%s` is not supported", p->name,
                         p->t->line, kind, what);
}

static const char *describe(const token *t)
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

static node *new_node(parser *p, node_kind kind)
{
    node *n = arena_calloc(p->a, 1, sizeof *n);
    if (!n) return NULL;
    n->kind = kind;
    n->line = p->t->line;
    return n;
}

#define NEW(var, kind)                                                                             \
    node *var = new_node(p, kind);                                                                 \
    if (!var) return waage_err_nomem(p->err)

static waage_status list_add(parser *p, node_list *l, node *n)
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

static bool is_op(const parser *p, const char *op)
{
    return p->t->kind == T_OP && strcmp(p->t->op, op) == 0;
}

static bool is_name(const parser *p, const char *name)
{
    return p->t->kind == T_NAME && strcmp(p->t->text, name) == 0;
}

static bool take_op(parser *p, const char *op)
{
    if (!is_op(p, op)) return false;
    p->t++;
    return true;
}

static bool take_name(parser *p, const char *name)
{
    if (!is_name(p, name)) return false;
    p->t++;
    return true;
}

static waage_status expect_op(parser *p, const char *op)
{
    if (take_op(p, op)) return WAAGE_OK;
    return fail(p, "`%s` expected, not `%s`", op, describe(p->t));
}

static waage_status expect_kind(parser *p, token_kind kind, const char *what)
{
    if (p->t->kind != kind) return fail(p, "%s expected, not `%s`", what, describe(p->t));
    p->t++;
    return WAAGE_OK;
}

static waage_status enter(parser *p)
{
    if (++p->depth > PARSE_MAX_DEPTH) return fail(p, "nested too deeply");
    return WAAGE_OK;
}

/* ---- expressions ---- */

/* (args): positional, then keyword. The opening parenthesis was taken. */
static waage_status parse_arguments(parser *p, node *call)
{
    node_list args = {NULL, 0, 0};
    const char *names[PARSE_MAX_ARGS];
    bool keyword = false;

    while (!is_op(p, ")")) {
        if (args.n) {
            WAAGE_TRY(expect_op(p, ","));
            if (is_op(p, ")")) break;
        }
        if (args.n == PARSE_MAX_ARGS) return fail(p, "too many arguments");
        if (is_op(p, "*") || is_op(p, "**")) return refuse(p, "argument", p->t->op);
        names[args.n] = NULL;
        if (p->t->kind == T_NAME && p->t[1].kind == T_OP && strcmp(p->t[1].op, "=") == 0) {
            names[args.n] = p->t->text;
            keyword = true;
            p->t += 2;
        } else if (keyword) {
            return fail(p, "a positional argument follows one with a keyword");
        }
        node *arg;
        WAAGE_TRY(parse_expression(p, &arg));
        WAAGE_TRY(list_add(p, &args, arg));
    }
    WAAGE_TRY(expect_op(p, ")"));
    call->kids = args.items;
    call->n_kids = args.n;
    call->names = arena_calloc(p->a, args.n + 1, sizeof *call->names);
    if (!call->names) return waage_err_nomem(p->err);
    if (args.n) memcpy(call->names, names, args.n * sizeof *names);
    return WAAGE_OK;
}

/* Number and keywords of the arguments of a built-in callee. */
static waage_status check_arguments(parser *p, const node *call)
{
    const callee *fn = call->fn;
    if (call->n_kids < fn->min_args || call->n_kids > fn->max_args)
        return fail(p, "wrong number of arguments for `%s`", fn->name);
    for (size_t i = 0; i < call->n_kids; i++) {
        if (!call->names[i] || strcmp(fn->params, "**") == 0) continue;
        const int at = callee_param(fn, call->names[i]);
        if (at < 0) return refuse(p, "argument", call->names[i]);
        if ((size_t)at < call->n_kids && !call->names[at] && at != (int)i)
            return fail(p, "argument `%s` is given twice", call->names[i]);
    }
    return WAAGE_OK;
}

static waage_status parse_list(parser *p, node **out)
{
    NEW(n, N_LIST);
    node_list items = {NULL, 0, 0};
    p->t++;
    while (!is_op(p, "]")) {
        if (items.n) {
            WAAGE_TRY(expect_op(p, ","));
            if (is_op(p, "]")) break;
        }
        node *item;
        WAAGE_TRY(parse_expression(p, &item));
        WAAGE_TRY(list_add(p, &items, item));
    }
    n->kids = items.items;
    n->n_kids = items.n;
    *out = n;
    return expect_op(p, "]");
}

static waage_status parse_dict(parser *p, node **out)
{
    NEW(n, N_DICT);
    node_list items = {NULL, 0, 0};
    p->t++;
    while (!is_op(p, "}")) {
        if (items.n) {
            WAAGE_TRY(expect_op(p, ","));
            if (is_op(p, "}")) break;
        }
        node *key, *val;
        WAAGE_TRY(parse_expression(p, &key));
        WAAGE_TRY(expect_op(p, ":"));
        WAAGE_TRY(parse_expression(p, &val));
        WAAGE_TRY(list_add(p, &items, key));
        WAAGE_TRY(list_add(p, &items, val));
    }
    n->kids = items.items;
    n->n_kids = items.n;
    *out = n;
    return expect_op(p, "}");
}

/* a, b, c as a tuple; a alone as itself, unless a comma follows. `end` closes it when inside (). */
static waage_status parse_tuple(parser *p, bool inside, node **out)
{
    node_list items = {NULL, 0, 0};
    bool comma = false;
    const uint32_t line = p->t->line;

    while (!(inside && is_op(p, ")")) && p->t->kind != T_BLOCK_END && p->t->kind != T_VAR_END) {
        node *item;
        WAAGE_TRY(parse_expression(p, &item));
        WAAGE_TRY(list_add(p, &items, item));
        if (!take_op(p, ",")) break;
        comma = true;
    }
    if (items.n == 1 && !comma) {
        *out = items.items[0];
        return WAAGE_OK;
    }
    if (items.n == 0 && !inside) return fail(p, "an expression expected, not `%s`", describe(p->t));
    NEW(n, N_LIST);
    n->line = line;
    n->flag = true;
    n->kids = items.items;
    n->n_kids = items.n;
    *out = n;
    return WAAGE_OK;
}

static waage_status parse_number(parser *p, node *n)
{
    errno = 0;
    if (p->t->kind == T_FLOAT) {
        n->value = tval_float(strtod(p->t->text, NULL));
    } else {
        n->value = tval_int(strtoll(p->t->text, NULL, 10));
        if (errno == ERANGE) return fail(p, "an integer does not fit into 64 bits");
    }
    p->t++;
    return WAAGE_OK;
}

/* Adjacent string literals are one string. */
static waage_status parse_string(parser *p, node *n)
{
    strbuf b = STRBUF_EMPTY;
    while (p->t->kind == T_STR) {
        strbuf_put(&b, p->t->text, p->t->len);
        p->t++;
    }
    const char *s = b.failed ? NULL : arena_strndup(p->a, strbuf_str(&b), b.len);
    const size_t len = b.len;
    strbuf_free(&b);
    if (!s) return waage_err_nomem(p->err);
    n->value = tval_text(s, len);
    return WAAGE_OK;
}

static bool constant_name(const char *s, tval *out)
{
    if (strcmp(s, "true") == 0 || strcmp(s, "True") == 0)
        *out = tval_bool(true);
    else if (strcmp(s, "false") == 0 || strcmp(s, "False") == 0)
        *out = tval_bool(false);
    else if (strcmp(s, "none") == 0 || strcmp(s, "None") == 0)
        *out = tval_none();
    else
        return false;
    return true;
}

static waage_status parse_primary(parser *p, node **out)
{
    if (is_op(p, "[")) return parse_list(p, out);
    if (is_op(p, "{")) return parse_dict(p, out);
    if (take_op(p, "(")) {
        WAAGE_TRY(parse_tuple(p, true, out));
        return expect_op(p, ")");
    }
    NEW(n, N_CONST);
    *out = n;
    if (p->t->kind == T_INT || p->t->kind == T_FLOAT) return parse_number(p, n);
    if (p->t->kind == T_STR) return parse_string(p, n);
    if (p->t->kind != T_NAME) return fail(p, "an expression expected, not `%s`", describe(p->t));
    if (!constant_name(p->t->text, &n->value)) {
        n->kind = N_NAME;
        n->name = p->t->text;
    }
    p->t++;
    return WAAGE_OK;
}

/* obj.name, obj.name(...), obj.0 */
static waage_status parse_attribute(parser *p, node *obj, node **out)
{
    if (p->t->kind == T_INT) {
        NEW(n, N_INDEX);
        NEW(key, N_CONST);
        WAAGE_TRY(parse_number(p, key));
        n->a = obj;
        n->b = key;
        *out = n;
        return WAAGE_OK;
    }
    if (p->t->kind != T_NAME)
        return fail(p, "a name expected behind the dot, not `%s`", describe(p->t));
    NEW(n, N_ATTR);
    n->a = obj;
    n->name = p->t->text;
    *out = n;
    const bool call = p->t[1].kind == T_OP && strcmp(p->t[1].op, "(") == 0;
    if (!call) {
        const bool is_loop = obj->kind == N_NAME && strcmp(obj->name, "loop") == 0;
        if (!is_loop && callee_is_map_method(n->name)) {
            waage_err_set(p->err, WAAGE_EUNSUPPORTED,
                          "%s:%u: `.%s` is a method of a map; write ['%s'] for the member", p->name,
                          p->t->line, n->name, n->name);
            return WAAGE_EUNSUPPORTED;
        }
        p->t++;
        return WAAGE_OK;
    }
    n->kind = N_METHOD;
    n->fn = callee_find(CALL_METHOD, n->name);
    if (!n->fn) return refuse(p, "method", n->name);
    p->t += 2;
    WAAGE_TRY(parse_arguments(p, n));
    return check_arguments(p, n);
}

static waage_status parse_subscript(parser *p, node *obj, node **out)
{
    NEW(n, N_INDEX);
    node **part[3] = {&n->b, &n->c, &n->d};
    n->a = obj;
    for (size_t i = 0; i < 3; i++) {
        if (!is_op(p, ":") && !is_op(p, "]")) WAAGE_TRY(parse_expression(p, part[i]));
        if (!take_op(p, ":")) break;
        n->kind = N_SLICE;
        if (i == 2) return fail(p, "a slice has at most three parts");
    }
    if (n->kind == N_INDEX && !n->b) return fail(p, "an index is missing between [ and ]");
    if (is_op(p, ",")) return refuse(p, "index", "tuple");
    *out = n;
    return expect_op(p, "]");
}

static bool is_macro(const parser *p, const char *name)
{
    for (size_t i = 0; i < p->n_macros; i++)
        if (strcmp(p->macros[i], name) == 0) return true;
    return false;
}

static waage_status parse_call(parser *p, node *obj, node **out)
{
    if (obj->kind != N_NAME) return refuse(p, "call of", "an expression");
    NEW(n, N_CALL);
    n->name = obj->name;
    if (!is_macro(p, n->name)) {
        n->fn = callee_find(CALL_FUNCTION, n->name);
        if (!n->fn) return refuse(p, "function", n->name);
    }
    p->t++;
    WAAGE_TRY(parse_arguments(p, n));
    *out = n;
    return n->fn ? check_arguments(p, n) : WAAGE_OK;
}

static waage_status parse_postfix(parser *p, node **n)
{
    for (;;) {
        if (take_op(p, "."))
            WAAGE_TRY(parse_attribute(p, *n, n));
        else if (take_op(p, "["))
            WAAGE_TRY(parse_subscript(p, *n, n));
        else if (is_op(p, "("))
            WAAGE_TRY(parse_call(p, *n, n));
        else
            return WAAGE_OK;
    }
}

static waage_status parse_filter(parser *p, node **n)
{
    if (p->t->kind != T_NAME) return fail(p, "a filter's name expected, not `%s`", describe(p->t));
    NEW(f, N_FILTER);
    f->a = *n;
    f->name = p->t->text;
    f->fn = callee_find(CALL_FILTER, f->name);
    if (!f->fn) return refuse(p, "filter", f->name);
    f->names = arena_calloc(p->a, 1, sizeof *f->names);
    if (!f->names) return waage_err_nomem(p->err);
    p->t++;
    if (take_op(p, "(")) WAAGE_TRY(parse_arguments(p, f));
    *n = f;
    return check_arguments(p, f);
}

/* Can this token begin the bare argument of a test (`is divisibleby 3`)? */
static bool begins_test_argument(const parser *p)
{
    static const char *const not_these[] = {"else", "or", "and", "is", "if", "in", "not", NULL};
    if (p->t->kind == T_NAME) {
        for (size_t i = 0; not_these[i]; i++)
            if (is_name(p, not_these[i])) return false;
        return true;
    }
    return p->t->kind == T_STR || p->t->kind == T_INT || p->t->kind == T_FLOAT || is_op(p, "[") ||
           is_op(p, "{");
}

static waage_status parse_test(parser *p, node **n)
{
    const bool negated = take_name(p, "not");
    const char *name = is_name(p, "in") ? "in" : p->t->kind == T_NAME ? p->t->text : NULL;
    if (!name) return fail(p, "a test's name expected, not `%s`", describe(p->t));
    NEW(t, N_TEST);
    t->a = *n;
    t->name = name;
    t->fn = callee_find(CALL_TEST, name);
    if (!t->fn) return refuse(p, "test", name);
    t->names = arena_calloc(p->a, 2, sizeof *t->names);
    if (!t->names) return waage_err_nomem(p->err);
    p->t++;
    if (take_op(p, "(")) {
        WAAGE_TRY(parse_arguments(p, t));
    } else if (begins_test_argument(p)) {
        node_list arg = {NULL, 0, 0};
        node *e;
        WAAGE_TRY(parse_primary(p, &e));
        WAAGE_TRY(parse_postfix(p, &e));
        WAAGE_TRY(list_add(p, &arg, e));
        t->kids = arg.items;
        t->n_kids = 1;
    }
    WAAGE_TRY(check_arguments(p, t));
    *n = t;
    if (!negated) return WAAGE_OK;
    NEW(inverse, N_NOT);
    inverse->a = t;
    *n = inverse;
    return WAAGE_OK;
}

static waage_status parse_filters(parser *p, node **n)
{
    for (;;) {
        if (take_op(p, "|"))
            WAAGE_TRY(parse_filter(p, n));
        else if (take_name(p, "is"))
            WAAGE_TRY(parse_test(p, n));
        else if (is_op(p, "("))
            WAAGE_TRY(parse_call(p, *n, n));
        else
            return WAAGE_OK;
    }
}

static waage_status parse_unary(parser *p, bool with_filters, node **out)
{
    WAAGE_TRY(enter(p));
    if (is_op(p, "-") || is_op(p, "+")) {
        NEW(n, is_op(p, "-") ? N_NEG : N_POS);
        p->t++;
        WAAGE_TRY(parse_unary(p, false, &n->a));
        *out = n;
    } else {
        WAAGE_TRY(parse_primary(p, out));
    }
    WAAGE_TRY(parse_postfix(p, out));
    if (with_filters) WAAGE_TRY(parse_filters(p, out));
    p->depth--;
    return WAAGE_OK;
}

/* Levels of the binary operators, the loosest first; as in Jinja2, ~ binds tighter than + and -. */
static const struct {
    const char *text;
    op_kind op;
    int level;
} binary_ops[] = {{"+", OP_ADD, 0}, {"-", OP_SUB, 0},       {"~", OP_CONCAT, 1}, {"*", OP_MUL, 2},
                  {"/", OP_DIV, 2}, {"//", OP_FLOORDIV, 2}, {"%", OP_MOD, 2},    {"**", OP_POW, 3}};

static op_kind binary_op(const parser *p, int level)
{
    for (size_t i = 0; i < sizeof binary_ops / sizeof *binary_ops; i++)
        if (binary_ops[i].level == level && is_op(p, binary_ops[i].text)) return binary_ops[i].op;
    return OP_NONE;
}

static waage_status parse_binary(parser *p, int level, node **out)
{
    if (level == 4) return parse_unary(p, true, out);
    WAAGE_TRY(parse_binary(p, level + 1, out));
    for (op_kind op; (op = binary_op(p, level)) != OP_NONE;) {
        NEW(n, N_BINARY);
        p->t++;
        n->op = op;
        n->a = *out;
        WAAGE_TRY(parse_binary(p, level + 1, &n->b));
        *out = n;
    }
    return WAAGE_OK;
}

static op_kind take_compare(parser *p)
{
    static const struct {
        const char *text;
        op_kind op;
    } ops[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<", OP_LT},
               {"<=", OP_LE}, {">", OP_GT},  {">=", OP_GE}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (take_op(p, ops[i].text)) return ops[i].op;
    if (take_name(p, "in")) return OP_IN;
    if (is_name(p, "not") && p->t[1].kind == T_NAME && strcmp(p->t[1].text, "in") == 0) {
        p->t += 2;
        return OP_NOT_IN;
    }
    return OP_NONE;
}

static waage_status parse_compare(parser *p, node **out)
{
    node_list operands = {NULL, 0, 0};
    const uint32_t line = p->t->line;

    WAAGE_TRY(parse_binary(p, 0, out));
    for (op_kind op; (op = take_compare(p)) != OP_NONE;) {
        NEW(n, N_OPERAND);
        n->op = op;
        WAAGE_TRY(parse_binary(p, 0, &n->a));
        WAAGE_TRY(list_add(p, &operands, n));
    }
    if (!operands.n) return WAAGE_OK;
    NEW(n, N_COMPARE);
    n->line = line;
    n->a = *out;
    n->kids = operands.items;
    n->n_kids = operands.n;
    *out = n;
    return WAAGE_OK;
}

static waage_status parse_not(parser *p, node **out)
{
    if (!is_name(p, "not")) return parse_compare(p, out);
    WAAGE_TRY(enter(p));
    NEW(n, N_NOT);
    p->t++;
    *out = n;
    WAAGE_TRY(parse_not(p, &n->a));
    p->depth--;
    return WAAGE_OK;
}

static waage_status parse_and(parser *p, node **out)
{
    WAAGE_TRY(parse_not(p, out));
    while (is_name(p, "and")) {
        NEW(n, N_AND);
        p->t++;
        n->a = *out;
        WAAGE_TRY(parse_not(p, &n->b));
        *out = n;
    }
    return WAAGE_OK;
}

static waage_status parse_or(parser *p, node **out)
{
    WAAGE_TRY(parse_and(p, out));
    while (is_name(p, "or")) {
        NEW(n, N_OR);
        p->t++;
        n->a = *out;
        WAAGE_TRY(parse_and(p, &n->b));
        *out = n;
    }
    return WAAGE_OK;
}

static waage_status parse_expression(parser *p, node **out)
{
    WAAGE_TRY(enter(p));
    WAAGE_TRY(parse_or(p, out));
    while (is_name(p, "if")) {
        NEW(n, N_COND);
        p->t++;
        n->a = *out;
        WAAGE_TRY(parse_or(p, &n->b));
        if (take_name(p, "else")) WAAGE_TRY(parse_expression(p, &n->c));
        *out = n;
    }
    p->depth--;
    return WAAGE_OK;
}

/* ---- statements ---- */

static waage_status end_block(parser *p)
{
    return expect_kind(p, T_BLOCK_END, "`%}`");
}

/* {% NAME %} that closes a statement; the body parser stopped in front of NAME. */
static waage_status end_statement(parser *p, const char *name)
{
    if (!take_name(p, name)) return fail(p, "`%s` is missing", name);
    return end_block(p);
}

static waage_status parse_if(parser *p, node **out)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    static const char *const last[] = {"endif", NULL};
    NEW(n, N_IF);
    *out = n;
    WAAGE_TRY(parse_tuple(p, false, &n->a));
    WAAGE_TRY(end_block(p));
    WAAGE_TRY(parse_body(p, ends, &n->b));
    if (take_name(p, "elif")) {
        WAAGE_TRY(enter(p));
        WAAGE_TRY(parse_if(p, &n->c));
        p->depth--;
        return WAAGE_OK;
    }
    if (take_name(p, "else")) {
        WAAGE_TRY(end_block(p));
        WAAGE_TRY(parse_body(p, last, &n->c));
    }
    return end_statement(p, "endif");
}

/* a, b (also in parentheses): names to assign to; ns.x where `members` allows it. */
static waage_status parse_targets(parser *p, bool members, node *n)
{
    node_list targets = {NULL, 0, 0};
    const bool paren = take_op(p, "(");
    do {
        if (targets.n && p->t->kind != T_NAME) break;
        if (p->t->kind != T_NAME) return fail(p, "a name expected, not `%s`", describe(p->t));
        NEW(t, N_NAME);
        if (constant_name(p->t->text, &t->value))
            return fail(p, "cannot assign to `%s`", p->t->text);
        t->name = p->t->text;
        p->t++;
        if (members && take_op(p, ".")) {
            NEW(attr, N_ATTR);
            if (p->t->kind != T_NAME) return fail(p, "a name expected, not `%s`", describe(p->t));
            attr->a = t;
            attr->name = p->t->text;
            p->t++;
            t = attr;
        }
        WAAGE_TRY(list_add(p, &targets, t));
    } while (take_op(p, ","));
    n->kids = targets.items;
    n->n_kids = targets.n;
    return paren ? expect_op(p, ")") : WAAGE_OK;
}

static waage_status parse_for(parser *p, node **out)
{
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    NEW(n, N_FOR);
    *out = n;
    WAAGE_TRY(parse_targets(p, false, n));
    if (!take_name(p, "in")) return fail(p, "`in` expected, not `%s`", describe(p->t));
    /* The iterable ends at `if`, which is the loop's own filter and not a conditional expression.
     */
    WAAGE_TRY(parse_or(p, &n->a));
    if (take_name(p, "if")) WAAGE_TRY(parse_expression(p, &n->b));
    if (is_name(p, "recursive")) return refuse(p, "loop", "recursive");
    WAAGE_TRY(end_block(p));
    p->loops++;
    WAAGE_TRY(parse_body(p, ends, &n->c));
    p->loops--;
    if (take_name(p, "else")) {
        WAAGE_TRY(end_block(p));
        WAAGE_TRY(parse_body(p, last, &n->d));
    }
    return end_statement(p, "endfor");
}

static waage_status parse_set(parser *p, node **out)
{
    static const char *const ends[] = {"endset", NULL};
    NEW(n, N_SET);
    *out = n;
    WAAGE_TRY(parse_targets(p, true, n));
    if (take_op(p, "=")) {
        WAAGE_TRY(parse_tuple(p, false, &n->a));
        return end_block(p);
    }
    if (is_op(p, "|")) return refuse(p, "filter on", "set block");
    if (n->n_kids != 1) return fail(p, "a set block has one name");
    n->kind = N_SET_BLOCK;
    WAAGE_TRY(end_block(p));
    WAAGE_TRY(parse_body(p, ends, &n->a));
    return end_statement(p, "endset");
}

static waage_status parse_macro(parser *p, node **out)
{
    static const char *const ends[] = {"endmacro", NULL};
    node_list defaults = {NULL, 0, 0};
    const char *names[PARSE_MAX_ARGS];
    const int loops = p->loops;

    NEW(n, N_MACRO);
    *out = n;
    if (p->t->kind != T_NAME) return fail(p, "a name expected, not `%s`", describe(p->t));
    n->name = p->t->text;
    p->t++;
    WAAGE_TRY(expect_op(p, "("));
    while (!is_op(p, ")")) {
        if (defaults.n) WAAGE_TRY(expect_op(p, ","));
        if (defaults.n == PARSE_MAX_ARGS) return fail(p, "too many parameters");
        if (p->t->kind != T_NAME) return fail(p, "a name expected, not `%s`", describe(p->t));
        names[defaults.n] = p->t->text;
        p->t++;
        node *def = NULL;
        if (take_op(p, "=")) WAAGE_TRY(parse_expression(p, &def));
        WAAGE_TRY(list_add(p, &defaults, def));
    }
    p->t++;
    WAAGE_TRY(end_block(p));
    n->kids = defaults.items;
    n->n_kids = defaults.n;
    n->names = arena_calloc(p->a, defaults.n + 1, sizeof *n->names);
    if (!n->names) return waage_err_nomem(p->err);
    if (defaults.n) memcpy(n->names, names, defaults.n * sizeof *names);
    p->loops = 0;
    WAAGE_TRY(parse_body(p, ends, &n->a));
    p->loops = loops;
    return end_statement(p, "endmacro");
}

static waage_status parse_jump(parser *p, node_kind kind, node **out)
{
    NEW(n, kind);
    if (!p->loops) return fail(p, "break and continue belong into a loop");
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

/* {% generation %} marks the assistant's own words for training; it changes no text. */
static waage_status parse_generation(parser *p, node **out)
{
    static const char *const ends[] = {"endgeneration", NULL};
    WAAGE_TRY(end_block(p));
    WAAGE_TRY(parse_body(p, ends, out));
    return end_statement(p, "endgeneration");
}

static const struct {
    const char *name;
    waage_status (*parse)(parser *p, node **out);
} statements[] = {{"if", parse_if},
                  {"for", parse_for},
                  {"set", parse_set},
                  {"macro", parse_macro},
                  {"break", parse_break},
                  {"continue", parse_continue},
                  {"generation", parse_generation}};

static waage_status parse_statement(parser *p, node **out)
{
    if (p->t->kind != T_NAME) return fail(p, "a statement expected, not `%s`", describe(p->t));
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        if (!is_name(p, statements[i].name)) continue;
        p->t++;
        WAAGE_TRY(enter(p));
        WAAGE_TRY(statements[i].parse(p, out));
        p->depth--;
        return WAAGE_OK;
    }
    if (strncmp(p->t->text, "end", 3) == 0 || is_name(p, "else") || is_name(p, "elif"))
        return fail(p, "`%s` closes nothing", p->t->text);
    return refuse(p, "statement", p->t->text);
}

static bool is_one_of(const parser *p, const char *const *names)
{
    for (size_t i = 0; names && names[i]; i++)
        if (is_name(p, names[i])) return true;
    return false;
}

static const char *last_of(const char *const *names)
{
    while (names[1])
        names++;
    return *names;
}

/* Everything up to one of `ends` (in front of whose name it stops) or, without ends, to the end. */
static waage_status parse_body(parser *p, const char *const *ends, node **out)
{
    node_list items = {NULL, 0, 0};
    NEW(seq, N_SEQ);

    for (;;) {
        node *n = NULL;
        if (p->t->kind == T_EOF) {
            if (ends) return fail(p, "`%s` is missing", last_of(ends));
            break;
        }
        if (p->t->kind == T_TEXT) {
            n = new_node(p, N_TEXT);
            if (!n) return waage_err_nomem(p->err);
            n->value = tval_text(p->t->text, p->t->len);
            p->t++;
        } else if (p->t->kind == T_VAR_BEGIN) {
            n = new_node(p, N_PRINT);
            if (!n) return waage_err_nomem(p->err);
            p->t++;
            WAAGE_TRY(parse_tuple(p, false, &n->a));
            WAAGE_TRY(expect_kind(p, T_VAR_END, "`}}`"));
        } else {
            WAAGE_TRY(expect_kind(p, T_BLOCK_BEGIN, "text or a tag"));
            if (is_one_of(p, ends)) break;
            WAAGE_TRY(parse_statement(p, &n));
        }
        WAAGE_TRY(list_add(p, &items, n));
    }
    seq->kids = items.items;
    seq->n_kids = items.n;
    *out = seq;
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
    return expect_kind(&p, T_VAR_END, "the end of the list");
}
