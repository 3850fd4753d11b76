// SPDX-License-Identifier: MIT
//
// Every driver of the kernel, one line each, in the order in which a device is offered to them.
#include "drivers/serial/drivers.h"
#include "drivers/virtio/drivers.h"
#include "kernel/io/device.h"

const struct driver *const driver_registry[] = {
    &virtio_blk_driver,
    &virtio_input_driver,
    &pci_serial_driver,
    NULL,
};
