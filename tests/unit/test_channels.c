/* test_channels.c - thought and answer: tags in every form, harmony messages, forced ends, prompts
 * that switch the thought off, and what the grader makes of a trace that was cut off. Vocabularies
 * are made up here; one is a tiny model that thinks by its template. */
#include "tests/unit/engine_fixture.h"
#include "tests/unit/gguf_build.h"
#include "harness/base/rng.h"
#include "runners/local/answer.h"
#include "runners/local/local.h"
#include "runners/local/local_internal.h"
#include "runners/local/prompt.h"
#include "tasks/task.h"

int test_channels(void);

/* ---- A vocabulary with harmony's markers and the words that the cases need ---- */

enum {
    START,
    CHANNEL,
    MESSAGE,
    END,
    RETURN,
    ANALYSIS,
    FINAL,
    COMMENTARY,
    TO,
    HM,
    FOUR,
    STOP,
    N_IDS
};

static const char *const tokens[N_IDS] = {
    "<|start|>", "<|channel|>", "<|message|>",  "<|end|>", "<|return|>", "analysis",
    "final",     "commentary",  "\xC4\xA0to=f", "hm",      "4",          "stop"};

typedef struct {
    gguf *g;
    tokenizer *t;
    strbuf bytes;
} vocabulary;

static void open_vocabulary(vocabulary *v, const char *first, const char *second)
{
    static const char *const merges[] = {"a b"};
    const char *names[N_IDS + 3];
    memcpy(names, tokens, sizeof tokens);
    names[N_IDS] = "a";
    names[N_IDS + 1] = "b";
    names[N_IDS + 2] = "ab";
    names[START] = first;
    names[CHANNEL] = second;
    waage_err err = {0};
    *v = (vocabulary){.bytes = STRBUF_EMPTY};
    put_header(&v->bytes, 3, 0, 5);
    put_kv_str(&v->bytes, "tokenizer.ggml.model", "gpt2");
    put_kv_str(&v->bytes, "tokenizer.ggml.pre", "gpt-2");
    put_kv_strs(&v->bytes, "tokenizer.ggml.tokens", names, N_IDS + 3);
    put_kv_strs(&v->bytes, "tokenizer.ggml.merges", merges, 1);
    put_array(&v->bytes, "tokenizer.ggml.token_type", GGUF_I32, N_IDS + 3);
    for (size_t i = 0; i < N_IDS + 3; i++)
        put_le(&v->bytes, i <= RETURN ? TOKEN_CONTROL : TOKEN_NORMAL, 4);
    must(gguf_open_memory(&v->g, strbuf_str(&v->bytes), v->bytes.len, "made up", &err), &err);
    must(tokenizer_create(&v->t, v->g, &err), &err);
}

static void close_vocabulary(vocabulary *v)
{
    tokenizer_free(v->t);
    gguf_close(v->g);
    strbuf_free(&v->bytes);
}

static void test_table(void **state)
{
    (void)state;
    static const char think[] = "{{ '</think>' }}", plain[] = "{{ messages }}";
    static const struct {
        const char *first, *second, *source, *opener;
        bool harmony, thinks;
    } cases[] = {
        {"<|start|>", "<|channel|>", plain, NULL, true, true},
        {"<|start|>", "<|other|>", plain, "<think>", false, false},
        {"<|start|>", "<|other|>", think, "<think>", false, true},
        {"<think>", "</think>", plain, "<think>", false, true},
        {"[THINK]", "[/THINK]", plain, "[THINK]", false, true},
        {"[THINK]", "[/THINK]", NULL, "[THINK]", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vocabulary v;
        channels ch;
        open_vocabulary(&v, cases[i].first, cases[i].second);
        channels_find(&ch, v.t, cases[i].source, cases[i].source ? strlen(cases[i].source) : 0);
        assert_int_equal(ch.is_harmony, cases[i].harmony);
        assert_int_equal(ch.thinks, cases[i].thinks);
        if (cases[i].opener) assert_string_equal(ch.opener, cases[i].opener);
        close_vocabulary(&v);
    }
}

/* ---- Harmony ---- */

typedef struct {
    const char *prompt; /* its end */
    int32_t ids[16];
    size_t n;
    const char *answer, *thought;
    thought_state is;
} harmony_case;

static const harmony_case harmony_cases[] = {
    {"<|start|>assistant",
     {CHANNEL, ANALYSIS, MESSAGE, HM, END, START, CHANNEL, FINAL, MESSAGE, FOUR},
     10,
     "4",
     "hm",
     THOUGHT_PRESENT},
    {"<|start|>assistant", {CHANNEL, FINAL, MESSAGE, FOUR, HM}, 5, "4hm", NULL, THOUGHT_ABSENT},
    /* cut off in the analysis, or in a header: there is no answer */
    {"<|start|>assistant", {CHANNEL, ANALYSIS, MESSAGE, FOUR, FOUR}, 5, "", "44", THOUGHT_PRESENT},
    {"<|start|>assistant",
     {CHANNEL, ANALYSIS, MESSAGE, FOUR, END, START},
     6,
     "",
     "4",
     THOUGHT_PRESENT},
    {"<|start|>assistant", {CHANNEL, FINAL}, 2, "", NULL, THOUGHT_ABSENT},
    /* two analyses; a call of a tool is neither thought nor answer */
    {"<|start|>assistant",
     {CHANNEL, ANALYSIS, MESSAGE, HM, END, START, CHANNEL, ANALYSIS, MESSAGE, FOUR},
     10,
     "",
     "hm\n\n4",
     THOUGHT_PRESENT},
    {"<|start|>assistant", {CHANNEL, COMMENTARY, TO, MESSAGE, FOUR}, 5, "", NULL, THOUGHT_ABSENT},
    {"<|start|>assistant", {CHANNEL, COMMENTARY, MESSAGE, FOUR}, 4, "", "4", THOUGHT_PRESENT},
    /* a stop string counts in the final channel only */
    {"<|start|>assistant",
     {CHANNEL, ANALYSIS, MESSAGE, STOP, HM, END, START, CHANNEL, FINAL, MESSAGE, FOUR, STOP, HM},
     13,
     "4",
     "stophm",
     THOUGHT_PRESENT},
    /* prefilled, and no marker at all */
    {"<|start|>assistant<|channel|>final<|message|>", {FOUR, HM}, 2, "4hm", NULL, THOUGHT_ABSENT},
    {"<|start|>assistant<|channel|>analysis<|message|>", {HM}, 1, "", "hm", THOUGHT_PRESENT},
    {"<|start|>assistant", {FOUR, HM}, 2, "4hm", NULL, THOUGHT_ABSENT},
};

static void test_harmony(void **state)
{
    (void)state;
    vocabulary v;
    channels ch;
    waage_err err = {0};
    open_vocabulary(&v, "<|start|>", "<|channel|>");
    channels_find(&ch, v.t, NULL, 0);
    assert_false(tokenizer_is_eog(v.t, END));
    assert_true(tokenizer_is_eog(v.t, RETURN));
    for (size_t i = 0; i < sizeof harmony_cases / sizeof *harmony_cases; i++) {
        const harmony_case *c = &harmony_cases[i];
        const char *stop[] = {"stop"};
        const request rq = {.proto = PROTOCOL_CHAT, .stop = stop, .n_stop = 1};
        answer a;
        reply rp = {0};
        answer_init(&a, v.t, &rq, &ch, channels_part_behind(&ch, c->prompt, strlen(c->prompt)));
        for (size_t k = 0; k < c->n && !answer_put(&a, c->ids[k]); k++)
            ;
        answer_end(&a);
        must(answer_split(&a, &rp, &err), &err);
        if (strcmp(rp.text, c->answer) != 0) fail_msg("case %zu: '%s'", i, rp.text);
        assert_int_equal(rp.thought_is, c->is);
        if (c->thought)
            assert_string_equal(rp.thought, c->thought);
        else
            assert_null(rp.thought);
        answer_free(&a);
    }
    close_vocabulary(&v);
}

static void test_harmony_is_forced(void **state)
{
    (void)state;
    static const int32_t end[] = {END, START, CHANNEL, FINAL, MESSAGE};
    vocabulary v;
    channels ch;
    waage_err err = {0};
    open_vocabulary(&v, "<|start|>", "<|channel|>");
    channels_find(&ch, v.t, NULL, 0);
    const request rq = {.proto = PROTOCOL_CHAT, .think = {REASONING_DEFAULT, 2}};
    answer a;
    reply rp = {0};
    answer_init(&a, v.t, &rq, &ch, PART_HIDDEN);
    static const int32_t said[] = {CHANNEL, ANALYSIS, MESSAGE, HM, HM};
    for (size_t i = 0; i < 5; i++) {
        assert_false(answer_wants_end(&a));
        (void)answer_put(&a, said[i]);
    }
    assert_true(answer_wants_end(&a));
    answer_force(&a, end, 5);
    assert_false(answer_wants_end(&a));
    (void)answer_put(&a, FOUR);
    answer_end(&a);
    must(answer_split(&a, &rp, &err), &err);
    assert_string_equal(rp.text, "4");
    assert_string_equal(rp.thought, "hmhm");
    assert_int_equal(rp.thought_tokens, 2);
    assert_int_equal(rp.forced_closes, 1);
    answer_free(&a);
    close_vocabulary(&v);
}

/* A model that goes on thinking behind a forced end and then ends it by itself: the second closer
 * is no part of the answer, in the stream neither; a third one is text. */
static void test_forced_and_closed(void **state)
{
    (void)state;
    static const struct {
        int32_t ids[8];
        size_t n;
        const char *answer;
    } cases[] = {
        {{HM, CHANNEL, FOUR}, 3, "hm4"},
        {{CHANNEL, FOUR}, 2, "4"},
        {{FOUR}, 1, "4"},
        {{HM, CHANNEL, FOUR, CHANNEL, HM}, 5, "hm4</think>hm"},
    };
    static const int32_t end[] = {CHANNEL};
    vocabulary v;
    channels ch;
    waage_err err = {0};
    open_vocabulary(&v, "<think>", "</think>");
    channels_find(&ch, v.t, NULL, 0);
    const request rq = {.proto = PROTOCOL_CHAT, .think = {REASONING_DEFAULT, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        answer a;
        reply rp = {0};
        part_kind kind;
        const char *s;
        size_t len;
        strbuf streamed = STRBUF_EMPTY;
        answer_init(&a, v.t, &rq, &ch, PART_THOUGHT);
        (void)answer_put(&a, HM);
        (void)answer_put(&a, HM);
        assert_true(answer_wants_end(&a));
        answer_force(&a, end, 1);
        for (size_t k = 0; k <= cases[i].n; k++) {
            if (k < cases[i].n)
                (void)answer_put(&a, cases[i].ids[k]);
            else
                answer_end(&a);
            while (answer_stream(&a, &kind, &s, &len))
                if (kind == PART_ANSWER) strbuf_put(&streamed, s, len);
        }
        must(answer_split(&a, &rp, &err), &err);
        assert_string_equal(rp.text, cases[i].answer);
        assert_string_equal(strbuf_str(&streamed), cases[i].answer);
        assert_string_equal(rp.thought, "hmhm");
        assert_int_equal(rp.thought_tokens, 2);
        answer_free(&a);
        strbuf_free(&streamed);
    }
    close_vocabulary(&v);
}

/* Any tokens in any order: what was streamed stays, parts are within the text, a stop string is not
 * in the answer of a harmony model's final channel, the budget holds. */
static void test_any_tokens(void **state)
{
    (void)state;
    static const char *const vocabularies[][2] = {
        {"<|start|>", "<|channel|>"}, {"<think>", "</think>"}, {"<|start|>", "hm"}};
    static const int32_t end[] = {END, START, CHANNEL, FINAL, MESSAGE};
    rng r;
    waage_err err = {0};
    rng_init(&r, 9, 1);
    for (size_t i = 0; i < 3000; i++) {
        vocabulary v;
        channels ch;
        answer a;
        reply rp = {0};
        strbuf streamed = STRBUF_EMPTY;
        const char *s, *stop[] = {"stop", "4h"};
        size_t len, n_forced = 0;
        part_kind kind;
        const request rq = {.proto = PROTOCOL_CHAT,
                            .stop = stop,
                            .n_stop = rng_below(&r, 3),
                            .think = {REASONING_DEFAULT, (uint32_t)rng_below(&r, 6)}};
        open_vocabulary(&v, vocabularies[i % 3][0], vocabularies[i % 3][1]);
        channels_find(&ch, v.t, NULL, 0);
        answer_init(&a, v.t, &rq, &ch, (part_kind)rng_below(&r, ch.is_harmony ? 3 : 2));
        for (size_t k = rng_below(&r, 40); k > 0 && !a.stopped; k--) {
            (void)answer_put(&a, (int32_t)rng_below(&r, N_IDS + 4) - 1);
            if (!a.stopped && answer_wants_end(&a)) {
                answer_force(&a, end, 5);
                n_forced++;
            }
            while (answer_stream(&a, &kind, &s, &len))
                strbuf_put(&streamed, s, len);
        }
        answer_end(&a);
        while (answer_stream(&a, &kind, &s, &len))
            strbuf_put(&streamed, s, len);
        must(answer_split(&a, &rp, &err), &err);
        assert_int_equal(streamed.len, a.text.len);
        assert_memory_equal(strbuf_str(&streamed), strbuf_str(&a.text), streamed.len);
        assert_true(rp.text_len <= a.text.len);
        assert_int_equal(rp.forced_closes, n_forced);
        assert_true((rp.thought != NULL) == (rp.thought_is != THOUGHT_ABSENT));
        answer_free(&a);
        strbuf_free(&streamed);
        close_vocabulary(&v);
    }
}

/* ---- A tiny model with templates of models that think ---- */

static const char llama_path[] = "tests/fixtures/tiny-llama.gguf";

#define HEAD "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
static const char opens[] = HEAD "[a]{{ '<think>\\n' }}";
static const char switched[] =
    HEAD "[a]{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n"
         "{% endif %}";
static const char silent[] = HEAD "[a]{# </think> #}{% set x = '</think>' %}";
static const char efforts[] = HEAD "[{{ reasoning_effort|default('none') }}]";

static void use_template(runner *r, const char *source)
{
    local_model *m = (local_model *)r;
    static const template_options how = TEMPLATE_FOR_CHAT;
    waage_err err = {0};
    template *t;
    must(template_compile(&t, &m->arena, source, strlen(source), "t", 1, &how, &err), &err);
    m->prompts.chat = t;
    channels_find(&m->ch, m->tok, source, strlen(source));
    assert_ptr_equal(m->prompts.ch, &m->ch);
}

static void test_prompts(void **state)
{
    (void)state;
    static const struct {
        const char *source, *prefix;
        reasoning think;
        request_kind kind;
        const char *end;
    } cases[] = {
        {opens, NULL, {REASONING_DEFAULT, 0}, REQUEST_GENERATE, "[user]Q[a]<think>\n"},
        {opens, NULL, {REASONING_HIGH, 9}, REQUEST_GENERATE, "[user]Q[a]<think>\n"},
        {opens, NULL, {REASONING_OFF, 0}, REQUEST_GENERATE, "[user]Q[a]<think>\n\n</think>\n\n"},
        {opens, "So", {0, 0}, REQUEST_GENERATE, "[user]Q[a]<think>\n\n</think>\n\nSo"},
        {opens, NULL, {0, 0}, REQUEST_LOGLIK, "[user]Q[a]<think>\n\n</think>\n\n"},
        {switched, NULL, {0, 0}, REQUEST_GENERATE, "[user]Q[a]"},
        {switched, NULL, {0, 5}, REQUEST_GENERATE, "[user]Q[a]"},
        {switched, NULL, {REASONING_OFF, 0}, REQUEST_GENERATE, "[user]Q[a]<think>\n\n</think>\n\n"},
        {switched, NULL, {0, 0}, REQUEST_LOGLIK, "[user]Q[a]<think>\n\n</think>\n\n"},
        {silent, NULL, {REASONING_OFF, 0}, REQUEST_GENERATE, "[user]Q[a]<think>\n\n</think>\n\n"},
        {silent, NULL, {0, 0}, REQUEST_LOGLIK, "[user]Q[a]"},
        {efforts, NULL, {0, 0}, REQUEST_GENERATE, "[user]Q[none]"},
        {efforts, NULL, {0, 7}, REQUEST_GENERATE, "[user]Q[none]"},
        {efforts, NULL, {REASONING_MEDIUM, 0}, REQUEST_GENERATE, "[user]Q[medium]"},
        {efforts, NULL, {REASONING_OFF, 0}, REQUEST_GENERATE, "[user]Q[low]"},
    };
    waage_err err = {0};
    runner *r;
    must(runner_open(&r, llama_path, &(runner_options){.inspect_only = true}, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const message m = {"user", "Q"};
        const request rq = {.kind = cases[i].kind,
                            .proto = PROTOCOL_CHAT,
                            .messages = &m,
                            .n_messages = 1,
                            .think = cases[i].think,
                            .answer_prefix = cases[i].prefix};
        strbuf b = STRBUF_EMPTY;
        size_t n;
        use_template(r, cases[i].source);
        must(r->ops->render(r, &rq, &b, &n, &err), &err);
        if (strcmp(strbuf_str(&b), cases[i].end) != 0)
            fail_msg("case %zu: '%s'", i, strbuf_str(&b));
        strbuf_free(&b);
    }
    runner_close(r);
}

/* An opener at the end of the question is the user's text: no thought was opened. */
static void test_user_opens_no_thought(void **state)
{
    (void)state;
    waage_err err = {0};
    runner *r;
    arena a = ARENA_EMPTY;
    prompt p;
    must(runner_open(&r, llama_path, &(runner_options){.inspect_only = true}, &err), &err);
    use_template(r, HEAD);
    const message m = {"user", "What is <think>"};
    const request rq = {.proto = PROTOCOL_CHAT, .messages = &m, .n_messages = 1};
    must(prompt_make(&p, &((local_model *)r)->prompts, &rq, &a, &err), &err);
    assert_int_equal(p.part, PART_ANSWER);
    arena_free(&a);
    runner_close(r);
}

/* ---- Running ---- */

typedef struct {
    const request *rq;
    bool given;
    finish_reason finish;
    char text[2048], thought[2048];
    uint32_t n_thought, n_forced;
    size_t n_tokens;
    float logprobs[1024];
    arena mem;
    task_verdict verdict;
    const task *graded_by;
} exchange;

static runner_next give(void *ctx, const request **out)
{
    exchange *x = ctx;
    if (x->given) return RUNNER_END;
    x->given = true;
    *out = x->rq;
    return RUNNER_REQUEST;
}

static waage_status take(void *ctx, const request *rq, const reply *rp, waage_err *err)
{
    exchange *x = ctx;
    (void)rq;
    x->finish = rp->finish;
    snprintf(x->text, sizeof x->text, "%s", rp->text);
    snprintf(x->thought, sizeof x->thought, "%s", rp->thought ? rp->thought : "");
    x->n_thought = rp->thought_tokens;
    x->n_forced = rp->forced_closes;
    x->n_tokens = rp->n_tokens;
    assert_true(rp->n_tokens <= 1024);
    memcpy(x->logprobs, rp->logprobs, rp->n_tokens * sizeof *x->logprobs);
    return x->graded_by ? task_score(x->graded_by, 0, rp, 1, &x->verdict, &x->mem, err) : WAAGE_OK;
}

static void ask(runner *r, const request *rq, const task *graded_by, exchange *x)
{
    waage_err err = {0};
    memset(x, 0, sizeof *x);
    x->rq = rq;
    x->graded_by = graded_by;
    const runner_io io = {.ctx = x, .next = give, .done = take};
    must(r->ops->run(r, &io, &err), &err);
}

static void test_budget(void **state)
{
    (void)state;
    static exchange free_run, bounded, again;
    waage_err err = {0};
    runner *r;
    must(runner_open(&r, llama_path, &(runner_options){.n_threads = 1}, &err), &err);
    use_template(r, opens);
    const message m = {"user", "Two plus two?"};
    request rq = {.item_id = "t",
                  .kind = REQUEST_GENERATE,
                  .proto = PROTOCOL_CHAT,
                  .messages = &m,
                  .n_messages = 1,
                  .max_tokens = 12,
                  .sample_by = SAMPLING_GREEDY};
    ask(r, &rq, NULL, &free_run);
    assert_int_equal(free_run.finish, FINISH_LENGTH); /* noise never closes a thought */
    assert_string_equal(free_run.text, "");
    assert_int_equal(free_run.n_thought, 12);
    assert_int_equal(free_run.n_forced, 0);

    rq.think.budget = 7;
    ask(r, &rq, NULL, &bounded);
    const size_t n_end = ((local_model *)r)->n_end_thought;
    assert_true(n_end > 0);
    assert_int_equal(bounded.n_forced, 1);
    assert_int_equal(bounded.n_thought, 7);
    assert_int_equal(bounded.n_tokens, 7 + n_end + 12); /* the limit is the answer's */
    assert_true(bounded.text[0] != '\0');
    assert_memory_equal(bounded.logprobs, free_run.logprobs, 7 * sizeof(float));
    ask(r, &rq, NULL, &again);
    assert_memory_equal(bounded.logprobs, again.logprobs, sizeof bounded.logprobs);

    rq.think.budget = 500; /* more than the model takes before the limit of all */
    rq.max_tokens = 3;
    ask(r, &rq, NULL, &bounded);
    assert_int_equal(bounded.n_forced, bounded.n_thought == 500);
    runner_close(r);
}

/* ---- Grading: a trace that was cut off has no answer, whatever stands in it ---- */

static void test_cut_off_is_truncated(void **state)
{
    (void)state;
    static const char yaml[] =
        "task: t\ndataset_path: inline\ndocs: [{q: Two plus two, a: '4'}]\nprotocols: [chat]\n"
        "doc_to_text: q\ndoc_to_target: a\ngeneration_kwargs: {max_gen_toks: 12}\n"
        "reasoning: high:3\nextract: {answer: number}\nmetric_list: [{metric: exact_match}]\n";
    char dir[] = "/tmp/waage-channels-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/t.yaml", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(yaml, f);
    fclose(f);
    static exchange x;
    arena a = ARENA_EMPTY;
    task_list tasks;
    waage_err err = {0};
    request rq;
    runner *r;
    must(task_load(&tasks, &a, path, &(task_options){.num_fewshot = -1}, &err), &err);
    must(task_build_request(tasks.tasks[0], 0, PROTOCOL_CHAT, 0, 0, NULL, &rq, &a, &err), &err);
    assert_int_equal(rq.think.effort, REASONING_HIGH);
    assert_int_equal(rq.think.budget, 3);
    must(runner_open(&r, llama_path, &(runner_options){.n_threads = 1}, &err), &err);
    use_template(r, opens);
    rq.think.budget = 0;
    ask(r, &rq, tasks.tasks[0], &x);
    assert_int_equal(x.verdict.result, OUTCOME_TRUNCATED);
    assert_true(x.verdict.has_credit && x.verdict.credit == 0);
    arena_free(&x.mem);
    runner_close(r);

    /* the same by hand: the right number stands in the thought */
    static const char *const thoughts[] = {"The answer is 4.", "\\boxed{4}", "#### 4"};
    for (size_t i = 0; i < sizeof thoughts / sizeof *thoughts; i++) {
        task_verdict v;
        const reply rp = {.finish = FINISH_LENGTH,
                          .text = "",
                          .thought = thoughts[i],
                          .thought_is = THOUGHT_PRESENT};
        must(task_score(tasks.tasks[0], 0, &rp, 1, &v, &a, &err), &err);
        assert_int_equal(v.result, OUTCOME_TRUNCATED);
        assert_true(v.has_credit && v.credit == 0);
    }
    task_list_close(&tasks);
    arena_free(&a);
    remove(path);
    remove(dir);
}

static void test_reasoning_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
        reasoning r;
    } good[] = {
        {"off", "off", {REASONING_OFF, 0}},          {"low", "low", {REASONING_LOW, 0}},
        {"medium", "medium", {REASONING_MEDIUM, 0}}, {"high", "high", {REASONING_HIGH, 0}},
        {"2048", "2048", {REASONING_DEFAULT, 2048}}, {"0", "off", {REASONING_OFF, 0}},
        {"low:16", "low:16", {REASONING_LOW, 16}},
    };
    static const char *const bad[] = {"",      "on",          "high:", "high:x", "off:5",
                                      ":5",    "5:5",         "high ", "-1",     "1e3",
                                      "low:0", "99999999999", "lo",    "lowhigh"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        reasoning r;
        char text[REASONING_TEXT];
        assert_true(reasoning_from_text(&r, good[i].text));
        assert_int_equal(r.effort, good[i].r.effort);
        assert_int_equal(r.budget, good[i].r.budget);
        reasoning_print(text, r);
        assert_string_equal(text, good[i].printed);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        reasoning r;
        if (reasoning_from_text(&r, bad[i])) fail_msg("'%s' was taken", bad[i]);
    }
}

int test_channels(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasoning_text),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_harmony),
        cmocka_unit_test(test_harmony_is_forced),
        cmocka_unit_test(test_forced_and_closed),
        cmocka_unit_test(test_any_tokens),
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_user_opens_no_thought),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_cut_off_is_truncated),
    };
    return cmocka_run_group_tests_name("channels", tests, NULL, NULL);
}
