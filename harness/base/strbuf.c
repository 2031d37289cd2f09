/* strbuf.c - growable strings. */
#include "harness/base/strbuf.h"
#include "harness/base/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(strbuf *b, size_t extra)
{
    const size_t max = b->max ? b->max : STRBUF_MAX;
    if (b->failed || extra > max || b->len > max - extra) {
        b->failed = true;
        return false;
    }
    const size_t need = b->len + extra + 1;
    if (need <= b->cap) return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    char *s = realloc(b->s, cap);
    if (!s) {
        b->failed = true;
        return false;
    }
    b->s = s;
    b->cap = cap;
    return true;
}

void strbuf_put(strbuf *b, const char *s, size_t len)
{
    if (!reserve(b, len)) return;
    if (len) memcpy(b->s + b->len, s, len);
    b->len += len;
    b->s[b->len] = 0;
}

void strbuf_puts(strbuf *b, const char *s)
{
    strbuf_put(b, s, strlen(s));
}

void strbuf_putc(strbuf *b, char c)
{
    strbuf_put(b, &c, 1);
}

void strbuf_printf(strbuf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void strbuf_put_json(strbuf *b, const char *s, size_t len)
{
    strbuf_putc(b, '"');
    for (size_t i = 0; i < len;) {
        const unsigned char c = (unsigned char)s[i];
        const size_t n = utf8_valid_length(s + i, len - i);
        if (n == 0) {
            strbuf_puts(b, "\xEF\xBF\xBD");
            i++;
            continue;
        }
        if (c == '"' || c == '\\') {
            strbuf_putc(b, '\\');
            strbuf_putc(b, (char)c);
        } else if (c == '\n') {
            strbuf_puts(b, "\\n");
        } else if (c == '\t') {
            strbuf_puts(b, "\\t");
        } else if (c == '\r') {
            strbuf_puts(b, "\\r");
        } else if (c < 0x20 || c == 0x7f) {
            strbuf_printf(b, "\\u%04x", c);
        } else {
            strbuf_put(b, s + i, n);
        }
        i += n;
    }
    strbuf_putc(b, '"');
}

void strbuf_clear(strbuf *b)
{
    strbuf_truncate(b, 0);
}

void strbuf_truncate(strbuf *b, size_t len)
{
    if (len > b->len) return;
    b->len = len;
    b->failed = false;
    if (b->s) b->s[len] = 0;
}

void strbuf_free(strbuf *b)
{
    free(b->s);
    b->s = NULL;
    b->len = b->cap = 0;
    b->failed = false;
}

const char *strbuf_str(const strbuf *b)
{
    return b->s ? b->s : "";
}

waage_status strbuf_check(const strbuf *b, waage_err *err)
{
    return b->failed ? waage_err_nomem(err) : WAAGE_OK;
}
