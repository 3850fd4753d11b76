// SPDX-License-Identifier: MIT
//
// Interrupt controllers. A line is a number: on x86-64 a global system interrupt below 256, or a
// message-signalled line above; on AArch64 the GIC's INTID, where lines from 8192 on are raised
// only by messages. Handlers are in kernel/io/irq.h.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

struct hal_cpu;

/** Line numbers are below this: x86 global system interrupts and messages; GIC SPIs up to 1019, and
 * 1024 of the GIC's message lines from 8192 on. */
#define IRQ_LINE_MAX 9216u

/** Returned by `ack` instead of a line. */
#define IRQ_LINE_NONE  UINT32_MAX       /**< there was none: a spurious interrupt */
#define IRQ_LINE_STRAY (UINT32_MAX - 1) /**< accepted and ended, but it belongs to no line */
#define IRQ_LINE_IPI   (UINT32_MAX - 2) /**< accepted and ended; another CPU sent it (hal/smp.h) */

enum irq_trigger { IRQ_EDGE, IRQ_LEVEL_HIGH, IRQ_LEVEL_LOW };

/**
 * @brief One kind of interrupt controller: GICv2, GICv3, IOAPIC with local APIC.
 *
 * A table of functions, because one image runs on machines with different controllers: firmware
 * says at boot which one there is. No slot is optional. There are ten, because four groups of
 * callers need different things, and no slot can be expressed by others:
 * - a line's driver, through irq.c: configure, mask, unmask, route. Configuring does not unmask,
 *   because the handler must be registered in between; routing does not configure, because a line
 *   moves to another CPU while it is in use;
 * - the trap path of every interrupt: ack, eoi. The handlers run between the two;
 * - the start of another CPU: add_cpu runs on the boot CPU, where it may allocate and fail;
 *   init_cpu runs on the new CPU, because its registers are accessible only there;
 * - requests between CPUs: raise, raise_nmi. They differ because only some controllers have an
 *   interrupt that cannot be masked.
 * Slots are called with interrupts masked on this CPU, and by several CPUs at once; except
 * `configure`, `mask`, `unmask` and `route` of one line, which are called under the line's lock.
 * For data that lines share, such as a register for several of them, the controller has its own
 * lock.
 */
struct irq_controller {
    const char *name;
    /** Prepare a masked line. It interrupts the boot CPU until it is routed elsewhere. E_RANGE:
     * there is no such line. E_NOTSUP: it does not support this trigger. */
    enum status (*configure)(uint32_t line, enum irq_trigger trigger);
    void (*mask)(uint32_t line);
    void (*unmask)(uint32_t line);
    /** Let a configured line interrupt this CPU from now on; an interrupt in progress may still
     * reach the previous CPU. A message that contains its own target must be composed again. The
     * CPU is online. E_RANGE: the line cannot address it. E_NOTSUP: each CPU has its own. E_NOMEM.
     * E_TIMEDOUT, E_IO: the controller does not respond, or refuses; the route is unchanged. */
    enum status (*route)(uint32_t line, const struct hal_cpu *cpu);
    /** Accept the interrupt that is being delivered. `vector` is defined by the machine (x86: IDT
     * vector, AArch64: 0). Returns its line, IRQ_LINE_NONE or IRQ_LINE_STRAY. */
    uint32_t (*ack)(unsigned vector);
    /** End the interrupt, after its handlers have run: the line (and lower priorities) may
     * interrupt again. */
    void (*eoi)(uint32_t line);
    /** On the boot CPU, in thread context: find the controller's part for a CPU that will be
     * started. E_NODEV: there is none.
     * E_RANGE: the CPU cannot be addressed. E_NOMEM. E_TIMEDOUT. */
    enum status (*add_cpu)(const struct hal_cpu *cpu);
    /** On the CPU itself, after add_cpu(): initialise its part, and unmask the same private
     * interrupts as on the boot CPU. E_NODEV, E_TIMEDOUT. */
    enum status (*init_cpu)(void);
    /** Interrupt a CPU, possibly this one: its ack() will return IRQ_LINE_IPI. Earlier stores are
     * visible there. */
    void (*raise)(const struct hal_cpu *cpu);
    /** The same even if it masks interrupts: it calls upcall_nmi(). Returns false: this controller
     * cannot do that; nothing was sent. */
    bool (*raise_nmi)(const struct hal_cpu *cpu);
};

/**
 * Message-signalled interrupts: the address and data that a device must write.
 *
 * device_id identifies a device to the controller: the PCI requester id, or the id into which it is
 * translated on the way, according to firmware. Several devices beyond one bridge may have the
 * same. Slots are called in thread context, with interrupts enabled or not, by several CPUs at
 * once, and do not sleep.
 */
struct msi_controller {
    const char *name;
    /** Allocate consecutive lines for a device: `wanted` (at least 1), or as many as there are in a
     * row. E_NOSPC: none left. E_RANGE: messages of that device cannot be received. E_NOMEM.
     * E_TIMEDOUT, E_IO: the controller does not respond, or refuses. */
    enum status (*alloc)(uint32_t device_id, uint32_t wanted, uint32_t *first, uint32_t *count);
    /** Free all lines of one alloc(). Their handlers have been released. */
    void (*free)(uint32_t device_id, uint32_t first, uint32_t count);
    /** Compute address and data that raise an allocated line, on the CPU to which it is routed. */
    void (*compose)(uint32_t line, uint64_t *address, uint32_t *data);
    /** The irq_controller's mask and unmask work for these lines, too. If not, only the device can
     * mask a message. */
    bool can_mask;
};

/**
 * @brief Install the interrupt controller. Once, from platform.c.
 * @param ctl  Static; every slot filled (asserted).
 */
void machine_irq_install(const struct irq_controller *ctl);

/** @brief The installed controller. @pre machine_irq_install() was called. @context{any} */
extern const struct irq_controller *machine_installed_irq; /* private */
static inline const struct irq_controller *machine_irq_controller(void)
{
    return machine_installed_irq;
}

/** @brief Install the MSI controller. At most once, from platform.c. */
void machine_msi_install(const struct msi_controller *ctl);

/**
 * @brief The MSI controller. NULL: this machine has none, and devices use their lines.
 * @context{any}
 */
const struct msi_controller *machine_msi_controller(void);
