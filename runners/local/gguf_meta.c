/* gguf_meta.c - the metadata of a GGUF file: reading the key-value section, and typed look-up.
 * Values are not copied: entries point into the mapping. Keys are found by binary search, so that a
 * hostile file cannot make look-up slow. */
#include "runners/local/gguf_internal.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/num.h"

enum { KEY_MAX = 65535, ENTRIES_MAX = 1 << 20, ENTRY_MIN_BYTES = 8 + 4 + 1 };

/* Bytes of one scalar, by gguf_kind; 0: not of fixed size. */
static const size_t kind_bytes[GGUF_KIND_COUNT] = {
    [GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_U16] = 2,  [GGUF_I16] = 2, [GGUF_U32] = 4,
    [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_BOOL] = 1, [GGUF_STR] = 0, [GGUF_ARRAY] = 0,
    [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8};

static const char *const kind_names[GGUF_KIND_COUNT] = {
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"};

const char *gguf_clean(gguf_str s, char buf[GGUF_CLEAN])
{
    const size_t n = s.len < GGUF_CLEAN - 1 ? s.len : GGUF_CLEAN - 1;
    for (size_t i = 0; i < n; i++)
        buf[i] = s.s[i] >= 0x20 && s.s[i] < 0x7f ? s.s[i] : '?';
    buf[n] = 0;
    return buf;
}

int gguf_str_compare(gguf_str a, gguf_str b)
{
    const size_t n = a.len < b.len ? a.len : b.len;
    const int d = n ? memcmp(a.s, b.s, n) : 0;
    return d ? d : (a.len > b.len) - (a.len < b.len);
}

bool gguf_str_equal(gguf_str s, const char *text)
{
    const size_t n = strlen(text);
    return s.len == n && (n == 0 || memcmp(s.s, text, n) == 0);
}

bool gguf_read_str(cursor *c, uint64_t max, gguf_str *out)
{
    const uint64_t len = cursor_u64(c);
    size_t n;
    if (c->failed || len > max || !num_size_from_u64(&n, len)) return false;
    out->s = cursor_take(c, n);
    out->len = n;
    return !c->failed;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static waage_status bad(waage_err *err, const char *name, const cursor *c, const char *what,
                        gguf_str key)
{
    char buf[GGUF_CLEAN];
    return waage_err_set(err, WAAGE_EFORMAT, "%s: byte %zu: metadata key '%s': %s", name, c->pos,
                         gguf_clean(key, buf), c->failed ? "the file ends inside it" : what);
}

/* Step over n values of kind e->array.elem and note where they lie. */
static waage_status read_values(gguf_entry *e, cursor *c, const char *name, waage_err *err)
{
    gguf_array *v = &e->array;
    const size_t size = kind_bytes[v->elem], start = c->pos;
    if (size) {
        size_t n_bytes;
        if (!num_mul_size(&n_bytes, v->n, size))
            return bad(err, name, c, "its length overflows", e->key);
        v->data = cursor_take(c, n_bytes);
        v->n_bytes = n_bytes;
        if (c->failed) return bad(err, name, c, "", e->key);
    } else {
        gguf_str s;
        if (v->n > (c->size - c->pos) / 8)
            return bad(err, name, c, "has more strings than the file could hold", e->key);
        for (size_t i = 0; i < v->n; i++)
            if (!gguf_read_str(c, c->size, &s))
                return bad(err, name, c, "a string is longer than the file", e->key);
        v->data = c->data + start;
        v->n_bytes = c->pos - start;
    }
    const unsigned char *b = v->data;
    for (size_t i = 0; v->elem == GGUF_BOOL && i < v->n; i++)
        if (b[i] > 1) return bad(err, name, c, "a bool is neither 0 nor 1", e->key);
    return WAAGE_OK;
}

static waage_status read_entry(gguf_entry *e, cursor *c, const char *name, waage_err *err)
{
    const size_t start = c->pos;
    if (!gguf_read_str(c, KEY_MAX, &e->key) || e->key.len == 0)
        return waage_err_set(err, WAAGE_EFORMAT, "%s: byte %zu: %s", name, start,
                             c->failed ? "the file ends inside a metadata key"
                                       : "a metadata key is empty or longer than 65535 bytes");
    uint32_t kind = cursor_u32(c);
    if (c->failed || kind >= GGUF_KIND_COUNT)
        return bad(err, name, c, "unknown type of value", e->key);
    e->kind = (gguf_kind)kind;
    e->array.n = 1;
    if (e->kind == GGUF_ARRAY) {
        kind = cursor_u32(c);
        const uint64_t n = cursor_u64(c);
        if (c->failed || kind >= GGUF_KIND_COUNT)
            return bad(err, name, c, "unknown type of array elements", e->key);
        if (kind == GGUF_ARRAY)
            return bad(err, name, c, "arrays of arrays are not supported", e->key);
        if (!num_size_from_u64(&e->array.n, n) || n > c->size)
            return bad(err, name, c, "its array is longer than the file", e->key);
    }
    e->array.elem = (gguf_kind)kind;
    return read_values(e, c, name, err);
}

/* qsort has no context argument, so what is sorted carries its key. */
typedef struct {
    gguf_str key;
    size_t index;
} sort_item;

static int compare_items(const void *a, const void *b)
{
    return gguf_str_compare(((const sort_item *)a)->key, ((const sort_item *)b)->key);
}

static waage_status sort_keys(gguf_meta *m, arena *a, const char *name, waage_err *err)
{
    sort_item *item = calloc(m->n ? m->n : 1, sizeof *item);
    m->by_key = arena_calloc(a, m->n ? m->n : 1, sizeof *m->by_key);
    waage_status st = item && m->by_key ? WAAGE_OK : waage_err_nomem(err);
    for (size_t i = 0; st == WAAGE_OK && i < m->n; i++)
        item[i] = (sort_item){m->entry[i].key, i};
    if (st == WAAGE_OK) qsort(item, m->n, sizeof *item, compare_items);
    for (size_t i = 0; st == WAAGE_OK && i < m->n; i++) {
        char buf[GGUF_CLEAN];
        m->by_key[i] = item[i].index;
        if (i && gguf_str_compare(item[i - 1].key, item[i].key) == 0)
            st = waage_err_set(err, WAAGE_EFORMAT, "%s: metadata key '%s' stands twice", name,
                               gguf_clean(item[i].key, buf));
    }
    free(item);
    return st;
}

waage_status gguf_meta_read(gguf_meta *m, arena *a, cursor *c, uint64_t n_kv, const char *name,
                            waage_err *err)
{
    if (n_kv > ENTRIES_MAX || n_kv > (c->size - c->pos) / ENTRY_MIN_BYTES)
        return waage_err_set(err, WAAGE_EFORMAT,
                             "%s: byte 16: %llu metadata entries are more than the file could hold",
                             name, (unsigned long long)n_kv);
    m->n = (size_t)n_kv;
    m->entry = arena_calloc(a, m->n ? m->n : 1, sizeof *m->entry);
    if (!m->entry) return waage_err_nomem(err);
    for (size_t i = 0; i < m->n; i++)
        WAAGE_TRY(read_entry(&m->entry[i], c, name, err));
    return sort_keys(m, a, name, err);
}

/* ---- Look-up --------------------------------------------------------------------------------- */

const gguf_entry *gguf_meta_find(const gguf_meta *m, const char *key)
{
    const gguf_str want = {key, strlen(key)};
    size_t lo = 0, hi = m->n;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        const gguf_entry *e = &m->entry[m->by_key[mid]];
        const int d = gguf_str_compare(e->key, want);
        if (d == 0) return e;
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* A number of any kind: as integer (magnitude and sign) or as float. */
typedef struct {
    bool is_float, negative;
    uint64_t magnitude;
    double f;
} number;

static number number_of_int(int64_t v)
{
    const uint64_t u = (uint64_t)v;
    return (number){false, v < 0, v < 0 ? 0 - u : u, (double)v};
}

static bool read_number(gguf_kind kind, const void *data, size_t i, number *out)
{
    const size_t size = kind_bytes[kind];
    if (!size || kind == GGUF_BOOL) return false;
    cursor c = {(const unsigned char *)data + i * size, size, 0, false};
    uint64_t u = 0;
    switch (kind) {
    case GGUF_U8:
        u = cursor_u8(&c);
        break;
    case GGUF_U16:
        u = cursor_u16(&c);
        break;
    case GGUF_U32:
        u = cursor_u32(&c);
        break;
    case GGUF_U64:
        u = cursor_u64(&c);
        break;
    case GGUF_I8:
        *out = number_of_int((int8_t)cursor_u8(&c));
        return true;
    case GGUF_I16:
        *out = number_of_int((int16_t)cursor_u16(&c));
        return true;
    case GGUF_I32:
        *out = number_of_int((int32_t)cursor_u32(&c));
        return true;
    case GGUF_I64:
        *out = number_of_int((int64_t)cursor_u64(&c));
        return true;
    case GGUF_F32:
        *out = (number){true, false, 0, (double)cursor_f32(&c)};
        return true;
    case GGUF_F64:
        *out = (number){true, false, 0, cursor_f64(&c)};
        return true;
    default:
        return false;
    }
    *out = (number){false, false, u, (double)u};
    return true;
}

static bool number_u64(const number *v, uint64_t max, uint64_t *out)
{
    if (v->is_float || v->negative || v->magnitude > max) return false;
    *out = v->magnitude;
    return true;
}

static bool number_f32(const number *v, float *out)
{
    if (isfinite(v->f) && fabs(v->f) > (double)FLT_MAX) return false;
    *out = (float)v->f;
    return true;
}

bool gguf_meta_u64(const gguf_meta *m, const char *key, uint64_t *out)
{
    const gguf_entry *e = gguf_meta_find(m, key);
    number v;
    return e && read_number(e->kind, e->array.data, 0, &v) && number_u64(&v, UINT64_MAX, out);
}

size_t gguf_n_entries(const gguf *g)
{
    return gguf_get_meta(g)->n;
}

gguf_entry gguf_entry_at(const gguf *g, size_t i)
{
    return gguf_get_meta(g)->entry[i];
}

const gguf_entry *gguf_find_entry(const gguf *g, const char *key)
{
    return gguf_meta_find(gguf_get_meta(g), key);
}

bool gguf_has(const gguf *g, const char *key)
{
    return gguf_find_entry(g, key) != NULL;
}

static waage_status find(const gguf_entry **out, const gguf *g, const char *key, waage_err *err)
{
    *out = gguf_find_entry(g, key);
    if (*out) return WAAGE_OK;
    return waage_err_set(err, WAAGE_ENOTFOUND, "%s: metadata key '%s' is missing", gguf_path(g),
                         key);
}

static waage_status misfit(const gguf *g, const gguf_entry *e, const char *want, waage_err *err)
{
    char buf[GGUF_CLEAN];
    return waage_err_set(err, WAAGE_EFORMAT, "%s: metadata key '%s' (%s) is not %s", gguf_path(g),
                         gguf_clean(e->key, buf), kind_names[e->kind], want);
}

waage_status gguf_get_u64(uint64_t *out, const gguf *g, const char *key, waage_err *err)
{
    const gguf_entry *e;
    number v;
    WAAGE_TRY(find(&e, g, key, err));
    if (!read_number(e->kind, e->array.data, 0, &v) || !number_u64(&v, UINT64_MAX, out))
        return misfit(g, e, "a number from 0 up", err);
    return WAAGE_OK;
}

waage_status gguf_get_u32(uint32_t *out, const gguf *g, const char *key, waage_err *err)
{
    const gguf_entry *e;
    number v;
    uint64_t u;
    WAAGE_TRY(find(&e, g, key, err));
    if (!read_number(e->kind, e->array.data, 0, &v) || !number_u64(&v, UINT32_MAX, &u))
        return misfit(g, e, "a number from 0 to 4294967295", err);
    *out = (uint32_t)u;
    return WAAGE_OK;
}

waage_status gguf_get_f32(float *out, const gguf *g, const char *key, waage_err *err)
{
    const gguf_entry *e;
    number v;
    WAAGE_TRY(find(&e, g, key, err));
    if (!read_number(e->kind, e->array.data, 0, &v) || !number_f32(&v, out))
        return misfit(g, e, "a number that fits float32", err);
    return WAAGE_OK;
}

waage_status gguf_get_bool(bool *out, const gguf *g, const char *key, waage_err *err)
{
    const gguf_entry *e;
    WAAGE_TRY(find(&e, g, key, err));
    if (e->kind != GGUF_BOOL) return misfit(g, e, "a bool", err);
    *out = *(const unsigned char *)e->array.data != 0;
    return WAAGE_OK;
}

waage_status gguf_get_str(gguf_str *out, const gguf *g, const char *key, waage_err *err)
{
    const gguf_entry *e;
    size_t pos = 0;
    WAAGE_TRY(find(&e, g, key, err));
    if (e->kind != GGUF_STR || !gguf_array_next_str(&e->array, &pos, out))
        return misfit(g, e, "a string", err);
    return WAAGE_OK;
}

waage_status gguf_get_array(gguf_array *out, const gguf *g, const char *key, waage_err *err)
{
    const gguf_entry *e;
    WAAGE_TRY(find(&e, g, key, err));
    if (e->kind != GGUF_ARRAY) return misfit(g, e, "an array", err);
    *out = e->array;
    return WAAGE_OK;
}

waage_status gguf_opt_u32(uint32_t *out, const gguf *g, const char *key, uint32_t def,
                          waage_err *err)
{
    *out = def;
    return gguf_has(g, key) ? gguf_get_u32(out, g, key, err) : WAAGE_OK;
}

waage_status gguf_opt_f32(float *out, const gguf *g, const char *key, float def, waage_err *err)
{
    *out = def;
    return gguf_has(g, key) ? gguf_get_f32(out, g, key, err) : WAAGE_OK;
}

waage_status gguf_opt_bool(bool *out, const gguf *g, const char *key, bool def, waage_err *err)
{
    *out = def;
    return gguf_has(g, key) ? gguf_get_bool(out, g, key, err) : WAAGE_OK;
}

waage_status gguf_opt_str(gguf_str *out, const gguf *g, const char *key, waage_err *err)
{
    *out = (gguf_str){NULL, 0};
    return gguf_has(g, key) ? gguf_get_str(out, g, key, err) : WAAGE_OK;
}

bool gguf_array_u32(const gguf_array *a, size_t i, uint32_t *out)
{
    number v;
    uint64_t u;
    if (i >= a->n || !read_number(a->elem, a->data, i, &v) || !number_u64(&v, UINT32_MAX, &u))
        return false;
    *out = (uint32_t)u;
    return true;
}

bool gguf_array_i32(const gguf_array *a, size_t i, int32_t *out)
{
    number v;
    if (i >= a->n || !read_number(a->elem, a->data, i, &v) || v.is_float) return false;
    if (v.magnitude > (v.negative ? (uint64_t)1 << 31 : (uint64_t)INT32_MAX)) return false;
    *out = (int32_t)(v.negative ? -(int64_t)v.magnitude : (int64_t)v.magnitude);
    return true;
}

bool gguf_array_f32(const gguf_array *a, size_t i, float *out)
{
    number v;
    return i < a->n && read_number(a->elem, a->data, i, &v) && number_f32(&v, out);
}

bool gguf_array_next_str(const gguf_array *a, size_t *pos, gguf_str *out)
{
    if (a->elem != GGUF_STR || *pos >= a->n_bytes) return false;
    cursor c = {a->data, a->n_bytes, *pos, false};
    if (!gguf_read_str(&c, a->n_bytes, out)) return false;
    *pos = c.pos;
    return true;
}
