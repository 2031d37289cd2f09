/* test_schedule.c - who gets pages and room in a step, seen from outside: by what was computed. */
#include "engine_fixture.h"
#include "harness/base/rng.h"

enum { MAX_TEXT = 240 };

static const char model_path[] = "tests/fixtures/tiny-llama.gguf";

static void fill(int32_t *t, size_t from, size_t to, uint64_t stream, size_t n_vocab)
{
    rng r;
    rng_init(&r, 8, stream);
    for (size_t i = from; i < to; i++)
        t[i] = (int32_t)rng_below(&r, n_vocab);
}

static bool never_stop(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *then)
{
    (void)ctx, (void)job, (void)id, (void)logprob, (void)then;
    return false;
}

static void open_batch(batch **b, engine_fixture *f, size_t n_slots, size_t chunk, size_t kv_pages,
                       size_t *n_done)
{
    waage_err err = {0};
    const engine_setup s = {.n_threads = 1, .kv_pages = kv_pages};
    fixture_open(f, model_path, &s);
    const batch_options bo =
        fixture_batch(f, n_slots, chunk, (batch_hooks){n_done, never_stop, fixture_count_done});
    *n_done = 0;
    must(batch_create(b, &bo, &err), &err);
}

static void close_batch(batch *b, engine_fixture *f)
{
    batch_free(b);
    assert_int_equal(kvcache_n_held(f->kv), 0);
    fixture_close(f);
}

/* A choice that loses its pages and forks again is one fork: the root's pages stay for the choices
 * that have not had theirs, so nothing is looked for in the cache, and nothing computed twice. */
static void test_a_fork_counts_once(void **state)
{
    enum { ROOT = 64 + 40, CHOICE = 60, N_CHOICES = 4 };
    static int32_t text[N_CHOICES][MAX_TEXT];
    engine_fixture f;
    waage_err err = {0};
    size_t n_done, n_preempted = 0;
    batch *b;
    (void)state;
    /* two pages of the root, a copy of its last one for each of two choices; the older then takes
     * the younger one's */
    open_batch(&b, &f, 2, 16, 4, &n_done);
    batch_choice c[N_CHOICES];
    for (size_t i = 0; i < N_CHOICES; i++) {
        fill(text[i], 0, ROOT, 2, f.m->p.n_vocab);
        fill(text[i], ROOT, ROOT + CHOICE, 10 + i, f.m->p.n_vocab);
        c[i] = (batch_choice){.tokens = text[i], .n = ROOT + CHOICE, .cut = ROOT};
    }
    batch_job job = {.kind = REQUEST_LOGLIK, .choices = c, .n_choices = N_CHOICES};
    must(batch_add(b, &job, &err), &err);
    while (n_done < 1) {
        const size_t before = batch_n_waiting(b);
        const bool had_root = job.n_root_pages > 0;
        must(batch_step(b, &err), &err);
        n_preempted += had_root && batch_n_waiting(b) > before;
    }
    assert_true(n_preempted > 0);
    assert_int_equal(job.n_shared, 0);
    batch_free_results(&job);
    close_batch(b, &f);
}

/* The room that a sequence had to have for its next token is the prompts' when it is sent away in
 * the same step. */
static void test_who_is_sent_away_leaves_room(void **state)
{
    enum { CHUNK = 8 };
    static int32_t text[3][MAX_TEXT];
    engine_fixture f;
    waage_err err = {0};
    size_t n_done;
    batch *b;
    (void)state;
    open_batch(&b, &f, 3, CHUNK, 3, &n_done);
    for (size_t i = 0; i < 3; i++)
        fill(text[i], 0, MAX_TEXT, 20 + i, f.m->p.n_vocab);
    batch_job old = {.kind = REQUEST_GENERATE, .prompt = text[0], .n_prompt = 61, .max_new = 8};
    batch_job reader = {.kind = REQUEST_GENERATE, .prompt = text[1], .n_prompt = 60, .max_new = 2};
    batch_job young = {.kind = REQUEST_GENERATE, .prompt = text[2], .n_prompt = 1, .max_new = 40};
    must(batch_add(b, &old, &err), &err);
    must(batch_add(b, &reader, &err), &err);
    must(batch_add(b, &young, &err), &err);
    size_t n_read = 0, last = 0, n_away = 0;
    while (old.n_new < old.max_new && n_done == 0) {
        must(batch_step(b, &err), &err);
        last = reader.n_computed - n_read;
        n_read = reader.n_computed;
        if (batch_n_waiting(b) == 0) continue;
        n_away++;
        if (n_away == 1) assert_int_equal(last, CHUNK - 1); /* all but the old one's token */
    }
    assert_true(n_away > 0);
    while (n_done < 3)
        must(batch_step(b, &err), &err);
    assert_int_equal(young.n_new, young.max_new);
    batch_free_results(&old);
    batch_free_results(&reader);
    batch_free_results(&young);
    close_batch(b, &f);
}

int test_schedule(void);
int test_schedule(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fork_counts_once),
        cmocka_unit_test(test_who_is_sent_away_leaves_room),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
