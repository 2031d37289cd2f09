/* unpack.h - chunks of panels into scratch, one element at a time: what an instruction set uses for
 * a format that it has no unpacker of its own for. Internal to kernels/. */
#ifndef KERNELS_UNPACK_H
#define KERNELS_UNPACK_H
#include "kernels/matmul.h"

/* D and M go to u->d, u->m and u->m1; the integers to u->w, in one of these orders: */
matmul_unpack_fn unpack_pairs; /* [quad][pair of elements][16 rows][2] int16 */
matmul_unpack_fn unpack_bytes; /* [quad][16 rows][4] unsigned bytes, 128 more than q (u->bias) */
/* [element][16 rows] float: w = fma(D, q, M), or the weights of a float format. */
matmul_unpack_fn unpack_floats;

#endif
