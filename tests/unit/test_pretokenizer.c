/* test_pretokenizer.c - the cuts of every rule against those that the `tokenizers` library makes
 * with the patterns of the models' own files (tests/golden/pretokens.tsv, written by
 * make_tokens.py). */
#include "tests/unit/check.h"
#include "tests/unit/escaped.h"
#include "harness/base/file.h"
#include "runners/local/pretokenizer.h"

int test_pretokenizer(void);

static void check_cuts(const pretokenizer *p, const char *line, const char *end, size_t n_line)
{
    waage_err err;
    pretokenizer_cuts cuts = {0};
    size_t len, i = 0;
    char *text = escaped_read(line, (size_t)(end - line), &len);
    assert_ok(pretokenizer_cut(p, text, len, &cuts, &err), err);
    for (const char *s = memchr(line, '\t', (size_t)(end - line)); s < end; i++) {
        char *next;
        const size_t want = strtoul(s + 1, &next, 10);
        if (i >= cuts.n || cuts.end[i] != want)
            fail_msg("pretokens.tsv:%zu: %s: cut %zu is %zu, should be %zu", n_line,
                     pretokenizer_get_rule(p)->name, i, i < cuts.n ? cuts.end[i] : 0, want);
        s = next;
    }
    assert_int_equal(i, cuts.n);
    assert_int_equal(cuts.end[cuts.n - 1], len);
    pretokenizer_cuts_free(&cuts);
    free(text);
}

static void test_cuts(void **state)
{
    (void)state;
    waage_err err;
    char *data, name[64] = "";
    size_t len, n_line = 0, n_rules = 0;
    pretokenizer *p = NULL;
    assert_ok(file_read(&data, &len, "tests/golden/pretokens.tsv", (size_t)1 << 24, &err), err);
    for (const char *s = data; s < data + len; n_line++) {
        const char *end = memchr(s, '\n', (size_t)(data + len - s));
        const char *tab = memchr(s, '\t', (size_t)(end - s));
        const size_t n = (size_t)(tab - s);
        if (n != strlen(name) || memcmp(s, name, n) != 0) {
            assert_in_range(n, 1, sizeof name - 1);
            memcpy(name, s, n);
            name[n] = 0;
            pretokenizer_free(p);
            assert_ok(pretokenizer_create(&p, name, n, &err), err);
            n_rules++;
        }
        check_cuts(p, tab + 1, end, n_line + 1);
        s = end + 1;
    }
    assert_int_equal(n_rules, 8);
    assert_in_range(n_line, 200, 100000);
    pretokenizer_free(p);
    free(data);
}

/* deepseek-llm (whose class of punctuation runs from : to ~, letters included) and kimi-k2 have no
 * case in the file: what their rules say, by hand. */
static void expect_cuts(const char *rule, const char *text, const char *want)
{
    waage_err err;
    pretokenizer *p;
    pretokenizer_cuts cuts = {0};
    char got[256] = "";
    size_t at = 0;
    assert_ok(pretokenizer_create(&p, rule, strlen(rule), &err), err);
    assert_ok(pretokenizer_cut(p, text, strlen(text), &cuts, &err), err);
    for (size_t i = 0, start = 0; i < cuts.n; start = cuts.end[i], i++)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s%.*s", i ? "|" : "",
                               (int)(cuts.end[i] - start), text + start);
    assert_string_equal(got, want);
    pretokenizer_cuts_free(&cuts);
    pretokenizer_free(p);
}

static void test_by_hand(void **state)
{
    (void)state;
    expect_cuts("deepseek-llm", "Grüße an  alle: 12 你好x\n\n ",
                "Gr|üß|e| an| | alle|:| |12| |你好|x|\n|\n| ");
    expect_cuts("deepseek-llm", "", "");
    expect_cuts("kimi-k2", "Hello你好World's 1234", "Hello|你好|World's| |123|4");
    expect_cuts("deepseek-v3", "カ・カ", "カ|・|カ");
    expect_cuts("smollm", "a 123", "a| |1|2|3");
    expect_cuts("llama-bpe", "we'\xC5\xBF x'S", "we|'\xC5\xBF| x|'S"); /* U+017F is an s */
    expect_cuts("gpt-2", "a\xC2\x85 b\x1c", "a|\xC2\x85| b|\x1c"); /* U+0085 is white, U+001C not */
    expect_cuts("gpt-2", "a \xE1\xA0\x8E", "a| \xE1\xA0\x8E");     /* U+180E is not white */
}

static void test_table(void **state)
{
    (void)state;
    size_t n = 0;
    for (; pretokenizer_rule_at(n); n++) {
        waage_err err;
        pretokenizer *p;
        const char *name = pretokenizer_rule_at(n)->name;
        if (n) assert_true(strcmp(pretokenizer_rule_at(n - 1)->name, name) < 0);
        assert_ok(pretokenizer_create(&p, name, strlen(name), &err), err);
        assert_ptr_equal(pretokenizer_get_rule(p), pretokenizer_rule_at(n));
        pretokenizer_free(p);
    }
    assert_in_range(n, 20, 100);
    waage_err err;
    pretokenizer *p;
    assert_int_equal(pretokenizer_create(&p, "gpt-2x", 6, &err), WAAGE_EUNSUPPORTED);
    assert_contains(err.msg, "'gpt-2x'");
    assert_int_equal(pretokenizer_create(&p, "gpt-2x", 5, &err), WAAGE_OK); /* the length counts */
    pretokenizer_free(p);
}

int test_pretokenizer(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cuts), cmocka_unit_test(test_by_hand),
                                       cmocka_unit_test(test_table)};
    return cmocka_run_group_tests_name("pretokenizer", tests, NULL, NULL);
}
