/* bench_kernels.c - speed of every kernel set on one thread: GOP/s (2 * multiply-adds) of products
 * by format, grade and tokens; nanoseconds for the rest. Not part of the tests. make
 * build/release/bench_kernels && build/release/bench_kernels [SET [FORMAT]] */
#include <time.h>
#include "tests/unit/kernel_cases.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) /* the machine may be shared */;
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Best of three runs of at least `seconds`, per call. */
#define TIME(result, seconds, call)                                                                \
    do {                                                                                           \
        (result) = 1e9;                                                                            \
        for (int run_ = 0; run_ < 3; run_++) {                                                     \
            const double from_ = now();                                                            \
            double took_;                                                                          \
            size_t n_ = 0;                                                                         \
            do {                                                                                   \
                call;                                                                              \
                n_++;                                                                              \
                took_ = now() - from_;                                                             \
            } while (took_ < (seconds));                                                           \
            if (took_ / (double)n_ < (result)) (result) = took_ / (double)n_;                      \
        }                                                                                          \
    } while (0)

static void products(const kern_set *set, quant_type t, kern_grade grade, size_t n_rows, size_t k)
{
    static const char *const grade_names[] = {"i16", "i8", "f32"};
    static const size_t tokens[] = {1, 8, 64, 512};
    uint64_t state = 1;
    case_matrix m = case_matrix_new(&state, t, n_rows, k);
    float *x = case_alloc(512 * k * sizeof *x), *y = case_alloc(512 * n_rows * sizeof *y);
    for (size_t i = 0; i < 512 * k; i++)
        x[i] = case_unit(&state);
    void *storage = case_alloc(kern_acts_bytes(grade, 512, k));
    void *scratch = case_alloc(set->matmul_scratch(k));
    kern_acts a;
    kern_acts_init(&a, grade, 512, k, storage);
    a.x = x;
    a.ldx = k;
    set->quantize(&a, 0, 512);
    printf("%-10s %-5s %-4s %5zux%-5zu", set->name, quant_infos[t].name, grade_names[grade], n_rows,
           k);
    for (size_t i = 0; i < 4; i++) {
        double s;
        TIME(s, 0.03, set->matmul(&m.w, 0, m.n_panels, &a, 0, tokens[i], y, n_rows, scratch));
        printf("  %3zu: %6.1f", tokens[i], 2e-9 * (double)(n_rows * k * tokens[i]) / s);
    }
    printf("\n");
    fflush(stdout);
    free(scratch);
    free(storage);
    free(x);
    free(y);
    case_matrix_free(&m);
}

static void attention(const kern_set *set, size_t head_dim, size_t n_queries, size_t n_pos)
{
    const size_t pages = (n_pos + 63) / 64, page = 64 * head_dim;
    uint64_t state = 2;
    float *kv = case_alloc(2 * pages * page * sizeof *kv),
          *q = case_alloc(n_queries * head_dim * 4);
    float *out = case_alloc(n_queries * head_dim * 4);
    const float *k_pages[64], *v_pages[64];
    for (size_t i = 0; i < 2 * pages * page; i++)
        kv[i] = case_unit(&state);
    for (size_t i = 0; i < n_queries * head_dim; i++)
        q[i] = case_unit(&state) * 0.2f;
    for (size_t p = 0; p < pages; p++) {
        k_pages[p] = kv + 2 * p * page;
        v_pages[p] = k_pages[p] + page;
    }
    const kern_attn job = {head_dim, n_queries, q, k_pages, v_pages, 64, 0, n_pos, out};
    double s;
    TIME(s, 0.02, set->attention(&job));
    printf("%-10s attention head %3zu, %zu queries, %4zu positions: %8.0f ns, %5.1f GFLOP/s\n",
           set->name, head_dim, n_queries, n_pos, s * 1e9,
           4e-9 * (double)(head_dim * n_queries * n_pos) / s);
    free(kv);
    free(q);
    free(out);
}

static void vectors(const kern_set *set)
{
    enum { N = 1536 };
    static float x[N], y[N], out[N];
    uint64_t state = 3;
    double s[7];
    float m, sum;
    volatile size_t sink = 0;
    for (size_t i = 0; i < N; i++) {
        x[i] = case_unit(&state) * 4.0f;
        y[i] = case_unit(&state);
    }
    kern_acts a;
    void *storage = case_alloc(kern_acts_bytes(KERN_GRADE_I16, 1, N));
    kern_acts_init(&a, KERN_GRADE_I16, 1, N, storage);
    a.x = x;
    a.ldx = N;
    TIME(s[0], 0.01, set->rmsnorm(out, x, y, N, 1e-5f));
    TIME(s[1], 0.01, set->silu_mul(out, x, y, N));
    TIME(s[2], 0.01, set->gelu_mul(out, x, y, N));
    TIME(s[3], 0.01, set->add(out, y, N));
    TIME(s[4], 0.01, set->lse_tile(x, 1024, &m, &sum));
    TIME(s[5], 0.01, sink += set->argmax(x, N));
    TIME(s[6], 0.01, set->quantize(&a, 0, 1));
    printf("%-10s n = %d, ns: rmsnorm %.0f, silu %.0f, gelu %.0f, add %.0f, argmax %.0f, quantize "
           "%.0f; lse_tile of 1024 %.0f\n",
           set->name, (int)N, s[0] * 1e9, s[1] * 1e9, s[2] * 1e9, s[3] * 1e9, s[5] * 1e9,
           s[6] * 1e9, s[4] * 1e9);
    free(storage);
}

static void bench(const kern_set *set, const char *format)
{
    for (quant_type t = 0; t < QUANT_COUNT; t++) {
        if (format && strcmp(format, quant_infos[t].name) != 0) continue;
        for (kern_grade g = 0; g < 3; g++)
            if (quant_infos[t].shape != QUANT_FLOAT || g == KERN_GRADE_F32)
                products(set, t, g, 1536, quant_infos[t].block_elems == 256 ? 768 : 576);
    }
    attention(set, 64, 3, 512);
    attention(set, 256, 4, 512);
    attention(set, 64, 1, 500);
    vectors(set);
}

int main(int argc, char **argv)
{
    for (const kern_set *const *s = kern_sets; *s; s++)
        if ((*s)->available() && (argc < 2 || strcmp(argv[1], (*s)->name) == 0))
            bench(*s, argc > 2 ? argv[2] : NULL);
    return 0;
}
