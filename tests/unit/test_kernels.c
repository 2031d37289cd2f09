/* test_kernels.c - matrix products: every set against the reference by memcmp, the reference
 * against sums in double, and the traps of docs/arithmetic.md. */
#include <math.h>
#include "tests/unit/kernel_cases.h"

static const char *const grade_names[] = {"i16", "i8", "f32"};

typedef struct {
    kern_acts acts;
    void *storage;
} case_acts;

static bool acts_new(case_acts *c, const kern_set *set, kern_grade grade, const float *x, size_t n,
                     size_t k)
{
    c->storage = case_alloc(kern_acts_bytes(grade, n, k));
    kern_acts_init(&c->acts, grade, n, k, c->storage);
    c->acts.x = x;
    c->acts.ldx = k;
    return set->quantize(&c->acts, 0, n);
}

/* Products of the whole matrix; rows of y are ldy apart. */
static void product(const kern_set *set, const case_matrix *m, const kern_acts *a, float *y,
                    size_t ldy)
{
    void *scratch = case_alloc(set->matmul_scratch(m->w.k));
    set->matmul(&m->w, 0, m->n_panels, a, 0, a->n_tokens, y, ldy, scratch);
    free(scratch);
}

static void same_acts(const kern_acts *a, const kern_acts *b)
{
    const size_t blocks = a->n_tokens * a->n_blocks;
    if (a->grade == KERN_GRADE_F32) return;
    if (a->grade == KERN_GRADE_I16)
        assert_memory_equal(a->q16, b->q16, blocks * 32 * sizeof *a->q16);
    else
        assert_memory_equal(a->q8, b->q8, blocks * 32);
    assert_memory_equal(a->scale, b->scale, blocks * sizeof *a->scale);
    assert_memory_equal(a->sum, b->sum, 2 * blocks * sizeof *a->sum);
    assert_memory_equal(a->sum_scaled, b->sum_scaled, blocks * sizeof *a->sum_scaled);
}

/* One matrix, one x: both sets, same bits, and nothing written beyond n_rows. */
static void compare(const kern_set *set, const kern_set *ref, const case_matrix *m,
                    kern_grade grade, const float *x, size_t n_tokens)
{
    const size_t ldy = m->w.n_rows + 3, bytes = n_tokens * ldy * sizeof(float);
    float *y = case_alloc(bytes), *want = case_alloc(bytes);
    case_acts a, b;
    assert_true(acts_new(&a, set, grade, x, n_tokens, m->w.k));
    assert_true(acts_new(&b, ref, grade, x, n_tokens, m->w.k));
    same_acts(&a.acts, &b.acts);
    product(set, m, &a.acts, y, ldy);
    product(ref, m, &b.acts, want, ldy);
    if (memcmp(y, want, bytes) != 0)
        fail_msg("%s differs: %s grade %s, %zu x %zu, %zu tokens", set->name,
                 quant_infos[m->w.type].name, grade_names[grade], m->w.n_rows, m->w.k, n_tokens);
    free(y);
    free(want);
    free(a.storage);
    free(b.storage);
}

static float *random_x(uint64_t *state, size_t n)
{
    float *x = case_alloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = case_unit(state) * (case_next(state) % 64 == 0 ? 30.0f : 1.0f);
    return x;
}

/* ---- Every set against the reference ------------------------------------------------------ */

static const size_t rows_of_case[] = {1, 16, 19, 47};
static const size_t k_of_case[] = {32, 96, 256, 576, 640, 1536, 2048, 77, 1};
static const size_t tokens_of_case[] = {1, 2, 3, 7, 33, 70};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void shapes(const kern_set *set, const kern_set *ref)
{
    uint64_t state = 11;
    size_t turn = 0;
    for (quant_type t = 0; t < QUANT_COUNT; t++) {
        for (size_t i = 0; i < COUNT(k_of_case); i++) {
            if (quant_row_bytes(t, k_of_case[i]) == 0) continue;
            for (size_t g = 0; g < 3; g++) {
                for (size_t n = 0; n < COUNT(tokens_of_case); n++) {
                    /* Rows rotate through the cases: the product of all four lists takes too long.
                     */
                    const size_t n_rows = rows_of_case[turn++ % COUNT(rows_of_case)];
                    if (turn % CASE_EVERY != 0) continue;
                    case_matrix m = case_matrix_new(&state, t, n_rows, k_of_case[i]);
                    float *x = random_x(&state, tokens_of_case[n] * m.w.k);
                    compare(set, ref, &m, (kern_grade)g, x, tokens_of_case[n]);
                    free(x);
                    case_matrix_free(&m);
                }
            }
        }
    }
}

static void test_shapes(void **unused)
{
    (void)unused;
    case_each_set(shapes);
}

/* Sets take other paths for few tokens than for many. */
enum { MANY = 36 };

/* Weights of one repeated byte against x of one magnitude: the largest sums, the signs that wrap.
 */
static void extremes(const kern_set *set, const kern_set *ref)
{
    static const uint8_t fills[] = {0x80, 0x7f, 0x00, 0xff, 0x81};
    static const float signs[][2] = {{1, 1}, {-1, -1}, {1, -1}, {-1, 1}};
    uint64_t state = 5;
    for (quant_type t = 0; t < QUANT_COUNT; t++) {
        if (quant_infos[t].shape == QUANT_FLOAT) continue;
        for (size_t f = 0; f < COUNT(fills); f++) {
            case_matrix m = case_matrix_new(&state, t, 17, 512);
            const size_t block = quant_infos[t].block_bytes;
            for (size_t i = 0; i < 17 * m.row_bytes; i++)
                if (!case_is_scale(t, i % block)) m.rows[i] = fills[f];
            free(m.panels);
            case_pack(&m);
            float *x = case_alloc(MANY * 512 * sizeof *x);
            for (size_t i = 0; i < (size_t)MANY * 512; i++) /* x = +-a: q = +-Q, full scale */
                x[i] = signs[i / 512 % 4][i % 2] * (i % 7 == 0 ? 3.5f : 3.4999f);
            for (size_t g = 0; g < 3; g++) {
                compare(set, ref, &m, (kern_grade)g, x, 4);
                compare(set, ref, &m, (kern_grade)g, x, MANY);
            }
            free(x);
            case_matrix_free(&m);
        }
    }
}

static void test_extremes(void **unused)
{
    (void)unused;
    case_each_set(extremes);
}

/* Values whose 16-bit low byte is 0x80 (lo = -128), ties that round to even, zeros, tiny blocks. */
static void special_values(const kern_set *set, const kern_set *ref)
{
    enum { K = 256 };
    uint64_t state = 6;
    float x[7][K], many[MANY][K];
    for (size_t i = 0; i < K; i++) {
        const float sign = i % 2 ? -1.0f : 1.0f;
        x[0][i] = i % 32 == 0 ? 32512.0f : sign * (float)(256 * (int)(i % 100) + 128);
        x[1][i] = i % 32 == 0 ? 32512.0f : sign * ((float)i + 0.5f);
        x[2][i] = i % 32 == 0 ? 127.0f : sign * ((float)(i % 100) + 0.5f);
        x[3][i] = i < 64 ? 0.0f : sign * 0x1p-101f * (i < 128 ? 1.0f : 4.0f);
        x[4][i] = i % 32 ? sign * 0x1p-126f : 0x1.8p-148f; /* subnormal and smallest normal */
        x[5][i] = i / 32 % 2 == 0 ? sign * (float)(i * i) : i < 128 ? -0.0f : sign * 0x1p-102f;
        x[6][i] = i < 128 ? sign * 1e37f : -0.0f;
    }
    for (size_t i = 0; i < MANY; i++)
        memcpy(many[i], x[i % 6], sizeof many[i]);
    for (quant_type t = 0; t < QUANT_COUNT; t++) {
        case_matrix m = case_matrix_new(&state, t, 19, K);
        for (size_t g = 0; g < 3; g++) {
            compare(set, ref, &m, (kern_grade)g, x[0], 5);
            compare(set, ref, &m, (kern_grade)g, many[0], MANY);
        }
        case_matrix_free(&m);
    }
    case_acts a, b;
    for (size_t g = 0; g < 2; g++) {
        assert_true(acts_new(&a, set, (kern_grade)g, x[0], 7, K));
        assert_true(acts_new(&b, ref, (kern_grade)g, x[0], 7, K));
        same_acts(&a.acts, &b.acts);
        free(a.storage);
        free(b.storage);
    }
}

static void test_special_values(void **unused)
{
    (void)unused;
    case_each_set(special_values);
}

/* ---- What quantisation must do, in every set ------------------------------------------------- */

static void quantized_by_hand(const kern_set *set, const kern_set *ref)
{
    float x[96] = {0};
    case_acts a;
    (void)ref;
    x[0] = -32512.0f, x[1] = 0.5f, x[2] = 1.5f, x[3] = -2.5f, x[4] = 384.0f;
    x[32] = 0x1.fffffep-101f; /* below 2^-100: nothing */
    x[64] = -0x1p-100f;       /* the smallest that counts */
    assert_true(acts_new(&a, set, KERN_GRADE_I16, x, 1, 96));
    const int16_t want[5] = {-32512, 0, 2, -2, 384};
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(a.acts.q16[i], i < 5 ? want[i] : 0);
    assert_true(a.acts.scale[0] == 1.0f && a.acts.scale[1] == 0.0f);
    assert_true(a.acts.q16[64] == -32512 && a.acts.scale[2] == 0x1p-100f / 32512.0f);
    assert_int_equal(a.acts.sum[0], -32512 + 2 - 2 + 384);
    assert_int_equal(a.acts.sum[1], 0);
    assert_true(a.acts.sum_scaled[0] == (float)a.acts.sum[0] && a.acts.sum_scaled[1] == 0.0f);
    free(a.storage);
    x[0] = 254.0f, x[1] = 1.0f, x[2] = 3.0f, x[3] = -5.0f, x[4] = -254.0f;
    assert_true(acts_new(&a, set, KERN_GRADE_I8, x, 1, 64));
    const int8_t want8[5] = {127, 0, 2, -2, -127};
    assert_memory_equal(a.acts.q8, want8, 5);
    assert_true(a.acts.scale[0] == 2.0f);
    free(a.storage);
}

static void test_quantize_by_hand(void **unused)
{
    (void)unused;
    case_each_set(quantized_by_hand);
}

/* A row whose length is no multiple of 32 ends in zeros; what follows it in memory is not read into
 * the block. */
static void quantized_tail(const kern_set *set, const kern_set *ref)
{
    float x[80];
    case_acts a;
    (void)ref;
    for (size_t i = 0; i < 80; i++)
        x[i] = i < 40 ? 1.0f : (float)NAN;
    assert_true(acts_new(&a, set, KERN_GRADE_I16, x, 1, 40));
    assert_int_equal(a.acts.n_blocks, 2);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(a.acts.q16[i], i < 40 ? 32512 : 0);
    free(a.storage);
}

static void test_quantize_tail(void **unused)
{
    (void)unused;
    case_each_set(quantized_tail);
}

/* A block that has such a number becomes zeros, whatever stands before and behind it. */
static void non_finite(const kern_set *set, const kern_set *ref)
{
    enum { K = 210 };
    const float bad[] = {(float)INFINITY, -(float)INFINITY, (float)NAN, -(float)NAN};
    for (size_t g = 0; g < 3; g++) {
        for (size_t at = 0; at < K; at++) {
            float x[2][K];
            case_acts a, b;
            for (size_t i = 0; i < 2 * K; i++)
                x[i / K][i % K] = (float)(i % 71) - 30.0f;
            x[1][at] = bad[at % 4];
            assert_false(acts_new(&a, set, (kern_grade)g, x[0], 2, K));
            assert_false(acts_new(&b, ref, (kern_grade)g, x[0], 2, K));
            same_acts(&a.acts, &b.acts);
            assert_true(set->quantize(&a.acts, 0, 1)); /* the other row is fine */
            if (g != KERN_GRADE_F32) assert_true(a.acts.scale[7 + at / 32] == 0.0f);
            free(a.storage);
            free(b.storage);
        }
    }
}

static void test_non_finite(void **unused)
{
    (void)unused;
    case_each_set(non_finite);
}

/* ---- The reference against sums in double ---------------------------------------------------- */

static void test_against_double(void **unused)
{
    enum { ROWS = 21, K = 512, TOKENS = 3 };
    static const double bound[] = {1e-4, 3e-2, 5e-6}; /* of the largest output, by grade */
    const kern_set *ref = kern_set_find("portable");
    uint64_t state = 3;
    (void)unused;
    for (quant_type t = 0; t < QUANT_COUNT; t++) {
        case_matrix m = case_matrix_new(&state, t, ROWS, K);
        float *x = random_x(&state, (size_t)TOKENS * K), y[TOKENS * ROWS], w[K];
        for (size_t g = 0; g < 3; g++) {
            double error = 0.0, largest = 0.0;
            case_acts a;
            assert_true(acts_new(&a, ref, (kern_grade)g, x, TOKENS, K));
            product(ref, &m, &a.acts, y, ROWS);
            for (size_t r = 0; r < ROWS; r++) {
                quant_row_f32(t, m.rows + r * m.row_bytes, K, w);
                for (size_t i = 0; i < TOKENS; i++) {
                    double sum = 0.0;
                    for (size_t e = 0; e < K; e++)
                        sum += (double)w[e] * (double)x[i * K + e];
                    error = fmax(error, fabs(sum - (double)y[i * ROWS + r]));
                    largest = fmax(largest, fabs(sum));
                }
            }
            if (error > bound[g] * largest)
                fail_msg("%s grade %s: error %g of %g", quant_infos[t].name, grade_names[g], error,
                         largest);
            free(a.storage);
        }
        free(x);
        case_matrix_free(&m);
    }
}

/* One output by the formulas of docs/arithmetic.md, written out once more, per shape. */
static float by_the_book(quant_type t, const uint8_t *row, const kern_acts *a, size_t k)
{
    float acc = 0.0f;
    const size_t block = quant_infos[t].block_bytes;
    for (size_t b = 0; b < k / 32; b++) {
        const uint8_t *p = row + b * block;
        int32_t sum = 0;
        uint16_t d, m = 0;
        memcpy(&d, p, 2);
        if (t == QUANT_Q4_1) memcpy(&m, p + 2, 2);
        for (int i = 0; i < 32; i++) {
            const int at = t == QUANT_Q4_1 ? 4 : 2;
            const int w = t == QUANT_Q8_0 ? (int8_t)p[at + i]
                                          : (p[at + i % 16] >> (i < 16 ? 0 : 4) & 15) -
                                                (t == QUANT_Q4_0 ? 8 : 0);
            sum += w * a->q16[b * 32 + (size_t)i];
        }
        acc = fmaf(kern_f16_to_f32(d) * a->scale[b], (float)sum, acc);
        if (t == QUANT_Q4_1) acc = fmaf(kern_f16_to_f32(m), a->sum_scaled[b], acc);
    }
    return acc;
}

static void test_by_the_book(void **unused)
{
    static const quant_type types[] = {QUANT_Q8_0, QUANT_Q4_0, QUANT_Q4_1};
    const kern_set *ref = kern_set_find("portable");
    uint64_t state = 8;
    (void)unused;
    for (size_t i = 0; i < COUNT(types); i++) {
        case_matrix m = case_matrix_new(&state, types[i], 16, 320);
        float *x = random_x(&state, 320), y[16];
        case_acts a;
        assert_true(acts_new(&a, ref, KERN_GRADE_I16, x, 1, 320));
        product(ref, &m, &a.acts, y, 16);
        for (size_t r = 0; r < 16; r++) {
            const float want = by_the_book(types[i], m.rows + r * m.row_bytes, &a.acts, 320);
            assert_memory_equal(&y[r], &want, sizeof want);
        }
        free(a.storage);
        free(x);
        case_matrix_free(&m);
    }
}

/* ---- Invariance: slices of panels and of tokens ---------------------------------------------- */

static void slices(const kern_set *set, const kern_set *ref)
{
    enum { ROWS = 75, K = 512, TOKENS = 67 };
    uint64_t state = 21;
    (void)ref;
    for (quant_type t = 0; t < QUANT_COUNT; t++) {
        case_matrix m = case_matrix_new(&state, t, ROWS, K);
        float *x = random_x(&state, (size_t)TOKENS * K);
        float *whole = case_alloc(TOKENS * ROWS * sizeof(float));
        float *parts = case_alloc(TOKENS * ROWS * sizeof(float));
        void *scratch = case_alloc(set->matmul_scratch(K));
        for (size_t g = 0; g < 3; g++) {
            case_acts a;
            assert_true(acts_new(&a, set, (kern_grade)g, x, TOKENS, K));
            product(set, &m, &a.acts, whole, ROWS);
            for (size_t p = 0; p < m.n_panels; p += 2)
                for (size_t i = 0; i < TOKENS; i += 5)
                    set->matmul(&m.w, p, p + 2 < m.n_panels ? p + 2 : m.n_panels, &a.acts, i,
                                i + 5 < TOKENS ? i + 5 : TOKENS, parts, ROWS, scratch);
            assert_memory_equal(whole, parts, TOKENS * ROWS * sizeof(float));
            free(a.storage);
        }
        free(scratch);
        free(whole);
        free(parts);
        free(x);
        case_matrix_free(&m);
    }
}

static void test_slices(void **unused)
{
    (void)unused;
    case_each_set(slices);
}

/* ---- The table ------------------------------------------------------------------------------- */

static void test_table(void **unused)
{
    const kern_set *last = NULL;
    (void)unused;
    for (const kern_set *const *s = kern_sets; *s; s++) {
        last = *s;
        assert_non_null(strstr(kern_set_names(), (*s)->name));
        assert_true(kern_set_find((*s)->name) == ((*s)->available() ? *s : NULL));
    }
    assert_non_null(last);
    assert_string_equal(last->name, "portable");
    assert_non_null(kern_set_find(NULL));
    assert_null(kern_set_find("quantum"));
}

int test_kernels(void);
int test_kernels(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),          cmocka_unit_test(test_quantize_by_hand),
        cmocka_unit_test(test_quantize_tail),  cmocka_unit_test(test_non_finite),
        cmocka_unit_test(test_against_double), cmocka_unit_test(test_by_the_book),
        cmocka_unit_test(test_extremes),       cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_slices),         cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
