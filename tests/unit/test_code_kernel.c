// SPDX-License-Identifier: MIT
//
// Compiled code in the kernel's code memory: written at one address, executed at another, never
// both, and given back wholly whatever fails.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake_failure.h"
#include "fake/world.h"
#include "kernel/jit/code_kernel.h"
#include "kernel/jit/codemem.h"

#define BYTES ((size_t)3 * PAGE_SIZE - 5)

static int boot(void **state)
{
    int result = world_boot(state);
    codemem_init();
    return result;
}

static unsigned prot_of(uint64_t address)
{
    struct hal_mapping m;
    return hal_mmu_query((vaddr_t)address, &m) ? m.prot : PROT_NONE;
}

static bool place(const struct code_space *space)
{
    struct code_block block;
    if (space->take(space->ctx, BYTES, &block) != OK) {
        return false;
    }
    memset(block.bytes, 0xc3, block.size);
    bool ok = space->seal(space->ctx, &block) == OK;
    space->give_back(space->ctx, &block);
    return ok;
}

static void test_code_is_never_writable_and_executable(void **state)
{
    (void)state;
    const struct code_space *space = &code_kernel_guarded;
    struct code_block block;
    assert_int_equal(space->take(space->ctx, BYTES, &block), OK);
    assert_int_equal(block.size, 3 * PAGE_SIZE);
    uint8_t *written = block.bytes;
    assert_int_equal(prot_of((uintptr_t)written), PROT_R | PROT_W);
    assert_int_equal(prot_of(block.address), PROT_NONE);
    memset(written, 0x90, block.size);
    assert_int_equal(space->seal(space->ctx, &block), OK);
    assert_int_equal(prot_of((uintptr_t)written), PROT_NONE);
    assert_int_equal(prot_of(block.address) & (PROT_R | PROT_W | PROT_X), PROT_R | PROT_X);
    assert_int_equal(((const uint8_t *)(uintptr_t)block.address)[BYTES - 1], 0x90);
    space->give_back(space->ctx, &block);
    assert_int_equal(prot_of(block.address), PROT_NONE);
}

static bool place_both(void)
{
    return place(&code_kernel) && place(&code_kernel_guarded);
}

static void test_memory_that_runs_out_at_each_allocation(void **state)
{
    (void)state;
    fake_sweep("code that is placed", place_both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_is_never_writable_and_executable),
        cmocka_unit_test(test_memory_that_runs_out_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
