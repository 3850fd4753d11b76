// SPDX-License-Identifier: MIT
//
// See tests/kernel/registers.h.

        .text

/* in: rdi    clobbers: rax, all vector registers */
        .globl  registers_fill
        .type   registers_fill, @function
registers_fill:
        sub     $24, %rsp
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        lea     \n(%rdi), %rax
        mov     %rax, (%rsp)
        not     %rax
        mov     %rax, 8(%rsp)
        movups  (%rsp), %xmm\n
        .endr
        add     $24, %rsp
        ret
        .size   registers_fill, . - registers_fill

/* in: rdi    out: rax    clobbers: rcx, rdx */
        .globl  registers_differ
        .type   registers_differ, @function
registers_differ:
        sub     $24, %rsp
        xor     %eax, %eax
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  %xmm\n, (%rsp)
        lea     \n(%rdi), %rcx
        xor     %edx, %edx
        cmp     (%rsp), %rcx
        setne   %dl
        add     %rdx, %rax
        not     %rcx
        cmp     8(%rsp), %rcx
        setne   %dl
        add     %rdx, %rax
        .endr
        add     $24, %rsp
        ret
        .size   registers_differ, . - registers_differ

        .section .note.GNU-stack, "", @progbits
