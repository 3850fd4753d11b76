// SPDX-License-Identifier: MIT
//
// Between the files that read ACPI tables: a table whose length and checksum have been verified.
#pragma once

#include "boot/mem.h"
#include "hal/bootinfo.h"
#include "kernel/lib/endian.h"

enum { ACPI_HEADER_SIZE = 36 };

struct acpi_table {
    const uint8_t *bytes; /* header included */
    uint32_t len;         /* at least ACPI_HEADER_SIZE */
};

/**
 * @brief Reach a table and verify its length and checksum.
 * @return false: broken; a note says so.
 * @context{early}
 */
bool acpi_open_table(const struct boot_mem *m, uint64_t phys, struct boot_info *info,
                     struct acpi_table *out);

/** @brief Whether the table has bytes [at, at + len): later revisions append fields.
 * @context{early} */
static inline bool acpi_has(const struct acpi_table *t, uint32_t at, uint32_t len)
{
    return t->len >= at + len;
}

/** @brief Read one verified table into `info`. The FADT leads on to the DSDT. @context{early} */
void acpi_read_madt(const struct acpi_table *t, struct boot_info *info);
void acpi_read_mcfg(const struct acpi_table *t, struct boot_info *info);
void acpi_read_hpet(const struct acpi_table *t, struct boot_info *info);
void acpi_read_spcr(const struct acpi_table *t, struct boot_info *info);
void acpi_read_fadt(const struct boot_mem *m, const struct acpi_table *t, struct boot_info *info);

/**
 * @brief Find `Name (_S5, Package () {a, b, ...})` in a DSDT.
 * @param a, b  SLP_TYP values for PM1a_CNT and PM1b_CNT, 0 to 7.
 * @return false: no such object.
 * @context{early}
 */
bool acpi_find_s5(const struct acpi_table *dsdt, uint16_t *a, uint16_t *b);
