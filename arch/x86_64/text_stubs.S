// SPDX-License-Identifier: MIT
//
// The stubs of hal/calls.h. A function's entry jumps to its stub: all registers are the caller's. Only r10 and r11 are
// free. The return address is on top of the stack, and arguments may follow.

#include "arch/x86_64/asm.inc"
#include "hal_arch/offsets.h"

        .text
        .balign 16
        .globl  text_stubs
text_stubs:
        .set    number, 0
        .rept   STUBS_NEAR
        pushq   $number
        jmp     halfway                         // a short jump, which does not reach text_enter
        .set    number, number + 1
        .endr
halfway:
        jmp     text_enter
        .org    text_stubs + STUBS_NEAR * STUB_BYTES + STUB_HALFWAY
        .rept   STUBS - STUBS_NEAR
        pushq   $number
        jmp     text_enter
        .set    number, number + 1
        .endr
        .size   text_stubs, . - text_stubs

        .type   text_enter, @function
text_enter:
        .cfi_startproc
        .cfi_adjust_cfa_offset 8
        popq    %r11
        .cfi_adjust_cfa_offset -8
        shlq    $STUB_SHIFT, %r11
        addq    $hal_stubs, %r11                // struct hal_stub
again:
        movq    %gs:CPU_CURRENT, %r10
        movq    CONTEXT_CALLS(%r10), %r10
        PUSH    %rax
        PUSH    %rdx
        testq   %r10, %r10
        jz      no_room
        movq    (%r10), %rax
        cmpq    $CALLS_SIZE, %rax
        jae     no_room
        addq    $CALL_SIZE, (%r10)              // before it is filled: the calls of an interrupt come after it
        leaq    CALLS_FIRST(%r10,%rax), %r10    // struct hal_call
        leaq    16(%rsp), %rdx
        movq    %rdx, CALL_SLOT(%r10)
        movq    (%rdx), %rax
        movq    %rax, CALL_BACK(%r10)
        movq    $hal_call_return, (%rdx)
        movq    STUB_FUNCTION(%r11), %rax
        movq    %rax, CALL_FUNCTION(%r10)
        lfence                                  // as hal_counter_read()
        rdtsc
        shlq    $32, %rdx
        orq     %rdx, %rax
        movq    %rax, CALL_BEGIN(%r10)
        POP     %rdx
        POP     %rax
        jmpq    *(%r11)

no_room:
        .cfi_adjust_cfa_offset 16
        PUSH    %rcx
        PUSH    %rsi
        PUSH    %rdi
        PUSH    %r8
        PUSH    %r9
        PUSH    %r11
        leaq    64(%rsp), %rdi
        movq    (%rdi), %rsi
        subq    $8, %rsp                        // a call needs it to be a multiple of 16
        .cfi_adjust_cfa_offset 8
        call    upcall_call_begin
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        POP     %r11
        movl    %eax, %r10d
        POP     %r9
        POP     %r8
        POP     %rdi
        POP     %rsi
        POP     %rcx
        POP     %rdx
        POP     %rax
        testb   %r10b, %r10b
        jnz     again
        jmpq    *(%r11)
        .cfi_endproc
        .size   text_enter, . - text_enter

/* A timed function returns here: rax and rdx are its results. Its own return address was just above the stack pointer. */
        .balign 16
        .globl  hal_call_return
        .type   hal_call_return, @function
hal_call_return:
        .cfi_startproc
        .cfi_undefined DWARF_RIP                // struct hal_call knows it
        subq    $16, %rsp
        pushq   %rax
        pushq   %rdx
        leaq    24(%rsp), %rdi                  // struct hal_call.slot
        call    upcall_call_end
        movq    %rax, 24(%rsp)
        popq    %rdx
        popq    %rax
        addq    $8, %rsp
        ret
        .cfi_endproc
        .size   hal_call_return, . - hal_call_return
