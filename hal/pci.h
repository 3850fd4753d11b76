// SPDX-License-Identifier: MIT
//
// Access to PCI configuration space: ECAM, or ports 0xCF8 and 0xCFC. Enumeration is drivers/pci's.
#pragma once

#include "hal/types.h"

struct pci_config_ops;

/** One host bridge's configuration access. `width` is 1, 2 or 4 bytes; off is aligned to it, below 4096
 *  (256 through ports: reads beyond return all ones). A missing function reads as all ones. */
struct pci_config_ops {
    const char *name;
    uint32_t (*read)(void *host, uint8_t bus, uint8_t devfn, uint16_t off, unsigned width);
    void (*write)(void *host, uint8_t bus, uint8_t devfn, uint16_t off, unsigned width, uint32_t value);
};
