// SPDX-License-Identifier: MIT
//
// Replaces runtime.gcWriteBarrier1 to 8 of a Go program: counts each call, and continues in the runtime's own code.
// The contract of Go's compiler (LoweredWB): the result is a pointer to the slots in r11, and no other general register
// changes. A replacement jumps to the original and does not call it, so that Go's unwinder never finds it on a stack.
// Each function has its own section: a jump within one would be too short to be led elsewhere.

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
    ud2
    end original_barrier

    .irp n, 1, 2, 3, 4, 5, 6, 7, 8
    function counted_barrier\n
    lock incq barrier_calls(%rip)
    mov $8 * \n, %r11d
    jmp original_barrier
    end counted_barrier\n
    .endr

// Mistakes that the test has to notice: the result is stale, and a register changes. They are made only when rdx has
// checkEntry's value, so that the program runs until then.
    function stale_barrier
    cmp $-0x5a5a1000 - 2, %rdx
    jne 1f
    ret
1:  jmp continued_barrier
    end stale_barrier

    function spoiling_barrier
    cmp $-0x5a5a1000 - 2, %rdx
    jne 1f
    xor %edx, %edx
1:  jmp continued_barrier
    end spoiling_barrier

    function continued_barrier  // becomes gcWriteBarrier of the runtime
    ud2
    end continued_barrier

// Go's ABI0: arguments and results are on the stack, from 8(%rsp) on.
    function read_barrier_calls
    mov barrier_calls(%rip), %rax
    mov %rax, 8(%rsp)
    ret
    end read_barrier_calls

// checkEntry of main.go: 8(%rsp) is n, the results are at 16(%rsp) and 24(%rsp).
    .macro fill register, n
    mov $-0x5a5a1000 - \n, %\register
    .endm
    .macro verify register, n
    mov $\n + 1, %r11d
    cmp $-0x5a5a1000 - \n, %\register
    jne 1f
    .endm
    .macro every what
    \what rax, 0
    \what rcx, 1
    \what rdx, 2
    \what rbx, 3
    \what rbp, 5
    \what rsi, 6
    \what rdi, 7
    \what r8, 8
    \what r9, 9
    \what r10, 10
    \what r12, 12
    \what r13, 13
    \what r15, 15
    .endm

    function check_entry
    push %rbp
    push %r14                   // Go's current goroutine: the runtime needs it
    mov 24(%rsp), %rax
    lea entries(%rip), %rcx
    push -8(%rcx, %rax, 8)
    every fill
    mov $0xdead, %r11d
    call *(%rsp)
    mov %r11, (%rsp)
    every verify
    mov $15, %r11d
    cmp %r14, 8(%rsp)
    jne 1f
    mov $12, %r11d
    cmpq $4096, (%rsp)          // a number of bytes, or the poison: no pointer
    jb 1f
    xor %r11d, %r11d
1:  pop %rdi
    pop %r14
    pop %rbp
    mov %r11, 16(%rsp)
    mov %rdi, 24(%rsp)
    test %r11d, %r11d
    jne 2f
    mov 8(%rsp), %rcx
    xor %eax, %eax
    rep stosq                   // a nil pointer in each slot
2:  ret
    end check_entry

    .section .data.rel.ro, "aw"
    .balign 8
entries:
    .quad counted_barrier1, counted_barrier2, counted_barrier3, counted_barrier4
    .quad counted_barrier5, counted_barrier6, counted_barrier7, counted_barrier8
    .local barrier_calls
    .comm barrier_calls, 8, 8
    .section .note.GNU-stack, "", %progbits
