// SPDX-License-Identifier: MIT
//
// The other CPUs: starting them, and interrupting them. kernel/sched/smp.c decides which are
// started and how they are used; hal/irq.h prepares their part of the interrupt controller.
#pragma once

#include "hal/cpu.h"
#include "kernel/lib/status.h"

struct hal_frame;

/**
 * @brief Tell firmware or hardware to start a CPU. The CPU then calls upcall_cpu_main() on its
 * stack, with the final tables, proven vectors and interrupts masked; or it never does.
 * @param cpu        Its data, permanently: self, id, hw_id, current and the part from
 * hal_platform_add_cpu(); mapped, but not in the direct map. No CPU that was told to start and may
 * still arrive has the same id.
 * @param stack_top  One past the highest byte of its stack, which has the form that hal/context.h
 * describes.
 * @return OK: it was told to start, which is all that is known. E_NOTSUP: no method for starting
 * CPUs is known. E_RANGE: a CPU with that hw_id cannot be addressed. E_INVAL: firmware knows no
 * such CPU. E_BUSY: it is running already. E_NOMEM. E_IO: firmware refuses.
 * @context{thread; one CPU at a time; not before upcall_cpu_main() of the last one, or its time
 * limit}
 */
enum status hal_cpu_start(struct hal_cpu *cpu, vaddr_t stack_top);

/** @brief Number of CPUs that run threads, including this one: those with an id below it.
 * @context{any} */
cpu_t cpus_count(void);

/** @brief The data of a CPU. @pre id < cpus_count(). @context{any} */
struct hal_cpu *cpus_at(cpu_t id);

/**
 * @brief Count the calling CPU, which is ready to be interrupted by others. From here on all others
 * see it.
 * @pre every CPU with a smaller id is online.
 * @return false: the CPU that started it has given up meanwhile, and it must halt.
 * @context{starting CPU, and early on the boot CPU}
 */
bool cpus_set_online(void);

/** @brief Interrupt another CPU, unless it will see the same request anyway. @param kinds  Bits of
 * enum hal_ipi; one kind that is HAL_IPI_UNMASKABLE, or any of the
 * others. @context{any, IRQ-safe} */
void ipi_send(struct hal_cpu *cpu, unsigned kinds);

/**
 * @brief Serve the requests to this CPU. Called for IRQ_LINE_IPI, and by the machine.
 * @param frame  The interrupted registers; NULL: there was no interrupt, this CPU checked on its
 * own, and serves only HAL_IPI_URGENT.
 * @return HAL_IPI_REEVALUATE, HAL_IPI_CALL: requests that remain for the kernel.
 * @context{any, interrupts masked}
 */
unsigned ipi_receive(const struct hal_frame *frame);

/** @brief As ipi_receive(NULL); hal_cpu_relax() calls it. @context{any} */
void ipi_poll(void);

/**
 * @brief From here on HAL_IPI_REEVALUATE does not interrupt this CPU; it polls for the
 * request, because an interrupt costs both sides more. All other requests still interrupt it.
 * @context{idle thread, until ipi_end_polling()}
 */
void ipi_begin_polling(void);

/** @brief Whether HAL_IPI_REEVALUATE has been requested. @context{any} */
static inline bool ipi_is_reevaluation_requested(void)
{
    return (atomic_load_explicit(&hal_this_cpu()->asked, memory_order_relaxed) &
            HAL_IPI_REEVALUATE) != 0;
}

/** @brief From here on HAL_IPI_REEVALUATE interrupts this CPU again.
 * @return HAL_IPI_REEVALUATE if it was requested: the caller must serve it. Otherwise 0: later
 *     requests interrupt.
 * @context{idle thread} */
unsigned ipi_end_polling(void);

/**
 * @brief Stop all other CPUs forever, wherever they are.
 * @return Number of CPUs that did not respond within a tenth of a second, and may still be running.
 * @context{panic}
 */
unsigned cpus_stop_others(void);

/** @brief Stop this CPU forever, because another one has panicked. @param pc  Where it was; 0: only
 * its frame pointer is known. @context{any} */
_Noreturn void cpus_stop_this(uintptr_t pc, uintptr_t fp);

/** @brief Serve HAL_IPI_MACHINE; defined by the machine. @context{any, interrupts masked} */
void hal_ipi_serve_machine(void);
