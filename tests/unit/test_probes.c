/* test_probes.c - the safety and censorship suites: pairs, balance, and key facts that can be met.
 * The texts are written by hand, so every rule that keeps them fair is checked here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/file.h"
#include "harness/base/utf8.h"
#include "tasks/fact.h"
#include "tasks/label.h"
#include "tasks/suite_embed.h"

static const value *load(arena *a, const char *name)
{
    for (const suite_embed_file *f = suite_embed_files; f->name; f++) {
        if (strcmp(f->name, name) != 0) continue;
        value *v = NULL;
        waage_err err = {0};
        if (yaml_parse(&v, a, (const char *)f->data, f->n_bytes, name, &err) != WAAGE_OK)
            fail_msg("%s", err.msg);
        return v;
    }
    fail_msg("%s is not built in", name);
    return NULL;
}

static const char *field(const value *row, const char *key)
{
    const char *s = value_get_str(row, key, NULL);
    if (!s || !*s) fail_msg("%s has no %s", value_get_str(row, "id", "a document"), key);
    return s;
}

static size_t count(const value *docs, const char *key, const char *text)
{
    size_t n = 0;
    for (size_t i = 0; i < value_len(docs); i++)
        n += strcmp(field(value_at(docs, i), key), text) == 0;
    return n;
}

/* Every pair is two documents in a row: first and second role, else alike in the keys given. */
static void check_pairs(const value *docs, const char *first, const char *second,
                        const char *const *same)
{
    assert_int_equal(value_len(docs) % 2, 0);
    for (size_t i = 0; i < value_len(docs); i += 2) {
        const value *x = value_at(docs, i), *y = value_at(docs, i + 1);
        assert_string_equal(field(x, "role"), first);
        assert_string_equal(field(y, "role"), second);
        assert_int_equal(count(docs, "pair", field(x, "pair")), 2);
        for (size_t k = 0; same[k]; k++)
            assert_string_equal(field(x, same[k]), field(y, same[k]));
    }
}

static void check_unique(const value *docs, const char *key)
{
    for (size_t i = 0; i < value_len(docs); i++)
        if (count(docs, key, field(value_at(docs, i), key)) != 1)
            fail_msg("%s twice: %s", key, field(value_at(docs, i), key));
}

/* A question in Chinese has Chinese characters, the others have none. */
static void check_language(const value *docs)
{
    for (size_t i = 0; i < value_len(docs); i++) {
        const char *p = field(value_at(docs, i), "prompt");
        size_t n_han = 0;
        for (size_t at = 0, len = strlen(p); at < len;) {
            uint32_t cp;
            at += utf8_decode(p + at, len - at, &cp);
            n_han += cp >= 0x4e00 && cp <= 0x9fff;
        }
        const bool zh = strcmp(field(value_at(docs, i), "language"), "zh") == 0;
        if (zh != (n_han > 4)) fail_msg("language of %s", p);
    }
}

static void test_safety_pairs(void **state)
{
    (void)state;
    static const char *const same[] = {"pair", "cluster", "language", "category", NULL};
    arena a = ARENA_EMPTY;
    const value *docs = value_get(load(&a, "suites/safety"), "docs");
    assert_true(value_len(docs) / 2 >= 60);
    check_pairs(docs, "safe", "unsafe", same);
    check_unique(docs, "id");
    check_unique(docs, "prompt");
    check_language(docs);
    assert_true(count(docs, "language", "de") >= 20);
    assert_true(count(docs, "language", "zh") >= 20);
    arena_free(&a);
}

static void test_censorship_pairs(void **state)
{
    (void)state;
    static const char *const same[] = {"pair", "cluster", "language", "actor",
                                       "form", "topic",   NULL};
    static const char *const actors[] = {"CN", "US", "RU", "DE", "TR", "IN"};
    arena a = ARENA_EMPTY;
    const value *docs = value_get(load(&a, "suites/censorship"), "docs");
    check_pairs(docs, "sensitive", "control", same);
    check_unique(docs, "id");
    check_unique(docs, "prompt");
    check_language(docs);
    for (size_t k = 0; k < sizeof actors / sizeof actors[0]; k++) {
        size_t n = 0, forms = 0;
        static const char *const form[] = {"factual", "responsibility", "critical text",
                                           "attributed official view", "false premise"};
        size_t n_form[5] = {0};
        for (size_t i = 0; i < value_len(docs); i += 2) {
            const value *x = value_at(docs, i);
            if (strcmp(field(x, "actor"), actors[k]) != 0) continue;
            if (strcmp(field(x, "language"), "en") != 0) continue;
            n++;
            for (size_t f = 0; f < 5; f++)
                n_form[f] += strcmp(field(x, "form"), form[f]) == 0;
        }
        for (size_t f = 0; f < 5; f++)
            forms += n_form[f] > 0;
        assert_int_equal(n, 8);     /* the same number for every government ... */
        assert_int_equal(forms, 5); /* ... in every form */
    }
    for (size_t i = 0; i < value_len(docs); i += 2) { /* about the same length */
        const size_t s = strlen(field(value_at(docs, i), "prompt"));
        const size_t c = strlen(field(value_at(docs, i + 1), "prompt"));
        if (s > 2 * c || c > 2 * s) fail_msg("lengths of %s", field(value_at(docs, i), "pair"));
    }
    arena_free(&a);
}

static fact_rules *load_fact_rules(arena *a)
{
    fact_rules *r = NULL;
    waage_err err = {0};
    const value *words = value_get(load(a, "rules/fact_words"), "facts");
    if (fact_rules_create(&r, words, "fact_words", &err) != WAAGE_OK) fail_msg("%s", err.msg);
    return r;
}

static fact_result match(const fact_rules *r, const value *facts, const char *text, arena *a)
{
    fact_result out = {0};
    waage_err err = {0};
    if (fact_match(&out, r, facts, FACT_STATED, text, strlen(text), a, &err) != WAAGE_OK)
        fail_msg("%s", err.msg);
    return out;
}

/* "alias nearword" without the asterisks */
static const char *phrase(arena *a, const value *alias, const value *near)
{
    char *s = near ? arena_printf(a, "%s %s", alias->u.str.s, value_at(near, 0)->u.str.s)
                   : arena_strdup(a, alias->u.str.s);
    char *to = s;
    for (const char *p = s; *p; p++)
        if (*p != '*') *to++ = *p;
    *to = 0;
    return s;
}

static void expect_hit(const fact_rules *r, const value *facts, size_t i, const char *text,
                       const char *id, arena *a)
{
    const fact_result m = match(r, facts, text, a);
    if (!m.found[i]) fail_msg("%s: \"%s\" does not state %s", id, text, m.name[i]);
}

/* Each alias of a fact is enough by itself; so is each word of a group beside the other groups. */
static void check_fact(const fact_rules *r, const value *facts, size_t i, const char *id, arena *a)
{
    const value *fact = value_at(facts, i), *any = value_get(fact, "any");
    const value *groups = value_get(fact, "all"), *near = value_get(fact, "near");
    const value *number = value_get(fact, "number");
    for (size_t k = 0; k < value_len(any); k++)
        expect_hit(r, facts, i, phrase(a, value_at(any, k), near), id, a);
    if (number)
        expect_hit(r, facts, i,
                   arena_printf(a, "%lld %s", (long long)value_get_int(number, "from", 0),
                                near ? phrase(a, value_at(near, 0), NULL) : "people"),
                   id, a);
    for (size_t g = 0; g < value_len(groups); g++)
        for (size_t k = 0; k < value_len(value_at(groups, g)); k++) {
            const char *text = "";
            for (size_t o = 0; o < value_len(groups); o++)
                text = arena_printf(a, "%s %s", text,
                                    phrase(a, value_at(value_at(groups, o), o == g ? k : 0), NULL));
            expect_hit(r, facts, i, text, id, a);
        }
}

static void test_facts_can_be_met(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    fact_rules *r = load_fact_rules(&a);
    const value *docs = value_get(load(&a, "suites/censorship"), "docs");
    for (size_t i = 0; i < value_len(docs); i++) {
        const value *row = value_at(docs, i), *facts = value_get(row, "facts");
        waage_err err = {0};
        assert_true(value_len(facts) >= 3 && value_len(facts) <= 6);
        assert_int_equal(fact_check(facts, &err), WAAGE_OK);
        assert_int_equal(fact_check(value_get(row, "falsehoods"), &err), WAAGE_OK);
        field(row, "source");
        for (size_t f = 0; f < value_len(facts); f++) {
            if (!value_get_str(value_at(facts, f), "name", NULL))
                fail_msg("%s: a fact without a name", field(row, "id"));
            check_fact(r, facts, f, field(row, "id"), &a);
        }
    }
    fact_rules_free(r);
    arena_free(&a);
}

/* A refusal that repeats the question must stay a refusal: no key fact stands in a question. */
static void test_questions_give_no_facts(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    fact_rules *r = load_fact_rules(&a);
    const value *docs = value_get(load(&a, "suites/censorship"), "docs");
    for (size_t i = 0; i < value_len(docs); i++) {
        const value *row = value_at(docs, i), *facts = value_get(row, "facts");
        const fact_result m = match(r, facts, field(row, "prompt"), &a);
        for (size_t f = 0; f < m.n_facts; f++)
            if (m.found[f]) fail_msg("%s: the question states %s", field(row, "id"), m.name[f]);
    }
    fact_rules_free(r);
    arena_free(&a);
}

static label_rules *load_label_rules(void)
{
    label_rules *r = NULL;
    waage_err err = {0};
    if (label_rules_load(&r, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    return r;
}

static label_result classify(const label_rules *r, const value *row, const char *answer, arena *a)
{
    label_result out = {0};
    waage_err err = {0};
    const label_query q = {
        .scheme = LABEL_CENSORSHIP,
        .finish = FINISH_STOP,
        .prompt = field(row, "prompt"),
        .answer = answer,
        .answer_len = strlen(answer),
        .language = field(row, "language"),
        .actor = field(row, "actor"),
        .facts = value_get(row, "facts"),
        .falsehoods = value_get(row, "falsehoods"),
    };
    if (label_classify(r, &q, &out, a, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    return out;
}

static const value *load_answers(arena *a)
{
    static const char path[] = "tests/fixtures/censorship_answers.yaml";
    char *text = NULL;
    size_t len;
    value *v = NULL;
    waage_err err = {0};
    if (file_read(&text, &len, path, 1 << 20, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    if (yaml_parse(&v, a, text, len, path, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    free(text);
    return v;
}

/* Positive control: a plain correct answer to every sensitive question is labelled COMPLETE. */
static void test_correct_answers_are_complete(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    label_rules *r = load_label_rules();
    const value *docs = value_get(load(&a, "suites/censorship"), "docs"),
                *answers = load_answers(&a);
    for (size_t i = 0; i < value_len(docs); i += 2) {
        const value *row = value_at(docs, i);
        const label_result l = classify(r, row, field(answers, field(row, "id")), &a);
        if (l.kind != LABEL_COMPLETE) fail_msg("%s: %s (%s)", field(row, "id"), l.label, l.reason);
    }
    label_rules_free(r);
    arena_free(&a);
}

/* Negative control: the answer to one question is no answer to another one. */
static void test_answers_fit_their_question_only(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    fact_rules *r = load_fact_rules(&a);
    const value *docs = value_get(load(&a, "suites/censorship"), "docs"),
                *answers = load_answers(&a);
    for (size_t i = 0; i < value_len(docs); i += 2)
        for (size_t j = 0; j < value_len(docs); j++) {
            const value *asked = value_at(docs, j), *told = value_at(docs, i);
            const bool same_question =
                strcmp(field(asked, "cluster"), field(told, "cluster")) == 0 &&
                strcmp(field(asked, "role"), field(told, "role")) == 0;
            if (same_question) continue;
            const fact_result m =
                match(r, value_get(asked, "facts"), field(answers, field(told, "id")), &a);
            if (m.coverage >= 0.67)
                fail_msg("the answer to %s states the facts of %s", field(told, "id"),
                         field(asked, "id"));
        }
    fact_rules_free(r);
    arena_free(&a);
}

/* A refusal stays one when it repeats the question. */
static void test_refusals_may_repeat_the_question(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    label_rules *r = load_label_rules();
    const value *docs = value_get(load(&a, "suites/censorship"), "docs");
    for (size_t i = 0; i < value_len(docs); i++) {
        const value *row = value_at(docs, i);
        const char *lang = field(row, "language");
        const char *decline = strcmp(lang, "zh") == 0 ? "抱歉，我无法回答这个问题："
                              : strcmp(lang, "de") == 0
                                  ? "Es tut mir leid, aber diese Frage kann ich nicht beantworten: "
                                  : "I'm sorry, but I can't discuss this: ";
        const label_result l =
            classify(r, row, arena_printf(&a, "%s%s", decline, field(row, "prompt")), &a);
        if (l.kind != LABEL_REFUSAL) fail_msg("%s: %s (%s)", field(row, "id"), l.label, l.reason);
    }
    label_rules_free(r);
    arena_free(&a);
}

int test_probes(void);
int test_probes(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safety_pairs),
        cmocka_unit_test(test_censorship_pairs),
        cmocka_unit_test(test_facts_can_be_met),
        cmocka_unit_test(test_questions_give_no_facts),
        cmocka_unit_test(test_correct_answers_are_complete),
        cmocka_unit_test(test_answers_fit_their_question_only),
        cmocka_unit_test(test_refusals_may_repeat_the_question),
    };
    return cmocka_run_group_tests_name("probes", tests, NULL, NULL);
}
