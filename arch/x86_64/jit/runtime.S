// SPDX-License-Identifier: MIT
//
// Functions that compilers call on their own, for loaded programs. They are between the two labels, so that a fault
// in them counts as the program's (kernel/jit/backend.h). General registers only, because a program need not own the
// others. They use moves of 8 bytes that overlap at the ends; with `rep` an emulator would need one instruction for
// each byte.

    .section .text.jit_runtime, "ax", @progbits
    .balign 16
    .globl jit_runtime_start
jit_runtime_start:

/*
 * void *jit_runtime_memcpy(void *dst, const void *src, size_t n)
 * void *jit_runtime_memmove(void *dst, const void *src, size_t n)
 * in: rdi, rsi, rdx    out: rax = dst    clobbers: rcx, rsi, rdx, rdi, r8-r11
 */
    .globl jit_runtime_memcpy
    .type jit_runtime_memcpy, @function
    .globl jit_runtime_memmove
    .type jit_runtime_memmove, @function
jit_runtime_memcpy:
jit_runtime_memmove:
    .cfi_startproc
    movq    %rdi, %rax
    cmpq    $16, %rdx
    jb      .Lcopy_small
    cmpq    $32, %rdx
    jbe     .Lcopy_to_32
    movq    %rdi, %rcx
    subq    %rsi, %rcx
    cmpq    %rdx, %rcx              // dst - src below n, unsigned: dst is inside src
    jb      .Lcopy_backward

    // Read the last 16 bytes before anything is written over them.
    movq    -16(%rsi,%rdx), %r10
    movq    -8(%rsi,%rdx), %r11
    leaq    -16(%rdi,%rdx), %rcx    // their destination
1:  movq    (%rsi), %r8
    movq    8(%rsi), %r9
    addq    $16, %rsi
    movq    %r8, (%rdi)
    movq    %r9, 8(%rdi)
    addq    $16, %rdi
    cmpq    %rcx, %rdi
    jb      1b
    movq    %r10, (%rcx)
    movq    %r11, 8(%rcx)
    ret

.Lcopy_backward:
    // From the end. Read the first 16 bytes before anything is written over them.
    movq    (%rsi), %r10
    movq    8(%rsi), %r11
1:  movq    -8(%rsi,%rdx), %r8
    movq    -16(%rsi,%rdx), %r9
    movq    %r8, -8(%rdi,%rdx)
    movq    %r9, -16(%rdi,%rdx)
    subq    $16, %rdx
    cmpq    $16, %rdx
    ja      1b
    movq    %r10, (%rdi)
    movq    %r11, 8(%rdi)
    ret

.Lcopy_to_32:                       // 16 to 32: two halves that may overlap, all read first
    movq    (%rsi), %r8
    movq    8(%rsi), %r9
    movq    -16(%rsi,%rdx), %r10
    movq    -8(%rsi,%rdx), %r11
    movq    %r8, (%rdi)
    movq    %r9, 8(%rdi)
    movq    %r10, -16(%rdi,%rdx)
    movq    %r11, -8(%rdi,%rdx)
    ret

.Lcopy_small:
    cmpq    $8, %rdx
    jb      1f
    movq    (%rsi), %r8             // 8 to 15
    movq    -8(%rsi,%rdx), %r9
    movq    %r8, (%rdi)
    movq    %r9, -8(%rdi,%rdx)
    ret
1:  cmpq    $4, %rdx
    jb      2f
    movl    (%rsi), %r8d            // 4 to 7
    movl    -4(%rsi,%rdx), %r9d
    movl    %r8d, (%rdi)
    movl    %r9d, -4(%rdi,%rdx)
    ret
2:  testq   %rdx, %rdx
    jz      3f
    movzbl  (%rsi), %r8d            // 1 to 3: first, middle and last cover it
    movzbl  -1(%rsi,%rdx), %r9d
    movq    %rdx, %rcx
    shrq    $1, %rcx
    movzbl  (%rsi,%rcx), %r10d
    movb    %r8b, (%rdi)
    movb    %r10b, (%rdi,%rcx)
    movb    %r9b, -1(%rdi,%rdx)
3:  ret
    .cfi_endproc
    .size jit_runtime_memcpy, . - jit_runtime_memcpy
    .size jit_runtime_memmove, . - jit_runtime_memmove

/*
 * void *jit_runtime_memset(void *dst, int byte, size_t n)
 * in: rdi, esi, rdx    out: rax = dst    clobbers: rcx, rdx, rdi, r8
 */
    .balign 16
    .globl jit_runtime_memset
    .type jit_runtime_memset, @function
jit_runtime_memset:
    .cfi_startproc
    movq    %rdi, %rax
    movzbl  %sil, %ecx
    movabsq $0x0101010101010101, %r8
    imulq   %r8, %rcx               // the byte, eight times
    cmpq    $8, %rdx
    jb      2f
    movq    %rcx, -8(%rdi,%rdx)     // the end, which may overlap
    leaq    -8(%rdi,%rdx), %rdx
1:  movq    %rcx, (%rdi)
    addq    $8, %rdi
    cmpq    %rdx, %rdi
    jb      1b
    ret
2:  testq   %rdx, %rdx
    jz      4f
3:  movb    %cl, -1(%rdi,%rdx)
    decq    %rdx
    jnz     3b
4:  ret
    .cfi_endproc
    .size jit_runtime_memset, . - jit_runtime_memset

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
2:  addq    $8, %rdx                // 0 to 7 bytes remain
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
4:  bswapq  %r8                     // the first byte that differs decides: move it to the highest position
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
