/* template_impl.h - what the parts of the template interpreter share; not for other modules.
 * Source -> tokens (template_lex.c) -> tree (template_parse.c) -> text (template_exec.c for
 * statements, template_eval.c for expressions), with the values in template_value.c, the operators
 * in template_op.c, and filters, tests, methods and functions in the tables that template_call.c
 * searches. template.c is what other modules see. */
#ifndef BASE_TEMPLATE_IMPL_H
#define BASE_TEMPLATE_IMPL_H
#include "harness/base/template.h"

/* ---- values ---- */

/* A string that knows which of its bytes data wrote. */
typedef struct {
    const char *s; /* not NUL-terminated when it is a slice */
    size_t len;
    const uint8_t *mask; /* (len) 1: data; NULL: `data` holds for all bytes */
    bool data;
} tstr;

typedef enum {
    TV_UNDEFINED,
    TV_NONE,
    TV_BOOL,
    TV_INT,
    TV_FLOAT,
    TV_STR,
    TV_LIST,
    TV_MAP,
    TV_NAMESPACE, /* a map whose members {% set ns.x = ... %} may change */
    TV_LOOP,
    TV_MACRO
} tv_kind;

typedef struct tval tval;
typedef struct tlist tlist;
typedef struct tmap tmap;
typedef struct tloop tloop;
typedef struct tmacro tmacro;
typedef struct frame frame; /* the names of one scope: template_exec.c */
typedef struct node node;

struct tval {
    tv_kind kind;
    bool html; /* TV_STR: Jinja2 holds it for HTML (`safe`), and escapes what is joined to it */
    union {
        bool b;
        int64_t i;
        double f;
        tstr str; /* TV_STR; TV_UNDEFINED: the name for messages */
        tlist *list;
        tmap *map; /* TV_MAP and TV_NAMESPACE */
        tloop *loop;
        const tmacro *macro; /* NULL: the name of a function, good for `is defined` only */
    } u;
};

/* What looks like a list to a template, but is none in Python: it has no text, and none but a range
 * has members by number. */
typedef enum {
    LIST_PLAIN,
    LIST_RANGE,
    LIST_VIEW,     /* of a map: keys(), values(), items() */
    LIST_GENERATOR /* map, select and their kin: always true, and can be walked over once */
} list_kind;

struct tlist {
    tval *items;
    size_t n, cap;
    bool tuple; /* prints as (a, b) */
    bool group; /* a tuple whose members are also called `grouper` and `list` */
    bool used;  /* a generator that was walked over */
    list_kind is;
};

typedef struct {
    tval key, val;
} tpair;

struct tmap {
    tpair *pairs;
    size_t n, cap;
};

struct tloop {
    size_t index0, n;
    const tval *items; /* (n) */
    size_t depth0;     /* of a recursive loop: calls of `loop` around this one */
    const node *def;   /* N_FOR */
    frame *scope;      /* where the statement stands */
    tlist *changed;    /* what loop.changed() saw last, or NULL */
};

struct tmacro {
    const node *def; /* N_MACRO */
    frame *scope;    /* where it was defined: its body sees the names of this place */
};

/* A growing text with the writer of each byte. */
typedef struct {
    strbuf text, mask;
} tbuf;

#define TBUF_EMPTY                                                                                 \
    {                                                                                              \
        STRBUF_EMPTY, STRBUF_EMPTY                                                                 \
    }

/* ---- tree ---- */

typedef enum {
    /* statements */
    N_SEQ,
    N_TEXT,
    N_PRINT,
    N_IF,
    N_FOR,
    N_SET,
    N_WITH,
    N_MACRO,
    N_CALL_BLOCK,
    N_BREAK,
    N_CONTINUE,
    N_SCOPE,
    /* expressions */
    N_CONST,
    N_NAME,
    N_ATTR,
    N_INDEX,
    N_SLICE,
    N_LIST,
    N_DICT,
    N_CALL,
    N_METHOD,
    N_FILTER,
    N_TEST,
    N_NEG,
    N_POS,
    N_NOT,
    N_AND,
    N_OR,
    N_BINARY,
    N_COMPARE,
    N_OPERAND,
    N_COND,
    N_CAPTURE
} node_kind;

typedef enum {
    OP_NONE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_FLOORDIV,
    OP_MOD,
    OP_POW,
    OP_CONCAT,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_IN,
    OP_NOT_IN
} op_kind;

typedef struct callee callee; /* a filter, test, method or function */

/* The special names that the body of a macro uses; only then it has them. */
enum { MACRO_CALLER = 1, MACRO_VARARGS = 2, MACRO_KWARGS = 4 };

struct node {
    node_kind kind;
    op_kind op;
    uint32_t line;
    bool flag;        /* N_LIST: tuple; N_FOR: recursive; N_PRINT: only text may be printed */
    uint8_t takes;    /* N_MACRO: MACRO_* */
    const char *name; /* name, attribute, target */
    tval value;       /* N_CONST, N_TEXT */
    node *a, *b, *c, *d;
    node **kids; /* (n_kids) statements, items, arguments, targets */
    size_t n_kids;
    const char **names; /* (n_kids) keyword of each argument or NULL; N_MACRO: parameter names */
    const callee *fn;
};
/* N_IF      a condition, b then, c else (N_IF again for elif) or NULL
 * N_FOR     kids targets (names), a iterable, b filter or NULL, c body, d else or NULL
 * N_SET     kids targets: N_NAME or N_ATTR of a name; a value
 * N_WITH    kids N_SET, a body
 * N_MACRO   name, names parameters, kids defaults (NULL: none), a body
 * N_CALL_BLOCK a N_CALL of a macro, b N_MACRO that it gets as `caller`
 * N_CAPTURE what the body a prints, as a string
 * N_INDEX   a[b]; N_SLICE a[b:c:d], each may be NULL; N_ATTR a.name
 * N_CALL    a callee name (macro) or fn, kids arguments; N_METHOD a.fn(kids)
 * N_FILTER  a | fn(kids); N_TEST a is fn(kids)
 * N_COMPARE a, kids N_OPERAND(op, a); N_COND a if b else c; N_DICT kids key, value, key, ... */

/* ---- tokens ---- */

typedef enum {
    T_EOF,
    T_TEXT,
    T_VAR_BEGIN,
    T_VAR_END,
    T_BLOCK_BEGIN,
    T_BLOCK_END,
    T_NAME,
    T_INT,
    T_FLOAT,
    T_STR,
    T_OP
} token_kind;

typedef struct {
    token_kind kind;
    uint32_t line;
    char op[3];       /* T_OP: "+", "==", ... */
    const char *text; /* T_TEXT, T_STR (decoded), T_NAME, T_INT, T_FLOAT: NUL-terminated */
    size_t len;
} token;

/* *out: tokens in `a`, the last one T_EOF. */
WAAGE_MUST_CHECK waage_status template_lex(token **out, size_t *n, arena *a, const char *source,
                                           size_t len, const char *name, uint32_t line0,
                                           const template_options *opt, waage_err *err);
WAAGE_MUST_CHECK waage_status template_parse(node **out, arena *a, const token *tokens, size_t n,
                                             const char *name, waage_err *err);
/* An expression alone ("[1, 'a']"); used for printed lists. */
WAAGE_MUST_CHECK waage_status template_parse_expression(node **out, arena *a, const char *text,
                                                        size_t len, waage_err *err);

/* ---- a rendering ---- */

enum { RENDER_MAX_DEPTH = 600 };

typedef struct {
    const template *t;
    arena *a; /* temporaries */
    const char *date;
    uint64_t steps_left;
    size_t max_output;
    size_t depth;   /* of nested evaluations, at most RENDER_MAX_DEPTH */
    frame *root;    /* top-level variables */
    node_kind jump; /* N_BREAK or N_CONTINUE while one is under way, else N_SEQ */
    waage_err *err;
} render;

struct template
{
    template_options opt;
    const char *name;
    node *root;
    const token *tokens; /* (n_tokens) */
    size_t n_tokens;
};

/* "NAME:LINE: ..." with WAAGE_EFORMAT. */
waage_status render_fail(render *r, uint32_t line, const char *fmt, ...) WAAGE_PRINTF(3, 4);
/* Charge the limits for n bytes of work; fails when the steps are used up. */
WAAGE_MUST_CHECK waage_status render_charge(render *r, uint32_t line, size_t n_bytes);
WAAGE_MUST_CHECK waage_status render_eval(render *r, frame *f, const node *n, tval *out);
/* The truth of an expression; a strict template does not let an undefined one pass as false. */
WAAGE_MUST_CHECK waage_status render_truth(render *r, frame *f, const node *n, bool *out);
WAAGE_MUST_CHECK waage_status render_exec(render *r, frame *f, const node *n, tbuf *out);
/* Call of a macro, or of `loop` in a recursive loop, by its name; caller: of a call block, or NULL.
 */
WAAGE_MUST_CHECK waage_status render_call(render *r, frame *f, const node *call, const tval *caller,
                                          tval *out);
/* What a body prints, in a scope of its own. */
WAAGE_MUST_CHECK waage_status render_capture(render *r, frame *f, const node *body, tval *out);

/* A scope inside of `parent` (NULL: the outermost one); NULL when memory is out. */
frame *frame_new(render *r, frame *parent);
const tval *frame_find(const frame *f, const char *name); /* here or further out, or NULL */
WAAGE_MUST_CHECK waage_status frame_bind(render *r, frame *f, const char *name, tval v);

/* ---- values: template_value.c ---- */

tval tval_none(void);
tval tval_bool(bool b);
tval tval_int(int64_t i);
tval tval_float(double f);
tval tval_undefined(const char *name);
tval tval_text(const char *s, size_t len); /* borrowed, written by the template */
tval tval_str(tstr s);
const char *tval_kind_name(const tval *v);
/* An undefined value that a strict template must not touch; `data` marks the lenient ones. */
bool tval_is_unusable(const render *r, const tval *v);

/* Deep copy of a value into template values (strings are borrowed) and back. */
WAAGE_MUST_CHECK waage_status tval_from_value(render *r, const value *v, bool data, tval *out);
value *tval_to_value(arena *a, const tval *v); /* NULL when memory is out */

bool tval_truth(const tval *v);
bool tval_equal(const tval *a, const tval *b);
/* -1, 0, 1; false when the kinds have no order. */
bool tval_order(const tval *a, const tval *b, int *out);
size_t tval_length(const tval *v, bool *ok); /* Python's len(): characters of a string */

WAAGE_MUST_CHECK waage_status tlist_new(render *r, tlist **out);
WAAGE_MUST_CHECK waage_status tlist_add(render *r, tlist *l, tval v);
WAAGE_MUST_CHECK waage_status tmap_new(render *r, tmap **out);
WAAGE_MUST_CHECK waage_status tmap_set(render *r, tmap *m, tval key, tval val);
const tval *tmap_get(const tmap *m, const char *key, size_t len);
/* The members that `for` walks over: items, keys, characters. */
WAAGE_MUST_CHECK waage_status tval_items(render *r, uint32_t line, const tval *v, tlist **out);

tstr tstr_slice(tstr s, size_t start, size_t end); /* bytes */
bool tstr_same(tstr a, tstr b);
/* Position of b in a at or after byte `from`, or SIZE_MAX. */
size_t tstr_find(tstr a, tstr b, size_t from);
size_t tstr_find_last(tstr a, tstr b);
/* Python's isupper() and islower(): template_text.c. */
bool tstr_has_case(tstr s, bool upper);

void tbuf_free(tbuf *b);
void tbuf_put(tbuf *b, tstr s);
void tbuf_puts(tbuf *b, const char *s); /* written by the template */
WAAGE_MUST_CHECK waage_status tbuf_check(render *r, uint32_t line, const tbuf *b);
/* The text as a string of the rendering; the buffer is freed. */
WAAGE_MUST_CHECK waage_status tbuf_take(render *r, uint32_t line, tbuf *b, tstr *out);
WAAGE_MUST_CHECK waage_status tbuf_take_value(render *r, uint32_t line, tbuf *b, tval *out);

/* str(v) and repr(v) of Python, JSON text. Strict templates refuse undefined values. */
WAAGE_MUST_CHECK waage_status tval_print(render *r, uint32_t line, const tval *v, tbuf *out);
WAAGE_MUST_CHECK waage_status tval_to_str(render *r, uint32_t line, const tval *v, tstr *out);
WAAGE_MUST_CHECK waage_status tval_print_repr(render *r, uint32_t line, const tval *v, tbuf *out);
typedef struct {
    int indent; /* < 0: one line */
    bool sort, html, ascii;
    const char *item_sep, *key_sep;
} json_style;
WAAGE_MUST_CHECK waage_status tval_put_json(render *r, uint32_t line, const tval *v,
                                            const json_style *st, int depth, tbuf *out);

/* ---- operators: template_op.c ---- */

WAAGE_MUST_CHECK waage_status tval_binary(render *r, const node *n, const tval *a, const tval *b,
                                          tval *out);
WAAGE_MUST_CHECK waage_status tval_contains(render *r, uint32_t line, const tval *item,
                                            const tval *in, bool *out);
/* v[key] as Jinja2 has it: undefined when there is none. */
WAAGE_MUST_CHECK waage_status tval_item(render *r, uint32_t line, const tval *v, const tval *key,
                                        tval *out);
/* format % value, as printf: template_format.c. */
WAAGE_MUST_CHECK waage_status tval_format(render *r, uint32_t line, tstr format, const tval *value,
                                          tval *out);
/* A number or a bool, both as f and, when *is_int, as i; false for all others. */
bool tval_number(const tval *v, double *f, int64_t *i, bool *is_int);

/* ---- calls: template_call.c ---- */

typedef enum { CALL_FILTER, CALL_TEST, CALL_METHOD, CALL_FUNCTION } call_kind;

typedef struct {
    uint32_t line;
    const tval *args; /* (max_args + 1) in the order of the parameters; absent: TV_UNDEFINED */
    size_t n;         /* arguments given */
    const char *const *names; /* (n) keywords as written, for callees with params "**" */
} call_args;

struct callee {
    call_kind kind;
    const char *name;
    uint8_t min_args, max_args; /* positional and keyword together, without the subject */
    const char *params;         /* names of the parameters, separated by blanks, in order */
    waage_status (*run)(render *r, const call_args *c, const tval *self, tval *out);
};

typedef struct {
    const callee *items; /* (n) */
    size_t n;
} callee_table;

extern const callee_table template_text_callees, template_list_callees, template_filter_callees,
    template_test_callees, template_function_callees, template_order_callees,
    template_split_callees, template_format_callees;

/* NULL: not implemented. */
const callee *callee_find(call_kind kind, const char *name);
/* Is this attribute a method of Python's dict, so that `.name` cannot mean a member? */
bool callee_is_map_method(const char *name);
/* Index of a keyword among the parameters, or -1. */
int callee_param(const callee *c, const char *keyword);
/* Evaluate arguments and run. */
WAAGE_MUST_CHECK waage_status callee_run(render *r, frame *f, const node *call, const tval *self,
                                         tval *out);

/* For the callees: was this argument given; `what` is not for a value like v; strings only. */
bool call_given(const tval *v);
waage_status call_wrong(render *r, const call_args *c, const char *what, const tval *v);
WAAGE_MUST_CHECK waage_status call_need_str(render *r, const call_args *c, const tval *v,
                                            const char *what);
/* s without white space, or without the characters in `chars`, at its ends: template_text.c. */
tstr tstr_strip(tstr s, const tstr *chars, bool left, bool right);
/* A member by attribute name or path "a.b", as map(attribute=) has it: template_list.c. */
WAAGE_MUST_CHECK waage_status tval_member(render *r, uint32_t line, const tval *v, const tval *attr,
                                          tval *out);
#endif
