/* tokenizer.h - text to token ids and back, from the metadata of a GGUF file.
 * Models: "gpt2" (byte-level BPE; the pre-tokenizer is chosen by its GGUF name, pretokenizer.h) and
 * "llama" (SentencePiece-style BPE by scores: Llama, Gemma). The reference is the `tokenizers`
 * library on the model's own tokenizer.json; where llama.cpp differs from it, the reference is
 * followed.
 *
 * Added tokens (control, user-defined) are split out of the text first, leftmost-longest in one
 * scan. User-defined ones match everywhere; control tokens only in text that is trusted: template
 * text, never data, so that no question can forge a turn.
 *
 * Input that is not UTF-8: every maximal ill-formed part becomes U+FFFD (Unicode 3.9, the practice
 * of Rust and Python, so of the reference). A tokenizer is immutable and may be used from several
 * threads. */
#ifndef RUNNERS_LOCAL_TOKENIZER_H
#define RUNNERS_LOCAL_TOKENIZER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/arena.h"
#include "harness/base/err.h"
#include "runners/local/gguf.h"

typedef struct tokenizer tokenizer; /* opaque */

/* Numbers as in tokenizer.ggml.token_type */
typedef enum {
    TOKEN_NORMAL = 1,
    TOKEN_UNKNOWN = 2,
    TOKEN_CONTROL = 3,
    TOKEN_USER = 4, /* user-defined: always matched as a whole */
    TOKEN_UNUSED = 5,
    TOKEN_BYTE = 6
} token_type;

typedef struct {
    const char *model; /* "gpt2", "llama" */
    const char *pre;   /* pre-tokenizer, "" for SentencePiece */
    size_t n_tokens;
    int32_t bos, eos, eot, unk, pad; /* -1: none */
    bool add_bos;                    /* the model wants one BOS in front */
    bool add_space_prefix;           /* SentencePiece: a blank is put before the text */
    const int32_t *eog;              /* (n_eog) ids that end a generation, ascending */
    size_t n_eog;
} tokenizer_info;

typedef struct {
    size_t offset, len; /* bytes of the text */
    bool trusted;       /* control tokens are parsed here */
} tokenizer_span;

/* Read the vocabulary. g must outlive *out. WAAGE_EUNSUPPORTED names an unknown model or
 * pre-tokenizer; WAAGE_ENOTFOUND: the file has no tokenizer; WAAGE_EFORMAT; WAAGE_ENOMEM. On
 * failure *out is NULL. */
WAAGE_MUST_CHECK waage_status tokenizer_create(tokenizer **out, const gguf *g, waage_err *err);
void tokenizer_free(tokenizer *t); /* NULL is fine */
const tokenizer_info *tokenizer_get_info(const tokenizer *t);

/* Ids of a text; *ids (*n) lives in `a`. parse_special: the whole text is trusted. add_bos: put BOS
 * in front if the model wants one (info.add_bos) and the text does not begin with it already, so
 * that there is exactly one. WAAGE_ENOMEM | WAAGE_EINVAL (text above 1 GiB). */
WAAGE_MUST_CHECK waage_status tokenizer_encode(const tokenizer *t, const char *text, size_t len,
                                               bool add_bos, bool parse_special, arena *a,
                                               const int32_t **ids, size_t *n, waage_err *err);
/* The same where parts of the text are trusted: spans ascend and do not overlap; text outside of
 * all spans is not trusted. Neighbouring trusted spans count as one. The text is tokenised jointly:
 * a merge may cross the border of a span, a control token may not. WAAGE_EINVAL for spans out of
 * order. */
WAAGE_MUST_CHECK waage_status tokenizer_encode_spans(const tokenizer *t, const char *text,
                                                     size_t len, const tokenizer_span *spans,
                                                     size_t n_spans, bool add_bos, arena *a,
                                                     const int32_t **ids, size_t *n,
                                                     waage_err *err);

/* Bytes that a token stands for: blanks as blanks, a byte token as its byte, a control token as its
 * name. Borrowed, not NUL-terminated, may be cut inside a character. Ids out of range give "" (0).
 */
const char *tokenizer_piece(const tokenizer *t, int32_t id, size_t *len);
token_type tokenizer_type(const tokenizer *t, int32_t id); /* TOKEN_UNUSED when out of range */
bool tokenizer_is_eog(const tokenizer *t, int32_t id);
/* Id of the control or user-defined token with exactly this text, -1 when there is none. */
int32_t tokenizer_find_added(const tokenizer *t, const char *text, size_t len);

#endif
