// SPDX-License-Identifier: MIT
//
// The memory map in boot_info: always sorted, page aligned, disjoint and merged, whatever order,
// overlap and alignment the firmware used. What the memory is then used for is kernel/mm/'s
// business.
#pragma once

#include "hal/bootinfo.h"

/**
 * @brief Lay one firmware range over the map.
 *
 * Where ranges overlap, the more careful kind stays: BOOT_BAD, BOOT_ACPI_NVS, BOOT_RESERVED,
 * BOOT_ACPI_RECLAIM, BOOT_RAM. Usable kinds are rounded inwards to pages, the others outwards.
 * A range that wraps around the address space is noted, and dropped if it is usable, else cut at
 * the end. A map that outgrows BOOT_MAX_RANGES loses ranges with a note: RAM that is lost is not
 * used, and what forbade it is reserved (boot_reserve()), so that RAM that comes later does not
 * cover it.
 * @param base, len  Physical bytes, any values; len 0 does nothing.
 * @context{early}
 */
void boot_range_add(struct boot_info *info, uint64_t base, uint64_t len, enum boot_range_kind kind);

/**
 * @brief Cut usable ranges at `limit`, with a note: the CPU, or the kernel's map of all memory,
 * reaches no further.
 * @context{early}
 */
void boot_limit_ram(struct boot_info *info, uint64_t limit);

/**
 * @brief boot_range_add() of an entry of a firmware's memory map, in which RAM is not supposed to
 * be anything else as well: an overlap is noted, once.
 * @context{early}
 */
void boot_map_add(struct boot_info *info, uint64_t base, uint64_t len, enum boot_range_kind kind);

/**
 * @brief boot_map_add() of an entry of a BIOS map, whose order is noted, once, if it does not rise.
 * @param e         u64 base, u64 length, u32 type of E820, little-endian; Multiboot2 and PVH agree.
 * @param previous  Start with 0; pass it back unchanged with the next entry.
 * @context{early}
 */
void boot_map_add_e820(struct boot_info *info, const uint8_t *e, uint64_t *previous);

/**
 * @brief Say that bytes inside RAM are taken: the image, a module, a table in use.
 *
 * Rounded outwards to pages. If the list is full, the nearest reservation grows to cover it.
 * @param base, len  Physical bytes, any values; len 0 does nothing; a wrapping range is cut at the
 * end.
 * @context{early}
 */
void boot_reserve(struct boot_info *info, uint64_t base, uint64_t len);

/**
 * @brief Record a file that the loader left in memory, and reserve it. The memory map is complete.
 * @param base, len  Physical bytes, any values; a file that is not wholly in RAM is dropped with a
 * note.
 * @param name, name_len  The loader's string, up to a zero; cut to fit.
 * @context{early}
 */
void boot_add_module(struct boot_info *info, uint64_t base, uint64_t len, const uint8_t *name,
                     size_t name_len);

/** @brief Whether a byte of [base, base + len) is RAM; a range that wraps reaches to the end.
 * @context{any} */
bool boot_is_any_ram(const struct boot_info *info, uint64_t base, uint64_t len);

/** @brief Bytes of RAM, those that hold ACPI tables or are reserved included. @context{any} */
uint64_t boot_total_ram(const struct boot_info *info);

/**
 * @brief Iterate over the RAM that nobody has reserved, upwards.
 * @param cursor  Start with 0; pass it back unchanged to continue.
 * @param out     Page aligned, len > 0; kind BOOT_RAM or BOOT_ACPI_RECLAIM. Untouched at the end.
 * @return false: no more.
 * @context{any}
 */
bool boot_next_free(const struct boot_info *info, uint64_t *cursor, struct boot_range *out);
