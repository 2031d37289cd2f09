/* test_attention.c - attention over stored keys and values: every set against the reference by
 * memcmp, the reference against plain softmax in double, and what a query sees against its
 * neighbours. */
#include <float.h>
#include <math.h>
#include "kernels/fmath.h"
#include "tests/unit/kernel_cases.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
enum { BLOCK = KERN_ATTN_BLOCK };

static const char *const format_names[KERN_KV_FORMATS] = {"f32", "f16", "q8"};

typedef struct {
    kern_attn job;
    size_t n_blocks, n_seen; /* positions from 0 that some token may see */
    float *q, *out, *sinks;
    float *keys, *values; /* (n_seen, key_dim), (n_seen, value_dim) as given */
    char *storage;
    const void **blocks;
} attn_case;

/* {key_dim, value_dim, heads, tokens, pos, window} */
typedef size_t attn_sizes[6];

static const attn_sizes sizes[] = {
    {64, 64, 3, 1, 0, 0},       {64, 64, 3, 1, 62, 0},    {64, 64, 3, 1, 63, 0},
    {64, 64, 3, 8, 60, 0},      {64, 64, 1, 1, 199, 0},   {64, 64, 9, 3, 332, 328},
    {64, 64, 8, 8, 250, 40},    {256, 256, 4, 5, 129, 0}, {256, 256, 4, 2, 74, 5},
    {128, 128, 2, 8, 611, 512}, {80, 80, 5, 7, 189, 187}, {96, 96, 7, 1, 64, 2},
    {16, 16, 1, 1, 699, 0},     {8, 8, 3, 8, 69, 53},     {20, 20, 6, 4, 128, 127},
    {192, 128, 16, 2, 70, 0},   {576, 512, 16, 3, 69, 0}, {576, 512, 40, 1, 130, 0},
    {1, 1, 1, 1, 2, 0},         {3, 5, 2, 9, 61, 1},      {5, 3, 33, 2, 64, 64},
    {72, 33, 2, 20, 50, 70},    {7, 100, 1, 64, 0, 0},    {20, 20, 33, 4, 160, 70},
    {8, 8, 128, 2, 127, 0},     {64, 64, 3, 40, 30, 0},   {64, 48, 4, 1, 200, 0},
};

static float *random_floats(uint64_t *state, size_t n, float scale)
{
    float *x = case_alloc((n + 1) * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = case_unit(state) * scale;
    return x;
}

static size_t n_out(const attn_case *c)
{
    return c->job.n_tokens * c->job.ldo;
}

/* Blocks are filled with 0xff first: NaN in f32 and f16, -1 with a scale of NaN in q8. What must
 * not be seen spoils the result if it gets in. */
static attn_case case_new(uint64_t *state, kern_kv_format format, const attn_sizes z, bool sinks)
{
    const kern_kv_shape kv = {format, z[0], z[1]};
    const size_t first = z[5] != 0 && z[4] + 1 > z[5] ? z[4] + 1 - z[5] : 0;
    attn_case c = {.n_seen = z[4] + z[3]};
    c.n_blocks = (c.n_seen + BLOCK - 1) / BLOCK;
    c.job = (kern_attn){.kv = kv, .n_heads = z[2], .n_tokens = z[3], .pos = z[4], .window = z[5]};
    c.job.ldq = z[2] * z[0] + 3;
    c.job.ldo = z[2] * z[1] + 5;
    c.job.q = c.q = random_floats(state, z[3] * c.job.ldq, 2.0f / sqrtf((float)z[0]));
    c.job.out = c.out = random_floats(state, n_out(&c), 1.0f);
    c.sinks = random_floats(state, z[2], 3.0f);
    c.job.sinks = sinks ? c.sinks : NULL;
    c.keys = random_floats(state, c.n_seen * z[0], 3.0f);
    c.values = random_floats(state, c.n_seen * z[1], 1.0f);
    c.job.scratch = case_alloc(kern_attn_scratch(kv));
    c.storage = case_alloc(c.n_blocks * kern_kv_bytes(kv));
    c.blocks = case_alloc(c.n_blocks * sizeof *c.blocks);
    memset(c.storage, 0xff, c.n_blocks * kern_kv_bytes(kv));
    for (size_t b = 0; b < c.n_blocks; b++)
        c.blocks[b] = (b + 1) * BLOCK > first ? c.storage + b * kern_kv_bytes(kv) : NULL;
    for (size_t p = first; p < c.n_seen; p++)
        assert_true(kern_kv_store(kv, c.storage + p / BLOCK * kern_kv_bytes(kv), p % BLOCK,
                                  c.keys + p * z[0], c.values + p * z[1]));
    c.job.blocks = c.blocks;
    return c;
}

static void case_free(attn_case *c)
{
    free(c->q);
    free(c->out);
    free(c->sinks);
    free(c->keys);
    free(c->values);
    free(c->job.scratch);
    free(c->storage);
    free(c->blocks);
}

static void compare(const kern_set *set, const kern_set *ref, attn_case *c, const attn_sizes z)
{
    const size_t bytes = n_out(c) * sizeof(float);
    float *want = case_alloc(bytes);
    memset(c->out, 0xa5, bytes);
    memcpy(want, c->out, bytes);
    c->job.out = want;
    ref->attention(&c->job);
    c->job.out = c->out;
    set->attention(&c->job);
    if (memcmp(c->out, want, bytes) != 0)
        fail_msg("%s: attention over %s differs: keys %zu, values %zu, %zu heads, %zu tokens at "
                 "%zu, window %zu, sinks %d",
                 set->name, format_names[c->job.kv.format], z[0], z[1], z[2], z[3], z[4], z[5],
                 c->job.sinks != NULL);
    free(want);
}

static void all_cases(const kern_set *set, const kern_set *ref)
{
    uint64_t state = 31;
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (kern_kv_format f = KERN_KV_F32; f < KERN_KV_FORMATS; f++)
            for (int sinks = 0; sinks < 2; sinks++) {
                attn_case c = case_new(&state, f, sizes[i], sinks);
                compare(set, ref, &c, sizes[i]);
                case_free(&c);
            }
}

static void test_sets(void **unused)
{
    (void)unused;
    case_each_set(all_cases);
}

/* softmax(q K) V of one row in double, everything at once. */
static void plain(const attn_case *c, size_t token, size_t head, double *out)
{
    const kern_attn *j = &c->job;
    const size_t dk = j->kv.key_dim, dv = j->kv.value_dim, to = j->pos + token + 1;
    const size_t from = j->window != 0 && to > j->window ? to - j->window : 0;
    const float *q = c->q + token * j->ldq + head * dk;
    double scores[1024], max = j->sinks ? (double)j->sinks[head] : -INFINITY;
    for (size_t p = from; p < to; p++) {
        scores[p] = 0.0;
        for (size_t d = 0; d < dk; d++)
            scores[p] += (double)q[d] * (double)c->keys[p * dk + d];
        max = fmax(max, scores[p]);
    }
    double sum = j->sinks ? exp((double)j->sinks[head] - max) : 0.0;
    for (size_t d = 0; d < dv; d++)
        out[d] = 0.0;
    for (size_t p = from; p < to; p++) {
        const double w = exp(scores[p] - max);
        sum += w;
        for (size_t d = 0; d < dv; d++)
            out[d] += w * (double)c->values[p * dv + d];
    }
    for (size_t d = 0; d < dv; d++)
        out[d] /= sum;
}

static double worst_error(const attn_case *c)
{
    double want[576], worst = 0.0;
    const size_t dv = c->job.kv.value_dim;
    for (size_t t = 0; t < c->job.n_tokens; t++)
        for (size_t h = 0; h < c->job.n_heads; h++) {
            plain(c, t, h, want);
            for (size_t d = 0; d < dv; d++) {
                const double error = fabs((double)c->out[t * c->job.ldo + h * dv + d] - want[d]);
                assert_true(error == error); /* no NaN */
                worst = fmax(worst, error);
            }
        }
    return worst;
}

static void test_values(void **unused)
{
    static const double limits[KERN_KV_FORMATS] = {4e-6, 2e-3, 3e-2};
    const kern_set *ref = kern_set_find("portable");
    uint64_t state = 37;
    (void)unused;
    for (kern_kv_format f = KERN_KV_F32; f < KERN_KV_FORMATS; f++) {
        double worst = 0.0;
        for (size_t i = 0; i < COUNT(sizes); i++) {
            attn_case c = case_new(&state, f, sizes[i], i % 2 != 0);
            ref->attention(&c.job);
            worst = fmax(worst, worst_error(&c));
            case_free(&c);
        }
        fprintf(stderr, "             attention over %s: largest error %.2e\n", format_names[f],
                worst);
        assert_true(worst < limits[f]);
        assert_true(f == KERN_KV_F32 || worst > limits[f] / 100); /* it is stored in that format */
    }
}

/* A query's answer depends on positions alone: each of 105 rows (kernels take 96 at a time)
 * computed by itself, in blocks that hold something else where it may not look. */
static void alone(const kern_set *set, kern_kv_format format)
{
    static const attn_sizes z = {64, 40, 7, 15, 270, 246};
    uint64_t state = 41;
    attn_case c = case_new(&state, format, z, true);
    const size_t bytes = kern_kv_bytes(c.job.kv);
    float one[40], loud[64];
    set->attention(&c.job);
    for (size_t i = 0; i < 64; i++)
        loud[i] = 1e4f;
    for (size_t p = 0; p < c.n_blocks * BLOCK; p++)
        if (p < 270 + 1 - 246 || p >= c.n_seen)
            assert_true(
                kern_kv_store(c.job.kv, c.storage + p / BLOCK * bytes, p % BLOCK, loud, loud));
    for (size_t t = 0; t < 15; t++)
        for (size_t h = 0; h < 7; h++) {
            kern_attn job = c.job;
            job.n_heads = job.n_tokens = 1;
            job.q = c.q + t * c.job.ldq + h * 64;
            job.sinks = c.sinks + h;
            job.pos = 270 + t;
            job.out = one;
            set->attention(&job);
            assert_memory_equal(one, c.out + t * c.job.ldo + h * 40, sizeof one);
        }
    case_free(&c);
}

static void test_rows_alone(void **unused)
{
    (void)unused;
    for (const kern_set *const *s = kern_sets; *s; s++)
        for (kern_kv_format f = KERN_KV_F32; (*s)->available() && f < KERN_KV_FORMATS; f++)
            alone(*s, f);
}

/* Far apart scores: the first block's weights vanish when the second's maximum is 100 above, a
 * falling maximum leaves what was gathered alone, and a sink far above leaves nothing. */
static void far_scores(const kern_set *set)
{
    const kern_kv_shape kv = {KERN_KV_F32, 1, 1};
    char *blocks = case_alloc(2 * kern_kv_bytes(kv));
    const void *ptrs[2] = {blocks, blocks + kern_kv_bytes(kv)};
    const float q = 1.0f, high = 200.0f, low = -200.0f;
    float out;
    kern_attn job = {.kv = kv, .n_heads = 1, .n_tokens = 1, .q = &q, .blocks = ptrs, .pos = 127};
    job.out = &out;
    job.scratch = case_alloc(kern_attn_scratch(kv));
    static const struct {
        float second, want;
    } rows[] = {{100.0f, 3.0f}, {-100.0f, 5.0f}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t p = 0; p < 128; p++) {
            const float key = p < 64 ? 0.0f : rows[i].second, value = p < 64 ? 5.0f : 3.0f;
            assert_true(
                kern_kv_store(kv, blocks + p / 64 * kern_kv_bytes(kv), p % 64, &key, &value));
        }
        job.sinks = NULL;
        set->attention(&job);
        assert_true(out == rows[i].want);
        job.sinks = &low;
        set->attention(&job);
        assert_true(out == rows[i].want);
        job.sinks = &high;
        set->attention(&job);
        assert_true(out == 0.0f);
    }
    free(job.scratch);
    free(blocks);
}

static void test_far_scores(void **unused)
{
    (void)unused;
    for (const kern_set *const *s = kern_sets; *s; s++)
        if ((*s)->available()) far_scores(*s);
}

/* ---- Storage ------------------------------------------------------------------------------ */

static void test_q8_rounding(void **unused)
{
    const kern_kv_shape kv = {KERN_KV_Q8, 4, 3};
    char *block = case_alloc(kern_kv_bytes(kv));
    const float key[4] = {127.0f, -0.5f, 1.5f, -126.5f}; /* scale 1: halves go to even */
    const float value[3] = {0.0f, -0x1p-101f, 0x1p-110f};
    (void)unused;
    assert_int_equal(kern_kv_bytes(kv), 64 * (4 + 3 + 8));
    assert_true(kern_kv_store(kv, block, 9, key, value));
    const float *scales = (const float *)(const void *)block;
    const int8_t *keys = (const int8_t *)block + 512, *values = keys + 4 * 64;
    assert_true(scales[9] == 1.0f && scales[64 + 9] == 0.0f);
    static const int8_t want[4] = {127, 0, 2, -126};
    for (size_t d = 0; d < 4; d++)
        assert_int_equal(keys[d * 64 + 9], want[d]);
    for (size_t d = 0; d < 3; d++)
        assert_int_equal(values[9 * 3 + d], 0);
    free(block);
}

static void test_what_cannot_be_stored(void **unused)
{
    static const struct {
        float x;
        bool fits[KERN_KV_FORMATS];
    } rows[] = {
        {65519.0f, {true, true, true}},    {-65520.0f, {true, false, true}},
        {INFINITY, {false, false, false}}, {-INFINITY, {false, false, false}},
        {NAN, {false, false, false}},      {FLT_MAX, {true, false, true}},
    };
    (void)unused;
    for (kern_kv_format f = KERN_KV_F32; f < KERN_KV_FORMATS; f++) {
        const kern_kv_shape kv = {f, 2, 2};
        char *block = case_alloc(kern_kv_bytes(kv));
        for (size_t i = 0; i < COUNT(rows); i++) {
            const float ok[2] = {1.0f, 2.0f}, x[2] = {1.0f, rows[i].x};
            assert_int_equal(kern_kv_store(kv, block, 0, x, ok), rows[i].fits[f]);
            assert_int_equal(kern_kv_store(kv, block, 0, ok, x), rows[i].fits[f]);
        }
        free(block);
    }
}

/* The first positions are copied to the byte, the others stay as they were. */
static void test_copy(void **unused)
{
    uint64_t state = 53;
    (void)unused;
    for (kern_kv_format f = KERN_KV_F32; f < KERN_KV_FORMATS; f++) {
        const kern_kv_shape kv = {f, 5, 7};
        const size_t bytes = kern_kv_bytes(kv);
        char *from = case_alloc(bytes), *to = case_alloc(bytes), *want = case_alloc(bytes);
        for (size_t p = 0; p < 64; p++) {
            float x[14];
            for (size_t i = 0; i < 14; i++)
                x[i] = case_unit(&state);
            assert_true(kern_kv_store(kv, from, p, x, x + 5));
            if (p < 11) assert_true(kern_kv_store(kv, want, p, x, x + 5));
        }
        kern_kv_copy(kv, to, from, 11);
        assert_memory_equal(to, want, bytes);
        free(from);
        free(to);
        free(want);
    }
}

int test_attention(void);
int test_attention(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),        cmocka_unit_test(test_values),
        cmocka_unit_test(test_rows_alone),  cmocka_unit_test(test_far_scores),
        cmocka_unit_test(test_q8_rounding), cmocka_unit_test(test_what_cannot_be_stored),
        cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
