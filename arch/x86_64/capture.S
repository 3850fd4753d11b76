// SPDX-License-Identifier: MIT
//
// Saves the registers of code that has not faulted, for a panic's report.

#include "arch/x86_64/asm.inc"
#include "hal_arch/offsets.h"

        .text

/*
 * void hal_frame_capture(void (*fn)(const struct hal_frame *frame))
 * in: rdi fn rax and rcx in the frame are this routine's own, because a call may destroy them anyway
 */
        .globl  hal_frame_capture
        .type   hal_frame_capture, @function
hal_frame_capture:
        .cfi_startproc
        movq    %rsp, %rax
        .cfi_def_cfa_register %rax
        movl    %ss, %ecx               // the CPU's own five, as an interrupt here would push them
        pushq   %rcx
        leaq    8(%rax), %rcx
        pushq   %rcx
        pushfq
        movl    %cs, %ecx
        pushq   %rcx
        pushq   (%rax)
        pushq   $0                      // error, vector
        pushq   $0
        pushq   %rax
        pushq   %rcx
        .cfi_def_cfa %rsp, 8 + 9 * 8    // ss to rcx lie below the return address
        PUSH_REST
        pushq   (%rax)                  // frame record
        pushq   %rbp
        movq    %rdi, %rax
        movq    %rsp, %rdi
        subq    $8, %rsp                // a call wants 16-byte alignment
        .cfi_def_cfa_offset 8 + FRAME_SIZE + 8
        call    *%rax
        addq    $(FRAME_SIZE + 8), %rsp
        .cfi_def_cfa_offset 8
        ret
        .cfi_endproc
        .size   hal_frame_capture, . - hal_frame_capture

        .section .note.GNU-stack, "", @progbits
