/* unpack_avx512.h - chunks of panels into scratch with AVX-512: 16 rows of a quad are one register.
 * Only for files that are compiled with AVX-512 F, BW, VL and DQ. `t` is always a constant, so that
 * all questions about the format are answered by the compiler. */
#ifndef KERNELS_UNPACK_AVX512_H
#define KERNELS_UNPACK_AVX512_H
#include <immintrin.h>
#include "kernels/matmul.h"

#define INLINE static inline __attribute__((always_inline))

/* X(NAME, shape as the names of tiles have it) */
#define UNPACK_FORMATS(X)                                                                          \
    X(Q4_0, plain)                                                                                 \
    X(Q4_1, minimum)                                                                               \
    X(Q5_0, plain)                                                                                 \
    X(Q5_1, minimum)                                                                               \
    X(Q8_0, plain)                                                                                 \
    X(Q2_K, sub16_minimum)                                                                         \
    X(Q3_K, sub16)                                                                                 \
    X(Q4_K, minimum)                                                                               \
    X(Q5_K, minimum)                                                                               \
    X(Q6_K, sub16)                                                                                 \
    X(IQ4_NL, plain)                                                                               \
    X(IQ4_XS, plain)                                                                               \
    X(MXFP4, plain)

/* ---- Codes: bytes in panel order ------------------------------------------------------------ */

INLINE __m512i load_bytes(const uint8_t *p)
{
    return _mm512_loadu_si512(p);
}

INLINE __m512i nibble_quad(const uint8_t *vectors, size_t quad)
{
    const __m512i v = load_bytes(vectors + quad % 4 * PANEL_QUAD);
    return _mm512_and_si512(quad < 4 ? v : _mm512_srli_epi16(v, 4), _mm512_set1_epi8(15));
}

/* One or two bits of each code, at bit `up`. */
INLINE __m512i bits_quad(const uint8_t *vectors, size_t bits, size_t quad, unsigned up)
{
    const size_t quads = 8 / bits; /* of a vector */
    const __m512i v = load_bytes(vectors + quad / quads * PANEL_QUAD);
    const unsigned at = (unsigned)(bits * (quad % quads));
    const __m512i moved =
        at >= up ? _mm512_srli_epi16(v, (at - up) & 7u) : _mm512_slli_epi16(v, (up - at) & 7u);
    return _mm512_and_si512(moved, _mm512_set1_epi8((char)(((1 << bits) - 1) << up)));
}

INLINE __m512i code_quad(quant_type t, const uint8_t *codes, size_t quad)
{
    const panel_layout *l = &panel_layouts[t];
    if (l->low == 8) return load_bytes(codes + quad * PANEL_QUAD);
    const __m512i low = l->low == 4 ? nibble_quad(codes, quad) : bits_quad(codes, 2, quad, 0);
    if (l->high == 0) return low;
    return _mm512_or_si512(low, bits_quad(codes + l->high_at, l->high, quad, l->low));
}

/* ---- Weights -------------------------------------------------------------------------------- */

/* What an unsigned byte exceeds q by. */
INLINE int byte_bias(quant_type t)
{
    switch (t) {
    case QUANT_Q4_0:
        return 8;
    case QUANT_Q5_0:
        return 16;
    case QUANT_Q3_K:
        return 4;
    case QUANT_Q6_K:
        return 32;
    case QUANT_MXFP4:
        return 12;
    case QUANT_Q8_0:
    case QUANT_IQ4_NL:
    case QUANT_IQ4_XS:
        return 128;
    default:
        return 0;
    }
}

/* q + plus of codes that are indices of a table. */
INLINE __m512i look_up(quant_type t, __m512i index, int plus)
{
    const int8_t *values = t == QUANT_MXFP4 ? quant_fp4_values : quant_iq4_values;
    const __m512i table =
        _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)values));
    return _mm512_shuffle_epi8(_mm512_add_epi8(table, _mm512_set1_epi8((char)plus)), index);
}

INLINE bool has_table(quant_type t)
{
    return t == QUANT_IQ4_NL || t == QUANT_IQ4_XS || t == QUANT_MXFP4;
}

/* q + byte_bias, unsigned bytes. */
INLINE __m512i unsigned_quad(quant_type t, const panel_chunk *c, size_t b, size_t quad)
{
    const __m512i v = code_quad(t, panel_codes(t, c, b), quad);
    if (has_table(t)) return look_up(t, v, byte_bias(t));
    return t == QUANT_Q8_0 ? _mm512_xor_si512(v, _mm512_set1_epi8(-128)) : v;
}

/* q, signed bytes. */
INLINE __m512i signed_quad(quant_type t, const panel_chunk *c, size_t b, size_t quad)
{
    const __m512i v = code_quad(t, panel_codes(t, c, b), quad);
    if (has_table(t)) return look_up(t, v, 0);
    if (t == QUANT_Q8_0 || byte_bias(t) == 0) return v;
    return _mm512_sub_epi8(v, _mm512_set1_epi8((char)byte_bias(t)));
}

/* From panel order to the order of the elements. */
INLINE __m512i natural_order(__m512i quad)
{
    return _mm512_shuffle_epi8(quad, _mm512_broadcast_i32x4(_mm_setr_epi8(
                                         0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15)));
}

/* ---- Scales --------------------------------------------------------------------------------- */

INLINE __m512 load_f16(const uint8_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

/* Element e of a format of floats, all rows of a panel. */
INLINE __m512 load_floats(quant_type t, const uint8_t *w, size_t e)
{
    if (t == QUANT_F16) return load_f16(w + e * 32);
    if (t == QUANT_BF16) {
        const __m256i h = _mm256_loadu_si256((const __m256i *)(const void *)(w + e * 32));
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
    }
    return _mm512_loadu_ps(w + e * 64);
}

INLINE __m128i load_16(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

INLINE __m512 load_i8(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_16(p)));
}

INLINE __m512 load_u8(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_16(p)));
}

INLINE __m512 negated(__m512 v)
{
    return _mm512_xor_ps(v, _mm512_set1_ps(-0.0f));
}

/* 2^(e - 128) of 16 bytes: below 2 a subnormal, 255 NaN. */
INLINE __m512 load_e8m0_half(const uint8_t *p)
{
    const __m512i e = _mm512_cvtepu8_epi32(load_16(p)), one = _mm512_set1_epi32(1);
    __m512i bits = _mm512_slli_epi32(_mm512_sub_epi32(e, one), 23);
    bits = _mm512_mask_mov_epi32(bits, _mm512_cmpgt_epi32_mask(_mm512_set1_epi32(2), e),
                                 _mm512_slli_epi32(_mm512_add_epi32(e, one), 21));
    bits = _mm512_mask_mov_epi32(bits, _mm512_cmpeq_epi32_mask(e, _mm512_set1_epi32(255)),
                                 _mm512_set1_epi32(0x7fc00000));
    return _mm512_castsi512_ps(bits);
}

/* Both scales and both minima of a byte of Q2_K. */
INLINE void q2_k_scales(matmul_panel *u, const panel_chunk *c, size_t b)
{
    const __m512 d = load_f16(c->main), dmin = load_f16(c->main + 32);
    for (size_t i = 0; i < 2; i++) {
        const __m512i both =
            _mm512_cvtepu8_epi32(load_16(c->main + PANEL_Q4_K_SCALES + (2 * b + i) * 16));
        const __m512 scale = _mm512_cvtepi32_ps(_mm512_and_si512(both, _mm512_set1_epi32(15)));
        const __m512 minimum = _mm512_cvtepi32_ps(_mm512_srli_epi32(both, 4));
        _mm512_store_ps(u->d[b][i], _mm512_mul_ps(d, scale));
        _mm512_store_ps(i ? u->m1[b] : u->m[b], negated(_mm512_mul_ps(dmin, minimum)));
    }
}

/* D and M of block b, 16 rows each. */
INLINE void block_scales(matmul_panel *u, quant_type t, const panel_chunk *c, size_t b)
{
    const uint8_t *tail = c->tail + b * panel_layouts[t].tail_bytes;
    switch (t) {
    case QUANT_Q3_K:
    case QUANT_Q6_K:
        for (size_t i = 0; i < 2; i++)
            _mm512_store_ps(u->d[b][i],
                            _mm512_mul_ps(load_f16(c->tail), load_i8(c->main + (2 * b + i) * 16)));
        break;
    case QUANT_Q2_K:
        q2_k_scales(u, c, b);
        break;
    case QUANT_Q4_K:
    case QUANT_Q5_K:
        _mm512_store_ps(u->d[b][0], _mm512_mul_ps(load_f16(c->main),
                                                  load_u8(c->main + PANEL_Q4_K_SCALES + b * 16)));
        _mm512_store_ps(u->m[b],
                        negated(_mm512_mul_ps(load_f16(c->main + 32),
                                              load_u8(c->main + PANEL_Q4_K_MINIMA + b * 16))));
        break;
    case QUANT_IQ4_XS:
        _mm512_store_ps(u->d[b][0], _mm512_mul_ps(load_f16(c->tail), load_i8(c->main + b * 16)));
        break;
    case QUANT_MXFP4:
        _mm512_store_ps(u->d[b][0], load_e8m0_half(tail));
        break;
    case QUANT_Q4_1:
    case QUANT_Q5_1:
        _mm512_store_ps(u->d[b][0], load_f16(tail));
        _mm512_store_ps(u->m[b], load_f16(tail + 32));
        break;
    default:
        _mm512_store_ps(u->d[b][0], load_f16(tail));
    }
}

/* ---- Chunks --------------------------------------------------------------------------------- */

/* [quad][pair of elements][16 rows][2] int16. Panel order makes the even bytes the first pair and
 * the odd ones the second. */
INLINE void take_pairs(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        block_scales(u, t, c, b);
        KERN_UNROLL(8)
        for (size_t quad = 0; quad < 8; quad++) {
            uint8_t *at = u->w + (b * 8 + quad) * 128;
            const __m512i v = signed_quad(t, c, b, quad);
            _mm512_store_si512(at, _mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8));
            _mm512_store_si512(at + 64, _mm512_srai_epi16(v, 8));
        }
    }
}

/* [quad][16 rows][4] unsigned bytes in the order of the elements. */
INLINE void take_bytes(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    u->bias = byte_bias(t);
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        block_scales(u, t, c, b);
        KERN_UNROLL(8)
        for (size_t quad = 0; quad < 8; quad++)
            _mm512_store_si512(u->w + (b * 8 + quad) * 64,
                               natural_order(unsigned_quad(t, c, b, quad)));
    }
}

/* The same, signed. */
INLINE void take_signed(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        block_scales(u, t, c, b);
        KERN_UNROLL(8)
        for (size_t quad = 0; quad < 8; quad++)
            _mm512_store_si512(u->w + (b * 8 + quad) * 64,
                               natural_order(signed_quad(t, c, b, quad)));
    }
}

INLINE bool has_halves(quant_type t)
{
    return t == QUANT_Q2_K || t == QUANT_Q3_K || t == QUANT_Q6_K;
}

INLINE __m512 minimum_of(const matmul_panel *u, quant_type t, size_t b, size_t half)
{
    if (t == QUANT_Q2_K) return _mm512_load_ps(half ? u->m1[b] : u->m[b]);
    if (t == QUANT_Q4_1 || t == QUANT_Q5_1 || t == QUANT_Q4_K || t == QUANT_Q5_K)
        return _mm512_load_ps(u->m[b]);
    return _mm512_setzero_ps();
}

/* [element][16 rows] floats; w = fma(D, q, M). */
INLINE void take_dequantized(matmul_panel *u, quant_type t, const panel_chunk *c)
{
    float *w = (float *)(void *)u->w;
    for (size_t b = 0; b < c->n / KERN_BLOCK; b++) {
        block_scales(u, t, c, b);
        KERN_UNROLL(8)
        for (size_t quad = 0; quad < 8; quad++) {
            const __m512i v = signed_quad(t, c, b, quad);
            const __m512 d = _mm512_load_ps(u->d[b][has_halves(t) ? quad / 4 : 0]);
            const __m512 m = minimum_of(u, t, b, quad / 4);
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

#endif
