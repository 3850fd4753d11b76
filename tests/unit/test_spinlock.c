// SPDX-License-Identifier: MIT
//
// Spinlocks on one CPU: interrupt masks, preemption counts, and a deadlock that must be reported.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "kernel/base/spinlock.h"
#include "kernel/debug/report/lockcheck.h"

static int set_up(void **state)
{
    (void)state;
    fake_reset();
    lockcheck_install();
    return 0;
}

static void test_plain_lock_stops_preemption_only(void **state)
{
    (void)state;
    struct spinlock lock = SPINLOCK_INIT;
    hal_irq_enable();
    uint32_t depth = hal_this_cpu()->preempt_off;
    spin_lock(&lock);
    assert_true(spin_is_locked(&lock));
    assert_int_equal(hal_this_cpu()->preempt_off, depth + 1);
    assert_true(hal_irqs_enabled());
    spin_unlock(&lock);
    assert_false(spin_is_locked(&lock));
    assert_int_equal(hal_this_cpu()->preempt_off, depth);
}

static void test_irq_lock_masks_and_restores_the_mask(void **state)
{
    (void)state;
    struct spinlock outer = SPINLOCK_INIT, inner = SPINLOCK_INIT;
    hal_irq_enable();
    irq_state_t a = spin_lock_irq(&outer);
    assert_false(hal_irqs_enabled());
    irq_state_t b = spin_lock_irq(&inner);
    spin_unlock_irq(&inner, b);
    assert_false(hal_irqs_enabled());
    spin_unlock_irq(&outer, a);
    assert_true(hal_irqs_enabled());
}

static void test_the_lock_can_be_taken_repeatedly(void **state)
{
    (void)state;
    struct spinlock lock = SPINLOCK_INIT;
    for (unsigned i = 0; i < 70000; i++) {
        spin_unlock_irq(&lock, spin_lock_irq(&lock));
    }
    assert_false(spin_is_locked(&lock));
}

/* The compiler's lock analysis would reject this. */
static NO_LOCK_ANALYSIS void take_twice(struct spinlock *lock)
{
    (void)spin_lock_irq(lock);
    (void)spin_lock_irq(lock);
}

static void test_a_lock_taken_twice_is_a_panic(void **state)
{
    (void)state;
    static struct spinlock lock = SPINLOCK_INIT;
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        take_twice(&lock);
        fail();
    }
    assert_non_null(strstr(fake_console_text(), "is taken twice by one CPU"));
    hal_this_cpu()->in_panic = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plain_lock_stops_preemption_only, set_up),
        cmocka_unit_test_setup(test_irq_lock_masks_and_restores_the_mask, set_up),
        cmocka_unit_test_setup(test_the_lock_can_be_taken_repeatedly, set_up),
        cmocka_unit_test_setup(test_a_lock_taken_twice_is_a_panic, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
