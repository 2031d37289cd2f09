/* matmul_avx512vnni.c - products with AVX-512 VNNI: grade i16 with vpdpwssd (16-bit pairs), grade
 * i8 with vpdpbusd (weights biased to unsigned bytes; the bias leaves by the sums of the
 * activations). Neither saturates; both sums are exact. */
#include <immintrin.h>
#include "kernels/half.h"
#include "kernels/sets.h"
#include "kernels/unpack_avx512.h"

/* ---- Activations -------------------------------------------------------------------------- */

INLINE __m512 load_lanes(const float *x, size_t n)
{
    return n >= 16 ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), x);
}

/* Bits of the largest magnitude. */
INLINE uint32_t block_max(__m512 lo, __m512 hi)
{
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    return _mm512_reduce_max_epu32(
        _mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(lo), magnitude),
                         _mm512_and_si512(_mm512_castps_si512(hi), magnitude)));
}

static bool quantize_block(kern_acts *a, size_t block, __m512 lo, __m512 hi)
{
    const bool wide = a->grade == KERN_GRADE_I16;
    const uint32_t bits = block_max(lo, hi);
    const float full = wide ? 32512.0f : 127.0f, max = half_bits_f32(bits);
    const bool finite = bits < 0x7f800000u, live = finite && max >= 0x1p-100f;
    __m512i q0 = _mm512_setzero_si512(), q1 = q0;
    if (live) {
        const __m512 factor = _mm512_set1_ps(full / max);
        q0 = _mm512_cvtps_epi32(_mm512_mul_ps(lo, factor));
        q1 = _mm512_cvtps_epi32(_mm512_mul_ps(hi, factor));
    }
    int32_t *sums = a->sum + 2 * block;
    sums[0] = _mm512_reduce_add_epi32(q0);
    sums[1] = _mm512_reduce_add_epi32(q1);
    a->scale[block] = live ? max / full : 0.0f;
    a->sum_scaled[block] = a->scale[block] * (float)(sums[0] + sums[1]);
    if (wide) {
        __m256i *at = (__m256i *)(void *)(a->q16 + block * KERN_BLOCK);
        _mm256_storeu_si256(at, _mm512_cvtepi32_epi16(q0));
        _mm256_storeu_si256(at + 1, _mm512_cvtepi32_epi16(q1));
    } else {
        __m128i *at = (__m128i *)(void *)(a->q8 + block * KERN_BLOCK);
        _mm_storeu_si128(at, _mm512_cvtepi32_epi8(q0));
        _mm_storeu_si128(at + 1, _mm512_cvtepi32_epi8(q1));
    }
    return finite;
}

bool kern_quantize_avx512vnni(kern_acts *a, size_t t0, size_t t1)
{
    bool finite = true;
    for (size_t t = t0; t < t1; t++) {
        for (size_t b = 0; b < a->n_blocks; b++) {
            const float *x = a->x + t * a->ldx + b * KERN_BLOCK;
            const size_t left = a->k - b * KERN_BLOCK;
            const __m512 lo = load_lanes(x, left);
            const __m512 hi = left > 16 ? load_lanes(x + 16, left - 16) : _mm512_setzero_ps();
            const bool good = a->grade == KERN_GRADE_F32
                                  ? block_max(lo, hi) < 0x7f800000u
                                  : quantize_block(a, t * a->n_blocks + b, lo, hi);
            finite = finite && good;
        }
    }
    return finite;
}

/* ---- Unpackers: one of each kind a format --------------------------------------------------- */

#define UNPACKERS(name, shape)                                                                     \
    static void pairs_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                  \
    {                                                                                              \
        (void)t;                                                                                   \
        take_pairs(u, QUANT_##name, c);                                                            \
    }                                                                                              \
    static void bytes_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                  \
    {                                                                                              \
        (void)t;                                                                                   \
        take_bytes(u, QUANT_##name, c);                                                            \
    }                                                                                              \
    static void floats_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                 \
    {                                                                                              \
        (void)t;                                                                                   \
        take_dequantized(u, QUANT_##name, c);                                                      \
    }
UNPACK_FORMATS(UNPACKERS)
#undef UNPACKERS

static void floats_F32(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    (void)t;
    memcpy(u->w, c->main, c->n * KERN_PANEL_ROWS * sizeof(float));
}

static void floats_F16(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    (void)t;
    for (size_t i = 0; i < c->n; i++)
        _mm512_store_ps((float *)(void *)u->w + i * 16, load_f16(c->main + i * 32));
}

static void floats_BF16(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    (void)t;
    for (size_t i = 0; i < c->n; i++) {
        const __m256i h = _mm256_loadu_si256((const __m256i *)(const void *)(c->main + i * 32));
        _mm512_store_si512(u->w + i * 64, _mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
    }
}

/* ---- Integer tiles: up to 8 tokens and 2 panels, one register of 16 rows each --------------- */

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
} tile_kind;

typedef struct {
    const uint8_t *q[TILE]; /* int16 or int8 */
    const float *scale[TILE], *sum_scaled[TILE];
    size_t first; /* row of the accumulators that belongs to token 0 of the tile */
    /* Grade i8: where a sum starts, [block][half]: minus the bias times the sum of q, of the half
     * for halves, else of the block (in both places). */
    _Alignas(64) int32_t start[TILE][MATMUL_BLOCKS * 2];
    _Alignas(64) float half_scaled[TILE][MATMUL_BLOCKS * 2]; /* XS of each half, Q2_K only */
} int_rows;

/* sums[j][i] = dot products over n groups of 4 bytes of q (2 int16 or 4 int8) from group g0 on. */
INLINE void dot_groups(__m512i sums[MATMUL_PANELS][TILE], const matmul_panel *u, size_t np,
                       const int_rows *rows, size_t nr, size_t b, size_t g0, size_t n,
                       kern_grade grade)
{
    const size_t block_groups = grade == KERN_GRADE_I16 ? 16 : 8;
    for (size_t i = 0; i < nr; i++)
        for (size_t j = 0; j < np; j++)
            sums[j][i] = grade == KERN_GRADE_I16
                             ? _mm512_setzero_si512()
                             : _mm512_set1_epi32(rows->start[i][2 * b + (g0 ? 1 : 0)]);
    MATMUL_UNROLL(4)
    for (size_t g = g0; g < g0 + n; g++) {
        const size_t at = b * block_groups + g;
        __m512i w[MATMUL_PANELS];
        for (size_t j = 0; j < np; j++)
            w[j] = _mm512_load_si512(u[j].w + at * 64);
        MATMUL_UNROLL(8)
        for (size_t i = 0; i < nr; i++) {
            int32_t group;
            memcpy(&group, rows->q[i] + at * 4, sizeof group);
            const __m512i x = _mm512_set1_epi32(group);
            for (size_t j = 0; j < np; j++)
                sums[j][i] = grade == KERN_GRADE_I16 ? _mm512_dpwssd_epi32(sums[j][i], w[j], x)
                                                     : _mm512_dpbusd_epi32(sums[j][i], w[j], x);
        }
    }
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
    dot_groups(sums, u, np, rows, nr, b, 0, kind.grade == KERN_GRADE_I16 ? 16 : 8, kind.grade);
    for (size_t j = 0; j < np; j++) {
        const __m512 d = _mm512_load_ps(u[j].d[b][0]), m = _mm512_load_ps(u[j].m[b]);
        MATMUL_UNROLL(8)
        for (size_t i = 0; i < nr; i++) {
            const __m512 dx = _mm512_mul_ps(d, _mm512_set1_ps(rows->scale[i][b]));
            __m512 v = _mm512_fmadd_ps(dx, _mm512_cvtepi32_ps(sums[j][i]),
                                       get_acc(acc, u, np, rows, nr, j, i));
            if (kind.shape == TILE_MINIMUM)
                v = _mm512_fmadd_ps(m, _mm512_set1_ps(rows->sum_scaled[i][b]), v);
            put_acc(acc, u, np, rows, nr, j, i, v);
        }
    }
}

INLINE void tile_halves(tile_acc *acc, matmul_panel *u, size_t np, const int_rows *rows, size_t nr,
                        size_t b, tile_kind kind)
{
    const size_t n = kind.grade == KERN_GRADE_I16 ? 8 : 4;
    __m512i sums[MATMUL_PANELS][TILE];
    __m512 t[MATMUL_PANELS][TILE];
    dot_groups(sums, u, np, rows, nr, b, 0, n, kind.grade);
    for (size_t j = 0; j < np; j++)
        for (size_t i = 0; i < nr; i++)
            t[j][i] = _mm512_mul_ps(_mm512_load_ps(u[j].d[b][0]), _mm512_cvtepi32_ps(sums[j][i]));
    dot_groups(sums, u, np, rows, nr, b, n, n, kind.grade);
    for (size_t j = 0; j < np; j++) {
        const __m512 d = _mm512_load_ps(u[j].d[b][1]);
        MATMUL_UNROLL(8)
        for (size_t i = 0; i < nr; i++) {
            const __m512 both = _mm512_fmadd_ps(d, _mm512_cvtepi32_ps(sums[j][i]), t[j][i]);
            const __m512 x = _mm512_set1_ps(rows->scale[i][b]);
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
        if (kind.shape == TILE_SUB16_MINIMUM)
            scale_halves(rows->half_scaled[i], a->sum + 2 * block, rows->scale[i], n / KERN_BLOCK);
    }
}

/* How many tokens the next tile takes of those left: the sizes that are compiled. */
INLINE size_t tile_tokens(size_t left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

INLINE void tile_panels(matmul_panel *u, size_t np, const kern_acts *a, size_t t0, size_t n_tokens,
                        size_t k0, size_t n, tile_kind kind)
{
    const size_t n_blocks = n / KERN_BLOCK;
    int_rows rows;
    for (size_t i = 0; i < n_tokens;) {
        const size_t nr = tile_tokens(n_tokens - i);
        rows_of(&rows, a, t0 + i, nr, k0, n, u->bias, kind);
        rows.first = i;
        switch (nr) {
        case 1:
            tile_blocks(u, np, &rows, 1, n_blocks, kind);
            break;
        case 2:
            tile_blocks(u, np, &rows, 2, n_blocks, kind);
            break;
        case 4:
            tile_blocks(u, np, &rows, 4, n_blocks, kind);
            break;
        default:
            tile_blocks(u, np, &rows, 8, n_blocks, kind);
            break;
        }
        i += nr;
    }
}

#define INT_TILE(name, ...)                                                                        \
    static void name(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,              \
                     size_t n_tokens, size_t k0, size_t n)                                         \
    {                                                                                              \
        const tile_kind kind = {__VA_ARGS__};                                                      \
        if (n_panels == 2)                                                                         \
            tile_panels(u, 2, a, t0, n_tokens, k0, n, kind);                                       \
        else                                                                                       \
            tile_panels(u, 1, a, t0, n_tokens, k0, n, kind);                                       \
    }
INT_TILE(plain_i16, TILE_PLAIN, KERN_GRADE_I16)
INT_TILE(minimum_i16, TILE_MINIMUM, KERN_GRADE_I16)
INT_TILE(sub16_i16, TILE_SUB16, KERN_GRADE_I16)
INT_TILE(sub16_minimum_i16, TILE_SUB16_MINIMUM, KERN_GRADE_I16)
INT_TILE(plain_i8, TILE_PLAIN, KERN_GRADE_I8)
INT_TILE(minimum_i8, TILE_MINIMUM, KERN_GRADE_I8)
INT_TILE(sub16_i8, TILE_SUB16, KERN_GRADE_I8)
INT_TILE(sub16_minimum_i8, TILE_SUB16_MINIMUM, KERN_GRADE_I8)
#undef INT_TILE

/* ---- Float tile ----------------------------------------------------------------------------- */

INLINE void tile_float_rows(matmul_panel *u, size_t np, size_t first, const float *x, size_t ldx,
                            size_t nr, size_t n)
{
    __m512 acc[MATMUL_PANELS][TILE];
    for (size_t j = 0; j < np; j++)
        for (size_t i = 0; i < nr; i++)
            acc[j][i] = _mm512_load_ps(u[j].acc[first + i]);
    for (size_t e = 0; e < n; e++) {
        __m512 w[MATMUL_PANELS];
        for (size_t j = 0; j < np; j++)
            w[j] = _mm512_load_ps(u[j].w + e * 64);
        MATMUL_UNROLL(8)
        for (size_t i = 0; i < nr; i++) {
            const __m512 v = _mm512_set1_ps(x[i * ldx + e]);
            for (size_t j = 0; j < np; j++)
                acc[j][i] = _mm512_fmadd_ps(w[j], v, acc[j][i]);
        }
    }
    for (size_t j = 0; j < np; j++)
        for (size_t i = 0; i < nr; i++)
            _mm512_store_ps(u[j].acc[first + i], acc[j][i]);
}

INLINE void tile_float_panels(matmul_panel *u, size_t np, const kern_acts *a, size_t t0,
                              size_t n_tokens, size_t k0, size_t n)
{
    for (size_t i = 0; i < n_tokens;) {
        const float *x = a->x + (t0 + i) * a->ldx + k0;
        const size_t nr = tile_tokens(n_tokens - i);
        switch (nr) {
        case 1:
            tile_float_rows(u, np, i, x, a->ldx, 1, n);
            break;
        case 2:
            tile_float_rows(u, np, i, x, a->ldx, 2, n);
            break;
        case 4:
            tile_float_rows(u, np, i, x, a->ldx, 4, n);
            break;
        default:
            tile_float_rows(u, np, i, x, a->ldx, 8, n);
            break;
        }
        i += nr;
    }
}

static void tile_floats(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                        size_t n_tokens, size_t k0, size_t n)
{
    if (n_panels == 2)
        tile_float_panels(u, 2, a, t0, n_tokens, k0, n);
    else
        tile_float_panels(u, 1, a, t0, n_tokens, k0, n);
}

/* ---- Dispatch -----------------------------------------------------------------------------------
 */

#define FLOATS(name) [QUANT_##name] = {.unpack = floats_##name, .tile = tile_floats},
#define FLOAT_ROWS FLOATS(F32) FLOATS(F16) FLOATS(BF16)
#define I16_ROW(name, shape) [QUANT_##name] = {.unpack = pairs_##name, .tile = shape##_i16},
#define I8_ROW(name, shape) [QUANT_##name] = {.unpack = bytes_##name, .tile = shape##_i8},
#define F32_ROW(name, shape) FLOATS(name)

static const matmul_path paths[][QUANT_COUNT] = {
    [KERN_GRADE_I16] = {FLOAT_ROWS UNPACK_FORMATS(I16_ROW)},
    [KERN_GRADE_I8] = {FLOAT_ROWS UNPACK_FORMATS(I8_ROW)},
    [KERN_GRADE_F32] = {FLOAT_ROWS UNPACK_FORMATS(F32_ROW)},
};

void kern_matmul_avx512vnni(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a,
                            size_t t0, size_t t1, float *y, size_t ldy, void *scratch)
{
    matmul_run(paths[a->grade][w->type], w, p0, p1, a, t0, t1, y, ldy, scratch);
}
