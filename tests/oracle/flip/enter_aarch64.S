// SPDX-License-Identifier: MIT
//
// Enters compiled code with secrets in every register that it must not read: see flip.h.

    .text
    .balign 16

/*
 * uint64_t flip_enter(struct jit_entry *e, uint64_t secret, uint64_t *changed)
 * in: x0, x1, x2    out: x0    clobbers: as a C call does
 */
    .globl  flip_enter
    .type   flip_enter, %function
flip_enter:
    stp     x29, x30, [sp, #-112]!
    mov     x29, sp
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    stp     x1, x2, [sp, #96]

    .irp r, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
    mov     x\r, x1
    .endr
    mov     x2, x1
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    movi    v\n\().2d, #0               // C leaves addresses there; the kernel does not
    .endr
    bl      __real_jit_enter

    // What survived.
    ldp     x1, x2, [x29, #96]
    mov     x3, #0
    .irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
    eor     x4, x\r, x1
    orr     x3, x3, x4
    .endr
    str     x3, [x2]
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #112
    ret
    .size   flip_enter, . - flip_enter

    .section .note.GNU-stack, "", %progbits
