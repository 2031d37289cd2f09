/* word_cache.c - one slot a hash, the last word wins. A slot is one line of the processor's cache.
 */
#include "runners/local/word_cache.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { N_SLOTS = 1 << 12, WORD_BYTES = 22, WORD_IDS = 10 };

typedef struct {
    uint8_t len, n; /* len 0: free */
    char s[WORD_BYTES];
    int32_t id[WORD_IDS];
} word_slot;
_Static_assert(sizeof(word_slot) == 64, "a line of the processor's cache");

struct word_cache {
    word_slot slot[N_SLOTS];
    word_cache *next; /* in the pool */
};

struct word_pool {
    pthread_mutex_t lock;
    word_cache *idle;
};

bool word_pool_create(word_pool **out)
{
    word_pool *p = *out = calloc(1, sizeof *p);
    if (p && pthread_mutex_init(&p->lock, NULL) != 0) {
        free(p);
        *out = NULL;
    }
    return *out != NULL;
}

void word_pool_free(word_pool *p)
{
    if (!p) return;
    for (word_cache *c = p->idle, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

word_cache *word_pool_take(word_pool *p)
{
    pthread_mutex_lock(&p->lock);
    word_cache *c = p->idle;
    if (c) p->idle = c->next;
    pthread_mutex_unlock(&p->lock);
    return c ? c : calloc(1, sizeof *c);
}

void word_pool_give(word_pool *p, word_cache *c)
{
    if (!c) return;
    pthread_mutex_lock(&p->lock);
    c->next = p->idle;
    p->idle = c;
    pthread_mutex_unlock(&p->lock);
}

static size_t slot_of(const char *s, size_t len)
{
    uint64_t h = 0x9E3779B97F4A7C15u ^ len;
    while (len > 0) {
        uint64_t part = 0;
        const size_t n = len < 8 ? len : 8;
        memcpy(&part, s, n);
        h = (h ^ part) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
        s += n;
        len -= n;
    }
    return (size_t)(h * 0xD6E8FEB86659FD93u >> 52);
}
_Static_assert(N_SLOTS == 1 << (64 - 52), "slot_of gives that many bits");

bool word_cache_find(const word_cache *c, const char *s, size_t len, id_list *out)
{
    if (!c || len == 0 || len > WORD_BYTES) return false;
    const word_slot *w = &c->slot[slot_of(s, len)];
    if (w->len != len || memcmp(w->s, s, len) != 0) return false;
    for (size_t i = 0; i < w->n; i++)
        id_list_put(out, w->id[i]);
    return true;
}

void word_cache_put(word_cache *c, const char *s, size_t len, const id_list *out, size_t from)
{
    const size_t n = out->n - from;
    if (!c || len == 0 || len > WORD_BYTES || n > WORD_IDS || out->failed) return;
    word_slot *w = &c->slot[slot_of(s, len)];
    w->len = (uint8_t)len;
    w->n = (uint8_t)n;
    memcpy(w->s, s, len);
    if (n > 0) memcpy(w->id, out->id + from, n * sizeof *w->id);
}
