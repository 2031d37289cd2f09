/* peak.h - how fast a processor multiplies and adds when nothing else is in the way: the dot
 * products of a kernel set on registers alone, without loads, scales or conversions. No product can
 * be faster; `waage bench` shows what share of it a model reaches. */
#ifndef KERNELS_PEAK_H
#define KERNELS_PEAK_H
#include "kernels/kernels.h"

/* Run a loop of `rounds` rounds on the calling thread; returns the multiply-adds done. */
typedef uint64_t kern_peak_fn(kern_grade g, size_t rounds);

/* Of the set with this name, which must be available here; NULL when there is none for it. */
kern_peak_fn *kern_peak_find(const char *set);

#if defined(__x86_64__)
kern_peak_fn kern_peak_avx2, kern_peak_avx512vnni, kern_peak_amx;
#endif

#endif
