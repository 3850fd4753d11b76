// SPDX-License-Identifier: MIT
//
// What compilers call by themselves, for loaded programs: between the two labels, so that a fault in here
// counts as the program's (kernel/jit/backend.h). General registers only: a program need not own others.

#include "arch/aarch64/copies.inc"

    .section .text.jit_runtime, "ax", %progbits
    .balign 16
    .globl jit_runtime_start
jit_runtime_start:

    COPIES jit_runtime_, mmu_may_be_off=0

/*
 * int jit_runtime_memcmp(const void *a, const void *b, size_t n)
 * in: x0, x1, x2    out: w0 < 0, 0, > 0    clobbers: x1-x5
 */
    .balign 16
    .globl jit_runtime_memcmp
    .type jit_runtime_memcmp, %function
jit_runtime_memcmp:
    BTI_C
    .cfi_startproc
    subs    x2, x2, #8
    b.lo    2f
1:  ldr     x3, [x0], #8
    ldr     x4, [x1], #8
    cmp     x3, x4
    b.ne    4f
    subs    x2, x2, #8
    b.hs    1b
2:  adds    x2, x2, #8              // 0 to 7 are left
    b.eq    5f
3:  ldrb    w3, [x0], #1
    ldrb    w4, [x1], #1
    subs    w5, w3, w4
    b.ne    6f
    subs    x2, x2, #1
    b.ne    3b
5:  mov     w0, #0
    ret
4:  rev     x3, x3                  // the first byte that differs decides: it becomes the highest
    rev     x4, x4
    cmp     x3, x4
    mov     w0, #1
    cneg    w0, w0, lo
    ret
6:  mov     w0, w5
    ret
    .cfi_endproc
    .size jit_runtime_memcmp, . - jit_runtime_memcmp

/*
 * int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b)
 * in: x0, x1, x2    out: w0 as fn returned it    clobbers: as a call does
 */
    .balign 16
    .globl jit_runtime_call
    .type jit_runtime_call, %function
jit_runtime_call:
    .cfi_startproc
    PACIASP
    .cfi_negate_ra_state
    stp     x29, x30, [sp, #-16]!
    .cfi_def_cfa sp, 16
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    mov     x29, sp
    mov     x3, x0
    mov     x0, x1
    mov     x1, x2
    blr     x3
    ldp     x29, x30, [sp], #16
    .cfi_def_cfa sp, 0
    .cfi_same_value x29
    .cfi_same_value x30
    AUTIASP
    .cfi_negate_ra_state
    ret
    .cfi_endproc
    .size jit_runtime_call, . - jit_runtime_call

    .globl jit_runtime_end
jit_runtime_end:
