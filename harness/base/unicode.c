/* unicode.c - the sole includer of utf8proc.h. */
#include "harness/base/unicode.h"

#include <stdlib.h>
#include <utf8proc.h>
#include "harness/base/strbuf.h"
#include "harness/base/utf8.h"

static utf8proc_category_t category(uint32_t cp)
{
    if (cp > 0x10ffff) return UTF8PROC_CATEGORY_CN;
    return utf8proc_category((utf8proc_int32_t)cp);
}

bool unicode_is_space(uint32_t cp)
{
    if (cp < 0x80) return (cp >= 9 && cp <= 13) || (cp >= 0x1c && cp <= 0x20);
    if (cp == 0x85) return true;
    const utf8proc_category_t c = category(cp);
    return c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL || c == UTF8PROC_CATEGORY_ZP;
}

bool unicode_is_alpha(uint32_t cp)
{
    const utf8proc_category_t c = category(cp);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

bool unicode_is_digit(uint32_t cp)
{
    return category(cp) == UTF8PROC_CATEGORY_ND;
}

bool unicode_is_alnum(uint32_t cp)
{
    const utf8proc_category_t c = category(cp);
    return unicode_is_alpha(cp) || (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO);
}

bool unicode_is_lower(uint32_t cp)
{
    return category(cp) == UTF8PROC_CATEGORY_LL;
}

bool unicode_is_upper(uint32_t cp)
{
    return category(cp) == UTF8PROC_CATEGORY_LU;
}

bool unicode_is_punct(uint32_t cp)
{
    const utf8proc_category_t c = category(cp);
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_SO;
}

bool unicode_is_printable(uint32_t cp)
{
    if (cp == ' ') return true;
    const utf8proc_category_t c = category(cp);
    return c != UTF8PROC_CATEGORY_CN && c < UTF8PROC_CATEGORY_ZS;
}

uint32_t unicode_lower(uint32_t cp)
{
    if (cp < 0x80) return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    return cp > 0x10ffff ? cp : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

uint32_t unicode_upper(uint32_t cp)
{
    if (cp < 0x80) return cp >= 'a' && cp <= 'z' ? cp - 32 : cp;
    return cp > 0x10ffff ? cp : (uint32_t)utf8proc_toupper((utf8proc_int32_t)cp);
}

/* utf8proc refuses invalid UTF-8, so it is replaced beforehand. False when memory is out. */
static bool clean_utf8(strbuf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        char buf[4];
        i += utf8_decode(s + i, len - i, &cp);
        strbuf_put(out, buf, utf8_encode(cp, buf));
    }
    return !out->failed;
}

char *unicode_normalise(arena *a, const char *s, size_t len, unicode_form form, size_t *out_len)
{
    static const utf8proc_option_t options[] = {
        [UNICODE_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        [UNICODE_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [UNICODE_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [UNICODE_NFKC_FOLD] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                              UTF8PROC_CASEFOLD | UTF8PROC_IGNORE,
    };
    strbuf clean = STRBUF_EMPTY;
    char *copy = NULL;

    if (clean_utf8(&clean, s, len)) {
        utf8proc_uint8_t *norm = NULL;
        const utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)strbuf_str(&clean),
                                                (utf8proc_ssize_t)clean.len, &norm, options[form]);
        if (n >= 0) {
            copy = arena_strndup(a, (const char *)norm, (size_t)n);
            *out_len = (size_t)n;
        }
        free(norm);
    }
    strbuf_free(&clean);
    return copy;
}

const char *unicode_version(void)
{
    return utf8proc_unicode_version();
}
