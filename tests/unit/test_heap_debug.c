// SPDX-License-Identifier: MIT
//
// The heap of debug builds: each misuse ends in a panic that reports the misuse, the place, and
// where the memory was allocated and freed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hal/bootinfo.h"
#include "hal/mmu.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/heap_site.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"

#define STACK_REACH 4096u /* of this test's stack: call chains end there */

static int set_up(void **state)
{
    (void)state;
    static struct boot_info info;
    fake_reset();
    info = (struct boot_info){.range_count = 1,
                              .ranges = {{FAKE_RAM_BASE, FAKE_RAM_SIZE, BOOT_RAM}},
                              .early_base = FAKE_RAM_BASE,
                              .early_len = FAKE_RAM_SIZE};
    page_early_init(&info);
    hal_mmu_init(&info, HAL_DIRECT_BASE);
    page_init(&info);
    vm_init();
    heap_init();
    /* Call chains are read from the running thread's stack. */
    static struct thread t;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    t.context.stack_lo = here - STACK_REACH;
    t.context.stack_hi = here + STACK_REACH;
    hal_this_cpu()->current = &t;
    return 0;
}

/* Run fn(p), which must panic with `why`. */
static void expect_panic(void (*fn)(void *p), void *p, const char *why)
{
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        fn(p);
        fail_msg("no panic");
    }
    fake_end.armed = false;
    if (strstr(fake_console_text(), why) == NULL) {
        fail_msg("expected %s, got %s", why, fake_console_text());
    }
}

static void expect_both_chains(void)
{
    const char *took = strstr(fake_console_text(), "allocated by:");
    assert_non_null(took);
    assert_non_null(strstr(took, "freed by:"));
}

static void test_a_second_free_is_detected_at_once(void **state)
{
    (void)state;
    void *p = heap_alloc(40);
    heap_free(heap_alloc(40));
    heap_free(p);
    expect_panic(heap_free, p, ", 40 bytes, freed twice");
    expect_both_chains();
}

static void *freed_meanwhile;

/* Simulates another CPU while the first one reads its call chain. */
bool __real_hal_frame_step(uintptr_t *fp, uintptr_t *pc, uintptr_t lo, uintptr_t hi);
bool __wrap_hal_frame_step(uintptr_t *fp, uintptr_t *pc, uintptr_t lo, uintptr_t hi);
bool __wrap_hal_frame_step(uintptr_t *fp, uintptr_t *pc, uintptr_t lo, uintptr_t hi)
{
    void *p = freed_meanwhile;
    freed_meanwhile = NULL;
    heap_free(p);
    return __real_hal_frame_step(fp, pc, lo, hi);
}

static void test_two_simultaneous_frees_are_detected(void **state)
{
    (void)state;
    void *p = heap_alloc(3000);
    freed_meanwhile = p;
    expect_panic(heap_free, p, ", 3000 bytes, freed twice");
    assert_null(freed_meanwhile);
}

static void drain(void *unused)
{
    (void)unused;
    heap_drain();
}

static void test_a_write_after_the_free_is_detected(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc(40);
    heap_free(p);
    p[7] = 0x41;
    expect_panic(drain, NULL, ", 40 bytes: 0x41 at +7");
    assert_non_null(strstr(fake_console_text(), "heap: a write after the free of"));
    expect_both_chains();
}

static void test_a_write_one_byte_past_the_end_is_detected(void **state)
{
    (void)state;
    for (size_t size = 0; size < 70; size++) {
        set_up(NULL);
        uint8_t *p = heap_alloc(size);
        char where[64];
        fake_console_clear();
        (void)snprintf(where, sizeof(where), ", %zu bytes: 0x00 at +%zu", size, size);
        p[size] = 0;
        expect_panic(heap_free, p, where);
        assert_non_null(strstr(fake_console_text(), "heap: a write past the end of"));
    }
}

static void test_a_write_before_the_start_is_detected(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc_aligned(100, 256);
    p[-1] = 1;
    expect_panic(heap_free, p, ", 100 bytes: 0x01 at -1");
    assert_non_null(strstr(fake_console_text(), "allocated by:"));
    assert_null(strstr(fake_console_text(), "freed by:"));
}

static void test_a_large_object_has_fences_too(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc(300000);
    memset(p, 0, 300000);
    p[300000] = 9;
    expect_panic(heap_free, p, ", 300000 bytes: 0x09 at +300000");
}

static char printed[4096];

static void keep_line(void *ctx, const char *line)
{
    (void)ctx;
    strncat(printed, line, sizeof(printed) - strlen(printed) - 1);
    strncat(printed, "\n", sizeof(printed) - strlen(printed) - 1);
}

#define LARGE 300000u

static void test_a_second_free_of_a_large_object_is_detected(void **state)
{
    (void)state;
    void *p = heap_alloc(LARGE);
    heap_free(p);
    heap_free(heap_alloc(LARGE)); /* not in the place of the object */
    expect_panic(heap_free, p, ", 300000 bytes, freed twice");
    expect_both_chains();
}

static void test_a_freed_large_object_is_remembered_for_a_while(void **state)
{
    (void)state;
    struct heap_stats before, after;
    heap_get_stats(&before);
    uint8_t *p = heap_alloc(LARGE);
    heap_free(p);
    heap_get_stats(&after);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(after.live_bytes, before.live_bytes);
    printed[0] = '\0';
    heap_debug_explain(keep_line, NULL, (uintptr_t)p + LARGE - 1);
    assert_non_null(strstr(printed, "at +299999 of an object of 300000 bytes\nallocated by:"));
    assert_non_null(strstr(printed, "freed by:"));
    assert_non_null(vm_find((uintptr_t)p));
    for (unsigned i = 0; i < 64; i++) {
        heap_free(heap_alloc(LARGE));
    }
    printed[0] = '\0';
    heap_debug_explain(keep_line, NULL, (uintptr_t)p + LARGE - 1);
    assert_int_equal(printed[0], '\0');
    assert_null(vm_find((uintptr_t)p));
    heap_drain();
    heap_get_stats(&after);
    assert_int_equal(after.live_objects, before.live_objects);
    assert_int_equal(after.live_bytes, before.live_bytes);
}

static void realloc_it(void *p)
{
    (void)heap_realloc(p, 100);
}

static void test_realloc_of_a_freed_object_is_detected(void **state)
{
    (void)state;
    void *p = heap_alloc(40);
    heap_free(p);
    expect_panic(realloc_it, p, "freed twice");
}

static void test_realloc_always_moves(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc(40);
    memset(p, 3, 40);
    uint8_t *q = heap_realloc(p, 41);
    assert_true(q != p && q[39] == 3);
    p[0] = 3;
    expect_panic(drain, NULL, "a write after the free of");
}

static void test_fresh_memory_is_filled_with_a_pattern(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc(40);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(p[i], 0xa5);
    }
    heap_free(p);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(p[i], 0xdf);
    }
}

static NOINLINE void *leak(size_t size)
{
    void *volatile p = heap_alloc(size);
    return p;
}

static void test_live_objects_are_listed_by_allocating_code(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        (void)leak(1000);
    }
    (void)heap_alloc(10);
    heap_free(heap_alloc(100000));
    heap_drain();
    printed[0] = '\0';
    heap_site_print_top(keep_line, NULL, 2);
    assert_int_equal(strncmp(printed, "3000 bytes in 3 objects:", 24), 0);
    assert_non_null(strstr(printed, "\n10 bytes in 1 objects:"));
    assert_null(strstr(printed, "100000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_live_objects_are_listed_by_allocating_code, set_up),
        cmocka_unit_test_setup(test_a_second_free_is_detected_at_once, set_up),
        cmocka_unit_test_setup(test_two_simultaneous_frees_are_detected, set_up),
        cmocka_unit_test_setup(test_a_write_after_the_free_is_detected, set_up),
        cmocka_unit_test_setup(test_a_write_one_byte_past_the_end_is_detected, set_up),
        cmocka_unit_test_setup(test_a_write_before_the_start_is_detected, set_up),
        cmocka_unit_test_setup(test_a_large_object_has_fences_too, set_up),
        cmocka_unit_test_setup(test_a_second_free_of_a_large_object_is_detected, set_up),
        cmocka_unit_test_setup(test_a_freed_large_object_is_remembered_for_a_while, set_up),
        cmocka_unit_test_setup(test_realloc_of_a_freed_object_is_detected, set_up),
        cmocka_unit_test_setup(test_realloc_always_moves, set_up),
        cmocka_unit_test_setup(test_fresh_memory_is_filled_with_a_pattern, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
