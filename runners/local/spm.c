/* spm.c - scores as ranks, byte tokens, and a filter that cuts the text where no merge can cross.
 *
 * The filter is a bit set over hashes of neighbouring characters inside any token. A pair of
 * characters that is not in it lies in no token, so nothing can be joined across: the text is cut
 * there, and the heap of merges stays as small as a word. A false hit only means that a cut is
 * missed. */
#include "runners/local/spm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/utf8.h"
#include "runners/local/tokenizer.h"

enum { FILTER_BITS = 22 };

struct spm {
    const vocab *v;
    uint32_t *rank;   /* (v->n) by score, highest first: equal scores share a rank */
    uint64_t *filter; /* (1 << FILTER_BITS) bits */
    int32_t byte_id[256];
    int32_t unk;
};

static bool may_merge(uint8_t type)
{
    /* Never a control or byte token: text of a question must not be able to spell one. */
    return type == TOKEN_NORMAL || type == TOKEN_USER || type == TOKEN_UNUSED;
}

/* ---- Ranks ----------------------------------------------------------------------------------- */

typedef struct {
    float score;
    uint32_t id;
} scored;

static int compare_scores(const void *a, const void *b)
{
    const float x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y);
}

static bool rank_tokens(spm *m)
{
    const size_t n = m->v->n;
    scored *s = calloc(n, sizeof *s);
    m->rank = calloc(n, sizeof *m->rank);
    for (size_t i = 0; s && m->rank && i < n; i++)
        s[i] = (scored){m->v->token[i].score, (uint32_t)i};
    if (s && m->rank) qsort(s, n, sizeof *s, compare_scores);
    for (size_t i = 1, rank = 0; s && m->rank && i < n; i++) {
        rank += s[i].score < s[i - 1].score;
        m->rank[s[i].id] = (uint32_t)rank;
    }
    const bool ok = s && m->rank;
    free(s);
    return ok;
}

/* ---- Filter ---------------------------------------------------------------------------------- */

static size_t filter_index(uint32_t a, uint32_t b)
{
    return (size_t)(((uint64_t)a << 32 | b) * 0x9E3779B97F4A7C15u >> (64 - FILTER_BITS));
}

static bool filter_has(const spm *m, uint32_t a, uint32_t b)
{
    const size_t i = filter_index(a, b);
    return m->filter[i / 64] >> (i % 64) & 1;
}

static bool fill_filter(spm *m)
{
    m->filter = calloc((size_t)1 << (FILTER_BITS - 6), sizeof *m->filter);
    for (size_t t = 0; m->filter && t < m->v->n; t++) {
        const gguf_str s = m->v->token[t].text;
        uint32_t before = 0, cp;
        if (!may_merge(m->v->token[t].type)) continue;
        for (size_t i = 0; i < s.len; before = cp) {
            const size_t first = i;
            i += utf8_decode(s.s + i, s.len - i, &cp);
            const size_t bit = filter_index(before, cp);
            if (first) m->filter[bit / 64] |= (uint64_t)1 << (bit % 64);
        }
    }
    return m->filter != NULL;
}

/* ---- Creation -------------------------------------------------------------------------------- */

int spm_byte_of_text(const char *s, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    if (len != 6 || memcmp(s, "<0x", 3) != 0 || s[5] != '>') return -1;
    const char *hi = s[3] ? strchr(digits, s[3]) : NULL, *lo = s[4] ? strchr(digits, s[4]) : NULL;
    return hi && lo ? (int)((hi - digits) * 16 + (lo - digits)) : -1;
}

waage_status spm_create(spm **out, const gguf *g, const vocab *v, int32_t unk, waage_err *err)
{
    *out = NULL;
    if (!v->has_scores)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: metadata key 'tokenizer.ggml.scores' is missing", gguf_path(g));
    spm *m = calloc(1, sizeof *m);
    if (!m) return waage_err_nomem(err);
    m->v = v;
    m->unk = unk;
    if (!rank_tokens(m) || !fill_filter(m)) {
        spm_free(m);
        return waage_err_nomem(err);
    }
    for (unsigned b = 0; b < 256; b++) {
        char text[8];
        snprintf(text, sizeof text, "<0x%02X>", b);
        m->byte_id[b] = vocab_find(v, text, 6);
    }
    *out = m;
    return WAAGE_OK;
}

void spm_free(spm *m)
{
    if (!m) return;
    free(m->rank);
    free(m->filter);
    free(m);
}

/* ---- Encoding -------------------------------------------------------------------------------- */

static uint32_t last_char(const char *s, size_t len)
{
    size_t i = len - 1;
    uint32_t cp;
    while (i && ((unsigned char)s[i] & 0xC0) == 0x80)
        i--;
    utf8_decode(s + i, len - i, &cp);
    return cp;
}

static bool find_merge(const void *model, const merge_symbol *l, const merge_symbol *r,
                       uint32_t *rank, int32_t *id)
{
    const spm *m = model;
    uint32_t first;
    utf8_decode(r->s, r->len, &first);
    if (!filter_has(m, last_char(l->s, l->len), first)) return false;
    *id = vocab_find(m->v, l->s, (size_t)l->len + r->len); /* neighbours lie side by side */
    if (*id < 0 || !may_merge(m->v->token[*id].type)) return false;
    *rank = m->rank[*id];
    return true;
}

/* False when a byte has no token: what an unknown byte gives depends on what stands before it. */
static bool put_symbol(const spm *m, const merge_symbol *s, id_list *out)
{
    bool known = true;
    if (s->id >= 0) {
        id_list_put(out, s->id);
        return true;
    }
    for (uint32_t i = 0; i < s->len; i++) {
        const int32_t id = m->byte_id[(unsigned char)s->s[i]];
        known = known && id >= 0;
        if (id >= 0)
            id_list_put(out, id);
        else if (m->unk >= 0 && (out->n == 0 || out->id[out->n - 1] != m->unk))
            id_list_put(out, m->unk); /* a run of unknown bytes is one unknown token */
    }
    return known;
}

/* End of the part that begins at s[0]: up to the first pair that lies in no token. */
static size_t part_length(const spm *m, const char *s, size_t len)
{
    uint32_t before, cp;
    size_t i = utf8_decode(s, len, &before);
    while (i < len) {
        const size_t n = utf8_decode(s + i, len - i, &cp);
        if (!filter_has(m, before, cp)) break;
        before = cp;
        i += n;
    }
    return i;
}

static bool encode_part(const spm *m, const char *s, size_t len, merge_work *w, id_list *out)
{
    bool known = true;
    merge_begin(w);
    for (size_t i = 0, n; i < len && !w->failed; i += n) {
        uint32_t cp;
        n = utf8_decode(s + i, len - i, &cp);
        int32_t id = vocab_find(m->v, s + i, n);
        if (id >= 0 && !may_merge(m->v->token[id].type)) id = -1;
        merge_add(w, s + i, (uint32_t)n, id);
    }
    merge_run(w, m, find_merge);
    for (uint32_t k = 0; !w->failed && k != MERGE_NONE; k = w->symbol[k].next)
        known = put_symbol(m, &w->symbol[k], out) && known;
    return known;
}

void spm_encode(const spm *m, const char *s, size_t len, merge_work *w, word_cache *words,
                id_list *out)
{
    for (size_t i = 0, n; i < len && !w->failed; i += n) {
        const size_t from = out->n;
        n = part_length(m, s + i, len - i);
        if (word_cache_find(words, s + i, n, out)) continue;
        if (encode_part(m, s + i, n, w, out) && !w->failed)
            word_cache_put(words, s + i, n, out, from);
    }
}
