/* test_serve.c - the server: scores and cancelled requests of the runner below it, answers, limits,
 * clients that come and go at the same time. */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include "check.h"
#include "harness/serve.h"
#include "harness/base/stopwatch.h"

int test_serve(void);

static const char llama_path[] = "tests/fixtures/tiny-llama.gguf";
static const runner_options two_at_a_time = {.n_threads = 2, .n_batch = 2};

/* ---- Scores of a prompt, by the runner alone ---- */

enum { MANY = 6, IDS = 40 };

typedef struct {
    const request *rq;
    size_t n, next, n_done;
    const request *cancel; /* after its first token */
    bool started;
    float logprobs[MANY][IDS];
    int32_t tokens[MANY][IDS];
    token_prob top[MANY][2]; /* of the last token of the prompt */
    size_t n_tokens[MANY];
    finish_reason finish[MANY];
} scoring;

static runner_next give(void *ctx, const request **out)
{
    scoring *s = ctx;
    if (s->next == s->n) return RUNNER_END;
    *out = &s->rq[s->next++];
    return RUNNER_REQUEST;
}

static waage_status take(void *ctx, const request *rq, const reply *rp, waage_err *err)
{
    scoring *s = ctx;
    const size_t i = (size_t)(rq - s->rq);
    (void)err;
    s->n_done++;
    s->finish[i] = rp->finish;
    if (rp->finish == FINISH_SCORED) {
        s->n_tokens[i] = rp->choices[0].n_tokens;
        memcpy(s->logprobs[i], rp->choices[0].logprobs, s->n_tokens[i] * sizeof(float));
    } else if (rp->prompt_logprobs) {
        s->n_tokens[i] = rp->prompt_tokens - 1;
        memcpy(s->logprobs[i], rp->prompt_logprobs + 1, s->n_tokens[i] * sizeof(float));
        memcpy(s->top[i], rp->prompt_top + (rp->prompt_tokens - 1) * rq->n_top, sizeof s->top[i]);
        assert_true(rp->top[0].id == rp->tokens[0] && rp->top[0].logprob == rp->logprobs[0]);
    } else if (rp->tokens) {
        s->n_tokens[i] = rp->n_tokens;
        memcpy(s->tokens[i], rp->tokens, rp->n_tokens * sizeof(int32_t));
    }
    return WAAGE_OK;
}

static void see(void *ctx, const request *rq, runner_channel c, const char *text, size_t len)
{
    scoring *s = ctx;
    (void)c;
    (void)text;
    (void)len;
    if (rq == s->cancel) s->started = true;
}

static bool is_cancelled(void *ctx, const request *rq)
{
    const scoring *s = ctx;
    return s->started && rq == s->cancel;
}

static void ask_runner(runner *r, scoring *s)
{
    waage_err err = {0};
    const runner_io io = {
        .ctx = s, .next = give, .done = take, .stream = see, .is_cancelled = is_cancelled};
    assert_ok(r->ops->run(r, &io, &err), err);
    assert_int_equal(s->n_done, s->n);
}

static const char text[] = "Question: how many apples? Answer: 2.";

/* The log-probabilities of a prompt's tokens have the bits of a continuation's, for texts and ids,
 * whatever runs beside them. */
static void test_prompt_scores(void **state)
{
    const char *choice[] = {text + 1};
    const int32_t *ids;
    size_t n;
    arena a = ARENA_EMPTY;
    waage_err err = {0};
    runner *r;
    (void)state;
    assert_ok(runner_open(&r, llama_path, &two_at_a_time, &err), err);
    assert_ok(r->ops->tokenize(r, text, strlen(text), true, false, &ids, NULL, &n, &a, &err), err);
    assert_true(n > 8 && n < IDS);
    const request score = {
        .item_id = "t", .kind = REQUEST_LOGLIK, .prompt = "Q", .choice = choice, .n_choices = 1};
    const request by_text = {
        .item_id = "t", .prompt = text, .max_tokens = 1, .score_prompt = true, .n_top = 2};
    request by_ids = by_text;
    by_ids.prompt = NULL;
    by_ids.prompt_ids = ids;
    by_ids.n_prompt_ids = n;
    const request rq[MANY] = {by_text, score, by_ids, by_text, by_ids, score};
    scoring s = {.rq = rq, .n = MANY};
    ask_runner(r, &s);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(s.n_tokens[i], n - 1);
        assert_memory_equal(s.logprobs[i], s.logprobs[1], (n - 1) * sizeof(float));
    }
    assert_true(s.top[0][0].logprob >= s.top[0][1].logprob);
    assert_true(s.top[0][0].logprob >= s.logprobs[0][n - 2]);
    runner_close(r);
    arena_free(&a);
}

static void test_bad_ids(void **state)
{
    static const int32_t high[] = {1, 100000}, low[] = {-1};
    const request rq[] = {{.item_id = "t", .prompt_ids = high, .n_prompt_ids = 2, .max_tokens = 2},
                          {.item_id = "t", .prompt_ids = low, .n_prompt_ids = 1, .max_tokens = 2}};
    waage_err err = {0};
    runner *r;
    (void)state;
    assert_ok(runner_open(&r, llama_path, &two_at_a_time, &err), err);
    scoring s = {.rq = rq, .n = 2};
    ask_runner(r, &s);
    assert_int_equal(s.finish[0], FINISH_UNSUPPORTED);
    assert_int_equal(s.finish[1], FINISH_UNSUPPORTED);
    runner_close(r);
}

/* A request that is cancelled half-way leaves the others as they are. */
static void test_cancel(void **state)
{
    const request one = {.item_id = "t", .prompt = text, .max_tokens = 30};
    request rq[MANY] = {one, one, one, one, one, one};
    waage_err err = {0};
    runner *r;
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        rq[i].prompt = text + i;
    assert_ok(runner_open(&r, llama_path, &two_at_a_time, &err), err);
    scoring all = {.rq = rq, .n = MANY}, some = {.rq = rq, .n = MANY, .cancel = &rq[1]};
    ask_runner(r, &all);
    ask_runner(r, &some);
    assert_int_equal(some.finish[1], FINISH_ERROR);
    for (size_t i = 0; i < MANY; i++)
        if (i != 1) {
            assert_int_equal(some.n_tokens[i], all.n_tokens[i]);
            assert_memory_equal(some.tokens[i], all.tokens[i], all.n_tokens[i] * sizeof(int32_t));
        }
    runner_close(r);
}

/* ---- A server and its clients ---- */

enum { REPLY_CAP = 1 << 16, N_CLIENTS = 8, ROUNDS = 3 };

typedef struct {
    runner *r;
    serve *s;
    pthread_t thread;
    waage_status status;
} running;

static void *serve_thread(void *arg)
{
    running *x = arg;
    waage_err err = {0};
    x->status = serve_run(x->s, &err);
    return NULL;
}

static const serve_options usual = {.host = "127.0.0.1",
                                    .model = "tiny",
                                    .version = "test",
                                    .max_waiting = 64,
                                    .max_body = 4096,
                                    .max_connections = 64,
                                    .grace = 20};

static void start(running *x, const serve_options *o)
{
    waage_err err = {0};
    assert_ok(runner_open(&x->r, llama_path, &two_at_a_time, &err), err);
    assert_ok(serve_start(&x->s, x->r, o, &err), err);
    assert_int_equal(pthread_create(&x->thread, NULL, serve_thread, x), 0);
}

static void stop(running *x)
{
    serve_stop(x->s);
    assert_int_equal(pthread_join(x->thread, NULL), 0);
    assert_int_equal(x->status, WAAGE_OK);
    serve_free(x->s);
    runner_close(x->r);
}

static int connect_to(uint16_t port)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static bool send_text(int fd, const char *head, const char *body, const char *more)
{
    char all[8192];
    const int n = snprintf(all, sizeof all,
                           "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: "
                           "%zu\r\n\r\n%s",
                           head, more, strlen(body), body);
    return send(fd, all, (size_t)n, MSG_NOSIGNAL) == n;
}

/* All that comes until the end; its status. */
static int ask(uint16_t port, const char *head, const char *body, const char *more, char *out)
{
    size_t len = 0;
    ssize_t n;
    out[0] = 0;
    const int fd = connect_to(port);
    if (fd < 0) return -1;
    if (send_text(fd, head, body, more))
        while (len + 1 < REPLY_CAP && (n = recv(fd, out + len, REPLY_CAP - 1 - len, 0)) > 0)
            len += (size_t)n;
    out[len] = 0;
    close(fd);
    return len > 12 ? atoi(out + 9) : -1;
}

static const char completions[] = "POST /v1/completions", chats[] = "POST /v1/chat/completions";

static void test_endpoints(void **state)
{
    static const struct {
        const char *head, *body;
        int status;
        const char *part;
    } cases[] = {
        {"GET /health", "", 200, "ok"},
        {"GET /v1/models", "", 200, "\"tiny\""},
        {"GET /nothing", "", 404, "error"},
        {"GET /v1/completions", "", 405, "Allow: POST"},
        {"POST /v1/models", "{}", 405, "Allow: GET"},
        {"POST /v1/completions", "{", 400, "byte 0"},
        {"POST /v1/completions", "{\"prompt\": [5, 9999]}", 400, "vocabulary"},
        {"POST /v1/completions", "{\"prompt\": \"ab\", \"max_tokens\": 0, \"echo\": true}", 200,
         "\"text\": \"ab\""},
        {"POST /tokenize", "{\"prompt\": \"hello\"}", 200, "\"count\": 3"},
        {"POST /detokenize", "{\"tokens\": [346, 111]}", 200, "\"prompt\""},
        {"POST /detokenize", "{\"tokens\": 1}", 400, "tokens"},
        {"POST /detokenize", "{\"tokens\": [346, 99999999]}", 400, "no token 99999999"},
        {"GET /tokenizer_info", "", 200, "eos_token"},
        {"GET /metrics", "", 200, "waage_requests_total{path=\"/v1/completions\",code=\"400\"} 2"},
    };
    running x;
    char *got = malloc(REPLY_CAP);
    (void)state;
    start(&x, &usual);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const int code = ask(serve_port(x.s), cases[i].head, cases[i].body, "", got);
        if (code != cases[i].status) fail_msg("%s: %d: %s", cases[i].head, code, got);
        assert_contains(got, cases[i].part);
    }
    stop(&x);
    free(got);
}

static void test_key_and_limits(void **state)
{
    running x;
    serve_options o = usual;
    char *got = malloc(REPLY_CAP), *big = malloc(6000);
    (void)state;
    o.key = "sesame";
    o.max_waiting = 2;
    start(&x, &o);
    const uint16_t port = serve_port(x.s);
    assert_int_equal(ask(port, "GET /v1/models", "", "", got), 401);
    assert_int_equal(ask(port, "GET /v1/models", "", "Authorization: Bearer sesam\r\n", got), 401);
    assert_int_equal(ask(port, "GET /v1/models", "", "Authorization: sesame\r\n", got), 401);
    assert_int_equal(ask(port, "GET /v1/models", "", "Authorization: Bearer sesame\r\n", got), 200);
    assert_int_equal(ask(port, "GET /health", "", "", got), 200);
    memset(big, ' ', 5999);
    big[5999] = 0;
    assert_int_equal(ask(port, completions, big, "Authorization: Bearer sesame\r\n", got), 413);
    assert_int_equal(ask(port, completions, "{\"prompt\": [\"a\", \"b\", \"c\"]}",
                         "Authorization: Bearer sesame\r\n", got),
                     400);
    stop(&x);
    free(got);
    free(big);
}

/* Two servers behind one port would share its clients by chance, each with its own model. */
static void test_port_in_use(void **state)
{
    running x;
    serve *second = NULL;
    serve_options o = usual;
    waage_err err = {0};
    (void)state;
    start(&x, &usual);
    o.port = serve_port(x.s);
    assert_int_equal(serve_start(&second, x.r, &o, &err), WAAGE_EINVAL);
    assert_null(second);
    assert_non_null(strstr(err.msg, "in use"));
    stop(&x);
    start(&x, &o); /* free again at once */
    stop(&x);
}

/* More clients than there may be connections send half of a request and go: nothing of them stays.
 * A client that sends too much still reads why it was refused. */
static void test_half_and_big(void **state)
{
    enum { N_HALF = 150, BIG = 60000 };
    running x;
    char *got = malloc(REPLY_CAP), *big = calloc(1, BIG + 1);
    const double begun = stopwatch_now();
    (void)state;
    start(&x, &usual);
    for (size_t i = 0; i < N_HALF; i++) {
        const int fd = connect_to(serve_port(x.s));
        assert_true(fd >= 0);
        assert_true(send(fd, "POST /v1/completions HTTP/1.1\r\nHo", 20 + i % 15, MSG_NOSIGNAL) > 0);
        close(fd);
    }
    assert_int_equal(ask(serve_port(x.s), completions, "{\"prompt\": \"a\"}", "", got), 200);
    memset(big, ' ', BIG);
    const int fd = connect_to(serve_port(x.s));
    const char head[] = "POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                        "Content-Length: 60000\r\n\r\n";
    assert_true(send(fd, head, strlen(head), MSG_NOSIGNAL) > 0);
    assert_int_equal(send(fd, big, BIG, MSG_NOSIGNAL), BIG);
    assert_true(recv(fd, got, REPLY_CAP - 1, 0) > 12);
    assert_memory_equal(got, "HTTP/1.1 413", 12);
    close(fd);
    assert_true(stopwatch_now() - begun < 30); /* not by waiting for a timeout */
    stop(&x);
    free(got);
    free(big);
}

/* Text of the first answer of a body: from behind "key": " to the closing quote. */
static const char *text_of(char *got, const char *key)
{
    char *from = strstr(got, key);
    if (!from) return "";
    from += strlen(key);
    for (char *s = from; *s; s++)
        if (*s == '"' && s[-1] != '\\') {
            *s = 0;
            break;
        }
    return from;
}

enum { N_CROWD = 24 };
static const char long_one[] = "{\"prompt\": \"y\", \"max_tokens\": 900, \"n\": 2}";

/* Send the same at once from many connections; how many answers have this status? */
static size_t crowd(running *x, int status, bool stops, const char *part)
{
    int fds[N_CROWD];
    char got[1024], want[16];
    size_t n_hits = 0;
    snprintf(want, sizeof want, "HTTP/1.1 %d", status);
    for (size_t i = 0; i < N_CROWD; i++) {
        fds[i] = connect_to(serve_port(x->s));
        assert_true(fds[i] >= 0 && send_text(fds[i], completions, long_one, ""));
    }
    if (stops) {
        char *all = malloc(REPLY_CAP);
        do { /* until something waits */
            assert_int_equal(ask(serve_port(x->s), "GET /metrics", "", "", all), 200);
        } while (strstr(all, "waage_running 0\n"));
        free(all);
        stop(x);
    }
    for (size_t i = 0; i < N_CROWD; i++) {
        const ssize_t n = recv(fds[i], got, sizeof got - 1, 0);
        got[n > 0 ? n : 0] = 0;
        if (n > 12 && strncmp(got, want, strlen(want)) == 0 && strstr(got, part)) n_hits++;
        close(fds[i]);
    }
    return n_hits;
}

/* A queue that is full says so, and when to come again; whoever waits when the grace is over is
 * told as well. */
static void test_crowd(void **state)
{
    running x;
    serve_options o = usual;
    (void)state;
    o.max_waiting = 4;
    start(&x, &o);
    assert_true(crowd(&x, 429, false, "Retry-After: ") > 0);
    stop(&x);
    o.max_waiting = 400;
    o.grace = 0;
    start(&x, &o);
    assert_true(crowd(&x, 503, true, "stopp") > 0);
}

/* All texts behind `key` one behind the other, as they are escaped. */
static void join_texts(char *got, const char *key, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = 0;
    for (char *at = got; (at = strstr(at, key)) != NULL;) {
        char *next = at + strlen(key);
        const char *s = text_of(at, key);
        const int n = snprintf(out + len, cap - len, "%s", s);
        assert_true(n >= 0 && len + (size_t)n < cap);
        len += (size_t)n;
        at = next + n + 1;
    }
}

/* The pieces of a stream make the whole answer. */
static void test_streams(void **state)
{
    static const struct {
        const char *head, *key, *body;
    } cases[] = {
        {chats, "\"content\": \"",
         "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"max_tokens\": 40, "
         "\"temperature\": 0.9, \"seed\": 3"},
        {completions, "\"text\": \"",
         "{\"prompt\": \"Answer\", \"max_tokens\": 40, \"temperature\": 0.9, \"seed\": 4, "
         "\"stop\": [\"fruit\", \"on\"]"},
    };
    running x;
    char *got = malloc(REPLY_CAP), body[512], whole[1024], pieces[1024];
    (void)state;
    start(&x, &usual);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        snprintf(body, sizeof body, "%s, \"stream\": false}", cases[i].body);
        assert_int_equal(ask(serve_port(x.s), cases[i].head, body, "", got), 200);
        join_texts(got, cases[i].key, whole, sizeof whole);
        snprintf(body, sizeof body, "%s, \"stream\": true}", cases[i].body);
        assert_int_equal(ask(serve_port(x.s), cases[i].head, body, "", got), 200);
        assert_contains(got, "data: [DONE]");
        join_texts(got, cases[i].key, pieces, sizeof pieces);
        assert_string_equal(pieces, whole);
        assert_true(strlen(whole) > 8);
    }
    stop(&x);
    free(got);
}

typedef struct {
    uint16_t port;
    size_t number;
    char first[2][256]; /* answers of the first round */
    bool bad;
} client;

/* The same two questions again and again; between them connections that are dropped at once, or in
 * the middle of a stream. */
static void *client_thread(void *arg)
{
    client *c = arg;
    char *got = malloc(REPLY_CAP), body[2][256];
    snprintf(body[0], sizeof body[0],
             "{\"prompt\": \"Number %zu\", \"max_tokens\": 12, "
             "\"temperature\": 0.8, \"seed\": %zu, \"stream\": false}",
             c->number % 4, c->number % 4);
    snprintf(body[1], sizeof body[1],
             "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi %zu\"}], "
             "\"max_tokens\": 9, \"temperature\": 0}",
             c->number % 4);
    for (size_t i = 0; got && i < ROUNDS; i++) {
        const int fd = connect_to(c->port);
        if (fd >= 0) {
            (void)send_text(fd, completions,
                            i % 2 ? "{\"prompt\": \"x\", \"max_tokens\": 400, "
                                    "\"stream\": true}"
                                  : "{\"prompt\": \"y\", \"max_tokens\": 400}",
                            "");
            if (i % 2) (void)recv(fd, got, 64, 0);
            close(fd);
        }
        for (size_t k = 0; k < 2; k++) {
            const int code = ask(c->port, k ? chats : completions, body[k], "", got);
            const char *said = text_of(got, k ? "\"content\": \"" : "\"text\": \"");
            if (code != 200) c->bad = true;
            if (i == 0) snprintf(c->first[k], sizeof c->first[k], "%s", said);
            if (strcmp(c->first[k], said) != 0) c->bad = true;
        }
    }
    free(got);
    return NULL;
}

static void test_clients(void **state)
{
    static client clients[N_CLIENTS];
    pthread_t threads[N_CLIENTS];
    running x;
    char *got = malloc(REPLY_CAP);
    (void)state;
    start(&x, &usual);
    for (size_t i = 0; i < N_CLIENTS; i++) {
        clients[i] = (client){.port = serve_port(x.s), .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, client_thread, &clients[i]), 0);
    }
    for (size_t i = 0; i < N_CLIENTS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < N_CLIENTS; i++) {
        assert_false(clients[i].bad);
        assert_string_equal(clients[i].first[0], clients[i % 4].first[0]);
        assert_string_equal(clients[i].first[1], clients[i % 4].first[1]);
        assert_true(clients[i].first[0][0] != 0);
    }
    stop(&x);
    free(got);
}

int test_serve(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prompt_scores),  cmocka_unit_test(test_bad_ids),
        cmocka_unit_test(test_cancel),         cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_key_and_limits), cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_streams),        cmocka_unit_test(test_half_and_big),
        cmocka_unit_test(test_clients),        cmocka_unit_test(test_port_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
