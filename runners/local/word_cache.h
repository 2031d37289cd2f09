/* word_cache.h - ids of words met before, so that common words are not merged again and again:
 * look-ups in the big tables miss the processor's caches, and this one fits into them. It never
 * changes a result. A cache belongs to one thread at a time; a pool lends them. */
#ifndef RUNNERS_LOCAL_WORD_CACHE_H
#define RUNNERS_LOCAL_WORD_CACHE_H
#include "runners/local/merge.h"

typedef struct word_pool word_pool;   /* opaque */
typedef struct word_cache word_cache; /* opaque */

bool word_pool_create(word_pool **out); /* false: memory was out */
void word_pool_free(word_pool *p);      /* NULL is fine; all caches have to be back */
/* A cache with what it has learnt; NULL when memory is out, which the others take. */
word_cache *word_pool_take(word_pool *p);
void word_pool_give(word_pool *p, word_cache *c);

/* Append the word's ids to out; false: it is not here. */
bool word_cache_find(const word_cache *c, const char *s, size_t len, id_list *out);
/* Keep out->id[from..n) as the word's ids, unless it is too long. */
void word_cache_put(word_cache *c, const char *s, size_t len, const id_list *out, size_t from);

#endif
