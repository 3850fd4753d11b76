// SPDX-License-Identifier: MIT
//
// The kernel's page tables and TLB. kernel/mm/vm.h decides the use of addresses, hal_arch/pte.h the
// format of an entry; hal/pagetable.h has the radix walk that most machines share.
#pragma once

#include "hal/types.h"
#include "kernel/lib/status.h"

struct boot_info;

/** The kinds of memory that was removed from the tables
 * and may be reused only after hal_mmu_flush(). */
enum hal_gather_kind {
    /** memory that was mapped: the owner of the range decides what happens to it */
    HAL_GATHER_LEAF,
    HAL_GATHER_TABLE, /**< a table that became empty: free it with page_free() */
};

#define HAL_BATCH_RANGES 8

/**
 * @brief A set of unmappings or protection changes that one flush makes visible.
 *
 * Start with hal_mmu_batch_open(). `gather` is called for each frame that left the tables, in any
 * order, before the flush: it must only record them. After more than HAL_BATCH_RANGES ranges the
 * flush covers everything.
 */
struct hal_mmu_batch {
    void (*gather)(void *ctx, enum hal_gather_kind kind, paddr_t base, size_t pages);
    void *ctx;
    size_t pages;   /* of all ranges */
    uint32_t count; /* number of ranges */
    bool flush_all;
    bool has_tables;  /* gather() was called for a table */
    bool tables_only; /* gather() is called only for tables */
    struct {
        vaddr_t va;
        size_t pages;
    } range[HAL_BATCH_RANGES];
};

/** @brief Reset a batch after its flush. */
static inline void hal_mmu_batch_clear(struct hal_mmu_batch *batch)
{
    batch->pages = 0;
    batch->count = 0;
    batch->flush_all = false;
    batch->has_tables = false;
}

/** @brief Initialise an empty batch. The ranges are not cleared, because they are most
 * of its size. */
static inline void hal_mmu_batch_open(struct hal_mmu_batch *batch,
                                      void (*gather)(void *ctx, enum hal_gather_kind kind,
                                                     paddr_t base, size_t pages),
                                      void *ctx)
{
    batch->gather = gather;
    batch->ctx = ctx;
    batch->tables_only = false;
    hal_mmu_batch_clear(batch);
}

/** The mapping of one address. */
struct hal_mapping {
    paddr_t base;  /* frame of the page or block that holds the address */
    uint64_t size; /* bytes of that page or block */
    unsigned prot; /* PROT_*, as the CPU enforces it for the kernel */
    enum mem_type type;
};

/**
 * @brief Build the kernel's final tables and switch to them.
 *
 * Maps the image section by section with exact permissions, all RAM in the direct map (with text
 * and read-only data read-only there, too), and nothing else: the bootstrap identity map no longer
 * exists afterwards. Before the switch the software walker proves the mappings of the next PC,
 * vectors, stack, console and the tables themselves against the architecture's permission rules. If
 * it cannot, that is a panic with the reason.
 * @param info  Read for its ranges; frames for tables come from upcall_table_frame().
 * @param direct_base  Where physical address 0 is in the direct map from now on: in
 * HAL_REGION_DIRECT, a multiple of 1 GiB, followed by enough room for all RAM of `info`. Earlier
 * results of hal_direct() are then invalid.
 * @context{early, once, interrupts masked}
 */
void hal_mmu_init(const struct boot_info *info, uint64_t direct_base);

/**
 * @brief Map pages of consecutive frames at va.
 * @param va     Page aligned, in the kernel's half.
 * @param pa     Page aligned.
 * @param pages  At least 1.
 * @param prot   PROT_R with PROT_W or PROT_X, not both; PROT_GUARDED with PROT_X only. PROT_LAZY:
 * only tables and frames are prepared; until hal_mmu_touch() an access faults and hal_mmu_query()
 * finds nothing. Frames must be in the direct map, 4 KiB each.
 * @return OK; E_EXIST if any page of the range is mapped; E_NOMEM if a table cannot be allocated;
 * E_INVAL for W and X together, or beyond hal_mmu_physical_max(). On failure nothing has changed.
 * @context{thread or early; does not sleep} @locks serialised by the caller (vm lock of the range)
 */
enum status hal_mmu_map(vaddr_t va, paddr_t pa, size_t pages, unsigned prot, enum mem_type type);

/**
 * @brief Clear frames that were mapped with PROT_LAZY at and around an address, and map them.
 * @param va     Any address of the page that is needed.
 * @param pages  A power of two, at most 512: handles the aligned block of this many pages around
 * va, and skips pages that are not lazy.
 * @return true: the page of va is mapped now, by this CPU or meanwhile by another one.
 * @context{any; uses no lock, does not sleep, cannot fail for a lazy page}
 */
bool hal_mmu_touch(vaddr_t va, size_t pages);

/** @brief The largest physical address that the CPU can access. @context{any} */
uint64_t hal_mmu_physical_max(void);

/**
 * @brief Remove mappings; pages that are not mapped are skipped.
 * @param batch  Receives frames and ranges; the caller flushes it. Blocks that are only partly in
 * the range are split first.
 * @return OK; E_NOMEM if a split needs a table and none can be allocated: nothing has changed.
 * @context{thread or early; does not sleep}
 */
enum status hal_mmu_unmap(vaddr_t va, size_t pages, struct hal_mmu_batch *batch);

/**
 * @brief Change the permissions of mapped pages.
 * @return OK; E_INVAL for W and X together or if a page of the range is not mapped, including lazy
 * ones; E_NOMEM as above. On failure nothing has changed.
 * @context{thread or early; does not sleep}
 */
enum status hal_mmu_protect(vaddr_t va, size_t pages, unsigned prot, struct hal_mmu_batch *batch);

/**
 * @brief Make every CPU forget the translations that the batch removed. Afterwards gathered frames
 * may be reused.
 * @context{interrupts masked, so that it starts and ends on one CPU; with several CPUs it may send
 * interrupts and wait, and meanwhile serves requests of others (hal_cpu_relax())}
 */
void hal_mmu_flush(struct hal_mmu_batch *batch);

/**
 * @brief Look up one address in the live tables.
 * @return false if nothing is mapped there; `out` is then unchanged.
 * @context{any}
 */
bool hal_mmu_query(vaddr_t va, struct hal_mapping *out);

/**
 * @brief How much, from an address on, certainly has neither mapping nor table; found with one
 * walk.
 * @return Bytes, to the end of the memory that one entry above the last level covers; 0: there is a
 * mapping, or a table of single pages, which may be empty.
 * @context{any}
 */
uint64_t hal_mmu_absent(vaddr_t va);

/**
 * @brief Read a word of mapped memory; if it is not mapped now, nothing is read.
 * @param va   In this CPU's stack or the direct map: it cannot be unmapped meanwhile.
 * @param out  Unchanged on failure.
 * @return false: it is not mapped, not memory, not aligned, or the tables are being changed.
 * @context{any, NMI}
 */
bool hal_mmu_peek(vaddr_t va, uint64_t *out);

/**
 * @brief Call fn for each maximal run of equal mappings in the kernel's half, ascending.
 * @context{thread; for `mem map` and the W^X audit test}
 */
void hal_mmu_walk(void (*fn)(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m),
                  void *ctx);
