/* kvcache.c - the page table: free list, hash of published pages, list by last use. It knows tokens
 * and positions, not sequences; the scheduler decides who waits when kvcache_take() says no. */
#include "runners/local/kvcache.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/num.h"
#include "runners/local/bigmem.h"

struct kvcache {
    kv_shape shape;
    size_t block_bytes;
    bigmem mem;
    kv_page *pages; /* (n_pages) */
    size_t n_pages, n_touched, n_held;
    uint64_t next_serial;
    kv_page **buckets; /* (n_buckets), a power of two */
    size_t n_buckets;
    kv_page *free_list;
    kv_page *oldest, *newest; /* unused published pages */
};

size_t kvcache_page_bytes(kv_shape shape)
{
    return shape.n_layers * shape.n_kv_heads * kern_kv_bytes(shape.block);
}

waage_status kvcache_create(kvcache **out, kv_shape shape, size_t max_bytes, waage_err *err)
{
    *out = NULL;
    kvcache *kv = calloc(1, sizeof *kv);
    if (!kv) return waage_err_nomem(err);
    const size_t page_bytes = kvcache_page_bytes(shape);
    kv->shape = shape;
    kv->block_bytes = kern_kv_bytes(shape.block);
    kv->next_serial = 1;
    kv->n_pages = max_bytes / page_bytes > 0 ? max_bytes / page_bytes : 1;
    for (kv->n_buckets = 16; kv->n_buckets < kv->n_pages; kv->n_buckets *= 2)
        ;
    kv->pages = calloc(kv->n_pages, sizeof *kv->pages);
    kv->buckets = calloc(kv->n_buckets, sizeof *kv->buckets);
    waage_status st = kv->pages && kv->buckets ? WAAGE_OK : waage_err_nomem(err);
    size_t bytes;
    if (st == WAAGE_OK && !num_mul_size(&bytes, kv->n_pages, page_bytes)) st = waage_err_nomem(err);
    if (st == WAAGE_OK) st = bigmem_create(&kv->mem, bytes, "the key/value cache", err);
    if (st != WAAGE_OK) {
        kvcache_free(kv);
        return st;
    }
    for (size_t i = 0; i < kv->n_pages; i++)
        kv->pages[i].data = (char *)kv->mem.data + i * page_bytes;
    *out = kv;
    return WAAGE_OK;
}

void kvcache_free(kvcache *kv)
{
    if (!kv) return;
    bigmem_free(&kv->mem);
    free(kv->pages);
    free(kv->buckets);
    free(kv);
}

size_t kvcache_n_pages(const kvcache *kv)
{
    return kv->n_pages;
}

size_t kvcache_n_held(const kvcache *kv)
{
    return kv->n_held;
}

static uint64_t page_key(uint64_t parent, const int32_t *tokens)
{
    uint64_t h = parent * 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < KV_PAGE_LEN; i++) {
        h = (h ^ (uint32_t)tokens[i]) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
    }
    return h;
}

static kv_page **bucket_of(const kvcache *kv, uint64_t key)
{
    return &kv->buckets[key & (kv->n_buckets - 1)];
}

static void unlink_unused(kvcache *kv, kv_page *p)
{
    *(p->older ? &p->older->newer : &kv->oldest) = p->newer;
    *(p->newer ? &p->newer->older : &kv->newest) = p->older;
    p->older = p->newer = NULL;
}

static void link_unused(kvcache *kv, kv_page *p)
{
    p->older = kv->newest;
    p->newer = NULL;
    *(kv->newest ? &kv->newest->newer : &kv->oldest) = p;
    kv->newest = p;
}

static void unpublish(kvcache *kv, kv_page *p)
{
    kv_page **at = bucket_of(kv, p->key);
    while (*at != p)
        at = &(*at)->chain;
    *at = p->chain;
    p->chain = NULL;
    p->published = 0;
}

kv_page *kvcache_take(kvcache *kv)
{
    kv_page *p = kv->free_list;
    if (p) {
        kv->free_list = p->older;
        p->older = NULL;
    } else if (kv->n_touched < kv->n_pages) {
        p = &kv->pages[kv->n_touched++];
    } else if (kv->oldest) {
        p = kv->oldest;
        unlink_unused(kv, p);
        unpublish(kv, p);
    } else {
        return NULL;
    }
    p->serial = kv->next_serial++;
    p->n_refs = 1;
    kv->n_held++;
    return p;
}

static kv_page *find(const kvcache *kv, uint64_t parent, uint64_t key, const int32_t *tokens)
{
    for (kv_page *p = *bucket_of(kv, key); p; p = p->chain)
        if (p->key == key && p->parent == parent &&
            memcmp(p->tokens, tokens, sizeof p->tokens) == 0)
            return p;
    return NULL;
}

kv_page *kvcache_match(kvcache *kv, const kv_page *parent, const int32_t *tokens)
{
    const uint64_t serial = parent ? parent->serial : 0;
    kv_page *p = find(kv, serial, page_key(serial, tokens), tokens);
    if (p) kvcache_hold(kv, p);
    return p;
}

void kvcache_publish(kvcache *kv, kv_page *page, const kv_page *parent, const int32_t *tokens)
{
    if (page->published || (parent && !parent->published)) return;
    const uint64_t serial = parent ? parent->serial : 0;
    const uint64_t key = page_key(serial, tokens);
    if (find(kv, serial, key, tokens)) return;
    page->key = key;
    page->parent = serial;
    memcpy(page->tokens, tokens, sizeof page->tokens);
    page->published = 1;
    page->chain = *bucket_of(kv, key);
    *bucket_of(kv, key) = page;
}

void kvcache_hold(kvcache *kv, kv_page *page)
{
    if (page->n_refs++ > 0) return;
    kv->n_held++;
    unlink_unused(kv, page);
}

void kvcache_release(kvcache *kv, kv_page *page)
{
    if (--page->n_refs > 0) return;
    kv->n_held--;
    if (page->published) {
        link_unused(kv, page);
    } else {
        page->serial = 0;
        page->older = kv->free_list;
        kv->free_list = page;
    }
}

kv_shape kvcache_shape(const kvcache *kv)
{
    return kv->shape;
}

void *kvcache_block(const kvcache *kv, const kv_page *p, size_t layer, size_t head)
{
    return p->data + (layer * kv->shape.n_kv_heads + head) * kv->block_bytes;
}

void kvcache_copy(const kvcache *kv, kv_page *to, const kv_page *from, size_t n)
{
    for (size_t l = 0; l < kv->shape.n_layers; l++)
        for (size_t h = 0; h < kv->shape.n_kv_heads; h++)
            kern_kv_copy(kv->shape.block, kvcache_block(kv, to, l, h),
                         kvcache_block(kv, from, l, h), n);
}
