/* test_opts.c - the option parser: forms of options, values, lists, suggestions, help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "harness/opts.h"

int test_opts(void);

typedef struct {
    bool json;
    const char *out, *grade;
    opts_list suites;
    size_t limit, memory;
    uint32_t tokens;
    uint64_t seed;
    int shots;
    double heat;
} args;

static const opt table[] = {
    {'j', "json", OPT_FLAG, offsetof(args, json), NULL, "for machines"},
    {'o', "output", OPT_TEXT, offsetof(args, out), "DIR", "where to"},
    {0, "activations", OPT_CHOICE, offsetof(args, grade), "i8|i16|f32", "grade"},
    {'s', "suite", OPT_LIST, offsetof(args, suites), "SUITE", "what to weigh"},
    {'n', "limit", OPT_SIZE, offsetof(args, limit), "N", "at most N"},
    {0, "memory", OPT_BYTES, offsetof(args, memory), "SIZE", "memory"},
    {0, "max-tokens", OPT_U32, offsetof(args, tokens), "N", "tokens"},
    {0, "seed", OPT_U64, offsetof(args, seed), "N", "seed"},
    {0, "shots", OPT_INT, offsetof(args, shots), "N", "shots"},
    {0, "temperature", OPT_REAL, offsetof(args, heat), "T", "heat"},
    {0, NULL, OPT_FLAG, 0, NULL, NULL},
};

enum { MAX_WORDS = 16 };

/* Parse a line split at blanks; words point into `text`. */
static waage_status parse(args *out, opts_list *rest, opts_common *common, arena *a, char *text,
                          waage_err *err)
{
    char *argv[MAX_WORDS];
    int argc = 0;
    for (char *w = strtok(text, " "); w && argc < MAX_WORDS; w = strtok(NULL, " "))
        argv[argc++] = w;
    return opts_parse(table, out, rest, common, a, argc, argv, err);
}

static void reads_every_form(void **state)
{
    (void)state;
    char text[] = "-qjo dir one --limit=12 -s math reasoning --seed 18446744073709551615 -n7 "
                  "-s safety -- --two";
    arena a = ARENA_EMPTY;
    args x = {0};
    opts_list rest = {0};
    opts_common common = {0};
    waage_err err;
    assert_int_equal(parse(&x, &rest, &common, &a, text, &err), WAAGE_OK);
    assert_true(x.json && common.quiet && !common.verbose);
    assert_string_equal(x.out, "dir");
    assert_int_equal(x.limit, 7); /* the last one counts */
    assert_true(x.seed == UINT64_MAX);
    assert_int_equal(x.suites.n, 3);
    assert_string_equal(x.suites.items[1], "reasoning");
    assert_string_equal(x.suites.items[2], "safety");
    assert_int_equal(rest.n, 2);
    assert_string_equal(rest.items[0], "one");
    assert_string_equal(rest.items[1], "--two");
    arena_free(&a);
}

static void a_list_replaces_what_was_there(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    args x = {0};
    opts_list rest = {0};
    assert_true(opts_list_add(&x.suites, &a, "from-a-file"));
    char none[] = "--json";
    assert_int_equal(parse(&x, &rest, NULL, &a, none, NULL), WAAGE_OK);
    assert_int_equal(x.suites.n, 1);
    char some[] = "-s a -s b";
    assert_int_equal(parse(&x, &rest, NULL, &a, some, NULL), WAAGE_OK);
    assert_int_equal(x.suites.n, 2);
    assert_string_equal(x.suites.items[0], "a");
    arena_free(&a);
}

static void reads_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t want;
    } rows[] = {{"--memory 0", 0},
                {"--memory 512", 512},
                {"--memory 2K", 2048},
                {"--memory 3MiB", 3u << 20},
                {"--memory 4GB", (size_t)4 << 30},
                {"--memory 1g", (size_t)1 << 30}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena a = ARENA_EMPTY;
        args x = {0};
        opts_list rest = {0};
        char text[64];
        strcpy(text, rows[i].text);
        assert_int_equal(parse(&x, &rest, NULL, &a, text, NULL), WAAGE_OK);
        assert_true(x.memory == rows[i].want);
        arena_free(&a);
    }
}

static void refuses_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"--limt 3", "unknown option '--limt'; did you mean '--limit'?"},
        {"--zebra", "unknown option '--zebra'; --help lists the options"},
        {"-x", "unknown option '-x'; --help lists the options"},
        {"--limit", "--limit needs a value: --limit N"},
        {"-o", "--output needs a value: --output DIR"},
        {"--json=yes", "--json takes no value"},
        {"--limit -3", "--limit: '-3' is not a whole number"},
        {"--limit 3x", "--limit: '3x' is not a whole number"},
        {"--limit=", "--limit: '' is not a whole number"},
        {"--limit 99999999999999999999999",
         "--limit: '99999999999999999999999' is not a whole number"},
        {"--max-tokens 4294967296", "--max-tokens: '4294967296' is not a whole number below 2^32"},
        {"--shots 2147483648", "--shots: '2147483648' is not a whole number"},
        {"--memory 99999999999G",
         "--memory: '99999999999G' is not a number of bytes such as 512M or 4G"},
        {"--activations i4", "--activations: 'i4' is not one of i8|i16|f32"},
        {"--activations i8|i16", "--activations: 'i8|i16' is not one of i8|i16|f32"},
        {"--activations i1", "--activations: 'i1' is not one of i8|i16|f32"},
        {"--temperature -1", "--temperature: '-1' is not a number, not negative"},
        {"--temperature nan", "--temperature: 'nan' is not a number, not negative"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena a = ARENA_EMPTY;
        args x = {0};
        opts_list rest = {0};
        waage_err err = {WAAGE_OK, ""};
        char text[128];
        strcpy(text, rows[i].text);
        assert_int_equal(parse(&x, &rest, NULL, &a, text, &err), WAAGE_EINVAL);
        assert_string_equal(err.msg, rows[i].message);
        arena_free(&a);
    }
}

static void a_check_writes_nothing(void **state)
{
    (void)state;
    char one[] = "--limit", two[] = "junk", three[] = "-sa", four[] = "-h";
    char *argv[] = {one, two, three, four};
    opts_common common = {0};
    arena a = ARENA_EMPTY;
    assert_int_equal(opts_parse(table, NULL, NULL, &common, &a, 4, argv, NULL), WAAGE_OK);
    assert_true(common.help);
    arena_free(&a);
}

static void splits_at_commas(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    opts_list in = {0}, out;
    assert_true(opts_list_add(&in, &a, "a, b,,c "));
    assert_true(opts_list_add(&in, &a, ""));
    assert_true(opts_list_add(&in, &a, "d"));
    assert_int_equal(opts_split(&out, &in, &a, NULL), WAAGE_OK);
    static const char *const want[] = {"a", "b", "c", "d"};
    assert_int_equal(out.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(out.items[i], want[i]);
    arena_free(&a);
}

static void help_names_every_option(void **state)
{
    (void)state;
    strbuf out = STRBUF_EMPTY;
    opts_put_help(&out, table);
    for (const opt *o = table; o->name; o++) {
        assert_non_null(strstr(strbuf_str(&out), o->name));
        assert_non_null(strstr(strbuf_str(&out), o->help));
    }
    assert_non_null(strstr(strbuf_str(&out), "-h, --help"));
    strbuf_free(&out);
}

int test_opts(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(a_list_replaces_what_was_there),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(refuses_with_a_reason),
        cmocka_unit_test(a_check_writes_nothing),
        cmocka_unit_test(splits_at_commas),
        cmocka_unit_test(help_names_every_option),
    };
    return cmocka_run_group_tests_name("opts", tests, NULL, NULL);
}
