/* check.h - cmocka with the includes it wants, and a few shorthands. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Fails with the message of a waage_err. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if ((call) != 0) fail_msg("%s: %s", #call, (err).msg);                                     \
    } while (0)
#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (!strstr((text), (part))) fail_msg("\"%s\" does not contain \"%s\"", (text), (part));   \
    } while (0)
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif
