/* matmul_avx2.h - what the products of the AVX2 set share: weights out of a panel, 8 rows of a quad
 * in one register. Internal to the set. */
#ifndef KERNELS_MATMUL_AVX2_H
#define KERNELS_MATMUL_AVX2_H
#include <immintrin.h>
#include "kernels/matmul.h"

/* Float weights in every grade, and all weights in grade f32. */
extern const matmul_path matmul_floats_avx2[QUANT_COUNT];

#define INLINE static inline __attribute__((always_inline))

/* How the codes of 32 elements of 16 rows lie (panel.h), and what makes them weights. Formats that
 * differ in scales and biases alone share one. */
typedef enum {
    CODING_BYTES,   /* scratch: [quad][16 rows][4] unsigned bytes in natural order */
    CODING_PAIRS,   /* scratch: [quad][pair][16 rows][2] int16 */
    CODING_INT8,    /* 8 bits, signed */
    CODING_NIBBLES, /* the others unsigned, more than the weight by a bias */
    CODING_FIFTH,   /* nibbles and bits */
    CODING_SIXTH,   /* nibbles and pairs */
    CODING_TWO,     /* pairs */
    CODING_THIRD,   /* pairs and bits */
    CODING_IQ4,     /* nibbles: indices into quant_iq4_values, signed */
    CODING_FP4      /* nibbles: indices into quant_fp4_values, plus FP4_BIAS */
} coding;

enum { FP4_BIAS = 12 };

INLINE int code_bias(quant_type t)
{
    return t == QUANT_MXFP4 ? FP4_BIAS : quant_bias(t);
}

INLINE __m256i load_bytes(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

INLINE void store_bytes(uint8_t *p, __m256i v)
{
    _mm256_store_si256((__m256i *)(void *)p, v);
}

INLINE __m256i nibble_quad(const uint8_t *codes, size_t quad, size_t half)
{
    const __m256i v = load_bytes(codes + quad % 4 * PANEL_QUAD + 32 * half);
    return _mm256_and_si256(quad < 4 ? v : _mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}

/* One or two bits of each code of a quad, at bit `up`. */
INLINE __m256i bits_quad(const uint8_t *codes, size_t bits, size_t quad, size_t half, size_t up)
{
    const size_t quads = 8 / bits, shift = bits * (quad % quads); /* quads of a vector */
    const __m256i v = load_bytes(codes + quad / quads * PANEL_QUAD + 32 * half);
    const __m256i at = shift < up ? _mm256_slli_epi16(v, (int)(up - shift))
                                  : _mm256_srli_epi16(v, (int)(shift - up));
    return _mm256_and_si256(at, _mm256_set1_epi8((char)(((1 << bits) - 1) << up)));
}

INLINE __m256i table_quad(const int8_t table[16], int plus, __m256i index)
{
    const __m128i values = _mm_loadu_si128((const __m128i *)(const void *)table);
    return _mm256_shuffle_epi8(
        _mm256_add_epi8(_mm256_broadcastsi128_si256(values), _mm256_set1_epi8((char)plus)), index);
}

/* Rows 8*half .. 8*half+7 of a quad of the 32 elements whose codes these are, in panel order
 * (CODING_BYTES in natural order). */
INLINE __m256i stored_quad(coding code, const uint8_t *codes, size_t quad, size_t half)
{
    switch (code) {
    case CODING_NIBBLES:
        return nibble_quad(codes, quad, half);
    case CODING_FIFTH:
        return _mm256_or_si256(nibble_quad(codes, quad, half),
                               bits_quad(codes + 256, 1, quad, half, 4));
    case CODING_SIXTH:
        return _mm256_or_si256(nibble_quad(codes, quad, half),
                               bits_quad(codes + 256, 2, quad, half, 4));
    case CODING_TWO:
        return bits_quad(codes, 2, quad, half, 0);
    case CODING_THIRD:
        return _mm256_or_si256(bits_quad(codes, 2, quad, half, 0),
                               bits_quad(codes + 128, 1, quad, half, 2));
    case CODING_IQ4:
        return table_quad(quant_iq4_values, 0, nibble_quad(codes, quad, half));
    case CODING_FP4:
        return table_quad(quant_fp4_values, FP4_BIAS, nibble_quad(codes, quad, half));
    default:
        return load_bytes(codes + quad * PANEL_QUAD + 32 * half);
    }
}

/* Panel order and natural order of the four bytes of a row, either way. */
INLINE __m256i swap_middle(__m256i quad)
{
    const __m256i order = _mm256_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15, 0,
                                           2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
    return _mm256_shuffle_epi8(quad, order);
}

/* The same as int16: elements 0 and 1 of each row, and elements 2 and 3. */
INLINE void quad_pairs(coding code, const uint8_t *codes, size_t quad, size_t half, __m256i *w01,
                       __m256i *w23)
{
    if (code == CODING_PAIRS) {
        *w01 = load_bytes(codes + quad * 128 + 32 * half);
        *w23 = load_bytes(codes + quad * 128 + 64 + 32 * half);
        return;
    }
    const __m256i v = stored_quad(code, codes, quad, half);
    if (code == CODING_INT8 || code == CODING_IQ4) {
        *w01 = _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8);
        *w23 = _mm256_srai_epi16(v, 8);
    } else {
        *w01 = _mm256_and_si256(v, _mm256_set1_epi16(0xff));
        *w23 = _mm256_srli_epi16(v, 8);
    }
}

/* ---- Scales ------------------------------------------------------------------------------- */

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

/* quant_e8m0_half of 8 bytes. */
INLINE __m256 load_e8m0(const uint8_t *p)
{
    const __m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x200000), e);
    const __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e);
    const __m256i nan = _mm256_cmpeq_epi32(e, _mm256_set1_epi32(255));
    const __m256i v = _mm256_blendv_epi8(normal, subnormal, small);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(v, _mm256_set1_epi32(0x7fc00000), nan));
}

INLINE __m256 negative_product(__m256 a, __m256 b)
{
    return _mm256_xor_ps(_mm256_mul_ps(a, b), _mm256_set1_ps(-0.0f));
}

/* The low or the high nibbles (shift 0 or 4) of 8 bytes. */
INLINE __m256 load_nibbles(const uint8_t *p, int shift)
{
    const __m256i v = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    return _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(v, shift), _mm256_set1_epi32(15)));
}

/* d and dmin of rows r .. r+7 in a chunk of a format that has one for 256 elements. */
typedef struct {
    __m256 d, dmin;
} super_scales;

INLINE super_scales super_scales_of(quant_type t, const panel_chunk *c, size_t r)
{
    switch (t) {
    case QUANT_Q2_K:
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        return (super_scales){load_f16(c->main + 2 * r), load_f16(c->main + 32 + 2 * r)};
    case QUANT_Q3_K:
    case QUANT_Q6_K:
    case QUANT_IQ4_XS:
        return (super_scales){load_f16(c->tail + 2 * r), _mm256_setzero_ps()};
    default:
        return (super_scales){_mm256_setzero_ps(), _mm256_setzero_ps()};
    }
}

/* D and M of block b for rows r .. r+7: u->d (of each half of 16 where they differ), u->m, u->m1.
 */
INLINE void block_scales(matmul_panel *u, quant_type t, const panel_chunk *c, size_t b, size_t r,
                         super_scales s)
{
    float *d = u->d[b][0] + r, *d1 = u->d[b][1] + r, *m = u->m[b] + r, *m1 = u->m1[b] + r;
    const uint8_t *tail = c->tail + b * panel_layouts[t].tail_bytes;
    switch (t) {
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        _mm256_store_ps(d, _mm256_mul_ps(s.d, load_u8(c->main + PANEL_Q4_K_SCALES + b * 16 + r)));
        _mm256_store_ps(
            m, negative_product(s.dmin, load_u8(c->main + PANEL_Q4_K_MINIMA + b * 16 + r)));
        break;
    case QUANT_Q2_K: {
        const uint8_t *both = c->main + PANEL_Q4_K_SCALES + 2 * b * 16 + r;
        _mm256_store_ps(d, _mm256_mul_ps(s.d, load_nibbles(both, 0)));
        _mm256_store_ps(d1, _mm256_mul_ps(s.d, load_nibbles(both + 16, 0)));
        _mm256_store_ps(m, negative_product(s.dmin, load_nibbles(both, 4)));
        _mm256_store_ps(m1, negative_product(s.dmin, load_nibbles(both + 16, 4)));
        break;
    }
    case QUANT_Q3_K:
    case QUANT_Q6_K:
        _mm256_store_ps(d, _mm256_mul_ps(s.d, load_i8(c->main + 2 * b * 16 + r)));
        _mm256_store_ps(d1, _mm256_mul_ps(s.d, load_i8(c->main + (2 * b + 1) * 16 + r)));
        break;
    case QUANT_IQ4_XS:
        _mm256_store_ps(d, _mm256_mul_ps(s.d, load_i8(c->main + b * 16 + r)));
        break;
    case QUANT_MXFP4:
        _mm256_store_ps(d, load_e8m0(tail + r));
        break;
    default: /* blocks of 32: d, and m in those that have it */
        _mm256_store_ps(d, load_f16(tail + 2 * r));
        if (quant_infos[t].shape == QUANT_MINIMUM) _mm256_store_ps(m, load_f16(tail + 32 + 2 * r));
    }
}

INLINE void scales_of(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    for (size_t r = 0; r < KERN_PANEL_ROWS; r += 8) {
        const super_scales s = super_scales_of(t, c, r);
        for (size_t b = 0; b < c->n / KERN_BLOCK; b++)
            block_scales(u, t, c, b, r, s);
    }
}

/* The same for all blocks of a chunk, compiled once for those whose scales lie alike. */
static inline void chunk_scales(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    switch (t) {
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        scales_of(u, QUANT_Q4_K, c);
        break;
    case QUANT_Q2_K:
        scales_of(u, QUANT_Q2_K, c);
        break;
    case QUANT_Q3_K:
    case QUANT_Q6_K:
        scales_of(u, QUANT_Q6_K, c);
        break;
    case QUANT_IQ4_XS:
        scales_of(u, QUANT_IQ4_XS, c);
        break;
    case QUANT_MXFP4:
        scales_of(u, QUANT_MXFP4, c);
        break;
    case QUANT_Q4_1:
    case QUANT_Q5_1:
        scales_of(u, QUANT_Q4_1, c);
        break;
    default:
        scales_of(u, QUANT_Q8_0, c);
    }
}

#endif
