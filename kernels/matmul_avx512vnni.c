/* matmul_avx512vnni.c - products with AVX-512 VNNI: grade i16 with vpdpwssd (16-bit pairs), grade
 * i8 with vpdpbusd (weights biased to unsigned bytes; the bias leaves by the sums of the
 * activations). Neither saturates; both sums are exact. */
#include <immintrin.h>
#include "kernels/half.h"
#include "kernels/matmul.h"
#include "kernels/sets.h"

#define INLINE static inline __attribute__((always_inline))

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

/* ---- Unpacking: 16 rows of a quad, as stored: unsigned bytes, or int8 of Q8_0, in panel order -
 */

INLINE __m512i load_bytes(const uint8_t *p)
{
    return _mm512_loadu_si512(p);
}

INLINE __m512i nibble_quad(const uint8_t *quads, size_t quad)
{
    const __m512i v = load_bytes(quads + quad % 4 * PANEL_QUAD);
    return _mm512_and_si512(quad < 4 ? v : _mm512_srli_epi16(v, 4), _mm512_set1_epi8(15));
}

INLINE __m512i stored_quad(quant_type t, const panel_chunk *c, size_t b, size_t quad)
{
    if (t == QUANT_Q8_0) return load_bytes(c->main + b * 512 + quad * PANEL_QUAD);
    if (t == QUANT_Q5_0) {
        const uint8_t *quads = c->main + b * 320;
        const __m512i low = nibble_quad(quads, quad);
        uint64_t fifth;
        memcpy(&fifth, quads + 256 + quad * 8, sizeof fifth);
        return _mm512_mask_add_epi8(low, (__mmask64)fifth, low, _mm512_set1_epi8(16));
    }
    if (t == QUANT_Q6_K) {
        const uint8_t *quads = c->main + PANEL_Q6_K_QUADS + b * PANEL_Q6_K_BLOCK;
        const __m512i pairs = load_bytes(quads + 256 + quad / 4 * PANEL_QUAD);
        const __m512i high = _mm512_and_si512(_mm512_srli_epi16(pairs, (unsigned)(2 * (quad % 4))),
                                              _mm512_set1_epi8(3));
        return _mm512_or_si512(nibble_quad(quads, quad), _mm512_slli_epi16(high, 4));
    }
    if (t == QUANT_Q4_K) return nibble_quad(c->main + PANEL_Q4_K_QUADS + b * 256, quad);
    return nibble_quad(c->main + b * 256, quad);
}

/* What the stored byte exceeds q by. */
INLINE int stored_bias(quant_type t)
{
    return t == QUANT_Q4_0 ? 8 : t == QUANT_Q5_0 ? 16 : t == QUANT_Q6_K ? 32 : 0;
}

INLINE __m512i signed_quad(quant_type t, const panel_chunk *c, size_t b, size_t quad)
{
    const __m512i v = stored_quad(t, c, b, quad);
    return stored_bias(t) ? _mm512_sub_epi8(v, _mm512_set1_epi8((char)stored_bias(t))) : v;
}

INLINE __m512 load_f16(const uint8_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

INLINE __m128i load_16(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* D and M of block b, 16 rows each. */
INLINE void block_scales(matmul_scratch *s, quant_type t, const panel_chunk *c, size_t b)
{
    if (t == QUANT_Q6_K) {
        const __m512 d = load_f16(c->tail);
        for (size_t i = 0; i < 2; i++) {
            const __m512i sc = _mm512_cvtepi8_epi32(load_16(c->main + (2 * b + i) * 16));
            _mm512_store_ps(s->d[b][i], _mm512_mul_ps(d, _mm512_cvtepi32_ps(sc)));
        }
    } else if (t == QUANT_Q4_K) {
        const __m512i sc = _mm512_cvtepu8_epi32(load_16(c->main + PANEL_Q4_K_SCALES + b * 16));
        const __m512i minimum = _mm512_cvtepu8_epi32(load_16(c->main + PANEL_Q4_K_MINIMA + b * 16));
        const __m512 m = _mm512_mul_ps(load_f16(c->main + 32), _mm512_cvtepi32_ps(minimum));
        _mm512_store_ps(s->d[b][0], _mm512_mul_ps(load_f16(c->main), _mm512_cvtepi32_ps(sc)));
        _mm512_store_ps(s->m[b], _mm512_xor_ps(m, _mm512_set1_ps(-0.0f)));
    } else if (t == QUANT_Q4_1) {
        _mm512_store_ps(s->d[b][0], load_f16(c->tail + b * 64));
        _mm512_store_ps(s->m[b], load_f16(c->tail + b * 64 + 32));
    } else {
        _mm512_store_ps(s->d[b][0], load_f16(c->tail + b * 32));
    }
}

/* Grade i16: scratch holds [quad][pair of elements][16 rows][2] int16. Panel order makes the even
 * bytes the first pair and the odd ones the second. */
INLINE void unpack_pairs(matmul_scratch *s, quant_type t, const panel_chunk *c)
{
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        block_scales(s, t, c, b);
#pragma GCC unroll 8
        for (size_t quad = 0; quad < 8; quad++) {
            uint8_t *at = s->w + (b * 8 + quad) * 128;
            const __m512i v = signed_quad(t, c, b, quad);
            _mm512_store_si512(at, _mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8));
            _mm512_store_si512(at + 64, _mm512_srai_epi16(v, 8));
        }
    }
}

/* Grade i8: scratch holds [quad][16 rows][4] unsigned bytes in the order of the elements. */
INLINE void unpack_bytes(matmul_scratch *s, quant_type t, const panel_chunk *c)
{
    const __m512i order =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15));
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        block_scales(s, t, c, b);
#pragma GCC unroll 8
        for (size_t quad = 0; quad < 8; quad++) {
            __m512i v = stored_quad(t, c, b, quad);
            if (t == QUANT_Q8_0) v = _mm512_xor_si512(v, _mm512_set1_epi8(-128));
            _mm512_store_si512(s->w + (b * 8 + quad) * 64, _mm512_shuffle_epi8(v, order));
        }
    }
}

/* Grade f32: scratch holds [element][16 rows] floats; w = fma(D, q, M). */
INLINE void unpack_dequantized(matmul_scratch *s, quant_type t, const panel_chunk *c)
{
    float *w = (float *)(void *)s->w;
    const bool minimum = quant_infos[t].shape == QUANT_MINIMUM;
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        block_scales(s, t, c, b);
        const __m512 m = minimum ? _mm512_load_ps(s->m[b]) : _mm512_setzero_ps();
#pragma GCC unroll 8
        for (size_t quad = 0; quad < 8; quad++) {
            const __m512i v = signed_quad(t, c, b, quad);
            const __m512 d = _mm512_load_ps(s->d[b][t == QUANT_Q6_K ? quad / 4 : 0]);
            /* bytes 0, 2, 1, 3 of a row are elements 0, 1, 2, 3 */
            const __m512i e[4] = {_mm512_slli_epi32(v, 24), _mm512_slli_epi32(v, 8),
                                  _mm512_slli_epi32(v, 16), v};
            for (size_t j = 0; j < 4; j++)
                _mm512_store_ps(
                    w + (b * 32 + quad * 4 + j) * 16,
                    _mm512_fmadd_ps(d, _mm512_cvtepi32_ps(_mm512_srai_epi32(e[j], 24)), m));
        }
    }
}

#define UNPACKERS(name)                                                                            \
    static void pairs_##name(matmul_scratch *s, quant_type t, const panel_chunk *c)                \
    {                                                                                              \
        (void)t;                                                                                   \
        unpack_pairs(s, QUANT_##name, c);                                                          \
    }                                                                                              \
    static void bytes_##name(matmul_scratch *s, quant_type t, const panel_chunk *c)                \
    {                                                                                              \
        (void)t;                                                                                   \
        unpack_bytes(s, QUANT_##name, c);                                                          \
    }                                                                                              \
    static void floats_##name(matmul_scratch *s, quant_type t, const panel_chunk *c)               \
    {                                                                                              \
        (void)t;                                                                                   \
        unpack_dequantized(s, QUANT_##name, c);                                                    \
    }
UNPACKERS(Q4_0)
UNPACKERS(Q4_1)
UNPACKERS(Q5_0)
UNPACKERS(Q8_0)
UNPACKERS(Q4_K)
UNPACKERS(Q6_K)
#undef UNPACKERS

static void floats_F32(matmul_scratch *s, quant_type t, const panel_chunk *c)
{
    (void)t;
    memcpy(s->w, c->main, c->n * KERN_PANEL_ROWS * sizeof(float));
}

static void floats_F16(matmul_scratch *s, quant_type t, const panel_chunk *c)
{
    (void)t;
    for (size_t i = 0; i < c->n; i++)
        _mm512_store_ps((float *)(void *)s->w + i * 16, load_f16(c->main + i * 32));
}

static void floats_BF16(matmul_scratch *s, quant_type t, const panel_chunk *c)
{
    (void)t;
    for (size_t i = 0; i < c->n; i++) {
        const __m256i h = _mm256_loadu_si256((const __m256i *)(const void *)(c->main + i * 32));
        _mm512_store_si512(s->w + i * 64, _mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
    }
}

/* ---- Integer tiles: up to 12 tokens, one register of 16 rows ------------------------------ */

enum { TILE = 12 };
typedef enum { TILE_PLAIN, TILE_MINIMUM, TILE_SUB16 } tile_shape;

typedef struct {
    const uint8_t *q[TILE]; /* int16 or int8 */
    const float *scale[TILE], *sum_scaled[TILE];
    float *acc[TILE];
    /* Grade i8: where a sum starts, [block][half]: minus the bias times the sum of q, of the half
     * for TILE_SUB16, else of the block (in both places). */
    _Alignas(64) int32_t start[TILE][MATMUL_BLOCKS * 2];
} int_rows;

/* sums[i] = dot products over n groups of 4 bytes of q (2 int16 or 4 int8) from group g0 on. */
INLINE void dot_groups(__m512i sums[TILE], const uint8_t *w, const int_rows *rows, size_t b,
                       size_t g0, size_t n, size_t nr, kern_grade grade)
{
    const size_t block_groups = grade == KERN_GRADE_I16 ? 16 : 8;
    for (size_t i = 0; i < nr; i++)
        sums[i] = grade == KERN_GRADE_I16 ? _mm512_setzero_si512()
                                          : _mm512_set1_epi32(rows->start[i][2 * b + (g0 ? 1 : 0)]);
#pragma GCC unroll 16
    for (size_t g = g0; g < g0 + n; g++) {
        const __m512i v = _mm512_load_si512(w + (b * block_groups + g) * 64);
#pragma GCC unroll 12
        for (size_t i = 0; i < nr; i++) {
            int32_t group;
            memcpy(&group, rows->q[i] + (b * block_groups + g) * 4, sizeof group);
            const __m512i x = _mm512_set1_epi32(group);
            sums[i] = grade == KERN_GRADE_I16 ? _mm512_dpwssd_epi32(sums[i], v, x)
                                              : _mm512_dpbusd_epi32(sums[i], v, x);
        }
    }
}

INLINE void tile_whole(matmul_scratch *s, const int_rows *rows, size_t n_blocks, size_t nr,
                       bool minimum, kern_grade grade)
{
    for (size_t b = 0; b < n_blocks; b++) {
        __m512i sums[TILE];
        dot_groups(sums, s->w, rows, b, 0, grade == KERN_GRADE_I16 ? 16 : 8, nr, grade);
        const __m512 d = _mm512_load_ps(s->d[b][0]), m = _mm512_load_ps(s->m[b]);
#pragma GCC unroll 12
        for (size_t i = 0; i < nr; i++) {
            const __m512 dx = _mm512_mul_ps(d, _mm512_set1_ps(rows->scale[i][b]));
            __m512 acc =
                _mm512_fmadd_ps(dx, _mm512_cvtepi32_ps(sums[i]), _mm512_load_ps(rows->acc[i]));
            if (minimum) acc = _mm512_fmadd_ps(m, _mm512_set1_ps(rows->sum_scaled[i][b]), acc);
            _mm512_store_ps(rows->acc[i], acc);
        }
    }
}

INLINE void tile_halves(matmul_scratch *s, const int_rows *rows, size_t n_blocks, size_t nr,
                        kern_grade grade)
{
    const size_t n = grade == KERN_GRADE_I16 ? 8 : 4;
    for (size_t b = 0; b < n_blocks; b++) {
        __m512i sums[TILE];
        __m512 t[TILE];
        const __m512 d0 = _mm512_load_ps(s->d[b][0]), d1 = _mm512_load_ps(s->d[b][1]);
        dot_groups(sums, s->w, rows, b, 0, n, nr, grade);
        for (size_t i = 0; i < nr; i++)
            t[i] = _mm512_mul_ps(d0, _mm512_cvtepi32_ps(sums[i]));
        dot_groups(sums, s->w, rows, b, n, n, nr, grade);
#pragma GCC unroll 12
        for (size_t i = 0; i < nr; i++) {
            t[i] = _mm512_fmadd_ps(d1, _mm512_cvtepi32_ps(sums[i]), t[i]);
            _mm512_store_ps(rows->acc[i], _mm512_fmadd_ps(t[i], _mm512_set1_ps(rows->scale[i][b]),
                                                          _mm512_load_ps(rows->acc[i])));
        }
    }
}

INLINE void tile_rows(matmul_scratch *s, const int_rows *rows, size_t n_blocks, size_t nr,
                      tile_shape shape, kern_grade grade)
{
    if (shape == TILE_SUB16)
        tile_halves(s, rows, n_blocks, nr, grade);
    else
        tile_whole(s, rows, n_blocks, nr, shape == TILE_MINIMUM, grade);
}

/* The sums of a chunk's halves (n_blocks of two, at most one register), scaled by -bias. */
INLINE void start_sums(int32_t start[MATMUL_BLOCKS * 2], const int32_t *sum, size_t n_blocks,
                       int bias, bool halves)
{
    const __mmask16 m = (__mmask16)((1u << 2 * n_blocks) - 1u);
    __m512i v = _mm512_maskz_loadu_epi32(m, sum);
    if (!halves) v = _mm512_add_epi32(v, _mm512_shuffle_epi32(v, _MM_PERM_CDAB));
    _mm512_store_si512(start, _mm512_mullo_epi32(v, _mm512_set1_epi32(-bias)));
}

INLINE void rows_of(int_rows *rows, matmul_scratch *s, const kern_acts *a, size_t t0, size_t i0,
                    size_t k0, size_t n, size_t nr, tile_shape shape, kern_grade grade, int bias)
{
    for (size_t i = 0; i < nr; i++) {
        const size_t block = (t0 + i0 + i) * a->n_blocks + k0 / KERN_BLOCK;
        rows->scale[i] = a->scale + block;
        rows->sum_scaled[i] = a->sum_scaled + block;
        rows->acc[i] = s->acc[i0 + i];
        if (grade == KERN_GRADE_I16) {
            rows->q[i] = (const uint8_t *)(a->q16 + block * KERN_BLOCK);
        } else {
            rows->q[i] = (const uint8_t *)(a->q8 + block * KERN_BLOCK);
            start_sums(rows->start[i], a->sum + 2 * block, n / KERN_BLOCK, bias,
                       shape == TILE_SUB16);
        }
    }
}

INLINE void tile_tokens(matmul_scratch *s, const kern_acts *a, size_t t0, size_t n_tokens,
                        size_t k0, size_t n, tile_shape shape, kern_grade grade, int bias)
{
    const size_t n_blocks = n / KERN_BLOCK;
    int_rows rows;
    for (size_t i = 0; i < n_tokens;) {
        const size_t left = n_tokens - i;
        const size_t nr = left >= TILE ? TILE : left >= 8 ? 8 : left >= 4 ? 4 : left;
        rows_of(&rows, s, a, t0, i, k0, n, nr, shape, grade, bias);
        switch (nr) {
        case 1:
            tile_rows(s, &rows, n_blocks, 1, shape, grade);
            break;
        case 2:
            tile_rows(s, &rows, n_blocks, 2, shape, grade);
            break;
        case 3:
            tile_rows(s, &rows, n_blocks, 3, shape, grade);
            break;
        case 4:
            tile_rows(s, &rows, n_blocks, 4, shape, grade);
            break;
        case 8:
            tile_rows(s, &rows, n_blocks, 8, shape, grade);
            break;
        default:
            tile_rows(s, &rows, n_blocks, TILE, shape, grade);
            break;
        }
        i += nr;
    }
}

#define INT_TILE(name, shape, grade, bias)                                                         \
    static void name(matmul_scratch *s, const kern_acts *a, size_t t0, size_t n_tokens, size_t k0, \
                     size_t n)                                                                     \
    {                                                                                              \
        tile_tokens(s, a, t0, n_tokens, k0, n, shape, grade, bias);                                \
    }
INT_TILE(plain_i16, TILE_PLAIN, KERN_GRADE_I16, 0)
INT_TILE(minimum_i16, TILE_MINIMUM, KERN_GRADE_I16, 0)
INT_TILE(sub16_i16, TILE_SUB16, KERN_GRADE_I16, 0)
INT_TILE(plain8_i8, TILE_PLAIN, KERN_GRADE_I8, 8)
INT_TILE(plain16_i8, TILE_PLAIN, KERN_GRADE_I8, 16)
INT_TILE(plain128_i8, TILE_PLAIN, KERN_GRADE_I8, 128)
INT_TILE(minimum_i8, TILE_MINIMUM, KERN_GRADE_I8, 0)
INT_TILE(sub16_i8, TILE_SUB16, KERN_GRADE_I8, 32)
#undef INT_TILE

/* ---- Float tile: up to 12 tokens --------------------------------------------------------------
 */

INLINE void tile_float_rows(matmul_scratch *s, const float *x, size_t ldx, size_t i0, size_t n,
                            size_t nr)
{
    const float *w = (const float *)(const void *)s->w;
    __m512 acc[TILE];
    for (size_t i = 0; i < nr; i++)
        acc[i] = _mm512_load_ps(s->acc[i0 + i]);
    for (size_t e = 0; e < n; e++) {
        const __m512 v = _mm512_load_ps(w + e * 16);
#pragma GCC unroll 12
        for (size_t i = 0; i < nr; i++)
            acc[i] = _mm512_fmadd_ps(v, _mm512_set1_ps(x[i * ldx + e]), acc[i]);
    }
    for (size_t i = 0; i < nr; i++)
        _mm512_store_ps(s->acc[i0 + i], acc[i]);
}

static void tile_floats(matmul_scratch *s, const kern_acts *a, size_t t0, size_t n_tokens,
                        size_t k0, size_t n)
{
    for (size_t i = 0; i < n_tokens;) {
        const float *x = a->x + (t0 + i) * a->ldx + k0;
        const size_t left = n_tokens - i;
        const size_t nr = left >= TILE ? TILE : left >= 8 ? 8 : left >= 4 ? 4 : left;
        switch (nr) {
        case 1:
            tile_float_rows(s, x, a->ldx, i, n, 1);
            break;
        case 2:
            tile_float_rows(s, x, a->ldx, i, n, 2);
            break;
        case 3:
            tile_float_rows(s, x, a->ldx, i, n, 3);
            break;
        case 4:
            tile_float_rows(s, x, a->ldx, i, n, 4);
            break;
        case 8:
            tile_float_rows(s, x, a->ldx, i, n, 8);
            break;
        default:
            tile_float_rows(s, x, a->ldx, i, n, TILE);
            break;
        }
        i += nr;
    }
}

/* ---- Dispatch -----------------------------------------------------------------------------------
 */

static const matmul_path paths[][QUANT_COUNT] = {
    [KERN_GRADE_I16] =
        {
            [QUANT_F32] = {floats_F32, tile_floats},
            [QUANT_F16] = {floats_F16, tile_floats},
            [QUANT_BF16] = {floats_BF16, tile_floats},
            [QUANT_Q4_0] = {pairs_Q4_0, plain_i16},
            [QUANT_Q4_1] = {pairs_Q4_1, minimum_i16},
            [QUANT_Q5_0] = {pairs_Q5_0, plain_i16},
            [QUANT_Q8_0] = {pairs_Q8_0, plain_i16},
            [QUANT_Q4_K] = {pairs_Q4_K, minimum_i16},
            [QUANT_Q6_K] = {pairs_Q6_K, sub16_i16},
        },
    [KERN_GRADE_I8] =
        {
            [QUANT_F32] = {floats_F32, tile_floats},
            [QUANT_F16] = {floats_F16, tile_floats},
            [QUANT_BF16] = {floats_BF16, tile_floats},
            [QUANT_Q4_0] = {bytes_Q4_0, plain8_i8},
            [QUANT_Q4_1] = {bytes_Q4_1, minimum_i8},
            [QUANT_Q5_0] = {bytes_Q5_0, plain16_i8},
            [QUANT_Q8_0] = {bytes_Q8_0, plain128_i8},
            [QUANT_Q4_K] = {bytes_Q4_K, minimum_i8},
            [QUANT_Q6_K] = {bytes_Q6_K, sub16_i8},
        },
    [KERN_GRADE_F32] =
        {
            [QUANT_F32] = {floats_F32, tile_floats},
            [QUANT_F16] = {floats_F16, tile_floats},
            [QUANT_BF16] = {floats_BF16, tile_floats},
            [QUANT_Q4_0] = {floats_Q4_0, tile_floats},
            [QUANT_Q4_1] = {floats_Q4_1, tile_floats},
            [QUANT_Q5_0] = {floats_Q5_0, tile_floats},
            [QUANT_Q8_0] = {floats_Q8_0, tile_floats},
            [QUANT_Q4_K] = {floats_Q4_K, tile_floats},
            [QUANT_Q6_K] = {floats_Q6_K, tile_floats},
        },
};

void kern_matmul_avx512vnni(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a,
                            size_t t0, size_t t1, float *y, size_t ldy, void *scratch)
{
    matmul_run(paths[a->grade][w->type], w, p0, p1, a, t0, t1, y, ldy, scratch);
}
