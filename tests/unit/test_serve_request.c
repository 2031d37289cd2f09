/* test_serve_request.c - bodies of strangers: what is read, what is refused and by what name, and
 * what a template sees of it. */
#include "check.h"
#include "harness/serve_request.h"
#include "runners/local/local_internal.h"

int test_serve_request(void);

typedef struct {
    serve_api api;
    const char *body;
    int status;       /* 0: it is read */
    const char *told; /* in the message, or the name of the field */
} body_case;

static const body_case bodies[] = {
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\"}", 0, NULL},
    {SERVE_COMPLETIONS, "{\"prompt\": [\"a\", \"b\"], \"n\": 3}", 0, NULL},
    {SERVE_COMPLETIONS, "{\"prompt\": [1, 2, 3], \"stop\": \"x\", \"top_k\": -1}", 0, NULL},
    {SERVE_COMPLETIONS, "{\"prompt\": [[1], [2, 3]], \"stop\": [\"x\", \"y\"]}", 0, NULL},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"logit_bias\": {}, \"presence_penalty\": 0.0}", 0,
     NULL},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"user\": {\"x\": [1]}, \"suffix\": null}", 0, NULL},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"max_tokens\": 0, \"echo\": true}", 0, NULL},
    {SERVE_COMPLETIONS, "", 400, "byte 0"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\"", 400, "byte"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"\xff\"}", 400, "byte 12"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\\u0000b\"}", 400, "byte 13"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\\\\u0000b\"}", 0, NULL},
    {SERVE_COMPLETIONS, "[1]", 400, "no JSON object"},
    {SERVE_COMPLETIONS, "{}", 400, "prompt"},
    {SERVE_COMPLETIONS, "{\"prompt\": []}", 400, "prompt"},
    {SERVE_COMPLETIONS, "{\"prompt\": {}}", 400, "prompt"},
    {SERVE_COMPLETIONS, "{\"prompt\": [1, \"a\"]}", 400, "entry 1"},
    {SERVE_COMPLETIONS, "{\"prompt\": [\"a\", 1]}", 400, "prompt"},
    {SERVE_COMPLETIONS, "{\"prompt\": [-1]}", 400, "entry 0"},
    {SERVE_COMPLETIONS, "{\"prompt\": [1.5]}", 400, "prompt"},
    {SERVE_COMPLETIONS, "{\"prompt\": [3000000000]}", 400, "entry 0"},
    {SERVE_COMPLETIONS, "{\"prompt\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}", 400, "context of 16"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"temperature\": NaN}", 400, "byte"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"temperature\": 1e999}", 400, "out of range"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"temperature\": -1}", 400, "temperature"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"temperature\": \"1\"}", 400, "temperature"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"top_p\": 1.5}", 400, "top_p"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"seed\": 1e300}", 400, "seed"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"max_tokens\": 1e18}", 400, "max_tokens"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"max_tokens\": 1.5}", 400, "whole"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"n\": 129}", 400, "n"},
    {SERVE_COMPLETIONS, "{\"prompt\": [\"a\", \"b\"], \"n\": 100}", 400, "at most 150"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"logprobs\": 21}", 400, "logprobs"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"stop\": [1]}", 400, "stop"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"logit_bias\": {\"1\": 5}}", 400, "logit_bias"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"presence_penalty\": 0.1}", 400, "presence_penalty"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"best_of\": 2}", 400, "best_of"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"wonder\": 1}", 400, "wonder"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"messages\": [1]}", 400, "messages"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"prompt\": \"b\"}", 400, "twice"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"model\": \"other\"}", 404, "other"},
    {SERVE_COMPLETIONS, "{\"prompt\": \"a\", \"stream\": true, \"echo\": true}", 400, "stream"},
    {SERVE_CHAT, "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}", 0, NULL},
    {SERVE_CHAT,
     "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}]}], "
     "\"tools\": [{\"type\": \"function\"}], \"response_format\": {\"type\": \"text\"}}",
     0, NULL},
    {SERVE_CHAT,
     "{\"messages\": [{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\": "
     "{\"name\": \"f\", \"arguments\": \"{\\\"x\\\": 1}\"}}]}]}",
     0, NULL},
    {SERVE_CHAT, "{\"messages\": []}", 400, "messages"},
    {SERVE_CHAT, "{\"messages\": [1]}", 400, "messages[0]"},
    {SERVE_CHAT, "{\"messages\": [{\"role\": \"wizard\", \"content\": \"a\"}]}", 400, "role"},
    {SERVE_CHAT, "{\"messages\": [{\"role\": \"user\", \"content\": 1}]}", 400, "content"},
    {SERVE_CHAT, "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}",
     400, "content"},
    {SERVE_CHAT,
     "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"response_format\": {\"type\": "
     "\"json_object\"}}",
     400, "response_format"},
    {SERVE_CHAT,
     "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"reasoning_effort\": \"huge\"}",
     400, "reasoning_effort"},
    {SERVE_CHAT,
     "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tool_choice\": \"required\"}",
     400, "tool_choice"},
};

static void test_bodies(void **state)
{
    const serve_limits limits = {"tiny", 16, 150};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const body_case *c = &bodies[i];
        serve_ask ask;
        serve_fault why = {0};
        const bool ok = serve_request_read(&ask, c->api, c->body, strlen(c->body), &limits, &why);
        if (ok != (c->status == 0)) fail_msg("%s: %s", c->body, ok ? "read" : why.message);
        if (!ok) assert_int_equal(why.status, c->status);
        if (!ok && !strstr(why.message, c->told) && !strstr(why.param, c->told))
            fail_msg("%s: %s (%s)", c->body, why.message, why.param);
        if (ok) serve_ask_free(&ask);
    }
}

static void test_deep_and_long(void **state)
{
    const serve_limits limits = {"tiny", 16, 150};
    enum { DEEP = 100000 };
    serve_ask ask;
    serve_fault why;
    (void)state;
    char *body = malloc(DEEP + 16);
    assert_non_null(body);
    memset(body, '[', DEEP);
    assert_false(serve_request_read(&ask, SERVE_COMPLETIONS, body, DEEP, &limits, &why));
    memcpy(body, "{\"user\":", 8);
    assert_false(serve_request_read(&ask, SERVE_CHAT, body, DEEP, &limits, &why));
    assert_int_equal(why.status, 400);
    free(body);
}

/* What a body means. */
static void test_meaning(void **state)
{
    const serve_limits limits = {"tiny", 0, 150};
    static const char chat[] =
        "{\"messages\": [{\"role\": \"developer\", \"content\": \"s\"}, {\"role\": \"user\", "
        "\"content\": [{\"type\": \"text\", \"text\": \"a\"}, {\"type\": \"text\", \"text\": "
        "\"b\"}]}], \"max_completion_tokens\": 7, \"reasoning_effort\": \"none\", \"seed\": 5}";
    static const char plain[] = "{\"prompt\": [\"x\", \"y\"], \"n\": 2, \"temperature\": 0.5}";
    serve_ask ask;
    serve_fault why;
    (void)state;
    assert_true(serve_request_read(&ask, SERVE_CHAT, chat, strlen(chat), &limits, &why));
    const request *rq = &ask.calls[0].rq;
    assert_int_equal(ask.n_calls, 1);
    assert_string_equal(rq->messages[0].role, "system");
    assert_string_equal(rq->messages[1].content, "ab");
    assert_int_equal(rq->max_tokens, 7);
    assert_int_equal(rq->think.effort, REASONING_OFF);
    assert_int_equal(rq->sample_by.seed, 5);
    assert_true(rq->sample_by.temperature == 1);
    serve_ask_free(&ask);
    assert_true(serve_request_read(&ask, SERVE_COMPLETIONS, plain, strlen(plain), &limits, &why));
    assert_int_equal(ask.n_calls, 4);
    assert_string_equal(ask.calls[3].rq.prompt, "y");
    assert_int_equal(ask.calls[3].rq.sample, 1);
    assert_int_equal(ask.calls[3].rq.max_tokens, 16);
    serve_ask_free(&ask);
}

/* Tools and calls reach the template, calls with their arguments as objects. */
static void test_tools(void **state)
{
    static const char body[] =
        "{\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"add\"}}], \"messages\": ["
        "{\"role\": \"user\", \"content\": \"2+2?\"}, "
        "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"id\": \"c1\", "
        "\"type\": \"function\", \"function\": {\"name\": \"add\", \"arguments\": "
        "\"{\\\"a\\\": 2}\"}}]}, "
        "{\"role\": \"tool\", \"tool_call_id\": \"c1\", \"content\": \"4\"}]}";
    static const char source[] =
        "{% for t in tools %}<{{ t.function.name }}>{% endfor %}{% for m in messages %}"
        "[{{ m.role }}]{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}"
        "{{ c.function.name }}({{ c.function.arguments.a }}){% endfor %}{% endif %}"
        "{% if m.tool_call_id %}={{ m.tool_call_id }}{% endif %}{% endfor %}";
    static const template_options how = TEMPLATE_FOR_CHAT;
    const serve_limits limits = {"tiny", 0, 4};
    waage_err err = {0};
    serve_ask ask;
    serve_fault why;
    runner *r;
    template *t;
    strbuf out = STRBUF_EMPTY;
    size_t n;
    (void)state;
    assert_ok(runner_open(&r, "tests/fixtures/tiny-llama.gguf",
                          &(runner_options){.inspect_only = true}, &err),
              err);
    local_model *m = (local_model *)r;
    assert_ok(template_compile(&t, &m->arena, source, strlen(source), "t", 1, &how, &err), err);
    m->prompts.chat = t;
    if (!serve_request_read(&ask, SERVE_CHAT, body, strlen(body), &limits, &why))
        fail_msg("%s", why.message);
    assert_ok(r->ops->render(r, &ask.calls[0].rq, &out, &n, &err), err);
    assert_string_equal(strbuf_str(&out), "<add>[user]2+2?[assistant]add(2)[tool]4=c1");
    strbuf_free(&out);
    serve_ask_free(&ask);
    runner_close(r);
}

int test_serve_request(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_deep_and_long),
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_tools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
