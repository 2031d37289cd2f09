/* carver.h - buffers that lie in one block: a first pass without a block adds up their sizes, a
 * second one hands them out. Each begins aligned to KERN_ALIGN. */
#ifndef RUNNERS_LOCAL_CARVER_H
#define RUNNERS_LOCAL_CARVER_H
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *base; /* NULL: only measure */
    size_t used;
    bool overflow; /* sizes went past SIZE_MAX: what was taken is worthless */
} carver;

/* n elements of size bytes, or NULL while measuring. */
void *carve(carver *c, size_t n, size_t size);

#endif
