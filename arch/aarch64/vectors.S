// SPDX-License-Identifier: MIT
//
// Exception vectors. Each saves all registers in a struct hal_frame on the interrupted stack, calls C code in trap.c,
// and then resumes from the frame. The same code is used before and after the MMU is on, so it is PC-relative.
//
// The top of a stack is the upper half of a 64 KiB block (hal/context.h), so bit 15 of an address inside is set.
// Before the first store, this bit is tested for the address STACK_ROOM below the stack pointer. A guard page may be
// there, and a fault here would lose the registers of the first exception. If the bit is clear, the stack may have
// grown below its top: the running thread's bounds tell. If there is no room, the CPU's overflow stack is used: then
// a fault is reported as a stack overflow, and an interrupt is handled as usual.
#include "arch/aarch64/asm.inc"
#include "hal_arch/sysreg.h"

/*
 * Call frame information for code that an exception entered, with a struct hal_frame at sp in which x0 to x3 are
 * stored; x1 is the interrupted stack pointer. "Signal frame" tells a debugger that the interrupted instruction is no
 * call. Before SAVE_REST no register holds the return address: ELR_EL1 has no number in DWARF.
 */
.macro EXCEPTION_FUNCTION name
        .type   \name, %function
        .balign 16
\name:
        .cfi_startproc simple
        .cfi_return_column DWARF_PC
        .cfi_signal_frame
        .cfi_def_cfa sp, FRAME_SIZE
        CFI_SAVED x0, x1, FRAME_X(0)
        CFI_SAVED x2, x3, FRAME_X(2)
        .cfi_register sp, x1
        .cfi_undefined DWARF_PC
.endm

.macro CFI_X30_SP_PC
        CFI_SAVED x30, sp, FRAME_X(30)
        .cfi_rel_offset DWARF_PC, FRAME_PC
.endm

/* Store x2 to x30 (x0 and x1 are stored already), the stack pointer from x1, and the return address. clobbers:
 * x1 to x4 */
.macro SAVE_REST
        SAVE_X4_TO_X29
        stp     x30, x1, [sp, #FRAME_X(30)]
        mrs     x2, elr_el1
        mrs     x3, spsr_el1
        stp     x2, x3, [sp, #FRAME_PC]
        CFI_X30_SP_PC
        stp     x29, x2, [sp, #FRAME_RECORD]
        add     x29, sp, #FRAME_RECORD
.endm

/* Computes with the stack pointer only, because no register is free yet. F is FRAME_SIZE, R is STACK_ROOM. */
.macro VECTOR number, handler
        .balign 0x80
        sub     sp, sp, #STACK_ROOM
        add     sp, sp, x0              // sp = old sp - R + x0
        sub     x0, sp, x0              // x0 = old sp - R
        tbz     x0, #STACK_BIT, 1f
        sub     x0, sp, x0              // original x0
        sub     sp, sp, x0              // sp = old sp - R
        add     sp, sp, #(STACK_ROOM - FRAME_SIZE)
        stp     x0, x1, [sp, #FRAME_X(0)]
        stp     x2, x3, [sp, #FRAME_X(2)]
        add     x1, sp, #FRAME_SIZE
        .ifc \handler, vector_bad
        mov     x0, #\number
        .endif
        b       \handler
1:      sub     x0, sp, x0              // original x0
        msr     tpidrro_el0, x0
        sub     x0, sp, x0
        mov     sp, x0                  // sp = old sp - R
        mrs     x0, tpidr_el1
        str     x1, [x0, #CPU_SCRATCH_X1]
        mov     x1, #\number
        b       vector_low
.endm

/*
 * An FIQ may come at any time: while the stack is switched, where it is full, on the overflow stack. So it has its
 * own stack, and cannot be nested. Before that stack exists, use the current stack pointer.
 */
.macro VECTOR_ON_FIQ_STACK
        .balign 0x80
        msr     tpidrro_el0, x0
        mrs     x0, tpidr_el1
        str     x1, [x0, #CPU_SCRATCH_X1]
        ldr     x1, [x0, #CPU_FIQ_STACK]
        cbnz    x1, 1f
        mov     x1, sp
1:      sub     x1, x1, #FRAME_SIZE
        stp     x2, x3, [x1, #FRAME_X(2)]
        ldr     x3, [x0, #CPU_SCRATCH_X1]
        mrs     x2, tpidrro_el0         // original x0
        stp     x2, x3, [x1, #FRAME_X(0)]
        mov     x2, x1
        mov     x1, sp
        mov     sp, x2
        b       vector_fiq
.endm

        .section .text.vectors, "ax"
        .balign 0x800
        .globl  vectors
        .type   vectors, %function
vectors:
        VECTOR  0, vector_bad           // EL1 on SP_EL0: never selected
        VECTOR  1, vector_bad
        VECTOR  2, vector_bad
        VECTOR  3, vector_bad
        VECTOR  VECTOR_SYNC, vector_sync
        VECTOR  VECTOR_IRQ, vector_irq
        VECTOR_ON_FIQ_STACK
        VECTOR  VECTOR_SERROR, vector_serror
        VECTOR  8, vector_bad           // EL0: nothing runs there
        VECTOR  9, vector_bad
        VECTOR  10, vector_bad
        VECTOR  11, vector_bad
        VECTOR  12, vector_bad
        VECTOR  13, vector_bad
        VECTOR  14, vector_bad
        VECTOR  15, vector_bad
        .balign 0x80
        .size   vectors, . - vectors

EXCEPTION_FUNCTION vector_sync
        SAVE_REST
        mov     x0, sp
        mrs     x1, esr_el1
        mrs     x2, far_el1
        bl      trap_sync
        b       vector_return
END vector_sync

EXCEPTION_FUNCTION vector_irq
        SAVE_REST
        msr     daifclr, #(PSTATE_F >> 6) // exceptions that cannot be masked may reach their handlers again
        mov     w0, wzr
        mov     x1, sp
        bl      upcall_irq
        b       vector_return
END vector_irq

EXCEPTION_FUNCTION vector_fiq
        SAVE_REST
        mov     x0, sp
        bl      trap_fiq
        b       vector_return
END vector_fiq

EXCEPTION_FUNCTION vector_serror
        SAVE_REST
        mov     x0, sp
        mrs     x1, esr_el1
        bl      trap_serror
        b       vector_return
END vector_serror

/* x0 = number of the vector */
EXCEPTION_FUNCTION vector_bad
        SAVE_REST
        mov     x1, x0
        mov     x0, sp
        mrs     x2, esr_el1
        bl      trap_bad
        b       vector_return
END vector_bad

/*
 * The stack pointer is not in the top of a stack, or has no room: if the running thread's stack has grown and the
 * stack pointer is well inside it, continue as VECTOR does.
 * in: x0 = struct hal_cpu, x1 = number of the vector, sp = old sp - STACK_ROOM;
 *     old x0 in TPIDRRO_EL0, old x1 in scratch_x1
 */
EXCEPTION_FUNCTION vector_low
        str     x1, [x0, #CPU_OVERFLOW_KIND]
        ldr     x1, [x0, #CPU_CURRENT]
        cbz     x1, vector_overflow     // no thread yet
        ldr     x0, [x1, #CONTEXT_STACK_LO]
        cmp     sp, x0
        b.lo    vector_overflow
        ldr     x0, [x1, #CONTEXT_STACK_HI]
        cmp     sp, x0
        b.hs    vector_overflow

        mrs     x0, tpidr_el1           // the state in which VECTOR leaves things
        ldr     x1, [x0, #CPU_SCRATCH_X1]
        mrs     x0, tpidrro_el0
        add     sp, sp, #(STACK_ROOM - FRAME_SIZE)
        stp     x0, x1, [sp, #FRAME_X(0)]
        stp     x2, x3, [sp, #FRAME_X(2)]
        mrs     x0, tpidr_el1
        ldr     x0, [x0, #CPU_OVERFLOW_KIND]
        add     x1, sp, #FRAME_SIZE
        cmp     x0, #VECTOR_IRQ
        b.eq    vector_irq
        cmp     x0, #VECTOR_SYNC
        b.eq    vector_sync
        cmp     x0, #VECTOR_SERROR
        b.eq    vector_serror
        b       vector_bad
END vector_low

/*
 * No room on the stack: continue on the CPU's overflow stack.
 * in: sp = old sp - STACK_ROOM; old x0 in TPIDRRO_EL0, old x1 in scratch_x1, the vector in overflow_kind
 */
EXCEPTION_FUNCTION vector_overflow
        mrs     x0, tpidr_el1
        add     x1, sp, #STACK_ROOM
        str     x1, [x0, #CPU_OVERFLOW_SP]
        ldr     x1, [x0, #CPU_OVERFLOW_STACK]
        sub     sp, x1, #FRAME_SIZE
        ldr     x1, [x0, #CPU_SCRATCH_X1]
        mrs     x0, tpidrro_el0
        stp     x0, x1, [sp, #FRAME_X(0)]
        stp     x2, x3, [sp, #FRAME_X(2)]
        mrs     x2, tpidr_el1
        ldr     x1, [x2, #CPU_OVERFLOW_SP]
        SAVE_REST
        mov     x0, sp
        mrs     x1, esr_el1
        mrs     x2, far_el1
        bl      trap_overflow
        b       vector_return
END vector_overflow

/*
 * Resume the frame at sp. Its stack pointer may be another one, with nothing mapped below it: x1 passes through
 * TPIDRRO_EL0, which is free while exceptions are masked.
 */
        .globl  vector_return
EXCEPTION_FUNCTION vector_return
        CFI_X4_TO_X29
        CFI_X30_SP_PC
        msr     daifset, #0xf           // no exception may come between setting ELR and eret
        ldp     x2, x3, [sp, #FRAME_PC]
        msr     elr_el1, x2
        msr     spsr_el1, x3
        ldp     x0, x1, [sp, #FRAME_X(0)]
        msr     tpidrro_el0, x1
        ldp     x2, x3, [sp, #FRAME_X(2)]
        ldp     x4, x5, [sp, #FRAME_X(4)]
        ldp     x6, x7, [sp, #FRAME_X(6)]
        ldp     x8, x9, [sp, #FRAME_X(8)]
        ldp     x10, x11, [sp, #FRAME_X(10)]
        ldp     x12, x13, [sp, #FRAME_X(12)]
        ldp     x14, x15, [sp, #FRAME_X(14)]
        ldp     x16, x17, [sp, #FRAME_X(16)]
        ldp     x18, x19, [sp, #FRAME_X(18)]
        ldp     x20, x21, [sp, #FRAME_X(20)]
        ldp     x22, x23, [sp, #FRAME_X(22)]
        ldp     x24, x25, [sp, #FRAME_X(24)]
        ldp     x26, x27, [sp, #FRAME_X(26)]
        ldp     x28, x29, [sp, #FRAME_X(28)]
        ldp     x30, x1, [sp, #FRAME_X(30)]
        mov     sp, x1
        .cfi_def_cfa sp, 0
        .cfi_undefined DWARF_PC         // in ELR_EL1 again
        mrs     x1, tpidrro_el0
        eret
END vector_return

/* void trap_breakpoint(void): the breakpoint of the self-test; trap.c knows its address. */
FUNCTION trap_breakpoint
        .globl  trap_breakpoint_insn
trap_breakpoint_insn:
        brk     #BRK_SELFTEST
        ret
END trap_breakpoint

/*
 * EL2 has vectors only to report errors: before the switch to EL1, and after it if EL1 does something that traps to
 * EL2. Its MMU is off, whatever EL1 does.
 */
.macro VECTOR_EL2 number, handler=el2_report
        .balign 0x80
        mov     x0, #\number
        b       \handler
.endm

        .balign 0x800
        .globl  vectors_el2
        .type   vectors_el2, %function
vectors_el2:
        VECTOR_EL2 0
        VECTOR_EL2 1
        VECTOR_EL2 2
        VECTOR_EL2 3
        VECTOR_EL2 4, el2_sync
        VECTOR_EL2 5
        VECTOR_EL2 6
        VECTOR_EL2 7
        VECTOR_EL2 8
        VECTOR_EL2 9
        VECTOR_EL2 10
        VECTOR_EL2 11
        VECTOR_EL2 12
        VECTOR_EL2 13
        VECTOR_EL2 14
        VECTOR_EL2 15
        .balign 0x80
        .size   vectors_el2, . - vectors_el2

/* Skip the self-test's breakpoint and set x12; report anything else. */
LOCAL_FUNCTION el2_sync
        mrs     x9, esr_el2
        CONSTANT x10, (ESR_EC_BRK << ESR_EC_SHIFT) | (1 << 25) | BRK_SELFTEST
        cmp     x9, x10
        b.ne    el2_report
        mrs     x11, elr_el2
        add     x11, x11, #4
        msr     elr_el2, x11
        mov     x12, #1
        eret
END el2_sync

/* x0 = number of the vector */
LOCAL_FUNCTION el2_report
        mrs     x1, esr_el2
        mrs     x2, elr_el2
        mrs     x3, far_el2
        mov     x29, xzr
        CFI_OUTERMOST
        bl      early_el2_report
1:      wfi
        b       1b
END el2_report
