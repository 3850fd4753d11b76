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
#include "hal/upcall.h"

#define BYTES ((size_t)3 * PAGE_SIZE - 5)

static int boot(void **state)
{
    int result = world_boot(state);
    codemem_init();
    return result;
}

static struct code_kernel pieces;

static unsigned prot_of(uint64_t address)
{
    struct hal_mapping m;
    return hal_mmu_query((vaddr_t)address, &m) ? m.prot : PROT_NONE;
}

static unsigned faults, names;

static bool count_fault(struct code_kernel *self, struct fault *fault)
{
    (void)fault;
    faults += self == &pieces ? 1 : 0;
    return true;
}

static bool count_name(struct code_kernel *self, uintptr_t pc, char *buf, size_t len)
{
    (void)self, (void)pc, (void)buf, (void)len;
    names++;
    return true;
}

static void prepare(bool has_landing_pads)
{
    pieces = (struct code_kernel){.name = "test",
                                  .has_landing_pads = has_landing_pads,
                                  .handle = count_fault,
                                  .symbol = count_name};
    code_kernel_init(&pieces);
}

static bool place(bool has_landing_pads)
{
    const struct code_space *space = &pieces.space;
    struct code_block block;
    prepare(has_landing_pads);
    if (space->take(space->ctx, BYTES, &block) != OK) {
        return false;
    }
    memset(block.bytes, 0xc3, block.size);
    bool ok = space->seal(space->ctx, &block) == OK;
    space->give_back(space->ctx, &block);
    return ok && pieces.pages == 0;
}

static void test_code_is_never_writable_and_executable(void **state)
{
    (void)state;
    const struct code_space *space = &pieces.space;
    struct code_block block;
    prepare(true);
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
    uint64_t address = block.address;
    space->give_back(space->ctx, &block);
    assert_int_equal(prot_of(address), PROT_NONE);
    assert_int_equal(pieces.pages, 0);
}

static void test_each_piece_has_an_owner_once_it_is_sealed(void **state)
{
    (void)state;
    struct code_block block;
    char buf[16];
    prepare(false);
    assert_int_equal(pieces.space.take(pieces.space.ctx, BYTES, &block), OK);
    assert_false(fault_code_is_program((uintptr_t)block.address));
    assert_int_equal(pieces.space.seal(pieces.space.ctx, &block), OK);
    assert_true(fault_code_is_program((uintptr_t)block.address + BYTES));
    names = faults = 0;
    assert_true(fault_describe_code((uintptr_t)block.address, buf, sizeof buf));
    assert_int_equal(names, 1);
    struct fault fault = {.cause = FAULT_ILLEGAL, .pc = (uintptr_t)block.address};
    upcall_fault(&fault);
    assert_int_equal(faults, 1);
    uintptr_t at = (uintptr_t)block.address;
    pieces.space.give_back(pieces.space.ctx, &block);
    assert_false(fault_code_is_program(at));
}

static bool place_both(void)
{
    return place(false) && place(true);
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
        cmocka_unit_test(test_each_piece_has_an_owner_once_it_is_sealed),
        cmocka_unit_test(test_memory_that_runs_out_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
