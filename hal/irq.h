// SPDX-License-Identifier: MIT
//
// Interrupt controllers. A line is a number: on x86-64 a global system interrupt below 256 and
// message-signalled lines above; on AArch64 the GIC's INTID. Handlers are kernel/io/irq.h's.
#pragma once

#include "hal/types.h"
#include "kernel/status.h"

#define IRQ_LINE_MAX                                                                               \
    1120u /* lines the kernel keeps state for: GIC SPIs to 1019, x86 GSIs and MSIs */
#define IRQ_LINE_NONE UINT32_MAX

enum irq_trigger { IRQ_EDGE, IRQ_LEVEL_HIGH, IRQ_LEVEL_LOW };

/**
 * @brief One kind of interrupt controller: GICv2, GICv3, IOAPIC with local APIC.
 *
 * No slot is optional. Slots are called with interrupts masked on this CPU; `configure` also under
 * the line's lock.
 */
struct irq_controller {
    const char *name;
    /** Prepare a masked line for this CPU. E_RANGE: no such line. E_NOTSUP: not that trigger. */
    enum status (*configure)(uint32_t line, enum irq_trigger trigger);
    void (*mask)(uint32_t line);
    void (*unmask)(uint32_t line);
    /** Accept the interrupt being delivered. `vector` is the machine's own (x86: IDT vector,
     * AArch64: 0). Returns its line, or IRQ_LINE_NONE if it was spurious. */
    uint32_t (*ack)(unsigned vector);
    /** The handlers have run: let the line (and lower priorities) interrupt again. */
    void (*eoi)(uint32_t line);
};

/** Message-signalled interrupts: what a device must write, and where. */
struct msi_controller {
    const char *name;
    /** Take a free line. E_NOSPC: none left. */
    enum status (*alloc)(uint32_t *line);
    void (*free)(uint32_t line);
    /** Address and data that raise the line; device_id = PCI requester id. */
    void (*compose)(uint32_t line, uint32_t device_id, uint64_t *address, uint32_t *data);
};

/**
 * @brief Make a controller the one that interrupts go through. Once, from platform.c.
 * @param ctl  Static; every slot filled (asserted).
 */
void hal_irq_install(const struct irq_controller *ctl);

/** @brief The installed controller. @pre hal_irq_install() was called. @context{any} */
const struct irq_controller *hal_irq_controller(void);

/** @brief Make MSI available. At most once, from platform.c. */
void hal_msi_install(const struct msi_controller *ctl);

/** @brief The MSI controller, or NULL: this machine has none and devices use their lines.
 * @context{any} */
const struct msi_controller *hal_msi_controller(void);
