// SPDX-License-Identifier: MIT
//
// The fake machine keeps the guarantees that other tests rely on: mappings are real, order is
// recorded, threads switch, and a test can catch the end of the machine.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "hal/cache.h"
#include "hal/console.h"
#include "hal/context.h"
#include "hal/io.h"
#include "hal/mmu.h"
#include "hal/timer.h"
#include "hal/trap.h"

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    return 0;
}

static vaddr_t vm(void)
{
    return hal_layout.region[HAL_REGION_VM].base;
}

static void test_a_mapping_is_the_same_memory(void **state)
{
    (void)state;
    paddr_t frame = paddr(FAKE_RAM_BASE + 5 * PAGE_SIZE);
    assert_int_equal(hal_mmu_map(vm(), frame, 2, PROT_R | PROT_W, MEM_NORMAL), OK);
    strcpy((char *)vm() + PAGE_SIZE, "alias");
    assert_string_equal((char *)hal_direct(frame) + PAGE_SIZE, "alias");
    assert_int_equal(hal_mmu_map(vm() + PAGE_SIZE, frame, 1, PROT_R, MEM_NORMAL), E_EXIST);
}

static void test_protection_is_enforced(void **state)
{
    (void)state;
    struct hal_mmu_batch batch = {.count = 0};
    uint8_t byte;
    assert_int_equal(hal_mmu_map(vm(), paddr(FAKE_RAM_BASE), 1, PROT_R | PROT_W, MEM_NORMAL), OK);
    assert_true(hal_probe_write8((void *)vm(), 7));
    assert_int_equal(hal_mmu_protect(vm(), 1, PROT_R, &batch), OK);
    assert_true(hal_probe_read8((void *)vm(), &byte));
    assert_int_equal(byte, 7);
    assert_int_equal(hal_mmu_unmap(vm(), 1, &batch), OK);
    hal_mmu_flush(&batch);
    assert_false(hal_probe_read8((void *)vm(), &byte));
    assert_string_equal(fake_journal(), "tlb");
}

static void test_write_with_execute_is_refused(void **state)
{
    (void)state;
    assert_int_equal(
        hal_mmu_map(vm(), paddr(FAKE_RAM_BASE), 1, PROT_R | PROT_W | PROT_X, MEM_NORMAL), E_INVAL);
    struct hal_mapping m;
    assert_false(hal_mmu_query(vm(), &m));
}

static void count_frames(void *ctx, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    assert_int_equal(kind, HAL_GATHER_LEAF);
    assert_true(base.raw >= FAKE_RAM_BASE);
    *(size_t *)ctx += pages;
}

static void test_unmap_collects_the_mapped_frames(void **state)
{
    (void)state;
    size_t frames = 0;
    struct hal_mmu_batch batch = {.gather = count_frames, .ctx = &frames};
    assert_int_equal(hal_mmu_map(vm(), paddr(FAKE_RAM_BASE), 3, PROT_R, MEM_NORMAL), OK);
    assert_int_equal(hal_mmu_unmap(vm(), 8, &batch), OK);
    assert_int_equal(frames, 3);
}

static void test_order_is_recorded(void **state)
{
    (void)state;
    static const char code[4];
    hal_dma_wmb();
    hal_icache_sync(code, sizeof(code));
    hal_dma_mb();
    hal_dma_rmb();
    assert_string_equal(fake_journal(), "wmb icache mb rmb");
}

static struct hal_context main_context, other_context;
static int steps;

static void other(void *arg)
{
    assert_ptr_equal(arg, &steps);
    for (;;) {
        steps++;
        hal_context_switch(&other_context, &main_context);
    }
}

static void test_threads_switch(void **state)
{
    (void)state;
    steps = 0;
    hal_context_init(&other_context, vm(), PAGE_SIZE, other, &steps);
    for (int i = 1; i <= 3; i++) {
        hal_context_switch(&main_context, &other_context);
        assert_int_equal(steps, i);
    }
}

static void test_waiting_advances_the_time_to_the_deadline(void **state)
{
    (void)state;
    fake_timer.arm(12345);
    hal_cpu_wait();
    assert_int_equal(hal_counter_read(), 12345);
    assert_true(hal_irqs_enabled());
}

static void test_the_end_can_be_caught(void **state)
{
    (void)state;
    hal_exit_record(EXIT_FAULT, 9);
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        hal_power_off();
    }
    assert_int_equal(fake_exit_kind, EXIT_FAULT);
    assert_int_equal(fake_exit_status, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_mapping_is_the_same_memory, set_up),
        cmocka_unit_test_setup(test_protection_is_enforced, set_up),
        cmocka_unit_test_setup(test_write_with_execute_is_refused, set_up),
        cmocka_unit_test_setup(test_unmap_collects_the_mapped_frames, set_up),
        cmocka_unit_test_setup(test_order_is_recorded, set_up),
        cmocka_unit_test_setup(test_threads_switch, set_up),
        cmocka_unit_test_setup(test_waiting_advances_the_time_to_the_deadline, set_up),
        cmocka_unit_test_setup(test_the_end_can_be_caught, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
