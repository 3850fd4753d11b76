// SPDX-License-Identifier: MIT
//
// Functions that compilers call on their own, for loaded programs. They are between the two labels, so that a fault
// in them counts as the program's (kernel/jit/backend.h). General registers only, because a program need not own the
// others.

/* As in arch/aarch64/asm.inc. Programs may also call these functions through pointers. */
#define BTI_C   hint #34
#define PACIASP hint #25
#define AUTIASP hint #29

    .section .text.jit_runtime, "ax", %progbits
    .balign 16
    .globl jit_runtime_start
jit_runtime_start:

/*
 * void *jit_runtime_memcpy(void *dst, const void *src, size_t n)
 * void *jit_runtime_memmove(void *dst, const void *src, size_t n)
 * in: x0, x1, x2    out: x0 = dst    clobbers: x1-x11
 */
    .globl jit_runtime_memcpy
    .type jit_runtime_memcpy, %function
    .globl jit_runtime_memmove
    .type jit_runtime_memmove, %function
jit_runtime_memcpy:
jit_runtime_memmove:
    BTI_C
    .cfi_startproc
    add     x4, x1, x2              // end of the source
    add     x5, x0, x2              // end of the destination
    cmp     x2, #16
    b.lo    .Lcopy_small
    cmp     x2, #32
    b.ls    .Lcopy_to_32
    sub     x3, x0, x1
    cmp     x3, x2                  // dst - src below n, unsigned: dst is inside src
    b.lo    .Lcopy_backward

    // Read the last 16 bytes before anything is written over them.
    ldp     x8, x9, [x4, #-16]
    sub     x5, x5, #16             // their destination
    mov     x3, x0
1:  ldp     x6, x7, [x1], #16
    stp     x6, x7, [x3], #16
    cmp     x3, x5
    b.lo    1b
    stp     x8, x9, [x5]
    ret

.Lcopy_backward:
    // From the end. Read the first 16 bytes before anything is written over them.
    ldp     x8, x9, [x1]
    add     x3, x0, #16
1:  ldp     x6, x7, [x4, #-16]!
    stp     x6, x7, [x5, #-16]!
    cmp     x5, x3
    b.hi    1b
    stp     x8, x9, [x0]
    ret

.Lcopy_to_32:                       // 16 to 32: two halves that may overlap, all read first
    ldp     x6, x7, [x1]
    ldp     x8, x9, [x4, #-16]
    stp     x6, x7, [x0]
    stp     x8, x9, [x5, #-16]
    ret

.Lcopy_small:
    tbz     x2, #3, 1f
    ldr     x6, [x1]                // 8 to 15
    ldr     x7, [x4, #-8]
    str     x6, [x0]
    str     x7, [x5, #-8]
    ret
1:  tbz     x2, #2, 2f
    ldr     w6, [x1]                // 4 to 7
    ldr     w7, [x4, #-4]
    str     w6, [x0]
    str     w7, [x5, #-4]
    ret
2:  cbz     x2, 3f
    lsr     x3, x2, #1              // 1 to 3: first, middle and last cover it
    ldrb    w6, [x1]
    ldrb    w7, [x1, x3]
    ldrb    w8, [x4, #-1]
    strb    w6, [x0]
    strb    w7, [x0, x3]
    strb    w8, [x5, #-1]
3:  ret
    .cfi_endproc
    .size jit_runtime_memcpy, . - jit_runtime_memcpy
    .size jit_runtime_memmove, . - jit_runtime_memmove

/*
 * void *jit_runtime_memset(void *dst, int byte, size_t n)
 * in: x0, w1, x2    out: x0 = dst    clobbers: x1-x5
 */
    .balign 16
    .globl jit_runtime_memset
    .type jit_runtime_memset, %function
jit_runtime_memset:
    BTI_C
    .cfi_startproc
    mov     x4, #0x0101010101010101
    and     x1, x1, #0xff
    mul     x1, x1, x4              // the byte, eight times
    mov     x3, x0
    subs    x2, x2, #8
    b.lo    2f
    add     x5, x0, x2              // the last 8 bytes, which may overlap
    str     x1, [x5]
1:  str     x1, [x3], #8
    cmp     x3, x5
    b.lo    1b
    ret
2:  adds    x2, x2, #8              // 0 to 7 bytes remain
    b.eq    4f
3:  strb    w1, [x3], #1
    subs    x2, x2, #1
    b.ne    3b
4:  ret
    .cfi_endproc
    .size jit_runtime_memset, . - jit_runtime_memset

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
2:  adds    x2, x2, #8              // 0 to 7 bytes remain
    b.eq    5f
3:  ldrb    w3, [x0], #1
    ldrb    w4, [x1], #1
    subs    w5, w3, w4
    b.ne    6f
    subs    x2, x2, #1
    b.ne    3b
5:  mov     w0, #0
    ret
4:  rev     x3, x3                  // the first byte that differs decides: move it to the highest position
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
