/* kvcache.h - keys and values in pages of 64 positions, shared by prefix.
 * A page holds 64 positions of all layers and key/value heads: for each layer and head a block of
 * kern_kv_shape (kernels/kernels.h). Pages are reference-counted. A page is published under its
 * tokens and its predecessor; a later sequence with the same beginning finds it and need not
 * compute it: a complete page is shared, of any other page the first positions are copied. Since a
 * key depends on tokens and positions alone, neither ever changes a bit. Published pages that
 * nobody holds stay until their memory is needed, oldest use first. Not thread-safe, but for
 * reading and writing the contents of different positions. */
#ifndef RUNNERS_LOCAL_KVCACHE_H
#define RUNNERS_LOCAL_KVCACHE_H
#include <stddef.h>
#include <stdint.h>
#include "harness/base/err.h"
#include "harness/base/pool.h"
#include "kernels/kernels.h"

enum { KV_PAGE_LEN = 64 }; /* = KERN_ATTN_BLOCK: a page is a softmax block */

extern const char *const kvcache_format_names[KERN_KV_FORMATS]; /* as --kv-format takes them */

typedef struct kvcache kvcache; /* opaque */

typedef struct kv_page {
    char *data;      /* borrowed from the cache */
    uint64_t serial; /* of this content, never used twice; 0 while on the free list */
    uint64_t parent; /* serial of the page before, 0: the first */
    uint64_t key;    /* hash of parent and tokens, once published complete */
    uint32_t n_refs;
    uint32_t n_published;        /* tokens, 0: not published; only a complete page has successors */
    int32_t tokens[KV_PAGE_LEN]; /* (n_published) */
    struct kv_page *chain;       /* next in the bucket of complete pages */
    struct kv_page *prev_sibling, *next_sibling; /* in the bucket of parent and first token */
    struct kv_page *older, *newer; /* unused published pages by last use; `older` links free ones */
} kv_page;

typedef struct {
    size_t n_layers, n_kv_heads; /* heads as they are stored: 1 for latent attention */
    kern_kv_shape block;
} kv_shape;

/* As many pages as fit into max_bytes, at least one. Memory is used as pages are first taken, and
 * 4 MiB a thread (64 at most) ahead of that. `threads`, borrowed, make it ready: they must be
 * idle when a page is taken. */
WAAGE_MUST_CHECK waage_status kvcache_create(kvcache **out, kv_shape shape, size_t max_bytes,
                                             pool *threads, waage_err *err);
void kvcache_free(kvcache *kv); /* NULL is fine */
size_t kvcache_n_pages(const kvcache *kv);
size_t kvcache_page_bytes(kv_shape shape);
size_t kvcache_n_held(const kvcache *kv); /* pages with references; 0 when all sequences are done */

/* A page for new content, one reference; NULL when every page is held. Forgets the published page
 * that was unused for longest when no free one is left. */
kv_page *kvcache_take(kvcache *kv);
/* The predecessor of a first page whose text is of a kind of its own (model_is_long()): its pages
 * are not those of the other texts, which begin behind NULL. */
const kv_page *kvcache_long_root(const kvcache *kv);
/* The published page that holds these KV_PAGE_LEN tokens behind `parent` (NULL: at position 0),
 * with one reference more; NULL when there is none. */
kv_page *kvcache_match(kvcache *kv, const kv_page *parent, const int32_t *tokens);
/* The published page behind `parent` that begins with most of these n tokens, at most KV_PAGE_LEN,
 * and how many; borrowed. Of many candidates the latest few are looked at. NULL: not even the first
 * token. */
kv_page *kvcache_match_part(const kvcache *kv, const kv_page *parent, const int32_t *tokens,
                            size_t n, size_t *n_same);
/* The first n positions of `page` are computed and finite: others may find them. May be called
 * again when there are more. Nothing happens when the parent (not NULL) is not published: then the
 * page could never be found. Returns the page to go on with: when an equal complete page is there
 * already, that one, the reference to `page` given up for one to it. */
WAAGE_MUST_CHECK kv_page *kvcache_publish(kvcache *kv, kv_page *page, const kv_page *parent,
                                          const int32_t *tokens, size_t n);
void kvcache_hold(kvcache *kv, kv_page *page);    /* one reference more */
void kvcache_release(kvcache *kv, kv_page *page); /* one less */
/* Copy the first n positions. */
void kvcache_copy(const kvcache *kv, kv_page *to, const kv_page *from, size_t n);

kv_shape kvcache_shape(const kvcache *kv);
void *kvcache_block(const kvcache *kv, const kv_page *p, size_t layer, size_t head);

#endif
