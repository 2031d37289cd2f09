/* matmul_avx2.c - products with AVX2: 16-bit multiply-add for both integer grades. maddubs on a
 * biased operand saturates and the sign trick wraps at -128 (docs/arithmetic.md, traps); a pair of
 * 16-bit products is at most 2*128*32512, far inside int32. */
#include <immintrin.h>
#include "kernels/half.h"
#include "kernels/matmul.h"
#include "kernels/sets.h"
#include "kernels/unpack.h"

#define INLINE static inline __attribute__((always_inline))

/* ---- Activations -------------------------------------------------------------------------- */

static inline int32_t max_epi32(__m256i v)
{
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
    return _mm_cvtsi128_si32(m);
}

static inline int32_t sum_epi32(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtsi128_si32(s);
}

/* Bits of the largest magnitude of 32 floats. */
static inline int32_t block_max(const float *x)
{
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i max = _mm256_setzero_si256();
    for (size_t i = 0; i < 4; i++)
        max = _mm256_max_epi32(
            max, _mm256_and_si256(magnitude, _mm256_castps_si256(_mm256_loadu_ps(x + 8 * i))));
    return max_epi32(max);
}

/* q = rne(x * factor); writes 32 of them as int16 or int8, and the sum of each half. */
static inline void block_round(const float *x, float factor, int16_t *q16, int8_t *q8,
                               int32_t sums[2])
{
    const __m256 f = _mm256_set1_ps(factor);
    __m256i q[4];
    for (size_t i = 0; i < 4; i++)
        q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), f));
    const __m256i p0 = _mm256_packs_epi32(q[0], q[1]), p1 = _mm256_packs_epi32(q[2], q[3]);
    if (q16) {
        _mm256_storeu_si256((__m256i *)(void *)q16, _mm256_permute4x64_epi64(p0, 0xd8));
        _mm256_storeu_si256((__m256i *)(void *)(q16 + 16), _mm256_permute4x64_epi64(p1, 0xd8));
    } else {
        const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        _mm256_storeu_si256((__m256i *)(void *)q8,
                            _mm256_permutevar8x32_epi32(_mm256_packs_epi16(p0, p1), order));
    }
    sums[0] = sum_epi32(_mm256_add_epi32(q[0], q[1]));
    sums[1] = sum_epi32(_mm256_add_epi32(q[2], q[3]));
}

static bool quantize_block(kern_acts *a, size_t block, const float *x)
{
    const bool wide = a->grade == KERN_GRADE_I16;
    const float full = wide ? 32512.0f : 127.0f;
    const int32_t bits = block_max(x);
    const float max = half_bits_f32((uint32_t)bits);
    const bool finite = bits < 0x7f800000, live = finite && max >= 0x1p-100f;
    int16_t *q16 = wide ? a->q16 + block * KERN_BLOCK : NULL;
    int8_t *q8 = wide ? NULL : a->q8 + block * KERN_BLOCK;
    int32_t *sums = a->sum + 2 * block;
    sums[0] = sums[1] = 0;
    a->scale[block] = live ? max / full : 0.0f;
    if (live)
        block_round(x, full / max, q16, q8, sums);
    else if (wide)
        memset(q16, 0, KERN_BLOCK * sizeof *q16);
    else
        memset(q8, 0, KERN_BLOCK * sizeof *q8);
    a->sum_scaled[block] = a->scale[block] * (float)(sums[0] + sums[1]);
    return finite;
}

bool kern_quantize_avx2(kern_acts *a, size_t t0, size_t t1)
{
    bool finite = true;
    for (size_t t = t0; t < t1; t++) {
        for (size_t b = 0; b < a->n_blocks; b++) {
            const float *x = a->x + t * a->ldx + b * KERN_BLOCK;
            const size_t left = a->k - b * KERN_BLOCK;
            float padded[KERN_BLOCK] = {0};
            if (left < KERN_BLOCK) x = memcpy(padded, x, left * sizeof *x);
            const bool good = a->grade == KERN_GRADE_F32
                                  ? block_max(x) < 0x7f800000
                                  : quantize_block(a, t * a->n_blocks + b, x);
            finite = finite && good;
        }
    }
    return finite;
}

/* ---- Unpacking: rows 8*half .. 8*half+7 of a quad, as signed bytes in panel order -------------
 */

INLINE __m256i load_bytes(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

INLINE __m256i nibble_quad(const uint8_t *quads, size_t quad, size_t half)
{
    const __m256i v = load_bytes(quads + quad % 4 * PANEL_QUAD + 32 * half);
    return _mm256_and_si256(quad < 4 ? v : _mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}

/* 32 bits to 32 bytes: 16 where the bit is set. */
INLINE __m256i fifth_bits(const uint8_t *mask)
{
    int32_t bits;
    memcpy(&bits, mask, sizeof bits);
    const __m256i spread = _mm256_shuffle_epi8(
        _mm256_set1_epi32(bits), _mm256_setr_epi64x(0x0000000000000000, 0x0101010101010101,
                                                    0x0202020202020202, 0x0303030303030303));
    const __m256i select = _mm256_set1_epi64x((long long)0x8040201008040201);
    const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, select), select);
    return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

INLINE __m256i high_pairs(const uint8_t *pairs, size_t quad, size_t half)
{
    const __m256i v = load_bytes(pairs + quad / 4 * PANEL_QUAD + 32 * half);
    const __m256i low = _mm256_srli_epi16(v, (int)(2 * (quad % 4)));
    return _mm256_slli_epi16(_mm256_and_si256(low, _mm256_set1_epi8(3)), 4);
}

INLINE __m256i quad_bytes(quant_type t, const panel_chunk *c, size_t b, size_t quad, size_t half)
{
    if (t == QUANT_Q8_0) return load_bytes(c->main + b * 512 + quad * PANEL_QUAD + 32 * half);
    if (t == QUANT_Q5_0) {
        const uint8_t *quads = c->main + b * 320;
        const __m256i high = fifth_bits(quads + 256 + quad * 8 + half * 4);
        return _mm256_sub_epi8(_mm256_or_si256(nibble_quad(quads, quad, half), high),
                               _mm256_set1_epi8(16));
    }
    if (t == QUANT_Q6_K) {
        const uint8_t *quads = c->main + PANEL_Q6_K_QUADS + b * PANEL_Q6_K_BLOCK;
        const __m256i high = high_pairs(quads + 256, quad, half);
        return _mm256_sub_epi8(_mm256_or_si256(nibble_quad(quads, quad, half), high),
                               _mm256_set1_epi8(32));
    }
    if (t == QUANT_Q4_K) return nibble_quad(c->main + PANEL_Q4_K_QUADS + b * 256, quad, half);
    const __m256i q = nibble_quad(c->main + b * 256, quad, half);
    return t == QUANT_Q4_0 ? _mm256_sub_epi8(q, _mm256_set1_epi8(8)) : q;
}

INLINE __m256 load_f16(const uint8_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE __m256 load_u8(const uint8_t *p)
{
    return _mm256_cvtepi32_ps(
        _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

INLINE __m256 load_i8(const uint8_t *p)
{
    return _mm256_cvtepi32_ps(
        _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

/* D and M of block b for rows 8*half .. 8*half+7. */
INLINE void block_scales(matmul_panel *u, quant_type t, const panel_chunk *c, size_t b, size_t half)
{
    float *d = u->d[b][0] + 8 * half, *m = u->m[b] + 8 * half;
    if (t == QUANT_Q6_K) {
        const __m256 scale = load_f16(c->tail + 16 * half);
        for (size_t i = 0; i < 2; i++)
            _mm256_storeu_ps(u->d[b][i] + 8 * half,
                             _mm256_mul_ps(scale, load_i8(c->main + (2 * b + i) * 16 + 8 * half)));
    } else if (t == QUANT_Q4_K) {
        const __m256 sc = load_u8(c->main + PANEL_Q4_K_SCALES + b * 16 + 8 * half);
        const __m256 minimum = load_u8(c->main + PANEL_Q4_K_MINIMA + b * 16 + 8 * half);
        const __m256 dmin = load_f16(c->main + 32 + 16 * half);
        _mm256_storeu_ps(d, _mm256_mul_ps(load_f16(c->main + 16 * half), sc));
        _mm256_storeu_ps(m, _mm256_xor_ps(_mm256_mul_ps(dmin, minimum), _mm256_set1_ps(-0.0f)));
    } else if (t == QUANT_Q4_1) {
        _mm256_storeu_ps(d, load_f16(c->tail + b * 64 + 16 * half));
        _mm256_storeu_ps(m, load_f16(c->tail + b * 64 + 32 + 16 * half));
    } else {
        _mm256_storeu_ps(d, load_f16(c->tail + b * 32 + 16 * half));
    }
}

/* Scratch for integers: [quad][pair of elements][16 rows][2] int16. Panel order makes the even
 * bytes the first pair and the odd ones the second. */
INLINE void take_pairs(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        for (size_t half = 0; half < 2; half++) {
            block_scales(u, t, c, b, half);
            MATMUL_UNROLL(8)
            for (size_t quad = 0; quad < 8; quad++) {
                uint8_t *at = u->w + (b * 8 + quad) * 128 + 32 * half;
                const __m256i v = quad_bytes(t, c, b, quad, half);
                _mm256_store_si256((__m256i *)(void *)at,
                                   _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8));
                _mm256_store_si256((__m256i *)(void *)(at + 64), _mm256_srai_epi16(v, 8));
            }
        }
    }
}

/* Scratch for floats: [element][16 rows]; w = fma(D, q, M). */
INLINE void unpack_dequantized(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    float *w = (float *)(void *)u->w;
    const bool minimum = quant_infos[t].shape == QUANT_MINIMUM;
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        for (size_t half = 0; half < 2; half++) {
            block_scales(u, t, c, b, half);
            const __m256 m = minimum ? _mm256_loadu_ps(u->m[b] + 8 * half) : _mm256_setzero_ps();
            MATMUL_UNROLL(8)
            for (size_t quad = 0; quad < 8; quad++) {
                const __m256i v = quad_bytes(t, c, b, quad, half);
                const size_t sub = t == QUANT_Q6_K ? quad / 4 : 0;
                const __m256 d = _mm256_loadu_ps(u->d[b][sub] + 8 * half);
                float *at = w + (b * 32 + quad * 4) * KERN_PANEL_ROWS + 8 * half;
                /* bytes 0, 2, 1, 3 of a row are elements 0, 1, 2, 3 */
                const __m256i e[4] = {_mm256_slli_epi32(v, 24), _mm256_slli_epi32(v, 8),
                                      _mm256_slli_epi32(v, 16), v};
                for (size_t j = 0; j < 4; j++)
                    _mm256_store_ps(
                        at + j * KERN_PANEL_ROWS,
                        _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(_mm256_srai_epi32(e[j], 24)), m));
            }
        }
    }
}

#define UNPACKERS(name)                                                                            \
    static void pairs_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                  \
    {                                                                                              \
        (void)t;                                                                                   \
        take_pairs(u, QUANT_##name, c);                                                            \
    }                                                                                              \
    static void floats_##name(matmul_panel *u, quant_type t, const panel_chunk *c)                 \
    {                                                                                              \
        (void)t;                                                                                   \
        unpack_dequantized(u, QUANT_##name, c);                                                    \
    }
UNPACKERS(Q4_0)
UNPACKERS(Q4_1)
UNPACKERS(Q5_0)
UNPACKERS(Q8_0)
UNPACKERS(Q4_K)
UNPACKERS(Q6_K)
#undef UNPACKERS

static void floats_F32(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    (void)t;
    memcpy(u->w, c->main, c->n * KERN_PANEL_ROWS * sizeof(float));
}

static void floats_F16(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    float *w = (float *)(void *)u->w;
    (void)t;
    for (size_t i = 0; i < c->n * KERN_PANEL_ROWS; i += 8)
        _mm256_store_ps(w + i, load_f16(c->main + 2 * i));
}

static void floats_BF16(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    float *w = (float *)(void *)u->w;
    (void)t;
    for (size_t i = 0; i < c->n * KERN_PANEL_ROWS; i += 8) {
        const __m128i h = _mm_loadu_si128((const __m128i *)(const void *)(c->main + 2 * i));
        _mm256_store_ps(w + i,
                        _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16)));
    }
}

/* ---- Integer tiles: up to 4 tokens, two registers of 8 rows ------------------------------------
 */

enum { TILE = 4 };

typedef struct {
    const int16_t *q[TILE];
    const float *scale[TILE], *sum_scaled[TILE];
    const int32_t *sum[TILE];
    float *acc[TILE];
} int_rows;

/* sums[i][half] = dot products of pairs p0 .. p0+n-1 of a block. */
INLINE void dot_pairs(__m256i sums[TILE][2], const uint8_t *w, const int_rows *rows, size_t e0,
                      size_t p0, size_t n, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        sums[i][0] = sums[i][1] = _mm256_setzero_si256();
    MATMUL_UNROLL(4)
    for (size_t p = p0; p < p0 + n; p++) {
        const __m256i w0 = load_bytes(w + p * 64), w1 = load_bytes(w + p * 64 + 32);
        for (size_t i = 0; i < nr; i++) {
            int32_t pair;
            memcpy(&pair, rows->q[i] + e0 + 2 * p, sizeof pair);
            const __m256i x = _mm256_set1_epi32(pair);
            sums[i][0] = _mm256_add_epi32(sums[i][0], _mm256_madd_epi16(w0, x));
            sums[i][1] = _mm256_add_epi32(sums[i][1], _mm256_madd_epi16(w1, x));
        }
    }
}

INLINE void tile_whole(matmul_panel *u, const int_rows *rows, size_t n_blocks, size_t nr,
                       bool minimum)
{
    for (size_t b = 0; b < n_blocks; b++) {
        __m256i sums[TILE][2];
        dot_pairs(sums, u->w + b * 1024, rows, b * KERN_BLOCK, 0, 16, nr);
        for (size_t half = 0; half < 2; half++) {
            const __m256 d = _mm256_load_ps(u->d[b][0] + 8 * half);
            for (size_t i = 0; i < nr; i++) {
                float *at = rows->acc[i] + 8 * half;
                const __m256 dx = _mm256_mul_ps(d, _mm256_broadcast_ss(rows->scale[i] + b));
                __m256 acc =
                    _mm256_fmadd_ps(dx, _mm256_cvtepi32_ps(sums[i][half]), _mm256_load_ps(at));
                if (minimum)
                    acc = _mm256_fmadd_ps(_mm256_load_ps(u->m[b] + 8 * half),
                                          _mm256_broadcast_ss(rows->sum_scaled[i] + b), acc);
                _mm256_store_ps(at, acc);
            }
        }
    }
}

/* acc + M0 * XS0 + M1 * XS1, XS of each half of the block. */
INLINE __m256 add_minima(__m256 acc, const matmul_panel *u, const int_rows *rows, size_t i,
                         size_t b, size_t half)
{
    const float x = rows->scale[i][b];
    const int32_t *sum = rows->sum[i] + 2 * b;
    acc =
        _mm256_fmadd_ps(_mm256_load_ps(u->m[b] + 8 * half), _mm256_set1_ps(x * (float)sum[0]), acc);
    return _mm256_fmadd_ps(_mm256_load_ps(u->m1[b] + 8 * half), _mm256_set1_ps(x * (float)sum[1]),
                           acc);
}

INLINE void tile_halves(matmul_panel *u, const int_rows *rows, size_t n_blocks, size_t nr,
                        bool minimum)
{
    for (size_t b = 0; b < n_blocks; b++) {
        __m256i s0[TILE][2], s1[TILE][2];
        dot_pairs(s0, u->w + b * 1024, rows, b * KERN_BLOCK, 0, 8, nr);
        dot_pairs(s1, u->w + b * 1024, rows, b * KERN_BLOCK, 8, 8, nr);
        for (size_t half = 0; half < 2; half++) {
            const __m256 d0 = _mm256_load_ps(u->d[b][0] + 8 * half);
            const __m256 d1 = _mm256_load_ps(u->d[b][1] + 8 * half);
            for (size_t i = 0; i < nr; i++) {
                float *at = rows->acc[i] + 8 * half;
                __m256 t = _mm256_mul_ps(d0, _mm256_cvtepi32_ps(s0[i][half]));
                t = _mm256_fmadd_ps(d1, _mm256_cvtepi32_ps(s1[i][half]), t);
                t = _mm256_fmadd_ps(t, _mm256_broadcast_ss(rows->scale[i] + b), _mm256_load_ps(at));
                _mm256_store_ps(at, minimum ? add_minima(t, u, rows, i, b, half) : t);
            }
        }
    }
}

typedef enum { TILE_PLAIN, TILE_MINIMUM, TILE_SUB16, TILE_SUB16_MINIMUM } tile_shape;

INLINE void tile_rows(matmul_panel *u, const int_rows *rows, size_t n_blocks, size_t nr,
                      tile_shape shape)
{
    if (shape == TILE_SUB16 || shape == TILE_SUB16_MINIMUM)
        tile_halves(u, rows, n_blocks, nr, shape == TILE_SUB16_MINIMUM);
    else
        tile_whole(u, rows, n_blocks, nr, shape == TILE_MINIMUM);
}

/* Grade i8 widens its activations to 16 bits here, once per tile and chunk. */
INLINE void rows_of(int_rows *rows, int16_t wide[TILE][PANEL_CHUNK], matmul_panel *u,
                    const kern_acts *a, size_t t0, size_t i0, size_t k0, size_t n, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        const size_t block = (t0 + i0 + i) * a->n_blocks + k0 / KERN_BLOCK;
        rows->scale[i] = a->scale + block;
        rows->sum_scaled[i] = a->sum_scaled + block;
        rows->sum[i] = a->sum + 2 * block;
        rows->acc[i] = u->acc[i0 + i];
        rows->q[i] = a->grade == KERN_GRADE_I16 ? a->q16 + block * KERN_BLOCK : wide[i];
        if (a->grade == KERN_GRADE_I16) continue;
        for (size_t e = 0; e < n; e += 16) {
            const void *from = a->q8 + block * KERN_BLOCK + e;
            _mm256_storeu_si256((__m256i *)(void *)(wide[i] + e),
                                _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from)));
        }
    }
}

INLINE void tile_tokens(matmul_panel *u, const kern_acts *a, size_t t0, size_t n_tokens, size_t k0,
                        size_t n, tile_shape shape)
{
    int16_t wide[TILE][PANEL_CHUNK];
    int_rows rows;
    for (size_t i = 0; i < n_tokens; i += TILE) {
        const size_t nr = n_tokens - i < TILE ? n_tokens - i : TILE;
        rows_of(&rows, wide, u, a, t0, i, k0, n, nr);
        switch (nr) {
        case 1:
            tile_rows(u, &rows, n / KERN_BLOCK, 1, shape);
            break;
        case 2:
            tile_rows(u, &rows, n / KERN_BLOCK, 2, shape);
            break;
        case 3:
            tile_rows(u, &rows, n / KERN_BLOCK, 3, shape);
            break;
        default:
            tile_rows(u, &rows, n / KERN_BLOCK, 4, shape);
            break;
        }
    }
}

static void tile_plain(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                       size_t n_tokens, size_t k0, size_t n)
{
    for (size_t j = 0; j < n_panels; j++)
        tile_tokens(&u[j], a, t0, n_tokens, k0, n, TILE_PLAIN);
}

static void tile_minimum(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                         size_t n_tokens, size_t k0, size_t n)
{
    for (size_t j = 0; j < n_panels; j++)
        tile_tokens(&u[j], a, t0, n_tokens, k0, n, TILE_MINIMUM);
}

static void tile_sub16(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                       size_t n_tokens, size_t k0, size_t n)
{
    for (size_t j = 0; j < n_panels; j++)
        tile_tokens(&u[j], a, t0, n_tokens, k0, n, TILE_SUB16);
}

static void tile_sub16_minimum(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                               size_t n_tokens, size_t k0, size_t n)
{
    for (size_t j = 0; j < n_panels; j++)
        tile_tokens(&u[j], a, t0, n_tokens, k0, n, TILE_SUB16_MINIMUM);
}

/* ---- Float tile: up to 6 tokens -----------------------------------------------------------------
 */

enum { FLOAT_TILE = 6 };

INLINE void tile_float_rows(matmul_panel *u, const float *x, size_t ldx, size_t i0, size_t n,
                            size_t nr)
{
    const float *w = (const float *)(const void *)u->w;
    __m256 acc[FLOAT_TILE][2];
    for (size_t i = 0; i < nr; i++)
        for (size_t half = 0; half < 2; half++)
            acc[i][half] = _mm256_load_ps(u->acc[i0 + i] + 8 * half);
    for (size_t e = 0; e < n; e++) {
        const __m256 w0 = _mm256_load_ps(w + e * 16), w1 = _mm256_load_ps(w + e * 16 + 8);
        for (size_t i = 0; i < nr; i++) {
            const __m256 v = _mm256_broadcast_ss(x + i * ldx + e);
            acc[i][0] = _mm256_fmadd_ps(w0, v, acc[i][0]);
            acc[i][1] = _mm256_fmadd_ps(w1, v, acc[i][1]);
        }
    }
    for (size_t i = 0; i < nr; i++)
        for (size_t half = 0; half < 2; half++)
            _mm256_store_ps(u->acc[i0 + i] + 8 * half, acc[i][half]);
}

static void tile_panel_floats(matmul_panel *u, const kern_acts *a, size_t t0, size_t n_tokens,
                              size_t k0, size_t n)
{
    for (size_t i = 0; i < n_tokens; i += FLOAT_TILE) {
        const float *x = a->x + (t0 + i) * a->ldx + k0;
        switch (n_tokens - i) {
        case 1:
            tile_float_rows(u, x, a->ldx, i, n, 1);
            break;
        case 2:
            tile_float_rows(u, x, a->ldx, i, n, 2);
            break;
        case 3:
            tile_float_rows(u, x, a->ldx, i, n, 3);
            break;
        case 4:
            tile_float_rows(u, x, a->ldx, i, n, 4);
            break;
        case 5:
            tile_float_rows(u, x, a->ldx, i, n, 5);
            break;
        default:
            tile_float_rows(u, x, a->ldx, i, n, 6);
            break;
        }
    }
}

static void tile_floats(matmul_panel *u, size_t n_panels, const kern_acts *a, size_t t0,
                        size_t n_tokens, size_t k0, size_t n)
{
    for (size_t j = 0; j < n_panels; j++)
        tile_panel_floats(&u[j], a, t0, n_tokens, k0, n);
}

/* ---- Dispatch -----------------------------------------------------------------------------------
 */

static const matmul_path int_paths[QUANT_COUNT] = {
    [QUANT_F32] = {floats_F32, tile_floats},           [QUANT_F16] = {floats_F16, tile_floats},
    [QUANT_BF16] = {floats_BF16, tile_floats},         [QUANT_Q4_0] = {pairs_Q4_0, tile_plain},
    [QUANT_Q4_1] = {pairs_Q4_1, tile_minimum},         [QUANT_Q5_0] = {pairs_Q5_0, tile_plain},
    [QUANT_Q8_0] = {pairs_Q8_0, tile_plain},           [QUANT_Q4_K] = {pairs_Q4_K, tile_minimum},
    [QUANT_Q6_K] = {pairs_Q6_K, tile_sub16},           [QUANT_Q5_1] = {unpack_pairs, tile_minimum},
    [QUANT_Q2_K] = {unpack_pairs, tile_sub16_minimum}, [QUANT_Q3_K] = {unpack_pairs, tile_sub16},
    [QUANT_Q5_K] = {unpack_pairs, tile_minimum},       [QUANT_IQ4_NL] = {unpack_pairs, tile_plain},
    [QUANT_IQ4_XS] = {unpack_pairs, tile_plain},       [QUANT_MXFP4] = {unpack_pairs, tile_plain},
};
static const matmul_path float_paths[QUANT_COUNT] = {
    [QUANT_F32] = {floats_F32, tile_floats},       [QUANT_F16] = {floats_F16, tile_floats},
    [QUANT_BF16] = {floats_BF16, tile_floats},     [QUANT_Q4_0] = {floats_Q4_0, tile_floats},
    [QUANT_Q4_1] = {floats_Q4_1, tile_floats},     [QUANT_Q5_0] = {floats_Q5_0, tile_floats},
    [QUANT_Q8_0] = {floats_Q8_0, tile_floats},     [QUANT_Q4_K] = {floats_Q4_K, tile_floats},
    [QUANT_Q6_K] = {floats_Q6_K, tile_floats},     [QUANT_Q5_1] = {unpack_floats, tile_floats},
    [QUANT_Q2_K] = {unpack_floats, tile_floats},   [QUANT_Q3_K] = {unpack_floats, tile_floats},
    [QUANT_Q5_K] = {unpack_floats, tile_floats},   [QUANT_IQ4_NL] = {unpack_floats, tile_floats},
    [QUANT_IQ4_XS] = {unpack_floats, tile_floats}, [QUANT_MXFP4] = {unpack_floats, tile_floats},
};

void kern_matmul_avx2(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a, size_t t0,
                      size_t t1, float *y, size_t ldy, void *scratch)
{
    const matmul_path *paths = a->grade == KERN_GRADE_F32 ? float_paths : int_paths;
    matmul_run(paths[w->type], w, p0, p1, a, t0, t1, y, ldy, scratch);
}
