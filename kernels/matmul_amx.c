/* matmul_amx.c - products with AMX tiles: one tile of 16 tokens by 16 rows for every block of 32
 * (or half of 16), since every block has its own scales. Tiles only add exact integers; grade i16
 * takes two passes, 256 * hi + lo, over weights that are read once. The rest of the set is
 * AVX-512's, which also takes the products of few tokens.
 *
 * A thread configures its tiles when it enters kern_matmul_amx and releases them before it leaves,
 * so no state of a caller's thread survives the call. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kernels/sets.h"
#include "kernels/unpack_avx512.h"

enum {
    TOKENS = 16,                     /* of a tile */
    GROUP_TILES = MATMUL_GROUP / 16, /* of a group of tokens */
    TILE_INTS = TOKENS * KERN_PANEL_ROWS,
    TILE_BYTES = TOKENS * KERN_BLOCK, /* 16 tokens' int8 of a block */
    /* A tile that is stored and read back at once stalls: its sums are used LAG steps later. Four
     * steps of 1 KiB (grade i8 without halves) differ in the low 12 bits of their addresses, so no
     * load looks as if it met a store under way. Neither number was timed. */
    LAG = 3,
    RING = 4,
    MIN_TOKENS_I8 = 32, /* fewer are left to AVX-512 */
    MIN_TOKENS_I16 = 16
};

bool kern_available_amx(void)
{
    enum { ASK_PERMISSION = 0x1023 /* ARCH_REQ_XCOMP_PERM */, TILE_DATA = 18 };
    unsigned eax, ebx, ecx, edx;
    if (!kern_available_avx512vnni() || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
        return false;
    const bool tiles = (edx >> 24 & 1u) && (edx >> 25 & 1u); /* AMX-TILE, AMX-INT8 */
    /* Linux keeps the tiles' 8 KiB of state from those who have not asked; for the whole process,
     * and asking twice does no harm. */
    return tiles && syscall(SYS_arch_prctl, ASK_PERMISSION, TILE_DATA) == 0;
}

/* ---- Scratch -------------------------------------------------------------------------------- */

typedef struct {
    matmul_panel u;
    _Alignas(64) int32_t sums[4 * RING][TILE_INTS]; /* (RING, halves, planes) */
    /* A group of tokens, tile by tile; what is missing in the last tile is zero. */
    size_t n_tiles, n_blocks, n_planes;
    int8_t *q;      /* (n_tiles, n_blocks, n_planes, 16 tokens, 32): planes hi and lo, or one */
    float *x, *xs;  /* (n_tiles, n_blocks, 16): X, XS */
    float *xs_half; /* (n_tiles, n_blocks, 2, 16): XS of each half */
} amx_work;

static size_t n_blocks_of(size_t k)
{
    return (k + KERN_BLOCK - 1) / KERN_BLOCK;
}

size_t kern_scratch_amx(size_t k)
{
    const size_t tiles = GROUP_TILES * n_blocks_of(k);
    const size_t bytes = sizeof(amx_work) + tiles * (2 * TILE_BYTES + 4 * TOKENS * sizeof(float));
    const size_t other = kern_matmul_scratch(k);
    return bytes > other ? bytes : other;
}

static void work_init(amx_work *k, const kern_acts *a, size_t n_tokens)
{
    k->n_tiles = (n_tokens + TOKENS - 1) / TOKENS;
    k->n_blocks = a->n_blocks;
    k->n_planes = a->grade == KERN_GRADE_I16 ? 2 : 1;
    const size_t tiles = k->n_tiles * k->n_blocks;
    k->q = (int8_t *)(k + 1);
    k->x = (float *)(void *)(k->q + tiles * k->n_planes * TILE_BYTES);
    k->xs = k->x + tiles * TOKENS;
    k->xs_half = k->xs + tiles * TOKENS;
}

/* ---- Activations ---------------------------------------------------------------------------- */

/* 32 values as bytes, in grade i16 as two planes: q = 256 * hi + lo, lo in [-128, 127]. */
INLINE void pack_block(int8_t *to, const kern_acts *a, size_t block)
{
    if (a->grade == KERN_GRADE_I8) {
        _mm256_storeu_si256(
            (__m256i *)(void *)to,
            _mm256_loadu_si256((const __m256i *)(const void *)(a->q8 + block * 32)));
        return;
    }
    const __m512i q = _mm512_loadu_si512(a->q16 + block * KERN_BLOCK);
    const __m512i hi = _mm512_srai_epi16(_mm512_add_epi16(q, _mm512_set1_epi16(128)), 8);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_cvtepi16_epi8(hi));
    _mm256_storeu_si256((__m256i *)(void *)(to + TILE_BYTES), _mm512_cvtepi16_epi8(q));
}

/* What a shape has no use for is left out: a part of a product may be a few panels, and every part
 * packs for itself. */
static void pack_token(amx_work *k, const kern_acts *a, quant_shape shape, size_t t, size_t tile,
                       size_t row)
{
    const size_t at = tile * k->n_blocks, block = t * a->n_blocks, bytes = k->n_planes * TILE_BYTES;
    for (size_t b = 0; b < k->n_blocks; b++) {
        pack_block(k->q + (at + b) * bytes + row * KERN_BLOCK, a, block + b);
        k->x[(at + b) * TOKENS + row] = a->scale[block + b];
    }
    if (shape == QUANT_MINIMUM)
        for (size_t b = 0; b < k->n_blocks; b++)
            k->xs[(at + b) * TOKENS + row] = a->sum_scaled[block + b];
    if (shape == QUANT_SUB16_MINIMUM)
        for (size_t h = 0; h < 2 * k->n_blocks; h++)
            k->xs_half[(2 * at + h) * TOKENS + row] =
                a->scale[block + h / 2] * (float)a->sum[2 * block + h];
}

static void pack_tokens(amx_work *k, const kern_acts *a, quant_shape shape, size_t t, size_t n)
{
    work_init(k, a, n);
    if (n % TOKENS) {
        const size_t at = (k->n_tiles - 1) * k->n_blocks, tiles = k->n_blocks;
        memset(k->q + at * k->n_planes * TILE_BYTES, 0, tiles * k->n_planes * TILE_BYTES);
        memset(k->x + at * TOKENS, 0, tiles * TOKENS * sizeof(float));
        if (shape == QUANT_MINIMUM) memset(k->xs + at * TOKENS, 0, tiles * TOKENS * sizeof(float));
        if (shape == QUANT_SUB16_MINIMUM)
            memset(k->xs_half + 2 * at * TOKENS, 0, 2 * tiles * TOKENS * sizeof(float));
    }
    for (size_t i = 0; i < n; i++)
        pack_token(k, a, shape, t + i, i / TOKENS, i % TOKENS);
}

/* ---- One step: a block of a tile of tokens --------------------------------------------------- */

typedef enum { TILE_PLAIN, TILE_MINIMUM, TILE_SUB16, TILE_SUB16_MINIMUM } tile_shape;

typedef struct {
    tile_shape shape;
    bool wide; /* grade i16 */
} tile_kind;

INLINE bool halves(tile_kind kind)
{
    return kind.shape == TILE_SUB16 || kind.shape == TILE_SUB16_MINIMUM;
}

typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

/* Tiles 0-3: sums, 4 and 5: tokens, 6 and 7: weights. Constants in memory: a compiler that takes
 * _tile_loadconfig to read eight bytes (gcc 12) has no stores to leave out. */
static const tile_config configs[2] = {
    {1, 0, {0}, {64, 64, 64, 64, 32, 32, 64, 64}, {16, 16, 16, 16, 16, 16, 8, 8}},
    {1, 0, {0}, {64, 64, 64, 64, 16, 16, 64, 64}, {16, 16, 16, 16, 16, 16, 4, 4}}, /* halves */
};

/* Macros, since the numbers of tiles must be literals. */
#define DOT(sum, tokens, weights, q)                                                               \
    _tile_zero(sum);                                                                               \
    _tile_loadd(tokens, (q), KERN_BLOCK);                                                          \
    _tile_dpbssd(sum, tokens, weights)
#define PUT(sum, to) _tile_stored(sum, (to), 64)

/* Sums of one block, (halves, planes); neighbours use different tiles where four suffice. */
INLINE void dot_step(int32_t (*sums)[TILE_INTS], const int8_t *q, const uint8_t *w, bool odd,
                     tile_kind kind)
{
    const int8_t *lo = q + TILE_BYTES;
    const uint8_t *second = w + 4 * PANEL_QUAD;
    if (halves(kind) && kind.wide) {
        _tile_loadd(6, w, PANEL_QUAD);
        DOT(0, 4, 6, q);
        DOT(1, 5, 6, lo);
        _tile_loadd(7, second, PANEL_QUAD);
        DOT(2, 4, 7, q + 16);
        DOT(3, 5, 7, lo + 16);
        PUT(0, sums[0]);
        PUT(1, sums[1]);
        PUT(2, sums[2]);
        PUT(3, sums[3]);
    } else if (halves(kind) && odd) {
        _tile_loadd(6, w, PANEL_QUAD);
        DOT(0, 4, 6, q);
        _tile_loadd(7, second, PANEL_QUAD);
        DOT(1, 5, 7, q + 16);
        PUT(0, sums[0]);
        PUT(1, sums[1]);
    } else if (halves(kind)) {
        _tile_loadd(6, w, PANEL_QUAD);
        DOT(2, 4, 6, q);
        _tile_loadd(7, second, PANEL_QUAD);
        DOT(3, 5, 7, q + 16);
        PUT(2, sums[0]);
        PUT(3, sums[1]);
    } else if (kind.wide && odd) {
        _tile_loadd(6, w, PANEL_QUAD);
        DOT(0, 4, 6, q);
        DOT(1, 5, 6, lo);
        PUT(0, sums[0]);
        PUT(1, sums[1]);
    } else if (kind.wide) {
        _tile_loadd(7, w, PANEL_QUAD);
        DOT(2, 4, 7, q);
        DOT(3, 5, 7, lo);
        PUT(2, sums[0]);
        PUT(3, sums[1]);
    } else if (odd) {
        _tile_loadd(6, w, PANEL_QUAD);
        DOT(0, 4, 6, q);
        PUT(0, sums[0]);
    } else {
        _tile_loadd(7, w, PANEL_QUAD);
        DOT(1, 5, 7, q);
        PUT(1, sums[0]);
    }
}

/* (float)S of token i, of half h. */
INLINE __m512 sum_of(int32_t (*sums)[TILE_INTS], size_t h, size_t i, tile_kind kind)
{
    int32_t(*planes)[TILE_INTS] = sums + h * (kind.wide ? 2 : 1);
    const __m512i s = _mm512_load_si512(planes[0] + i * KERN_PANEL_ROWS);
    if (!kind.wide) return _mm512_cvtepi32_ps(s);
    const __m512i lo = _mm512_load_si512(planes[1] + i * KERN_PANEL_ROWS);
    return _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(s, 8), lo));
}

/* acc += block b of the chunk, for 16 tokens; `at` is the block's place among the packed tiles. */
INLINE void scale_step(__m512 acc[TOKENS], amx_work *k, int32_t (*sums)[TILE_INTS], size_t at,
                       size_t b, tile_kind kind)
{
    const float *x = k->x + at * TOKENS, *xs = k->xs + at * TOKENS;
    const float *xs_half = k->xs_half + 2 * at * TOKENS;
    const __m512 d0 = _mm512_load_ps(k->u.d[b][0]), d1 = _mm512_load_ps(k->u.d[b][1]);
    const __m512 m0 = _mm512_load_ps(k->u.m[b]), m1 = _mm512_load_ps(k->u.m1[b]);
    KERN_UNROLL(16)
    for (size_t i = 0; i < TOKENS; i++) {
        const __m512 xi = _mm512_set1_ps(x[i]), s0 = sum_of(sums, 0, i, kind);
        if (halves(kind)) {
            const __m512 t = _mm512_fmadd_ps(d1, sum_of(sums, 1, i, kind), _mm512_mul_ps(d0, s0));
            acc[i] = _mm512_fmadd_ps(t, xi, acc[i]);
        } else {
            acc[i] = _mm512_fmadd_ps(_mm512_mul_ps(d0, xi), s0, acc[i]);
        }
        if (kind.shape == TILE_MINIMUM) acc[i] = _mm512_fmadd_ps(m0, _mm512_set1_ps(xs[i]), acc[i]);
        if (kind.shape == TILE_SUB16_MINIMUM) {
            acc[i] = _mm512_fmadd_ps(m0, _mm512_set1_ps(xs_half[i]), acc[i]);
            acc[i] = _mm512_fmadd_ps(m1, _mm512_set1_ps(xs_half[TOKENS + i]), acc[i]);
        }
    }
}

/* ---- A chunk of one panel with all tokens of the group --------------------------------------- */

/* Steps are the blocks b0 .. b0 + n - 1 of tile 0, of tile 1, ...; scaling is LAG steps behind. */
INLINE void run_chunk(amx_work *k, size_t b0, size_t n, tile_kind kind)
{
    const size_t n_sums = (halves(kind) ? 2u : 1u) * (kind.wide ? 2u : 1u);
    const size_t n_steps = k->n_tiles * n, ask = matmul_share(&k->u, k->n_tiles, n);
    __m512 acc[TOKENS];
    size_t dot_tile = 0, dot_b = 0, tile = 0, b = 0;
    for (size_t s = 0; s < n_steps + LAG; s++) {
        if (s < n_steps) {
            matmul_ask(k->u.next + s * ask, ask);
            const size_t at = dot_tile * k->n_blocks + b0 + dot_b;
            dot_step(k->sums + s % RING * n_sums, k->q + at * k->n_planes * TILE_BYTES,
                     k->u.w + dot_b * KERN_BLOCK * KERN_PANEL_ROWS, s % 2, kind);
            if (++dot_b == n) dot_b = 0, dot_tile++;
        }
        if (s < LAG) continue;
        float(*rows)[KERN_PANEL_ROWS] = k->u.acc + tile * TOKENS;
        if (b == 0) {
            KERN_UNROLL(16)
            for (size_t i = 0; i < TOKENS; i++)
                acc[i] = _mm512_load_ps(rows[i]);
        }
        scale_step(acc, k, k->sums + (s - LAG) % RING * n_sums, tile * k->n_blocks + b0 + b, b,
                   kind);
        if (++b == n) {
            KERN_UNROLL(16)
            for (size_t i = 0; i < TOKENS; i++)
                _mm512_store_ps(rows[i], acc[i]);
            b = 0, tile++;
        }
    }
}

#define CHUNK(name, ...)                                                                           \
    static void chunk_##name(amx_work *k, size_t b0, size_t n)                                     \
    {                                                                                              \
        const tile_kind kind = {__VA_ARGS__};                                                      \
        run_chunk(k, b0, n, kind);                                                                 \
    }
CHUNK(plain_i8, TILE_PLAIN, false)
CHUNK(minimum_i8, TILE_MINIMUM, false)
CHUNK(sub16_i8, TILE_SUB16, false)
CHUNK(sub16_minimum_i8, TILE_SUB16_MINIMUM, false)
CHUNK(plain_i16, TILE_PLAIN, true)
CHUNK(minimum_i16, TILE_MINIMUM, true)
CHUNK(sub16_i16, TILE_SUB16, true)
CHUNK(sub16_minimum_i16, TILE_SUB16_MINIMUM, true)
#undef CHUNK

#define UNPACKER(name, shape)                                                                      \
    static void signed_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                 \
    {                                                                                              \
        (void)t;                                                                                   \
        take_signed(u, QUANT_##name, c);                                                           \
    }
UNPACK_FORMATS(UNPACKER)
#undef UNPACKER

/* ---- The walk -------------------------------------------------------------------------------- */

typedef struct {
    matmul_unpack_fn *unpack;
    void (*chunk[2])(amx_work *k, size_t b0, size_t n); /* grades i8, i16 */
} amx_path;

static const amx_path paths[QUANT_COUNT] = {
#define PATH(name, shape)                                                                          \
    [QUANT_##name] = {signed_##name, {chunk_##shape##_i8, chunk_##shape##_i16}},
    UNPACK_FORMATS(PATH)
#undef PATH
};

/* Panel p with the n packed tokens, whose outputs begin at y. */
static void panel_product(amx_work *k, const kern_matrix *w, size_t p, bool wide, size_t n,
                          const float *y, size_t ldy)
{
    const amx_path *path = &paths[w->type];
    const uint8_t *panel = (const uint8_t *)w->panels + p * w->panel_bytes;
    memset(k->u.acc, 0, k->n_tiles * TOKENS * sizeof k->u.acc[0]);
    for (size_t k0 = 0; k0 < w->k; k0 += PANEL_CHUNK) {
        const panel_chunk c = panel_chunk_at(w->type, panel, w->k, k0 / PANEL_CHUNK);
        const bool last = k0 + PANEL_CHUNK >= w->k;
        k->u.next_bytes = matmul_chunk_bytes(w, PANEL_CHUNK);
        k->u.next = last ? panel + w->panel_bytes : c.main + k->u.next_bytes;
        path->unpack(&k->u, w->type, &c);
        if (last) matmul_fetch(w, p, 1, n, y, ldy);
        /* gcc does not know that loading a tile reads memory. */
        __asm__ volatile("" ::: "memory");
        path->chunk[wide](k, k0 / KERN_BLOCK, c.n / KERN_BLOCK);
    }
}

void kern_matmul_amx(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a, size_t t0,
                     size_t t1, float *y, size_t ldy, void *scratch)
{
    const bool wide = a->grade == KERN_GRADE_I16;
    const size_t least = wide ? MIN_TOKENS_I16 : MIN_TOKENS_I8;
    const quant_shape shape = quant_infos[w->type].shape;
    const bool sub16 = shape == QUANT_SUB16 || shape == QUANT_SUB16_MINIMUM;
    amx_work *k = scratch;
    size_t t = t0;
    if (a->grade != KERN_GRADE_F32 && shape != QUANT_FLOAT && t1 - t0 >= least) {
        _tile_loadconfig(&configs[sub16]);
        for (size_t n; t1 - t >= least; t += n) {
            n = t1 - t < MATMUL_GROUP ? t1 - t : MATMUL_GROUP;
            pack_tokens(k, a, shape, t, n);
            for (size_t p = p0; p < p1; p++) {
                panel_product(k, w, p, wide, n, y + t * ldy, ldy);
                matmul_store(&k->u, w, p, 1, n, y + t * ldy, ldy);
            }
        }
        _tile_release();
    }
    if (t < t1) kern_matmul_avx512vnni(w, p0, p1, a, t, t1, y, ldy, scratch);
}
