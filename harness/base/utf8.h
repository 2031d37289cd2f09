/* utf8.h - UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Length 1..4 of the valid character at s, 0 when it is invalid or cut off (len = bytes left). */
size_t utf8_valid_length(const char *s, size_t len);
/* Decode the character at s; returns its length, or 1 with *cp = U+FFFD when invalid. len >= 1. */
size_t utf8_decode(const char *s, size_t len, uint32_t *cp);
/* Write cp (a valid scalar value) to out; returns 1..4. */
size_t utf8_encode(uint32_t cp, char out[4]);
/* How many bytes at the end of s could be the beginning of a character that is not complete: 0..3.
 */
size_t utf8_incomplete_tail(const char *s, size_t len);
/* Number of characters; an invalid byte counts as one. */
size_t utf8_count(const char *s, size_t len);

#endif
