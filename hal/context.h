// SPDX-License-Identifier: MIT
//
// Switching between threads of execution, and the floating-point state that programs own.
// What a thread is, and which runs next, is kernel/sched's business.
#pragma once

#include "hal/types.h"

/*
 * The top of every kernel stack is the upper half of a 64 KiB aligned block, and a stack of
 * ordinary size ends there: the lower half is an unmapped guard, and an entry routine can tell an
 * overflow by one bit of the stack pointer, before its first push. Where that bit says overflow,
 * the stack may still be one that has grown below (thread_options.stack_bytes): then the bounds in
 * the running thread's hal_context decide.
 */
#define HAL_STACK_SIZE  ((size_t)0x8000)
#define HAL_STACK_ALIGN ((size_t)0x10000)

/** An exception or an interrupt is handled on the interrupted stack if so much of it is left;
 * otherwise on a stack of the CPU's, where its handler cannot sleep. */
#define HAL_STACK_ROOM 4096

/** Where a thread that does not run left off, on its stack. Every struct thread (hal_cpu.current)
 * begins with it, because the machine's entry code looks at the bounds, and its switch makes `next`
 * what hal_this_thread() returns. */
struct hal_context {
    uintptr_t sp;
    vaddr_t stack_lo, stack_hi; /* of the stack, as far as it is mapped; hi is one past the end */
};

/**
 * @brief Prepare a stack so that the first switch to it calls entry(arg).
 * @param ctx    sp is written; the bounds are the caller's.
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
 * @param save  Written last, after everything it names is in memory.
 * @param next  Left by an earlier switch or by hal_context_init().
 * @pre Interrupts are masked. Floating-point state is the caller's affair.
 * @context{thread}
 */
void hal_context_switch(struct hal_context *save, const struct hal_context *next);

/**
 * @brief Where a thread that does not run goes on, and its innermost frame: for its call chain.
 * @param ctx  Left by a switch or by hal_context_init(); it stays so meanwhile.
 * @param pc   A return address.
 * @param fp   For hal_frame_step().
 * @context{any}
 */
void hal_context_look(const struct hal_context *ctx, uintptr_t *pc, uintptr_t *fp);

/**
 * @brief Leave the current stack contents behind and call fn(arg) on a clean stack.
 * @param stack_top  One past the highest byte, 16-byte aligned; may be the current stack's own top.
 * @param fn         Must not return.
 * @context{thread}
 */
_Noreturn void hal_stack_jump(vaddr_t stack_top, void (*fn)(void *arg), void *arg);

/**
 * @brief Call fn(arg) on another stack and come back.
 * @return What fn returned.
 * @context{thread, interrupts as the caller's}
 */
uintptr_t hal_stack_call(vaddr_t stack_top, uintptr_t (*fn)(void *arg), void *arg);

/** Alignment of a floating-point area in bytes. */
#define HAL_FP_ALIGN 64

/** @brief Bytes of a floating-point area, found at run time (XSAVE); at most 16 KiB. @context{any}
 */
size_t hal_fp_size(void);

/** @brief Make `area` the state a program starts with: round to nearest, all exceptions masked.
 * @context{any} */
void hal_fp_init(void *area);

/** @brief Store this CPU's floating-point and vector registers into `area`. @context{interrupts
 * masked} */
void hal_fp_save(void *area);

/** @brief Load this CPU's floating-point and vector registers from `area`. @context{interrupts
 * masked} */
void hal_fp_restore(const void *area);
