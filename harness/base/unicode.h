/* unicode.h - character properties, case and normal forms, through utf8proc.
 * Code points above U+10FFFF have no properties. */
#ifndef BASE_UNICODE_H
#define BASE_UNICODE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"

bool unicode_is_space(uint32_t cp); /* as Python's str.isspace(): White_Space and U+001C..U+001F */
bool unicode_is_alpha(uint32_t cp); /* general category L* */
bool unicode_is_digit(uint32_t cp); /* Nd */
bool unicode_is_alnum(uint32_t cp); /* L* and N* */
bool unicode_is_lower(uint32_t cp); /* Ll */
bool unicode_is_upper(uint32_t cp); /* Lu */
bool unicode_is_punct(uint32_t cp); /* P* and S* */
bool unicode_is_printable(uint32_t cp); /* as Python's str.isprintable() */
uint32_t unicode_lower(uint32_t cp);    /* simple mapping: one code point to one */
uint32_t unicode_upper(uint32_t cp);

typedef enum { UNICODE_NFC, UNICODE_NFD, UNICODE_NFKC, UNICODE_NFKC_FOLD } unicode_form;

/* Normal form of a text; NFKC_FOLD also folds case and drops ignorable characters, for matching.
 * Invalid bytes become U+FFFD first. NULL when memory is out. The result is NUL-terminated. */
char *unicode_normalise(arena *a, const char *s, size_t len, unicode_form form, size_t *out_len);

const char *unicode_version(void); /* of utf8proc's tables, for the manifest */
#endif
