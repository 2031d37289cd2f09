/* test_speed.c - loads that measure speed: they end inside the model's context, and what a token
 * costs counts experts and heads. */
#include <math.h>
#include "engine_fixture.h"
#include "runners/local/speed.h"

/* The first sequences write on while the last prompts are read; the context may end before. */
static void test_loads_stay_in_the_context(void **state)
{
    const runner_load load = {.n_seqs = 48, .n_prompt = 64, .n_new = 16};
    const engine_setup s = {.n_threads = 2, .kv_pages = 48 * 4};
    engine_fixture f;
    runner_speed speed;
    waage_err err = {0};
    (void)state;
    fixture_open(&f, "tests/fixtures/tiny-llama.gguf", &s);
    const batch_options bo = {.m = f.m,
                              .kern = f.kern,
                              .threads = f.threads,
                              .kv = f.kv,
                              .n_slots = 48,
                              .chunk_tokens = 64};
    assert_true(f.m->p.n_context >= 250);
    must(speed_measure(&speed, &bo, &load, 1, &err), &err);
    assert_true(speed.n_tokens >= 48 * 16);
    f.m->p.n_context = 64 + 16 + 1; /* the load as such fits */
    assert_int_equal(speed_measure(&speed, &bo, &load, 2, &err), WAAGE_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "context"));
    f.m->p.n_context = 64 + 16;
    assert_int_equal(speed_measure(&speed, &bo, &load, 3, &err), WAAGE_EUNSUPPORTED);
    fixture_close(&f);
}

static double work(size_t n, size_t in, size_t out)
{
    return 2e-9 * (double)n * (double)in * (double)out;
}

static void test_experts_cost(void **state)
{
    const engine_setup s = {.n_threads = 2, .kv_pages = 4};
    engine_fixture f;
    runner_limits limits;
    waage_err err = {0};
    (void)state;
    fixture_open(&f, "tests/fixtures/tiny-qwen3moe.gguf", &s);
    const model_params *p = &f.m->p;
    const size_t heads = p->n_heads * p->head_dim, kv = p->n_kv_heads * p->head_dim;
    const double layer = work(2, p->n_embd, heads) + work(2, p->n_embd, kv) +
                         work(1, p->n_embd, p->n_experts) +
                         work(3 * p->router.n_used, p->n_embd, p->n_ff_expert);
    must(speed_limits(&limits, f.m, f.kern, KERN_GRADE_I16, f.threads, &err), &err);
    assert_true(fabs(limits.token_gop / ((double)p->n_layers * layer) - 1.0) < 1e-9);
    fixture_close(&f);
}

int test_speed(void);
int test_speed(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_stay_in_the_context),
        cmocka_unit_test(test_experts_cost),
    };
    return cmocka_run_group_tests_name("speed", tests, NULL, NULL);
}
