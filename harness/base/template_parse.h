/* template_parse.h - what the three files of the parser share: the cursor over the tokens
 * (template_parse.c), expressions (template_expr.c) and statements (template_stmt.c). Every
 * function leaves the cursor behind what it took; a failure ends the whole parse. */
#ifndef BASE_TEMPLATE_PARSE_H
#define BASE_TEMPLATE_PARSE_H
#include "harness/base/template_impl.h"

enum { PARSE_MAX_DEPTH = 120, PARSE_MAX_ARGS = 64 };

typedef struct {
    arena *a;
    const char *name;
    const token *t; /* current token */
    const token *end;
    int depth;
    int loops;           /* loops around the current statement, within its macro */
    int recursive;       /* recursive loops around it: there `loop` can be called */
    int bodies;          /* macros and call blocks around it: there `caller` can be called */
    const char **macros; /* names of macros that the template defines anywhere */
    size_t n_macros;
    waage_err *err;
} parser;

typedef struct {
    node **items;
    size_t n, cap;
} node_list;

/* ---- the cursor: template_parse.c ---- */

/* "NAME:LINE: ..." at the current token: with WAAGE_EFORMAT; a thing the interpreter lacks, with
 * WAAGE_EUNSUPPORTED. */
waage_status parser_fail(parser *p, const char *fmt, ...) WAAGE_PRINTF(2, 3);
waage_status parser_refuse(parser *p, const char *kind, const char *what);
const char *token_describe(const token *t); /* for messages */

/* A zeroed node in the arena, of the current line; NULL when memory is out. */
node *parser_node(parser *p, node_kind kind);
/* Declares `var`, a new node, or returns from the caller without memory. */
#define PARSER_NEW(var, kind)                                                                      \
    node *var = parser_node(p, kind);                                                              \
    if (!var) return waage_err_nomem(p->err)
WAAGE_MUST_CHECK waage_status parser_add(parser *p, node_list *l, node *n);

bool parser_at_op(const parser *p, const char *op);
bool parser_at_name(const parser *p, const char *name);
/* Step over it when it is there. */
bool parser_take_op(parser *p, const char *op);
bool parser_take_name(parser *p, const char *name);
WAAGE_MUST_CHECK waage_status parser_expect_op(parser *p, const char *op);
WAAGE_MUST_CHECK waage_status parser_expect(parser *p, token_kind kind, const char *what);
/* One level deeper; the caller takes p->depth back when it is done. */
WAAGE_MUST_CHECK waage_status parser_enter(parser *p);

/* ---- expressions: template_expr.c ---- */

WAAGE_MUST_CHECK waage_status parse_expression(parser *p, node **out);
/* An expression without a trailing `if`, which belongs to the loop in {% for x in e if c %}. */
WAAGE_MUST_CHECK waage_status parse_or(parser *p, node **out);
WAAGE_MUST_CHECK waage_status parse_tuple(parser *p, bool inside, node **out);
/* NAME(...)|NAME(...) behind `{% filter`, applied to *n. */
WAAGE_MUST_CHECK waage_status parse_filter_chain(parser *p, node **n);
/* true, false, none in either spelling. */
bool parse_constant(const char *s, tval *out);

/* ---- statements: template_stmt.c ---- */

WAAGE_MUST_CHECK waage_status parse_body(parser *p, const char *const *ends, node **out);
#endif
