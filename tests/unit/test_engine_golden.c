/* test_engine_golden.c - grade f32 against logits of an independent implementation (transformers,
 * float32, dequantised weights): the tiny models always, the two demo models where they are
 * present. Files: tools/golden_logits.py and tools/make_tiny_models.py. */
#include <math.h>
#include "engine_fixture.h"
#include "harness/base/cursor.h"

enum { MAX_TOP = 64, MAX_FIXED = 128, MAX_TOKENS = 4096, MAX_RECORDS = 16 };

typedef struct {
    uint32_t n_tokens, first, n_greedy;
    int32_t tokens[MAX_TOKENS], greedy[MAX_TOKENS];
    size_t at; /* offset of the stored positions */
} record;

typedef struct {
    char *bytes;
    size_t len;
    uint32_t n_vocab, n_top, n_fixed, n_records;
    int32_t fixed[MAX_FIXED];
} golden;

/* What a comparison found. */
typedef struct {
    const golden *g;
    const kern_set *kern;
    const record *r;
    size_t position_bytes;
    double *diff;    /* (n_tokens) largest difference of a logit or of the log-sum-exp */
    int32_t *argmax; /* (n_tokens) */
} comparison;

static void read_ids(cursor *c, int32_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)cursor_u32(c);
}

static void open_golden(golden *g, cursor *c, const char *path)
{
    waage_err err = {0};
    must(file_read(&g->bytes, &g->len, path, 1 << 22, &err), &err);
    *c = (cursor){.data = (const unsigned char *)g->bytes, .size = g->len};
    const void *magic = cursor_take(c, 8);
    assert_non_null(magic);
    assert_memory_equal(magic, "WGOLD001", 8);
    g->n_vocab = cursor_u32(c);
    g->n_top = cursor_u32(c);
    g->n_fixed = cursor_u32(c);
    assert_true(g->n_top <= MAX_TOP && g->n_fixed <= MAX_FIXED);
    read_ids(c, g->fixed, g->n_fixed);
    g->n_records = cursor_u32(c);
}

static size_t position_bytes(const golden *g)
{
    return 8 + (size_t)g->n_top * 8 + (size_t)g->n_fixed * 4;
}

static void read_record(const golden *g, cursor *c, record *r)
{
    r->n_tokens = cursor_u32(c);
    r->first = cursor_u32(c);
    r->n_greedy = cursor_u32(c);
    assert_true(!c->failed && r->n_tokens <= MAX_TOKENS && r->n_greedy <= MAX_TOKENS);
    assert_true(r->first < r->n_tokens);
    read_ids(c, r->tokens, r->n_tokens);
    read_ids(c, r->greedy, r->n_greedy);
    r->at = c->pos;
    assert_non_null(cursor_take(c, (r->n_tokens - r->first) * position_bytes(g)));
}

static void compare_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    (void)slice, (void)thread;
    const comparison *k = ctx;
    const golden *g = k->g;
    int32_t ids[MAX_TOP];
    cursor c = {.data = (const unsigned char *)g->bytes,
                .size = g->len,
                .pos = k->r->at + (pos - k->r->first) * k->position_bytes};
    double worst = fabs(cursor_f64(&c) - kern_logsumexp(k->kern, logits, g->n_vocab));
    read_ids(&c, ids, g->n_top);
    for (size_t i = 0; i < g->n_top; i++)
        worst = fmax(worst, fabs((double)cursor_f32(&c) - (double)logits[ids[i]]));
    for (size_t i = 0; i < g->n_fixed; i++)
        worst = fmax(worst, fabs((double)cursor_f32(&c) - (double)logits[g->fixed[i]]));
    k->diff[pos] = worst;
}

static void pick_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    (void)slice, (void)thread;
    const comparison *k = ctx;
    k->argmax[pos] = (int32_t)k->kern->argmax(logits, k->g->n_vocab);
}

/* The largest difference over the stored positions; and how many greedy tokens agree: after the
 * first that differs the texts part, so the count ends there. */
static double compare_record(engine_fixture *f, const golden *g, const record *r, size_t *n_same)
{
    static double diff[2 * MAX_TOKENS];
    static int32_t argmax[2 * MAX_TOKENS];
    comparison k = {g, f->kern, r, position_bytes(g), diff, argmax};
    const forward_options fo = {.m = f->m,
                                .kern = f->kern,
                                .grade = KERN_GRADE_F32,
                                .threads = f->threads,
                                .kv = f->kv,
                                .max_tokens = 128};
    waage_err err = {0};
    probe *p;
    double worst = 0;
    must(probe_create(&p, &fo, f->kv, &err), &err);
    for (size_t i = 0; i < r->n_tokens; i += fo.max_tokens) {
        const size_t n = r->n_tokens - i < fo.max_tokens ? r->n_tokens - i : fo.max_tokens;
        must(probe_read(p, r->tokens + i, n, r->first, compare_row, &k, &err), &err);
    }
    for (size_t i = r->first; i < r->n_tokens; i++)
        worst = fmax(worst, diff[i]);
    probe_free(p);
    *n_same = 0;
    if (r->n_greedy == 0) return worst;
    must(probe_create(&p, &fo, f->kv, &err), &err);
    const int32_t *next = r->tokens;
    size_t n = r->n_tokens, pos = 0;
    for (; *n_same < r->n_greedy; next = &r->greedy[*n_same], n = 1, ++*n_same) {
        for (size_t left = n; left > 0;) {
            const size_t take = left < fo.max_tokens ? left : fo.max_tokens;
            must(probe_read(p, next + (n - left), take, 0, pick_row, &k, &err), &err);
            left -= take;
            pos += take;
        }
        if (argmax[pos - 1] != r->greedy[*n_same]) break;
    }
    probe_free(p);
    return worst;
}

static void check_model(const char *model_path, const char *golden_path, double tolerance,
                        size_t n_may_part)
{
    static golden g;
    static record r;
    engine_fixture f;
    cursor c;
    size_t n_parted = 0;
    double worst = 0;
    const engine_setup s = {.n_threads = 2, .kv_pages = 24};
    fixture_open(&f, model_path, &s);
    open_golden(&g, &c, golden_path);
    assert_int_equal(g.n_vocab, f.m->p.n_vocab);
    for (size_t i = 0; i < g.n_records; i++) {
        size_t n_same;
        read_record(&g, &c, &r);
        const double d = compare_record(&f, &g, &r, &n_same);
        worst = fmax(worst, d);
        if (n_same < r.n_greedy) {
            n_parted++;
            fprintf(stderr, "   record %zu: greedy texts part after %zu of %u tokens\n", i, n_same,
                    r.n_greedy);
        }
        if (!(d <= tolerance))
            fail_msg("%s, record %zu: logits differ by %g, more than %g", model_path, i, d,
                     tolerance);
    }
    fprintf(stderr, "   %s: largest difference %.2e, %zu of %u greedy texts part\n",
            strrchr(model_path, '/') + 1, worst, n_parted, g.n_records);
    assert_true(n_parted <= n_may_part);
    assert_false(c.failed);
    assert_int_equal(c.pos, g.len);
    free(g.bytes);
    fixture_close(&f);
}

static void test_tiny_llama(void **state)
{
    (void)state;
    check_model("tests/fixtures/tiny-llama.gguf", "tests/golden/tiny-llama.logits", 5e-5, 0);
}

static void test_tiny_gemma3(void **state)
{
    (void)state;
    check_model("tests/fixtures/tiny-gemma3.gguf", "tests/golden/tiny-gemma3.logits", 5e-5, 0);
}

/* Experts, latent attention, sinks: 1e-4 of the logits' standard deviation, which is above 3. */
static void test_tiny_experts(void **state)
{
    static const char *const names[] = {"gptoss", "qwen3moe", "dsv2", "dsv2lite", "dsv3"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char model_path[64], logits_path[64];
        (void)snprintf(model_path, sizeof model_path, "tests/fixtures/tiny-%s.gguf", names[i]);
        (void)snprintf(logits_path, sizeof logits_path, "tests/golden/tiny-%s.logits", names[i]);
        check_model(model_path, logits_path, 3e-4, 0);
    }
}

static void check_real(const char *name, const char *golden_path)
{
    char path[4096];
    if (real_model(path, sizeof path, name)) check_model(path, golden_path, 2e-3, 1);
}

static void test_smollm2(void **state)
{
    (void)state;
    check_real("SmolLM2-135M-Instruct.Q4_1.gguf", "tests/golden/smollm2-135m-q4_1.logits");
}

static void test_gemma3_270m(void **state)
{
    (void)state;
    check_real("gemma-3-270m-q4_k_m.gguf", "tests/golden/gemma-3-270m-q4_k_m.logits");
}

int test_engine_golden(void);
int test_engine_golden(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_llama),   cmocka_unit_test(test_tiny_gemma3),
        cmocka_unit_test(test_tiny_experts), cmocka_unit_test(test_smollm2),
        cmocka_unit_test(test_gemma3_270m),
    };
    return cmocka_run_group_tests_name("engine_golden", tests, NULL, NULL);
}
