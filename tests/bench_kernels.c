/* bench_kernels.c - speed of every kernel set on one thread: GOP/s (2 * multiply-adds) of products
 * by format, grade and tokens, and the share of what the same tiles reach on data in the nearest
 * cache; nanoseconds for the rest. Not part of the tests. make build/release/bench_kernels &&
 * build/release/bench_kernels [SET [FORMAT]] */
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

typedef struct {
    const kern_set *set;
    case_matrix m;
    float *x, *y;
    void *storage, *scratch;
    kern_acts a;
} product;

static product product_new(const kern_set *set, quant_type t, kern_grade grade, size_t n_rows,
                           size_t k, size_t n_tokens)
{
    uint64_t state = 1;
    product p = {.set = set, .m = case_matrix_new(&state, t, n_rows, k)};
    p.x = case_alloc(n_tokens * k * sizeof *p.x);
    p.y = case_alloc(n_tokens * n_rows * sizeof *p.y);
    p.storage = case_alloc(kern_acts_bytes(grade, n_tokens, k));
    p.scratch = case_alloc(set->matmul_scratch(k));
    for (size_t i = 0; i < n_tokens * k; i++)
        p.x[i] = case_unit(&state);
    kern_acts_init(&p.a, grade, n_tokens, k, p.storage);
    p.a.x = p.x;
    p.a.ldx = k;
    set->quantize(&p.a, 0, n_tokens);
    return p;
}

static void product_free(product *p)
{
    free(p->scratch);
    free(p->storage);
    free(p->x);
    free(p->y);
    case_matrix_free(&p->m);
}

static double product_seconds(product *p, size_t n_tokens)
{
    double s;
    TIME(s, 0.03,
         p->set->matmul(&p->m.w, 0, p->m.n_panels, &p->a, 0, n_tokens, p->y, p->m.w.n_rows,
                        p->scratch));
    return s;
}

/* The ceiling of a format's shape: what 32 tokens more cost where everything lies in the nearest
 * cache and the weights are unpacked anyway. */
static double in_cache(const kern_set *set, quant_type t, kern_grade grade)
{
    enum { ROWS = 2 * KERN_PANEL_ROWS, K = 256, FEW = 32, MANY = 64 };
    product p = product_new(set, t, grade, ROWS, K, MANY);
    const double few = product_seconds(&p, FEW), many = product_seconds(&p, MANY);
    product_free(&p);
    return 2e-9 * ROWS * K * (MANY - FEW) / (many - few);
}

static void products(const kern_set *set, quant_type t, kern_grade grade, size_t n_rows, size_t k)
{
    static const char *const grade_names[] = {"i16", "i8", "f32"};
    static const size_t tokens[] = {1, 8, 64, 512};
    product p = product_new(set, t, grade, n_rows, k, 512);
    const double ceiling = in_cache(set, t, grade);
    printf("%-10s %-6s %-4s %5zux%-5zu", set->name, quant_infos[t].name, grade_names[grade], n_rows,
           k);
    for (size_t i = 0; i < 4; i++) {
        const double rate =
            2e-9 * (double)(n_rows * k * tokens[i]) / product_seconds(&p, tokens[i]);
        printf("  %3zu: %6.1f", tokens[i], rate);
        if (tokens[i] >= 64) printf(" (%3.0f %%)", 100 * rate / ceiling);
    }
    printf("  in cache: %6.1f\n", ceiling);
    fflush(stdout);
    product_free(&p);
}

static void attention(const kern_set *set, kern_kv_shape kv, size_t n_heads, size_t n_tokens,
                      size_t n_pos)
{
    static const char *const names[] = {"f32", "f16", "q8"};
    const size_t n_blocks = (n_pos + 63) / 64, ldq = n_heads * kv.key_dim;
    uint64_t state = 2;
    char *storage = case_alloc(n_blocks * kern_kv_bytes(kv));
    float *q = case_alloc(n_tokens * ldq * 4), *x = case_alloc((kv.key_dim + kv.value_dim) * 4);
    const void **blocks = case_alloc(n_blocks * sizeof *blocks);
    for (size_t i = 0; i < n_tokens * ldq; i++)
        q[i] = case_unit(&state) * 0.2f;
    for (size_t p = 0; p < n_pos; p++) {
        for (size_t i = 0; i < kv.key_dim + kv.value_dim; i++)
            x[i] = case_unit(&state);
        blocks[p / 64] = storage + p / 64 * kern_kv_bytes(kv);
        (void)kern_kv_store(kv, storage + p / 64 * kern_kv_bytes(kv), p % 64, x, x + kv.key_dim);
    }
    kern_attn job = {.kv = kv, .n_heads = n_heads, .n_tokens = n_tokens, .q = q, .ldq = ldq};
    job.blocks = blocks;
    job.pos = n_pos - n_tokens;
    job.ldo = n_heads * kv.value_dim;
    job.out = case_alloc(n_tokens * job.ldo * 4);
    job.scratch = case_alloc(kern_attn_scratch(kv));
    double s;
    TIME(s, 0.02, set->attention(&job));
    printf("%-10s attention %s %zu/%zu, %zu heads, %zu tokens, %5zu positions: %8.0f ns, %5.1f "
           "GFLOP/s\n",
           set->name, names[kv.format], kv.key_dim, kv.value_dim, n_heads, n_tokens, n_pos, s * 1e9,
           2e-9 * (double)((kv.key_dim + kv.value_dim) * n_heads * n_tokens * n_pos) / s);
    free(storage);
    free(q);
    free(x);
    free(blocks);
    free(job.out);
    free(job.scratch);
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
    (void)sink;
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
    for (kern_kv_format f = KERN_KV_F32; f < KERN_KV_FORMATS; f++) {
        attention(set, (kern_kv_shape){f, 64, 64}, 3, 1, 512);
        attention(set, (kern_kv_shape){f, 64, 64}, 3, 8, 512);
        attention(set, (kern_kv_shape){f, 256, 256}, 4, 1, 512);
        attention(set, (kern_kv_shape){f, 256, 256}, 4, 8, 512);
        attention(set, (kern_kv_shape){f, 64, 64}, 1, 1, 500);
        attention(set, (kern_kv_shape){f, 576, 512}, 16, 1, 512);
        attention(set, (kern_kv_shape){f, 64, 64}, 3, 8, 8192);
    }
    vectors(set);
}

int main(int argc, char **argv)
{
    for (const kern_set *const *s = kern_sets; *s; s++)
        if ((*s)->available() && (argc < 2 || strcmp(argv[1], (*s)->name) == 0))
            bench(*s, argc > 2 ? argv[2] : NULL);
    return 0;
}
