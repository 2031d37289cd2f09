/* kvcache.c - the page table: free list, hash of published pages, list by last use. It knows tokens
 * and positions, not sequences; the scheduler decides who waits when kvcache_take() says no. */
#include "runners/local/kvcache.h"
#include <stdlib.h>
#include <string.h>
#include "harness/base/num.h"
#include "runners/local/bigmem.h"

enum {
    MAX_LOOKS = 32, /* pages with the same parent that are compared for a common beginning */
    AHEAD_EACH = 2, /* huge pages that each thread makes ready at a time */
    AHEAD_MOST = 32 /* and all of them */
};

const char *const kvcache_format_names[KERN_KV_FORMATS] = {"f32", "f16", "q8"};

struct kvcache {
    kv_shape shape;
    size_t block_bytes;
    bigmem mem;
    pool *threads;  /* borrowed */
    kv_page *pages; /* (n_pages) */
    size_t n_pages, n_ready, n_taken, n_held;
    uint64_t next_serial;
    kv_page **buckets;  /* (n_buckets), a power of two: complete pages by all they hold */
    kv_page **siblings; /* (n_buckets): published pages by parent and first token, latest first */
    size_t n_buckets;
    kv_page long_root; /* holds nothing; a parent like NULL, with a serial of its own */
    kv_page *free_list;
    kv_page *oldest, *newest; /* unused published pages */
};

size_t kvcache_page_bytes(kv_shape shape)
{
    return shape.n_layers * shape.n_kv_heads * kern_kv_bytes(shape.block);
}

waage_status kvcache_create(kvcache **out, kv_shape shape, size_t max_bytes, pool *threads,
                            waage_err *err)
{
    *out = NULL;
    kvcache *kv = calloc(1, sizeof *kv);
    if (!kv) return waage_err_nomem(err);
    const size_t page_bytes = kvcache_page_bytes(shape);
    kv->shape = shape;
    kv->threads = threads;
    kv->block_bytes = kern_kv_bytes(shape.block);
    kv->next_serial = 1;
    kv->long_root = (kv_page){.serial = UINT64_MAX, .n_published = KV_PAGE_LEN};
    kv->n_pages = max_bytes / page_bytes > 0 ? max_bytes / page_bytes : 1;
    for (kv->n_buckets = 16; kv->n_buckets < kv->n_pages; kv->n_buckets *= 2)
        ;
    kv->pages = calloc(kv->n_pages, sizeof *kv->pages);
    kv->buckets = calloc(kv->n_buckets, sizeof *kv->buckets);
    kv->siblings = calloc(kv->n_buckets, sizeof *kv->siblings);
    waage_status st = kv->pages && kv->buckets && kv->siblings ? WAAGE_OK : waage_err_nomem(err);
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
    free(kv->siblings);
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

const kv_page *kvcache_long_root(const kvcache *kv)
{
    return &kv->long_root;
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

static kv_page **siblings_of(const kvcache *kv, uint64_t parent, int32_t first)
{
    uint64_t h = (parent ^ (uint64_t)(uint32_t)first << 32) * 0x9E3779B97F4A7C15u;
    h ^= h >> 29;
    return &kv->siblings[h & (kv->n_buckets - 1)];
}

static void link_sibling(kvcache *kv, kv_page *p)
{
    kv_page **at = siblings_of(kv, p->parent, p->tokens[0]);
    p->prev_sibling = NULL;
    p->next_sibling = *at;
    if (*at) (*at)->prev_sibling = p;
    *at = p;
}

static void unlink_sibling(kvcache *kv, kv_page *p)
{
    *(p->prev_sibling ? &p->prev_sibling->next_sibling : siblings_of(kv, p->parent, p->tokens[0])) =
        p->next_sibling;
    if (p->next_sibling) p->next_sibling->prev_sibling = p->prev_sibling;
    p->prev_sibling = p->next_sibling = NULL;
}

static void unpublish(kvcache *kv, kv_page *p)
{
    if (p->n_published == 0) return;
    unlink_sibling(kv, p);
    if (p->n_published == KV_PAGE_LEN) {
        kv_page **at = bucket_of(kv, p->key);
        while (*at != p)
            at = &(*at)->chain;
        *at = p->chain;
        p->chain = NULL;
    }
    p->n_published = 0;
}

typedef struct {
    char *memory;
    size_t from, to; /* bytes of it */
} ready_job;

static void ready_part(void *ctx, size_t part, size_t thread)
{
    enum { SYSTEM_PAGE = 4096 }; /* the smallest there is */
    (void)thread;
    const ready_job *j = ctx;
    const size_t unit = j->from / BIGMEM_HUGE_PAGE + part;
    const size_t begin = unit * BIGMEM_HUGE_PAGE, end = begin + BIGMEM_HUGE_PAGE;
    for (size_t at = begin < j->from ? j->from : begin; at < j->to && at < end; at += SYSTEM_PAGE)
        *(volatile char *)(j->memory + at) = 0;
}

/* The system finds and clears memory when it is first written, which can cost more than what is
 * written there. Sequences that copy the beginning of a page do so one after another and would
 * wait for it on one thread: some more than one page is made ready on all of them. */
static void make_ready(kvcache *kv)
{
    const size_t n_threads = pool_n_threads(kv->threads), left = kv->n_pages - kv->n_ready;
    const size_t page_bytes = kvcache_page_bytes(kv->shape);
    const size_t units = n_threads < AHEAD_MOST / AHEAD_EACH ? AHEAD_EACH * n_threads : AHEAD_MOST;
    size_t n = (units * BIGMEM_HUGE_PAGE + page_bytes - 1) / page_bytes;
    if (n > left) n = left;
    ready_job job = {kv->mem.data, kv->n_ready * page_bytes, (kv->n_ready + n) * page_bytes};
    const size_t end = (job.to + BIGMEM_HUGE_PAGE - 1) / BIGMEM_HUGE_PAGE;
    pool_run(kv->threads, end - job.from / BIGMEM_HUGE_PAGE, ready_part, &job);
    kv->n_ready += n;
}

kv_page *kvcache_take(kvcache *kv)
{
    kv_page *p = kv->free_list;
    if (p) {
        kv->free_list = p->older;
        p->older = NULL;
    } else if (kv->n_taken < kv->n_pages) {
        if (kv->n_taken == kv->n_ready) make_ready(kv);
        p = &kv->pages[kv->n_taken++];
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

static size_t n_same_tokens(const kv_page *p, const int32_t *tokens, size_t n)
{
    size_t k = 0;
    if (n > p->n_published) n = p->n_published;
    while (k < n && p->tokens[k] == tokens[k])
        k++;
    return k;
}

kv_page *kvcache_match_part(const kvcache *kv, const kv_page *parent, const int32_t *tokens,
                            size_t n, size_t *n_same)
{
    const uint64_t serial = parent ? parent->serial : 0;
    kv_page *best = NULL;
    *n_same = 0;
    kv_page *p = n > 0 ? *siblings_of(kv, serial, tokens[0]) : NULL;
    for (int looks = 0; p && looks < MAX_LOOKS && *n_same < n; p = p->next_sibling, looks++) {
        const size_t same = p->parent == serial ? n_same_tokens(p, tokens, n) : 0;
        if (same <= *n_same) continue;
        *n_same = same;
        best = p;
    }
    return best;
}

static kv_page *publish_complete(kvcache *kv, kv_page *page, const int32_t *tokens)
{
    const uint64_t key = page_key(page->parent, tokens);
    kv_page *twin = find(kv, page->parent, key, tokens);
    if (twin) {
        kvcache_hold(kv, twin);
        unpublish(kv, page);
        kvcache_release(kv, page);
        return twin;
    }
    page->key = key;
    page->n_published = KV_PAGE_LEN;
    page->chain = *bucket_of(kv, key);
    *bucket_of(kv, key) = page;
    return page;
}

kv_page *kvcache_publish(kvcache *kv, kv_page *page, const kv_page *parent, const int32_t *tokens,
                         size_t n)
{
    if (page->n_published >= n || (parent && parent->n_published < KV_PAGE_LEN)) return page;
    memcpy(page->tokens, tokens, n * sizeof *tokens);
    if (page->n_published == 0) {
        page->parent = parent ? parent->serial : 0;
        link_sibling(kv, page);
    }
    page->n_published = (uint32_t)(n < KV_PAGE_LEN ? n : KV_PAGE_LEN - 1);
    return n == KV_PAGE_LEN ? publish_complete(kv, page, tokens) : page;
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
    if (page->n_published > 0) {
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
