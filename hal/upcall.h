// SPDX-License-Identifier: MIT
//
// The other direction: the handful of functions that a machine's code calls and the kernel defines.
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
 * is in the direct map; interrupts are masked; vectors are live and have been proven by a trap; the
 * boot stack has a guard page; hal_this_cpu() works; .bss is zero.
 * @param info  In .bss, owned by the kernel from here on. It changes nothing but `seed`, which it
 *              takes out.
 */
_Noreturn void upcall_main(struct boot_info *info);

/**
 * @brief A zeroed frame for page tables before and after the page allocator exists, in the direct
 * map.
 * @return false: memory ran out.
 * @context{early, or any that may call page_alloc()}
 */
bool upcall_table_frame(paddr_t *out);

/** @brief hal_magazine_pop() of an empty one. @return an object, or NULL. @context{its caller's} */
void *upcall_magazine_empty(size_t unused, size_t kind);

/** @brief hal_magazine_push() to a full one. @context{its caller's} */
void upcall_magazine_full(void *object, size_t kind);

/** @brief Give back a frame that upcall_table_frame() returned (a map call that failed half way).
 */
void upcall_table_frame_free(paddr_t frame);

/**
 * @brief A CPU fault. Returns if what is now in fault->frame is to be resumed.
 * @context{fault; on the interrupted stack if fault->may_sleep, interrupts masked on entry}
 */
void upcall_fault(struct fault *fault);

/**
 * @brief An interrupt arrived: acknowledges it, runs its handlers, ends it, and may switch threads.
 * @param vector  Passed to the controller's ack slot.
 * @param frame   The interrupted registers; a thread that is being killed finds them redirected.
 * @context{IRQ, interrupts masked, on the interrupted thread's stack}
 */
void upcall_irq(unsigned vector, struct hal_frame *frame);

/**
 * @brief An interrupt that cannot be masked arrived: serve what this CPU was asked for
 *        (HAL_IPI_UNMASKABLE). One that no CPU sent is somebody's who wants to know what the
 * machine is doing: that is reported as soon as a CPU takes an interrupt.
 * @param frame  The interrupted registers; they stay as they are.
 * @context{NMI: anything may have been interrupted, so no lock is taken, nothing faults, and no
 * second one comes before it returns}
 */
void upcall_nmi(const struct hal_frame *frame);

/** @brief Note what this CPU is doing, for who asked (HAL_IPI_SHOW). @context{any, NMI; interrupts
 * masked} */
void upcall_show(const struct hal_frame *frame);

/** @brief Report what all CPUs are doing (HAL_IPI_REPORT). @context{IRQ} */
void upcall_report(void);

/** @brief Have it reported. @context{NMI} */
void upcall_want_report(const struct hal_frame *frame);

/**
 * @brief A CPU that hal_cpu_start() started: the kernel's first portable function on it.
 *
 * On entry: as upcall_main(), but on the final tables and the CPU's own stack; hal_this_cpu() is
 * what hal_cpu_start() was given.
 */
_Noreturn void upcall_cpu_main(void);

/** @brief The event timer of this CPU fired. Called by its interrupt handler. @context{IRQ} */
void upcall_timer(void);

/**
 * @brief The guard region that `address` lies in belongs to the running thread's stack.
 *        The machine's vectors ask to tell a stack overflow from another fault.
 * @context{any, panic included}
 */
bool upcall_is_stack_guard(uintptr_t address);

/** @brief Bounds of the running thread's stack (the boot stack before threads). @context{any} */
void upcall_stack_bounds(uintptr_t *lo, uintptr_t *hi);
