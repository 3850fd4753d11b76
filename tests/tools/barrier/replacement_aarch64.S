// SPDX-License-Identifier: MIT
//
// Replaces runtime.gcWriteBarrier1 to 8 of a Go program: counts each call, and continues in the runtime's own code.
// The contract of Go's compiler (LoweredWB): the result is a pointer to the slots in x25, and no other general register
// changes, except x16, x17, x27 and x30. A replacement jumps to the original and does not call it, so that Go's unwinder
// never finds it on a stack.

    .macro function name
    .section .text.\name, "ax", %progbits
    .globl \name
    .type \name, %function
\name:
    .endm
    .macro end name
    .size \name, . - \name
    .endm

    function original_barrier   // becomes gcWriteBarrier of the runtime
    brk #1
    end original_barrier

    .irp n, 1, 2, 3, 4, 5, 6, 7, 8
    function counted_barrier\n
    adrp x16, barrier_calls
    add x16, x16, :lo12:barrier_calls
1:  ldxr x17, [x16]
    add x17, x17, #1
    stxr w27, x17, [x16]
    cbnz w27, 1b
    mov x25, #8 * \n
    b original_barrier
    end counted_barrier\n
    .endr

// Mistakes that the test has to notice: the result is stale, and a register changes. They are made only when x2 has
// checkEntry's value, so that the program runs until then.
    function stale_barrier
    movn x16, #0x1000 + 2
    cmp x2, x16
    b.ne 1f
    ret
1:  b continued_barrier
    end stale_barrier

    function spoiling_barrier
    movn x16, #0x1000 + 2
    cmp x2, x16
    csel x2, xzr, x2, eq
    b continued_barrier
    end spoiling_barrier

    function continued_barrier  // becomes gcWriteBarrier of the runtime
    brk #1
    end continued_barrier

// Go's ABI0: arguments and results are on the stack, from 8(sp) on.
    function read_barrier_calls
    adrp x0, barrier_calls
    ldr x0, [x0, :lo12:barrier_calls]
    str x0, [sp, #8]
    ret
    end read_barrier_calls

// checkEntry of main.go: 8(sp) is n, the results are at 16(sp) and 24(sp).
    .macro fill n
    movn x\n, #0x1000 + \n
    .endm
    .macro verify n
    mov x17, #\n + 1
    movn x16, #0x1000 + \n
    cmp x\n, x16
    b.ne 1f
    .endm
    .macro every what
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23, 24, 26, 29
    \what \n
    .endr
    .endm

    function check_entry
    ldr x0, [sp, #8]
    adrp x1, entries
    add x1, x1, :lo12:entries
    add x1, x1, x0, lsl #3
    ldur x16, [x1, #-8]
    sub sp, sp, #32
    stp x29, x30, [sp]
    stp x28, x18, [sp, #16]     // Go's current goroutine, which the runtime needs, and the platform's register
    every fill
    movn x25, #0xdead
    blr x16
    every verify
    ldp x16, x30, [sp, #16]
    mov x17, #28 + 1
    cmp x16, x28
    b.ne 1f
    mov x17, #18 + 1
    cmp x30, x18
    b.ne 1f
    mov x17, #25 + 1
    cmp x25, #1, lsl #12        // a number of bytes: no pointer
    b.lo 1f
    mov x17, #0
1:  ldp x29, x30, [sp]
    ldp x28, x18, [sp, #16]
    add sp, sp, #32
    stp x17, x25, [sp, #16]
    cbnz x17, 3f
    ldr x0, [sp, #8]
2:  str xzr, [x25], #8          // a nil pointer in each slot
    subs x0, x0, #1
    b.ne 2b
3:  ret
    end check_entry

    .section .data.rel.ro, "aw"
    .balign 8
entries:
    .quad counted_barrier1, counted_barrier2, counted_barrier3, counted_barrier4
    .quad counted_barrier5, counted_barrier6, counted_barrier7, counted_barrier8
    .local barrier_calls
    .comm barrier_calls, 8, 8
    .section .note.GNU-stack, "", %progbits
