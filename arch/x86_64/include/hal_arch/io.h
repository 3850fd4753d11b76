// SPDX-License-Identifier: MIT
//
// Bodies of hal/io.h. Memory regions are mapped uncached, where loads and
// stores keep their order; accesses to ports are always ordered. RAM is
// coherent with bus masters and stores keep their order (total store order),
// so only a load that must not pass an earlier store needs an instruction.
#pragma once

#include "hal/io.h"
#include "hal_arch/sysreg.h"

#define HAL_IO_ACCESS(bits, read_port, write_port)                                                 \
    static inline uint##bits##_t io_read##bits(const struct io_region *r, size_t off)              \
    {                                                                                              \
        hal_io_check(r, off, bits / 8);                                                            \
        return r->is_port ? read_port : *(const volatile uint##bits##_t *)(r->base + off);         \
    }                                                                                              \
    static inline void io_write##bits(const struct io_region *r, size_t off, uint##bits##_t v)     \
    {                                                                                              \
        hal_io_check(r, off, bits / 8);                                                            \
        if (r->is_port) {                                                                          \
            write_port;                                                                            \
        } else {                                                                                   \
            *(volatile uint##bits##_t *)(r->base + off) = v;                                       \
        }                                                                                          \
    }

static inline bool hal_io_has_ports(void)
{
    return true;
}

/* Ports are 32 bits wide at most. */
static inline uint64_t hal_port_in64(uint16_t port)
{
    uint64_t lo = port_in32(port);
    return (uint64_t)port_in32((uint16_t)(port + 4)) << 32 | lo;
}

static inline void hal_port_out64(uint16_t port, uint64_t v)
{
    port_out32(port, (uint32_t)v);
    port_out32((uint16_t)(port + 4), (uint32_t)(v >> 32));
}

HAL_IO_ACCESS(8, port_in8((uint16_t)(r->base + off)), port_out8((uint16_t)(r->base + off), v))
HAL_IO_ACCESS(16, port_in16((uint16_t)(r->base + off)), port_out16((uint16_t)(r->base + off), v))
HAL_IO_ACCESS(32, port_in32((uint16_t)(r->base + off)), port_out32((uint16_t)(r->base + off), v))
HAL_IO_ACCESS(64, hal_port_in64((uint16_t)(r->base + off)),
              hal_port_out64((uint16_t)(r->base + off), v))

#undef HAL_IO_ACCESS

static inline void hal_dma_wmb(void)
{
    __asm__ volatile("" : : : "memory");
}

static inline void hal_dma_rmb(void)
{
    __asm__ volatile("" : : : "memory");
}

static inline void hal_dma_mb(void)
{
    __asm__ volatile("mfence" : : : "memory");
}
