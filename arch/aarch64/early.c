// SPDX-License-Identifier: MIT
//
// From the loader to the portable kernel. The first half runs with the MMU off, at physical
// addresses. So there are no valid link-time addresses: no tables of pointers, here and in
// everything called from here (tests check the objects' relocations). Unaligned and exclusive
// accesses are not possible either. The second half begins at early_high().
//
// The order is: prove the vectors with a trap, prove memory with canaries, read the device tree,
// move the image, build tables, prove the tables with the software walker; turn on the MMU; then
// prove vectors and memory again, through the tables.
#include "arch/aarch64/early.h"

#include "arch/aarch64/cache.h"
#include "arch/aarch64/console.h"
#include "arch/aarch64/cpu.h"
#include "arch/aarch64/esr.h"
#include "arch/aarch64/firmware.h"
#include "arch/aarch64/mmu.h"
#include "arch/aarch64/pac.h"
#include "arch/aarch64/power.h"
#include "arch/aarch64/slide.h"
#include "arch/aarch64/trap.h"
#include "boot/ranges.h"
#include "hal/console.h"
#include "hal/layout.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "hal_arch/sysreg.h"
#include "kernel/base/assert.h"

#define IMAGE_ALIGN  ((uintptr_t)2 << 20)
#define RAM_MIN      ((uint64_t)16 << 20)
#define EARLY_WINDOW ((uint64_t)1 << 30) /* most RAM that the bootstrap tables map */
#define CANARY_DATA  UINT64_C(0x68616c7961726401)
#define CANARY_BSS   UINT64_C(0x68616c7961726402)
#define CANARY_STACK UINT64_C(0x68616c7961726403)
#define CANARY_SPARE UINT64_C(0x68616c7961726404)
#define CANARY_TABLE UINT64_C(0x68616c7961726405)

extern char __boot_tables_start[], __boot_tables_end[];
extern char __overflow_stack_start[], __overflow_stack_end[];

static struct boot_info info;
static struct early_switch early_switch;

/* Volatile, because the test is about the contents of memory. */
static volatile uint64_t canary_data = CANARY_DATA;
static volatile uint64_t canary_bss;

static uintptr_t next_table; /* physical */
static vaddr_t high_base;    /* of the image, once the MMU is on */

/* ---- Stopping ---- */

_Noreturn static void stop(void)
{
    console_puts("\nPANIC END\n");
    hal_exit_record(EXIT_PANIC, 0);
    hal_power_off();
}

_Noreturn static void die(const char *why, const char *detail)
{
    console_puts("\nPANIC: boot: ");
    console_puts(why);
    if (detail != NULL) {
        console_puts(": ");
        console_puts(detail);
    }
    stop();
}

_Noreturn static void die_value(const char *why, uint64_t value)
{
    console_puts("\nPANIC: boot: ");
    console_puts(why);
    console_puts(" ");
    console_put_hex(value);
    stop();
}

void early_refuse_el3(void)
{
    die("entered at EL3, which belongs to firmware; start the kernel at EL2 or EL1", NULL);
}

void early_el2_vectors_failed(void)
{
    die("a breakpoint at EL2 did not reach the EL2 vectors", NULL);
}

/* The MMU of EL2 is off, so use physical addresses, also for the console, whose address EL1 may
 * have changed. */
void early_el2_report(uint64_t number, uint64_t esr, uint64_t elr, uint64_t far)
{
    if (info.uart.kind == BOOT_UART_PL011) {
        console_use(info.uart.base);
    }
    console_puts("\nPANIC: exception at EL2, where nothing should run: ");
    console_puts(esr_class_text(esr));
    console_puts("\n  vector ");
    console_put_hex(number);
    console_puts("  ESR ");
    console_put_hex(esr);
    console_puts("  PC ");
    console_put_hex(elr);
    console_puts("  FAR ");
    console_put_hex(far);
    stop();
}

/* ---- Memory and vectors ---- */

/* With the MMU off: write the words and read them back, which detects stores that are dropped
 * (flash, no memory). Later: read the same words through the tables. */
static const char *canary_failure(void)
{
    if (canary_data != CANARY_DATA) {
        return "boot canary in .data";
    }
    if (canary_bss != CANARY_BSS) {
        return "boot canary in .bss";
    }
    if (*(volatile uint64_t *)__boot_stack_start != CANARY_STACK) {
        return "boot canary in the boot stack";
    }
    if (*(volatile uint64_t *)__overflow_stack_start != CANARY_SPARE) {
        return "boot canary in the overflow stack";
    }
    return NULL;
}

/* The canary of .boot_tables is where the first table will be, so it is read back only here. Once
 * the MMU is on, each access depends on these tables. */
static void plant_canaries(void)
{
    if (canary_bss != 0) {
        die("memory loses written data", ".bss is not zero");
    }
    *(volatile uint64_t *)__boot_tables_start = CANARY_TABLE;
    if (*(volatile uint64_t *)__boot_tables_start != CANARY_TABLE) {
        die("memory loses written data", "boot canary in .boot_tables");
    }
    canary_bss = CANARY_BSS;
    *(volatile uint64_t *)__boot_stack_start = CANARY_STACK;
    *(volatile uint64_t *)__overflow_stack_start = CANARY_SPARE;
    const char *failure = canary_failure();
    if (failure != NULL) {
        die("memory loses written data", failure);
    }
}

/* ---- Firmware's data ---- */

static void read_firmware(uint64_t address, bool is_efi)
{
    const char *why =
        is_efi ? firmware_read_efi(address, &info) : firmware_read_tree(address, &info);
    if (why != NULL) {
        for (uint32_t i = 0; i < info.note_count; i++) {
            console_puts("\n");
            console_puts(info.notes[i]);
        }
        die_value(why, address);
    }
    power_use_psci(info.psci);
    console_use(info.uart.kind == BOOT_UART_PL011 ? info.uart.base : 0);
}

/* The firmware has ended; how it used the console is unknown. */
static void take_over_console(void)
{
    hal_exit_record(EXIT_ENTERED, 0);
    console_puts(CONSOLE_TAKEN);
}

static bool is_usable(const struct boot_range *r)
{
    return r->kind == BOOT_RAM || r->kind == BOOT_ACPI_RECLAIM;
}

/* boot_info has the only copy that is needed, and the tree's frames will be free for any use. A
 * tree in ROM cannot be changed. */
static void wipe(uint64_t base, uint64_t len)
{
    volatile uint8_t *bytes = (volatile uint8_t *)(uintptr_t)base;
    for (uint32_t i = 0; i < info.range_count && len > 0; i++) {
        const struct boot_range *r = &info.ranges[i];
        if (is_usable(r) && base >= r->base && base + len <= r->base + r->len) {
            for (uint64_t k = 0; k < len; k++) {
                bytes[k] = 0;
            }
            cache_discard((const void *)(uintptr_t)base, len);
        }
    }
}

/* Choose the RAM around the image for the bootstrap tables to map. */
static void choose_early_memory(uintptr_t head)
{
    info.image_base = head;
    info.image_len = (uint64_t)(__image_end - __image_start);
    info.boot_cpu_hw_id = cpu_hardware_id();
    uint64_t image_end = head + info.image_len;
    boot_limit_ram(&info, MIN(UINT64_C(1) << cpu_physical_bits(), HAL_DIRECT_SIZE));
    for (uint32_t i = 0; i < info.range_count; i++) {
        const struct boot_range *r = &info.ranges[i];
        if (is_usable(r) && head >= r->base && image_end <= r->base + r->len) {
            uint64_t window = ALIGN_DOWN((uint64_t)head, EARLY_WINDOW);
            info.early_base = MAX(r->base, window);
            info.early_len = MIN(r->base + r->len, window + EARLY_WINDOW) - info.early_base;
        }
    }
    if (info.early_len == 0 || image_end > info.early_base + info.early_len) {
        die_value("the image lies outside the memory that the firmware names, at", head);
    }
    if (boot_total_ram(&info) < RAM_MIN) {
        die_value("16 MiB of memory are needed, the firmware names bytes:", boot_total_ram(&info));
    }
    boot_reserve(&info, info.image_base, info.image_len);
}

/* ---- The bootstrap tables ---- */

static void *table_at_physical(paddr_t table)
{
    return (void *)(uintptr_t)table.raw;
}

static bool alloc_boot_table(paddr_t *out)
{
    if (next_table == (uintptr_t)__boot_tables_end) {
        return false;
    }
    uint64_t *words = (uint64_t *)next_table;
    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        words[i] = 0;
    }
    *out = paddr(next_table);
    next_table += PAGE_SIZE;
    return true;
}

static void free_boot_table(paddr_t table)
{
    (void)table; /* mapping failed, which stops the machine anyway */
}

/* The function pointers are assigned one by one: the compiler may implement an initialiser as a
 * table of link-time addresses, which are wrong while the MMU is off. */
static struct pagetable new_tables(unsigned leaf_max)
{
    struct pagetable pt = {.phys_max = mmu_physical_max(), .leaf_max = leaf_max};
    pt.at = table_at_physical;
    pt.alloc = alloc_boot_table;
    pt.free = free_boot_table;
    if (!alloc_boot_table(&pt.root)) {
        die("out of bootstrap page tables", NULL);
    }
    return pt;
}

static void map(const struct pagetable *pt, vaddr_t va, uint64_t start, uint64_t end, unsigned prot,
                enum mem_type type)
{
    if (start < end &&
        pagetable_map(pt, va, paddr(start), (end - start) >> PAGE_SHIFT, prot, type) != OK) {
        die_value("bootstrap page tables: cannot map", va);
    }
}

/* The address of a symbol of the image once the MMU is on. Its address now is physical. */
static vaddr_t high_address(const void *symbol)
{
    return (uintptr_t)symbol - info.image_base + high_base;
}

static vaddr_t console_page(void)
{
    return high_base + HAL_CONSOLE_PAGE_OFFSET;
}

static void map_section(const struct pagetable *pt, const char *start, const char *end,
                        unsigned prot)
{
    map(pt, high_address(start), (uintptr_t)start, (uintptr_t)end, prot, MEM_NORMAL);
}

static void map_kernel(const struct pagetable *pt)
{
    unsigned text = mmu_enforceable(PROT_R | PROT_X | PROT_GUARDED);
    map_section(pt, __text_start, __text_end, text);
    map_section(pt, __rodata_start, __rodata_end, PROT_R);
    map_section(pt, __data_start, __boot_tables_end, PROT_R | PROT_W);
    map_section(pt, __overflow_stack_start, __overflow_stack_end, PROT_R | PROT_W);
    map_section(pt, __boot_stack_start, __boot_stack_end, PROT_R | PROT_W);

    /* The direct map. What the image maps read-only is read-only here, too. */
    uint64_t fixed = (uintptr_t)__text_start, writable = (uintptr_t)__data_start;
    uint64_t end = info.early_base + info.early_len;
    map(pt, HAL_DIRECT_BASE + info.early_base, info.early_base, fixed, PROT_R | PROT_W, MEM_NORMAL);
    map(pt, HAL_DIRECT_BASE + fixed, fixed, writable, PROT_R, MEM_NORMAL);
    map(pt, HAL_DIRECT_BASE + writable, writable, end, PROT_R | PROT_W, MEM_NORMAL);

    if (info.uart.kind == BOOT_UART_PL011) {
        uint64_t page = ALIGN_DOWN(info.uart.base, PAGE_SIZE);
        map(pt, console_page(), page, page + PAGE_SIZE, PROT_R | PROT_W, MEM_DEVICE);
    }
}

static void prove(const struct pagetable *pt, struct mmu_proof claim)
{
    const char *why = mmu_disproof(pt, &claim);
    if (why != NULL) {
        console_puts("\nbootstrap page tables: ");
        console_puts(claim.what);
        die("the MMU would not do what is meant", why);
    }
}

static void prove_symbol(const struct pagetable *pt, const char *what, const void *symbol,
                         enum fault_access access)
{
    prove(pt, (struct mmu_proof){what, high_address(symbol), paddr((uintptr_t)symbol), access});
}

/* Prove the mappings of everything that the CPU touches between the switch and the first report
 * that it could print. */
static void prove_tables(const struct pagetable *kernel, const struct pagetable *identity)
{
    uintptr_t switch_page = (uintptr_t)idmap_start;
    prove(identity,
          (struct mmu_proof){"next instruction", switch_page, paddr(switch_page), FAULT_EXEC});
    prove_symbol(kernel, "first instruction", enter_high, FAULT_EXEC);
    prove_symbol(kernel, "vectors", vectors, FAULT_EXEC);
    prove_symbol(kernel, "stack", __boot_stack_end - 16, FAULT_WRITE);
    prove_symbol(kernel, "stack, lowest word", __boot_stack_start, FAULT_WRITE);
    prove_symbol(kernel, "overflow stack", __overflow_stack_end - 16, FAULT_WRITE);
    prove_symbol(kernel, "per-CPU data", &boot_cpu, FAULT_WRITE);
    prove_symbol(kernel, "read-only data", __rodata_start, FAULT_READ);
    prove_symbol(kernel, "guard below the boot stack", __boot_stack_start - 16, FAULT_NONE);
    prove_symbol(kernel, "guard below the overflow stack", __overflow_stack_start - 16, FAULT_NONE);
    prove(kernel, (struct mmu_proof){"the tables", HAL_DIRECT_BASE + kernel->root.raw, kernel->root,
                                     FAULT_WRITE});
    if (info.uart.kind == BOOT_UART_PL011) {
        uint64_t offset = info.uart.base & (PAGE_SIZE - 1);
        prove(kernel, (struct mmu_proof){"console", console_page() + offset, paddr(info.uart.base),
                                         FAULT_WRITE});
    }
}

static void build_tables(void)
{
    next_table = (uintptr_t)__boot_tables_start;
    struct pagetable kernel = new_tables(1);
    map_kernel(&kernel);
    struct pagetable identity = new_tables(0);
    uintptr_t page = (uintptr_t)idmap_start;
    map(&identity, page, page, page + PAGE_SIZE, PROT_R | PROT_X, MEM_NORMAL);
    prove_tables(&kernel, &identity);

    early_switch = (struct early_switch){
        .ttbr0 = identity.root.raw,
        .ttbr1 = kernel.root.raw,
        .tcr = mmu_tcr(),
        .mair = HAL_MAIR_VALUE,
        .sctlr = mmu_sctlr(),
        .dirty_start = (uintptr_t)__rodata_start, /* changed by slide_apply() */
        .dirty_end = (uintptr_t)__image_end,
        .vectors = high_address(vectors),
        .cpu = high_address(&boot_cpu),
        .stack_top = high_address(__boot_stack_end),
        .target = high_address(enter_high),
    };
}

static void move_image(void)
{
    uint64_t slide = slide_choose(&info);
    slide_apply((uintptr_t)info.image_base, slide);
    high_base = HAL_IMAGE_BASE + slide;
}

const struct early_switch *early_main(uint64_t facts, unsigned level, uintptr_t head,
                                      uint64_t counter, bool is_efi)
{
    if (!IS_ALIGNED(head, IMAGE_ALIGN)) {
        die_value("the image was loaded off a 2 MiB boundary, at", head);
    }
    cpu_note_entry(level, counter);
    cpu_set_exception_stacks(&boot_cpu, (uintptr_t)__overflow_stack_end);
    if (hal_trap_selftest() != 1) {
        die("a breakpoint with the MMU off did not reach the vectors", NULL);
    }
    plant_canaries();
    if (is_efi) {
        take_over_console();
    }
    read_firmware(facts, is_efi);
    pac_make_key(&info.seed);
    pac_load_key();
    for (unsigned n = 0; n < BOOT_SEED_SOURCES; n++) {
        wipe(info.seed.sources[n].at, info.seed.sources[n].len);
    }
    choose_early_memory(head);
    move_image();
    build_tables();

    /* The last stores before the switch. The values are addresses in the kernel's half already. */
    boot_cpu.self = (struct hal_cpu *)high_address(&boot_cpu);
    cpu_set_exception_stacks(&boot_cpu, high_address(__overflow_stack_end));
    if (info.uart.kind == BOOT_UART_PL011) {
        console_use(console_page() + (info.uart.base & (PAGE_SIZE - 1)));
    }
    return &early_switch;
}

void early_high(void)
{
    const char *failure = canary_failure();
    if (failure != NULL) {
        panic("boot: memory changed when the MMU was turned on: %s", failure);
    }
    if (hal_trap_selftest() != 1) {
        panic("boot: a breakpoint with the MMU on did not reach the vectors");
    }
    cpu_enable_pan();
    mmu_adopt(paddr(early_switch.ttbr1), (uintptr_t)(idmap_start - __image_base) + info.image_base);
    upcall_main(&info);
}
