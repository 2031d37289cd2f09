/* test_generators.c - builtin:math and what all generated suites promise: counts, unique ids and
 * prompts, stable bytes, shots that are no items. The answers are worked out again from the printed
 * questions, by formulas of this file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "datasets/dataset.h"
#include "tasks/suite_embed.h"

enum { NUMBERS_MAX = 12 };

static dataset load(arena *a, const char *name, int64_t seed)
{
    dataset d = {0};
    waage_err err = {0};
    value *args = value_map(a);
    value_map_set(a, args, "seed", value_int(a, seed));
    if (dataset_generate(&d, a, name, args, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    return d;
}

static const char *field(const value *row, const char *key)
{
    const char *s = value_get_str(row, key, NULL);
    if (!s) fail_msg("a row has no text \"%s\"", key);
    return s;
}

static size_t count_rows(const dataset *d, const char *key, const char *text, int64_t level)
{
    size_t n = 0;
    for (size_t i = 0; i < value_len(d->rows); i++) {
        const value *row = value_at(d->rows, i);
        if (key && strcmp(field(row, key), text) != 0) continue;
        if (level && value_get_int(row, "level", 0) != level) continue;
        n++;
    }
    return n;
}

/* All whole numbers of a text in order. */
static size_t numbers_of(int64_t out[NUMBERS_MAX], const char *s)
{
    size_t n = 0;
    while (*s && n < NUMBERS_MAX) {
        if (!isdigit((unsigned char)*s)) {
            s++;
            continue;
        }
        char *end;
        out[n++] = strtoll(s, &end, 10);
        s = end;
    }
    return n;
}

/* The formulas again, over the numbers in the order in which the question names them. */
static int64_t sum(const int64_t *x)
{
    return x[0] + x[1];
}
static int64_t difference(const int64_t *x)
{
    return x[0] - x[1];
}
static int64_t product(const int64_t *x)
{
    return x[0] * x[1];
}
static int64_t quotient(const int64_t *x)
{
    return x[0] / x[1];
}
static int64_t buy_give(const int64_t *x)
{
    return x[0] + x[1] - x[2];
}
static int64_t boxes_single(const int64_t *x)
{
    return x[0] * x[1] + x[2];
}
static int64_t together(const int64_t *x)
{
    return 2 * x[0] + x[1];
}
static int64_t price(const int64_t *x)
{
    return x[2] * x[0] + x[1];
}
static int64_t train(const int64_t *x)
{
    return x[0] * (x[1] - x[2]);
}
static int64_t savings(const int64_t *x)
{
    return x[0] * x[1] - x[2] + x[3];
}
static int64_t shop(const int64_t *x)
{
    return x[0] + 3 * (x[0] + x[1]);
}

static const struct {
    const char *family;
    size_t n_numbers;
    int64_t (*answer)(const int64_t *x);
} formulas[] = {
    {"sum_to_9", 2, sum},
    {"sum_1_digit", 2, sum},
    {"sum_to_20", 2, sum},
    {"difference_1_digit", 2, difference},
    {"sum_2_1", 2, sum},
    {"difference_2_1", 2, difference},
    {"product_1_digit", 2, product},
    {"word_more", 2, sum},
    {"word_fewer", 2, difference},
    {"word_compare", 2, sum},
    {"word_boxes", 2, product},
    {"word_share", 2, quotient},
    {"sum_2_digit", 2, sum},
    {"difference_2_digit", 2, difference},
    {"sum_3_digit", 2, sum},
    {"difference_3_digit", 2, difference},
    {"product_2_1", 2, product},
    {"word_buy_give", 3, buy_give},
    {"word_boxes_single", 3, boxes_single},
    {"word_together", 2, together},
    {"word_price", 3, price},
    {"word_train", 3, train},
    {"word_savings", 4, savings},
    {"word_shop", 2, shop},
};

static void check_answer(const value *row)
{
    int64_t x[NUMBERS_MAX];
    const size_t n = numbers_of(x, field(row, "question"));
    for (size_t i = 0; i < sizeof formulas / sizeof formulas[0]; i++) {
        if (strcmp(formulas[i].family, field(row, "family")) != 0) continue;
        assert_int_equal(n, formulas[i].n_numbers);
        if (formulas[i].answer(x) != value_get_int(row, "answer", -1))
            fail_msg("%s: wrong answer", field(row, "question"));
        return;
    }
    fail_msg("family %s is not known to the test", field(row, "family"));
}

/* Every "x op y = z" of a worked solution holds; its last number is the answer. */
static void check_solution(const char *solution, int64_t answer)
{
    int64_t x[NUMBERS_MAX], last[NUMBERS_MAX];
    const char *s = solution;
    size_t n_equations = 0;
    for (const char *eq; (eq = strchr(s, '=')) != NULL; s = eq + 1, n_equations++) {
        const size_t n = numbers_of(x, s), at = n_equations ? 1 : 0; /* z of the one before */
        assert_true(n >= at + 3);
        const int64_t l = x[at], r = x[at + 1], z = x[at + 2];
        const bool holds = strstr(s, " + ") && strstr(s, " + ") < eq   ? l + r == z
                           : strstr(s, " - ") && strstr(s, " - ") < eq ? l - r == z
                           : strstr(s, " × ") && strstr(s, " × ") < eq ? l * r == z
                                                                       : l == r * z;
        if (!holds) fail_msg("%s: an equation is wrong", solution);
    }
    assert_true(n_equations >= 1);
    const size_t n = numbers_of(last, solution);
    assert_int_equal(last[n - 1], answer);
}

static void test_math_shape(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    const dataset d = load(&a, "math", 1);
    assert_true(value_len(d.rows) >= 360);
    for (int64_t level = 1; level <= 6; level++)
        assert_int_equal(count_rows(&d, NULL, NULL, level), 60);
    assert_int_equal(count_rows(&d, "language", "en", 0), 120);
    assert_int_equal(count_rows(&d, "language", "de", 0), 120);
    assert_int_equal(count_rows(&d, "language", "zh", 0), 120);
    for (size_t i = 0; i < value_len(d.rows); i += 3) { /* twins: same cluster, numbers, answer */
        const value *en = value_at(d.rows, i);
        int64_t x[NUMBERS_MAX], y[NUMBERS_MAX];
        const size_t n = numbers_of(x, field(en, "question"));
        for (size_t k = 1; k < 3; k++) {
            const value *twin = value_at(d.rows, i + k);
            assert_string_equal(field(en, "cluster"), field(twin, "cluster"));
            assert_int_equal(numbers_of(y, field(twin, "question")), n);
            assert_memory_equal(x, y, n * sizeof x[0]);
            assert_int_equal(value_get_int(en, "answer", -1), value_get_int(twin, "answer", -2));
        }
    }
    arena_free(&a);
}

static void test_math_answers(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    for (int64_t seed = 0; seed < 20; seed++) {
        const dataset d = load(&a, "math", seed);
        for (size_t i = 0; i < value_len(d.rows); i++) {
            const value *row = value_at(d.rows, i);
            check_answer(row);
            check_solution(field(row, "solution"), value_get_int(row, "answer", -1));
        }
    }
    arena_free(&a);
}

/* Words that only the language in question has; no place of a template is left open. */
static void test_math_languages(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    const dataset d = load(&a, "math", 3);
    for (size_t i = 0; i < value_len(d.rows); i++) {
        const value *row = value_at(d.rows, i);
        const char *q = field(row, "question"), *lang = field(row, "language");
        assert_null(strpbrk(q, "{}"));
        const bool ok = strcmp(lang, "en") == 0   ? strstr(q, "What is") || strstr(q, "How many")
                        : strcmp(lang, "de") == 0 ? strstr(q, "Was ist") || strstr(q, "Wie viele")
                                                  : strstr(q, "多少") != NULL;
        if (!ok) fail_msg("not %s: %s", lang, q);
    }
    arena_free(&a);
}

static void check_unique(const dataset *d, const char *key)
{
    for (size_t i = 0; i < value_len(d->rows); i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(field(value_at(d->rows, i), key), field(value_at(d->rows, j), key)) == 0)
                fail_msg("%s twice: %s", key, field(value_at(d->rows, i), key));
}

/* The bytes of seed 1 are part of published results: they change only with the task's version. */
static const struct {
    const char *name, *hash;
} golden[] = {
    {"math", "e783671ca13686ec79bb6db28b82deb8d531fa96c2759a0b4620a1a78d040195"},
    {"reasoning", "df973c81482d8c2bfa330e9a8bc687ffadf41ee620c863148f68e6e2595d5259"},
};

static void test_generators_are_stable(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        arena a = ARENA_EMPTY;
        const dataset first = load(&a, golden[i].name, 1), again = load(&a, golden[i].name, 1);
        const dataset other = load(&a, golden[i].name, 2);
        waage_err err = {0};
        dataset plain = {0};
        assert_int_equal(dataset_generate(&plain, &a, golden[i].name, NULL, &err), WAAGE_OK);
        assert_string_equal(first.data_hash, again.data_hash);
        assert_string_equal(first.data_hash, plain.data_hash); /* 1 is the default */
        assert_string_not_equal(first.data_hash, other.data_hash);
        assert_string_equal(first.data_hash, golden[i].hash);
        check_unique(&first, "id");
        check_unique(&first, "question");
        arena_free(&a);
    }
}

static void test_generators_refuse_arguments(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"seeds\": 1}", "{\"seed\": -1}", "{\"seed\": \"x\"}",
                                      "{\"seed\": 1.5}", "[1]"};
    for (size_t g = 0; g < sizeof golden / sizeof golden[0]; g++)
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            arena a = ARENA_EMPTY;
            waage_err err = {0};
            value *args = NULL;
            dataset d = {0};
            assert_int_equal(json_parse(&args, &a, bad[i], strlen(bad[i]), "args", 1, &err),
                             WAAGE_OK);
            assert_int_equal(dataset_generate(&d, &a, golden[g].name, args, &err), WAAGE_EINVAL);
            assert_non_null(strstr(err.msg, golden[g].name));
            arena_free(&a);
        }
}

static const value *suite(arena *a, const char *name)
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

/* No shot of a suite is an item of any seed tried, and the maths shots are right. */
static void test_shots_are_no_items(void **state)
{
    (void)state;
    static const struct {
        const char *suite, *generator;
    } cases[] = {{"suites/math", "math"},
                 {"suites/reasoning_choice", "reasoning"},
                 {"suites/reasoning_generate", "reasoning"}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        arena a = ARENA_EMPTY;
        const value *shots =
            value_get(value_get(suite(&a, cases[c].suite), "fewshot_config"), "samples");
        assert_true(value_len(shots) >= 4);
        for (int64_t seed = 1; seed <= 5; seed++) {
            const dataset d = load(&a, cases[c].generator, seed);
            for (size_t i = 0; i < value_len(shots); i++) {
                const char *q = field(value_at(shots, i), "question");
                assert_int_equal(count_rows(&d, "question", q, 0), 0);
            }
        }
        for (size_t i = 0; i < value_len(shots); i++) {
            const char *solution = value_get_str(value_at(shots, i), "solution", NULL);
            int64_t x[NUMBERS_MAX];
            if (solution) check_solution(solution, x[numbers_of(x, solution) - 1]);
        }
        arena_free(&a);
    }
}

int test_generators(void);
int test_generators(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_math_shape),
        cmocka_unit_test(test_math_answers),
        cmocka_unit_test(test_math_languages),
        cmocka_unit_test(test_generators_are_stable),
        cmocka_unit_test(test_generators_refuse_arguments),
        cmocka_unit_test(test_shots_are_no_items),
    };
    return cmocka_run_group_tests_name("generators", tests, NULL, NULL);
}
