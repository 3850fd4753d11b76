// SPDX-License-Identifier: MIT
//
// Bus addresses of memory: where runs are merged and split, and addresses that
// are out of reach or unmapped.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/io/device.h"
#include "kernel/io/dma.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

#define SEGMENTS 32

static struct device anywhere = {.dma_limit = UINT64_MAX};
static struct dma_segment segs[SEGMENTS];

static size_t map(void *p, size_t len, uint32_t max_len)
{
    size_t count = SEGMENTS;
    memset(segs, 0, sizeof(segs));
    assert_int_equal(dma_map(&anywhere, p, len, DMA_BOTH, max_len, segs, &count), OK);
    return count;
}

/* The segments cover the buffer, byte for byte. */
static void check(const uint8_t *p, size_t len, uint32_t max_len, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        assert_in_range(segs[i].len, 1, max_len);
        for (uint32_t k = 0; k < segs[i].len; k++, at++) {
            paddr_t phys;
            assert_true(vm_to_phys(p + at, &phys));
            assert_int_equal(phys.raw, segs[i].bus.raw + k);
        }
    }
    assert_int_equal(at, len);
}

static void test_the_direct_map_is_one_run(void **state)
{
    (void)state;
    paddr_t frame;
    assert_int_equal(page_alloc(3, PAGE_OTHER, &frame), OK);
    uint8_t *p = hal_direct(frame);
    assert_int_equal(map(p + 100, 3 * PAGE_SIZE, UINT32_MAX), 1);
    check(p + 100, 3 * PAGE_SIZE, UINT32_MAX, 1);
    assert_int_equal(map(p + 100, 3 * PAGE_SIZE, 5000), 3);
    check(p + 100, 3 * PAGE_SIZE, 5000, 3);
    assert_int_equal(map(p, 0, 5000), 0);
    page_free(frame, 3);
}

/* Frames in the order c, a, b, where a, b, c are consecutive: the last two are merged. */
static void test_adjacent_runs_are_merged_and_others_are_not(void **state)
{
    (void)state;
    paddr_t frame;
    struct vm_range range;
    const struct vm_request request = {.pages = 3, .region = HAL_REGION_VM, .name = "dma test"};
    assert_int_equal(page_alloc(2, PAGE_OTHER, &frame), OK);
    assert_int_equal(vm_reserve(&range, &request), OK);
    const unsigned order[] = {2, 0, 1};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(hal_mmu_map(range.base + i * PAGE_SIZE,
                                     paddr_add(frame, order[i] * PAGE_SIZE), 1, PROT_R | PROT_W,
                                     MEM_NORMAL),
                         OK);
    }
    uint8_t *p = (uint8_t *)range.base;
    assert_int_equal(map(p, 3 * PAGE_SIZE, UINT32_MAX), 2);
    assert_int_equal(segs[0].len, PAGE_SIZE);
    assert_int_equal(segs[1].len, 2 * PAGE_SIZE);
    check(p, 3 * PAGE_SIZE, UINT32_MAX, 2);
    assert_int_equal(map(p + 10, 2 * PAGE_SIZE, UINT32_MAX), 2);
    check(p + 10, 2 * PAGE_SIZE, UINT32_MAX, 2);
    assert_int_equal(map(p + 10, 3 * PAGE_SIZE - 20, 1000), 14);
    check(p + 10, 3 * PAGE_SIZE - 20, 1000, 14);

    size_t count = 1;
    assert_int_equal(dma_map(&anywhere, p, 2 * PAGE_SIZE, DMA_BOTH, UINT32_MAX, segs, &count),
                     E_OVERFLOW);
    assert_int_equal(count, 1);
    count = SEGMENTS; /* past the end of the mapping */
    assert_int_equal(dma_map(&anywhere, p, 3 * PAGE_SIZE + 1, DMA_BOTH, UINT32_MAX, segs, &count),
                     E_FAULT);
    vm_unmap(&range, 0, 3, false);
    vm_release(&range);
    page_free(frame, 2);
}

static void test_reach(void **state)
{
    (void)state;
    paddr_t frame;
    size_t count = SEGMENTS;
    assert_int_equal(page_alloc(1, PAGE_OTHER, &frame), OK);
    uint8_t *p = hal_direct(frame);
    struct device near = {.dma_limit = frame.raw + PAGE_SIZE - 1};
    assert_int_equal(dma_map(&near, p, PAGE_SIZE, DMA_BOTH, UINT32_MAX, segs, &count), OK);
    count = SEGMENTS;
    assert_int_equal(dma_map(&near, p, PAGE_SIZE + 1, DMA_BOTH, UINT32_MAX, segs, &count), E_RANGE);
    assert_int_equal(dma_map(&near, p + PAGE_SIZE, 1, DMA_BOTH, UINT32_MAX, segs, &count), E_RANGE);
    page_free(frame, 1);

    struct device blind = {.dma_limit = FAKE_RAM_BASE - 1};
    struct dma_buffer buf;
    assert_int_equal(dma_alloc(&blind, 1, &buf), E_NOMEM);
    struct device half = {.dma_limit = FAKE_RAM_BASE + FAKE_RAM_SIZE / 2 - 1};
    assert_int_equal(dma_alloc(&half, 3 * PAGE_SIZE, &buf), OK);
    assert_true(buf.bus.raw + 3 * PAGE_SIZE - 1 <= half.dma_limit);
    dma_free(&half, &buf);
}

static void test_shared_memory(void **state)
{
    (void)state;
    struct dma_buffer buf;
    struct page_stats before, after;
    assert_int_equal(dma_alloc(&anywhere, 0, &buf), E_INVAL);
    assert_int_equal(dma_alloc(&anywhere, (PAGE_SIZE << PAGE_ORDER_MAX) + 1, &buf), E_INVAL);
    assert_int_equal(dma_alloc(&anywhere, SIZE_MAX, &buf), E_INVAL);
    page_get_stats(&before);
    const size_t sizes[] = {1, PAGE_SIZE, PAGE_SIZE + 1, 5 * PAGE_SIZE};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(dma_alloc(&anywhere, sizes[i], &buf), OK);
        assert_int_equal(buf.size, sizes[i]);
        assert_int_equal(buf.bus.raw % PAGE_SIZE, 0);
        const uint8_t *p = buf.cpu;
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(p[k], 0);
        }
        memset(buf.cpu, 0xff, sizes[i]);
        dma_free(&anywhere, &buf);
        assert_null(buf.cpu);
    }
    page_get_stats(&after);
    assert_int_equal(after.by_owner[PAGE_DMA], before.by_owner[PAGE_DMA]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_direct_map_is_one_run),
        cmocka_unit_test(test_adjacent_runs_are_merged_and_others_are_not),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_shared_memory),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
