// SPDX-License-Identifier: MIT
//
// AArch64 stage 1 descriptors (EL1&0, 4 KiB granule, 48-bit), built and read only here. Arm ARM
// (DDI 0487), D8.3 "Translation table descriptor formats". hal's level 0 is the architecture's
// level 3, hal's 3 is its 0. The pte.h of every machine has the same include guard: a host test
// includes the one that it needs first.
#ifndef HAL_ARCH_PTE_H
#define HAL_ARCH_PTE_H

#include "hal/trap.h"
#include "hal/types.h"

typedef struct {
    uint64_t raw;
} pte_t;

#define PTE_VALID ((uint64_t)1 << 0)
/* Above level 0 a table, at level 0 a page; if clear: a block. */
#define PTE_TABLE    ((uint64_t)1 << 1)
#define PTE_ATTR(i)  ((uint64_t)(i) << 2)
#define PTE_AP_EL0   ((uint64_t)1 << 6) /* AP[1]: EL0 may access. It is NOT "read-only" */
#define PTE_AP_RO    ((uint64_t)1 << 7) /* AP[2]: read-only */
#define PTE_SH_INNER ((uint64_t)3 << 8)
#define PTE_AF       ((uint64_t)1 << 10)
#define PTE_GP       ((uint64_t)1 << 50) /* guarded page (FEAT_BTI) */
#define PTE_PXN      ((uint64_t)1 << 53)
#define PTE_UXN      ((uint64_t)1 << 54)
/* used by software in invalid entries: see hal_pte_lazy() */
#define PTE_BUSY ((uint64_t)1 << 55)
#define PTE_ADDR UINT64_C(0x0000fffffffff000)

/* Restrictions that a table applies to everything below it. */
#define PTE_TABLE_PXN    ((uint64_t)1 << 59)
#define PTE_TABLE_UXN    ((uint64_t)1 << 60)
#define PTE_TABLE_AP_EL0 ((uint64_t)1 << 61) /* no EL0 access below */
#define PTE_TABLE_AP_RO  ((uint64_t)1 << 62) /* no writes below */

#define HAL_PTE_ADDR_MAX UINT64_C(0x0000ffffffffffff)
#define HAL_PTE_BREAK_BEFORE_MAKE                                                                  \
    1 /* Arm ARM D8.14: a live block is not replaced by a table directly */

/* MAIR_EL1: index = enum mem_type. Normal write-back, Device-nGnRE, Normal non-cacheable. */
#define HAL_MAIR_VALUE UINT64_C(0x4404ff)

/** CPU settings that change what a descriptor allows. */
struct hal_pte_rules {
    bool wxn; /* SCTLR_EL1.WXN: EL1 cannot execute memory that it can write */
    bool pan; /* PSTATE.PAN: EL1 cannot access memory that EL0 can */
};

static inline pte_t hal_pte_none(void)
{
    return (pte_t){.raw = 0};
}

/* EL0 can access nothing below a kernel table: UXN and no EL0 access, whatever a leaf says. */
static inline pte_t hal_pte_table(paddr_t table)
{
    return (pte_t){.raw = (table.raw & PTE_ADDR) | PTE_TABLE_UXN | PTE_TABLE_AP_EL0 | PTE_TABLE |
                          PTE_VALID};
}

static inline pte_t hal_pte_leaf(paddr_t pa, unsigned level, unsigned prot, enum mem_type type)
{
    uint64_t raw = (pa.raw & PTE_ADDR) | PTE_AF | PTE_UXN | PTE_ATTR(type) | PTE_VALID;
    raw |= level == 0 ? PTE_TABLE : 0;
    raw |= type == MEM_DEVICE ? 0 : PTE_SH_INNER;
    raw |= (prot & PROT_W) != 0 ? 0 : PTE_AP_RO;
    raw |= (prot & PROT_X) != 0 ? 0 : PTE_PXN;
    raw |= (prot & PROT_GUARDED) != 0 ? PTE_GP : 0;
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
    return (e.raw & PTE_VALID) != 0;
}

/* At level 0 only the page encoding is a leaf; at the root (level 3) a block does not exist. */
static inline bool hal_pte_is_leaf(pte_t e, unsigned level)
{
    bool table_bit = (e.raw & PTE_TABLE) != 0;
    return level == 0 ? table_bit : level < 3 && !table_bit;
}

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
    return (unsigned)PROT_R | ((e.raw & PTE_AP_RO) != 0 ? 0 : (unsigned)PROT_W) |
           ((e.raw & PTE_PXN) != 0 ? 0 : (unsigned)PROT_X) |
           ((e.raw & PTE_GP) != 0 ? (unsigned)PROT_GUARDED : 0);
}

static inline enum mem_type hal_pte_type(pte_t e, unsigned level)
{
    (void)level;
    return (enum mem_type)((e.raw >> 2) & 7);
}

/* Whether the entry is empty: nothing is mapped or reserved. */
static inline bool hal_pte_is_none(pte_t e)
{
    return e.raw == 0;
}

/* A page that is not valid yet: the CPU then ignores all other bits. */
static inline pte_t hal_pte_lazy(pte_t leaf)
{
    return (pte_t){.raw = leaf.raw & ~PTE_VALID};
}

/* The leaf from which hal_pte_lazy() was made, busy or not. */
static inline pte_t hal_pte_touched(pte_t lazy)
{
    return (pte_t){.raw = (lazy.raw & ~PTE_BUSY) | PTE_VALID};
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
 * @brief Why the CPU refuses an EL1 access through these descriptors, or NULL if it allows it.
 * @param path  path[level] for level = leaf .. 3, all present.
 */
const char *hal_pte_denies(const pte_t *path, unsigned leaf, enum fault_access access,
                           const struct hal_pte_rules *rules);

#endif
