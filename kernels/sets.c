/* sets.c - owns the table of kernel sets and the choice at run time. */
#include "kernels/sets.h"
#include <string.h>
#include "kernels/matmul.h"

size_t kern_matmul_scratch(size_t k)
{
    (void)k; /* K is taken in chunks */
    return sizeof(matmul_scratch);
}

KERN_SETS(KERN_DEFINE)
#if defined(__x86_64__)
KERN_DEFINE_FROM(amx, avx512vnni, kern_scratch_amx)
#define KERN_FIRST(X) X(amx)
#else
#define KERN_FIRST(X)
#endif

#define KERN_ROW(set) &set_##set,
const kern_set *const kern_sets[] = {KERN_FIRST(KERN_ROW) KERN_SETS(KERN_ROW) NULL};
#undef KERN_ROW

const kern_set *kern_set_find(const char *name)
{
    for (const kern_set *const *s = kern_sets; *s; s++)
        if ((!name || strcmp((*s)->name, name) == 0) && (*s)->available()) return *s;
    return NULL;
}

const char *kern_set_names(void)
{
#define KERN_NAME(set) ", " #set
    static const char names[] = KERN_FIRST(KERN_NAME) KERN_SETS(KERN_NAME);
#undef KERN_NAME
    return names + 2;
}
