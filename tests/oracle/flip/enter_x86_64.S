// SPDX-License-Identifier: MIT
//
// Enters compiled code with secrets in every register that it must not read: see flip.h.

    .text

/*
 * uint64_t flip_enter(struct jit_entry *e, uint64_t secret, uint64_t *changed)
 * in: rdi, rsi, rdx    out: rax    clobbers: as a C call does
 *
 * From rbp down: rbx, r12 to r15, secret, changed, 8 bytes of padding.
 */
    .balign 16
    .globl  flip_enter
    .type   flip_enter, @function
flip_enter:
    endbr64
    pushq   %rbp
    movq    %rsp, %rbp
    pushq   %rbx
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushq   %rsi
    pushq   %rdx
    subq    $8, %rsp

    .irp r, rbx, r12, r13, r14, r15, rax, rcx, rdx, r8, r9, r10, r11
    movq    %rsi, %\r
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    pxor    %xmm\n, %xmm\n              // C leaves addresses there; the kernel does not
    .endr
    callq   __real_jit_enter

    // Compare the callee-saved registers and the direction flag.
    movq    -48(%rbp), %rcx
    movq    -56(%rbp), %rdx
    pushfq
    popq    %r8
    cld
    andl    $0x400, %r8d
    .irp r, rbx, r12, r13, r14, r15
    xorq    %rcx, %\r
    orq     %\r, %r8
    .endr
    movq    %r8, (%rdx)
    leaq    -40(%rbp), %rsp
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbx
    popq    %rbp
    ret
    .size   flip_enter, . - flip_enter

    .section .note.GNU-stack, "", @progbits
