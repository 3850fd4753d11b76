// SPDX-License-Identifier: MIT
//
// The registers of code that has not faulted, for a panic's report.

#include "arch/x86_64/asm.inc"
#include "hal_arch/offsets.h"

        .text

/*
 * void hal_frame_capture(void (*fn)(const struct hal_frame *frame))
 * in: rdi fn    rax and rcx in the frame are this routine's own: a call had already spent them
 */
        .globl  hal_frame_capture
        .type   hal_frame_capture, @function
hal_frame_capture:
        movq    %rsp, %rax
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
        PUSH_REST
        pushq   (%rax)                  // frame record
        pushq   %rbp
        movq    %rdi, %rax
        movq    %rsp, %rdi
        subq    $8, %rsp                // a call wants 16-byte alignment
        call    *%rax
        addq    $(FRAME_SIZE + 8), %rsp
        ret
        .size   hal_frame_capture, . - hal_frame_capture

        .section .note.GNU-stack, "", @progbits
