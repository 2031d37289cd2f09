/* test_tokenizer.c - ids against those of other programs (tests/golden, written by make_tokens.py),
 * what is trusted, one BOS, repair of ill-formed text, streaming back to text, and broken
 * vocabularies. WAAGE_MODELS names the directory of the real models (else .cache/models);
 * WAAGE_TOKEN_CASES another file of cases to check (make_tokens.py full). */
#include "tests/unit/check.h"
#include "tests/unit/gguf_build.h"
#include "tests/unit/escaped.h"
#include "harness/base/file.h"
#include "harness/base/rng.h"
#include "harness/base/unicode.h"
#include "harness/base/utf8.h"
#include "runners/local/detokenizer.h"
#include "runners/local/nfc.h"
#include "runners/local/tokenizer.h"

int test_tokenizer(void);

typedef struct {
    gguf *g;
    tokenizer *t;
} model;

static void close_model(model *m)
{
    tokenizer_free(m->t);
    gguf_close(m->g);
    *m = (model){NULL, NULL};
}

static model open_model(const char *path)
{
    waage_err err;
    model m = {NULL, NULL};
    assert_ok(gguf_open(&m.g, path, &err), err);
    assert_ok(tokenizer_create(&m.t, m.g, &err), err);
    return m;
}

/* ---- Golden ids ------------------------------------------------------------------------------ */

/* The model that a file of cases names; false when it is not on this machine. */
static bool find_model(const char *name, char *path, size_t size)
{
    const char *dir = getenv("WAAGE_MODELS");
    if (file_exists(name)) {
        snprintf(path, size, "%s", name);
        return true;
    }
    snprintf(path, size, "%s/%s", dir ? dir : ".cache/models", name);
    return file_exists(path);
}

/* text \t ids, at *s; the line ends at end. Ids and text must be equal, and the text come back. */
static void check_case(const model *m, const char *line, const char *end, const char *file,
                       size_t n_line)
{
    waage_err err;
    arena a = ARENA_EMPTY;
    const int32_t *ids;
    size_t n, i = 0, len;
    const bool special = *line == '1';
    char *text = escaped_read(line + 2, (size_t)(end - line - 2), &len);
    assert_ok(tokenizer_encode(m->t, text, len, false, special, &a, &ids, &n, &err), err);
    const char *s = memchr(line + 2, '\t', (size_t)(end - line - 2));
    assert_non_null(s);
    for (s++; s < end; i++) {
        char *next;
        const long want = strtol(s, &next, 10);
        if (i >= n || ids[i] != want)
            fail_msg("%s:%zu: id %zu is %d, should be %ld", file, n_line, i,
                     i < n ? (int)ids[i] : -1, want);
        s = next + 1;
    }
    if (i != n) fail_msg("%s:%zu: %zu ids, should be %zu", file, n_line, n, i);
    free(text);
    arena_free(&a);
}

static void check_file(const char *path)
{
    waage_err err;
    char *data, name[512] = "", model_path[1024];
    size_t len, n_line = 1, n_cases = 0;
    assert_ok(file_read(&data, &len, path, (size_t)1 << 28, &err), err);
    assert_int_equal(sscanf(data, "# model %511[^\n]", name), 1);
    if (!find_model(name, model_path, sizeof model_path)) {
        print_message("           skip: %s: %s is not here\n", path, name);
        free(data);
        return;
    }
    model m = open_model(model_path);
    for (const char *s = strchr(data, '\n') + 1; s < data + len; n_cases++) {
        const char *end = memchr(s, '\n', (size_t)(data + len - s));
        check_case(&m, s, end, path, ++n_line);
        s = end + 1;
    }
    print_message("           %zu texts of %s\n", n_cases, path);
    assert_in_range(n_cases, 50, 1000000);
    close_model(&m);
    free(data);
}

static void test_golden(void **state)
{
    (void)state;
    check_file("tests/golden/tokens-bpe.tsv");
    check_file("tests/golden/tokens-spm.tsv");
    check_file("tests/golden/tokens-spm-prefix.tsv");
    check_file("tests/golden/tokens-gemma3.tsv");
    check_file("tests/golden/tokens-smollm2.tsv");
    check_file(
        "tests/golden/tokens-deepseek-v3.tsv"); /* vocabularies alone: make_tokens.py convert */
    check_file("tests/golden/tokens-gpt-oss.tsv");
    check_file("tests/golden/tokens-llama3.tsv");
    check_file("tests/golden/tokens-qwen3.tsv");
    if (getenv("WAAGE_TOKEN_CASES")) check_file(getenv("WAAGE_TOKEN_CASES"));
}

/* ---- Normal form, words met before ----------------------------------------------------------- */

/* The quick way gives what the library gives for the whole text. */
static void test_nfc(void **state)
{
    (void)state;
    static const uint32_t from[] = {0x20,   0xA0,   0x300,  0x370,   0x5D0,   0x620,  0x900,
                                    0x9B0,  0xE00,  0x1100, 0x1160,  0x11A8,  0x1B05, 0x1E00,
                                    0x1F00, 0x2000, 0x2126, 0x3040,  0x3099,  0x4E00, 0xAC00,
                                    0xF900, 0xFB1D, 0xFF60, 0x1D15E, 0x1F600, 0x2F800};
    rng r;
    waage_err err = {0};
    rng_init(&r, 3, 1);
    for (size_t round = 0; round < 20000; round++) {
        char text[64 * 4];
        size_t len = 0, n = 0, n_want = 0;
        const char *got = NULL;
        arena a = ARENA_EMPTY;
        for (size_t i = rng_below(&r, 24); i > 0; i--)
            len += utf8_encode(from[rng_below(&r, COUNT_OF(from))] + (uint32_t)rng_below(&r, 48),
                               text + len);
        const char *want = unicode_normalise(&a, text, len, UNICODE_NFC, &n_want);
        assert_ok(nfc_normalise(&got, &n, text, len, &a, &err), err);
        assert_int_equal(n, n_want);
        assert_memory_equal(got, want, n);
        arena_free(&a);
    }
}

/* What a tokenizer has learnt never shows: all golden texts again, in another order, by one that
 * has seen them, and single words that push each other out. */
static void test_words_met_before(void **state)
{
    (void)state;
    static const char *const paths[] = {"tests/fixtures/tok-bpe.gguf",
                                        "tests/fixtures/tok-spm.gguf",
                                        "tests/fixtures/tok-spm-prefix.gguf"};
    for (size_t p = 0; p < COUNT_OF(paths); p++) {
        model learnt = open_model(paths[p]);
        rng r;
        rng_init(&r, 4, p);
        for (size_t round = 0; round < 300; round++) {
            model fresh = open_model(paths[p]);
            char text[256];
            size_t len = 0, n_a, n_b;
            const int32_t *ids_a, *ids_b;
            arena a = ARENA_EMPTY;
            waage_err err;
            while (len < 200)
                len += (size_t)snprintf(
                    text + len, sizeof text - len, "%s%c%u", rng_below(&r, 2) ? " " : "",
                    (char)('a' + rng_below(&r, 26)), (unsigned)rng_below(&r, 3000));
            assert_ok(tokenizer_encode(learnt.t, text, len, false, false, &a, &ids_a, &n_a, &err),
                      err);
            assert_ok(tokenizer_encode(fresh.t, text, len, false, false, &a, &ids_b, &n_b, &err),
                      err);
            assert_int_equal(n_a, n_b);
            assert_memory_equal(ids_a, ids_b, n_a * sizeof *ids_a);
            arena_free(&a);
            close_model(&fresh);
        }
        close_model(&learnt);
    }
}

/* ---- Trust and BOS --------------------------------------------------------------------------- */

/* Ids as text, e.g. "405 12", for comparison. */
static const char *encode(const model *m, const char *text, const tokenizer_span *spans, size_t n,
                          bool bos)
{
    static char out[1024];
    waage_err err;
    arena a = ARENA_EMPTY;
    const int32_t *ids;
    size_t n_ids, at = 0;
    assert_ok(
        tokenizer_encode_spans(m->t, text, strlen(text), spans, n, bos, &a, &ids, &n_ids, &err),
        err);
    out[0] = 0;
    for (size_t i = 0; i < n_ids; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, i ? " %d" : "%d", ids[i]);
    arena_free(&a);
    return out;
}

static int32_t added(const model *m, const char *text)
{
    return tokenizer_find_added(m->t, text, strlen(text));
}

static size_t count_id(const model *m, const char *text, size_t len, const tokenizer_span *spans,
                       size_t n_spans, int32_t id)
{
    waage_err err;
    arena a = ARENA_EMPTY;
    const int32_t *ids;
    size_t n, count = 0;
    assert_ok(tokenizer_encode_spans(m->t, text, len, spans, n_spans, false, &a, &ids, &n, &err),
              err);
    for (size_t i = 0; i < n; i++)
        count += ids[i] == id;
    arena_free(&a);
    return count;
}

static void test_trust(void **state)
{
    (void)state;
    model m = open_model("tests/fixtures/tok-bpe.gguf");
    const int32_t start = added(&m, "<|im_start|>"), think = added(&m, "<think>");
    const char text[] = "<|im_start|>a<|im_start|>b<think>";
    const size_t len = sizeof text - 1;
    const tokenizer_span first[] = {{0, 12, true}, {12, len - 12, false}};
    const tokenizer_span cut[] = {{0, 6, true}, {6, len - 6, false}};
    const tokenizer_span joined[] = {{0, 6, true}, {6, 6, true}};
    const tokenizer_span second[] = {{0, 13, false}, {13, 12, true}};
    assert_int_equal(count_id(&m, text, len, first, 2, start), 1);
    assert_int_equal(count_id(&m, text, len, cut, 2, start), 0);    /* not across the border */
    assert_int_equal(count_id(&m, text, len, joined, 2, start), 1); /* neighbours count as one */
    assert_int_equal(count_id(&m, text, len, second, 2, start), 1);
    assert_int_equal(count_id(&m, text, len, NULL, 0, start), 0);
    assert_int_equal(count_id(&m, text, len, NULL, 0, think), 1); /* user-defined: always */
    /* the longer control token is not trusted as a whole, the shorter one is */
    const char longer[] = "<|im_start|>x";
    const tokenizer_span most[] = {{0, 12, true}, {12, 1, false}};
    const tokenizer_span all[] = {{0, 13, true}};
    assert_int_equal(count_id(&m, longer, 13, most, 2, start), 1);
    assert_int_equal(count_id(&m, longer, 13, all, 1, start), 0);
    assert_int_equal(count_id(&m, longer, 13, all, 1, added(&m, "<|im_start|>x")), 1);
    close_model(&m);
}

/* Ill-formed bytes move the borders of spans: the token behind them must still be found. */
static void test_trust_after_repair(void **state)
{
    (void)state;
    model m = open_model("tests/fixtures/tok-spm.gguf");
    const int32_t turn = added(&m, "<start_of_turn>");
    const char text[] = "\xff\xfe\xe4\xbd<start_of_turn>\xe2\x96\x81<start_of_turn>";
    const tokenizer_span a[] = {{0, 4, false}, {4, 15, true}, {19, 18, false}};
    const tokenizer_span b[] = {{0, 22, false}, {22, 15, true}};
    const tokenizer_span c[] = {{0, 5, false}, {5, 14, true}};
    assert_int_equal(count_id(&m, text, sizeof text - 1, a, 3, turn), 1);
    assert_int_equal(count_id(&m, text, sizeof text - 1, b, 2, turn), 1);
    assert_int_equal(count_id(&m, text, sizeof text - 1, c, 2, turn), 0);
    close_model(&m);
}

static void test_bad_spans(void **state)
{
    (void)state;
    static const tokenizer_span bad[][2] = {{{0, 3, true}, {2, 1, true}}, /* overlap */
                                            {{2, 2, true}, {0, 1, true}}, /* descend */
                                            {{0, 9, true}, {9, 0, true}}, /* leave the text */
                                            {{3, SIZE_MAX, true}, {0, 0, true}}}; /* overflow */
    model m = open_model("tests/fixtures/tok-bpe.gguf");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        waage_err err;
        arena a = ARENA_EMPTY;
        const int32_t *ids;
        size_t n;
        assert_int_equal(
            tokenizer_encode_spans(m.t, "abcd", 4, bad[i], 2, true, &a, &ids, &n, &err),
            WAAGE_EINVAL);
        arena_free(&a);
    }
    close_model(&m);
}

static void test_one_bos(void **state)
{
    (void)state;
    const tokenizer_span all = {0, 4, true}, none = {0, 4, false};
    model m = open_model("tests/fixtures/tok-spm.gguf");
    assert_true(tokenizer_get_info(m.t)->add_bos);
    assert_int_equal(tokenizer_get_info(m.t)->bos, 1);
    assert_string_equal(encode(&m, "", NULL, 0, true), "1");
    assert_string_equal(encode(&m, "", NULL, 0, false), "");
    assert_int_equal(strncmp(encode(&m, "a", NULL, 0, true), "1 ", 2), 0);
    char once[256];
    snprintf(once, sizeof once, "%s", encode(&m, "<s>a", &all, 1, true));
    assert_string_equal(once, encode(&m, "a", NULL, 0, true));     /* the template's BOS is it */
    assert_string_equal(once, encode(&m, "<s>a", &all, 1, false)); /* and it stays without */
    assert_int_equal(strncmp(encode(&m, "<s>a", &none, 1, true), "1 1 ", 4) != 0, 1);
    close_model(&m);
}

static void test_info(void **state)
{
    (void)state;
    model m = open_model("tests/fixtures/tok-bpe.gguf");
    const tokenizer_info *i = tokenizer_get_info(m.t);
    size_t len;
    assert_string_equal(i->model, "gpt2");
    assert_string_equal(i->pre, "llama-bpe");
    assert_true(i->add_bos); /* the rule's default: the file does not say */
    assert_int_equal(i->bos, added(&m, "<|endoftext|>"));
    assert_int_equal(i->eos, added(&m, "<|im_end|>"));
    assert_int_equal(i->eot, -1);
    assert_int_equal(i->n_eog, 2); /* by id and by name */
    assert_true(tokenizer_is_eog(m.t, added(&m, "<|endoftext|>")));
    assert_true(tokenizer_is_eog(m.t, added(&m, "<|im_end|>")));
    assert_false(tokenizer_is_eog(m.t, added(&m, "<|im_start|>")));
    assert_false(tokenizer_is_eog(m.t, -1));
    assert_int_equal(tokenizer_type(m.t, added(&m, "<think>")), TOKEN_USER);
    assert_int_equal(tokenizer_type(m.t, (int32_t)i->n_tokens), TOKEN_UNUSED);
    assert_int_equal(added(&m, "<nothing>"), -1);
    assert_int_equal(added(&m, ""), -1);
    tokenizer_piece(m.t, -5, &len);
    assert_int_equal(len, 0);
    tokenizer_piece(m.t, (int32_t)i->n_tokens, &len);
    assert_int_equal(len, 0);
    close_model(&m);
}

/* ---- Ill-formed text and back ---------------------------------------------------------------- */

static void test_repair(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"a\xff"
         "b",
         "a\xEF\xBF\xBD"
         "b"},
        {"\xe4\xbd", "\xEF\xBF\xBD"}, /* one maximal part */
        {"\xe4\xbd\xe4\xbd\xa0", "\xEF\xBF\xBD\xE4\xBD\xA0"},
        {"\xf0\x9f\x98", "\xEF\xBF\xBD"},
        {"\xc0\xaf", "\xEF\xBF\xBD\xEF\xBF\xBD"}, /* never a beginning: one each */
        {"\xed\xa0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xf4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xe2\x82\xe2\x82\xac", "\xEF\xBF\xBD\xE2\x82\xAC"},
    };
    model m = open_model("tests/fixtures/tok-bpe.gguf");
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        char bad[512];
        snprintf(bad, sizeof bad, "%s", encode(&m, same[i][0], NULL, 0, false));
        assert_string_equal(bad, encode(&m, same[i][1], NULL, 0, false));
    }
    close_model(&m);
}

/* Text goes in and comes back, in whole characters at every step, with the bytes of one token a
 * time. */
static void check_back(const model *m, const char *text, size_t len, const char *want)
{
    waage_err err;
    arena a = ARENA_EMPTY;
    const int32_t *ids;
    size_t n;
    strbuf b = STRBUF_EMPTY;
    detokenizer d;
    assert_ok(tokenizer_encode(m->t, text, len, false, true, &a, &ids, &n, &err), err);
    detokenizer_init(&d, m->t, true, true);
    for (size_t i = 0; i < n; i++) {
        const size_t before = b.len;
        detokenizer_put(&d, ids[i], &b);
        for (size_t k = before; k < b.len;) {
            const size_t step = utf8_valid_length(b.s + k, b.len - k);
            assert_in_range(step, 1, 4);
            k += step;
        }
    }
    detokenizer_end(&d, &b);
    assert_string_equal(strbuf_str(&b), want);
    strbuf_free(&b);
    arena_free(&a);
}

static void test_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"Hello, world!",
                                        " leading",
                                        "two  blanks",
                                        "Straße 你好 العربية",
                                        "👩‍👩‍👧‍👦 🇩🇪 e\xCC\x81",
                                        "\t\r\n\x01\x7f",
                                        "<think>x</think>",
                                        "a\n\n\nb"};
    static const char *const paths[] = {"tests/fixtures/tok-bpe.gguf",
                                        "tests/fixtures/tok-spm.gguf",
                                        "tests/fixtures/tok-spm-prefix.gguf"};
    for (size_t p = 0; p < COUNT_OF(paths); p++) {
        model m = open_model(paths[p]);
        for (size_t i = 0; i < COUNT_OF(texts); i++)
            check_back(&m, texts[i], strlen(texts[i]), texts[i]);
        check_back(&m, "\xe4\xbd!", 3, "\xEF\xBF\xBD!");
        close_model(&m);
    }
}

static void put_text(detokenizer *d, const model *m, const char *const *tokens, size_t n,
                     strbuf *out)
{
    waage_err err;
    for (size_t i = 0; i < n; i++) {
        gguf_array a;
        gguf_str s;
        size_t pos = 0;
        int32_t id = 0;
        assert_ok(gguf_get_array(&a, m->g, "tokenizer.ggml.tokens", &err), err);
        while (gguf_array_next_str(&a, &pos, &s) && !gguf_str_equal(s, tokens[i]))
            id++;
        assert_in_range(id, 0, a.n - 1);
        detokenizer_put(d, id, out);
    }
}

static void test_stream(void **state)
{
    (void)state;
    model m = open_model("tests/fixtures/tok-spm-prefix.gguf");
    static const char *const smile[] = {"<0xF0>", "<0x9F>", "<0x99>", "<0x82>"};
    static const char *const bad[] = {"<0x80>", "<0xF0>", "<0x9F>", "<0x41>", "<0xE2>", "<0x82>"};
    static const char *const blank[] = {"</s>", "\u2581", "\u2581"};
    strbuf b = STRBUF_EMPTY;
    detokenizer d;
    detokenizer_init(&d, m.t, false, false);
    put_text(&d, &m, smile, 3, &b);
    assert_int_equal(b.len, 0); /* three of four bytes: nothing yet */
    put_text(&d, &m, smile + 3, 1, &b);
    assert_string_equal(strbuf_str(&b), "🙂");
    strbuf_clear(&b);
    put_text(&d, &m, bad, COUNT_OF(bad), &b);
    assert_string_equal(strbuf_str(&b), "\xEF\xBF\xBD\xEF\xBF\xBD"
                                        "A");
    detokenizer_end(&d, &b);
    assert_string_equal(strbuf_str(&b), "\xEF\xBF\xBD\xEF\xBF\xBD"
                                        "A\xEF\xBF\xBD");
    strbuf_clear(&b);
    put_text(&d, &m, blank, 3,
             &b); /* a continuation keeps its blanks, control tokens are left out */
    assert_string_equal(strbuf_str(&b), "  ");
    strbuf_clear(&b);
    detokenizer_init(&d, m.t, true, true);
    put_text(&d, &m, blank, 3,
             &b); /* the text's own first blank goes, behind a control token, too */
    assert_string_equal(strbuf_str(&b), "</s> ");
    strbuf_free(&b);
    close_model(&m);
}

/* ---- Broken vocabularies --------------------------------------------------------------------- */

typedef struct {
    const char *model, *pre;   /* NULL: key left out */
    const char *const *tokens; /* (3) */
    const char *merge;         /* NULL: key left out */
    uint32_t n_types, type, n_scores, bos;
    waage_status status;
    const char *message;
} broken;

static const char *const abc[] = {"a", "b", "ab"};

static const broken brokens[] = {
    {NULL, NULL, abc, NULL, 3, 1, 0, 0, WAAGE_ENOTFOUND, "'tokenizer.ggml.model' is missing"},
    {"t5", NULL, abc, NULL, 3, 1, 0, 0, WAAGE_EUNSUPPORTED,
     "tokenizer model 't5' is not supported"},
    {"gpt2", NULL, abc, "a b", 3, 1, 0, 0, WAAGE_EUNSUPPORTED, "'tokenizer.ggml.pre' is missing"},
    {"gpt2", "abacus", abc, "a b", 3, 1, 0, 0, WAAGE_EUNSUPPORTED, "pre-tokenizer 'abacus'"},
    {"gpt2", "gpt-2", NULL, "a b", 3, 1, 0, 0, WAAGE_ENOTFOUND,
     "'tokenizer.ggml.tokens' is missing"},
    {"gpt2", "gpt-2", abc, NULL, 3, 1, 0, 0, WAAGE_ENOTFOUND, "'tokenizer.ggml.merges' is missing"},
    {"gpt2", "gpt-2", abc, "ab", 3, 1, 0, 0, WAAGE_EFORMAT, "merge 0 does not join two tokens"},
    {"gpt2", "gpt-2", abc, "b a", 3, 1, 0, 0, WAAGE_EFORMAT, "merge 0 does not join two tokens"},
    {"gpt2", "gpt-2", abc, "a b", 2, 1, 0, 0, WAAGE_EFORMAT,
     "token_type has 2 elements for 3 tokens"},
    {"gpt2", "gpt-2", abc, "a b", 3, 7, 0, 0, WAAGE_EFORMAT, "token_type: element 0 is not 1 to 6"},
    {"gpt2", "gpt-2", abc, "a b", 3, 1, 0, 3, WAAGE_EFORMAT, "bos_token_id is 3, but there are 3"},
    {"llama", NULL, abc, NULL, 3, 1, 0, 0, WAAGE_EFORMAT, "'tokenizer.ggml.scores' is missing"},
    {"llama", NULL, abc, NULL, 3, 1, 4, 0, WAAGE_EFORMAT, "scores has 4 elements for 3 tokens"},
    {"llama", NULL, abc, NULL, 3, 1, 3, 0, WAAGE_OK, ""},
    {"gpt2", "gpt-2", abc, "a b", 3, 1, 0, 2, WAAGE_OK, ""},
};

static void build_broken(strbuf *b, const broken *x)
{
    const int n_keys = 2 + (x->model != NULL) + (x->pre != NULL) + (x->tokens != NULL) +
                       (x->merge != NULL) + (x->n_scores > 0);
    put_header(b, 3, 0, (uint64_t)n_keys);
    if (x->model) put_kv_str(b, "tokenizer.ggml.model", x->model);
    if (x->pre) put_kv_str(b, "tokenizer.ggml.pre", x->pre);
    if (x->tokens) put_kv_strs(b, "tokenizer.ggml.tokens", x->tokens, 3);
    if (x->merge) put_kv_strs(b, "tokenizer.ggml.merges", &x->merge, 1);
    put_array(b, "tokenizer.ggml.token_type", GGUF_I32, x->n_types);
    for (uint32_t i = 0; i < x->n_types; i++)
        put_le(b, x->type, 4);
    if (x->n_scores) put_array(b, "tokenizer.ggml.scores", GGUF_F32, x->n_scores);
    put_bytes(b, 4 * x->n_scores, 0);
    put_kv_u32(b, "tokenizer.ggml.bos_token_id", x->bos);
}

static void test_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(brokens); i++) {
        waage_err err = {0};
        gguf *g;
        tokenizer *t;
        strbuf b = STRBUF_EMPTY;
        build_broken(&b, &brokens[i]);
        assert_ok(gguf_open_memory(&g, strbuf_str(&b), b.len, "b.gguf", &err), err);
        const waage_status st = tokenizer_create(&t, g, &err);
        if (st != brokens[i].status) fail_msg("case %zu: status %d: %s", i, st, err.msg);
        assert_contains(err.msg, brokens[i].message);
        if (st != WAAGE_OK) {
            assert_null(t);
            assert_contains(err.msg, "b.gguf: ");
        }
        tokenizer_free(t);
        gguf_close(g);
        strbuf_free(&b);
    }
}

/* Long runs without a place to cut must not take quadratic time: 2 MB each, some seconds at most.
 */
static void test_long_runs(void **state)
{
    (void)state;
    static const char *const units[] = {
        "a", " ", "\n", "ab", "<", "\xe4\xbd", "\xf0\x9f\x99\x82", "<|im_start"};
    static const char *const paths[] = {"tests/fixtures/tok-bpe.gguf",
                                        "tests/fixtures/tok-spm.gguf"};
    for (size_t p = 0; p < COUNT_OF(paths); p++) {
        model m = open_model(paths[p]);
        for (size_t u = 0; u < COUNT_OF(units); u++) {
            waage_err err;
            arena a = ARENA_EMPTY;
            strbuf b = STRBUF_EMPTY;
            const int32_t *ids;
            size_t n;
            while (b.len < 2000000)
                strbuf_puts(&b, units[u]);
            assert_ok(tokenizer_encode(m.t, b.s, b.len, false, true, &a, &ids, &n, &err), err);
            assert_in_range(n, 1, b.len * 2); /* U+FFFD is longer than what it stands for */
            strbuf_free(&b);
            arena_free(&a);
        }
        close_model(&m);
    }
}

int test_tokenizer(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden),
                                       cmocka_unit_test(test_nfc),
                                       cmocka_unit_test(test_words_met_before),
                                       cmocka_unit_test(test_trust),
                                       cmocka_unit_test(test_trust_after_repair),
                                       cmocka_unit_test(test_bad_spans),
                                       cmocka_unit_test(test_one_bos),
                                       cmocka_unit_test(test_info),
                                       cmocka_unit_test(test_repair),
                                       cmocka_unit_test(test_back),
                                       cmocka_unit_test(test_stream),
                                       cmocka_unit_test(test_broken),
                                       cmocka_unit_test(test_long_runs)};
    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
