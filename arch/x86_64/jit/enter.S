// SPDX-License-Identifier: MIT
//
// From C into compiled code and back (kernel/jit/code.h), the same in the kernel and on a host. Preserves the
// registers that C requires and the floating-point control word; passes arguments and results by the convention.
// Offsets are those of struct jit_entry; tests/unit/test_jit_x86_64.c asserts them.

    .set    ENTRY_CODE, 0
    .set    ENTRY_CONTEXT, 8
    .set    ENTRY_INTS, 16
    .set    ENTRY_FLOATS, 80
    .set    ENTRY_STACK, 208
    .set    ENTRY_STACK_CELLS, 216
    .set    ENTRY_SAVED_SP, 224
    .set    ENTRY_OUTCOME, 232

    .set    MXCSR_DEFAULT, 0x1f80       // round to nearest, no exceptions, denormals preserved

    .text

/*
 * uint64_t jit_enter(struct jit_entry *e)
 * in: rdi    out: rax    clobbers: as a C call does
 *
 * From rbp down: rbx, r12 to r15, e, the caller's MXCSR in 16 bytes; then the cells of the call.
 */
    .balign 16
    .globl  jit_enter
    .type   jit_enter, @function
jit_enter:
    .cfi_startproc
    endbr64
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    movq    %rsp, %rbp
    .cfi_def_cfa_register %rbp
    pushq   %rbx
    .cfi_offset %rbx, -24
    pushq   %r12
    .cfi_offset %r12, -32
    pushq   %r13
    .cfi_offset %r13, -40
    pushq   %r14
    .cfi_offset %r14, -48
    pushq   %r15
    .cfi_offset %r15, -56
    pushq   %rdi
    subq    $16, %rsp
    stmxcsr (%rsp)
    movl    $MXCSR_DEFAULT, 8(%rsp)
    ldmxcsr 8(%rsp)
    movq    %rsp, ENTRY_SAVED_SP(%rdi)

    // Push the cells, the last one first, so that rsp ends at the first.
    movq    ENTRY_STACK_CELLS(%rdi), %rcx
    movq    ENTRY_STACK(%rdi), %rsi
1:  testq   %rcx, %rcx
    jz      2f
    decq    %rcx
    pushq   (%rsi,%rcx,8)
    jmp     1b

2:  movq    ENTRY_CODE(%rdi), %r11
    movq    ENTRY_CONTEXT(%rdi), %r14
    movq    (%r14), %r15                // base of memory 0
    movups  ENTRY_FLOATS+0(%rdi), %xmm0
    movups  ENTRY_FLOATS+16(%rdi), %xmm1
    movups  ENTRY_FLOATS+32(%rdi), %xmm2
    movups  ENTRY_FLOATS+48(%rdi), %xmm3
    movups  ENTRY_FLOATS+64(%rdi), %xmm4
    movups  ENTRY_FLOATS+80(%rdi), %xmm5
    movups  ENTRY_FLOATS+96(%rdi), %xmm6
    movups  ENTRY_FLOATS+112(%rdi), %xmm7
    movq    ENTRY_INTS+8(%rdi), %rsi
    movq    ENTRY_INTS+16(%rdi), %rdx
    movq    ENTRY_INTS+24(%rdi), %rcx
    movq    ENTRY_INTS+32(%rdi), %rax
    movq    ENTRY_INTS+40(%rdi), %r8
    movq    ENTRY_INTS+48(%rdi), %r9
    movq    ENTRY_INTS+56(%rdi), %r10
    movq    ENTRY_INTS+0(%rdi), %rdi
    callq   *%r11

    movq    -48(%rbp), %rdi             // e
    movq    %rax, ENTRY_INTS+0(%rdi)
    movq    %rdx, ENTRY_INTS+8(%rdi)
    movq    %rcx, ENTRY_INTS+16(%rdi)
    movq    %rsi, ENTRY_INTS+24(%rdi)
    movups  %xmm0, ENTRY_FLOATS+0(%rdi)
    movups  %xmm1, ENTRY_FLOATS+16(%rdi)
    movups  %xmm2, ENTRY_FLOATS+32(%rdi)
    movups  %xmm3, ENTRY_FLOATS+48(%rdi)
    movq    ENTRY_STACK_CELLS(%rdi), %rcx
    movq    ENTRY_STACK(%rdi), %rsi
    movq    %rcx, %rdx
    negq    %rdx
    leaq    -64(%rbp,%rdx,8), %rsp      // the callee removed its arguments, the first cells
    xorl    %edx, %edx
3:  cmpq    %rcx, %rdx
    je      4f
    popq    (%rsi,%rdx,8)
    incq    %rdx
    jmp     3b
4:  xorl    %eax, %eax

    // rbp is this frame's, rax the outcome.
.Lgo_back:
    ldmxcsr -64(%rbp)
    leaq    -40(%rbp), %rsp
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbx
    popq    %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size   jit_enter, . - jit_enter

/*
 * _Noreturn void jit_leave(struct jit_entry *e, uint64_t outcome)
 * in: rdi, rsi
 */
    .balign 16
    .globl  jit_leave
    .type   jit_leave, @function
jit_leave:
    .cfi_startproc
    endbr64
    movq    %rsi, ENTRY_OUTCOME(%rdi)
    movq    %rsi, %rax
    movq    ENTRY_SAVED_SP(%rdi), %rsp
    leaq    64(%rsp), %rbp
    jmp     .Lgo_back
    .cfi_endproc
    .size   jit_leave, . - jit_leave

/*
 * _Noreturn void jit_land(uint64_t fp, uint64_t pc)
 * in: rdi, rsi. The landing sets rsp by rbp.
 */
    .balign 16
    .globl  jit_land
    .type   jit_land, @function
jit_land:
    .cfi_startproc
    endbr64
    movq    %rdi, %rbp
    jmpq    *%rsi
    .cfi_endproc
    .size   jit_land, . - jit_land

    .section .note.GNU-stack, "", @progbits
