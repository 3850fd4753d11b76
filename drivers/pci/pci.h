// SPDX-License-Identifier: MIT
//
// The interface for drivers of PCI devices: configuration space, BARs, interrupts.
// drivers/pci/host.h declares the search for buses and the assignment of resources.
#pragma once

#include "hal/io.h"
#include "kernel/io/device.h"
#include "kernel/io/irq.h"
#include "kernel/lib/status.h"

struct boot_pci_host;
struct pci_bus;
struct pci_vector;

#define PCI_BARS 6

/** Address spaces of a bus. */
enum pci_space {
    PCI_SPACE_IO,
    PCI_SPACE_MEM32, /**< below 4 GiB, not prefetchable below bridges */
    PCI_SPACE_MEM64, /**< anywhere, prefetchable below bridges */
    PCI_SPACE_COUNT,
};

struct pci_bar {
    uint64_t address; /* bus address; valid if is_placed */
    uint64_t size;    /* bytes, a power of two; 0 = absent */
    enum pci_space space;
    bool is_64, is_prefetchable;
    bool is_placed; /* it has an address that overlaps no other */
};

enum pci_irq_kind { PCI_IRQ_NONE, PCI_IRQ_INTX, PCI_IRQ_MSI, PCI_IRQ_MSIX };

/** One function. Field protection: [I] set by the scan   [o] the bound driver, one call
 * at a time */
struct pci_device {
    struct device dev;
    struct list_node link; /* [I] in its bus */
    struct pci_bus *bus;   /* [I] the bus it is on */
    struct pci_bus *child; /* [I] the bus below it: bridges only */
    uint8_t devfn;         /* [I] slot in bits 7 to 3, function in bits 2 to 0 */
    uint8_t header;        /* [I] PCI_HEADER_DEVICE or _BRIDGE */
    uint8_t revision;
    uint8_t pin; /* [I] 1 = INTA to 4 = INTD, 0 = none */
    uint16_t vendor, device, subsystem_vendor, subsystem_device; /* [I] */
    uint32_t class_code;                                         /* [I] base, sub, interface */
    struct pci_bar bar[PCI_BARS];                                /* [I] */
    uint32_t rom_size; /* [I] size of the option ROM, which is switched off; 0 = none */

    enum pci_irq_kind irq_kind;  /* [o] */
    uint32_t vector_count;       /* [o] */
    struct pci_vector *vectors;  /* [o] private */
    struct io_region msix_table; /* [o] private */
    uint16_t irq_cap;            /* [o] private: the capability in use */
};

extern const struct bus pci_bus_type;

/** @brief The PCI function that contains a device of pci_bus_type. */
static inline struct pci_device *pci_of(struct device *dev)
{
    return CONTAINER_OF(dev, struct pci_device, dev);
}

static inline const struct pci_device *pci_of_const(const struct device *dev)
{
    return CONTAINER_OF(dev, const struct pci_device, dev);
}

/**
 * @brief Add a host bridge: find its devices, assign the addresses that the firmware has not
 * assigned, and offer the devices to drivers.
 * @param host  Copied.
 * @return OK; E_INVAL: the description contradicts itself; E_NOTSUP: bus masters are not coherent;
 *         E_NOMEM. A device that cannot be used is left out with a message; the others still work.
 * @context{thread, may sleep}
 */
enum status pci_add_host(const struct boot_pci_host *host);

/* Configuration space. `reg` is naturally aligned and below 256, or below 4096 with ECAM. A
 * register out of range reads as all ones. @context{any} */
uint8_t pci_read8(const struct pci_device *d, unsigned reg);
uint16_t pci_read16(const struct pci_device *d, unsigned reg);
uint32_t pci_read32(const struct pci_device *d, unsigned reg);
void pci_write8(const struct pci_device *d, unsigned reg, uint8_t v);
void pci_write16(const struct pci_device *d, unsigned reg, uint16_t v);
void pci_write32(const struct pci_device *d, unsigned reg, uint32_t v);

/**
 * @brief Find a capability.
 * @param after  0 for the first, else the offset of the previous one.
 * @return Its offset, 0x40 to 0xfc, or 0: there are no others. A list that loops ends.
 * @context{any}
 */
unsigned pci_find_capability(const struct pci_device *d, uint8_t id, unsigned after);

/**
 * @brief Enable decoding of the device's BARs and, if `master`, its access to memory.
 * @return OK; E_NOSPC: a BAR has no address, so its kind of decoding must stay off.
 * @context{thread}
 */
enum status pci_enable(struct pci_device *d, bool master);

/** @brief Stop bus mastering: the device no longer reads or writes memory. @context{thread} */
void pci_disable(struct pci_device *d);

/**
 * @brief Map part of a BAR.
 * @param bar     0 to 5, by the number of its register (the upper half of a 64-bit BAR has none).
 * @param offset  Bytes into the BAR.
 * @param len     Bytes, at least 1.
 * @return OK; E_NODEV: no such BAR, or it has no address; E_RANGE: the part is not inside it;
 * E_NOMEM.
 * @context{thread}
 */
enum status pci_map_bar(struct pci_device *d, unsigned bar, uint64_t offset, uint64_t len,
                        struct io_region *out);
void pci_unmap_bar(const struct io_region *region);

/**
 * @brief Choose how the device interrupts: MSI-X, else MSI, else its line.
 * @pre   pci_enable(): the MSI-X table is in one of its BARs.
 * @param wanted  Vectors, 1 to 2048. MSI and lines provide one.
 * @return OK: d->irq_kind is the kind, and d->vector_count (1 to wanted) the number; E_NODEV: the
 *         device cannot interrupt on this machine; E_NOMEM; E_NOSPC.
 * @context{thread}
 */
enum status pci_irq_setup(struct pci_device *d, uint32_t wanted);

/**
 * @brief Make the device interrupt through its line, even if it supports messages: for devices
 * whose messages do not work. Only tests call it yet: none of the drivers has such a device.
 * @return as pci_irq_setup(). @context{thread}
 */
enum status pci_irq_setup_line(struct pci_device *d);

/**
 * @brief Release everything that pci_irq_setup() allocated. Every vector must be released.
 * @context{thread}
 */
void pci_irq_teardown(struct pci_device *d);

/** @brief Attach a handler to a vector and enable it. @return as irq_request(). @context{thread} */
enum status pci_irq_request(struct pci_device *d, uint32_t vector,
                            enum irq_result (*handle)(void *ctx), void *ctx, const char *name);

/** @brief Detach; the handler does not run after the return. @context{thread} */
void pci_irq_release(struct pci_device *d, uint32_t vector);
