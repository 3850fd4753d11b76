// SPDX-License-Identifier: MIT
//
// What compilers call by themselves, for loaded programs: between the two labels, so that a fault in here
// counts as the program's (kernel/jit/backend.h). General registers only: a program need not own others.

#include "arch/x86_64/copies.inc"

    .section .text.jit_runtime, "ax", @progbits
    .balign 16
    .globl jit_runtime_start
jit_runtime_start:

    COPIES jit_runtime_

/*
 * int jit_runtime_memcmp(const void *a, const void *b, size_t n)
 * in: rdi, rsi, rdx    out: eax < 0, 0, > 0    clobbers: rcx, rdx, rsi, rdi, r8, r9
 */
    .balign 16
    .globl jit_runtime_memcmp
    .type jit_runtime_memcmp, @function
jit_runtime_memcmp:
    .cfi_startproc
    subq    $8, %rdx
    jb      2f
1:  movq    (%rdi), %r8
    movq    (%rsi), %r9
    cmpq    %r9, %r8
    jne     4f
    addq    $8, %rdi
    addq    $8, %rsi
    subq    $8, %rdx
    jae     1b
2:  addq    $8, %rdx                // 0 to 7 are left
    jz      5f
3:  movzbl  (%rdi), %eax
    movzbl  (%rsi), %ecx
    subl    %ecx, %eax
    jne     6f
    incq    %rdi
    incq    %rsi
    decq    %rdx
    jnz     3b
    ret
4:  bswapq  %r8                     // the first byte that differs decides: it becomes the highest
    bswapq  %r9
    cmpq    %r9, %r8
    sbbl    %eax, %eax              // -1 if below, else 0
    orl     $1, %eax
    ret
5:  xorl    %eax, %eax
6:  ret
    .cfi_endproc
    .size jit_runtime_memcmp, . - jit_runtime_memcmp

/*
 * int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b)
 * in: rdi, rsi, rdx    out: eax as fn returned it    clobbers: as a call does
 */
    .balign 16
    .globl jit_runtime_call
    .type jit_runtime_call, @function
jit_runtime_call:
    .cfi_startproc
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    movq    %rsp, %rbp
    movq    %rdi, %rax
    movq    %rsi, %rdi
    movq    %rdx, %rsi
    callq   *%rax
    popq    %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_same_value %rbp
    ret
    .cfi_endproc
    .size jit_runtime_call, . - jit_runtime_call

    .globl jit_runtime_end
jit_runtime_end:

    .section .note.GNU-stack, "", @progbits
