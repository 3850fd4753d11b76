// SPDX-License-Identifier: MIT
//
// The 256 vectors of 64-bit mode, the table that leads to them, and the return path. trap.c knows the meaning of a
// vector.
//
// Every gate switches to a stack of the interrupt stack table (hal_arch/percpu.h), so the CPU never pushes onto a
// stack that may be full. If the interrupted stack has room, the code here copies the pushed words to that stack and
// continues there: then the handler may sleep and nest, and its return switches threads as usual. Without room a
// fault stays on the interrupt stack and is reported as a stack overflow; an interrupt is handled on the interrupt
// stack with preemption disabled. There is no user mode, so GS is never swapped.

#include "arch/x86_64/asm.inc"
#include "hal_arch/layout.h"
#include "hal_arch/offsets.h"

// Stacks of the gates: enum ist.
#define IST_FAULT   1
#define IST_IRQ     2
#define IST_DOUBLE  3
#define IST_NMI     4
#define IST_MACHINE 5

/*
 * Call frame information for code that an exception entered: the CPU's five words end at the frame's address, and
 * `below` more bytes have been pushed. "Signal frame" tells a debugger that the interrupted instruction is no call.
 */
        .macro  CFI_EXCEPTION below
        .cfi_startproc simple
        .cfi_signal_frame
        .cfi_def_cfa %rsp, 40 + \below
        .cfi_offset DWARF_RIP, -40
        .cfi_offset DWARF_RFLAGS, -24
        .cfi_offset %rsp, -16
        .endm

// The same when vector, error code, rax and rcx have been pushed.
        .macro  CFI_EXCEPTION_SCRATCH
        CFI_EXCEPTION 32
        .cfi_rel_offset %rax, 8
        .cfi_rel_offset %rcx, 0
        .endm

// Push the frame record: then struct hal_frame is complete.
        .macro  PUSH_RECORD
        pushq   FRAME_RIP - 16(%rsp)
        .cfi_adjust_cfa_offset 8
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        movq    %rsp, %rbp
        .endm

/*
 * From the interrupt stack, which has vector, error code and the CPU's five words, to the interrupted stack. Branches
 * to `stay`, with rax and rcx pushed, if that is not the running thread's stack or has too little room. The frame is
 * aligned to 16 bytes, as the CPU would do it.
 */
        .macro  ENTER stay
        cld
        PUSH    %rax
        PUSH    %rcx
        movq    56(%rsp), %rax          // interrupted rsp
        leaq    -STACK_ROOM(%rax), %rcx
        andq    $-STACK_SIZE, %rcx
        cmpq    %gs:CPU_STACK_BASE, %rcx
        jne     \stay
        movq    %rsp, %rcx
        .cfi_def_cfa_register %rcx
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
        .cfi_def_cfa_register %rsp      // the same distance below the CPU's words as before
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
        CFI_EXCEPTION 0
        pushq   $0                      // where other exceptions have an error code
        .cfi_adjust_cfa_offset 8
        .else
        CFI_EXCEPTION 8
        .endif
        pushq   $vector
        .cfi_adjust_cfa_offset 8
        .if     vector == 2 || vector == 8 || vector == 18
        jmp     trap_stay
        .elseif vector < 32
        jmp     trap_enter
        .else
        jmp     irq_enter
        .endif
        .cfi_endproc
        .set    vector, vector + 1
        .endr
        .size   vectors, . - vectors

        .text
        .type   trap_enter, @function
trap_enter:
        CFI_EXCEPTION 16
        ENTER   trap_no_room
trap_here:
        PUSH_RECORD
        movq    %rsp, %rdi
        call    trap_handle             // (struct hal_frame *)
/* in: rsp = struct hal_frame. The frame defines where to continue, on which stack, with which registers. */
trap_return:
        addq    $16, %rsp
        .cfi_adjust_cfa_offset -16
        POP     %r15
        POP     %r14
        POP     %r13
        POP     %r12
        POP     %r11
        POP     %r10
        POP     %r9
        POP     %r8
        POP     %rdi
        POP     %rsi
        POP     %rbp
        POP     %rbx
        POP     %rdx
        POP     %rcx
        POP     %rax
        addq    $16, %rsp               // vector, error
        .cfi_adjust_cfa_offset -16
        iretq
        .cfi_endproc
        .size   trap_enter, . - trap_enter

// Double fault, NMI, machine check: handled on the stack where they arrived.
        .type   trap_stay, @function
trap_stay:
        CFI_EXCEPTION 16
        cld
        PUSH    %rax
        PUSH    %rcx
        PUSH_REST
        jmp     trap_here
        .cfi_endproc
        .size   trap_stay, . - trap_stay

// Not the running thread's stack, or almost full: C code decides on which of the two stacks to continue.
        .type   trap_no_room, @function
trap_no_room:
        CFI_EXCEPTION_SCRATCH
        PUSH_REST
        PUSH_RECORD
        movq    %rsp, %rdi
        call    trap_choose_stack       // struct hal_frame *(struct hal_frame *)
        movq    %rax, %rsp
        movq    %rax, %rbp
        movq    %rax, %rdi
        call    trap_handle
        jmp     trap_return
        .cfi_endproc
        .size   trap_no_room, . - trap_no_room

        .type   irq_enter, @function
irq_enter:
        CFI_EXCEPTION 16
        ENTER   irq_no_room
        PUSH_RECORD
irq_here:
        movl    FRAME_VECTOR(%rsp), %edi
        movq    %rsp, %rsi
        call    upcall_irq              // (unsigned vector, struct hal_frame *)
        jmp     trap_return
        .cfi_endproc
        .size   irq_enter, . - irq_enter

        .type   irq_no_room, @function
irq_no_room:
        CFI_EXCEPTION_SCRATCH
        PUSH_REST
        PUSH_RECORD
        movq    %rsp, %rdi
        call    trap_choose_stack
        movq    %rax, %rbp
        cmpq    %rax, %rsp
        movq    %rax, %rsp
        jne     irq_here
        incl    %gs:CPU_PREEMPT_OFF     // switching threads here would let the next interrupt overwrite this frame
        movl    FRAME_VECTOR(%rsp), %edi
        movq    %rsp, %rsi
        call    upcall_irq
        decl    %gs:CPU_PREEMPT_OFF
        jmp     trap_return
        .cfi_endproc
        .size   irq_no_room, . - irq_no_room

// A breakpoint whose address trap.c knows: hal_trap_selftest().
        .globl  trap_breakpoint
        .type   trap_breakpoint, @function
trap_breakpoint:
        .cfi_startproc
        int3
        ret
        .cfi_endproc
        .size   trap_breakpoint, . - trap_breakpoint

// uintptr_t hal_frame_here(void): the caller's frame pointer
        .globl  hal_frame_here
        .type   hal_frame_here, @function
hal_frame_here:
        .cfi_startproc
        movq    %rbp, %rax
        ret
        .cfi_endproc
        .size   hal_frame_here, . - hal_frame_here

/*
 * The gates. kernel.lds asserts that .text starts at HAL_IMAGE_BASE + HAL_TEXT_PHYS, so the pieces of each stub's
 * address are known at link time, and the table is read-only data. The middle piece comes from the linker
 * (gate_text_middle): it is the one that changes when the image moves, by multiples of 64 KiB.
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
        .word   gate_text_middle
        .long   (HAL_IMAGE_BASE + HAL_TEXT_PHYS + 16 * vector) >> 32
        .long   0
        .set    vector, vector + 1
        .endr
        .size   idt, . - idt
