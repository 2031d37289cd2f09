/* test_base.c - memory, text, numbers, hashes, threads. */
#include "tests/unit/check.h"
#include "harness/base/arena.h"
#include "harness/base/cursor.h"
#include "harness/base/file.h"
#include "harness/base/hash.h"
#include "harness/base/num.h"
#include "harness/base/outcome.h"
#include "harness/base/pool.h"
#include "harness/base/regex.h"
#include "harness/base/request.h"
#include "harness/base/rng.h"
#include "harness/base/strbuf.h"
#include "harness/base/utf8.h"
#include <math.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

int test_base(void);

static void test_arena(void **state)
{
    (void)state;
    arena a = ARENA_EMPTY;
    unsigned char *p[200];
    for (size_t i = 0; i < 200; i++) {
        p[i] = arena_alloc(&a, i * 37);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        memset(p[i], (int)i, i * 37);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < i * 37; j++)
            assert_int_equal(p[i][j], i);
    assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    arena_free(&a);
    assert_int_equal(a.n_bytes, 0);
    assert_non_null(arena_strdup(&a, "again"));
    arena_free(&a);
}

static void test_strbuf(void **state)
{
    (void)state;
    strbuf b = STRBUF_EMPTY;
    b.max = 10;
    strbuf_puts(&b, "12345");
    strbuf_printf(&b, "%d", 67890);
    assert_int_equal(strbuf_check(&b, NULL), WAAGE_OK);
    strbuf_putc(&b, '!');
    strbuf_puts(&b, "");
    assert_int_equal(strbuf_check(&b, NULL), WAAGE_ENOMEM);
    assert_string_equal(strbuf_str(&b), "1234567890");
    strbuf_free(&b);
    assert_string_equal(strbuf_str(&b), "");
    b.max = 0;
    const char text[] = "a\"b\\\n\x01\xC3\xA4\xFF\x00z";
    strbuf_put_json(&b, text, sizeof text - 1);
    assert_string_equal(strbuf_str(&b), "\"a\\\"b\\\\\\n\\u0001\xC3\xA4\xEF\xBF\xBD\\u0000z\"");
    strbuf_free(&b);
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t len, valid;
    } cases[] = {
        {"a", 1, 1},
        {"\xC3\xA4", 2, 2},
        {"\xE4\xBD\xA0", 3, 3},
        {"\xF0\x9F\x98\x80", 4, 4},
        {"\xC0\x80", 2, 0},         /* overlong */
        {"\xE0\x9F\xBF", 3, 0},     /* overlong */
        {"\xED\xA0\x80", 3, 0},     /* surrogate */
        {"\xF4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
        {"\x80", 1, 0},
        {"\xE4\xBD", 2, 0}, /* cut off */
        {"", 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(utf8_valid_length(cases[i].s, cases[i].len), cases[i].valid);
    size_t n_wrong = 0;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        if (cp >= 0xD800 && cp <= 0xDFFF) continue;
        char s[4];
        uint32_t back = 0;
        const size_t n = utf8_encode(cp, s);
        n_wrong += utf8_decode(s, n, &back) != n || back != cp;
    }
    assert_int_equal(n_wrong, 0);
    assert_int_equal(utf8_incomplete_tail("ab\xF0\x9F\x98", 5), 3);
    assert_int_equal(utf8_incomplete_tail("ab\xE4\xBD\xA0", 5), 0);
    assert_int_equal(utf8_incomplete_tail("ab\x80", 3), 0);
    assert_int_equal(utf8_incomplete_tail("\xED\xA0", 2), 0); /* can never become a character */
    assert_int_equal(utf8_count("a\xC3\xA4\xFF", 4), 3);
}

static void test_cursor(void **state)
{
    (void)state;
    const unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 7};
    cursor c = {bytes, sizeof bytes, 0, false};
    assert_int_equal(cursor_u16(&c), 0x0201);
    assert_int_equal(cursor_u32(&c), 0x06050403);
    assert_int_equal(cursor_u64(&c), 0);
    assert_true(c.failed);
    assert_int_equal(c.pos, 6);
    assert_int_equal(cursor_u8(&c), 0); /* stays failed */
    cursor d = {bytes, sizeof bytes, 3, false};
    assert_null(cursor_take(&d, SIZE_MAX));
}

static void test_num(void **state)
{
    (void)state;
    size_t v;
    assert_true(num_mul_size(&v, 3, 4));
    assert_int_equal(v, 12);
    assert_false(num_mul_size(&v, SIZE_MAX / 2, 3));
    assert_false(num_add_size(&v, SIZE_MAX, 1));
}

static void test_hash(void **state)
{
    (void)state;
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char hex[HASH_HEX], other[HASH_HEX];
    hash_hex("abc", 3, hex); /* FIPS 180-4 example */
    assert_string_equal(hex, abc);
    hash *h = hash_create();
    assert_non_null(h);
    hash_add(h, "a", 1);
    hash_add(h, "bc", 2);
    hash_end(h, hex);
    assert_string_equal(hex, abc);
    assert_true(hash_u64("abc", 3) == 0xeacf018fbf1678baULL);
    h = hash_create(); /* fields cannot run together */
    hash_add_field(h, "ab", 2);
    hash_add_field(h, "c", 1);
    hash_end(h, hex);
    h = hash_create();
    hash_add_field(h, "a", 1);
    hash_add_field(h, "bc", 2);
    hash_end(h, other);
    assert_string_not_equal(hex, other);
}

/* Known answers of the authors' own test file for philox4x32-10. */
static void test_philox(void **state)
{
    (void)state;
    rng r;
    rng_init(&r, 0, 0);
    assert_int_equal(rng_u32(&r), 0x6627e8d5u);
    assert_int_equal(rng_u32(&r), 0xe169c58du);
    assert_int_equal(rng_u32(&r), 0xbc57ac4cu);
    assert_int_equal(rng_u32(&r), 0x9b00dbd8u);
    const double u = rng_at(UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX);
    assert_true(u == (double)(0x41c83b0e408f276dULL >> 11) * 0x1p-53);
    size_t counts[7] = {0};
    for (int i = 0; i < 70000; i++)
        counts[rng_below(&r, 7)]++;
    for (size_t i = 0; i < 7; i++)
        assert_in_range(counts[i], 9600, 10400);
    for (int i = 0; i < 1000; i++)
        assert_in_range(rng_between(&r, -3, 3) + 3, 0, 6);
}

typedef struct {
    atomic_int seen[1000];
    atomic_int busy[8];
    atomic_int clashes;
} pool_case;

static void pool_part(void *ctx, size_t part, size_t thread)
{
    pool_case *c = ctx;
    if (atomic_fetch_add(&c->busy[thread], 1) != 0) atomic_fetch_add(&c->clashes, 1);
    atomic_fetch_add(&c->seen[part], 1);
    atomic_fetch_sub(&c->busy[thread], 1);
}

/* Runs follow each other at once while workers are still looking for parts of the one before. */
static void test_pool_runs_in_a_row(void **state)
{
    (void)state;
    enum { RUNS = 20000, PARTS = 7 };
    waage_err err;
    pool *p;
    assert_ok(pool_create(&p, 8, &err), err);
    pool_case *c = calloc(2, sizeof *c);
    for (int run = 0; run < RUNS; run++) {
        pool_case *now = &c[run % 2];
        const size_t n = 2 + (size_t)run % (PARTS - 1);
        memset(now->seen, 0, sizeof now->seen);
        pool_run(p, n, pool_part, now);
        for (size_t part = 0; part < PARTS; part++)
            assert_int_equal(now->seen[part], part < n ? 1 : 0);
    }
    free(c);
    pool_free(p);
}

static void test_pool(void **state)
{
    (void)state;
    waage_err err;
    pool *p;
    for (size_t threads = 1; threads <= 8; threads++) {
        assert_ok(pool_create(&p, threads, &err), err);
        pool_case *c = calloc(1, sizeof *c);
        for (int round = 0; round < 200; round++)
            pool_run(p, (size_t)round * 5, pool_part, c);
        for (size_t part = 0; part < 1000; part++)
            assert_int_equal(c->seen[part], part < 995 ? 199 - (int)part / 5 : 0);
        assert_int_equal(c->clashes, 0);
        free(c);
        pool_free(p);
    }
    assert_int_equal(pool_create(&p, 5000, &err), WAAGE_EINVAL);
}

static void test_pool_share(void **state)
{
    (void)state;
    pool *p = NULL;
    assert_int_equal(pool_create(&p, 3, NULL), WAAGE_OK);
    assert_int_equal(pool_share(p, 0, 8), 1);
    assert_int_equal(pool_share(p, 1, 8), 1);
    assert_int_equal(pool_share(p, 7, 8), 3);
    assert_int_equal(pool_share(p, 100, 8), 8);
    pool_free(p);
}

/* Every thing is in one part; the first parts are a quarter of a thread's share, those of the next
 * size half as large, and so on; below `least` are only the last and those of few things. */
static void check_cut(const pool *p, size_t n, size_t least)
{
    const pool_cut c = pool_cut_make(p, n, least);
    const size_t n_parts = pool_cut_parts(&c), share = 4 * pool_n_threads(p);
    size_t next = 0;
    for (size_t part = 0; part < n_parts; part++) {
        const size_t size = part / c.width;
        size_t from, to;
        pool_cut_part(&c, part, &from, &to);
        assert_int_equal(from, next);
        assert_true(to > from && to <= n);
        next = to;
        if (size < c.n_sizes) { /* rounded either way, and so was what is left of n */
            const double ideal = (double)n / (double)(share << size);
            assert_true(fabs((double)(to - from) - ideal) <= 1.5);
            assert_true(to - from >= c.least);
        } else {
            assert_true(to - from == c.least || to == n);
        }
    }
    assert_int_equal(next, n);
    assert_true(n_parts >= (n < share ? n : share));
    assert_true(c.least == least || c.least == (n < share ? 1 : n / share));
}

static void test_pool_cut(void **state)
{
    static const size_t leasts[] = {1, 2, 3, 7, 40, 100000};
    static const size_t threads[] = {1, 2, 3, 8, 100};
    (void)state;
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        pool *p = NULL;
        assert_int_equal(pool_create(&p, threads[t], NULL), WAAGE_OK);
        for (size_t l = 0; l < sizeof leasts / sizeof *leasts; l++)
            for (size_t n = 0; n < 1500; n += 1 + n / 50)
                check_cut(p, n, leasts[l]);
        pool_free(p);
    }
    pool *p = NULL;
    size_t from, to;
    assert_int_equal(pool_create(&p, 2, NULL), WAAGE_OK);
    const pool_cut c = pool_cut_make(p, 96, 2); /* 4 of 12, 4 of 6, 4 of 3, 6 of 2 */
    assert_int_equal(pool_cut_parts(&c), 18);
    pool_cut_part(&c, 4, &from, &to);
    assert_true(from == 48 && to == 54);
    pool_cut_part(&c, 17, &from, &to);
    assert_true(from == 94 && to == 96);
    pool_free(p);
}

static void test_file(void **state)
{
    (void)state;
    waage_err err;
    char dir[] = "/tmp/waage-test-XXXXXX", path[64], below[80], *text;
    size_t len;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a/b/c", dir);
    assert_ok(file_make_dirs(path, &err), err);
    assert_true(file_is_dir(path));
    snprintf(path, sizeof path, "%s/a/b/c/f.txt", dir);
    assert_ok(file_write(path, "one", 3, &err), err);
    assert_ok(file_write(path, "two!", 4, &err), err);
    assert_ok(file_read(&text, &len, path, 100, &err), err);
    assert_int_equal(len, 4);
    assert_string_equal(text, "two!");
    free(text);
    assert_int_equal(file_read(&text, &len, path, 3, &err), WAAGE_EFORMAT);
    assert_int_equal(file_read(&text, &len, dir, 100, &err), WAAGE_EIO);
    assert_contains(err.msg, "not a regular file");
    snprintf(below, sizeof below, "%s/x", path);
    assert_int_equal(file_make_dirs(below, &err), WAAGE_EWRITE);
    assert_int_equal(file_write(below, "x", 1, &err), WAAGE_EWRITE);
    assert_int_equal(unlink(path), 0);
}

static void test_regex(void **state)
{
    (void)state;
    waage_err err;
    regex *re;
    regex_span span[3];
    assert_ok(regex_compile(&re, "(?<=is )(-?[0-9,]+)(x)?", 0, &err), err);
    const char *text = "it is 1,234 and is 5x";
    assert_true(regex_find(re, text, strlen(text), 0, span, 3));
    assert_int_equal(span[1].start, 6);
    assert_int_equal(span[1].end, 11);
    assert_true(span[2].start == SIZE_MAX);
    assert_true(regex_find(re, text, strlen(text), span[0].end, span, 3));
    assert_int_equal(span[2].end - span[2].start, 1);
    assert_false(regex_find(re, text, strlen(text), span[0].end, span, 3));
    regex_free(re);
    assert_int_equal(regex_compile(&re, "a(b", 0, &err), WAAGE_EFORMAT);
    assert_contains(err.msg, "offset 3");
    /* A match longer than the JIT's stack still is found. */
    assert_ok(regex_compile(&re, "(?:x|y)*z", 0, &err), err);
    const size_t n = 400000;
    char *longtext = malloc(n);
    memset(longtext, 'x', n);
    longtext[n - 1] = 'z';
    assert_true(regex_find(re, longtext, n, 0, span, 1));
    assert_int_equal(span[0].end - span[0].start, n);
    free(longtext);
    regex_free(re);
}

/* Catastrophic backtracking ends with "not found", soon. */
static void test_regex_limit(void **state)
{
    (void)state;
    waage_err err;
    regex *re;
    regex_span span[1];
    char many[64];
    memset(many, 'a', sizeof many);
    many[62] = 'b';
    assert_ok(regex_compile(&re, "(a+)+$", 0, &err), err);
    assert_false(regex_find(re, many, 63, 0, span, 1));
    regex_free(re);
}

static void test_names(void **state)
{
    (void)state;
    outcome o;
    finish_reason f;
    protocol p;
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        assert_true(outcome_from_name(&o, outcome_name((outcome)i)));
        assert_int_equal(o, i);
    }
    assert_false(outcome_from_name(&o, "fine"));
    assert_false(outcome_counts(OUTCOME_BLOCKED));
    assert_true(outcome_counts(OUTCOME_TRUNCATED));
    assert_true(finish_from_name(&f, "unsupported"));
    assert_int_equal(f, FINISH_UNSUPPORTED);
    assert_true(protocol_from_name(&p, "chat"));
    assert_int_equal(p, PROTOCOL_CHAT);
}

static void test_err(void **state)
{
    (void)state;
    waage_err err;
    assert_int_equal(waage_err_set(&err, WAAGE_EFORMAT, "row %d", 3), WAAGE_EFORMAT);
    assert_int_equal(waage_err_prefix(&err, "%s", "file.csv"), WAAGE_EFORMAT);
    assert_string_equal(err.msg, "file.csv: row 3");
    assert_int_equal(waage_err_exit_code(WAAGE_EFORMAT), 2);
    assert_int_equal(waage_err_exit_code(WAAGE_EWRITE), 3);
    char big[3000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    waage_err_prefix(&err, "%s", big);
    assert_true(strlen(err.msg) < sizeof err.msg);
}

int test_base(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_strbuf),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_num),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_philox),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_pool_cut),
        cmocka_unit_test(test_pool_share),
        cmocka_unit_test(test_pool_runs_in_a_row),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_regex),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_err),
        cmocka_unit_test(test_regex_limit),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
