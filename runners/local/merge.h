/* merge.h - joins neighbouring symbols of a text, best pair first: the loop that both kinds of
 * byte-pair encoding share. O(n log n) in the number of symbols. */
#ifndef RUNNERS_LOCAL_MERGE_H
#define RUNNERS_LOCAL_MERGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { /* growing list of token ids */
    int32_t *id; /* (n) malloc */
    size_t n, cap;
    bool failed; /* memory was out; later puts are ignored */
} id_list;

void id_list_put(id_list *l, int32_t id);

typedef struct {
    const char *s;       /* text of the symbol */
    uint32_t len;        /* bytes; 0: joined into its left neighbour */
    int32_t id;          /* token, -1: none has this text */
    uint32_t prev, next; /* indices, MERGE_NONE at the ends */
} merge_symbol;

#define MERGE_NONE UINT32_MAX

typedef struct merge_pair merge_pair;

typedef struct { /* scratch, used again from text to text; zeros are ready for use */
    merge_symbol *symbol;
    size_t n, symbol_cap;
    merge_pair *heap;
    size_t n_heap, heap_cap;
    bool failed; /* memory was out */
} merge_work;

void merge_free(merge_work *w);
void merge_begin(merge_work *w);
void merge_add(merge_work *w, const char *s, uint32_t len, int32_t id);

/* May l and r be joined? Then *rank (lower is joined first; ties from the left) and *id. */
typedef bool (*merge_lookup)(const void *model, const merge_symbol *l, const merge_symbol *r,
                             uint32_t *rank, int32_t *id);
/* Join until no pair is left. Walk the rest from symbol[0] by `next`. Fails by w->failed. */
void merge_run(merge_work *w, const void *model, merge_lookup lookup);

#endif
