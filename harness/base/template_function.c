/* template_function.c - the functions: range, namespace, dict, raise_exception and strftime_now,
 * whose date is the one that the caller of the rendering gives, never the clock's. */
#include "harness/base/template_impl.h"

#include <stdio.h>
#include <string.h>

static waage_status function_range(render *r, const call_args *c, const tval *self, tval *out)
{
    int64_t v[3] = {0, 0, 1};
    tlist *l;
    (void)self;
    for (size_t i = 0; i < c->n; i++) {
        if (c->args[i].kind != TV_INT) return call_wrong(r, c, "range", &c->args[i]);
        v[i] = c->args[i].u.i;
    }
    const int64_t start = c->n == 1 ? 0 : v[0], stop = c->n == 1 ? v[0] : v[1], step = v[2];
    if (step == 0) return render_fail(r, c->line, "range: the step is 0");
    WAAGE_TRY(tlist_new(r, &l));
    for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
        WAAGE_TRY(render_charge(r, c->line, sizeof(tval)));
        WAAGE_TRY(tlist_add(r, l, tval_int(i)));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    l->is = LIST_RANGE;
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

static waage_status keyword_map(render *r, const call_args *c, tv_kind kind, tval *out)
{
    tmap *m;
    WAAGE_TRY(tmap_new(r, &m));
    for (size_t i = 0; i < c->n; i++) {
        if (!c->names[i]) return render_fail(r, c->line, "only arguments with a keyword here");
        WAAGE_TRY(tmap_set(r, m, tval_text(c->names[i], strlen(c->names[i])), c->args[i]));
    }
    *out = (tval){.kind = kind, .u.map = m};
    return WAAGE_OK;
}

static waage_status function_namespace(render *r, const call_args *c, const tval *self, tval *out)
{
    (void)self;
    return keyword_map(r, c, TV_NAMESPACE, out);
}

static waage_status function_dict(render *r, const call_args *c, const tval *self, tval *out)
{
    (void)self;
    return keyword_map(r, c, TV_MAP, out);
}

static waage_status function_raise(render *r, const call_args *c, const tval *self, tval *out)
{
    tstr s;
    (void)self;
    (void)out;
    WAAGE_TRY(tval_to_str(r, c->line, &c->args[0], &s));
    return render_fail(r, c->line, "the template says: %.*s", (int)(s.len < 400 ? s.len : 400),
                       s.s);
}

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

/* Sakamoto's method. */
static int weekday(int y, int m, int d)
{
    static const int t[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    if (m < 3) y--;
    return (y + y / 4 - y / 100 + y / 400 + t[m - 1] + d) % 7;
}

/* One letter of a strftime format, in the C locale, at midnight of the date. False: not supported.
 */
static bool put_date(strbuf *b, char letter, int y, int m, int d)
{
    switch (letter) {
    case 'Y':
        strbuf_printf(b, "%04d", y);
        return true;
    case 'y':
        strbuf_printf(b, "%02d", y % 100);
        return true;
    case 'm':
        strbuf_printf(b, "%02d", m);
        return true;
    case 'd':
        strbuf_printf(b, "%02d", d);
        return true;
    case 'e':
        strbuf_printf(b, "%2d", d);
        return true;
    case 'B':
        strbuf_puts(b, months[m - 1]);
        return true;
    case 'b':
    case 'h':
        strbuf_put(b, months[m - 1], 3);
        return true;
    case 'A':
        strbuf_puts(b, days[weekday(y, m, d)]);
        return true;
    case 'a':
        strbuf_put(b, days[weekday(y, m, d)], 3);
        return true;
    case 'F':
        strbuf_printf(b, "%04d-%02d-%02d", y, m, d);
        return true;
    case 'H':
    case 'M':
    case 'S':
        strbuf_puts(b, "00");
        return true;
    case 'T':
        strbuf_puts(b, "00:00:00");
        return true;
    case '%':
        strbuf_putc(b, '%');
        return true;
    default:
        return false;
    }
}

static waage_status function_strftime(render *r, const call_args *c, const tval *self, tval *out)
{
    int y, m, d;
    strbuf b = STRBUF_EMPTY;
    (void)self;
    if (c->args[0].kind != TV_STR) return call_wrong(r, c, "strftime_now", &c->args[0]);
    if (strlen(r->date) != 10 || sscanf(r->date, "%4d-%2d-%2d", &y, &m, &d) != 3 || m < 1 ||
        m > 12 || d < 1 || d > 31 || y < 1)
        return render_fail(r, c->line, "the date `%s` is not of the form YYYY-MM-DD", r->date);
    const tstr f = c->args[0].u.str;
    for (size_t i = 0; i < f.len; i++) {
        if (f.s[i] != '%' || i + 1 == f.len) {
            strbuf_putc(&b, f.s[i]);
        } else if (!put_date(&b, f.s[++i], y, m, d)) {
            strbuf_free(&b);
            return render_fail(r, c->line, "strftime_now: %%%c is not supported", f.s[i]);
        }
    }
    const char *s = b.failed ? NULL : arena_strndup(r->a, strbuf_str(&b), b.len);
    *out = tval_text(s, b.len);
    strbuf_free(&b);
    return s ? WAAGE_OK : waage_err_nomem(r->err);
}

// clang-format off
static const callee callees[] = {
    {CALL_FUNCTION, "dict", 0, 32, "**", function_dict},
    {CALL_FUNCTION, "namespace", 0, 32, "**", function_namespace},
    {CALL_FUNCTION, "raise_exception", 1, 1, "message", function_raise},
    {CALL_FUNCTION, "range", 1, 3, "- - -", function_range},
    {CALL_FUNCTION, "strftime_now", 1, 1, "format", function_strftime},
};
// clang-format on

const callee_table template_function_callees = {callees, sizeof callees / sizeof *callees};
