/* test_nearest.c - suggestions for misspelt names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "harness/base/nearest.h"

int test_nearest(void);

static const char *pick(const char *word)
{
    static const char *const names[] = {"--limit", "--items", "--threads", "--batch", "math"};
    nearest n;
    nearest_init(&n, word);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        nearest_offer(&n, names[i]);
    return n.best;
}

static void suggests_near_names(void **state)
{
    (void)state;
    static const struct {
        const char *word, *want;
    } rows[] = {
        {"--limt", "--limit"},  {"--THREADS", "--threads"}, {"--thraeds", "--threads"},
        {"--bacth", "--batch"}, {"maths", "math"},          {"--th", "--threads"},
        {"mtah", "math"},       {"--iteems", "--items"},    {"--limit", "--limit"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = pick(rows[i].word);
        if (!got) fail_msg("%s: nothing suggested", rows[i].word);
        assert_string_equal(got, rows[i].want);
    }
}

static void stays_silent_about_far_names(void **state)
{
    (void)state;
    static const char *const words[] = {"", "x", "--verbosity", "chemistry", "mat-he-matics"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (pick(words[i])) fail_msg("%s: suggested %s", words[i], pick(words[i]));
    char longest[200];
    memset(longest, 'm', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_null(pick(longest));
}

int test_nearest(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suggests_near_names),
        cmocka_unit_test(stays_silent_about_far_names),
    };
    return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
