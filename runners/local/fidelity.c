/* fidelity.c - KL(f32 || what is measured) at each position, in double; a few rows at a time, since
 * two rows of logits for each of 2,000 positions would be gigabytes. */
#include "runners/local/fidelity.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/interrupt.h"
#include "harness/base/num.h"
#include "harness/base/rng.h"
#include "kernels/fmath.h"

enum { ROWS = 32 };

typedef struct {
    const forward_options *opt;
    float *oracle; /* (ROWS, n_vocab) logits of f32 */
    double *kl;    /* (n) */
    uint8_t *flip; /* (n) */
    size_t first;  /* position of row 0 */
} comparison;

static void keep_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    (void)slice, (void)thread;
    const comparison *c = ctx;
    const size_t n = c->opt->m->p.n_vocab;
    memcpy(c->oracle + (pos - c->first) * n, logits, n * sizeof *logits);
}

static void compare_row(void *ctx, size_t slice, size_t pos, const float *logits, size_t thread)
{
    (void)slice, (void)thread;
    const comparison *c = ctx;
    const size_t n = c->opt->m->p.n_vocab;
    const float *oracle = c->oracle + (pos - c->first) * n;
    const double lse_p = kern_logsumexp(c->opt->kern, oracle, n);
    const double lse_q = kern_logsumexp(c->opt->kern, logits, n);
    double kl = 0;
    for (size_t i = 0; i < n; i++) {
        const double log_p = (double)oracle[i] - lse_p, log_q = (double)logits[i] - lse_q;
        if (log_p > -60.0) kl += fmath_exp_d(log_p) * (log_p - log_q);
    }
    c->kl[pos] = kl > 0 ? kl : 0; /* rounding may leave -1e-16 */
    c->flip[pos] = c->opt->kern->argmax(oracle, n) != c->opt->kern->argmax(logits, n);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(runner_fidelity *out, comparison *c, size_t n)
{
    *out = (runner_fidelity){.n_positions = n};
    for (size_t i = 0; i < n; i++) {
        out->mean_kl += c->kl[i] / (double)n;
        out->n_flips += c->flip[i];
    }
    qsort(c->kl, n, sizeof *c->kl, by_value);
    out->max_kl = c->kl[n - 1];
    out->p999_kl = c->kl[(size_t)((double)(n - 1) * 0.999)];
}

/* The oracle keeps its keys and values in f32, whatever is measured. */
static waage_status open_both(probe **oracle, kvcache **oracle_kv, probe **graded,
                              const forward_options *opt, kvcache *kv, size_t n, waage_err *err)
{
    const kv_shape shape = model_kv_shape(&opt->m->p, KERN_KV_F32);
    const size_t n_pages = (n + KV_PAGE_LEN - 1) / KV_PAGE_LEN;
    forward_options fo = *opt;
    size_t bytes;
    fo.max_tokens = ROWS;
    WAAGE_TRY(probe_create(graded, &fo, kv, n, err));
    fo.grade = KERN_GRADE_F32;
    if (!num_mul_size(&bytes, n_pages, kvcache_page_bytes(shape))) return waage_err_nomem(err);
    WAAGE_TRY(kvcache_create(oracle_kv, shape, bytes, fo.threads, err));
    return probe_create(oracle, &fo, *oracle_kv, n, err);
}

static waage_status read_both(comparison *c, probe *oracle, probe *graded, const int32_t *tokens,
                              size_t n, waage_err *err)
{
    for (c->first = 0; c->first < n; c->first += ROWS) {
        WAAGE_TRY(interrupt_check(err));
        const size_t rows = n - c->first < ROWS ? n - c->first : ROWS;
        WAAGE_TRY(probe_read(oracle, tokens + c->first, rows, 0, keep_row, c, err));
        WAAGE_TRY(probe_read(graded, tokens + c->first, rows, 0, compare_row, c, err));
    }
    return WAAGE_OK;
}

waage_status fidelity_measure(runner_fidelity *out, const forward_options *opt, kvcache *kv,
                              const int32_t *tokens, size_t n, waage_err *err)
{
    probe *oracle = NULL, *graded = NULL;
    kvcache *oracle_kv = NULL;
    comparison c = {.opt = opt};
    c.oracle = calloc(ROWS, opt->m->p.n_vocab * sizeof *c.oracle);
    c.kl = calloc(n, sizeof *c.kl);
    c.flip = calloc(n, 1);
    waage_status st = c.oracle && c.kl && c.flip ? WAAGE_OK : waage_err_nomem(err);
    if (st == WAAGE_OK) st = open_both(&oracle, &oracle_kv, &graded, opt, kv, n, err);
    if (st == WAAGE_OK) st = read_both(&c, oracle, graded, tokens, n, err);
    if (st == WAAGE_OK) summarise(out, &c, n);
    probe_free(oracle);
    probe_free(graded);
    kvcache_free(oracle_kv);
    free(c.oracle);
    free(c.kl);
    free(c.flip);
    return st;
}

char *fidelity_text(arena *a)
{
    static const char *const who[] = {"Anna",      "Tom",    "Mrs Weber",
                                      "The baker", "Li Wei", "Old Pedro"};
    static const char *const what[] = {"apples", "tickets", "books", "marbles", "stamps", "lamps"};
    static const char *const place[] = {"at the market", "in the harbour", "near the old bridge",
                                        "on the train to Vienna", "behind the school"};
    strbuf b = STRBUF_EMPTY;
    rng r;
    rng_init(&r, 1, 1);
    for (size_t i = 0; i < 120; i++) {
        const unsigned x = (unsigned)rng_between(&r, 3, 60), y = (unsigned)rng_between(&r, 2, 30);
        const char *thing = what[rng_below(&r, 6)];
        strbuf_printf(&b, "%s had %u %s and found %u more %s. ", who[rng_below(&r, 6)], x, thing, y,
                      place[rng_below(&r, 5)]);
        strbuf_printf(&b, "Question: how many %s are there now? Answer: %u + %u = %u.\n", thing, x,
                      y, x + y);
    }
    char *text = b.failed ? NULL : arena_strdup(a, strbuf_str(&b));
    strbuf_free(&b);
    return text;
}
