/* test_replay.c - recorded answers as a model: bodies as servers return them, matching, bad files,
 * and the real recordings where they are present (WAAGE_SHARED or ../shared). */
#include "tests/unit/check.h"
#include "harness/base/body.h"
#include "harness/base/file.h"
#include "runners/replay/record.h"
#include "runners/replay/replay.h"
#include <unistd.h>

int test_replay(void);

typedef struct {
    const char *body; /* value of `response` */
    finish_reason finish;
    const char *text, *thought; /* thought NULL: none */
    thought_state state;
    const char *error; /* part of it, or NULL */
} body_case;

#define CHOICE(fields) "{\"choices\": [{" fields "}]}"
#define SAID(fields) CHOICE("\"finish_reason\": \"stop\", \"message\": {" fields "}")

static const body_case bodies[] = {
    {SAID("\"content\": \"Hi\""), FINISH_STOP, "Hi", NULL, THOUGHT_ABSENT, NULL},
    {SAID("\"content\": \"Hi\", \"reasoning\": null"), FINISH_STOP, "Hi", NULL, THOUGHT_ABSENT,
     NULL},
    {SAID("\"content\": \"Hi\", \"reasoning\": \"\""), FINISH_STOP, "Hi", "", THOUGHT_EMPTY, NULL},
    {SAID("\"content\": \"Hi\", \"reasoning\": \" so \""), FINISH_STOP, "Hi", "so", THOUGHT_PRESENT,
     NULL},
    {SAID("\"content\": \"Hi\", \"reasoning_content\": \"so\""), FINISH_STOP, "Hi", "so",
     THOUGHT_PRESENT, NULL},
    {SAID("\"content\": \"Hi\", \"reasoning_details\": [{\"text\": \"a\"}, {\"text\": \"b\"}]"),
     FINISH_STOP, "Hi", "ab", THOUGHT_PRESENT, NULL},
    {SAID("\"content\": \"<think>\\nso\\n</think>\\n\\nHi\""), FINISH_STOP, "Hi", "so",
     THOUGHT_PRESENT, NULL},
    {SAID("\"content\": \"so</think>Hi\""), FINISH_STOP, "Hi", "so", THOUGHT_PRESENT, NULL},
    {SAID("\"content\": \"<think>\\n\\n</think>Hi\""), FINISH_STOP, "Hi", "", THOUGHT_EMPTY, NULL},
    {CHOICE("\"finish_reason\": \"length\", \"message\": {\"content\": \"<think>cut\"}"),
     FINISH_LENGTH, "", "cut", THOUGHT_PRESENT, NULL},
    {SAID("\"content\": [{\"type\": \"text\", \"text\": \"a\"}, {\"type\": \"x\"}, {\"text\": "
          "\"b\"}]"),
     FINISH_STOP, "ab", NULL, THOUGHT_ABSENT, NULL},
    {SAID("\"content\": null, \"refusal\": \"I can't help.\""), FINISH_STOP, "I can't help.", NULL,
     THOUGHT_ABSENT, NULL},
    {CHOICE("\"finish_reason\": \"content_filter\", \"message\": {\"content\": \"half\"}"),
     FINISH_FILTER, "half", NULL, THOUGHT_ABSENT, "content_filter"},
    {CHOICE("\"finish_reason\": \"stop\", \"native_finish_reason\": \"SAFETY\", "
            "\"message\": {\"content\": \"\"}"),
     FINISH_FILTER, "", NULL, THOUGHT_ABSENT, "SAFETY"},
    {CHOICE("\"finish_reason\": null, \"message\": {\"content\": \"x\"}"), FINISH_STOP, "x", NULL,
     THOUGHT_ABSENT, NULL},
    {CHOICE("\"error\": {\"message\": \"overloaded\"}"), FINISH_ERROR, "", NULL, THOUGHT_ABSENT,
     "overloaded"},
    {"{\"error\": {\"code\": 429, \"message\": \"slow down\"}}", FINISH_ERROR, "", NULL,
     THOUGHT_ABSENT, "slow down"},
    {"{\"error\": \"boom\"}", FINISH_ERROR, "", NULL, THOUGHT_ABSENT, "boom"},
    {"{\"choices\": []}", FINISH_ERROR, "", NULL, THOUGHT_ABSENT, "no choices"},
    {"{\"choices\": [3]}", FINISH_ERROR, "", NULL, THOUGHT_ABSENT, "no message"},
    {"[]", FINISH_ERROR, "", NULL, THOUGHT_ABSENT, "not an object"},
};

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const body_case *c = &bodies[i];
        char row[1024];
        waage_err err;
        record_list l;
        snprintf(row, sizeof row, "{\"id\": \"a\", \"response\": %s}\n", c->body);
        assert_ok(record_read_jsonl(&l, row, strlen(row), "t.jsonl", &err), err);
        assert_int_equal(l.n, 1);
        const reply *r = &l.item[0].answer;
        if (r->finish != c->finish || strcmp(r->text, c->text) != 0 || r->thought_is != c->state)
            fail_msg("%s: finish %s, text \"%s\", thought %s", c->body, finish_name(r->finish),
                     r->text, thought_name(r->thought_is));
        assert_int_equal(r->text_len, strlen(r->text));
        if (c->thought)
            assert_string_equal(r->thought, c->thought);
        else
            assert_null(r->thought);
        if (c->error)
            assert_contains(r->error, c->error);
        else
            assert_null(r->error);
        record_list_free(&l);
    }
}

static void test_details(void **state)
{
    (void)state;
    static const char rows[] =
        "\n{\"set\": \"us\", \"id\": \"q1\", \"question\": \" Why \\n so? \", \"model\": \"m/x\", "
        "\"label\": \"DENIAL\", \"labelled_by\": \"gpt-4o\", \"response\": {\"provider\": "
        "\"Azure\", "
        "\"created\": 1740499023, \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 9, "
        "\"prompt_tokens_details\": {\"cached_tokens\": 3}, "
        "\"completion_tokens_details\": {\"reasoning_tokens\": 5}}, "
        "\"choices\": [{\"finish_reason\": \"stop\", \"message\": {\"content\": \"No.\", "
        "\"reasoning\": \"\"}}]}}\n"
        "{\"key\": \"k\", \"prompt\": \"p\", \"completion\": \"c\", \"label\": \"COMPLETE\", "
        "\"human\": true}";
    waage_err err;
    record_list l;
    assert_ok(record_read_jsonl(&l, rows, sizeof rows - 1, "t.jsonl", &err), err);
    assert_int_equal(l.n, 2);
    const record *r = &l.item[0];
    assert_int_equal(r->line, 2);
    assert_string_equal(r->prompt, "Why so?");
    assert_string_equal(r->answer.host, "Azure");
    assert_string_equal(r->answer.served_at, "2025-02-25T15:57:03Z");
    assert_string_equal(r->answer.recorded_label, "DENIAL");
    assert_string_equal(r->answer.recorded_labeler, "gpt-4o");
    assert_int_equal(r->answer.prompt_tokens, 7);
    assert_int_equal(r->answer.completion_tokens, 9);
    assert_int_equal(r->answer.cached_tokens, 3);
    assert_true(
        body_is_thought_withheld(&r->answer)); /* it thought, and the host did not show it */
    assert_int_equal(r->answer.thought_is, THOUGHT_ABSENT);
    assert_string_equal(l.item[1].answer.text, "c");
    assert_string_equal(l.item[1].answer.recorded_labeler, "human");
    record_list_free(&l);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        bool csv;
    } cases[] = {
        {"{\"id\": \"a\", \"response\": {}}\n{oops\n", "t:2: not JSON", false},
        {"\n\n[1]\n", "t:3: a row must be an object", false},
        {"{\"id\": 1}", "t:1: neither `response`", false},
        {"{\"response\": {}}", "t:1: a row needs an id", false},
        {"", "no recorded answer", false},
        {"\xFF", "t:1: invalid UTF-8", false},
        {"id,type\n1,2\n", "t:1: the first row must name the columns", true},
        {"id,prompt,completion\n1,\"a\nb\",x\n2,y\n", "t:4: the row has only 2 columns", true},
        {"id,prompt,completion\n", "no recorded answer", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        waage_err err = {0};
        record_list l;
        const char *s = cases[i].text;
        const waage_status st = cases[i].csv ? record_read_csv(&l, s, strlen(s), "t", &err)
                                             : record_read_jsonl(&l, s, strlen(s), "t", &err);
        assert_int_equal(st, WAAGE_EFORMAT);
        assert_contains(err.msg, cases[i].message);
        assert_int_equal(l.n, 0);
    }
}

/* A caller with a few requests; keeps what came back. */
typedef struct {
    const request *rq;
    size_t n, next;
    finish_reason finish[8];
    char text[8][64], error[8][128];
} caller;

static runner_next give(void *ctx, const request **out)
{
    caller *c = ctx;
    if (c->next == c->n) return RUNNER_END;
    *out = &c->rq[c->next++];
    return RUNNER_REQUEST;
}

static waage_status take(void *ctx, const request *rq, const reply *rp, waage_err *err)
{
    caller *c = ctx;
    const size_t i = (size_t)(rq - c->rq);
    (void)err;
    c->finish[i] = rp->finish;
    snprintf(c->text[i], sizeof c->text[i], "%s", rp->text);
    snprintf(c->error[i], sizeof c->error[i], "%s", rp->error ? rp->error : "");
    return WAAGE_OK;
}

static void write_temp(char path[64], const char *text)
{
    waage_err err;
    snprintf(path, 64, "/tmp/waage-replay-%ld.jsonl", (long)getpid());
    assert_ok(file_write(path, text, strlen(text), &err), err);
}

static void test_matching(void **state)
{
    (void)state;
    static const char rows[] =
#define ROW(head, text)                                                                            \
    "{" head                                                                                       \
    ", \"model\": \"m\", \"response\": {\"choices\": [{\"message\": {\"content\": \"" text         \
    "\"}}]}}\n"
        ROW("\"set\": \"en\", \"id\": \"1\", \"question\": \"Why?\"", "en 1")
            ROW("\"set\": \"zh\", \"id\": \"1\", \"question\": \"为什么？\"", "zh 1")
                ROW("\"item\": \"a\"", "a by id") ROW("\"item\": \"a\", \"sample\": 1", "a again")
                    ROW("\"item\": \"t\", \"turn\": 1", "second turn");
#undef ROW
    static const message why[] = {{"system", "Be brief."}, {"user", "  Why? "}};
    static const message wrapped[] = {{"user", "Answer briefly. Why? Thanks."}};
    static const message zh[] = {{"user", "为什么？"}}, other[] = {{"user", "Where?"}};
    const request rq[] = {
        {.item_id = "zz", .proto = PROTOCOL_CHAT, .messages = why, .n_messages = 2},
        {.item_id = "1", .proto = PROTOCOL_CHAT, .messages = zh, .n_messages = 1},
        {.item_id = "en-1", .proto = PROTOCOL_CHAT, .messages = wrapped, .n_messages = 1},
        {.item_id = "1", .proto = PROTOCOL_CHAT, .messages = other, .n_messages = 1},
        {.item_id = "a", .proto = PROTOCOL_CHAT, .sample = 1, .messages = other, .n_messages = 1},
        {.item_id = "t", .proto = PROTOCOL_CHAT, .turn = 1, .messages = other, .n_messages = 1},
        {.item_id = "a", .proto = PROTOCOL_CHAT, .sample = 2, .messages = other, .n_messages = 1},
        {.item_id = "a", .kind = REQUEST_LOGLIK, .proto = PROTOCOL_CHAT},
    };
    static const struct {
        finish_reason finish;
        const char *text, *error;
    } expected[] = {
        {FINISH_STOP, "en 1", ""},
        {FINISH_STOP, "zh 1", ""},
        {FINISH_STOP, "en 1", ""},
        {FINISH_UNSUPPORTED, "", "another prompt"},
        {FINISH_STOP, "a again", ""},
        {FINISH_STOP, "second turn", ""},
        {FINISH_UNSUPPORTED, "", "no recorded answer"},
        {FINISH_UNSUPPORTED, "", "no log-likelihoods"},
    };
    char path[64], uri[80];
    waage_err err;
    runner *r;
    caller c = {.rq = rq, .n = COUNT_OF(rq)};
    const runner_io io = {.ctx = &c, .next = give, .done = take};
    write_temp(path, rows);
    snprintf(uri, sizeof uri, "replay:%s", path);
    assert_ok(replay_runner.open(&r, uri, &(runner_options){0}, &err), err);
    assert_string_equal(r->ops->info(r)->name, "m");
    assert_true(r->ops->info(r)->can_chat && !r->ops->info(r)->can_loglik);
    assert_ok(r->ops->run(r, &io, &err), err);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(c.finish[i], expected[i].finish);
        assert_string_equal(c.text[i], expected[i].text);
        assert_contains(c.error[i], expected[i].error);
    }
    r->ops->close(r);
    unlink(path);
}

static void test_missing_file(void **state)
{
    (void)state;
    waage_err err = {0};
    runner *r;
    assert_int_equal(replay_runner.open(&r, "replay:/nowhere/x.jsonl", NULL, &err), WAAGE_EIO);
    assert_contains(err.msg, "/nowhere/x.jsonl");
    assert_int_equal(replay_runner.open(&r, "replay:", NULL, &err), WAAGE_EINVAL);
    assert_null(r);
}

/* Counts taken from the files themselves: rows by state of the thought, filters, labels. */
static void test_real_recordings(void **state)
{
    (void)state;
    static const struct {
        const char *file, *name;
        int64_t present, absent, filtered;
    } cases[] = {
        {"recorded/anthropic_claude-3-7-sonnet-20250219.jsonl",
         "anthropic/claude-3-7-sonnet-20250219", 0, 250, 0},
        {"recorded/deepseek_deepseek-r1.jsonl", "deepseek/deepseek-r1", 32, 218, 1},
        {"recorded/deepseek_deepseek-r1-0528.jsonl", "deepseek/deepseek-r1-0528", 250, 0, 0},
        {"recorded/openai_gpt-oss-120b.jsonl", "openai/gpt-oss-120b", 250, 0, 0},
        {"recorded/qwen_qwen3-32b.jsonl", "qwen/qwen3-32b", 250, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *dir = getenv("WAAGE_SHARED");
        char uri[512];
        waage_err err;
        runner *r;
        snprintf(uri, sizeof uri, "replay:%s/%s", dir ? dir : "../shared", cases[i].file);
        if (!file_exists(uri + 7)) {
            fprintf(stderr, "  skipped: no %s (WAAGE_SHARED names the directory)\n", uri + 7);
            return;
        }
        assert_ok(replay_runner.open(&r, uri, NULL, &err), err);
        const value *meta = r->ops->info(r)->meta;
        assert_string_equal(r->ops->info(r)->name, cases[i].name);
        assert_int_equal(value_get_int(meta, "records", 0), 250);
        assert_int_equal(value_get_int(meta, "labels", 0), 250);
        assert_int_equal(value_get_int(value_get(meta, "thought"), "present", 0), cases[i].present);
        assert_int_equal(value_get_int(value_get(meta, "thought"), "absent", 0), cases[i].absent);
        assert_int_equal(value_get_int(value_get(meta, "finish"), "filter", 0), cases[i].filtered);
        strbuf b = STRBUF_EMPTY;
        assert_ok(r->ops->describe(r, &b, &err), err);
        assert_contains(strbuf_str(&b), "hosts");
        strbuf_free(&b);
        r->ops->close(r);
    }
}

int test_replay(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),       cmocka_unit_test(test_details),
        cmocka_unit_test(test_bad_files),    cmocka_unit_test(test_matching),
        cmocka_unit_test(test_missing_file), cmocka_unit_test(test_real_recordings),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
