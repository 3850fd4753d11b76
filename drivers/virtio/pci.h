// SPDX-License-Identifier: MIT
//
// Virtio over PCI, the modern interface of virtio 1.2, section 4.1.
#pragma once

#include "drivers/pci/pci.h"
#include "drivers/virtio/virtio.h"

/** Identity of a virtio function, 4.1.2: transitional devices have numbers of their own. */
bool virtio_pci_match(const struct device *dev, uint16_t device_type);

/**
 * @brief Take a PCI function as a virtio device: map its registers, set up its interrupts.
 * @param dev     Of pci_bus_type, matched.
 * @param queues  Queues that the driver will open, at least 1: as many interrupt vectors are asked
 * for.
 * @param out     Ends with virtio_pci_close().
 * @return OK; E_NOTSUP: a legacy-only device; E_CORRUPT: its capabilities contradict themselves;
 * E_NOMEM; what pci_enable() and pci_irq_setup() say.
 * @context{thread}
 */
enum status virtio_pci_open(struct device *dev, uint16_t queues, struct virtio_device **out);

/** @brief Give everything back. The device has been reset, its queues are closed. @context{thread}
 */
void virtio_pci_close(struct virtio_device *vd);
