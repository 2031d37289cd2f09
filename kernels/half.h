/* half.h - 16-bit floats, exactly, without hardware help: binary16 and the top half of binary32. */
#ifndef KERNELS_HALF_H
#define KERNELS_HALF_H
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

static inline float half_bf16_to_f32(uint16_t h)
{
    return half_bits_f32((uint32_t)h << 16);
}

#endif
