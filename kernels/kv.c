/* kv.c - writes stored keys and values in their three formats. Reading is the attention's affair.
 */
#include "kernels/kv.h"
#include <float.h>
#include <math.h>
#include <string.h>

size_t kern_kv_bytes(kern_kv_shape s)
{
    const size_t scales = s.format == KERN_KV_Q8 ? 2 * KERN_ATTN_BLOCK * sizeof(float) : 0;
    return scales + (s.key_dim + s.value_dim) * KERN_ATTN_BLOCK * kv_element_bytes(s.format);
}

size_t kern_attn_scratch(kern_kv_shape s)
{
    const size_t widest = s.key_dim > s.value_dim ? s.key_dim : s.value_dim;
    return widest * KERN_ATTN_BLOCK * sizeof(float);
}

/* Bits of the largest magnitude: they order as the magnitudes do, infinity and NaN above all. */
static uint32_t magnitude_bits(const float *x, size_t n)
{
    int32_t max = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t bits = (int32_t)(half_f32_bits(x[i]) & 0x7fffffffu);
        max = bits > max ? bits : max;
    }
    return (uint32_t)max;
}

static float magnitude(const float *x, size_t n)
{
    return half_bits_f32(magnitude_bits(x, n));
}

/* Elements i of x go to place i * step; every format returns false for what it cannot hold. */
typedef bool store_fn(void *to, size_t step, float *scale, const float *x, size_t n);

static bool store_f32(void *to, size_t step, float *scale, const float *x, size_t n)
{
    float *at = to;
    (void)scale;
    for (size_t i = 0; i < n; i++)
        at[i * step] = x[i];
    return magnitude(x, n) <= FLT_MAX;
}

/* Converted side by side, for many at once, and then put where they belong. */
static bool store_f16(void *to, size_t step, float *scale, const float *x, size_t n)
{
    enum { RUN = 64 };
    uint16_t *at = to;
    (void)scale;
    for (size_t i = 0; i < n; i += RUN) {
        uint16_t h[RUN];
        const size_t m = n - i < RUN ? n - i : RUN;
        half_from_f32(h, x + i, m);
        for (size_t j = 0; j < m; j++)
            at[(i + j) * step] = h[j];
    }
    return magnitude(x, n) < 65520.0f; /* from there on binary16 rounds to infinity */
}

static bool store_q8(void *to, size_t step, float *scale, const float *x, size_t n)
{
    int8_t *at = to;
    const float max = magnitude(x, n), round = 12582912.0f; /* 1.5 * 2^23: half to even */
    if (!(max <= FLT_MAX)) return false;
    const bool zero = max < 0x1p-100f;
    const float factor = zero ? 0.0f : 127.0f / max;
    *scale = zero ? 0.0f : max / 127.0f;
    for (size_t i = 0; i < n; i++)
        at[i * step] = (int8_t)(x[i] * factor + round - round);
    return true;
}

static store_fn *const stores[KERN_KV_FORMATS] = {store_f32, store_f16, store_q8};

bool kern_kv_store(kern_kv_shape s, void *block, size_t at, const float *key, const float *value)
{
    const size_t size = kv_element_bytes(s.format), keys_at = s.format == KERN_KV_Q8 ? 512 : 0;
    char *keys = (char *)block + keys_at;
    char *values = keys + s.key_dim * KERN_ATTN_BLOCK * size;
    float *scales = block;
    const bool fits =
        stores[s.format](keys + at * size, KERN_ATTN_BLOCK, scales + at, key, s.key_dim);
    return stores[s.format](values + at * s.value_dim * size, 1, scales + KERN_ATTN_BLOCK + at,
                            value, s.value_dim) &&
           fits;
}

void kern_kv_copy(kern_kv_shape s, void *to, const void *from, size_t n)
{
    const size_t size = kv_element_bytes(s.format), row = KERN_ATTN_BLOCK * size;
    const kv_view v = kv_view_of(s, from);
    char *keys = (char *)to + ((const char *)v.keys - (const char *)from);
    char *values = (char *)to + ((const char *)v.values - (const char *)from);
    if (v.key_scales) {
        memcpy(to, v.key_scales, n * sizeof(float));
        memcpy((float *)to + KERN_ATTN_BLOCK, v.value_scales, n * sizeof(float));
    }
    for (size_t d = 0; d < s.key_dim; d++)
        memcpy(keys + d * row, (const char *)v.keys + d * row, n * size);
    memcpy(values, v.values, n * s.value_dim * size);
}
