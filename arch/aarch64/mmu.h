// SPDX-License-Identifier: MIT
//
// Shared by the code that turns the MMU on and the code that manages the tables afterwards.
#pragma once

#include "hal/pagetable.h"
#include "hal/types.h"

/** @brief Value of TCR_EL1 while both halves are translated. @context{any} */
uint64_t mmu_tcr(void);

/** @brief Value of SCTLR_EL1 with MMU and caches on, writable memory never executable, return
 * addresses signed if the CPU supports it. @pre pac_load_key() was called on this CPU.
 * @context{any} */
uint64_t mmu_sctlr(void);

/** @brief The highest physical address that the tables can hold. @context{any} */
uint64_t mmu_physical_max(void);

/** @brief Kernel tables with this root, accessed through the direct map. @context{any} */
struct pagetable mmu_tables_at(paddr_t root);

/** @brief The tables that hal/mmu.h's functions change. @context{any} */
struct pagetable mmu_tables(void);
/** @brief Use these tables from here on. @context{early} */
void mmu_use(const struct pagetable *pt);

/** @brief Flush all TLBs: when this returns no CPU has an old translation. @context{any} */
void mmu_flush_everything(void);

/** @brief Remove the bits of `prot` that this CPU cannot enforce: the bit of PROT_GUARDED is
 * reserved without FEAT_BTI. @context{any} */
unsigned mmu_enforceable(unsigned prot);

/** @brief The settings of this CPU that the software walker must know, as they will be with
 * mmu_sctlr(). @context{any} */
struct hal_pte_rules mmu_rules(void);

/** A claim that must hold before the tables are used. */
struct mmu_proof {
    const char *what;
    vaddr_t va;
    paddr_t pa;
    enum fault_access access; /* FAULT_NONE: nothing may be mapped there */
};

/**
 * @brief Check a claim against the architecture's permission rules.
 * @return NULL: it holds. Otherwise a static sentence with the reason.
 * @context{early}
 */
const char *mmu_disproof(const struct pagetable *pt, const struct mmu_proof *claim);

/**
 * @brief Use tables that are live already, for queries until hal_mmu_init().
 * @param root Root of TTBR1's half; tables are accessed through the direct map.
 * @param identity  Where idmap_start is mapped one to one in TTBR0's half.
 * @context{early}
 */
void mmu_adopt(paddr_t root, uintptr_t identity);

/**
 * @brief Make separate tables that map the page of idmap_start at its physical address, for the
 * lower half of a CPU that turns its MMU on.
 * @param kernel  Receives the final tables of the upper half.
 * @param identity  Receives those of the lower half.
 * @return OK; E_NOMEM.
 * @context{thread; once}
 */
enum status mmu_begin_start(struct pagetable *kernel, struct pagetable *identity);

/**
 * @brief From here on the calling CPU has nothing in its lower half, and does not even walk it.
 * @context{early, starting CPU}
 */
void mmu_close_lower_half(void);

/* Defined in entry.S, on the page that is mapped one to one. */
extern char idmap_start[], idmap_end[];
void mmu_replace_ttbr1(uint64_t root);
