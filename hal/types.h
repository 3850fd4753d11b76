// SPDX-License-Identifier: MIT
//
// Types that every layer shares: addresses, pages, protection. No functions of a machine.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  ((size_t)1 << PAGE_SHIFT) /* bytes; both machines use 4 KiB pages */

/** A physical address: its own struct, so that passing a virtual one does not compile. */
typedef struct {
    uint64_t raw;
} paddr_t;

/** An address as a bus master sees it; created only
 * by the DMA-mapping functions (kernel/io/dma.h). */
typedef struct {
    uint64_t raw;
} busaddr_t;

/** A kernel virtual address as a number: 64 bits even in the code that checks page tables before an
 * x86-64 CPU is in 64-bit mode. */
typedef uint64_t vaddr_t;

/** Index of a CPU, 0 to CPU_MAX - 1, without gaps; 0 is the boot CPU. */
typedef uint32_t cpu_t;
#define CPU_MAX 256u

/** Saved interrupt mask, opaque, from hal_irq_save() for hal_irq_restore(). */
typedef uintptr_t irq_state_t;

/** Permissions of a mapping. There are no mappings without PROT_R; W and X together are refused. */
enum prot {
    PROT_NONE = 0,
    PROT_R = 1,
    PROT_W = 2,
    PROT_X = 4,
    /** with PROT_X: indirect branches into it must hit a landing pad, or fault. Ignored if the CPU
     * cannot check that */
    PROT_GUARDED = 8,
    PROT_LAZY = 16, /**< for hal_mmu_map(), without PROT_X: cleared and mapped by hal_mmu_touch() */
};

/** Memory types. */
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
