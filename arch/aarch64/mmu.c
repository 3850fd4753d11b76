// SPDX-License-Identifier: MIT
//
// The kernel's tables once there are frames to build them from, and the TLB. The radix is
// hal/pagetable.c's, an entry's format hal_arch/pte.h's. TLB operations are broadcast (inner
// shareable): other CPUs are interrupted only where they must not even look (hold_others()).
#include "arch/aarch64/mmu.h"

#include "arch/aarch64/cpu.h"
#include "arch/aarch64/trap.h"
#include "hal/bootinfo.h"
#include "hal/cpu.h"
#include "hal/layout.h"
#include "hal/smp.h"
#include "hal/upcall.h"
#include "hal_arch/sysreg.h"
#include "kernel/assert.h"
#include "kernel/lib/compiler.h"

extern char __boot_tables_end[];
extern char __overflow_stack_start[], __overflow_stack_end[];

/* Above this many pages one flush of everything is cheaper than an instruction a page. */
#define FLUSH_PAGES_MAX ((size_t)256)

/* Seconds: nobody masks interrupts that long. */
#define ANSWER_SPINS_MAX ((uint64_t)1 << 32)

static struct pagetable kernel_tables;
static uintptr_t identity_page; /* idmap_start in TTBR0's half, until hal_mmu_init() */

/* ---- TLB ---- */

static void publish(void)
{
    __asm__ volatile("dsb ishst" : : : "memory"); /* the walker sees the stores */
    __asm__ volatile("isb" : : : "memory");
}

static void flush_page(vaddr_t va)
{
    uint64_t operand = (va >> PAGE_SHIFT) & ((UINT64_C(1) << 44) - 1);
    __asm__ volatile("tlbi vaae1is, %0" : : "r"(operand) : "memory"); /* leaves and walk caches */
}

static void finish_flush(void)
{
    __asm__ volatile("dsb ish" : : : "memory");
    __asm__ volatile("isb" : : : "memory");
}

static void forget(vaddr_t va)
{
    publish();
    flush_page(va);
    finish_flush();
}

static void flush_everything(void)
{
    publish();
    __asm__ volatile("tlbi vmalle1is" : : : "memory");
    finish_flush();
}

/* ---- other CPUs ---- */

/* In the image: the direct map may have a hole while they are held. Acquire and release: what the
 * holder does comes after all are held, and before they go on. */
static struct {
    atomic_flag busy; /* who holds, or is about to */
    _Atomic bool is_holding;
    _Atomic uint32_t held;
} hold = {.busy = ATOMIC_FLAG_INIT};

/* HAL_IPI_MACHINE. Touches the image and its stack, and is not interrupted. */
void hal_ipi_serve_machine(void)
{
    atomic_fetch_add_explicit(&hold.held, 1, memory_order_acq_rel);
    while (atomic_load_explicit(&hold.is_holding, memory_order_acquire)) {
        __asm__ volatile("yield" : : : "memory");
    }
    atomic_fetch_sub_explicit(&hold.held, 1, memory_order_release);
    __asm__ volatile("isb" : : : "memory");
}

static void wait_until_held(uint32_t count)
{
    for (uint64_t spins = 0; atomic_load_explicit(&hold.held, memory_order_acquire) != count;
         spins++) {
        if (spins == ANSWER_SPINS_MAX) {
            panic("mmu: a CPU does not answer: it runs with interrupts masked, and does not look");
        }
        hal_cpu_relax();
    }
}

/* Every other CPU stands still from here on, in code of the image. Interrupts are masked; what
 * cannot be masked asks `is_holding`, on the only CPU, too. */
static void hold_others(void)
{
    cpu_t count = hal_cpu_count();
    if (hal_this_cpu()->in_panic) {
        return; /* who panics has stopped them */
    }
    while (atomic_flag_test_and_set_explicit(&hold.busy, memory_order_acquire)) {
        hal_cpu_relax(); /* he may wait for us */
    }
    atomic_store_explicit(&hold.is_holding, true, memory_order_release);
    for (cpu_t i = 0; i < count; i++) {
        if (hal_cpu_at(i) != hal_this_cpu()) {
            hal_ipi_send(hal_cpu_at(i), HAL_IPI_MACHINE);
        }
    }
    wait_until_held(count - 1);
}

/* The last has gone on when this returns, so that none is counted twice. */
static void release_others(void)
{
    if (atomic_load_explicit(&hold.is_holding, memory_order_relaxed)) {
        atomic_store_explicit(&hold.is_holding, false, memory_order_release);
        wait_until_held(0);
        atomic_flag_clear_explicit(&hold.busy, memory_order_release);
    }
}

/* A table is given back: a CPU that is on its way down through it (hal_mmu_query(), interrupts
 * masked) must have arrived. */
static void let_readers_pass(void)
{
    irq_state_t state = hal_irq_save();
    hold_others();
    release_others();
    hal_irq_restore(state);
}

void hal_mmu_flush(struct hal_mmu_batch *batch)
{
    size_t pages = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        pages += batch->range[i].pages;
    }
    if (batch->flush_all || pages > FLUSH_PAGES_MAX) {
        flush_everything();
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
        let_readers_pass();
    }
    batch->count = 0;
    batch->flush_all = false;
    batch->has_tables = false;
}

/* ---- the tables ---- */

static void *table_at(paddr_t table)
{
    return hal_direct(table);
}

static void *open_window(paddr_t table)
{
    enum status s =
        pagetable_map(&kernel_tables, HAL_WINDOW_PAGE, table, 1, PROT_R | PROT_W, MEM_NORMAL);
    publish();
    if (s != OK) {
        return NULL;
    }
    hold_others();
    return (void *)HAL_WINDOW_PAGE;
}

static void keep(void *ctx, enum hal_gather_kind kind, paddr_t base, size_t pages)
{
    (void)ctx; /* one page never empties a table, and the frame is whose it was */
    (void)kind;
    (void)base;
    (void)pages;
}

static void close_window(void)
{
    struct hal_mmu_batch batch = {.gather = keep};
    publish();
    release_others();
    enum status s = pagetable_unmap(&kernel_tables, HAL_WINDOW_PAGE, 1, &batch);
    ASSERT(s == OK);
    forget(HAL_WINDOW_PAGE);
}

static struct pagetable tables_at(paddr_t root)
{
    return (struct pagetable){
        .root = root,
        .phys_max = (UINT64_C(1) << cpu_physical_bits()) - 1,
        .leaf_max = 1, /* 2 MiB: hal/README.md */
        .at = table_at,
        .alloc = upcall_table_frame,
        .free = upcall_table_frame_free,
        .forget = forget,
        .open = open_window,
        .close = close_window,
    };
}

void mmu_adopt(paddr_t root, uintptr_t identity)
{
    kernel_tables = tables_at(root);
    identity_page = identity;
}

static void map_or_panic(const struct pagetable *pt, vaddr_t va, uint64_t start, uint64_t end,
                         unsigned prot, enum mem_type type)
{
    if (start >= end) {
        return;
    }
    enum status s = pagetable_map(pt, va, paddr(start), (end - start) >> PAGE_SHIFT, prot, type);
    if (s != OK) {
        panic("mmu: cannot map 0x%lx to 0x%lx: %s", (unsigned long)va, (unsigned long)start,
              status_text(s));
    }
}

/* ---- building the final tables ---- */

static uint64_t image_phys(const struct boot_info *info, const void *symbol)
{
    return (uintptr_t)symbol - HAL_IMAGE_BASE + info->image_base;
}

static void map_section(const struct pagetable *pt, const struct boot_info *info, const char *start,
                        const char *end, unsigned prot)
{
    map_or_panic(pt, (uintptr_t)start, image_phys(info, start), image_phys(info, end), prot,
                 MEM_NORMAL);
}

static void map_image(const struct pagetable *pt, const struct boot_info *info)
{
    map_section(pt, info, __text_start, __text_end,
                mmu_enforceable(PROT_R | PROT_X | PROT_GUARDED));
    map_section(pt, info, __rodata_start, __rodata_end, PROT_R);
    map_section(pt, info, __data_start, __bss_end, PROT_R | PROT_W);
    map_section(pt, info, __overflow_stack_start, __overflow_stack_end, PROT_R | PROT_W);
    map_section(pt, info, __boot_stack_start, __boot_stack_end, PROT_R | PROT_W);
    if (info->uart.kind == BOOT_UART_PL011) {
        uint64_t page = ALIGN_DOWN(info->uart.base, PAGE_SIZE);
        map_or_panic(pt, HAL_CONSOLE_PAGE, page, page + PAGE_SIZE, PROT_R | PROT_W, MEM_DEVICE);
    }
}

/* One range of RAM. Text and read-only data are read-only here, too. */
static void map_direct(const struct pagetable *pt, const struct boot_info *info, uint64_t start,
                       uint64_t end)
{
    uint64_t fixed = image_phys(info, __text_start), writable = image_phys(info, __data_start);
    const struct {
        uint64_t start, end;
        unsigned prot;
    } parts[] = {
        {start, MIN(end, fixed), PROT_R | PROT_W},
        {MAX(start, fixed), MIN(end, writable), PROT_R},
        {MAX(start, writable), end, PROT_R | PROT_W},
    };
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        map_or_panic(pt, HAL_DIRECT_BASE + parts[i].start, parts[i].start, parts[i].end,
                     parts[i].prot, MEM_NORMAL);
    }
}

static void prove(const struct pagetable *pt, const struct boot_info *info)
{
    const struct boot_info *i = info;
    vaddr_t here = (uintptr_t)hal_mmu_init, stack = (uintptr_t)__builtin_frame_address(0);
    const struct mmu_proof claims[] = {
        {"next instruction", here, paddr(image_phys(i, hal_mmu_init)), FAULT_EXEC},
        {"vectors", (uintptr_t)vectors, paddr(image_phys(i, vectors)), FAULT_EXEC},
        {"stack", stack, paddr(image_phys(i, (void *)stack)), FAULT_WRITE},
        {"overflow stack", (uintptr_t)__overflow_stack_end - 16,
         paddr(image_phys(i, __overflow_stack_end - 16)), FAULT_WRITE},
        {"per-CPU data", (uintptr_t)&boot_cpu, paddr(image_phys(i, &boot_cpu)), FAULT_WRITE},
        {"guard below the boot stack", (uintptr_t)__boot_stack_start - 16, paddr(0), FAULT_NONE},
        {"guard below the overflow stack", (uintptr_t)__overflow_stack_start - 16, paddr(0),
         FAULT_NONE},
        {"the tables", HAL_DIRECT_BASE + pt->root.raw, pt->root, FAULT_WRITE},
        {"console", HAL_CONSOLE_PAGE + (i->uart.base & (PAGE_SIZE - 1)), paddr(i->uart.base),
         FAULT_WRITE},
    };
    size_t count = ARRAY_COUNT(claims) - (i->uart.kind == BOOT_UART_PL011 ? 0 : 1);
    for (size_t k = 0; k < count; k++) {
        const char *why = mmu_disproof(pt, &claims[k]);
        if (why != NULL) {
            panic("mmu: final tables: %s: %s", claims[k].what, why);
        }
    }
}

void mmu_close_lower_half(void)
{
    write_tcr_el1(mmu_tcr() | TCR_EPD0);
    write_ttbr0_el1(0);
    __asm__ volatile("isb" : : : "memory");
    flush_everything();
}

enum status mmu_begin_start(struct pagetable *kernel, struct pagetable *identity)
{
    struct hal_mapping m;
    paddr_t root;
    if (!hal_mmu_query((uintptr_t)idmap_start, &m) || !upcall_table_frame(&root)) {
        return E_NOMEM;
    }
    uint64_t page = m.base.raw + ((uintptr_t)idmap_start & (m.size - 1));
    struct pagetable pt = tables_at(root);
    enum status s = pagetable_map(&pt, page, paddr(page), 1, PROT_R | PROT_X, MEM_NORMAL);
    if (s == OK) {
        *kernel = kernel_tables;
        *identity = pt;
    }
    return s;
}

/* Both tables disagree (the bootstrap ones map less), so neither is live while one replaces the
 * other. */
static void switch_to(const struct pagetable *pt)
{
    uintptr_t offset = (uintptr_t)mmu_replace_ttbr1 - (uintptr_t)idmap_start;
    void (*replace)(uint64_t root) = (void (*)(uint64_t))(identity_page + offset);
    replace(pt->root.raw);
    kernel_tables = *pt;

    mmu_close_lower_half();
    identity_page = 0;
}

void hal_mmu_init(const struct boot_info *info)
{
    ASSERT(identity_page != 0);
    paddr_t root;
    if (!upcall_table_frame(&root)) {
        panic("mmu: no memory for page tables");
    }
    struct pagetable pt = tables_at(root);
    map_image(&pt, info);
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *r = &info->ranges[i];
        if (r->kind == BOOT_RAM || r->kind == BOOT_ACPI_RECLAIM) {
            map_direct(&pt, info, r->base, r->base + r->len);
        }
    }
    prove(&pt, info);
    switch_to(&pt);
}

/* ---- hal/mmu.h ---- */

enum status hal_mmu_map(vaddr_t va, paddr_t pa, size_t pages, unsigned prot, enum mem_type type)
{
    enum status s = pagetable_map(&kernel_tables, va, pa, pages, mmu_enforceable(prot), type);
    publish();
    return s;
}

enum status hal_mmu_unmap(vaddr_t va, size_t pages, struct hal_mmu_batch *batch)
{
    return pagetable_unmap(&kernel_tables, va, pages, batch);
}

enum status hal_mmu_protect(vaddr_t va, size_t pages, unsigned prot, struct hal_mmu_batch *batch)
{
    return pagetable_protect(&kernel_tables, va, pages, mmu_enforceable(prot), batch);
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

bool hal_mmu_peek(vaddr_t va, uint64_t *out)
{
    struct hal_mapping m;
    /* While others are held the direct map may have a hole, and the tables are in it. Who is held
     * looks after it was set, who is not cannot be before this returns: acquire pairs with the
     * release of the holder. */
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
