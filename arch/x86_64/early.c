// SPDX-License-Identifier: MIT
//
// The first C code in 64-bit mode: proves the vectors and memory, copies boot data of other formats
// into boot_info, calibrates the counter. Then the portable kernel takes over. The bootstrap tables
// are in use (boot32/tables.c).
#include "arch/x86_64/apic.h"
#include "arch/x86_64/context.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/early.h"
#include "arch/x86_64/timer.h"
#include "boot/acpi.h"
#include "boot/multiboot2.h"
#include "boot/pvh.h"
#include "boot/ranges.h"
#include "hal/bootinfo.h"
#include "hal/console.h"
#include "hal/layout.h"
#include "hal/mmu.h"
#include "hal/power.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define CANARY 0x4a1fa2d5u

static struct boot_info info;

static volatile uint32_t data_canary = CANARY;
static volatile uint32_t bss_canary;

static void write(const char *s)
{
    hal_early_write(s, strlen(s));
}

static _Noreturn void die(const char *why)
{
    write("PANIC: boot: ");
    write(why);
    for (uint32_t i = 0; i < info.note_count; i++) {
        write("\n  ");
        write(info.notes[i]);
    }
    write("\nPANIC END\n");
    hal_exit_record(EXIT_PANIC, 0);
    hal_power_off();
}

/* Whether a word keeps its value. If a section is linked or mapped where there is no RAM, stores
 * are lost silently. */
static bool is_memory(volatile uint32_t *word)
{
    *word = CANARY;
    bool kept = *word == CANARY;
    *word = ~CANARY;
    return kept && *word == ~CANARY;
}

static void check_canaries(void)
{
    if (data_canary != CANARY || !is_memory(&data_canary)) {
        die("boot canary in .data: a wrong value is read back");
    }
    if (bss_canary != 0 || !is_memory(&bss_canary)) {
        die("boot canary in .bss: it is not zero, or stores there are lost");
    }
    if (!is_memory((volatile uint32_t *)__boot_stack_start)) {
        die("boot canary in the boot stack: stores there are lost");
    }
    if (!is_memory((volatile uint32_t *)(boot_cpu.arch.ist_base + PAGE_SIZE))) {
        die("boot canary in the interrupt stacks: stores there are lost");
    }
}

/* For the parsers of boot/: RAM and firmware tables below 4 GiB, through the direct map. */
static const void *map_firmware(void *ctx, uint64_t phys, size_t len)
{
    (void)ctx;
    if (phys >= HAL_BOOT_MMIO || len > HAL_BOOT_MMIO - phys) {
        return NULL;
    }
    return hal_direct(paddr(phys));
}

static void read_boot_data(const struct early_handoff *handoff)
{
    const struct boot_mem mem = {.map = map_firmware};
    if (handoff->magic == MULTIBOOT2_LOADER_MAGIC) {
        write(CONSOLE_TAKEN); /* GRUB and its firmware have used it */
        if (multiboot2_parse(&mem, handoff->info, &info) != OK) {
            die("the Multiboot2 information cannot be used");
        }
    } else if (pvh_parse(&mem, handoff->info, &info) != OK) {
        die("entered by neither a Multiboot2 nor a PVH loader");
    }
    if (acpi_parse(&mem, &info) != OK) {
        /* The note has the reason. A PC without ACPI has the standard devices. */
    }
}

static bool is_ram(uint64_t base, uint64_t len)
{
    for (uint32_t i = 0; i < info.range_count; i++) {
        const struct boot_range *r = &info.ranges[i];
        if (r->kind == BOOT_RAM && base >= r->base && base - r->base <= r->len &&
            len <= r->len - (base - r->base)) {
            return true;
        }
    }
    return false;
}

static uint64_t image_phys(const char *symbol)
{
    return symbol - __image_base;
}

static void claim_memory(void)
{
    boot_limit_ram(&info, MIN(hal_mmu_physical_max() + 1, HAL_DIRECT_SIZE));
    info.image_base = image_phys(__image_start);
    info.image_len = (uintptr_t)__image_end - (uintptr_t)__image_start;
    if (!is_ram(HAL_BOOT_PHYS, image_phys(__image_end) - HAL_BOOT_PHYS)) {
        die("the memory map says that the kernel was not loaded into RAM");
    }
    boot_reserve(&info, info.image_base, info.image_len);
    ap_choose_memory(&info);

    /* Early frames: the largest free range above the image that the
     * bootstrap tables map. Memory below contains .boot and the bootstrap
     * tables, which are in use until hal_mmu_init() has switched. */
    uint64_t cursor = 0;
    struct boot_range free;
    while (boot_next_free(&info, &cursor, &free)) {
        uint64_t len = free.base < HAL_BOOT_MMIO ? MIN(free.len, HAL_BOOT_MMIO - free.base) : 0;
        if (free.kind == BOOT_RAM && free.base >= info.image_base && len > info.early_len) {
            info.early_base = free.base;
            info.early_len = len;
        }
    }
    if (info.early_len == 0) {
        die("no free memory above the kernel");
    }
}

void early_main(const struct early_handoff *handoff)
{
    check_canaries();
    if (hal_trap_selftest() != 1) {
        die("the vectors do not work: a breakpoint was not answered");
    }
    cpu_init_features();
    context_init_fp();
    read_boot_data(handoff);
    claim_memory();
    const char *why = timer_calibrate(handoff->entry_counter, &info.acpi);
    if (why != NULL) {
        die(why);
    }
    info.boot_cpu_hw_id = apic_id();
    upcall_main(&info);
}
