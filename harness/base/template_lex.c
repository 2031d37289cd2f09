/* template_lex.c - source text to tokens, with Jinja2's white space rules (trim_blocks,
 * lstrip_blocks, the signs - and + inside the delimiters, raw blocks, comments). */
#include "harness/base/template_impl.h"

#include <string.h>
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"

enum { LEX_MAX_BRACKETS = 256 };

typedef struct {
    arena *a;
    const char *name;
    const char *s; /* newlines are \n only */
    size_t len, pos;
    uint32_t line;
    const template_options *opt;
    token *tokens;
    size_t n, cap;
    bool line_starting; /* the last tag ended with a newline, or nothing came yet */
    waage_err *err;
} lexer;

static waage_status fail(lexer *l, const char *what)
{
    return waage_err_set(l->err, WAAGE_EFORMAT, "%s:%u: %s", l->name, l->line, what);
}

static token *push(lexer *l, token_kind kind)
{
    if (l->n == l->cap) {
        const size_t cap = l->cap ? l->cap * 2 : 64;
        token *grown = arena_calloc(l->a, cap, sizeof *grown);
        if (!grown) return NULL;
        if (l->n) memcpy(grown, l->tokens, l->n * sizeof *grown);
        l->tokens = grown;
        l->cap = cap;
    }
    token *t = &l->tokens[l->n++];
    memset(t, 0, sizeof *t);
    t->kind = kind;
    t->line = l->line;
    return t;
}

static waage_status push_text(lexer *l, token_kind kind, const char *s, size_t len)
{
    token *t = push(l, kind);
    char *copy = t ? arena_strndup(l->a, s, len) : NULL;
    if (!copy) return waage_err_nomem(l->err);
    t->text = copy;
    t->len = len;
    return WAAGE_OK;
}

/* Move to `end`, counting lines. */
static void advance(lexer *l, size_t end)
{
    for (; l->pos < end; l->pos++)
        if (l->s[l->pos] == '\n') l->line++;
}

static size_t rstrip(const char *s, size_t len)
{
    while (len) {
        size_t at = len - 1;
        while (at && ((unsigned char)s[at] & 0xc0) == 0x80)
            at--;
        uint32_t cp;
        utf8_decode(s + at, len - at, &cp);
        if (!unicode_is_space(cp)) break;
        len = at;
    }
    return len;
}

static size_t skip_space(const char *s, size_t pos, size_t len)
{
    while (pos < len) {
        uint32_t cp;
        const size_t n = utf8_decode(s + pos, len - pos, &cp);
        if (!unicode_is_space(cp)) break;
        pos += n;
    }
    return pos;
}

static bool at(const lexer *l, size_t pos, const char *what)
{
    const size_t n = strlen(what);
    return pos <= l->len && l->len - pos >= n && memcmp(l->s + pos, what, n) == 0;
}

/* Text in front of a tag: the sign of the tag and lstrip_blocks take blanks from its end. */
static waage_status put_text(lexer *l, size_t start, size_t end, char sign, bool is_variable)
{
    size_t len = end - start;
    const char *s = l->s + start;

    if (sign == '-') {
        len = rstrip(s, len);
    } else if (sign != '+' && l->opt->lstrip_blocks && !is_variable) {
        size_t bol = len;
        while (bol && s[bol - 1] != '\n')
            bol--;
        if ((bol > 0 || l->line_starting) && skip_space(s, bol, len) == len) len = bol;
    }
    const waage_status st = len ? push_text(l, T_TEXT, s, len) : WAAGE_OK;
    advance(l, end);
    return st;
}

/* The end of a tag at pos, `close` being its last two characters: 0 when there is none here, else
 * the position behind it and behind the white space that it eats. */
static size_t tag_end(lexer *l, size_t pos, const char *close)
{
    const bool block = close[0] != '}';
    size_t end;

    if (l->s[pos] == '-' && at(l, pos + 1, close)) {
        end = skip_space(l->s, pos + 3, l->len);
    } else if (block && l->s[pos] == '+' && at(l, pos + 1, close)) {
        end = pos + 3;
    } else if (at(l, pos, close)) {
        end = pos + 2;
        if (block && l->opt->trim_blocks && end < l->len && l->s[end] == '\n') end++;
    } else {
        return 0;
    }
    l->line_starting = l->s[end - 1] == '\n';
    return end;
}

static waage_status lex_comment(lexer *l)
{
    for (size_t p = l->pos + 2; p < l->len; p++) {
        const size_t end = tag_end(l, p, "#}");
        if (end) {
            advance(l, end);
            return WAAGE_OK;
        }
    }
    return fail(l, "a comment is not closed; `#}` is missing");
}

/* `{% raw %}` at the position: everything up to `{% endraw %}` is text. *was: there was one. */
static waage_status lex_raw(lexer *l, size_t tag, bool *was)
{
    size_t p = tag + 2;
    if (p < l->len && (l->s[p] == '-' || l->s[p] == '+')) p++;
    p = skip_space(l->s, p, l->len);
    *was = at(l, p, "raw");
    if (!*was) return WAAGE_OK;
    p = skip_space(l->s, p + 3, l->len);
    size_t start;
    if (at(l, p, "-%}")) {
        start = skip_space(l->s, p + 3, l->len);
    } else if (at(l, p, "%}")) {
        start = p + 2;
    } else {
        *was = false;
        return WAAGE_OK;
    }
    advance(l, start);
    l->line_starting = l->s[start - 1] == '\n';
    for (p = start; p < l->len; p++) {
        if (!at(l, p, "{%")) continue;
        size_t q = p + 2;
        char sign = 0;
        if (q < l->len && (l->s[q] == '-' || l->s[q] == '+')) sign = l->s[q++];
        q = skip_space(l->s, q, l->len);
        if (!at(l, q, "endraw")) continue;
        q = skip_space(l->s, q + 6, l->len);
        const bool was_starting = l->line_starting;
        const size_t end = q < l->len ? tag_end(l, q, "%}") : 0;
        if (!end) continue;
        const bool starting = l->line_starting;
        l->line_starting = was_starting;
        WAAGE_TRY(put_text(l, start, p, sign, false));
        l->line_starting = starting;
        advance(l, end);
        return WAAGE_OK;
    }
    return fail(l, "a raw block is not closed; `{% endraw %}` is missing");
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* \xHH, \uXXXX, \UXXXXXXXX at s[*i] (the letter); appends the character. */
static bool hex_escape(strbuf *b, const char *s, size_t len, size_t *i)
{
    const size_t digits = s[*i] == 'x' ? 2 : s[*i] == 'u' ? 4 : 8;
    uint32_t cp = 0;
    if (len - *i <= digits) return false;
    for (size_t k = 1; k <= digits; k++) {
        const int h = hex_value(s[*i + k]);
        if (h < 0) return false;
        cp = cp << 4 | (uint32_t)h;
    }
    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000)) return false;
    char buf[4];
    strbuf_put(b, buf, utf8_encode(cp, buf));
    *i += digits;
    return true;
}

/* The value of a string literal, s..len being what stands between its quotes. */
static waage_status decode_string(lexer *l, const char *s, size_t len, strbuf *b)
{
    static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '\\' || i + 1 >= len) {
            strbuf_putc(b, s[i]);
            continue;
        }
        const char c = s[++i];
        const char *simple = memchr(from, c, sizeof from - 1);
        if (c == '\n') continue; /* a continued line */
        if (simple) {
            strbuf_putc(b, to[simple - from]);
        } else if (c == 'x' || c == 'u' || c == 'U') {
            if (!hex_escape(b, s, len, &i)) return fail(l, "a wrong \\x, \\u or \\U escape");
        } else if (c >= '0' && c <= '7') {
            uint32_t cp = 0;
            char buf[4];
            size_t k = 0;
            for (; k < 3 && i < len && s[i] >= '0' && s[i] <= '7'; k++, i++)
                cp = cp * 8 + (uint32_t)(s[i] - '0');
            i--;
            strbuf_put(b, buf, utf8_encode(cp, buf));
        } else if (c == 'N') {
            return fail(l, "\\N{...} escapes are not supported");
        } else {
            strbuf_putc(b, '\\');
            strbuf_putc(b, c);
        }
    }
    return strbuf_check(b, l->err);
}

static waage_status lex_string(lexer *l)
{
    const char quote = l->s[l->pos];
    size_t end = l->pos + 1;
    while (end < l->len && l->s[end] != quote)
        end += l->s[end] == '\\' ? 2 : 1;
    if (end >= l->len) return fail(l, "a string is not closed");
    strbuf b = STRBUF_EMPTY;
    waage_status st = decode_string(l, l->s + l->pos + 1, end - l->pos - 1, &b);
    if (st == WAAGE_OK) st = push_text(l, T_STR, strbuf_str(&b), b.len);
    strbuf_free(&b);
    advance(l, end + 1);
    return st;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(const lexer *l, size_t p)
{
    while (p < l->len && (is_digit(l->s[p]) || (l->s[p] == '_' && p + 1 < l->len &&
                                                is_digit(l->s[p + 1]) && is_digit(l->s[p - 1]))))
        p++;
    return p;
}

static waage_status lex_number(lexer *l)
{
    const size_t start = l->pos;
    size_t p = digits(l, start + 1);
    bool is_float = false;

    if (p + 1 < l->len && l->s[p] == '.' && is_digit(l->s[p + 1])) {
        p = digits(l, p + 1);
        is_float = true;
    }
    if (p < l->len && (l->s[p] == 'e' || l->s[p] == 'E')) {
        size_t q = p + 1;
        if (q < l->len && (l->s[q] == '+' || l->s[q] == '-')) q++;
        if (q < l->len && is_digit(l->s[q])) {
            p = digits(l, q);
            is_float = true;
        }
    }
    if (p < l->len && (l->s[p] == 'x' || l->s[p] == 'b' || l->s[p] == 'o') && p == start + 1)
        return fail(l, "hexadecimal, octal and binary numbers are not supported");
    strbuf b = STRBUF_EMPTY;
    for (size_t i = start; i < p; i++)
        if (l->s[i] != '_') strbuf_putc(&b, l->s[i]);
    waage_status st = strbuf_check(&b, l->err);
    if (st == WAAGE_OK) st = push_text(l, is_float ? T_FLOAT : T_INT, strbuf_str(&b), b.len);
    strbuf_free(&b);
    advance(l, p);
    return st;
}

static bool is_name_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static waage_status lex_operator(lexer *l, char *brackets, size_t *n_brackets)
{
    static const char *const two[] = {"**", "//", "==", "!=", ">=", "<=", NULL};
    static const char closing[] = ")]}", opening[] = "([{";
    const char c = l->s[l->pos];
    const char *open = strchr(opening, c), *close = strchr(closing, c);
    token *t;

    if (!c || !strchr("+-/*%~[](){}><=.:|,;!", c)) return fail(l, "an unexpected character");
    if (open) {
        if (*n_brackets == LEX_MAX_BRACKETS) return fail(l, "too many nested brackets");
        brackets[(*n_brackets)++] = closing[open - opening];
    } else if (close) {
        if (*n_brackets == 0 || brackets[*n_brackets - 1] != c)
            return fail(l, "a closing bracket has no partner");
        (*n_brackets)--;
    }
    t = push(l, T_OP);
    if (!t) return waage_err_nomem(l->err);
    t->op[0] = c;
    for (size_t i = 0; two[i]; i++)
        if (at(l, l->pos, two[i])) t->op[1] = two[i][1];
    advance(l, l->pos + strlen(t->op));
    return WAAGE_OK;
}

/* The inside of {{ }} or {% %}. */
static waage_status lex_inside(lexer *l, const char *close, token_kind end_kind)
{
    char brackets[LEX_MAX_BRACKETS];
    size_t n_brackets = 0;

    while (l->pos < l->len) {
        const char c = l->s[l->pos];
        const size_t end = n_brackets ? 0 : tag_end(l, l->pos, close);
        if (end) {
            if (!push(l, end_kind)) return waage_err_nomem(l->err);
            advance(l, end);
            return WAAGE_OK;
        }
        const size_t blank = skip_space(l->s, l->pos, l->len);
        if (blank > l->pos) {
            advance(l, blank);
        } else if (c == '"' || c == '\'') {
            WAAGE_TRY(lex_string(l));
        } else if (is_digit(c)) {
            WAAGE_TRY(lex_number(l));
        } else if (is_name_char(c)) {
            size_t p = l->pos;
            while (p < l->len && is_name_char(l->s[p]))
                p++;
            WAAGE_TRY(push_text(l, T_NAME, l->s + l->pos, p - l->pos));
            advance(l, p);
        } else {
            WAAGE_TRY(lex_operator(l, brackets, &n_brackets));
        }
    }
    return fail(l, end_kind == T_VAR_END ? "an expression is not closed; `}}` is missing"
                                         : "a block is not closed; `%}` is missing");
}

/* One tag at l->pos + (text in front); `tag` is where it begins. */
static waage_status lex_tag(lexer *l, size_t tag)
{
    const char kind = l->s[tag + 1];
    const bool has_sign = tag + 2 < l->len && (l->s[tag + 2] == '-' || l->s[tag + 2] == '+');
    const char sign = has_sign ? l->s[tag + 2] : 0;
    bool raw = false;

    WAAGE_TRY(put_text(l, l->pos, tag, sign, kind == '{'));
    l->line_starting = false;
    if (kind == '#') return lex_comment(l);
    if (kind == '%') WAAGE_TRY(lex_raw(l, tag, &raw));
    if (raw) return WAAGE_OK;
    if (!push(l, kind == '{' ? T_VAR_BEGIN : T_BLOCK_BEGIN)) return waage_err_nomem(l->err);
    advance(l, tag + 2 + (sign != 0));
    return kind == '{' ? lex_inside(l, "}}", T_VAR_END) : lex_inside(l, "%}", T_BLOCK_END);
}

/* Newlines become \n, and the last one goes unless it is kept. */
static char *normalise_newlines(arena *a, const char *s, size_t *len, bool keep_last)
{
    char *out = arena_alloc(a, *len + 1);
    size_t n = 0;
    if (!out) return NULL;
    for (size_t i = 0; i < *len; i++) {
        if (s[i] == '\r') {
            out[n++] = '\n';
            if (i + 1 < *len && s[i + 1] == '\n') i++;
        } else {
            out[n++] = s[i];
        }
    }
    if (!keep_last && n && out[n - 1] == '\n') n--;
    out[n] = '\0';
    *len = n;
    return out;
}

waage_status template_lex(token **out, size_t *n, arena *a, const char *source, size_t len,
                          const char *name, uint32_t line0, const template_options *opt,
                          waage_err *err)
{
    lexer l = {a, name, NULL, len, 0, line0, opt, NULL, 0, 0, true, err};

    l.s = normalise_newlines(a, source, &l.len, opt->keep_trailing_newline);
    if (!l.s) return waage_err_nomem(err);
    for (size_t tag = 0; tag + 1 < l.len;) {
        const bool begins =
            l.s[tag] == '{' && (l.s[tag + 1] == '{' || l.s[tag + 1] == '%' || l.s[tag + 1] == '#');
        if (!begins) {
            tag++;
            continue;
        }
        WAAGE_TRY(lex_tag(&l, tag));
        tag = l.pos;
    }
    if (l.pos < l.len) WAAGE_TRY(push_text(&l, T_TEXT, l.s + l.pos, l.len - l.pos));
    advance(&l, l.len);
    if (!push(&l, T_EOF)) return waage_err_nomem(err);
    *out = l.tokens;
    *n = l.n;
    return WAAGE_OK;
}
