// SPDX-License-Identifier: MIT
//
// What Halyard wants to know from a device tree. Reading the format is boot/fdt.h's business.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"

/**
 * @brief Copy what a device tree says into `out`: memory, processors, GIC, timer, UART, clock,
 * PSCI, PCI hosts, initrd, command line.
 *
 * The whole structure is checked before any of it is used. A node that makes no sense by itself is
 * left out with a note; boot_check_devices() comes last. The initrd becomes module 0, and reserved;
 * the tree itself need not be. A CPU is `enabled` if PSCI can start it: the boot CPU may be among
 * those that are not.
 * @param dtb_phys  Any alignment.
 * @param out       Zeroed by the caller.
 * @return E_FORMAT: no tree starts there. E_CORRUPT, E_RANGE: see fdt_open(). E_NOENT: it names no
 * memory. Only a note that says what is wrong has then been added to `out`.
 * @context{early}
 */
enum status devicetree_parse(const struct boot_mem *m, uint64_t dtb_phys, struct boot_info *out);

/**
 * @brief As devicetree_parse(), for a tree whose firmware has said itself what memory there is,
 * what lies in it, and what the command line is: the tree's own word on those is not read (UEFI
 * firmware leaves there what was true before it ran).
 * @param out  With the memory map.
 * @return E_FORMAT, E_CORRUPT, E_RANGE as above.
 * @context{early}
 */
enum status devicetree_parse_devices(const struct boot_mem *m, uint64_t dtb_phys,
                                     struct boot_info *out);
