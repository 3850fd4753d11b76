// SPDX-License-Identifier: MIT
//
// The page-table code with AArch64 descriptors: known-good values and the permission rules of EL1.
// Two mistakes with AP[1] that broke real kernels are here as descriptors that must be refused.
#include "arch/aarch64/include/hal_arch/pte.h"
#include "arch/aarch64/pte.c"
#include "hal/pagetable.c"
#include "hal/pagetable_lazy.c"
#include "hal/pagetable_query.c"

static const struct hal_pte_rules *strict_rules(void)
{
    static const struct hal_pte_rules rules = {.wxn = true, .pan = true};
    return &rules;
}

#include "tests/unit/pagetable_cases.h"

/* Worked out by hand from the Arm ARM's descriptor figures. */
static void test_golden_descriptors(void **state)
{
    (void)state;
    const paddr_t p = {0x40000000};
    assert_int_equal(hal_pte_table(p).raw, 0x3000000040000003);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R | PROT_X, MEM_NORMAL).raw, 0x0040000040000783);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R | PROT_X | PROT_GUARDED, MEM_NORMAL).raw,
                     0x0044000040000783);
    assert_int_equal(hal_pte_leaf(p, 1, PROT_R | PROT_X | PROT_GUARDED, MEM_NORMAL).raw,
                     0x0044000040000781);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R | PROT_W, MEM_NORMAL).raw, 0x0060000040000703);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R, MEM_NORMAL).raw, 0x0060000040000783);
    assert_int_equal(hal_pte_leaf(p, 1, PROT_R | PROT_W, MEM_NORMAL).raw, 0x0060000040000701);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R | PROT_W, MEM_DEVICE).raw, 0x0060000040000407);
    assert_int_equal(hal_pte_leaf(p, 0, PROT_R | PROT_W, MEM_WRITE_COMBINE).raw,
                     0x006000004000070b);
    pte_t page = hal_pte_leaf(p, 0, PROT_R | PROT_W, MEM_NORMAL), lazy = hal_pte_lazy(page);
    assert_int_equal(lazy.raw, 0x0060000040000702);
    assert_int_equal(hal_pte_busy(lazy).raw, 0x00e0000040000702);
    assert_int_equal(hal_pte_touched(hal_pte_busy(lazy)).raw, page.raw);
}

static const char *denies(uint64_t leaf, enum fault_access access, struct hal_pte_rules rules)
{
    /* Tables without restrictions, so that the leaf decides. */
    pte_t path[4] = {{leaf}, {0x1003}, {0x2003}, {0x3003}};
    return hal_pte_denies(path, 0, access, &rules);
}

/* Mistake one: bit 6 is taken for "read-only" on a page of code. It means "EL0 may
 * access"; the page stays writable, for EL0 too, and EL1's next fetch takes a
 * permission fault, even with PXN clear. */
static void test_ap1_taken_for_read_only_makes_text_unexecutable(void **state)
{
    (void)state;
    const struct hal_pte_rules plain = {0};
    const uint64_t text = hal_pte_leaf(paddr(0x40000000), 0, PROT_R | PROT_X, MEM_NORMAL).raw;
    assert_null(denies(text, FAULT_EXEC, plain));
    const uint64_t mistaken = (text & ~PTE_AP_RO) | ((uint64_t)1 << 6);
    assert_string_equal(denies(mistaken, FAULT_EXEC, plain),
                        "EL0 can write it (AP[1]), so EL1 does not execute it");
    assert_null(denies(mistaken, FAULT_WRITE, plain)); /* and it is not read-only */
}

/* Mistake two: bit 6 is set on kernel data "so that the kernel may write it". That works until PAN
 * is enabled, and exposes the data to EL0. */
static void test_ap1_on_kernel_data_is_refused_under_pan(void **state)
{
    (void)state;
    const uint64_t data = hal_pte_leaf(paddr(0x40000000), 0, PROT_R | PROT_W, MEM_NORMAL).raw;
    assert_null(denies(data, FAULT_WRITE, (struct hal_pte_rules){.pan = true}));
    assert_string_equal(
        denies(data | ((uint64_t)1 << 6), FAULT_WRITE, (struct hal_pte_rules){.pan = true}),
        "EL0 may access it (AP[1]), so EL1 under PAN may not");
    /* EL1 may still execute a read-only page that EL0 may read. */
    const uint64_t shared =
        hal_pte_leaf(paddr(0x40000000), 0, PROT_R | PROT_X, MEM_NORMAL).raw | PTE_AP_EL0;
    assert_null(denies(shared, FAULT_EXEC, (struct hal_pte_rules){.pan = true, .wxn = true}));
}

static void test_other_rules_of_el1(void **state)
{
    (void)state;
    const struct hal_pte_rules plain = {0};
    const uint64_t text = hal_pte_leaf(paddr(0x40000000), 0, PROT_R | PROT_X, MEM_NORMAL).raw;
    assert_string_equal(denies(text & ~PTE_AF, FAULT_READ, plain), "the access flag is clear");
    assert_string_equal(denies(text | PTE_PXN, FAULT_EXEC, plain), "PXN is set on the path");
    assert_string_equal(denies(text, FAULT_WRITE, plain), "read-only on the path (AP[2])");
    assert_string_equal(denies(text & ~PTE_AP_RO, FAULT_EXEC, (struct hal_pte_rules){.wxn = true}),
                        "writable, and SCTLR_EL1.WXN is set");
    assert_null(denies(text & ~PTE_AP_RO, FAULT_EXEC, plain));
    assert_string_equal(denies(text | PTE_ATTR(MEM_DEVICE), FAULT_EXEC, plain),
                        "device memory is not executable");
}

static void test_tables_limit_what_lies_below(void **state)
{
    (void)state;
    const struct hal_pte_rules plain = {0};
    const uint64_t data = hal_pte_leaf(paddr(0x40000000), 0, PROT_R | PROT_W, MEM_NORMAL).raw;
    const uint64_t text = hal_pte_leaf(paddr(0x40000000), 0, PROT_R | PROT_X, MEM_NORMAL).raw;
    for (unsigned level = 1; level < 4; level++) {
        pte_t path[4] = {{text}, {0x1003}, {0x2003}, {0x3003}};
        path[level].raw |= PTE_TABLE_PXN;
        assert_string_equal(hal_pte_denies(path, 0, FAULT_EXEC, &plain), "PXN is set on the path");
        path[0].raw = data;
        path[level].raw = 0x1003 | PTE_TABLE_AP_RO;
        assert_string_equal(hal_pte_denies(path, 0, FAULT_WRITE, &plain),
                            "read-only on the path (AP[2])");
        path[level].raw = 0x1001;
        assert_string_equal(hal_pte_denies(path, 0, FAULT_READ, &plain),
                            "a block descriptor where only a table may be");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAGETABLE_CASES,
        cmocka_unit_test(test_golden_descriptors),
        cmocka_unit_test(test_ap1_taken_for_read_only_makes_text_unexecutable),
        cmocka_unit_test(test_ap1_on_kernel_data_is_refused_under_pan),
        cmocka_unit_test(test_other_rules_of_el1),
        cmocka_unit_test(test_tables_limit_what_lies_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
