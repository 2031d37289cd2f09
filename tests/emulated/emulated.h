/* emulated.h - kernel sets of instructions that this machine lacks, emulated for the tests. The
 * same sources as the product's, compiled once more against tests/emulated/<instructions>.h. */
#ifndef TESTS_EMULATED_H
#define TESTS_EMULATED_H
#include "kernels/kernels.h"

/* The emulation of a set, or NULL: not built (SIMDe is not installed, another architecture, or a
 * machine without AVX2 and FMA to do it with). Its name ends in "_emulated". */
const kern_set *emulated_set_find(const char *name);

#endif
