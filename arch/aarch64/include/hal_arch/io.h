// SPDX-License-Identifier: MIT
//
// Bodies of hal/io.h. Every region is memory here (even a PCI I/O window), mapped Device-nGnRE:
// accesses to one device keep their order. They use plain loads and stores with only a base
// register, because hypervisors emulate those but not the ones that write the address back.
#pragma once

#include "hal/io.h"

static inline bool hal_io_has_ports(void)
{
    return false;
}

#define HAL_IO_ACCESS(bits, reg, suffix)                                                           \
    static inline uint##bits##_t io_read##bits(const struct io_region *r, size_t off)              \
    {                                                                                              \
        uint##bits##_t v;                                                                          \
        __asm__ volatile("ldr" suffix " %" reg "0, [%1]"                                           \
                         : "=r"(v)                                                                 \
                         : "r"(r->base + off)                                                      \
                         : "memory");                                                              \
        return v;                                                                                  \
    }                                                                                              \
    static inline void io_write##bits(const struct io_region *r, size_t off, uint##bits##_t v)     \
    {                                                                                              \
        __asm__ volatile("str" suffix " %" reg "0, [%1]"                                           \
                         :                                                                         \
                         : "r"(v), "r"(r->base + off)                                              \
                         : "memory");                                                              \
    }

HAL_IO_ACCESS(8, "w", "b")
HAL_IO_ACCESS(16, "w", "h")
HAL_IO_ACCESS(32, "w", "")
HAL_IO_ACCESS(64, "x", "")

#undef HAL_IO_ACCESS

static inline void hal_dma_wmb(void)
{
    __asm__ volatile("dmb oshst" : : : "memory");
}

static inline void hal_dma_rmb(void)
{
    __asm__ volatile("dmb oshld" : : : "memory");
}

static inline void hal_dma_mb(void)
{
    __asm__ volatile("dmb osh" : : : "memory");
}
