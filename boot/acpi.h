// SPDX-License-Identifier: MIT
//
// What Halyard wants to know from ACPI's static tables. There is no AML interpreter: \_S5 is found
// by its shape.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"

/**
 * @brief Copy what the ACPI tables say into `io`: CPUs, interrupt controllers, PCI hosts, timers,
 * power.
 *
 * Starts at io->acpi.rsdp, or searches the BIOS area for an RSDP if that is 0. A table that is
 * absent leaves its fields as they were; one with a wrong length or checksum is left out with a
 * note. Ends with boot_check_devices().
 * @param io  Filled by multiboot2_parse() or pvh_parse(): the memory map is complete.
 * @return E_NOENT: no RSDP. E_CORRUPT: the RSDP or the root table is broken. Both add a note, and
 * leave io->acpi as for a PC of before ACPI: two PICs, a keyboard controller, a CMOS clock, nothing
 * else.
 * @context{early}
 */
enum status acpi_parse(const struct boot_mem *m, struct boot_info *io);
