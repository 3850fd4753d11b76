// SPDX-License-Identifier: MIT
//
// The information that Halyard needs from ACPI's static tables. There is no AML interpreter: \_S5
// is found by its form.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"

/**
 * @brief Copy information from the ACPI tables into `io`: CPUs, interrupt controllers, PCI hosts,
 * timers, power.
 *
 * Starts at io->acpi.rsdp, or searches the BIOS area for an RSDP if that is 0. If a table is absent
 * its fields do not change; if one has a wrong length or checksum it is ignored with a note. Ends
 * with boot_check_devices().
 * @param io  Filled by multiboot2_parse() or pvh_parse(): the memory map is complete.
 * @return E_NOENT: no RSDP. E_CORRUPT: the RSDP or the root table is broken. Both add a note, and
 * set io->acpi as for a PC without ACPI: two PICs, a keyboard controller, a CMOS clock, nothing
 * else.
 * @context{early}
 */
enum status acpi_parse(const struct boot_mem *m, struct boot_info *io);
