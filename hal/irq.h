// SPDX-License-Identifier: MIT
//
// Interrupt controllers. A line is a number: on x86-64 a global system interrupt below 256 and
// message-signalled lines above; on AArch64 the GIC's INTID, from 8192 on those that only messages
// raise. Handlers are kernel/io/irq.h's.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

struct hal_cpu;

/** Line numbers are below it: of x86 global system interrupts and messages, GIC SPIs to 1019, and
 * 1024 of the GIC's message lines from 8192 on. */
#define IRQ_LINE_MAX 9216u

/** What `ack` returns instead of a line. */
#define IRQ_LINE_NONE  UINT32_MAX       /**< nothing was there: a spurious interrupt */
#define IRQ_LINE_STRAY (UINT32_MAX - 1) /**< accepted and ended, but it belongs to no line */
#define IRQ_LINE_IPI   (UINT32_MAX - 2) /**< accepted and ended; another CPU sent it (hal/smp.h) */

enum irq_trigger { IRQ_EDGE, IRQ_LEVEL_HIGH, IRQ_LEVEL_LOW };

/**
 * @brief One kind of interrupt controller: GICv2, GICv3, IOAPIC with local APIC.
 *
 * No slot is optional. Slots are called with interrupts masked on this CPU, and by several CPUs at
 * once, but for `configure`, `mask`, `unmask` and `route` of one line: those are called under the
 * line's lock. What lines share, such as a register for many of them, the controller locks itself.
 */
struct irq_controller {
    const char *name;
    /** Prepare a masked line. Until it is routed elsewhere it interrupts the boot CPU. E_RANGE: no
     * such line. E_NOTSUP: not that trigger. */
    enum status (*configure)(uint32_t line, enum irq_trigger trigger);
    void (*mask)(uint32_t line);
    void (*unmask)(uint32_t line);
    /** Let a configured line interrupt that CPU from now on; one that was on its way may still come
     * to the one before. A message that says itself where it goes must be composed anew. The CPU is
     * online. E_RANGE: the line cannot name it. E_NOTSUP: each CPU has its own. E_NOMEM.
     * E_TIMEDOUT, E_IO: the controller does not answer, or refuses; it goes where it went. */
    enum status (*route)(uint32_t line, const struct hal_cpu *cpu);
    /** Accept the interrupt being delivered. `vector` is the machine's own (x86: IDT vector,
     * AArch64: 0). Returns its line, IRQ_LINE_NONE or IRQ_LINE_STRAY. */
    uint32_t (*ack)(unsigned vector);
    /** The handlers have run: let the line (and lower priorities) interrupt again. */
    void (*eoi)(uint32_t line);
    /** On the boot CPU, in thread context: find what belongs to a CPU that will be started.
     * E_NODEV: nothing does. E_RANGE: it cannot be named as a target. E_NOMEM. E_TIMEDOUT. */
    enum status (*add_cpu)(const struct hal_cpu *cpu);
    /** On the CPU itself, after add_cpu(): bring its part up; interrupts that each CPU has for
     * itself are unmasked as they are on the boot CPU. E_NODEV, E_TIMEDOUT. */
    enum status (*init_cpu)(void);
    /** Interrupt a CPU, this one too: its ack() will return IRQ_LINE_IPI. What was stored before is
     * seen there. */
    void (*raise)(const struct hal_cpu *cpu);
    /** The same though it masks interrupts: it calls upcall_nmi(). Returns false: this controller
     * cannot; nothing was sent. */
    bool (*raise_nmi)(const struct hal_cpu *cpu);
};

/**
 * Message-signalled interrupts: what a device must write, and where.
 *
 * device_id is what the controller sees of a device in its writes: the PCI requester id, or what
 * the firmware says becomes of it on the way. Several devices behind one bridge may have the same.
 * Slots are called in thread context, interrupts enabled or not, by several CPUs at once, and do
 * not sleep.
 */
struct msi_controller {
    const char *name;
    /** Take lines for a device, consecutive ones: `wanted` (at least 1), or as many as there are in
     * a row. E_NOSPC: none left. E_RANGE: messages of that device cannot be received. E_NOMEM.
     * E_TIMEDOUT, E_IO: the controller does not answer, or refuses. */
    enum status (*alloc)(uint32_t device_id, uint32_t wanted, uint32_t *first, uint32_t *count);
    /** Give back all that one alloc() gave. Their handlers are released. */
    void (*free)(uint32_t device_id, uint32_t first, uint32_t count);
    /** Address and data that raise a line that alloc() gave, on the CPU that it is routed to. */
    void (*compose)(uint32_t line, uint64_t *address, uint32_t *data);
    /** The irq_controller's mask and unmask work on these lines too. If not, only the device can
     * hold a message back. */
    bool can_mask;
};

/**
 * @brief Make a controller the one that interrupts go through. Once, from platform.c.
 * @param ctl  Static; every slot filled (asserted).
 */
void hal_irq_install(const struct irq_controller *ctl);

/** @brief The installed controller. @pre hal_irq_install() was called. @context{any} */
extern const struct irq_controller *hal_installed_irq; /* private */
static inline const struct irq_controller *hal_irq_controller(void)
{
    return hal_installed_irq;
}

/** @brief Make MSI available. At most once, from platform.c. */
void hal_msi_install(const struct msi_controller *ctl);

/** @brief The MSI controller, or NULL: this machine has none and devices use their lines.
 * @context{any} */
const struct msi_controller *hal_msi_controller(void);
