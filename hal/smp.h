// SPDX-License-Identifier: MIT
//
// The other CPUs: starting them, and interrupting them. Which are started, and what becomes of
// them, is kernel/sched/smp.c's; how their share of the interrupt controller is made ready is
// hal/irq.h's.
#pragma once

#include "hal/cpu.h"
#include "kernel/lib/status.h"

struct hal_frame;

/**
 * @brief Tell firmware or hardware to start a CPU. It calls upcall_cpu_main() on its stack, in the
 * final tables, with vectors that were proven and interrupts masked; or it never does.
 * @param cpu        Its data, for ever: self, id, hw_id, current and what
 *                   hal_platform_add_cpu() fills in; mapped, but not in the direct map. No CPU that
 *                   was told to start and may still come has the same id.
 * @param stack_top  One past the highest byte of its stack, which is shaped as hal/context.h says.
 * @return OK: it was told to, not more. E_NOTSUP: this machine does not say how CPUs are started.
 *         E_RANGE: no CPU of that hw_id can be named. E_INVAL: firmware knows no such CPU. E_BUSY:
 *         it runs already. E_NOMEM. E_IO: firmware refuses.
 * @context{thread; one CPU at a time; not before upcall_cpu_main() of the last one, or its time
 * limit}
 */
enum status hal_cpu_start(struct hal_cpu *cpu, vaddr_t stack_top);

/** @brief CPUs that run threads, this one included: those with an id below it. @context{any} */
cpu_t hal_cpu_count(void);

/** @brief The data of a CPU. @pre id < hal_cpu_count(). @context{any} */
struct hal_cpu *hal_cpu_at(cpu_t id);

/**
 * @brief The calling CPU is ready to be interrupted by others: count it, and all others see it.
 * @pre every CPU with a smaller id is online.
 * @return false: it has been given up meanwhile, and must halt.
 * @context{starting CPU, and early on the boot CPU}
 */
bool hal_cpu_set_online(void);

/** @brief Interrupt another CPU, unless it is about to see the same wish anyway. @param kinds  Bits
 * of enum hal_ipi; one kind that is HAL_IPI_UNMASKABLE, or any of the others. @context{any,
 * IRQ-safe} */
void hal_ipi_send(struct hal_cpu *cpu, unsigned kinds);

/**
 * @brief Serve what this CPU was asked for. Called for IRQ_LINE_IPI, and by the machine.
 * @param frame  What was interrupted; NULL: nothing, this CPU looked by itself, and only for
 *               HAL_IPI_URGENT.
 * @return HAL_IPI_LOOK, HAL_IPI_CALL: what is left for the kernel.
 * @context{any, interrupts masked}
 */
unsigned hal_ipi_receive(const struct hal_frame *frame);

/** @brief As hal_ipi_receive(NULL); hal_cpu_relax() calls it. @context{any} */
void hal_ipi_poll(void);

/**
 * @brief From here on HAL_IPI_LOOK does not interrupt this CPU, which looks by itself whether it is
 *        asked for that: an interrupt costs both sides more. All else interrupts it as ever.
 * @context{idle thread, until hal_ipi_end_watch()}
 */
void hal_ipi_watch(void);

/** @brief Whether HAL_IPI_LOOK was asked for by now. @context{any} */
static inline bool hal_ipi_is_look_asked(void)
{
    return (atomic_load_explicit(&hal_this_cpu()->asked, memory_order_relaxed) & HAL_IPI_LOOK) != 0;
}

/** @brief From here on it is interrupted again. @return HAL_IPI_LOOK, if it was asked for that: it
 * is the caller's to do. Else 0: who asks from here on interrupts. @context{idle thread} */
unsigned hal_ipi_end_watch(void);

/**
 * @brief Stop all other CPUs for ever, wherever they are.
 * @return How many did not answer within a tenth of a second, and may still run.
 * @context{panic}
 */
unsigned hal_cpu_stop_others(void);

/** @brief Stop this CPU for ever, because another one panics. @param pc  Where it was; 0: only its
 * frame pointer tells. @context{any} */
_Noreturn void hal_cpu_stop(uintptr_t pc, uintptr_t fp);

/** @brief The machine's: what HAL_IPI_MACHINE asks for. @context{any, interrupts masked} */
void hal_ipi_serve_machine(void);
