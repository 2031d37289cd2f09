/* fuzz_tokenizer.c - any text, any spans. Byte 0: which fixture and whether BOS is wanted; byte 1:
 * how the text is cut into spans; the rest is text. Valid text must come back from the byte-level
 * one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/utf8.h"
#include "runners/local/detokenizer.h"
#include "runners/local/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {"tests/fixtures/tok-bpe.gguf", "tests/fixtures/tok-spm.gguf",
                                    "tests/fixtures/tok-spm-prefix.gguf"};
enum { N_PATHS = 3, SPANS_MAX = 64 };

static const tokenizer *get_tokenizer(size_t i)
{
    static gguf *g[N_PATHS];
    static tokenizer *t[N_PATHS];
    waage_err err;
    if (!t[i] && (gguf_open(&g[i], paths[i], &err) || tokenizer_create(&t[i], g[i], &err))) {
        fprintf(stderr, "%s (run in the root of the repository)\n", err.msg);
        abort();
    }
    return t[i];
}

static bool is_valid(const char *s, size_t len)
{
    for (size_t i = 0, n; i < len; i += n)
        if ((n = utf8_valid_length(s + i, len - i)) == 0) return false;
    return true;
}

static void check_back(const tokenizer *t, const int32_t *ids, size_t n, const char *text,
                       size_t len, bool must_equal)
{
    detokenizer d;
    strbuf b = STRBUF_EMPTY;
    detokenizer_init(&d, t, true, true);
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= tokenizer_get_info(t)->n_tokens) abort();
        detokenizer_put(&d, ids[i], &b);
        if (!is_valid(strbuf_str(&b), b.len)) abort();
    }
    detokenizer_end(&d, &b);
    if (!is_valid(strbuf_str(&b), b.len)) abort();
    if (must_equal && (b.len != len || memcmp(strbuf_str(&b), text, len) != 0)) abort();
    strbuf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    const size_t which = data[0] % N_PATHS, step = data[1] % 32;
    const bool bos = data[0] & 0x80;
    const char *text = (const char *)data + 2;
    const size_t len = size - 2;
    const tokenizer *t = get_tokenizer(which);
    tokenizer_span span[SPANS_MAX];
    size_t n_spans = 0, n;
    for (size_t at = 0; step && at < len && n_spans < SPANS_MAX; at += step, n_spans++)
        span[n_spans] = (tokenizer_span){at, len - at < step ? len - at : step,
                                         (data[1] >> 5) == 7 || n_spans % 2 == 0};
    waage_err err;
    arena a = ARENA_EMPTY;
    const int32_t *ids;
    if (tokenizer_encode_spans(t, text, len, span, n_spans, bos, &a, &ids, &n, &err) != WAAGE_OK)
        abort();
    check_back(t, ids, n, text, len, which == 0 && !bos && is_valid(text, len));
    arena_free(&a);
    return 0;
}
