// SPDX-License-Identifier: MIT
//
// Sample syndromes of AArch64, most of them observed on QEMU, and their descriptions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/aarch64/esr.c"

#define FAR UINT64_C(0xffff400000167fc0)

static const struct {
    uint64_t esr;
    enum fault_cause cause;
    enum fault_access access;
    bool mapped, has_address;
    const char *class, *detail;
} golden[] = {
    {0x96000004, FAULT_PAGE, FAULT_READ, false, true, "data abort", "translation fault, level 0"},
    {0x96000044, FAULT_PAGE, FAULT_WRITE, false, true, "data abort", "translation fault, level 0"},
    {0x9600004f, FAULT_PAGE, FAULT_WRITE, true, true, "data abort", "permission fault, level 3"},
    {0x9600000b, FAULT_PAGE, FAULT_READ, true, true, "data abort", "access flag fault, level 3"},
    {0x86000004, FAULT_PAGE, FAULT_EXEC, false, true, "instruction abort",
     "translation fault, level 0"},
    {0x8600000f, FAULT_PAGE, FAULT_EXEC, true, true, "instruction abort",
     "permission fault, level 3"},
    {0x86000000, FAULT_PAGE, FAULT_EXEC, false, true, "instruction abort",
     "address size fault, level 0"},
    {0x96000010, FAULT_BUS, FAULT_READ, false, true, "data abort", "external abort"},
    {0x96000410, FAULT_BUS, FAULT_READ, false, false, "data abort", "external abort"},
    {0x96000015, FAULT_BUS, FAULT_READ, false, true, "data abort",
     "external abort on table walk, level 1"},
    {0x96000021, FAULT_ALIGNMENT, FAULT_READ, false, true, "data abort", "alignment fault"},
    {0x9600003f, FAULT_BUS, FAULT_READ, false, true, "data abort", "unknown fault status"},
    {0x02000000, FAULT_ILLEGAL, FAULT_NONE, false, false, "undefined instruction", NULL},
    {0x5a000005, FAULT_ILLEGAL, FAULT_NONE, false, false, "hypervisor call", NULL},
    {0x1fe00000, FAULT_PROTECTION, FAULT_NONE, false, false, "trapped floating-point access", NULL},
    {0x36000002, FAULT_PROTECTION, FAULT_EXEC, false, false, "branch target exception", NULL},
    {0x72000000, FAULT_PROTECTION, FAULT_NONE, false, false, "pointer authentication failure",
     NULL},
    {0x62000000, FAULT_PROTECTION, FAULT_NONE, false, false, "trapped system register access",
     NULL},
    {0x8a000000, FAULT_ALIGNMENT, FAULT_NONE, false, true, "misaligned program counter", NULL},
    {0x9a000000, FAULT_ALIGNMENT, FAULT_NONE, false, false, "misaligned stack pointer", NULL},
    {0xbe000000, FAULT_BUS, FAULT_NONE, false, false, "asynchronous external abort (SError)", NULL},
    {0xf2005512, FAULT_BREAKPOINT, FAULT_NONE, false, false, "breakpoint instruction", NULL},
    {0xfe000000, FAULT_OTHER, FAULT_NONE, false, false, "exception of an unknown class", NULL},
};

static void test_golden_syndromes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(golden); i++) {
        struct fault f = {.pc = 1, .may_sleep = true};
        esr_decode(golden[i].esr, FAR, &f);
        assert_int_equal(f.code, golden[i].esr);
        assert_int_equal(f.vector, golden[i].esr >> 26);
        assert_int_equal(f.cause, golden[i].cause);
        assert_int_equal(f.access, golden[i].access);
        assert_int_equal(f.mapped, golden[i].mapped);
        assert_int_equal(f.has_address, golden[i].has_address);
        assert_int_equal(f.address, golden[i].has_address ? FAR : 0);
        assert_true(f.pc == 1 && f.may_sleep); /* the caller's fields stay */
        assert_string_equal(esr_class_text(golden[i].esr), golden[i].class);
        if (golden[i].detail != NULL) {
            assert_string_equal(esr_abort_text(golden[i].esr), golden[i].detail);
        } else {
            assert_null(esr_abort_text(golden[i].esr));
        }
    }
}

/* A text that fills its array has no terminating zero, and would continue into the next. */
static void test_every_text_is_terminated(void **state)
{
    (void)state;
    for (uint64_t ec = 0; ec < 64; ec++) {
        for (uint64_t status = 0; status < 64; status++) {
            uint64_t esr = ec << 26 | status;
            const char *detail = esr_abort_text(esr);
            assert_true(strlen(esr_class_text(esr)) < sizeof(class_texts[0].text));
            assert_true(detail == NULL || strlen(detail) < sizeof(status_texts[0].text));
        }
    }
}

/* An address as AUTIASP changes it when the signature does not match, and similar
 * addresses that it did not change. */
static void test_addresses_with_wrong_signatures(void **state)
{
    (void)state;
    assert_true(esr_is_spoiled(0xbfffffff80001234)); /* of the kernel's half, key A */
    assert_true(esr_is_spoiled(0xdfffffff80001234)); /* key B */
    assert_true(esr_is_spoiled(0x2000000080001234)); /* of the other half */
    /* an intact signature: bit 55 names the half */
    assert_true(esr_is_spoiled(0xff7fffff80001234));
    assert_false(esr_is_spoiled(0xffffffff80001234));
    assert_false(esr_is_spoiled(0xffff000000001234)); /* bit 47 has no meaning */
    assert_false(esr_is_spoiled(0x0000800000001234));
    assert_false(esr_is_spoiled(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_syndromes),
        cmocka_unit_test(test_addresses_with_wrong_signatures),
        cmocka_unit_test(test_every_text_is_terminated),
    };
    return cmocka_run_group_tests_name("esr", tests, NULL, NULL);
}
