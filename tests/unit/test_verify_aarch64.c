// SPDX-License-Identifier: MIT
//
// The verifier on hand-assembled functions of AArch64.
#include "kernel/lib/compiler.h"
#include "tests/unit/jit/verify_by_hand.h"

static const struct verify_case cases[] = {
    /* A comment has {what is wrong|what is right}; !M, !S and !U are rows. */
    /* clang-format off */
    /* b {.+0x1000|1f; 1: nop}; ret */
    {"a branch out of the function", NONE,
     "a call of something that is no function",
     "14000400 d65f03c0",
     "14000001 d503201f d65f03c0"},
    /* b {.-16|1f; 1: nop}; ret */
    {"a branch to before the function", NONE,
     "a call of something that is no function",
     "17fffffc d65f03c0",
     "14000001 d503201f d65f03c0"},
    /* nop; {nop|ret} */
    {"no end", NONE,
     "control runs off the end of the function",
     "d503201f d503201f",
     "d503201f d65f03c0"},
    /* {svc #0|nop}; ret */
    {"an instruction of the system", NONE,
     "not an instruction that programs may have",
     "d4000001 d65f03c0",
     "d503201f d65f03c0"},
    /* {msr tpidr_el0, x0|nop}; ret */
    {"an instruction of privilege", NONE,
     "not an instruction that programs may have",
     "d51bd040 d65f03c0",
     "d503201f d65f03c0"},
    /* mov x28, {x0|x28}; mov w0, #0; ret */
    {"another context", WIDE,
     "the context becomes something else",
     "aa0003fc 52800000 d65f03c0",
     "aa1c03fc 52800000 d65f03c0"},
    /* add x27, x27, #{8|0}; ret */
    {"another base of memory", NONE,
     "the base of memory becomes something else",
     "9100237b d65f03c0",
     "9100037b d65f03c0"},
    /* mov x29, {x0|x29}; mov w0, #0; ret */
    {"another frame pointer", WIDE,
     "the frame pointer becomes something else",
     "aa0003fd 52800000 d65f03c0",
     "aa1d03fd 52800000 d65f03c0"},
    /* mov {x18|x17}, #0; ret */
    {"a register that the platform owns", NONE,
     "a register that programs do not have",
     "d2800012 d65f03c0",
     "d2800011 d65f03c0"},
    /* mov {x19|x9}, #0; ret */
    {"a register of the caller", NONE,
     "a value is not the same on every way",
     "d2800013 d65f03c0",
     "d2800009 d65f03c0"},
    /* mov {x30|x1}, x0; mov w0, #0; ret */
    {"a return to another address", WIDE,
     "a value is not the same on every way",
     "aa0003fe 52800000 d65f03c0",
     "aa0003e1 52800000 d65f03c0"},
    /* {ret x1|ret} */
    {"a return by another register", NONE,
     "not an instruction that programs may have",
     "d65f0020",
     "d65f03c0"},
    /* {mov x0, x1|nop}; ret */
    {"a result that was not written", UNARY,
     "something is read that is not written on every way",
     "aa0103e0 d65f03c0",
     "d503201f d65f03c0"},
    /* mov {x0|w0}, {x0|w0}; ret */
    {"a result of more than 32 bits", WIDE,
     "a number may be wider than 32 bits",
     "aa0003e0 d65f03c0",
     "2a0003e0 d65f03c0"},
    /* add sp, sp, #{16|0}; ret */
    {"a stack pointer that rises above its entry", NONE,
     "the stack pointer becomes something else",
     "910043ff d65f03c0",
     "910003ff d65f03c0"},
    /* {mov sp, x0|nop}; mov w0, #0; ret */
    {"a stack pointer from a number", WIDE,
     "the stack pointer becomes something else",
     "9100001f 52800000 d65f03c0",
     "d503201f 52800000 d65f03c0"},
    /* sub sp, sp, #{8|16}; add sp, sp, #{8|16}; ret */
    {"a stack pointer that is not aligned", NONE,
     "the stack pointer becomes something else",
     "d10023ff 910023ff d65f03c0",
     "d10043ff 910043ff d65f03c0"},
    /* sub sp, sp, #32; add sp, sp, #32; {sub sp, sp, #32; add sp, sp, #32|nop}; ret */
    {"a stack pointer that falls again", NONE,
     "the stack pointer falls outside a prologue",
     "d10083ff 910083ff d10083ff 910083ff d65f03c0",
     "d10083ff 910083ff d503201f d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; 1: {sub sp, sp, #16|nop}; sub w0, w0, #1;
     * cbnz w0, 1b; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a stack pointer that falls in a loop", UNARY,
     "the stack pointer falls to where no probe was",
     "a9bf7bfd 910003fd d10043ff 51000400 35ffffc0 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d503201f 51000400 35ffffc0 910003bf a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #6, lsl #12; {nop|!S ldr xzr,
     * [x17]}; sub sp, sp, #2, lsl #12; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a frame without a probe", NONE,
     "the stack pointer falls to where no probe was",
     "a9bf7bfd 910003fd d1401bf1 d503201f d1400bff 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d1401bf1 Sf940023f d1400bff 910003bf a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #8, lsl #12; {nop|!S ldr xzr,
     * [x17]}; sub x17, sp, #16, lsl #12; !S ldr xzr, [x17]; sub sp, sp, #9, lsl #12; mov
     * sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a probe behind the guard", NONE,
     "a probe that may miss the guard",
     "a9bf7bfd 910003fd d14023f1 d503201f d14043f1 Sf940023f d14027ff 910003bf "
     "a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14023f1 Sf940023f d14043f1 Sf940023f d14027ff "
     "910003bf a8c17bfd d65f03c0"},
    /* sub sp, sp, #16; str x0, [sp, #8]; ldr w0, [sp, #{-8|8}]; add sp, sp, #16; ret */
    {"a read below the stack pointer", UNARY,
     "a read of the stack outside the frame",
     "d10043ff f90007e0 b85f83e0 910043ff d65f03c0",
     "d10043ff f90007e0 b9400be0 910043ff d65f03c0"},
    /* sub sp, sp, #16; str w0, [sp, #{8|0}]; ldr w0, [sp]; add sp, sp, #16; ret */
    {"a read of what was not written", UNARY,
     "something is read that is not written on every way",
     "d10043ff b9000be0 b94003e0 910043ff d65f03c0",
     "d10043ff b90003e0 b94003e0 910043ff d65f03c0"},
    /* sub sp, sp, #16; {cbz w0, 1f|nop}; str w0, [sp]; 1: ldr w0, [sp]; add sp, sp, #16; ret */
    {"a read of what was written on one way", UNARY,
     "something is read that is not written on every way",
     "d10043ff 34000040 b90003e0 b94003e0 910043ff d65f03c0",
     "d10043ff d503201f b90003e0 b94003e0 910043ff d65f03c0"},
    /* sub sp, sp, #16; str {w0|x0}, [sp]; ldr x0, [sp]; mov w0, w0; add sp, sp, #16; ret */
    {"8 bytes of which 4 were written", WIDE,
     "8 bytes are read of which 4 were written",
     "d10043ff b90003e0 f94003e0 2a0003e0 910043ff d65f03c0",
     "d10043ff f90003e0 f94003e0 2a0003e0 910043ff d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub sp, sp, #16; str x0, [sp, #{24|8}]; mov
     * w0, #0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a write over the return address", WIDE,
     "what the prologue saved is written over",
     "a9bf7bfd 910003fd d10043ff f9000fe0 52800000 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d10043ff f90007e0 52800000 910003bf a8c17bfd d65f03c0"},
    /* sub sp, sp, #16; str x28, [sp]; str w0, [sp, #{0|8}]; ldr x28, [sp]; add sp, sp, #16; ret */
    {"4 bytes over the saved context", UNARY,
     "what the prologue saved is written over",
     "d10043ff f90003fc b90003e0 f94003fc 910043ff d65f03c0",
     "d10043ff f90003fc b9000be0 f94003fc 910043ff d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; bl {1f|0}; 1: mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a call of no function", NONE,
     "a call of something that is no function",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 94000001 910003bf a8c17bfd "
     "d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 97fffffb 910003bf a8c17bfd "
     "d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; {nop|!S ldr xzr,
     * [x17]}; bl 0; ldp x29, x30, [sp], #16; ret */
    {"a call without a probe", NONE,
     "a call without a probe of the stack below",
     "a9bf7bfd 910003fd d14017f1 d503201f 97fffffc a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f 97fffffc a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; ldr x1, [x28, #112]; {mov x2, x0|ldr x2, [x1]}; str x28, [x29, #-8];
     * mov w0, #0; ldr x28, [x1, #8]; ldr x27, [x28]; blr x2; ldr x28, [x29, #-8]; ldr x27,
     * [x28]; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a call of a number", WIDE,
     "a call of an unknown address",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f9403b81 aa0003e2 f81f83bc "
     "52800000 f940043c f940039b d63f0040 f85f83bc f940039b 910003bf a8c17bfd "
     "d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f9403b81 f9400022 f81f83bc "
     "52800000 f940043c f940039b d63f0040 f85f83bc f940039b 910003bf a8c17bfd "
     "d65f03c0"},
    /* 1: !M ldr w2, [x27, x0]; mov {x0, x1|w0, w1}; cbnz w2, 1b; mov w0, w0; ret */
    {"a value that is wider in later rounds of a loop", TWO,
     "a number may be wider than 32 bits",
     "Mb8606b62 aa0103e0 35ffffc2 2a0003e0 d65f03c0",
     "Mb8606b62 2a0103e0 35ffffc2 2a0003e0 d65f03c0"},
    /* 1: !M str w0, [x27, w0, uxtw]; mov {x0, x1|w0, w0}; cbnz w0, 1b; mov w0, #0; ret */
    {"a number that is a reference in later rounds", REF,
     "an address is used as a number",
     "Mb8204b60 aa0103e0 35ffffc0 52800000 d65f03c0",
     "Mb8204b60 2a0003e0 35ffffc0 52800000 d65f03c0"},
    /* str {x0|x1}, [x28, #40]; ret */
    {"a reference forged in a global", REF,
     "not a reference of the type",
     "f9001780 d65f03c0",
     "f9001781 d65f03c0"},
    /* add x0, x28, #{96|88}; str x0, [x28, #40]; ret */
    {"a reference to something else than a record", NONE,
     "not a reference of the type",
     "91018380 f9001780 d65f03c0",
     "91016380 f9001780 d65f03c0"},
    /* ldr w2, [x28, #64]; cmp w0, w2; b.hs 9f; ldr x2, [x28, #56]; str {x0|x1}, [x2, w0,
     * uxtw #3]; ret; 9: !U brk #0 */
    {"a reference forged in a table", REF,
     "not a reference of the type",
     "b9404382 6b02001f 54000082 f9401f82 f8205840 d65f03c0 Ud4200000",
     "b9404382 6b02001f 54000082 f9401f82 f8205841 d65f03c0 Ud4200000"},
    /* {mov x3, x1|mov x3, #0}; ldr w2, [x28, #80]; cmp w0, w2; b.hs 9f; ldr x2, [x28, #72];
     * str x3, [x2, w0, uxtw #3]; ret; 9: !U brk #0 */
    {"a reference of another type in a table", REF,
     "not a reference of the type",
     "aa0103e3 b9405382 6b02001f 54000082 f9402782 f8205843 d65f03c0 Ud4200000",
     "d2800003 b9405382 6b02001f 54000082 f9402782 f8205843 d65f03c0 Ud4200000"},
    /* str {w1|x1}, [x28, #40]; ret */
    {"part of a reference in a global", REF,
     "a write to something that programs do not own",
     "b9002b81 d65f03c0",
     "f9001781 d65f03c0"},
    /* !M str {x1|x0}, [x27, w0, uxtw]; ret */
    {"a reference in linear memory", REF,
     "an address is used as a number",
     "Mf8204b61 d65f03c0",
     "Mf8204b60 d65f03c0"},
    /* !M str {x28|x0}, [x27, w0, uxtw]; ret */
    {"the context in linear memory", UNARY,
     "an address is used as a number",
     "Mf8204b7c d65f03c0",
     "Mf8204b60 d65f03c0"},
    /* ldr x0, [x28, #{16|48}]; !M str x0, [x27]; ret */
    {"the address of a helper as a number", NONE,
     "an address is used as a number",
     "f9400b80 Mf9000360 d65f03c0",
     "f9401b80 Mf9000360 d65f03c0"},
    /* str w0, [x28, #{48|32}]; mov w0, #0; ret */
    {"a write to what is constant", WIDE,
     "a write to something that programs do not own",
     "b9003380 52800000 d65f03c0",
     "b9002380 52800000 d65f03c0"},
    /* str w0, [x28, #{0|32}]; mov w0, #0; ret */
    {"a write to the base of memory", WIDE,
     "a write to something that programs do not own",
     "b9000380 52800000 d65f03c0",
     "b9002380 52800000 d65f03c0"},
    /* ldr w0, [x28, #{128|32}]; ret */
    {"a read behind the context", NONE,
     "a read of something that programs do not see",
     "b9408380 d65f03c0",
     "b9402380 d65f03c0"},
    /* {|!M }ldr w0, [x27, w0, uxtw]; ret */
    {"an access without a row", UNARY,
     "what may fault has no row that explains it",
     "b8604b60 d65f03c0",
     "Mb8604b60 d65f03c0"},
    /* add x16, x27, w0, uxtw; {|!M }ldaddal w0, w0, [x16]; ret */
    {"an atomic operation without a row", UNARY,
     "what may fault has no row that explains it",
     "8b204370 b8e00200 d65f03c0",
     "8b204370 Mb8e00200 d65f03c0"},
    /* sub sp, sp, #16; str w0, [sp]; {ldaddal w0, w0, [sp]|ldr w0, [sp]}; add sp, sp, #16; ret */
    {"an atomic operation on the frame", UNARY,
     "an atomic operation outside the memory of the program",
     "d10043ff b90003e0 b8e003e0 910043ff d65f03c0",
     "d10043ff b90003e0 b94003e0 910043ff d65f03c0"},
    /* add x16, x27, w0, uxtw; 1: !M ldaxr w1, [x16]; add w1, w1, #1; {|!M }stlxr w17, w1, [x16];
     * cbnz w17, 1b; mov w0, w1; ret */
    {"an exclusive store without a row", UNARY,
     "what may fault has no row that explains it",
     "8b204370 M885ffe01 11000421 8811fe01 35ffffb1 2a0103e0 d65f03c0",
     "8b204370 M885ffe01 11000421 M8811fe01 35ffffb1 2a0103e0 d65f03c0"},
    /* add x16, x27, w0, uxtw; mov x1, {x28|x0}; !M swpal x1, x1, [x16]; ret */
    {"an address that is exchanged with memory", UNARY,
     "an address is used as a number",
     "8b204370 aa1c03e1 Mf8e18201 d65f03c0",
     "8b204370 aa0003e1 Mf8e18201 d65f03c0"},
    /* {|!U }brk #0 */
    {"a trap without a row", NONE,
     "what may fault has no row that explains it",
     "d4200000",
     "Ud4200000"},
    /* cbz w0, 1f; mov w2, w1; add x2, x2, #1, lsl #12; b 2f; 1: {nop|mov w1, w1}; add x2,
     * x1, #1, lsl #12; 2: !M ldr w0, [x27, x2]; ret */
    {"a sum that is of 64 bits on one way", TWO,
     "an index that may have more than 32 bits",
     "34000080 2a0103e2 91400442 14000003 d503201f 91400422 Mb8626b60 d65f03c0",
     "34000080 2a0103e2 91400442 14000003 2a0103e1 91400422 Mb8626b60 d65f03c0"},
    /* cbz w0, 1f; {nop|mov w1, w1}; add x2, x1, #1, lsl #12; b 2f; 1: mov w2, w1; add x2,
     * x2, #1, lsl #12; 2: !M ldr w0, [x27, x2]; ret */
    {"a sum that is of 64 bits on the other way", TWO,
     "an index that may have more than 32 bits",
     "34000080 d503201f 91400422 14000003 2a0103e2 91400442 Mb8626b60 d65f03c0",
     "34000080 2a0103e1 91400422 14000003 2a0103e2 91400442 Mb8626b60 d65f03c0"},
    /* mov x4, x1; ldr w3, [x28, #64]; cmp w1, w3; b.hs 9f; cbz w0, 1f; {nop|mov w4, w1};
     * lsl x2, x4, #3; b 2f; 1: mov w2, w1; lsl x2, x2, #3; 2: ldr x3, [x28, #56]; ldr x3,
     * [x3, x2]; mov w0, #0; ret; 9: !U brk #0 */
    {"a scaled index of 64 bits on the other way", TWO,
     "an index that may have more than 32 bits",
     "aa0103e4 b9404383 6b03003f 54000162 34000080 d503201f d37df082 14000003 "
     "2a0103e2 d37df042 f9401f83 f8626863 52800000 d65f03c0 Ud4200000",
     "aa0103e4 b9404383 6b03003f 54000162 34000080 2a0103e4 d37df082 14000003 "
     "2a0103e2 d37df042 f9401f83 f8626863 52800000 d65f03c0 Ud4200000"},
    /* cbz w0, 1f; {mov x2, x1|mov w2, w1}; b 2f; 1: mov w2, w1; 2: !M ldr w0, [x27, x2]; ret */
    {"an index of 64 bits on one way", TWO,
     "a number may be wider than 32 bits",
     "34000060 aa0103e2 14000002 2a0103e2 Mb8626b60 d65f03c0",
     "34000060 2a0103e2 14000002 2a0103e2 Mb8626b60 d65f03c0"},
    /* and w9, w0, #31; cbnz w0, 1f; mov {w9|w10}, w0; b 2f; 1: !M ldr w11, [x27, w9, uxtw
     * #2]; 2: cmp w0, #7; b.ne 1b; ret */
    {"a loop that is entered in the middle with another value", UNARY,
     "an access that may leave the memory",
     "12001009 35000060 2a0003e9 14000002 Mb8695b6b 71001c1f 54ffffc1 d65f03c0",
     "12001009 35000060 2a0003ea 14000002 Mb8695b6b 71001c1f 54ffffc1 d65f03c0"},
    /* sub sp, sp, #32; and w9, w0, #31; str x9, [sp, #8]; add x10, sp, #8; 1: ldr x9,
     * [sp, #8]; !M ldr w11, [x27, w9, uxtw #2]; and w9, w0, {#0xfffffffe|#31}; str x9,
     * [x10]; cbnz w11, 1b; add sp, sp, #32; ret */
    {"a cell that a loop writes through another register", UNARY,
     "an access that may leave the memory",
     "d10083ff 12001009 f90007e9 910023ea f94007e9 Mb8695b6b 121f7809 f9000149 "
     "35ffff8b 910083ff d65f03c0",
     "d10083ff 12001009 f90007e9 910023ea f94007e9 Mb8695b6b 12001009 f9000149 "
     "35ffff8b 910083ff d65f03c0"},
    /* sub sp, sp, #32; and w9, w0, #31; str x9, [sp, #8]; 1: ldr x9, [sp, #8]; !M ldr
     * w11, [x27, w9, uxtw #2]; and w9, w0, {#0xfffffffe|#31}; stp x9, xzr, [sp, #8]; cbnz
     * w11, 1b; add sp, sp, #32; ret */
    {"a cell that a loop writes", UNARY,
     "an access that may leave the memory",
     "d10083ff 12001009 f90007e9 f94007e9 Mb8695b6b 121f7809 a900ffe9 35ffff8b "
     "910083ff d65f03c0",
     "d10083ff 12001009 f90007e9 f94007e9 Mb8695b6b 12001009 a900ffe9 35ffff8b "
     "910083ff d65f03c0"},
    /* and w9, w0, #31; 1: !M ldr w10, [x27, w9, uxtw #2]; cbz w10, 3f; cmp w10, #1; b.ne
     * 1b; ret; 3: and w9, w0, {#0xfffffffe|#31}; b 1b */
    {"a register that a block behind a loop changes, which leads back", UNARY,
     "an access that may leave the memory",
     "12001009 Mb8695b6a 3400008a 7100055f 54ffffa1 d65f03c0 121f7809 17fffffa",
     "12001009 Mb8695b6a 3400008a 7100055f 54ffffa1 d65f03c0 12001009 17fffffa"},
    /* 1: and w9, w0, #31; mov w10, #3; 2: {add w9, w9, #4|add w11, w9, #4}; sub w10, w10,
     * #1; cbnz w10, 2b; !M ldr w11, [x27, w9, uxtw #2]; add w0, w0, #1; cmp w0, #64; b.lo
     * 1b; ret */
    {"a bound of an inner loop's index that does not last", UNARY,
     "an access that may leave the memory",
     "12001009 5280006a 11001129 5100054a 35ffffca Mb8695b6b 11000400 7101001f "
     "54ffff03 d65f03c0",
     "12001009 5280006a 1100112b 5100054a 35ffffca Mb8695b6b 11000400 7101001f "
     "54ffff03 d65f03c0"},
    /* and w0, w0, #31; 1: !M ldr w9, [x27, w0, uxtw #2]; {add w0, w0, #1|eor
     * w0, w0, #1}; cbnz w9, 1b; ret */
    {"a bound that each round of a loop lowers", UNARY,
     "an access that may leave the memory",
     "12001000 Mb8605b69 11000400 35ffffc9 d65f03c0",
     "12001000 Mb8605b69 52000000 35ffffc9 d65f03c0"},
    /* mov w9, #31; {lsr w9, w0, w9|lsr w9, w9, w0}; !M ldr w9, [x27, w9, uxtw #2]; ret */
    {"a shift of a number that is large", UNARY,
     "an access that may leave the memory",
     "528003e9 1ac92409 Mb8695b69 d65f03c0",
     "528003e9 1ac02529 Mb8695b69 d65f03c0"},
    /* and w9, w0, {#0xfffffffe|#31}; cmp w0, #3; csinc w9, wzr, w9, eq; !M
     * ldr w9, [x27, w9, uxtw #2]; ret */
    {"one more than a number that is large", TWO,
     "an access that may leave the memory",
     "121f7809 71000c1f 1a8907e9 Mb8695b69 d65f03c0",
     "12001009 71000c1f 1a8907e9 Mb8695b69 d65f03c0"},
    /* and w9, w0, {#0xfffffffe|#255}; and w0, w0, #255; 1: add w10, w9, w0; !M ldr x11,
     * [x27, w10, uxtw #3]; cbnz x11, 1b; ret */
    {"a sum of two loops' values of which one is large", UNARY,
     "an access that may leave the memory",
     "121f7809 12001c00 0b00012a Mf86a5b6b b5ffffcb d65f03c0",
     "12001c09 12001c00 0b00012a Mf86a5b6b b5ffffcb d65f03c0"},
    /* 1: mov w9, w0; add w9, w9, w9; add w9, w9, w9; add w9, w9, w9; add w9, w9, w9; add w9, w9,
     * w9; add w9, w9, w9; add w9, w9, w9; add w9, w9, w9; add w9, w9, w9; add w9, w9, w9; add w9,
     * w9, w9; add w9, w9, w9; add w9, w9, w9; add w9, w9, w9; add w9, w9, w9; add w9, w9, w9; add
     * w9, w9, w9; add w9, w9, w9; add w9, w9, w9; add w9, w9, w9; and w9, w9, {#0xfffffffe|#31}; !M
     * ldr w9, [x27, w9, uxtw #2]; add w0, w0, #1; cbnz w9, 1b; ret */
    {"a sum of more values than are looked at", UNARY,
     "an access that may leave the memory",
     "2a0003e9 0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 "
     "0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 "
     "0b090129 0b090129 0b090129 0b090129 0b090129 121f7929 Mb8695b69 11000400 "
     "35fffd09 d65f03c0",
     "2a0003e9 0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 "
     "0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 0b090129 "
     "0b090129 0b090129 0b090129 0b090129 0b090129 12001129 Mb8695b69 11000400 "
     "35fffd09 d65f03c0"},
    /* ldr x1, [x28, #8]; ldr x1, [x1]; mov x0, #9; movk x0, #16, lsl #32; cmp {w0, w1|x0, x1};
     * b.hi 9f; mov x0, #5; movk x0, #16, lsl #32; !M ldr w0, [x27, x0]; ret; 9: !U brk #0 */
    {"a constant of which the low half was compared", NONE,
     "an access that may leave the memory",
     "f9400781 f9400021 d2800120 f2c00200 6b01001f 540000a8 d28000a0 f2c00200 "
     "Mb8606b60 d65f03c0 Ud4200000",
     "f9400781 f9400021 d2800120 f2c00200 eb01001f 540000a8 d28000a0 f2c00200 "
     "Mb8606b60 d65f03c0 Ud4200000"},
    /* cbz {x0|x1}, 9f; ldr w0, [x1, #16]; ret; 9: !U brk #0 */
    {"a null reference", REF,
     "a reference that was not compared with null",
     "b4000060 b9401020 d65f03c0 Ud4200000",
     "b4000061 b9401020 d65f03c0 Ud4200000"},
    /* {cbnz|cbz} x1, 9f; ldr w0, [x1, #16]; ret; 9: !U brk #0 */
    {"the other way of a comparison with null", REF,
     "a reference that was not compared with null",
     "b5000061 b9401020 d65f03c0 Ud4200000",
     "b4000061 b9401020 d65f03c0 Ud4200000"},
    /* ldr x1, [x28, #{120|40}]; cbz x1, 9f; ldr w0, [x1, #16]; ret; 9: !U brk #0 */
    {"an external reference as a record", UNARY,
     "not a reference of the type",
     "f9403f81 b4000061 b9401020 d65f03c0 Ud4200000",
     "f9401781 b4000061 b9401020 d65f03c0 Ud4200000"},
    /* cbz x1, 9f; ldr w0, [x1, #{20|16}]; ret; 9: !U brk #0 */
    {"a field that records do not have", REF,
     "a read of something that programs do not see",
     "b4000061 b9401420 d65f03c0 Ud4200000",
     "b4000061 b9401020 d65f03c0 Ud4200000"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; str x28, [x29, #-8]; cbz x1, 9f; ldr w2, [x1, #16]; cmp w2,
     * #{102|100}; b.ne 9f; ldr x2, [x1]; ldr x28, [x1, #8]; ldr x27, [x28]; blr x2; ldr x28,
     * [x29, #-8]; ldr x27, [x28]; mov sp, x29; ldp x29, x30, [sp], #16; ret; 9: !U brk #0 */
    {"a function of another type", REF,
     "a call of a function whose type was not compared",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f81f83bc b40001a1 b9401022 "
     "7101985f 54000141 f9400022 f940043c f940039b d63f0040 f85f83bc f940039b "
     "910003bf a8c17bfd d65f03c0 Ud4200000",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f81f83bc b40001a1 b9401022 "
     "7101905f 54000141 f9400022 f940043c f940039b d63f0040 f85f83bc f940039b "
     "910003bf a8c17bfd d65f03c0 Ud4200000"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; ldr x3, [x28, #40]; str x28, [x29, #-8]; cbz x1, 9f; cbz x3, 9f; ldr
     * w2, [{x3|x1}, #16]; cmp w2, #100; b.ne 9f; ldr x2, [x1]; ldr x28, [x1, #8]; ldr x27,
     * [x28]; blr x2; ldr x28, [x29, #-8]; ldr x27, [x28]; mov sp, x29; ldp x29, x30, [sp],
     * #16; ret; 9: !U brk #0 */
    {"the type of another record", REF,
     "a call of a function whose type was not compared",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f9401783 f81f83bc b40001c1 "
     "b40001a3 b9401062 7101905f 54000141 f9400022 f940043c f940039b d63f0040 "
     "f85f83bc f940039b 910003bf a8c17bfd d65f03c0 Ud4200000",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f9401783 f81f83bc b40001c1 "
     "b40001a3 b9401022 7101905f 54000141 f9400022 f940043c f940039b d63f0040 "
     "f85f83bc f940039b 910003bf a8c17bfd d65f03c0 Ud4200000"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; ldr x3, [x28, #112]; str x28, [x29, #-8]; cbz x1, 9f; ldr w2, [x1,
     * #16]; cmp w2, #100; b.ne 9f; ldr x2, [x1]; ldr x28, [{x3|x1}, #8]; ldr x27, [x28];
     * blr x2; ldr x28, [x29, #-8]; ldr x27, [x28]; mov sp, x29; ldp x29, x30, [sp], #16;
     * ret; 9: !U brk #0 */
    {"the code of one record with the context of another", REF,
     "a call without the context of what is called",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f9403b83 f81f83bc b40001a1 "
     "b9401022 7101905f 54000141 f9400022 f940047c f940039b d63f0040 f85f83bc "
     "f940039b 910003bf a8c17bfd d65f03c0 Ud4200000",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f9403b83 f81f83bc b40001a1 "
     "b9401022 7101905f 54000141 f9400022 f940043c f940039b d63f0040 f85f83bc "
     "f940039b 910003bf a8c17bfd d65f03c0 Ud4200000"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub sp,
     * sp, #32; {ldr x1, [x28, #112]; ldr x2, [x1]|ldr x2, [x28, #88]}; blr x2; mov w0, #0; mov sp,
     * x29; ldp x29, x30, [sp], #16; ret */
    {"the code of an imported function with the own context", UNARY,
     "a call without the context of what is called",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f9403b81 f9400022 d63f0040 "
     "52800000 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f9402f82 d63f0040 52800000 "
     "910003bf a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17]; sub sp,
     * sp, #32; str x28, [x29, #-8]; cbz x1, 9f; ldr x28, [x1, #8]; {cbz w0, 1f|nop}; 1: ldr x28,
     * [x29, #-8]; mov w0, #0; mov sp, x29; ldp x29, x30, [sp], #16; ret; 9: !U brk #0 */
    {"a branch with the context of another module", REF,
     "a jump in the middle of a return or of a call",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f81f83bc b4000101 f940043c "
     "34000020 f85f83bc 52800000 910003bf a8c17bfd d65f03c0 Ud4200000",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f81f83bc b4000101 f940043c "
     "d503201f f85f83bc 52800000 910003bf a8c17bfd d65f03c0 Ud4200000"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; mov w1, w0; mov x0, {x27|x28}; ldr x2, [x28, #16]; blr x2; mov w0,
     * w0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a helper without the context", UNARY,
     "a helper is called with another context",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e1 aa1b03e0 f9400b82 "
     "d63f0040 2a0003e0 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e1 aa1c03e0 f9400b82 "
     "d63f0040 2a0003e0 910003bf a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; mov w3, w0; mov x2, x1; mov w1, #{2|0}; mov x0, x28; ldr x4, [x28,
     * #24]; blr x4; mov w0, w0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a table that does not exist", REF,
     "a helper is given a wrong number of a table or segment",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e3 aa0103e2 52800041 "
     "aa1c03e0 f9400f84 d63f0080 2a0003e0 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e3 aa0103e2 52800001 "
     "aa1c03e0 f9400f84 d63f0080 2a0003e0 910003bf a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; mov w3, w0; mov x2, x1; mov w1, #{1|0}; mov x0, x28; ldr x4, [x28,
     * #24]; blr x4; mov w0, w0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"a table of another type", REF,
     "not a reference of the type",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e3 aa0103e2 52800021 "
     "aa1c03e0 f9400f84 d63f0080 2a0003e0 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e3 aa0103e2 52800001 "
     "aa1c03e0 f9400f84 d63f0080 2a0003e0 910003bf a8c17bfd d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr, [x17];
     * sub sp, sp, #32; mov w3, w0; mov x2, x1; mov w1, {w0|wzr}; mov x0, x28; ldr x4, [x28,
     * #24]; blr x4; mov w0, w0; mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"the number of a table that is no constant", REF,
     "a helper is given a wrong number of a table or segment",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e3 aa0103e2 2a0003e1 "
     "aa1c03e0 f9400f84 d63f0080 2a0003e0 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 2a0003e3 aa0103e2 2a1f03e1 "
     "aa1c03e0 f9400f84 d63f0080 2a0003e0 910003bf a8c17bfd d65f03c0"},
    /* cmp w0, #2; b.hs 3f; adr x16, 4f; ldrsw x17, [x16, w0, uxtw #2]; add x16,
     * x16, x17; br x16; 4: .word 1f-4b; .word 2f-4b{+2|}; 1: mov w0, #1; ret; 2:
     * mov w0, #2; ret; 3: mov w0, #0; ret */
    {"an entry of a table of jumps into an instruction", UNARY,
     "a branch leaves the function",
     "7100081f 54000162 10000090 b8a05a11 8b110210 d61f0200 00000008 00000012 "
     "52800020 d65f03c0 52800040 d65f03c0 52800000 d65f03c0",
     "7100081f 54000162 10000090 b8a05a11 8b110210 d61f0200 00000008 00000010 "
     "52800020 d65f03c0 52800040 d65f03c0 52800000 d65f03c0"},
    /* cmp w0, #{3|2}; b.hs 3f; adr x16, 4f; ldrsw x17, [x16, w0, uxtw #2]; add
     * x16, x16, x17; br x16; 4: .word 1f-4b; .word 2f-4b; 1: mov w0, #1; ret; 2:
     * mov w0, #2; ret; 3: mov w0, #0; ret */
    {"an entry of a table of jumps that is missing", UNARY,
     "a branch leaves the function",
     "71000c1f 54000162 10000090 b8a05a11 8b110210 d61f0200 00000008 00000010 "
     "52800020 d65f03c0 52800040 d65f03c0 52800000 d65f03c0",
     "7100081f 54000162 10000090 b8a05a11 8b110210 d61f0200 00000008 00000010 "
     "52800020 d65f03c0 52800040 d65f03c0 52800000 d65f03c0"},
    /* 1: adr x16, {1b+4|1b}; br x16 */
    {"a tail call of the function's middle", NONE,
     "an indirect jump that is not through a known table",
     "10000030 d61f0200",
     "10000010 d61f0200"},
    /* {br x0|mov w0, #0; ret} */
    {"a jump to a number", WIDE,
     "an indirect jump that is not through a known table",
     "d61f0000",
     "52800000 d65f03c0"},
    /* {adr x0, .|mov w0, w0}; ret */
    {"the address of code as a result", WIDE,
     "an address is used as a number",
     "10000000 d65f03c0",
     "2a0003e0 d65f03c0"},
    /* ldr x0, {.+4096|.}; mov w0, w0; ret */
    {"constants outside the function", UNARY,
     "a constant outside the function",
     "58008000 2a0003e0 d65f03c0",
     "58000000 2a0003e0 d65f03c0"},
    /* stp x29, x30, [sp, #-16]!; mov x29, sp; sub sp, sp, #32; cbz w0, 1f; {mov sp,
     * x29|nop}; 1: mov sp, x29; ldp x29, x30, [sp], #16; ret */
    {"two values of the stack pointer", UNARY,
     "a jump in the middle of a return or of a call",
     "a9bf7bfd 910003fd d10083ff 34000040 910003bf 910003bf a8c17bfd d65f03c0",
     "a9bf7bfd 910003fd d10083ff 34000040 d503201f 910003bf a8c17bfd d65f03c0"},
    /* sub sp, sp, #64; add x8, sp, #16; mov w17, #{64|48}; 1: sub x17, x17, #16; str q31, [x8,
     * x17]; cbnz x17, 1b; ldr w0, [sp, #16]; add sp, sp, #64; ret */
    {"a loop that clears more than the frame", UNARY,
     "a write to the stack outside the frame",
     "d10103ff 910043e8 52800811 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0",
     "d10103ff 910043e8 52800611 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0"},
    /* sub sp, sp, #64; {sub|add} x8, sp, #{16|0}; mov w17, #48; 1: sub x17, x17, #16; str q31,
     * [x8, x17]; cbnz x17, 1b; ldr w0, [sp, #16]; add sp, sp, #64; ret */
    {"a loop that clears below the stack pointer", UNARY,
     "a write to the stack outside the frame",
     "d10103ff d10043e8 52800611 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0",
     "d10103ff 910003e8 52800611 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0"},
    /* sub sp, sp, #64; {mov x8, x0|add x8, sp, #16}; mov w17, #48; 1: sub x17, x17, #16; str
     * q31, [x8, x17]; cbnz x17, 1b; ldr w0, [sp, #16]; add sp, sp, #64; ret */
    {"a loop that clears what a number points to", UNARY,
     "a loop that clears something else than the frame",
     "d10103ff aa0003e8 52800611 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0",
     "d10103ff 910043e8 52800611 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0"},
    /* sub sp, sp, #64; add x8, sp, #16; mov w17, {w0|#48}; 1: sub x17, x17, #16; str q31, [x8,
     * x17]; cbnz x17, 1b; ldr w0, [sp, #16]; add sp, sp, #64; ret */
    {"a loop that clears a number of bytes that is not known", UNARY,
     "a loop that clears something else than the frame",
     "d10103ff 910043e8 2a0003f1 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0",
     "d10103ff 910043e8 52800611 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0"},
    /* sub sp, sp, #64; add x8, sp, #16; mov w17, #{40|32}; 1: sub x17, x17, #16; str q31, [x8,
     * x17]; cbnz x17, 1b; ldr w0, [sp, #16]; add sp, sp, #64; ret */
    {"a loop that clears part of a piece", UNARY,
     "a loop that clears something else than the frame",
     "d10103ff 910043e8 52800511 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0",
     "d10103ff 910043e8 52800411 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0"},
    /* sub sp, sp, #64; add x8, sp, #16; mov w17, #{0|48}; 1: sub x17, x17, #16; str q31, [x8,
     * x17]; cbnz x17, 1b; ldr w0, [sp, #16]; add sp, sp, #64; ret */
    {"a loop that clears nothing first, and then everything", UNARY,
     "a loop that clears something else than the frame",
     "d10103ff 910043e8 52800011 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0",
     "d10103ff 910043e8 52800611 d1004231 3cb1691f b5ffffd1 b94013e0 910103ff "
     "d65f03c0"},
    /* sub sp, sp, #64; str x28, [sp, #56]; add x8, sp, #{16|0}; mov w17, #48; 1: sub x17, x17,
     * #16; str q31, [x8, x17]; cbnz x17, 1b; ldr x28, [sp, #56]; ldr w0, [sp, #16]; add sp,
     * sp, #64; ret */
    {"a loop that clears the saved context", UNARY,
     "what the prologue saved is written over",
     "d10103ff f9001ffc 910043e8 52800611 d1004231 3cb1691f b5ffffd1 f9401ffc "
     "b94013e0 910103ff d65f03c0",
     "d10103ff f9001ffc 910003e8 52800611 d1004231 3cb1691f b5ffffd1 f9401ffc "
     "b94013e0 910103ff d65f03c0"},
    /* sub sp, sp, #64; add x8, sp, #16; mov w17, #48; cbz w0, {2f|1f}; nop; 1: sub x17, x17,
     * #16; 2: str q31, [x8, x17]; cbnz x17, 1b; ldr w0, [sp, #16]; add sp, sp, #64; ret */
    {"a jump into a loop that clears", UNARY,
     "a branch into an instruction",
     "d10103ff 910043e8 52800611 34000060 d503201f d1004231 3cb1691f b5ffffd1 "
     "b94013e0 910103ff d65f03c0",
     "d10103ff 910043e8 52800611 34000040 d503201f d1004231 3cb1691f b5ffffd1 "
     "b94013e0 910103ff d65f03c0"},
    /* sub sp, sp, #64; add x8, sp, #16; mov w17, #32; 1: sub x17, x17, #16; str q31, [x8,
     * x17]; cbnz x17, 1b; ldr w0, [sp, #{48|40}]; add sp, sp, #64; ret */
    {"a loop that does not clear all that is read", UNARY,
     "something is read that is not written on every way",
     "d10103ff 910043e8 52800411 d1004231 3cb1691f b5ffffd1 b94033e0 910103ff "
     "d65f03c0",
     "d10103ff 910043e8 52800411 d1004231 3cb1691f b5ffffd1 b9402be0 910103ff "
     "d65f03c0"},
    /* cbz w0, 4f; cmp {w1|w0}, #2; b.lo 1f; b 4f; 1: adr x16, 5f; ldrsw x17, [x16, w0, uxtw
     * #2]; add x16, x16, x17; br x16; 5: .word 2f-5b; .word 3f-5b; 2: mov w0, #1; ret; 3: mov
     * w0, #2; ret; 4: mov w0, #0; ret */
    {"a far default of a table whose index was not compared", TWO,
     "a read of something that programs do not see",
     "340001c0 7100083f 54000043 1400000b 10000090 b8a05a11 8b110210 d61f0200 "
     "00000008 00000010 52800020 d65f03c0 52800040 d65f03c0 52800000 d65f03c0",
     "340001c0 7100081f 54000043 1400000b 10000090 b8a05a11 8b110210 d61f0200 "
     "00000008 00000010 52800020 d65f03c0 52800040 d65f03c0 52800000 d65f03c0"},
    /* 7: stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr,
     * [x17]; sub sp, sp, #32; str q0, [sp]; str x28, [sp, #16]; bl 7b; sub sp, sp,
     * #16; ldr x0, [sp, #{8|16}]; mov sp, x29; ldp x29, x30, [sp], #16; add sp, sp, #16;
     * ret */
    {"the upper half of a vector that a callee may change", VECTORS,
     "something is read that is not written on every way",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 3d8003e0 f9000bfc 97fffff9 "
     "d10043ff f94007e0 910003bf a8c17bfd 910043ff d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff 3d8003e0 f9000bfc 97fffff9 "
     "d10043ff f9400be0 910003bf a8c17bfd 910043ff d65f03c0"},
    /* 7: stp x29, x30, [sp, #-16]!; mov x29, sp; sub x17, sp, #5, lsl #12; !S ldr xzr,
     * [x17]; sub sp, sp, #32; str xzr, [sp]; str xzr, [sp, #{16|8}]; bl 7b; mov sp, x29;
     * ldp x29, x30, [sp], #16; add sp, sp, #16; ret */
    {"a vector as an argument of which half is written", VECTORS,
     "something is read that is not written on every way",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f90003ff f9000bff 97fffff9 "
     "910003bf a8c17bfd 910043ff d65f03c0",
     "a9bf7bfd 910003fd d14017f1 Sf940023f d10083ff f90003ff f90007ff 97fffff9 "
     "910003bf a8c17bfd 910043ff d65f03c0"},
    /* {nop|cmp w0, #0}; b.eq 2f; mov w0, #0; 2: ret */
    {"flags of the caller", UNARY,
     "flags that the program did not set",
     "d503201f 54000040 52800000 d65f03c0",
     "7100001f 54000040 52800000 d65f03c0"},
    /* mov x9, x1; cbz w0, 1f; add x9, x28, #88; 1: cmp x9, #0; {b.mi|b.eq} 2f; nop; 2: mov w0,
     * #0; ret */
    {"the sign of a reference that is one of two", REF,
     "an address is used as a number",
     "aa0103e9 34000040 91016389 f100013f 54000044 d503201f 52800000 d65f03c0",
     "aa0103e9 34000040 91016389 f100013f 54000040 d503201f 52800000 d65f03c0"},
    /* subs x9, x28, #64; {nop|cmp w0, #0}; b.lo 1f; nop; 1: ret */
    {"where the context is, by the flags of a difference", UNARY,
     "flags that the program did not set",
     "f1010389 d503201f 54000043 d503201f d65f03c0",
     "f1010389 7100001f 54000043 d503201f d65f03c0"},
    /* adds x9, x27, x0; {nop|cmp w0, #0}; csinv w0, wzr, wzr, lo; ret */
    {"where the memory is, by the carry of a sum", WIDE,
     "flags that the program did not set",
     "ab000369 d503201f 5a9f33e0 d65f03c0",
     "ab000369 7100001f 5a9f33e0 d65f03c0"},
    /* adds x9, x27, x0; {nop|cmp w0, #0}; ccmp x0, #0, #0, lo; mov w0, #0; ret */
    {"flags of a sum, by way of a second comparison", WIDE,
     "flags that the program did not set",
     "ab000369 d503201f fa403800 52800000 d65f03c0",
     "ab000369 7100001f fa403800 52800000 d65f03c0"},
    /* tst x28, x28{, lsr #3|}; b.eq 1f; nop; 1: ret */
    {"bits of the context's address", UNARY,
     "an address is used as a number",
     "ea5c0f9f 54000040 d503201f d65f03c0",
     "ea1c039f 54000040 d503201f d65f03c0"},
    /* ldr w9, [x28, #104]; cmp w9, #100; {b.eq|b.ne} 1f; mov w0, w1; 1: ret */
    {"a way that the type of an own function allows", UNARY,
     "something is read that is not written on every way",
     "b9406b89 7101913f 54000040 2a0103e0 d65f03c0",
     "b9406b89 7101913f 54000041 2a0103e0 d65f03c0"},
    /* ldr x9, [x28, #112]; ldr w9, [x9, #16]; cmp w9, #{100|101}; b.ne 1f; mov w0, w1; ret; 1:
     * mov w0, wzr; ret */
    {"a way that the type of an import allows", UNARY,
     "something is read that is not written on every way",
     "f9403b89 b9401129 7101913f 54000061 2a0103e0 d65f03c0 2a1f03e0 d65f03c0",
     "f9403b89 b9401129 7101953f 54000061 2a0103e0 d65f03c0 2a1f03e0 d65f03c0"},
    /* mov x9, #0; {cbnz|cbz} x9, 1f; mov w0, w1; ret; 1: mov w0, wzr; ret */
    {"a way that a null allows", UNARY,
     "something is read that is not written on every way",
     "d2800009 b5000069 2a0103e0 d65f03c0 2a1f03e0 d65f03c0",
     "d2800009 b4000069 2a0103e0 d65f03c0 2a1f03e0 d65f03c0"},
    /* add x9, x28, #88; cbz w0, 1f; ldr x9, [x28, #112]; 1: cbz {x0|x9}, 2f; ldr w0, [x9, #16];
     * ret; 2: !U brk #0 */
    {"one of two functions, not compared with null", UNARY,
     "a reference that was not compared with null",
     "91016389 34000040 f9403b89 b4000060 b9401120 d65f03c0 Ud4200000",
     "91016389 34000040 f9403b89 b4000069 b9401120 d65f03c0 Ud4200000"},
    /* ldr w9, [x28, #104]; cmp w9, #100; b.eq 1f; b 2f; 1: mov w0, w1; 2: subs w0, w0, #1; b.ne
     * {1b|2b}; ret */
    {"a loop that only its own end reaches", UNARY,
     "a loop that is entered in the middle",
     "b9406b89 7101913f 54000040 14000002 2a0103e0 71000400 54ffffc1 d65f03c0",
     "b9406b89 7101913f 54000040 14000002 2a0103e0 71000400 54ffffe1 d65f03c0"},
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
