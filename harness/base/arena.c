/* arena.c - bump allocation over a list of blocks. */
#include "harness/base/arena.h"
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_ALIGN = 16, ARENA_FIRST = 4096, ARENA_MAX = 1 << 20 };

struct arena_block {
    arena_block *next;
    size_t used, cap;
    alignas(16) unsigned char data[];
};

static arena_block *block_new(arena *a, size_t cap)
{
    if (cap > SIZE_MAX - sizeof(arena_block)) return NULL;
    arena_block *b = malloc(sizeof *b + cap);
    if (!b) return NULL;
    b->next = a->head;
    b->used = 0;
    b->cap = cap;
    a->head = b;
    return b;
}

void *arena_alloc(arena *a, size_t n)
{
    if (n > SIZE_MAX / 2) return NULL;
    a->n_bytes += n;
#ifdef WAAGE_ARENA_DEBUG
    arena_block *own = block_new(a, n);
    return own ? own->data : NULL;
#else
    const size_t want = (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    arena_block *b = a->head;
    if (!b || b->cap - b->used < want) {
        size_t size = a->next_size ? a->next_size : ARENA_FIRST;
        a->next_size = size < ARENA_MAX ? size * 2 : size;
        b = block_new(a, want > size ? want : size);
        if (!b) return NULL;
    }
    void *p = b->data + b->used;
    b->used += want;
    return p;
#endif
}

void *arena_calloc(arena *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size) return NULL;
    void *p = arena_alloc(a, n * size);
    if (p) memset(p, 0, n * size);
    return p;
}

char *arena_strndup(arena *a, const char *s, size_t len)
{
    char *p = arena_alloc(a, len + 1);
    if (!p) return NULL;
    if (len) memcpy(p, s, len);
    p[len] = 0;
    return p;
}

char *arena_strdup(arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

void arena_free(arena *a)
{
    for (arena_block *b = a->head; b;) {
        arena_block *next = b->next;
        free(b);
        b = next;
    }
    a->head = NULL;
    a->next_size = a->n_bytes = 0;
}
