// SPDX-License-Identifier: MIT
//
// x86-64 page-table entries, built and read only here. Intel SDM volume 3A, 4.5 "4-level paging",
// tables 4-14 to 4-20. The pte.h of every machine has the same include guard: a host test includes
// the one that it needs first.
#ifndef HAL_ARCH_PTE_H
#define HAL_ARCH_PTE_H

#include "hal/trap.h"
#include "hal/types.h"

/* Aligned in 32-bit mode, too, whose ABI requires only
 * 4: an entry is read and written in one access. */
typedef struct {
    _Alignas(8) uint64_t raw;
} pte_t;

#define PTE_P     ((uint64_t)1 << 0)
#define PTE_RW    ((uint64_t)1 << 1)
#define PTE_US    ((uint64_t)1 << 2)
#define PTE_PWT   ((uint64_t)1 << 3)
#define PTE_PCD   ((uint64_t)1 << 4)
#define PTE_A     ((uint64_t)1 << 5)
#define PTE_D     ((uint64_t)1 << 6)
#define PTE_PS    ((uint64_t)1 << 7) /* levels 1 and 2: a leaf; at level 0 the bit is PAT */
#define PTE_G     ((uint64_t)1 << 8)
#define PTE_PAT_0 ((uint64_t)1 << 7)  /* level 0 */
#define PTE_PAT_N ((uint64_t)1 << 12) /* levels 1 and 2 */
/* used by software in entries that are not present: see hal_pte_lazy() */
#define PTE_BUSY ((uint64_t)1 << 9)
#define PTE_NX   ((uint64_t)1 << 63)
#define PTE_ADDR UINT64_C(0x000ffffffffff000)

#define HAL_PTE_ADDR_MAX          UINT64_C(0x000fffffffffffff)
#define HAL_PTE_BREAK_BEFORE_MAKE 0

/*
 * Memory types by PAT index = PAT:PCD:PWT. The boot code leaves entries 0 to 3 of IA32_PAT at their
 * reset values (WB, WT, UC-, UC) and sets entry 4 to WC.
 */
#define HAL_PAT_VALUE UINT64_C(0x0007040100070406)

/** CPU settings that change what an entry allows. */
struct hal_pte_rules {
    bool nxe;  /* EFER.NXE: without it bit 63 is reserved */
    bool wp;   /* CR0.WP: R/W applies to ring 0 */
    bool smep; /* CR4.SMEP */
    bool smap; /* CR4.SMAP with EFLAGS.AC clear */
};

static inline pte_t hal_pte_none(void)
{
    return (pte_t){.raw = 0};
}

/* Upper levels allow everything that a supervisor page may allow; leaves decide. Never US: ring 3
 * can access nothing. */
static inline pte_t hal_pte_table(paddr_t table)
{
    return (pte_t){.raw = (table.raw & PTE_ADDR) | PTE_P | PTE_RW | PTE_A};
}

/* A and D are set from the start: the kernel does not use them, and so the CPU need not write to
 * the table. */
static inline pte_t hal_pte_leaf(paddr_t pa, unsigned level, unsigned prot, enum mem_type type)
{
    uint64_t raw = (pa.raw & PTE_ADDR) | PTE_P | PTE_A | PTE_D | PTE_G;
    raw |= level > 0 ? PTE_PS : 0;
    raw |= (prot & PROT_W) != 0 ? PTE_RW : 0;
    raw |= (prot & PROT_X) != 0 ? 0 : PTE_NX;
    if (type == MEM_DEVICE) {
        raw |= PTE_PCD | PTE_PWT;
    } else if (type == MEM_WRITE_COMBINE) {
        raw |= level > 0 ? PTE_PAT_N : PTE_PAT_0;
    }
    return (pte_t){.raw = raw};
}

/* The leaf for the following frames: the address
 * field is in place, so adding the size is enough. */
static inline pte_t hal_pte_next(pte_t leaf, unsigned level)
{
    return (pte_t){.raw = leaf.raw + (PAGE_SIZE << 9 * level)};
}

static inline bool hal_pte_is_present(pte_t e)
{
    return (e.raw & PTE_P) != 0;
}

static inline bool hal_pte_is_leaf(pte_t e, unsigned level)
{
    return level == 0 || (level < 3 && (e.raw & PTE_PS) != 0);
}

/* In a leaf above level 0 the low address bits are PAT and reserved bits. */
static inline paddr_t hal_pte_addr(pte_t e, unsigned level)
{
    uint64_t mask = PTE_ADDR;
    if (level > 0 && hal_pte_is_leaf(e, level)) {
        mask &= ~(((uint64_t)1 << (12 + 9 * level)) - 1);
    }
    return paddr(e.raw & mask);
}

static inline unsigned hal_pte_prot(pte_t e)
{
    return (unsigned)PROT_R | ((e.raw & PTE_RW) != 0 ? (unsigned)PROT_W : 0) |
           ((e.raw & PTE_NX) != 0 ? 0 : (unsigned)PROT_X);
}

static inline enum mem_type hal_pte_type(pte_t e, unsigned level)
{
    if ((e.raw & PTE_PCD) != 0) {
        return MEM_DEVICE;
    }
    return (e.raw & (level > 0 ? PTE_PAT_N : PTE_PAT_0)) != 0 ? MEM_WRITE_COMBINE : MEM_NORMAL;
}

/* Whether the entry is empty: nothing is mapped or reserved. */
static inline bool hal_pte_is_none(pte_t e)
{
    return e.raw == 0;
}

/* A leaf of level 0 that is not present yet. Its address is stored inverted: a CPU that
 * speculatively uses an entry before checking P (L1 terminal fault) then accesses memory that does
 * not exist. */
static inline pte_t hal_pte_lazy(pte_t leaf)
{
    return (pte_t){.raw = (leaf.raw ^ PTE_ADDR) & ~PTE_P};
}

/* The leaf from which hal_pte_lazy() was made, busy or not. */
static inline pte_t hal_pte_touched(pte_t lazy)
{
    return (pte_t){.raw = ((lazy.raw ^ PTE_ADDR) & ~PTE_BUSY) | PTE_P};
}

/* Mark the lazy entry: a CPU is clearing its frame. */
static inline pte_t hal_pte_busy(pte_t lazy)
{
    return (pte_t){.raw = lazy.raw | PTE_BUSY};
}

static inline bool hal_pte_is_busy(pte_t lazy)
{
    return (lazy.raw & PTE_BUSY) != 0;
}

/**
 * @brief Why the CPU refuses a supervisor access through these entries, or NULL if it allows it.
 * @param path  path[level] for level = leaf .. 3, all present.
 */
const char *hal_pte_denies(const pte_t *path, unsigned leaf, enum fault_access access,
                           const struct hal_pte_rules *rules);

#endif
