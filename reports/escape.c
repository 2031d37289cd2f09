/* escape.c - see escape.h. */
#include "reports/escape.h"
#include <stdio.h>
#include <string.h>
#include "harness/base/utf8.h"

/* Characters that are not seen, or that change how their neighbours are seen. U+200C and U+200D
 * stay: Persian and emoji need them, and alone they move nothing. Sources: Unicode 15, categories
 * Cc and Cf; UAX 9 (bidirectional controls). */
static bool is_hidden(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        {0x00, 0x08},     {0x0B, 0x1F},     {0x7F, 0x9F},       {0xAD, 0xAD},     {0x61C, 0x61C},
        {0x180E, 0x180E}, {0x200B, 0x200B}, {0x200E, 0x200F},   {0x2028, 0x202E}, {0x2060, 0x206F},
        {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFB}, {0xE0000, 0xE0FFF},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].from && c <= ranges[i].to) return true;
    return false;
}

typedef void (*put_plain)(strbuf *out, char c);
typedef void (*put_code)(strbuf *out, const char *code);

/* Walk over s: ASCII goes through `plain`, hidden characters and stray bytes through `code`, other
 * characters are copied. */
static void walk(strbuf *out, const char *s, size_t len, put_plain plain, put_code code)
{
    char text[16];
    for (size_t i = 0; i < len;) {
        uint32_t c;
        const bool valid = utf8_valid_length(s + i, len - i) > 0;
        const size_t n = utf8_decode(s + i, len - i, &c);
        if (!valid) {
            static const char hex[] = "0123456789ABCDEF";
            const unsigned char byte = (unsigned char)s[i];
            const char stray[] = {'0', 'x', hex[byte >> 4], hex[byte & 15], '\0'};
            code(out, stray);
        } else if (is_hidden(c)) {
            snprintf(text, sizeof text, "U+%04X", (unsigned)c);
            code(out, text);
        } else if (c < 0x80) {
            plain(out, (char)c);
        } else {
            strbuf_put(out, s + i, n);
        }
        i += n;
    }
}

static void html_plain(strbuf *out, char c)
{
    switch (c) {
    case '&':
        strbuf_puts(out, "&amp;");
        break;
    case '<':
        strbuf_puts(out, "&lt;");
        break;
    case '>':
        strbuf_puts(out, "&gt;");
        break;
    case '"':
        strbuf_puts(out, "&quot;");
        break;
    case '\'':
        strbuf_puts(out, "&#39;");
        break;
    default:
        strbuf_putc(out, c);
    }
}

static void html_code(strbuf *out, const char *code)
{
    strbuf_printf(out, "<span class=\"ctl\">%s</span>", code);
}

static void bare_code(strbuf *out, const char *code)
{
    strbuf_printf(out, "[%s]", code);
}

void escape_put_html(strbuf *out, const char *s, size_t len)
{
    walk(out, s, len, html_plain, html_code);
}

void escape_puts_html(strbuf *out, const char *s)
{
    if (s) escape_put_html(out, s, strlen(s));
}

void escape_puts_attr(strbuf *out, const char *s)
{
    if (s) walk(out, s, strlen(s), html_plain, bare_code);
}

/* All but letters, digits and harmless signs by number: neither the string nor the attribute around
 * it can end here. */
static void css_plain(strbuf *out, char c)
{
    if (c != '\0' &&
        strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,-+%()/_", c))
        strbuf_putc(out, c);
    else
        strbuf_printf(out, "\\%x ", (unsigned)(unsigned char)c);
}

void escape_puts_css(strbuf *out, const char *s)
{
    if (s) walk(out, s, strlen(s), css_plain, bare_code);
}

static void md_plain(strbuf *out, char c)
{
    if (c == '\n' || c == '\t') {
        strbuf_putc(out, ' ');
    } else if (c == '<' || c == '>' || c == '&') {
        html_plain(out, c);
    } else {
        if (strchr("\\`*_{}[]()#+!|~$", c) && c) strbuf_putc(out, '\\');
        strbuf_putc(out, c);
    }
}

void escape_puts_md(strbuf *out, const char *s)
{
    if (s) walk(out, s, strlen(s), md_plain, bare_code);
}

static void raw_plain(strbuf *out, char c)
{
    strbuf_putc(out, c);
}

void escape_put_md_block(strbuf *out, const char *s)
{
    size_t longest = 2, run = 0;
    for (const char *p = s ? s : ""; *p; p++) {
        run = *p == '`' ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    for (size_t i = 0; i <= longest; i++)
        strbuf_putc(out, '`');
    strbuf_puts(out, "text\n");
    if (s) walk(out, s, strlen(s), raw_plain, bare_code);
    strbuf_putc(out, '\n');
    for (size_t i = 0; i <= longest; i++)
        strbuf_putc(out, '`');
    strbuf_putc(out, '\n');
}

void escape_puts_csv(strbuf *out, const char *s)
{
    if (!s) return;
    if (!strpbrk(s, ",\"\r\n") && *s != ' ') {
        strbuf_puts(out, s);
        return;
    }
    strbuf_putc(out, '"');
    for (; *s; s++) {
        if (*s == '"') strbuf_putc(out, '"');
        strbuf_putc(out, *s);
    }
    strbuf_putc(out, '"');
}

void escape_puts_shell(strbuf *out, const char *s)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-_./:,=@%+";
    if (*s && s[strspn(s, safe)] == '\0') {
        strbuf_puts(out, s);
        return;
    }
    strbuf_putc(out, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            strbuf_puts(out, "'\\''");
        else
            strbuf_putc(out, *s);
    }
    strbuf_putc(out, '\'');
}
