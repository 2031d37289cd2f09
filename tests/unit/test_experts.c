/* test_experts.c - the choice of experts against what the definitions give by hand: ties, groups,
 * biases that only choose, the three kinds of weights. */
#include <math.h>
#include "engine_fixture.h"
#include "runners/local/experts.h"

static model_params params(size_t n, size_t used, experts_gating gating)
{
    model_params p = {.n_experts = n};
    p.router = (model_router){.gating = gating,
                              .n_used = used,
                              .n_groups = 1,
                              .n_groups_used = 1,
                              .n_group_best = 1,
                              .scale = 1.0f};
    return p;
}

static void expect_ids(const uint32_t *ids, size_t n, const uint32_t *want)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ids[i], want[i]);
}

static bool near(float x, double want)
{
    return fabs((double)x - want) < 1e-6;
}

static void test_softmax_of_the_chosen(void **state)
{
    (void)state;
    const model_params p = params(5, 2, EXPERTS_SOFTMAX_CHOSEN);
    float logits[5] = {1.0f, 3.0f, -2.0f, 4.0f, 2.0f}, w[2];
    uint32_t ids[2];
    experts_choose(&p, logits, NULL, ids, w);
    expect_ids(ids, 2, (const uint32_t[]){1, 3});
    assert_true(near(w[0], 1.0 / (1.0 + exp(1.0))) && near(w[1], exp(1.0) / (1.0 + exp(1.0))));
}

static void test_softmax_over_all(void **state)
{
    (void)state;
    model_params p = params(4, 2, EXPERTS_SOFTMAX);
    const double all = exp(0.0) + exp(1.0) + exp(2.0) + exp(3.0);
    float logits[4] = {0.0f, 3.0f, 1.0f, 2.0f}, w[2];
    uint32_t ids[2];
    p.router.scale = 16.0f;
    experts_choose(&p, logits, NULL, ids, w);
    expect_ids(ids, 2, (const uint32_t[]){1, 3});
    assert_true(fabs((double)w[0] - 16.0 * exp(3.0) / all) < 1e-5);
    assert_true(fabs((double)w[1] - 16.0 * exp(2.0) / all) < 1e-5);
    float again[4] = {0.0f, 3.0f, 1.0f, 2.0f};
    p.router.scale = 1.0f;
    p.router.normalize = true;
    experts_choose(&p, again, NULL, ids, w);
    assert_true(near(w[0], exp(3.0) / (exp(3.0) + exp(2.0))) && near(w[0] + w[1], 1.0));
}

static void test_ties_go_to_the_lowest_id(void **state)
{
    (void)state;
    const model_params p = params(6, 3, EXPERTS_SOFTMAX_CHOSEN);
    float logits[6] = {0.5f, 1.0f, 0.5f, -0.0f, 0.5f, 0.0f}, w[3];
    uint32_t ids[3];
    experts_choose(&p, logits, NULL, ids, w);
    expect_ids(ids, 3, (const uint32_t[]){0, 1, 2});
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

/* The bias brings expert 3 in; its weight is its score without it. */
static void test_bias_only_chooses(void **state)
{
    (void)state;
    model_params p = params(4, 2, EXPERTS_SIGMOID);
    float logits[4] = {1.0f, 0.8f, 0.0f, -1.0f}, w[2];
    const float bias[4] = {0.0f, 0.0f, 0.0f, 0.7f};
    uint32_t ids[2];
    p.router.normalize = true;
    p.router.scale = 2.5f;
    experts_choose(&p, logits, bias, ids, w);
    expect_ids(ids, 2, (const uint32_t[]){0, 3});
    const double sum = sigmoid(1.0) + sigmoid(-1.0);
    assert_true(near(w[0], 2.5 * sigmoid(1.0) / sum) && near(w[1], 2.5 * sigmoid(-1.0) / sum));
}

/* Two groups of three, one used. By the maximum the first wins, by the sum of two the second. */
static void test_groups(void **state)
{
    (void)state;
    const float logits[6] = {4.0f, -3.0f, -3.0f, 2.0f, 2.5f, -1.0f};
    for (size_t best = 1; best <= 2; best++) {
        model_params p = params(6, 2, EXPERTS_SIGMOID);
        float x[6], w[2];
        uint32_t ids[2];
        memcpy(x, logits, sizeof x);
        p.router.n_groups = 2;
        p.router.n_group_best = best;
        experts_choose(&p, x, NULL, ids, w);
        expect_ids(ids, 2, best == 1 ? (const uint32_t[]){0, 1} : (const uint32_t[]){3, 4});
    }
}

/* Whatever the logits are, the ids are different and in range. */
static void test_not_a_number(void **state)
{
    (void)state;
    static const experts_gating all[] = {EXPERTS_SOFTMAX, EXPERTS_SIGMOID, EXPERTS_SOFTMAX_CHOSEN};
    for (size_t i = 0; i < 3; i++) {
        model_params p = params(8, 4, all[i]);
        float x[8] = {NAN, INFINITY, NAN, -INFINITY, NAN, 0.0f, NAN, NAN}, w[4];
        uint32_t ids[4];
        p.router.n_groups = 4;
        p.router.n_groups_used = 2;
        p.router.n_group_best = 2;
        experts_choose(&p, x, NULL, ids, w);
        for (size_t k = 0; k < 4; k++)
            assert_true(ids[k] < 8 && (k == 0 || ids[k] > ids[k - 1]));
    }
}

static void count_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    (void)slice, (void)pos, (void)logits, (void)thread;
    ++*(size_t *)ctx;
}

/* The router of the last layer gives NaN for the last expert, which then is not chosen: the text
 * must fail all the same. */
static void test_router_not_finite(void **state)
{
    static const char *const paths[] = {"tests/fixtures/tiny-dsv3.gguf",
                                        "tests/fixtures/tiny-gptoss.gguf",
                                        "tests/fixtures/tiny-qwen3moe.gguf"};
    const engine_setup s = {.n_threads = 2, .kv_pages = 8};
    const int32_t tokens[] = {3, 4, 5};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        engine_fixture f;
        waage_err err = {0};
        fixture_open(&f, paths[i], &s);
        const kern_matrix *w = &f.m->layers[f.m->p.n_layers - 1].w[LAYER_ROUTER];
        const size_t last = w->n_rows - 1;
        char *panel =
            (char *)f.m->panels.data + ((const char *)w->panels - (char *)f.m->panels.data);
        float *first = (float *)(void *)(panel + last / KERN_PANEL_ROWS * w->panel_bytes);
        assert_true(w->type == QUANT_F32 && w->n_rows == f.m->p.n_experts);
        for (int broken = 0; broken < 2; broken++) {
            const forward_options fo = {
                .m = f.m, .kern = f.kern, .threads = f.threads, .kv = f.kv, .max_tokens = 8};
            size_t n_rows = 0;
            probe *p;
            if (broken) first[last % KERN_PANEL_ROWS] = NAN;
            must(probe_create(&p, &fo, f.kv, 3, &err), &err);
            assert_int_equal(probe_read(p, tokens, 3, 0, count_row, &n_rows, &err),
                             broken ? WAAGE_EFAIL : WAAGE_OK);
            probe_free(p);
        }
        fixture_close(&f);
    }
}

static void keep_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    float *rows = ctx;
    (void)slice, (void)thread;
    memcpy(rows + pos * 64, logits, 64 * sizeof *rows);
}

/* A file that keeps each expert's gate and up rows in one tensor is the same model. */
static void test_fused_gate_and_up(void **state)
{
    static const char *const paths[] = {"tests/fixtures/tiny-qwen3moe.gguf",
                                        "tests/fixtures/tiny-qwen3moe-fused.gguf"};
    static const size_t weights[] = {0, 1}; /* all packed; all read from the file */
    const int32_t tokens[] = {3, 4, 5, 6, 7};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        float rows[2][5 * 64] = {{0}};
        for (size_t i = 0; i < 2; i++) {
            const engine_setup s = {.n_threads = 2, .kv_pages = 8, .weights = weights[k]};
            engine_fixture f;
            probe *p;
            waage_err err = {0};
            fixture_open(&f, paths[i], &s);
            const forward_options fo = {
                .m = f.m, .kern = f.kern, .threads = f.threads, .kv = f.kv, .max_tokens = 8};
            assert_true(f.m->p.n_vocab >= 64);
            must(probe_create(&p, &fo, f.kv, 5, &err), &err);
            must(probe_read(p, tokens, 5, 0, keep_row, rows[i], &err), &err);
            probe_free(p);
            fixture_close(&f);
        }
        assert_true(rows[0][0] != 0);
        assert_memory_equal(rows[0], rows[1], sizeof rows[0]);
    }
}

int test_experts(void);
int test_experts(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax_of_the_chosen),
        cmocka_unit_test(test_softmax_over_all),
        cmocka_unit_test(test_ties_go_to_the_lowest_id),
        cmocka_unit_test(test_bias_only_chooses),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_router_not_finite),
        cmocka_unit_test(test_fused_gate_and_up),
    };
    return cmocka_run_group_tests_name("experts", tests, NULL, NULL);
}
