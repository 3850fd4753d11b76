// SPDX-License-Identifier: MIT
//
// For test programs that run as WebAssembly: each failure is printed on standard error with its
// line; the exit status is nonzero if there was any.
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);      \
            check_failures++;                                                                      \
        }                                                                                          \
    } while (0)

#define CHECK_EQUAL(value, want)                                                                   \
    do {                                                                                           \
        long long check_v = (long long)(value);                                                    \
        long long check_w = (long long)(want);                                                     \
        if (check_v != check_w) {                                                                  \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #value, check_v,  \
                    check_w);                                                                      \
            check_failures++;                                                                      \
        }                                                                                          \
    } while (0)

static inline int check_result(void)
{
    return check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
