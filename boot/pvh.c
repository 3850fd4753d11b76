// SPDX-License-Identifier: MIT
//
// Xen's arch-x86/hvm/start_info.h, version 1: a fixed
// structure that points to a string and two arrays.
#include "boot/pvh.h"

#include "boot/note.h"
#include "boot/ranges.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

enum {
    MODULE_SIZE = 32,
    MAP_ENTRY_SIZE = 24,
    COUNT_MAX = 4096, /* of modules and of map entries; firmware has a few dozen */
};

struct start {
    uint32_t module_count, map_count;
    uint64_t modules_phys, cmdline_phys, rsdp_phys, map_phys;
};

static enum status read_start(const struct boot_mem *m, uint64_t phys, struct boot_info *info,
                              struct start *out)
{
    const uint8_t *p = boot_mem_map(m, phys, PVH_START_SIZE);
    if (p == NULL || load_le32(p) != PVH_START_MAGIC) {
        boot_note_value(info, "pvh: no start structure at", phys);
        return E_FORMAT;
    }
    if (load_le32(p + 4) == 0) {
        boot_note(info, "pvh: version 0 of the start structure has no memory map");
        return E_NOTSUP;
    }
    *out = (struct start){
        .module_count = load_le32(p + 12),
        .modules_phys = load_le64(p + 16),
        .cmdline_phys = load_le64(p + PVH_CMDLINE_AT),
        .rsdp_phys = load_le64(p + 32),
        .map_phys = load_le64(p + 40),
        .map_count = load_le32(p + 48),
    };
    return OK;
}

/* If the string cannot be read, the module only loses its name. */
static void add_module(const struct boot_mem *m, struct boot_info *info, const uint8_t *entry)
{
    uint64_t string = load_le64(entry + 16);
    char name[sizeof(info->modules[0].name)] = "";
    bool is_cut;
    if (string != 0 && boot_mem_copy_string(m, string, name, sizeof(name), &is_cut) != OK) {
        boot_note_value(info, "pvh: unreadable module string at", string);
    }
    boot_add_module(info, load_le64(entry), load_le64(entry + 8),
                    (const uint8_t *)(name[0] != '\0' ? name : "initrd"), sizeof(name));
}

enum status pvh_parse(const struct boot_mem *m, uint64_t start_phys, struct boot_info *out)
{
    struct start start;
    enum status s = read_start(m, start_phys, out, &start);
    if (s != OK) {
        return s;
    }
    if (start.map_count == 0) {
        boot_note(out, "pvh: no memory map");
        return E_NOENT;
    }
    if (start.map_count > COUNT_MAX || start.module_count > COUNT_MAX) {
        boot_note_value(out, "pvh: impossible count", MAX(start.map_count, start.module_count));
        return E_CORRUPT;
    }
    const uint8_t *map =
        boot_mem_map(m, start.map_phys, (uint64_t)start.map_count * MAP_ENTRY_SIZE);
    if (map == NULL) {
        boot_note_value(out, "pvh: unreadable memory map, entries", start.map_count);
        return E_CORRUPT;
    }
    const uint8_t *modules = NULL;
    if (start.module_count != 0) {
        modules = boot_mem_map(m, start.modules_phys, (uint64_t)start.module_count * MODULE_SIZE);
        if (modules == NULL) {
            boot_note_value(out, "pvh: unreadable modules, count", start.module_count);
            return E_CORRUPT;
        }
    }
    /* The only remaining step that can fail; it writes nothing if it does. */
    bool is_cut = false;
    if (start.cmdline_phys != 0) {
        s = boot_mem_copy_string(m, start.cmdline_phys, out->cmdline, sizeof(out->cmdline),
                                 &is_cut);
        if (s != OK) {
            boot_note_value(out, "pvh: unreadable command line at", start.cmdline_phys);
            return s;
        }
    }
    if (is_cut) {
        boot_note(out, "pvh: command line too long, cut");
    }

    out->protocol = BOOT_PVH;
    out->acpi.rsdp = start.rsdp_phys;
    uint64_t previous = 0;
    for (uint32_t i = 0; i < start.map_count; i++) {
        boot_map_add_e820(out, map + (size_t)i * MAP_ENTRY_SIZE, &previous);
    }
    for (uint32_t i = 0; i < start.module_count; i++) {
        add_module(m, out, modules + (size_t)i * MODULE_SIZE);
    }
    return OK;
}
