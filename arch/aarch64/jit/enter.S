// SPDX-License-Identifier: MIT
//
// Between C and compiled code (kernel/jit/code.h). Compiled code preserves x19 to x26 and v8 to v15; C requires that
// x19 to x29 and the lower halves of v8 to v15 are preserved. The context and the base of memory 0 are set here, so
// all of C's registers are saved here. The thread owns floating-point registers: FPCR is 0 while compiled code runs.

    .arch_extension fp
    .arch_extension simd

/* As in arch/aarch64/asm.inc. */
#define BTI_C   hint #34
#define PACIASP hint #25
#define AUTIASP hint #29

/* struct jit_entry; machine.c compares these offsets. */
#define ENTRY_CODE        0
#define ENTRY_CONTEXT     8
#define ENTRY_INTS        16
#define ENTRY_FLOATS      80
#define ENTRY_STACK       208
#define ENTRY_STACK_CELLS 216
#define ENTRY_SAVED_SP    224
#define ENTRY_OUTCOME     232

#define FRAME_BYTES 192 /* x29, x30, x19 to x28, d8 to d15, entry, FPCR; a multiple of 16 */
#define FRAME_ENTRY 160
#define FRAME_FPCR  168

    .section .text.jit_enter, "ax", %progbits
    .balign 16

/*
 * uint64_t jit_enter(struct jit_entry *e)
 * in: x0    out: x0 = 0, or the outcome given to jit_leave()    clobbers: registers that AAPCS64 does not preserve
 */
    .globl jit_enter
    .type jit_enter, %function
jit_enter:
    .cfi_startproc
    PACIASP
    .cfi_negate_ra_state
    stp     x29, x30, [sp, #-FRAME_BYTES]!
    .cfi_def_cfa_offset FRAME_BYTES
    .cfi_offset x29, -FRAME_BYTES
    .cfi_offset x30, -FRAME_BYTES + 8
    mov     x29, sp
    .cfi_def_cfa x29, FRAME_BYTES       // the cells of the call are below
    stp     x19, x20, [sp, #16]
    .cfi_offset x19, -FRAME_BYTES + 16
    .cfi_offset x20, -FRAME_BYTES + 24
    stp     x21, x22, [sp, #32]
    .cfi_offset x21, -FRAME_BYTES + 32
    .cfi_offset x22, -FRAME_BYTES + 40
    stp     x23, x24, [sp, #48]
    .cfi_offset x23, -FRAME_BYTES + 48
    .cfi_offset x24, -FRAME_BYTES + 56
    stp     x25, x26, [sp, #64]
    .cfi_offset x25, -FRAME_BYTES + 64
    .cfi_offset x26, -FRAME_BYTES + 72
    stp     x27, x28, [sp, #80]
    .cfi_offset x27, -FRAME_BYTES + 80
    .cfi_offset x28, -FRAME_BYTES + 88
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    mrs     x9, fpcr
    stp     x0, x9, [sp, #FRAME_ENTRY]
    msr     fpcr, xzr
    mov     x9, sp
    str     x9, [x0, #ENTRY_SAVED_SP]

    // Arguments on the stack, and room for results: all cells are copied in both directions.
    ldp     x10, x11, [x0, #ENTRY_STACK]
    sub     sp, sp, x11, lsl #3
    mov     x12, sp
    cbz     x11, 2f
1:  ldp     x13, x14, [x10], #16
    stp     x13, x14, [x12], #16
    subs    x11, x11, #2
    b.hi    1b

2:  mov     x16, x0
    ldr     x28, [x16, #ENTRY_CONTEXT]
    ldr     x27, [x28]
    ldp     q0, q1, [x16, #ENTRY_FLOATS]
    ldp     q2, q3, [x16, #ENTRY_FLOATS + 32]
    ldp     q4, q5, [x16, #ENTRY_FLOATS + 64]
    ldp     q6, q7, [x16, #ENTRY_FLOATS + 96]
    ldr     x17, [x16, #ENTRY_CODE]
    ldp     x2, x3, [x16, #ENTRY_INTS + 16]
    ldp     x4, x5, [x16, #ENTRY_INTS + 32]
    ldp     x6, x7, [x16, #ENTRY_INTS + 48]
    ldp     x0, x1, [x16, #ENTRY_INTS]
    blr     x17

    // Store results where the arguments were.
    ldr     x16, [x29, #FRAME_ENTRY]
    stp     x0, x1, [x16, #ENTRY_INTS]
    stp     x2, x3, [x16, #ENTRY_INTS + 16]
    stp     q0, q1, [x16, #ENTRY_FLOATS]
    stp     q2, q3, [x16, #ENTRY_FLOATS + 32]
    ldp     x10, x11, [x16, #ENTRY_STACK]
    sub     x12, x29, x11, lsl #3
    mov     sp, x12                     // the callee removed its arguments, the first cells
    cbz     x11, 2f
1:  ldp     x13, x14, [x12], #16
    stp     x13, x14, [x10], #16
    subs    x11, x11, #2
    b.hi    1b
2:  mov     x0, #0
    mov     sp, x29

.Lreturn:
    // sp is jit_enter's frame again, x0 the result.
    .cfi_def_cfa sp, FRAME_BYTES
    ldr     x9, [sp, #FRAME_FPCR]
    msr     fpcr, x9
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     d8, d9, [sp, #96]
    ldp     d10, d11, [sp, #112]
    ldp     d12, d13, [sp, #128]
    ldp     d14, d15, [sp, #144]
    ldp     x29, x30, [sp], #FRAME_BYTES
    .irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    .cfi_restore x\r
    .endr
    .cfi_def_cfa_offset 0
    AUTIASP
    .cfi_negate_ra_state
    ret
    .cfi_endproc
    .size jit_enter, . - jit_enter

/*
 * void jit_leave(struct jit_entry *e, uint64_t outcome)
 * in: x0, x1, any stack pointer above the entry's    does not return: jit_enter(e) does, with x1
 */
    .globl jit_leave
    .type jit_leave, %function
jit_leave:
    BTI_C
    str     x1, [x0, #ENTRY_OUTCOME]
    ldr     x9, [x0, #ENTRY_SAVED_SP]
    mov     sp, x9
    mov     x0, x1
    b       .Lreturn
    .size jit_leave, . - jit_leave

/*
 * void jit_land(uint64_t fp, uint64_t pc)
 * in: x0, x1    does not return. The landing sets sp by x29, and begins with BTI j if BTI is in use.
 */
    .globl jit_land
    .type jit_land, %function
jit_land:
    BTI_C
    mov     x29, x0
    br      x1
    .size jit_land, . - jit_land
