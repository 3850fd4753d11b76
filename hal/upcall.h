// SPDX-License-Identifier: MIT
//
// The functions that the machine's code calls and the kernel defines.
#pragma once

#include "hal/magazine.h"
#include "hal/types.h"

struct boot_info;
struct fault;
struct hal_frame;

/**
 * @brief The kernel's first portable function; kernel/main.c.
 *
 * On entry: the image is mapped at its link addresses; RAM in [early_base, early_base + early_len)
 * is in the direct map; interrupts are masked; vectors work and have been proven by a trap; the
 * boot stack has a guard page; hal_this_cpu() works; .bss is zero.
 * @param info  In .bss, owned by the kernel from here on. The kernel changes only `seed`, which it
 * removes.
 */
_Noreturn void upcall_main(struct boot_info *info);

/**
 * @brief Allocate a zeroed frame for page tables, before and after the page allocator exists, in
 * the direct map.
 * @return false: no memory.
 * @context{early, or any that may call page_alloc()}
 */
bool upcall_table_frame(paddr_t *out);

/** @brief Called by hal_magazine_pop() if the magazine is empty. @return an object, or NULL.
 * @context{its caller's} */
void *upcall_magazine_empty(size_t unused, size_t kind);

/** @brief Called by hal_magazine_push() if the magazine is full. @context{its caller's} */
void upcall_magazine_full(void *object, size_t kind);

/** @brief Free a frame from upcall_table_frame(), if a map call failed half way. */
void upcall_table_frame_free(paddr_t frame);

/**
 * @brief Handle a CPU fault. If it returns, execution resumes with the contents of fault->frame.
 * @context{fault; on the interrupted stack if fault->may_sleep, interrupts masked on entry}
 */
void upcall_fault(struct fault *fault);

/**
 * @brief Handle an interrupt: acknowledge it, run its handlers, end it, and possibly switch
 * threads.
 * @param vector  Passed to the controller's ack slot.
 * @param frame   The interrupted registers; if the thread is being killed, they are redirected.
 * @context{IRQ, interrupts masked, on the interrupted thread's stack}
 */
void upcall_irq(unsigned vector, struct hal_frame *frame);

/**
 * @brief Handle an interrupt that cannot be masked: serve the requests to this CPU
 * (HAL_IPI_UNMASKABLE). If no CPU has sent it, a person wants to know what the machine is doing:
 * that is reported as soon as a CPU takes an interrupt.
 * @param frame  The interrupted registers; not changed.
 * @context{NMI: any code may have been interrupted, so this uses no lock, must not fault, and is
 * not nested}
 */
void upcall_nmi(const struct hal_frame *frame);

/**
 * @brief The kernel's first portable function on a CPU that hal_cpu_start() has started.
 *
 * On entry: as for upcall_main(), but with the final tables and the CPU's own stack; hal_this_cpu()
 * is the argument of hal_cpu_start().
 */
_Noreturn void upcall_cpu_main(void);

/** @brief A call cannot be noted: the thread has no struct hal_calls, or it is full.
 * @param slot  Of struct hal_call.
 * @param back  Its return address.
 * @return true: there is room now; false: the call is not timed.
 * @context{the called function's} */
bool upcall_call_begin(uintptr_t slot, uintptr_t back);

/** @brief A timed call has ended. @param slot Of struct hal_call. @return Where to return.
 * @context{the called function's} */
uintptr_t upcall_call_end(uintptr_t slot);

/** @brief Called by the interrupt handler of this CPU's event timer. @context{IRQ} */
void upcall_timer(void);

/**
 * @brief Whether `address` is in the guard region of the running thread's stack. The machine's
 * vectors use this to distinguish a stack overflow from other faults.
 * @context{any, panic included}
 */
bool upcall_is_stack_guard(uintptr_t address);

/** @brief Bounds of the running thread's stack (before threads exist: the boot stack).
 * @context{any} */
void upcall_stack_bounds(uintptr_t *lo, uintptr_t *hi);
