/* vocab.c - reads the token arrays and builds the hash table over their texts. */
#include "runners/local/vocab.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "runners/local/tokenizer.h"

/* A table half full needs a few dozen probes at worst; thousands mean texts chosen to collide. */
enum { TOKENS_MAX = 1 << 24, TEXT_MAX = 1 << 16, PROBES_MAX = 4096 };

static uint64_t hash_text(const char *s, size_t len)
{
    uint64_t h = 0x9E3779B97F4A7C15u ^ len;
    while (len) {
        uint64_t part = 0;
        const size_t n = len < 8 ? len : 8;
        memcpy(&part, s, n);
        h = (h ^ part) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
        s += n;
        len -= n;
    }
    h *= 0xD6E8FEB86659FD93u;
    return h ^ h >> 29;
}

/* Slot of this text, or the free slot where it belongs; SIZE_MAX when the table is degenerate. */
static size_t probe(const vocab *v, const char *s, size_t len, uint32_t *tag)
{
    const uint64_t h = hash_text(s, len);
    size_t i = (size_t)h & v->mask;
    *tag = (uint32_t)(h >> 32);
    for (size_t n = 0; n < PROBES_MAX; n++, i = (i + 1) & v->mask) {
        const vocab_slot *slot = &v->slot[i];
        if (slot->id < 0) return i;
        const gguf_str *t = &v->token[slot->id].text;
        if (slot->tag == *tag && t->len == len && (len == 0 || memcmp(t->s, s, len) == 0)) return i;
    }
    return SIZE_MAX;
}

int32_t vocab_find(const vocab *v, const char *s, size_t len)
{
    uint32_t tag;
    const size_t i = probe(v, s, len, &tag);
    return i == SIZE_MAX ? -1 : v->slot[i].id;
}

static waage_status build_table(vocab *v, const gguf *g, waage_err *err)
{
    size_t size = 16;
    while (size < v->n * 2)
        size *= 2;
    v->slot = malloc(size * sizeof *v->slot);
    if (!v->slot) return waage_err_nomem(err);
    for (size_t i = 0; i < size; i++)
        v->slot[i] = (vocab_slot){0, -1};
    v->mask = size - 1;
    for (size_t i = 0; i < v->n; i++) {
        uint32_t tag;
        const size_t at = probe(v, v->token[i].text.s, v->token[i].text.len, &tag);
        if (at == SIZE_MAX)
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s: tokenizer.ggml.tokens: token %zu: too many texts collide",
                                 gguf_path(g), i);
        v->slot[at] = (vocab_slot){tag, (int32_t)i};
    }
    return WAAGE_OK;
}

static waage_status read_texts(vocab *v, const gguf *g, waage_err *err)
{
    gguf_array a;
    WAAGE_TRY(gguf_get_array(&a, g, "tokenizer.ggml.tokens", err));
    if (a.elem != GGUF_STR || a.n == 0 || a.n > TOKENS_MAX)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: tokenizer.ggml.tokens is not an array of 1 to %d strings",
                             gguf_path(g), TOKENS_MAX);
    v->n = a.n;
    v->token = calloc(v->n, sizeof *v->token);
    if (!v->token) return waage_err_nomem(err);
    size_t pos = 0;
    for (size_t i = 0; i < v->n; i++) {
        vocab_token *t = &v->token[i];
        t->type = TOKEN_NORMAL;
        if (!gguf_array_next_str(&a, &pos, &t->text) || t->text.len > TEXT_MAX)
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s: tokenizer.ggml.tokens: token %zu is longer than %d bytes",
                                 gguf_path(g), i, TEXT_MAX);
    }
    return WAAGE_OK;
}

/* An optional array beside the tokens: *a->n is 0 when the file has none. */
static waage_status get_parallel(gguf_array *a, const gguf *g, const char *key, size_t n,
                                 waage_err *err)
{
    memset(a, 0, sizeof *a);
    if (!gguf_has(g, key)) return WAAGE_OK;
    WAAGE_TRY(gguf_get_array(a, g, key, err));
    if (a->n == n) return WAAGE_OK;
    return waage_err_set(err, WAAGE_EFORMAT, "%s: %s has %zu elements for %zu tokens", gguf_path(g),
                         key, a->n, n);
}

static waage_status read_types(vocab *v, const gguf *g, waage_err *err)
{
    gguf_array a;
    WAAGE_TRY(get_parallel(&a, g, "tokenizer.ggml.token_type", v->n, err));
    for (size_t i = 0; i < a.n; i++) {
        int32_t type;
        if (!gguf_array_i32(&a, i, &type) || type < TOKEN_NORMAL || type > TOKEN_BYTE)
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s: tokenizer.ggml.token_type: element %zu is not 1 to 6",
                                 gguf_path(g), i);
        v->token[i].type = (uint8_t)type;
    }
    return WAAGE_OK;
}

static waage_status read_scores(vocab *v, const gguf *g, waage_err *err)
{
    gguf_array a;
    WAAGE_TRY(get_parallel(&a, g, "tokenizer.ggml.scores", v->n, err));
    for (size_t i = 0; i < a.n; i++)
        if (!gguf_array_f32(&a, i, &v->token[i].score) || !isfinite(v->token[i].score))
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s: tokenizer.ggml.scores: element %zu is not a finite number",
                                 gguf_path(g), i);
    v->has_scores = a.n > 0;
    return WAAGE_OK;
}

waage_status vocab_read(vocab *out, const gguf *g, waage_err *err)
{
    memset(out, 0, sizeof *out);
    waage_status st = read_texts(out, g, err);
    if (st == WAAGE_OK) st = read_types(out, g, err);
    if (st == WAAGE_OK) st = read_scores(out, g, err);
    if (st == WAAGE_OK) st = build_table(out, g, err);
    if (st != WAAGE_OK) vocab_free(out);
    return st;
}

void vocab_free(vocab *v)
{
    free(v->token);
    free(v->slot);
    memset(v, 0, sizeof *v);
}
