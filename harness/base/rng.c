/* rng.c - Philox4x32-10. */
#include "harness/base/rng.h"

typedef struct {
    uint32_t v[4];
} philox_block;

/* Ten rounds over a 128-bit counter with a 64-bit key; constants from the paper. */
static philox_block philox(const uint32_t counter[4], uint64_t key)
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (philox_block){{c0, c1, c2, c3}};
}

void rng_init(rng *r, uint64_t seed, uint64_t stream)
{
    r->seed = seed;
    r->stream = stream;
    r->n = 0;
}

uint32_t rng_u32(rng *r)
{
    if (r->n % 4 == 0) {
        const uint64_t at = r->n / 4;
        const uint32_t counter[4] = {(uint32_t)at, (uint32_t)(at >> 32), (uint32_t)r->stream,
                                     (uint32_t)(r->stream >> 32)};
        const philox_block b = philox(counter, r->seed);
        for (int i = 0; i < 4; i++)
            r->block[i] = b.v[i];
    }
    return r->block[r->n++ % 4];
}

uint64_t rng_u64(rng *r)
{
    const uint64_t lo = rng_u32(r);
    return lo | (uint64_t)rng_u32(r) << 32;
}

uint64_t rng_below(rng *r, uint64_t n)
{
    /* Reject the first 2^64 mod n values, so that every remainder is equally likely. */
    const uint64_t skip = (0 - n) % n;
    uint64_t v;
    do
        v = rng_u64(r);
    while (v < skip);
    return v % n;
}

int64_t rng_between(rng *r, int64_t lo, int64_t hi)
{
    const uint64_t span = (uint64_t)hi - (uint64_t)lo + 1;
    const uint64_t v = span ? rng_below(r, span) : rng_u64(r);
    return (int64_t)((uint64_t)lo + v);
}

static double unit53(uint64_t v)
{
    return (double)(v >> 11) * 0x1p-53;
}

double rng_uniform(rng *r)
{
    return unit53(rng_u64(r));
}

void rng_shuffle(rng *r, size_t *index, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        const size_t j = (size_t)rng_below(r, i);
        const size_t t = index[i - 1];
        index[i - 1] = index[j];
        index[j] = t;
    }
}

double rng_at(uint64_t seed, uint64_t item, uint32_t sample, uint32_t position)
{
    const uint32_t counter[4] = {position, sample, (uint32_t)item, (uint32_t)(item >> 32)};
    const philox_block b = philox(counter, seed);
    return unit53((uint64_t)b.v[0] | (uint64_t)b.v[1] << 32);
}
