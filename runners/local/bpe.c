/* bpe.c - the merge table (pair of ids -> rank, id) and the alphabet that GPT-2 writes bytes in. */
#include "runners/local/bpe.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/utf8.h"
#include "runners/local/tokenizer.h"

enum { MERGES_MAX = 1 << 24, PROBES_MAX = 4096, WHOLE_MAX = 256, FILTER_BITS = 21 };

typedef struct {
    uint64_t pair; /* left id << 32 | right id; PAIR_FREE: free */
    uint32_t rank;
    int32_t id;
} merge_slot;

#define PAIR_FREE UINT64_MAX

typedef struct {
    uint32_t rank;
    int32_t id; /* -1: no merge */
} byte_merge;

struct bpe {
    const vocab *v;
    merge_slot *slot; /* (mask + 1) open addressing, at most half full */
    size_t mask;
    uint64_t *filter; /* (1 << FILTER_BITS) bits: hashes of pairs. Most pairs are none, and this,
                         unlike the table, stays in the processor's cache */
    byte_merge
        *bytes; /* (256 * 256) by left and right byte: a word's first pairs are all of these */
    int32_t byte_id[256];
    char letter[256][2]; /* the byte in the alphabet, in UTF-8 */
    uint8_t letter_len[256];
    bool ignore_merges;
};

/* ---- Alphabet: printable Latin-1 stands for itself, the other 68 bytes for U+0100 and up ----- */

static bool byte_is_itself(unsigned b)
{
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
}

static uint32_t alphabet_of_byte(unsigned b)
{
    uint32_t n = 0;
    if (byte_is_itself(b)) return b;
    for (unsigned i = 0; i < b; i++)
        n += !byte_is_itself(i);
    return 0x100 + n;
}

/* -1 when the character is not in the alphabet */
static int byte_of_alphabet(uint32_t cp)
{
    if (cp < 0x100) return byte_is_itself(cp) ? (int)cp : -1;
    if (cp < 0x121) return (int)(cp - 0x100);        /* 0x00..0x20 */
    if (cp < 0x143) return (int)(cp - 0x121 + 0x7F); /* 0x7F..0xA0 */
    return cp == 0x143 ? 0xAD : -1;
}

size_t bpe_decode_text(const char *s, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        const size_t step = utf8_decode(s + i, len - i, &cp);
        const int b = byte_of_alphabet(cp);
        if (b < 0) {
            memcpy(out, s, len);
            return len;
        }
        out[n++] = (char)b;
        i += step;
    }
    return n;
}

/* ---- Merge table ----------------------------------------------------------------------------- */

static uint64_t hash_pair(uint64_t pair)
{
    uint64_t h = pair * 0x9E3779B97F4A7C15u;
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93u;
    return h ^ h >> 29;
}

static uint64_t *filter_word(const bpe *b, uint64_t pair, uint64_t *bit)
{
    const uint64_t h = hash_pair(pair) >> (64 - FILTER_BITS);
    *bit = (uint64_t)1 << (h & 63);
    return &b->filter[h >> 6];
}

/* Slot of the pair or the free one where it belongs; NULL when the table is degenerate. */
static merge_slot *probe(const bpe *b, uint64_t pair)
{
    size_t i = (size_t)hash_pair(pair) & b->mask;
    for (size_t n = 0; n < PROBES_MAX; n++, i = (i + 1) & b->mask)
        if (b->slot[i].pair == pair || b->slot[i].pair == PAIR_FREE) return &b->slot[i];
    return NULL;
}

static uint64_t pair_of(int32_t l, int32_t r)
{
    return (uint64_t)(uint32_t)l << 32 | (uint32_t)r;
}

/* Split "left right" and look the three tokens up. false: one of them is missing. */
static bool resolve_merge(const vocab *v, gguf_str m, uint64_t *pair, int32_t *id)
{
    const char *blank = m.len > 2 ? memchr(m.s + 1, ' ', m.len - 2) : NULL;
    if (!blank || m.len > 1 << 16) return false;
    const size_t n = (size_t)(blank - m.s), rest = m.len - n - 1;
    char joined[1 << 10], *text = m.len <= sizeof joined ? joined : malloc(m.len);
    if (!text) return false;
    memcpy(text, m.s, n);
    memcpy(text + n, blank + 1, rest);
    const int32_t l = vocab_find(v, m.s, n), r = vocab_find(v, blank + 1, rest);
    *id = vocab_find(v, text, n + rest);
    if (text != joined) free(text);
    *pair = pair_of(l, r);
    return l >= 0 && r >= 0 && *id >= 0;
}

static waage_status read_merges(bpe *b, const gguf *g, waage_err *err)
{
    gguf_array a;
    WAAGE_TRY(gguf_get_array(&a, g, "tokenizer.ggml.merges", err));
    if (a.elem != GGUF_STR || a.n > MERGES_MAX)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: tokenizer.ggml.merges is not an array of at most %d strings",
                             gguf_path(g), MERGES_MAX);
    size_t size = 16, pos = 0;
    while (size < a.n * 2)
        size *= 2;
    b->slot = malloc(size * sizeof *b->slot);
    b->filter = calloc((size_t)1 << (FILTER_BITS - 6), sizeof *b->filter);
    if (!b->slot || !b->filter) return waage_err_nomem(err);
    for (size_t i = 0; i < size; i++)
        b->slot[i].pair = PAIR_FREE;
    b->mask = size - 1;
    for (size_t i = 0; i < a.n; i++) {
        gguf_str m = {NULL, 0};
        uint64_t pair;
        int32_t id;
        if (!gguf_array_next_str(&a, &pos, &m) || !resolve_merge(b->v, m, &pair, &id))
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s: tokenizer.ggml.merges: merge %zu does not join two tokens of "
                                 "the vocabulary to a third",
                                 gguf_path(g), i);
        merge_slot *slot = probe(b, pair);
        if (!slot)
            return waage_err_set(err, WAAGE_EFORMAT,
                                 "%s: tokenizer.ggml.merges: merge %zu: too many pairs collide",
                                 gguf_path(g), i);
        /* A pair that stands twice keeps its last rank, as in the reference. */
        *slot = (merge_slot){pair, (uint32_t)i, id};
        uint64_t bit, *word = filter_word(b, pair, &bit);
        *word |= bit;
    }
    return WAAGE_OK;
}

/* The merges of two bytes, out of the table. */
static waage_status fill_byte_merges(bpe *b, waage_err *err)
{
    b->bytes = malloc((size_t)256 * 256 * sizeof *b->bytes);
    if (!b->bytes) return waage_err_nomem(err);
    for (size_t l = 0; l < 256; l++)
        for (size_t r = 0; r < 256; r++) {
            const merge_slot *slot = probe(b, pair_of(b->byte_id[l], b->byte_id[r]));
            const bool found = slot && slot->pair != PAIR_FREE;
            b->bytes[l << 8 | r] = found ? (byte_merge){slot->rank, slot->id} : (byte_merge){0, -1};
        }
    return WAAGE_OK;
}

waage_status bpe_create(bpe **out, const gguf *g, const vocab *v, bool ignore_merges,
                        waage_err *err)
{
    bpe *b = *out = calloc(1, sizeof *b);
    if (!b) return waage_err_nomem(err);
    b->v = v;
    b->ignore_merges = ignore_merges;
    for (unsigned i = 0; i < 256; i++) {
        char s[4];
        b->letter_len[i] = (uint8_t)utf8_encode(alphabet_of_byte(i), s);
        memcpy(b->letter[i], s, sizeof b->letter[i]);
        b->byte_id[i] = vocab_find(v, s, b->letter_len[i]);
    }
    waage_status st = read_merges(b, g, err);
    if (st == WAAGE_OK) st = fill_byte_merges(b, err);
    if (st != WAAGE_OK) {
        bpe_free(b);
        *out = NULL;
    }
    return st;
}

void bpe_free(bpe *b)
{
    if (!b) return;
    free(b->slot);
    free(b->filter);
    free(b->bytes);
    free(b);
}

/* ---- Encoding -------------------------------------------------------------------------------- */

static bool find_merge(const void *model, const merge_symbol *l, const merge_symbol *r,
                       uint32_t *rank, int32_t *id)
{
    if (l->len + r->len == 2) {
        const bpe *b = model;
        const byte_merge m = b->bytes[(size_t)(unsigned char)*l->s << 8 | (unsigned char)*r->s];
        *rank = m.rank;
        *id = m.id;
        return m.id >= 0;
    }
    const uint64_t pair = pair_of(l->id, r->id);
    uint64_t bit;
    if (!(*filter_word(model, pair, &bit) & bit)) return false;
    const merge_slot *slot = probe(model, pair);
    if (!slot || slot->pair == PAIR_FREE) return false;
    *rank = slot->rank;
    *id = slot->id;
    return true;
}

static int32_t find_whole(const bpe *b, const char *s, size_t len)
{
    char text[2 * WHOLE_MAX];
    size_t n = 0;
    if (len > WHOLE_MAX) return -1;
    for (size_t i = 0; i < len; i++) {
        const unsigned char byte = (unsigned char)s[i];
        memcpy(text + n, b->letter[byte], sizeof b->letter[byte]);
        n += b->letter_len[byte];
    }
    const int32_t id = vocab_find(b->v, text, n);
    return id >= 0 && b->v->token[id].type == TOKEN_NORMAL ? id : -1;
}

void bpe_encode(const bpe *b, const char *s, size_t len, merge_work *w, id_list *out)
{
    const int32_t whole = b->ignore_merges ? find_whole(b, s, len) : -1;
    if (whole >= 0) {
        id_list_put(out, whole);
        return;
    }
    merge_begin(w);
    for (size_t i = 0; i < len; i++)
        merge_add(w, s + i, 1, b->byte_id[(unsigned char)s[i]]);
    merge_run(w, b, find_merge);
    if (w->failed || w->n == 0) return;
    for (uint32_t i = 0; i != MERGE_NONE; i = w->symbol[i].next)
        if (w->symbol[i].id >= 0) id_list_put(out, w->symbol[i].id);
}
