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

const kern_set *emulated_set_find(const char *name)
{
#define ROW(set) &set_##set,
    static const kern_set *const sets[] = {EMULATED(ROW) NULL};
#undef ROW
    const size_t len = strlen(name);
    if (!kern_set_find("avx2")) return NULL; /* what emulation is written in */
    for (const kern_set *const *s = sets; *s; s++)
        if (strncmp((*s)->name, name, len) == 0 && strcmp((*s)->name + len, "_emulated") == 0)
            return *s;
    return NULL;
}
