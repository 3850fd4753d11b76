// SPDX-License-Identifier: MIT
//
// One mistake of each kind that a debug or sanitized kernel must detect and report. Each test ends
// in a panic, so tests/sanitize runs them one by one. Other builds have none of these tests.
#include "hal/layout.h"
#include "kernel/boot/frontends.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/heap_site.h"
#include "kernel/mm/page.h"
#include "kernel/tty/console.h"
#include "tests/kernel/tests.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#ifdef HALYARD_DEBUG

/* Volatile, so that the compiler assumes nothing about the pointer. */
static uint8_t *volatile object;
static UNUSED volatile int nine = 9, sink;

static void seeded_heap_overflow(void)
{
    object = heap_alloc(24);
    object[24] = 'x';
    heap_free(object);
}

static void seeded_heap_underflow(void)
{
    object = heap_alloc(24);
    object[-1] = 'x';
    heap_free(object);
}

static void seeded_heap_double_free(void)
{
    object = heap_alloc(24);
    heap_free(object);
    heap_free(object);
}

static void seeded_heap_use_after_free(void)
{
    object = heap_alloc(24);
    heap_free(object);
    object[3] = 'x';
    heap_drain();
}

#define LARGE 100000u /* an allocation with pages of its own */

static void seeded_heap_large_double_free(void)
{
    object = heap_alloc(LARGE);
    heap_free(object);
    heap_free(object);
}

static void seeded_heap_large_use_after_free(void)
{
    object = heap_alloc(LARGE);
    heap_free(object);
    object[LARGE - 1] = 'x';
}

static void seeded_heap_nowhere(void)
{
    static volatile uintptr_t nowhere = 0x12340;
    *(volatile uint8_t *)nowhere = 'x';
}

static void seeded_heap_foreign(void)
{
    static uint8_t not_the_heaps[64];
    object = not_the_heaps + 16;
    heap_free(object);
}

static void print_line(void *ctx, const char *line)
{
    (void)ctx;
    console_printf("%s\n", line);
}

static void seeded_heap_leak(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        object = heap_alloc(4999);
    }
    heap_site_print_top(print_line, NULL, 1);
}

static void seeded_page_use_after_free(void)
{
    paddr_t frame;
    if (page_alloc(0, PAGE_OTHER, &frame) == OK) {
        object = hal_direct(frame);
        page_free(frame, 0);
        object[100] = 'x';
        (void)page_alloc(0, PAGE_OTHER, &frame);
    }
}

#endif

#ifdef HALYARD_UNDEFINED

static volatile int large = INT_MAX, wide = 40;
static int *volatile nowhere;
static char bytes[16] ALIGNED(16);
static char *volatile odd = bytes + 1;

static void seeded_overflow(void)
{
    sink = large + 1;
}

static void seeded_difference(void)
{
    sink = -2 - large;
}

static void seeded_product(void)
{
    sink = large * nine;
}

static void seeded_negation(void)
{
    sink = -(-large - 1);
}

static void seeded_quotient(void)
{
    sink = (-large - 1) / (nine - 10);
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

static void seeded_pointer(void)
{
    const char *p = odd + (UINTPTR_MAX - (uintptr_t)wide);
    sink = p > odd;
}

static void seeded_zeros(void)
{
    sink = __builtin_clz((unsigned)(nine - 9));
}

__attribute__((nonnull)) static NOINLINE int first_of(const int *p)
{
    return (int)((uintptr_t)p & 1);
}

static void seeded_argument(void)
{
    sink = first_of(nowhere);
}

__attribute__((returns_nonnull)) static NOINLINE int *no_place(void)
{
    return nowhere;
}

static void seeded_result(void)
{
    sink = no_place() == nowhere;
}

static void seeded_assumption(void)
{
    sink = *(char *)__builtin_assume_aligned(odd, 16);
}

static void seeded_unreachable(void)
{
    if (nine == 9) {
        __builtin_unreachable();
    }
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

#endif

#ifdef HALYARD_ADDRESS

static void seeded_address_after(void)
{
    object = heap_alloc(21);
    sink = object[21];
}

static void seeded_address_before(void)
{
    object = heap_alloc(24);
    *(uint16_t *)(void *)(object - 2) = 7;
}

static void seeded_address_freed(void)
{
    object = heap_alloc(24);
    heap_free(object);
    sink = object[3];
}

static void seeded_address_page(void)
{
    paddr_t frame;
    if (page_alloc(0, PAGE_OTHER, &frame) == OK) {
        object = hal_direct(frame);
        page_free(frame, 0);
        object[100] = 'x';
    }
}

static void seeded_address_copy(void)
{
    static const char text[] = "this is longer than what there is room for";
    object = heap_alloc(24);
    memcpy(object, text, sizeof(text));
}

static NOINLINE void keep(uint8_t *p)
{
    object = p;
}

static void seeded_address_stack(void)
{
    uint8_t eight[8] = {0};
    keep(eight);
    sink = eight[nine];
}

static void seeded_address_scope(void)
{
    {
        uint8_t eight[8] = {0};
        keep(eight);
    }
    sink = object[3];
}

static void seeded_address_global(void)
{
    /* A global of the kernel: globals of loaded extensions have no red zones. */
    const volatile char *two_pointers = (const volatile char *)loader_front_ends;
    sink = *(const volatile int *)(two_pointers + 2 * nine - 2);
}

#endif

const struct kernel_test seeded_tests[] = {
#ifdef HALYARD_DEBUG
    {"seeded_heap_overflow", seeded_heap_overflow, TEST_ON_NOTHING},
    {"seeded_heap_underflow", seeded_heap_underflow, TEST_ON_NOTHING},
    {"seeded_heap_double_free", seeded_heap_double_free, TEST_ON_NOTHING},
    {"seeded_heap_use_after_free", seeded_heap_use_after_free, TEST_ON_NOTHING},
    {"seeded_heap_large_double_free", seeded_heap_large_double_free, TEST_ON_NOTHING},
    {"seeded_heap_large_use_after_free", seeded_heap_large_use_after_free, TEST_ON_NOTHING},
    {"seeded_heap_nowhere", seeded_heap_nowhere, TEST_ON_NOTHING},
    {"seeded_heap_foreign", seeded_heap_foreign, TEST_ON_NOTHING},
    {"seeded_heap_leak", seeded_heap_leak, TEST_ON_NOTHING},
    {"seeded_page_use_after_free", seeded_page_use_after_free, TEST_ON_NOTHING},
#endif
#ifdef HALYARD_UNDEFINED
    {"seeded_overflow", seeded_overflow, TEST_ON_NOTHING},
    {"seeded_difference", seeded_difference, TEST_ON_NOTHING},
    {"seeded_product", seeded_product, TEST_ON_NOTHING},
    {"seeded_negation", seeded_negation, TEST_ON_NOTHING},
    {"seeded_quotient", seeded_quotient, TEST_ON_NOTHING},
    {"seeded_shift", seeded_shift, TEST_ON_NOTHING},
    {"seeded_pointer", seeded_pointer, TEST_ON_NOTHING},
    {"seeded_zeros", seeded_zeros, TEST_ON_NOTHING},
    {"seeded_argument", seeded_argument, TEST_ON_NOTHING},
    {"seeded_result", seeded_result, TEST_ON_NOTHING},
    {"seeded_assumption", seeded_assumption, TEST_ON_NOTHING},
    {"seeded_unreachable", seeded_unreachable, TEST_ON_NOTHING},
    {"seeded_bounds", seeded_bounds, TEST_ON_NOTHING},
    {"seeded_null", seeded_null, TEST_ON_NOTHING},
    {"seeded_alignment", seeded_alignment, TEST_ON_NOTHING},
    {"seeded_bool", seeded_bool, TEST_ON_NOTHING},
    {"seeded_division", seeded_division, TEST_ON_NOTHING},
    {"seeded_stack", seeded_stack, TEST_ON_NOTHING},
    {"seeded_unset", seeded_unset, TEST_ON_NOTHING},
#endif
#ifdef HALYARD_ADDRESS
    {"seeded_address_after", seeded_address_after, TEST_ON_NOTHING},
    {"seeded_address_before", seeded_address_before, TEST_ON_NOTHING},
    {"seeded_address_freed", seeded_address_freed, TEST_ON_NOTHING},
    {"seeded_address_page", seeded_address_page, TEST_ON_NOTHING},
    {"seeded_address_copy", seeded_address_copy, TEST_ON_NOTHING},
    {"seeded_address_stack", seeded_address_stack, TEST_ON_NOTHING},
    {"seeded_address_scope", seeded_address_scope, TEST_ON_NOTHING},
    {"seeded_address_global", seeded_address_global, TEST_ON_NOTHING},
#endif
    {0},
};
