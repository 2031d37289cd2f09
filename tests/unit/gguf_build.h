/* gguf_build.h - writes GGUF bytes for tests, right or deliberately wrong. */
#ifndef TESTS_GGUF_BUILD_H
#define TESTS_GGUF_BUILD_H
#include "harness/base/strbuf.h"
#include "runners/local/gguf.h"
#include <string.h>

static inline void put_le(strbuf *b, uint64_t v, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        strbuf_putc(b, (char)(unsigned char)(v >> (8 * i)));
}

static inline void put_gstr(strbuf *b, const char *s)
{
    put_le(b, strlen(s), 8);
    strbuf_puts(b, s);
}

static inline void put_header(strbuf *b, uint32_t version, uint64_t n_tensors, uint64_t n_kv)
{
    strbuf_puts(b, "GGUF");
    put_le(b, version, 4);
    put_le(b, n_tensors, 8);
    put_le(b, n_kv, 8);
}

static inline void put_key(strbuf *b, const char *key, gguf_kind kind)
{
    put_gstr(b, key);
    put_le(b, kind, 4);
}

static inline void put_kv_u32(strbuf *b, const char *key, uint32_t v)
{
    put_key(b, key, GGUF_U32);
    put_le(b, v, 4);
}

static inline void put_kv_str(strbuf *b, const char *key, const char *s)
{
    put_key(b, key, GGUF_STR);
    put_gstr(b, s);
}

static inline void put_array(strbuf *b, const char *key, gguf_kind elem, uint64_t n)
{
    put_key(b, key, GGUF_ARRAY);
    put_le(b, elem, 4);
    put_le(b, n, 8);
}

static inline void put_kv_strs(strbuf *b, const char *key, const char *const *s, size_t n)
{
    put_array(b, key, GGUF_STR, n);
    for (size_t i = 0; i < n; i++)
        put_gstr(b, s[i]);
}

/* A tensor of two dimensions. */
static inline void put_tensor(strbuf *b, const char *name, uint64_t k, uint64_t rows, uint32_t type,
                              uint64_t offset)
{
    put_gstr(b, name);
    put_le(b, 2, 4);
    put_le(b, k, 8);
    put_le(b, rows, 8);
    put_le(b, type, 4);
    put_le(b, offset, 8);
}

static inline void put_padding(strbuf *b, size_t alignment)
{
    while (b->len % alignment)
        strbuf_putc(b, 0);
}

static inline void put_bytes(strbuf *b, size_t n, char value)
{
    for (size_t i = 0; i < n; i++)
        strbuf_putc(b, value);
}

#endif
