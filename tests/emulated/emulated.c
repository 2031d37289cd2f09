/* emulated.c - the table of emulated sets. */
#include "tests/emulated/emulated.h"
#include <string.h>
#include "kernels/sets.h"

#if defined(EMULATED_AVX512)
#define EMULATED(X) X(avx512vnni_emulated)
#else
#define EMULATED(X)
#endif

EMULATED(KERN_DECLARE)
EMULATED(KERN_DEFINE)

#if defined(EMULATED_AVX512)
bool kern_available_amx_emulated(void);
void kern_matmul_amx_emulated(const kern_matrix *w, size_t p0, size_t p1, const kern_acts *a,
                              size_t t0, size_t t1, float *y, size_t ldy, void *scratch);
size_t kern_scratch_amx_emulated(size_t k);
KERN_DEFINE_FROM(amx_emulated, avx512vnni_emulated, kern_scratch_amx_emulated)
#define FIRST(X) X(amx_emulated)
#else
#define FIRST(X)
#endif

const kern_set *emulated_set_find(const char *name)
{
#define ROW(set) &set_##set,
    static const kern_set *const sets[] = {FIRST(ROW) EMULATED(ROW) NULL};
#undef ROW
    const size_t len = strlen(name);
    if (!kern_set_find("avx2")) return NULL; /* what emulation is written in */
    for (const kern_set *const *s = sets; *s; s++)
        if (strncmp((*s)->name, name, len) == 0 && strcmp((*s)->name + len, "_emulated") == 0)
            return *s;
    return NULL;
}
