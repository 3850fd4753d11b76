// SPDX-License-Identifier: MIT
//
// A PCI hierarchy in memory: functions with write masks, and bridges that forward by the bus
// numbers in their registers. Written from the specifications, independently of drivers/pci.
#pragma once

#include "drivers/pci/host.h"

#define FAKE_PCI_MAX 64

struct fake_pci_function {
    int parent; /* index of its parent bridge, -1 = on the root bus */
    uint8_t devfn;
    uint8_t cfg[256];
    uint8_t writable[256]; /* mask of the bits that a write changes */
    bool is_alias;         /* shows the registers of function `alias` */
    int alias;
};

struct fake_pci {
    struct fake_pci_function function[FAKE_PCI_MAX];
    int count;
    uint8_t root;      /* number of the root bus */
    unsigned accesses; /* configuration reads and writes */
    bool may_collide;  /* if two functions respond, use the first */
    uint32_t (*hostile)(unsigned bus, unsigned devfn,
                        unsigned reg); /* handles every read, if set */
};

extern struct fake_pci fake_pci;
extern const struct pci_config_ops fake_pci_ops;

/** @brief Remove all functions. */
void fake_pci_reset(void);

/** @brief Add a function with one INTx pin. @return its index. */
int fake_pci_add(int parent, uint8_t devfn, uint16_t vendor, uint16_t device);
/** @brief Add a bridge with all three windows. @return its index. */
int fake_pci_add_bridge(int parent, uint8_t devfn);

/** Flags of a BAR as in its low bits: 1 = I/O, 4 = 64-bit, 8 = prefetchable. */
void fake_pci_bar(int f, unsigned bar, uint64_t size, uint32_t flags);

/** @brief Add the option ROM's register. @param size  A power of two, at least 2 KiB. */
void fake_pci_rom(int f, uint32_t size);

void fake_pci_set(int f, unsigned reg, unsigned width, uint32_t v);
uint32_t fake_pci_get(int f, unsigned reg, unsigned width);

/** @brief Address in a BAR's registers, without flags. */
uint64_t fake_pci_bar_address(int f, unsigned bar);
