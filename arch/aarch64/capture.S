// SPDX-License-Identifier: MIT
//
// Saves the registers of code that has not faulted, for a panic's report.

#include "arch/aarch64/asm.inc"

        .text

/*
 * void hal_frame_capture(void (*fn)(const struct hal_frame *frame))
 * in: x0 fn    clobbers: x9, x10, after they are stored
 */
FUNCTION hal_frame_capture
        sub     sp, sp, #FRAME_SIZE
        .cfi_def_cfa_offset FRAME_SIZE
        stp     x0, x1, [sp, #FRAME_X(0)]
        stp     x2, x3, [sp, #FRAME_X(2)]
        SAVE_X4_TO_X29
        add     x9, sp, #FRAME_SIZE     // the caller's stack pointer
        stp     x30, x9, [sp, #FRAME_X(30)]
        mrs     x9, nzcv                // the parts of PSTATE, where SPSR_EL1 would have them
        mrs     x10, daif
        orr     x9, x9, x10
        mrs     x10, CurrentEL
        orr     x9, x9, x10
        mrs     x10, SPSel
        orr     x9, x9, x10
        stp     x30, x9, [sp, #FRAME_PC]
        stp     x29, x30, [sp, #FRAME_RECORD]
        mov     x9, x0
        mov     x0, sp
        PACIASP
        .cfi_negate_ra_state
        stp     x29, x30, [sp, #-16]!
        .cfi_def_cfa_offset FRAME_SIZE + 16
        CFI_SAVED x29, x30, 0
        blr     x9
        ldp     x29, x30, [sp], #16
        .cfi_def_cfa_offset FRAME_SIZE
        CFI_LIVE x29, x30
        AUTIASP
        .cfi_negate_ra_state
        add     sp, sp, #FRAME_SIZE
        .cfi_def_cfa_offset 0
        ret
END hal_frame_capture

        .section .note.GNU-stack, "", %progbits
