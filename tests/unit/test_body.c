/* test_body.c - bodies as the APIs return them, and what becomes of each field; failures and what
 * is made of them. The bodies follow the services' API references. */
#include "tests/unit/check.h"
#include "harness/base/body.h"
#include "harness/base/packed.h"
#include "runners/http/fault.h"
#include "runners/http/price.h"

int test_body(void);

typedef struct {
    const char *name, *body;
    finish_reason finish;
    const char *text, *thought; /* thought NULL: absent or empty */
    thought_state state;
    const char *error; /* part of it, or NULL */
    uint32_t prompt, completion, cached, thinking;
    const char *version;
} body_case;

static const body_case cases[] = {
    {"OpenAI chat, reasoning model",
     "{\"id\": \"chatcmpl-B9\", \"object\": \"chat.completion\", \"created\": 1741570283, "
     "\"model\": "
     "\"o4-mini-2025-04-16\", \"choices\": [{\"index\": 0, \"message\": {\"role\": \"assistant\", "
     "\"content\": \"26\", \"refusal\": null, \"annotations\": []}, \"finish_reason\": \"stop\"}], "
     "\"usage\": {\"prompt_tokens\": 1117, \"completion_tokens\": 446, \"total_tokens\": 1563, "
     "\"prompt_tokens_details\": {\"cached_tokens\": 1024, \"audio_tokens\": 0}, "
     "\"completion_tokens_details\": {\"reasoning_tokens\": 384, \"audio_tokens\": 0}}, "
     "\"service_tier\": \"default\", \"system_fingerprint\": \"fp_fc9f1d7035\"}",
     FINISH_STOP, "26", NULL, THOUGHT_ABSENT, NULL, 1117, 446, 1024, 384,
     "o4-mini-2025-04-16 fp_fc9f1d7035"},
    {"OpenAI chat, refusal",
     "{\"choices\": [{\"index\": 0, \"message\": {\"role\": \"assistant\", \"content\": null, "
     "\"refusal\": \"I'm sorry, I cannot assist with that request.\"}, \"finish_reason\": "
     "\"stop\"}], "
     "\"usage\": {\"prompt_tokens\": 81, \"completion_tokens\": 11}}",
     FINISH_STOP, "I'm sorry, I cannot assist with that request.", NULL, THOUGHT_ABSENT, NULL, 81,
     11, 0, 0, NULL},
    {"Azure, filtered answer",
     "{\"choices\": [{\"content_filter_results\": {\"violence\": {\"filtered\": true, "
     "\"severity\": "
     "\"medium\"}}, \"finish_reason\": \"content_filter\", \"index\": 0, \"message\": "
     "{\"content\": "
     "\"\", \"role\": \"assistant\"}}], \"model\": \"gpt-4o\", \"usage\": {\"prompt_tokens\": 20, "
     "\"completion_tokens\": 0}}",
     FINISH_FILTER, "", NULL, THOUGHT_ABSENT, "content_filter", 20, 0, 0, 0, "gpt-4o"},
    {"DeepSeek reasoner",
     "{\"object\": \"chat.completion\", \"model\": \"deepseek-reasoner\", \"choices\": "
     "[{\"index\": 0, "
     "\"message\": {\"role\": \"assistant\", \"content\": \"26\", \"reasoning_content\": \"20 and "
     "6 "
     "make 26.\"}, \"logprobs\": null, \"finish_reason\": \"stop\"}], \"usage\": "
     "{\"prompt_tokens\": "
     "12, \"completion_tokens\": 40, \"prompt_cache_hit_tokens\": 8, \"prompt_cache_miss_tokens\": "
     "4, "
     "\"completion_tokens_details\": {\"reasoning_tokens\": 30}}, \"system_fingerprint\": "
     "\"fp_5417\"}",
     FINISH_STOP, "26", "20 and 6 make 26.", THOUGHT_PRESENT, NULL, 12, 40, 8, 30,
     "deepseek-reasoner fp_5417"},
    {"DeepSeek, out of resources",
     "{\"choices\": [{\"message\": {\"content\": \"2\"}, \"finish_reason\": "
     "\"insufficient_system_resource\"}]}",
     FINISH_ERROR, "2", NULL, THOUGHT_ABSENT, "reported an error", 0, 0, 0, 0, NULL},
    {"vLLM with a reasoning parser, cut off",
     "{\"id\": \"chatcmpl-1\", \"object\": \"chat.completion\", \"model\": \"Qwen/Qwen3-8B\", "
     "\"choices\": [{\"index\": 0, \"message\": {\"role\": \"assistant\", \"reasoning_content\": "
     "\"Okay, so\", \"content\": null, \"tool_calls\": []}, \"logprobs\": null, \"finish_reason\": "
     "\"length\", \"stop_reason\": null}], \"usage\": {\"prompt_tokens\": 17, \"total_tokens\": "
     "49, "
     "\"completion_tokens\": 32, \"prompt_tokens_details\": null}, \"prompt_logprobs\": null}",
     FINISH_LENGTH, "", "Okay, so", THOUGHT_PRESENT, NULL, 17, 32, 0, 0, "Qwen/Qwen3-8B"},
    {"llama-server",
     "{\"choices\": [{\"finish_reason\": \"stop\", \"index\": 0, \"message\": {\"role\": "
     "\"assistant\", \"content\": \"<think>\\nadd\\n</think>\\n\\n26\"}}], \"created\": "
     "1764150000, "
     "\"model\": \"x.gguf\", \"system_fingerprint\": \"b6123-9a96389\", \"object\": "
     "\"chat.completion\", \"usage\": {\"completion_tokens\": 9, \"prompt_tokens\": 30, "
     "\"total_tokens\": 39}, \"timings\": {\"prompt_ms\": 2.5}}",
     FINISH_STOP, "26", "add", THOUGHT_PRESENT, NULL, 30, 9, 0, 0, "x.gguf b6123-9a96389"},
    {"OpenRouter, error inside a choice",
     "{\"id\": \"gen-1\", \"provider\": \"Novita\", \"choices\": [{\"error\": {\"message\": "
     "\"Provider returned error\", \"code\": 502}, \"finish_reason\": null, \"message\": "
     "{\"role\": "
     "\"assistant\", \"content\": \"\"}}]}",
     FINISH_ERROR, "", NULL, THOUGHT_ABSENT, "Provider returned error", 0, 0, 0, 0, NULL},
    {"OpenRouter, native reason",
     "{\"provider\": \"Google AI Studio\", \"choices\": [{\"finish_reason\": \"stop\", "
     "\"native_finish_reason\": \"MAX_TOKENS\", \"message\": {\"content\": \"26\", \"reasoning\": "
     "\"add\", \"reasoning_details\": [{\"type\": \"reasoning.text\", \"text\": \"add\"}]}}], "
     "\"usage\": {\"prompt_tokens\": 5, \"completion_tokens\": 6, \"cost\": 0.00042}}",
     FINISH_LENGTH, "26", "add", THOUGHT_PRESENT, NULL, 5, 6, 0, 0, NULL},
    {"completions",
     "{\"id\": \"cmpl-1\", \"object\": \"text_completion\", \"model\": \"m\", \"choices\": "
     "[{\"text\": \" <think> 26\", \"index\": 0, \"logprobs\": null, \"finish_reason\": "
     "\"length\"}], \"usage\": {\"prompt_tokens\": 5, \"completion_tokens\": 7}}",
     FINISH_LENGTH, " <think> 26", NULL, THOUGHT_ABSENT, NULL, 5, 7, 0, 0, "m"},
    {"responses",
     "{\"id\": \"resp_1\", \"object\": \"response\", \"created_at\": 1741476777, \"status\": "
     "\"completed\", \"error\": null, \"incomplete_details\": null, \"model\": "
     "\"gpt-5-2025-08-07\", "
     "\"output\": [{\"id\": \"rs_1\", \"type\": \"reasoning\", \"summary\": [{\"type\": "
     "\"summary_text\", \"text\": \"Adding.\"}, {\"type\": \"summary_text\", \"text\": \" "
     "Done.\"}]}, "
     "{\"type\": \"message\", \"id\": \"msg_1\", \"status\": \"completed\", \"role\": "
     "\"assistant\", "
     "\"content\": [{\"type\": \"output_text\", \"text\": \"26\", \"annotations\": []}]}], "
     "\"usage\": "
     "{\"input_tokens\": 36, \"input_tokens_details\": {\"cached_tokens\": 3}, \"output_tokens\": "
     "87, "
     "\"output_tokens_details\": {\"reasoning_tokens\": 64}, \"total_tokens\": 123}}",
     FINISH_STOP, "26", "Adding. Done.", THOUGHT_PRESENT, NULL, 36, 87, 3, 64, "gpt-5-2025-08-07"},
    {"responses, thought withheld and cut off",
     "{\"object\": \"response\", \"status\": \"incomplete\", \"incomplete_details\": {\"reason\": "
     "\"max_output_tokens\"}, \"error\": null, \"output\": [{\"type\": \"reasoning\", \"summary\": "
     "[]}], \"usage\": {\"input_tokens\": 8, \"output_tokens\": 64, \"output_tokens_details\": "
     "{\"reasoning_tokens\": 64}}}",
     FINISH_LENGTH, "", NULL, THOUGHT_ABSENT, NULL, 8, 64, 0, 64, NULL},
    {"responses, refusal",
     "{\"object\": \"response\", \"status\": \"completed\", \"output\": [{\"type\": \"message\", "
     "\"content\": [{\"type\": \"refusal\", \"refusal\": \"No.\"}]}]}",
     FINISH_STOP, "No.", NULL, THOUGHT_ABSENT, NULL, 0, 0, 0, 0, NULL},
    {"responses, failed",
     "{\"object\": \"response\", \"status\": \"failed\", \"error\": {\"code\": \"server_error\", "
     "\"message\": \"The model failed.\"}, \"output\": []}",
     FINISH_ERROR, "", NULL, THOUGHT_ABSENT, "The model failed.", 0, 0, 0, 0, NULL},
    {"Anthropic with thinking",
     "{\"id\": \"msg_01\", \"type\": \"message\", \"role\": \"assistant\", \"model\": "
     "\"claude-sonnet-4-5-20250929\", \"content\": [{\"type\": \"thinking\", \"thinking\": \"20 + "
     "6.\", "
     "\"signature\": \"EqQB\"}, {\"type\": \"text\", \"text\": \"26\"}], \"stop_reason\": "
     "\"end_turn\", \"stop_sequence\": null, \"usage\": {\"input_tokens\": 10, "
     "\"cache_creation_input_tokens\": 100, \"cache_read_input_tokens\": 1000, \"output_tokens\": "
     "45}}",
     FINISH_STOP, "26", "20 + 6.", THOUGHT_PRESENT, NULL, 1110, 45, 1000, 0,
     "claude-sonnet-4-5-20250929"},
    {"Anthropic, redacted thinking",
     "{\"type\": \"message\", \"content\": [{\"type\": \"redacted_thinking\", \"data\": \"Emw\"}, "
     "{\"type\": \"text\", \"text\": \"26\"}], \"stop_reason\": \"stop_sequence\"}",
     FINISH_STOP, "26", NULL, THOUGHT_ABSENT, NULL, 0, 0, 0, 0, NULL},
    {"Anthropic, stopped by a classifier",
     "{\"type\": \"message\", \"content\": [], \"stop_reason\": \"refusal\", \"usage\": "
     "{\"input_tokens\": 10, \"output_tokens\": 1}}",
     FINISH_FILTER, "", NULL, THOUGHT_ABSENT, "refusal", 10, 1, 0, 0, NULL},
    {"Anthropic, error",
     "{\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": "
     "\"Overloaded\"}, \"request_id\": \"req_1\"}",
     FINISH_ERROR, "", NULL, THOUGHT_ABSENT, "Overloaded", 0, 0, 0, 0, NULL},
    {"Gemini with thoughts",
     "{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Adding\", \"thought\": true}, "
     "{\"text\": \"2\"}, {\"text\": \"6\"}], \"role\": \"model\"}, \"finishReason\": \"STOP\", "
     "\"index\": 0}], \"usageMetadata\": {\"promptTokenCount\": 11, \"candidatesTokenCount\": 2, "
     "\"totalTokenCount\": 63, \"thoughtsTokenCount\": 50, \"cachedContentTokenCount\": 4}, "
     "\"modelVersion\": \"gemini-2.5-flash\", \"responseId\": \"r\"}",
     FINISH_STOP, "26", "Adding", THOUGHT_PRESENT, NULL, 11, 52, 4, 50, "gemini-2.5-flash"},
    {"Gemini, prompt blocked",
     "{\"promptFeedback\": {\"blockReason\": \"PROHIBITED_CONTENT\"}, \"usageMetadata\": "
     "{\"promptTokenCount\": 9}, \"modelVersion\": \"gemini-2.5-pro\"}",
     FINISH_FILTER, "", NULL, THOUGHT_ABSENT, "PROHIBITED_CONTENT", 9, 0, 0, 0, "gemini-2.5-pro"},
    {"Gemini, answer blocked",
     "{\"candidates\": [{\"finishReason\": \"SAFETY\", \"index\": 0, \"safetyRatings\": []}]}",
     FINISH_FILTER, "", NULL, THOUGHT_ABSENT, "SAFETY", 0, 0, 0, 0, NULL},
    {"Gemini, cut off in thought",
     "{\"candidates\": [{\"content\": {\"role\": \"model\"}, \"finishReason\": \"MAX_TOKENS\"}], "
     "\"usageMetadata\": {\"promptTokenCount\": 9, \"thoughtsTokenCount\": 31}}",
     FINISH_LENGTH, "", NULL, THOUGHT_ABSENT, NULL, 9, 31, 0, 31, NULL},
};

static void test_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const body_case *c = &cases[i];
        arena a = ARENA_EMPTY;
        waage_err err;
        value *body = NULL;
        reply r = {0};
        assert_ok(json_parse(&body, &a, c->body, strlen(c->body), c->name, 1, &err), err);
        assert_ok(body_read(&r, body, &a, &err), err);
        if (r.finish != c->finish || strcmp(r.text, c->text) != 0 || r.thought_is != c->state ||
            (c->thought && strcmp(r.thought, c->thought) != 0) ||
            (c->error ? !r.error || !strstr(r.error, c->error) : r.error != NULL))
            fail_msg("%s: %s, \"%s\", thought %s, error %s", c->name, finish_name(r.finish), r.text,
                     thought_name(r.thought_is), r.error ? r.error : "none");
        if (r.prompt_tokens != c->prompt || r.completion_tokens != c->completion ||
            r.cached_tokens != c->cached || r.thought_tokens != c->thinking)
            fail_msg("%s: %u + %u tokens, %u cached, %u thought", c->name, r.prompt_tokens,
                     r.completion_tokens, r.cached_tokens, r.thought_tokens);
        if (c->version)
            assert_string_equal(r.model_version, c->version);
        else
            assert_null(r.model_version);
        assert_int_equal(r.has_cost, strstr(c->body, "\"cost\"") != NULL);
        arena_free(&a);
    }
}

static const struct {
    int status;
    const char *body;
    fault_kind kind;
    const char *why;
} failures[] = {
    {401, "{\"error\": {\"message\": \"Incorrect API key\", \"code\": \"invalid_api_key\"}}",
     FAULT_STOP, "Incorrect"},
    {429, "{\"error\": {\"message\": \"Rate limit reached\", \"code\": \"rate_limit_exceeded\"}}",
     FAULT_THROTTLE, "Rate limit"},
    {429,
     "{\"error\": {\"message\": \"You exceeded your current quota\", \"type\": "
     "\"insufficient_quota\"}}",
     FAULT_STOP, "quota"},
    {529,
     "{\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": "
     "\"Overloaded\"}}",
     FAULT_THROTTLE, "Overloaded"},
    {400,
     "{\"type\": \"error\", \"error\": {\"type\": \"invalid_request_error\", \"message\": \"Your "
     "credit balance is too low\"}}",
     FAULT_STOP, "credit"},
    {400,
     "{\"error\": {\"code\": \"content_filter\", \"message\": \"The response was filtered due to "
     "the prompt triggering Azure OpenAI's content management policy.\"}}",
     FAULT_FILTER, "filtered"},
    {400,
     "{\"error\": {\"message\": \"This model's maximum context length is 8192 tokens.\", "
     "\"code\": \"context_length_exceeded\"}}",
     FAULT_UNSUPPORTED, "8192"},
    {400,
     "{\"error\": {\"code\": 400, \"message\": \"the request exceeds the available context "
     "size\", \"type\": \"exceed_context_size_error\"}}",
     FAULT_UNSUPPORTED, "context size"},
    {400,
     "{\"object\": \"error\", \"message\": \"default chat template is no longer allowed\", "
     "\"code\": 400}",
     FAULT_UNSUPPORTED, "chat template"},
    {400,
     "{\"error\": {\"message\": \"Unsupported parameter: 'max_tokens' is not supported with this "
     "model. Use 'max_completion_tokens' instead.\", \"param\": \"max_tokens\", \"code\": "
     "\"unsupported_parameter\"}}",
     FAULT_FIELD, "max_tokens"},
    {400,
     "{\"error\": {\"message\": \"Unsupported value: 'temperature' does not support 0 with this "
     "model.\", \"param\": \"temperature\", \"code\": \"unsupported_value\"}}",
     FAULT_FIELD, "temperature"},
    {400,
     "{\"error\": {\"message\": \"temperature must be between 0 and 2\", \"param\": "
     "\"temperature\"}}",
     FAULT_ERROR, "between"},
    {400,
     "{\"error\": {\"code\": 400, \"message\": \"API key not valid.\", \"status\": "
     "\"INVALID_ARGUMENT\"}}",
     FAULT_STOP, "API key"},
    {400, "{\"error\": {\"message\": \"my api\"}}", FAULT_ERROR, "my api"}, /* not "api key" */
    {400,
     "{\"error\": {\"code\": \"data_inspection_failed\", \"message\": \"Input data may contain "
     "inappropriate content.\"}}",
     FAULT_FILTER, "inappropriate"},
    {402, "{\"error\": {\"message\": \"Insufficient Balance\"}}", FAULT_STOP, "Balance"},
    {403, "{\"error\": {\"code\": 403, \"message\": \"Your input was flagged\"}}", FAULT_FILTER,
     "flagged"},
    {404, "{\"error\": {\"message\": \"The model `x` does not exist\"}}", FAULT_STOP, "exist"},
    {500, "oops", FAULT_RETRY, "oops"},
    {502, "<html>Bad Gateway</html>", FAULT_WAIT, "Bad Gateway"},
    {503, "{\"error\": {\"message\": \"Loading model\", \"code\": 503}}", FAULT_WAIT, "Loading"},
    {200, "{\"error\": {\"code\": 429, \"message\": \"slow down\"}}", FAULT_THROTTLE, "slow down"},
    {200, "{\"error\": {\"message\": \"odd\"}}", FAULT_RETRY, "odd"},
    {200, "half an ans", FAULT_RETRY, "half"},
    {200, "", FAULT_RETRY, "empty"},
    {200, "{\"choices\": []}", FAULT_NONE, ""},
    {302, "", FAULT_STOP, "redirects"},
    {418, "{}", FAULT_ERROR, "418"},
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        transport_call c = {.status = failures[i].status};
        arena a = ARENA_EMPTY;
        value *body = NULL;
        fault f;
        const size_t n = strlen(failures[i].body);
        strbuf_put(&c.got, failures[i].body, n);
        if (json_parse(&body, &a, failures[i].body, n, "x", 1, NULL) != WAAGE_OK) body = NULL;
        fault_judge(&f, &c, body, false);
        if (f.kind != failures[i].kind || !strstr(f.why, failures[i].why))
            fail_msg("%d %s: kind %d, \"%s\"", failures[i].status, failures[i].body, (int)f.kind,
                     f.why);
        transport_release(&c);
        arena_free(&a);
    }
}

/* A 404 of /completions: no such API there, or no such model. */
static void test_missing(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        fault_kind kind;
    } rows[] = {
        {"{\"detail\": \"Not Found\"}", FAULT_UNSUPPORTED},
        {"{\"error\": {\"code\": 404, \"message\": \"File Not Found\"}}", FAULT_UNSUPPORTED},
        {"{\"error\": {\"message\": \"This is a chat model and not supported in the "
         "v1/completions endpoint.\"}}",
         FAULT_UNSUPPORTED},
        {"{\"error\": {\"message\": \"model \\\"q\\\" not found, try pulling it first\"}}",
         FAULT_STOP},
        {"{\"error\": {\"message\": \"The model `q` does not exist.\"}}", FAULT_STOP},
        {"{\"error\": {\"message\": \"no\", \"code\": \"model_not_found\"}}", FAULT_STOP}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const transport_call c = {.status = 404};
        arena a = ARENA_EMPTY;
        waage_err err;
        value *body = NULL;
        fault f;
        assert_ok(json_parse(&body, &a, rows[i].body, strlen(rows[i].body), "x", 1, &err), err);
        fault_judge(&f, &c, body, true);
        if (f.kind != rows[i].kind) fail_msg("%s: kind %d", rows[i].body, (int)f.kind);
        arena_free(&a);
    }
    fault f = {.why = "a\033[2Jb\r\nc\xc2\x9b"
                      "31m \xc3\xa4\x7f"};
    fault_clean(&f);
    assert_string_equal(f.why, "a [2Jb  c  31m \xc3\xa4 ");
}

static void test_prices(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    waage_err err;
    const runner_price *p = NULL;
    assert_ok(price_find(&p, "OpenAI", "gpt-4.1-2025-04-14", &a, &err), err);
    assert_non_null(p);
    assert_true(p->input == 2 && p->output == 8 && p->cached == 2);
    assert_int_equal(strlen(p->date), 10);
    assert_true(price_of(p, 1000000, 400000, 500000) == 6);
    assert_ok(price_find(&p, "OpenAI", "gpt-4.1-mini", &a, &err), err);
    assert_true(p->input == 0.4);
    assert_ok(price_find(&p, "Anthropic", "claude-sonnet-4-5-20250929", &a, &err), err);
    assert_true(p->input == 3 && p->cached == 0.3);
    assert_ok(price_find(&p, "Anthropic", "claude-opus-4-8-20260801", &a, &err), err);
    assert_null(p); /* not what claude-opus-4 costs */
    assert_ok(price_find(&p, "OpenAI", "gpt-4.1-turbo", &a, &err), err);
    assert_null(p);
    assert_ok(price_find(&p, "Anthropic", "gpt-4.1", &a, &err), err);
    assert_null(p);
    assert_ok(price_find(&p, NULL, "gpt-4.1", &a, &err), err);
    assert_null(p);
    arena_free(&a);
}

static void test_packed(void **state)
{
    (void)state;
    strbuf frame = STRBUF_EMPTY, back = STRBUF_EMPTY;
    waage_err err;
    char text[10000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 251);
    assert_ok(packed_put(&frame, text, sizeof text, &err), err);
    assert_true(frame.len < sizeof text / 10);
    assert_ok(packed_get(&back, frame.s, frame.len, sizeof text, &err), err);
    assert_int_equal(back.len, sizeof text);
    assert_memory_equal(back.s, text, sizeof text);
    assert_int_equal(packed_get(&back, frame.s, frame.len, sizeof text - 1, &err), WAAGE_EFORMAT);
    assert_int_equal(packed_get(&back, frame.s, frame.len / 2, 1 << 20, &err), WAAGE_EFORMAT);
    assert_int_equal(packed_get(&back, "not a frame", 11, 1 << 20, &err), WAAGE_EFORMAT);
    strbuf_clear(&frame);
    strbuf_clear(&back);
    assert_ok(packed_put(&frame, "", 0, &err), err);
    assert_ok(packed_get(&back, frame.s, frame.len, 0, &err), err);
    assert_int_equal(back.len, 0);
    strbuf_free(&frame);
    strbuf_free(&back);
}

int test_body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),  cmocka_unit_test(test_failures),
        cmocka_unit_test(test_missing), cmocka_unit_test(test_prices),
        cmocka_unit_test(test_packed),
    };
    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
