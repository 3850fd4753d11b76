// SPDX-License-Identifier: MIT
//
// Shared by the files that read ACPI tables: a table whose length and checksum have been verified.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"
#include "kernel/lib/endian.h"

enum { ACPI_HEADER_SIZE = 36 };

struct acpi_table {
    const uint8_t *bytes; /* including the header */
    uint32_t len;         /* at least ACPI_HEADER_SIZE */
};

/**
 * @brief Map a table and verify its length and checksum.
 * @return false: it is broken, which is noted.
 * @context{early}
 */
bool acpi_open_table(const struct boot_mem *m, uint64_t phys, struct boot_info *info,
                     struct acpi_table *out);

/**
 * @brief Whether the table has bytes [at, at + len): later revisions append fields.
 * @context{early}
 */
static inline bool acpi_has(const struct acpi_table *t, uint32_t at, uint32_t len)
{
    return t->len >= at + len;
}

/** @brief Read one verified table into `info`. The FADT leads to the DSDT. @context{early} */
void acpi_read_madt(const struct acpi_table *t, struct boot_info *info);
void acpi_read_mcfg(const struct acpi_table *t, struct boot_info *info);
void acpi_read_hpet(const struct acpi_table *t, struct boot_info *info);
void acpi_read_spcr(const struct acpi_table *t, struct boot_info *info);
void acpi_read_gtdt(const struct acpi_table *t, struct boot_info *info);
void acpi_read_fadt(const struct boot_mem *m, const struct acpi_table *t, struct boot_info *info);

/**
 * @brief Add a CPU unless it is known already; if there are too many, ignore it with a note.
 * @context{early}
 */
void acpi_add_cpu(struct boot_info *info, uint64_t hw_id, uint32_t uid, bool is_enabled);

/**
 * @brief Read one MADT entry if it describes a part of a GIC.
 * @param len  Of the entry, at least 2, verified against the table's.
 * @context{early}
 */
void acpi_read_gic_entry(const uint8_t *e, uint8_t len, struct boot_info *info);

/** @brief After the last entry: keep the GIC if its description is complete. @context{early} */
void acpi_finish_gic(struct boot_info *info);

/**
 * @brief Complete the PCI hosts of the MCFG with the windows and the interrupt routing that the
 * DSDT declares as constants, and find QEMU's configuration device.
 * @context{early}
 */
void acpi_read_hosts(const struct acpi_table *dsdt, struct boot_info *info);

/**
 * @brief Find `Name (_S5, Package () {a, b, ...})` in a DSDT.
 * @param a, b  SLP_TYP values for PM1a_CNT and PM1b_CNT, 0 to 7.
 * @return false: no such object.
 * @context{early}
 */
bool acpi_find_s5(const struct acpi_table *dsdt, uint16_t *a, uint16_t *b);
