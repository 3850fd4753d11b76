// SPDX-License-Identifier: MIT
//
// All drivers that are linked into the kernel, one line
// each. A device is offered to them in this order.
#include "drivers/registry.h"

#include "drivers/serial/drivers.h"
#include "drivers/virtio/drivers.h"

const struct driver *const driver_registry[] = {
    &virtio_blk_driver,
    &virtio_input_driver,
    &pci_serial_driver,
    NULL,
};
