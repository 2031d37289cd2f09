/* test_engine_golden.c - grade f32 against logits of an independent implementation (transformers,
 * float32, dequantised weights): the tiny models always, the two demo models where they are
 * present. Files: tools/golden_logits.py, tools/make_tiny_models.py and
 * tools/tiny_experts.py. */
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
    uint64_t *bits;  /* (n_tokens) a hash of the row */
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

/* Standard deviation of the reference's logits: those at the fixed ids, which were drawn blindly.
 */
static double spread(const golden *g, const record *r)
{
    const size_t bytes = position_bytes(g), skip = bytes - (size_t)g->n_fixed * 4;
    double sum = 0.0, squares = 0.0;
    const double n = (double)(r->n_tokens - r->first) * g->n_fixed;
    for (size_t pos = 0; pos < r->n_tokens - r->first; pos++) {
        cursor c = {.data = (const unsigned char *)g->bytes,
                    .size = g->len,
                    .pos = r->at + pos * bytes + skip};
        for (size_t i = 0; i < g->n_fixed; i++) {
            const double x = (double)cursor_f32(&c);
            sum += x;
            squares += x * x;
        }
    }
    return sqrt(squares / n - sum / n * (sum / n));
}

static uint64_t hash_row(const float *logits, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, logits + i, sizeof u);
        h = (h ^ u) * 0x100000001b3u;
    }
    return h;
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
    k->bits[pos] = hash_row(logits, g->n_vocab);
}

static void pick_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    (void)slice, (void)thread;
    const comparison *k = ctx;
    k->argmax[pos] = (int32_t)k->kern->argmax(logits, k->g->n_vocab);
}

/* Read a record in chunks of these sizes, over and over; the rows go to k. */
static void read_in_chunks(engine_fixture *f, const comparison *k, const size_t *chunks,
                           size_t n_chunks)
{
    const record *r = k->r;
    const forward_options fo = {.m = f->m,
                                .kern = k->kern,
                                .grade = KERN_GRADE_F32,
                                .threads = f->threads,
                                .kv = f->kv,
                                .max_tokens = 128};
    waage_err err = {0};
    probe *p;
    must(probe_create(&p, &fo, f->kv, r->n_tokens + r->n_greedy, &err), &err);
    for (size_t i = 0, c = 0; i < r->n_tokens; c++) {
        const size_t left = r->n_tokens - i, chunk = chunks[c % n_chunks];
        const size_t n = left < chunk ? left : chunk;
        must(probe_read(p, r->tokens + i, n, r->first, compare_row, (void *)(uintptr_t)k, &err),
             &err);
        i += n;
    }
    probe_free(p);
}

/* How many greedy tokens agree: after the first that differs the texts part, so the count ends. */
static size_t count_greedy(engine_fixture *f, const golden *g, const record *r)
{
    static int32_t argmax[2 * MAX_TOKENS];
    comparison k = {.g = g, .kern = f->kern, .r = r, .argmax = argmax};
    const forward_options fo = {.m = f->m,
                                .kern = f->kern,
                                .grade = KERN_GRADE_F32,
                                .threads = f->threads,
                                .kv = f->kv,
                                .max_tokens = 128};
    waage_err err = {0};
    probe *p;
    must(probe_create(&p, &fo, f->kv, r->n_tokens + r->n_greedy, &err), &err);
    const int32_t *next = r->tokens;
    size_t n = r->n_tokens, pos = 0, n_same = 0;
    for (; n_same < r->n_greedy; next = &r->greedy[n_same], n = 1, ++n_same) {
        for (size_t left = n; left > 0;) {
            const size_t take = left < fo.max_tokens ? left : fo.max_tokens;
            must(probe_read(p, next + (n - left), take, 0, pick_row, &k, &err), &err);
            left -= take;
            pos += take;
        }
        if (argmax[pos - 1] != r->greedy[n_same]) break;
    }
    probe_free(p);
    return n_same;
}

/* The largest difference over the stored positions, in standard deviations of the reference. With
 * `again`, the portable kernels read the text once more in other chunks, to the same bits. */
static double compare_record(engine_fixture *f, const golden *g, const record *r, bool again)
{
    static double diff[MAX_TOKENS];
    static uint64_t bits[2][MAX_TOKENS];
    static const size_t whole[] = {128}, odd[] = {1, 63, 2, 64, 7, 31, 5};
    comparison k = {g, f->kern, r, position_bytes(g), diff, NULL, bits[0]};
    double worst = 0.0;
    read_in_chunks(f, &k, whole, 1);
    for (size_t i = r->first; i < r->n_tokens; i++)
        worst = fmax(worst, diff[i]);
    if (again) {
        k.kern = kern_set_find("portable");
        k.bits = bits[1];
        read_in_chunks(f, &k, odd, sizeof odd / sizeof *odd);
        for (size_t i = r->first; i < r->n_tokens; i++)
            assert_true(bits[0][i] == bits[1][i]);
    }
    return worst / spread(g, r);
}

/* Differences are in standard deviations of the reference's logits. */
static void check_model(const char *model_path, const char *golden_path, double tolerance,
                        size_t n_may_part, bool again)
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
        read_record(&g, &c, &r);
        const double d = compare_record(&f, &g, &r, again);
        const size_t n_same = count_greedy(&f, &g, &r);
        worst = fmax(worst, d);
        if (n_same < r.n_greedy) {
            n_parted++;
            fprintf(stderr, "   record %zu: greedy texts part after %zu of %u tokens\n", i, n_same,
                    r.n_greedy);
        }
        if (!(d <= tolerance))
            fail_msg("%s, record %zu: logits differ by %g standard deviations, more than %g",
                     model_path, i, d, tolerance);
    }
    fprintf(stderr,
            "   %s: largest difference %.2e standard deviations, %zu of %u greedy texts part\n",
            strrchr(model_path, '/') + 1, worst, n_parted, g.n_records);
    assert_true(n_parted <= n_may_part);
    assert_false(c.failed);
    assert_int_equal(c.pos, g.len);
    free(g.bytes);
    fixture_close(&f);
}

static void test_tiny_models(void **state)
{
    char model_path[128], golden_path[128];
    (void)state;
    for (size_t i = 0; i < N_TINY; i++) {
        (void)snprintf(golden_path, sizeof golden_path, "tests/golden/%s.logits", tiny_models[i]);
        check_model(tiny_path(model_path, tiny_models[i]), golden_path, 1e-4, 0, true);
    }
}

/* The 62 layers of Gemma 3 27B, whose queries have a scale of their own; too deep to be among the
 * models of every other test. */
static void test_tiny_deep_gemma(void **state)
{
    (void)state;
    check_model("tests/fixtures/tiny-gemma3-27b.gguf", "tests/golden/tiny-gemma3-27b.logits", 1e-4,
                0, true);
}

static void check_real(const char *name, const char *golden_path)
{
    char path[4096];
    if (real_model(path, sizeof path, name)) check_model(path, golden_path, 1e-3, 1, false);
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
        cmocka_unit_test(test_tiny_models),
        cmocka_unit_test(test_tiny_deep_gemma),
        cmocka_unit_test(test_smollm2),
        cmocka_unit_test(test_gemma3_270m),
    };
    return cmocka_run_group_tests_name("engine_golden", tests, NULL, NULL);
}
