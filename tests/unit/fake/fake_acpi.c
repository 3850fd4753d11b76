// SPDX-License-Identifier: MIT
//
// See the header. The values are those of QEMU's q35 with two CPUs.
#include "fake/fake_acpi.h"

#include "kernel/lib/endian.h"

#include <string.h>

static void sum(uint8_t *p, size_t len, size_t at)
{
    p[at] = 0;
    uint8_t total = 0;
    for (size_t i = 0; i < len; i++) {
        total = (uint8_t)(total + p[i]);
    }
    p[at] = (uint8_t)-total;
}

size_t fake_acpi_begin_table(struct fake_acpi *a, const char *signature, uint8_t revision)
{
    blob_align(&a->b, 16);
    size_t at = a->b.len;
    blob_put(&a->b, signature, 4);
    blob_le32(&a->b, 0);
    blob_u8(&a->b, revision);
    blob_zero(&a->b, 27);
    return at;
}

void fake_acpi_sum(struct fake_acpi *a, size_t at)
{
    sum(a->b.bytes + at, load_le32(a->b.bytes + at + 4), 9);
}

void fake_acpi_seal(struct fake_acpi *a, size_t at)
{
    store_le32(a->b.bytes + at + 4, (uint32_t)(a->b.len - at));
    fake_acpi_sum(a, at);
}

static void build_madt(struct fake_acpi *a)
{
    static const uint8_t entries[] = {
        0, 8,  0,    0, 1,    0, 0,    0,                   /* CPU 0, APIC id 0, enabled */
        0, 8,  1,    4, 1,    0, 0,    0,                   /* CPU 1, APIC id 4, enabled */
        0, 8,  2,    5, 2,    0, 0,    0,                   /* CPU 2, online capable */
        0, 8,  3,    6, 0,    0, 0,    0,                   /* an empty socket */
        1, 12, 7,    0, 0,    0, 0xc0, 0xfe, 24,   0, 0, 0, /* IOAPIC 7 at 0xfec00000, GSI 24 */
        2, 10, 0,    0, 2,    0, 0,    0,    0,    0,       /* IRQ 0 is GSI 2 */
        2, 10, 0,    9, 9,    0, 0,    0,    0x0d, 0,       /* IRQ 9: level, active high */
        2, 10, 0,    5, 5,    0, 0,    0,    0x0f, 0,       /* IRQ 5: level, active low */
        4, 6,  0xff, 0, 0,    1,                            /* NMI: ignored */
        9, 16, 0,    0, 0x00, 1, 0,    0,    1,    0, 0, 0, 4, 0, 0, 0, /* x2APIC 256, uid 4 */
        9, 16, 0,    0, 4,    0, 0,    0,    1,    0, 0, 0, 1, 0, 0, 0, /* the second CPU again */
        5, 12, 0,    0, 0,    0, 0xe0, 0xfe, 1,    0, 0, 0, /* local APICs at 0x1fee00000 */
    };
    a->madt = fake_acpi_begin_table(a, "APIC", 3);
    blob_le32(&a->b, 0xfee00000);
    blob_le32(&a->b, 1);
    blob_put(&a->b, entries, sizeof(entries));
    fake_acpi_seal(a, a->madt);
}

static void build_dsdt(struct fake_acpi *a)
{
    static const uint8_t aml[] = {
        '_',  'S',  '5', '_', 0x12, 0x02, 0x01,    /* not preceded by a NameOp */
        0x08, '_',  'S', '5', '_',  0x0d, 'x',  0, /* a string */
        0x08, '\\', '_', 'S', '5',  '_',  0x12, 0x08, 0x04, 0x0a, 5, 0x0b, 3, 0, 0x00, 0x00,
    };
    a->dsdt = fake_acpi_begin_table(a, "DSDT", 1);
    blob_put(&a->b, aml, sizeof(aml));
    fake_acpi_seal(a, a->dsdt);
}

static void build_fadt(struct fake_acpi *a)
{
    a->fadt = fake_acpi_begin_table(a, "FACP", 3);
    blob_zero(&a->b, 244 - 36);
    uint8_t *p = a->b.bytes + a->fadt;
    store_le32(p + 40, (uint32_t)(FAKE_ACPI_BASE + a->dsdt));
    store_le32(p + 64, 0x604);
    store_le32(p + 76, 0x608);
    store_le16(p + 109, 2);
    store_le32(p + 112, 1u << 10 | 1u << 8);
    p[116] = 1; /* reset register: I/O, 8 bits, port 0xcf9, value 0x0f */
    p[117] = 8;
    store_le64(p + 120, 0xcf9);
    p[128] = 0x0f;
    p[184] = 1; /* X_PM1B_CNT, without its 32-bit equivalent here */
    store_le64(p + 188, 0x704);
    fake_acpi_seal(a, a->fadt);
}

static void build_mcfg(struct fake_acpi *a)
{
    a->mcfg = fake_acpi_begin_table(a, "MCFG", 1);
    blob_zero(&a->b, 8);
    blob_le64(&a->b, 0xb0000000);
    blob_le16(&a->b, 0);
    blob_u8(&a->b, 0);
    blob_u8(&a->b, 255);
    blob_le32(&a->b, 0);
    blob_le64(&a->b, 0xc0000000); /* the address of bus 0, although the host starts at bus 16 */
    blob_le16(&a->b, 1);
    blob_u8(&a->b, 16);
    blob_u8(&a->b, 31);
    blob_le32(&a->b, 0);
    fake_acpi_seal(a, a->mcfg);
}

static void build_hpet(struct fake_acpi *a)
{
    a->hpet = fake_acpi_begin_table(a, "HPET", 1);
    blob_le32(&a->b, 0x8086a201);
    blob_zero(&a->b, 4); /* memory space */
    blob_le64(&a->b, 0xfed00000);
    blob_zero(&a->b, 4);
    fake_acpi_seal(a, a->hpet);
}

static size_t build_root(struct fake_acpi *a, bool is_wide, bool is_empty)
{
    size_t at = fake_acpi_begin_table(a, is_wide ? "XSDT" : "RSDT", 1);
    const size_t tables[] = {a->madt, a->fadt, a->mcfg, a->hpet};
    for (size_t i = 0; i < 4 && !is_empty; i++) {
        uint64_t phys = FAKE_ACPI_BASE + tables[i];
        if (is_wide) {
            blob_le64(&a->b, phys);
        } else {
            blob_le32(&a->b, (uint32_t)phys);
        }
    }
    fake_acpi_seal(a, at);
    return at;
}

void fake_acpi_build(struct fake_acpi *a, uint8_t revision)
{
    memset(a, 0, sizeof(*a));
    blob_zero(&a->b, 64);
    a->rsdp = 16;
    build_madt(a);
    build_dsdt(a);
    build_fadt(a);
    build_mcfg(a);
    build_hpet(a);
    a->rsdt = build_root(a, false, revision >= 2);
    a->xsdt = revision >= 2 ? build_root(a, true, false) : 0;

    uint8_t *p = a->b.bytes + a->rsdp;
    memcpy(p, "RSD PTR ", 8);
    p[15] = revision;
    store_le32(p + 16, (uint32_t)(FAKE_ACPI_BASE + a->rsdt));
    if (revision >= 2) {
        store_le32(p + 20, 36);
        store_le64(p + 24, FAKE_ACPI_BASE + a->xsdt);
    }
    sum(p, 20, 8);
    if (revision >= 2) {
        sum(p, 36, 32);
    }
}
