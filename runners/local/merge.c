/* merge.c - a binary heap of candidate pairs over a linked list of symbols. Pairs whose symbols
 * have changed since are recognised by their total length and dropped when they come up. */
#include "runners/local/merge.h"
#include <stdlib.h>

struct merge_pair {
    uint32_t rank, left, right;
    uint32_t len; /* of both texts when the pair was found */
    int32_t id;
};

void id_list_put(id_list *l, int32_t id)
{
    if (l->n == l->cap && !l->failed) {
        const size_t cap = l->cap ? l->cap * 2 : 64;
        int32_t *p = realloc(l->id, cap * sizeof *p);
        if (p) {
            l->id = p;
            l->cap = cap;
        }
        l->failed = !p;
    }
    if (!l->failed) l->id[l->n++] = id;
}

void merge_free(merge_work *w)
{
    free(w->symbol);
    free(w->heap);
    *w = (merge_work){0};
}

void merge_begin(merge_work *w)
{
    w->n = w->n_heap = 0;
}

void merge_add(merge_work *w, const char *s, uint32_t len, int32_t id)
{
    if (w->n == w->symbol_cap && !w->failed) {
        const size_t cap = w->symbol_cap ? w->symbol_cap * 2 : 64;
        merge_symbol *p = cap < MERGE_NONE ? realloc(w->symbol, cap * sizeof *p) : NULL;
        if (p) {
            w->symbol = p;
            w->symbol_cap = cap;
        }
        w->failed = !p;
    }
    if (w->failed) return;
    const uint32_t i = (uint32_t)w->n++;
    w->symbol[i] = (merge_symbol){s, len, id, i ? i - 1 : MERGE_NONE, MERGE_NONE};
    if (i) w->symbol[i - 1].next = i;
}

static bool before(const merge_pair *a, const merge_pair *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static void heap_push(merge_work *w, merge_pair p)
{
    if (w->n_heap == w->heap_cap && !w->failed) {
        const size_t cap = w->heap_cap ? w->heap_cap * 2 : 64;
        merge_pair *h = realloc(w->heap, cap * sizeof *h);
        if (h) {
            w->heap = h;
            w->heap_cap = cap;
        }
        w->failed = !h;
    }
    if (w->failed) return;
    size_t i = w->n_heap++;
    while (i && before(&p, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = p;
}

static merge_pair heap_pop(merge_work *w)
{
    const merge_pair top = w->heap[0], last = w->heap[--w->n_heap];
    size_t i = 0;
    for (size_t child = 1; child < w->n_heap; child = 2 * i + 1) {
        if (child + 1 < w->n_heap && before(&w->heap[child + 1], &w->heap[child])) child++;
        if (!before(&w->heap[child], &last)) break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return top;
}

static void consider(merge_work *w, uint32_t left, const void *model, merge_lookup lookup)
{
    const merge_symbol *l = &w->symbol[left];
    merge_pair p = {0, left, l->next, 0, -1};
    if (p.right == MERGE_NONE) return;
    const merge_symbol *r = &w->symbol[p.right];
    p.len = l->len + r->len;
    if (lookup(model, l, r, &p.rank, &p.id)) heap_push(w, p);
}

void merge_run(merge_work *w, const void *model, merge_lookup lookup)
{
    for (size_t i = 0; !w->failed && i + 1 < w->n; i++)
        consider(w, (uint32_t)i, model, lookup);
    while (w->n_heap && !w->failed) {
        const merge_pair p = heap_pop(w);
        merge_symbol *l = &w->symbol[p.left], *r = &w->symbol[p.right];
        if (l->len == 0 || r->len == 0 || l->len + r->len != p.len) continue;
        l->len = p.len;
        l->id = p.id;
        l->next = r->next;
        r->len = 0;
        if (l->next != MERGE_NONE) w->symbol[l->next].prev = p.left;
        if (l->prev != MERGE_NONE) consider(w, l->prev, model, lookup);
        consider(w, p.left, model, lookup);
    }
}
