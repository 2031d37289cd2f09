/* template_test.c - the tests behind `is`: what kind a value has, and how it compares. */
#include "harness/base/template_impl.h"

#define TEST(name, expression)                                                                     \
    static waage_status test_##name(render *r, const call_args *c, const tval *v, tval *out)       \
    {                                                                                              \
        (void)r;                                                                                   \
        (void)c;                                                                                   \
        *out = tval_bool(expression);                                                              \
        return WAAGE_OK;                                                                           \
    }
TEST(defined, v->kind != TV_UNDEFINED)
TEST(undefined, v->kind == TV_UNDEFINED)
TEST(none, v->kind == TV_NONE)
TEST(boolean, v->kind == TV_BOOL)
TEST(true, v->kind == TV_BOOL && v->u.b)
TEST(false, v->kind == TV_BOOL && !v->u.b)
TEST(integer, v->kind == TV_INT)
TEST(float, v->kind == TV_FLOAT)
TEST(number, v->kind == TV_INT || v->kind == TV_FLOAT || v->kind == TV_BOOL)
TEST(string, v->kind == TV_STR)
TEST(mapping, v->kind == TV_MAP)
TEST(callable, v->kind == TV_MACRO || v->kind == TV_UNDEFINED) /* as in Jinja2 */
TEST(iterable,
     v->kind == TV_STR || v->kind == TV_LIST || v->kind == TV_MAP || v->kind == TV_UNDEFINED)
TEST(sequence, v->kind == TV_STR || (v->kind == TV_LIST && v->u.list->is <= LIST_RANGE) ||
                   v->kind == TV_MAP || (v->kind == TV_UNDEFINED && !tval_is_unusable(r, v)))

static waage_status equality(render *r, const call_args *c, const tval *v, bool want, tval *out)
{
    const tval *bad = tval_is_unusable(r, v) ? v : &c->args[0];
    if (tval_is_unusable(r, bad)) return render_fail(r, c->line, "`%s` is undefined", bad->u.str.s);
    *out = tval_bool(tval_equal(v, &c->args[0]) == want);
    return WAAGE_OK;
}

static waage_status test_eq(render *r, const call_args *c, const tval *v, tval *out)
{
    return equality(r, c, v, true, out);
}

static waage_status test_ne(render *r, const call_args *c, const tval *v, tval *out)
{
    return equality(r, c, v, false, out);
}

static waage_status order_test(render *r, const call_args *c, const tval *v, int sign, bool equal,
                               tval *out)
{
    int order;
    if (!tval_order(v, &c->args[0], &order)) return call_wrong(r, c, "comparison", v);
    *out = tval_bool(order == sign || (equal && order == 0));
    return WAAGE_OK;
}

static waage_status test_lt(render *r, const call_args *c, const tval *v, tval *out)
{
    return order_test(r, c, v, -1, false, out);
}

static waage_status test_le(render *r, const call_args *c, const tval *v, tval *out)
{
    return order_test(r, c, v, -1, true, out);
}

static waage_status test_gt(render *r, const call_args *c, const tval *v, tval *out)
{
    return order_test(r, c, v, 1, false, out);
}

static waage_status test_ge(render *r, const call_args *c, const tval *v, tval *out)
{
    return order_test(r, c, v, 1, true, out);
}

static waage_status case_test(render *r, const call_args *c, const tval *v, bool upper, tval *out)
{
    tstr s;
    WAAGE_TRY(tval_to_str(r, c->line, v, &s));
    *out = tval_bool(tstr_has_case(s, upper));
    return WAAGE_OK;
}

static waage_status test_lower(render *r, const call_args *c, const tval *v, tval *out)
{
    return case_test(r, c, v, false, out);
}

static waage_status test_upper(render *r, const call_args *c, const tval *v, tval *out)
{
    return case_test(r, c, v, true, out);
}

/* One object and the same: true, false and none are, lists and maps where they are; whether two
 * numbers or strings are is Python's own affair. */
static waage_status test_sameas(render *r, const call_args *c, const tval *v, tval *out)
{
    const tval *w = &c->args[0];
    const tv_kind k = v->kind;
    if (k == w->kind && (k == TV_UNDEFINED || k == TV_INT || k == TV_FLOAT || k == TV_STR))
        return call_wrong(r, c, "sameas", v);
    *out = tval_bool(k == w->kind && (k == TV_LIST  ? v->u.list == w->u.list
                                      : k == TV_MAP ? v->u.map == w->u.map
                                                    : tval_equal(v, w)));
    return WAAGE_OK;
}

static waage_status test_in(render *r, const call_args *c, const tval *v, tval *out)
{
    bool in;
    WAAGE_TRY(tval_contains(r, c->line, v, &c->args[0], &in));
    *out = tval_bool(in);
    return WAAGE_OK;
}

static waage_status remainder_test(render *r, const call_args *c, const tval *v, int64_t by,
                                   int64_t want, tval *out)
{
    if (v->kind != TV_INT && v->kind != TV_BOOL) return call_wrong(r, c, "odd/even/divisibleby", v);
    if (by == 0) return render_fail(r, c->line, "division by zero");
    const int64_t i = v->kind == TV_BOOL ? v->u.b : v->u.i;
    *out = tval_bool(by == -1 ? want == 0 : i % by == want || i % by == -want);
    return WAAGE_OK;
}

static waage_status test_odd(render *r, const call_args *c, const tval *v, tval *out)
{
    return remainder_test(r, c, v, 2, 1, out);
}

static waage_status test_even(render *r, const call_args *c, const tval *v, tval *out)
{
    return remainder_test(r, c, v, 2, 0, out);
}

static waage_status test_divisibleby(render *r, const call_args *c, const tval *v, tval *out)
{
    if (c->args[0].kind != TV_INT) return call_wrong(r, c, "divisibleby", &c->args[0]);
    return remainder_test(r, c, v, c->args[0].u.i, 0, out);
}

// clang-format off
static const callee callees[] = {
    {CALL_TEST, "!=", 1, 1, "other", test_ne},
    {CALL_TEST, "<", 1, 1, "other", test_lt},
    {CALL_TEST, "<=", 1, 1, "other", test_le},
    {CALL_TEST, "==", 1, 1, "other", test_eq},
    {CALL_TEST, ">", 1, 1, "other", test_gt},
    {CALL_TEST, ">=", 1, 1, "other", test_ge},
    {CALL_TEST, "boolean", 0, 0, "", test_boolean},
    {CALL_TEST, "callable", 0, 0, "", test_callable},
    {CALL_TEST, "defined", 0, 0, "", test_defined},
    {CALL_TEST, "divisibleby", 1, 1, "num", test_divisibleby},
    {CALL_TEST, "eq", 1, 1, "other", test_eq},
    {CALL_TEST, "equalto", 1, 1, "other", test_eq},
    {CALL_TEST, "even", 0, 0, "", test_even},
    {CALL_TEST, "false", 0, 0, "", test_false},
    {CALL_TEST, "float", 0, 0, "", test_float},
    {CALL_TEST, "ge", 1, 1, "other", test_ge},
    {CALL_TEST, "greaterthan", 1, 1, "other", test_gt},
    {CALL_TEST, "gt", 1, 1, "other", test_gt},
    {CALL_TEST, "in", 1, 1, "seq", test_in},
    {CALL_TEST, "integer", 0, 0, "", test_integer},
    {CALL_TEST, "iterable", 0, 0, "", test_iterable},
    {CALL_TEST, "le", 1, 1, "other", test_le},
    {CALL_TEST, "lessthan", 1, 1, "other", test_lt},
    {CALL_TEST, "lower", 0, 0, "", test_lower},
    {CALL_TEST, "lt", 1, 1, "other", test_lt},
    {CALL_TEST, "mapping", 0, 0, "", test_mapping},
    {CALL_TEST, "ne", 1, 1, "other", test_ne},
    {CALL_TEST, "none", 0, 0, "", test_none},
    {CALL_TEST, "number", 0, 0, "", test_number},
    {CALL_TEST, "odd", 0, 0, "", test_odd},
    {CALL_TEST, "sameas", 1, 1, "other", test_sameas},
    {CALL_TEST, "sequence", 0, 0, "", test_sequence},
    {CALL_TEST, "string", 0, 0, "", test_string},
    {CALL_TEST, "true", 0, 0, "", test_true},
    {CALL_TEST, "undefined", 0, 0, "", test_undefined},
    {CALL_TEST, "upper", 0, 0, "", test_upper},
};
// clang-format on

const callee_table template_test_callees = {callees, sizeof callees / sizeof *callees};
