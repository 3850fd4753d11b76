// SPDX-License-Identifier: MIT
//
// The FADT, and \_S5 in the DSDT that it points to: the information for powering off and resetting
// the machine.
#include "boot/acpi_internal.h"

#include "boot/note.h"

enum {
    PM1A_CNT = 64,
    PM1B_CNT = 68,
    PM_TIMER = 76,
    DSDT = 40,
    MINOR_REVISION_1_SIZE = 116, /* size in ACPI 1.0; the boot flags are valid from 2.0 on */
    BOOT_FLAGS = 109,
    FLAGS = 112,
    RESET_REGISTER = 116,
    RESET_VALUE = 128,
    ARM_BOOT_FLAGS = 129,
    X_DSDT = 140,
    X_PM1A_CNT = 172,
    X_PM1B_CNT = 184,
    X_PM_TIMER = 208,
    GAS_SIZE = 12,
    HARDWARE_REDUCED = 1 << 20, /* of FLAGS */
    GAS_ADDRESS = 4,
    SPACE_IO = 1,
};

/* A register's I/O port, from the extended field if the table has it and uses it. */
static uint32_t read_port(const struct acpi_table *t, uint32_t at, uint32_t extended_at)
{
    if (acpi_has(t, extended_at, GAS_SIZE)) {
        const uint8_t *gas = t->bytes + extended_at;
        uint64_t port = load_le64(gas + GAS_ADDRESS);
        if (gas[0] == SPACE_IO && port != 0 && port <= UINT16_MAX) {
            return (uint32_t)port;
        }
    }
    uint32_t port = acpi_has(t, at, 4) ? load_le32(t->bytes + at) : 0;
    return port <= UINT16_MAX ? port : 0;
}

static void read_reset(const struct acpi_table *t, uint32_t flags, struct boot_acpi *acpi)
{
    enum { RESET_SUPPORTED = 1u << 10 };
    if ((flags & RESET_SUPPORTED) == 0 || !acpi_has(t, RESET_REGISTER, GAS_SIZE + 1)) {
        return;
    }
    const uint8_t *gas = t->bytes + RESET_REGISTER;
    uint64_t port = load_le64(gas + GAS_ADDRESS);
    if (gas[0] == SPACE_IO && port != 0 && port <= UINT16_MAX) {
        acpi->reset_present = true;
        acpi->reset_port = (uint16_t)port;
        acpi->reset_value = t->bytes[RESET_VALUE];
    }
}

static void read_boot_flags(const struct acpi_table *t, struct boot_acpi *acpi)
{
    enum { HAS_8042 = 1u << 1, NO_CMOS_RTC = 1u << 5 };
    if (t->bytes[8] < 2 || !acpi_has(t, BOOT_FLAGS, 2)) {
        return; /* a PC of that time has both */
    }
    uint16_t flags = load_le16(t->bytes + BOOT_FLAGS);
    acpi->has_8042 = (flags & HAS_8042) != 0;
    acpi->has_cmos_rtc = (flags & NO_CMOS_RTC) == 0;
}

/* ACPI 6.4, 5.2.9.4: how to call PSCI, if it exists. */
static void read_psci(const struct acpi_table *t, struct boot_info *info)
{
    enum { PSCI_COMPLIANT = 1, USE_HVC = 2 };
    uint16_t flags = acpi_has(t, ARM_BOOT_FLAGS, 2) ? load_le16(t->bytes + ARM_BOOT_FLAGS) : 0;
    if ((flags & PSCI_COMPLIANT) != 0) {
        info->psci = (flags & USE_HVC) != 0 ? BOOT_PSCI_HVC : BOOT_PSCI_SMC;
    }
}

static void read_dsdt(const struct boot_mem *m, const struct acpi_table *t, struct boot_info *info)
{
    uint64_t phys = acpi_has(t, X_DSDT, 8) ? load_le64(t->bytes + X_DSDT) : 0;
    if (phys == 0) {
        phys = load_le32(t->bytes + DSDT);
    }
    struct acpi_table dsdt;
    struct boot_acpi *acpi = &info->acpi;
    if (!acpi_open_table(m, phys, info, &dsdt)) {
        return;
    }
    if ((load_le32(t->bytes + FLAGS) & HARDWARE_REDUCED) != 0) {
        /* on a PC a method computes the windows, and firmware has set them up */
        acpi_read_hosts(&dsdt, info);
        return; /* and there are no sleep registers */
    }
    acpi->s5_present = acpi_find_s5(&dsdt, &acpi->s5_slp_typ_a, &acpi->s5_slp_typ_b);
    if (!acpi->s5_present) {
        boot_note(info, "acpi: no \\_S5 in the DSDT");
    }
}

void acpi_read_fadt(const struct boot_mem *m, const struct acpi_table *t, struct boot_info *info)
{
    enum { TIMER_32_BIT = 1u << 8 };
    if (!acpi_has(t, 0, MINOR_REVISION_1_SIZE)) {
        boot_note(info, "acpi: short FADT");
        return;
    }
    struct boot_acpi *acpi = &info->acpi;
    uint32_t flags = load_le32(t->bytes + FLAGS);
    acpi->pm1a_cnt_port = read_port(t, PM1A_CNT, X_PM1A_CNT);
    acpi->pm1b_cnt_port = read_port(t, PM1B_CNT, X_PM1B_CNT);
    acpi->pm_timer_port = read_port(t, PM_TIMER, X_PM_TIMER);
    acpi->pm_timer_is_32_bit = (flags & TIMER_32_BIT) != 0;
    read_boot_flags(t, acpi);
    read_reset(t, flags, acpi);
    read_psci(t, info);
    read_dsdt(m, t, info);
}

/* An AML integer constant that fits a byte: ZeroOp, OneOp, BytePrefix, WordPrefix, DWordPrefix. */
static bool read_integer(const struct acpi_table *t, uint32_t *at, uint16_t *out)
{
    enum { ZERO = 0x00, ONE = 0x01, BYTE = 0x0a, WORD = 0x0b, DWORD = 0x0c };
    if (!acpi_has(t, *at, 1)) {
        return false;
    }
    uint8_t op = t->bytes[*at];
    uint32_t len = op == BYTE ? 1 : op == WORD ? 2 : op == DWORD ? 4 : 0;
    uint32_t value = 0;
    if ((len == 0 && op != ZERO && op != ONE) || !acpi_has(t, *at + 1, len)) {
        return false;
    }
    for (uint32_t i = 0; i < len; i++) {
        value |= (uint32_t)t->bytes[*at + 1 + i] << (8 * i);
    }
    if (len == 0) {
        value = op;
    }
    if (value > 7) {
        return false; /* the field has three bits */
    }
    *at += 1 + len;
    *out = (uint16_t)value;
    return true;
}

/* PackageOp, PkgLength, NumElements, then the elements. `at` is the offset after the name. */
static bool read_package(const struct acpi_table *t, uint32_t at, uint16_t *a, uint16_t *b)
{
    enum { PACKAGE = 0x12 };
    if (!acpi_has(t, at, 3) || t->bytes[at] != PACKAGE) {
        return false;
    }
    uint32_t length_bytes =
        1 + (t->bytes[at + 1] >> 6); /* the first byte gives the number of further bytes */
    at += 1 + length_bytes;
    if (!acpi_has(t, at, 1) || t->bytes[at] < 1) {
        return false;
    }
    uint8_t count = t->bytes[at++];
    uint16_t first, second;
    if (!read_integer(t, &at, &first)) {
        return false;
    }
    second = first;
    if (count >= 2 && !read_integer(t, &at, &second)) {
        return false;
    }
    *a = first;
    *b = second;
    return true;
}

bool acpi_find_s5(const struct acpi_table *dsdt, uint16_t *a, uint16_t *b)
{
    enum { NAME = 0x08, ROOT = '\\' };
    static const char name[] = "_S5_";
    uint32_t wanted = load_le32(name);
    for (uint32_t at = ACPI_HEADER_SIZE + 1; acpi_has(dsdt, at, 4); at++) {
        const uint8_t *p = dsdt->bytes + at;
        if (p[0] != '_' || load_le32(p) != wanted) {
            continue;
        }
        if ((p[-1] == NAME || (p[-1] == ROOT && p[-2] == NAME)) &&
            read_package(dsdt, at + 4, a, b)) {
            return true;
        }
    }
    return false;
}
