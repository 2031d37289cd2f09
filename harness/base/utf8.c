/* utf8.c - validation, decoding, encoding. */
#include "harness/base/utf8.h"

/* Length that the first byte announces, 0 when it cannot begin a character. */
static size_t announced(unsigned char c)
{
    if (c < 0x80) return 1;
    if (c >= 0xC2 && c <= 0xDF) return 2;
    if (c >= 0xE0 && c <= 0xEF) return 3;
    if (c >= 0xF0 && c <= 0xF4) return 4;
    return 0;
}

/* Is byte c allowed as second byte after first byte c0? Excludes overlong forms and surrogates. */
static int second_ok(unsigned char c0, unsigned char c)
{
    const unsigned char lo = c0 == 0xE0 ? 0xA0 : c0 == 0xF0 ? 0x90 : 0x80;
    const unsigned char hi = c0 == 0xED ? 0x9F : c0 == 0xF4 ? 0x8F : 0xBF;
    return c >= lo && c <= hi;
}

size_t utf8_valid_length(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    const size_t n = len ? announced(p[0]) : 0;
    if (n == 0 || n > len) return 0;
    if (n > 1 && !second_ok(p[0], p[1])) return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    return n;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *cp)
{
    const unsigned char *p = (const unsigned char *)s;
    const size_t n = utf8_valid_length(s, len);
    switch (n) {
    case 1:
        *cp = p[0];
        return 1;
    case 2:
        *cp = (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
        return 2;
    case 3:
        *cp = (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
        return 3;
    case 4:
        *cp = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
              (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
        return 4;
    default:
        *cp = 0xFFFD;
        return 1;
    }
}

size_t utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

size_t utf8_incomplete_tail(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        const unsigned char c = p[len - back];
        if ((c & 0xC0) == 0x80) continue;
        const size_t n = announced(c);
        if (n <= back) return 0;
        return back < 2 || second_ok(c, p[len - back + 1]) ? back : 0;
    }
    return 0;
}

size_t utf8_count(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; n++) {
        const size_t l = utf8_valid_length(s + i, len - i);
        i += l ? l : 1;
    }
    return n;
}
