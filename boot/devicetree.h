// SPDX-License-Identifier: MIT
//
// The information that Halyard needs from a device tree. boot/fdt.h reads the format.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"

/**
 * @brief Copy information from a device tree into `out`: memory, processors, GIC, timer, UART,
 * clock, PSCI, PCI hosts, initrd, command line.
 *
 * The whole structure is checked before any of it is used. A node whose contents are invalid is
 * ignored with a note; boot_check_devices() comes last. The initrd becomes module 0 and is
 * reserved; the tree itself need not be. A CPU is `enabled` if PSCI can start it; the boot CPU may
 * be one that is not.
 * @param dtb_phys  Any alignment.
 * @param out       Zeroed by the caller.
 * @return E_FORMAT: no tree starts there. E_CORRUPT, E_RANGE: see fdt_open(). E_NOENT: it describes
 * no memory. In all these cases only a note with the reason has been added to `out`.
 * @context{early}
 */
enum status devicetree_parse(const struct boot_mem *m, uint64_t dtb_phys, struct boot_info *out);

/**
 * @brief As devicetree_parse(), for firmware that has itself described memory, its contents, and
 * the command line: the tree's own information about those is not read (UEFI firmware does
 * not update them).
 * @param out  With the memory map.
 * @return E_FORMAT, E_CORRUPT, E_RANGE as above.
 * @context{early}
 */
enum status devicetree_parse_devices(const struct boot_mem *m, uint64_t dtb_phys,
                                     struct boot_info *out);
