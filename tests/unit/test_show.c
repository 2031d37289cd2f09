/* test_show.c - the text of `waage show MODEL` and the map for the store, to the byte. */
#include "tests/unit/check.h"
#include "tests/unit/gguf_build.h"
#include "runners/local/show.h"

int test_show(void);

/* A model with two known formats and one that is not supported; names that try to steer a terminal.
 */
static void build(strbuf *b)
{
    put_header(b, 3, 3, 9);
    put_kv_str(b, "general.name", "Tiny\x1b[2J \xff one\n");
    put_kv_str(b, "general.architecture", "llama");
    put_kv_str(b, "general.license", "apache-2.0");
    put_kv_u32(b, "llama.block_count", 2);
    put_kv_u32(b, "llama.embedding_length", 32);
    put_kv_u32(b, "llama.context_length", 131072);
    put_kv_u32(b, "llama.attention.head_count", 4);
    put_kv_str(b, "llama.attention.head_count_kv", "a string, so it is left out");
    put_kv_str(b, "tokenizer.chat_template", "{{ x }}\nsecond\xE2\x80\xAE line\n3\n4\n5\n6\n");
    put_tensor(b, "a", 32, 64, 8, 0);
    put_tensor(b, "b", 32, 1, 0, 2176);
    put_tensor(b, "c", 256, 1, 22, 2304);
    put_padding(b, 32);
    put_bytes(b, 2304 + 96, 0);
}

static const char expected[] =
    "file           tiny.gguf\n"
    "size           3,008 bytes, GGUF version 3\n"
    "sha256         0123\n"
    "name           Tiny [2J \xEF\xBF\xBD one \n"
    "architecture   llama\n"
    "licence        apache-2.0\n"
    "shape          2 layers, 32 wide, 4 heads\n"
    "context        131,072 tokens\n"
    "parameters     2,336 in 3 tensors\n"
    "quantisation   Q8_0\n"
    "weights        type       tensors          elements             bytes  bits/weight\n"
    "               Q8_0             1             2,048             2,176         8.50\n"
    "               F32              1                32               128        32.00\n"
    "               IQ2_S            1               256                96         3.00  not "
    "supported\n"
    "tokenizer      no key\n"
    "chat template  31 bytes, sha256 SHA\n"
    "               | {{ x }}\n"
    "               | second  line\n"
    "               | 3\n"
    "               | 4\n"
    "               | 5\n"
    "               | ...\n";

static void test_print(void **state)
{
    (void)state;
    waage_err err;
    gguf *g;
    strbuf b = STRBUF_EMPTY, out = STRBUF_EMPTY, want = STRBUF_EMPTY;
    char hex[HASH_HEX];
    build(&b);
    assert_ok(gguf_open_memory(&g, b.s, b.len, "tiny.gguf", &err), err);
    assert_ok(show_print(&out, g, NULL, "no key", "0123", &err), err);
    hash_hex("{{ x }}\nsecond\xE2\x80\xAE line\n3\n4\n5\n6\n", 31, hex);
    const char *cut = strstr(expected, "SHA");
    strbuf_printf(&want, "%.*s%s%s", (int)(cut - expected), expected, hex, cut + 3);
    assert_string_equal(strbuf_str(&out), strbuf_str(&want));
    gguf_close(g);
    strbuf_free(&b);
    strbuf_free(&out);
    strbuf_free(&want);
}

static void test_meta(void **state)
{
    (void)state;
    waage_err err;
    gguf *g;
    value *m;
    arena a = ARENA_EMPTY;
    strbuf b = STRBUF_EMPTY, out = STRBUF_EMPTY;
    build(&b);
    assert_ok(gguf_open_memory(&g, b.s, b.len, "tiny.gguf", &err), err);
    assert_ok(show_meta(&m, &a, g, "0123", &err), err);
    value_put_json(&out, m, 0);
    char *cut = strstr(out.s, "\"template_sha256\"");
    assert_non_null(cut);
    *cut = 0;
    assert_string_equal(
        out.s, "{\"name\": \"Tiny [2J \xEF\xBF\xBD one \", \"architecture\": \"llama\", "
               "\"parameters\": 2336, "
               "\"quantisation\": \"Q8_0\", \"quantisation_mix\": {\"Q8_0\": 2176, \"F32\": 128, "
               "\"IQ2_S\": 96}, \"file_bytes\": 3008, \"parts\": 1, \"context_length\": 131072, "
               "\"layers\": 2, \"width\": 32, \"licence\": \"apache-2.0\", "
               "\"base_or_instruct\": \"instruct\", ");
    assert_string_equal(value_get_str(m, "sha256", ""), "0123");
    gguf_close(g);
    arena_free(&a);
    strbuf_free(&b);
    strbuf_free(&out);
}

static void test_fixture(void **state)
{
    (void)state;
    waage_err err;
    gguf *g;
    tokenizer *t;
    strbuf out = STRBUF_EMPTY;
    assert_ok(gguf_open(&g, "tests/fixtures/tok-spm.gguf", &err), err);
    assert_ok(tokenizer_create(&t, g, &err), err);
    assert_ok(show_print(&out, g, t, NULL, NULL, &err), err);
    assert_contains(strbuf_str(&out), "tokenizer      SentencePiece BPE by scores, ");
    assert_contains(strbuf_str(&out),
                    "BOS 1 <s> (put in front); ends an answer: 2 </s>, 4 <end_of_turn>\n");
    assert_contains(strbuf_str(&out), "chat template  none: base model\n");
    tokenizer_free(t);
    gguf_close(g);
    strbuf_free(&out);
}

int test_show(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_print), cmocka_unit_test(test_meta),
                                       cmocka_unit_test(test_fixture)};
    return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
