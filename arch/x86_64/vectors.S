// SPDX-License-Identifier: MIT
//
// The 256 vectors of 64-bit mode, the table that leads to them, and the way back. What a vector means is
// trap.c's business.
//
// Every gate switches to a stack of the interrupt stack table (hal_arch/percpu.h), so the CPU never pushes
// onto a stack that may be full. The code here then copies what was pushed to the interrupted stack and goes
// on there, if that has room: the handler may sleep and nest, and its return switches threads like any
// other. Without room a fault stays where it is and is reported as a stack overflow; an interrupt is handled
// where it is, with preemption off. There is no user mode, so nothing is swapped.

#include "arch/x86_64/asm.inc"
#include "hal_arch/layout.h"
#include "hal_arch/offsets.h"

// Stacks of the gates: enum ist.
#define IST_FAULT   1
#define IST_IRQ     2
#define IST_DOUBLE  3
#define IST_NMI     4
#define IST_MACHINE 5

// The frame record on top: struct hal_frame is complete.
        .macro  PUSH_RECORD
        pushq   FRAME_RIP - 16(%rsp)
        pushq   %rbp
        movq    %rsp, %rbp
        .endm

/*
 * From the interrupt stack, where vector, error code and the CPU's five words lie, to the interrupted one;
 * to `stay` with rax and rcx pushed if that is not the running thread's stack or has too little room.
 * The frame is 16-byte aligned, as the CPU would have made it.
 */
        .macro  ENTER stay
        cld
        pushq   %rax
        pushq   %rcx
        movq    56(%rsp), %rax          // interrupted rsp
        leaq    -STACK_ROOM(%rax), %rcx
        andq    $-STACK_SIZE, %rcx
        cmpq    %gs:CPU_STACK_BASE, %rcx
        jne     \stay
        movq    %rsp, %rcx
        andq    $-16, %rax
        movq    %rax, %rsp
        pushq   64(%rcx)                // ss
        pushq   56(%rcx)                // rsp
        pushq   48(%rcx)                // rflags
        pushq   40(%rcx)                // cs
        pushq   32(%rcx)                // rip
        pushq   24(%rcx)                // error
        pushq   16(%rcx)                // vector
        pushq   8(%rcx)                 // rax
        pushq   (%rcx)                  // rcx
        PUSH_REST
        .endm

        .section .text.vectors, "ax"
        .balign 4096
        .globl  vectors
        .type   vectors, @function
vectors:
        .set    vector, 0
        .rept   256
        .balign 16
        .if     !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
        pushq   $0                      // where others have an error code
        .endif
        pushq   $vector
        .if     vector == 2 || vector == 8 || vector == 18
        jmp     trap_stay
        .elseif vector < 32
        jmp     trap_enter
        .else
        jmp     irq_enter
        .endif
        .set    vector, vector + 1
        .endr
        .size   vectors, . - vectors

        .text
        .type   trap_enter, @function
trap_enter:
        ENTER   trap_no_room
trap_here:
        PUSH_RECORD
        movq    %rsp, %rdi
        call    trap_handle             // (struct hal_frame *)
/* in: rsp = struct hal_frame. The frame says where to go on, on which stack, with which registers. */
trap_return:
        addq    $16, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rbp
        popq    %rbx
        popq    %rdx
        popq    %rcx
        popq    %rax
        addq    $16, %rsp               // vector, error
        iretq
        .size   trap_enter, . - trap_enter

// Double fault, NMI, machine check: handled where they are.
        .type   trap_stay, @function
trap_stay:
        cld
        pushq   %rax
        pushq   %rcx
        PUSH_REST
        jmp     trap_here
        .size   trap_stay, . - trap_stay

// Not the running thread's stack, or nearly full: C decides where to go on, here or there.
        .type   trap_no_room, @function
trap_no_room:
        PUSH_REST
        PUSH_RECORD
        movq    %rsp, %rdi
        call    trap_choose_stack       // struct hal_frame *(struct hal_frame *)
        movq    %rax, %rsp
        movq    %rax, %rbp
        movq    %rax, %rdi
        call    trap_handle
        jmp     trap_return
        .size   trap_no_room, . - trap_no_room

        .type   irq_enter, @function
irq_enter:
        ENTER   irq_no_room
        PUSH_RECORD
irq_here:
        movl    FRAME_VECTOR(%rsp), %edi
        movq    %rsp, %rsi
        call    upcall_irq              // (unsigned vector, struct hal_frame *)
        jmp     trap_return
        .size   irq_enter, . - irq_enter

        .type   irq_no_room, @function
irq_no_room:
        PUSH_REST
        PUSH_RECORD
        movq    %rsp, %rdi
        call    trap_choose_stack
        movq    %rax, %rbp
        cmpq    %rax, %rsp
        movq    %rax, %rsp
        jne     irq_here
        incl    %gs:CPU_PREEMPT_OFF     // a switch here would let the next interrupt overwrite this frame
        movl    FRAME_VECTOR(%rsp), %edi
        movq    %rsp, %rsi
        call    upcall_irq
        decl    %gs:CPU_PREEMPT_OFF
        jmp     trap_return
        .size   irq_no_room, . - irq_no_room

// A breakpoint that trap.c knows: hal_trap_selftest().
        .globl  trap_breakpoint
        .type   trap_breakpoint, @function
trap_breakpoint:
        int3
        ret
        .size   trap_breakpoint, . - trap_breakpoint

// uintptr_t hal_frame_here(void): the caller's frame pointer
        .globl  hal_frame_here
        .type   hal_frame_here, @function
hal_frame_here:
        movq    %rbp, %rax
        ret
        .size   hal_frame_here, . - hal_frame_here

/*
 * The gates. .text starts at HAL_IMAGE_BASE + HAL_TEXT_PHYS, which kernel.lds asserts, so the pieces of each
 * stub's address are numbers that the assembler knows, and the table is read-only data.
 */
        .section .rodata.idt, "a"
        .balign 16
        .globl  idt
        .type   idt, @object
idt:
        .set    vector, 0
        .rept   256
        .word   (HAL_TEXT_PHYS + 16 * vector) & 0xffff
        .word   SEL_CODE
        .if     vector == 8
        .byte   IST_DOUBLE
        .elseif vector == 2
        .byte   IST_NMI
        .elseif vector == 18
        .byte   IST_MACHINE
        .elseif vector < 32
        .byte   IST_FAULT
        .else
        .byte   IST_IRQ
        .endif
        .byte   0x8e                    // present, interrupt gate: interrupts stay masked
        .word   ((HAL_IMAGE_BASE + HAL_TEXT_PHYS + 16 * vector) >> 16) & 0xffff
        .long   (HAL_IMAGE_BASE + HAL_TEXT_PHYS + 16 * vector) >> 32
        .long   0
        .set    vector, vector + 1
        .endr
        .size   idt, . - idt
