/* amx.h - the tile instructions of AMX (palette 1, int8) in plain C, for tests on machines without
 * them. Stricter than the processor: what would fault there ends the test here, and so does reading
 * a tile that was never written. Included before anything else, after avx512.h (see the Makefile).
 */
#ifndef TESTS_EMULATED_AMX_H
#define TESTS_EMULATED_AMX_H
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int rows, row_bytes; /* 0: not configured */
    int written;
    uint8_t data[16][64];
} emu_tile;

static emu_tile emu_tiles[8]; /* tests are of one thread */

static __attribute__((unused)) void emu_tile_need(int ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "AMX emulation: %s\n", what);
    abort();
}

/* The 64 bytes of LDTILECFG: palette, start row, 14 zeros, 16 row lengths, 16 row counts. */
static __attribute__((unused)) void emu_tile_loadconfig(const void *config)
{
    const uint8_t *c = config;
    emu_tile_need(c[0] == 1 && c[1] == 0, "palette 1 and start row 0 expected");
    for (int i = 2; i < 16; i++)
        emu_tile_need(c[i] == 0, "reserved bytes of the configuration");
    for (int i = 0; i < 16; i++) {
        const int bytes = c[16 + 2 * i] | c[17 + 2 * i] << 8, rows = c[48 + i];
        emu_tile_need(i < 8 ? bytes <= 64 && rows <= 16 && !bytes == !rows : !bytes && !rows,
                      "a tile has at most 16 rows of 64 bytes, and there are 8");
        if (i < 8) emu_tiles[i] = (emu_tile){.rows = rows, .row_bytes = bytes};
    }
}

static __attribute__((unused)) void emu_tile_release(void)
{
    memset(emu_tiles, 0, sizeof emu_tiles);
}

static __attribute__((unused)) void emu_tile_zero(int t)
{
    emu_tile_need(emu_tiles[t].rows, "a tile without a configuration");
    memset(emu_tiles[t].data, 0, sizeof emu_tiles[t].data);
    emu_tiles[t].written = 1;
}

static __attribute__((unused)) void emu_tile_loadd(int t, const void *from, size_t stride)
{
    emu_tile_zero(t); /* what lies beyond the configured bytes is zero */
    for (int r = 0; r < emu_tiles[t].rows; r++)
        memcpy(emu_tiles[t].data[r], (const char *)from + (size_t)r * stride,
               (size_t)emu_tiles[t].row_bytes);
}

static __attribute__((unused)) void emu_tile_stored(int t, void *to, size_t stride)
{
    emu_tile_need(emu_tiles[t].written, "a tile is stored that was never written");
    for (int r = 0; r < emu_tiles[t].rows; r++)
        memcpy((char *)to + (size_t)r * stride, emu_tiles[t].data[r],
               (size_t)emu_tiles[t].row_bytes);
}

/* c[m][n] += sum over k and i of a[m][4k + i] * b[k][4n + i], all signed, wrapping. */
static __attribute__((unused)) void emu_tile_dpbssd(int c, int a, int b)
{
    emu_tile *x = &emu_tiles[a], *y = &emu_tiles[b], *sum = &emu_tiles[c];
    emu_tile_need(a != b && b != c && a != c, "TDPBSSD needs three different tiles");
    emu_tile_need(x->written && y->written && sum->written, "TDPBSSD of a tile never written");
    emu_tile_need(sum->rows == x->rows && sum->row_bytes == y->row_bytes &&
                      x->row_bytes == 4 * y->rows,
                  "TDPBSSD of tiles that do not fit together");
    for (int m = 0; m < sum->rows; m++) {
        for (int n = 0; n < sum->row_bytes / 4; n++) {
            uint32_t s;
            memcpy(&s, sum->data[m] + 4 * n, sizeof s);
            for (int k = 0; k < y->rows; k++)
                for (int i = 0; i < 4; i++)
                    s += (uint32_t)((int8_t)x->data[m][4 * k + i] * (int8_t)y->data[k][4 * n + i]);
            memcpy(sum->data[m] + 4 * n, &s, sizeof s);
        }
    }
}

#undef _tile_loadconfig
#define _tile_loadconfig emu_tile_loadconfig
#undef _tile_release
#define _tile_release emu_tile_release
#undef _tile_zero
#define _tile_zero emu_tile_zero
#undef _tile_loadd
#define _tile_loadd emu_tile_loadd
#undef _tile_stored
#define _tile_stored emu_tile_stored
#undef _tile_dpbssd
#define _tile_dpbssd emu_tile_dpbssd

#endif
