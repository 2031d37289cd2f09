/* test_store.c - the run store: round trip, order, transactions, locks, damage, full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "harness/base/file.h"
#include "harness/store.h"
#include "harness/store_blob.h"

int test_store(void);

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/waage-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const names[] = {"run.sqlite", "run.sqlite-wal", "run.sqlite-shm",
                                        "run.lock"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static const char *db_path(void)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/run.sqlite", dir);
    return path;
}

/* ---- Made-up rows ---------------------------------------------------------------------------- */

static void put_frame(store *s)
{
    waage_err err;
    const store_model models[] = {
        {"zeta", "z.gguf", "local", "aa", true, true, true, NULL, "{\"a\": 1}"},
        {"alpha", "a.gguf", "local", "bb", false, true, true, "no template", NULL}};
    const store_task tasks[] = {
        {.name = "math", .group = "math", .hash = "h1", .data_hash = "d1", .redistribute = true},
        {.name = "arts", .group = "arts", .hash = "h2", .data_hash = "d2", .is_choice = true}};
    assert_int_equal(store_begin(s, &err), WAAGE_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(store_put_model(s, &models[i], &err), WAAGE_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(store_put_task(s, &tasks[i], &err), WAAGE_OK);
    for (uint32_t i = 0; i < 3; i++) {
        static const char *const ids[] = {"c", "a", "b"};
        const store_item item = {.task = i == 2 ? "arts" : "math",
                                 .id = ids[i],
                                 .ordinal = i,
                                 .gold_choice = -1,
                                 .n_turns = 1,
                                 .chance = 0.25};
        assert_int_equal(store_put_item(s, &item, &err), WAAGE_OK);
    }
    assert_int_equal(store_commit(s, &err), WAAGE_OK);
}

static store_response response(const char *model, const char *task, const char *item, protocol p,
                               uint32_t turn)
{
    return (store_response){.key = {model, task, item, p, 0, turn},
                            .prompt_hash = "ph",
                            .prompt = "Q: 1+1?\nA:",
                            .finish = FINISH_STOP,
                            .text = "2",
                            .thought_is = THOUGHT_ABSENT};
}

static void put_response(store *s, const store_response *r)
{
    waage_err err = {WAAGE_OK, ""};
    if (store_put_response(s, r, &err) != WAAGE_OK) fail_msg("%s", err.msg);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void round_trip_keeps_bits(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err = {WAAGE_OK, ""};
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    const int32_t tokens[] = {0, -1, INT32_MAX, 262143};
    const float logprobs[] = {-0.0f, -1.5f, 1e-45f, -INFINITY};
    const choice_score choices[] = {{-1.25, 2, true, logprobs, tokens},
                                    {-INFINITY, 7, false, NULL, NULL}};
    store_response r = response("zeta", "math", "a", PROTOCOL_CHAT, 1);
    r.tokens = tokens;
    r.logprobs = logprobs;
    r.n_tokens = 4;
    r.choices = choices;
    r.n_choices = 2;
    r.thought = "hm\xff";
    r.thought_is = THOUGHT_PRESENT;
    r.thought_tokens = 3;
    r.forced_closes = 1;
    r.cached_tokens = 5;
    r.wall_ms = 12.5;
    const store_score sc = {.key = r.key,
                            .result = OUTCOME_ANSWERED,
                            .has_credit = true,
                            .credit = 1.0 / 3,
                            .extracted = "2",
                            .label = "x"};
    const store_score none = {.key = {"zeta", "math", "c", PROTOCOL_CHAT, 0, 0},
                              .result = OUTCOME_BLOCKED};
    assert_int_equal(store_begin(s, &err), WAAGE_OK);
    put_response(s, &r);
    assert_int_equal(store_put_score(s, &sc, &err), WAAGE_OK);
    assert_int_equal(store_put_score(s, &none, &err), WAAGE_OK);
    assert_int_equal(store_put_setting(s, "seed", "7", &err), WAAGE_OK);
    assert_int_equal(store_put_manifest(s, "isa", "avx2", &err), WAAGE_OK);
    assert_int_equal(store_commit(s, &err), WAAGE_OK);
    store_close(s);

    arena a = ARENA_EMPTY;
    store_data d;
    assert_int_equal(store_open(&s, dir, false, &err), WAAGE_OK);
    assert_int_equal(store_read(s, &a, &d, &err), WAAGE_OK);
    store_close(s);
    assert_int_equal(d.n_models, 2);
    assert_string_equal(d.models[0].label, "zeta"); /* as added, not by name */
    assert_string_equal(d.models[1].no_chat, "no template");
    assert_null(d.models[1].meta_json);
    assert_int_equal(d.n_items, 3);
    assert_string_equal(d.items[2].task, "arts");
    assert_int_equal(d.n_responses, 1);
    const store_response *x = &d.responses[0];
    assert_int_equal(x->key.turn, 1);
    assert_int_equal(x->n_tokens, 4);
    assert_memory_equal(x->tokens, tokens, sizeof tokens);
    assert_memory_equal(x->logprobs, logprobs, sizeof logprobs);
    assert_int_equal(x->n_choices, 2);
    assert_true(x->choices[0].greedy && !x->choices[1].greedy);
    assert_memory_equal(x->choices[0].logprobs, logprobs, 2 * sizeof *logprobs);
    assert_null(x->choices[1].tokens);
    assert_int_equal(x->choices[1].n_tokens, 7);
    assert_true(isinf(x->choices[1].logprob));
    assert_string_equal(x->thought, "hm\xff");
    assert_int_equal(x->thought_is, THOUGHT_PRESENT);
    assert_int_equal(x->thought_tokens, 3);
    assert_int_equal(x->forced_closes, 1);
    assert_int_equal(x->cached_tokens, 5);
    assert_true(x->wall_ms == 12.5);
    assert_int_equal(d.n_scores, 2);
    assert_string_equal(d.scores[0].key.item, "c"); /* ordinal 0 */
    assert_false(d.scores[0].has_credit);
    assert_true(d.scores[1].has_credit && d.scores[1].credit == 1.0 / 3);
    assert_string_equal(d.settings[0].value, "7");
    assert_string_equal(d.manifest[0].value, "avx2");
    arena_free(&a);
}

static void reads_in_the_stated_order(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err;
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    static const struct {
        const char *model, *task, *item;
        protocol p;
        uint32_t turn;
    } want[] = {
        {"zeta", "math", "c", PROTOCOL_COMPLETION, 0},
        {"zeta", "math", "a", PROTOCOL_COMPLETION, 0},
        {"zeta", "math", "c", PROTOCOL_CHAT, 0},
        {"zeta", "math", "c", PROTOCOL_CHAT, 1},
        {"zeta", "arts", "b", PROTOCOL_COMPLETION, 0},
        {"alpha", "math", "c", PROTOCOL_COMPLETION, 0},
    };
    const size_t n = sizeof want / sizeof *want;
    assert_int_equal(store_begin(s, &err), WAAGE_OK);
    for (size_t i = 0; i < n; i++) { /* put in another order: 5 steps modulo 6 visits all */
        const size_t k = (i * 5 + 3) % n;
        const store_response r =
            response(want[k].model, want[k].task, want[k].item, want[k].p, want[k].turn);
        put_response(s, &r);
    }
    assert_int_equal(store_commit(s, &err), WAAGE_OK);
    arena a = ARENA_EMPTY;
    store_data d;
    assert_int_equal(store_read(s, &a, &d, &err), WAAGE_OK);
    assert_int_equal(d.n_responses, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(d.responses[i].key.model, want[i].model);
        assert_string_equal(d.responses[i].key.task, want[i].task);
        assert_string_equal(d.responses[i].key.item, want[i].item);
        assert_int_equal(d.responses[i].key.proto, want[i].p);
        assert_int_equal(d.responses[i].key.turn, want[i].turn);
    }
    arena_free(&a);
    store_close(s);
}

static void an_error_is_not_done(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err;
    bool done = true;
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    store_score sc = {.key = {"zeta", "math", "a", PROTOCOL_CHAT, 0, 0}, .result = OUTCOME_ERROR};
    assert_int_equal(store_has_score(s, &sc.key, &done, &err), WAAGE_OK);
    assert_false(done);
    assert_int_equal(store_put_score(s, &sc, &err), WAAGE_OK);
    assert_int_equal(store_has_score(s, &sc.key, &done, &err), WAAGE_OK);
    assert_false(done);
    sc.result = OUTCOME_TRUNCATED;
    assert_int_equal(store_put_score(s, &sc, &err), WAAGE_OK);
    assert_int_equal(store_has_score(s, &sc.key, &done, &err), WAAGE_OK);
    assert_true(done);
    sc.key.sample = 1;
    assert_int_equal(store_has_score(s, &sc.key, &done, &err), WAAGE_OK);
    assert_false(done);
    store_close(s);
}

typedef struct {
    char text[256];
    uint32_t next;
} wires;

static waage_status list_exchange(void *ctx, const store_exchange *x, waage_err *err)
{
    wires *w = ctx;
    const size_t n = strlen(w->text);
    (void)err;
    assert_int_equal(x->number, w->next++);
    snprintf(w->text + n, sizeof w->text - n, "%s>%s;", x->wire.sent, x->wire.got);
    return WAAGE_OK;
}

/* An answer that is tried again has cost both times, and went over the wire both times. */
static void what_was_paid_for_stays(void **state)
{
    (void)state;
    static const wire_exchange first[] = {{.sent = "q", .n_sent = 1, .got = "bad", .n_got = 3},
                                          {.sent = "q", .n_sent = 1, .got = "", .n_got = 0}},
                               second[] = {{.sent = "q", .n_sent = 1, .got = "good", .n_got = 4}};
    store *s = NULL;
    waage_err err;
    arena a = ARENA_EMPTY;
    store_data d;
    wires w = {"", 0};
    double dollars = 0;
    uint64_t tokens = 0;
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    store_response r = response("zeta", "math", "a", PROTOCOL_CHAT, 0);
    r.finish = FINISH_ERROR;
    r.has_cost = true;
    r.cost = 0.25;
    r.exchanges = first;
    r.n_exchanges = 2;
    put_response(s, &r);
    assert_int_equal(store_drop_item(s, &r.key, &err), WAAGE_OK);
    r.finish = FINISH_STOP;
    r.model_version = "v2";
    r.cost = 0.5;
    r.exchanges = second;
    r.n_exchanges = 1;
    put_response(s, &r);
    assert_int_equal(store_read(s, &a, &d, &err), WAAGE_OK);
    assert_int_equal(d.n_responses, 1);
    assert_true(d.responses[0].has_cost && d.responses[0].cost == 0.75);
    assert_string_equal(d.responses[0].model_version, "v2");
    assert_int_equal(store_read_exchanges(s, list_exchange, &w, &err), WAAGE_OK);
    assert_string_equal(w.text, "q>bad;q>;q>good;");
    assert_int_equal(store_read_spent(s, &dollars, &tokens, &err), WAAGE_OK);
    assert_true(dollars == 0.75);
    arena_free(&a);
    store_close(s);
}

static void dropping_an_item_takes_all_turns(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err;
    arena a = ARENA_EMPTY;
    store_data d;
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    for (uint32_t turn = 0; turn < 3; turn++) {
        const store_response r = response("zeta", "math", "a", PROTOCOL_CHAT, turn);
        put_response(s, &r);
    }
    const store_response other = response("zeta", "math", "c", PROTOCOL_CHAT, 0);
    put_response(s, &other);
    const store_key key = {"zeta", "math", "a", PROTOCOL_CHAT, 0, 0};
    assert_int_equal(store_drop_item(s, &key, &err), WAAGE_OK);
    assert_int_equal(store_read(s, &a, &d, &err), WAAGE_OK);
    assert_int_equal(d.n_responses, 1);
    assert_string_equal(d.responses[0].key.item, "c");
    arena_free(&a);
    store_close(s);
}

static void foreign_keys_are_checked(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err;
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    const store_response r = response("zeta", "math", "nowhere", PROTOCOL_CHAT, 0);
    assert_int_not_equal(store_put_response(s, &r, &err), WAAGE_OK);
    store_close(s);
}

static void uncommitted_work_is_rolled_back(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err;
    arena a = ARENA_EMPTY;
    store_data d;
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    assert_int_equal(store_begin(s, &err), WAAGE_OK);
    const store_response r = response("zeta", "math", "a", PROTOCOL_CHAT, 0);
    put_response(s, &r);
    store_close(s);
    assert_int_equal(store_open(&s, dir, false, &err), WAAGE_OK);
    assert_int_equal(store_read(s, &a, &d, &err), WAAGE_OK);
    assert_int_equal(d.n_responses, 0);
    assert_int_equal(d.n_items, 3);
    arena_free(&a);
    store_close(s);
}

/* The child does `body` and answers with an exit status. */
static int in_child(int (*body)(void))
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) _exit(body());
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int try_to_write(void)
{
    store *s = NULL;
    waage_err err = {WAAGE_OK, ""};
    const waage_status st = store_open(&s, dir, true, &err);
    store_close(s);
    return (int)st;
}

static int try_to_read(void)
{
    store *s = NULL;
    waage_err err = {WAAGE_OK, ""};
    arena a = ARENA_EMPTY;
    store_data d = {0};
    waage_status st = store_open(&s, dir, false, &err);
    if (st == WAAGE_OK) st = store_read(s, &a, &d, &err);
    store_close(s);
    arena_free(&a);
    return st == WAAGE_OK && d.n_items == 3 ? 0 : 99;
}

static void one_writer_many_readers(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err;
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    assert_int_equal(in_child(try_to_write), WAAGE_ECONFLICT);
    assert_int_equal(store_begin(s, &err), WAAGE_OK); /* readers see the state before */
    const store_response r = response("zeta", "math", "a", PROTOCOL_CHAT, 0);
    put_response(s, &r);
    assert_int_equal(in_child(try_to_read), 0);
    store_close(s);
    assert_int_equal(in_child(try_to_write), WAAGE_OK);
}

static int write_then_die(void)
{
    store *s = NULL;
    waage_err err;
    if (store_open(&s, dir, true, &err) != WAAGE_OK) return 1;
    put_frame(s);
    if (store_begin(s, &err) != WAAGE_OK) return 2;
    const store_response r = response("zeta", "math", "a", PROTOCOL_CHAT, 0);
    if (store_put_response(s, &r, &err) != WAAGE_OK) return 3;
    raise(SIGKILL);
    return 4;
}

static void a_killed_writer_leaves_its_commits(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_then_die), 128 + SIGKILL);
    assert_int_equal(try_to_read(), 0); /* the log is recovered, also by a reader */
    assert_int_equal(in_child(try_to_write), WAAGE_OK);
    assert_int_equal(try_to_read(), 0);
}

/* Fill until the file size limit stops it; the status and what is left are checked by the parent.
 */
static int write_until_full(void)
{
    store *s = NULL;
    waage_err err = {WAAGE_OK, ""};
    if (store_open(&s, dir, true, &err) != WAAGE_OK) return 91;
    put_frame(s);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {512 * 1024, 512 * 1024};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 92;
    static char text[20000];
    memset(text, 'x', sizeof text - 1);
    for (uint32_t i = 0; i < 200; i++) {
        waage_status st = store_begin(s, &err);
        for (uint32_t k = 0; k < 2 && st == WAAGE_OK; k++) {
            store_response r = response("zeta", "math", k ? "a" : "c", PROTOCOL_CHAT, i);
            r.text = text;
            st = store_put_response(s, &r, &err);
        }
        if (st == WAAGE_OK) st = store_commit(s, &err);
        if (st == WAAGE_OK) continue;
        if (!strstr(err.msg, "run.sqlite")) return 93;
        return (int)st; /* without closing: a crash on top */
    }
    return 94;
}

static void a_full_disk_loses_nothing_committed(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err = {WAAGE_OK, ""};
    arena a = ARENA_EMPTY;
    store_data d;
    assert_int_equal(in_child(write_until_full), WAAGE_EWRITE);
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    assert_int_equal(store_read(s, &a, &d, &err), WAAGE_OK);
    assert_true(d.n_responses >= 8);
    assert_int_equal(d.n_responses % 2, 0); /* whole transactions only */
    arena_free(&a);
    store_close(s);
}

static void refuses_what_is_not_a_run(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err = {WAAGE_OK, ""};
    assert_int_equal(store_open(&s, "/nonexistent/run", false, &err), WAAGE_EIO);
    assert_int_equal(store_open(&s, dir, false, &err), WAAGE_EIO);
    assert_non_null(strstr(err.msg, "no run here"));
    assert_int_equal(store_open(&s, "/dev/null/run", true, &err), WAAGE_EWRITE);
    char junk[8192];
    memset(junk, 'j', sizeof junk);
    assert_int_equal(file_write(db_path(), junk, sizeof junk, &err), WAAGE_OK);
    assert_int_equal(store_open(&s, dir, false, &err), WAAGE_EFORMAT);
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_EFORMAT);
    assert_null(s);
}

/* Overwrite bytes of the database file. */
static void scribble(long at, const char *bytes, size_t n)
{
    FILE *f = fopen(db_path(), "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void refuses_other_versions(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err = {WAAGE_OK, ""};
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    store_close(s);
    scribble(60, "\0\0\0\x63", 4); /* user_version, big endian (SQLite file format 1.3) */
    assert_int_equal(store_open(&s, dir, false, &err), WAAGE_EFORMAT);
    assert_non_null(strstr(err.msg, "newer version"));
    scribble(68, "\0\0\0\x01", 4); /* application_id */
    assert_int_equal(store_open(&s, dir, false, &err), WAAGE_EFORMAT);
    assert_non_null(strstr(err.msg, "not a run store"));
}

/* A run of version 1 is read as it lies there, and brought up to date by the first writer. */
static void reads_version_1(void **state)
{
    (void)state;
    char *file = NULL;
    size_t len = 0;
    waage_err err = {WAAGE_OK, ""};
    assert_int_equal(file_read(&file, &len, "tests/fixtures/store-v1.sqlite", 1 << 20, &err),
                     WAAGE_OK);
    assert_int_equal(file_write(db_path(), file, len, &err), WAAGE_OK);
    free(file);
    static const bool writes[] = {false, true, false};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        store *s = NULL;
        arena a = ARENA_EMPTY;
        store_data d;
        if (store_open(&s, dir, writes[i], &err) != WAAGE_OK) fail_msg("%s", err.msg);
        if (store_read(s, &a, &d, &err) != WAAGE_OK) fail_msg("%s", err.msg);
        assert_int_equal(d.n_responses, i < 2 ? 1 : 2);
        assert_string_equal(d.responses[0].text, "2");
        assert_int_equal(d.responses[0].forced_closes, 0);
        if (writes[i]) {
            store_response r = response("zeta", "math", "a", PROTOCOL_CHAT, 1);
            r.forced_closes = 1;
            put_response(s, &r);
        }
        if (i == 2) assert_int_equal(d.responses[1].forced_closes, 1);
        arena_free(&a);
        store_close(s);
    }
}

/* Damage one place after the other: every open and read either works or says that it is damaged. */
static void survives_damage(void **state)
{
    (void)state;
    store *s = NULL;
    waage_err err = {WAAGE_OK, ""};
    assert_int_equal(store_open(&s, dir, true, &err), WAAGE_OK);
    put_frame(s);
    const int32_t tokens[] = {1, 2, 3};
    store_response r = response("zeta", "math", "a", PROTOCOL_CHAT, 0);
    r.tokens = tokens;
    r.n_tokens = 3;
    put_response(s, &r);
    store_close(s);
    char *good = NULL;
    size_t len = 0, n_refused = 0;
    assert_int_equal(file_read(&good, &len, db_path(), 1 << 24, &err), WAAGE_OK);
    for (size_t at = 0; at + 8 < len; at += 601) {
        char *bad = malloc(len);
        assert_non_null(bad);
        memcpy(bad, good, len);
        for (size_t i = 0; i < 8; i++)
            bad[at + i] = (char)~bad[at + i];
        assert_int_equal(file_write(db_path(), bad, len, &err), WAAGE_OK);
        arena a = ARENA_EMPTY;
        store_data d;
        waage_status st = store_open(&s, dir, false, &err);
        if (st == WAAGE_OK) st = store_read(s, &a, &d, &err);
        store_close(s);
        s = NULL;
        if (st != WAAGE_OK && st != WAAGE_EFORMAT) fail_msg("byte %zu: %d %s", at, st, err.msg);
        n_refused += st != WAAGE_OK;
        arena_free(&a);
        free(bad);
    }
    assert_int_equal(file_write(db_path(), good, len / 2, &err), WAAGE_OK);
    assert_int_equal(store_open(&s, dir, false, &err), WAAGE_EFORMAT);
    assert_true(n_refused > 0);
    free(good);
}

static void blobs_reject_what_does_not_fit(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    strbuf b = STRBUF_EMPTY;
    const float x[] = {1, 2};
    const int32_t t[] = {3, 4};
    const choice_score c[] = {{-1, 2, true, x, t}, {-2, 2, false, NULL, t}};
    const choice_score *got = NULL;
    const int32_t *ids = NULL;
    size_t n = 0;
    store_blob_put_choices(&b, c, 2);
    assert_true(store_blob_get_choices(b.s, b.len, &a, &got, &n));
    assert_int_equal(n, 2);
    for (size_t len = 1; len < b.len; len++) {
        const bool whole = len == 13 + 16; /* exactly the first choice */
        assert_int_equal(store_blob_get_choices(b.s, len, &a, &got, &n), whole);
    }
    b.s[12] = 8; /* unknown flag */
    assert_false(store_blob_get_choices(b.s, b.len, &a, &got, &n));
    assert_false(store_blob_get_tokens("abc", 3, &a, &ids, &n));
    assert_true(store_blob_get_tokens("", 0, &a, &ids, &n));
    memset(b.s + 8, 0xff, 4); /* n_tokens = 2^32 - 1 */
    b.s[12] = 2;
    assert_false(store_blob_get_choices(b.s, b.len, &a, &got, &n));
    strbuf_free(&b);
    arena_free(&a);
}

int test_store(void)
{
#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        IN_DIR(round_trip_keeps_bits),
        IN_DIR(reads_in_the_stated_order),
        IN_DIR(an_error_is_not_done),
        IN_DIR(what_was_paid_for_stays),
        IN_DIR(dropping_an_item_takes_all_turns),
        IN_DIR(foreign_keys_are_checked),
        IN_DIR(uncommitted_work_is_rolled_back),
        IN_DIR(one_writer_many_readers),
        IN_DIR(a_killed_writer_leaves_its_commits),
        IN_DIR(a_full_disk_loses_nothing_committed),
        IN_DIR(refuses_what_is_not_a_run),
        IN_DIR(refuses_other_versions),
        IN_DIR(reads_version_1),
        IN_DIR(survives_damage),
        cmocka_unit_test(blobs_reject_what_does_not_fit),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
