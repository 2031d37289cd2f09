/* test_template.c - templates against Jinja2's own output (tests/data, made by
 * tests/golden/make_template_cases.py), who wrote which byte, refusals, limits. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/template.h"

static const char *const trusted[] = {"bos_token", "eos_token", NULL};

static template_options options(bool chat)
{
    template_options task = TEMPLATE_FOR_TASK, for_chat = TEMPLATE_FOR_CHAT;
    for_chat.trusted = trusted;
    return chat ? for_chat : task;
}

static waage_status render_text(const char *source, bool chat, const value *vars,
                                template_output *out, arena *a, waage_err *err)
{
    template *t;
    const template_options opt = options(chat);
    WAAGE_TRY(template_compile(&t, a, source, strlen(source), "t", 1, &opt, err));
    return template_render(t, vars, NULL, out, a, err);
}

/* Calls row(map, ctx) for every line of a JSON Lines file. */
static void each_row(const char *path, void (*row)(const value *v, void *ctx), void *ctx)
{
    char *text;
    size_t len;
    waage_err err = {0};
    arena a = ARENA_EMPTY;
    assert_int_equal(file_read(&text, &len, path, 1 << 26, &err), WAAGE_OK);
    for (char *line = text; *line;) {
        const size_t n = strcspn(line, "\n");
        value *v;
        if (json_parse(&v, &a, line, n, path, 1, &err) != WAAGE_OK) fail_msg("%s", err.msg);
        row(v, ctx);
        line += n + (line[n] == '\n');
    }
    free(text);
    arena_free(&a);
}

typedef struct {
    const value *vars;
    int n, n_bad;
} table;

static void check_case(const value *v, void *ctx)
{
    table *t = ctx;
    if (!t->vars) {
        t->vars = value_get(v, "vars");
        return;
    }
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    template_output out = {"", 0, NULL, 0};
    const char *source = value_get_str(v, "template", "");
    const value *want = value_get(v, "out");
    const bool chat = strcmp(value_get_str(v, "mode", ""), "chat") == 0;
    const waage_status st = render_text(source, chat, t->vars, &out, &a, &err);
    t->n++;
    if (want ? st != WAAGE_OK || out.len != want->u.str.len ||
                   memcmp(out.text, want->u.str.s, out.len) != 0
             : st == WAAGE_OK) {
        t->n_bad++;
        print_error("template: %s\n  want: %s\n  got:  %s\n", source,
                    want ? want->u.str.s : "an error", st == WAAGE_OK ? out.text : err.msg);
    }
    arena_free(&a);
}

static void test_equal_to_jinja(void **state)
{
    table t = {NULL, 0, 0};
    (void)state;
    each_row("tests/data/template_cases.jsonl", check_case, &t);
    assert_true(t.n > 100);
    assert_int_equal(t.n_bad, 0);
    t.vars = NULL;
    if (getenv("WAAGE_TEMPLATE_CASES")) each_row(getenv("WAAGE_TEMPLATE_CASES"), check_case, &t);
    assert_int_equal(t.n_bad, 0);
}

/* All of `more` into `into`. */
static void add_vars(arena *a, value *into, const value *more)
{
    for (size_t i = 0; i < value_len(more); i++)
        assert_true(value_map_set(a, into, more->u.map.pairs[i].key, more->u.map.pairs[i].val));
}

/* First 8 digits of the text's hash, "error" where the template refuses. */
static void render_hash(const template *tpl, const value *vars, char hex[HASH_HEX], waage_err *err)
{
    arena a = ARENA_EMPTY;
    template_output out;
    strcpy(hex, "error");
    err->msg[0] = '\0';
    if (template_render(tpl, vars, NULL, &out, &a, err) == WAAGE_OK) {
        hash_hex(out.text, out.len, hex);
        hex[8] = '\0';
    }
    arena_free(&a);
}

/* One template under every list of messages with every set of options; "skip": what only other
 * interpreters than Jinja2 can do. */
static void check_conversations(table *t, const template *tpl, const char *name, const char *want)
{
    const value *messages = value_get(t->vars, "messages"),
                *options = value_get(t->vars, "options");
    for (size_t i = 0; i < value_len(messages); i++)
        for (size_t k = 0; k < value_len(options); k++) {
            char hex[HASH_HEX];
            arena a = ARENA_EMPTY;
            waage_err err = {0};
            value *vars = value_map(&a);
            const size_t n = strcspn(want, " ");
            add_vars(&a, vars, value_get(t->vars, "base"));
            assert_true(value_map_set(&a, vars, "messages", messages->u.map.pairs[i].val));
            add_vars(&a, vars, options->u.map.pairs[k].val);
            render_hash(tpl, vars, hex, &err);
            t->n++;
            if (strncmp(want, "skip", 4) != 0 && (strlen(hex) != n || memcmp(hex, want, n) != 0)) {
                t->n_bad++;
                print_error("%s, %s, %s: %.*s is wanted, not %s %s\n", name,
                            messages->u.map.pairs[i].key, options->u.map.pairs[k].key, (int)n, want,
                            hex, err.msg);
            }
            want += n + (want[n] == ' ');
            arena_free(&a);
        }
    assert_int_equal(*want, 0);
}

static void check_chat(const value *v, void *ctx)
{
    table *t = ctx;
    char path[512], *source;
    size_t len;
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    template *tpl;
    const template_options opt = options(true);
    const char *shared = getenv("WAAGE_SHARED") ? getenv("WAAGE_SHARED") : "../shared";
    if (!t->vars) {
        t->vars = v;
        return;
    }
    snprintf(path, sizeof path, "%s/templates/%s", shared, value_get_str(v, "template", ""));
    if (file_read(&source, &len, path, 1 << 20, &err) != WAAGE_OK) return;
    if (template_compile(&tpl, &a, source, len, path, 1, &opt, &err) != WAAGE_OK)
        fail_msg("%s", err.msg);
    check_conversations(t, tpl, path, value_get_str(v, "hashes", ""));
    free(source);
    arena_free(&a);
}

static void test_real_chat_templates(void **state)
{
    table t = {NULL, 0, 0};
    (void)state;
    each_row("tests/data/chat_template_hashes.jsonl", check_chat, &t);
    if (t.n == 0) {
        print_message("skipped: no chat templates (set WAAGE_SHARED)\n");
        skip();
    }
    assert_int_equal(t.n_bad, 0);
}

/* Spans as a string: t(...) by the template, d(...) by data. */
static void show_spans(const template_output *out, strbuf *b)
{
    size_t end = 0;
    for (size_t i = 0; i < out->n_spans; i++) {
        assert_int_equal(out->spans[i].start, end);
        end = out->spans[i].end;
        strbuf_printf(b, "%c(%.*s)", out->spans[i].data ? 'd' : 't',
                      (int)(end - out->spans[i].start), out->text + out->spans[i].start);
    }
    assert_int_equal(end, out->len);
}

static void test_writers(void **state)
{
    static const struct {
        const char *source, *want;
    } rows[] = {
        {"<s>{{ s }}</s>", "t(<s>)d(<b>x</b>)t(</s>)"},
        {"{{ '<s>' + s + '!' }}", "t(<s>)d(<b>x</b>)t(!)"},
        {"{{ bos_token }}{{ s[0:3] ~ 'q' }}", "t(BOS)d(<b>)t(q)"},
        {"{{ ('[' + s + ']').upper() }}", "t([)d(<B>X</B>)t(])"},
        {"{{ ('  ' + s + '  ')|trim }}", "d(<b>x</b>)"},
        {"{{ ('a' + s + 'a').replace('a', '|') }}", "t(|)d(<b>x</b>)t(|)"},
        {"{{ 'abc'.replace('b', s) }}", "t(a)d(<b>x</b>)t(c)"},
        {"{{ ['<', s, '>']|join(s[0]) }}", "t(<)d(<<b>x</b><)t(>)"},
        {"{{ [s]|tojson }}", "t([\")d(<b>x</b>)t(\"])"},
        {"{{ [s] }}", "t([')d(<b>x</b>)t('])"},
        {"{{ s.split('>')[0] + '>' }}", "d(<b)t(>)"},
        {"{% set q %}<{{ s }}>{% endset %}{{ q }}", "t(<)d(<b>x</b>)t(>)"},
        {"{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m(s) }}", "t([)d(<b>x</b>)t(])"},
        {"{% for c in s[:2] %}{{ c }}-{% endfor %}", "d(<)t(-)d(b)t(-)"},
        {"{{ m.role }}{{ m['k'] }}", "d(user<|end|>)"},
        {"{{ (s ~ bos_token)[::-1] }}", "t(SOB)d(>b/<x>b<)"},
        {"{{ 1 }}{{ x }}", "t(17)"},
        {"{% if s == '<b>x</b>' %}yes{% endif %}", "t(yes)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        strbuf b = STRBUF_EMPTY;
        template_output out;
        value *vars;
        static const char json[] = "{\"s\": \"<b>x</b>\", \"bos_token\": \"BOS\", \"x\": 7, "
                                   "\"m\": {\"role\": \"user\", \"k\": \"<|end|>\"}}";
        assert_int_equal(json_parse(&vars, &a, json, sizeof json - 1, "vars", 1, &err), WAAGE_OK);
        if (render_text(rows[i].source, true, vars, &out, &a, &err) != WAAGE_OK)
            fail_msg("%s", err.msg);
        show_spans(&out, &b);
        assert_string_equal(strbuf_str(&b), rows[i].want);
        strbuf_free(&b);
        arena_free(&a);
    }
}

static void test_refusals_name_line_and_thing(void **state)
{
    static const struct {
        const char *source;
        waage_status code;
        const char *want;
    } rows[] = {
        {"a\n{{ x|wordwrap }}", WAAGE_EUNSUPPORTED, "t:2: filter `wordwrap` is not supported"},
        {"\n\n{% include 'x' %}", WAAGE_EUNSUPPORTED, "t:3: statement `include` is not supported"},
        {"{{ x is filter }}", WAAGE_EUNSUPPORTED, "t:1: test `filter` is not supported"},
        {"{{ x.translate(1) }}", WAAGE_EUNSUPPORTED, "t:1: method `translate` is not supported"},
        {"{{ open('x') }}", WAAGE_EUNSUPPORTED, "t:1: function `open` is not supported"},
        {"{{ f(*a) }}", WAAGE_EUNSUPPORTED, "t:1: function `f` is not supported"},
        {"{{ range(*a) }}", WAAGE_EUNSUPPORTED, "t:1: argument `*` is not supported"},
        {"{{ x.items }}", WAAGE_EUNSUPPORTED, "t:1: `.items` is a method of a map"},
        {"{% filter x %}{% endfilter %}", WAAGE_EUNSUPPORTED, "t:1: filter `x` is not supported"},
        {"{% set x | y %}{% endset %}", WAAGE_EUNSUPPORTED, "t:1: filter `y` is not supported"},
        {"{% call range(1) %}{% endcall %}", WAAGE_EUNSUPPORTED, "t:1: call block of `what is not"},
        {"{% macro m(caller) %}{% endmacro %}", WAAGE_EUNSUPPORTED, "parameter `caller`"},
        {"{{ caller() }}", WAAGE_EUNSUPPORTED, "t:1: function `caller` is not supported"},
        {"{% for i in 'a' recursive %}{{ loop('a') }}{% endfor %}", WAAGE_EFORMAT, "too deeply"},
        {"{% for i in 'a' recursive %}{{ loop() }}{% endfor %}", WAAGE_EFORMAT, "one argument"},
        {"{% for i in 'a' %}{% set x %}{% break %}{% endset %}{% endfor %}", WAAGE_EFORMAT,
         "belong into a loop"},
        {"\n{{ '%q' % 1 }}", WAAGE_EUNSUPPORTED, "t:2: format `%q` is not supported"},
        {"{{ '{:,}'.format(1) }}", WAAGE_EUNSUPPORTED, "t:1: format `{:,}` is not supported"},
        {"{{ '{a.b}'.format(a=1) }}", WAAGE_EUNSUPPORTED, "t:1: format field `a.b`"},
        {"{{ '%99999d' % 1 }}", WAAGE_EFORMAT, "t:1: format: a width or precision is too large"},
        {"\n{{ ('a'|safe) ~ '<b>' }}", WAAGE_EUNSUPPORTED, "t:2: text joined to `safe` text"},
        {"{{ '<b>' + ('a'|safe|upper) }}", WAAGE_EUNSUPPORTED, "t:1: text joined to `safe` text"},
        {"{% set x = [1]|tojson %}{{ x[1:] ~ \"'\" }}", WAAGE_EUNSUPPORTED,
         "joined to `safe` text"},
        {"{{ '<%s>' % ('a'|safe) }}", WAAGE_EUNSUPPORTED, "joined to `safe` text"},
        {"{{ 1 is sameas 1 }}", WAAGE_EFORMAT, "t:1: sameas: not for an integer"},
        {"{{ x|trim(a, b) }}", WAAGE_EFORMAT, "t:1: wrong number of arguments for `trim`"},
        {"{{ x|tojson(default=1) }}", WAAGE_EUNSUPPORTED, "argument `default`"},
        {"{{ x", WAAGE_EFORMAT, "t:1: an expression is not closed"},
        {"{% if x %}", WAAGE_EFORMAT, "`endif` is missing"},
        {"{% endif %}", WAAGE_EFORMAT, "t:1: `endif` closes nothing"},
        {"{{ }}", WAAGE_EFORMAT, "an expression expected"},
        {"{{ x + }}", WAAGE_EFORMAT, "an expression expected"},
        {"{{ 'a }}", WAAGE_EFORMAT, "a string is not closed"},
        {"{# a", WAAGE_EFORMAT, "a comment is not closed"},
        {"{{ (1 }}", WAAGE_EFORMAT, ""},
        {"{{ 99999999999999999999 }}", WAAGE_EFORMAT, "does not fit into 64 bits"},
        {"{% break %}", WAAGE_EFORMAT, "belong into a loop"},
        {"{% set true = 1 %}", WAAGE_EFORMAT, "cannot assign to `true`"},
        {"{{ 9223372036854775807 + 1 }}", WAAGE_EFORMAT, "does not fit into 64 bits"},
        {"{% set x.y = 1 %}", WAAGE_EFORMAT, "is not a namespace"},
        {"x\xff{{ 1 }}", WAAGE_EFORMAT, "t: not valid UTF-8 at byte 1"},
        {"{% for i in range(9999999) %}{% endfor %}", WAAGE_EFORMAT, "step limit"},
        {"{% for i in range(9) %}{{ 'a' * 9999999 }}{% endfor %}", WAAGE_EFORMAT, "bytes of text"},
        {"{{ 'a' * 99999999999 }}", WAAGE_EFORMAT, "bytes of text"},
        {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", WAAGE_EFORMAT, "nested too deeply"},
        {"{% set ns = namespace(s='ab') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% "
         "endfor %}",
         WAAGE_EFORMAT, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        template_output out;
        assert_int_equal(render_text(rows[i].source, false, NULL, &out, &a, &err), rows[i].code);
        if (!strstr(err.msg, rows[i].want)) fail_msg("%s: %s", rows[i].source, err.msg);
        arena_free(&a);
    }
}

static void test_deep_sources_are_refused(void **state)
{
    static const char *const units[][2] = {{"(", ")"},   {"[", "]"},   {"-", ""},
                                           {"not ", ""}, {"1 + ", ""}, {"1 if ", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        template_output out;
        strbuf b = STRBUF_EMPTY;
        strbuf_puts(&b, "{{ ");
        for (int k = 0; k < 5000; k++)
            strbuf_puts(&b, units[i][0]);
        strbuf_puts(&b, "1");
        for (int k = 0; k < 5000; k++)
            strbuf_puts(&b, units[i][1]);
        strbuf_puts(&b, " }}");
        assert_int_equal(render_text(strbuf_str(&b), false, NULL, &out, &a, &err), WAAGE_EFORMAT);
        strbuf_free(&b);
        arena_free(&a);
    }
}

static void test_values(void **state)
{
    static const struct {
        const char *source, *want; /* JSON */
    } rows[] = {
        {"{{ l }}", "[\"a\", \"b\"]"},
        {"{{ n }}", "3"},
        {"{{ n }} ", "\"3 \""},
        {"['x', 'y']", "[\"x\", \"y\"]"},
        {"{{ ['x', n] }}\n", "[\"x\", 3]"},
        {"[1, -2.5, none]", "[1, -2.5, null]"},
        {"[n]", "\"[n]\""},
        {"plain", "\"plain\""},
        {"{{ s }}", "[1, 2]"},
        {"[broken", "\"[broken\""},
        {"{{ l.index('b') }}", "1"},
        {"{{ n == 3 }}", "true"},
    };
    static const char json[] = "{\"l\": [\"a\", \"b\"], \"n\": 3, \"s\": \"[1, 2]\"}";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena a = ARENA_EMPTY;
        waage_err err = {0};
        strbuf b = STRBUF_EMPTY;
        template *t;
        value *vars, *out;
        const template_options opt = TEMPLATE_FOR_TASK;
        assert_int_equal(json_parse(&vars, &a, json, sizeof json - 1, "vars", 1, &err), WAAGE_OK);
        assert_int_equal(
            template_compile(&t, &a, rows[i].source, strlen(rows[i].source), "t", 1, &opt, &err),
            WAAGE_OK);
        if (template_evaluate(t, vars, &out, &a, &err) != WAAGE_OK) fail_msg("%s", err.msg);
        value_put_json(&b, out, 0);
        assert_string_equal(strbuf_str(&b), rows[i].want);
        strbuf_free(&b);
        arena_free(&a);
    }
}

/* A model file may bring any text: 100 MB of expressions would take 10 GB to compile. */
static void test_long_sources_are_refused(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    template *t;
    const template_options opt = TEMPLATE_FOR_CHAT;
    char *s = malloc(TEMPLATE_MAX_BYTES + 1);
    assert_non_null(s);
    memset(s, 'x', TEMPLATE_MAX_BYTES + 1);
    assert_int_equal(template_compile(&t, &a, s, TEMPLATE_MAX_BYTES, "t", 1, &opt, &err), WAAGE_OK);
    assert_int_equal(template_compile(&t, &a, s, TEMPLATE_MAX_BYTES + 1, "t", 1, &opt, &err),
                     WAAGE_EFORMAT);
    assert_non_null(strstr(err.msg, "at most 1048576"));
    free(s);
    arena_free(&a);
}

int test_template(void);
int test_template(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_to_jinja),
        cmocka_unit_test(test_real_chat_templates),
        cmocka_unit_test(test_writers),
        cmocka_unit_test(test_refusals_name_line_and_thing),
        cmocka_unit_test(test_deep_sources_are_refused),
        cmocka_unit_test(test_long_sources_are_refused),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
