// SPDX-License-Identifier: MIT
//
// Data from UEFI firmware: its memory map, configuration tables, command line and screen, as they
// are in memory after boot services end. Section numbers refer to the UEFI specification 2.10. The
// code that calls the firmware (a machine's EFI entry) only records addresses; every byte is read
// and checked here.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"

/** The fields of EFI_TIME (8.3.1); year 0 = the firmware has no clock. */
struct boot_efi_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second;
    int16_t zone_minutes; /* local time = UTC - this; 2047 = unknown, treated as UTC */
};

/** The current mode of EFI_GRAPHICS_OUTPUT_PROTOCOL (12.9.1); formats 0 to 2 have a framebuffer. */
struct boot_efi_screen {
    bool present;
    uint64_t base, size;
    uint32_t width, height, pixels_per_line;
    uint32_t format;
    uint32_t red_mask, green_mask, blue_mask; /* format 2 */
};

#define BOOT_EFI_SEED       32u
#define BOOT_EFI_EXTENSIONS 2u /* tools.ko, ext2w.ko */

/** A file that was read; size 0 = none. */
struct boot_efi_file {
    uint64_t at, size;
};

/** Addresses of the firmware's data; all are physical, all values are the firmware's own. */
struct boot_efi {
    uint64_t tables, table_count; /* EFI_CONFIGURATION_TABLE (4.6) */
    uint64_t vendor;              /* UTF-16 name of the firmware's vendor, 0 = none */
    uint64_t map, map_size;       /* EFI_MEMORY_DESCRIPTOR (7.2.3), as returned by GetMemoryMap() */
    uint64_t descriptor_size;
    uint64_t options, options_size; /* command line in bytes; 0 = none */
    bool options_are_wide;          /* UTF-16 instead of ASCII */
    bool initrd_is_empty;           /* it exists and has no bytes */
    uint64_t initrd, initrd_size;   /* 0 = none, or an empty one */
    struct boot_efi_file extensions[BOOT_EFI_EXTENSIONS];
    struct boot_efi_screen screen;
    struct boot_efi_time time;
    uint32_t seed_len; /* bytes of EFI_RNG_PROTOCOL (37.5); 0 = none */
    uint8_t seed[BOOT_EFI_SEED];
};

/**
 * @brief Copy the firmware's data into `out`: memory, command line, initrd, framebuffer, the time;
 * and find the tables with the rest.
 *
 * Memory of boot services and of the loader counts as free, because they have ended. A command line
 * that does not fit is cut with a note. A character below U+0100 becomes one byte, because firmware
 * widens a command line that it received as bytes; others become UTF-8. A last word `initrd=...` is
 * removed if there is an initrd: firmware that passes one appends this word, which could be
 * mistaken for a program's argument. The seed is copied; the caller must clear it in `efi`.
 * @param tree  Set to the address of a device tree, 0 = none. The RSDP's address is stored in
 * out->acpi.rsdp.
 * @param out   Zeroed by the caller.
 * @return E_CORRUPT: the memory map cannot be read. E_NOENT: it describes no memory. In both cases
 * only notes have been added.
 * @context{early}
 */
enum status efi_parse(const struct boot_mem *m, const struct boot_efi *efi, uint64_t *tree,
                      struct boot_info *out);

/**
 * @brief Choose free memory for an image, such that the most room follows it.
 * @param map    The descriptors themselves.
 * @param size   Bytes; 0 < align, a power of two.
 * @param span   The image and the room after it must be in one block of this size and alignment, a
 * power of two, at least `align`.
 * @param out    A multiple of `align`, never 0.
 * @return false: there is no place, or the descriptors are invalid.
 * @context{early}
 */
bool efi_choose_place(const uint8_t *map, uint64_t map_size, uint64_t descriptor_size,
                      uint64_t size, uint64_t align, uint64_t span, uint64_t *out);
