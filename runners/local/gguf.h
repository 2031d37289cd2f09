/* gguf.h - read-only view of a GGUF model file, versions 2 and 3, little endian, also in split
 * parts. Source: GGUF specification, revision 3. The file is untrusted: every count, length, offset
 * and product is checked before use, and the file is mapped at the size it has at open. Messages
 * name the file and the byte offset. A view is immutable after gguf_open() and may be read from
 * several threads. A model split as NAME-00001-of-0000N.gguf is opened by any of its parts: the
 * others are looked for beside it; metadata come from the first part, tensors from all. */
#ifndef RUNNERS_LOCAL_GGUF_H
#define RUNNERS_LOCAL_GGUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "kernels/quant.h"

typedef struct gguf gguf; /* opaque: the mapped file or files */

typedef struct {
    const char *s; /* borrowed from the mapping, NOT NUL-terminated, any bytes */
    size_t len;
} gguf_str;

/* Type numbers of metadata values, as in the file. */
typedef enum {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STR,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_KIND_COUNT
} gguf_kind;

typedef struct {      /* a plain value */
    gguf_kind elem;   /* never GGUF_ARRAY: nested arrays are refused at open */
    size_t n;         /* elements */
    const void *data; /* borrowed; elements packed, not aligned */
    size_t n_bytes;
} gguf_array;

typedef struct { /* one metadata entry */
    gguf_str key;
    gguf_kind kind;
    gguf_array array; /* GGUF_ARRAY: the elements; any other kind: n = 1, elem = kind, its bytes */
} gguf_entry;

typedef struct { /* a plain value; copy it freely */
    gguf_str name;
    uint32_t ggml_type; /* type number in the file; quant_ggml_name() names it */
    bool supported;     /* `type` is valid: the engine can load it */
    quant_type type;
    uint32_t n_dims;  /* 1..4 */
    uint64_t dim[4];  /* elements, fastest-varying first, unused = 1 */
    uint64_t n_elems; /* product of dim */
    const void *data; /* borrowed: points into the mapping, aligned to general.alignment */
    size_t n_bytes;   /* exact when supported; else up to the next tensor, padding included */
    size_t part;      /* index of the file part it lies in */
    size_t index;     /* of gguf_tensor_at() */
} gguf_tensor;

/* Map `path` (and the other parts of a split model) and validate header, metadata and tensor
 * directory. The caller owns *out and ends it with gguf_close(); on failure *out is NULL.
 * WAAGE_EIO (open, stat, mmap, missing part) | WAAGE_EFORMAT (byte offset and reason) |
 * WAAGE_EUNSUPPORTED (version 1, big endian) | WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status gguf_open(gguf **out, const char *path, waage_err *err);
/* The same over bytes in memory, one part; `name` stands in messages. data must stay as long as
 * *out. */
WAAGE_MUST_CHECK waage_status gguf_open_memory(gguf **out, const void *data, size_t size,
                                               const char *name, waage_err *err);
void gguf_close(gguf *g); /* NULL is fine; ends the life of everything borrowed from g */

const char *gguf_path(const gguf *g); /* of the first part */
uint32_t gguf_version(const gguf *g);
size_t gguf_n_parts(const gguf *g);
uint64_t gguf_file_bytes(const gguf *g); /* of all parts */
/* SHA-256 of the file; of a split model the SHA-256 of the parts' hex hashes, concatenated in
 * order. Reads all of it (about 1 s a gigabyte). WAAGE_EIO | WAAGE_ENOMEM. */
WAAGE_MUST_CHECK waage_status gguf_sha256(const gguf *g, char hex[HASH_HEX], waage_err *err);
/* Has a file changed (size, time of change) since it was mapped? WAAGE_EIO names it. To be called
 * after the weights are packed: what was read belongs together then. */
WAAGE_MUST_CHECK waage_status gguf_check_unchanged(const gguf *g, waage_err *err);

/* ---- Metadata -------------------------------------------------------------------------------- */

size_t gguf_n_entries(const gguf *g);
gguf_entry gguf_entry_at(const gguf *g,
                         size_t i); /* i < gguf_n_entries, in the order of the file */
/* NULL when there is no such key; borrowed. */
const gguf_entry *gguf_find_entry(const gguf *g, const char *key);
bool gguf_has(const gguf *g, const char *key);

/* Typed look-up. WAAGE_ENOTFOUND when the key is missing (*out stays untouched), WAAGE_EFORMAT when
 * it has another kind or does not fit; err names the key. Integers of any width convert when the
 * value fits; f32 takes f32, f64 and integers; bool takes bool alone. */
WAAGE_MUST_CHECK waage_status gguf_get_u32(uint32_t *out, const gguf *g, const char *key,
                                           waage_err *err);
WAAGE_MUST_CHECK waage_status gguf_get_u64(uint64_t *out, const gguf *g, const char *key,
                                           waage_err *err);
WAAGE_MUST_CHECK waage_status gguf_get_f32(float *out, const gguf *g, const char *key,
                                           waage_err *err);
WAAGE_MUST_CHECK waage_status gguf_get_bool(bool *out, const gguf *g, const char *key,
                                            waage_err *err);
WAAGE_MUST_CHECK waage_status gguf_get_str(gguf_str *out, const gguf *g, const char *key,
                                           waage_err *err);
WAAGE_MUST_CHECK waage_status gguf_get_array(gguf_array *out, const gguf *g, const char *key,
                                             waage_err *err);
/* The same with a default for a missing key; a key of the wrong kind is an error all the same. */
WAAGE_MUST_CHECK waage_status gguf_opt_u32(uint32_t *out, const gguf *g, const char *key,
                                           uint32_t def, waage_err *err);
WAAGE_MUST_CHECK waage_status gguf_opt_f32(float *out, const gguf *g, const char *key, float def,
                                           waage_err *err);
WAAGE_MUST_CHECK waage_status gguf_opt_bool(bool *out, const gguf *g, const char *key, bool def,
                                            waage_err *err);
/* A missing key gives {NULL, 0}. */
WAAGE_MUST_CHECK waage_status gguf_opt_str(gguf_str *out, const gguf *g, const char *key,
                                           waage_err *err);

/* Element i < a->n of a numeric or bool array. false: wrong kind, or the value does not fit. */
bool gguf_array_u32(const gguf_array *a, size_t i, uint32_t *out);
bool gguf_array_i32(const gguf_array *a, size_t i, int32_t *out);
bool gguf_array_f32(const gguf_array *a, size_t i, float *out);
/* Strings have no index: walk them. *pos starts at 0; false at the end or for another kind. */
bool gguf_array_next_str(const gguf_array *a, size_t *pos, gguf_str *out);

bool gguf_str_equal(gguf_str s, const char *text);

/* ---- Tensors --------------------------------------------------------------------------------- */

size_t gguf_n_tensors(const gguf *g);
gguf_tensor gguf_tensor_at(const gguf *g,
                           size_t i); /* i < gguf_n_tensors, in the order of the file */
/* Exact-name lookup. WAAGE_ENOTFOUND is an answer, not a fault: *out stays untouched. */
WAAGE_MUST_CHECK waage_status gguf_find(const gguf *g, const char *name, gguf_tensor *out);
/* Tell the system that the pages of this tensor are not needed any more (they are read again from
 * the file when touched). Pages shared with a neighbour stay. */
void gguf_drop_pages(const gguf *g, const gguf_tensor *t);

#endif
