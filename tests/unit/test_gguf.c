/* test_gguf.c - reading GGUF files: right ones, split ones, and every kind of broken one. */
#include "tests/unit/check.h"
#include "tests/unit/gguf_build.h"
#include "harness/base/file.h"
#include "runners/local/gguf.h"
#include <unistd.h>

int test_gguf(void);

enum { TYPE_F32 = 0, TYPE_Q8_0 = 8, TYPE_IQ2_S = 22 };

/* Metadata of every kind, then an F32, a Q8_0 tensor and one of a type that the engine cannot load.
 */
static void build_valid(strbuf *b, uint32_t version)
{
    put_header(b, version, 3, 16);
    put_kv_str(b, "general.architecture", "llama");
    put_kv_u32(b, "general.alignment", 64);
    put_key(b, "u8", GGUF_U8), put_le(b, 200, 1);
    put_key(b, "i8", GGUF_I8), put_le(b, (uint64_t)-7, 1);
    put_key(b, "u16", GGUF_U16), put_le(b, 60000, 2);
    put_key(b, "i16", GGUF_I16), put_le(b, (uint64_t)-300, 2);
    put_key(b, "i32", GGUF_I32), put_le(b, 70000, 4);
    put_key(b, "u64", GGUF_U64), put_le(b, UINT64_MAX, 8);
    put_key(b, "i64", GGUF_I64), put_le(b, 5, 8);
    put_key(b, "f32", GGUF_F32), put_le(b, 0x3FC00000, 4);
    put_key(b, "f64", GGUF_F64), put_le(b, 0x7FEFFFFFFFFFFFFF, 8);
    put_key(b, "yes", GGUF_BOOL), put_le(b, 1, 1);
    put_array(b, "numbers", GGUF_I32, 3);
    put_le(b, 1, 4), put_le(b, (uint64_t)-2, 4), put_le(b, 3, 4);
    const char *const words[] = {"a", "", "long word"};
    put_kv_strs(b, "words", words, 3);
    put_array(b, "none", GGUF_STR, 0);
    put_array(b, "flags", GGUF_BOOL, 2), put_le(b, 0x0100, 2);
    put_tensor(b, "w.f32", 4, 2, TYPE_F32, 0);
    put_tensor(b, "w.other", 256, 1, TYPE_IQ2_S, 64);
    put_tensor(b, "w.q8", 32, 3, TYPE_Q8_0, 192);
    put_padding(b, 64);
    put_bytes(b, 64, 1), put_bytes(b, 128, 2), put_bytes(b, 102, 3);
}

static gguf *open_bytes(const strbuf *b, waage_err *err)
{
    gguf *g = NULL;
    const waage_status st = gguf_open_memory(&g, strbuf_str(b), b->len, "test.gguf", err);
    if (st != WAAGE_OK) assert_null(g);
    return g;
}

static void test_values(void **state)
{
    (void)state;
    for (uint32_t version = 2; version <= 3; version++) {
        waage_err err;
        strbuf b = STRBUF_EMPTY;
        build_valid(&b, version);
        gguf *g = open_bytes(&b, &err);
        if (!g) fail_msg("%s", err.msg);
        uint32_t u;
        uint64_t big;
        float f;
        bool yes;
        gguf_str s;
        assert_int_equal(gguf_version(g), version);
        assert_int_equal(gguf_n_entries(g), 16);
        assert_true(gguf_str_equal(gguf_entry_at(g, 2).key, "u8"));
        assert_ok(gguf_get_u32(&u, g, "u8", &err), err);
        assert_int_equal(u, 200);
        assert_ok(gguf_get_u32(&u, g, "i32", &err), err);
        assert_int_equal(u, 70000);
        assert_ok(gguf_get_u32(&u, g, "i64", &err), err);
        assert_int_equal(u, 5);
        assert_ok(gguf_get_u64(&big, g, "u64", &err), err);
        assert_true(big == UINT64_MAX);
        assert_ok(gguf_get_f32(&f, g, "f32", &err), err);
        assert_true(f == 1.5f);
        assert_ok(gguf_get_f32(&f, g, "i16", &err), err);
        assert_true(f == -300.0f);
        assert_ok(gguf_get_bool(&yes, g, "yes", &err), err);
        assert_true(yes);
        assert_ok(gguf_get_str(&s, g, "general.architecture", &err), err);
        assert_true(gguf_str_equal(s, "llama"));
        assert_ok(gguf_opt_u32(&u, g, "no.such.key", 17, &err), err);
        assert_int_equal(u, 17);
        gguf_close(g);
        strbuf_free(&b);
    }
}

static void test_misfits(void **state)
{
    (void)state;
    waage_err err;
    strbuf b = STRBUF_EMPTY;
    build_valid(&b, 3);
    gguf *g = open_bytes(&b, &err);
    uint32_t u = 99;
    float f;
    bool yes;
    gguf_str s;
    gguf_array a;
    assert_int_equal(gguf_get_u32(&u, g, "missing", &err), WAAGE_ENOTFOUND);
    assert_contains(err.msg, "'missing' is missing");
    assert_int_equal(u, 99);
    assert_int_equal(gguf_get_u32(&u, g, "i8", &err), WAAGE_EFORMAT);
    assert_contains(err.msg, "test.gguf: metadata key 'i8' (i8) is not a number from 0");
    assert_int_equal(gguf_get_u32(&u, g, "u64", &err), WAAGE_EFORMAT);
    assert_int_equal(gguf_get_u32(&u, g, "f32", &err), WAAGE_EFORMAT);
    assert_int_equal(gguf_get_f32(&f, g, "f64", &err), WAAGE_EFORMAT);
    assert_int_equal(gguf_get_f32(&f, g, "yes", &err), WAAGE_EFORMAT);
    assert_int_equal(gguf_get_bool(&yes, g, "u8", &err), WAAGE_EFORMAT);
    assert_int_equal(gguf_get_str(&s, g, "words", &err), WAAGE_EFORMAT);
    assert_int_equal(gguf_get_array(&a, g, "u8", &err), WAAGE_EFORMAT);
    /* a default is for a missing key, not for a wrong one */
    assert_int_equal(gguf_opt_u32(&u, g, "general.architecture", 1, &err), WAAGE_EFORMAT);
    gguf_close(g);
    strbuf_free(&b);
}

static void test_arrays(void **state)
{
    (void)state;
    waage_err err;
    strbuf b = STRBUF_EMPTY;
    build_valid(&b, 3);
    gguf *g = open_bytes(&b, &err);
    gguf_array a;
    int32_t i;
    uint32_t u;
    float f;
    gguf_str s;
    size_t pos = 0;
    assert_ok(gguf_get_array(&a, g, "numbers", &err), err);
    assert_int_equal(a.n, 3);
    assert_true(gguf_array_i32(&a, 1, &i) && i == -2);
    assert_false(gguf_array_u32(&a, 1, &u));
    assert_true(gguf_array_u32(&a, 2, &u) && u == 3);
    assert_true(gguf_array_f32(&a, 1, &f) && f == -2.0f);
    assert_false(gguf_array_i32(&a, 3, &i));
    assert_false(gguf_array_next_str(&a, &pos, &s));
    assert_ok(gguf_get_array(&a, g, "words", &err), err);
    assert_true(gguf_array_next_str(&a, &pos, &s) && gguf_str_equal(s, "a"));
    assert_true(gguf_array_next_str(&a, &pos, &s) && gguf_str_equal(s, ""));
    assert_true(gguf_array_next_str(&a, &pos, &s) && gguf_str_equal(s, "long word"));
    assert_false(gguf_array_next_str(&a, &pos, &s));
    assert_ok(gguf_get_array(&a, g, "none", &err), err);
    pos = 0;
    assert_false(gguf_array_next_str(&a, &pos, &s));
    gguf_close(g);
    strbuf_free(&b);
}

static void test_tensors(void **state)
{
    (void)state;
    waage_err err;
    strbuf b = STRBUF_EMPTY;
    build_valid(&b, 3);
    gguf *g = open_bytes(&b, &err);
    gguf_tensor t;
    assert_int_equal(gguf_n_tensors(g), 3);
    assert_int_equal(gguf_find(g, "w.f32", &t), WAAGE_OK);
    assert_true(t.supported && t.type == QUANT_F32);
    assert_int_equal(t.n_bytes, 32);
    assert_int_equal(t.n_elems, 8);
    assert_int_equal(t.dim[0], 4);
    assert_int_equal(t.dim[1], 2);
    assert_int_equal(t.dim[3], 1);
    assert_int_equal(((const char *)t.data)[31], 1);
    assert_int_equal(gguf_find(g, "w.q8", &t), WAAGE_OK);
    assert_int_equal(t.n_bytes, 102);
    assert_int_equal(((const char *)t.data)[101], 3);
    assert_int_equal(gguf_find(g, "w.other", &t), WAAGE_OK);
    assert_false(t.supported);
    assert_int_equal(t.ggml_type, TYPE_IQ2_S);
    assert_int_equal(t.n_bytes, 128); /* up to the next tensor */
    assert_int_equal(gguf_find(g, "w.f3", &t), WAAGE_ENOTFOUND);
    assert_true(gguf_str_equal(gguf_tensor_at(g, 1).name, "w.other"));
    gguf_close(g);
    strbuf_free(&b);
}

/* Every proper beginning of a file is refused, and none is read beyond its end (ASan sees to that).
 */
static void test_truncated(void **state)
{
    (void)state;
    strbuf b = STRBUF_EMPTY;
    build_valid(&b, 3);
    for (size_t len = 0; len < b.len; len++) {
        waage_err err = {0};
        gguf *g = NULL;
        char *copy = malloc(len ? len : 1); /* its own object, so that ASan knows the end */
        memcpy(copy, strbuf_str(&b), len);
        assert_int_equal(gguf_open_memory(&g, copy, len, "t", &err), WAAGE_EFORMAT);
        assert_null(g);
        assert_contains(err.msg, "t: byte ");
        free(copy);
    }
    strbuf_free(&b);
}

/* Any single flipped bit gives a file or a message, never a crash; and tensors stay inside. */
static void test_flipped(void **state)
{
    (void)state;
    strbuf b = STRBUF_EMPTY;
    build_valid(&b, 3);
    size_t n_refused = 0;
    for (size_t bit = 0; bit < (b.len - 294) * 8; bit++) {
        waage_err err = {0};
        gguf *g = NULL;
        b.s[bit / 8] = (char)(b.s[bit / 8] ^ 1 << bit % 8);
        if (gguf_open_memory(&g, b.s, b.len, "t", &err) != WAAGE_OK) {
            assert_true(err.msg[0] != 0);
            n_refused++;
        }
        for (size_t i = 0; g && i < gguf_n_tensors(g); i++) {
            const gguf_tensor t = gguf_tensor_at(g, i);
            const char *data = t.data;
            assert_true(data >= b.s && data + t.n_bytes <= b.s + b.len);
        }
        gguf_close(g);
        b.s[bit / 8] = (char)(b.s[bit / 8] ^ 1 << bit % 8);
    }
    assert_in_range(n_refused, 1000, 8 * b.len);
    strbuf_free(&b);
}

typedef struct {
    const char *name;
    void (*build)(strbuf *b);
    waage_status status;
    const char *message;
} hostile;

static void bad_magic(strbuf *b)
{
    strbuf_puts(b, "GGML"), put_bytes(b, 60, 0);
}
static void bad_version1(strbuf *b)
{
    put_header(b, 1, 0, 0);
}
static void bad_version9(strbuf *b)
{
    put_header(b, 9, 0, 0);
}
static void bad_endian(strbuf *b)
{
    put_header(b, 0x03000000, 0, 0);
}
static void bad_n_kv(strbuf *b)
{
    put_header(b, 3, 0, UINT64_MAX);
}
static void bad_n_tensors(strbuf *b)
{
    put_header(b, 3, UINT64_MAX / 32, 0);
}

static void bad_key_len(strbuf *b)
{
    put_header(b, 3, 0, 1);
    put_le(b, UINT64_MAX - 7, 8);
    put_bytes(b, 20, 'k');
}

static void bad_kind(strbuf *b)
{
    put_header(b, 3, 0, 1);
    put_key(b, "k", (gguf_kind)13);
    put_le(b, 0, 8);
}

static void bad_bool(strbuf *b)
{
    put_header(b, 3, 0, 1);
    put_key(b, "k", GGUF_BOOL);
    put_le(b, 2, 1);
}

static void bad_array_len(strbuf *b)
{
    put_header(b, 3, 0, 1);
    put_array(b, "k", GGUF_F64, UINT64_MAX / 4); /* times 8 overflows */
    put_bytes(b, 64, 0);
}

static void bad_array_cut(strbuf *b)
{
    put_header(b, 3, 0, 1);
    put_array(b, "k", GGUF_F64, 9);
    put_bytes(b, 64, 0);
}

static void bad_array_strings(strbuf *b)
{
    put_header(b, 3, 0, 1);
    put_array(b, "k", GGUF_STR, 9);
    put_bytes(b, 64, 0);
}

static void bad_array_nested(strbuf *b)
{
    put_header(b, 3, 0, 1);
    put_array(b, "k", GGUF_ARRAY, 1);
    put_bytes(b, 64, 0);
}

static void bad_string_len(strbuf *b)
{
    put_header(b, 3, 0, 1);
    put_key(b, "k", GGUF_STR);
    put_le(b, UINT64_MAX, 8);
}

static void bad_key_twice(strbuf *b)
{
    put_header(b, 3, 0, 2);
    put_kv_u32(b, "k", 1);
    put_kv_u32(b, "k", 2);
}

static void bad_alignment(strbuf *b)
{
    put_header(b, 3, 0, 1);
    put_kv_u32(b, "general.alignment", 24);
}

/* A file with the tensors that `add` writes and room for 64 bytes of data. */
static void with_tensors(strbuf *b, uint64_t n, void (*add)(strbuf *b))
{
    put_header(b, 3, n, 0);
    add(b);
    put_padding(b, 32);
    put_bytes(b, 64, 0);
}

static void t_dims(strbuf *b)
{
    put_gstr(b, "w");
    put_le(b, 5, 4);
    put_bytes(b, 60, 1);
}
static void bad_dims(strbuf *b)
{
    with_tensors(b, 1, t_dims);
}
static void t_zero(strbuf *b)
{
    put_tensor(b, "w", 4, 0, TYPE_F32, 0);
}
static void bad_zero(strbuf *b)
{
    with_tensors(b, 1, t_zero);
}
static void t_product(strbuf *b)
{
    put_tensor(b, "w", UINT64_MAX / 2, 3, TYPE_F32, 0);
}
static void bad_product(strbuf *b)
{
    with_tensors(b, 1, t_product);
}
static void t_huge(strbuf *b)
{
    put_tensor(b, "w", (uint64_t)1 << 62, 1, TYPE_F32, 0);
}
static void bad_huge(strbuf *b)
{
    with_tensors(b, 1, t_huge);
}
static void t_end(strbuf *b)
{
    put_tensor(b, "w", 17, 1, TYPE_F32, 0);
}
static void bad_end(strbuf *b)
{
    with_tensors(b, 1, t_end);
}
static void t_block(strbuf *b)
{
    put_tensor(b, "w", 33, 1, TYPE_Q8_0, 0);
}
static void bad_block(strbuf *b)
{
    with_tensors(b, 1, t_block);
}
static void t_offset(strbuf *b)
{
    put_tensor(b, "w", 1, 1, TYPE_F32, UINT64_MAX - 31);
}
static void bad_offset(strbuf *b)
{
    with_tensors(b, 1, t_offset);
}
static void t_unaligned(strbuf *b)
{
    put_tensor(b, "w", 1, 1, TYPE_F32, 8);
}
static void bad_unaligned(strbuf *b)
{
    with_tensors(b, 1, t_unaligned);
}
static void t_overlap(strbuf *b)
{
    put_tensor(b, "v", 9, 1, TYPE_F32, 0);
    put_tensor(b, "w", 1, 1, TYPE_F32, 32);
}
static void bad_overlap(strbuf *b)
{
    with_tensors(b, 2, t_overlap);
}
static void t_twice(strbuf *b)
{
    put_tensor(b, "w", 1, 1, TYPE_F32, 0);
    put_tensor(b, "w", 1, 1, TYPE_F32, 32);
}
static void bad_twice(strbuf *b)
{
    with_tensors(b, 2, t_twice);
}
static void t_steer(strbuf *b)
{
    put_tensor(b, "w\x1b[2J", 0, 1, TYPE_F32, 0);
}
static void bad_steer(strbuf *b)
{
    with_tensors(b, 1, t_steer);
}

static const hostile hostiles[] = {
    {"magic", bad_magic, WAAGE_EFORMAT, "byte 0: not a GGUF file"},
    {"version 1", bad_version1, WAAGE_EUNSUPPORTED, "byte 4: GGUF version 1"},
    {"version 9", bad_version9, WAAGE_EFORMAT, "byte 4: GGUF version 9"},
    {"endianness", bad_endian, WAAGE_EUNSUPPORTED, "big-endian"},
    {"n_kv", bad_n_kv, WAAGE_EFORMAT, "byte 16: 18446744073709551615 metadata entries"},
    {"n_tensors", bad_n_tensors, WAAGE_EFORMAT, "byte 8: "},
    {"key length", bad_key_len, WAAGE_EFORMAT, "byte 24: a metadata key is empty or longer"},
    {"kind", bad_kind, WAAGE_EFORMAT, "'k': unknown type of value"},
    {"bool", bad_bool, WAAGE_EFORMAT, "a bool is neither 0 nor 1"},
    {"array length", bad_array_len, WAAGE_EFORMAT, "its array is longer than the file"},
    {"array cut", bad_array_cut, WAAGE_EFORMAT, "'k': the file ends inside it"},
    {"strings", bad_array_strings, WAAGE_EFORMAT, "more strings than the file could hold"},
    {"nested", bad_array_nested, WAAGE_EFORMAT, "arrays of arrays"},
    {"string length", bad_string_len, WAAGE_EFORMAT, "longer than the file"},
    {"key twice", bad_key_twice, WAAGE_EFORMAT, "'k' stands twice"},
    {"alignment", bad_alignment, WAAGE_EFORMAT, "general.alignment is not a power of two"},
    {"dimensions", bad_dims, WAAGE_EFORMAT, "tensor 'w': does not have 1 to 4 dimensions"},
    {"zero", bad_zero, WAAGE_EFORMAT, "a dimension is 0"},
    {"product", bad_product, WAAGE_EFORMAT, "the product of its dimensions overflows"},
    {"huge", bad_huge, WAAGE_EFORMAT, "more elements than the file could hold"},
    {"end", bad_end, WAAGE_EFORMAT, "ends behind the end of the file"},
    {"block", bad_block, WAAGE_EFORMAT, "not whole blocks"},
    {"offset", bad_offset, WAAGE_EFORMAT, "begins behind the end of the file"},
    {"unaligned", bad_unaligned, WAAGE_EFORMAT, "its offset is not aligned"},
    {"overlap", bad_overlap, WAAGE_EFORMAT, "tensor 'v': overlaps the next tensor"},
    {"twice", bad_twice, WAAGE_EFORMAT, "tensor 'w' stands twice"},
    {"terminal", bad_steer, WAAGE_EFORMAT, "tensor 'w?[2J'"},
};

static void test_hostile(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hostiles); i++) {
        waage_err err = {0};
        gguf *g = NULL;
        strbuf b = STRBUF_EMPTY;
        hostiles[i].build(&b);
        const waage_status st = gguf_open_memory(&g, strbuf_str(&b), b.len, "h", &err);
        if (st != hostiles[i].status) fail_msg("%s: status %d: %s", hostiles[i].name, st, err.msg);
        assert_contains(err.msg, hostiles[i].message);
        assert_null(g);
        strbuf_free(&b);
    }
}

/* ---- Files ----------------------------------------------------------------------------------- */

static char dir[] = "/tmp/waage-gguf-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[8][128];
    static size_t n;
    char *p = path[n++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static void write_part(const char *name, unsigned no, unsigned count, unsigned n_tensors)
{
    waage_err err;
    char tensor[16];
    strbuf b = STRBUF_EMPTY;
    put_header(&b, 3, 1, no == 0 ? 4 : 3);
    put_key(&b, "split.no", GGUF_U16), put_le(&b, no, 2);
    put_key(&b, "split.count", GGUF_U16), put_le(&b, count, 2);
    put_key(&b, "split.tensors.count", GGUF_I32), put_le(&b, n_tensors, 4);
    if (no == 0) put_kv_str(&b, "general.name", "in three parts");
    snprintf(tensor, sizeof tensor, "t%u", no);
    put_tensor(&b, tensor, 8, 1, TYPE_F32, 0);
    put_padding(&b, 32);
    put_bytes(&b, 32, (char)('a' + (int)no));
    assert_ok(file_write(in_dir(name), strbuf_str(&b), b.len, &err), err);
    strbuf_free(&b);
}

static const char *const parts[] = {"m-00001-of-00003.gguf", "m-00002-of-00003.gguf",
                                    "m-00003-of-00003.gguf"};

static void test_split(void **state)
{
    (void)state;
    waage_err err;
    char hex[3][HASH_HEX], joined[3 * 64 + 1], want[HASH_HEX], got[HASH_HEX];
    for (unsigned i = 0; i < 3; i++) {
        write_part(parts[i], i, 3, 3);
        assert_ok(hash_file(in_dir(parts[i]), hex[i], &err), err);
    }
    snprintf(joined, sizeof joined, "%s%s%s", hex[0], hex[1], hex[2]);
    hash_hex(joined, 192, want);
    for (size_t i = 0; i < 3; i++) { /* by any part */
        gguf *g;
        gguf_str s;
        gguf_tensor t;
        assert_ok(gguf_open(&g, in_dir(parts[i]), &err), err);
        assert_int_equal(gguf_n_parts(g), 3);
        assert_int_equal(gguf_n_tensors(g), 3);
        assert_ok(gguf_get_str(&s, g, "general.name", &err), err);
        assert_true(gguf_str_equal(s, "in three parts"));
        assert_int_equal(gguf_find(g, "t2", &t), WAAGE_OK);
        assert_int_equal(t.part, 2);
        assert_int_equal(*(const char *)t.data, 'c');
        gguf_drop_pages(g, &t);
        assert_int_equal(*(const char *)t.data, 'c');
        assert_ok(gguf_sha256(g, got, &err), err);
        assert_string_equal(got, want);
        assert_ok(gguf_check_unchanged(g, &err), err);
        gguf_close(g);
    }
}

static void expect_split_error(const char *path, waage_status status, const char *message)
{
    gguf *g = NULL;
    waage_err err = {0};
    const waage_status st = gguf_open(&g, path, &err);
    if (st != status) fail_msg("status %d: %s", st, err.msg);
    assert_contains(err.msg, message);
    assert_null(g);
}

static void test_split_broken(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        write_part(parts[i], i, 3, 3);
    unlink(in_dir(parts[1]));
    expect_split_error(in_dir(parts[0]), WAAGE_EIO, "m-00002-of-00003.gguf: No such file");
    write_part(parts[1], 2, 3, 3);
    expect_split_error(in_dir(parts[0]), WAAGE_EFORMAT, "m-00002-of-00003.gguf: split.no is not 1");
    write_part(parts[1], 1, 4, 3);
    expect_split_error(in_dir(parts[0]), WAAGE_EFORMAT, "split.count is not 3");
    write_part(parts[1], 1, 3, 3);
    write_part(parts[0], 0, 3, 5);
    expect_split_error(in_dir(parts[2]), WAAGE_EFORMAT, "split.tensors.count does not match");
    write_part("lonely.gguf", 0, 3, 3);
    expect_split_error(in_dir("lonely.gguf"), WAAGE_EFORMAT, "must end in -00001-of-00003.gguf");
    write_part(parts[0], 7, 3, 3);
    expect_split_error(in_dir(parts[0]), WAAGE_EFORMAT, "split.count or split.no makes no sense");
}

static void test_files(void **state)
{
    (void)state;
    waage_err err;
    gguf *g;
    expect_split_error(in_dir("absent.gguf"), WAAGE_EIO, "absent.gguf: No such file");
    expect_split_error(dir, WAAGE_EIO, "not a regular file");
    assert_ok(file_write(in_dir("short.gguf"), "GGUF", 4, &err), err);
    expect_split_error(in_dir("short.gguf"), WAAGE_EFORMAT, "4 bytes are too short");
    write_part("one.gguf", 0, 1, 1);
    assert_ok(gguf_open(&g, in_dir("one.gguf"), &err), err);
    assert_ok(gguf_check_unchanged(g, &err), err);
    assert_int_equal(truncate(in_dir("one.gguf"), 30), 0);
    assert_int_equal(gguf_check_unchanged(g, &err), WAAGE_EIO);
    assert_contains(err.msg, "changed while it was being read");
    gguf_close(g);
    gguf_close(NULL);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        unlink(in_dir(parts[i]));
    unlink(in_dir("lonely.gguf"));
    unlink(in_dir("short.gguf"));
    unlink(in_dir("one.gguf"));
    return rmdir(dir);
}

int test_gguf(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_misfits),
        cmocka_unit_test(test_arrays),       cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_truncated),    cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_hostile),      cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_broken), cmocka_unit_test(test_files)};
    return cmocka_run_group_tests_name("gguf", tests, make_dir, drop_dir);
}
