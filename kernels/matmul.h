/* matmul.h - the walk that every instruction set's matmul shares. Internal to kernels/.
 *
 * Tokens go in groups, panels inside (two at a time, so that a set may let them share the loads of
 * the activations), K in chunks of 256 inside that: a chunk is unpacked once into scratch that fits
 * the first-level cache and multiplied with all tokens of the group; accumulators wait in scratch
 * between chunks. An output's operations depend on none of these sizes. */
#ifndef KERNELS_MATMUL_H
#define KERNELS_MATMUL_H
#include <string.h>
#include "kernels/panel.h"
#include "kernels/unroll.h"

enum { MATMUL_GROUP = 64, MATMUL_PANELS = 2, MATMUL_BLOCKS = PANEL_CHUNK / KERN_BLOCK };

/* An unpacked chunk of a panel and the panel's accumulators; what `w` holds (int8, int16 or float32
 * and in which order) is the business of the instruction set, since sums inside a block are exact.
 */
typedef struct {
    _Alignas(64) uint8_t w[PANEL_CHUNK * KERN_PANEL_ROWS * 4];
    /* D of each half of 16 elements; the first of them where they agree */
    _Alignas(64) float d[MATMUL_BLOCKS][2][KERN_PANEL_ROWS];
    _Alignas(64) float m[MATMUL_BLOCKS][KERN_PANEL_ROWS];  /* M, shapes with a minimum only */
    _Alignas(64) float m1[MATMUL_BLOCKS][KERN_PANEL_ROWS]; /* M of the second half, Q2_K only */
    _Alignas(64) float acc[MATMUL_GROUP][KERN_PANEL_ROWS]; /* (tokens of the group, rows) */
    int bias; /* what w exceeds the weights by, for sets that keep them unsigned */
    /* What will be read of this panel, or of one behind it, after the chunk at hand: a set that
     * asks for it in even shares while it multiplies need not wait for memory afterwards. (All at
     * once would fill the processor's buffers for misses and wait there.) */
    const uint8_t *next;
    size_t next_bytes;
} matmul_panel;

static inline void matmul_ask(const uint8_t *at, size_t n)
{
    enum { LINE = 64 };
    for (size_t i = 0; i < n; i += LINE)
        __builtin_prefetch(at + i);
}

/* Bytes to ask for with each block of each of n_tiles tiles, so that all of u->next_bytes are. */
static inline size_t matmul_share(const matmul_panel *u, size_t n_tiles, size_t n_blocks)
{
    return u->next_bytes / (n_tiles * n_blocks) + 1;
}

typedef struct {
    matmul_panel panel[MATMUL_PANELS];
} matmul_scratch;

typedef void matmul_unpack_fn(matmul_panel *u, quant_type t, const panel_chunk *c);
/* u[j].acc[i] += chunk of panel j times token t0 + i, for i < n_tokens and j < n_panels; the chunk
 * starts at element k0 and has n. */
typedef void matmul_tile_fn(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                            size_t n_tokens, size_t k0, size_t n);

/* Both at once for one panel and few tokens, straight from the panel. */
typedef void matmul_direct_fn(matmul_panel *u, quant_type t, const panel_chunk *c,
                              const kern_acts *a, size_t t0, size_t n_tokens, size_t k0);

typedef struct {
    matmul_unpack_fn *unpack;
    matmul_tile_fn *tile;
    matmul_direct_fn *direct;
    size_t direct_tokens; /* up to so many go by it; 0: none */
} matmul_path;

/* Eight floats in one move where registers are that wide; memcpy makes two. Stores to lines that
 * come from far wait in a queue, and half as many reach twice as far. */
typedef float matmul_move __attribute__((vector_size(32), aligned(4), may_alias));

static inline void matmul_store_row(float y[KERN_PANEL_ROWS], const float acc[KERN_PANEL_ROWS])
{
    const matmul_move *from = (const void *)acc;
    matmul_move *to = (void *)y;
    to[0] = from[0];
    to[1] = from[1];
}

/* Accumulators of n_panels panels from p on to their places in y: of one token after the other,
 * as the lines lie. */
static inline void matmul_store(const matmul_panel *u, const kern_matrix *w, size_t p,
                                size_t n_panels, size_t n_tokens, float *y, size_t ldy)
{
    const size_t row = p * KERN_PANEL_ROWS, left = w->n_rows - row;
    const size_t whole = left / KERN_PANEL_ROWS < n_panels ? left / KERN_PANEL_ROWS : n_panels;
    for (size_t i = 0; i < n_tokens; i++) {
        float *to = y + i * ldy + row;
        for (size_t j = 0; j < whole; j++)
            matmul_store_row(to + j * KERN_PANEL_ROWS, u[j].acc[i]);
        if (whole < n_panels)
            memcpy(to + whole * KERN_PANEL_ROWS, u[whole].acc[i],
                   (left - whole * KERN_PANEL_ROWS) * sizeof *to);
    }
}

/* The lines that matmul_store will write come from far: asked for before the last chunk is
 * multiplied, they are there after it. */
static inline void matmul_fetch(const kern_matrix *w, size_t p, size_t n_panels, size_t n_tokens,
                                const float *y, size_t ldy)
{
    const size_t row = p * KERN_PANEL_ROWS, left = w->n_rows - row;
    const size_t end = left < n_panels * KERN_PANEL_ROWS ? left : n_panels * KERN_PANEL_ROWS;
    for (size_t i = 0; i < n_tokens; i++)
        for (size_t r = 0; r < end; r += KERN_PANEL_ROWS)
            __builtin_prefetch(y + i * ldy + row + r, 1);
}

static inline size_t matmul_chunk_bytes(const kern_matrix *w, size_t n)
{
    return w->panel_bytes * n / w->k;
}

/* Panels p .. p + n_panels - 1 with tokens t .. t + n - 1, at most a group: few of them, one panel
 * after the other as they lie in memory. */
static inline void matmul_few(matmul_path path, const kern_matrix *w, size_t p, size_t n_panels,
                              const kern_acts *a, size_t t, size_t n, matmul_panel *u)
{
    enum { AHEAD = 8192 }; /* bytes: a chunk alone is multiplied sooner than the next one comes */
    for (size_t j = 0; j < n_panels; j++) {
        const uint8_t *panel = (const uint8_t *)w->panels + (p + j) * w->panel_bytes;
        memset(u[j].acc, 0, n * sizeof u[j].acc[0]);
        for (size_t k0 = 0; k0 < w->k; k0 += PANEL_CHUNK) {
            const panel_chunk c = panel_chunk_at(w->type, panel, w->k, k0 / PANEL_CHUNK);
            u[j].next = c.main + AHEAD;
            u[j].next_bytes = matmul_chunk_bytes(w, c.n);
            path.direct(&u[j], w->type, &c, a, t, n, k0);
        }
    }
}

/* The same by way of scratch. */
static inline void matmul_group(matmul_path path, const kern_matrix *w, size_t p, size_t n_panels,
                                const kern_acts *a, size_t t, size_t n, const float *y, size_t ldy,
                                matmul_panel *u)
{
    const uint8_t *panels = w->panels;
    for (size_t j = 0; j < n_panels; j++)
        memset(u[j].acc, 0, n * sizeof u[j].acc[0]);
    for (size_t k0 = 0; k0 < w->k; k0 += PANEL_CHUNK) {
        const bool last = k0 + PANEL_CHUNK >= w->k;
        panel_chunk c = {0};
        for (size_t j = 0; j < n_panels; j++) {
            const uint8_t *panel = panels + (p + j) * w->panel_bytes;
            c = panel_chunk_at(w->type, panel, w->k, k0 / PANEL_CHUNK);
            path.unpack(&u[j], w->type, &c);
            u[j].next_bytes = matmul_chunk_bytes(w, PANEL_CHUNK);
            u[j].next = last ? panel + n_panels * w->panel_bytes : c.main + u[j].next_bytes;
        }
        if (last) matmul_fetch(w, p, n_panels, n, y, ldy);
        path.tile(u, n_panels, a, t, n, k0, c.n);
    }
}

static inline void matmul_run(matmul_path path, const kern_matrix *w, size_t p0, size_t p1,
                              const kern_acts *a, size_t t0, size_t t1, float *y, size_t ldy,
                              matmul_scratch *s)
{
    for (size_t t = t0; t < t1; t += MATMUL_GROUP) {
        const size_t n = t1 - t < MATMUL_GROUP ? t1 - t : MATMUL_GROUP;
        for (size_t p = p0; p < p1; p += MATMUL_PANELS) {
            const size_t n_panels = p1 - p < MATMUL_PANELS ? p1 - p : MATMUL_PANELS;
            if (n <= path.direct_tokens)
                matmul_few(path, w, p, n_panels, a, t, n, s->panel);
            else
                matmul_group(path, w, p, n_panels, a, t, n, y + t * ldy, ldy, s->panel);
            matmul_store(s->panel, w, p, n_panels, n, y + t * ldy, ldy);
        }
    }
}

#endif
