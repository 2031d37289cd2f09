/* rng.h - counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011).
 * A number is a pure function of its key and counter; there is no global state. */
#ifndef BASE_RNG_H
#define BASE_RNG_H
#include <stddef.h>
#include <stdint.h>

/* A stream: draws 0, 1, 2, ... of (seed, stream). A plain value; copy it to fork it. */
typedef struct {
    uint64_t seed, stream, n;
    uint32_t block[4]; /* the four numbers of counter n/4 */
} rng;

void rng_init(rng *r, uint64_t seed, uint64_t stream);
uint32_t rng_u32(rng *r);
uint64_t rng_u64(rng *r);
uint64_t rng_below(rng *r, uint64_t n);              /* uniform in 0..n-1 without bias; n >= 1 */
int64_t rng_between(rng *r, int64_t lo, int64_t hi); /* uniform in lo..hi, both included */
double rng_uniform(rng *r);                          /* 53 bits in [0, 1) */
void rng_shuffle(rng *r, size_t *index, size_t n);   /* Fisher-Yates over an index array */

/* The sampler's number for one token: 53 bits in [0, 1), from (seed, item key, sample, position).
 */
double rng_at(uint64_t seed, uint64_t item, uint32_t sample, uint32_t position);
#endif
