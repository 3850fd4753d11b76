// SPDX-License-Identifier: MIT
//
// A PCI hierarchy made of bytes: functions with write masks, bridges that forward by the numbers in
// their own registers. Written from the specifications, and independent of drivers/pci.
#pragma once

#include "drivers/pci/host.h"

#define FAKE_PCI_MAX 64

struct fake_pci_function {
    int parent; /* index of the bridge it is behind, -1 = on the root bus */
    uint8_t devfn;
    uint8_t cfg[256];
    uint8_t writable[256]; /* bits that a write changes */
    bool is_alias;         /* its registers are those of function `alias` */
    int alias;
};

struct fake_pci {
    struct fake_pci_function function[FAKE_PCI_MAX];
    int count;
    uint8_t root;      /* number of the root bus */
    unsigned accesses; /* configuration reads and writes */
    bool may_collide;  /* of functions that answer alike, the first is taken */
    uint32_t (*hostile)(unsigned bus, unsigned devfn,
                        unsigned reg); /* answers every read, if set */
};

extern struct fake_pci fake_pci;
extern const struct pci_config_ops fake_pci_ops;

/** @brief No functions. */
void fake_pci_reset(void);

/** @brief Add a function with one INTx pin. @return its index. */
int fake_pci_add(int parent, uint8_t devfn, uint16_t vendor, uint16_t device);
/** @brief Add a bridge with all three windows. @return its index. */
int fake_pci_add_bridge(int parent, uint8_t devfn);

/** Flags of a BAR as its low bits show them: 1 = I/O, 4 = 64-bit, 8 = prefetchable. */
void fake_pci_bar(int f, unsigned bar, uint64_t size, uint32_t flags);

/** @brief The option ROM's register: its size, a power of two from 2 KiB. */
void fake_pci_rom(int f, uint32_t size);

void fake_pci_set(int f, unsigned reg, unsigned width, uint32_t v);
uint32_t fake_pci_get(int f, unsigned reg, unsigned width);

/** @brief Address that a BAR's registers hold, without flags. */
uint64_t fake_pci_bar_address(int f, unsigned bar);
