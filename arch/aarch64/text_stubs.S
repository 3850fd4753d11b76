// SPDX-License-Identifier: MIT
//
// The stubs of hal/calls.h. A function's entry jumps to its stub: all registers are the caller's. Only x9 to x17 are
// free. x30 is not signed yet. A target may be in the middle of a function, where no landing pad is: RET is not checked.

#include "arch/aarch64/asm.inc"

#define SAVED 96 /* x0 to x8, x17, x29, x30 */

        .text
        .balign 16
        .globl  text_stubs
text_stubs:
        .set    number, 0
        .rept   STUBS
        mov     w16, #number
        b       text_enter
        .set    number, number + 1
        .endr
        .size   text_stubs, . - text_stubs

LOCAL_FUNCTION text_enter
        ADDRESS x17, hal_stubs
        add     x17, x17, x16, lsl #STUB_SHIFT  // struct hal_stub
again:
        mrs     x9, sp_el0                      // hal_this_thread()
        ldr     x9, [x9, #CONTEXT_CALLS]
        cbz     x9, no_room
        ldr     x10, [x9]
        cmp     x10, #CALLS_SIZE
        b.hs    no_room
        add     x11, x10, #CALL_SIZE
        str     x11, [x9]                       // before it is filled: the calls of an interrupt come after it
        add     x9, x9, x10                     // CALLS_FIRST bytes before a struct hal_call
        mov     x10, sp
        stp     x10, x30, [x9, #CALLS_FIRST + CALL_SLOT]
        ldr     x10, [x17, #STUB_FUNCTION]
        isb                                     // as hal_counter_read()
        mrs     x11, cntvct_el0
        stp     x10, x11, [x9, #CALLS_FIRST + CALL_FUNCTION]
        ADDRESS x30, hal_call_return
        ldr     x16, [x17]
        ret     x16

no_room:
        stp     x29, x30, [sp, #-SAVED]!
        .cfi_def_cfa sp, SAVED
        CFI_SAVED x29, x30, 0
        mov     x29, sp
        stp     x0, x1, [sp, #16]
        stp     x2, x3, [sp, #32]
        stp     x4, x5, [sp, #48]
        stp     x6, x7, [sp, #64]
        stp     x8, x17, [sp, #80]
        add     x0, sp, #SAVED
        mov     x1, x30
        bl      upcall_call_begin
        mov     w9, w0
        ldp     x0, x1, [sp, #16]
        ldp     x2, x3, [sp, #32]
        ldp     x4, x5, [sp, #48]
        ldp     x6, x7, [sp, #64]
        ldp     x8, x17, [sp, #80]
        ldp     x29, x30, [sp], #SAVED
        .cfi_def_cfa sp, 0
        CFI_LIVE x29, x30
        tbnz    w9, #0, again
        ldr     x16, [x17]
        ret     x16
END text_enter

/* A timed function returns here: x0 and x1 are its results, and the stack pointer is as at its begin. */
FUNCTION hal_call_return
        .cfi_undefined x30                      // struct hal_call knows it
        stp     x0, x1, [sp, #-16]!
        add     x0, sp, #16                     // struct hal_call.slot
        bl      upcall_call_end
        mov     x30, x0
        ldp     x0, x1, [sp], #16
        ret
END hal_call_return
