// SPDX-License-Identifier: MIT
//
// The kernel's tables and the TLB (hal/mmu.h). hal/pagetable.c implements the radix tree,
// hal_arch/pte.h the format of entries.
//
// All leaves are global, because there is one address space. So a full flush toggles CR4.PGE.
//
// A shootdown interrupts every other CPU that may have a stale translation, and waits until all
// have flushed. An idle CPU is not interrupted if it need not be (may_defer()): it flushes when
// it wakes, before it touches anything else.
#include "hal/mmu.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mmu.h"
#include "arch/x86_64/trap.h"
#include "hal/bootinfo.h"
#include "hal/layout.h"
#include "hal/pagetable.h"
#include "hal/smp.h"
#include "hal/upcall.h"
#include "hal_arch/offsets.h"
#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define FLUSH_PAGES_MAX 32 /* above this number of pages a full flush is cheaper */
#define KERNEL_HALF     UINT64_C(0xffff800000000000)

#define CPUID_EXT_EDX_PAGE1GB (1u << 26) /* SDM 2A, CPUID leaf 80000001H */

/* Seconds: no CPU masks interrupts for that long. */
#define ANSWER_SPINS_MAX ((uint64_t)1 << 32)

static void *table_at(paddr_t table)
{
    return hal_direct(table);
}

static void forget(vaddr_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* If it is interrupted between the two writes by code that does the same, that code finds PGE off.
 * It, too, must make PGE change. */
static void forget_all(void)
{
    uintptr_t cr4 = read_cr4();
    write_cr4(cr4 & ~(uintptr_t)CR4_PGE);
    write_cr4(cr4 | CR4_PGE);
}

/* The bootstrap tables until hal_mmu_init() sets the final root, so that faults can be decoded from
 * the start. */
static struct pagetable_recent recent = {.base = PAGETABLE_NOWHERE};
static struct pagetable tables = {
    .leaf_max = 1, /* until hal_mmu_init() checks whether the CPU supports 1 GiB */
    .at = table_at,
    .alloc = upcall_table_frame,
    .free = upcall_table_frame_free,
    .forget = forget,
    .recent = &recent,
};

/* SDM 3A 4.1.4: MAXPHYADDR; 36 if CPUID does not report it. */
static uint64_t physical_max(void)
{
    bool tells = cpuid(0x80000000, 0).eax >= 0x80000008;
    unsigned bits = tells ? cpuid(0x80000008, 0).eax & 0xff : 36;
    return MIN(((uint64_t)1 << bits) - 1, HAL_PTE_ADDR_MAX);
}

/* The settings of all CPUs that have started or will start: they are the same. */
struct hal_pte_rules mmu_rules(void)
{
    uintptr_t cr4 = read_cr4();
    return (struct hal_pte_rules){
        .nxe = (read_msr(MSR_EFER) & EFER_NXE) != 0,
        .wp = (read_cr0() & CR0_WP) != 0,
        .smep = (cr4 & CR4_SMEP) != 0,
        .smap = (cr4 & CR4_SMAP) != 0,
    };
}

static const struct pagetable *live(void)
{
    if (tables.root.raw == 0) {
        tables.phys_max = physical_max();
        tables.root = paddr(read_cr3());
    }
    return &tables;
}

static paddr_t image_phys(const char *symbol)
{
    return paddr((uintptr_t)symbol - (uintptr_t)__image_base);
}

static void must_map(const struct pagetable *pt, vaddr_t va, paddr_t pa, uint64_t bytes,
                     unsigned prot)
{
    if (bytes == 0) {
        return;
    }
    enum status s = pagetable_map(pt, va, pa, bytes >> PAGE_SHIFT, prot, MEM_NORMAL);
    if (s != OK) {
        panic("mmu: mapping 0x%llx bytes at 0x%llx: %s", (unsigned long long)bytes,
              (unsigned long long)va, status_text(s));
    }
}

static void map_section(const struct pagetable *pt, const char *from, const char *to, unsigned prot)
{
    must_map(pt, (uintptr_t)from, image_phys(from), (uintptr_t)to - (uintptr_t)from, prot);
}

static void map_image(const struct pagetable *pt)
{
    map_section(pt, __boot_stack_start, __boot_stack_end, PROT_R | PROT_W);
    map_section(pt, __text_start, __text_end, PROT_R | PROT_X);
    map_section(pt, __rodata_start, __rodata_end, PROT_R);
    map_section(pt, __data_start, __bss_end, PROT_R | PROT_W);
    for (unsigned i = 1; i <= IST_STACKS; i++) {
        uintptr_t lo, hi;
        cpu_ist_bounds(i, &lo, &hi);
        map_section(pt, (const char *)lo, (const char *)hi, PROT_R | PROT_W);
    }
}

/* Map a range of RAM in the direct map at `direct`; frames of text and read-only data are read-only
 * there, too. */
static void map_direct(const struct pagetable *pt, uint64_t direct, uint64_t base, uint64_t end)
{
    uint64_t ro = image_phys(__text_start).raw, ro_end = image_phys(__rodata_end).raw;
    const struct {
        uint64_t base, end;
        unsigned prot;
    } parts[] = {
        {base, MIN(end, ro), PROT_R | PROT_W},
        {MAX(base, ro), MIN(end, ro_end), PROT_R},
        {MAX(base, ro_end), end, PROT_R | PROT_W},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(parts); i++) {
        if (parts[i].base < parts[i].end) {
            must_map(pt, direct + parts[i].base, paddr(parts[i].base), parts[i].end - parts[i].base,
                     parts[i].prot);
        }
    }
}

static void map_ram(const struct pagetable *pt, const struct boot_info *info, uint64_t direct)
{
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *r = &info->ranges[i];
        if (r->kind != BOOT_RAM && r->kind != BOOT_ACPI_RECLAIM) {
            continue;
        }
        map_direct(pt, direct, r->base, r->base + r->len);
    }
}

/** A property that the tables must have before they are switched to. */
struct claim {
    const char *what;
    uintptr_t va;
    enum fault_access access;
    bool is_allowed;
};

static void prove(const struct pagetable *pt, uint64_t direct, uintptr_t stack)
{
    uintptr_t ist_lo, ist_hi;
    const struct hal_pte_rules rules = mmu_rules();
    cpu_ist_bounds(IST_FAULT, &ist_lo, &ist_hi);
    uintptr_t text_alias = direct + image_phys(__text_start).raw;
    const struct claim claims[] = {
        {"next instruction", (uintptr_t)hal_mmu_init, FAULT_EXEC, true},
        {"vectors", (uintptr_t)__text_start, FAULT_EXEC, true},
        {"end of text", (uintptr_t)__text_end - 1, FAULT_EXEC, true},
        {"read-only data", (uintptr_t)__rodata_start, FAULT_READ, true},
        {"stack", stack, FAULT_WRITE, true},
        {"boot stack", (uintptr_t)__boot_stack_start, FAULT_WRITE, true},
        {"this CPU's data", (uintptr_t)hal_this_cpu(), FAULT_WRITE, true},
        {"interrupt stack", ist_lo, FAULT_WRITE, true},
        {"end of the interrupt stack", ist_hi - 1, FAULT_WRITE, true},
        {"end of .bss", (uintptr_t)__bss_end - 1, FAULT_WRITE, true},
        {"the tables", direct + pt->root.raw, FAULT_WRITE, true},
        {"writing to text", (uintptr_t)__text_start, FAULT_WRITE, false},
        {"writing to text in the direct map", text_alias, FAULT_WRITE, false},
        {"executing text in the direct map", text_alias, FAULT_EXEC, false},
        {"writing to read-only data", (uintptr_t)__rodata_start, FAULT_WRITE, false},
        {"executing read-only data", (uintptr_t)__rodata_start, FAULT_EXEC, false},
        {"executing data", (uintptr_t)__data_start, FAULT_EXEC, false},
        {"guard below the boot stack", (uintptr_t)__boot_stack_start - 1, FAULT_READ, false},
        {"guard of an interrupt stack", ist_lo - 1, FAULT_READ, false},
        {"address 0", 0, FAULT_READ, false},
        {"identity map", HAL_BOOT_PHYS, FAULT_READ, false},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(claims); i++) {
        const struct claim *c = &claims[i];
        paddr_t expect =
            c->va >= HAL_IMAGE_BASE ? image_phys((const char *)c->va) : paddr(c->va - direct);
        const char *why =
            pagetable_check(pt, c->va, c->access, &rules, c->is_allowed ? &expect : NULL);
        if (c->is_allowed && why != NULL) {
            panic("mmu: the new tables are wrong: %s: %s", c->what, why);
        }
        if (!c->is_allowed && why == NULL) {
            panic("mmu: the new tables are wrong: %s is allowed", c->what);
        }
    }
}

static bool has_leaves_of_1_gib(void)
{
    return cpuid(0x80000000, 0).eax >= 0x80000001 &&
           (cpuid(0x80000001, 0).edx & CPUID_EXT_EDX_PAGE1GB) != 0;
}

void hal_mmu_init(const struct boot_info *info, uint64_t direct_base)
{
    struct pagetable fresh = *live();
    fresh.recent = NULL;
    fresh.leaf_max = has_leaves_of_1_gib() ? 2 : 1;
    if (!upcall_table_frame(&fresh.root)) {
        panic("mmu: no memory for the root table");
    }
    map_image(&fresh);
    map_ram(&fresh, info, direct_base);
    prove(&fresh, direct_base, (uintptr_t)&fresh);
    write_cr3(fresh.root.raw);
    hal_direct_base = direct_base;
    forget_all();
    tables = fresh;
    tables.recent = &recent;
    recent.base = PAGETABLE_NOWHERE;
}

void mmu_enter(void)
{
    write_cr3(tables.root.raw);
}

struct pagetable mmu_begin_start(paddr_t root)
{
    struct pagetable pt = tables;
    pt.root = root;
    pt.recent = NULL;
    memset(table_at(root), 0, PAGE_SIZE);
    return pt;
}

void mmu_copy_kernel_half(paddr_t root)
{
    uint64_t *to = table_at(root);
    const uint64_t *from = table_at(tables.root);
    for (unsigned i = PT_ENTRIES / 2; i < PT_ENTRIES; i++) {
        __atomic_store_n(&to[i], __atomic_load_n(&from[i], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
    }
}

enum status hal_mmu_map(vaddr_t va, paddr_t pa, size_t pages, unsigned prot, enum mem_type type)
{
    return pagetable_map(&tables, va, pa, pages, prot, type);
}

enum status hal_mmu_unmap(vaddr_t va, size_t pages, struct hal_mmu_batch *batch)
{
    return pagetable_unmap(&tables, va, pages, batch);
}

enum status hal_mmu_protect(vaddr_t va, size_t pages, unsigned prot, struct hal_mmu_batch *batch)
{
    return pagetable_protect(&tables, va, pages, prot, batch);
}

static ALWAYS_INLINE void forget_batch(const struct hal_mmu_batch *batch)
{
    if (UNLIKELY(batch->flush_all || batch->pages > FLUSH_PAGES_MAX)) {
        forget_all();
        return;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        vaddr_t va = batch->range[i].va;
        for (size_t left = batch->range[i].pages; left > 0; left--) {
            forget(va);
            va += PAGE_SIZE;
        }
    }
}

/* The translations that other CPUs must forget, one batch at a time. */
static struct {
    atomic_flag busy; /* acquire and release: the CPU that holds it owns the rest */
    /* Not atomic. The sender stores it before ipi_send() sets the request's bit in the target's
     * `asked`, and the target clears that bit before it reads this (collect_requests()); both
     * operations on `asked` are sequentially consistent. It lies on the sender's stack and stays
     * valid because the sender waits until `left` is 0. */
    const struct hal_mmu_batch *batch;
    /* CPUs that have not flushed yet. Release in each CPU that has flushed, acquire in the CPU that
     * waits for all: so they no longer use the memory that it then frees. */
    _Atomic uint32_t left;
} shootdown = {.busy = ATOMIC_FLAG_INIT};

void hal_ipi_serve_machine(void)
{
    forget_batch(shootdown.batch);
    atomic_fetch_sub_explicit(&shootdown.left, 1, memory_order_release);
}

void hal_mmu_flush_late(void)
{
    atomic_store_explicit(&hal_this_cpu()->arch.must_flush, false, memory_order_seq_cst);
    forget_all();
}

void mmu_forget_if_due(void)
{
    if (atomic_load_explicit(&hal_this_cpu()->arch.must_flush, memory_order_seq_cst)) {
        forget_all();
    }
}

/* Before hal_mmu_leave_idle() an idle CPU accesses nothing but its stack and its own data, so
 * flushing pages can wait. Freed page tables cannot: a CPU may use cached entries that point to
 * them at any time.
 *
 * must_flush must be stored before is_idle is read (percpu.h). So it is set for a CPU that turns
 * out not to be idle, too. That CPU gets the interrupt, and later flushes once more than it needs
 * to, when it is next woken. The flag is not cleared here: the CPU may be waking and not have read
 * it yet, and the flag may also stand for an earlier batch that was put off. */
static bool may_defer(struct hal_cpu *cpu, const struct hal_mmu_batch *batch)
{
    if (batch->has_tables) {
        return false;
    }
    atomic_store_explicit(&cpu->arch.must_flush, true, memory_order_seq_cst);
    return atomic_load_explicit(&cpu->arch.is_idle, memory_order_seq_cst);
}

static void forget_elsewhere(const struct hal_mmu_batch *batch, cpu_t count)
{
    while (atomic_flag_test_and_set_explicit(&shootdown.busy, memory_order_acquire)) {
        hal_cpu_relax(); /* the CPU that holds it may be waiting for this one */
    }
    shootdown.batch = batch;
    atomic_store_explicit(&shootdown.left, 0, memory_order_relaxed);
    for (cpu_t i = 0; i < count; i++) {
        struct hal_cpu *cpu = cpus_at(i);
        if (cpu != hal_this_cpu() && !may_defer(cpu, batch)) {
            atomic_fetch_add_explicit(&shootdown.left, 1, memory_order_relaxed);
            ipi_send(cpu, HAL_IPI_MACHINE);
        }
    }
    for (uint64_t spins = 0; atomic_load_explicit(&shootdown.left, memory_order_acquire) != 0;
         spins++) {
        if (spins == ANSWER_SPINS_MAX) {
            panic("mmu: a CPU does not answer: it runs with interrupts masked, and does not poll");
        }
        hal_cpu_relax();
    }
    atomic_flag_clear_explicit(&shootdown.busy, memory_order_release);
}

void hal_mmu_flush(struct hal_mmu_batch *batch)
{
    forget_batch(batch);
    /* Read the count only after forget_batch(). A starting CPU is counted first, then flushes
     * (hal_mmu_arrive()). Here the entries are cleared first, then the count is read. INVLPG and
     * the write to CR4 are serializing (SDM volume 3, Serializing Instructions): the cleared
     * entries are visible to other CPUs before the count is read. So either this CPU finds the new
     * one counted and interrupts it, or the new CPU flushes after the entries were cleared and
     * cannot load them again. No lock is involved: the caller has released the one that protects
     * the tables (vm_map.c). */
    cpu_t count = cpus_count();
    if (count > 1 && !hal_this_cpu()->in_panic && (batch->count > 0 || batch->flush_all)) {
        forget_elsewhere(batch, count);
    }
    hal_mmu_batch_clear(batch);
}

uint64_t hal_mmu_physical_max(void)
{
    return live()->phys_max;
}

bool hal_mmu_touch(vaddr_t va, size_t pages)
{
    /* no flush: an entry that was not present is in no TLB */
    return pagetable_touch(live(), va, pages);
}

bool hal_mmu_query(vaddr_t va, struct hal_mapping *out)
{
    return pagetable_query(live(), va, out);
}

uint64_t hal_mmu_absent(vaddr_t va)
{
    return pagetable_absent(live(), va);
}

/* Entries are always replaced in one store here: live memory is mapped at every moment. */
/* Not checked by a sanitizer: the address may be of poisoned memory. */
NO_ADDRESS_CHECK bool hal_mmu_peek(vaddr_t va, uint64_t *out)
{
    struct hal_mapping m;
    if (va < KERNEL_HALF || va % sizeof(*out) != 0 || !hal_mmu_query(va, &m) ||
        m.type != MEM_NORMAL) {
        return false;
    }
    *out = *(const volatile uint64_t *)va;
    return true;
}

void hal_mmu_walk(void (*fn)(void *ctx, vaddr_t va, uint64_t size, const struct hal_mapping *m),
                  void *ctx)
{
    pagetable_walk(live(), KERNEL_HALF, UINT64_MAX, fn, ctx);
}
