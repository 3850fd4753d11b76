// SPDX-License-Identifier: MIT
//
// Faults as the portable kernel sees them. The machine's vectors save registers, decode the cause,
// fill a struct fault and call upcall_fault() (hal/upcall.h); kernel/fault/fault.c finds the owner
// of the fault.
#pragma once

#include "hal/types.h"

/* the saved registers: hal_arch/frame.h; changed only through the functions below */
struct hal_frame;

enum fault_cause {
    FAULT_PAGE, /**< translation or permission; see `address` and `access` */
    /** the code touched the guard of its stack, or too little of the stack is left for a handler;
     * see `reported` for the original cause */
    FAULT_STACK_OVERFLOW,
    FAULT_ILLEGAL,    /**< undefined instruction */
    FAULT_BREAKPOINT, /**< int3, brk */
    FAULT_DIVIDE,     /**< integer division by zero or overflow */
    FAULT_ALIGNMENT,
    FAULT_FLOAT,      /**< a floating-point exception that was unmasked */
    FAULT_PROTECTION, /**< general protection, system register trap */
    FAULT_BUS,        /**< external abort, machine check: the address has no working device */
    FAULT_DOUBLE,
    FAULT_NMI,
    FAULT_OTHER,
};

enum fault_access { FAULT_NONE, FAULT_READ, FAULT_WRITE, FAULT_EXEC };

struct fault {
    enum fault_cause cause;
    /* For a stack overflow only: the cause that the hardware reported. FAULT_STACK_OVERFLOW: none,
     * the code was interrupted at an instruction that did not fault. */
    enum fault_cause reported;
    enum fault_access access;
    bool mapped;      /* FAULT_PAGE: a mapping exists and forbids the access */
    bool has_address; /* the hardware reported `address` */
    /* interrupted code ran with interrupts enabled, and this runs on its own stack */
    bool may_sleep;
    uintptr_t address; /* the access that failed */
    uintptr_t pc;      /* instruction that caused it (or, for breakpoints, the breakpoint itself) */
    uint64_t code;     /* error code or ESR, as the hardware reported it */
    uint64_t vector;   /* vector number, or exception class */
    /* saved registers; execution resumes with its contents after the handler */
    struct hal_frame *frame;
};

/** @brief Program counter, stack pointer, frame pointer of the interrupted code. @context{any} */
uintptr_t hal_frame_pc(const struct hal_frame *frame);
uintptr_t hal_frame_sp(const struct hal_frame *frame);
uintptr_t hal_frame_fp(const struct hal_frame *frame);

/**
 * @brief The caller of the interrupted code, if the first instruction of a function was
 * interrupted: after a jump to an address without code, the only trace of the jump's origin.
 * @return A return address, to be trusted only if it is in code that has an owner; 0 if there is
 * none.
 * @context{fault handler}
 */
uintptr_t hal_frame_caller(const struct hal_frame *frame);

/**
 * @brief The register in which a call leaves its return address. A function that makes no calls
 * keeps it there, and is in no call chain.
 * @return 0: this machine has no such register. Otherwise it may also belong to an earlier call.
 * @context{any, NMI}
 */
uintptr_t hal_frame_link(const struct hal_frame *frame);

/** @brief Whether the interrupted code had interrupts enabled. @context{any} */
bool hal_frame_irqs_enabled(const struct hal_frame *frame);

/** @brief Resume at pc; all other registers are unchanged. @context{fault or interrupt handler} */
void hal_frame_set_pc(struct hal_frame *frame, uintptr_t pc);

/**
 * @brief Resume by calling fn(arg) on an empty stack, with interrupts enabled; the interrupted code
 * is abandoned.
 * @param stack_top  One past the highest byte, 16-byte aligned.
 * @param fn         Must not return.
 * @context{fault or interrupt handler}
 */
void hal_frame_set_call(struct hal_frame *frame, uintptr_t stack_top, void (*fn)(void *arg),
                        void *arg);

/** Number of registers that hal_frame_register() can return. */
unsigned hal_frame_register_count(void);

/**
 * @brief One saved register.
 * @param i      0 to hal_frame_register_count() - 1, in the usual order.
 * @param name   Receives a static string.
 * @return The value.
 * @context{any}
 */
uint64_t hal_frame_register(const struct hal_frame *frame, unsigned i, const char **name);

/**
 * @brief Describe the fault in a sentence, with the hardware's terms: "page fault: write to
 * 0x0000000000000010, not mapped (error code 0x2)".
 * @context{any, panic included}
 */
void hal_fault_describe(const struct fault *fault, char *buf, size_t len);

/**
 * @brief Step up one call frame.
 * @param fp  In: a frame pointer. Out: the caller's.
 * @param pc  Out: return address into the caller.
 * @param lo, hi  Bounds of the stack; a frame outside [lo, hi) or not above the last one ends the
 * walk.
 * @return false at the end of the chain.
 * @context{any, panic included; reads only inside [lo, hi)}
 */
bool hal_frame_step(uintptr_t *fp, uintptr_t *pc, uintptr_t lo, uintptr_t hi);

/**
 * @brief Read or write one byte at an address that may be invalid: the exception table catches the
 * fault.
 * @param p  Any address. @param out  Unchanged if the access faults.
 * @return false: it faulted.
 * @context{any in which a fault may be taken}
 */
bool hal_probe_read8(const void *p, uint8_t *out);
bool hal_probe_write8(void *p, uint8_t value);

/**
 * @brief Call fn with the registers of the calling code, for a report that is not about a fault.
 * @param fn  Must return; the frame is invalid afterwards.
 * @context{any, panic included}
 */
void hal_frame_capture(void (*fn)(const struct hal_frame *frame));

/** @brief Frame pointer of the caller, where a backtrace of the running code starts. */
uintptr_t hal_frame_here(void);

/**
 * @brief Execute a breakpoint and report whether the vectors handled it: the self-test of the
 * vectors.
 * @return The number of traps seen, 1 if the vectors work.
 * @context{early, or thread with interrupts masked}
 */
unsigned hal_trap_selftest(void);
