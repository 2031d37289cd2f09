/* carver.c - sizes with overflow checked. */
#include "runners/local/carver.h"
#include "harness/base/num.h"
#include "kernels/kernels.h"

void *carve(carver *c, size_t n, size_t size)
{
    size_t bytes, end;
    const size_t at = (c->used + KERN_ALIGN - 1) & ~(size_t)(KERN_ALIGN - 1);
    if (!num_mul_size(&bytes, n, size) || !num_add_size(&end, at, bytes) || at < c->used) {
        c->overflow = true;
        return NULL;
    }
    c->used = end;
    return c->base ? c->base + at : NULL;
}
