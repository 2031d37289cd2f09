/* matmul.h - the walk that every instruction set's matmul shares. Internal to kernels/.
 *
 * Tokens go in groups, panels inside, K in chunks of 256 inside that: a chunk is unpacked once into
 * scratch that fits the first-level cache and multiplied with all tokens of the group; accumulators
 * wait in scratch between chunks. An output's operations depend on none of these sizes. */
#ifndef KERNELS_MATMUL_H
#define KERNELS_MATMUL_H
#include <string.h>
#include "kernels/panel.h"

enum { MATMUL_GROUP = 64, MATMUL_BLOCKS = PANEL_CHUNK / KERN_BLOCK };

/* An unpacked chunk; what `w` holds (int8, int16 or float32 and in which order) is the business of
 * the instruction set, since products inside a block are exact. */
typedef struct {
    _Alignas(64) uint8_t w[PANEL_CHUNK * KERN_PANEL_ROWS * 4];
    _Alignas(
        64) float d[MATMUL_BLOCKS][2][KERN_PANEL_ROWS];    /* D of the halves; [0] if they agree */
    _Alignas(64) float m[MATMUL_BLOCKS][KERN_PANEL_ROWS];  /* M, shape "with minimum" only */
    _Alignas(64) float acc[MATMUL_GROUP][KERN_PANEL_ROWS]; /* (tokens of the group, rows) */
} matmul_scratch;

typedef void matmul_unpack_fn(matmul_scratch *s, quant_type t, const panel_chunk *c);
/* s->acc[i] += chunk times token t0 + i, for i < n_tokens; the chunk starts at element k0 of n. */
typedef void matmul_tile_fn(matmul_scratch *s, const kern_acts *a, size_t t0, size_t n_tokens,
                            size_t k0, size_t n);

typedef struct {
    matmul_unpack_fn *unpack;
    matmul_tile_fn *tile;
} matmul_path;

static inline void matmul_store(const matmul_scratch *s, const kern_matrix *w, size_t panel,
                                size_t n_tokens, float *y, size_t ldy)
{
    const size_t row = panel * KERN_PANEL_ROWS, left = w->n_rows - row;
    const size_t n = left < KERN_PANEL_ROWS ? left : KERN_PANEL_ROWS;
    for (size_t i = 0; i < n_tokens; i++)
        memcpy(y + i * ldy + row, s->acc[i], n * sizeof(float));
}

static inline void matmul_run(matmul_path path, const kern_matrix *w, size_t p0, size_t p1,
                              const kern_acts *a, size_t t0, size_t t1, float *y, size_t ldy,
                              matmul_scratch *s)
{
    const uint8_t *panels = w->panels;
    for (size_t t = t0; t < t1; t += MATMUL_GROUP) {
        const size_t n = t1 - t < MATMUL_GROUP ? t1 - t : MATMUL_GROUP;
        for (size_t p = p0; p < p1; p++) {
            memset(s->acc, 0, n * sizeof s->acc[0]);
            for (size_t k0 = 0; k0 < w->k; k0 += PANEL_CHUNK) {
                const panel_chunk c =
                    panel_chunk_at(w->type, panels + p * w->panel_bytes, w->k, k0 / PANEL_CHUNK);
                path.unpack(s, w->type, &c);
                path.tile(s, a, t, n, k0, c.n);
            }
            matmul_store(s, w, p, n, y + t * ldy, ldy);
        }
    }
}

#endif
