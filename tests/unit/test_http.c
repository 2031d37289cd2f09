/* test_http.c - models behind an API: the runner against a scripted server that fails in every way.
 * What needs no server is in test_dialect.c. */
#include "tests/unit/check.h"
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness/base/log.h"
#include "harness/base/stopwatch.h"
#include "runners/http/dialect.h"
#include "runners/http/http.h"
#include "tests/unit/fault_server.h"

int test_http(void);

/* ---- The runner against the server ---- */

enum { N_MOST = 256 };

typedef struct {
    request rq[N_MOST];
    char text[N_MOST][64], id[N_MOST][16];
    message talk[N_MOST];
    size_t n, n_given, n_done;
    finish_reason finish[N_MOST];
    char got[N_MOST][128], error[N_MOST][256], thought[N_MOST][64];
    unsigned n_times[N_MOST]; /* replies to each */
    size_t n_exchanges;
    uint32_t prompt_tokens, reasoning_tokens;
    double cost;
    choice_score choices[4];
    size_t n_choices;
    char version[64];
} session;

static runner_next give(void *ctx, const request **out)
{
    session *s = ctx;
    if (s->n_given == s->n) return RUNNER_END;
    *out = &s->rq[s->n_given++];
    return RUNNER_REQUEST;
}

static waage_status take(void *ctx, const request *rq, const reply *rp, waage_err *err)
{
    session *s = ctx;
    const size_t i = (size_t)(rq - s->rq);
    (void)err;
    s->n_done++;
    s->n_times[i]++;
    s->finish[i] = rp->finish;
    s->n_exchanges += rp->n_exchanges;
    s->prompt_tokens += rp->prompt_tokens;
    s->reasoning_tokens += rp->thought_tokens;
    if (rp->has_cost) s->cost += rp->cost;
    snprintf(s->got[i], sizeof s->got[i], "%s", rp->text);
    snprintf(s->error[i], sizeof s->error[i], "%s", rp->error ? rp->error : "");
    snprintf(s->thought[i], sizeof s->thought[i], "%s", rp->thought ? rp->thought : "");
    snprintf(s->version, sizeof s->version, "%s", rp->model_version ? rp->model_version : "");
    for (size_t k = 0; k < rp->n_choices && k < 4; k++) {
        s->choices[k] = rp->choices[k];
        s->choices[k].logprobs = NULL;
    }
    s->n_choices = rp->n_choices;
    for (size_t k = 0; k < rp->n_exchanges; k++) {
        assert_null(strstr(rp->exchanges[k].sent, FAULT_SECRET));
        assert_null(strstr(rp->exchanges[k].got, FAULT_SECRET));
        assert_null(strstr(rp->exchanges[k].got, "\\u0053ECRET"));
    }
    return WAAGE_OK;
}

static session *session_create(size_t n, protocol proto)
{
    session *s = calloc(1, sizeof *s);
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        snprintf(s->text[i], sizeof s->text[i], "Q%03zu: what is %zu+%zu?", i, i, i + 1);
        snprintf(s->id[i], sizeof s->id[i], "i%zu", i);
        s->talk[i] = (message){"user", s->text[i]};
        s->rq[i] = (request){.item_id = s->id[i],
                             .proto = proto,
                             .prompt = s->text[i],
                             .messages = &s->talk[i],
                             .n_messages = 1,
                             .max_tokens = 32,
                             .sample_by = SAMPLING_GREEDY};
    }
    return s;
}

/* The log-likelihoods of these choices are asked for instead. */
static void session_ask_scores(session *s, const char *const *choices, size_t n)
{
    for (size_t i = 0; i < s->n; i++) {
        s->rq[i].kind = REQUEST_LOGLIK;
        s->rq[i].choice = choices;
        s->rq[i].n_choices = n;
    }
}

/* Options that make failures quick. */
#define QUICK ";backoff=0.01;patience=3;first_byte=0.5;stall=0.3;timeout=3;attempts=3"

static waage_status ask_at(session *s, const char *uri, waage_err *err)
{
    runner *r = NULL;
    const runner_io io = {.ctx = s, .next = give, .done = take};
    const waage_status opened = http_runner.open(&r, uri, NULL, err);
    if (opened != WAAGE_OK) return opened;
    const waage_status st = r->ops->run(r, &io, err);
    r->ops->close(r);
    return st;
}

static waage_status ask(session *s, const fault_server *f, const char *options, waage_err *err)
{
    char uri[512];
    snprintf(uri, sizeof uri, "http://127.0.0.1:%d/v1#m%s%s", fault_server_port(f), QUICK, options);
    return ask_at(s, uri, err);
}

static void check_sums(const session *s)
{
    for (size_t i = 0; i < s->n; i++) {
        char want[64];
        snprintf(want, sizeof want, "The answer is %zu.", 2 * i + 1);
        if (s->finish[i] != FINISH_STOP || !strstr(s->got[i], want) || s->n_times[i] != 1)
            fail_msg("item %zu: %s, \"%s\", %s, %u replies", i, finish_name(s->finish[i]),
                     s->got[i], s->error[i], s->n_times[i]);
    }
}

static void test_apis(void **state)
{
    (void)state;
    static const struct {
        const char *options, *thought;
        protocol proto;
    } apis[] = {{"", "Let me add.", PROTOCOL_CHAT},
                {"", "", PROTOCOL_COMPLETION},
                {";api=responses", "Let me add.", PROTOCOL_CHAT},
                {";api=anthropic", "Let me add.", PROTOCOL_CHAT},
                {";api=gemini", "", PROTOCOL_CHAT}};
    for (size_t i = 0; i < COUNT_OF(apis); i++) {
        fault_server *f = fault_server_start(0, NULL, 0, 30);
        session *s = session_create(100, apis[i].proto);
        fault_counts c;
        waage_err err;
        assert_non_null(f);
        assert_ok(ask(s, f, apis[i].options, &err), err);
        check_sums(s);
        assert_string_equal(s->thought[7], apis[i].thought);
        assert_int_equal(s->prompt_tokens, 2000);
        assert_int_equal(s->n_exchanges, 100);
        assert_string_equal(s->version, i == 0 ? "m-2026 fp_7" : "m-2026");
        fault_server_count(f, &c);
        assert_int_equal(c.n_bodies, 100);
        assert_int_equal(c.n_repeated, 0);
        fault_server_stop(f);
        free(s);
    }
}

typedef struct {
    const char *steps; /* for every request */
    finish_reason finish;
    const char *text, *error;
    size_t n_requests;
} fault_case;

/* What one request makes of each failure, and how often it asks. */
static const fault_case faults[] = {
    {"500 ok", FINISH_STOP, "1", NULL, 2},
    {"500 500 500", FINISH_ERROR, "", "HTTP 500: scripted", 3},
    {"429 429 429 429 429 ok", FINISH_STOP, "1", NULL, 6},
    {"429:0.1 529 503 ok", FINISH_STOP, "1", NULL, 4},
    {"cut ok", FINISH_STOP, "1", NULL, 2},
    {"close garbage ok", FINISH_STOP, "1", NULL, 3},
    {"html empty ok", FINISH_STOP, "1", NULL, 3},
    {"html", FINISH_ERROR, "", "Bad", 3},
    {"json json json", FINISH_ERROR, "", "no choices", 3},
    {"stall:2000 ok", FINISH_STOP, "1", NULL, 2},
    {"slow:200", FINISH_STOP, "1", NULL, 1},
    {"slow:1500 ok", FINISH_STOP, "1", NULL, 2}, /* first byte */
    {"huge:40000000", FINISH_ERROR, "", "larger", 1},
    {"filter", FINISH_FILTER, "", "filtered", 1},
    {"long", FINISH_UNSUPPORTED, "", "context length", 1},
    {"400", FINISH_ERROR, "", "HTTP 400", 1},
    {"field:temperature", FINISH_STOP, "1", NULL, 2},
    {"say:<think>so</think>42", FINISH_STOP, "42", NULL, 1},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        const fault_case *k = &faults[i];
        const fault_rule rule = {NULL, k->steps};
        fault_server *f = fault_server_start(0, &rule, 1, 30);
        session *s = session_create(1, PROTOCOL_CHAT);
        fault_counts c;
        waage_err err;
        assert_ok(ask(s, f, "", &err), err);
        fault_server_count(f, &c);
        if (s->finish[0] != k->finish || !strstr(s->got[0], k->text) || s->n_times[0] != 1 ||
            c.n_requests != k->n_requests || (k->error && !strstr(s->error[0], k->error)))
            fail_msg("%s: %s, \"%s\", error \"%s\", %zu requests, %u replies", k->steps,
                     finish_name(s->finish[0]), s->got[0], s->error[0], c.n_requests,
                     s->n_times[0]);
        assert_int_equal(s->n_exchanges, k->n_requests);
        fault_server_stop(f);
        free(s);
    }
}

/* A field is refused where it is named, not where its letters stand in another word. */
static void test_field_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        dialect_field field;
    } rows[] = {{"temperature", FIELD_TEMPERATURE},
                {"Unsupported parameter: 'temperature'", FIELD_TEMPERATURE},
                {"generationConfig.temperature: not supported", FIELD_TEMPERATURE},
                {"Unknown field temperature_unit", FIELD_COUNT},
                {"a stopped stream is not supported", FIELD_COUNT},
                {"seeds are unknown", FIELD_COUNT},
                {"nonstop, stop: unknown", FIELD_STOP},
                {"use 'max_completion_tokens' instead of 'max_tokens'", FIELD_LIMIT},
                {NULL, FIELD_COUNT}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(dialect_find_field(rows[i].text), rows[i].field);
}

/* Replies of no use that were billed are part of an answer's cost, and of an error's. */
static void test_billed_repeats(void **state)
{
    (void)state;
    static const struct {
        const char *steps;
        double dollars;
    } cases[] = {{"ok", 0.0001},     {"billed ok", 3.0001}, {"broken billed ok", 6.0001},
                 {"500 ok", 0.0001}, {"billed", 9},         {"field:temperature", 0.0001}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const fault_rule rule = {NULL, cases[i].steps};
        fault_server *f = fault_server_start(0, &rule, 1, 30);
        session *s = session_create(1, PROTOCOL_CHAT);
        waage_err err;
        assert_ok(ask(s, f, ";input_price=2;output_price=6", &err), err);
        if (fabs(s->cost - cases[i].dollars) > 1e-6) fail_msg("%s: %g", cases[i].steps, s->cost);
        fault_server_stop(f);
        free(s);
    }
}

/* What ends the run: the message says why, and the key is nowhere in it. */
static void test_stops(void **state)
{
    (void)state;
    static const char *const steps[][2] = {
        {"401", "401"},
        {"echokey", "Incorrect key: ****"},
        {"echokey:json", "Incorrect key: ****"},
        {"quota", "no money"},
        {"404", "404"},
        {"402", "402"},
        {"redirect:http://127.0.0.1:9/v1", "redirects"},
        {"429:100", "asks to wait 100 s"},
        {"503", "no answer for"},
    };
    setenv("WAAGE_API_KEY", FAULT_SECRET, 1);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        const fault_rule rule = {NULL, steps[i][0]};
        fault_server *f = fault_server_start(0, &rule, 1, 30);
        session *s = session_create(20, PROTOCOL_CHAT);
        fault_counts c;
        waage_err err;
        assert_int_equal(ask(s, f, ";patience=1", &err), WAAGE_EFAIL);
        assert_contains(err.msg, steps[i][1]);
        assert_null(strstr(err.msg, FAULT_SECRET));
        assert_int_equal(s->n_done, 0); /* undone, to be asked again: not wrong, no error */
        fault_server_count(f, &c);
        assert_int_equal(c.n_with_key, c.n_requests);
        fault_server_stop(f);
        free(s);
    }
    unsetenv("WAAGE_API_KEY");
}

static void test_refused(void **state)
{
    (void)state;
    const fault_rule locked = {NULL, "401"};
    fault_server *f = fault_server_start(0, &locked, 1, 30);
    session *s = session_create(3, PROTOCOL_CHAT);
    char uri[256];
    waage_err err;
    assert_int_equal(ask(s, f, "", &err), WAAGE_EFAIL);
    assert_contains(err.msg, "none was sent: set WAAGE_API_KEY or WAAGE_API_KEY_FILE");
    fault_server_stop(f);
    free(s);
    f = fault_server_start(0, NULL, 0, 30);
    s = session_create(3, PROTOCOL_CHAT);
    snprintf(uri, sizeof uri, "http://127.0.0.1:%d/v1#m;patience=0.3;backoff=0.01",
             fault_server_port(f));
    fault_server_stop(f);
    assert_int_equal(ask_at(s, uri, &err), WAAGE_EFAIL);
    assert_contains(err.msg, "connect");
    assert_int_equal(s->n_done, 0);
    free(s);
    f = fault_server_start(0, NULL, 0, 30); /* speaks no TLS */
    s = session_create(3, PROTOCOL_CHAT);
    snprintf(uri, sizeof uri, "https://127.0.0.1:%d/v1#m;patience=2", fault_server_port(f));
    assert_int_equal(ask_at(s, uri, &err), WAAGE_EFAIL);
    assert_contains(err.msg, "SSL");
    fault_server_stop(f);
    free(s);
}

/* Everything at once, over many requests: each is answered once, and right. */
static void test_storm(void **state)
{
    (void)state;
    const fault_rule rules[] = {{"Q003", "cut 500 ok"},      {"Q010", "429 429 429 429 ok"},
                                {"Q011", "garbage ok"},      {"Q020", "close ok"},
                                {"Q030", "html ok"},         {"Q031", "500"},
                                {"Q040", "filter"},          {"Q050", "stall:1000 ok"},
                                {"Q060", "json 503 529 ok"}, {"Q070", "huge:20000000"},
                                {"Q080", "slow:300"},        {NULL, "slow:5"}};
    fault_server *f = fault_server_start(0, rules, COUNT_OF(rules), 30);
    session *s = session_create(200, PROTOCOL_CHAT);
    fault_counts c;
    waage_err err;
    assert_ok(ask(s, f, "", &err), err);
    assert_int_equal(s->n_done, 200);
    size_t n_right = 0;
    for (size_t i = 0; i < s->n; i++) {
        char want[64];
        snprintf(want, sizeof want, "The answer is %zu.", 2 * i + 1);
        assert_int_equal(s->n_times[i], 1);
        n_right += s->finish[i] == FINISH_STOP && strcmp(s->got[i], want) == 0;
    }
    assert_int_equal(n_right, 197);
    assert_int_equal(s->finish[31], FINISH_ERROR);
    assert_int_equal(s->finish[40], FINISH_FILTER);
    assert_int_equal(s->finish[70], FINISH_ERROR);
    fault_server_count(f, &c);
    assert_int_equal(c.n_bodies, 197);
    assert_int_equal(c.n_repeated, 0);
    assert_true(c.most_at_once <= 32);
    fault_server_stop(f);
    free(s);
}

/* Log-likelihoods by echo: words are tokens, -0.25 a letter. */
static void test_scores(void **state)
{
    (void)state;
    static const char *const choices[] = {" four", " twenty two"};
    fault_server *f = fault_server_start(0, NULL, 0, 30);
    session *s = session_create(3, PROTOCOL_COMPLETION);
    waage_err err;
    session_ask_scores(s, choices, 2);
    assert_ok(ask(s, f, "", &err), err);
    assert_int_equal(s->n_done, 3);
    for (size_t i = 0; i < s->n; i++)
        assert_int_equal(s->finish[i], FINISH_SCORED);
    assert_int_equal(s->n_choices, 2);
    assert_int_equal(s->choices[0].n_tokens, 1);
    assert_int_equal(s->choices[1].n_tokens, 2);
    assert_true(fabs(s->choices[0].logprob + 1.43) < 1e-9);
    assert_true(fabs(s->choices[1].logprob + 2.00 + 1.15) < 1e-9);
    assert_false(s->choices[1].greedy);
    fault_server_stop(f);
    free(s);
    const fault_rule choosy = {NULL, "field:temperature"};
    f = fault_server_start(0, &choosy, 1, 30);
    s = session_create(40, PROTOCOL_COMPLETION);
    session_ask_scores(s, choices, 2);
    assert_ok(ask(s, f, "", &err), err);
    for (size_t i = 0; i < s->n; i++)
        if (s->finish[i] != FINISH_SCORED) fail_msg("%s: %s", s->id[i], s->error[i]);
    fault_server_stop(f);
    free(s);
    const fault_rule rule = {NULL, "say:x"}; /* a server that ignores echo */
    f = fault_server_start(0, &rule, 1, 30);
    s = session_create(40, PROTOCOL_COMPLETION);
    session_ask_scores(s, choices, 2);
    fault_counts c;
    assert_ok(ask(s, f, "", &err), err);
    for (size_t i = 0; i < s->n; i++)
        assert_int_equal(s->finish[i], FINISH_UNSUPPORTED);
    fault_server_count(f, &c);
    if (c.n_requests > 24) /* those under way until the first reply told, asked both ways */
        fail_msg("%zu requests", c.n_requests);
    fault_server_stop(f);
    free(s);
}

/* Where the server has no echo, by prompt_logprobs: the same sums, refused (400) or left out. */
static void test_scores_without_echo(void **state)
{
    (void)state;
    static const char *const choices[] = {" four", " twenty two", " \xC3\xBC"};
    const fault_rule rule = {NULL, "noecho"};
    fault_server *f = fault_server_start(0, &rule, 1, 30);
    session *s = session_create(40, PROTOCOL_COMPLETION);
    fault_counts c;
    waage_err err;
    session_ask_scores(s, choices, 3);
    assert_ok(ask(s, f, "", &err), err);
    for (size_t i = 0; i < s->n; i++)
        if (s->finish[i] != FINISH_SCORED) fail_msg("%s: %s", s->id[i], s->error[i]);
    assert_int_equal(s->n_choices, 3);
    assert_int_equal(s->choices[0].n_tokens, 1);
    assert_int_equal(s->choices[1].n_tokens, 2);
    assert_int_equal(s->choices[2].n_tokens, 2); /* one letter, of two broken tokens */
    assert_true(fabs(s->choices[0].logprob + 1.43) < 1e-9);
    assert_true(fabs(s->choices[1].logprob + 2.00 + 1.15) < 1e-9);
    assert_false(s->choices[1].greedy);
    fault_server_count(f, &c);
    assert_true(c.n_requests <= 3 * 40 + 32);
    fault_server_stop(f);
    free(s);
}

/* Once they have come, one item without them does not speak for the others. */
static void test_scores_of_one_missing(void **state)
{
    (void)state;
    static const char *const choices[] = {" four"};
    const fault_rule rule = {"Q020", "say:x"};
    fault_server *f = fault_server_start(0, &rule, 1, 30);
    session *s = session_create(200, PROTOCOL_COMPLETION);
    waage_err err;
    session_ask_scores(s, choices, 1);
    assert_ok(ask(s, f, "", &err), err);
    for (size_t i = 0; i < s->n; i++)
        assert_int_equal(s->finish[i], i == 20 ? FINISH_UNSUPPORTED : FINISH_SCORED);
    fault_server_stop(f);
    free(s);
}

/* ---- What the client itself takes ---- */

/* The server in a process of its own: its time and memory are not the client's. */
static pid_t fork_server(const char *steps, int *port)
{
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const fault_rule rule = {NULL, steps};
        fault_server *f = fault_server_start(0, &rule, 1, 60);
        const int n = f ? fault_server_port(f) : 0;
        const ssize_t sent = write(pipe_ends[1], &n, sizeof n);
        while (f && sent == sizeof n && !fault_server_is_over(f))
            poll(NULL, 0, 10);
        _exit(0);
    }
    close(pipe_ends[1]);
    assert_int_equal(read(pipe_ends[0], port, sizeof *port), sizeof *port);
    close(pipe_ends[0]);
    assert_true(*port > 0);
    return pid;
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* "VmRSS:" now, "VmHWM:" at most since reset_peak(); kilobytes. */
static long memory_kb(const char *name)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0) kb = strtol(line + strlen(name), NULL, 10);
    if (f) fclose(f);
    return kb;
}

static void reset_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) {
        fputs("5", f);
        fclose(f);
    }
}

/* 64 at a time, each answered after 100 ms: under 1 ms of processor a request, under 50 MB. */
static void test_overhead(void **state)
{
    (void)state;
    enum { N = 256, WIDE = 64 };
    int port = 0;
    const pid_t pid = fork_server("slow:100", &port);
    session *s = session_create(N, PROTOCOL_CHAT);
    char uri[128];
    waage_err err;
    runner *r = NULL;
    const runner_options opt = {.n_batch = WIDE};
    const runner_io io = {.ctx = s, .next = give, .done = take};
    reset_peak();
    const long before_kb = memory_kb("VmRSS:");
    snprintf(uri, sizeof uri, "http://127.0.0.1:%d/v1#m", port);
    assert_ok(http_runner.open(&r, uri, &opt, &err), err);
    const double begun = stopwatch_now(), cpu = cpu_seconds();
    assert_ok(r->ops->run(r, &io, &err), err);
    const double used = cpu_seconds() - cpu, wall = stopwatch_now() - begun;
    const long after_kb = memory_kb("VmHWM:");
    r->ops->close(r);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    check_sums(s);
    print_message("%d requests, %d at a time: %.3f ms of processor each, %.1f MB more, %.2f s\n", N,
                  WIDE, 1000 * used / N, (double)(after_kb - before_kb) / 1024, wall);
    assert_true((after_kb - before_kb) / 1024 < 50);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const double allowed = 20;
#elif defined(__has_feature)
    const double allowed =
        __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ? 20 : 1;
#else
    const double allowed = 1;
#endif
    assert_true(1000 * used / N < allowed);
    free(s);
}

int test_http(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apis),     cmocka_unit_test(test_field_names),
        cmocka_unit_test(test_faults),   cmocka_unit_test(test_billed_repeats),
        cmocka_unit_test(test_stops),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_storm),    cmocka_unit_test(test_scores_without_echo),
        cmocka_unit_test(test_scores),   cmocka_unit_test(test_scores_of_one_missing),
        cmocka_unit_test(test_overhead),
    };
    log_set_level(LOG_QUIET);
    const int bad = cmocka_run_group_tests_name("http", tests, NULL, NULL);
    log_set_level(LOG_NORMAL);
    return bad;
}
