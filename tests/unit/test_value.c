/* test_value.c - JSON, YAML and CSV to values and back; bad input with its line. */
#include "tests/unit/check.h"
#include "datasets/dataset.h"
#include "harness/base/file.h"
#include "harness/base/value.h"
#include <unistd.h>

int test_value(void);

/* Compare st and message, or the JSON of v, with what a case expects. */
static void check_case(waage_status st, const waage_err *err, const value *v, const char *json,
                       const char *message)
{
    if (message) {
        assert_int_not_equal(st, WAAGE_OK);
        assert_contains(err->msg, message);
        return;
    }
    assert_ok(st, *err);
    strbuf b = STRBUF_EMPTY;
    value_put_json(&b, v, 0);
    assert_string_equal(strbuf_str(&b), json);
    strbuf_free(&b);
}

static void test_json(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json, *message;
    } cases[] = {
        {"{\"a\": [1, 2.5, true, null, \"x\\u00e4\"]}",
         "{\"a\": [1, 2.5, true, null, \"x\xC3\xA4\"]}", NULL},
        {" [] \n", "[]", NULL},
        {"[1e3, -0.1, 12345678901234]", "[1000, -0.1, 12345678901234]", NULL},
        {"{\"a\": 1, \"a\": 2}", NULL, "f.json:7: key \"a\" appears twice"},
        {"[1,\n", NULL, "f.json:"},
        {"[1]\n x", NULL, "f.json:8: text after"},
        {"", NULL, "f.json:7"},
        {"\n\"\xFF\"", NULL, "f.json:8: invalid UTF-8"},
        {"{\"a\" 1}", NULL, "f.json:7: not JSON"},
        {"[1e999]", NULL, "out of range"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena a = ARENA_EMPTY;
        waage_err err;
        value *v = NULL;
        const waage_status st =
            json_parse(&v, &a, cases[i].text, strlen(cases[i].text), "f.json", 7, &err);
        check_case(st, &err, v, cases[i].json, cases[i].message);
        arena_free(&a);
    }
}

static void test_json_depth(void **state)
{
    (void)state;
    char deep[4000];
    memset(deep, '[', 2000);
    memset(deep + 2000, ']', 2000);
    arena a = ARENA_EMPTY;
    waage_err err;
    value *v;
    assert_int_equal(json_parse(&v, &a, deep, sizeof deep, "d", 1, &err), WAAGE_EFORMAT);
    assert_int_equal(json_parse(&v, &a, deep + 1900, 200, "d", 1, &err), WAAGE_EFORMAT);
    assert_int_equal(json_parse(&v, &a, deep + 1950, 100, "d", 1, &err), WAAGE_OK);
    arena_free(&a);
}

static void test_yaml(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json, *message;
    } cases[] = {
        {"a: 1\nb: [x, \"2\", 2.5, yes, ~]\n", "{\"a\": 1, \"b\": [\"x\", \"2\", 2.5, true, null]}",
         NULL},
        {"a: |\n  two\n  lines\n", "{\"a\": \"two\\nlines\\n\"}", NULL},
        {"a: &x {k: 1}\nb: *x\n", "{\"a\": {\"k\": 1}, \"b\": {\"k\": 1}}", NULL},
        {"a: 0x10\nb: 1_000\nc: 1e3\nd: -4\n",
         "{\"a\": 16, \"b\": 1000, \"c\": \"1e3\", \"d\": -4}", NULL},
        {"a: 1\na: 2\n", NULL, "f.yaml:2: key \"a\" appears twice"},
        {"a: [1\nb: 2\n", NULL, "f.yaml:"},
        {"a: *nope\n", NULL, "f.yaml:1: alias"},
        {"", NULL, "empty"},
        {"a: 1\n---\nb: 2\n", NULL, "second document"},
        {"a: \xFF\n", NULL, "f.yaml:1: invalid UTF-8"},
        {"? [a, b]\n: 1\n", NULL, "plain text"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena a = ARENA_EMPTY;
        waage_err err;
        value *v = NULL;
        const waage_status st =
            yaml_parse(&v, &a, cases[i].text, strlen(cases[i].text), "f.yaml", &err);
        check_case(st, &err, v, cases[i].json, cases[i].message);
        arena_free(&a);
    }
}

static void test_yaml_alias_bomb(void **state)
{
    (void)state;
    strbuf b = STRBUF_EMPTY;
    strbuf_puts(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        strbuf_printf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            strbuf_printf(&b, "%s*a%d", k ? ", " : "", i - 1);
        strbuf_puts(&b, "]\n");
    }
    arena a = ARENA_EMPTY;
    waage_err err;
    value *v;
    assert_int_equal(yaml_parse(&v, &a, b.s, b.len, "bomb", &err), WAAGE_EFORMAT);
    assert_contains(err.msg, "aliases");
    arena_free(&a);
    strbuf_free(&b);
}

static void test_lookup(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    waage_err err;
    value *v;
    const char *text = "{\"s\": \"t\", \"i\": 3, \"f\": 0.5, \"b\": true}";
    assert_ok(json_parse(&v, &a, text, strlen(text), "l", 1, &err), err);
    assert_string_equal(value_get_str(v, "s", "d"), "t");
    assert_string_equal(value_get_str(v, "i", "d"), "d");
    assert_int_equal(value_get_int(v, "i", 9), 3);
    assert_true(value_get_float(v, "i", 9) == 3.0);
    assert_true(value_get_float(v, "f", 9) == 0.5);
    assert_true(value_get_bool(v, "b", false));
    assert_null(value_get(v, "none"));
    assert_null(value_at(v, 0));
    assert_null(value_get(NULL, "x"));
    arena_free(&a);
}

static void test_print(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    strbuf b = STRBUF_EMPTY;
    value *const values[] = {value_float(&a, 0.1), value_float(&a, 3.0), value_bool(&a, true),
                             value_null(&a)};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        value_print(&b, values[i]);
        strbuf_putc(&b, ' ');
    }
    assert_string_equal(b.s, "0.1 3.0 True None ");
    strbuf_free(&b);
    arena_free(&a);
}

static void write_file(char *path, size_t cap, const char *name, const char *text)
{
    waage_err err;
    snprintf(path, cap, "/tmp/waage-test-%ld-%s", (long)getpid(), name);
    assert_ok(file_write(path, text, strlen(text), &err), err);
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *field, *json, *message;
    } cases[] = {
        {"a.jsonl", "{\"a\": 1}\n\n{\"a\": 2}", NULL, "[{\"a\": 1}, {\"a\": 2}]", NULL},
        {"b.jsonl", "{\"a\": 1}\n{\"a\": }\n", NULL, NULL, "b.jsonl:2: not JSON"},
        {"c.jsonl", "{\"a\": 1}\n[2]\n", NULL, NULL, "row 2 is not an object"},
        {"d.json", "{\"examples\": [{\"a\": 1}]}", "examples", "[{\"a\": 1}]", NULL},
        {"e.json", "{\"x\": 1}", "examples", NULL, "member \"examples\""},
        {"f.csv",
         "\xEF\xBB\xBF"
         "a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n\r\n 2 ,\n",
         NULL, "[{\"a\": \"1\", \"b\": \"x, \\\"y\\\"\\nz\"}, {\"a\": \" 2 \", \"b\": \"\"}]",
         NULL},
        {"g.csv", "a,b\n1,2\n\"x\ny\",2,3\n", NULL, NULL, "g.csv:3: 3 fields, the header has 2"},
        {"h.csv", "a,b\n1,\"2\n", NULL, NULL, "h.csv:"},
        {"i.csv", "a,b\n1,\xFF\n", NULL, NULL, "i.csv:2: a field is not valid UTF-8"},
        {"j.csv", "a,b\n", NULL, NULL, "no rows"},
        {"k.tsv", "a\tb\n1\t2\n", NULL, "[{\"a\": \"1\", \"b\": \"2\"}]", NULL},
        {"l.txt", "x", NULL, NULL, "unknown kind"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena a = ARENA_EMPTY;
        waage_err err;
        dataset d;
        char path[128];
        write_file(path, sizeof path, cases[i].name, cases[i].text);
        waage_status st = dataset_read_file(&d, &a, path, cases[i].field, NULL, &err);
        check_case(st, &err, d.rows, cases[i].json, cases[i].message);
        if (!cases[i].message) {
            st = dataset_read_file(&d, &a, path, cases[i].field, "00", &err);
            check_case(st, &err, NULL, NULL, "sha256");
        }
        unlink(path);
        arena_free(&a);
    }
}

/* Half a million keys are read in a moment, and one that repeats among them is found. */
static void test_json_many_keys(void **state)
{
    (void)state;
    enum { N = 500000 };
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    value *v;
    strbuf b = STRBUF_EMPTY;
    for (int i = 0; i < N; i++)
        strbuf_printf(&b, "%s\"key %d\": %d", i ? ", " : "{", i, i);
    const size_t len = b.len;
    strbuf_puts(&b, "}");
    assert_ok(json_parse(&v, &a, strbuf_str(&b), b.len, "m", 1, &err), err);
    assert_int_equal(value_len(v), N);
    assert_int_equal(value_get_int(v, "key 499999", -1), 499999);
    strbuf_truncate(&b, len);
    strbuf_puts(&b, ", \"key 77\": 0}");
    assert_int_equal(json_parse(&v, &a, strbuf_str(&b), b.len, "m", 1, &err), WAAGE_EFORMAT);
    assert_contains(err.msg, "key \"key 77\" appears twice");
    strbuf_free(&b);
    arena_free(&a);
}

static void test_csv_lines(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    waage_err err;
    dataset d;
    char path[128];
    write_file(path, sizeof path, "m.csv", "a\n\"1\n2\"\n\n3\n");
    assert_ok(dataset_read_file(&d, &a, path, NULL, NULL, &err), err);
    assert_int_equal(value_at(d.rows, 0)->line, 2);
    assert_int_equal(value_at(d.rows, 1)->line, 5);
    unlink(path);
    arena_free(&a);
}

int test_value(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),           cmocka_unit_test(test_json_depth),
        cmocka_unit_test(test_yaml),           cmocka_unit_test(test_yaml_alias_bomb),
        cmocka_unit_test(test_lookup),         cmocka_unit_test(test_print),
        cmocka_unit_test(test_files),          cmocka_unit_test(test_csv_lines),
        cmocka_unit_test(test_json_many_keys),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
