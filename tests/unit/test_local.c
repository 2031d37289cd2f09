/* test_local.c - the runner "gguf" on the tiny models: facts, rendering, stop strings, channels,
 * streaming, lengths, refusals. What the tiny models say is noise, but always the same noise. */
#include <math.h>
#include "engine_fixture.h"
#include "runners/local/answer.h"
#include "runners/local/local.h"
#include "runners/local/local_internal.h"

static const char llama_path[] = "tests/fixtures/tiny-llama.gguf";
static const char gemma_path[] = "tests/fixtures/tiny-gemma3.gguf";

enum { MAX_REQUESTS = 16, TEXT_CAP = 4096 };

/* What came back for one request, copied. */
typedef struct {
    bool done;
    finish_reason finish;
    char text[TEXT_CAP], thought[TEXT_CAP], error[TEXT_CAP], streamed[TEXT_CAP];
    thought_state thought_is;
    size_t n_tokens, n_streamed, n_choices;
    int32_t tokens[512];
    float logprobs[512];
    choice_score choices[8];
    uint32_t prompt_tokens;
} got;

typedef struct {
    const request *rq;
    size_t n, next;
    got *out;
} exchange;

static runner_next give(void *ctx, const request **out)
{
    exchange *x = ctx;
    if (x->next == x->n) return RUNNER_END;
    *out = &x->rq[x->next++];
    return RUNNER_REQUEST;
}

static waage_status take(void *ctx, const request *rq, const reply *rp, waage_err *err)
{
    exchange *x = ctx;
    got *g = &x->out[rq - x->rq];
    (void)err;
    assert_false(g->done);
    g->done = true;
    g->finish = rp->finish;
    (void)snprintf(g->text, TEXT_CAP, "%s", rp->text);
    (void)snprintf(g->thought, TEXT_CAP, "%s", rp->thought ? rp->thought : "");
    (void)snprintf(g->error, TEXT_CAP, "%s", rp->error ? rp->error : "");
    assert_int_equal(strlen(rp->text), rp->text_len);
    g->thought_is = rp->thought_is;
    g->n_tokens = rp->n_tokens;
    assert_true(rp->n_tokens <= 512 && rp->n_choices <= 8);
    for (size_t i = 0; i < rp->n_tokens; i++) {
        g->tokens[i] = rp->tokens[i];
        g->logprobs[i] = rp->logprobs[i];
    }
    g->n_choices = rp->n_choices;
    for (size_t i = 0; i < rp->n_choices; i++)
        g->choices[i] = rp->choices[i]; /* pointers are dead after this call */
    g->prompt_tokens = rp->prompt_tokens;
    return WAAGE_OK;
}

static void stream(void *ctx, const request *rq, runner_channel channel, const char *text,
                   size_t len)
{
    (void)channel;
    exchange *x = ctx;
    got *g = &x->out[rq - x->rq];
    assert_true(g->n_streamed + len < TEXT_CAP);
    memcpy(g->streamed + g->n_streamed, text, len);
    g->n_streamed += len;
}

static runner *open_model(const char *path, const runner_options *opt)
{
    waage_err err = {0};
    runner *r;
    must(runner_open(&r, path, opt, &err), &err);
    return r;
}

static void ask(runner *r, const request *rq, size_t n, got *out)
{
    exchange x = {rq, n, 0, out};
    const runner_io io = {.ctx = &x, .next = give, .done = take, .stream = stream};
    waage_err err = {0};
    memset(out, 0, n * sizeof *out);
    must(r->ops->run(r, &io, &err), &err);
    for (size_t i = 0; i < n; i++)
        assert_true(out[i].done);
}

static request completion(const char *text, uint32_t max_tokens)
{
    return (request){.item_id = "t",
                     .kind = REQUEST_GENERATE,
                     .proto = PROTOCOL_COMPLETION,
                     .prompt = text,
                     .max_tokens = max_tokens,
                     .sample_by = SAMPLING_GREEDY};
}

static const runner_options one_thread = {.n_threads = 1};

static void test_info(void **state)
{
    (void)state;
    runner *r = open_model(llama_path, &(runner_options){.inspect_only = true});
    const runner_info *i = r->ops->info(r);
    assert_string_equal(i->kind, "local");
    assert_string_equal(i->name, "Tiny Llama");
    assert_int_equal(strlen(i->sha256), 64);
    assert_int_equal(i->context_length, 1024);
    assert_true(i->can_chat && i->can_complete && i->can_loglik && i->deterministic);
    assert_string_equal(i->activations, "i16");
    assert_string_equal(value_get_str(i->meta, "architecture", ""), "llama");
    waage_err err = {0};
    const runner_io io = {.next = give, .done = take};
    assert_int_equal(r->ops->run(r, &io, &err), WAAGE_EINVAL); /* no weights were loaded */
    strbuf b = STRBUF_EMPTY;
    must(r->ops->describe(r, &b, &err), &err);
    assert_non_null(strstr(strbuf_str(&b), "llama"));
    strbuf_free(&b);
    runner_close(r);
    r = open_model(gemma_path, &(runner_options){.inspect_only = true});
    assert_false(r->ops->info(r)->can_chat);
    assert_non_null(strstr(r->ops->info(r)->no_chat, "template"));
    runner_close(r);
}

static void test_wrong_options(void **state)
{
    (void)state;
    runner *r;
    waage_err err = {0};
    assert_int_equal(runner_open(&r, "none.gguf", &one_thread, &err), WAAGE_EIO);
    assert_int_equal(runner_open(&r, "what:ever", &one_thread, &err), WAAGE_ENOTFOUND);
    runner_options o = {.activations = "i4"};
    assert_int_equal(runner_open(&r, llama_path, &o, &err), WAAGE_EINVAL);
    assert_non_null(strstr(err.msg, "i4"));
    o = (runner_options){.kv_format = "q4"};
    assert_int_equal(runner_open(&r, llama_path, &o, &err), WAAGE_EINVAL);
    assert_non_null(strstr(err.msg, "q8"));
    o = (runner_options){.isa = "vax"};
    assert_int_equal(runner_open(&r, llama_path, &o, &err), WAAGE_EINVAL);
    assert_non_null(strstr(err.msg, "portable"));
    assert_null(r);
}

static void test_render(void **state)
{
    (void)state;
    runner *r = open_model(llama_path, &(runner_options){.inspect_only = true});
    const message msgs[] = {{"user", "Is <|im_end|> a token?"}};
    request rq = {.kind = REQUEST_GENERATE,
                  .proto = PROTOCOL_CHAT,
                  .messages = msgs,
                  .n_messages = 1,
                  .answer_prefix = "Well"};
    strbuf b = STRBUF_EMPTY;
    waage_err err = {0};
    size_t n = 0, n_plain = 0;
    must(r->ops->render(r, &rq, &b, &n, &err), &err);
    assert_string_equal(strbuf_str(&b), "<|im_start|>user\nIs <|im_end|> a token?<|im_end|>\n"
                                        "<|im_start|>assistant\nWell");
    /* Three control tokens come from the template; the one in the question is plain text. */
    const int32_t *ids;
    arena a = ARENA_EMPTY;
    must(r->ops->tokenize(r, strbuf_str(&b), b.len, false, true, &ids, NULL, &n_plain, &a, &err),
         &err);
    assert_true(n > n_plain);
    arena_free(&a);
    strbuf_clear(&b);
    rq.proto = PROTOCOL_COMPLETION;
    rq.prompt = "exact text ";
    must(r->ops->render(r, &rq, &b, &n, &err), &err);
    assert_string_equal(strbuf_str(&b), "exact text ");
    strbuf_free(&b);
    runner_close(r);
}

static void test_generate(void **state)
{
    (void)state;
    static got g[4], again[4];
    runner *r = open_model(llama_path, &one_thread);
    request rq[4] = {completion("The capital of France is", 40), completion("", 10),
                     completion("Two plus two is", 40), completion("Two plus two is", 40)};
    rq[2].sample_by = (sampling){.temperature = 1.0, .top_p = 1.0, .seed = 4};
    rq[3].sample_by = rq[2].sample_by;
    rq[3].sample = 1;
    ask(r, rq, 4, g);
    for (size_t i = 0; i < 4; i++) {
        assert_true(g[i].finish == FINISH_LENGTH || g[i].finish == FINISH_STOP);
        assert_true(g[i].n_tokens > 0 && g[i].n_tokens <= rq[i].max_tokens);
        g[i].streamed[g[i].n_streamed] = '\0';
        assert_string_equal(g[i].streamed, g[i].text);
        for (size_t k = 0; k < g[i].n_tokens; k++)
            assert_true(g[i].logprobs[k] <= 0.0f && isfinite(g[i].logprobs[k]));
    }
    assert_int_equal(g[1].prompt_tokens, 1); /* nothing to read: the token that begins a text */
    assert_true(g[2].n_tokens != g[3].n_tokens ||
                memcmp(g[2].tokens, g[3].tokens, g[2].n_tokens * sizeof(int32_t)) != 0);
    ask(r, rq, 4, again);
    for (size_t i = 0; i < 4; i++)
        assert_memory_equal(g[i].logprobs, again[i].logprobs, sizeof g[i].logprobs);
    runner_close(r);
}

/* A stop string found in the free text ends it there, wherever tokens are cut; what is streamed
 * never goes beyond. */
static void test_stop_strings(void **state)
{
    (void)state;
    static got all[1], g[1];
    runner *r = open_model(llama_path, &one_thread);
    request rq = completion("Question: what is", 60);
    ask(r, &rq, 1, all);
    const size_t len = strlen(all[0].text);
    assert_true(len > 20);
    for (size_t at = 3; at + 4 < len && at < 40; at += 3) {
        char stop[5] = "";
        memcpy(stop, all[0].text + at, 4);
        if ((stop[0] & 0xC0) == 0x80) continue; /* inside a character */
        const char *stops[] = {"no such text", stop};
        const size_t first = (size_t)(strstr(all[0].text, stop) - all[0].text);
        rq.stop = stops;
        rq.n_stop = 2;
        ask(r, &rq, 1, g);
        assert_int_equal(g[0].finish, FINISH_STOP);
        assert_int_equal(strlen(g[0].text), first);
        assert_memory_equal(g[0].text, all[0].text, first);
        assert_int_equal(g[0].n_streamed, first);
        assert_true(g[0].n_tokens <= all[0].n_tokens);
        assert_memory_equal(g[0].logprobs, all[0].logprobs, g[0].n_tokens * sizeof(float));
    }
    runner_close(r);
}

/* The same text in one choice or in pieces: log-probabilities along a text add up. */
static void test_loglik(void **state)
{
    (void)state;
    static got g[3];
    runner *r = open_model(gemma_path, &one_thread);
    const char *two[] = {" Paris. The answer is 42.", " a stone", " an apple"};
    const char *one[] = {" an apple"};
    const char *blank[] = {"an apple"};
    request rq[3] = {{.item_id = "a",
                      .kind = REQUEST_LOGLIK,
                      .prompt = "The capital of France is",
                      .choice = two,
                      .n_choices = 3},
                     {.item_id = "b",
                      .kind = REQUEST_LOGLIK,
                      .prompt = "The capital of France is",
                      .choice = one,
                      .n_choices = 1},
                     {.item_id = "c",
                      .kind = REQUEST_LOGLIK,
                      .prompt = "The capital of France is ",
                      .choice = blank,
                      .n_choices = 1}};
    ask(r, rq, 3, g);
    assert_int_equal(g[0].finish, FINISH_SCORED);
    assert_int_equal(g[0].n_choices, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(g[0].choices[i].n_tokens > 0 && g[0].choices[i].logprob < 0);
    /* bits do not depend on the neighbours, and a blank belongs to the continuation */
    assert_memory_equal(&g[0].choices[2].logprob, &g[1].choices[0].logprob, sizeof(double));
    assert_memory_equal(&g[0].choices[2].logprob, &g[2].choices[0].logprob, sizeof(double));
    assert_int_equal(g[2].choices[0].n_tokens, g[1].choices[0].n_tokens);
    runner_close(r);
}

/* What generate says of its greedy tokens is what loglik says of them. */
static void test_loglik_agrees_with_generate(void **state)
{
    (void)state;
    static got g[1], s[1];
    runner *r = open_model(gemma_path, &one_thread);
    request rq = completion("Two plus two is", 1);
    ask(r, &rq, 1, g);
    const char *choice[] = {g[0].text};
    assert_true(strlen(g[0].text) > 0);
    request score = {.item_id = "s",
                     .kind = REQUEST_LOGLIK,
                     .prompt = "Two plus two is",
                     .choice = choice,
                     .n_choices = 1};
    ask(r, &score, 1, s);
    if (s[0].choices[0].n_tokens == 1) { /* the text of a token may be tokenised otherwise */
        assert_true((float)s[0].choices[0].logprob == g[0].logprobs[0]);
        assert_true(s[0].choices[0].greedy);
    }
    runner_close(r);
}

static void test_refusals(void **state)
{
    (void)state;
    static got g[4];
    static char longest[8000];
    runner *r = open_model(gemma_path, &one_thread);
    const message msgs[] = {{"user", "hello"}};
    memset(longest, 'x', sizeof longest - 1);
    request rq[4] = {completion(longest, 4),
                     completion("short", 4),
                     {.item_id = "c",
                      .kind = REQUEST_GENERATE,
                      .proto = PROTOCOL_CHAT,
                      .messages = msgs,
                      .n_messages = 1,
                      .max_tokens = 4},
                     {.item_id = "d", .kind = REQUEST_LOGLIK, .prompt = "no choices"}};
    ask(r, rq, 4, g);
    assert_int_equal(g[0].finish, FINISH_UNSUPPORTED);
    assert_non_null(strstr(g[0].error, "1024"));
    assert_int_equal(g[1].finish, FINISH_LENGTH);
    assert_int_equal(g[2].finish, FINISH_UNSUPPORTED);
    assert_non_null(strstr(g[2].error, "template"));
    assert_int_equal(g[3].finish, FINISH_UNSUPPORTED);
    runner_close(r);
}

/* A caller that stops: done() fails at the given reply. */
typedef struct {
    exchange x;
    size_t left;
} quitter;

static runner_next give_to_quitter(void *ctx, const request **out)
{
    return give(&((quitter *)ctx)->x, out);
}

static waage_status quit(void *ctx, const request *rq, const reply *rp, waage_err *err)
{
    quitter *q = ctx;
    (void)rq, (void)rp;
    return --q->left > 0 ? WAAGE_OK : waage_err_set(err, WAAGE_EWRITE, "the disk is full");
}

/* Whenever the caller fails, the run ends with its status, all pages are given back, nothing is
 * lost (ASan watches), and the next run gives what a first one gives. */
static void test_caller_fails(void **state)
{
    (void)state;
    static const char *const choices[] = {" one", " two", " twenty"};
    static got before[3], after[3];
    const runner_options few = {.n_threads = 1, .n_batch = 3};
    runner *r = open_model(llama_path, &few);
    const local_model *m = (const local_model *)r;
    request rq[3] = {completion("The first of the three prompts", 9),
                     completion("", 3),
                     {.item_id = "l",
                      .kind = REQUEST_LOGLIK,
                      .proto = PROTOCOL_COMPLETION,
                      .prompt = "Count: zero",
                      .choice = choices,
                      .n_choices = 3}};
    ask(r, rq, 3, before);
    for (size_t i = 1; i <= 3; i++) {
        waage_err err = {0};
        quitter q = {{rq, 3, 0, NULL}, i};
        const runner_io io = {.ctx = &q, .next = give_to_quitter, .done = quit};
        assert_int_equal(r->ops->run(r, &io, &err), WAAGE_EWRITE);
        assert_string_equal(err.msg, "the disk is full");
        assert_int_equal(kvcache_n_held(m->kv), 0);
    }
    ask(r, rq, 3, after);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(before[i].finish, after[i].finish);
        assert_int_equal(before[i].n_tokens, after[i].n_tokens);
        assert_memory_equal(before[i].logprobs, after[i].logprobs, sizeof before[i].logprobs);
    }
    for (size_t c = 0; c < 3; c++)
        assert_memory_equal(&before[2].choices[c].logprob, &after[2].choices[c].logprob,
                            sizeof(double));
    runner_close(r);
}

/* Up to the context, and not beyond it. */
static void test_context_ends_generation(void **state)
{
    (void)state;
    static got g[1];
    static char text[1000];
    runner *r = open_model(gemma_path, &one_thread);
    memset(text, 'q', sizeof text - 1);
    request rq = completion(text, 0);
    ask(r, &rq, 1, g);
    assert_true(g[0].finish == FINISH_STOP || g[0].prompt_tokens + g[0].n_tokens == 1024);
    runner_close(r);
}

/* ---- Text assembly, without a model's whims ---- */

static void take_stream(answer *a, strbuf streamed[4])
{
    const char *s;
    size_t len;
    part_kind kind;
    while (answer_stream(a, &kind, &s, &len)) {
        strbuf_put(&streamed[kind], s, len);
        strbuf_put(&streamed[3], s, len);
    }
}

/* streamed: by kind, and all of it. */
static void put_text(answer *a, const tokenizer *t, const char *text, strbuf streamed[4])
{
    const int32_t *ids;
    size_t n;
    arena mem = ARENA_EMPTY;
    waage_err err = {0};
    must(tokenizer_encode(t, text, strlen(text), false, false, &mem, &ids, &n, &err), &err);
    for (size_t i = 0; i < n && !answer_put(a, ids[i]); i++)
        take_stream(a, streamed);
    answer_end(a);
    take_stream(a, streamed);
    arena_free(&mem);
}

static void test_channels(void **state)
{
    (void)state;
    static const struct {
        const char *prompt, *text, *stop, *answer, *thought;
        thought_state is;
        bool chat, late; /* late: a closer turns answer into thought, after it was streamed */
    } cases[] = {
        {"", "<think>a\n\nb</think>\n\nfour\n\nfive", "\n\n", "four", "a\n\nb", THOUGHT_PRESENT,
         true, false},
        {"x<think>\n", "hm\n\nhm</think>yes", "\n\n", "yes", "hm\n\nhm", THOUGHT_PRESENT, true,
         false},
        {"x<think>\n", "hm, never ends", NULL, "", "hm, never ends", THOUGHT_PRESENT, true, false},
        {"", "\n<think>\n\n</think>\n\nyes", NULL, "yes", "\n\n", THOUGHT_EMPTY, true, false},
        {"", "plain answer", "swer", "plain an", NULL, THOUGHT_ABSENT, true, false},
        {"", "<thin ice", NULL, "<thin ice", NULL, THOUGHT_ABSENT, true, false},
        {"", "<think>a</think>b", NULL, "<think>a</think>b", NULL, THOUGHT_ABSENT, false, false},
        {"", "Well. <think>a</think>\n\nfour", NULL, "Well. four", "a", THOUGHT_PRESENT, true,
         false},
        {"", "<think>a</think> x <think>b</think> y", NULL, "x y", "a\n\nb", THOUGHT_PRESENT, true,
         false},
        {"", "<think></think><think>b</think>y", NULL, "y", "b", THOUGHT_PRESENT, true, false},
        {"", "a <think> b</think>c</think>d", NULL, "a c</think>d", " b", THOUGHT_PRESENT, true,
         false},
        {"", "hm\n</think>\n\nfour", NULL, "four", "hm\n", THOUGHT_PRESENT, true, true},
        {"x<think>", "a <think> b</think>c", NULL, "c", "a <think> b", THOUGHT_PRESENT, true,
         false},
        {"", "four <think>The answer is 5", NULL, "four ", "The answer is 5", THOUGHT_PRESENT, true,
         false},
        {"", "a<thing", "<", "a", NULL, THOUGHT_ABSENT, true, false},
        {"", "a<think>b</think>c", "<", "ac", "b", THOUGHT_PRESENT, true, false},
        {"", "a</thin", "</", "a", NULL, THOUGHT_ABSENT, true, false},
        {"", "über 漢字 🙂 ok", "🙂", "über 漢字 ", NULL, THOUGHT_ABSENT, false, false},
        {"", "", NULL, "", NULL, THOUGHT_ABSENT, true, false},
    };
    gguf *file;
    tokenizer *t;
    waage_err err = {0};
    must(gguf_open(&file, llama_path, &err), &err);
    must(tokenizer_create(&t, file, &err), &err);
    channels ch;
    channels_find(&ch, t, NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        answer a;
        reply rp = {0};
        strbuf streamed[4] = {STRBUF_EMPTY, STRBUF_EMPTY, STRBUF_EMPTY, STRBUF_EMPTY};
        const char *stops[] = {cases[i].stop};
        const request rq = {.proto = cases[i].chat ? PROTOCOL_CHAT : PROTOCOL_COMPLETION,
                            .stop = stops,
                            .n_stop = cases[i].stop != NULL};
        const part_kind first = channels_part_behind(&ch, cases[i].prompt, strlen(cases[i].prompt));
        answer_init(&a, t, &rq, cases[i].chat ? &ch : NULL, first);
        put_text(&a, t, cases[i].text, streamed);
        assert_string_equal(strbuf_str(&a.text), strbuf_str(&streamed[3]));
        must(answer_split(&a, &rp, &err), &err);
        if (strcmp(rp.text, cases[i].answer) != 0) fail_msg("case %zu: '%s'", i, rp.text);
        assert_int_equal(rp.text_len, strlen(cases[i].answer));
        assert_int_equal(rp.thought_is, cases[i].is);
        if (cases[i].thought)
            assert_string_equal(rp.thought, cases[i].thought);
        else
            assert_null(rp.thought);
        if (!cases[i].late) {
            assert_string_equal(strbuf_str(&streamed[PART_ANSWER]), cases[i].answer);
            if (cases[i].is == THOUGHT_PRESENT && !strstr(cases[i].thought, "a\n\nb"))
                assert_string_equal(strbuf_str(&streamed[PART_THOUGHT]), cases[i].thought);
        }
        answer_free(&a);
        for (size_t k = 0; k < 4; k++)
            strbuf_free(&streamed[k]);
    }
    tokenizer_free(t);
    gguf_close(file);
}

static void test_fidelity(void **state)
{
    (void)state;
    runner *r = open_model(llama_path, &one_thread);
    runner_fidelity i16, i8;
    waage_err err = {0};
    must(r->ops->fidelity(r, "i16", NULL, 0, 300, &i16, &err), &err);
    must(r->ops->fidelity(r, "i8", NULL, 0, 300, &i8, &err), &err);
    assert_int_equal(i16.n_positions, 300);
    assert_true(i16.mean_kl > 0 && i16.mean_kl < 1e-6);
    assert_true(i8.mean_kl > 100 * i16.mean_kl && i8.mean_kl < 1e-2);
    assert_true(i16.max_kl >= i16.p999_kl && i16.p999_kl >= i16.mean_kl);
    assert_int_equal(r->ops->fidelity(r, "i3", NULL, 0, 300, &i8, &err), WAAGE_EINVAL);
    runner_close(r);
}

/* What stored keys and values cost by themselves: nothing in f32, little in f16, more in q8. */
static void test_fidelity_of_kv_formats(void **state)
{
    (void)state;
    double kl[KERN_KV_FORMATS];
    for (kern_kv_format f = KERN_KV_F32; f < KERN_KV_FORMATS; f++) {
        runner_fidelity out;
        waage_err err = {0};
        runner *r = open_model(
            llama_path, &(runner_options){.n_threads = 1, .kv_format = kvcache_format_names[f]});
        assert_string_equal(r->ops->info(r)->kv_format, kvcache_format_names[f]);
        must(r->ops->fidelity(r, "f32", NULL, 0, 300, &out, &err), &err);
        kl[f] = out.mean_kl;
        runner_close(r);
    }
    assert_true(kl[KERN_KV_F32] == 0);
    assert_true(kl[KERN_KV_F16] > 0 && kl[KERN_KV_F16] < 1e-5);
    assert_true(kl[KERN_KV_Q8] > 10 * kl[KERN_KV_F16] && kl[KERN_KV_Q8] < 1e-2);
}

int test_local(void);
int test_local(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_render),
        cmocka_unit_test(test_generate),
        cmocka_unit_test(test_stop_strings),
        cmocka_unit_test(test_loglik),
        cmocka_unit_test(test_loglik_agrees_with_generate),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_caller_fails),
        cmocka_unit_test(test_context_ends_generation),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_fidelity),
        cmocka_unit_test(test_fidelity_of_kv_formats),
    };
    return cmocka_run_group_tests_name("local", tests, NULL, NULL);
}
