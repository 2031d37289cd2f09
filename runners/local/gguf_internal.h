/* gguf_internal.h - what gguf.c (files, tensors) and gguf_meta.c (metadata) share. */
#ifndef RUNNERS_LOCAL_GGUF_INTERNAL_H
#define RUNNERS_LOCAL_GGUF_INTERNAL_H
#include "harness/base/arena.h"
#include "harness/base/cursor.h"
#include "runners/local/gguf.h"

enum { GGUF_CLEAN = 80 };

/* Metadata of one file, in its order and sorted by key. */
typedef struct {
    gguf_entry *entry; /* (n) */
    size_t n;
    size_t *by_key; /* (n) indices into entry, keys ascending */
} gguf_meta;

/* Read n_kv entries at the cursor. `name` stands in messages. */
WAAGE_MUST_CHECK waage_status gguf_meta_read(gguf_meta *m, arena *a, cursor *c, uint64_t n_kv,
                                             const char *name, waage_err *err);
const gguf_entry *gguf_meta_find(const gguf_meta *m, const char *key);
/* Value of an integer key; false when it is missing, of another kind or negative. */
bool gguf_meta_u64(const gguf_meta *m, const char *key, uint64_t *out);

/* u64 length and bytes; false (cursor failed or at the bad length) when cut off or above max. */
bool gguf_read_str(cursor *c, uint64_t max, gguf_str *out);
/* bytewise order, shorter first on ties */
int gguf_str_compare(gguf_str a, gguf_str b);
/* A printable, NUL-terminated copy for messages: other bytes become '?', long names are cut. */
const char *gguf_clean(gguf_str s, char buf[GGUF_CLEAN]);

const gguf_meta *gguf_get_meta(const gguf *g); /* of the first part */

#endif
