/* tile_avx512.h - integer tiles with AVX-512 VNNI: up to 8 tokens and 2 panels, one register of 16
 * rows each, with weights from scratch or, for few tokens, straight from a panel. Grade i16 uses
 * vpdpwssd (16-bit pairs), grade i8 vpdpbusd (weights biased to unsigned bytes; the bias leaves by
 * the sums of the activations). Neither saturates; both sums are exact. */
#ifndef KERNELS_TILE_AVX512_H
#define KERNELS_TILE_AVX512_H
#include "kernels/unpack_avx512.h"

enum { TILE = 8 };
typedef enum { TILE_PLAIN, TILE_MINIMUM, TILE_SUB16, TILE_SUB16_MINIMUM } tile_shape;

/* Whether halves of 16 have their own scales. */
INLINE bool halves(tile_shape shape)
{
    return shape == TILE_SUB16 || shape == TILE_SUB16_MINIMUM;
}

/* Everything that is known when a tile is compiled. */
typedef struct {
    tile_shape shape;
    kern_grade grade;
    bool direct;     /* weights straight from the panel */
    quant_type type; /* of those */
} tile_kind;

typedef struct {
    const uint8_t *q[TILE]; /* int16 or int8 */
    const float *scale[TILE], *sum_scaled[TILE];
    size_t first;             /* row of the accumulators that belongs to token 0 of the tile */
    const panel_chunk *chunk; /* direct tiles */
    size_t ask;               /* of them: bytes to ask for with each block, as matmul_panel.next */
    /* Grade i8: where a sum starts, [block][half]: minus the bias times the sum of q, of the half
     * for halves, else of the block (in both places). */
    _Alignas(64) int32_t start[TILE][MATMUL_BLOCKS * 2];
    _Alignas(64) float half_scaled[TILE][MATMUL_BLOCKS * 2]; /* XS of each half, Q2_K only */
    /* X and XS of a tile from scratch: eight tokens' pointers would not fit the registers. */
    _Alignas(64) float x[TILE][MATMUL_BLOCKS], xs[TILE][MATMUL_BLOCKS];
} int_rows;

INLINE __m512 x_of(const int_rows *rows, size_t i, size_t b, tile_kind kind)
{
    return _mm512_set1_ps(kind.direct ? rows->scale[i][b] : rows->x[i][b]);
}

INLINE __m512 xs_of(const int_rows *rows, size_t i, size_t b, tile_kind kind)
{
    return _mm512_set1_ps(kind.direct ? rows->sum_scaled[i][b] : rows->xs[i][b]);
}

INLINE __m512i first_sum(const int_rows *rows, size_t i, size_t b, bool second_half, tile_kind kind)
{
    return kind.grade == KERN_GRADE_I16
               ? _mm512_setzero_si512()
               : _mm512_set1_epi32(rows->start[i][2 * b + (second_half ? 1 : 0)]);
}

/* sum + w * the group of 4 bytes of q (2 int16 or 4 int8) that is `at` of the chunk's */
INLINE __m512i add_group(__m512i sum, __m512i w, const int_rows *rows, size_t i, size_t at,
                         tile_kind kind)
{
    int32_t group;
    memcpy(&group, rows->q[i] + at * 4, sizeof group);
    const __m512i x = _mm512_set1_epi32(group);
    return kind.grade == KERN_GRADE_I16 ? _mm512_dpwssd_epi32(sum, w, x)
                                        : _mm512_dpbusd_epi32(sum, w, x);
}

/* sums[j][i] = dot products over the quads q0 .. q0+n-1 of block b, from scratch. */
INLINE void dot_scratch(__m512i sums[MATMUL_PANELS][TILE], const matmul_panel *u, size_t np,
                        const int_rows *rows, size_t nr, size_t b, size_t q0, size_t n,
                        tile_kind kind)
{
    const size_t quad_groups = kind.grade == KERN_GRADE_I16 ? 2 : 1;
    for (size_t i = 0; i < nr; i++)
        for (size_t j = 0; j < np; j++)
            sums[j][i] = first_sum(rows, i, b, q0 > 0, kind);
    KERN_UNROLL(16)
    for (size_t g = q0 * quad_groups; g < (q0 + n) * quad_groups; g++) {
        const size_t at = b * 8 * quad_groups + g;
        __m512i w[MATMUL_PANELS];
        for (size_t j = 0; j < np; j++)
            w[j] = _mm512_load_si512(u[j].w + at * 64);
        KERN_UNROLL(8)
        for (size_t i = 0; i < nr; i++)
            for (size_t j = 0; j < np; j++)
                sums[j][i] = add_group(sums[j][i], w[j], rows, i, at, kind);
    }
}

/* The same of one panel, from the panel. Even and odd quads have sums of their own, or a sum would
 * wait for the one before it. */
INLINE void dot_direct(__m512i sums[MATMUL_PANELS][TILE], const int_rows *rows, size_t nr, size_t b,
                       size_t q0, size_t n, tile_kind kind)
{
    __m512i odd[TILE];
    for (size_t i = 0; i < nr; i++) {
        sums[0][i] = first_sum(rows, i, b, q0 > 0, kind);
        odd[i] = _mm512_setzero_si512();
    }
    KERN_UNROLL(8)
    for (size_t quad = q0; quad < q0 + n; quad++) {
        const size_t at = b * 8 + quad;
        if (kind.grade == KERN_GRADE_I16) {
            const __m512i v = signed_quad(kind.type, rows->chunk, b, quad);
            const __m512i w01 = _mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8);
            const __m512i w23 = _mm512_srai_epi16(v, 8);
            for (size_t i = 0; i < nr; i++) {
                sums[0][i] = add_group(sums[0][i], w01, rows, i, 2 * at, kind);
                odd[i] = add_group(odd[i], w23, rows, i, 2 * at + 1, kind);
            }
        } else {
            const __m512i w = natural_order(unsigned_quad(kind.type, rows->chunk, b, quad));
            for (size_t i = 0; i < nr; i++) {
                __m512i *sum = quad % 2 ? &odd[i] : &sums[0][i];
                *sum = add_group(*sum, w, rows, i, at, kind);
            }
        }
    }
    for (size_t i = 0; i < nr; i++)
        sums[0][i] = _mm512_add_epi32(sums[0][i], odd[i]);
}

INLINE void dot_quads(__m512i sums[MATMUL_PANELS][TILE], const matmul_panel *u, size_t np,
                      const int_rows *rows, size_t nr, size_t b, size_t q0, size_t n,
                      tile_kind kind)
{
    if (kind.direct)
        dot_direct(sums, rows, nr, b, q0, n, kind);
    else
        dot_scratch(sums, u, np, rows, nr, b, q0, n, kind);
}

/* The accumulators of a tile stay in registers through a chunk where they fit beside the sums; a
 * full tile reads and writes them once a block. */
INLINE bool held(size_t np, size_t nr)
{
    return np * nr <= 8;
}

typedef struct {
    __m512 v[MATMUL_PANELS][TILE];
} tile_acc;

INLINE __m512 get_acc(const tile_acc *acc, const matmul_panel *u, size_t np, const int_rows *rows,
                      size_t nr, size_t j, size_t i)
{
    return held(np, nr) ? acc->v[j][i] : _mm512_load_ps(u[j].acc[rows->first + i]);
}

INLINE void put_acc(tile_acc *acc, matmul_panel *u, size_t np, const int_rows *rows, size_t nr,
                    size_t j, size_t i, __m512 v)
{
    if (held(np, nr))
        acc->v[j][i] = v;
    else
        _mm512_store_ps(u[j].acc[rows->first + i], v);
}

INLINE void tile_whole(tile_acc *acc, matmul_panel *u, size_t np, const int_rows *rows, size_t nr,
                       size_t b, tile_kind kind)
{
    __m512i sums[MATMUL_PANELS][TILE];
    dot_quads(sums, u, np, rows, nr, b, 0, 8, kind);
    for (size_t j = 0; j < np; j++) {
        const __m512 d = _mm512_load_ps(u[j].d[b][0]), m = _mm512_load_ps(u[j].m[b]);
        KERN_UNROLL(8)
        for (size_t i = 0; i < nr; i++) {
            const __m512 dx = _mm512_mul_ps(d, x_of(rows, i, b, kind));
            __m512 v = _mm512_fmadd_ps(dx, _mm512_cvtepi32_ps(sums[j][i]),
                                       get_acc(acc, u, np, rows, nr, j, i));
            if (kind.shape == TILE_MINIMUM) v = _mm512_fmadd_ps(m, xs_of(rows, i, b, kind), v);
            put_acc(acc, u, np, rows, nr, j, i, v);
        }
    }
}

INLINE void tile_halves(tile_acc *acc, matmul_panel *u, size_t np, const int_rows *rows, size_t nr,
                        size_t b, tile_kind kind)
{
    __m512i sums[MATMUL_PANELS][TILE];
    __m512 t[MATMUL_PANELS][TILE];
    dot_quads(sums, u, np, rows, nr, b, 0, 4, kind);
    for (size_t j = 0; j < np; j++)
        for (size_t i = 0; i < nr; i++)
            t[j][i] = _mm512_mul_ps(_mm512_load_ps(u[j].d[b][0]), _mm512_cvtepi32_ps(sums[j][i]));
    dot_quads(sums, u, np, rows, nr, b, 4, 4, kind);
    for (size_t j = 0; j < np; j++) {
        const __m512 d = _mm512_load_ps(u[j].d[b][1]);
        KERN_UNROLL(8)
        for (size_t i = 0; i < nr; i++) {
            const __m512 both = _mm512_fmadd_ps(d, _mm512_cvtepi32_ps(sums[j][i]), t[j][i]);
            const __m512 x = x_of(rows, i, b, kind);
            __m512 v = _mm512_fmadd_ps(both, x, get_acc(acc, u, np, rows, nr, j, i));
            if (kind.shape == TILE_SUB16_MINIMUM) {
                const float *xs = rows->half_scaled[i] + 2 * b;
                v = _mm512_fmadd_ps(_mm512_load_ps(u[j].m[b]), _mm512_set1_ps(xs[0]), v);
                v = _mm512_fmadd_ps(_mm512_load_ps(u[j].m1[b]), _mm512_set1_ps(xs[1]), v);
            }
            put_acc(acc, u, np, rows, nr, j, i, v);
        }
    }
}

INLINE void tile_blocks(matmul_panel *u, size_t np, const int_rows *rows, size_t nr,
                        size_t n_blocks, tile_kind kind)
{
    tile_acc acc;
    if (held(np, nr))
        for (size_t j = 0; j < np; j++)
            for (size_t i = 0; i < nr; i++)
                acc.v[j][i] = _mm512_load_ps(u[j].acc[rows->first + i]);
    for (size_t b = 0; b < n_blocks; b++) {
        if (kind.direct) {
            matmul_ask(u->next, rows->ask);
            u->next += rows->ask;
            block_scales(u, kind.type, rows->chunk, b);
        }
        if (halves(kind.shape))
            tile_halves(&acc, u, np, rows, nr, b, kind);
        else
            tile_whole(&acc, u, np, rows, nr, b, kind);
    }
    if (held(np, nr))
        for (size_t j = 0; j < np; j++)
            for (size_t i = 0; i < nr; i++)
                _mm512_store_ps(u[j].acc[rows->first + i], acc.v[j][i]);
}

/* The sums of a chunk's halves (n_blocks of two, at most one register), scaled by -bias. */
INLINE void start_sums(int32_t start[MATMUL_BLOCKS * 2], const int32_t *sum, size_t n_blocks,
                       int bias, tile_kind kind)
{
    const __mmask16 m = (__mmask16)((1u << 2 * n_blocks) - 1u);
    __m512i v = _mm512_maskz_loadu_epi32(m, sum);
    if (!halves(kind.shape)) v = _mm512_add_epi32(v, _mm512_shuffle_epi32(v, _MM_PERM_CDAB));
    _mm512_store_si512(start, _mm512_mullo_epi32(v, _mm512_set1_epi32(-bias)));
}

/* X times the sums of a chunk's halves. */
INLINE void scale_halves(float xs[MATMUL_BLOCKS * 2], const int32_t *sum, const float *scale,
                         size_t n_blocks)
{
    const __mmask16 m = (__mmask16)((1u << 2 * n_blocks) - 1u);
    const __m256 x = _mm256_maskz_loadu_ps((__mmask8)((1u << n_blocks) - 1u), scale);
    const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    const __m512 both = _mm512_permutexvar_ps(twice, _mm512_castps256_ps512(x));
    _mm512_store_ps(xs, _mm512_mul_ps(both, _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(m, sum))));
}

INLINE void copy_blocks(float to[MATMUL_BLOCKS], const float *from, size_t n_blocks)
{
    const __mmask8 m = (__mmask8)((1u << n_blocks) - 1u);
    _mm256_store_ps(to, _mm256_maskz_loadu_ps(m, from));
}

/* Tokens t .. t + nr - 1, the first of which owns accumulator row `first`. */
INLINE void rows_of(int_rows *rows, const kern_acts *a, size_t t, size_t nr, size_t k0, size_t n,
                    int bias, tile_kind kind)
{
    for (size_t i = 0; i < nr; i++) {
        const size_t block = (t + i) * a->n_blocks + k0 / KERN_BLOCK;
        rows->scale[i] = a->scale + block;
        rows->sum_scaled[i] = a->sum_scaled + block;
        rows->q[i] = kind.grade == KERN_GRADE_I16 ? (const uint8_t *)(a->q16 + block * KERN_BLOCK)
                                                  : (const uint8_t *)(a->q8 + block * KERN_BLOCK);
        if (kind.grade == KERN_GRADE_I8)
            start_sums(rows->start[i], a->sum + 2 * block, n / KERN_BLOCK, bias, kind);
        if (!kind.direct) {
            copy_blocks(rows->x[i], rows->scale[i], n / KERN_BLOCK);
            if (kind.shape == TILE_MINIMUM)
                copy_blocks(rows->xs[i], rows->sum_scaled[i], n / KERN_BLOCK);
        }
        if (kind.shape == TILE_SUB16_MINIMUM)
            scale_halves(rows->half_scaled[i], a->sum + 2 * block, rows->scale[i], n / KERN_BLOCK);
    }
}

/* Straight from panels, up to DIRECT_TOKENS tokens at a time. NULL: none. */
enum { DIRECT_TOKENS = 4 };
matmul_direct_fn *kern_direct_avx512vnni(kern_grade g, quant_type t);

#endif
