// SPDX-License-Identifier: MIT
//
// ACPI specification 6.4, section 5.2: from the RSDP through the root table to each table. What the
// tables contain is acpi_tables.c's and acpi_fadt.c's.
#include "boot/acpi.h"

#include "boot/acpi_internal.h"
#include "boot/note.h"
#include "kernel/lib/compiler.h"

enum {
    RSDP_SIZE_1 = 20,
    RSDP_SIZE_2 = 36,
    BIOS_AREA = 0xe0000,
    BIOS_AREA_SIZE = 0x20000,
    TABLE_SIZE_MAX = 4 << 20, /* the largest DSDTs have one MiB */
    BROKEN_TABLES_MAX = 4,    /* of one signature: each may have cost a sum over TABLE_SIZE_MAX */
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
};

static bool open_root(const struct boot_mem *m, struct boot_info *info, uint64_t phys,
                      uint32_t entry_size, struct root *out)
{
    static const char names[] = "RSDTXSDT";
    struct root root = {.entry_size = entry_size};
    if (phys == 0 || !acpi_open_table(m, phys, info, &root.table) ||
        load_le32(root.table.bytes) != load_le32(names + (entry_size == 8 ? 4 : 0))) {
        return false;
    }
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
        if (open_root(m, info, load_le64(rsdp + 24), 8, out)) {
            return OK;
        }
        boot_note(info, "acpi: no usable XSDT, trying the RSDT");
    }
    if (open_root(m, info, rsdt, 4, out)) {
        return OK;
    }
    boot_note(info, "acpi: no usable root table");
    return E_CORRUPT;
}

/* The first sound table with this signature; entries that point nowhere are somebody else's
 * problem.
 */
static bool find_table(const struct boot_mem *m, const struct root *root, const char *signature,
                       struct boot_info *info, struct acpi_table *out)
{
    unsigned broken = 0;
    for (uint32_t at = ACPI_HEADER_SIZE; root->table.len - at >= root->entry_size;
         at += root->entry_size) {
        const uint8_t *e = root->table.bytes + at;
        uint64_t phys = root->entry_size == 8 ? load_le64(e) : load_le32(e);
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

/* What may be assumed of a PC whose tables say nothing else. */
static void assume_pc(struct boot_acpi *acpi)
{
    acpi->has_8042 = true;
    acpi->has_cmos_rtc = true;
    acpi->has_legacy_pic = true;
}

enum status acpi_parse(const struct boot_mem *m, struct boot_info *io)
{
    assume_pc(&io->acpi);
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
    }
    if (find_table(m, &root, "FACP", io, &t)) {
        acpi_read_fadt(m, &t, io);
    }
    if (find_table(m, &root, "MCFG", io, &t)) {
        acpi_read_mcfg(&t, io);
    }
    if (find_table(m, &root, "HPET", io, &t)) {
        acpi_read_hpet(&t, io);
    }
    if (find_table(m, &root, "SPCR", io, &t)) {
        acpi_read_spcr(&t, io);
    }
    return OK;
}
