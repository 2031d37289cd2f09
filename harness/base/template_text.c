/* template_text.c - methods and filters on strings: strip, letter case, replace, split, search. A
 * piece of a string keeps who wrote it (tstr), so slices and mapped characters carry their mask. */
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
typedef enum { CASE_LOWER, CASE_UPPER, CASE_CAPITAL, CASE_TITLE, CASE_WORDS } case_kind;

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
        const bool upper = kind == CASE_UPPER || (kind != CASE_LOWER && start);
        const bool data = s.mask ? s.mask[i] != 0 : s.data;
        start =
            (kind == CASE_TITLE && !unicode_is_alpha(cp)) || (kind == CASE_WORDS && ends_word(cp));
        if (cp == 0xdf && upper) { /* one character becomes two */
            const bool both = kind == CASE_UPPER || kind == CASE_WORDS;
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

static waage_status add_piece(render *r, uint32_t line, tlist *l, tstr s)
{
    WAAGE_TRY(render_charge(r, line, s.len));
    return tlist_add(r, l, tval_str(s));
}

static waage_status split_blank(render *r, uint32_t line, tstr s, int64_t max, tlist *l)
{
    for (;;) {
        s = tstr_strip(s, NULL, true, false);
        if (s.len == 0) return WAAGE_OK;
        if (max >= 0 && l->n == (size_t)max)
            return add_piece(r, line, l, tstr_strip(s, NULL, false, true));
        size_t end = 0;
        while (end < s.len) {
            uint32_t cp;
            const size_t n = utf8_decode(s.s + end, s.len - end, &cp);
            if (unicode_is_space(cp)) break;
            end += n;
        }
        WAAGE_TRY(add_piece(r, line, l, tstr_slice(s, 0, end)));
        s = tstr_slice(s, end, s.len);
    }
}

static waage_status method_split(render *r, const call_args *c, const tval *self, tval *out)
{
    int64_t max = -1;
    tlist *l;
    WAAGE_TRY(call_need_str(r, c, self, "split"));
    if (call_given(&c->args[1]) && c->args[1].kind != TV_INT)
        return call_wrong(r, c, "split", &c->args[1]);
    if (call_given(&c->args[1])) max = c->args[1].u.i;
    WAAGE_TRY(tlist_new(r, &l));
    *out = (tval){.kind = TV_LIST, .u.list = l};
    if (!call_given(&c->args[0]) || c->args[0].kind == TV_NONE)
        return split_blank(r, c->line, self->u.str, max, l);
    WAAGE_TRY(call_need_str(r, c, &c->args[0], "split"));
    const tstr s = self->u.str, sep = c->args[0].u.str;
    if (sep.len == 0) return render_fail(r, c->line, "split: the separator is empty");
    size_t pos = 0, at;
    while ((max < 0 || l->n < (size_t)max) && (at = tstr_find(s, sep, pos)) != SIZE_MAX) {
        WAAGE_TRY(add_piece(r, c->line, l, tstr_slice(s, pos, at)));
        pos = at + sep.len;
    }
    return add_piece(r, c->line, l, tstr_slice(s, pos, s.len));
}

/* Bytes of a line's end at s[i], 0 when there is none. */
static size_t line_end(tstr s, size_t i)
{
    static const char *const ends[] = {"\r\n",     "\n",           "\r",          "\v",
                                       "\f",       "\x1c",         "\x1d",        "\x1e",
                                       "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
        const size_t n = strlen(ends[k]);
        if (s.len - i >= n && memcmp(s.s + i, ends[k], n) == 0) return n;
    }
    return 0;
}

/* all: also the empty line behind a line's end at the end of the text. */
static waage_status split_lines(render *r, uint32_t line, tstr s, bool all, tlist *l)
{
    size_t pos = 0;
    for (size_t i = 0, n; i < s.len; i += n ? n : 1) {
        n = line_end(s, i);
        if (n == 0) continue;
        WAAGE_TRY(add_piece(r, line, l, tstr_slice(s, pos, i)));
        pos = i + n;
    }
    return pos < s.len || all ? add_piece(r, line, l, tstr_slice(s, pos, s.len)) : WAAGE_OK;
}

static waage_status method_splitlines(render *r, const call_args *c, const tval *self, tval *out)
{
    tlist *l;
    WAAGE_TRY(call_need_str(r, c, self, "splitlines"));
    WAAGE_TRY(tlist_new(r, &l));
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return split_lines(r, c->line, self->u.str, false, l);
}

enum { INDENT_MAX = 1000 };

static waage_status filter_indent(render *r, const call_args *c, const tval *self, tval *out)
{
    const tval *width = &c->args[0];
    tlist *l;
    tstr s, in = {"", 0, NULL, false};
    char blanks[INDENT_MAX];
    tbuf b = TBUF_EMPTY;
    WAAGE_TRY(call_need_str(r, c, self, "indent"));
    s = self->u.str;
    if (width->kind == TV_STR) {
        in = width->u.str;
    } else {
        if (call_given(width) && (width->kind != TV_INT || width->u.i > INDENT_MAX))
            return call_wrong(r, c, "indent", width);
        const int64_t n = call_given(width) ? width->u.i : 4;
        memset(blanks, ' ', sizeof blanks);
        in = (tstr){blanks, n > 0 ? (size_t)n : 0, NULL, false};
    }
    WAAGE_TRY(tlist_new(r, &l));
    WAAGE_TRY(split_lines(r, c->line, s, true, l));
    for (size_t i = 0; i < l->n; i++) {
        const tstr text = l->items[i].u.str;
        if (i > 0) tbuf_puts(&b, "\n");
        const bool wanted =
            i == 0 ? tval_truth(&c->args[1]) : text.len > 0 || tval_truth(&c->args[2]);
        if (wanted) tbuf_put(&b, in);
        tbuf_put(&b, text);
    }
    return tbuf_take_value(r, c->line, &b, out);
}

/* startswith and endswith: one string or a list of them. */
static waage_status affix(render *r, const call_args *c, const tval *self, bool end, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "startswith/endswith"));
    const tval *want = &c->args[0];
    const size_t n = want->kind == TV_LIST ? want->u.list->n : 1;
    bool found = false;
    for (size_t i = 0; i < n && !found; i++) {
        const tval *w = want->kind == TV_LIST ? &want->u.list->items[i] : want;
        WAAGE_TRY(call_need_str(r, c, w, "startswith/endswith"));
        const tstr s = self->u.str, x = w->u.str;
        found = x.len <= s.len && memcmp(end ? s.s + s.len - x.len : s.s, x.s, x.len) == 0;
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

/* Characters in front of byte `at`. */
static int64_t chars_before(tstr s, size_t at)
{
    return (int64_t)utf8_count(s.s, at);
}

static waage_status method_find(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "find"));
    WAAGE_TRY(call_need_str(r, c, &c->args[0], "find"));
    const size_t at = tstr_find(self->u.str, c->args[0].u.str, 0);
    *out = tval_int(at == SIZE_MAX ? -1 : chars_before(self->u.str, at));
    return WAAGE_OK;
}

static waage_status method_index(render *r, const call_args *c, const tval *self, tval *out)
{
    if (self->kind == TV_STR) {
        WAAGE_TRY(method_find(r, c, self, out));
        return out->u.i >= 0 ? WAAGE_OK
                             : render_fail(r, c->line, "index: the text is not in there");
    }
    if (self->kind != TV_LIST) return call_wrong(r, c, "index", self);
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
        if (x.len == 0) n = chars_before(s, s.len) + 1;
        for (size_t at = 0; x.len && (at = tstr_find(s, x, at)) != SIZE_MAX; at += x.len)
            n++;
    }
    *out = tval_int(n);
    return WAAGE_OK;
}

static waage_status method_isdigit(render *r, const call_args *c, const tval *self, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "isdigit"));
    bool all = self->u.str.len > 0;
    for (size_t i = 0; i < self->u.str.len && all;) {
        uint32_t cp;
        i += utf8_decode(self->u.str.s + i, self->u.str.len - i, &cp);
        all = unicode_is_digit(cp);
    }
    *out = tval_bool(all);
    return WAAGE_OK;
}

// clang-format off
static const callee callees[] = {
    {CALL_FILTER, "capitalize", 0, 0, "", filter_capitalize},
    {CALL_FILTER, "lower", 0, 0, "", filter_lower},
    {CALL_FILTER, "replace", 2, 3, "old new count", do_replace},
    {CALL_FILTER, "indent", 0, 3, "width first blank", filter_indent},
    {CALL_FILTER, "title", 0, 0, "", filter_title},
    {CALL_FILTER, "trim", 0, 1, "chars", filter_trim},
    {CALL_FILTER, "upper", 0, 0, "", filter_upper},
    {CALL_METHOD, "capitalize", 0, 0, "", method_capitalize},
    {CALL_METHOD, "count", 1, 1, "-", method_count},
    {CALL_METHOD, "endswith", 1, 1, "-", method_endswith},
    {CALL_METHOD, "find", 1, 1, "-", method_find},
    {CALL_METHOD, "index", 1, 1, "-", method_index},
    {CALL_METHOD, "isdigit", 0, 0, "", method_isdigit},
    {CALL_METHOD, "lower", 0, 0, "", method_lower},
    {CALL_METHOD, "lstrip", 0, 1, "-", method_lstrip},
    {CALL_METHOD, "replace", 2, 3, "- - count", method_replace},
    {CALL_METHOD, "rstrip", 0, 1, "-", method_rstrip},
    {CALL_METHOD, "split", 0, 2, "sep maxsplit", method_split},
    {CALL_METHOD, "splitlines", 0, 0, "", method_splitlines},
    {CALL_METHOD, "startswith", 1, 1, "-", method_startswith},
    {CALL_METHOD, "strip", 0, 1, "-", method_strip},
    {CALL_METHOD, "title", 0, 0, "", method_title},
    {CALL_METHOD, "upper", 0, 0, "", method_upper},
};
// clang-format on

const callee_table template_text_callees = {callees, sizeof callees / sizeof *callees};
