// SPDX-License-Identifier: MIT
//
// The boot information of a Multiboot2 loader (GRUB). The machine has the header that requests it.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"

/** In EAX when a Multiboot2 loader entered the kernel. */
#define MULTIBOOT2_LOADER_MAGIC 0x36d76289u

/**
 * @brief Copy information from a Multiboot2 loader into `out`: strings, modules, memory map,
 * framebuffer, RSDP.
 *
 * All tags are checked before the first is used. out->acpi.rsdp becomes the address of the loader's
 * copy inside the block, for acpi_parse(). Modules are reserved; the block itself need not be
 * reserved once ACPI is parsed. Modules and block may be below 1 MiB.
 * @param mbi_phys  The loader's value in EBX.
 * @param out       Zeroed by the caller.
 * @return E_CORRUPT: the block is truncated or inconsistent. E_NOENT: it has no memory map. In both
 * cases only a note with the reason has been added to `out`.
 * @context{early}
 */
enum status multiboot2_parse(const struct boot_mem *m, uint64_t mbi_phys, struct boot_info *out);
