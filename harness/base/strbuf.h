/* strbuf.h - a growable byte string with a cap; always NUL-terminated, may hold NULs.
 * A failed append (memory or cap) sets `failed`, and every later append is ignored, so that a
 * sequence of appends needs one check at its end. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H
#include <stdbool.h>
#include <stddef.h>
#include "harness/base/err.h"

typedef struct {
    char *s;    /* owned; NULL until the first append (strbuf_str gives "" then) */
    size_t len; /* bytes without the NUL */
    size_t cap; /* bytes allocated */
    size_t max; /* largest allowed len; 0 means STRBUF_MAX */
    bool failed;
} strbuf;

#define STRBUF_EMPTY                                                                               \
    {                                                                                              \
        NULL, 0, 0, 0, false                                                                       \
    }
#define STRBUF_MAX ((size_t)1 << 30)

void strbuf_put(strbuf *b, const char *s, size_t len);
void strbuf_puts(strbuf *b, const char *s);
void strbuf_putc(strbuf *b, char c);
void strbuf_printf(strbuf *b, const char *fmt, ...) WAAGE_PRINTF(2, 3);
/* A JSON string literal with its quotes; invalid UTF-8 becomes U+FFFD. */
void strbuf_put_json(strbuf *b, const char *s, size_t len);
void strbuf_clear(strbuf *b); /* length 0, memory kept */
void strbuf_truncate(strbuf *b, size_t len);
void strbuf_free(strbuf *b);             /* release; ready for use again */
const char *strbuf_str(const strbuf *b); /* NUL-terminated, borrowed until the next append */
/* WAAGE_OK, or WAAGE_ENOMEM when an append failed. */
WAAGE_MUST_CHECK waage_status strbuf_check(const strbuf *b, waage_err *err);

#endif
