// SPDX-License-Identifier: MIT
//
// Internal header of drivers/pci: hosts, buses, configuration access, and the passes over them.
// Device drivers use drivers/pci/pci.h.
#pragma once

#include "drivers/pci/pci.h"
#include "hal/bootinfo.h"
#include "kernel/lib/list.h"

#define PCI_DEPTH_MAX   16   /* levels of bridges: bounds the recursion of every pass */
#define PCI_DEVICES_MAX 1024 /* largest number of functions of a host */

/**
 * Access to configuration space. The functions are called with reg aligned to width and inside the
 * space.
 */
struct pci_config_ops {
    const char *name;
    unsigned size; /* size of a function's space in bytes: 256 or 4096 */
    /** Make the configuration space of the bus accessible. OK; E_NOMEM; E_RANGE. */
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
    uint64_t align; /* for a window that the sizing pass requests: required alignment of base */
    bool is_kept;   /* the address comes from the firmware */
};

struct pci_bus {
    struct pci_host *host;
    struct pci_device *bridge; /* NULL: the host's root bus */
    struct io_region config;   /* ECAM of this bus */
    struct list devices;       /* struct pci_device by link */
    struct pci_window window[PCI_SPACE_COUNT];
    bool has_space[PCI_SPACE_COUNT]; /* addresses of that kind can reach this bus */
    uint8_t number;
    uint8_t last; /* highest bus number below it */
    uint8_t depth;
};

struct pci_host {
    const struct pci_config_ops *ops;
    struct boot_pci_host boot;
    struct pci_bus *root;
    uint32_t device_count, bus_count;
    /** False: the firmware has assigned all addresses, as on a PC, where I/O BARs are CPU ports. */
    bool has_windows;
};

/**
 * @brief Find all functions of the host and number its buses. The root bus must be open.
 *  @return OK; E_NOMEM: some devices were not found for lack of memory.
 */
enum status pci_scan(struct pci_host *host);

/** @brief Find a function's BARs and their sizes. Their contents stay. */
void pci_probe_bars(struct pci_device *d);

/**
 * @brief Read the size of the option ROM, and switch it off. The kernel does not run it, and an
 * enabled ROM would occupy addresses that BARs need.
 */
void pci_probe_rom(struct pci_device *d);

/**
 * @brief Assign addresses to the BARs and bridge windows that have none from the firmware. Call it
 * after pci_scan().
 */
enum status pci_assign(struct pci_host *host);

/**
 * @brief Clear is_placed of each BAR that overlaps another or lies where the CPU cannot reach it,
 * and log each. Runs after the passes of pci_assign(). @return OK; E_NOMEM.
 */
enum status pci_check_bars(struct pci_host *host);

/** @brief Move a BAR without an assigned address where it does no harm, if that is possible. */
void pci_retire_bar(struct pci_device *d, unsigned bar);

/** @brief Write a BAR's address. */
void pci_write_bar(struct pci_device *d, unsigned bar, uint64_t address);

/** @brief Read a bridge's window of a kind; len 0 = closed. */
struct pci_window pci_bridge_window(const struct pci_device *bridge, enum pci_space space);
/** @brief Open a bridge's window of a kind (len 0 = close it). */
void pci_bridge_set_window(const struct pci_device *bridge, enum pci_space space,
                           const struct pci_window *w);
/** @brief True if the bridge forwards this space (MEM64: it has a 64-bit prefetchable window). */
bool pci_bridge_forwards(const struct pci_device *bridge, enum pci_space space);

/** @brief Line of a function's INTx pin. @return false: not connected, according
 * to the firmware. */
bool pci_route_intx(const struct pci_device *d, uint32_t *line, enum irq_trigger *trigger);

/**
 * @brief Convert a bus address in a window of the host to a CPU address. @return false: it is in no
 * window.
 */
bool pci_to_cpu(const struct pci_host *host, enum pci_space space, uint64_t address, uint64_t *cpu);

/**
 * @brief Call fn for each function on the bus and below it; a bridge comes before the functions
 * below it.
 */
void pci_for_each(struct pci_bus *bus, void (*fn)(void *ctx, struct pci_device *d), void *ctx);

/** @brief Create a host that scans with `ops`. No device is listed or offered to drivers yet. */
enum status pci_host_create(const struct boot_pci_host *boot, const struct pci_config_ops *ops,
                            struct pci_host **out);
/** @brief Free a host whose devices were not offered to drivers. */
void pci_host_destroy(struct pci_host *host);
