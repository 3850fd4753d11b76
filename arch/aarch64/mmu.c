// SPDX-License-Identifier: MIT
//
// The kernel's live tables, and the TLB. hal/pagetable.c implements the radix tree, hal_arch/pte.h
// the format of entries, mmu_final.c the first final tables. TLB operations are broadcast (inner
// shareable), so other CPUs are interrupted only where they must not even read (hold_others()).
// tests/unit/test_tlb.c runs this file with a walker and a TLB as weak as the architecture allows,
// because an emulator forgives mistakes that hardware does not.
#include "arch/aarch64/mmu.h"

#include "hal/cpu.h"
#include "hal/layout.h"
#include "hal/smp.h"
#include "hal/upcall.h"
#include "hal_arch/barrier.h"
#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"

/* Above this many pages, flushing everything is cheaper than one instruction for each page. */
#define FLUSH_PAGES_MAX ((size_t)256)

/* Seconds: no CPU masks interrupts for that long. */
#define ANSWER_SPINS_MAX ((uint64_t)1 << 32)

static struct pagetable kernel_tables;

/* ---- TLB ---- */

static void publish(void)
{
    dsb_ishst(); /* make the stores visible to the walker */
    isb();
}

static void flush_page(vaddr_t va)
{
    uint64_t operand = (va >> PAGE_SHIFT) & ((UINT64_C(1) << 44) - 1);
    tlbi_vaae1is(operand); /* leaves and walk caches */
}

static void finish_flush(void)
{
    dsb_ish();
    isb();
}

static void forget(vaddr_t va)
{
    publish();
    flush_page(va);
    finish_flush();
}

void mmu_flush_everything(void)
{
    publish();
    tlbi_vmalle1is();
    finish_flush();
}

/* ---- Other CPUs ---- */

/* In the image, because the direct map may have a hole while other CPUs are held. Acquire and
 * release order the holder's accesses: after all CPUs are held, and before they continue. */
static struct {
    atomic_flag busy; /* set by the CPU that holds the others, or is about to */
    _Atomic bool is_holding;
    _Atomic uint32_t held;
} hold = {.busy = ATOMIC_FLAG_INIT};

/* HAL_IPI_MACHINE. Accesses only the image and its stack, and is not interrupted. */
void hal_ipi_serve_machine(void)
{
    atomic_fetch_add_explicit(&hold.held, 1, memory_order_acq_rel);
    while (atomic_load_explicit(&hold.is_holding, memory_order_acquire)) {
        cpu_yield();
    }
    atomic_fetch_sub_explicit(&hold.held, 1, memory_order_release);
    isb();
}

static void wait_until_held(uint32_t count)
{
    for (uint64_t spins = 0; atomic_load_explicit(&hold.held, memory_order_acquire) != count;
         spins++) {
        if (spins == ANSWER_SPINS_MAX) {
            panic("mmu: a CPU does not answer: it runs with interrupts masked, and does not poll");
        }
        hal_cpu_relax();
    }
}

/* Stop every other CPU, in code of the image, until release_others(). Interrupts are masked. Code
 * that cannot be masked checks `is_holding`, even if there is only one CPU. */
static void hold_others(void)
{
    cpu_t count = cpus_count();
    if (hal_this_cpu()->in_panic) {
        return; /* a panicking CPU has stopped them */
    }
    while (atomic_flag_test_and_set_explicit(&hold.busy, memory_order_acquire)) {
        hal_cpu_relax(); /* that CPU may be waiting for this one */
    }
    atomic_store_explicit(&hold.is_holding, true, memory_order_release);
    for (cpu_t i = 0; i < count; i++) {
        if (cpus_at(i) != hal_this_cpu()) {
            ipi_send(cpus_at(i), HAL_IPI_MACHINE);
        }
    }
    wait_until_held(count - 1);
}

/* When this returns the last CPU has continued, so that none is counted twice. */
static void release_others(void)
{
    if (atomic_load_explicit(&hold.is_holding, memory_order_relaxed)) {
        atomic_store_explicit(&hold.is_holding, false, memory_order_release);
        wait_until_held(0);
        atomic_flag_clear_explicit(&hold.busy, memory_order_release);
    }
}

/* Before a table is freed: wait until every CPU that is walking it (hal_mmu_query(), interrupts
 * masked) has finished. */
static NOINLINE void wait_for_walkers(void)
{
    hold_others();
    release_others();
}

void hal_mmu_flush(struct hal_mmu_batch *batch)
{
    if (batch->flush_all || batch->pages > FLUSH_PAGES_MAX) {
        mmu_flush_everything();
    } else if (batch->count > 0) {
        publish();
        for (uint32_t i = 0; i < batch->count; i++) {
            for (size_t page = 0; page < batch->range[i].pages; page++) {
                flush_page(batch->range[i].va + page * PAGE_SIZE);
            }
        }
        finish_flush();
    }
    if (batch->has_tables) {
        wait_for_walkers();
    }
    hal_mmu_batch_clear(batch);
}

/* ---- The tables ---- */

static void *table_at(paddr_t table)
{
    return hal_direct(table);
}

static vaddr_t window_page(void)
{
    return (uintptr_t)__image_base + HAL_WINDOW_PAGE_OFFSET;
}

static void *open_window(paddr_t table)
{
    enum status s =
        pagetable_map(&kernel_tables, window_page(), table, 1, PROT_R | PROT_W, MEM_NORMAL);
    publish();
    if (s != OK) {
        return NULL;
    }
    hold_others();
    return (void *)window_page();
}

static void gather_nothing(void *ctx, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    (void)ctx; /* one page never makes a table empty, and the frame still belongs to its owner */
    (void)kind;
    (void)base;
    (void)pages;
}

static void close_window(void)
{
    struct hal_mmu_batch batch = {.gather = gather_nothing};
    publish();
    release_others();
    enum status s = pagetable_unmap(&kernel_tables, window_page(), 1, &batch);
    ASSERT(s == OK);
    forget(window_page());
}

struct pagetable mmu_tables_at(paddr_t root)
{
    return (struct pagetable){
        .root = root,
        .phys_max = mmu_physical_max(),
        .leaf_max = PT_LEAF_MAX,
        .at = table_at,
        .alloc = upcall_table_frame,
        .free = upcall_table_frame_free,
        .forget = forget,
        .open = open_window,
        .close = close_window,
    };
}

struct pagetable mmu_tables(void)
{
    struct pagetable pt = kernel_tables;
    pt.recent = NULL;
    return pt;
}

void mmu_use(const struct pagetable *pt)
{
    static struct pagetable_recent recent = {.base = PAGETABLE_NOWHERE};
    kernel_tables = *pt;
    kernel_tables.recent = &recent;
    recent.base = PAGETABLE_NOWHERE;
}

/* ---- hal/mmu.h ---- */

/* PROT_GUARDED needs no support for data mappings. */
static ALWAYS_INLINE unsigned enforceable(unsigned prot)
{
    return (prot & PROT_GUARDED) != 0 ? mmu_enforceable(prot) : prot;
}

enum status hal_mmu_map(vaddr_t va, paddr_t pa, size_t pages, unsigned prot, enum mem_type type)
{
    enum status s = pagetable_map(&kernel_tables, va, pa, pages, enforceable(prot), type);
    publish();
    return s;
}

enum status hal_mmu_unmap(vaddr_t va, size_t pages, struct hal_mmu_batch *batch)
{
    return pagetable_unmap(&kernel_tables, va, pages, batch);
}

enum status hal_mmu_protect(vaddr_t va, size_t pages, unsigned prot, struct hal_mmu_batch *batch)
{
    return pagetable_protect(&kernel_tables, va, pages, enforceable(prot), batch);
}

uint64_t hal_mmu_physical_max(void)
{
    return kernel_tables.phys_max;
}

bool hal_mmu_touch(vaddr_t va, size_t pages)
{
    bool is_there = pagetable_touch(&kernel_tables, va, pages);
    publish();
    return is_there;
}

bool hal_mmu_query(vaddr_t va, struct hal_mapping *out)
{
    return pagetable_query(&kernel_tables, va, out);
}

uint64_t hal_mmu_absent(vaddr_t va)
{
    return pagetable_absent(&kernel_tables, va);
}

/* Not checked by a sanitizer: the address may be of poisoned memory. */
NO_ADDRESS_CHECK bool hal_mmu_peek(vaddr_t va, uint64_t *out)
{
    struct hal_mapping m;
    /* While CPUs are held the direct map may have a hole, and the tables are reached through it. A
     * CPU that is held comes here after `is_holding` was set; one that is not cannot be held before
     * this returns. Acquire pairs with the holder's release. */
    if (atomic_load_explicit(&hold.is_holding, memory_order_acquire) || va >> 48 != 0xffff ||
        va % sizeof(*out) != 0 || !hal_mmu_query(va, &m) || m.type != MEM_NORMAL) {
        return false;
    }
    *out = *(const volatile uint64_t *)va;
    return true;
}

void hal_mmu_walk(void (*fn)(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m),
                  void *ctx)
{
    pagetable_walk(&kernel_tables, HAL_DIRECT_BASE, UINT64_MAX, fn, ctx);
}
