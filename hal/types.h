// SPDX-License-Identifier: MIT
//
// The words that every layer shares: addresses, pages, protection. No functions of a machine here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  ((size_t)1 << PAGE_SHIFT) /* bytes; both machines use the 4 KiB granule */

/** A physical address: its own struct, so that passing a virtual one does not compile. */
typedef struct {
    uint64_t raw;
} paddr_t;

/** An address as a bus master sees it; comes only from the DMA-mapping call (kernel/io/dma.h). */
typedef struct {
    uint64_t raw;
} busaddr_t;

/** A kernel virtual address as a number: 64 bits also for the code that checks page tables before
 * an x86-64 CPU is in 64-bit mode. */
typedef uint64_t vaddr_t;

/** Index of a CPU, 0 to CPU_MAX - 1, dense, 0 is the boot CPU. */
typedef uint32_t cpu_t;
#define CPU_MAX 256u

/** Saved interrupt mask, opaque, from hal_irq_save() to hal_irq_restore(). */
typedef uintptr_t irq_state_t;

/** What an access may do. A mapping without PROT_R does not exist; W and X together are refused. */
enum prot {
    PROT_NONE = 0,
    PROT_R = 1,
    PROT_W = 2,
    PROT_X = 4,
    PROT_GUARDED = 8, /**< with PROT_X: indirect branches into it must hit a landing pad, or fault.
                         Dropped where the CPU cannot check that */
    PROT_LAZY = 16, /**< to hal_mmu_map(), without PROT_X: cleared and mapped by hal_mmu_touch() */
};

/** How memory behaves. */
enum mem_type {
    MEM_NORMAL,        /**< write-back cached RAM */
    MEM_DEVICE,        /**< registers: ordered, not merged, not speculated */
    MEM_WRITE_COMBINE, /**< framebuffers: uncached, writes may merge */
};

static inline paddr_t paddr(uint64_t raw)
{
    return (paddr_t){.raw = raw};
}

static inline paddr_t paddr_add(paddr_t p, uint64_t n)
{
    return (paddr_t){.raw = p.raw + n};
}
