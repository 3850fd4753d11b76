// SPDX-License-Identifier: MIT
//
// The kernel's final tables: their contents, the proof of their properties, and the switch to them.
#include "arch/aarch64/cpu.h"
#include "arch/aarch64/mmu.h"
#include "arch/aarch64/trap.h"
#include "hal/bootinfo.h"
#include "hal/layout.h"
#include "hal/mmu.h"
#include "hal/upcall.h"
#include "hal_arch/barrier.h"
#include "hal_arch/sysreg.h"
#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"

extern char __overflow_stack_start[], __overflow_stack_end[];

static uintptr_t identity_page; /* idmap_start in TTBR0's half, until hal_mmu_init() */

void mmu_adopt(paddr_t root, uintptr_t identity)
{
    const struct pagetable pt = mmu_tables_at(root);
    mmu_use(&pt);
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

static uint64_t image_phys(const struct boot_info *info, const void *symbol)
{
    return (uintptr_t)symbol - (uintptr_t)__image_base + info->image_base;
}

static vaddr_t console_page(void)
{
    return (uintptr_t)__image_base + HAL_CONSOLE_PAGE_OFFSET;
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
        map_or_panic(pt, console_page(), page, page + PAGE_SIZE, PROT_R | PROT_W, MEM_DEVICE);
    }
}

/** Where the direct map will be, until it exists. */
static uint64_t direct;

/* Map one range of RAM. Text and read-only data are read-only here, too. */
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
        map_or_panic(pt, direct + parts[i].start, parts[i].start, parts[i].end, parts[i].prot,
                     MEM_NORMAL);
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
        {"the tables", direct + pt->root.raw, pt->root, FAULT_WRITE},
        {"console", console_page() + (i->uart.base & (PAGE_SIZE - 1)), paddr(i->uart.base),
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
    isb();
    mmu_flush_everything();
}

enum status mmu_begin_start(struct pagetable *kernel, struct pagetable *identity)
{
    struct hal_mapping m;
    paddr_t root;
    if (!hal_mmu_query((uintptr_t)idmap_start, &m) || !upcall_table_frame(&root)) {
        return E_NOMEM;
    }
    uint64_t page = m.base.raw + ((uintptr_t)idmap_start & (m.size - 1));
    struct pagetable pt = mmu_tables_at(root);
    enum status s = pagetable_map(&pt, page, paddr(page), 1, PROT_R | PROT_X, MEM_NORMAL);
    if (s == OK) {
        *kernel = mmu_tables();
        *identity = pt;
    } else {
        upcall_table_frame_free(root);
    }
    return s;
}

/* Old and new tables contradict each other (the bootstrap ones map less), so neither may be live
 * while one replaces the other. */
static void switch_to(const struct pagetable *pt)
{
    uintptr_t offset = (uintptr_t)mmu_replace_ttbr1 - (uintptr_t)idmap_start;
    void (*replace)(uint64_t root) = (void (*)(uint64_t))(identity_page + offset);
    replace(pt->root.raw);
    hal_direct_base = direct;
    mmu_use(pt);

    mmu_close_lower_half();
    identity_page = 0;
}

void hal_mmu_init(const struct boot_info *info, uint64_t direct_base)
{
    ASSERT(identity_page != 0);
    direct = direct_base;
    paddr_t root;
    if (!upcall_table_frame(&root)) {
        panic("mmu: no memory for page tables");
    }
    struct pagetable pt = mmu_tables_at(root);
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
