// SPDX-License-Identifier: MIT
//
// The verifier on hand-assembled functions of AArch64: frame records, which an exception follows,
// and landings.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/verify_by_hand.h"

static const struct verify_case cases[] = {
    /* A comment has {what is wrong|what is right}; !M, !S and !U are rows, and !L2 is the row of a
     * landing at 2. */
    /* clang-format off */
    /* stp x29, x30, [sp, #-16]!; {nop|mov x29, sp}; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * bl 0; ldp x29, x30, [sp], #16; ret */
    {"a call before there is a frame record", NONE,
     "a call without a frame record",
     "a9bf7bfd d503201f d14017f1 Sf940023f 97fffffc a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f 97fffffc a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; {ldr x29, [x29]|nop}; bl 0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a call with the caller's frame pointer", NONE,
     "a call without a frame record",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f94003bd 97fffffa 910003bf "
     "a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff d503201f 97fffffa 910003bf "
     "a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; add x29, x29, #{8|0}; bl 0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a call with a frame pointer above the frame record", NONE,
     "a call without a frame record",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 910023bd 97fffffa 910003bf "
     "a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 910003bd 97fffffa 910003bf "
     "a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; add x29, x29, #{1|0}; bl 0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a call with a frame pointer that is not aligned", NONE,
     "a call without a frame record",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 910007bd 97fffffa 910003bf "
     "a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 910003bd 97fffffa 910003bf "
     "a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; mov x9, #{0x800000000|0}; add x29, x29, x9; bl 0; mov sp, x29; ldp x29, x30,
     * [sp], #16; ret */
    {"a call with a frame pointer 32 GiB away", NONE,
     "a call without a frame record",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff d2c00109 8b0903bd 97fffff9 "
     "910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff d2800009 8b0903bd 97fffff9 "
     "910003bf a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; stp x0, x0, [sp]; {mov x29, sp|nop}; bl 0; mov sp, x29; ldp x29, x30, [sp],
     * #16; ret */
    {"a call with a frame record that the body forged", WIDE,
     "a call without a frame record",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff a90003e0 910003fd 97fffff9 "
     "910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff a90003e0 d503201f 97fffff9 "
     "910003bf a8c17bfd d65f03c0"},
    /* sub sp, sp, #16; stp {x19|x29}, x30, [sp]; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr
     * xzr, [x17]; sub sp, sp, #32; bl 0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"another register in place of the frame pointer in a frame record", NONE,
     "a call without a frame record",
     "d10043ff a9007bf3 910003fd d14017f1 Sf940023f d10083ff 97fffffa 910003bf "
     "a8c17bfd d65f03c0",
     "d10043ff a9007bfd 910003fd d14017f1 Sf940023f d10083ff 97fffffa 910003bf "
     "a8c17bfd d65f03c0"},
    /* sub sp, sp, #16; stp {x30, x29|x29, x30}, [sp]; mov x29, sp; sub x17, sp, #5, lsl #12; !S
     * ldr xzr, [x17]; sub sp, sp, #32; bl 0; ldp {x30, x29|x29, x30}, [x29]; add sp, sp, #48;
     * ret */
    {"the halves of a frame record in the wrong order", NONE,
     "a call without a frame record",
     "d10043ff a90077fe 910003fd d14017f1 Sf940023f d10083ff 97fffffa a94077be "
     "9100c3ff d65f03c0",
     "d10043ff a9007bfd 910003fd d14017f1 Sf940023f d10083ff 97fffffa a9407bbd "
     "9100c3ff d65f03c0"},
    /* sub sp, sp, #16; stp x29, {x0|x30}, [sp]; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr
     * xzr, [x17]; sub sp, sp, #32; bl 0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"half of a frame record: no return address", WIDE,
     "a call without a frame record",
     "d10043ff a90003fd 910003fd d14017f1 Sf940023f d10083ff 97fffffa 910003bf "
     "a8c17bfd d65f03c0",
     "d10043ff a9007bfd 910003fd d14017f1 Sf940023f d10083ff 97fffffa 910003bf "
     "a8c17bfd d65f03c0"},
    /* sub sp, sp, #16; stp {x0|x29}, x30, [sp]; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr
     * xzr, [x17]; sub sp, sp, #32; bl 0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"half of a frame record: no frame pointer", WIDE,
     "a call without a frame record",
     "d10043ff a9007be0 910003fd d14017f1 Sf940023f d10083ff 97fffffa 910003bf "
     "a8c17bfd d65f03c0",
     "d10043ff a9007bfd 910003fd d14017f1 Sf940023f d10083ff 97fffffa 910003bf "
     "a8c17bfd d65f03c0"},
    /* sub sp, sp, #32; stp x29, x30, [sp, #16]; str x29, [sp]; str w0, [sp, #8]; {mov x29,
     * sp|add x29, sp, #16}; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; bl 0; mov sp, x29; ldp
     * x29, x30, [sp], #16; ret */
    {"half of a frame record: 4 bytes of the return address's place", WIDE,
     "a call without a frame record",
     "d10083ff a9017bfd f90003fd b9000be0 910003fd d14017f1 Sf940023f 97fffff9 "
     "910003bf a8c17bfd d65f03c0",
     "d10083ff a9017bfd f90003fd b9000be0 910043fd d14017f1 Sf940023f 97fffff9 "
     "910003bf a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; str x0, [{x29|sp}]; bl 0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a frame pointer in a frame record that is written over", WIDE,
     "what the prologue saved is written over",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f90003a0 97fffffa 910003bf "
     "a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f90003e0 97fffffa 910003bf "
     "a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; str x0, [{x29|sp}, #8]; bl 0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a return address in a frame record that is written over", WIDE,
     "what the prologue saved is written over",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f90007a0 97fffffa 910003bf "
     "a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f90007e0 97fffffa 910003bf "
     "a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; mov w1, w0; mov x0, x28; ldr x9, [x28, #16]; {sub x29, x29, #16|nop}; blr x9;
     * mov w0, w0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a helper that is called with another frame pointer", UNARY,
     "a call without a frame record",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e1 aa1c03e0 f9400b89 "
     "d10043bd d63f0120 2a0003e0 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e1 aa1c03e0 f9400b89 "
     "d503201f d63f0120 2a0003e0 910003bf a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; str x28, [x29, #-8]; ldr x1, [x28, #112]; ldr x2, [x1]; ldr x28, [x1, #8];
     * ldr x27, [x28]; {sub x29, x29, #16|nop}; blr x2; ldr x28, [x29, #-8]; ldr x27, [x28]; mov
     * sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a function of a record that is called with another frame pointer", UNARY,
     "a call without a frame record",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f81f83bc f9403b81 f9400022 "
     "f940043c f940039b d10043bd d63f0040 f85f83bc f940039b 910003bf a8c17bfd "
     "d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f81f83bc f9403b81 f9400022 "
     "f940043c f940039b d503201f d63f0040 f85f83bc f940039b 910003bf a8c17bfd "
     "d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; bl 0; {!L2 !L2|!L2} nop; mov sp, x29; ldp x29, x30, [sp], #16; ret; 2: sub
     * sp, x29, #32; !U brk #0 */
    {"two landings of one call", NONE,
     "two landings of one call",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 97fffffb L28 L28 d503201f "
     "910003bf a8c17bfd d65f03c0 d10083bf Ud4200000",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 97fffffb L28 d503201f "
     "910003bf a8c17bfd d65f03c0 d10083bf Ud4200000"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub
     * sp, sp, #32; str x28, [x29, #-8]; str x0, [x29, #-16]; mov x0, x28; sub x1, x29, #16; ldr
     * x9, [x28, #128]; blr x9; !L2 !U brk #0; 2: sub sp, x29, #32; ldr x28, [x29, #-8]; {ldr x0,
     * [x29, #-16]|mov x0, #0}; str x0, [x28, #40]; !U brk #0 */
    {"a cell that a helper had not written when it threw", WIDE,
     "something is read that is not written on every way",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f81f83bc f81f03a0 aa1c03e0 "
     "d10043a1 f9404389 d63f0120 L30 Ud4200000 d10083bf f85f83bc f85f03a0 "
     "f9001780 Ud4200000",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f81f83bc f81f03a0 aa1c03e0 "
     "d10043a1 f9404389 d63f0120 L30 Ud4200000 d10083bf f85f83bc d2800000 "
     "f9001780 Ud4200000"},
    /* clang-format on */
};

static void test_wrong_functions_are_refused_and_right_ones_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(verify_cases(&verify_aarch64, cases, ARRAY_COUNT(cases)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_functions_are_refused_and_right_ones_are_accepted),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
