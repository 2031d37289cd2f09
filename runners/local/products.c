/* products.c - products of the file's largest matrix of each format, in turns with those of its
 * corner that fits the nearest cache. Both are timed in short slices: on a machine that others use
 * too, their ratio is steadier than either. Owns no memory beyond a call. */
#include "runners/local/products.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/interrupt.h"
#include "harness/base/rng.h"
#include "harness/base/stopwatch.h"
#include "runners/local/bigmem.h"

enum {
    MANY = RUNNER_PRODUCT_MOST, /* tokens of the step that the ratio is for */
    FEW = MANY / 2,             /* as many less cost the same but for the multiplying */
    MAX_ROWS = 4096,            /* of a matrix: an output layer takes long */
    CORNER_ROWS = 2 * KERN_PANEL_ROWS,
    CORNER_K = 256, /* what kernels unpack at a time */
    SLICES = 32,    /* of the matrix, one a round */
    ROUNDS = 3 * SLICES,
    CORNER_TIMES = 8 /* the corner is small: so many passes a round */
};

/* ---- Which matrices -------------------------------------------------------------------------- */

typedef struct {
    kern_matrix largest[QUANT_COUNT]; /* n_rows 0: the file has none of the format */
} matrix_choice;

static void offer(matrix_choice *c, const kern_matrix *w)
{
    kern_matrix *best = &c->largest[w->type];
    if (!w->panels && !w->rows) return;
    if (w->n_rows * w->k > best->n_rows * best->k) *best = *w;
}

static void choose(matrix_choice *c, const model *m)
{
    for (size_t i = 0; i < m->p.n_layers; i++) {
        const model_layer *l = &m->layers[i];
        for (size_t j = 0; j < LAYER_MATRICES; j++)
            offer(c, &l->w[j]);
        for (size_t j = 0; j < LAYER_STACKS; j++)
            if (l->stack[j]) offer(c, &l->stack[j][0]); /* experts are alike */
    }
    offer(c, &m->head);
}

/* ---- One of them ----------------------------------------------------------------------------- */

typedef struct {
    const kern_set *kern;
    kern_matrix w;
    size_t n_panels;
    kern_acts acts; /* MANY tokens */
    float *y;       /* (MANY, n_rows) */
    void *scratch;
    bigmem mem; /* all that is above, and panels that the model has not */
} product;

static size_t aligned(size_t n)
{
    return (n + KERN_ALIGN - 1) / KERN_ALIGN * KERN_ALIGN;
}

/* The first n_rows and k of `from`. A corner is a copy: its panels lie side by side. */
static void take_panels(kern_matrix *w, uint8_t *to, const kern_matrix *from)
{
    for (size_t r = 0; r < w->n_rows; r += KERN_PANEL_ROWS, to += w->panel_bytes) {
        const size_t n = w->n_rows - r < KERN_PANEL_ROWS ? w->n_rows - r : KERN_PANEL_ROWS;
        if (from->panels) /* chunks of K follow one another in a panel */
            memcpy(to, (const char *)from->panels + r / KERN_PANEL_ROWS * from->panel_bytes,
                   w->panel_bytes);
        else
            panel_pack(w->type, to, (const char *)from->rows + r * from->row_bytes, from->row_bytes,
                       n, w->k);
    }
}

static waage_status product_init(product *p, const kern_set *kern, kern_grade grade,
                                 const kern_matrix *from, size_t n_rows, size_t k, waage_err *err)
{
    const bool whole = k == from->k;
    *p = (product){.kern = kern, .w = *from, .mem = BIGMEM_EMPTY};
    p->w.n_rows = n_rows < from->n_rows ? n_rows : from->n_rows;
    p->w.k = k;
    p->n_panels = (p->w.n_rows + KERN_PANEL_ROWS - 1) / KERN_PANEL_ROWS;
    if (!whole || !from->panels) p->w.panel_bytes = panel_bytes(from->type, k);
    const size_t panels = whole && from->panels ? 0 : p->n_panels * p->w.panel_bytes;
    const size_t x = aligned(MANY * k * sizeof(float)), acts = kern_acts_bytes(grade, MANY, k);
    const size_t y = aligned(MANY * p->w.n_rows * sizeof(float));
    WAAGE_TRY(bigmem_create(&p->mem, panels + x + acts + y + kern->matmul_scratch(k),
                            "the measurement of products", err));
    uint8_t *at = p->mem.data;
    if (panels > 0) {
        take_panels(&p->w, at, from);
        p->w.panels = at;
    }
    p->w.rows = NULL;
    float *in = (float *)(void *)(at + panels);
    rng r;
    rng_init(&r, 1, 1);
    for (size_t i = 0; i < MANY * k; i++)
        in[i] = (float)(rng_uniform(&r) - 0.5);
    kern_acts_init(&p->acts, grade, MANY, k, at + panels + x);
    p->acts.x = in;
    p->acts.ldx = k;
    p->y = (float *)(void *)(at + panels + x + acts);
    p->scratch = at + panels + x + acts + y;
    if (!kern->quantize(&p->acts, 0, MANY))
        return waage_err_set(err, WAAGE_EFAIL, "the measurement of products made no numbers");
    return WAAGE_OK;
}

static double seconds(product *p, size_t p0, size_t p1, size_t n_tokens, size_t times)
{
    const double begun = stopwatch_now();
    for (size_t i = 0; i < times; i++)
        p->kern->matmul(&p->w, p0, p1, &p->acts, 0, n_tokens, p->y, p->w.n_rows, p->scratch);
    return stopwatch_now() - begun;
}

/* ---- Both in turns --------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return v[n / 2];
}

static double gop(size_t n_rows, size_t k, size_t n_tokens)
{
    return 2e-9 * (double)n_rows * (double)k * (double)n_tokens;
}

/* The part of the matrix that is a round's turn, at least a panel. */
static void slice_of(const product *p, size_t round, size_t *p0, size_t *p1)
{
    const size_t at = round % SLICES;
    *p0 = p->n_panels * at / SLICES;
    *p1 = p->n_panels * (at + 1) / SLICES;
    if (*p0 < *p1) return;
    *p0 = at % p->n_panels;
    *p1 = *p0 + 1;
}

/* GOP/s of whole panels; rows that the last one lacks count, as they cost. */
static double slice_rate(product *p, size_t round, size_t n_tokens)
{
    size_t p0, p1;
    slice_of(p, round, &p0, &p1);
    const double took = seconds(p, p0, p1, n_tokens, 1);
    return took > 0 ? gop((p1 - p0) * KERN_PANEL_ROWS, p->w.k, n_tokens) / took : 0;
}

static double corner_rate(product *p)
{
    const double few = seconds(p, 0, p->n_panels, FEW, CORNER_TIMES);
    const double many = seconds(p, 0, p->n_panels, MANY, CORNER_TIMES);
    const size_t rows = p->n_panels * KERN_PANEL_ROWS;
    return many > few ? CORNER_TIMES * gop(rows, p->w.k, MANY - FEW) / (many - few) : 0;
}

static waage_status compare(runner_product *out, product *matrix, product *corner, waage_err *err)
{
    double rate[RUNNER_PRODUCT_TOKENS][ROUNDS], cached[ROUNDS], ratio[ROUNDS];
    for (size_t r = 0; r < ROUNDS; r++) {
        WAAGE_TRY(interrupt_check(err));
        for (size_t i = 0; i < RUNNER_PRODUCT_TOKENS; i++)
            rate[i][r] = slice_rate(matrix, r, runner_product_tokens[i]);
        cached[r] = corner_rate(corner);
        ratio[r] = cached[r] > 0 ? rate[RUNNER_PRODUCT_TOKENS - 1][r] / cached[r] : 0;
    }
    for (size_t i = 0; i < RUNNER_PRODUCT_TOKENS; i++)
        out->gop_s[i] = median(rate[i], ROUNDS);
    out->cache_gop_s = median(cached, ROUNDS);
    out->share = median(ratio, ROUNDS);
    return WAAGE_OK;
}

static waage_status measure(runner_product *out, const kern_set *kern, kern_grade grade,
                            const kern_matrix *w, waage_err *err)
{
    product matrix, corner = {.mem = BIGMEM_EMPTY};
    waage_status st = product_init(&matrix, kern, grade, w, MAX_ROWS, w->k, err);
    if (st == WAAGE_OK)
        st = product_init(&corner, kern, grade, w, CORNER_ROWS, w->k < CORNER_K ? w->k : CORNER_K,
                          err);
    *out =
        (runner_product){.format = quant_infos[w->type].name, .n_rows = matrix.w.n_rows, .k = w->k};
    if (st == WAAGE_OK) st = compare(out, &matrix, &corner, err);
    bigmem_free(&matrix.mem);
    bigmem_free(&corner.mem);
    return st;
}

waage_status products_measure(runner_product out[RUNNER_PRODUCTS], size_t *n, const model *m,
                              const kern_set *kern, kern_grade grade, waage_err *err)
{
    _Static_assert((int)QUANT_COUNT <= (int)RUNNER_PRODUCTS, "a caller has room for every format");
    matrix_choice c = {0};
    *n = 0;
    choose(&c, m);
    for (quant_type t = 0; t < QUANT_COUNT; t++)
        if (c.largest[t].n_rows > 0)
            WAAGE_TRY(measure(&out[(*n)++], kern, grade, &c.largest[t], err));
    return WAAGE_OK;
}
