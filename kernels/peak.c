/* peak.c - which set has which loop. */
#include "kernels/peak.h"
#include <string.h>

static const struct {
    const char *set;
    kern_peak_fn *fn;
} peaks[] = {
#if defined(__x86_64__)
    {"amx", kern_peak_amx},
    {"avx512vnni", kern_peak_avx512vnni},
    {"avx2", kern_peak_avx2},
#endif
    {NULL, NULL},
};

kern_peak_fn *kern_peak_find(const char *set)
{
    for (size_t i = 0; peaks[i].set; i++)
        if (strcmp(peaks[i].set, set) == 0) return peaks[i].fn;
    return NULL;
}
