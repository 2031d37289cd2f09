/* test_extract.c - numbers as written, and the answers that the ladder finds or must not find. */
#include "check.h"

#include "harness/base/arena.h"
#include "tasks/degenerate.h"
#include "tasks/extract.h"
#include "tasks/filter.h"
#include "tasks/numeral.h"

int test_extract(void);

/* ---- numbers ---- */

static void numbers_have_one_value(void **state)
{
    (void)state;
    static const struct {
        const char *text, *language, *want; /* want NULL: no number */
    } rows[] = {
        {"42", NULL, "42"},
        {"1,234", NULL, "1234"},
        {"1,234,567.50", NULL, "1234567.5"},
        {"$18", NULL, "18"},
        {"\\$18.00", NULL, "18"},
        {"€ 5", NULL, NULL},
        {"12.0", NULL, "12"},
        {"0012", NULL, "12"},
        {"-3", NULL, "-3"},
        {"−3", NULL, "-3"},
        {"$-5", NULL, "-5"},
        {"-0", NULL, "0"},
        {"12%", NULL, "12"},
        {"12 apples", NULL, "12"},
        {"1/2", NULL, "0.5"},
        {"2/4", NULL, "0.5"},
        {"1/3", NULL, "1/3"},
        {"½", NULL, "0.5"},
        {"3½", NULL, "3.5"},
        {"\\frac{3}{4}", NULL, "0.75"},
        {"\\dfrac{1}{6}", NULL, "1/6"},
        {"1{,}234", NULL, "1234"},
        {"1\\,234", NULL, "1234"},
        {"１２", NULL, "12"},
        {".5", NULL, "0.5"},
        {"**7**", NULL, "7"},
        {"7.", NULL, "7"},
        {"3,5", NULL, NULL},
        {"3,5", "de", "3.5"},
        {"1.234", "de", "1234"},
        {"1.234,5", "de", "1234.5"},
        {"1.23", "de", "1.23"},
        {"1.234", NULL, "1.234"},
        {"123456789012345678901234567890", NULL, "123456789012345678901234567890"},
        {"0.100000000000000000000000000001", NULL, "0.100000000000000000000000000001"},
        {"12345678901234567890123456789012345678901", NULL, NULL},
        {"twelve", NULL, NULL},
        {"", NULL, NULL},
        {"H2O", NULL, NULL},
        {"5 + 3", NULL, NULL},
        {"5\xe4\xb8\xaa", NULL, "5"},
        {"1/0", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        numeral n;
        char text[200] = "nothing";
        if (numeral_parse(rows[i].text, strlen(rows[i].text), rows[i].language, &n))
            numeral_print(&n, text, sizeof text);
        if (strcmp(text, rows[i].want ? rows[i].want : "nothing") != 0)
            fail_msg("`%s`: got %s, want %s", rows[i].text, text,
                     rows[i].want ? rows[i].want : "nothing");
    }
}

static void numbers_are_found_in_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; /* all, separated by blanks */
    } rows[] = {
        {"I have 3 apples and 1,200 pears.", "3 1200"},
        {"5-3 is 2", "5 3 2"},
        {"it is -4 degrees, not (-5)", "-4 -5"},
        {"H2O and x2 and B12", ""},
        {"see section 4.", "4"},
        {"1, 2, 3", "1 2 3"},
        {"3 * 5 = 15", "3 5 15"},
        {"$1,000.50/day", "1000.5"},
        {"共有12个苹果", "12"},
        {"03/31/2009", "3 31 2009"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        numeral_match m;
        char all[200] = "", one[100];
        const size_t len = strlen(rows[i].text);
        for (size_t from = 0; numeral_find(rows[i].text, len, from, NULL, &m); from = m.end) {
            assert_true(m.end > from && m.end <= len);
            numeral_print(&m.value, one, sizeof one);
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *all ? " " : "", one);
        }
        if (strcmp(all, rows[i].want) != 0) fail_msg("`%s`: got `%s`", rows[i].text, all);
    }
}

/* ---- the ladder ---- */

typedef struct {
    const char *text, *answer, *rule; /* answer NULL: nothing may be found */
} ladder_row;

static const char *const yes_no[] = {"Yes", "No"}, *const truth[] = {"True", "False"};
static const char *const people[] = {"Ruth", "Peter", "Olga"};

static void check_rows(const char *yaml, const ladder_row *rows, size_t n, const char *language,
                       const char *const *options, size_t n_options, bool cut_off)
{
    extract_rules *rules;
    waage_err err = {0};
    assert_ok(extract_rules_load(&rules, &err), err);
    for (size_t i = 0; i < n; i++) {
        arena a = ARENA_EMPTY;
        value *map;
        extractor *e;
        extract_result r;
        assert_ok(yaml_parse(&map, &a, yaml, strlen(yaml), "test", &err), err);
        assert_ok(extractor_create(&e, &a, rules, map, "test", &err), err);
        const extract_query q = {rows[i].text, strlen(rows[i].text), cut_off, language, options,
                                 n_options};
        assert_ok(extract_answer(e, &q, &r, &a, &err), err);
        const char *want = rows[i].answer ? rows[i].answer : "nothing";
        const char *got = r.found ? r.answer : "nothing";
        if (strcmp(got, want) != 0 || (rows[i].answer && strcmp(r.rule, rows[i].rule) != 0))
            fail_msg("`%s`: got %s by %s, want %s", rows[i].text, got, r.found ? r.rule : "-",
                     want);
        extractor_close(e);
        arena_free(&a);
    }
    extract_rules_free(rules);
}

static void numbers_by_the_ladder(void **state)
{
    (void)state;
    static const ladder_row rows[] = {
        {"So she has 3 + 4 = 7 apples. The answer is 7.", "7", "final_phrase"},
        {"The answer is $1,234.50 per day.", "1234.5", "final_phrase"},
        {"The answer is **18**.", "18", "final_phrase"},
        {"The final answer is: $\\boxed{26}$. I hope it is correct.", "26", "boxed"},
        {"\\boxed{x = \\frac{1}{2}}", "0.5", "boxed"},
        {"\\boxed{3} and then \\boxed{5 \\text{ apples}}", "5", "boxed"},
        {"\\boxed{unclosed 7", "7", "last_number"},
        {"The answer is 20 + 6 = 26.", "26", "final_phrase"},
        {"The answer is 5 because 2x = 10.", "5", "final_phrase"},
        {"The answer to the question about 3 apples is 5.", "5", "final_phrase"},
        {"The answer is that there are 12 of them.", "12", "final_phrase"},
        {"The answer is 3. Wait, no. The answer is 4.", "4", "final_phrase"},
        {"The answer is 4. I hope the answer is clear.", "4", "final_phrase"},
        {"Final Answer:\n\n42", "42", "final_phrase"},
        {"**Answer:** 9", "9", "final_phrase"},
        {"blah blah\n#### 1,080", "1080", "hashes"},
        {"She pays 3 * 5 = 15 dollars", "15", "last_number"},
        {"I cannot answer 5 questions at once", "5", "last_number"},
        {"no digits here", NULL, NULL},
        {"", NULL, NULL},
        {"答案是26。", "26", "final_phrase"},
        {"所以一共有15个。最终答案：15个", "15", "final_phrase"},
        {"The answer is -3.", "-3", "final_phrase"},
        {"The answer is 1/2 of the cake.", "0.5", "final_phrase"},
    };
    check_rows("{answer: number}", rows, COUNT_OF(rows), NULL, NULL, 0, false);
    static const ladder_row german[] = {
        {"Also 3 · 500 = 1.500. Die Antwort ist 1.500.", "1500", "final_phrase"},
        {"Die Antwort lautet 3,5 Liter.", "3.5", "final_phrase"},
        {"Die richtige Antwort ist: 12", "12", "final_phrase"},
        {"Antwort: 7 Äpfel", "7", "final_phrase"},
    };
    check_rows("{answer: number}", german, COUNT_OF(german), "de", NULL, 0, false);
}

static void cut_off_replies_need_an_explicit_answer(void **state)
{
    (void)state;
    static const ladder_row rows[] = {
        {"So she has 3 + 4 = 7 apples and then", NULL, NULL},
        {"The answer is 1", NULL, NULL}, /* it may have become 18 */
        {"The answer is 18.", "18", "final_phrase"},
        {"The answer is 18 because of the", "18", "final_phrase"},
        {"\\boxed{18}", "18", "boxed"},
        {"\\boxed{18", NULL, NULL},
        {"#### 7", NULL, NULL},
        {"#### 7\nQuestion: what about 9", "7", "hashes"},
    };
    check_rows("{answer: number}", rows, COUNT_OF(rows), NULL, NULL, 0, true);
    static const ladder_row letters[] = {
        {"A is wrong and B is", NULL, NULL},
        {"The answer is C", NULL, NULL},
        {"The answer is C.", "C", "final_phrase"},
        {"B\nQuestion: more", "B", "first_line"},
        {"B", NULL, NULL},
    };
    check_rows("{answer: letter}", letters, COUNT_OF(letters), NULL, NULL, 4, true);
}

static void letters_by_the_ladder(void **state)
{
    (void)state;
    static const ladder_row rows[] = {
        {"The answer is a tricky one: C", "C", "final_phrase"},
        {"The final answer, I believe, is C.", "C", "final_phrase"},
        {"The answer is (B).", "B", "final_phrase"},
        {"The answer is b)", "B", "final_phrase"},
        {"The correct option is **D**", "D", "final_phrase"},
        {"So the correct choice is: \\text{A}", "A", "final_phrase"},
        {"The answer is A.", "A", "final_phrase"},
        {"The answer is I.", "I", "final_phrase"},
        {"**Answer: C**", "C", "final_phrase"},
        {"\\boxed{\\text{E}}", "E", "boxed"},
        {"故选B。", "B", "final_phrase"},
        {"答案是 C", "C", "final_phrase"},
        {"Die Antwort ist B.", "B", "final_phrase"},
        {" B", "B", "whole"},
        {"(C)", "C", "whole"},
        {"C) in the hall", "C", "whole"},
        {"A\n\nBecause B is wrong.", "A", "first_line"},
        {"It could be A or B, but I think C fits", "C", "last_letter"},
        {"A good question. I don't know.", NULL, NULL},
        {"Carl and Dora went home", NULL, NULL},
        {"The answer is a.", NULL, NULL},
        {"The answer is unclear", NULL, NULL},
        {"a", "A", "whole"},
        {"I'd say none", NULL, NULL},
    };
    check_rows("{answer: letter}", rows, COUNT_OF(rows), NULL, NULL, 10, false);
    static const ladder_row few[] = {{"The answer is K.", NULL, NULL},
                                     {"The answer is D.", NULL, NULL},
                                     {"The answer is C.", "C", "final_phrase"}};
    check_rows("{answer: letter}", few, COUNT_OF(few), NULL, NULL, 3, false);
    static const ladder_row named[] = {
        {"The answer is Peter.", "B", "final_phrase"},
        {"Peter", "B", "whole"},
        {"The answer is Peter or Ruth.", NULL, NULL},
        {"The answer is the tall Olga!", "C", "final_phrase"},
    };
    check_rows("{answer: letter}", named, COUNT_OF(named), NULL, people, 3, false);
}

static void options_by_the_ladder(void **state)
{
    (void)state;
    static const ladder_row rows[] = {
        {"So the answer is Yes.", "Yes", "final_phrase"},
        {"So the answer is no", "No", "final_phrase"},
        {"yes", "Yes", "whole"},
        {"No.", "No", "whole"},
        {"Yes\nQ: another", "Yes", "first_line"},
        {"I know nothing", NULL, NULL},
        {"It might be yes, or rather no, hm", "No", "last_option"},
        {"The answer is \"Yes\"", "Yes", "final_phrase"},
    };
    check_rows("{answer: option, options: [Yes, No]}", rows, COUNT_OF(rows), NULL, yes_no, 2,
               false);
    static const ladder_row bools[] = {
        {"not True or True = False or True = True. So the answer is True.", "True", "final_phrase"},
        {"The answer is not True and True = False.", "False", "final_phrase"},
    };
    check_rows("{answer: option, options: ['True', 'False']}", bools, COUNT_OF(bools), NULL, truth,
               2, false);
}

static void regex_and_text_rungs(void **state)
{
    (void)state;
    static const ladder_row first[] = {{"x=1 x=2 x=3", "1", "mine"}, {"y", NULL, NULL}};
    check_rows("{answer: number, ladder: [{regex: 'x=(\\d)', name: mine}]}", first, COUNT_OF(first),
               NULL, NULL, 0, false);
    static const ladder_row last[] = {{"x=1 x=2 x=3", "3", "regex"}};
    check_rows("{answer: number, ladder: [{regex: 'x=(\\d)', group_select: -1}]}", last,
               COUNT_OF(last), NULL, NULL, 0, false);
    static const ladder_row text[] = {{"  Paris \n", "Paris", "text"}, {" \n", NULL, NULL}};
    check_rows("{answer: text}", text, COUNT_OF(text), NULL, NULL, 0, false);
    static const ladder_row phrase[] = {
        {"Hm. The answer is: Paris.\nQ: more", "Paris", "final_phrase"}};
    check_rows("{answer: text, ladder: [final_phrase]}", phrase, COUNT_OF(phrase), NULL, NULL, 0,
               false);
}

static void hostile_replies_are_survived(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "\\boxed{", "The answer is ", "答案是", "####", "(A) ", "= ", "1,", "\\frac{"};
    extract_rules *rules;
    waage_err err = {0};
    assert_ok(extract_rules_load(&rules, &err), err);
    static const char *const kinds[] = {
        "{answer: number}", "{answer: letter}", "{answer: option, options: [a]}",
        "{answer: text, ladder: [boxed, final_phrase, hashes, whole, text]}"};
    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        for (size_t i = 0; i < COUNT_OF(pieces); i++) {
            arena a = ARENA_EMPTY;
            strbuf b = STRBUF_EMPTY;
            value *map;
            extractor *e;
            extract_result r;
            for (int n = 0; n < 20000; n++)
                strbuf_puts(&b, pieces[i]);
            strbuf_put(&b, "\xff\x00\xe4", 3);
            assert_ok(yaml_parse(&map, &a, kinds[k], strlen(kinds[k]), "test", &err), err);
            assert_ok(extractor_create(&e, &a, rules, map, "test", &err), err);
            const char *const options[] = {"a"};
            const extract_query q = {strbuf_str(&b), b.len, false, "de", options, 1};
            assert_ok(extract_answer(e, &q, &r, &a, &err), err);
            extractor_close(e);
            strbuf_free(&b);
            arena_free(&a);
        }
    extract_rules_free(rules);
}

static void wrong_ladders_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *want;
    } rows[] = {
        {"{answer: numbr}", "test:1: extract: `answer` is number, letter, option or `text`"},
        {"{answer: number, ladder: [last_letter]}", "there is no rung `last_letter` for a number"},
        {"{answer: number, ladder: [boxd]}", "did you mean `boxed`?"},
        {"{answer: number, ladder: []}", "a list that is not empty"},
        {"{answer: number, ladder: [{regex: '('}]}", "test:1: regular expression"},
        {"{answer: option}", "needs `options`"},
        {"{anser: number}", "unknown key `anser`"},
    };
    extract_rules *rules;
    waage_err err = {0};
    assert_ok(extract_rules_load(&rules, &err), err);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        arena a = ARENA_EMPTY;
        value *map;
        extractor *e;
        assert_ok(yaml_parse(&map, &a, rows[i].yaml, strlen(rows[i].yaml), "test", &err), err);
        assert_int_equal(extractor_create(&e, &a, rules, map, "test", &err), WAAGE_EFORMAT);
        assert_contains(err.msg, rows[i].want);
        arena_free(&a);
    }
    extract_rules_free(rules);
}

/* ---- filters, as lm-evaluation-harness has them ---- */

static void filters_match_the_harness(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *text, *want;
    } rows[] = {
        {"[{name: f, filter: [{function: regex, regex_pattern: '#### (\\-?[0-9\\.\\,]+)'}]}]",
         "a #### 1,234. b", "1,234."},
        {"[{name: f, filter: [{function: regex, regex_pattern: '#### (\\-?[0-9\\.\\,]+)'}]}]",
         "none", "[invalid]"},
        {"[{name: f, filter: [{function: regex, regex_pattern: '(-?[$0-9.,]{2,})|(-?[0-9]+)', "
         "group_select: -1}]}]",
         "costs $18.00 or 7", "7"},
        {"[{name: f, filter: [{function: regex, regex_pattern: '(-?[$0-9.,]{2,})|(-?[0-9]+)', "
         "group_select: -1}]}]",
         "costs 7 or $18.00.", "$18.00."},
        {"[{name: f, filter: [{function: regex, regex_pattern: 'x', fallback: none}]}]", "y",
         "none"},
        {"[{name: f, filter: [{function: lowercase}, {function: remove_whitespace}]}]", "  ÄbC ",
         "äbc "},
        {"[{name: f, filter: [{function: map, mapping_dict: {a: b}, default_value: z}]}]", "q",
         "z"},
        {"[{name: f, filter: [{function: map, mapping_dict: {a: b}}, {function: take_first}]}]",
         "a", "b"},
        {"[{name: f, filter: [{function: multi_choice_regex, regex_pattern: '(\\([A-Z]\\))', "
         "group_select: -1}]}]",
         "not (A) but (B)", "(B)"},
        {"[{name: f, filter: [{function: multi_choice_regex, regex_pattern: '(\\([A-Z]\\))', "
         "ignore_case: true}]}]",
         "it is PETER.", "(B)"},
        {"[{name: f, filter: [{function: multi_choice_regex, regex_pattern: '(\\([A-Z]\\))'}]}]",
         "Answer: C", "(C)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        value *list;
        filter_list *f;
        const char *out;
        assert_ok(yaml_parse(&list, &a, rows[i].yaml, strlen(rows[i].yaml), "test", &err), err);
        assert_ok(filter_list_compile(&f, &a, list, "test", &err), err);
        assert_ok(
            filter_list_run(f, 0, rows[i].text, strlen(rows[i].text), people, 3, &out, &a, &err),
            err);
        if (strcmp(out, rows[i].want) != 0)
            fail_msg("`%s`: got `%s`, want `%s`", rows[i].text, out, rows[i].want);
        filter_list_close(f);
        arena_free(&a);
    }
}

/* ---- loops and copies ---- */

static void loops_and_copies_are_seen(void **state)
{
    (void)state;
    strbuf loop = STRBUF_EMPTY, count = STRBUF_EMPTY, prose = STRBUF_EMPTY;
    for (int i = 0; i < 40; i++)
        strbuf_puts(&loop, "I am not sure. ");
    for (int i = 0; i < 200; i++)
        strbuf_printf(&count, "The number of apples is %d. ", i % 7);
    for (int i = 0; i < 60; i++)
        strbuf_printf(&prose, "Step %d: take %d from the %d-th row and add it to %d. ", i,
                      i * 37 % 101, i * i % 89, i * 7919 % 1009);
    assert_true(degenerate_is_loop(loop.s, loop.len));
    assert_true(degenerate_is_loop(count.s, count.len));
    assert_false(degenerate_is_loop(prose.s, prose.len));
    assert_false(degenerate_is_loop("7", 1));
    assert_false(degenerate_is_loop("", 0));
    assert_false(degenerate_is_loop("no no no no", 11));
    assert_true(degenerate_is_loop(
        "a b a b a b a b a b a b a b a b a b a b a b a b a b a b a b a b a b a b", 71));
    const char *q = "How many apples does Ruth have if she buys three?";
    assert_true(degenerate_is_copy(q, strlen(q), q));
    assert_true(degenerate_is_copy("  How many apples does Ruth have\nif she buys three? ", 52, q));
    assert_false(degenerate_is_copy("three", 5, q));
    assert_false(degenerate_is_copy("Ruth has three apples, and she may have more.", 45, q));
    strbuf_free(&loop);
    strbuf_free(&count);
    strbuf_free(&prose);
}

int test_extract(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_one_value),
        cmocka_unit_test(numbers_are_found_in_text),
        cmocka_unit_test(numbers_by_the_ladder),
        cmocka_unit_test(cut_off_replies_need_an_explicit_answer),
        cmocka_unit_test(letters_by_the_ladder),
        cmocka_unit_test(options_by_the_ladder),
        cmocka_unit_test(regex_and_text_rungs),
        cmocka_unit_test(hostile_replies_are_survived),
        cmocka_unit_test(wrong_ladders_are_refused),
        cmocka_unit_test(filters_match_the_harness),
        cmocka_unit_test(loops_and_copies_are_seen),
    };
    return cmocka_run_group_tests_name("extract", tests, NULL, NULL);
}
