/* test_prompt.c - continuations of a prompt where the vocabulary makes it hard: bytes that no token
 * stands for, and texts that melt into one token. Chats are tested in test_local.c. */
#include "tests/unit/check.h"
#include "tests/unit/gguf_build.h"
#include "runners/local/prompt.h"

int test_prompt(void);

enum { BOS = 2 };

/* Three tokens, a + b = ab, no tokens for other bytes; no BOS is put in front. */
static void build_vocab(strbuf *b)
{
    static const char *const tokens[] = {"a", "b", "ab"}, *const merges[] = {"a b"};
    put_header(b, 3, 0, 5);
    put_kv_str(b, "tokenizer.ggml.model", "gpt2");
    put_kv_str(b, "tokenizer.ggml.pre", "gpt-2");
    put_kv_strs(b, "tokenizer.ggml.tokens", tokens, 3);
    put_kv_strs(b, "tokenizer.ggml.merges", merges, 1);
    put_kv_u32(b, "tokenizer.ggml.bos_token_id", BOS);
}

typedef struct {
    const char *prompt, *choice;
    waage_status status;
    size_t n, cut;
    int32_t ids[4];
} choice_case;

static const choice_case cases[] = {
    {"b", "a", WAAGE_OK, 2, 1, {1, 0}},
    {"ba", "ab", WAAGE_OK, 3, 2, {1, 0, 2}},
    {"", "a", WAAGE_OK, 2, 1, {BOS, 0}},
    {"?!", "a", WAAGE_OK, 2, 1, {BOS, 0}}, /* a prompt of which no token is left */
    {"?!", "?", WAAGE_EUNSUPPORTED, 0, 0, {0}},
    {"", "", WAAGE_EUNSUPPORTED, 0, 0, {0}},
    {"a", "b", WAAGE_EUNSUPPORTED, 0, 0, {0}}, /* ab: nothing in front to predict it from */
};

static void check_case(const prompt_maker *pm, const choice_case *x)
{
    waage_err err = {0};
    arena a = ARENA_EMPTY;
    prompt p;
    prompt_choice *c = NULL;
    const request rq = {.kind = REQUEST_LOGLIK,
                        .proto = PROTOCOL_COMPLETION,
                        .prompt = x->prompt,
                        .choice = &x->choice,
                        .n_choices = 1};
    assert_ok(prompt_make(&p, pm, &rq, &a, &err), err);
    const waage_status st = prompt_make_choices(&c, pm, &p, &rq, &a, &err);
    if (st != x->status) fail_msg("'%s' + '%s': status %d: %s", x->prompt, x->choice, st, err.msg);
    if (st == WAAGE_OK) {
        assert_int_equal(c->n, x->n);
        assert_int_equal(c->cut, x->cut);
        assert_memory_equal(c->ids, x->ids, x->n * sizeof *c->ids);
    } else {
        assert_contains(err.msg, "no token of its own");
    }
    arena_free(&a);
}

static void test_choices(void **state)
{
    (void)state;
    waage_err err = {0};
    strbuf b = STRBUF_EMPTY;
    gguf *g;
    prompt_maker pm = {0};
    tokenizer *t;
    build_vocab(&b);
    assert_ok(gguf_open_memory(&g, strbuf_str(&b), b.len, "abc.gguf", &err), err);
    assert_ok(tokenizer_create(&t, g, &err), err);
    pm.tok = t;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_case(&pm, &cases[i]);
    tokenizer_free(t);
    gguf_close(g);
    strbuf_free(&b);
}

int test_prompt(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_choices)};
    return cmocka_run_group_tests_name("prompt", tests, NULL, NULL);
}
