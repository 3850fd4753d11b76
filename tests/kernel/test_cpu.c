// SPDX-License-Identifier: MIT
//
// Details of hal/cpu.h and hal/context.h that only the real machine can confirm.
#include "hal/context.h"
#include "hal/cpu.h"
#include "kernel/mm/vm.h"
#include "tests/kernel/tests.h"

static void interrupt_mask_nests(void)
{
    TEST_CHECK(hal_irqs_enabled());
    irq_state_t outer = hal_irq_save();
    irq_state_t inner = hal_irq_save();
    TEST_CHECK(!hal_irqs_enabled());
    hal_irq_restore(inner);
    TEST_CHECK(!hal_irqs_enabled());
    hal_irq_restore(outer);
    TEST_CHECK(hal_irqs_enabled());
}

/* Return 42 if the caller's stack is the one that the argument describes. */
static uintptr_t check_stack(void *arg)
{
    volatile unsigned local = 42;
    const uintptr_t *bounds = arg;
    uintptr_t here = (uintptr_t)&local;
    return here >= bounds[0] && here < bounds[1] ? local : 0;
}

static void call_on_another_stack_returns(void)
{
    /* memory for which a sanitizer has shadow */
    char *stack = vm_alloc(PAGE_SIZE, PAGE_OTHER, "test");
    if (stack == NULL) {
        test_fail(__FILE__, __LINE__, "no memory");
        return;
    }
    uintptr_t bounds[2] = {(uintptr_t)stack, (uintptr_t)stack + PAGE_SIZE};
    /* an interrupt handler might overflow this stack, which is not a kernel stack */
    irq_state_t state = hal_irq_save();
    uintptr_t out = hal_stack_call(bounds[1], check_stack, bounds);
    hal_irq_restore(state);
    vm_free(stack);
    TEST_EQUAL(out, 42);
}

const struct kernel_test cpu_tests[] = {
    {"cpu.interrupt_mask_nests", interrupt_mask_nests, TEST_ON_CPUS},
    {"cpu.call_on_another_stack_returns", call_on_another_stack_returns, TEST_ON_CPUS},
    {0},
};
