// SPDX-License-Identifier: MIT
//
// What the CPU's security features promise, asked of the CPU.
#include "hal/entropy.h"
#include "kernel/lib/string.h"
#include "tests/kernel/tests.h"

#define UNTOUCHED 0x5a

/* Two answers never agree, all of a request is filled or the rest is left alone. */
static void entropy_fills_what_it_says(void)
{
    enum { ROOM = 40, GUARD = 8 };
    uint8_t first[ROOM + GUARD], second[ROOM];
    memset(first, UNTOUCHED, sizeof(first));
    size_t n = hal_entropy(first, ROOM);
    TEST_CHECK(n == 0 || n == ROOM);
    for (size_t i = n; i < sizeof(first); i++) {
        TEST_EQUAL(first[i], UNTOUCHED);
    }
    TEST_EQUAL(hal_entropy(second, ROOM), n);
    TEST_CHECK(n == 0 || memcmp(first, second, n) != 0);
    TEST_EQUAL(hal_entropy(first, 0), 0);
}

const struct kernel_test security_tests[] = {
    {"security.entropy_fills_what_it_says", entropy_fills_what_it_says},
    {0},
};
