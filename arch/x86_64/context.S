// SPDX-License-Identifier: MIT
//
// Switching stacks. A thread that is not running has rbp, rbx, r12 to r15 and its return address on its stack; the C
// caller saved the rest. CPU_STACK_BASE follows the stack pointer: vectors.S uses it to check whether there is room.
// A stack of a thread starts at a multiple of STACK_SIZE.

#include "arch/x86_64/asm.inc"
#include "hal_arch/offsets.h"

        .text
/*
 * void hal_context_switch(struct hal_context *save, const struct hal_context *next)
 * in: rdi where to publish the old stack, rsi the new one    clobbers: rax    IRQs: masked
 */
        .globl  hal_context_switch
        .type   hal_context_switch, @function
hal_context_switch:
        .cfi_startproc
        PUSH    %rbp
        PUSH    %rbx
        PUSH    %r12
        PUSH    %r13
        PUSH    %r14
        PUSH    %r15
        movq    %rsp, (%rdi)            // last: another CPU may resume us from here on
        movq    (%rsi), %rsp
        movq    %rsp, %rax
        andq    $-STACK_SIZE, %rax
        movq    %rax, %gs:CPU_STACK_BASE
        POP     %r15
        POP     %r14
        POP     %r13
        POP     %r12
        POP     %rbx
        POP     %rbp
        ret
        .cfi_endproc
        .size   hal_context_switch, . - hal_context_switch

/*
 * The first switch to a thread returns here; hal_context_init() put entry into rbx and arg into r12.
 * in: rsp 16-byte aligned, rbp 0    IRQs: masked
 */
        .globl  context_start
        .type   context_start, @function
context_start:
        .cfi_startproc
        .cfi_undefined DWARF_RIP        // it has no caller: call chains end here
        movq    %r12, %rdi
        call    *%rbx
        .globl  context_end
context_end:
        ud2                             // entry must not return
        .cfi_endproc
        .size   context_start, . - context_start

/*
 * _Noreturn void hal_stack_jump(vaddr_t stack_top, void (*fn)(void *arg), void *arg)
 * in: rdi, rsi, rdx    IRQs: the caller's
 */
        .globl  hal_stack_jump
        .type   hal_stack_jump, @function
hal_stack_jump:
        .cfi_startproc
        .cfi_undefined DWARF_RIP        // the caller's stack is abandoned
        leaq    -1(%rdi), %rax
        andq    $-STACK_SIZE, %rax
        movq    %rdi, %rsp
        movq    %rax, %gs:CPU_STACK_BASE
        xorl    %ebp, %ebp
        movq    %rdx, %rdi
        call    *%rsi
        ud2                             // fn must not return
        .cfi_endproc
        .size   hal_stack_jump, . - hal_stack_jump

/*
 * uintptr_t hal_stack_call(vaddr_t stack_top, uintptr_t (*fn)(void *arg), void *arg)
 * in: rdi, rsi, rdx    out: rax    clobbers: as for a C call    IRQs: the caller's
 * CPU_STACK_BASE does not change: for a fault on the other stack trap_choose_stack() decides.
 */
        .globl  hal_stack_call
        .type   hal_stack_call, @function
hal_stack_call:
        .cfi_startproc
        .cfi_signal_frame               // the caller's stack may be at a lower address: that is no corruption here
        PUSH    %rbp
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        movq    %rdi, %rsp
        movq    %rdx, %rdi
        call    *%rsi
        movq    %rbp, %rsp
        .cfi_def_cfa_register %rsp
        POP     %rbp
        ret
        .cfi_endproc
        .size   hal_stack_call, . - hal_stack_call
