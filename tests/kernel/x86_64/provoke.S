// SPDX-License-Identifier: MIT
//
// Branches that must fail on a CPU that checks them. See provoke.h. The kernel does not use this
// machine's checks (CET), so both functions return.

        .text

        .globl  provoke_no_landing_pad
        .type   provoke_no_landing_pad, @function
provoke_no_landing_pad:
        ret
        .size   provoke_no_landing_pad, . - provoke_no_landing_pad

        .globl  provoke_bad_signature
        .type   provoke_bad_signature, @function
provoke_bad_signature:
        ret
        .size   provoke_bad_signature, . - provoke_bad_signature

        .section .rodata.provoke, "a", @progbits
        .globl  provoke_code, provoke_code_end
provoke_code:
        ret
provoke_code_end:

        .section .note.GNU-stack, "", @progbits
