// SPDX-License-Identifier: MIT
//
// What UEFI firmware says: its memory map, configuration tables, command line and screen, as they
// lie in memory once boot services are over. Section numbers are those of the UEFI specification
// 2.10. Whoever called the firmware (a machine's EFI entry) only notes where things are; every
// byte is read, and judged, here.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"

/** EFI_TIME (8.3.1) in fields; year 0 = the firmware has no clock. */
struct boot_efi_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second;
    int16_t zone_minutes; /* local time = UTC - this; 2047 = unknown, taken as UTC */
};

/** EFI_GRAPHICS_OUTPUT_PROTOCOL's mode in use (12.9.1); format 0 to 2 has a framebuffer. */
struct boot_efi_screen {
    bool present;
    uint64_t base, size;
    uint32_t width, height, pixels_per_line;
    uint32_t format;
    uint32_t red_mask, green_mask, blue_mask; /* format 2 */
};

/** Where the firmware's answers lie; all addresses physical, all values the firmware's own. */
struct boot_efi {
    uint64_t tables, table_count; /* EFI_CONFIGURATION_TABLE (4.6) */
    uint64_t vendor;              /* UTF-16 name of the firmware, 0 = none */
    uint64_t map, map_size;       /* EFI_MEMORY_DESCRIPTOR (7.2.3), as GetMemoryMap() gave it */
    uint64_t descriptor_size;
    uint64_t options, options_size; /* command line in bytes; 0 = none */
    bool options_are_wide;          /* UTF-16 instead of ASCII */
    bool initrd_is_empty;           /* there is one, of no bytes */
    uint64_t initrd, initrd_size;   /* 0 = none, or an empty one */
    struct boot_efi_screen screen;
    struct boot_efi_time time;
};

/**
 * @brief Copy what the firmware said into `out`: memory, command line, initrd, framebuffer, the
 * time; and find the tables that say the rest.
 *
 * Memory of boot services and of the loader counts as free: they are over. A command line longer
 * than fits is cut with a note. A character below U+0100 becomes one byte, because firmware widens
 * a command line that it got as bytes; others become UTF-8. A last word `initrd=...` is dropped if
 * there is an initrd: firmware that passes one adds such a word, which by then could be taken for
 * a program's argument.
 * @param tree  Set to the address of a device tree, 0 = none. The RSDP goes to out->acpi.rsdp.
 * @param out   Zeroed by the caller.
 * @return E_CORRUPT: the memory map cannot be read. E_NOENT: it names no memory. Only notes have
 * then been added.
 * @context{early}
 */
enum status efi_parse(const struct boot_mem *m, const struct boot_efi *efi, uint64_t *tree,
                      struct boot_info *out);

/**
 * @brief Choose free memory for an image: where the most room is left behind it.
 * @param map    The descriptors themselves.
 * @param size   Bytes; 0 < align, a power of two.
 * @param span   The image and the room behind it are looked for inside one block of this size and
 * alignment, a power of two, at least `align`.
 * @param out    A multiple of `align`, never 0.
 * @return false: nowhere, or the descriptors make no sense.
 * @context{early}
 */
bool efi_choose_place(const uint8_t *map, uint64_t map_size, uint64_t descriptor_size,
                      uint64_t size, uint64_t align, uint64_t span, uint64_t *out);
