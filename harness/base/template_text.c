/* template_text.c - methods and filters on strings: strip, letter case, replace, search, and what
 * kind of letters a string has. A piece of a string keeps who wrote it (tstr), so slices and mapped
 * characters carry their mask. */
#include "harness/base/template_impl.h"

#include <string.h>
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"

/* Should this character go? chars NULL: white space. */
static bool strips(tstr s, size_t at, size_t n, const tstr *chars)
{
    uint32_t cp;
    if (!chars) {
        utf8_decode(s.s + at, n, &cp);
        return unicode_is_space(cp);
    }
    for (size_t i = 0; i < chars->len;) {
        const size_t k = utf8_decode(chars->s + i, chars->len - i, &cp);
        if (k == n && memcmp(chars->s + i, s.s + at, n) == 0) return true;
        i += k;
    }
    return false;
}

tstr tstr_strip(tstr s, const tstr *chars, bool left, bool right)
{
    size_t start = 0, end = s.len;
    uint32_t cp;
    while (left && start < end) {
        const size_t n = utf8_decode(s.s + start, end - start, &cp);
        if (!strips(s, start, n, chars)) break;
        start += n;
    }
    while (right && end > start) {
        size_t at = end - 1;
        while (at > start && ((unsigned char)s.s[at] & 0xc0) == 0x80)
            at--;
        if (!strips(s, at, end - at, chars)) break;
        end = at;
    }
    return tstr_slice(s, start, end);
}

/* strip(), lstrip(), rstrip() and the filter trim; `self` is converted to text. */
static waage_status do_strip(render *r, const call_args *c, const tval *self, bool left, bool right,
                             tval *out)
{
    tstr s;
    if (call_given(&c->args[0]) && c->args[0].kind != TV_STR && c->args[0].kind != TV_NONE)
        return call_wrong(r, c, "strip", &c->args[0]);
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    WAAGE_TRY(render_charge(r, c->line, s.len));
    *out =
        tval_str(tstr_strip(s, c->args[0].kind == TV_STR ? &c->args[0].u.str : NULL, left, right));
    return WAAGE_OK;
}

static waage_status filter_trim(render *r, const call_args *c, const tval *self, tval *out)
{
    return do_strip(r, c, self, true, true, out);
}

static waage_status method_strip(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "strip"));
    return do_strip(r, c, self, true, true, out);
}

static waage_status method_lstrip(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "lstrip"));
    return do_strip(r, c, self, true, false, out);
}

static waage_status method_rstrip(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "rstrip"));
    return do_strip(r, c, self, false, true, out);
}

/* CASE_TITLE: the method, whose words are runs of letters. CASE_WORDS: the filter of this name,
 * whose words end at blanks and opening brackets. */
typedef enum { CASE_LOWER, CASE_UPPER, CASE_CAPITAL, CASE_TITLE, CASE_WORDS, CASE_SWAP } case_kind;

static bool ends_word(uint32_t cp)
{
    return unicode_is_space(cp) || (cp < 0x80 && cp && strchr("-({[<", (int)cp));
}

static waage_status put_case(render *r, const call_args *c, tstr s, case_kind kind, tval *out)
{
    tbuf b = TBUF_EMPTY;
    bool start = true; /* of the text, or of a word for CASE_TITLE */
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        char buf[4];
        const size_t n = utf8_decode(s.s + i, s.len - i, &cp);
        const bool upper = kind == CASE_SWAP ? unicode_is_lower(cp)
                                             : kind == CASE_UPPER || (kind != CASE_LOWER && start);
        const bool data = s.mask ? s.mask[i] != 0 : s.data;
        start =
            (kind == CASE_TITLE && !unicode_is_alpha(cp)) || (kind == CASE_WORDS && ends_word(cp));
        if (cp == 0xdf && upper) { /* one character becomes two */
            const bool both = kind != CASE_CAPITAL && kind != CASE_TITLE;
            tbuf_put(&b, (tstr){both ? "SS" : "Ss", 2, NULL, data});
        } else {
            const uint32_t mapped = upper ? unicode_upper(cp) : unicode_lower(cp);
            tbuf_put(&b, (tstr){buf, utf8_encode(mapped, buf), NULL, data});
        }
        i += n;
    }
    return tbuf_take_value(r, c->line, &b, out);
}

static waage_status case_filter(render *r, const call_args *c, const tval *self, case_kind kind,
                                tval *out)
{
    tstr s;
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    return put_case(r, c, s, kind, out);
}

static waage_status case_method(render *r, const call_args *c, const tval *self, case_kind kind,
                                tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "case methods"));
    return put_case(r, c, self->u.str, kind, out);
}

#define CASE_PAIR(name, kind)                                                                      \
    static waage_status filter_##name(render *r, const call_args *c, const tval *self, tval *out)  \
    {                                                                                              \
        return case_filter(r, c, self, kind, out);                                                 \
    }                                                                                              \
    static waage_status method_##name(render *r, const call_args *c, const tval *self, tval *out)  \
    {                                                                                              \
        return case_method(r, c, self, kind, out);                                                 \
    }
CASE_PAIR(lower, CASE_LOWER)
CASE_PAIR(upper, CASE_UPPER)
CASE_PAIR(capitalize, CASE_CAPITAL)

static waage_status filter_title(render *r, const call_args *c, const tval *self, tval *out)
{
    return case_filter(r, c, self, CASE_WORDS, out);
}

static waage_status method_title(render *r, const call_args *c, const tval *self, tval *out)
{
    return case_method(r, c, self, CASE_TITLE, out);
}

static waage_status method_swapcase(render *r, const call_args *c, const tval *self, tval *out)
{
    return case_method(r, c, self, CASE_SWAP, out);
}

static waage_status replace_text(render *r, const call_args *c, tstr s, tstr from, tstr to,
                                 int64_t count, tval *out)
{
    tbuf b = TBUF_EMPTY;
    size_t pos = 0;
    while (count != 0) {
        size_t at = tstr_find(s, from, pos);
        if (at == SIZE_MAX) break;
        if (from.len == 0) { /* between all characters, as Python does */
            tbuf_put(&b, to);
            if (pos >= s.len) {
                pos = s.len;
                count = 0;
                break;
            }
            uint32_t cp;
            at = pos + utf8_decode(s.s + pos, s.len - pos, &cp);
            tbuf_put(&b, tstr_slice(s, pos, at));
            pos = at;
        } else {
            tbuf_put(&b, tstr_slice(s, pos, at));
            tbuf_put(&b, to);
            pos = at + from.len;
        }
        if (b.text.len > r->max_output) break;
        if (count > 0) count--;
    }
    if (pos < s.len) tbuf_put(&b, tstr_slice(s, pos, s.len));
    return tbuf_take_value(r, c->line, &b, out);
}

static waage_status do_replace(render *r, const call_args *c, const tval *self, tval *out)
{
    tstr s, from, to;
    int64_t count = -1;
    if (call_given(&c->args[2]) && c->args[2].kind != TV_NONE) {
        if (c->args[2].kind != TV_INT) return call_wrong(r, c, "replace", &c->args[2]);
        count = c->args[2].u.i;
    }
    WAAGE_TRY(tval_to_str(r, c->line, self, &s));
    WAAGE_TRY(tval_to_str(r, c->line, &c->args[0], &from));
    WAAGE_TRY(tval_to_str(r, c->line, &c->args[1], &to));
    return replace_text(r, c, s, from, to, count, out);
}

static waage_status method_replace(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "replace"));
    WAAGE_TRY(call_need_str(r, c, &c->args[0], "replace"));
    WAAGE_TRY(call_need_str(r, c, &c->args[1], "replace"));
    return do_replace(r, c, self, out);
}

/* The part of a string that the arguments start and end name, as Python's slices do. False where
 * Python finds nothing, not even an empty string: start lies behind the end. */
static waage_status text_window(render *r, const call_args *c, tstr s, tstr *out, size_t *before,
                                bool *any)
{
    const int64_t n = (int64_t)utf8_count(s.s, s.len);
    int64_t bound[2] = {0, n};
    for (size_t i = 0; i < 2; i++) {
        const tval *v = &c->args[1 + i];
        if (!call_given(v) || v->kind == TV_NONE) continue;
        if (v->kind != TV_INT) return call_wrong(r, c, "a position", v);
        bound[i] = v->u.i < 0 ? (v->u.i < -n ? 0 : v->u.i + n) : v->u.i;
        if (i == 1 && bound[i] > n) bound[i] = n;
    }
    *any = bound[0] <= bound[1];
    *before = *any ? (size_t)bound[0] : 0;
    size_t at[2];
    for (size_t i = 0; i < 2; i++) {
        at[i] = 0;
        for (int64_t k = 0; *any && k < bound[i]; k++) {
            uint32_t cp;
            at[i] += utf8_decode(s.s + at[i], s.len - at[i], &cp);
        }
    }
    *out = tstr_slice(s, at[0], at[1]);
    return render_charge(r, c->line, s.len);
}

/* startswith and endswith: one string or a list of them. */
static waage_status affix(render *r, const call_args *c, const tval *self, bool end, tval *out)
{
    tstr s;
    size_t before;
    bool any, found = false;
    WAAGE_TRY(call_need_str(r, c, self, "startswith/endswith"));
    WAAGE_TRY(text_window(r, c, self->u.str, &s, &before, &any));
    const tval *want = &c->args[0];
    const size_t n = want->kind == TV_LIST ? want->u.list->n : 1;
    for (size_t i = 0; i < n && !found; i++) {
        const tval *w = want->kind == TV_LIST ? &want->u.list->items[i] : want;
        WAAGE_TRY(call_need_str(r, c, w, "startswith/endswith"));
        const tstr x = w->u.str;
        found = any && x.len <= s.len && memcmp(end ? s.s + s.len - x.len : s.s, x.s, x.len) == 0;
    }
    *out = tval_bool(found);
    return WAAGE_OK;
}

static waage_status method_startswith(render *r, const call_args *c, const tval *self, tval *out)
{
    return affix(r, c, self, false, out);
}

static waage_status method_endswith(render *r, const call_args *c, const tval *self, tval *out)
{
    return affix(r, c, self, true, out);
}

/* Characters in front of the first or last place of the text, or -1. */
static waage_status find_text(render *r, const call_args *c, const tval *self, bool last, tval *out)
{
    tstr s;
    size_t before, at = SIZE_MAX;
    bool any;
    WAAGE_TRY(call_need_str(r, c, self, "find"));
    WAAGE_TRY(call_need_str(r, c, &c->args[0], "find"));
    WAAGE_TRY(text_window(r, c, self->u.str, &s, &before, &any));
    const tstr x = c->args[0].u.str;
    if (any) at = last ? tstr_find_last(s, x) : tstr_find(s, x, 0);
    *out = tval_int(at == SIZE_MAX ? -1 : (int64_t)(before + utf8_count(s.s, at)));
    return WAAGE_OK;
}

static waage_status method_find(render *r, const call_args *c, const tval *self, tval *out)
{
    return find_text(r, c, self, false, out);
}

static waage_status method_rfind(render *r, const call_args *c, const tval *self, tval *out)
{
    return find_text(r, c, self, true, out);
}

static waage_status text_index(render *r, const call_args *c, const tval *self, bool last,
                               tval *out)
{
    WAAGE_TRY(find_text(r, c, self, last, out));
    return out->u.i >= 0 ? WAAGE_OK : render_fail(r, c->line, "index: the text is not in there");
}

static waage_status method_rindex(render *r, const call_args *c, const tval *self, tval *out)
{
    return text_index(r, c, self, true, out);
}

static waage_status method_index(render *r, const call_args *c, const tval *self, tval *out)
{
    if (self->kind == TV_STR) return text_index(r, c, self, false, out);
    if (self->kind != TV_LIST || c->n > 1) return call_wrong(r, c, "index", self);
    for (size_t i = 0; i < self->u.list->n; i++) {
        if (!tval_equal(&self->u.list->items[i], &c->args[0])) continue;
        *out = tval_int((int64_t)i);
        return WAAGE_OK;
    }
    return render_fail(r, c->line, "index: the value is not in the list");
}

static waage_status method_count(render *r, const call_args *c, const tval *self, tval *out)
{
    int64_t n = 0;
    if (self->kind == TV_LIST) {
        for (size_t i = 0; i < self->u.list->n; i++)
            n += tval_equal(&self->u.list->items[i], &c->args[0]);
    } else {
        WAAGE_TRY(call_need_str(r, c, self, "count"));
        WAAGE_TRY(call_need_str(r, c, &c->args[0], "count"));
        const tstr s = self->u.str, x = c->args[0].u.str;
        if (x.len == 0) n = (int64_t)utf8_count(s.s, s.len) + 1;
        for (size_t at = 0; x.len && (at = tstr_find(s, x, at)) != SIZE_MAX; at += x.len)
            n++;
    }
    *out = tval_int(n);
    return WAAGE_OK;
}

/* Is the string not empty, and does every character pass? */
static waage_status all_are(render *r, const call_args *c, const tval *self,
                            bool (*is)(uint32_t cp), tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "is... methods"));
    const tstr s = self->u.str;
    bool all = s.len > 0;
    for (size_t i = 0; i < s.len && all;) {
        uint32_t cp;
        i += utf8_decode(s.s + i, s.len - i, &cp);
        all = is(cp);
    }
    *out = tval_bool(all);
    return WAAGE_OK;
}

#define IS_METHOD(name, is)                                                                        \
    static waage_status method_##name(render *r, const call_args *c, const tval *self, tval *out)  \
    {                                                                                              \
        return all_are(r, c, self, is, out);                                                       \
    }
IS_METHOD(isalpha, unicode_is_alpha)
IS_METHOD(isalnum, unicode_is_alnum)
IS_METHOD(isdigit, unicode_is_digit)
IS_METHOD(isspace, unicode_is_space)

static waage_status method_isascii(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "isascii"));
    bool all = true;
    for (size_t i = 0; i < self->u.str.len && all; i++)
        all = (unsigned char)self->u.str.s[i] < 0x80;
    *out = tval_bool(all);
    return WAAGE_OK;
}

bool tstr_has_case(tstr s, bool upper)
{
    bool some = false;
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        i += utf8_decode(s.s + i, s.len - i, &cp);
        if (upper ? unicode_is_lower(cp) : unicode_is_upper(cp)) return false;
        some = some || (upper ? unicode_is_upper(cp) : unicode_is_lower(cp));
    }
    return some;
}

static waage_status method_isupper(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "isupper"));
    *out = tval_bool(tstr_has_case(self->u.str, true));
    return WAAGE_OK;
}

static waage_status method_islower(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "islower"));
    *out = tval_bool(tstr_has_case(self->u.str, false));
    return WAAGE_OK;
}

// clang-format off
static const callee callees[] = {
    {CALL_FILTER, "capitalize", 0, 0, "", filter_capitalize},
    {CALL_FILTER, "lower", 0, 0, "", filter_lower},
    {CALL_FILTER, "replace", 2, 3, "old new count", do_replace},
    {CALL_FILTER, "title", 0, 0, "", filter_title},
    {CALL_FILTER, "trim", 0, 1, "chars", filter_trim},
    {CALL_FILTER, "upper", 0, 0, "", filter_upper},
    {CALL_METHOD, "capitalize", 0, 0, "", method_capitalize},
    {CALL_METHOD, "count", 1, 1, "-", method_count},
    {CALL_METHOD, "endswith", 1, 3, "- - -", method_endswith},
    {CALL_METHOD, "find", 1, 3, "- - -", method_find},
    {CALL_METHOD, "index", 1, 3, "- - -", method_index},
    {CALL_METHOD, "isalnum", 0, 0, "", method_isalnum},
    {CALL_METHOD, "isalpha", 0, 0, "", method_isalpha},
    {CALL_METHOD, "isascii", 0, 0, "", method_isascii},
    {CALL_METHOD, "isdecimal", 0, 0, "", method_isdigit},
    {CALL_METHOD, "isdigit", 0, 0, "", method_isdigit},
    {CALL_METHOD, "islower", 0, 0, "", method_islower},
    {CALL_METHOD, "isspace", 0, 0, "", method_isspace},
    {CALL_METHOD, "isupper", 0, 0, "", method_isupper},
    {CALL_METHOD, "lower", 0, 0, "", method_lower},
    {CALL_METHOD, "lstrip", 0, 1, "-", method_lstrip},
    {CALL_METHOD, "replace", 2, 3, "- - count", method_replace},
    {CALL_METHOD, "rfind", 1, 3, "- - -", method_rfind},
    {CALL_METHOD, "rindex", 1, 3, "- - -", method_rindex},
    {CALL_METHOD, "rstrip", 0, 1, "-", method_rstrip},
    {CALL_METHOD, "startswith", 1, 3, "- - -", method_startswith},
    {CALL_METHOD, "strip", 0, 1, "-", method_strip},
    {CALL_METHOD, "swapcase", 0, 0, "", method_swapcase},
    {CALL_METHOD, "title", 0, 0, "", method_title},
    {CALL_METHOD, "upper", 0, 0, "", method_upper},
};
// clang-format on

const callee_table template_text_callees = {callees, sizeof callees / sizeof *callees};
