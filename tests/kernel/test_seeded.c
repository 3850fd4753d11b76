// SPDX-License-Identifier: MIT
//
// One mistake of each kind that a sanitised kernel is to catch and to name: each test ends in a
// panic, so they run one by one (tests/sanitize). In other builds there are none.
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "tests/kernel/tests.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#ifdef HALYARD_UNDEFINED

/* What no compiler may know. */
static volatile int large = INT_MAX, wide = 40, nine = 9;
static volatile int sink;
static int *volatile nowhere;
static char bytes[16] ALIGNED(16);
static char *volatile odd = bytes + 1;

static void seeded_overflow(void)
{
    sink = large + 1;
}

static void seeded_shift(void)
{
    sink = 1 << wide;
}

static void seeded_bounds(void)
{
    static int eight[8];
    sink = eight[nine];
}

static void seeded_null(void)
{
    sink = *nowhere;
}

static void seeded_alignment(void)
{
    sink = *(int *)(void *)odd;
}

static void seeded_bool(void)
{
    memset(bytes, 2, sizeof(bytes));
    sink = *(volatile bool *)bytes ? 1 : 0;
}

static void seeded_division(void)
{
    sink = nine / (wide - 40);
}

static NOINLINE void fill(char *p, int count)
{
    memset(p, 'x', (size_t)count);
}

static void seeded_stack(void)
{
    char eight[8];
    fill(eight, wide);
    sink = eight[0];
}

static NOINLINE char *pick(int which)
{
    char *p;
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wsometimes-uninitialized"
    if (which == 0) {
        p = bytes;
    }
#pragma clang diagnostic pop
    return p;
}

static void seeded_unset(void)
{
    sink = *pick(nine);
}

const struct kernel_test seeded_tests[] = {
    {"seeded_overflow", seeded_overflow},   {"seeded_shift", seeded_shift},
    {"seeded_bounds", seeded_bounds},       {"seeded_null", seeded_null},
    {"seeded_alignment", seeded_alignment}, {"seeded_bool", seeded_bool},
    {"seeded_division", seeded_division},   {"seeded_stack", seeded_stack},
    {"seeded_unset", seeded_unset},         {NULL, NULL},
};

#else

const struct kernel_test seeded_tests[] = {{NULL, NULL}};

#endif
