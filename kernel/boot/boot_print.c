// SPDX-License-Identifier: MIT
//
// The first lines of the log: what helps to diagnose a machine that boots no further.

#include "kernel/boot/boot.h"

#include "hal/bootinfo.h"
#include "hal/cpu.h"
#include "kernel/base/assert.h"
#include "kernel/base/log.h"
#include "kernel/lib/format.h"

/* Print "model: enabled features". The shell's `cpus` also lists missing ones. */
static void print_cpu(void)
{
    char line[200], model[100];
    struct hal_cpu_feature f;
    hal_cpu_describe(model, sizeof(model));
    size_t used = fmt_print(line, sizeof(line), "%s:", model);
    for (unsigned i = 0; hal_cpu_feature(i, &f); i++) {
        if (f.is_on && used < sizeof(line)) {
            used += fmt_print(line + used, sizeof(line) - used, " %s", f.name);
        }
    }
    log_info("boot", "%s", line);
}

/* The loader's name and the command line come from outside; the log makes them printable. */
static void print_machine(const struct boot_info *info)
{
    static const char *const protocols[] = {
        [BOOT_NONE] = "nobody", [BOOT_MULTIBOOT2] = "Multiboot2",
        [BOOT_PVH] = "PVH",     [BOOT_FDT] = "device tree",
        [BOOT_EFI] = "UEFI",
    };
    char line[160];
    log_info("boot", "Halyard");
    print_cpu();
    hal_cpu_describe_mode(line, sizeof(line));
    log_info("boot", "%s", line);
    log_info("boot", "started by %s%s%s, command line \"%s\"", protocols[info->protocol],
             info->loader[0] != '\0' ? ", " : "", info->loader, info->cmdline);
}

/* Parsers run before there is a log, so they leave notes in the boot information; this prints them.
 * Only the first unknown words are kept: a boot loader can pass any number. */
static void print_oddities(const struct boot_info *info, const struct cmdline *cmdline)
{
    for (uint32_t i = 0; i < info->note_count; i++) {
        log_warn("boot", "%s", info->notes[i]);
    }
    uint32_t listed = MIN(cmdline->unknown_count, ARRAY_COUNT(cmdline->unknown));
    for (uint32_t i = 0; i < listed; i++) {
        log_warn("boot", "command line: \"%s\" is unknown and ignored", cmdline->unknown[i]);
    }
    if (cmdline->unknown_count > listed) {
        log_warn("boot", "command line: %u more unknown words", cmdline->unknown_count - listed);
    }
}

/* On the console only if `loglevel=info` asks for it; always in the log. */
static void print_memory_map(const struct boot_info *info, const struct cmdline *cmdline)
{
    static const char *const kinds[] = {
        [BOOT_RAM] = "RAM",
        [BOOT_RESERVED] = "reserved",
        [BOOT_ACPI_RECLAIM] = "ACPI tables",
        [BOOT_ACPI_NVS] = "ACPI NVS",
        [BOOT_BAD] = "defective",
    };
    enum log_level level = cmdline->loglevel >= (int)LOG_INFO ? LOG_INFO : LOG_DEBUG;
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *r = &info->ranges[i];
        log_line(level, "boot", "memory 0x%012llx-0x%012llx %s", (unsigned long long)r->base,
                 (unsigned long long)(r->base + (r->len - 1)), kinds[r->kind]);
    }
}

/* Less than the 16 MiB that the message names, because firmware keeps a part of those: up to half a
 * MiB, and 3 MiB for a screen. */
#define RAM_MIN ((uint64_t)12 * 1024 * 1024)

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

/* The check of the memory comes last, so that its panic follows the map that explains it. */
void boot_print_machine(const struct boot_info *info, const struct cmdline *cmdline)
{
    print_machine(info);
    print_oddities(info, cmdline);
    print_memory_map(info, cmdline);
    check_memory(info);
}
