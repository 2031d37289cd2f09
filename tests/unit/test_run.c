/* test_run.c - plan and run loop over a real task file and a scripted model: what is stored,
 * resuming, kills, errors, what a model cannot do, digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "harness/base/file.h"
#include "harness/digest.h"
#include "harness/run.h"
#include "kernels/kernels.h"
#include "mock_runner.h"

int test_run(void);

enum { N_ITEMS = 40, N_TALKS = 3 };

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[4][160];
    static size_t at;
    char *p = path[at++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

/* "sums": 40 items, the answer to item k is 2k for even k; "talk": 3 items of two turns, chat only.
 */
static void write_tasks(void)
{
    strbuf b = STRBUF_EMPTY;
    strbuf_puts(&b, "task: sums\ndataset_path: inline\nprotocols: [completion, chat]\n"
                    "doc_to_text: \"Q: {{q}}\\nA:\"\ndoc_to_target: gold\ndoc_to_id: id\n"
                    "generation_kwargs: {until: [\"\\n\"], max_gen_toks: 20}\n"
                    "extract: {answer: number}\nmetadata: {version: 1}\ndocs:\n");
    for (int i = 0; i < N_ITEMS; i++)
        strbuf_printf(&b, "  - {id: sums-%04d, q: \"%d+%d?\", gold: %d}\n", i, i, i,
                      i % 2 ? -1 : 2 * i);
    assert_int_equal(file_write(in_dir("sums.yaml"), b.s, b.len, NULL), WAAGE_OK);
    strbuf_clear(&b);
    strbuf_puts(&b, "task: talk\ndataset_path: inline\nprotocols: [chat]\n"
                    "doc_to_text: q\ndoc_to_target: gold\ndoc_to_id: id\nturns: [\"{{q}}\", \"Are "
                    "you sure?\"]\n"
                    "generation_kwargs: {max_gen_toks: 20}\n"
                    "extract: {answer: number}\nmetadata: {version: 1}\ndocs:\n");
    for (int i = 0; i < N_TALKS; i++)
        strbuf_printf(&b, "  - {id: talk-%04d, q: \"Twice %d?\", gold: %d}\n", i, i, 2 * i);
    assert_int_equal(file_write(in_dir("talk.yaml"), b.s, b.len, NULL), WAAGE_OK);
    strbuf_free(&b);
}

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/waage-test-XXXXXX");
    if (!mkdtemp(dir)) return -1;
    write_tasks();
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const names[] = {
        "sums.yaml",          "talk.yaml",          "one/run.sqlite", "one/run.lock",
        "one/run.sqlite-wal", "one/run.sqlite-shm", "two/run.sqlite", "two/run.lock",
        "two/run.sqlite-wal", "two/run.sqlite-shm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_dir(names[i]));
    rmdir(in_dir("one"));
    rmdir(in_dir("two"));
    return rmdir(dir);
}

/* ---- One run of a mock into a directory ------------------------------------------------------ */

typedef struct {
    mock_runner mock;
    runfile_settings settings;
    char paths[2][160];
    const char *suites[2];
    size_t n_suites, commit_items;
    run_result result;
    waage_err err;
} trial;

static void trial_init(trial *t)
{
    memset(t, 0, sizeof *t);
    mock_runner_init(&t->mock, "mock", "aaaa");
    t->settings = (runfile_settings)RUNFILE_SETTINGS_DEFAULT;
    for (size_t i = 0; i < 2; i++) {
        strcpy(t->paths[i], in_dir(i ? "talk.yaml" : "sums.yaml"));
        t->suites[i] = t->paths[i];
    }
    t->n_suites = 2;
    t->commit_items = 5;
}

static waage_status put_frame(trial *t, store *s, const plan *p, arena *a)
{
    store_data head;
    const runner_info *i = &t->mock.info;
    const store_model m = {i->name,         i->uri,        i->kind,    i->sha256, i->can_chat,
                           i->can_complete, i->can_loglik, i->no_chat, "{}"};
    WAAGE_TRY(store_read_head(s, a, &head, &t->err));
    WAAGE_TRY(plan_check(p, &head, "D", &t->err));
    WAAGE_TRY(plan_check_model(&head, &m, "D", &t->err));
    WAAGE_TRY(store_begin(s, &t->err));
    WAAGE_TRY(plan_put(p, s, &t->err));
    WAAGE_TRY(store_put_model(s, &m, &t->err));
    return store_commit(s, &t->err);
}

static waage_status trial_run(trial *t, const char *into)
{
    arena a = ARENA_EMPTY;
    plan p;
    store *s = NULL;
    const opts_list suites = {t->suites, t->n_suites, t->n_suites};
    waage_status st = plan_make(&p, &a, &suites, &t->settings, &t->err);
    if (st == WAAGE_OK) st = store_open(&s, in_dir(into), true, &t->err);
    if (st == WAAGE_OK) st = put_frame(t, s, &p, &a);
    if (st == WAAGE_OK) {
        run_options how = RUN_OPTIONS_DEFAULT;
        how.st = s;
        how.p = &p;
        how.label = t->mock.info.name;
        how.commit_items = t->commit_items;
        st = run_model(&t->result, &t->mock.base, &how, &t->err);
    }
    store_close(s);
    plan_close(&p);
    arena_free(&a);
    return st;
}

static void read_run(const char *from, arena *a, store_data *d, digest *g)
{
    store *s = NULL;
    waage_err err = {WAAGE_OK, ""};
    if (store_open(&s, in_dir(from), false, &err) != WAAGE_OK) fail_msg("%s", err.msg);
    assert_int_equal(store_read(s, a, d, &err), WAAGE_OK);
    store_close(s);
    assert_int_equal(digest_compute(g, d, a, &err), WAAGE_OK);
}

static void expect_ok(const trial *t, waage_status st)
{
    if (st != WAAGE_OK) fail_msg("%s", t->err.msg);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void stores_every_item_once(void **state)
{
    (void)state;
    trial t;
    arena a = ARENA_EMPTY;
    store_data d;
    digest g;
    trial_init(&t);
    expect_ok(&t, trial_run(&t, "one"));
    assert_int_equal(t.result.n_planned, 2 * N_ITEMS + N_TALKS);
    assert_int_equal(t.result.n_done, 2 * N_ITEMS + N_TALKS);
    assert_int_equal(t.result.n_errors, 0);
    read_run("one", &a, &d, &g);
    assert_int_equal(d.n_items, N_ITEMS + N_TALKS);
    assert_int_equal(d.n_responses, 2 * N_ITEMS + 2 * N_TALKS);
    assert_int_equal(d.n_scores, 2 * N_ITEMS + N_TALKS);
    assert_int_equal(g.n_lines, 3);
    double credit = 0;
    for (size_t i = 0; i < d.n_scores; i++) {
        assert_int_equal(d.scores[i].result, OUTCOME_ANSWERED);
        credit += d.scores[i].credit;
    }
    assert_true(credit == N_ITEMS + N_TALKS); /* half of 80, and all talks */
    const store_response *last = &d.responses[d.n_responses - 1];
    assert_int_equal(last->key.turn, 1);
    assert_string_equal(last->text, "The answer is 4. Again.");
    /* The second turn saw the first answer. */
    assert_non_null(strstr(last->prompt, "The answer is 4."));
    arena_free(&a);
}

static void a_second_run_asks_nothing(void **state)
{
    (void)state;
    trial t;
    trial_init(&t);
    expect_ok(&t, trial_run(&t, "one"));
    expect_ok(&t, trial_run(&t, "one"));
    assert_int_equal(t.result.n_before, 2 * N_ITEMS + N_TALKS);
    assert_int_equal(t.result.n_done, 0);
}

/* The order of replies and the size of the batch leave no trace. */
static void digests_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    static const size_t flying[] = {1, 33};
    char total[2][HASH_HEX];
    for (size_t i = 0; i < 2; i++) {
        trial t;
        arena a = ARENA_EMPTY;
        store_data d;
        digest g;
        trial_init(&t);
        t.mock.n_flying_max = flying[i];
        expect_ok(&t, trial_run(&t, i ? "two" : "one"));
        read_run(i ? "two" : "one", &a, &d, &g);
        memcpy(total[i], g.total, sizeof total[i]);
        arena_free(&a);
    }
    assert_string_equal(total[0], total[1]);
}

/* A run in a process of its own, which is killed after so many replies; its status. */
static int run_apart(trial *t, const char *into, size_t kill_after)
{
    const pid_t pid = fork();
    int status = 0;
    assert_true(pid >= 0);
    if (pid == 0) {
        t->mock.kill_after = kill_after;
        _exit(trial_run(t, into) == WAAGE_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool is_killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void five_kills_leave_no_trace(void **state)
{
    (void)state;
    trial t;
    arena a = ARENA_EMPTY;
    store_data d;
    digest whole, killed;
    trial_init(&t);
    expect_ok(&t, trial_run(&t, "one"));
    size_t before = 0;
    for (size_t i = 0; i < 5; i++) {
        assert_true(is_killed(run_apart(&t, "two", 13)));
        read_run("two", &a, &d, &killed);
        assert_true(d.n_scores > before); /* something was kept each time, and nothing got lost */
        before = d.n_scores;
    }
    expect_ok(&t, trial_run(&t, "two"));
    assert_int_equal(t.result.n_before, before);
    assert_int_equal(t.result.n_before + t.result.n_done, 2 * N_ITEMS + N_TALKS);
    read_run("one", &a, &d, &whole);
    read_run("two", &a, &d, &killed);
    assert_string_equal(whole.total, killed.total);
    arena_free(&a);
}

/* A run that is killed after each answer gets on by one turn each time, and what it leaves between
 * two turns is nobody's to see. */
static void a_conversation_goes_on_behind_its_last_answer(void **state)
{
    (void)state;
    trial t;
    arena a = ARENA_EMPTY;
    store_data d;
    digest whole, killed;
    trial_init(&t);
    t.suites[0] = t.paths[1];
    t.n_suites = 1;
    t.commit_items = 1;
    t.mock.n_flying_max = 1;
    expect_ok(&t, trial_run(&t, "one"));
    for (size_t i = 0; i < 2 * N_TALKS; i++) {
        const int status = run_apart(&t, "two", 1);
        const bool is_last = i + 1 == 2 * N_TALKS;
        assert_true(is_last ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : is_killed(status));
        read_run("two", &a, &d, &killed);
        assert_int_equal(d.n_responses, (i + 1) / 2 * 2);
        assert_int_equal(d.n_scores, (i + 1) / 2);
    }
    read_run("one", &a, &d, &whole);
    assert_string_equal(whole.total, killed.total);
    arena_free(&a);
}

static void passing_errors_are_tried_again(void **state)
{
    (void)state;
    trial t;
    arena a = ARENA_EMPTY;
    store_data d;
    digest good, shaky;
    trial_init(&t);
    expect_ok(&t, trial_run(&t, "one"));
    t.mock.fail_every = 3;
    t.mock.fail_times = 2;
    expect_ok(&t, trial_run(&t, "two"));
    assert_int_equal(t.result.n_errors, 0);
    assert_true(t.result.n_retried >= 2 * 14);
    read_run("one", &a, &d, &good);
    read_run("two", &a, &d, &shaky);
    assert_string_equal(good.total, shaky.total); /* retries enter no digest */
    arena_free(&a);
}

static void many_errors_fail_the_run_and_the_next_one_mends_it(void **state)
{
    (void)state;
    trial t;
    arena a = ARENA_EMPTY;
    store_data d;
    digest good, mended;
    trial_init(&t);
    t.mock.fail_every = 10;
    t.mock.fail_times = SIZE_MAX;
    assert_int_equal(trial_run(&t, "two"), WAAGE_EFAIL);
    assert_non_null(strstr(t.err.msg, "9 of 83 items ended with an error (bound: 5 %)"));
    assert_non_null(strstr(t.err.msg, "the mock was told to fail"));
    assert_int_equal(t.result.n_done, 2 * N_ITEMS + N_TALKS);
    read_run("two", &a, &d, &mended);
    assert_int_equal(d.n_scores, 2 * N_ITEMS + N_TALKS);
    t.mock.fail_every = 0;
    expect_ok(&t, trial_run(&t, "two"));
    assert_int_equal(t.result.n_done, 9);
    expect_ok(&t, trial_run(&t, "one"));
    read_run("one", &a, &d, &good);
    read_run("two", &a, &d, &mended);
    assert_string_equal(good.total, mended.total);
    arena_free(&a);
}

static void few_errors_are_counted_only(void **state)
{
    (void)state;
    trial t;
    trial_init(&t);
    t.mock.fail_every = 39;
    t.mock.fail_from = 39;
    t.mock.fail_times = SIZE_MAX;
    expect_ok(&t, trial_run(&t, "one"));
    assert_int_equal(t.result.n_errors, 2); /* item 39 under both protocols, of 83 */
}

static void what_a_model_cannot_do_is_not_asked(void **state)
{
    (void)state;
    trial t;
    arena a = ARENA_EMPTY;
    store_data d;
    digest g;
    trial_init(&t);
    t.mock.info.can_chat = false;
    t.mock.info.no_chat = "the file has no chat template";
    expect_ok(&t, trial_run(&t, "one"));
    assert_int_equal(t.result.n_unsupported, N_ITEMS + N_TALKS);
    assert_int_equal(t.result.n_done, 2 * N_ITEMS + N_TALKS);
    read_run("one", &a, &d, &g);
    for (size_t i = 0; i < d.n_responses; i++) {
        const bool chat = d.responses[i].key.proto == PROTOCOL_CHAT;
        assert_int_equal(d.responses[i].finish, chat ? FINISH_UNSUPPORTED : FINISH_STOP);
        if (chat) assert_string_equal(d.responses[i].error, "the file has no chat template");
    }
    for (size_t i = 0; i < d.n_scores; i++)
        if (d.scores[i].key.proto == PROTOCOL_CHAT) {
            assert_int_equal(d.scores[i].result, OUTCOME_UNSUPPORTED);
            assert_false(d.scores[i].has_credit);
        }
    arena_free(&a);
}

static void runs_grow_by_items_suites_and_samples(void **state)
{
    (void)state;
    trial t, small;
    arena a = ARENA_EMPTY;
    store_data d;
    digest whole, grown;
    trial_init(&t);
    t.settings.repeats = 2;
    expect_ok(&t, trial_run(&t, "one"));
    trial_init(&small);
    small.n_suites = 1;
    assert_true(opts_list_add(&small.settings.items, &a, "sums-0003,sums-0001"));
    waage_status st = trial_run(&small, "two");
    if (st != WAAGE_OK) fail_msg("%s", small.err.msg);
    assert_int_equal(small.result.n_done, 4); /* two items, two protocols */
    expect_ok(&t, trial_run(&t, "two"));
    assert_int_equal(t.result.n_before, 4);
    read_run("one", &a, &d, &whole);
    read_run("two", &a, &d, &grown);
    assert_string_equal(whole.total, grown.total);
    arena_free(&a);
}

static void refuses_to_mix(void **state)
{
    (void)state;
    trial t;
    trial_init(&t);
    expect_ok(&t, trial_run(&t, "one"));
    struct {
        runfile_settings s;
        const char *message;
    } rows[] = {
        {RUNFILE_SETTINGS_DEFAULT, "--seed '0', this run has '5'"},
        {RUNFILE_SETTINGS_DEFAULT, "--limit 'none', this run has '7'"},
        {RUNFILE_SETTINGS_DEFAULT, "--activations 'i16', this run has 'f32'"},
        {RUNFILE_SETTINGS_DEFAULT, "--kv-format 'f32', this run has 'q8'"},
        {RUNFILE_SETTINGS_DEFAULT, "--date '2026-01-01', this run has '2025-01-01'"},
        {RUNFILE_SETTINGS_DEFAULT, "--system '', this run has 'Hi'"},
        {RUNFILE_SETTINGS_DEFAULT, "--max-tokens 'task', this run has '9'"},
        {RUNFILE_SETTINGS_DEFAULT, "--num-fewshot 'task', this run has '0'"},
        {RUNFILE_SETTINGS_DEFAULT, "--reasoning 'task', this run has 'low:9'"},
    };
    rows[0].s.seed = 5;
    rows[1].s.limit = 7;
    rows[2].s.activations = "f32";
    rows[3].s.kv_format = "q8";
    rows[4].s.date = "2025-01-01";
    rows[5].s.system = "Hi";
    rows[6].s.max_tokens = 9;
    rows[7].s.num_fewshot = 0;
    rows[8].s.reasoning = "low:9";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        trial_init(&t);
        t.settings = rows[i].s;
        assert_int_equal(trial_run(&t, "one"), WAAGE_ECONFLICT);
        if (!strstr(t.err.msg, rows[i].message)) fail_msg("%s", t.err.msg);
    }
    trial_init(&t);
    t.mock.info.sha256 = "bbbb";
    assert_int_equal(trial_run(&t, "one"), WAAGE_ECONFLICT);
    assert_non_null(strstr(t.err.msg, "its sha256 was aaaa"));
    trial_init(&t);
    t.mock.info.name = "other"; /* another label may join */
    t.mock.info.sha256 = "bbbb";
    expect_ok(&t, trial_run(&t, "one"));

    char *text = NULL;
    size_t len = 0;
    assert_int_equal(file_read(&text, &len, in_dir("sums.yaml"), 1 << 20, NULL), WAAGE_OK);
    memcpy(strstr(text, "0+0"), "9+9", 3);
    assert_int_equal(file_write(in_dir("sums.yaml"), text, len, NULL), WAAGE_OK);
    free(text);
    trial_init(&t);
    assert_int_equal(trial_run(&t, "one"), WAAGE_ECONFLICT);
    assert_non_null(strstr(t.err.msg, "another version of task 'sums'"));
}

static void answers_scored_by_other_rules_are_not_continued(void **state)
{
    (void)state;
    trial t;
    arena a = ARENA_EMPTY;
    plan p;
    store_data head;
    digest g;
    trial_init(&t);
    expect_ok(&t, trial_run(&t, "one"));
    read_run("one", &a, &head, &g);
    const opts_list suites = {t.suites, t.n_suites, t.n_suites};
    expect_ok(&t, plan_make(&p, &a, &suites, &t.settings, &t.err));
    expect_ok(&t, plan_check(&p, &head, "D", &t.err));
    store_task tasks[2] = {head.tasks[0], head.tasks[1]};
    tasks[1].rules_version = "older";
    head.tasks = tasks;
    assert_int_equal(plan_check(&p, &head, "D", &t.err), WAAGE_ECONFLICT);
    assert_non_null(strstr(t.err.msg, "scoring rules are 'older'; now 'score"));
    plan_close(&p);
    arena_free(&a);
}

static void digests_follow_what_they_cover(void **state)
{
    (void)state;
    trial t;
    arena a = ARENA_EMPTY;
    store_data d, e;
    digest g, h;
    trial_init(&t);
    expect_ok(&t, trial_run(&t, "one"));
    read_run("one", &a, &d, &g);
    e = d;

    store_response *responses = arena_calloc(&a, d.n_responses, sizeof *responses);
    store_score *scores = arena_calloc(&a, d.n_scores, sizeof *scores);
    store_model model = d.models[0];
    assert_non_null(responses);
    assert_non_null(scores);
    memcpy(responses, d.responses, d.n_responses * sizeof *responses);
    memcpy(scores, d.scores, d.n_scores * sizeof *scores);
    e.responses = responses;
    e.scores = scores;
    e.models = &model;

    /* Not covered: timings, counts, paths, labels of rows. */
    responses[0].wall_ms = 1e9;
    responses[0].cached_tokens = 99;
    responses[0].text = "other"; /* token ids stand for it */
    scores[0].reason = "other";
    model.uri = "elsewhere";
    assert_int_equal(digest_compute(&h, &e, &a, NULL), WAAGE_OK);
    assert_string_equal(g.total, h.total);
    assert_string_equal(g.answers, h.answers);

    const float logprobs[] = {-0.5f, -0.25f, -0.1250001f};
    responses[0].logprobs = logprobs;
    assert_int_equal(digest_compute(&h, &e, &a, NULL), WAAGE_OK);
    assert_string_not_equal(g.answers, h.answers);
    assert_string_not_equal(g.total, h.total);
    responses[0].logprobs = d.responses[0].logprobs;

    scores[0].extracted = "-7"; /* a grader changed its mind: the answers are the same */
    assert_int_equal(digest_compute(&h, &e, &a, NULL), WAAGE_OK);
    assert_string_equal(g.answers, h.answers);
    assert_string_not_equal(g.total, h.total);
    scores[0].extracted = d.scores[0].extracted;

    store_task tasks[2] = {d.tasks[0], d.tasks[1]};
    tasks[0].rules_version = "other"; /* nor do other rules change an answer */
    e.tasks = tasks;
    assert_int_equal(digest_compute(&h, &e, &a, NULL), WAAGE_OK);
    assert_string_equal(g.answers, h.answers);
    assert_string_not_equal(g.total, h.total);
    e.tasks = d.tasks;

    model.sha256 = "cccc";
    assert_int_equal(digest_compute(&h, &e, &a, NULL), WAAGE_OK);
    assert_string_not_equal(g.answers, h.answers);
    arena_free(&a);
}

static void arithmetic_version_is_the_kernels(void **state)
{
    (void)state;
    assert_int_equal(atoi(PLAN_ARITHMETIC), KERN_ARITHMETIC_VERSION);
}

int test_run(void)
{
#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        IN_DIR(stores_every_item_once),
        IN_DIR(a_second_run_asks_nothing),
        IN_DIR(digests_do_not_depend_on_the_batch),
        IN_DIR(five_kills_leave_no_trace),
        IN_DIR(a_conversation_goes_on_behind_its_last_answer),
        IN_DIR(passing_errors_are_tried_again),
        IN_DIR(many_errors_fail_the_run_and_the_next_one_mends_it),
        IN_DIR(few_errors_are_counted_only),
        IN_DIR(what_a_model_cannot_do_is_not_asked),
        IN_DIR(runs_grow_by_items_suites_and_samples),
        IN_DIR(refuses_to_mix),
        IN_DIR(answers_scored_by_other_rules_are_not_continued),
        IN_DIR(digests_follow_what_they_cover),
        cmocka_unit_test(arithmetic_version_is_the_kernels),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
