/* lanes.h - the 16 virtual lanes in which sums without a free dimension are taken. */
#ifndef KERNELS_LANES_H
#define KERNELS_LANES_H
#include <stddef.h>

enum { LANES = 16 };

/* Halves 16, 8, 4, 2, 1. */
static inline float lanes_sum(float lane[LANES])
{
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t l = 0; l < width; l++)
            lane[l] += lane[l + width];
    return lane[0];
}

#endif
