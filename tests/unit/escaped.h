/* escaped.h - text of golden files: bytes outside of 0x21..0x7E and the backslash stand as \xNN. */
#ifndef TESTS_ESCAPED_H
#define TESTS_ESCAPED_H
#include <stdlib.h>
#include <string.h>
#include "harness/base/utf8.h"

/* Decode up to a tab or n bytes; malloc'd, NUL behind it. */
static inline char *escaped_read(const char *s, size_t n, size_t *len)
{
    char *out = malloc(n + 1);
    size_t at = 0;
    for (size_t i = 0; out && i < n && s[i] != '\t'; at++) {
        char hex[3] = {0};
        if (s[i] != '\\') {
            out[at] = s[i++];
            continue;
        }
        memcpy(hex, s + i + 2, 2);
        out[at] = (char)strtol(hex, NULL, 16);
        i += 4;
    }
    if (out) out[at] = 0;
    *len = at;
    return out;
}

#endif
