// SPDX-License-Identifier: MIT
//
// The inside of drivers/pci: hosts, buses, configuration access, and the passes over them. Drivers
// of devices want drivers/pci/pci.h.
#pragma once

#include "drivers/pci/pci.h"
#include "hal/bootinfo.h"
#include "kernel/lib/list.h"

#define PCI_DEPTH_MAX   16   /* bridges behind bridges: bounds every recursion of the passes */
#define PCI_DEVICES_MAX 1024 /* functions of a host */

/** How configuration space is reached. Slots are called with reg aligned to width and inside the
 * space. */
struct pci_config_ops {
    const char *name;
    unsigned size; /* bytes of a function's space: 256 or 4096 */
    /** Make the bus's space reachable. OK; E_NOMEM; E_RANGE. */
    enum status (*open)(struct pci_bus *bus);
    void (*close)(struct pci_bus *bus);
    uint32_t (*read)(const struct pci_bus *bus, unsigned devfn, unsigned reg, unsigned width);
    void (*write)(const struct pci_bus *bus, unsigned devfn, unsigned reg, unsigned width,
                  uint32_t v);
};

extern const struct pci_config_ops pci_config_ecam, pci_config_ports;

/** Bus addresses [base, base + len). */
struct pci_window {
    uint64_t base, len;
    uint64_t align; /* while the sizing pass asks for one: what base must be a multiple of */
    bool is_kept;   /* the firmware chose it */
};

struct pci_bus {
    struct pci_host *host;
    struct pci_device *bridge; /* NULL: the host's root bus */
    struct io_region config;   /* ECAM of this bus */
    struct list devices;       /* struct pci_device by link */
    struct pci_window window[PCI_SPACE_COUNT];
    bool has_space[PCI_SPACE_COUNT]; /* addresses of that kind can reach this bus */
    uint8_t number;
    uint8_t last; /* highest bus number behind it */
    uint8_t depth;
};

struct pci_host {
    const struct pci_config_ops *ops;
    struct boot_pci_host boot;
    struct pci_bus *root;
    uint32_t device_count, bus_count;
    /** False: firmware has placed everything, as on a PC, where I/O BARs are CPU ports. */
    bool has_windows;
};

/** @brief Find every function behind the host and number its buses. root->... must be open.
 *  @return OK; E_NOMEM: part of the machine is missing. */
enum status pci_scan(struct pci_host *host);

/** @brief Read which BARs a function has and how large they are, leaving their contents. */
void pci_probe_bars(struct pci_device *d);

/** @brief See how large the option ROM is, and switch it off: nothing here runs it, and what its
 * register says would take addresses away from BARs. */
void pci_probe_rom(struct pci_device *d);

/** @brief Place what the firmware has not placed: BARs, bridge windows. After pci_scan(). */
enum status pci_assign(struct pci_host *host);

/** @brief Take their places from BARs that share an address or lie where the CPU does not reach,
 * with a line for each. After pci_assign()'s passes. @return OK; E_NOMEM. */
enum status pci_check_places(struct pci_host *host);

/** @brief Move a BAR without a place out of the way, if it can be. */
void pci_retire_bar(struct pci_device *d, unsigned bar);

/** @brief Write a BAR's address. */
void pci_write_bar(struct pci_device *d, unsigned bar, uint64_t address);

/** @brief Read a bridge's window of a kind; len 0 = closed. */
struct pci_window pci_bridge_window(const struct pci_device *bridge, enum pci_space space);
/** @brief Open a bridge's window of a kind (len 0 = close it). */
void pci_bridge_set_window(const struct pci_device *bridge, enum pci_space space,
                           const struct pci_window *w);
/** @brief True if the bridge forwards that kind at all (MEM64: has a 64-bit prefetchable window).
 */
bool pci_bridge_forwards(const struct pci_device *bridge, enum pci_space space);

/** @brief Line of a function's INTx pin. @return false: not connected as far as anybody told. */
bool pci_route_intx(const struct pci_device *d, uint32_t *line, enum irq_trigger *trigger);

/** @brief CPU address of a bus address in a window of the host. @return false: in none. */
bool pci_to_cpu(const struct pci_host *host, enum pci_space space, uint64_t address, uint64_t *cpu);

/** @brief Call fn for each function behind the bus, bridges before what is behind them. */
void pci_for_each(struct pci_bus *bus, void (*fn)(void *ctx, struct pci_device *d), void *ctx);

/** @brief Make a host that scans with `ops`; nothing is listed or offered yet. */
enum status pci_host_create(const struct boot_pci_host *boot, const struct pci_config_ops *ops,
                            struct pci_host **out);
/** @brief Free a host whose devices were never offered to drivers. */
void pci_host_destroy(struct pci_host *host);
