/* template_expr.c - expressions, by recursive descent with Jinja2's precedences: from literals over
 * calls, filters and tests to the operators and `a if b else c`. Names of filters, tests, methods
 * and functions are looked up here, and their arguments counted. */
#include "harness/base/template_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* (args): positional, then keyword. The opening parenthesis was taken. */
static waage_status parse_arguments(parser *p, node *call)
{
    node_list args = {NULL, 0, 0};
    const char *names[PARSE_MAX_ARGS];
    bool keyword = false;

    while (!parser_at_op(p, ")")) {
        if (args.n) {
            WAAGE_TRY(parser_expect_op(p, ","));
            if (parser_at_op(p, ")")) break;
        }
        if (args.n == PARSE_MAX_ARGS) return parser_fail(p, "too many arguments");
        if (parser_at_op(p, "*") || parser_at_op(p, "**"))
            return parser_refuse(p, "argument", p->t->op);
        names[args.n] = NULL;
        if (p->t->kind == T_NAME && p->t[1].kind == T_OP && strcmp(p->t[1].op, "=") == 0) {
            names[args.n] = p->t->text;
            keyword = true;
            p->t += 2;
        } else if (keyword) {
            return parser_fail(p, "a positional argument follows one with a keyword");
        }
        node *arg;
        WAAGE_TRY(parse_expression(p, &arg));
        WAAGE_TRY(parser_add(p, &args, arg));
    }
    WAAGE_TRY(parser_expect_op(p, ")"));
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
        return parser_fail(p, "wrong number of arguments for `%s`", fn->name);
    for (size_t i = 0; i < call->n_kids; i++) {
        if (!call->names[i] || strcmp(fn->params, "**") == 0) continue;
        const int at = callee_param(fn, call->names[i]);
        if (at < 0) return parser_refuse(p, "argument", call->names[i]);
        if ((size_t)at < call->n_kids && !call->names[at] && at != (int)i)
            return parser_fail(p, "argument `%s` is given twice", call->names[i]);
    }
    return WAAGE_OK;
}

static waage_status parse_list(parser *p, node **out)
{
    PARSER_NEW(n, N_LIST);
    node_list items = {NULL, 0, 0};
    p->t++;
    while (!parser_at_op(p, "]")) {
        if (items.n) {
            WAAGE_TRY(parser_expect_op(p, ","));
            if (parser_at_op(p, "]")) break;
        }
        node *item;
        WAAGE_TRY(parse_expression(p, &item));
        WAAGE_TRY(parser_add(p, &items, item));
    }
    n->kids = items.items;
    n->n_kids = items.n;
    *out = n;
    return parser_expect_op(p, "]");
}

static waage_status parse_dict(parser *p, node **out)
{
    PARSER_NEW(n, N_DICT);
    node_list items = {NULL, 0, 0};
    p->t++;
    while (!parser_at_op(p, "}")) {
        if (items.n) {
            WAAGE_TRY(parser_expect_op(p, ","));
            if (parser_at_op(p, "}")) break;
        }
        node *key, *val;
        WAAGE_TRY(parse_expression(p, &key));
        WAAGE_TRY(parser_expect_op(p, ":"));
        WAAGE_TRY(parse_expression(p, &val));
        WAAGE_TRY(parser_add(p, &items, key));
        WAAGE_TRY(parser_add(p, &items, val));
    }
    n->kids = items.items;
    n->n_kids = items.n;
    *out = n;
    return parser_expect_op(p, "}");
}

/* a, b, c as a tuple; a alone as itself, unless a comma follows. `end` closes it when inside (). */
waage_status parse_tuple(parser *p, bool inside, node **out)
{
    node_list items = {NULL, 0, 0};
    bool comma = false;
    const uint32_t line = p->t->line;

    while (!(inside && parser_at_op(p, ")")) && p->t->kind != T_BLOCK_END &&
           p->t->kind != T_VAR_END) {
        node *item;
        WAAGE_TRY(parse_expression(p, &item));
        WAAGE_TRY(parser_add(p, &items, item));
        if (!parser_take_op(p, ",")) break;
        comma = true;
    }
    if (items.n == 1 && !comma) {
        *out = items.items[0];
        return WAAGE_OK;
    }
    if (items.n == 0 && !inside)
        return parser_fail(p, "an expression expected, not `%s`", token_describe(p->t));
    PARSER_NEW(n, N_LIST);
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
        if (errno == ERANGE) return parser_fail(p, "an integer does not fit into 64 bits");
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

bool parse_constant(const char *s, tval *out)
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
    if (parser_at_op(p, "[")) return parse_list(p, out);
    if (parser_at_op(p, "{")) return parse_dict(p, out);
    if (parser_take_op(p, "(")) {
        WAAGE_TRY(parse_tuple(p, true, out));
        return parser_expect_op(p, ")");
    }
    PARSER_NEW(n, N_CONST);
    *out = n;
    if (p->t->kind == T_INT || p->t->kind == T_FLOAT) return parse_number(p, n);
    if (p->t->kind == T_STR) return parse_string(p, n);
    if (p->t->kind != T_NAME)
        return parser_fail(p, "an expression expected, not `%s`", token_describe(p->t));
    if (!parse_constant(p->t->text, &n->value)) {
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
        PARSER_NEW(n, N_INDEX);
        PARSER_NEW(key, N_CONST);
        WAAGE_TRY(parse_number(p, key));
        n->a = obj;
        n->b = key;
        *out = n;
        return WAAGE_OK;
    }
    if (p->t->kind != T_NAME)
        return parser_fail(p, "a name expected behind the dot, not `%s`", token_describe(p->t));
    PARSER_NEW(n, N_ATTR);
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
    if (!n->fn) return parser_refuse(p, "method", n->name);
    p->t += 2;
    WAAGE_TRY(parse_arguments(p, n));
    return check_arguments(p, n);
}

static waage_status parse_subscript(parser *p, node *obj, node **out)
{
    PARSER_NEW(n, N_INDEX);
    node **part[3] = {&n->b, &n->c, &n->d};
    n->a = obj;
    for (size_t i = 0; i < 3; i++) {
        if (!parser_at_op(p, ":") && !parser_at_op(p, "]")) WAAGE_TRY(parse_expression(p, part[i]));
        if (!parser_take_op(p, ":")) break;
        n->kind = N_SLICE;
        if (i == 2) return parser_fail(p, "a slice has at most three parts");
    }
    if (n->kind == N_INDEX && !n->b) return parser_fail(p, "an index is missing between [ and ]");
    if (parser_at_op(p, ",")) return parser_refuse(p, "index", "tuple");
    *out = n;
    return parser_expect_op(p, "]");
}

/* Is it called as a macro, and not as a function? */
static bool is_macro(const parser *p, const char *name)
{
    if (p->bodies && strcmp(name, "caller") == 0) return true;
    if (p->recursive && strcmp(name, "loop") == 0) return true;
    for (size_t i = 0; i < p->n_macros; i++)
        if (strcmp(p->macros[i], name) == 0) return true;
    return false;
}

static waage_status parse_call(parser *p, node *obj, node **out)
{
    if (obj->kind != N_NAME) return parser_refuse(p, "call of", "an expression");
    PARSER_NEW(n, N_CALL);
    n->name = obj->name;
    if (!is_macro(p, n->name)) {
        n->fn = callee_find(CALL_FUNCTION, n->name);
        if (!n->fn) return parser_refuse(p, "function", n->name);
    }
    p->t++;
    WAAGE_TRY(parse_arguments(p, n));
    *out = n;
    return n->fn ? check_arguments(p, n) : WAAGE_OK;
}

static waage_status parse_postfix(parser *p, node **n)
{
    for (;;) {
        if (parser_take_op(p, "."))
            WAAGE_TRY(parse_attribute(p, *n, n));
        else if (parser_take_op(p, "["))
            WAAGE_TRY(parse_subscript(p, *n, n));
        else if (parser_at_op(p, "("))
            WAAGE_TRY(parse_call(p, *n, n));
        else
            return WAAGE_OK;
    }
}

static waage_status parse_filter(parser *p, node **n)
{
    if (p->t->kind != T_NAME)
        return parser_fail(p, "a filter's name expected, not `%s`", token_describe(p->t));
    PARSER_NEW(f, N_FILTER);
    f->a = *n;
    f->name = p->t->text;
    f->fn = callee_find(CALL_FILTER, f->name);
    if (!f->fn) return parser_refuse(p, "filter", f->name);
    f->names = arena_calloc(p->a, 1, sizeof *f->names);
    if (!f->names) return waage_err_nomem(p->err);
    p->t++;
    if (parser_take_op(p, "(")) WAAGE_TRY(parse_arguments(p, f));
    *n = f;
    return check_arguments(p, f);
}

waage_status parse_filter_chain(parser *p, node **n)
{
    do
        WAAGE_TRY(parse_filter(p, n));
    while (parser_take_op(p, "|"));
    return WAAGE_OK;
}

/* Can this token begin the bare argument of a test (`is divisibleby 3`)? */
static bool begins_test_argument(const parser *p)
{
    static const char *const not_these[] = {"else", "or", "and", "is", "if", "in", "not", NULL};
    if (p->t->kind == T_NAME) {
        for (size_t i = 0; not_these[i]; i++)
            if (parser_at_name(p, not_these[i])) return false;
        return true;
    }
    return p->t->kind == T_STR || p->t->kind == T_INT || p->t->kind == T_FLOAT ||
           parser_at_op(p, "[") || parser_at_op(p, "{");
}

static waage_status parse_test(parser *p, node **n)
{
    const bool negated = parser_take_name(p, "not");
    const char *name = parser_at_name(p, "in") ? "in" : p->t->kind == T_NAME ? p->t->text : NULL;
    if (!name) return parser_fail(p, "a test's name expected, not `%s`", token_describe(p->t));
    PARSER_NEW(t, N_TEST);
    t->a = *n;
    t->name = name;
    t->fn = callee_find(CALL_TEST, name);
    if (!t->fn) return parser_refuse(p, "test", name);
    t->names = arena_calloc(p->a, 2, sizeof *t->names);
    if (!t->names) return waage_err_nomem(p->err);
    p->t++;
    if (parser_take_op(p, "(")) {
        WAAGE_TRY(parse_arguments(p, t));
    } else if (begins_test_argument(p)) {
        node_list arg = {NULL, 0, 0};
        node *e;
        WAAGE_TRY(parse_primary(p, &e));
        WAAGE_TRY(parse_postfix(p, &e));
        WAAGE_TRY(parser_add(p, &arg, e));
        t->kids = arg.items;
        t->n_kids = 1;
    } else if (parser_at_name(p, "is") || parser_at_name(p, "if") || parser_at_name(p, "in") ||
               parser_at_name(p, "not")) {
        return parser_fail(p, "`%s` right behind a test; put the test in brackets", p->t->text);
    }
    WAAGE_TRY(check_arguments(p, t));
    *n = t;
    if (!negated) return WAAGE_OK;
    PARSER_NEW(inverse, N_NOT);
    inverse->a = t;
    *n = inverse;
    return WAAGE_OK;
}

static waage_status parse_filters(parser *p, node **n)
{
    for (;;) {
        if (parser_take_op(p, "|"))
            WAAGE_TRY(parse_filter(p, n));
        else if (parser_take_name(p, "is"))
            WAAGE_TRY(parse_test(p, n));
        else if (parser_at_op(p, "("))
            WAAGE_TRY(parse_call(p, *n, n));
        else
            return WAAGE_OK;
    }
}

static waage_status parse_unary(parser *p, bool with_filters, node **out)
{
    WAAGE_TRY(parser_enter(p));
    if (parser_at_op(p, "-") || parser_at_op(p, "+")) {
        PARSER_NEW(n, parser_at_op(p, "-") ? N_NEG : N_POS);
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
        if (binary_ops[i].level == level && parser_at_op(p, binary_ops[i].text))
            return binary_ops[i].op;
    return OP_NONE;
}

static waage_status parse_binary(parser *p, int level, node **out)
{
    if (level == 4) return parse_unary(p, true, out);
    WAAGE_TRY(parse_binary(p, level + 1, out));
    for (op_kind op; (op = binary_op(p, level)) != OP_NONE;) {
        PARSER_NEW(n, N_BINARY);
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
        if (parser_take_op(p, ops[i].text)) return ops[i].op;
    if (parser_take_name(p, "in")) return OP_IN;
    if (parser_at_name(p, "not") && p->t[1].kind == T_NAME && strcmp(p->t[1].text, "in") == 0) {
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
        PARSER_NEW(n, N_OPERAND);
        n->op = op;
        WAAGE_TRY(parse_binary(p, 0, &n->a));
        WAAGE_TRY(parser_add(p, &operands, n));
    }
    if (!operands.n) return WAAGE_OK;
    PARSER_NEW(n, N_COMPARE);
    n->line = line;
    n->a = *out;
    n->kids = operands.items;
    n->n_kids = operands.n;
    *out = n;
    return WAAGE_OK;
}

static waage_status parse_not(parser *p, node **out)
{
    if (!parser_at_name(p, "not")) return parse_compare(p, out);
    WAAGE_TRY(parser_enter(p));
    PARSER_NEW(n, N_NOT);
    p->t++;
    *out = n;
    WAAGE_TRY(parse_not(p, &n->a));
    p->depth--;
    return WAAGE_OK;
}

static waage_status parse_and(parser *p, node **out)
{
    WAAGE_TRY(parse_not(p, out));
    while (parser_at_name(p, "and")) {
        PARSER_NEW(n, N_AND);
        p->t++;
        n->a = *out;
        WAAGE_TRY(parse_not(p, &n->b));
        *out = n;
    }
    return WAAGE_OK;
}

waage_status parse_or(parser *p, node **out)
{
    WAAGE_TRY(parse_and(p, out));
    while (parser_at_name(p, "or")) {
        PARSER_NEW(n, N_OR);
        p->t++;
        n->a = *out;
        WAAGE_TRY(parse_and(p, &n->b));
        *out = n;
    }
    return WAAGE_OK;
}

waage_status parse_expression(parser *p, node **out)
{
    WAAGE_TRY(parser_enter(p));
    WAAGE_TRY(parse_or(p, out));
    while (parser_at_name(p, "if")) {
        PARSER_NEW(n, N_COND);
        p->t++;
        n->a = *out;
        WAAGE_TRY(parse_or(p, &n->b));
        if (parser_take_name(p, "else")) WAAGE_TRY(parse_expression(p, &n->c));
        *out = n;
    }
    p->depth--;
    return WAAGE_OK;
}
