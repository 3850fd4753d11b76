// SPDX-License-Identifier: MIT
//
// 32-bit start: the bootstrap tables, in use from enabling paging until hal_mmu_init() has built
// the final ones. They map
//   - .boot at its physical address, read and execute: the instructions that enable paging;
//   - physical 0 to 4 GiB in the direct map, never executable, with the registers at the end
//     uncached: for the parsers of firmware tables, and early frames;
//   - the image at its new address, section by section, without guard pages. In the direct map the
//     frames of code and read-only data are read-only, too.
// The tables are checked by hal/pagetable.c's walker, which shares only the entry constructors with
// this code; host tests compare those with known values.
#include "arch/x86_64/boot32/boot32.h"

#include "hal/pagetable.h"
#include "hal_arch/layout.h"
#include "hal_arch/offsets.h"

/* Root; 3 for the identity map; 1 + 4 for the direct map; 3 for the image, because it may cross a
 * boundary of 1 GiB. For each 2 MiB of the image one table of 4 KiB pages there and one in the
 * direct map, and one more there because it may start anywhere. kernel.lds asserts that the image
 * is not larger. */
#define TABLE_COUNT (13 + 2 * IMAGE_BLOCKS)

#define GIB   ((uint64_t)1 << 30)
#define BLOCK PT_SPAN(1)

#define CANARY 0x4a1fa2d5u

static const struct hal_pte_rules rules = {.nxe = true, .wp = true};

/* Not zeroed before use, because this memory is not
 * cleared at boot. kernel.lds places it after .boot. */
static struct {
    _Alignas(PAGE_SIZE) pte_t table[TABLE_COUNT][PT_ENTRIES];
} pool;

/* Physical bounds of the image's sections. kernel.lds computes them, because 32-bit code cannot. */
extern char __boot_start[], __boot_end[];
extern char boot_stack_phys[], boot_stack_phys_end[];
extern char boot_text_phys[], boot_text_phys_end[];
extern char boot_rodata_phys_end[], boot_data_phys_end[];
extern char boot_ist_phys_end[];

static uint32_t phys(const char *symbol)
{
    return (uint32_t)(uintptr_t)symbol;
}

static void *table_at(paddr_t table)
{
    return (void *)(uintptr_t)table.raw;
}

static paddr_t take_table(unsigned *used)
{
    if (*used == TABLE_COUNT) {
        boot32_die("bootstrap tables", "there are too few");
    }
    pte_t *table = pool.table[(*used)++];
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        table[i] = hal_pte_none();
    }
    return paddr((uintptr_t)table);
}

/* The entry for va at a level. Makes missing tables above it. */
static pte_t *slot_for(vaddr_t va, unsigned level, unsigned *used)
{
    pte_t *table = pool.table[0];
    for (unsigned at = PT_LEVELS - 1;; at--) {
        pte_t *slot = &table[(va >> PT_SHIFT(at)) & (PT_ENTRIES - 1)];
        if (at == level) {
            return slot;
        }
        if (!hal_pte_is_present(*slot)) {
            *slot = hal_pte_table(take_table(used));
        }
        table = table_at(hal_pte_addr(*slot, at));
    }
}

static void map_pages(vaddr_t offset, uint32_t from, uint32_t to, unsigned prot, unsigned *used)
{
    pte_t *slot = NULL;
    for (uint32_t pa = from; pa < to; pa += PAGE_SIZE) {
        slot = slot == NULL || IS_ALIGNED(offset + pa, BLOCK) ? slot_for(offset + pa, 0, used)
                                                              : slot + 1;
        *slot = hal_pte_leaf(paddr(pa), 0, prot, MEM_NORMAL);
    }
}

static bool is_ist_guard(uint32_t pa)
{
    uint32_t from = phys(boot_data_phys_end);
    return pa >= from && pa < phys(boot_ist_phys_end) && (pa - from) % IST_STACK_SPAN < PAGE_SIZE;
}

static void map_image(uint64_t image, unsigned *used)
{
    uint32_t text = phys(boot_text_phys), rodata = phys(boot_text_phys_end);
    uint32_t data = phys(boot_rodata_phys_end), ist = phys(boot_data_phys_end);
    map_pages(image, phys(boot_stack_phys), text, PROT_R | PROT_W, used);
    map_pages(image, text, rodata, PROT_R | PROT_X, used);
    map_pages(image, rodata, data, PROT_R, used);
    map_pages(image, data, ist, PROT_R | PROT_W, used);
    for (uint32_t pa = ist; pa < phys(boot_ist_phys_end); pa += PAGE_SIZE) {
        if (!is_ist_guard(pa)) {
            map_pages(image, pa, pa + PAGE_SIZE, PROT_R | PROT_W, used);
        }
    }
}

/* Use 4 KiB pages where code and read-only data are, 2 MiB leaves elsewhere. */
static void map_direct(unsigned *used)
{
    uint32_t end = (uint32_t)ALIGN_UP(phys(boot_rodata_phys_end), BLOCK);
    uint32_t text = phys(boot_text_phys), data = phys(boot_rodata_phys_end);
    map_pages(HAL_DIRECT_BASE, phys(__boot_start), phys(__boot_end), PROT_R, used);
    map_pages(HAL_DIRECT_BASE, phys(__boot_end), text, PROT_R | PROT_W, used);
    map_pages(HAL_DIRECT_BASE, text, data, PROT_R, used);
    map_pages(HAL_DIRECT_BASE, data, end, PROT_R | PROT_W, used);

    for (uint64_t base = 0; base < HAL_BOOT_DIRECT; base += GIB) {
        pte_t *table = slot_for(HAL_DIRECT_BASE + base, 1, used);
        for (unsigned i = 0; i < PT_ENTRIES; i++) {
            uint64_t pa = base + i * BLOCK;
            if (!hal_pte_is_present(table[i])) {
                table[i] = hal_pte_leaf(paddr(pa), 1, PROT_R | PROT_W,
                                        pa >= HAL_BOOT_MMIO ? MEM_DEVICE : MEM_NORMAL);
            }
        }
    }
}

/* Stop if .boot_tables loses a store. The walker would find that the tables are wrong, but not why.
 * There is no other check of this section: once paging is on, each access depends on these
 * tables. */
static void check_canary(void)
{
    volatile uint32_t *word = (volatile uint32_t *)&pool;
    *word = CANARY;
    bool is_kept = *word == CANARY;
    *word = ~CANARY;
    if (!is_kept || *word != ~CANARY) {
        boot32_die("boot canary in .boot_tables", "stores there are lost");
    }
}

uint32_t tables32_build(uint64_t image)
{
    unsigned used = 0;
    check_canary();
    uint32_t root = (uint32_t)take_table(&used).raw;
    map_pages(0, phys(__boot_start), phys(__boot_end), PROT_R | PROT_X, &used);
    map_image(image, &used);
    map_direct(&used);
    return root;
}

static void prove(const struct pagetable *pt, vaddr_t offset, uint32_t pa, enum fault_access access,
                  const char *what)
{
    paddr_t expect = paddr(pa);
    const char *why = pagetable_check(pt, offset + pa, access, &rules, &expect);
    if (why != NULL) {
        boot32_die(what, why);
    }
}

/* Prove that an access is refused, whatever the reason. */
static void refuse(const struct pagetable *pt, vaddr_t offset, uint32_t pa,
                   enum fault_access access, const char *what)
{
    if (pagetable_check(pt, offset + pa, access, &rules, NULL) == NULL) {
        boot32_die(what, "the bootstrap tables allow it");
    }
}

void tables32_prove(uint32_t root, uint64_t image)
{
    const struct pagetable pt = {.root = paddr(root), .at = table_at};
    uint32_t text = phys(boot_text_phys), rodata = phys(boot_text_phys_end);
    uint32_t data = phys(boot_rodata_phys_end), ist = phys(boot_data_phys_end);
    uint32_t stack = phys(boot_stack_phys), stack_last = phys(boot_stack_phys_end) - 4;

    prove(&pt, 0, phys(__boot_start), FAULT_EXEC, "next instruction");
    prove(&pt, 0, phys(__boot_end) - 1, FAULT_EXEC, "next instruction");
    refuse(&pt, 0, phys(__boot_start), FAULT_WRITE, "writing to running code");
    prove(&pt, image, text, FAULT_EXEC, "vectors and text");
    prove(&pt, image, rodata - 1, FAULT_EXEC, "end of text");
    refuse(&pt, image, text, FAULT_WRITE, "writing to text");
    prove(&pt, image, rodata, FAULT_READ, "read-only data");
    refuse(&pt, image, rodata, FAULT_WRITE, "writing to read-only data");
    refuse(&pt, image, rodata, FAULT_EXEC, "executing read-only data");
    prove(&pt, image, data, FAULT_WRITE, "data");
    prove(&pt, image, ist - 1, FAULT_WRITE, "end of .bss");
    refuse(&pt, image, data, FAULT_EXEC, "executing data");
    refuse(&pt, image, ist, FAULT_READ, "guard of an interrupt stack");
    prove(&pt, image, ist + PAGE_SIZE, FAULT_WRITE, "interrupt stack");
    prove(&pt, image, stack, FAULT_WRITE, "stack");
    prove(&pt, image, stack_last, FAULT_WRITE, "stack");
    refuse(&pt, image, stack - 1, FAULT_READ, "guard below the stack");
    refuse(&pt, image, stack, FAULT_EXEC, "executing the stack");
    prove(&pt, HAL_DIRECT_BASE, root, FAULT_WRITE, "the tables themselves");
    refuse(&pt, HAL_DIRECT_BASE, phys(__boot_start), FAULT_WRITE, "writing to running code");
    refuse(&pt, HAL_DIRECT_BASE, text, FAULT_WRITE, "writing to text in the direct map");
    refuse(&pt, HAL_DIRECT_BASE, data, FAULT_EXEC, "executing the direct map");
    refuse(&pt, 0, 0, FAULT_READ, "address 0");
}
