// SPDX-License-Identifier: MIT
//
// The verifier on hand-assembled functions of AArch64: elements of tables, and what indices are
// compared with.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/verify_by_hand.h"

static const struct verify_case cases[] = {
    /* A comment has {what is wrong|what is right}; !U is a row. */
    /* clang-format off */
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; ldr w0, [x28, #64]; cbz w0, 9f; ldr x1, [x28, #56]; str x1, [x29,
     * #-8]; bl 0; ldr x1, {[x29, #-8]|[x28, #56]}; ldr x1, [x1]; mov sp, x29; ldp x29, x30,
     * [sp], #16; ret; 9: !U brk #0 */
    {"elements of a table from before a call", NONE,
     "a value is not the same on every way",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff b9404380 34000120 f9401f81 "
     "f81f83a1 97fffff7 f85f83a1 f9400021 910003bf a8c17bfd d65f03c0 Ud4200000",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff b9404380 34000120 f9401f81 "
     "f81f83a1 97fffff7 f9401f81 f9400021 910003bf a8c17bfd d65f03c0 Ud4200000"},
    /* cbz w0, {1f|9f}; ldr w2, [x28, #64]; cmp w0, w2; b.hs 9f; 1: ldr x2, [x28, #56]; ldr
     * x2, [x2, w0, uxtw #3]; ret; 9: !U brk #0 */
    {"a bound that was compared on one way", UNARY,
     "a table's bound was not compared",
     "34000080 b9404382 6b02001f 54000082 f9401f82 f8605842 d65f03c0 Ud4200000",
     "340000e0 b9404382 6b02001f 54000082 f9401f82 f8605842 d65f03c0 Ud4200000"},
    /* mov w1, #3; mov x2, #{32|24}; 1: mov w1, w1; mov x2, x2; subs w0, w0, #1; b.ne 1b; ldr w3,
     * [x28, #64]; cmp w1, w3; b.hs 9f; ldr x3, [x28, #56]; ldr x0, [x3, x2]; mov w0, #0; ret; 9:
     * !U brk #0 */
    {"another constant than the index that was compared", UNARY,
     "a table's bound was not compared",
     "52800061 d2800402 2a0103e1 aa0203e2 71000400 54ffffa1 b9404383 6b03003f "
     "540000a2 f9401f83 f8626860 52800000 d65f03c0 Ud4200000",
     "52800061 d2800302 2a0103e1 aa0203e2 71000400 54ffffa1 b9404383 6b03003f "
     "540000a2 f9401f83 f8626860 52800000 d65f03c0 Ud4200000"},
    /* ldr w2, [x28, #64]; cmp {w1|w0}, w2; b.hs 9f; ldr x2, [x28, #56]; ldr x2, [x2, w0,
     * uxtw #3]; ret; 9: !U brk #0 */
    {"the bound of another index", TWO,
     "a table's bound was not compared",
     "b9404382 6b02003f 54000082 f9401f82 f8605842 d65f03c0 Ud4200000",
     "b9404382 6b02001f 54000082 f9401f82 f8605842 d65f03c0 Ud4200000"},
    /* ldr w2, [x28, #64]; cmp w0, w2; b.hs 9f; {add w0, w0, #1|nop}; ldr x2, [x28, #56];
     * ldr x2, [x2, w0, uxtw #3]; ret; 9: !U brk #0 */
    {"an index that changes after its comparison", UNARY,
     "a table's bound was not compared",
     "b9404382 6b02001f 540000a2 11000400 f9401f82 f8605842 d65f03c0 Ud4200000",
     "b9404382 6b02001f 540000a2 d503201f f9401f82 f8605842 d65f03c0 Ud4200000"},
    /* ldr w2, [x28, #64]; cmp w0, w2; b.hs 9f; 1: ldr x2, [x28, #56]; ldr x2, [x2, w0, uxtw
     * #3]; {add w0, w0, #1|nop}; cbnz x2, 1b; ret; 9: !U brk #0 */
    {"an index that changes in a loop", UNARY,
     "a table's bound was not compared",
     "b9404382 6b02001f 540000c2 f9401f82 f8605842 11000400 b5ffffa2 d65f03c0 "
     "Ud4200000",
     "b9404382 6b02001f 540000c2 f9401f82 f8605842 d503201f b5ffffa2 d65f03c0 "
     "Ud4200000"},
    /* ldr w2, [x28, #64]; {cmp w0, w2; cmp w2, #9|cmp w2, #9; cmp w0, w2}; b.hs 9f; ldr x2,
     * [x28, #56]; ldr x2, [x2, w0, uxtw #3]; ret; 9: !U brk #0 */
    {"flags of another comparison", UNARY,
     "a table's bound was not compared",
     "b9404382 6b02001f 7100245f 54000082 f9401f82 f8605842 d65f03c0 Ud4200000",
     "b9404382 7100245f 6b02001f 54000082 f9401f82 f8605842 d65f03c0 Ud4200000"},
    /* ldr w2, [x28, #64]; mov w3, #1; {cmp w0, w2; adds w3, w3, #1|adds w3, w3, #1; cmp w0,
     * w2}; b.hs 9f; ldr x2, [x28, #56]; ldr x2, [x2, w0, uxtw #3]; ret; 9: !U brk #0 */
    {"flags that arithmetic has changed", UNARY,
     "a table's bound was not compared",
     "b9404382 52800023 6b02001f 31000463 54000082 f9401f82 f8605842 d65f03c0 "
     "Ud4200000",
     "b9404382 52800023 31000463 6b02001f 54000082 f9401f82 f8605842 d65f03c0 "
     "Ud4200000"},
    /* mov x0, #3; movk x0, #16, lsl #32; ldr w2, [x28, #64]; cmp w0, w2; b.hs 9f; ldr x2, [x28,
     * #56]; ldr x2, [x2, #{32|24}]; ret; 9: !U brk #0 */
    {"another element than the low half of a constant", NONE,
     "a table's bound was not compared",
     "d2800060 f2c00200 b9404382 6b02001f 54000082 f9401f82 f9401042 d65f03c0 Ud4200000",
     "d2800060 f2c00200 b9404382 6b02001f 54000082 f9401f82 f9400c42 d65f03c0 Ud4200000"},
    /* mov x1, #3; movk x1, #16, lsl #32; mov x2, #{32|24}; 1: mov x1, x1; mov x2, x2; subs w0, w0,
     * #1; b.ne 1b; ldr w3, [x28, #64]; cmp w1, w3; b.hs 9f; ldr x3, [x28, #56]; ldr x0, [x3, x2];
     * mov w0, #0; ret; 9: !U brk #0 */
    {"another element than the low half of a constant in a loop", UNARY,
     "a table's bound was not compared",
     "d2800061 f2c00201 d2800402 aa0103e1 aa0203e2 71000400 54ffffa1 b9404383 6b03003f "
     "540000a2 f9401f83 f8626860 52800000 d65f03c0 Ud4200000",
     "d2800061 f2c00201 d2800302 aa0103e1 aa0203e2 71000400 54ffffa1 b9404383 6b03003f "
     "540000a2 f9401f83 f8626860 52800000 d65f03c0 Ud4200000"},
    /* mov x1, #{4|3}; movk x1, #16, lsl #32; 1: mov x1, x1; subs w0, w0, #1; b.ne 1b; ldr w3, [x28,
     * #64]; mov w4, #3; cmp w4, w3; b.hs 9f; ldr x3, [x28, #56]; ldr x0, [x3, w1, uxtw #3]; mov w0,
     * #0; ret; 9: !U brk #0 */
    {"an index that is the low half of another constant", UNARY,
     "a table's bound was not compared",
     "d2800081 f2c00201 aa0103e1 71000400 54ffffc1 b9404383 52800064 6b03009f 540000a2 "
     "f9401f83 f8615860 52800000 d65f03c0 Ud4200000",
     "d2800061 f2c00201 aa0103e1 71000400 54ffffc1 b9404383 52800064 6b03009f 540000a2 "
     "f9401f83 f8615860 52800000 d65f03c0 Ud4200000"},
    /* mov x1, #3; ldr w3, [x28, #64]; 1: mov x1, x1; mov x3, x3; cmp w1, w3; b.hs 9f; ldr x2, [x28,
     * #56]; ldr x2, [x2, #{32|24}]; subs w0, w0, #1; b.ne 1b; ret; 9: !U brk #0 */
    {"another constant than one that a loop compares with a length from before it", UNARY,
     "a table's bound was not compared",
     "d2800061 b9404383 aa0103e1 aa0303e3 6b03003f 540000c2 f9401f82 f9401042 71000400 "
     "54ffff21 d65f03c0 Ud4200000",
     "d2800061 b9404383 aa0103e1 aa0303e3 6b03003f 540000c2 f9401f82 f9400c42 71000400 "
     "54ffff21 d65f03c0 Ud4200000"},
    /* mov x1, #3; mov x2, #{4|3}; 1: mov x1, x1; mov x2, x2; subs w0, w0, #1; b.ne 1b; ldr w3,
     * [x28, #64]; cmp w1, w3; b.hs 9f; ldr x3, [x28, #56]; ldr x0, [x3, w2, uxtw #3]; mov w0, #0;
     * ret; 9: !U brk #0 */
    {"an index that is another constant than a register that was compared", UNARY,
     "a table's bound was not compared",
     "d2800061 d2800082 aa0103e1 aa0203e2 71000400 54ffffa1 b9404383 6b03003f 540000a2 "
     "f9401f83 f8625860 52800000 d65f03c0 Ud4200000",
     "d2800061 d2800062 aa0103e1 aa0203e2 71000400 54ffffa1 b9404383 6b03003f 540000a2 "
     "f9401f83 f8625860 52800000 d65f03c0 Ud4200000"},
    /* mov w4, w0; mov w1, #1; nine times { 1: mov x1, x1; subs w0, w0, #1; b.ne 1b }; ldr w3, [x28,
     * #64]; mov w2, #2; cmp w2, w3; b.hs 9f; cbnz w4, 2f; mov w2, w1; 2: cmp {w4|w2}, w3; b.hs 9f;
     * 3: mov x2, x2; subs w0, w0, #1; b.ne 3b; ldr x3, [x28, #56]; ldr x0, [x3, w2, uxtw #3]; mov
     * w0, #0; ret; 9: !U brk #0 */
    {"an index that is constant on one way, behind more loops than attempts", UNARY,
     "a table's bound was not compared",
     "2a0003e4 52800021 aa0103e1 71000400 54ffffc1 aa0103e1 71000400 54ffffc1 "
     "aa0103e1 71000400 54ffffc1 aa0103e1 71000400 54ffffc1 aa0103e1 71000400 "
     "54ffffc1 aa0103e1 71000400 54ffffc1 aa0103e1 71000400 54ffffc1 aa0103e1 "
     "71000400 54ffffc1 aa0103e1 71000400 54ffffc1 b9404383 52800042 6b03005f "
     "54000182 35000044 2a0103e2 6b03009f 54000102 aa0203e2 71000400 54ffffc1 "
     "f9401f83 f8625860 52800000 d65f03c0 Ud4200000",
     "2a0003e4 52800021 aa0103e1 71000400 54ffffc1 aa0103e1 71000400 54ffffc1 "
     "aa0103e1 71000400 54ffffc1 aa0103e1 71000400 54ffffc1 aa0103e1 71000400 "
     "54ffffc1 aa0103e1 71000400 54ffffc1 aa0103e1 71000400 54ffffc1 aa0103e1 "
     "71000400 54ffffc1 aa0103e1 71000400 54ffffc1 b9404383 52800042 6b03005f "
     "54000182 35000044 2a0103e2 6b03005f 54000102 aa0203e2 71000400 54ffffc1 "
     "f9401f83 f8625860 52800000 d65f03c0 Ud4200000"},
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
