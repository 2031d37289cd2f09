/* arena.h - memory that is freed together: one arena per run, task or batch.
 * Blocks come from malloc and double up to 1 MiB; an allocation never moves. Not thread-safe.
 * Built with WAAGE_ARENA_DEBUG (the sanitizer modes), every allocation is a malloc of its own,
 * so that ASan sees the bounds of each object. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include <stddef.h>
#include "harness/base/err.h"

typedef struct arena_block arena_block;

typedef struct {
    arena_block *head; /* newest block */
    size_t next_size;  /* bytes of the next block */
    size_t n_bytes;    /* handed out so far */
} arena;

#define ARENA_EMPTY                                                                                \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    } /* `arena a = ARENA_EMPTY;` is ready for use */

/* n bytes aligned for any type (16), not cleared; NULL when memory is out. n = 0 gives a valid
 * pointer. */
void *arena_alloc(arena *a, size_t n);
/* n * size bytes, cleared; NULL when memory is out or the product overflows. */
void *arena_calloc(arena *a, size_t n, size_t size);
/* Copies; a NUL is put behind the copy. NULL when memory is out. */
char *arena_strdup(arena *a, const char *s);
char *arena_strndup(arena *a, const char *s, size_t len);
/* printf into the arena; NULL when memory is out. */
char *arena_printf(arena *a, const char *fmt, ...) WAAGE_PRINTF(2, 3);
/* Free everything; the arena is empty and usable again. */
void arena_free(arena *a);

#endif
