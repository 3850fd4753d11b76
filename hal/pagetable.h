// SPDX-License-Identifier: MIT
//
// Radix page tables: 4 levels of 512 entries of 8 bytes over 4 KiB pages, which both machines use.
// The machine defines the format of an entry and the CPU's permission rules (hal_arch/pte.h,
// arch/MACHINE/pte.c); the structure is here, once. Pure: it builds on the host, and on AArch64 it
// runs before the MMU is on, at physical addresses, so it contains no table of pointers.
//
// Levels count upwards: a leaf at level 0 maps 4 KiB, at 1 2 MiB, at 2 1 GiB; level 3 is the root.
#pragma once

#include "hal/mmu.h"
#include "hal/trap.h"
#include "hal/types.h"
#include "hal_arch/pte.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/status.h"

#define PT_LEVELS     4u
#define PT_ENTRIES    512u
#define PT_LEAF_MAX   2u /* highest level that can have a leaf */
#define PT_SHIFT(lvl) (PAGE_SHIFT + 9u * (lvl))
#define PT_SPAN(lvl)  ((uint64_t)1 << PT_SHIFT(lvl)) /* bytes covered by one entry of a level */

/** The position of the last small range, because the next one is often in the same table. Protected
 * by whatever serialises changes to the tables. */
struct pagetable_recent {
    vaddr_t base; /* start of the 2 MiB that the table maps, or PAGETABLE_NOWHERE */
    pte_t *table; /* its entries */
};

/* There is no recent table: no valid address is in these 2 MiB. */
#define PAGETABLE_NOWHERE ((vaddr_t)1 << 62)

/** A set of tables and how software accesses them. Function pointers are set at run time. */
struct pagetable {
    paddr_t root;
    uint64_t phys_max; /* highest physical address of this CPU: entries with larger ones fault */
    unsigned leaf_max; /* largest leaf that this CPU and this use allow: 0 to PT_LEAF_MAX */
    void *(*at)(paddr_t table);  /* address at which software can access a table's 512 entries */
    bool (*alloc)(paddr_t *out); /* a zeroed frame */
    void (*free)(paddr_t table); /* frees a frame that was never linked */
    struct pagetable_recent *recent; /* NULL: every walk starts at the root */
    /* The rest is for splitting a leaf on machines that require an entry to be invalid before it is
     * replaced (HAL_PTE_BREAK_BEFORE_MAKE). The leaf may map the tables, or anything else of the
     * kernel. So the entry is accessed through another mapping, with interrupts masked. */
    void (*forget)(vaddr_t va); /* invalidate one address at once */
    /* the table's entries, through a mapping of their own; NULL: no
     * memory for it. One at a time. Until close() no other CPU accesses
     * anything that the tables map, except the image and its stack */
    void *(*open)(paddr_t table);
    void (*close)(void); /* the stores are visible from here on */
};

/**
 * @brief Map consecutive frames, with the largest leaves that fit. Contract as hal_mmu_map().
 * @return OK; E_EXIST; E_NOMEM; E_INVAL: unaligned, wrapping, beyond phys_max, or W and X. On
 * failure nothing has changed.
 */
enum status pagetable_map(const struct pagetable *pt, vaddr_t va, paddr_t pa, size_t pages,
                          unsigned prot, enum mem_type type);

/**
 * @brief Remove mappings. Contract as hal_mmu_unmap().
 *
 * A table whose whole span is unmapped is removed with its leaves (HAL_GATHER_TABLE). One that is
 * only partly emptied stays for the next mapping there, so that mapping one page never scans a
 * table.
 */
enum status pagetable_unmap(const struct pagetable *pt, vaddr_t va, size_t pages,
                            struct hal_mmu_batch *batch);

/** @brief Change protection. Contract as hal_mmu_protect(). */
enum status pagetable_protect(const struct pagetable *pt, vaddr_t va, size_t pages, unsigned prot,
                              struct hal_mmu_batch *batch);

/**
 * @brief Clear and map pages that were mapped with PROT_LAZY. Contract as hal_mmu_touch().
 * @param pages  A power of two, at most PT_ENTRIES.
 */
bool pagetable_touch(const struct pagetable *pt, vaddr_t va, size_t pages);

/** @brief Look one address up. @return false: not mapped. */
bool pagetable_query(const struct pagetable *pt, vaddr_t va, struct hal_mapping *out);

/** @brief How much from va on has no table. Contract as hal_mmu_absent(). */
uint64_t pagetable_absent(const struct pagetable *pt, vaddr_t va);

/** @brief Call fn for each maximal run of contiguous pages in [from, to], ascending. */
void pagetable_walk(const struct pagetable *pt, vaddr_t from, vaddr_t to,
                    void (*fn)(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m),
                    void *ctx);

/**
 * @brief Whether the CPU would allow this access at its highest privilege (EL1, ring 0). Checks the
 * architecture's permission rules over the whole path, independently of the functions that made the
 * entries.
 * @param rules   The CPU's settings that affect the rules.
 * @param expect  If not NULL: the physical address that must be reached.
 * @return NULL: allowed. Otherwise a static sentence with the reason.
 */
const char *pagetable_check(const struct pagetable *pt, vaddr_t va, enum fault_access access,
                            const struct hal_pte_rules *rules, const paddr_t *expect);

/** @brief Add a range to a batch: extend the last range if it is adjacent; when the batch is full,
 * cover everything. */
static inline void hal_mmu_batch_add(struct hal_mmu_batch *batch, vaddr_t va, size_t pages)
{
    uint32_t i = batch->count;
    if (i > 0 && UNLIKELY(va == batch->range[i - 1].va + batch->range[i - 1].pages * PAGE_SIZE)) {
        batch->range[i - 1].pages += pages;
        batch->pages += pages;
        return;
    }
    batch->pages += pages;
    if (UNLIKELY(i == HAL_BATCH_RANGES)) {
        batch->flush_all = true;
        return;
    }
    batch->range[i].va = va;
    batch->range[i].pages = pages;
    batch->count = i + 1;
}
