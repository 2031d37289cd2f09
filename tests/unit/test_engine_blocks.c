/* test_engine_blocks.c - products of a step, which threads cut into parts that may begin in one
 * matrix and end in another, against each matrix multiplied whole. */
#include "harness/base/pool.h"
#include "runners/local/blocks.h"
#include "tests/unit/kernel_cases.h"

enum { N_MATS = 3, K = 64, MOST_TOKENS = 70, MOST_THREADS = 40, SPARE = 5 };

typedef struct {
    case_matrix m[N_MATS];
    float *bias[N_MATS];
    float *x;
    size_t n_rows; /* of all */
} layer;

static float *units(uint64_t *state, size_t n)
{
    float *v = case_alloc(n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = case_unit(state);
    return v;
}

static void layer_init(layer *l, const size_t n_rows[N_MATS])
{
    uint64_t state = 4;
    l->n_rows = 0;
    l->x = units(&state, (size_t)MOST_TOKENS * K);
    for (size_t i = 0; i < N_MATS; i++) {
        l->m[i] = case_matrix_new(&state, QUANT_Q8_0, n_rows[i], K);
        l->bias[i] = i == 1 ? NULL : units(&state, n_rows[i]);
        l->n_rows += n_rows[i];
    }
}

static void layer_free(layer *l)
{
    for (size_t i = 0; i < N_MATS; i++) {
        case_matrix_free(&l->m[i]);
        free(l->bias[i]);
    }
    free(l->x);
}

/* What the parts must add up to; numbers beside the outputs stay as they are. */
static void multiply_whole(const layer *l, const step *s, float *y, size_t ldy)
{
    for (size_t i = 0; i < N_MATS; i++) {
        const size_t n = l->m[i].w.n_rows;
        s->kern->matmul(&l->m[i].w, 0, l->m[i].n_panels, &s->acts, 0, s->acts.n_tokens, y, ldy,
                        s->scratch);
        for (size_t t = 0; l->bias[i] && t < s->acts.n_tokens; t++)
            s->kern->add(y + t * ldy, l->bias[i], n);
        y += n;
    }
}

static void check(const layer *l, step *s, size_t n_tokens, float *y, float *want)
{
    const size_t ldy = l->n_rows + SPARE;
    const kern_matrix *w[N_MATS];
    const float *bias[N_MATS];
    float *out[N_MATS], *at = y;
    kern_acts_init(&s->acts, KERN_GRADE_I8, n_tokens, K, s->acts_storage);
    s->acts.x = l->x;
    s->acts.ldx = K;
    assert_true(s->kern->quantize(&s->acts, 0, n_tokens));
    for (size_t i = 0; i < n_tokens * ldy; i++)
        y[i] = want[i] = -7.0f;
    multiply_whole(l, s, want, ldy);
    for (size_t i = 0; i < N_MATS; i++) {
        w[i] = &l->m[i].w;
        bias[i] = l->bias[i];
        out[i] = at;
        at += w[i]->n_rows;
    }
    block_product(s, w, bias, out, N_MATS, ldy);
    if (memcmp(y, want, n_tokens * ldy * sizeof *y) != 0)
        fail_msg("%zu threads, %zu tokens, %zu + %zu + %zu rows", pool_n_threads(s->threads),
                 n_tokens, w[0]->n_rows, w[1]->n_rows, w[2]->n_rows);
}

static void test_parts_span_matrices(void **state)
{
    static const size_t rows[][N_MATS] = {{80, 48, 144}, {65, 16, 200}, {16, 16, 16}, {7, 400, 33}};
    static const size_t threads[] = {1, 2, 3, 7, MOST_THREADS};
    static const size_t tokens[] = {1, 5, MOST_TOKENS};
    step s = {.kern = kern_set_find(NULL), .grade = KERN_GRADE_I8};
    (void)state;
    s.acts_storage = case_alloc(kern_acts_bytes(KERN_GRADE_I8, MOST_TOKENS, K));
    s.scratch_bytes = (s.kern->matmul_scratch(K) + KERN_ALIGN - 1) / KERN_ALIGN * KERN_ALIGN;
    s.scratch = case_alloc(MOST_THREADS * s.scratch_bytes);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        layer l;
        layer_init(&l, rows[r]);
        const size_t bytes = MOST_TOKENS * (l.n_rows + SPARE) * sizeof(float);
        float *y = case_alloc(bytes), *want = case_alloc(bytes);
        for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
            assert_int_equal(pool_create(&s.threads, threads[i], NULL), WAAGE_OK);
            for (size_t t = 0; t < sizeof tokens / sizeof *tokens; t++)
                check(&l, &s, tokens[t], y, want);
            pool_free(s.threads);
        }
        free(y);
        free(want);
        layer_free(&l);
    }
    free(s.acts_storage);
    free(s.scratch);
}

int test_engine_blocks(void);
int test_engine_blocks(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts_span_matrices)};
    return cmocka_run_group_tests_name("engine_blocks", tests, NULL, NULL);
}
