/* half.h - 16-bit floats, exactly, without hardware help: binary16 and the top half of binary32. */
#ifndef KERNELS_HALF_H
#define KERNELS_HALF_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline float half_bits_f32(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t half_f32_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* Exact for every input. A signalling NaN becomes quiet, as the conversion instructions do. */
static inline float half_f16_to_f32(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t exponent = (h >> 10) & 31u;
    const uint32_t mantissa = h & 0x3ffu;
    if (exponent == 31) {
        const uint32_t quiet = mantissa ? 0x400000u : 0u;
        return half_bits_f32(sign | 0x7f800000u | quiet | mantissa << 13);
    }
    if (exponent == 0) { /* zero and subnormals: mantissa * 2^-24 is exact */
        const float value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    return half_bits_f32(sign | (exponent + 112u) << 23 | mantissa << 13);
}

/* Round to nearest even; a NaN stays one, and becomes quiet. Masks instead of choices: loops over
 * it become vectors. */
static inline uint16_t half_f32_to_f16(float f)
{
    const uint32_t bits = half_f32_bits(f), magnitude = bits & 0x7fffffffu;
    const uint32_t small = 0u - (uint32_t)(magnitude < 0x38800000u);  /* below 2^-14 */
    const uint32_t large = 0u - (uint32_t)(magnitude >= 0x47800000u); /* 2^16 and above */
    const uint32_t nan = 0u - (uint32_t)(magnitude > 0x7f800000u);
    /* What is small becomes a multiple of 2^-24, the ulp of 0.5: the addition rounds. */
    const float shifted = half_bits_f32(magnitude & small) + 0.5f;
    /* The rest is rebiased by -112, half to even; a carry runs into the exponent, up to infinity.
     */
    const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    const uint32_t special = 0x7c00u | ((0x200u | (magnitude >> 13 & 0x3ffu)) & nan);
    const uint32_t finite = (half_f32_bits(shifted) - 0x3f000000u) | (normal & ~small);
    return (uint16_t)((finite & ~large) | (special & large) | (bits >> 16 & 0x8000u));
}

/* n of them. */
static inline void half_from_f32(uint16_t *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = half_f32_to_f16(from[i]);
}

static inline float half_bf16_to_f32(uint16_t h)
{
    return half_bits_f32((uint32_t)h << 16);
}

#endif
