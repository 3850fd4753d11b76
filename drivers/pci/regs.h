// SPDX-License-Identifier: MIT
//
// Offsets and bits of configuration space, named as in the PCI Local Bus Specification 3.0 and the
// PCI-to-PCI Bridge Architecture Specification 1.2. Only those that the kernel uses.
#pragma once

enum {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_CLASS_REVISION = 0x08,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM = 0x2c,
    PCI_ROM = 0x30,
    PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,

    /* Type 1, bridges */
    PCI_PRIMARY_BUS = 0x18,
    PCI_SECONDARY_BUS = 0x19,
    PCI_SUBORDINATE_BUS = 0x1a,
    PCI_IO_BASE = 0x1c,
    PCI_IO_LIMIT = 0x1d,
    PCI_MEMORY_BASE = 0x20,
    PCI_MEMORY_LIMIT = 0x22,
    PCI_PREFETCH_BASE = 0x24,
    PCI_PREFETCH_LIMIT = 0x26,
    PCI_PREFETCH_BASE_UPPER = 0x28,
    PCI_PREFETCH_LIMIT_UPPER = 0x2c,
    PCI_IO_BASE_UPPER = 0x30,
    PCI_IO_LIMIT_UPPER = 0x32,
    PCI_BRIDGE_ROM = 0x38,
    PCI_BRIDGE_CONTROL = 0x3e,
};

#define PCI_COMMAND_IO           0x0001u
#define PCI_COMMAND_MEMORY       0x0002u
#define PCI_COMMAND_MASTER       0x0004u
#define PCI_COMMAND_INTX_DISABLE 0x0400u
#define PCI_STATUS_CAPABILITIES  0x0010u
#define PCI_HEADER_MULTIFUNCTION 0x80u
#define PCI_HEADER_KIND          0x7fu
#define PCI_HEADER_DEVICE        0x00u
#define PCI_HEADER_BRIDGE        0x01u
#define PCI_CLASS_HOST_BRIDGE    0x0600u /* upper two of the three bytes */
#define PCI_CLASS_DISPLAY        0x03u   /* the upper byte */

#define PCI_BAR_IO           0x1u
#define PCI_BAR_TYPE         0x6u
#define PCI_BAR_TYPE_32      0x0u
#define PCI_BAR_TYPE_1M      0x2u /* below 1 MiB; obsolete, and placed like a 32-bit BAR */
#define PCI_BAR_TYPE_64      0x4u
#define PCI_BAR_PREFETCHABLE 0x8u
#define PCI_BAR_MEMORY_FLAGS 0xfu
#define PCI_BAR_IO_FLAGS     0x3u
#define PCI_ROM_ENABLE       0x1u
#define PCI_ROM_FLAGS        0x7ffu
#define PCI_WINDOW_TYPE      0xfu /* in IO_BASE and PREFETCH_BASE: 1 = 32-bit I/O, 64-bit memory */
#define PCI_WINDOW_WIDE      0x1u

#define PCI_CAP_MSI     0x05u
#define PCI_CAP_VENDOR  0x09u
#define PCI_CAP_EXPRESS 0x10u
#define PCI_CAP_MSIX    0x11u

/* Offsets from the start of the capability. */
enum {
    PCI_MSI_CONTROL = 2,
    PCI_MSI_ADDRESS = 4,
    PCI_MSI_ADDRESS_UPPER = 8,
    PCI_MSI_DATA_32 = 8,
    PCI_MSI_DATA_64 = 12,
    PCI_MSIX_CONTROL = 2,
    PCI_MSIX_TABLE = 4,
    PCI_EXPRESS_FLAGS = 2,
};
#define PCI_EXPRESS_TYPE(flags) ((flags) >> 4 & 0xfu)
#define PCI_EXPRESS_TO_PCI      7u /* a bridge to conventional PCI */
#define PCI_MSI_ENABLE          0x0001u
#define PCI_MSI_MULTIPLE        0x0070u /* log2 of the number of enabled vectors */
#define PCI_MSI_64              0x0080u
#define PCI_MSIX_ENABLE         0x8000u
#define PCI_MSIX_MASK_ALL       0x4000u
#define PCI_MSIX_SIZE           0x07ffu /* number of table entries minus one */
#define PCI_MSIX_BIR            0x7u

/* An entry of the MSI-X table. */
enum {
    PCI_MSIX_ENTRY_ADDRESS = 0,
    PCI_MSIX_ENTRY_ADDRESS_UPPER = 4,
    PCI_MSIX_ENTRY_DATA = 8,
    PCI_MSIX_ENTRY_CONTROL = 12,
    PCI_MSIX_ENTRY_SIZE = 16,
};
#define PCI_MSIX_ENTRY_MASKED 0x1u
