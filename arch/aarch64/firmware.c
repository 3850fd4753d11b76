// SPDX-License-Identifier: MIT
//
// Chooses the parsers of boot/, and gives them access to memory: at physical addresses, with the
// caches off.
#include "arch/aarch64/firmware.h"

#include "arch/aarch64/cache.h"
#include "arch/aarch64/cpu.h"
#include "boot/acpi.h"
#include "boot/devicetree.h"

static const void *map_physical(void *ctx, uint64_t phys, size_t len)
{
    (void)ctx;
    if ((phys + len - 1) >> cpu_physical_bits() != 0) {
        return NULL;
    }
    const void *p = (const void *)(uintptr_t)phys;
    cache_clean_to_memory(p, len); /* the loader's stores may still be in its caches */
    return p;
}

static struct boot_mem reader(void)
{
    struct boot_mem mem;
    /* not in an initialiser, which would be copied from
     * a constant with the function's link address */
    mem.map = map_physical;
    mem.ctx = NULL;
    return mem;
}

const char *firmware_read_tree(uint64_t address, struct boot_info *info)
{
    const struct boot_mem mem = reader();
    return devicetree_parse(&mem, address, info) == OK ? NULL : "no usable device tree at";
}

/* A device tree has more information than the tables, so it comes first. */
const char *firmware_read_efi(uint64_t address, struct boot_info *info)
{
    const struct boot_mem mem = reader();
    const struct boot_efi *efi = (const struct boot_efi *)(uintptr_t)address;
    uint64_t tree;
    if (efi_parse(&mem, efi, &tree, info) != OK) {
        return "no usable memory map from UEFI, noted at";
    }
    bool has_tree = tree != 0 && devicetree_parse_devices(&mem, tree, info) == OK;
    if (!has_tree && (info->acpi.rsdp == 0 || acpi_parse(&mem, info) != OK)) {
        return "UEFI gives neither a device tree nor ACPI tables, noted at";
    }
    return NULL;
}
