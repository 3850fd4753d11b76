// SPDX-License-Identifier: MIT
//
// ACPI tables for tests: one block of memory that holds RSDP, root
// table and tables like QEMU's q35.
#pragma once

#include "fake/fake_boot_mem.h"

#define FAKE_ACPI_BASE 0xe0000 /* the start of the BIOS area, where the search starts */

/** Offsets in the block, for tests that corrupt it. */
struct fake_acpi {
    struct blob b;
    size_t rsdp, xsdt, rsdt, madt, fadt, dsdt, mcfg, hpet;
};

/** @param revision of the RSDP: 0 has an RSDT only, 2 an XSDT too (and an RSDT without entries). */
void fake_acpi_build(struct fake_acpi *a, uint8_t revision);

/** Start a table in the block; its length and checksum stay wrong until fake_acpi_seal(). */
size_t fake_acpi_begin_table(struct fake_acpi *a, const char *signature, uint8_t revision);
/** Set length and checksum of the table at `at`, which must end at the block's end. */
void fake_acpi_seal(struct fake_acpi *a, size_t at);
/** Recompute the checksum after a change. */
void fake_acpi_sum(struct fake_acpi *a, size_t at);
