/* gguf.c - maps the file or the parts of a split model, checks header and tensor directory.
 * Metadata are gguf_meta.c's. After gguf_open() nothing is written any more. */
#define _DEFAULT_SOURCE /* madvise(MADV_DONTNEED): glibc's posix_madvise ignores the advice */
#include "runners/local/gguf_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "harness/base/num.h"

enum {
    NAME_MAX_BYTES = 1024,
    TENSORS_MAX = 1 << 20,
    TENSOR_MIN_BYTES = 8 + 1 + 4 + 8 + 4 + 8,
    PARTS_MAX = 4096,
    ALIGNMENT_DEFAULT = 32,
    ALIGNMENT_MAX = 1 << 16,
    ELEMS_PER_BYTE_MAX = 8 /* no format packs weights more densely than one bit */
};

typedef struct {
    char *path;                /* for messages; arena */
    const unsigned char *data; /* the mapping, or borrowed memory */
    size_t size;
    bool mapped;
    struct timespec changed;
    uint32_t version;
    gguf_meta meta;
    size_t n_tensors, first_tensor; /* its slice of gguf.tensor */
    size_t data_start;
} file_part;

struct gguf {
    file_part *part; /* (n_parts), arena */
    size_t n_parts;
    gguf_tensor *tensor; /* (n_tensors), malloc */
    size_t n_tensors;
    size_t *by_name; /* (n_tensors), arena */
    arena a;
};

/* ---- Files ----------------------------------------------------------------------------------- */

static waage_status map_file(file_part *p, const char *path, arena *a, waage_err *err)
{
    struct stat st;
    p->path = arena_strdup(a, path);
    if (!p->path) return waage_err_nomem(err);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return waage_err_set(err, WAAGE_EIO, "%s: %s", path, strerror(errno));
    waage_status status = WAAGE_OK;
    if (fstat(fd, &st) != 0)
        status = waage_err_set(err, WAAGE_EIO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        status = waage_err_set(err, WAAGE_EIO, "%s: not a regular file", path);
    else if (st.st_size < 24)
        status = waage_err_set(err, WAAGE_EFORMAT, "%s: %lld bytes are too short for a GGUF file",
                               path, (long long)st.st_size);
    if (status == WAAGE_OK) {
        p->size = (size_t)st.st_size;
        p->changed = st.st_mtim;
        void *m = mmap(NULL, p->size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (m == MAP_FAILED) {
            status = waage_err_set(err, WAAGE_EIO, "%s: mmap: %s", path, strerror(errno));
        } else {
            p->data = m;
            p->mapped = true;
        }
    }
    close(fd);
    return status;
}

waage_status gguf_check_unchanged(const gguf *g, waage_err *err)
{
    for (size_t i = 0; i < g->n_parts; i++) {
        const file_part *p = &g->part[i];
        struct stat st;
        if (!p->mapped) continue;
        if (stat(p->path, &st) != 0)
            return waage_err_set(err, WAAGE_EIO, "%s: %s", p->path, strerror(errno));
        if ((uint64_t)st.st_size != p->size || st.st_mtim.tv_sec != p->changed.tv_sec ||
            st.st_mtim.tv_nsec != p->changed.tv_nsec)
            return waage_err_set(err, WAAGE_EIO, "%s: changed while it was being read", p->path);
    }
    return WAAGE_OK;
}

/* ---- Header and tensor directory ------------------------------------------------------------- */

static waage_status read_header(file_part *p, cursor *c, arena *a, waage_err *err)
{
    const void *magic = cursor_take(c, 4);
    if (!magic || memcmp(magic, "GGUF", 4) != 0)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: byte 0: not a GGUF file", p->path);
    p->version = cursor_u32(c);
    if (p->version == 0x02000000 || p->version == 0x03000000)
        return waage_err_set(err, WAAGE_EUNSUPPORTED,
                             "%s: byte 4: big-endian GGUF files are not supported", p->path);
    if (p->version != 2 && p->version != 3)
        return waage_err_set(err, p->version == 1 ? WAAGE_EUNSUPPORTED : WAAGE_EFORMAT,
                             "%s: byte 4: GGUF version %" PRIu32 "; versions 2 and 3 are supported",
                             p->path, p->version);
    const uint64_t n_tensors = cursor_u64(c), n_kv = cursor_u64(c);
    if (c->failed)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: byte %zu: the file ends inside its header",
                             p->path, c->pos);
    if (n_tensors > TENSORS_MAX || n_tensors > p->size / TENSOR_MIN_BYTES)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: byte 8: %" PRIu64 " tensors are more than the file could hold",
                             p->path, n_tensors);
    p->n_tensors = (size_t)n_tensors;
    return gguf_meta_read(&p->meta, a, c, n_kv, p->path, err);
}

static waage_status read_alignment(const file_part *p, size_t *out, waage_err *err)
{
    uint64_t v = ALIGNMENT_DEFAULT;
    if (gguf_meta_find(&p->meta, "general.alignment") &&
        !gguf_meta_u64(&p->meta, "general.alignment", &v))
        v = 0;
    if (v < 1 || v > ALIGNMENT_MAX || (v & (v - 1)) != 0)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: general.alignment is not a power of two up to 65536", p->path);
    *out = (size_t)v;
    return WAAGE_OK;
}

static waage_status bad_tensor(const file_part *p, size_t pos, const gguf_tensor *t,
                               const char *what, waage_err *err)
{
    char buf[GGUF_CLEAN];
    return waage_err_set(err, WAAGE_EFORMAT, "%s: byte %zu: tensor '%s': %s", p->path, pos,
                         gguf_clean(t->name, buf), what);
}

/* Fill shape and type; the offset (within the data section) goes to *offset. */
static waage_status read_tensor(const file_part *p, cursor *c, gguf_tensor *t, uint64_t *offset,
                                waage_err *err)
{
    const size_t start = c->pos;
    if (!gguf_read_str(c, NAME_MAX_BYTES, &t->name) || t->name.len == 0)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: byte %zu: %s", p->path, start,
                             c->failed ? "the file ends inside the tensor directory"
                                       : "a tensor's name is empty or longer than 1024 bytes");
    t->n_dims = cursor_u32(c);
    if (!c->failed && (t->n_dims < 1 || t->n_dims > 4))
        return bad_tensor(p, start, t, "does not have 1 to 4 dimensions", err);
    t->n_elems = 1;
    for (uint32_t d = 0; d < 4; d++) {
        t->dim[d] = d < t->n_dims ? cursor_u64(c) : 1;
        if (!c->failed && t->dim[d] == 0) return bad_tensor(p, start, t, "a dimension is 0", err);
        if (!num_mul_u64(&t->n_elems, t->n_elems, t->dim[d]))
            return bad_tensor(p, start, t, "the product of its dimensions overflows", err);
    }
    t->ggml_type = cursor_u32(c);
    *offset = cursor_u64(c);
    if (c->failed) return bad_tensor(p, start, t, "the file ends inside its directory entry", err);
    if (t->n_elems / ELEMS_PER_BYTE_MAX > p->size)
        return bad_tensor(p, start, t, "has more elements than the file could hold", err);
    t->supported = quant_from_ggml(&t->type, t->ggml_type);
    if (t->supported) {
        const size_t row = quant_row_bytes(t->type, (size_t)t->dim[0]);
        if (row == 0)
            return bad_tensor(p, start, t, "its rows are not whole blocks of its format", err);
        /* dim[0] <= n_elems <= 8 * size, so neither row nor the product can overflow 64 bits. */
        t->n_bytes = (size_t)(t->n_elems / t->dim[0]) * row;
    }
    return WAAGE_OK;
}

typedef struct { /* a tensor's place, for sorting by it */
    uint64_t offset;
    size_t index;
} place;

static int compare_places(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return x->offset != y->offset ? (x->offset < y->offset ? -1 : 1)
                                  : (x->index > y->index) - (x->index < y->index);
}

/* Turn offsets into pointers; tensors must be aligned, inside the file, and apart. */
static waage_status place_tensors(file_part *p, gguf_tensor *t, place *pl, size_t alignment,
                                  waage_err *err)
{
    const size_t room = p->size - p->data_start;
    qsort(pl, p->n_tensors, sizeof *pl, compare_places);
    for (size_t i = 0; i < p->n_tensors; i++) {
        gguf_tensor *x = &t[pl[i].index];
        const uint64_t next = i + 1 < p->n_tensors ? pl[i + 1].offset : room;
        const uint64_t off = pl[i].offset;
        const size_t pos = p->data_start + (size_t)(off < room ? off : room);
        if (off % alignment != 0) return bad_tensor(p, pos, x, "its offset is not aligned", err);
        if (off >= room) return bad_tensor(p, pos, x, "begins behind the end of the file", err);
        if (!x->supported) x->n_bytes = (size_t)(next - off);
        if (x->n_bytes > room - off)
            return bad_tensor(p, pos, x, "ends behind the end of the file (truncated?)", err);
        if (next < off + x->n_bytes || next == off)
            return bad_tensor(p, pos, x, "overlaps the next tensor", err);
        x->data = p->data + p->data_start + off;
    }
    return WAAGE_OK;
}

static waage_status read_directory(gguf *g, size_t part, cursor *c, waage_err *err)
{
    file_part *p = &g->part[part];
    size_t alignment = ALIGNMENT_DEFAULT;
    WAAGE_TRY(read_alignment(p, &alignment, err));
    gguf_tensor *all = realloc(g->tensor, (g->n_tensors + p->n_tensors + 1) * sizeof *all);
    if (!all) return waage_err_nomem(err);
    g->tensor = all;
    p->first_tensor = g->n_tensors;
    gguf_tensor *t = all + p->first_tensor;
    memset(t, 0, p->n_tensors * sizeof *t);

    place *pl = calloc(p->n_tensors + 1, sizeof *pl);
    waage_status st = pl ? WAAGE_OK : waage_err_nomem(err);
    for (size_t i = 0; st == WAAGE_OK && i < p->n_tensors; i++) {
        pl[i].index = i;
        t[i].part = part;
        t[i].index = p->first_tensor + i;
        st = read_tensor(p, c, &t[i], &pl[i].offset, err);
    }
    if (st == WAAGE_OK && p->n_tensors) {
        p->data_start = (c->pos + alignment - 1) / alignment * alignment;
        if (p->data_start >= p->size)
            st = waage_err_set(err, WAAGE_EFORMAT,
                               "%s: byte %zu: the file ends before its tensor data (truncated?)",
                               p->path, c->pos);
        else
            st = place_tensors(p, t, pl, alignment, err);
    }
    free(pl);
    if (st == WAAGE_OK) g->n_tensors += p->n_tensors;
    return st;
}

static waage_status read_part(gguf *g, size_t part, waage_err *err)
{
    file_part *p = &g->part[part];
    cursor c = {p->data, p->size, 0, false};
    WAAGE_TRY(read_header(p, &c, &g->a, err));
    return read_directory(g, part, &c, err);
}

/* ---- Look-up by name ------------------------------------------------------------------------- */

typedef struct {
    gguf_str name;
    size_t index;
} named;

static int compare_named(const void *a, const void *b)
{
    return gguf_str_compare(((const named *)a)->name, ((const named *)b)->name);
}

static waage_status sort_names(gguf *g, waage_err *err)
{
    named *item = calloc(g->n_tensors + 1, sizeof *item);
    g->by_name = arena_calloc(&g->a, g->n_tensors + 1, sizeof *g->by_name);
    waage_status st = item && g->by_name ? WAAGE_OK : waage_err_nomem(err);
    for (size_t i = 0; st == WAAGE_OK && i < g->n_tensors; i++)
        item[i] = (named){g->tensor[i].name, i};
    if (st == WAAGE_OK) qsort(item, g->n_tensors, sizeof *item, compare_named);
    for (size_t i = 0; st == WAAGE_OK && i < g->n_tensors; i++) {
        char buf[GGUF_CLEAN];
        g->by_name[i] = item[i].index;
        if (i && gguf_str_compare(item[i - 1].name, item[i].name) == 0)
            st = waage_err_set(err, WAAGE_EFORMAT, "%s: tensor '%s' stands twice", gguf_path(g),
                               gguf_clean(item[i].name, buf));
    }
    free(item);
    return st;
}

waage_status gguf_find(const gguf *g, const char *name, gguf_tensor *out)
{
    const gguf_str want = {name, strlen(name)};
    size_t lo = 0, hi = g->n_tensors;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        const gguf_tensor *t = &g->tensor[g->by_name[mid]];
        const int d = gguf_str_compare(t->name, want);
        if (d == 0) {
            *out = *t;
            return WAAGE_OK;
        }
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return WAAGE_ENOTFOUND;
}

/* ---- Split models ---------------------------------------------------------------------------- */

enum { SUFFIX_LEN = 20 }; /* "-00001-of-00003.gguf" */

/* Does the path end in -NNNNN-of-NNNNN.gguf with these numbers? no is 0-based, the file name
 * 1-based. */
static bool split_suffix_is(const char *path, uint64_t no, uint64_t count)
{
    char want[SUFFIX_LEN + 32];
    const size_t len = strlen(path);
    snprintf(want, sizeof want, "-%05" PRIu64 "-of-%05" PRIu64 ".gguf", no + 1, count);
    return len > SUFFIX_LEN && strcmp(path + len - SUFFIX_LEN, want) == 0;
}

static waage_status check_split(const file_part *p, size_t no, size_t count, waage_err *err)
{
    uint64_t v;
    if (!gguf_meta_u64(&p->meta, "split.count", &v) || v != count)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: split.count is not %zu", p->path, count);
    if (!gguf_meta_u64(&p->meta, "split.no", &v) || v != no)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: split.no is not %zu", p->path, no);
    return WAAGE_OK;
}

static waage_status check_split_tensors(const gguf *g, waage_err *err)
{
    uint64_t v;
    const file_part *p = &g->part[0];
    if (!gguf_meta_u64(&p->meta, "split.tensors.count", &v) || v != g->n_tensors)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: split.tensors.count does not match the %zu tensors of the parts",
                             p->path, g->n_tensors);
    return WAAGE_OK;
}

/* part[0] is mapped and its header read: is it one of several? Then map them all, in order. */
static waage_status open_others(gguf *g, const char *path, waage_err *err)
{
    uint64_t count = 1, no = 0;
    file_part first = g->part[0];
    if (!gguf_meta_find(&first.meta, "split.count")) return WAAGE_OK;
    if (!gguf_meta_u64(&first.meta, "split.count", &count) || count > PARTS_MAX ||
        (count > 1 && (!gguf_meta_u64(&first.meta, "split.no", &no) || no >= count)))
        return waage_err_set(err, WAAGE_EFORMAT, "%s: split.count or split.no makes no sense",
                             path);
    if (count <= 1) return WAAGE_OK;
    if (!first.mapped || !split_suffix_is(path, no, count))
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: is part %" PRIu64 " of %" PRIu64
                             "; to find the others, its name must end in -%05" PRIu64
                             "-of-%05" PRIu64 ".gguf",
                             path, no + 1, count, no + 1, count);
    file_part *all = arena_calloc(&g->a, (size_t)count, sizeof *all);
    if (!all) return waage_err_nomem(err);
    all[no] = first;
    g->part = all;
    g->n_parts = (size_t)count;
    g->n_tensors = 0;
    for (size_t i = 0; i < g->n_parts; i++) {
        if (i != no) {
            char *name = arena_printf(&g->a, "%.*s-%05zu-of-%05" PRIu64 ".gguf",
                                      (int)(strlen(path) - SUFFIX_LEN), path, i + 1, count);
            if (!name) return waage_err_nomem(err);
            WAAGE_TRY(map_file(&all[i], name, &g->a, err));
        }
        WAAGE_TRY(read_part(g, i, err));
        WAAGE_TRY(check_split(&all[i], i, g->n_parts, err));
    }
    return check_split_tensors(g, err);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static waage_status create(gguf **out, waage_err *err)
{
    *out = calloc(1, sizeof **out);
    if (*out) (*out)->part = arena_calloc(&(*out)->a, 1, sizeof(file_part));
    if (!*out || !(*out)->part) return waage_err_nomem(err);
    (*out)->n_parts = 1;
    return WAAGE_OK;
}

static waage_status finish(gguf **out, const char *path, waage_status st, waage_err *err)
{
    if (st == WAAGE_OK) st = read_part(*out, 0, err);
    if (st == WAAGE_OK) st = open_others(*out, path, err);
    if (st == WAAGE_OK) st = sort_names(*out, err);
    if (st != WAAGE_OK) {
        gguf_close(*out);
        *out = NULL;
    }
    return st;
}

waage_status gguf_open(gguf **out, const char *path, waage_err *err)
{
    waage_status st = create(out, err);
    if (st == WAAGE_OK) st = map_file(&(*out)->part[0], path, &(*out)->a, err);
    return finish(out, path, st, err);
}

waage_status gguf_open_memory(gguf **out, const void *data, size_t size, const char *name,
                              waage_err *err)
{
    waage_status st = create(out, err);
    if (st == WAAGE_OK) {
        file_part *p = &(*out)->part[0];
        p->path = arena_strdup(&(*out)->a, name);
        p->data = data;
        p->size = size;
        if (!p->path) st = waage_err_nomem(err);
    }
    return finish(out, name, st, err);
}

void gguf_close(gguf *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->n_parts; i++) {
        union { /* munmap takes a pointer that is not const */
            const unsigned char *c;
            void *v;
        } m = {g->part[i].data};
        if (g->part[i].mapped) munmap(m.v, g->part[i].size);
    }
    free(g->tensor);
    arena_free(&g->a);
    free(g);
}

/* ---- Facts ----------------------------------------------------------------------------------- */

const gguf_meta *gguf_get_meta(const gguf *g)
{
    return &g->part[0].meta;
}

const char *gguf_path(const gguf *g)
{
    return g->part[0].path;
}

uint32_t gguf_version(const gguf *g)
{
    return g->part[0].version;
}

size_t gguf_n_parts(const gguf *g)
{
    return g->n_parts;
}

uint64_t gguf_file_bytes(const gguf *g)
{
    uint64_t n = 0;
    for (size_t i = 0; i < g->n_parts; i++)
        n += g->part[i].size;
    return n;
}

size_t gguf_n_tensors(const gguf *g)
{
    return g->n_tensors;
}

gguf_tensor gguf_tensor_at(const gguf *g, size_t i)
{
    return g->tensor[i];
}

static waage_status hash_part(const file_part *p, char hex[HASH_HEX], waage_err *err)
{
    if (p->mapped) return hash_file(p->path, hex, err);
    hash_hex(p->data, p->size, hex);
    return WAAGE_OK;
}

waage_status gguf_sha256(const gguf *g, char hex[HASH_HEX], waage_err *err)
{
    if (g->n_parts == 1) return hash_part(&g->part[0], hex, err);
    hash *h = hash_create();
    if (!h) return waage_err_nomem(err);
    waage_status st = WAAGE_OK;
    for (size_t i = 0; st == WAAGE_OK && i < g->n_parts; i++) {
        st = hash_part(&g->part[i], hex, err);
        if (st == WAAGE_OK) hash_add(h, hex, HASH_HEX - 1);
    }
    char whole[HASH_HEX];
    hash_end(h, whole);
    if (st == WAAGE_OK) memcpy(hex, whole, HASH_HEX);
    return st;
}

void gguf_drop_pages(const gguf *g, const gguf_tensor *t)
{
    const file_part *p = &g->part[t->part];
    const long page_size = sysconf(_SC_PAGESIZE);
    if (!p->mapped || page_size <= 0) return;
    const size_t page = (size_t)page_size;
    const size_t off = (size_t)((const unsigned char *)t->data - p->data);
    const size_t from = (off + page - 1) / page * page, to = (off + t->n_bytes) / page * page;
    union {
        const unsigned char *c;
        void *v;
    } m = {p->data + from};
    if (to > from) madvise(m.v, to - from, MADV_DONTNEED);
}
