// SPDX-License-Identifier: MIT
//
// Device registers: a region is memory or ports, and a driver need not know which. Barriers between
// CPU and bus masters. Bodies are inline in hal_arch/io.h.
#pragma once

#include "hal/types.h"

/** Registers of a device. Memory regions
 * are mapped MEM_DEVICE by kernel/mm/vm.h's vm_map_device(). */
struct io_region {
    uintptr_t base; /* virtual address, or I/O port number */
    uint64_t len;   /* bytes */
    bool is_port;
};

/** Debug builds trap on an access that hal/io.h does
 * not allow; the report names the driver's line. */
static inline void hal_io_check(const struct io_region *r, size_t off, size_t size)
{
#ifdef HALYARD_DEBUG
    if (off % size != 0 || off > r->len || size > r->len - off) {
        __builtin_trap();
    }
#else
    (void)r, (void)off, (void)size;
#endif
}

/** @brief Whether the CPU has I/O ports and so follows the conventions of a PC: firmware assigns
 * addresses to devices. If not, a region of ports is invalid. @context{any} */
static inline bool hal_io_has_ports(void);

/* Offsets are bytes from the region's base, naturally aligned, inside the region (checked in debug
 * builds). Values are little-endian as on the bus, returned in CPU order. Accesses are ordered
 * among themselves. */
static inline uint8_t io_read8(const struct io_region *r, size_t off);
static inline uint16_t io_read16(const struct io_region *r, size_t off);
static inline uint32_t io_read32(const struct io_region *r, size_t off);
static inline uint64_t io_read64(const struct io_region *r, size_t off);
static inline void io_write8(const struct io_region *r, size_t off, uint8_t v);
static inline void io_write16(const struct io_region *r, size_t off, uint16_t v);
static inline void io_write32(const struct io_region *r, size_t off, uint32_t v);
static inline void io_write64(const struct io_region *r, size_t off, uint64_t v);

/** @brief Bus masters see earlier stores to memory before later stores. @context{any} */
static inline void hal_dma_wmb(void);
/**
 * @brief Later loads from memory see what a bus master wrote before it wrote what earlier loads
 * saw.
 * @context{any}
 */
static inline void hal_dma_rmb(void);
/** @brief Both, and earlier stores are ordered before later loads. @context{any} */
static inline void hal_dma_mb(void);

#include "hal_arch/io.h"
