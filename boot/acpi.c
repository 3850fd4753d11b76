// SPDX-License-Identifier: MIT
//
// ACPI specification 6.4, section 5.2: from the RSDP through the root table to each table. The
// contents of tables are read in acpi_tables.c and acpi_fadt.c.
#include "boot/acpi.h"

#include "boot/acpi_internal.h"
#include "boot/devices.h"
#include "boot/note.h"
#include "kernel/lib/compiler.h"

enum {
    RSDP_SIZE_1 = 20,
    RSDP_SIZE_2 = 36,
    BIOS_AREA = 0xe0000,
    BIOS_AREA_SIZE = 0x20000,
    TABLE_SIZE_MAX = 4 << 20, /* the largest DSDTs have one MiB */
    /* tables with one signature: each may cost a checksum over TABLE_SIZE_MAX */
    BROKEN_TABLES_MAX = 4,
    TABLES_MAX = 512, /* entries in a root table; servers have about a hundred */
};

static bool sums_to_zero(const uint8_t *bytes, uint32_t len)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum == 0;
}

static bool has_rsdp_signature(const uint8_t *p)
{
    static const char signature[8] = "RSD PTR ";
    for (size_t i = 0; i < sizeof(signature); i++) {
        if (p[i] != (uint8_t)signature[i]) {
            return false;
        }
    }
    return true;
}

static uint64_t search_bios_area(const struct boot_mem *m)
{
    const uint8_t *area = boot_mem_map(m, BIOS_AREA, BIOS_AREA_SIZE);
    if (area == NULL) {
        return 0;
    }
    for (uint32_t at = 0; at + RSDP_SIZE_1 <= BIOS_AREA_SIZE; at += 16) {
        if (has_rsdp_signature(area + at) && sums_to_zero(area + at, RSDP_SIZE_1)) {
            return BIOS_AREA + at;
        }
    }
    return 0;
}

bool acpi_open_table(const struct boot_mem *m, uint64_t phys, struct boot_info *info,
                     struct acpi_table *out)
{
    const uint8_t *header = boot_mem_map(m, phys, ACPI_HEADER_SIZE);
    uint32_t len = header != NULL ? load_le32(header + 4) : 0;
    if (len < ACPI_HEADER_SIZE || len > TABLE_SIZE_MAX) {
        boot_note_value(info, "acpi: unreadable table, or an impossible length, at", phys);
        return false;
    }
    const uint8_t *bytes = boot_mem_map(m, phys, len);
    if (bytes == NULL || !sums_to_zero(bytes, len)) {
        boot_note_value(info, "acpi: wrong length or checksum of the table at", phys);
        return false;
    }
    *out = (struct acpi_table){.bytes = bytes, .len = len};
    return true;
}

struct root {
    struct acpi_table table;
    uint32_t entry_size; /* 8 in an XSDT, 4 in an RSDT */
    uint32_t count;      /* number of entries that are read */
};

/* Called once for each root, so that each oddity is noted once. */
static void count_entries(struct root *root, struct boot_info *info)
{
    uint32_t bytes = root->table.len - ACPI_HEADER_SIZE;
    root->count = bytes / root->entry_size;
    if (bytes % root->entry_size != 0) {
        boot_note_value(info, "acpi: the root table ends within an entry, length", root->table.len);
    }
    if (root->count > TABLES_MAX) {
        boot_note_value(info, "acpi: the root table names too many tables, some are left out",
                        root->count);
        root->count = TABLES_MAX;
    }
}

static uint64_t entry_at(const struct root *root, uint32_t i)
{
    const uint8_t *e = root->table.bytes + ACPI_HEADER_SIZE + i * root->entry_size;
    return root->entry_size == 8 ? load_le64(e) : load_le32(e);
}

static bool open_root(const struct boot_mem *m, struct boot_info *info, uint64_t phys,
                      uint32_t entry_size, struct root *out)
{
    static const char names[] = "RSDTXSDT";
    struct root root = {.entry_size = entry_size};
    if (phys == 0 || !acpi_open_table(m, phys, info, &root.table) ||
        load_le32(root.table.bytes) != load_le32(names + (entry_size == 8 ? 4 : 0))) {
        return false;
    }
    count_entries(&root, info);
    *out = root;
    return true;
}

static enum status find_root(const struct boot_mem *m, uint64_t rsdp_phys, struct boot_info *info,
                             struct root *out)
{
    const uint8_t *rsdp = boot_mem_map(m, rsdp_phys, RSDP_SIZE_1);
    if (rsdp == NULL || !has_rsdp_signature(rsdp) || !sums_to_zero(rsdp, RSDP_SIZE_1)) {
        boot_note_value(info, "acpi: no valid RSDP at", rsdp_phys);
        return E_CORRUPT;
    }
    uint32_t rsdt = load_le32(rsdp + 16);
    if (rsdp[15] >= 2) {
        rsdp = boot_mem_map(m, rsdp_phys, RSDP_SIZE_2);
        uint32_t len = rsdp != NULL ? load_le32(rsdp + 20) : 0;
        rsdp = len >= RSDP_SIZE_2 && len <= PAGE_SIZE ? boot_mem_map(m, rsdp_phys, len) : NULL;
        if (rsdp == NULL || !sums_to_zero(rsdp, len)) {
            boot_note_value(info, "acpi: wrong length or checksum of the RSDP at", rsdp_phys);
            return E_CORRUPT;
        }
        uint64_t xsdt = load_le64(rsdp + 24);
        if (open_root(m, info, xsdt, 8, out)) {
            return OK;
        }
        boot_note(info, xsdt == 0 ? "acpi: the RSDP names no XSDT, trying the RSDT"
                                  : "acpi: no usable XSDT, trying the RSDT");
    }
    if (open_root(m, info, rsdt, 4, out)) {
        return OK;
    }
    boot_note(info, "acpi: no usable root table");
    return E_CORRUPT;
}

/* The first valid table with this signature. Entries that point nowhere are skipped: firmware
 * writes those when it cannot remove a table. */
static bool find_table(const struct boot_mem *m, const struct root *root, const char *signature,
                       struct boot_info *info, struct acpi_table *out)
{
    unsigned broken = 0;
    for (uint32_t i = 0; i < root->count; i++) {
        uint64_t phys = entry_at(root, i);
        const uint8_t *header = boot_mem_map(m, phys, ACPI_HEADER_SIZE);
        if (header == NULL || load_le32(header) != load_le32(signature)) {
            continue;
        }
        if (acpi_open_table(m, phys, info, out)) {
            return true;
        }
        if (++broken == BROKEN_TABLES_MAX) {
            boot_note(info, "acpi: too many broken tables of one kind");
            break;
        }
    }
    return false;
}

/* Assume the devices of a standard PC: the tables say nothing else. */
static void assume_pc(struct boot_acpi *acpi)
{
    acpi->has_8042 = true;
    acpi->has_cmos_rtc = true;
    acpi->has_legacy_pic = true;
}

static enum status read_tables(const struct boot_mem *m, struct boot_info *io)
{
    uint64_t rsdp = io->acpi.rsdp != 0 ? io->acpi.rsdp : search_bios_area(m);
    if (rsdp == 0) {
        boot_note(io, "acpi: no RSDP");
        return E_NOENT;
    }
    struct root root;
    enum status s = find_root(m, rsdp, io, &root);
    if (s != OK) {
        return s;
    }

    io->acpi.present = true;
    struct acpi_table t;
    if (find_table(m, &root, "APIC", io, &t)) {
        acpi_read_madt(&t, io);
        acpi_finish_gic(io);
    }
    if (find_table(m, &root, "GTDT", io, &t)) {
        acpi_read_gtdt(&t, io);
    }
    /* The FADT leads to the DSDT, which has more information about the hosts in the MCFG. */
    if (find_table(m, &root, "MCFG", io, &t)) {
        acpi_read_mcfg(&t, io);
    }
    if (find_table(m, &root, "FACP", io, &t)) {
        acpi_read_fadt(m, &t, io);
    }
    if (find_table(m, &root, "HPET", io, &t)) {
        acpi_read_hpet(&t, io);
    }
    if (find_table(m, &root, "SPCR", io, &t)) {
        acpi_read_spcr(&t, io);
    }
    return OK;
}

enum status acpi_parse(const struct boot_mem *m, struct boot_info *io)
{
    assume_pc(&io->acpi);
    enum status s = read_tables(m, io);
    boot_check_devices(io);
    return s;
}
