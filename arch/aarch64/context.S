// SPDX-License-Identifier: MIT
//
// Switching stacks, and the floating-point registers, which the rest of the kernel does not use.
#include "arch/aarch64/asm.inc"

#define CONTEXT_SIZE 96 /* x19 to x30; context.c builds the same layout by hand */

        .text

/*
 * void hal_context_switch(struct hal_context *save, const struct hal_context *next)
 * in: x0 where to put the old stack pointer, x1 where the new one is    clobbers: x9    IRQs: masked
 */
SIGNED_FUNCTION hal_context_switch
        stp     x29, x30, [sp, #-CONTEXT_SIZE]! // callee-saved only: the C caller saved the rest
        .cfi_def_cfa sp, CONTEXT_SIZE
        CFI_SAVED x29, x30, 0
        stp     x27, x28, [sp, #16]
        stp     x25, x26, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x21, x22, [sp, #64]
        stp     x19, x20, [sp, #80]
        CFI_SAVED x27, x28, 16
        CFI_SAVED x25, x26, 32
        CFI_SAVED x23, x24, 48
        CFI_SAVED x21, x22, 64
        CFI_SAVED x19, x20, 80
        mov     x9, sp                          // the saved x30 is signed, so a stray store to it is detected
        stlr    x9, [x0]                        // last: from here on another CPU may resume us
        ldr     x9, [x1]
        mov     sp, x9
        msr     sp_el0, x1                      // hal_this_thread(): a struct thread begins with its context
        ldp     x19, x20, [sp, #80]
        ldp     x21, x22, [sp, #64]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #32]
        ldp     x27, x28, [sp, #16]
        ldp     x29, x30, [sp], #CONTEXT_SIZE
        .cfi_def_cfa sp, 0
        CFI_LIVE x29, x30
        CFI_LIVE x27, x28
        CFI_LIVE x25, x26
        CFI_LIVE x23, x24
        CFI_LIVE x21, x22
        CFI_LIVE x19, x20
        RETURN
END hal_context_switch

/* Where a new thread starts: x19 = function, x20 = argument, as hal_context_init() put them. IRQs: masked */
FUNCTION context_start
        CFI_OUTERMOST
        mov     x0, x20
        blr     x19
        .globl  context_end
context_end:
        brk     #0                              // it must not return
END context_start

/*
 * _Noreturn void hal_stack_jump(vaddr_t stack_top, void (*fn)(void *arg), void *arg)
 * in: x0, x1, x2    IRQs: any
 */
FUNCTION hal_stack_jump
        CFI_OUTERMOST                           // the caller's stack is abandoned
        mov     sp, x0
        mov     x29, xzr                        // a backtrace ends here
        mov     x0, x2
        blr     x1
        brk     #0                              // fn must not return
END hal_stack_jump

/*
 * uintptr_t hal_stack_call(vaddr_t stack_top, uintptr_t (*fn)(void *arg), void *arg)
 * in: x0, x1, x2    out: x0    clobbers: what a call may    IRQs: any
 */
SIGNED_FUNCTION hal_stack_call
        .cfi_signal_frame // the caller's stack may be at a lower address: that is no corruption here
        stp     x29, x30, [sp, #-16]!
        .cfi_def_cfa sp, 16
        CFI_SAVED x29, x30, 0
        mov     x29, sp                         // fn restores it
        .cfi_def_cfa_register x29
        mov     sp, x0
        mov     x0, x2
        blr     x1
        mov     sp, x29
        .cfi_def_cfa_register sp
        ldp     x29, x30, [sp], #16
        .cfi_def_cfa sp, 0
        CFI_LIVE x29, x30
        RETURN
END hal_stack_call

/* uintptr_t hal_frame_here(void): the caller's frame record. */
FUNCTION hal_frame_here
        mov     x0, x29
        ret
END hal_frame_here

        .arch_extension fp
        .arch_extension simd

/* struct fp_area of context.c: v0 to v31, FPSR, FPCR. in: x0    clobbers: x9, x10    IRQs: masked */
FUNCTION hal_fp_save
        stp     q0, q1, [x0, #0]
        stp     q2, q3, [x0, #32]
        stp     q4, q5, [x0, #64]
        stp     q6, q7, [x0, #96]
        stp     q8, q9, [x0, #128]
        stp     q10, q11, [x0, #160]
        stp     q12, q13, [x0, #192]
        stp     q14, q15, [x0, #224]
        stp     q16, q17, [x0, #256]
        stp     q18, q19, [x0, #288]
        stp     q20, q21, [x0, #320]
        stp     q22, q23, [x0, #352]
        stp     q24, q25, [x0, #384]
        stp     q26, q27, [x0, #416]
        stp     q28, q29, [x0, #448]
        stp     q30, q31, [x0, #480]
        mrs     x9, fpsr
        mrs     x10, fpcr
        add     x0, x0, #512
        stp     x9, x10, [x0]
        ret
END hal_fp_save

FUNCTION hal_fp_restore
        ldp     q0, q1, [x0, #0]
        ldp     q2, q3, [x0, #32]
        ldp     q4, q5, [x0, #64]
        ldp     q6, q7, [x0, #96]
        ldp     q8, q9, [x0, #128]
        ldp     q10, q11, [x0, #160]
        ldp     q12, q13, [x0, #192]
        ldp     q14, q15, [x0, #224]
        ldp     q16, q17, [x0, #256]
        ldp     q18, q19, [x0, #288]
        ldp     q20, q21, [x0, #320]
        ldp     q22, q23, [x0, #352]
        ldp     q24, q25, [x0, #384]
        ldp     q26, q27, [x0, #416]
        ldp     q28, q29, [x0, #448]
        ldp     q30, q31, [x0, #480]
        add     x0, x0, #512
        ldp     x9, x10, [x0]
        msr     fpsr, x9
        msr     fpcr, x10
        ret
END hal_fp_restore
