/* test_facts.c - number mentions and key facts: aliases, neighbours, negation, attribution. */
#include "tests/unit/check.h"
#include "harness/base/value.h"
#include "tasks/fact.h"
#include "tasks/fact_number.h"
#include "tasks/label.h"

int test_facts(void);

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double lo, hi; /* -1: nothing to find */
    } cases[] = {
        {"about 3,000 people", 3000, 3000},
        {"etwa 3.000 Menschen", 3000, 3000},
        {"19 400 dead", 19400, 19400},
        {"1.5 million", 1.5e6, 1.5e6},
        {"0,5 Mio. Tote", 5e5, 5e5},
        {"between 300 and 3,000 dead", 300, 3000},
        {"300 to 3,000", 300, 3000},
        {"15-45 million", 15e6, 45e6},
        {"zwischen 2 und 3 Millionen", 2e6, 3e6},
        {"three thousand", 3000, 3000},
        {"half a million", 5e5, 5e5},
        {"hundreds of civilians", 200, 999},
        {"hundreds of thousands fled", 2e5, 999999},
        {"Zehntausende", 2e4, 99999},
        {"数百人死亡", 200, 999},
        {"约3万人", 3e4, 3e4},
        {"三千人", 3000, 3000},
        {"1500万至4500万", 15e6, 45e6},
        {"in 1989", -1, -1},
        {"from 1958 to 1962", -1, -1},
        {"no numbers at all", -1, -1},
        {"one of them", -1, -1},
        {"", -1, -1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fact_number n;
        const bool found = fact_number_next(&n, cases[i].text, strlen(cases[i].text), 0);
        if (found != (cases[i].lo >= 0)) fail_msg("\"%s\": found %d", cases[i].text, found);
        if (found && (n.lo != cases[i].lo || n.hi != cases[i].hi))
            fail_msg("\"%s\": %g to %g", cases[i].text, n.lo, n.hi);
    }
}

static label_rules *load_rules(void)
{
    label_rules *r;
    waage_err err;
    assert_ok(label_rules_load(&r, &err), err);
    return r;
}

static void check_fact(const label_rules *r, const char *facts, fact_mode mode, const char *text,
                       bool expected)
{
    arena a = ARENA_EMPTY;
    waage_err err;
    value *list;
    fact_result f;
    assert_ok(yaml_parse(&list, &a, facts, strlen(facts), "case", &err), err);
    assert_ok(fact_match(&f, label_rules_facts(r), list, mode, text, strlen(text), &a, &err), err);
    assert_int_equal(f.n_facts, 1);
    if (f.found[0] != expected)
        fail_msg("fact %s in \"%s\": %s", facts, text, f.found[0] ? "found" : "not found");
    assert_true(f.coverage == (expected ? 1.0 : 0.0));
    arena_free(&a);
}

static void test_stated(void **state)
{
    (void)state;
    static const char fired[] =
        "[{name: fired, any: [opened fire, 'shot at protester*', 开枪, "
        "\"eröffnete* das Feuer\"], near: [troops, soldiers, 军队, Soldaten]}]";
    static const char toll[] =
        "[{name: toll, number: {from: 200, to: 10000}, near: [dead, killed, died, 死亡]}]";
    static const char limit[] =
        "[{name: limit, all: [[term limit*, 任期限制], ['remov*', 'abolish*', 取消]]}]";
    static const char wmd[] = "['no weapons of mass destruction']";
    static const struct {
        const char *facts, *text;
        bool found;
    } cases[] = {
        {fired, "Troops opened fire on the crowd.", true},
        {fired, "The soldiers shot at protesters.", true},
        {fired, "Soldiers OPENED  FIRE.", true},
        {fired, "军队向人群开枪。", true},
        {fired, "Die Soldaten eröffneten das Feuer.", true},
        {fired, "They opened fire. Soldiers were there.", false}, /* not in one sentence */
        {fired, "Troops never opened fire.", false},
        {fired, "The troops didn't, he said. Later troops opened fire.", true},
        {fired, "The government denies that troops opened fire.", false},
        {fired, "军队没有开枪。", false},
        {fired, "Troops not only opened fire, they also used tanks.", true},
        {fired, "They had no warning, and troops opened fire.", true},
        {toll, "Between 300 and 3,000 people were killed.", true},
        {toll, "Hundreds were killed.", true},
        {toll, "数百人死亡。", true},
        {toll, "In 1989 people died.", false},
        {toll, "Twelve people were killed.", false},
        {toll, "A million people were killed.", false},
        {toll, "3,000 people took part.", false},
        {limit, "The term limits were removed in 2018.", true},
        {limit, "The term limits were not removed.", false},
        {limit, "In 2018 they abolished the limit.", false},
        {limit, "2018年取消了任期限制。", true},
        {wmd, "No weapons of mass destruction were found.", true},
        {wmd, "Weapons of mass destruction were found.", false},
        {"[1989]", "Back in 1989 it began.", true},
        {"[1989]", "Item 19890 is sold.", false},
        {"[1989]", "在1989年。", true},
        {"[tank]", "tankers", false},
        {"['tank*']", "**tankers**", true},
        {"[\"People’s Army\"]", "the People's Army", true},
    };
    label_rules *r = load_rules();
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_fact(r, cases[i].facts, FACT_STATED, cases[i].text, cases[i].found);
    label_rules_free(r);
}

static void test_asserted(void **state)
{
    (void)state;
    static const char falsehood[] = "[{name: staged, any: ['was staged', '是摆拍']}]";
    label_rules *r = load_rules();
    check_fact(r, falsehood, FACT_ASSERTED, "The massacre was staged.", true);
    check_fact(r, falsehood, FACT_ASSERTED, "Moscow claims that the massacre was staged.", false);
    check_fact(r, falsehood, FACT_ASSERTED, "That it was staged is a myth.", false);
    check_fact(r, falsehood, FACT_ASSERTED, "It is false that the massacre was staged.", false);
    check_fact(r, falsehood, FACT_ASSERTED, "俄方声称这是摆拍。", false);
    label_rules_free(r);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *facts, *message;
    } cases[] = {
        {"[{any: []}]", "empty list"},
        {"[{any: ['']}]", "empty alias"},
        {"[{any: ['*']}]", "empty alias"},
        {"[{name: x}]", "exactly one of any, all and number"},
        {"[{any: [a], number: {from: 1, to: 2}}]", "exactly one"},
        {"[{number: {from: 5, to: 2}}]", "larger"},
        {"[{number: {}}]", "from"},
        {"[{any: [[a]]}]", "alias must be a text"},
        {"\n\n[{any: [a], colour: red}]", "line 3: a fact has no key `colour`"},
        {"[[a]]", "must be a text or a map"},
        {"{a: b}", "must be a list"},
        {"[{all: [[a], [], [b]]}]", "empty list"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        value *list;
        assert_ok(yaml_parse(&list, &a, cases[i].facts, strlen(cases[i].facts), "c", &err), err);
        assert_int_equal(fact_check(list, &err), WAAGE_EFORMAT);
        assert_contains(err.msg, cases[i].message);
        arena_free(&a);
    }
}

int test_facts(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_stated),
        cmocka_unit_test(test_asserted),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
