// SPDX-License-Identifier: MIT
//
// The drivers of serial ports on buses, for drivers/registry.c.
#pragma once

#include "kernel/io/device.h"

/** 16550s on PCI cards: drivers/serial/pci_serial.c. */
extern const struct driver pci_serial_driver;
