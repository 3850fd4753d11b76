// SPDX-License-Identifier: MIT
//
// Branches that must fail. See provoke.h.
#include "arch/aarch64/asm.inc"

        .text

/* The one global function that must have no landing pad. */
        .globl  provoke_no_landing_pad
LOCAL_FUNCTION provoke_no_landing_pad
        ret
END provoke_no_landing_pad

/* The stack pointer is an input of the signature. */
SIGNED_FUNCTION provoke_bad_signature
        sub     sp, sp, #16
        AUTIASP
        .cfi_negate_ra_state
        add     sp, sp, #16
        ret
END provoke_bad_signature

        .section .rodata.provoke, "a", %progbits
        .balign 16
        .globl  provoke_code, provoke_code_end
provoke_code:
        BTI_C
        ret
provoke_code_end:

        .section .note.GNU-stack, "", %progbits
