/* template_split.c - strings cut into pieces: split, partition, lines, prefixes. */
#include "harness/base/template_impl.h"

#include <string.h>
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"

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
        if (max >= 0 && l->n == (size_t)max) return add_piece(r, line, l, s);
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

/* The last blanks first; the pieces come in reverse. */
static waage_status rsplit_blank(render *r, uint32_t line, tstr s, int64_t max, tlist *l)
{
    for (;;) {
        s = tstr_strip(s, NULL, false, true);
        if (s.len == 0) return WAAGE_OK;
        if (max >= 0 && l->n == (size_t)max) return add_piece(r, line, l, s);
        size_t start = s.len;
        while (start > 0) {
            size_t at = start - 1;
            uint32_t cp;
            while (at > 0 && ((unsigned char)s.s[at] & 0xc0) == 0x80)
                at--;
            utf8_decode(s.s + at, start - at, &cp);
            if (unicode_is_space(cp)) break;
            start = at;
        }
        WAAGE_TRY(add_piece(r, line, l, tstr_slice(s, start, s.len)));
        s = tstr_slice(s, 0, start);
    }
}

static waage_status split_at(render *r, uint32_t line, tstr s, tstr sep, int64_t max, tlist *l)
{
    size_t pos = 0, at;
    while ((max < 0 || l->n < (size_t)max) && (at = tstr_find(s, sep, pos)) != SIZE_MAX) {
        WAAGE_TRY(add_piece(r, line, l, tstr_slice(s, pos, at)));
        pos = at + sep.len;
    }
    return add_piece(r, line, l, tstr_slice(s, pos, s.len));
}

/* From the end; the pieces come in reverse. */
static waage_status rsplit_at(render *r, uint32_t line, tstr s, tstr sep, int64_t max, tlist *l)
{
    size_t at;
    while ((max < 0 || l->n < (size_t)max) && (at = tstr_find_last(s, sep)) != SIZE_MAX) {
        WAAGE_TRY(add_piece(r, line, l, tstr_slice(s, at + sep.len, s.len)));
        s = tstr_slice(s, 0, at);
    }
    return add_piece(r, line, l, s);
}

static void reverse(tlist *l)
{
    for (size_t i = 0; i < l->n / 2; i++) {
        const tval v = l->items[i];
        l->items[i] = l->items[l->n - 1 - i];
        l->items[l->n - 1 - i] = v;
    }
}

static waage_status do_split(render *r, const call_args *c, const tval *self, bool right, tval *out)
{
    int64_t max = -1;
    tlist *l;
    WAAGE_TRY(call_need_str(r, c, self, "split"));
    if (call_given(&c->args[1]) && c->args[1].kind != TV_INT)
        return call_wrong(r, c, "split", &c->args[1]);
    if (call_given(&c->args[1])) max = c->args[1].u.i;
    WAAGE_TRY(tlist_new(r, &l));
    *out = (tval){.kind = TV_LIST, .u.list = l};
    const tstr s = self->u.str;
    if (!call_given(&c->args[0]) || c->args[0].kind == TV_NONE) {
        WAAGE_TRY((right ? rsplit_blank : split_blank)(r, c->line, s, max, l));
    } else {
        WAAGE_TRY(call_need_str(r, c, &c->args[0], "split"));
        const tstr sep = c->args[0].u.str;
        if (sep.len == 0) return render_fail(r, c->line, "split: the separator is empty");
        WAAGE_TRY((right ? rsplit_at : split_at)(r, c->line, s, sep, max, l));
    }
    if (right) reverse(l);
    return WAAGE_OK;
}

static waage_status method_split(render *r, const call_args *c, const tval *self, tval *out)
{
    return do_split(r, c, self, false, out);
}

static waage_status method_rsplit(render *r, const call_args *c, const tval *self, tval *out)
{
    return do_split(r, c, self, true, out);
}

/* What stands in front of the separator, it, and what follows; without one, all in front (or, from
 * the right, behind). */
static waage_status do_partition(render *r, const call_args *c, const tval *self, bool right,
                                 tval *out)
{
    const tstr none = {"", 0, NULL, false};
    tlist *l;
    WAAGE_TRY(call_need_str(r, c, self, "partition"));
    WAAGE_TRY(call_need_str(r, c, &c->args[0], "partition"));
    const tstr s = self->u.str, sep = c->args[0].u.str;
    if (sep.len == 0) return render_fail(r, c->line, "partition: the separator is empty");
    const size_t at = right ? tstr_find_last(s, sep) : tstr_find(s, sep, 0);
    const bool found = at != SIZE_MAX;
    WAAGE_TRY(tlist_new(r, &l));
    l->tuple = true;
    WAAGE_TRY(add_piece(r, c->line, l, found ? tstr_slice(s, 0, at) : right ? none : s));
    WAAGE_TRY(add_piece(r, c->line, l, found ? sep : none));
    WAAGE_TRY(add_piece(r, c->line, l,
                        found   ? tstr_slice(s, at + sep.len, s.len)
                        : right ? s
                                : none));
    *out = (tval){.kind = TV_LIST, .u.list = l};
    return WAAGE_OK;
}

static waage_status method_partition(render *r, const call_args *c, const tval *self, tval *out)
{
    return do_partition(r, c, self, false, out);
}

static waage_status method_rpartition(render *r, const call_args *c, const tval *self, tval *out)
{
    return do_partition(r, c, self, true, out);
}

static waage_status cut_affix(render *r, const call_args *c, const tval *self, bool end, tval *out)
{
    WAAGE_TRY(call_need_str(r, c, self, "removeprefix/removesuffix"));
    WAAGE_TRY(call_need_str(r, c, &c->args[0], "removeprefix/removesuffix"));
    const tstr s = self->u.str, x = c->args[0].u.str;
    *out = *self;
    if (x.len > s.len || memcmp(end ? s.s + s.len - x.len : s.s, x.s, x.len) != 0) return WAAGE_OK;
    *out = tval_str(end ? tstr_slice(s, 0, s.len - x.len) : tstr_slice(s, x.len, s.len));
    return WAAGE_OK;
}

static waage_status method_removeprefix(render *r, const call_args *c, const tval *self, tval *out)
{
    return cut_affix(r, c, self, false, out);
}

static waage_status method_removesuffix(render *r, const call_args *c, const tval *self, tval *out)
{
    return cut_affix(r, c, self, true, out);
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

// clang-format off
static const callee callees[] = {
    {CALL_FILTER, "indent", 0, 3, "width first blank", filter_indent},
    {CALL_METHOD, "partition", 1, 1, "-", method_partition},
    {CALL_METHOD, "removeprefix", 1, 1, "-", method_removeprefix},
    {CALL_METHOD, "removesuffix", 1, 1, "-", method_removesuffix},
    {CALL_METHOD, "rpartition", 1, 1, "-", method_rpartition},
    {CALL_METHOD, "rsplit", 0, 2, "sep maxsplit", method_rsplit},
    {CALL_METHOD, "split", 0, 2, "sep maxsplit", method_split},
    {CALL_METHOD, "splitlines", 0, 0, "", method_splitlines},
};
// clang-format on

const callee_table template_split_callees = {callees, sizeof callees / sizeof *callees};
