/* bigmem.h - large blocks straight from the system: weights, key/value pages, step buffers.
 * Memory is zero, aligned to 2 MiB, asks for huge pages, and is only used up where it is touched.
 */
#ifndef RUNNERS_LOCAL_BIGMEM_H
#define RUNNERS_LOCAL_BIGMEM_H
#include <stddef.h>
#include "harness/base/err.h"

enum { BIGMEM_HUGE_PAGE = 2 << 20 };

typedef struct {
    void *data;     /* n_bytes, or NULL */
    size_t n_bytes; /* as asked for */
    void *map;      /* what munmap takes */
    size_t map_bytes;
} bigmem;

#define BIGMEM_EMPTY                                                                               \
    {                                                                                              \
        NULL, 0, NULL, 0                                                                           \
    }

/* WAAGE_ENOMEM names the size and `what` it was for. */
WAAGE_MUST_CHECK waage_status bigmem_create(bigmem *out, size_t n_bytes, const char *what,
                                            waage_err *err);
void bigmem_free(bigmem *b);  /* empty is fine; b is empty afterwards */
size_t bigmem_physical(void); /* bytes of memory that the machine has; 0 when unknown */
/* Bytes that can be taken without swapping, caches given back and the limit of a container minded;
 * 0 when unknown. */
size_t bigmem_available(void);

#endif
