/* template_format.c - values into text of a given shape: printf's `%` and str.format, padding,
 * round, truncate, wordcount, urlencode. */
#include "harness/base/template_impl.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"

enum { WIDTH_MAX = 10000, PRECISION_MAX = 300 };

/* ---- padding ---- */

/* `n` times the character `fill` (NULL: a blank). */
static void put_fill(tbuf *b, const tstr *fill, int64_t n)
{
    static const tstr blank = {" ", 1, NULL, false};
    for (int64_t i = 0; i < n; i++)
        tbuf_put(b, fill ? *fill : blank);
}

typedef enum { PAD_LEFT, PAD_RIGHT, PAD_BOTH } pad_side;

/* In the middle as Python has it: of an odd number of blanks, the one more goes left if the width
 * is odd too. */
static void put_padded(tbuf *b, tstr s, int64_t width, pad_side side, const tstr *fill)
{
    const int64_t n = (int64_t)utf8_count(s.s, s.len), gap = width > n ? width - n : 0;
    const int64_t left = side == PAD_LEFT    ? gap
                         : side == PAD_RIGHT ? 0
                                             : gap / 2 + (gap & width & 1);
    put_fill(b, fill, left);
    tbuf_put(b, s);
    put_fill(b, fill, gap - left);
}

static waage_status read_width(render *r, const call_args *c, const char *what, const tval *v,
                               int64_t *out)
{
    if (v->kind != TV_INT) return call_wrong(r, c, what, v);
    if (v->u.i > WIDTH_MAX)
        return render_fail(r, c->line, "%s: the width is more than %d", what, (int)WIDTH_MAX);
    *out = v->u.i;
    return WAAGE_OK;
}

static waage_status filter_center(render *r, const call_args *c, const tval *self, tval *out)
{
    tbuf b = TBUF_EMPTY;
    tstr s;
    int64_t width = 80;
    if (call_given(&c->args[0])) WAAGE_TRY(read_width(r, c, "center", &c->args[0], &width));
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    put_padded(&b, s, width, PAD_BOTH, NULL);
    return tbuf_take_value(r, c->line, &b, out);
}

static waage_status pad(render *r, const call_args *c, const tval *self, pad_side side, tval *out)
{
    tbuf b = TBUF_EMPTY;
    int64_t width = 0;
    const tval *fill = &c->args[1];
    WAAGE_TRY(call_need_str(r, c, self, "center/ljust/rjust"));
    WAAGE_TRY(read_width(r, c, "center/ljust/rjust", &c->args[0], &width));
    if (call_given(fill)) {
        WAAGE_TRY(call_need_str(r, c, fill, "center/ljust/rjust"));
        if (utf8_count(fill->u.str.s, fill->u.str.len) != 1)
            return render_fail(r, c->line, "the fill must be one character");
    }
    put_padded(&b, self->u.str, width, side, call_given(fill) ? &fill->u.str : NULL);
    return tbuf_take_value(r, c->line, &b, out);
}

static waage_status method_center(render *r, const call_args *c, const tval *self, tval *out)
{
    return pad(r, c, self, PAD_BOTH, out);
}

static waage_status method_ljust(render *r, const call_args *c, const tval *self, tval *out)
{
    return pad(r, c, self, PAD_RIGHT, out);
}

static waage_status method_rjust(render *r, const call_args *c, const tval *self, tval *out)
{
    return pad(r, c, self, PAD_LEFT, out);
}

/* Zeros behind the sign. */
static waage_status method_zfill(render *r, const call_args *c, const tval *self, tval *out)
{
    static const tstr zero = {"0", 1, NULL, false};
    tbuf b = TBUF_EMPTY;
    int64_t width = 0;
    WAAGE_TRY(call_need_str(r, c, self, "zfill"));
    WAAGE_TRY(read_width(r, c, "zfill", &c->args[0], &width));
    const tstr s = self->u.str;
    const size_t sign = s.len && (s.s[0] == '-' || s.s[0] == '+') ? 1 : 0;
    tbuf_put(&b, tstr_slice(s, 0, sign));
    put_padded(&b, tstr_slice(s, sign, s.len), width - (int64_t)sign, PAD_LEFT, &zero);
    return tbuf_take_value(r, c->line, &b, out);
}

/* ---- printf ---- */

typedef struct {
    char flags[6]; /* some of "-+ 0", NUL-terminated */
    int64_t width;
    int64_t precision; /* -1: none */
    char conv;
} spec;

static bool has_flag(const spec *sp, char flag)
{
    return strchr(sp->flags, flag) != NULL;
}

/* Digits at *at, as a number; false when it is above `max`. */
static bool read_digits(tstr s, size_t *at, int64_t max, int64_t *out)
{
    for (*out = 0; *at < s.len && s.s[*at] >= '0' && s.s[*at] <= '9'; (*at)++) {
        *out = *out * 10 + (s.s[*at] - '0');
        if (*out > max) return false;
    }
    return true;
}

/* [flags][width][.precision]conv at *at. */
static waage_status read_spec(render *r, uint32_t line, tstr s, size_t *at, spec *sp)
{
    size_t n = 0;
    *sp = (spec){.precision = -1};
    while (*at < s.len && memchr("-+ 0", s.s[*at], 4)) {
        if (!has_flag(sp, s.s[*at])) sp->flags[n++] = s.s[*at];
        (*at)++;
    }
    bool ok = read_digits(s, at, WIDTH_MAX, &sp->width);
    if (ok && *at < s.len && s.s[*at] == '.') {
        (*at)++;
        ok = read_digits(s, at, PRECISION_MAX, &sp->precision);
    }
    if (!ok) return render_fail(r, line, "format: a width or precision is too large");
    if (*at >= s.len) return render_fail(r, line, "format: a conversion is cut off");
    sp->conv = s.s[(*at)++];
    return WAAGE_OK;
}

/* Digits of |v| for the conversion, without sign: %d of a float drops its fraction. */
static waage_status number_digits(render *r, uint32_t line, const spec *sp, const tval *v,
                                  char *buf, size_t cap, bool *negative)
{
    const bool hex = sp->conv == 'x' || sp->conv == 'X';
    const int n = sp->precision < 0 ? 6 : (int)sp->precision;
    double f;
    int64_t i;
    bool is_int;
    if (!tval_number(v, &f, &i, &is_int))
        return render_fail(r, line, "format: %%%c is not for %s", sp->conv, tval_kind_name(v));
    *negative = is_int ? i < 0 : signbit(f) != 0;
    if (hex || strchr("diu", sp->conv)) {
        if (!is_int && (hex || !(f > -9e18 && f < 9e18)))
            return render_fail(r, line, "format: %%%c is not for this number", sp->conv);
        if (!is_int) i = (int64_t)f;
        *negative = i < 0;
        const uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
        const int least = sp->precision < 0 ? 1 : (int)sp->precision;
        snprintf(buf, cap, hex ? "%.*" PRIx64 : "%.*" PRIu64, least > 1 ? least : 1, u);
    } else {
        const char kind = sp->conv | 0x20;
        f = fabs(f);
        snprintf(buf, cap, kind == 'f' ? "%.*f" : kind == 'e' ? "%.*e" : "%.*g", n, f);
    }
    for (char *p = buf; *p && sp->conv < 'a'; p++)
        if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 32);
    return WAAGE_OK;
}

static waage_status put_number(render *r, uint32_t line, const spec *sp, const tval *v, tbuf *out)
{
    static const tstr zero = {"0", 1, NULL, false};
    char buf[PRECISION_MAX + 400];
    bool negative = false;
    WAAGE_TRY(number_digits(r, line, sp, v, buf, sizeof buf, &negative));
    const char *sign = negative ? "-" : has_flag(sp, '+') ? "+" : has_flag(sp, ' ') ? " " : "";
    const tval digits = tval_text(buf, strlen(buf));
    if (has_flag(sp, '0') && !has_flag(sp, '-')) {
        tbuf_puts(out, sign);
        put_padded(out, digits.u.str, sp->width - (int64_t)strlen(sign), PAD_LEFT, &zero);
        return WAAGE_OK;
    }
    char text[sizeof buf + 2];
    snprintf(text, sizeof text, "%s%s", sign, buf);
    put_padded(out, tval_text(text, strlen(text)).u.str, sp->width,
               has_flag(sp, '-') ? PAD_RIGHT : PAD_LEFT, NULL);
    return WAAGE_OK;
}

/* The first n characters. */
static tstr first_chars(tstr s, int64_t n)
{
    size_t at = 0;
    for (int64_t i = 0; i < n && at < s.len; i++) {
        uint32_t cp;
        at += utf8_decode(s.s + at, s.len - at, &cp);
    }
    return tstr_slice(s, 0, at);
}

/* %s, %r and %c. */
static waage_status put_text(render *r, uint32_t line, const spec *sp, const tval *v, tbuf *out)
{
    tbuf b = TBUF_EMPTY;
    tstr s;
    waage_status st = WAAGE_OK;
    if (sp->conv == 'r')
        st = tval_print_repr(r, line, v, &b);
    else if (sp->conv == 's')
        st = tval_print(r, line, v, &b);
    else if (v->kind == TV_STR && utf8_count(v->u.str.s, v->u.str.len) == 1)
        tbuf_put(&b, v->u.str);
    else
        st = render_fail(r, line, "format: %%c is for one character");
    if (st != WAAGE_OK) {
        tbuf_free(&b);
        return st;
    }
    WAAGE_TRY(tbuf_take(r, line, &b, &s));
    if (sp->precision >= 0 && sp->conv != 'c') s = first_chars(s, sp->precision);
    put_padded(out, s, sp->width, has_flag(sp, '-') ? PAD_RIGHT : PAD_LEFT, NULL);
    return WAAGE_OK;
}

/* The values of a format: a tuple's members in turn, a map's by name, or the one value. */
typedef struct {
    const tval *value;
    const tval *items; /* (n) */
    size_t n, next;
} format_values;

/* %(name)... takes the name, the others the next value. */
static waage_status format_value(render *r, uint32_t line, tstr s, size_t *at, format_values *in,
                                 tval *out)
{
    if (*at >= s.len || s.s[*at] != '(') {
        if (in->next >= in->n) return render_fail(r, line, "format: not enough values");
        *out = in->items[in->next++];
        return WAAGE_OK;
    }
    const size_t close = tstr_find(s, (tstr){")", 1, NULL, false}, *at);
    if (close == SIZE_MAX) return render_fail(r, line, "format: `)` is missing");
    const tval key = tval_str(tstr_slice(s, *at + 1, close));
    if (in->value->kind != TV_MAP) return render_fail(r, line, "format: %%(name) needs a map");
    WAAGE_TRY(tval_item(r, line, in->value, &key, out));
    if (out->kind == TV_UNDEFINED)
        return render_fail(r, line, "format: the map has no `%s`", out->u.str.s);
    *at = close + 1;
    return WAAGE_OK;
}

static waage_status put_conversion(render *r, uint32_t line, tstr s, size_t *at, format_values *in,
                                   tbuf *out)
{
    spec sp;
    tval v;
    if (*at < s.len && s.s[*at] == '%') {
        (*at)++;
        tbuf_puts(out, "%");
        return WAAGE_OK;
    }
    WAAGE_TRY(format_value(r, line, s, at, in, &v));
    WAAGE_TRY(read_spec(r, line, s, at, &sp));
    if (sp.conv && strchr("src", sp.conv)) return put_text(r, line, &sp, &v, out);
    if (sp.conv && strchr("diuxXfFeEgG", sp.conv)) return put_number(r, line, &sp, &v, out);
    return waage_err_set(r->err, WAAGE_EUNSUPPORTED, "%s:%u: format `%%%c` is not supported",
                         r->t->name, line, sp.conv > ' ' && sp.conv < 127 ? sp.conv : '?');
}

waage_status tval_format(render *r, uint32_t line, tstr format, const tval *v, tval *out)
{
    const bool tuple = v->kind == TV_LIST && v->u.list->tuple;
    format_values in = {v, tuple ? v->u.list->items : v, tuple ? v->u.list->n : 1, 0};
    const bool spare = v->kind == TV_MAP || (v->kind == TV_LIST && !tuple);
    tbuf b = TBUF_EMPTY;
    waage_status st = WAAGE_OK;
    for (size_t at = 0; at < format.len && st == WAAGE_OK;) {
        size_t end = tstr_find(format, (tstr){"%", 1, NULL, false}, at);
        if (end == SIZE_MAX) end = format.len;
        tbuf_put(&b, tstr_slice(format, at, end));
        at = end + 1;
        if (end < format.len) st = put_conversion(r, line, format, &at, &in, &b);
        if (st == WAAGE_OK) st = tbuf_check(r, line, &b);
    }
    if (st == WAAGE_OK && in.next < in.n && !spare)
        st = render_fail(r, line, "format: more values than conversions");
    if (st == WAAGE_OK) return tbuf_take_value(r, line, &b, out);
    tbuf_free(&b);
    return st;
}

/* The arguments of a call: those without a keyword as a tuple, those with one as a map. */
static waage_status split_arguments(render *r, const call_args *c, tlist **list, tmap **map)
{
    WAAGE_TRY(tlist_new(r, list));
    WAAGE_TRY(tmap_new(r, map));
    (*list)->tuple = true;
    for (size_t i = 0; i < c->n; i++) {
        const char *name = c->names[i];
        if (name)
            WAAGE_TRY(tmap_set(r, *map, tval_text(name, strlen(name)), c->args[i]));
        else
            WAAGE_TRY(tlist_add(r, *list, c->args[i]));
    }
    return WAAGE_OK;
}

static waage_status filter_format(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *list;
    tmap *map;
    tstr s;
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    WAAGE_TRY(split_arguments(r, c, &list, &map));
    if (list->n && map->n) return render_fail(r, c->line, "format: either names or values in turn");
    const tval v =
        map->n ? (tval){.kind = TV_MAP, .u.map = map} : (tval){.kind = TV_LIST, .u.list = list};
    return tval_format(r, c->line, s, &v, out);
}

/* ---- str.format ---- */

/* What stands in a replacement field in front of ":". */
static waage_status field_value(render *r, uint32_t line, tstr name, const tlist *list,
                                const tmap *map, int64_t *next, tval *out)
{
    size_t at = 0;
    int64_t i = *next;
    const bool numbered = name.len && name.s[0] >= '0' && name.s[0] <= '9';
    if (name.len == 0 ? *next < 0 : numbered && *next > 0)
        return render_fail(r, line, "format: fields with and without numbers");
    for (size_t k = 0; k < name.len; k++)
        if (strchr(".[!{", name.s[k]))
            return waage_err_set(r->err, WAAGE_EUNSUPPORTED,
                                 "%s:%u: format field `%.*s` is not supported", r->t->name, line,
                                 (int)(name.len < 40 ? name.len : 40), name.s);
    if (name.len && !numbered) {
        const tval *v = tmap_get(map, name.s, name.len);
        if (!v) return render_fail(r, line, "format: a value is missing");
        *out = *v;
        return WAAGE_OK;
    }
    if (numbered && (!read_digits(name, &at, WIDTH_MAX, &i) || at < name.len))
        return render_fail(r, line, "format: not a number of a value");
    if ((size_t)i >= list->n) return render_fail(r, line, "format: not enough values");
    *next = numbered ? -1 : i + 1;
    *out = list->items[i];
    return WAAGE_OK;
}

/* {name:[0][width][.precision]type}; without ":" as it prints. */
static waage_status put_field(render *r, uint32_t line, tstr field, const tlist *list,
                              const tmap *map, int64_t *next, tbuf *out)
{
    size_t at = tstr_find(field, (tstr){":", 1, NULL, false}, 0);
    spec sp;
    tval v;
    const size_t name_len = at == SIZE_MAX ? field.len : at;
    WAAGE_TRY(field_value(r, line, tstr_slice(field, 0, name_len), list, map, next, &v));
    if (at == SIZE_MAX || ++at == field.len) return tval_print(r, line, &v, out);
    const bool sized = strspn(field.s + at, "+ 0123456789.") == field.len - at - 1;
    const char last = field.s[field.len - 1];
    WAAGE_TRY(read_spec(r, line, field, &at, &sp));
    const bool whole = memchr("dxX", last, 3) && v.kind == TV_INT && sp.precision < 0;
    if (sized && (whole || (memchr("feEg", last, 4) && v.kind <= TV_FLOAT && v.kind >= TV_INT)))
        return put_number(r, line, &sp, &v, out);
    return waage_err_set(r->err, WAAGE_EUNSUPPORTED,
                         "%s:%u: format `{:%.*s}` is not supported here", r->t->name, line,
                         (int)(field.len - name_len - 1 < 40 ? field.len - name_len - 1 : 40),
                         field.s + name_len + 1);
}

static waage_status put_fields(render *r, uint32_t line, tstr s, const tlist *list, const tmap *map,
                               tbuf *out)
{
    int64_t next = 0; /* < 0: the fields are numbered */
    for (size_t at = 0; at < s.len;) {
        const char c = s.s[at];
        if (c != '{' && c != '}') {
            size_t end = at;
            while (end < s.len && s.s[end] != '{' && s.s[end] != '}')
                end++;
            tbuf_put(out, tstr_slice(s, at, end));
            at = end;
        } else if (at + 1 < s.len && s.s[at + 1] == c) {
            tbuf_put(out, tstr_slice(s, at, at + 1));
            at += 2;
        } else {
            const size_t close =
                c == '{' ? tstr_find(s, (tstr){"}", 1, NULL, false}, at) : SIZE_MAX;
            if (close == SIZE_MAX) return render_fail(r, line, "format: a single `%c`", c);
            WAAGE_TRY(put_field(r, line, tstr_slice(s, at + 1, close), list, map, &next, out));
            at = close + 1;
        }
        WAAGE_TRY(tbuf_check(r, line, out));
    }
    return WAAGE_OK;
}

static waage_status method_format(render *r, const call_args *c, const tval *self, tval *out)
{
    tbuf b = TBUF_EMPTY;
    tlist *list;
    tmap *map;
    WAAGE_TRY(call_need_str(r, c, self, "format"));
    WAAGE_TRY(split_arguments(r, c, &list, &map));
    const waage_status st = put_fields(r, c->line, self->u.str, list, map, &b);
    if (st == WAAGE_OK) return tbuf_take_value(r, c->line, &b, out);
    tbuf_free(&b);
    return st;
}

/* ---- other shapes ---- */

/* A float to so many decimals, of which the exact value decides, as in Python. */
static waage_status round_common(render *r, const call_args *c, const tval *self, int64_t n,
                                 tval *out)
{
    char buf[PRECISION_MAX + 400];
    if (self->kind != TV_FLOAT) {
        *out = tval_int(self->kind == TV_INT ? self->u.i : self->u.b);
        return WAAGE_OK;
    }
    if (!isfinite(self->u.f)) {
        *out = *self;
        return WAAGE_OK;
    }
    snprintf(buf, sizeof buf, "%.*f", (int)n, self->u.f);
    (void)r;
    (void)c;
    *out = tval_float(strtod(buf, NULL));
    return WAAGE_OK;
}

static waage_status filter_round(render *r, const call_args *c, const tval *self, tval *out)
{
    const tval *method = &c->args[1];
    double f;
    int64_t i, n = 0;
    bool is_int;
    if (!tval_number(self, &f, &i, &is_int)) return call_wrong(r, c, "round", self);
    if (call_given(&c->args[0])) {
        if (c->args[0].kind != TV_INT) return call_wrong(r, c, "round", &c->args[0]);
        n = c->args[0].u.i;
    }
    if (n < 0 || n > 22) return render_fail(r, c->line, "round: the precision is not in 0..22");
    if (!call_given(method)) return round_common(r, c, self, n, out);
    WAAGE_TRY(call_need_str(r, c, method, "round"));
    if (tstr_same(method->u.str, tval_text("common", 6).u.str))
        return round_common(r, c, self, n, out);
    const bool up = tstr_same(method->u.str, tval_text("ceil", 4).u.str);
    if (!up && !tstr_same(method->u.str, tval_text("floor", 5).u.str))
        return render_fail(r, c->line, "round: by 'common', 'ceil' or 'floor'");
    const double scale = pow(10, (double)n), scaled = f * scale;
    if (!isfinite(scaled)) return render_fail(r, c->line, "round: the number is too large");
    *out = tval_float(is_int ? f : (up ? ceil(scaled) : floor(scaled)) / scale);
    return WAAGE_OK;
}

/* Words as Python's \w+ finds them. */
static waage_status filter_wordcount(render *r, const call_args *c, const tval *self, tval *out)
{
    tstr s;
    int64_t n = 0;
    bool inside = false;
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    WAAGE_TRY(render_charge(r, c->line, s.len));
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        i += utf8_decode(s.s + i, s.len - i, &cp);
        const bool word = cp == '_' || unicode_is_alnum(cp);
        n += word && !inside;
        inside = word;
    }
    *out = tval_int(n);
    return WAAGE_OK;
}

/* Cut to a number of characters, behind a word unless killwords; texts longer by `leeway` stay. */
static waage_status filter_truncate(render *r, const call_args *c, const tval *self, tval *out)
{
    tbuf b = TBUF_EMPTY;
    tstr s, end = {"...", 3, NULL, false};
    int64_t length = 255, leeway = 5;
    if (self->kind != TV_UNDEFINED) WAAGE_TRY(call_need_str(r, c, self, "truncate"));
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    for (size_t i = 0; i < 4; i += 3) {
        const tval *v = &c->args[i];
        if (!call_given(v) || (i && v->kind == TV_NONE)) continue;
        if (v->kind != TV_INT || v->u.i < 0) return call_wrong(r, c, "truncate", v);
        *(i ? &leeway : &length) = v->u.i;
    }
    if (call_given(&c->args[2])) {
        WAAGE_TRY(call_need_str(r, c, &c->args[2], "truncate"));
        end = c->args[2].u.str;
    }
    const int64_t kept = length - (int64_t)utf8_count(end.s, end.len);
    if (kept < 0) return render_fail(r, c->line, "truncate: the length is below that of the end");
    *out = tval_str(s);
    const int64_t n = (int64_t)utf8_count(s.s, s.len);
    if (n <= length || n - length <= leeway) return WAAGE_OK;
    s = first_chars(s, kept);
    const size_t blank = tstr_find_last(s, (tstr){" ", 1, NULL, false});
    if (!tval_truth(&c->args[1]) && blank != SIZE_MAX) s = tstr_slice(s, 0, blank);
    tbuf_put(&b, s);
    tbuf_put(&b, end);
    return tbuf_take_value(r, c->line, &b, out);
}

/* Percent-encoding; in a query (of a map's members) also of "/", and blanks as "+". */
static void put_url(tstr s, bool query, tbuf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char ch = (unsigned char)s.s[i];
        char esc[4];
        const bool plain = ch < 0x80 && (unicode_is_alnum(ch) || strchr("_.-~", ch)) && ch;
        if (plain || (ch == '/' && !query)) {
            tbuf_put(out, tstr_slice(s, i, i + 1));
            continue;
        }
        snprintf(esc, sizeof esc, "%%%02X", ch);
        tbuf_puts(out, query && ch == ' ' ? "+" : esc);
    }
}

static waage_status put_query(render *r, const call_args *c, const tmap *m, tbuf *out)
{
    for (size_t i = 0; i < m->n; i++) {
        tstr part;
        if (i) tbuf_puts(out, "&");
        WAAGE_TRY(tval_to_str(r, c->line, &m->pairs[i].key, &part));
        put_url(part, true, out);
        tbuf_puts(out, "=");
        WAAGE_TRY(tval_to_str(r, c->line, &m->pairs[i].val, &part));
        put_url(part, true, out);
    }
    return WAAGE_OK;
}

static waage_status filter_urlencode(render *r, const call_args *c, const tval *self, tval *out)
{
    tbuf b = TBUF_EMPTY;
    tstr s;
    waage_status st;
    if (self->kind == TV_LIST) return call_wrong(r, c, "urlencode", self);
    if (self->kind == TV_MAP) {
        st = put_query(r, c, self->u.map, &b);
    } else {
        st = tval_to_str(r, c->line, self, &s);
        if (st == WAAGE_OK) put_url(s, false, &b);
    }
    if (st == WAAGE_OK) return tbuf_take_value(r, c->line, &b, out);
    tbuf_free(&b);
    return st;
}

// clang-format off
static const callee callees[] = {
    {CALL_FILTER, "center", 0, 1, "width", filter_center},
    {CALL_FILTER, "format", 0, 32, "**", filter_format},
    {CALL_FILTER, "round", 0, 2, "precision method", filter_round},
    {CALL_FILTER, "truncate", 0, 4, "length killwords end leeway", filter_truncate},
    {CALL_FILTER, "urlencode", 0, 0, "", filter_urlencode},
    {CALL_FILTER, "wordcount", 0, 0, "", filter_wordcount},
    {CALL_METHOD, "center", 1, 2, "- -", method_center},
    {CALL_METHOD, "format", 0, 32, "**", method_format},
    {CALL_METHOD, "ljust", 1, 2, "- -", method_ljust},
    {CALL_METHOD, "rjust", 1, 2, "- -", method_rjust},
    {CALL_METHOD, "zfill", 1, 1, "-", method_zfill},
};
// clang-format on

const callee_table template_format_callees = {callees, sizeof callees / sizeof *callees};
