/* store_blob.c - little-endian encoding of token ids and log-probabilities. */
#include "harness/store_blob.h"
#include "harness/base/cursor.h"
#include <string.h>

enum { CHOICE_GREEDY = 1, CHOICE_LOGPROBS = 2, CHOICE_TOKENS = 4, CHOICE_HEAD = 8 + 4 + 1 };

static void put_le(strbuf *out, uint64_t v, size_t n)
{
    char bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(unsigned char)(v >> (8 * i));
    strbuf_put(out, bytes, n);
}

void store_blob_put_tokens(strbuf *out, const int32_t *tokens, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_le(out, (uint32_t)tokens[i], 4);
}

void store_blob_put_floats(strbuf *out, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        put_le(out, bits, 4);
    }
}

void store_blob_put_choices(strbuf *out, const choice_score *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &c[i].logprob, sizeof bits);
        put_le(out, bits, 8);
        put_le(out, c[i].n_tokens, 4);
        put_le(out,
               (c[i].greedy ? CHOICE_GREEDY : 0U) | (c[i].logprobs ? CHOICE_LOGPROBS : 0U) |
                   (c[i].tokens ? CHOICE_TOKENS : 0U),
               1);
        if (c[i].logprobs) store_blob_put_floats(out, c[i].logprobs, c[i].n_tokens);
        if (c[i].tokens) store_blob_put_tokens(out, c[i].tokens, c[i].n_tokens);
    }
}

static const int32_t *take_tokens(cursor *c, size_t n, arena *a)
{
    if (n > (c->size - c->pos) / 4) return NULL;
    int32_t *x = arena_calloc(a, n, sizeof *x);
    for (size_t i = 0; x && i < n; i++) {
        const uint32_t bits = cursor_u32(c);
        memcpy(&x[i], &bits, sizeof bits);
    }
    return x;
}

static const float *take_floats(cursor *c, size_t n, arena *a)
{
    if (n > (c->size - c->pos) / 4) return NULL;
    float *x = arena_calloc(a, n, sizeof *x);
    for (size_t i = 0; x && i < n; i++)
        x[i] = cursor_f32(c);
    return x;
}

bool store_blob_get_tokens(const void *data, size_t len, arena *a, const int32_t **out, size_t *n)
{
    cursor c = {data, len, 0, false};
    *n = len / 4;
    *out = NULL;
    if (len % 4) return false;
    if (len == 0) return true;
    return (*out = take_tokens(&c, *n, a)) != NULL;
}

bool store_blob_get_floats(const void *data, size_t len, arena *a, const float **out, size_t *n)
{
    cursor c = {data, len, 0, false};
    *n = len / 4;
    *out = NULL;
    if (len % 4) return false;
    if (len == 0) return true;
    return (*out = take_floats(&c, *n, a)) != NULL;
}

static bool take_choice(cursor *c, arena *a, choice_score *out)
{
    memset(out, 0, sizeof *out);
    out->logprob = cursor_f64(c);
    out->n_tokens = cursor_u32(c);
    const uint8_t flags = cursor_u8(c);
    out->greedy = (flags & CHOICE_GREEDY) != 0;
    if (c->failed || flags > 7) return false;
    if (flags & CHOICE_LOGPROBS && !(out->logprobs = take_floats(c, out->n_tokens, a)))
        return false;
    if (flags & CHOICE_TOKENS && !(out->tokens = take_tokens(c, out->n_tokens, a))) return false;
    return true;
}

bool store_blob_get_choices(const void *data, size_t len, arena *a, const choice_score **out,
                            size_t *n)
{
    cursor c = {data, len, 0, false};
    const size_t most = len / CHOICE_HEAD;
    *out = NULL;
    *n = 0;
    if (len == 0) return true;
    choice_score *x = arena_calloc(a, most ? most : 1, sizeof *x);
    if (!x) return false;
    while (c.pos < c.size) {
        if (*n == most || !take_choice(&c, a, &x[*n])) return false;
        ++*n;
    }
    *out = x;
    return true;
}
