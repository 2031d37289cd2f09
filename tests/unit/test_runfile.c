/* test_runfile.c - RUN.yaml: reading, strictness, paths, writing and reading back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "harness/base/file.h"
#include "harness/runfile.h"

int test_runfile(void);

static waage_status parse(runfile *out, arena *a, const char *text, waage_err *err)
{
    return runfile_parse(out, a, text, strlen(text), "dir/run.yaml", err);
}

/* Words, or what is published part by part; both are written back. */
static void openness_is_words_or_a_map(void **state)
{
    (void)state;
    static const char text[] =
        "models:\n"
        "  - {uri: /a.gguf, label: A, openness: all of it}\n"
        "  - {uri: /b.gguf, label: B, licence: MIT, openness: {weights: open, "
        "class: II, date: 2026-05-01}}\n";
    arena a = ARENA_EMPTY;
    runfile f, again;
    waage_err err = {WAAGE_OK, ""};
    strbuf b = STRBUF_EMPTY;
    if (parse(&f, &a, text, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    if (runfile_print(&b, &f, "/", &err) != WAAGE_OK) fail_msg("%s", err.msg);
    if (parse(&again, &a, strbuf_str(&b), &err) != WAAGE_OK) fail_msg("%s", err.msg);
    const runfile *both[] = {&f, &again};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(both[i]->models[0].openness, "all of it");
        assert_null(both[i]->models[0].published.weights);
        assert_null(both[i]->models[1].openness);
        assert_string_equal(both[i]->models[1].published.weights, "open");
        assert_string_equal(both[i]->models[1].published.class, "II");
        assert_string_equal(both[i]->models[1].published.date, "2026-05-01");
        assert_null(both[i]->models[1].published.data);
    }
    assert_int_equal(parse(&f, &a, "models: [{uri: x, openness: {weight: open}}]\n", &err),
                     WAAGE_EFORMAT);
    assert_non_null(strstr(err.msg, "unknown key 'weight' in 'openness'; did you mean 'weights'"));
    assert_int_equal(parse(&f, &a, "models: [{uri: x, openness: {weights: [open]}}]\n", &err),
                     WAAGE_EFORMAT);
    strbuf_free(&b);
    arena_free(&a);
}

static void reads_everything(void **state)
{
    (void)state;
    static const char text[] = "models:\n"
                               "  - uri: a.gguf\n"
                               "    label: A\n"
                               "    openness: open\n"
                               "    licence: Apache-2.0\n"
                               "    cutoff: 2024-06\n"
                               "  - \"B=/abs/b.gguf\"\n"
                               "  - replay:rec.jsonl\n"
                               "  - http://host:1/v1#x\n"
                               "suites: [math, ./own.yaml, sub/x]\n"
                               "settings:\n"
                               "  limit: 50\n"
                               "  seed: 18446744073709551615\n"
                               "  max_tokens: 7\n"
                               "  num-fewshot: 0\n"
                               "  activations: i8\n"
                               "  system: |\n"
                               "    Be brief.\n"
                               "  data: d\n"
                               "  date: 2025-02-28\n"
                               "  reasoning: off\n"
                               "  kv_memory: 2G\n"
                               "  items: [one, 2]\n";
    arena a = ARENA_EMPTY;
    runfile f;
    waage_err err = {WAAGE_OK, ""};
    if (parse(&f, &a, text, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    assert_int_equal(f.n_models, 4);
    assert_string_equal(f.models[0].uri, "dir/a.gguf");
    assert_string_equal(f.models[0].cutoff, "2024-06");
    assert_string_equal(f.models[1].label, "B");
    assert_string_equal(f.models[1].uri, "/abs/b.gguf");
    assert_string_equal(f.models[2].uri, "replay:dir/rec.jsonl");
    assert_string_equal(f.models[3].uri, "http://host:1/v1#x");
    assert_string_equal(f.suites.items[0], "math");
    assert_string_equal(f.suites.items[1], "dir/./own.yaml");
    assert_string_equal(f.suites.items[2], "dir/sub/x");
    assert_int_equal(f.settings.limit, 50);
    assert_int_equal(f.settings.max_tokens, 7);
    assert_int_equal(f.settings.num_fewshot, 0);
    assert_string_equal(f.settings.reasoning, "off"); /* not YAML's false */
    assert_string_equal(f.settings.system, "Be brief.\n");
    assert_string_equal(f.settings.data, "dir/d");
    assert_true(f.settings.kv_memory == (size_t)2 << 30);
    assert_string_equal(f.settings.items.items[1], "2");
    assert_int_equal(runfile_finish_settings(&f.settings, &a, &err), WAAGE_OK);
    arena_free(&a);
}

static void refuses_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"modls: []\n", "dir/run.yaml:1: unknown key 'modls' in the file; did you mean 'models'?"},
        {"models:\n  - urI: x\n",
         "dir/run.yaml:2: unknown key 'urI' in a model; did you mean 'uri'?"},
        {"models:\n  - label: x\n", "dir/run.yaml:2: a model needs a 'uri'"},
        {"models: x\n", "dir/run.yaml:1: 'models' must be a list"},
        {"models: [[a]]\n", "dir/run.yaml:1: a model is a map with 'uri', or a text \"label=URI\""},
        {"models:\n  - uri: ''\n", "dir/run.yaml:2: 'uri' and 'label' must not be empty"},
        {"suites: {a: b}\n", "dir/run.yaml:1: 'suites' must be a list of names"},
        {"settings:\n  lmit: 3\n",
         "dir/run.yaml:2: unknown key 'lmit' in 'settings'; did you mean 'limit'?"},
        {"settings:\n  limit: many\n", "dir/run.yaml:2: limit: 'many' is not a whole number"},
        {"settings:\n  limit: -1\n", "dir/run.yaml:2: limit: '-1' is not a whole number"},
        {"settings:\n  limit: [1]\n", "dir/run.yaml:2: one value is expected here"},
        {"settings:\n  activations: i4\n",
         "dir/run.yaml:2: activations: 'i4' is not one of i8|i16|f32"},
        {"settings: 3\n", "dir/run.yaml:1: 'settings' must be a map"},
        {"- a\n", "dir/run.yaml:1: a map with 'models', 'suites' and 'settings' is expected"},
        {"", "dir/run.yaml:1: the file is empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena a = ARENA_EMPTY;
        runfile f;
        waage_err err = {WAAGE_OK, ""};
        const waage_status st = parse(&f, &a, rows[i].text, &err);
        if (st != WAAGE_EFORMAT) fail_msg("%s: status %d", rows[i].text, st);
        assert_string_equal(err.msg, rows[i].message);
        arena_free(&a);
    }
}

static void splits_labels(void **state)
{
    (void)state;
    static const struct {
        const char *word, *label, *uri;
    } rows[] = {
        {"a.gguf", NULL, "a.gguf"},
        {"A=a.gguf", "A", "a.gguf"},
        {"My model=x/y=z.gguf", "My model", "x/y=z.gguf"},
        {"x/y=z.gguf", NULL, "x/y=z.gguf"},
        {"http://h/v1?a=b#n", NULL, "http://h/v1?a=b#n"},
        {"C=http://h/v1?a=b", "C", "http://h/v1?a=b"},
        {"R1=replay:r.jsonl", "R1", "replay:r.jsonl"},
    };
    arena a = ARENA_EMPTY;
    waage_err err;
    runfile_model m;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(runfile_split_model(&m, &a, rows[i].word, &err), WAAGE_OK);
        if (rows[i].label)
            assert_string_equal(m.label, rows[i].label);
        else
            assert_null(m.label);
        assert_string_equal(m.uri, rows[i].uri);
    }
    assert_int_equal(runfile_split_model(&m, &a, "=x", &err), WAAGE_EINVAL);
    assert_int_equal(runfile_split_model(&m, &a, "x=", &err), WAAGE_EINVAL);
    assert_int_equal(runfile_split_model(&m, &a, "", &err), WAAGE_EINVAL);
    arena_free(&a);
}

static void checks_dates(void **state)
{
    (void)state;
    static const char *const bad[] = {"",           "2025",     "2025-13-01",  "2025-00-01",
                                      "2025-01-32", "25-01-01", "2025-01-01x", "2025/01/01",
                                      "today"};
    arena a = ARENA_EMPTY;
    waage_err err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        runfile_settings s = RUNFILE_SETTINGS_DEFAULT;
        s.date = bad[i];
        assert_int_equal(runfile_finish_settings(&s, &a, &err), WAAGE_EINVAL);
    }
    runfile_settings s = RUNFILE_SETTINGS_DEFAULT;
    s.reasoning = "much";
    assert_int_equal(runfile_finish_settings(&s, &a, &err), WAAGE_EINVAL);
    s.reasoning = "high:64";
    assert_int_equal(runfile_finish_settings(&s, &a, &err), WAAGE_OK);
    assert_string_equal(s.date, ENGINE_DATE);
    arena_free(&a);
}

/* What is written is read back as the same, with paths that lead from the run's directory. */
static void written_files_read_back(void **state)
{
    (void)state;
    char top[] = "/tmp/waage-test-XXXXXX";
    char model[128], run[128], yaml[160];
    waage_err err = {WAAGE_OK, ""};
    assert_non_null(mkdtemp(top));
    snprintf(model, sizeof model, "%s/m.gguf", top);
    snprintf(run, sizeof run, "%s/out", top);
    snprintf(yaml, sizeof yaml, "%s/run.yaml", run);
    assert_int_equal(file_write(model, "x", 1, &err), WAAGE_OK);
    assert_int_equal(file_make_dirs(run, &err), WAAGE_OK);

    arena a = ARENA_EMPTY;
    const runfile_model models[] = {
        {.label = "A: \"quoted\"\n", .uri = model, .openness = "open", .cutoff = "2024"},
        {.uri = "http://h/v1#x", .licence = "MIT"}};
    runfile f = {.models = models, .n_models = 2, .settings = RUNFILE_SETTINGS_DEFAULT};
    assert_true(opts_list_add(&f.suites, &a, "math") &&
                opts_list_add(&f.suites, &a, "no/such.yaml"));
    assert_true(opts_list_add(&f.settings.items, &a, "math-1, : #"));
    f.settings.seed = 9;
    f.settings.system = "two\nlines: \xE2\x9C\x93";
    f.settings.activations = "f32";
    strbuf b = STRBUF_EMPTY;
    assert_int_equal(runfile_print(&b, &f, run, &err), WAAGE_OK);
    assert_non_null(strstr(strbuf_str(&b), "\"../m.gguf\""));
    assert_int_equal(file_write(yaml, b.s, b.len, &err), WAAGE_OK);

    runfile g;
    if (runfile_read(&g, &a, yaml, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    assert_int_equal(g.n_models, 2);
    assert_string_equal(g.models[0].label, models[0].label);
    assert_string_equal(g.models[0].cutoff, "2024");
    assert_true(file_exists(g.models[0].uri));
    assert_string_equal(g.models[1].uri, models[1].uri);
    assert_string_equal(g.models[1].licence, "MIT");
    assert_int_equal(g.suites.n, 2);
    assert_string_equal(g.settings.items.items[0], "math-1, : #");
    assert_int_equal(g.settings.seed, 9);
    assert_int_equal(g.settings.num_fewshot, -1);
    assert_string_equal(g.settings.system, f.settings.system);
    assert_string_equal(g.settings.activations, "f32");
    strbuf_free(&b);
    arena_free(&a);
    unlink(yaml);
    unlink(model);
    rmdir(run);
    rmdir(top);
}

static void merging_adds_what_is_new(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    waage_err err;
    const runfile_model old[] = {{.label = "A", .uri = "a"}};
    const runfile_model new[] = {{.label = "A", .uri = "elsewhere/a"}, {.label = "B", .uri = "b"}};
    runfile f = {.models = old, .n_models = 1, .settings = RUNFILE_SETTINGS_DEFAULT};
    runfile g = {.models = new, .n_models = 2, .settings = RUNFILE_SETTINGS_DEFAULT};
    assert_true(opts_list_add(&f.suites, &a, "math") && opts_list_add(&g.suites, &a, "safety") &&
                opts_list_add(&g.suites, &a, "math"));
    assert_true(opts_list_add(&f.settings.items, &a, "x"));
    assert_int_equal(runfile_merge(&f, &g, &a, &err), WAAGE_OK);
    assert_int_equal(f.n_models, 2);
    assert_string_equal(f.models[0].uri, "a");
    assert_string_equal(f.models[1].label, "B");
    assert_int_equal(f.suites.n, 2);
    assert_int_equal(f.settings.items.n, 0); /* one of them had all */
    arena_free(&a);
}

int test_runfile(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(openness_is_words_or_a_map),
        cmocka_unit_test(refuses_with_file_and_line),
        cmocka_unit_test(splits_labels),
        cmocka_unit_test(checks_dates),
        cmocka_unit_test(written_files_read_back),
        cmocka_unit_test(merging_adds_what_is_new),
    };
    return cmocka_run_group_tests_name("runfile", tests, NULL, NULL);
}
