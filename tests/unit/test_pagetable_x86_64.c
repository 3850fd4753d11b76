// SPDX-License-Identifier: MIT
//
// The page-table code with x86-64 entries: known-good values and the permission rules of ring 0.
#include "arch/x86_64/include/hal_arch/pte.h"
#include "arch/x86_64/pte.c"
#include "hal/pagetable.c"
#include "hal/pagetable_lazy.c"
#include "hal/pagetable_query.c"

static const struct hal_pte_rules *strict_rules(void)
{
    static const struct hal_pte_rules rules = {.nxe = true, .wp = true, .smep = true, .smap = true};
    return &rules;
}

#include "tests/unit/pagetable_cases.h"

/* Worked out by hand from the SDM's tables 4-15 to 4-20. */
static void test_golden_entries(void **state)
{
    (void)state;
    const paddr_t p = {0x40000000};
    assert_int_equal(hal_pte_table(p).raw, 0x40000023);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R | PROT_X, MEM_NORMAL).raw, 0x40000161);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R | PROT_W, MEM_NORMAL).raw, 0x8000000040000163);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R, MEM_NORMAL).raw, 0x8000000040000161);
    assert_int_equal(hal_pte_leaf(p, 1, PROT_R | PROT_W, MEM_NORMAL).raw, 0x80000000400001e3);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R | PROT_W, MEM_DEVICE).raw, 0x800000004000017b);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R | PROT_W, MEM_WRITE_COMBINE).raw,
                     0x80000000400001e3);
    assert_int_equal(hal_pte_leaf(p, 1, PROT_R | PROT_W, MEM_WRITE_COMBINE).raw,
                     0x80000000400011e3);
    /* Not present, with an address where no memory is. */
    pte_t page = hal_pte_leaf(p, 0, PROT_R | PROT_W, MEM_NORMAL), lazy = hal_pte_lazy(page);
    assert_int_equal(lazy.raw, 0x800fffffbffff162);
    assert_int_equal(hal_pte_busy(lazy).raw, 0x800fffffbffff362);
    assert_int_equal(hal_pte_touched(hal_pte_busy(lazy)).raw, page.raw);
}

/* A path of four entries: a text page under tables, with bits flipped by the caller. */
static const char *exec_with(unsigned level, uint64_t set, uint64_t clear)
{
    pte_t path[4] = {hal_pte_leaf(paddr(0x200000), 0, PROT_R | PROT_X, MEM_NORMAL),
                     hal_pte_table(paddr(0x1000)), hal_pte_table(paddr(0x2000)),
                     hal_pte_table(paddr(0x3000))};
    path[level].raw = (path[level].raw | set) & ~clear;
    return hal_pte_denies(path, 0, FAULT_EXEC, strict_rules());
}

static void test_rules_of_ring_0(void **state)
{
    (void)state;
    assert_null(exec_with(0, 0, 0));
    for (unsigned level = 0; level < 4; level++) {
        assert_non_null(exec_with(level, PTE_NX, 0));
        /* One supervisor entry on the path makes it a supervisor page. */
        assert_null(exec_with(level, PTE_US, 0));
    }
    pte_t user[4] = {hal_pte_leaf(paddr(0x200000), 0, PROT_R | PROT_X, MEM_NORMAL),
                     hal_pte_table(paddr(0x1000)), hal_pte_table(paddr(0x2000)),
                     hal_pte_table(paddr(0x3000))};
    for (unsigned level = 0; level < 4; level++) {
        user[level].raw |= PTE_US;
    }
    assert_string_equal(hal_pte_denies(user, 0, FAULT_EXEC, strict_rules()),
                        "a user page is not executable in ring 0 under SMEP");
    assert_string_equal(hal_pte_denies(user, 0, FAULT_READ, strict_rules()),
                        "a user page is not accessible in ring 0 under SMAP");
    struct hal_pte_rules lax = {.nxe = true};
    assert_null(hal_pte_denies(user, 0, FAULT_EXEC, &lax));
    assert_null(hal_pte_denies(user, 0, FAULT_WRITE, &lax)); /* CR0.WP clear: ring 0 ignores R/W */
    lax.nxe = false;
    assert_non_null(exec_with(3, PTE_PS, 0)); /* reserved in the root */
    user[0].raw |= PTE_NX;
    assert_string_equal(hal_pte_denies(user, 0, FAULT_READ, &lax), "a reserved bit is set");
}

static void test_write_needs_every_level(void **state)
{
    (void)state;
    for (unsigned level = 0; level < 4; level++) {
        pte_t path[4] = {hal_pte_leaf(paddr(0x200000), 0, PROT_R | PROT_W, MEM_NORMAL),
                         hal_pte_table(paddr(0x1000)), hal_pte_table(paddr(0x2000)),
                         hal_pte_table(paddr(0x3000))};
        assert_null(hal_pte_denies(path, 0, FAULT_WRITE, strict_rules()));
        path[level].raw &= ~PTE_RW;
        assert_string_equal(hal_pte_denies(path, 0, FAULT_WRITE, strict_rules()),
                            "read-only on the path");
        assert_null(hal_pte_denies(path, 0, FAULT_READ, strict_rules()));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {PAGETABLE_CASES, cmocka_unit_test(test_golden_entries),
                                       cmocka_unit_test(test_rules_of_ring_0),
                                       cmocka_unit_test(test_write_needs_every_level)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
