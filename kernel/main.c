// SPDX-License-Identifier: MIT
//
// Boot, as one readable list. What each step does is in its own file; the order is the order of the
// lines.

#include "hal/bootinfo.h"
#include "hal/console.h"
#include "hal/cpu.h"
#include "hal/mmu.h"
#include "hal/platform.h"
#include "hal/power.h"
#include "hal/timer.h"
#include "hal/upcall.h"
#include "kernel/assert.h"
#include "kernel/clock.h"
#include "kernel/cmdline.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

static struct cmdline cmdline;

const struct cmdline *cmdline_get(void)
{
    return &cmdline;
}

static void read_cmdline(const struct boot_info *info)
{
    cmdline_parse(info->cmdline, &cmdline);
    if (cmdline.loglevel >= 0) {
        log_set_console_level((enum log_level)cmdline.loglevel);
    }
}

static void print_banner(const struct boot_info *info)
{
    static const char *const protocols[] = {
        [BOOT_NONE] = "nobody",
        [BOOT_MULTIBOOT2] = "Multiboot2",
        [BOOT_PVH] = "PVH",
        [BOOT_FDT] = "device tree",
    };
    char line[128];
    log_info("boot", "Halyard");
    hal_cpu_describe(line, sizeof(line));
    log_info("boot", "%s", line);
    hal_cpu_describe_mode(line, sizeof(line));
    log_info("boot", "%s", line);
    log_info("boot", "started by %s%s%s, command line \"%s\"", protocols[info->protocol],
             info->loader[0] != '\0' ? ", " : "", info->loader, info->cmdline);
    for (uint32_t i = 0; i < info->note_count; i++) {
        log_warn("boot", "%s", info->notes[i]);
    }
    for (uint32_t i = 0; i < MIN(cmdline.unknown_count, ARRAY_COUNT(cmdline.unknown)); i++) {
        log_warn("boot", "command line: \"%s\" is no word I know", cmdline.unknown[i]);
    }
}

static void print_memory_map(const struct boot_info *info)
{
    static const char *const kinds[] = {
        [BOOT_RAM] = "RAM",
        [BOOT_RESERVED] = "reserved",
        [BOOT_ACPI_RECLAIM] = "ACPI tables",
        [BOOT_ACPI_NVS] = "ACPI NVS",
        [BOOT_BAD] = "defective",
    };
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *r = &info->ranges[i];
        log_info("boot", "memory 0x%012llx-0x%012llx %s", (unsigned long long)r->base,
                 (unsigned long long)(r->base + (r->len - 1)), kinds[r->kind]);
    }
}

/* Firmware keeps some for itself: what QEMU calls 16 MiB is up to half a MiB less. */
#define RAM_MIN ((uint64_t)15 * 1024 * 1024)

static void check_memory(const struct boot_info *info)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < info->range_count; i++) {
        total += info->ranges[i].kind == BOOT_RAM ? info->ranges[i].len : 0;
    }
    if (total < RAM_MIN) {
        panic("boot: %llu KiB of memory, at least 16 MiB are needed",
              (unsigned long long)(total / 1024));
    }
}

void upcall_main(const struct boot_info *info)
{
    clock_init();
    read_cmdline(info);
    print_banner(info);
    print_memory_map(info);
    check_memory(info);

    page_early_init(info);
    hal_mmu_init(info);
    page_init(info);
    hal_power_off();
}
