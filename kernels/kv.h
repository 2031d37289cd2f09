/* kv.h - where things lie in a block of stored keys and values, and which positions of it a query
 * sees. Internal to kernels/. */
#ifndef KERNELS_KV_H
#define KERNELS_KV_H
#include "kernels/half.h"
#include "kernels/kernels.h"

typedef struct {
    const float *key_scales, *value_scales; /* (64) each; NULL but for q8 */
    const void *keys;                       /* (key_dim, 64) */
    const void *values;                     /* (64, value_dim) */
} kv_view;

static inline size_t kv_element_bytes(kern_kv_format f)
{
    return f == KERN_KV_F32 ? sizeof(float) : f == KERN_KV_F16 ? sizeof(uint16_t) : sizeof(int8_t);
}

static inline kv_view kv_view_of(kern_kv_shape s, const void *block)
{
    const char *at = block;
    kv_view v = {NULL, NULL, at, NULL};
    if (s.format == KERN_KV_Q8) {
        v.key_scales = block;
        v.value_scales = v.key_scales + KERN_ATTN_BLOCK;
        v.keys = v.value_scales + KERN_ATTN_BLOCK;
    }
    v.values = (const char *)v.keys + s.key_dim * KERN_ATTN_BLOCK * kv_element_bytes(s.format);
    return v;
}

/* One stored element, without its scale. */
static inline float kv_element(kern_kv_format format, const void *x, size_t i)
{
    switch (format) {
    case KERN_KV_F16:
        return half_f16_to_f32(((const uint16_t *)x)[i]);
    case KERN_KV_Q8:
        return (float)((const int8_t *)x)[i];
    default:
        return ((const float *)x)[i];
    }
}

/* Positions j0 <= j < j1 of a block, counted from its first; none if j0 == j1. */
typedef struct {
    size_t j0, j1;
} kv_range;

static inline size_t kv_first_seen(const kern_attn *job, size_t token)
{
    const size_t n = job->pos + token + 1;
    return job->window != 0 && n > job->window ? n - job->window : 0;
}

static inline kv_range kv_seen(const kern_attn *job, size_t token, size_t block)
{
    const size_t start = block * KERN_ATTN_BLOCK, end = start + KERN_ATTN_BLOCK;
    const size_t from = kv_first_seen(job, token), to = job->pos + token + 1;
    if (from >= end || to <= start) return (kv_range){0, 0};
    return (kv_range){from > start ? from - start : 0, to < end ? to - start : KERN_ATTN_BLOCK};
}

#endif
