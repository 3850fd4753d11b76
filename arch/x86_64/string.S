// SPDX-License-Identifier: MIT
//
// The kernel's memcpy(), memmove() and memset() (kernel/lib/string.h). The compiler calls them for structures at any
// time, even before anything is initialised: they depend on nothing. General registers only. They use accesses that
// overlap at the ends instead of loops over single bytes. Long copies use `rep` with words of 8 bytes: CPUs with fast
// strings then copy whole lines, and emulators one word with each instruction, where the byte form would need eight.

#define COPY_REP 128 /* number of bytes from which `rep` is worth its start-up cost */

#ifdef HALYARD_MACHINE_COPIES
        .text
/*
 * void *memcpy(void *dst, const void *src, size_t n)
 * void *memmove(void *dst, const void *src, size_t n)
 * in: rdi, rsi, rdx    out: rax = dst    clobbers: rcx, rsi, rdx, rdi, r8-r11    IRQs: any; the direction flag is clear
 *
 * void *memset(void *dst, int byte, size_t n)
 * in: rdi, esi, rdx    out: rax = dst    clobbers: rcx, rdx, rdi, r8    IRQs: any; the direction flag is clear
 */
        .balign 16
        .globl  memcpy
        .type   memcpy, @function
        .globl  memmove
        .type   memmove, @function
memcpy:
memmove:
        .cfi_startproc
        movq    %rdi, %rax
        cmpq    $16, %rdx
        jb      .Lsmall
        movq    %rdi, %rcx
        subq    %rsi, %rcx
        cmpq    %rdx, %rcx              // dst - src below n, unsigned: dst is inside src
        jb      .Lbackward
        cmpq    $COPY_REP, %rdx
        jae     .Lrep

        // Read the last 16 bytes before anything is written over them.
        movq    -16(%rsi,%rdx), %r10
        movq    -8(%rsi,%rdx), %r11
        leaq    -16(%rdi,%rdx), %rcx    // their destination
        jmp     .Lforward_test
.Lforward:
        movq    (%rsi), %r8
        movq    8(%rsi), %r9
        addq    $16, %rsi
        movq    %r8, (%rdi)
        movq    %r9, 8(%rdi)
        addq    $16, %rdi
.Lforward_test:
        cmpq    %rcx, %rdi
        jb      .Lforward
        movq    %r10, (%rcx)
        movq    %r11, 8(%rcx)
        ret

        // Both ends are read first and written last, because dst may be below src by any number of bytes.
.Lrep:
        movq    (%rsi), %r8
        movq    -8(%rsi,%rdx), %r10
        leaq    -8(%rdi,%rdx), %r11     // destination of the end
        leaq    8(%rdi), %rdi
        andq    $-8, %rdi
        movq    %rdi, %rcx
        subq    %rax, %rcx              // 1 to 8 bytes of the start
        addq    %rcx, %rsi
        subq    %rcx, %rdx
        movq    %rdx, %rcx
        shrq    $3, %rcx
        rep movsq
        movq    %r8, (%rax)
        movq    %r10, (%r11)
        ret

        // From the end. Read the first 16 bytes before anything is written over them.
.Lbackward:
        movq    (%rsi), %r10
        movq    8(%rsi), %r11
        jmp     .Lbackward_test
.Lbackward_loop:
        movq    -8(%rsi,%rdx), %r8
        movq    -16(%rsi,%rdx), %r9
        movq    %r8, -8(%rdi,%rdx)
        movq    %r9, -16(%rdi,%rdx)
        subq    $16, %rdx
.Lbackward_test:
        cmpq    $16, %rdx
        ja      .Lbackward_loop
        movq    %r10, (%rdi)
        movq    %r11, 8(%rdi)
        ret

.Lsmall:
        cmpq    $8, %rdx
        jb      .Lbelow8
        movq    (%rsi), %r8
        movq    -8(%rsi,%rdx), %r9
        movq    %r8, (%rdi)
        movq    %r9, -8(%rdi,%rdx)
        ret
.Lbelow8:
        cmpq    $4, %rdx
        jb      .Lbelow4
        movl    (%rsi), %r8d
        movl    -4(%rsi,%rdx), %r9d
        movl    %r8d, (%rdi)
        movl    %r9d, -4(%rdi,%rdx)
        ret
.Lbelow4:
        testq   %rdx, %rdx
        jz      .Lcopied
        movzbl  (%rsi), %r8d            // first, middle and last cover 1 to 3
        movzbl  -1(%rsi,%rdx), %r9d
        movq    %rdx, %rcx
        shrq    $1, %rcx
        movzbl  (%rsi,%rcx), %r10d
        movb    %r8b, (%rdi)
        movb    %r10b, (%rdi,%rcx)
        movb    %r9b, -1(%rdi,%rdx)
.Lcopied:
        ret
        .cfi_endproc
        .size   memcpy, . - memcpy
        .size   memmove, . - memmove

        .balign 16
        .globl  memset
        .type   memset, @function
memset:
        .cfi_startproc
        movzbl  %sil, %ecx
        movabsq $0x0101010101010101, %r8
        imulq   %rcx, %r8               // the byte, eight times
        movq    %rdi, %rax
        cmpq    $8, %rdx
        jb      .Lset_below8
        movq    %r8, -8(%rdi,%rdx)      // the end, which may overlap
        cmpq    $COPY_REP, %rdx
        jae     .Lset_rep
        leaq    -8(%rdi,%rdx), %rdx
.Lset:
        movq    %r8, (%rdi)
        addq    $8, %rdi
        cmpq    %rdx, %rdi
        jb      .Lset
        ret
.Lset_rep:
        movq    %r8, (%rdi)             // the start
        leaq    (%rdi,%rdx), %rcx
        addq    $8, %rdi
        andq    $-8, %rdi
        subq    %rdi, %rcx
        shrq    $3, %rcx
        movq    %rax, %rdx
        movq    %r8, %rax
        rep stosq
        movq    %rdx, %rax
        ret
.Lset_below8:
        testq   %rdx, %rdx
        jz      .Lset_done
.Lset_byte:
        movb    %r8b, -1(%rdi,%rdx)
        decq    %rdx
        jnz     .Lset_byte
.Lset_done:
        ret
        .cfi_endproc
        .size   memset, . - memset

#endif
