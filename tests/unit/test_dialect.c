/* test_dialect.c - models behind an API, without a server: URIs, keys, the pacer, and requests in
 * every dialect. */
#include "tests/unit/check.h"
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/host.h"
#include "harness/base/log.h"
#include "runners/http/dialect.h"
#include "runners/http/http.h"
#include "runners/http/pacer.h"
#include "runners/http/transport.h"
#include "tests/unit/fault_server.h"

int test_dialect(void);

/* ---- URIs and keys ---- */

static void test_uris(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *base, *query, *model, *host, *api;
    } good[] = {
        {"openai:gpt-4.1", "https://api.openai.com/v1", "", "gpt-4.1", "api.openai.com", "chat"},
        {"openai:o3;api=responses;effort=high", "https://api.openai.com/v1", "", "o3",
         "api.openai.com", "responses"},
        {"anthropic:claude-x", "https://api.anthropic.com/v1", "", "claude-x", "api.anthropic.com",
         "anthropic"},
        {"gemini:g", "https://generativelanguage.googleapis.com/v1beta", "", "g",
         "generativelanguage.googleapis.com", "gemini"},
        {"http://127.0.0.1:8080/v1#a/b:c", "http://127.0.0.1:8080/v1", "", "a/b:c",
         "127.0.0.1:8080", "chat"},
        {"http://[::1]:80/v1/#m", "http://[::1]:80/v1", "", "m", "[::1]:80", "chat"},
        {"https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21#d",
         "https://x.openai.azure.com/openai/deployments/d", "?api-version=2024-10-21", "d",
         "x.openai.azure.com", "chat"},
        {"http://h/v1#m.gguf;timeout=5;api=gemini", "http://h/v1", "", "m.gguf", "h", "gemini"},
    };
    static const char *const bad[][2] = {{"http://h/v1", "#MODEL"},
                                         {"http://h/v1#", "without a model"},
                                         {"http://u:pw@h/v1#m", "password"},
                                         {"http:///v1#m", "host"},
                                         {"http://h:0/v1#m", "port"},
                                         {"http://h:99999/#m", "port"},
                                         {"http://h:8x/#m", "port"},
                                         {"openai:", "without a model"},
                                         {"openai:m;nonsense=1", "unknown"},
                                         {"openai:m;timeout=x", "number"},
                                         {"openai:m;timeout", ";name=value"},
                                         {"openai:m;api=soap", ";api="},
                                         {"openai:m x", "blank"},
                                         {"openai:m;effort=some", ";effort="},
                                         {"openai:m;timeout=0", "number"},
                                         {"http://[::1/v1#m", "']'"},
                                         {"http://h/v1?x=1&api-key=abc#m", "'api-key='"},
                                         {"http://h/v1?access_Token=abc#m", "hold a key"},
                                         {"openai:m;key_env=sk-abc", "not the key"}};
    arena a = ARENA_EMPTY;
    waage_err err;
    endpoint e;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(endpoint_accepts(good[i].uri));
        assert_ok(endpoint_parse(&e, good[i].uri, &a, &err), err);
        assert_string_equal(e.base, good[i].base);
        assert_string_equal(e.query, good[i].query);
        assert_string_equal(e.model, good[i].model);
        assert_string_equal(e.host, good[i].host);
        assert_string_equal(endpoint_api_name(e.api), good[i].api);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (endpoint_parse(&e, bad[i][0], &a, &err) != WAAGE_EINVAL)
            fail_msg("%s was taken", bad[i][0]);
        assert_contains(err.msg, bad[i][1]);
        assert_null(strstr(err.msg, "abc"));
    }
    static const char *const near[] = {"http://127.0.0.1:1/#m", "http://LOCALHOST/#m",
                                       "http://[::1]:1/#m"};
    static const char *const far[] = {"http://127.0.0.1.h/#m", "http://localhost.h/#m"};
    for (size_t i = 0; i < COUNT_OF(near) + COUNT_OF(far); i++) {
        const bool is_near = i < COUNT_OF(near);
        assert_ok(endpoint_parse(&e, is_near ? near[i] : far[i - COUNT_OF(near)], &a, &err), err);
        assert_true(host_is_loopback(e.host) == is_near);
    }
    assert_true(host_is_loopback("::1") && host_is_loopback("[::1]"));
    assert_false(host_is_loopback("[::1].h") || host_is_loopback("0.0.0.0"));
    assert_false(endpoint_accepts("model.gguf"));
    assert_false(endpoint_accepts("replay:x"));
    arena_free(&a);
}

static const char *key_of(const char *uri, arena *a, waage_err *err)
{
    endpoint e;
    const char *key = NULL;
    assert_ok(endpoint_parse(&e, uri, a, err), *err);
    return endpoint_find_key(&e, &key, a, err) == WAAGE_OK ? key ? key : "none" : NULL;
}

static void test_keys(void **state)
{
    (void)state;
    char path[] = "/tmp/waage-key-XXXXXX", with_path[256];
    arena a = ARENA_EMPTY;
    waage_err err;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, FAULT_SECRET "\n", strlen(FAULT_SECRET) + 1),
                     strlen(FAULT_SECRET) + 1);
    close(fd);
    snprintf(with_path, sizeof with_path, "openai:m;key_file=%s", path);
    unsetenv("OPENAI_API_KEY");
    unsetenv("WAAGE_API_KEY");
    assert_null(key_of("openai:m", &a, &err));
    assert_contains(err.msg, "OPENAI_API_KEY");
    assert_string_equal(key_of("http://127.0.0.1/v1#m", &a, &err), "none");
    assert_null(key_of("http://127.0.0.1/v1#m;key_env=WAAGE_NO_SUCH", &a, &err));
    assert_string_equal(key_of(with_path, &a, &err), FAULT_SECRET);
    setenv("OPENAI_API_KEY_FILE", path, 1);
    assert_string_equal(key_of("openai:m", &a, &err), FAULT_SECRET);
    assert_int_equal(chmod(path, 0640), 0);
    assert_null(key_of("openai:m", &a, &err));
    assert_contains(err.msg, "chmod 600");
    assert_null(strstr(err.msg, FAULT_SECRET));
    setenv("OPENAI_API_KEY", "sk-1", 1);
    assert_string_equal(key_of("openai:m", &a, &err), "sk-1");
    setenv("OPENAI_API_KEY", "sk-1\r\nX-Evil: 1", 1);
    assert_null(key_of("openai:m", &a, &err));
    assert_null(strstr(err.msg, "Evil"));
    setenv("OPENAI_API_KEY_FILE", "/dev/zero", 1);
    setenv("OPENAI_API_KEY", "", 1);
    assert_null(key_of("openai:m", &a, &err));
    unsetenv("OPENAI_API_KEY");
    unsetenv("OPENAI_API_KEY_FILE");
    unlink(path);
    arena_free(&a);
}

/* ---- The pacer ---- */

static void test_pacer(void **state)
{
    (void)state;
    pacer p;
    pacer_init(&p, 64, 1, 7);
    assert_true(pacer_may_start(&p, 3, 0));
    assert_false(pacer_may_start(&p, 4, 0));
    for (int i = 0; i < 100; i++)
        pacer_note_success(&p);
    assert_true(pacer_may_start(&p, 63, 0));
    assert_false(pacer_may_start(&p, 64, 0));
    for (int i = 0; i < 30; i++) /* 30 refusals of one round are one halving */
        pacer_note_throttle(&p, 5, 10, -1);
    assert_true(pacer_may_start(&p, 31, 10));
    assert_false(pacer_may_start(&p, 32, 10));
    for (int i = 0; i < 32; i++)
        pacer_note_success(&p);
    assert_true(p.width > 32.5 && p.width < 33.5);
    for (int i = 0; i < 20; i++)
        pacer_note_throttle(&p, 11 + i, 11 + i, -1);
    assert_true(pacer_may_start(&p, 0, 40));
    assert_false(pacer_may_start(&p, 1, 40));
    pacer_note_throttle(&p, 50, 50, 7.5);
    assert_false(pacer_may_start(&p, 0, 57.4));
    assert_true(pacer_may_start(&p, 0, 57.6));
    pacer q;
    pacer_init(&p, 64, 1, 3);
    pacer_init(&q, 64, 1, 3);
    double most = 0, sum = 0;
    for (int i = 0; i < 1000; i++) {
        const double pause = pacer_pause(&p, 4, -1);
        assert_true(pause == pacer_pause(&q, 4, -1)); /* the seed decides */
        assert_true(pause >= 0 && pause <= 8);
        if (pause > most) most = pause;
        sum += pause;
    }
    assert_true(most > 7.9 && sum / 1000 > 3.6 && sum / 1000 < 4.4);
    assert_true(pacer_pause(&p, 30, -1) <= 60);
    assert_true(pacer_pause(&p, 1, 20) >= 20 && pacer_pause(&p, 1, 20) <= 21);
    assert_true(pacer_pause(&p, 1, 1e300) <= 3601);
}

static void test_retry_after(void **state)
{
    (void)state;
    assert_true(transport_parse_retry_after("30") == 30);
    assert_true(transport_parse_retry_after("0.5") == 0.5);
    assert_true(transport_parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0);
    const double far = transport_parse_retry_after("Wed, 21 Oct 2122 07:28:00 GMT");
    assert_true(far > 1e9);
    assert_true(transport_parse_retry_after("soon") < 0);
    assert_true(transport_parse_retry_after("") < 0);
    assert_true(transport_parse_retry_after("-5") <= 0);
}

/* ---- Requests ---- */

static const char *build(const char *uri, const request *rq, unsigned without, arena *a)
{
    endpoint e;
    waage_err err;
    const char *why = NULL;
    strbuf b = STRBUF_EMPTY;
    assert_ok(endpoint_parse(&e, uri, a, &err), err);
    const dialect *d = dialect_find(&e, rq, &why);
    if (!d) return why;
    strbuf_printf(&b, "%s ", dialect_url(d, &e, a));
    value_put_json(&b, d->build(&e, rq, without, a), 0);
    const char *text = arena_strdup(a, strbuf_str(&b));
    strbuf_free(&b);
    return text;
}

static void test_dialects(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    const message talk[] = {{"system", "Be brief."}, {"user", "Hi \"you\""}};
    const char *const stop[] = {"\n\n", "Q:", "a", "b", "c", "d"};
    const request chat = {.item_id = "x",
                          .kind = REQUEST_GENERATE,
                          .proto = PROTOCOL_CHAT,
                          .messages = talk,
                          .n_messages = 2,
                          .max_tokens = 100,
                          .stop = stop,
                          .n_stop = 2,
                          .sample_by = SAMPLING_GREEDY};
    request drawn = chat, prefix = chat, plain = chat, many = chat;
    drawn.sample_by = (sampling){0.7, 40, 0.9, 0.05, 11};
    drawn.sample = 2;
    prefix.answer_prefix = "Well,";
    plain.proto = PROTOCOL_COMPLETION;
    plain.prompt = "2+2=";
    many.n_stop = 6;
    static const char messages[] = "\"messages\": [{\"role\": \"system\", \"content\": \"Be "
                                   "brief.\"}, {\"role\": \"user\", \"content\": \"Hi "
                                   "\\\"you\\\"\"}]";
    char want[1024];
    snprintf(want, sizeof want,
             "https://api.openai.com/v1/chat/completions {\"model\": \"m\", %s, "
             "\"max_completion_tokens\": 100, \"temperature\": 0, \"stop\": [\"\\n\\n\", \"Q:\"]}",
             messages);
    assert_string_equal(build("openai:m", &chat, 0, &a), want);
    snprintf(want, sizeof want,
             "https://api.openai.com/v1/chat/completions {\"model\": \"m\", %s, "
             "\"max_tokens\": 100, \"stop\": [\"\\n\\n\", \"Q:\"]}",
             messages);
    assert_string_equal(build("openai:m", &chat, 1U << FIELD_TEMPERATURE | 1U << FIELD_LIMIT, &a),
                        want);
    snprintf(want, sizeof want,
             "http://h:1/v1/chat/completions {\"model\": \"m\", %s, \"max_tokens\": 100, "
             "\"temperature\": 0.7, \"top_p\": 0.9, \"top_k\": 40, \"min_p\": 0.05, \"seed\": 13, "
             "\"stop\": [\"\\n\\n\", \"Q:\"]}",
             messages);
    assert_string_equal(build("http://h:1/v1#m", &drawn, 0, &a), want);
    assert_contains(build("openai:m", &many, 0, &a),
                    "\"stop\": [\"\\n\\n\", \"Q:\", \"a\", \"b\"]}");
    assert_null(strstr(build("openai:m", &drawn, 0, &a), "top_k"));
    assert_string_equal(
        build("http://h:1/v1#m", &plain, 0, &a),
        "http://h:1/v1/completions {\"model\": \"m\", \"prompt\": \"2+2=\", \"max_tokens\": 100, "
        "\"temperature\": 0, \"stop\": [\"\\n\\n\", \"Q:\"]}");
    assert_contains(build("openai:m", &plain, 0, &a), "only takes chats");
    assert_contains(build("openai:m", &prefix, 0, &a), "beginning of an answer");
    assert_string_equal(
        build("anthropic:m", &prefix, 0, &a),
        "https://api.anthropic.com/v1/messages {\"model\": \"m\", \"max_tokens\": 100, "
        "\"system\": \"Be brief.\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi "
        "\\\"you\\\"\"}, {\"role\": \"assistant\", \"content\": \"Well,\"}], \"temperature\": 0, "
        "\"stop_sequences\": [\"Q:\"]}");
    assert_contains(build("anthropic:m;thinking=2000", &prefix, 0, &a), /* does not think */
                    "\"content\": \"Well,\"}], \"temperature\": 0, \"stop");
    assert_contains(build("anthropic:m;thinking=2000", &chat, 0, &a),
                    "\"max_tokens\": 2100, \"system\"");
    assert_contains(build("anthropic:m;thinking=2000", &chat, 0, &a),
                    "\"thinking\": {\"type\": \"enabled\", \"budget_tokens\": 2000}, \"stop");
    assert_string_equal(
        build("gemini:m;effort=off", &chat, 0, &a),
        "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent "
        "{\"systemInstruction\": {\"parts\": [{\"text\": \"Be brief.\"}]}, \"contents\": "
        "[{\"role\": \"user\", \"parts\": [{\"text\": \"Hi \\\"you\\\"\"}]}], "
        "\"generationConfig\": {\"temperature\": 0, \"maxOutputTokens\": 100, \"stopSequences\": "
        "[\"\\n\\n\", \"Q:\"], \"thinkingConfig\": {\"thinkingBudget\": 0, \"includeThoughts\": "
        "false}}}");
    assert_contains(build("openai:m;api=responses;effort=low", &chat, 0, &a),
                    "\"temperature\": 0, \"max_output_tokens\": 4196, \"reasoning\": {\"effort\": "
                    "\"low\", \"summary\": \"auto\"}, \"store\": false}");
    assert_contains(build("openrouter:m;effort=off", &chat, 0, &a),
                    "\"reasoning\": {\"enabled\": false}");
    assert_contains(build("deepseek:m;effort=high", &chat, 0, &a),
                    "\"thinking\": {\"type\": \"enabled\"}");
    assert_contains(build("http://h/v1#m;effort=off", &chat, 0, &a),
                    "\"chat_template_kwargs\": {\"enable_thinking\": false}");
    assert_contains(
        build("https://x.openai.azure.com/openai/deployments/d?api-version=1#d", &chat, 0, &a),
        "/openai/deployments/d/chat/completions?api-version=1 {");
    arena_free(&a);
}

int test_dialect(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uris),     cmocka_unit_test(test_keys),
        cmocka_unit_test(test_pacer),    cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_dialects),
    };
    log_set_level(LOG_QUIET);
    const int bad = cmocka_run_group_tests_name("dialect", tests, NULL, NULL);
    log_set_level(LOG_NORMAL);
    return bad;
}
