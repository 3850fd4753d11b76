// SPDX-License-Identifier: MIT
//
// Virtio over PCI, the modern interface of virtio 1.2, section 4.1.
#pragma once

#include "drivers/pci/pci.h"
#include "drivers/virtio/virtio.h"

/**
 * Check whether a PCI function is a virtio device of this type, 4.1.2. Transitional devices have
 * other numbers.
 */
bool virtio_pci_match(const struct device *dev, uint16_t device_type);

/**
 * @brief Use a PCI function as a virtio device: map its registers, set up its interrupts.
 * @param dev     On pci_bus_type, and matched.
 * @param queues  Number of queues that the driver will open, at least 1; also the number of
 * interrupt vectors to request.
 * @param out     Closed with virtio_pci_close().
 * @return OK; E_NOTSUP: a legacy device; E_CORRUPT: its capabilities are not consistent; E_NOMEM;
 * the errors of pci_enable() and pci_irq_setup().
 * @context{thread}
 */
enum status virtio_pci_open(struct device *dev, uint16_t queues, struct virtio_device **out);

/** @brief Release everything. The device has been reset, its queues are closed. @context{thread} */
void virtio_pci_close(struct virtio_device *vd);
