/* matmul_avx2.c - products of integer weights with AVX2. Two ways to multiply, both exact:
 *
 * Bytes (grade i8, stored weights of at most 6 bits): maddubs adds pairs of products of the stored,
 * unsigned weight and int8 in 16 bits, at most 2*63*127; the pairs of a sum are added in 16 bits
 * too, and widened once. That addition wraps, but what it ends in does not: it starts at minus the
 * bias times the sum of the lane's activations, so the end is a lane's sum of weights without the
 * bias, at most 16*16*127 (5 bits, a block) or 8*32*127 (6 bits, half a block) = 32512.
 *
 * Pairs (grade i16; grade i8 with weights of 8 bits): madd of 16-bit values, a pair of products is
 * at most 2*128*32512. Here maddubs would saturate, and its sign trick would gain nothing. */
#include "kernels/matmul_avx2.h"
#include "kernels/sets.h"

enum {
    TILE = 4, /* tokens; two registers of 8 rows each */
    /* So many tokens go straight from the panel: more where unpacking writes two bytes for one. */
    FEW = 4,
    FEW_WIDE = 8
};

/* Everything that is known when a tile is compiled. */
typedef struct {
    coding coding;
    bool bytes;   /* or pairs */
    bool halves;  /* a sum for each half of 16 */
    bool minimum; /* a fma with M follows */
    bool start;   /* sums start at rows->start: the codes have a bias */
    bool back;    /* the bias is added back after the sum: it was only there for the lanes' range */
} tile_kind;

/* A tile's activations in one chunk. */
typedef struct {
    const uint8_t *q[TILE]; /* int8 or int16 */
    const float *scale[TILE], *sum_scaled[TILE];
    const int32_t *sum[TILE];
    size_t first; /* row of the accumulators that belongs to token 0 of the tile */
    /* [block][half], the first of them where a block has one sum: two int16 (bytes) or an int32 */
    _Alignas(32) int32_t start[TILE][MATMUL_BLOCKS * 2];
    int32_t back[TILE][MATMUL_BLOCKS];
    _Alignas(32) float half_scaled[TILE][MATMUL_BLOCKS * 2]; /* XS of each half, Q2_K only */
} int_rows;

/* ---- Unpacking into scratch, for many tokens ------------------------------------------------ */

/* 5 bits are too many for sums of a block in 16 bits; with a bias they fit, even if the weights of
 * a format with a minimum have none. */
INLINE int bytes_bias(quant_type t)
{
    return quant_infos[t].shape == QUANT_MINIMUM && panel_layouts[t].high ? 16 : code_bias(t);
}

INLINE void unpack_bytes(matmul_panel *u, quant_type t, const panel_chunk *c, coding code)
{
    u->bias = bytes_bias(t);
    chunk_scales(u, t, c);
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        const uint8_t *codes = panel_codes(t, c, b);
        KERN_UNROLL(8)
        for (size_t quad = 0; quad < 8; quad++)
            for (size_t half = 0; half < 2; half++)
                store_bytes(u->w + (b * 8 + quad) * 64 + 32 * half,
                            swap_middle(stored_quad(code, codes, quad, half)));
    }
}

INLINE void unpack_pairs(matmul_panel *u, quant_type t, const panel_chunk *c, coding code)
{
    const __m256i bias = _mm256_set1_epi16((int16_t)code_bias(t));
    u->bias = 0;
    chunk_scales(u, t, c);
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        const uint8_t *codes = panel_codes(t, c, b);
        KERN_UNROLL(8)
        for (size_t quad = 0; quad < 8; quad++) {
            for (size_t half = 0; half < 2; half++) {
                uint8_t *at = u->w + (b * 8 + quad) * 128 + 32 * half;
                __m256i w01, w23;
                quad_pairs(code, codes, quad, half, &w01, &w23);
                store_bytes(at, _mm256_sub_epi16(w01, bias));
                store_bytes(at + 64, _mm256_sub_epi16(w23, bias));
            }
        }
    }
}

/* ---- Sums of a block, or of half a block ---------------------------------------------------- */

/* Keeps the compiler from reordering a chain of additions: gcc would start all products first and
 * then have no registers for them. */
INLINE __m256i in_order(__m256i v)
{
    __asm__("" : "+x"(v));
    return v;
}

INLINE __m256i broadcast_quad(const uint8_t *p)
{
    int32_t quad;
    memcpy(&quad, p, sizeof quad);
    return _mm256_set1_epi32(quad);
}

/* sums[i][half] = sums over quads q0 .. q0+n-1 of block b. */
INLINE void dot_bytes(__m256i sums[TILE][2], const uint8_t *block, const int_rows *rows, size_t nr,
                      size_t b, size_t q0, size_t n, tile_kind kind)
{
    const bool swap = kind.coding != CODING_BYTES;
    if (kind.start)
        for (size_t i = 0; i < nr; i++)
            sums[i][0] = sums[i][1] = _mm256_set1_epi32(rows->start[i][2 * b + (q0 ? 1 : 0)]);
    KERN_UNROLL(8)
    for (size_t quad = q0; quad < q0 + n; quad++) {
        __m256i w[2];
        for (size_t half = 0; half < 2; half++) {
            w[half] = stored_quad(kind.coding, block, quad, half);
            if (swap) w[half] = swap_middle(w[half]);
        }
        for (size_t i = 0; i < nr; i++) {
            const __m256i x = broadcast_quad(rows->q[i] + b * KERN_BLOCK + quad * 4);
            for (size_t half = 0; half < 2; half++) {
                const __m256i s = _mm256_maddubs_epi16(w[half], x);
                sums[i][half] =
                    in_order(kind.start || quad > q0 ? _mm256_add_epi16(sums[i][half], s) : s);
            }
        }
    }
    for (size_t i = 0; i < nr; i++)
        for (size_t half = 0; half < 2; half++)
            sums[i][half] = _mm256_madd_epi16(sums[i][half], _mm256_set1_epi16(1));
}

INLINE void dot_pairs(__m256i sums[TILE][2], const uint8_t *block, const int_rows *rows, size_t nr,
                      size_t b, size_t q0, size_t n, tile_kind kind)
{
    for (size_t i = 0; i < nr; i++)
        sums[i][0] = sums[i][1] = kind.start
                                      ? _mm256_set1_epi32(rows->start[i][2 * b + (q0 ? 1 : 0)])
                                      : _mm256_setzero_si256();
    KERN_UNROLL(8)
    for (size_t quad = q0; quad < q0 + n; quad++) {
        __m256i w[2][2];
        for (size_t half = 0; half < 2; half++)
            quad_pairs(kind.coding, block, quad, half, &w[0][half], &w[1][half]);
        for (size_t pair = 0; pair < 2; pair++) {
            for (size_t i = 0; i < nr; i++) {
                const __m256i x =
                    broadcast_quad(rows->q[i] + (b * KERN_BLOCK + quad * 4 + pair * 2) * 2);
                for (size_t half = 0; half < 2; half++)
                    sums[i][half] = in_order(
                        _mm256_add_epi32(sums[i][half], _mm256_madd_epi16(w[pair][half], x)));
            }
        }
    }
}

INLINE void dot_quads(__m256i sums[TILE][2], const uint8_t *block, const int_rows *rows, size_t nr,
                      size_t b, size_t q0, size_t n, tile_kind kind)
{
    if (kind.bytes)
        dot_bytes(sums, block, rows, nr, b, q0, n, kind);
    else
        dot_pairs(sums, block, rows, nr, b, q0, n, kind);
}

/* ---- Tiles ---------------------------------------------------------------------------------- */

/* The accumulators of few tokens stay in registers through a chunk; a full tile needs the registers
 * for its sums, and reads and writes them once a block. */
INLINE bool held(size_t nr)
{
    return nr <= 2;
}

typedef struct {
    __m256 v[TILE][2];
} tile_acc;

INLINE __m256 get_acc(const tile_acc *acc, const matmul_panel *u, const int_rows *rows, size_t nr,
                      size_t i, size_t half)
{
    return held(nr) ? acc->v[i][half] : _mm256_load_ps(u->acc[rows->first + i] + 8 * half);
}

INLINE void put_acc(tile_acc *acc, matmul_panel *u, const int_rows *rows, size_t nr, size_t i,
                    size_t half, __m256 v)
{
    if (held(nr))
        acc->v[i][half] = v;
    else
        _mm256_store_ps(u->acc[rows->first + i] + 8 * half, v);
}

INLINE void tile_whole(tile_acc *acc, matmul_panel *u, const uint8_t *block, const int_rows *rows,
                       size_t nr, size_t b, tile_kind kind)
{
    __m256i sums[TILE][2];
    dot_quads(sums, block, rows, nr, b, 0, 8, kind);
    if (kind.back)
        for (size_t i = 0; i < nr; i++)
            for (size_t half = 0; half < 2; half++)
                sums[i][half] =
                    _mm256_add_epi32(sums[i][half], _mm256_set1_epi32(rows->back[i][b]));
    const __m256 d[2] = {_mm256_load_ps(u->d[b][0]), _mm256_load_ps(u->d[b][0] + 8)};
    const __m256 m[2] = {_mm256_load_ps(u->m[b]), _mm256_load_ps(u->m[b] + 8)};
    for (size_t i = 0; i < nr; i++) {
        const __m256 x = _mm256_broadcast_ss(rows->scale[i] + b);
        const __m256 xs = _mm256_broadcast_ss(rows->sum_scaled[i] + b);
        for (size_t half = 0; half < 2; half++) {
            __m256 v = _mm256_fmadd_ps(_mm256_mul_ps(d[half], x), _mm256_cvtepi32_ps(sums[i][half]),
                                       get_acc(acc, u, rows, nr, i, half));
            if (kind.minimum) v = _mm256_fmadd_ps(m[half], xs, v);
            put_acc(acc, u, rows, nr, i, half, v);
        }
    }
}

/* acc + M0 * XS0 + M1 * XS1, XS of each half of the block. */
INLINE __m256 add_minima(__m256 acc, const matmul_panel *u, const int_rows *rows, size_t i,
                         size_t b, size_t half)
{
    const float *xs = rows->half_scaled[i] + 2 * b;
    acc = _mm256_fmadd_ps(_mm256_load_ps(u->m[b] + 8 * half), _mm256_broadcast_ss(xs), acc);
    return _mm256_fmadd_ps(_mm256_load_ps(u->m1[b] + 8 * half), _mm256_broadcast_ss(xs + 1), acc);
}

INLINE void tile_halves(tile_acc *acc, matmul_panel *u, const uint8_t *block, const int_rows *rows,
                        size_t nr, size_t b, tile_kind kind)
{
    __m256i sums[TILE][2];
    __m256 t[TILE][2];
    dot_quads(sums, block, rows, nr, b, 0, 4, kind);
    for (size_t i = 0; i < nr; i++)
        for (size_t half = 0; half < 2; half++)
            t[i][half] = _mm256_mul_ps(_mm256_load_ps(u->d[b][0] + 8 * half),
                                       _mm256_cvtepi32_ps(sums[i][half]));
    dot_quads(sums, block, rows, nr, b, 4, 4, kind);
    for (size_t i = 0; i < nr; i++) {
        const __m256 x = _mm256_broadcast_ss(rows->scale[i] + b);
        for (size_t half = 0; half < 2; half++) {
            const __m256 both = _mm256_fmadd_ps(_mm256_load_ps(u->d[b][1] + 8 * half),
                                                _mm256_cvtepi32_ps(sums[i][half]), t[i][half]);
            const __m256 v = _mm256_fmadd_ps(both, x, get_acc(acc, u, rows, nr, i, half));
            put_acc(acc, u, rows, nr, i, half,
                    kind.minimum ? add_minima(v, u, rows, i, b, half) : v);
        }
    }
}

/* Accumulators of the tile += blocks at `block`, `stride` bytes apart. With each of them `ask`
 * bytes are asked for. */
INLINE void tile_blocks(matmul_panel *u, const uint8_t *block, size_t stride, const int_rows *rows,
                        size_t nr, size_t n_blocks, tile_kind kind, size_t ask)
{
    tile_acc acc;
    if (held(nr))
        for (size_t i = 0; i < nr; i++)
            for (size_t half = 0; half < 2; half++)
                acc.v[i][half] = _mm256_load_ps(u->acc[rows->first + i] + 8 * half);
    for (size_t b = 0; b < n_blocks; b++, block += stride) {
        matmul_ask(u->next, ask);
        u->next += ask;
        if (kind.halves)
            tile_halves(&acc, u, block, rows, nr, b, kind);
        else
            tile_whole(&acc, u, block, rows, nr, b, kind);
    }
    if (held(nr))
        for (size_t i = 0; i < nr; i++)
            for (size_t half = 0; half < 2; half++)
                _mm256_store_ps(u->acc[rows->first + i] + 8 * half, acc.v[i][half]);
}

/* Tokens of the next tile of those left: a third one alone is not worth a tile of its own, which
 * would be a quarter of this file's code. */
INLINE size_t tile_size(size_t left)
{
    return left >= TILE ? TILE : left >= 2 ? 2 : 1;
}

INLINE void tile_tokens(matmul_panel *u, const uint8_t *block, size_t stride, const int_rows *rows,
                        size_t nr, size_t n_blocks, tile_kind kind, size_t ask)
{
    switch (nr) {
    case 1:
        tile_blocks(u, block, stride, rows, 1, n_blocks, kind, ask);
        break;
    case 2:
        tile_blocks(u, block, stride, rows, 2, n_blocks, kind, ask);
        break;
    default:
        tile_blocks(u, block, stride, rows, 4, n_blocks, kind, ask);
        break;
    }
}

/* Minus the bias times the sums of up to 4 blocks: 4 int16 each (bytes), or 2 int32. */
INLINE __m256i start_of(__m256i sums, int bias, tile_kind kind)
{
    if (kind.bytes) {
        if (!kind.halves) sums = _mm256_add_epi16(sums, _mm256_shuffle_epi32(sums, 0xb1));
        return _mm256_mullo_epi16(sums, _mm256_set1_epi16((int16_t)-bias));
    }
    if (!kind.halves) sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0xb1));
    return _mm256_mullo_epi32(sums, _mm256_set1_epi32(-bias));
}

INLINE void rows_start(int32_t start[MATMUL_BLOCKS * 2], const kern_acts *a, size_t block,
                       size_t n_blocks, int bias, tile_kind kind)
{
    const void *sums =
        kind.bytes ? (const void *)(a->lanes + 4 * block) : (const void *)(a->sum + 2 * block);
    int32_t padded[MATMUL_BLOCKS * 2] = {0};
    if (n_blocks < MATMUL_BLOCKS) sums = memcpy(padded, sums, n_blocks * 8);
    for (size_t i = 0; i < MATMUL_BLOCKS * 2; i += 8)
        _mm256_store_si256((__m256i *)(void *)(start + i),
                           start_of(load_bytes((const uint8_t *)sums + 4 * i), bias, kind));
}

/* X times the sums of a chunk's halves. */
INLINE void scale_halves(float xs[MATMUL_BLOCKS * 2], const float *scale, const int32_t *sum,
                         size_t n_blocks)
{
    float x[MATMUL_BLOCKS] = {0};
    int32_t sums[MATMUL_BLOCKS * 2] = {0};
    if (n_blocks < MATMUL_BLOCKS) {
        scale = memcpy(x, scale, n_blocks * sizeof *x);
        sum = memcpy(sums, sum, n_blocks * 2 * sizeof *sums);
    }
    for (size_t b = 0; b < MATMUL_BLOCKS; b += 4) {
        const __m128 four = _mm_loadu_ps(scale + b);
        const __m256 twice =
            _mm256_set_m128(_mm_unpackhi_ps(four, four), _mm_unpacklo_ps(four, four));
        const __m256i both = _mm256_loadu_si256((const __m256i *)(const void *)(sum + 2 * b));
        _mm256_store_ps(xs + 2 * b, _mm256_mul_ps(twice, _mm256_cvtepi32_ps(both)));
    }
}

/* Tokens t .. t + nr - 1, the first of which owns accumulator row `first`. */
INLINE void rows_of(int_rows *rows, const kern_acts *a, size_t t, size_t nr, size_t first,
                    size_t k0, size_t n, int bias, tile_kind kind)
{
    rows->first = first;
    for (size_t i = 0; i < nr; i++) {
        const size_t block = (t + i) * a->n_blocks + k0 / KERN_BLOCK;
        rows->scale[i] = a->scale + block;
        rows->sum_scaled[i] = a->sum_scaled + block;
        rows->sum[i] = a->sum + 2 * block;
        rows->q[i] = kind.bytes ? (const uint8_t *)(a->q8 + block * KERN_BLOCK)
                                : (const uint8_t *)(a->q16 + block * KERN_BLOCK);
        if (kind.start) rows_start(rows->start[i], a, block, n / KERN_BLOCK, bias, kind);
        if (kind.halves && kind.minimum)
            scale_halves(rows->half_scaled[i], rows->scale[i], rows->sum[i], n / KERN_BLOCK);
        if (!kind.back) continue;
        for (size_t b = 0; b < n / KERN_BLOCK; b++)
            rows->back[i][b] = bias * (rows->sum[i][2 * b] + rows->sum[i][2 * b + 1]);
    }
}

INLINE size_t n_tiles(size_t n_tokens)
{
    return (n_tokens + TILE - 1) / TILE;
}

/* From scratch. */
INLINE void tile_panels(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                        size_t n_tokens, size_t k0, size_t n, tile_kind kind)
{
    const size_t stride = kind.bytes ? 512 : 1024, n_blocks = n / KERN_BLOCK;
    const size_t ask = matmul_share(u, n_tiles(n_tokens), n_blocks);
    int_rows rows;
    for (size_t i = 0, nr; i < n_tokens; i += nr) {
        nr = tile_size(n_tokens - i);
        rows_of(&rows, a, t0 + i, nr, i, k0, n, u->bias, kind);
        for (size_t j = 0; j < n_panels; j++)
            tile_tokens(&u[j], u[j].w, stride, &rows, nr, n_blocks, kind, ask);
    }
}

/* From the panel, for few tokens. */
INLINE void tile_direct(matmul_panel *u, quant_type t, const panel_chunk *c, const kern_acts *a,
                        size_t t0, size_t n_tokens, size_t k0, tile_kind kind)
{
    const int bias = kind.bytes ? bytes_bias(t) : code_bias(t);
    const size_t n_blocks = c->n / KERN_BLOCK, ask = matmul_share(u, n_tiles(n_tokens), n_blocks);
    int_rows rows;
    chunk_scales(u, t, c);
    for (size_t i = 0, nr; i < n_tokens; i += nr) {
        nr = tile_size(n_tokens - i);
        rows_of(&rows, a, t0 + i, nr, i, k0, c->n, bias, kind);
        tile_tokens(u, panel_codes(t, c, 0), panel_layouts[t].block, &rows, nr, n_blocks, kind,
                    ask);
    }
}

/* ---- What is compiled ------------------------------------------------------------------------ */

#define UNPACKER(to, code)                                                                         \
    static void to##_##code(matmul_panel *u, quant_type t, const panel_chunk *c)                   \
    {                                                                                              \
        unpack_##to(u, t, c, CODING_##code);                                                       \
    }
UNPACKER(bytes, NIBBLES)
UNPACKER(bytes, FIFTH)
UNPACKER(bytes, SIXTH)
UNPACKER(bytes, TWO)
UNPACKER(bytes, THIRD)
UNPACKER(bytes, FP4)
UNPACKER(pairs, INT8)
UNPACKER(pairs, NIBBLES)
UNPACKER(pairs, FIFTH)
UNPACKER(pairs, SIXTH)
UNPACKER(pairs, TWO)
UNPACKER(pairs, THIRD)
UNPACKER(pairs, IQ4)
UNPACKER(pairs, FP4)
#undef UNPACKER

/* Bytes or pairs; halves, minimum, start, back. */
#define TILE_OF(name, code, ...)                                                                   \
    static void name(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,              \
                     size_t n_tokens, size_t k0, size_t n)                                         \
    {                                                                                              \
        const tile_kind kind = {CODING_##code, __VA_ARGS__};                                       \
        tile_panels(u, n_panels, a, t0, n_tokens, k0, n, kind);                                    \
    }
TILE_OF(bytes_plain, BYTES, true, false, false, true, false)
TILE_OF(bytes_minimum, BYTES, true, false, true, false, false)
TILE_OF(bytes_minimum_fifth, BYTES, true, false, true, true, true)
TILE_OF(bytes_halves, BYTES, true, true, false, true, false)
TILE_OF(bytes_halves_minimum, BYTES, true, true, true, false, false)
TILE_OF(pairs_plain, PAIRS, false, false, false, false, false)
TILE_OF(pairs_minimum, PAIRS, false, false, true, false, false)
TILE_OF(pairs_halves, PAIRS, false, true, false, false, false)
TILE_OF(pairs_halves_minimum, PAIRS, false, true, true, false, false)
#undef TILE_OF

#define DIRECT(name, code, ...)                                                                    \
    static void name(matmul_panel *u, quant_type t, const panel_chunk *c, const kern_acts *a,      \
                     size_t t0, size_t n_tokens, size_t k0)                                        \
    {                                                                                              \
        const tile_kind kind = {CODING_##code, __VA_ARGS__};                                       \
        tile_direct(u, t, c, a, t0, n_tokens, k0, kind);                                           \
    }
DIRECT(direct_int8, INT8, false, false, false, false, false) /* both grades */
DIRECT(direct_iq4, IQ4, false, false, false, false, false)
DIRECT(direct8_nibbles, NIBBLES, true, false, false, true, false)
DIRECT(direct8_nibbles_minimum, NIBBLES, true, false, true, false, false)
DIRECT(direct8_fp4, FP4, true, false, false, true, false)
DIRECT(direct8_fifth, FIFTH, true, false, false, true, false)
DIRECT(direct8_fifth_minimum, FIFTH, true, false, true, true, true)
DIRECT(direct8_sixth, SIXTH, true, true, false, true, false)
DIRECT(direct8_third, THIRD, true, true, false, true, false)
DIRECT(direct8_two, TWO, true, true, true, false, false)
DIRECT(direct16_nibbles, NIBBLES, false, false, false, true, false)
DIRECT(direct16_nibbles_minimum, NIBBLES, false, false, true, false, false)
DIRECT(direct16_fp4, FP4, false, false, false, true, false)
DIRECT(direct16_fifth, FIFTH, false, false, false, true, false)
DIRECT(direct16_fifth_minimum, FIFTH, false, false, true, false, false)
DIRECT(direct16_sixth, SIXTH, false, true, false, true, false)
DIRECT(direct16_third, THIRD, false, true, false, true, false)
DIRECT(direct16_two, TWO, false, true, true, false, false)
#undef DIRECT

static const matmul_path paths_i8[QUANT_COUNT] = {
    [QUANT_Q4_0] = {bytes_NIBBLES, bytes_plain, direct8_nibbles, FEW},
    [QUANT_Q4_1] = {bytes_NIBBLES, bytes_minimum, direct8_nibbles_minimum, FEW},
    [QUANT_Q5_0] = {bytes_FIFTH, bytes_plain, direct8_fifth, FEW},
    [QUANT_Q5_1] = {bytes_FIFTH, bytes_minimum_fifth, direct8_fifth_minimum, FEW},
    [QUANT_Q8_0] = {pairs_INT8, pairs_plain, direct_int8, FEW_WIDE},
    [QUANT_Q2_K] = {bytes_TWO, bytes_halves_minimum, direct8_two, FEW},
    [QUANT_Q3_K] = {bytes_THIRD, bytes_halves, direct8_third, FEW},
    [QUANT_Q4_K] = {bytes_NIBBLES, bytes_minimum, direct8_nibbles_minimum, FEW},
    [QUANT_Q5_K] = {bytes_FIFTH, bytes_minimum_fifth, direct8_fifth_minimum, FEW},
    [QUANT_Q6_K] = {bytes_SIXTH, bytes_halves, direct8_sixth, FEW},
    [QUANT_IQ4_NL] = {pairs_IQ4, pairs_plain, direct_iq4, FEW_WIDE},
    [QUANT_IQ4_XS] = {pairs_IQ4, pairs_plain, direct_iq4, FEW_WIDE},
    [QUANT_MXFP4] = {bytes_FP4, bytes_plain, direct8_fp4, FEW},
};
static const matmul_path paths_i16[QUANT_COUNT] = {
    [QUANT_Q4_0] = {pairs_NIBBLES, pairs_plain, direct16_nibbles, FEW},
    [QUANT_Q4_1] = {pairs_NIBBLES, pairs_minimum, direct16_nibbles_minimum, FEW},
    [QUANT_Q5_0] = {pairs_FIFTH, pairs_plain, direct16_fifth, FEW},
    [QUANT_Q5_1] = {pairs_FIFTH, pairs_minimum, direct16_fifth_minimum, FEW},
    [QUANT_Q8_0] = {pairs_INT8, pairs_plain, direct_int8, FEW_WIDE},
    [QUANT_Q2_K] = {pairs_TWO, pairs_halves_minimum, direct16_two, FEW},
    [QUANT_Q3_K] = {pairs_THIRD, pairs_halves, direct16_third, FEW},
    [QUANT_Q4_K] = {pairs_NIBBLES, pairs_minimum, direct16_nibbles_minimum, FEW},
    [QUANT_Q5_K] = {pairs_FIFTH, pairs_minimum, direct16_fifth_minimum, FEW},
    [QUANT_Q6_K] = {pairs_SIXTH, pairs_halves, direct16_sixth, FEW},
    [QUANT_IQ4_NL] = {pairs_IQ4, pairs_plain, direct_iq4, FEW_WIDE},
    [QUANT_IQ4_XS] = {pairs_IQ4, pairs_plain, direct_iq4, FEW_WIDE},
    [QUANT_MXFP4] = {pairs_FP4, pairs_plain, direct16_fp4, FEW},
};

void kern_matmul_avx2(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a, size_t t0,
                      size_t t1, float *y, size_t ldy, void *scratch)
{
    const matmul_path *paths = a->grade == KERN_GRADE_I8 ? paths_i8 : paths_i16;
    if (a->grade == KERN_GRADE_F32 || quant_infos[w->type].shape == QUANT_FLOAT)
        paths = matmul_floats_avx2;
    matmul_run(paths[w->type], w, p0, p1, a, t0, t1, y, ldy, scratch);
}
