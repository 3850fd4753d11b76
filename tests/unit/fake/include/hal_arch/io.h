// SPDX-License-Identifier: MIT
//
// Bodies of hal/io.h on the host. A memory region is the test's own memory; a port access calls
// the test's handler. The host's strong ordering would hide a missing barrier, so fake_dma.h
// gives the barriers an effect.
#pragma once

extern bool fake_has_ports;
uint64_t fake_port_read(uint16_t port, unsigned bytes);
void fake_port_write(uint16_t port, unsigned bytes, uint64_t value);
void fake_journal_add(const char *event);
void fake_dma_wmb(void);
void fake_dma_rmb(void);
void fake_dma_mb(void);
void fake_register_written(void);

static inline bool hal_io_has_ports(void)
{
    return fake_has_ports;
}

#define FAKE_IO_ACCESS(bits)                                                                       \
    static inline uint##bits##_t io_read##bits(const struct io_region *r, size_t off)              \
    {                                                                                              \
        return r->is_port ? (uint##bits##_t)fake_port_read((uint16_t)(r->base + off), bits / 8)    \
                          : *(const volatile uint##bits##_t *)(r->base + off);                     \
    }                                                                                              \
    static inline void io_write##bits(const struct io_region *r, size_t off, uint##bits##_t v)     \
    {                                                                                              \
        if (r->is_port) {                                                                          \
            fake_port_write((uint16_t)(r->base + off), bits / 8, v);                               \
        } else {                                                                                   \
            *(volatile uint##bits##_t *)(r->base + off) = v;                                       \
            fake_register_written();                                                               \
        }                                                                                          \
    }

FAKE_IO_ACCESS(8)
FAKE_IO_ACCESS(16)
FAKE_IO_ACCESS(32)
FAKE_IO_ACCESS(64)

#undef FAKE_IO_ACCESS

static inline void hal_dma_wmb(void)
{
    fake_dma_wmb();
}

static inline void hal_dma_rmb(void)
{
    fake_dma_rmb();
}

static inline void hal_dma_mb(void)
{
    fake_dma_mb();
}
