/* unpack.h - chunks of panels into floats, one element at a time: what a set uses that has no
 * faster way. Internal to kernels/. */
#ifndef KERNELS_UNPACK_H
#define KERNELS_UNPACK_H
#include "kernels/matmul.h"

/* u->w: [element][16 rows] float, w = fma(D, q, M), or the weights of a float format. */
matmul_unpack_fn unpack_floats;

#endif
