// SPDX-License-Identifier: MIT
//
// Switching between threads of execution, and the floating-point state that programs own.
// kernel/sched defines threads and decides which runs next.
#pragma once

#include "hal/types.h"

/*
 * Every kernel stack has its top in the upper half of a 64 KiB aligned block. A stack of ordinary
 * size is exactly that half, and the lower half is an unmapped guard. So an entry routine can
 * detect an overflow by one bit of the stack pointer, before its first push. If the bit indicates
 * an overflow, the stack may still be one that has grown further down (thread_options.stack_bytes):
 * then the bounds in the running thread's hal_context decide.
 */
#define HAL_STACK_SIZE  ((size_t)0x8000)
#define HAL_STACK_ALIGN ((size_t)0x10000)

/** An exception or interrupt is handled on the interrupted stack if at least this much of it is
 * left; otherwise on a stack of the CPU, where its handler cannot sleep. */
#define HAL_STACK_ROOM 4096

/** The saved state of a thread that is not running; the rest is on its stack. Every struct thread
 * (hal_cpu.current) starts with this, because the machine's entry code reads the bounds, and its
 * switch makes `next` the result of hal_this_thread(). */
struct hal_context {
    uintptr_t sp;
    vaddr_t stack_lo, stack_hi; /* mapped bounds of the stack; hi is one past the end */
    struct hal_calls *calls;    /* hal/calls.h; NULL: none. Of the heap, freed with the thread */
};

/**
 * @brief Prepare a stack so that the first switch to it calls entry(arg).
 * @param ctx    sp is written; the caller sets the bounds.
 * @param stack  Lowest byte of the stack, page aligned; owned by the caller.
 * @param size   Bytes, a multiple of PAGE_SIZE.
 * @param entry  Runs with interrupts masked, as every resumed thread does; must not return.
 * @param arg    Passed to entry.
 * @context{any}
 */
void hal_context_init(struct hal_context *ctx, vaddr_t stack, size_t size, void (*entry)(void *arg),
                      void *arg);

/**
 * @brief Save the running thread in *save and continue the one in *next.
 * @param save  Written last, after everything that it refers to is in memory.
 * @param next  From an earlier switch or hal_context_init().
 * @pre Interrupts are masked. The caller handles floating-point state.
 * @context{thread}
 */
void hal_context_switch(struct hal_context *save, const struct hal_context *next);

/**
 * @brief Where a thread that is not running will continue, and its innermost frame: for its call
 * chain.
 * @param ctx  From a switch or hal_context_init(); must not change meanwhile.
 * @param pc   A return address.
 * @param fp   For hal_frame_step().
 * @context{any}
 */
void hal_context_backtrace_start(const struct hal_context *ctx, uintptr_t *pc, uintptr_t *fp);

/**
 * @brief Abandon the contents of the current stack and call fn(arg) on an empty stack.
 * @param stack_top  One past the highest byte, 16-byte aligned; may be the current stack's own top.
 * @param fn         Must not return.
 * @context{thread}
 */
_Noreturn void hal_stack_jump(vaddr_t stack_top, void (*fn)(void *arg), void *arg);

/**
 * @brief Call fn(arg) on another stack and return here.
 * @return The value that fn returned.
 * @context{thread, interrupts as the caller's}
 */
uintptr_t hal_stack_call(vaddr_t stack_top, uintptr_t (*fn)(void *arg), void *arg);

/** Alignment of a floating-point area in bytes. */
#define HAL_FP_ALIGN 64

/** @brief Size of a floating-point area in bytes, determined at run time (XSAVE); at most 16 KiB.
 * @context{any} */
size_t hal_fp_size(void);

/**
 * @brief Set `area` to a program's initial state: round to nearest, all exceptions masked.
 * @context{any}
 */
void hal_fp_init(void *area);

/** @brief Store this CPU's floating-point and vector registers into
 * `area`. @context{interrupts masked} */
void hal_fp_save(void *area);

/** @brief Load this CPU's floating-point and vector registers from
 * `area`. @context{interrupts masked} */
void hal_fp_restore(const void *area);
