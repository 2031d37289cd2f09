/* num.h - checked arithmetic on sizes that come from files. Each returns false on overflow. */
#ifndef BASE_NUM_H
#define BASE_NUM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool num_mul_size(size_t *out, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool num_add_size(size_t *out, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool num_mul_u64(uint64_t *out, uint64_t a, uint64_t b)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool num_size_from_u64(size_t *out, uint64_t v)
{
    *out = (size_t)v;
    return (uint64_t)*out == v;
}

#endif
