/* test_openness.c - what is published of a model: names that match and names that must not,
 * RUN.yaml before the table, unknown where nothing is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "harness/openness.h"

int test_openness(void);

static openness find(const char *name, arena *a)
{
    openness o;
    waage_err err = {0};
    if (openness_find(&o, &name, 1, a, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    return o;
}

static void names_match_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *name, *weights, *class; /* NULL: not in the table */
    } rows[] = {
        {"deepseek/deepseek-r1", "open", "none"},
        {"DeepSeek R1", "open", "none"},
        {"deepseek/deepseek-r1-0528", "open", "unknown"},
        {"DeepSeek-R1-Distill-Qwen-7B", NULL, NULL}, /* another model with another licence */
        {"deepseek-v3", "restricted", "none"},
        {"deepseek/deepseek-chat-v3-0324", "open", "unknown"},
        {"openai/gpt-oss-120b", "open", "none"},
        {"openai/gpt-4.1-2025-04-14", "closed", "none"},
        {"gpt-4.10", NULL, NULL},
        {"qwen3-32b", "open", "unknown"},
        {"qwen3-max", NULL, NULL},
        {"models/sub/SmolLM2-135M-Instruct.Q4_1.gguf", "open", "unknown"},
        {"Gemma 3 270m", "restricted", "none"},
        {"o3", "closed", "none"},
        {"o3-something-else", NULL, NULL},
        {"", NULL, NULL},
        {"///", NULL, NULL},
        {"*", NULL, NULL},
    };
    arena a = ARENA_EMPTY;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const openness o = find(rows[i].name, &a);
        if (!rows[i].weights != !o.weights)
            fail_msg("%s: %s", rows[i].name, o.weights ? o.by : "not found");
        if (!o.weights) continue;
        assert_string_equal(o.weights, rows[i].weights);
        assert_string_equal(o.class, rows[i].class);
        assert_true(o.licence && o.data && o.code && o.source && o.date && o.by);
    }
    arena_free(&a);
}

/* Every entry is complete, in the words that reports explain, with a date. */
static void the_table_keeps_to_its_words(void **state)
{
    (void)state;
    static const char *const words[][6] = {{"open", "restricted", "closed"},
                                           {NULL},
                                           {"open", "part", "closed", "unknown"},
                                           {"open", "part", "closed", "unknown"},
                                           {"I", "II", "III", "none", "unknown"}};
    arena a = ARENA_EMPTY;
    value *table = NULL;
    const char *text = (const char *)openness_embed;
    waage_err err = {0};
    if (yaml_parse(&table, &a, text, strlen(text), "openness.yaml", &err) != WAAGE_OK)
        fail_msg("%s", err.msg);
    const value *rows = value_get(table, "models");
    assert_true(value_len(rows) >= 10);
    for (size_t i = 0; i < value_len(rows); i++) {
        const value *row = value_at(rows, i);
        for (size_t k = 0; openness_keys[k]; k++) {
            const char *said = value_get_str(row, openness_keys[k], NULL);
            bool known = k >= sizeof words / sizeof *words || !words[k][0];
            for (size_t w = 0; !known && said && w < 6 && words[k][w]; w++)
                known = strcmp(said, words[k][w]) == 0;
            if (!said || !*said || !known)
                fail_msg("line %u: %s: %s", row->line, openness_keys[k], said ? said : "missing");
        }
        const char *date = value_get_str(row, "date", "");
        assert_true(strlen(date) == 10 || strcmp(date, "unknown") == 0);
        assert_true(value_len(value_get(row, "names")) > 0);
    }
    arena_free(&a);
}

static void the_run_file_comes_first(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    openness o = find("claude-sonnet-4-5", &a);
    const openness nothing = {.by = NULL}, said = {.weights = "open", .source = "a letter"};
    openness_override(&o, &nothing);
    assert_string_equal(o.by, "name claude-*");
    openness_override(&o, &said);
    assert_string_equal(o.weights, "open");
    assert_string_equal(o.source, "a letter");
    assert_string_equal(o.data, "closed");
    assert_string_equal(o.by, "RUN.yaml, else by name");
    const value *map = openness_value(&o, &a);
    assert_string_equal(value_get_str(map, "weights", ""), "open");
    assert_string_equal(value_get_str(map, "class", ""), "none");
    o = find("of-nobody", &a);
    openness_override(&o, &said);
    assert_string_equal(o.by, "RUN.yaml");
    assert_null(o.data);
    assert_int_equal(value_len(openness_value(&o, &a)), 3); /* weights, source, by */
    arena_free(&a);
}

int test_openness(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_match_as_people_write_them),
        cmocka_unit_test(the_table_keeps_to_its_words),
        cmocka_unit_test(the_run_file_comes_first),
    };
    return cmocka_run_group_tests_name("openness", tests, NULL, NULL);
}
