// SPDX-License-Identifier: MIT
//
// The memory map in boot_info: always sorted, page aligned, disjoint and merged, whatever order,
// overlap and alignment the firmware used. kernel/mm/ decides the use of memory.
#pragma once

#include "hal/bootinfo.h"

/**
 * @brief Add a range from firmware to the map.
 *
 * Where ranges overlap, the more restrictive kind remains: BOOT_BAD, BOOT_ACPI_NVS, BOOT_RESERVED,
 * BOOT_ACPI_RECLAIM, BOOT_RAM. Usable kinds are rounded inwards to pages, the others outwards. A
 * range that wraps around the address space is noted, and dropped if it is usable, otherwise cut at
 * the end. A map that exceeds BOOT_MAX_RANGES loses ranges, with a note. RAM that is lost is not
 * used. A lost range that would forbid use is reserved (boot_reserve()), so that RAM that is added
 * later does not cover it.
 * @param base, len  Physical bytes, any values; len 0 does nothing.
 * @context{early}
 */
void boot_range_add(struct boot_info *info, uint64_t base, uint64_t len, enum boot_range_kind kind);

/**
 * @brief Cut usable ranges at `limit`, with a note: the CPU, or the kernel's map of all memory,
 * cannot address more.
 * @context{early}
 */
void boot_limit_ram(struct boot_info *info, uint64_t limit);

/**
 * @brief boot_range_add() for an entry of a firmware's memory map, in which RAM should not overlap
 * other kinds: an overlap is noted, once.
 * @context{early}
 */
void boot_map_add(struct boot_info *info, uint64_t base, uint64_t len, enum boot_range_kind kind);

/**
 * @brief boot_map_add() for an entry of a BIOS map. If the order is not ascending, that is noted,
 * once.
 * @param e         u64 base, u64 length, u32 type of E820, little-endian; the same in Multiboot2
 * and PVH.
 * @param previous  Start with 0; pass it back unchanged with the next entry.
 * @context{early}
 */
void boot_map_add_e820(struct boot_info *info, const uint8_t *e, uint64_t *previous);

/**
 * @brief Reserve bytes inside RAM that are in use: the image, a module, a table.
 *
 * Rounded outwards to pages. If the list is full, the nearest reservation grows to cover it.
 * @param base, len  Physical bytes, any values; len 0 does nothing; a range that wraps is cut at
 * the end.
 * @context{early}
 */
void boot_reserve(struct boot_info *info, uint64_t base, uint64_t len);

/**
 * @brief Record a file that the loader left in memory, and reserve it. The memory map must be
 * complete.
 * @param base, len  Physical bytes, any values; a file that is not completely in RAM is dropped
 * with a note.
 * @param name, name_len  The loader's string, up to a zero; cut to fit.
 * @context{early}
 */
void boot_add_module(struct boot_info *info, uint64_t base, uint64_t len, const uint8_t *name,
                     size_t name_len);

/**
 * @brief Whether a byte of [base, base + len) is RAM; a range that wraps extends to the end.
 * @context{any}
 */
bool boot_is_any_ram(const struct boot_info *info, uint64_t base, uint64_t len);

/** @brief Bytes of RAM, including RAM that contains ACPI tables or is reserved. @context{any} */
uint64_t boot_total_ram(const struct boot_info *info);

/**
 * @brief Iterate over the RAM that is not reserved, upwards.
 * @param cursor  Start with 0; pass it back unchanged to continue.
 * @param out     Page aligned, len > 0; kind BOOT_RAM or BOOT_ACPI_RECLAIM. Unchanged at the end.
 * @return false: there is no further range.
 * @context{any}
 */
bool boot_next_free(const struct boot_info *info, uint64_t *cursor, struct boot_range *out);
