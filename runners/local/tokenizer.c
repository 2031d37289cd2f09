/* tokenizer.c - puts the parts together: vocabulary, added tokens, pre-tokenizer and merges. Owns
 * the order of steps (clean the text, cut out added tokens, encode what lies between, one BOS) and
 * the ids that end a generation; leaves merging to bpe.c and spm.c. */
#include "runners/local/tokenizer.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/utf8.h"
#include "runners/local/added_tokens.h"
#include "runners/local/bpe.h"
#include "runners/local/gguf_internal.h"
#include "runners/local/nfc.h"
#include "runners/local/pretokenizer.h"
#include "runners/local/spm.h"
#include "runners/local/word_cache.h"

enum { TEXT_MAX = 1 << 30, EOG_MAX = 32 };

static const char blank_mark[] = "\xE2\x96\x81";  /* U+2581, SentencePiece's blank */
static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

struct tokenizer {
    tokenizer_info info;
    vocab v;
    added_tokens added;
    pretokenizer *pre; /* byte-level BPE: pre and bpe, else spm */
    bpe *bpe;
    spm *spm;
    word_pool *words;
    char *piece;      /* bytes of all tokens, one behind the other */
    size_t *piece_at; /* (n + 1) offsets into it */
    int32_t eog[EOG_MAX];
};

/* ---- Creation -------------------------------------------------------------------------------- */

static waage_status create_bpe(tokenizer *t, const gguf *g, waage_err *err)
{
    gguf_str pre;
    WAAGE_TRY(gguf_opt_str(&pre, g, "tokenizer.ggml.pre", err));
    if (!pre.s)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: metadata key 'tokenizer.ggml.pre' is missing: the file is older "
                             "than pre-tokenizer names; convert the model again",
                             gguf_path(g));
    waage_status st = pretokenizer_create(&t->pre, pre.s, pre.len, err);
    if (st == WAAGE_EUNSUPPORTED && err) waage_err_prefix(err, "%s", gguf_path(g));
    if (st != WAAGE_OK) return st;
    const pretokenizer_rule *rule = pretokenizer_get_rule(t->pre);
    t->info.model = "gpt2";
    t->info.pre = rule->name;
    t->info.add_bos = rule->add_bos;
    return bpe_create(&t->bpe, g, &t->v, rule->ignore_merges, err);
}

static waage_status create_spm(tokenizer *t, const gguf *g, waage_err *err)
{
    t->info.model = "llama";
    t->info.pre = "";
    t->info.add_bos = true;
    t->info.add_space_prefix = true;
    WAAGE_TRY(
        gguf_opt_bool(&t->info.add_space_prefix, g, "tokenizer.ggml.add_space_prefix", true, err));
    return spm_create(&t->spm, g, &t->v, t->info.unk, err);
}

static waage_status read_id(int32_t *out, const tokenizer *t, const gguf *g, const char *key,
                            waage_err *err)
{
    uint32_t v = UINT32_MAX;
    *out = -1;
    WAAGE_TRY(gguf_opt_u32(&v, g, key, UINT32_MAX, err));
    if (v == UINT32_MAX) return WAAGE_OK;
    if (v >= t->v.n)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: %s is %u, but there are %zu tokens",
                             gguf_path(g), key, v, t->v.n);
    *out = (int32_t)v;
    return WAAGE_OK;
}

static waage_status read_ids(tokenizer *t, const gguf *g, waage_err *err)
{
    WAAGE_TRY(read_id(&t->info.bos, t, g, "tokenizer.ggml.bos_token_id", err));
    WAAGE_TRY(read_id(&t->info.eos, t, g, "tokenizer.ggml.eos_token_id", err));
    WAAGE_TRY(read_id(&t->info.eot, t, g, "tokenizer.ggml.eot_token_id", err));
    WAAGE_TRY(read_id(&t->info.unk, t, g, "tokenizer.ggml.unknown_token_id", err));
    return read_id(&t->info.pad, t, g, "tokenizer.ggml.padding_token_id", err);
}

/* Bytes of one token, at most its text's length; returns their number. */
static size_t decode_piece(const tokenizer *t, const vocab_token *k, char *out)
{
    if (t->bpe && k->type == TOKEN_NORMAL) return bpe_decode_text(k->text.s, k->text.len, out);
    if (t->spm && k->type == TOKEN_BYTE && spm_byte_of_text(k->text.s, k->text.len) >= 0) {
        *out = (char)spm_byte_of_text(k->text.s, k->text.len);
        return 1;
    }
    size_t n = 0;
    for (size_t i = 0; i < k->text.len;) {
        const bool mark = t->spm && k->type == TOKEN_NORMAL && k->text.len - i >= 3 &&
                          memcmp(k->text.s + i, blank_mark, 3) == 0;
        out[n++] = mark ? ' ' : k->text.s[i];
        i += mark ? 3 : 1;
    }
    return n;
}

static waage_status build_pieces(tokenizer *t, waage_err *err)
{
    size_t total = 0;
    for (size_t i = 0; i < t->v.n; i++)
        total += t->v.token[i].text.len;
    t->piece = malloc(total + 1);
    t->piece_at = malloc((t->v.n + 1) * sizeof *t->piece_at);
    if (!t->piece || !t->piece_at) return waage_err_nomem(err);
    size_t at = 0;
    for (size_t i = 0; i < t->v.n; i++) {
        t->piece_at[i] = at;
        at += decode_piece(t, &t->v.token[i], t->piece + at);
    }
    t->piece_at[t->v.n] = at;
    return WAAGE_OK;
}

static void add_eog(tokenizer *t, int32_t id)
{
    size_t i = t->info.n_eog;
    if (id < 0 || i == EOG_MAX || tokenizer_is_eog(t, id)) return;
    for (; i && t->eog[i - 1] > id; i--)
        t->eog[i] = t->eog[i - 1];
    t->eog[i] = id;
    t->info.n_eog++;
}

/* The file names one or two of them; a model may use others, too: by name, when they are control
 * tokens. In harmony <|end|> ends a message, not the turn: it counts where <|return|> is unknown.
 */
static waage_status find_eog(tokenizer *t, const gguf *g, waage_err *err)
{
    static const char *const names[] = {
        "<|im_end|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|eot|>",
        "<|endoftext|>",
        "<|end_of_text|>",
        "<end_of_turn>",
        "<turn|>",
        "<|return|>",
        "<|call|>",
        "<|end_of_turn|>",
        "<|END_OF_TURN_TOKEN|>",
        "<EOT>",
        "<_EOT>",
        "[EOT]",
        "<end_of_utterance>",
        "<|endofturn|>",
        "[EOS]",
        "<eos>",
        "</s>",
        "<\357\275\234end\342\226\201of\342\226\201sentence\357\275\234>"};
    int32_t eom;
    WAAGE_TRY(read_id(&eom, t, g, "tokenizer.ggml.eom_token_id", err));
    t->info.eog = t->eog;
    add_eog(t, t->info.eos);
    add_eog(t, t->info.eot);
    add_eog(t, eom);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const added_token *a = added_tokens_find(&t->added, names[i], strlen(names[i]));
        if (a && !a->always) add_eog(t, a->id);
    }
    const added_token *end = added_tokens_find(&t->added, "<|end|>", 7);
    if (end && !end->always && !added_tokens_find(&t->added, "<|return|>", 10)) add_eog(t, end->id);
    return WAAGE_OK;
}

static waage_status fill(tokenizer *t, const gguf *g, waage_err *err)
{
    gguf_str model;
    char buf[GGUF_CLEAN];
    WAAGE_TRY(gguf_get_str(&model, g, "tokenizer.ggml.model", err));
    const bool is_bpe = gguf_str_equal(model, "gpt2"), is_spm = gguf_str_equal(model, "llama");
    if (!is_bpe && !is_spm)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: the tokenizer model '%s' is not supported (gpt2 and llama are)",
                             gguf_path(g), gguf_clean(model, buf));
    if (!word_pool_create(&t->words)) return waage_err_nomem(err);
    WAAGE_TRY(vocab_read(&t->v, g, err));
    t->info.n_tokens = t->v.n;
    WAAGE_TRY(read_ids(t, g, err));
    WAAGE_TRY(is_bpe ? create_bpe(t, g, err) : create_spm(t, g, err));
    WAAGE_TRY(
        gguf_opt_bool(&t->info.add_bos, g, "tokenizer.ggml.add_bos_token", t->info.add_bos, err));
    if (t->info.bos < 0) t->info.add_bos = false;
    WAAGE_TRY(added_tokens_create(&t->added, &t->v, is_spm, err));
    WAAGE_TRY(build_pieces(t, err));
    return find_eog(t, g, err);
}

waage_status tokenizer_create(tokenizer **out, const gguf *g, waage_err *err)
{
    tokenizer *t = *out = calloc(1, sizeof *t);
    if (!t) return waage_err_nomem(err);
    const waage_status st = fill(t, g, err);
    if (st != WAAGE_OK) {
        tokenizer_free(t);
        *out = NULL;
    }
    return st;
}

void tokenizer_free(tokenizer *t)
{
    if (!t) return;
    pretokenizer_free(t->pre);
    bpe_free(t->bpe);
    spm_free(t->spm);
    word_pool_free(t->words);
    added_tokens_free(&t->added);
    vocab_free(&t->v);
    free(t->piece);
    free(t->piece_at);
    free(t);
}

const tokenizer_info *tokenizer_get_info(const tokenizer *t)
{
    return &t->info;
}

/* ---- Clean text ------------------------------------------------------------------------------ */

/* The text that is encoded, with the spans moved along when bytes were replaced. */
typedef struct {
    const char *s;
    size_t len;
    const tokenizer_span *span;
    size_t n_spans;
    char *own_s; /* NULL when the input was valid and is used in place */
    tokenizer_span *own_span;
} source;

/* Length of a U+2581 at s[i] that stands alone, else 0. To the reference it is a blank: both are
 * U+2581 after normalisation. (Two in a row are not: they are an added token before it.) */
static size_t lone_mark(const char *s, size_t len, size_t i)
{
    const size_t n = sizeof blank_mark - 1;
    if (len - i < n || memcmp(s + i, blank_mark, n) != 0) return 0;
    if (i >= n && memcmp(s + i - n, blank_mark, n) == 0) return 0;
    return len - i < 2 * n || memcmp(s + i + n, blank_mark, n) != 0 ? n : 0;
}

/* Valid UTF-8, and (SentencePiece) without lone marks? */
static bool is_clean(const char *s, size_t len, bool marks)
{
    for (size_t i = 0; i < len;) {
        const size_t n = (unsigned char)s[i] < 0x80 ? 1 : utf8_valid_length(s + i, len - i);
        if (n == 0 || (n == 3 && marks && lone_mark(s, len, i))) return false;
        i += n;
    }
    return true;
}

/* Length of the maximal ill-formed part at s (Unicode 3.9, D93b): the bytes that could still have
 * become a character, at least one. */
static size_t bad_length(const char *s, size_t len)
{
    size_t n = 1;
    while (n < len && n < 4 && utf8_incomplete_tail(s, n) == n &&
           utf8_incomplete_tail(s, n + 1) == n + 1)
        n++;
    return n;
}

/* Where the output has reached n bytes for input offset i: move the span borders at or before i. */
static void move_borders(source *x, const tokenizer_span *from, size_t *border, size_t i, size_t n)
{
    for (; *border < 2 * x->n_spans; ++*border) {
        const tokenizer_span *f = &from[*border / 2];
        tokenizer_span *to = &x->own_span[*border / 2];
        const size_t at = *border % 2 ? f->offset + f->len : f->offset;
        if (at > i) return;
        if (*border % 2)
            to->len = n - to->offset;
        else
            *to = (tokenizer_span){n, 0, f->trusted};
    }
}

/* Copy the text with U+FFFD for every maximal ill-formed part and blanks for lone marks. */
static bool clean(source *x, bool marks)
{
    const char *s = x->s;
    const tokenizer_span *from = x->span;
    size_t n = 0, border = 0;
    x->own_s = malloc(x->len * 3 + 1);
    x->own_span = calloc(x->n_spans + 1, sizeof *x->own_span);
    if (!x->own_s || !x->own_span) return false;
    for (size_t i = 0; i < x->len;) {
        move_borders(x, from, &border, i, n);
        const size_t good = utf8_valid_length(s + i, x->len - i);
        const bool mark = good == 3 && marks && lone_mark(s, x->len, i);
        const char *put = mark ? " " : good ? s + i : replacement;
        const size_t len = mark ? 1 : good ? good : 3;
        memcpy(x->own_s + n, put, len);
        n += len;
        i += good ? good : bad_length(s + i, x->len - i);
    }
    move_borders(x, from, &border, x->len, n);
    x->s = x->own_s;
    x->len = n;
    x->span = x->own_span;
    return true;
}

/* ---- Encoding -------------------------------------------------------------------------------- */

typedef struct {
    const tokenizer *t;
    word_cache *words; /* lent by t->words, NULL: without */
    merge_work work;
    pretokenizer_cuts cuts;
    id_list ids;
    char *escaped; /* SentencePiece: text with U+2581 for blanks */
    size_t escaped_cap;
} encoder;

static void encode_word(encoder *e, const char *s, size_t len)
{
    const size_t from = e->ids.n;
    if (word_cache_find(e->words, s, len, &e->ids)) return;
    bpe_encode(e->t->bpe, s, len, &e->work, &e->ids);
    if (!e->work.failed) word_cache_put(e->words, s, len, &e->ids, from);
}

static waage_status encode_bpe(encoder *e, const char *s, size_t len, waage_err *err)
{
    arena a = ARENA_EMPTY;
    waage_status st = WAAGE_OK;
    if (pretokenizer_get_rule(e->t->pre)->nfc) st = nfc_normalise(&s, &len, s, len, &a, err);
    if (st == WAAGE_OK) st = pretokenizer_cut(e->t->pre, s, len, &e->cuts, err);
    for (size_t i = 0, at = 0; st == WAAGE_OK && i < e->cuts.n; at = e->cuts.end[i], i++)
        encode_word(e, s + at, e->cuts.end[i] - at);
    arena_free(&a);
    return st;
}

static waage_status encode_spm(encoder *e, const char *s, size_t len, waage_err *err)
{
    const size_t need = (len + 1) * 3;
    if (need > e->escaped_cap) {
        char *p = realloc(e->escaped, need);
        if (!p) return waage_err_nomem(err);
        e->escaped = p;
        e->escaped_cap = need;
    }
    size_t n = 0;
    if (e->t->info.add_space_prefix) {
        memcpy(e->escaped, blank_mark, 3);
        n = 3;
    }
    for (size_t i = 0; i < len; i++) {
        if (s[i] != ' ') {
            e->escaped[n++] = s[i];
            continue;
        }
        memcpy(e->escaped + n, blank_mark, 3);
        n += 3;
    }
    spm_encode(e->t->spm, e->escaped, n, &e->work, e->words, &e->ids);
    return WAAGE_OK;
}

static waage_status encode_plain(encoder *e, const char *s, size_t len, waage_err *err)
{
    if (len == 0) return WAAGE_OK;
    WAAGE_TRY(e->t->spm ? encode_spm(e, s, len, err) : encode_bpe(e, s, len, err));
    return e->work.failed || e->ids.failed ? waage_err_nomem(err) : WAAGE_OK;
}

/* End of the trusted run that holds `at`, or `at` when it is not trusted. *i walks along the spans.
 */
static size_t trusted_until(const source *x, size_t at, size_t *i)
{
    while (*i < x->n_spans && x->span[*i].offset + x->span[*i].len <= at)
        ++*i;
    size_t end = at;
    for (size_t k = *i; k < x->n_spans && x->span[k].trusted && x->span[k].offset <= end; k++)
        end = x->span[k].offset + x->span[k].len;
    return end;
}

static waage_status encode_source(encoder *e, const source *x, waage_err *err)
{
    const added_tokens *added = &e->t->added;
    size_t from = 0, i_span = 0, until = 0;
    for (size_t i = 0; i < x->len;) {
        const unsigned char c = (unsigned char)x->s[i];
        if (added->first[c] == added->first[c + 1]) {
            i++;
            continue;
        }
        if (i >= until) until = trusted_until(x, i, &i_span);
        const added_token *a = added_tokens_match(added, x->s + i, x->len - i, until - i);
        if (!a) {
            i++;
            if (until < i) until = i;
            continue;
        }
        WAAGE_TRY(encode_plain(e, x->s + from, i - from, err));
        id_list_put(&e->ids, a->id);
        i += a->text.len;
        from = i;
    }
    return encode_plain(e, x->s + from, x->len - from, err);
}

static waage_status check_spans(const tokenizer_span *spans, size_t n, size_t len, waage_err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (spans[i].offset < at || spans[i].offset > len || spans[i].len > len - spans[i].offset)
            return waage_err_set(err, WAAGE_EINVAL,
                                 "span %zu of %zu overlaps the one before or leaves the text", i,
                                 n);
        at = spans[i].offset + spans[i].len;
    }
    return WAAGE_OK;
}

static waage_status copy_ids(const encoder *e, arena *a, const int32_t **ids, size_t *n,
                             waage_err *err)
{
    const int32_t bos = e->t->info.bos;
    /* ids begin with the BOS that was put there; the text may have brought its own */
    const size_t skip = e->ids.n > 1 && e->ids.id[0] == bos && e->ids.id[1] == bos;
    *n = e->ids.n - skip;
    int32_t *copy = arena_alloc(a, *n * sizeof *copy);
    if (!copy || e->ids.failed) return waage_err_nomem(err);
    if (*n) memcpy(copy, e->ids.id + skip, *n * sizeof *copy);
    *ids = copy;
    return WAAGE_OK;
}

waage_status tokenizer_encode_spans(const tokenizer *t, const char *text, size_t len,
                                    const tokenizer_span *spans, size_t n_spans, bool add_bos,
                                    arena *a, const int32_t **ids, size_t *n, waage_err *err)
{
    source x = {text, len, spans, n_spans, NULL, NULL};
    encoder e = {.t = t};
    *ids = NULL;
    *n = 0;
    if (len > TEXT_MAX)
        return waage_err_set(err, WAAGE_EINVAL, "a text of %zu bytes is too long to tokenise", len);
    WAAGE_TRY(check_spans(spans, n_spans, len, err));
    e.words = word_pool_take(t->words);
    waage_status st =
        is_clean(text, len, t->spm) || clean(&x, t->spm) ? WAAGE_OK : waage_err_nomem(err);
    if (add_bos && t->info.add_bos) id_list_put(&e.ids, t->info.bos);
    if (st == WAAGE_OK) st = encode_source(&e, &x, err);
    if (st == WAAGE_OK) st = copy_ids(&e, a, ids, n, err);
    word_pool_give(t->words, e.words);
    merge_free(&e.work);
    pretokenizer_cuts_free(&e.cuts);
    free(e.ids.id);
    free(e.escaped);
    free(x.own_s);
    free(x.own_span);
    return st;
}

waage_status tokenizer_encode(const tokenizer *t, const char *text, size_t len, bool add_bos,
                              bool parse_special, arena *a, const int32_t **ids, size_t *n,
                              waage_err *err)
{
    const tokenizer_span all = {0, len, parse_special};
    return tokenizer_encode_spans(t, text, len, &all, 1, add_bos, a, ids, n, err);
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

const char *tokenizer_piece(const tokenizer *t, int32_t id, size_t *len)
{
    *len = 0;
    if (id < 0 || (size_t)id >= t->v.n) return "";
    *len = t->piece_at[id + 1] - t->piece_at[id];
    return t->piece + t->piece_at[id];
}

token_type tokenizer_type(const tokenizer *t, int32_t id)
{
    return id < 0 || (size_t)id >= t->v.n ? TOKEN_UNUSED : (token_type)t->v.token[id].type;
}

bool tokenizer_is_eog(const tokenizer *t, int32_t id)
{
    for (size_t i = 0; i < t->info.n_eog; i++)
        if (t->eog[i] == id) return true;
    return false;
}

int32_t tokenizer_find_added(const tokenizer *t, const char *text, size_t len)
{
    const added_token *a = added_tokens_find(&t->added, text, len);
    return a ? a->id : -1;
}
