// SPDX-License-Identifier: MIT
//
// The heap: a random load against a model, and the misuse that it detects. Built twice: with the
// heap of debug builds (test_heap_debug.c checks its reports), and as test_heap_plain.
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
#include "kernel/mm/magazine.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

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
    return 0;
}

static uint64_t heap_pages(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats.by_owner[PAGE_HEAP];
}

static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)seed * n) >> 32);
}

#define LIVE 500

static struct {
    uint8_t *p;
    size_t size;
    uint8_t fill;
} live[LIVE];

static void check_fill(unsigned i)
{
    for (size_t at = 0; at < live[i].size; at++) {
        assert_int_equal(live[i].p[at], live[i].fill);
    }
}

static size_t random_size(void)
{
    switch (rnd(8)) {
    case 0:
        return rnd(3);
    case 1:
        return 2000 + rnd(100);
    case 2:
        return rnd(200000);
    default:
        return rnd(1u << (4 + rnd(8)));
    }
}

/* Objects keep their contents whatever happens around them, and everything is freed. */
static void test_random_load_keeps_every_byte(void **state)
{
    (void)state;
    memset(live, 0, sizeof live);
    seed = 3;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = rnd(LIVE);
        if (live[i].p == NULL) {
            live[i].size = random_size();
            live[i].p = heap_alloc(live[i].size);
            assert_non_null(live[i].p);
            assert_int_equal((uintptr_t)live[i].p % 16, 0);
        } else if (rnd(4) == 0) {
            check_fill(i);
            size_t size = random_size(), kept = MIN(size, live[i].size);
            live[i].p = heap_realloc(live[i].p, size);
            assert_non_null(live[i].p);
            for (size_t at = 0; at < kept; at++) {
                assert_int_equal(live[i].p[at], live[i].fill);
            }
            live[i].size = size;
        } else {
            check_fill(i);
            heap_free(live[i].p);
            live[i].p = NULL;
            continue;
        }
        live[i].fill = (uint8_t)rnd(256);
        memset(live[i].p, live[i].fill, live[i].size);
    }
    for (unsigned i = 0; i < LIVE; i++) {
        if (live[i].p != NULL) {
            check_fill(i);
            heap_free(live[i].p);
        }
    }
    struct heap_stats stats;
    heap_get_stats(&stats);
    assert_int_equal(stats.live_objects, 0);
    assert_int_equal(stats.live_bytes, 0);
    heap_drain();
    magazine_empty_all();
    /* Each of the 24 size classes may keep one empty slab of 4 pages. */
    assert_true(heap_pages() <= 24 * 4);
    heap_get_stats(&stats);
    assert_int_equal(stats.page_bytes, heap_pages() * PAGE_SIZE);
}

static void test_aligned_objects_are_aligned(void **state)
{
    (void)state;
    for (size_t align = 1; align <= PAGE_SIZE; align *= 2) {
        for (size_t size = 1; size < 5000; size = size * 3 + 1) {
            void *a = heap_alloc_aligned(size, align), *b = heap_alloc_aligned(size, align);
            assert_non_null(a);
            assert_int_equal((uintptr_t)a % align, 0);
            assert_int_equal((uintptr_t)b % align, 0);
            memset(a, 1, size);
            memset(b, 2, size);
            heap_free(a);
            heap_free(b);
        }
    }
}

static void test_zero_and_absurd_sizes(void **state)
{
    (void)state;
    void *a = heap_alloc(0), *b = heap_alloc(0);
    assert_non_null(a);
    assert_true(a != b);
    heap_free(a);
    heap_free(b);
    heap_free(NULL);
    assert_null(heap_alloc(SIZE_MAX));
    assert_null(heap_alloc(SIZE_MAX / 2 + 1));
    assert_null(heap_calloc(SIZE_MAX / 2, 3));
    assert_null(heap_alloc_aligned(SIZE_MAX, 4096));
}

static void test_zalloc_zeroes_reused_memory(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc(100);
    memset(p, 0xff, 100);
    heap_free(p);
    p = heap_zalloc(100);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(p[i], 0);
    }
    heap_free(p);
}

static void test_out_of_memory_is_null_and_passes(void **state)
{
    (void)state;
    static void *blocks[1000];
    unsigned n = 0;
    while (n < 1000 && (blocks[n] = heap_alloc(100 << 10)) != NULL) {
        n++;
    }
    assert_true(n > 100 && n < 1000);
    assert_null(heap_realloc(blocks[0], 10 << 20));
    while (n > 0) {
        heap_free(blocks[--n]);
    }
    void *p = heap_alloc(100 << 10);
    assert_non_null(p);
    heap_free(p);
    heap_drain();
    magazine_empty_all();
    assert_int_equal(heap_pages(), 4); /* the slab for the ranges of large objects */
}

/* It allocates nothing before it fails, so it has nothing to unmap. */
static void test_an_impossible_size_fails_at_once(void **state)
{
    (void)state;
    static const size_t sizes[] = {FAKE_RAM_SIZE + (1 << 20), 2 * FAKE_RAM_SIZE, (size_t)1 << 40};
    char before[1000];
    assert_non_null(heap_alloc(100)); /* so that a slab for ranges exists */
    (void)snprintf(before, sizeof before, "%s", fake_journal());
    for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
        assert_null(heap_alloc(sizes[i]));
        assert_null(vm_alloc(sizes[i], PAGE_OTHER, "test"));
    }
    assert_string_equal(fake_journal(), before);
    void *p = heap_alloc(FAKE_RAM_SIZE * 7 / 8);
    assert_non_null(p);
    heap_free(p);
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
    assert_non_null(strstr(fake_console_text(), why));
}

static void test_foreign_pointers_are_detected(void **state)
{
    (void)state;
    static uint8_t not_ours[64];
    expect_panic(heap_free, not_ours, "not a heap object");
}

static void align_to(void *align)
{
    (void)heap_alloc_aligned(100, (size_t)(uintptr_t)align);
}

static void test_an_invalid_alignment_is_detected(void **state)
{
    (void)state;
    static const size_t none[] = {0, 24, 2 * PAGE_SIZE};
    for (unsigned i = 0; i < sizeof(none) / sizeof(*none); i++) {
        expect_panic(align_to, (void *)(uintptr_t)none[i], "align");
    }
}

static void test_realloc_to_zero_and_to_the_maximum(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc(100);
    assert_non_null(p);
    memset(p, 0x5a, 100);
    assert_null(heap_realloc(p, SIZE_MAX));
    assert_null(heap_realloc(p, SIZE_MAX - 15));
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(p[i], 0x5a);
    }
    void *q = heap_realloc(p, 0); /* an object of zero bytes, as heap_alloc(0) returns */
    assert_non_null(q);
    heap_free(q);
}

static void test_a_foreign_range_is_not_freed(void **state)
{
    (void)state;
    static uint8_t not_ours[64];
    expect_panic(vm_free, not_ours, "vm");
    uint8_t *p = vm_alloc(3 * PAGE_SIZE, PAGE_OTHER, "test");
    assert_non_null(p);
    expect_panic(vm_free, p + PAGE_SIZE, "vm");
}

static void test_ranges_of_impossible_sizes_are_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, SIZE_MAX, SIZE_MAX >> PAGE_SHIFT,
                                   (SIZE_MAX >> PAGE_SHIFT) + 1};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct vm_range range;
        const struct vm_request request = {
            .pages = sizes[i], .guard_below = 1, .region = HAL_REGION_VM, .name = "test"};
        enum status s = vm_reserve(&range, &request);
        assert_true(s == E_INVAL || (s == E_NOMEM && sizes[i] > 1));
    }
}

static void protect_too_much(void *range)
{
    (void)!vm_protect(range, 1, 2, PROT_R);
}

static void test_protection_ends_with_the_range(void **state)
{
    (void)state;
    static struct vm_range range;
    const struct vm_request request = {.pages = 2, .region = HAL_REGION_VM, .name = "test"};
    assert_int_equal(vm_reserve(&range, &request), OK);
    expect_panic(protect_too_much, &range, "assert");
}

/* Frees take effect at once in debug builds. */
static void free_and_empty(void *p)
{
    heap_free(p);
    magazine_empty_all();
}

static void test_a_pointer_inside_an_object_is_detected(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc(100);
    expect_panic(free_and_empty, p + 16, "not a heap object");
}

static void test_an_unaligned_pointer_is_detected(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc(100);
    for (unsigned by = 1; by < 16; by++) {
        expect_panic(heap_free, p + by, "not a heap object");
        set_up(NULL);
        p = heap_alloc(100);
    }
}

static void realloc_it(void *p)
{
    (void)!heap_realloc(p, 100);
}

static void test_frames_of_other_owners_are_detected(void **state)
{
    (void)state;
    for (unsigned order = 0; order <= 2; order++) {
        paddr_t frames;
        assert_int_equal(page_alloc(order, PAGE_TABLE, &frames), OK);
        expect_panic(heap_free, hal_direct(frames), "not a heap object");
        assert_int_equal(page_allocated_order(frames), order);
        set_up(NULL);
        assert_int_equal(page_alloc(order, PAGE_TABLE, &frames), OK);
        expect_panic(realloc_it, hal_direct(frames), "not a heap object");
        set_up(NULL);
    }
}

static void test_releasing_a_foreign_range_is_detected(void **state)
{
    (void)state;
    uint8_t *p = vm_alloc(100000, PAGE_OTHER, "test");
    memset(p, 7, 100000);
    expect_panic(heap_free, p, "not a heap object");
    assert_int_equal(p[99999], 7);
    set_up(NULL);
    p = vm_alloc(100000, PAGE_OTHER, "test");
    expect_panic(realloc_it, p, "not a heap object");
    assert_int_equal(p[99999], 0);
}

#ifdef HALYARD_HEAP_PLAIN

/* The links of an empty list point to themselves, like a word of a slab's header. */
static void test_an_object_starting_with_an_empty_list_is_no_slab(void **state)
{
    (void)state;
    uint8_t *p = heap_alloc(16384);
    list_init((struct list *)(void *)p);
    expect_panic(heap_free, p + 64, "not a heap object");
    set_up(NULL);
    paddr_t frames;
    assert_int_equal(page_alloc(2, PAGE_DMA, &frames), OK);
    p = hal_direct(frames);
    list_init((struct list *)(void *)p);
    expect_panic(heap_free, p + PAGE_SIZE + 64, "not a heap object");
}

/* Bytes of an object that look like a slab's header, and a real slab, which is not an object. */
static void test_a_slab_is_distinguished_from_an_object(void **state)
{
    (void)state;
    void **p = heap_alloc(16384);
    *p = p;
    heap_free(p);
    uintptr_t slab = (uintptr_t)heap_alloc(100) & ~(uintptr_t)16383;
    expect_panic(heap_free, (void *)slab, "not a heap object");
    set_up(NULL);
    slab = (uintptr_t)heap_alloc(100) & ~(uintptr_t)16383;
    expect_panic(realloc_it, (void *)slab, "not a heap object");
    for (unsigned at = 16; at < 64; at += 16) {
        set_up(NULL);
        slab = (uintptr_t)heap_alloc(16) & ~(uintptr_t)16383;
        expect_panic(free_and_empty, (void *)(slab + at), "not a heap object");
    }
}

static void test_an_immediate_second_free_is_detected(void **state)
{
    (void)state;
    void *p = heap_alloc(40);
    heap_free(p);
    expect_panic(heap_free, p, "freed twice");
}

static void test_a_free_object_does_not_grow(void **state)
{
    (void)state;
    void *p = heap_alloc(40);
    heap_free(p);
    expect_panic(realloc_it, p, "which is free");
    set_up(NULL);
    p = heap_alloc(40);
    (void)heap_alloc(40); /* the slab stays */
    heap_free(p);
    magazine_empty_all();
    expect_panic(realloc_it, p, "which is free");
    set_up(NULL);
    p = heap_alloc(5000);
    heap_free(p);
    expect_panic(realloc_it, p, "not a heap object");
    set_up(NULL);
    p = heap_alloc(5000);
    heap_free(p);
    expect_panic(heap_free, p, "not a heap object");
}

static void empty_magazines(void *unused)
{
    (void)unused;
    magazine_empty_all();
}

/* The first free returns the object to its slab, the second finds it there. */
static void test_a_second_free_is_detected_in_the_slab(void **state)
{
    (void)state;
    void *p = heap_alloc(40), *q = heap_alloc(40);
    heap_free(p);
    heap_free(q);
    heap_free(p);
    expect_panic(empty_magazines, NULL, "freed twice");
}

static void alloc_twice(void *unused)
{
    (void)unused;
    (void)heap_alloc(40);
    (void)heap_alloc(40);
}

static void test_a_write_after_free_is_detected_in_the_slab(void **state)
{
    (void)state;
    uint64_t *p = heap_alloc(40);
    void *keeps_the_slab = heap_alloc(40);
    heap_free(p);
    magazine_empty_all();
    p[0] ^= 0x1000;
    expect_panic(alloc_twice, NULL, "was written to");
    (void)keeps_the_slab;
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_random_load_keeps_every_byte, set_up),
        cmocka_unit_test_setup(test_aligned_objects_are_aligned, set_up),
        cmocka_unit_test_setup(test_zero_and_absurd_sizes, set_up),
        cmocka_unit_test_setup(test_zalloc_zeroes_reused_memory, set_up),
        cmocka_unit_test_setup(test_out_of_memory_is_null_and_passes, set_up),
        cmocka_unit_test_setup(test_an_impossible_size_fails_at_once, set_up),
        cmocka_unit_test_setup(test_foreign_pointers_are_detected, set_up),
        cmocka_unit_test_setup(test_a_pointer_inside_an_object_is_detected, set_up),
        cmocka_unit_test_setup(test_an_invalid_alignment_is_detected, set_up),
        cmocka_unit_test_setup(test_realloc_to_zero_and_to_the_maximum, set_up),
        cmocka_unit_test_setup(test_a_foreign_range_is_not_freed, set_up),
        cmocka_unit_test_setup(test_ranges_of_impossible_sizes_are_refused, set_up),
        cmocka_unit_test_setup(test_protection_ends_with_the_range, set_up),
        cmocka_unit_test_setup(test_an_unaligned_pointer_is_detected, set_up),
        cmocka_unit_test_setup(test_frames_of_other_owners_are_detected, set_up),
        cmocka_unit_test_setup(test_releasing_a_foreign_range_is_detected, set_up),
#ifdef HALYARD_HEAP_PLAIN
        cmocka_unit_test_setup(test_an_object_starting_with_an_empty_list_is_no_slab, set_up),
        cmocka_unit_test_setup(test_a_slab_is_distinguished_from_an_object, set_up),
        cmocka_unit_test_setup(test_an_immediate_second_free_is_detected, set_up),
        cmocka_unit_test_setup(test_a_free_object_does_not_grow, set_up),
        cmocka_unit_test_setup(test_a_second_free_is_detected_in_the_slab, set_up),
        cmocka_unit_test_setup(test_a_write_after_free_is_detected_in_the_slab, set_up),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
