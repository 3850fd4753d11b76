// SPDX-License-Identifier: MIT
//
// What the code that turns the MMU on and the code that runs the tables afterwards agree on.
#pragma once

#include "hal/pagetable.h"
#include "hal/types.h"

/** @brief TCR_EL1 while both halves are translated. @context{any} */
uint64_t mmu_tcr(void);

/** @brief SCTLR_EL1 with MMU and caches on, everything writable not executable, return addresses
 * signed if the CPU can. @pre pac_load_key() was called on this CPU. @context{any} */
uint64_t mmu_sctlr(void);

/** @brief The highest physical address that the tables can hold. @context{any} */
uint64_t mmu_physical_max(void);

/** @brief Kernel tables under this root, reached through the direct map. @context{any} */
struct pagetable mmu_tables_at(paddr_t root);

/** @brief The tables that hal/mmu.h's functions change. @context{any} */
struct pagetable mmu_tables(void);
/** @brief These from here on. @context{early} */
void mmu_use(const struct pagetable *pt);

/** @brief No CPU has an old translation in its TLB when this returns. @context{any} */
void mmu_flush_everything(void);

/** @brief `prot` without what this CPU cannot check: the bit of PROT_GUARDED is reserved without
 * FEAT_BTI. @context{any} */
unsigned mmu_enforceable(unsigned prot);

/** @brief Settings of this CPU that the software walker must know; as they will be with
 * mmu_sctlr(). @context{any} */
struct hal_pte_rules mmu_rules(void);

/** One thing that must hold before the tables are used. */
struct mmu_proof {
    const char *what;
    vaddr_t va;
    paddr_t pa;
    enum fault_access access; /* FAULT_NONE: nothing may be mapped there */
};

/**
 * @brief Check one claim by the architecture's permission rules.
 * @return NULL: it holds. Otherwise a static sentence why not.
 * @context{early}
 */
const char *mmu_disproof(const struct pagetable *pt, const struct mmu_proof *claim);

/**
 * @brief Tables that are live already, for queries until hal_mmu_init().
 * @param root      Root of TTBR1's half; tables are reached through the direct map.
 * @param identity  Where idmap_start is mapped one to one in TTBR0's half.
 * @context{early}
 */
void mmu_adopt(paddr_t root, uintptr_t identity);

/**
 * @brief Make the page of idmap_start appear at its physical address in tables of their own, for
 * the lower half of a CPU that turns its MMU on.
 * @param kernel  Receives the final tables of the upper half.
 * @param identity  Receives those of the lower half.
 * @return OK; E_NOMEM.
 * @context{thread; once}
 */
enum status mmu_begin_start(struct pagetable *kernel, struct pagetable *identity);

/** @brief Nothing is in the lower half of the calling CPU from here on, not even walked.
 * @context{early, starting CPU} */
void mmu_close_lower_half(void);

/* Defined in entry.S, on the page that is mapped one to one. */
extern char idmap_start[], idmap_end[];
void mmu_replace_ttbr1(uint64_t root);
