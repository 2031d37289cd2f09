/* cmocka.h - as much of cmocka's interface as the kernel tests use, over libc alone, so that they
 * run where no library is: statically linked, under an emulator. The first failure ends the
 * program. */
#ifndef TESTS_BARE_CMOCKA_H
#define TESTS_BARE_CMOCKA_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

#define cmocka_unit_test(f)                                                                        \
    {                                                                                              \
#f, f                                                                                      \
    }

#define BARE_FAIL(...)                                                                             \
    do {                                                                                           \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                            \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
        exit(1);                                                                                   \
    } while (0)
#define fail_msg(...) BARE_FAIL(__VA_ARGS__)
#define assert_true(c)                                                                             \
    do {                                                                                           \
        if (!(c)) BARE_FAIL("not true: %s", #c);                                                   \
    } while (0)
#define assert_false(c) assert_true(!(c))
#define assert_non_null(p) assert_true((p) != NULL)
#define assert_null(p) assert_true((p) == NULL)
#define assert_int_equal(a, b) assert_true((uintmax_t)(a) == (uintmax_t)(b))
#define assert_int_not_equal(a, b) assert_true((uintmax_t)(a) != (uintmax_t)(b))
#define assert_string_equal(a, b) assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, n) assert_true(memcmp(a, b, n) == 0)

#define cmocka_run_group_tests_name(group, tests, setup, teardown)                                 \
    bare_run(group, tests, sizeof(tests) / sizeof *(tests))

static inline int bare_run(const char *group, const struct CMUnitTest *tests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fprintf(stderr, "%s: %s\n", group, tests[i].name);
        tests[i].run(NULL);
    }
    return 0;
}

#endif
