/* test_engine_alloc.c - the step loop takes no memory from the heap. The Makefile links the tests
 * with
 * --wrap, so that every malloc, calloc and realloc of our code comes by here and is counted. */
#include <stdatomic.h>
#include "engine_fixture.h"

static _Atomic size_t n_allocations;
static uint64_t n_drafted;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    atomic_fetch_add(&n_allocations, 1);
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    atomic_fetch_add(&n_allocations, 1);
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    atomic_fetch_add(&n_allocations, 1);
    return __real_realloc(p, n);
}

enum { N_JOBS = 6, N_PROMPT = 150, N_ALL = 200 };

static int32_t tokens[N_JOBS][N_ALL];
static batch_choice choices[N_JOBS][2];
static batch_job jobs[N_JOBS];

static bool on_token(void *ctx, batch_job *job, int32_t id, float logprob, batch_forced *forced)
{
    (void)ctx, (void)job, (void)id, (void)logprob, (void)forced;
    return false;
}

/* Some generate (the first two share a beginning), some score; greedy and sampled. */
static void plan_jobs(size_t n_vocab)
{
    for (size_t i = 0; i < N_JOBS; i++) {
        for (size_t k = 0; k < N_ALL; k++)
            tokens[i][k] = (int32_t)((k * 31 + (i == 1 && k < 100 ? 0 : i) * 17 + 3) % n_vocab);
        jobs[i] = (batch_job){.kind = i % 3 == 2 ? REQUEST_LOGLIK : REQUEST_GENERATE,
                              .prompt = tokens[i],
                              .n_prompt = N_PROMPT,
                              .max_new = 80,
                              .how = {.temperature = i % 2 ? 0.8 : 0, .top_p = 0.9, .top_k = 30},
                              .item_key = i};
        if (jobs[i].kind != REQUEST_LOGLIK) continue;
        for (size_t c = 0; c < 2; c++)
            choices[i][c] =
                (batch_choice){.tokens = tokens[i], .n = N_ALL - 5 * c, .cut = N_PROMPT};
        jobs[i].choices = choices[i];
        jobs[i].n_choices = 2;
    }
}

/* From the first step on, through chunks of prompts, forks, preemption and decoding, to the end. */
static void count_steps(const char *path, size_t kv_pages)
{
    engine_fixture f;
    waage_err err = {0};
    size_t n_done = 0;
    batch *b;
    const engine_setup s = {.n_threads = 2, .kv_pages = kv_pages};
    fixture_open(&f, path, &s);
    plan_jobs(f.m->p.n_vocab);
    batch_options bo =
        fixture_batch(&f, 8, 100, (batch_hooks){&n_done, on_token, fixture_count_done});
    bo.draft = draft_lookup;
    must(batch_create(&b, &bo, &err), &err);
    for (size_t i = 0; i < N_JOBS; i++)
        must(batch_add(b, &jobs[i], &err), &err);
    const size_t before = n_allocations;
    assert_true(before > 0); /* the count does count */
    while (n_done < N_JOBS)
        must(batch_step(b, &err), &err);
    assert_int_equal(n_allocations, before);
    n_drafted += batch_get_totals(b).n_drafted;
    for (size_t i = 0; i < N_JOBS; i++)
        batch_free_results(&jobs[i]);
    batch_free(b);
    fixture_close(&f);
}

static void test_steps_allocate_nothing(void **state)
{
    (void)state;
    count_steps("tests/fixtures/tiny-llama.gguf", 100);
    count_steps("tests/fixtures/tiny-gemma3.gguf", 8);
    count_steps("tests/fixtures/tiny-dsv3.gguf", 8);   /* experts, latent attention */
    count_steps("tests/fixtures/tiny-gptoss.gguf", 8); /* experts with biases */
    assert_true(n_drafted > 0);
}

int test_engine_alloc(void);
int test_engine_alloc(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps_allocate_nothing)};
    return cmocka_run_group_tests_name("engine_alloc", tests, NULL, NULL);
}
