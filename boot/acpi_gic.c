// SPDX-License-Identifier: MIT
//
// The ARM interrupt controller and timer in MADT and GTDT (ACPI 6.4, 5.2.12.14 to 5.2.12.18 and
// 5.2.24). Interrupt numbers there are INTIDs.
#include "boot/acpi_internal.h"

#include "boot/note.h"
#include "kernel/lib/compiler.h"

enum {
    GICC = 0x0b, /* a CPU and its interface */
    GICD = 0x0c,
    MSI_FRAME = 0x0d, /* GICv2m */
    GICR = 0x0e,
    ITS = 0x0f,
};

/* Register frames whose length is in no table. GIC architecture 2.0 (IHI 0048) 4.1, 3 and 4 (IHI
 * 0069) 12.8, Server Base System Architecture for the MSI frame. */
#define DIST_LEN_2  UINT64_C(0x1000)
#define DIST_LEN_3  UINT64_C(0x10000)
#define CPU_LEN     UINT64_C(0x2000)
#define REDIST_LEN  UINT64_C(0x20000) /* of one CPU */
#define ITS_LEN     UINT64_C(0x20000)
#define V2M_LEN     UINT64_C(0x1000)
#define FRAME_ALIGN UINT64_C(0x1000)
#define INTID_PPI   16u
#define INTID_SPI   32u

static bool is_place(struct boot_info *info, uint64_t base, uint64_t len)
{
    uint64_t end;
    if (base == 0 || !IS_ALIGNED(base, FRAME_ALIGN) || len == 0 || ADD_OVERFLOWS(base, len, &end)) {
        boot_note_once(info, "acpi: part of the GIC has an impossible address,", base);
        return false;
    }
    return true;
}

static void add_redistributors(struct boot_info *info, uint64_t base, uint64_t len)
{
    struct boot_gic *gic = &info->gic;
    if (!is_place(info, base, len)) {
        return;
    }
    for (uint32_t i = 0; i < gic->redist_count; i++) {
        if (gic->redist[i].base + gic->redist[i].len == base) {
            gic->redist[i].len += len; /* one entry for each CPU, adjacent in memory */
            return;
        }
        if (base - gic->redist[i].base < gic->redist[i].len) {
            return; /* one region for several CPUs, named by each of them */
        }
    }
    if (gic->redist_count == BOOT_MAX_GIC) {
        boot_note_once(info, "acpi: too many redistributor regions, some are left out, at", base);
        return;
    }
    gic->redist[gic->redist_count].base = base;
    gic->redist[gic->redist_count].len = len;
    gic->redist_count++;
}

static void add_cpu(struct boot_info *info, const uint8_t *e, uint8_t len)
{
    enum { UID = 8, FLAGS = 12, CPU_BASE = 32, REDIST_BASE = 60, MPIDR = 68, ENABLED = 1 };
    enum { REDIST_END = REDIST_BASE + 8, MPIDR_END = MPIDR + 8 };
    struct boot_gic *gic = &info->gic;
    uint64_t cpu_base = load_le64(e + CPU_BASE);
    uint64_t redist = len >= REDIST_END ? load_le64(e + REDIST_BASE) : 0;
    if ((load_le32(e + FLAGS) & ENABLED) == 0) {
        return;
    }
    if (len >= MPIDR_END) {
        acpi_add_cpu(info, load_le64(e + MPIDR), load_le32(e + UID), true);
    } else {
        boot_note_once(info, "acpi: a CPU without an MPIDR is left out, uid", load_le32(e + UID));
    }
    if (cpu_base != 0 && gic->cpu_len == 0 && is_place(info, cpu_base, CPU_LEN)) {
        gic->cpu_base = cpu_base;
        gic->cpu_len = CPU_LEN;
    }
    if (redist != 0) {
        add_redistributors(info, redist, REDIST_LEN);
    }
}

static void set_distributor(struct boot_info *info, const uint8_t *e)
{
    enum { BASE = 8, VERSION = 20 };
    struct boot_gic *gic = &info->gic;
    uint64_t base = load_le64(e + BASE);
    if (gic->dist_len != 0) {
        boot_note_once(info, "acpi: a second GIC distributor is left out, at", base);
    } else if (is_place(info, base, DIST_LEN_3)) {
        gic->version = e[VERSION];
        gic->dist_base = base;
        gic->dist_len = DIST_LEN_3;
    }
}

void acpi_read_gic_entry(const uint8_t *e, uint8_t len, struct boot_info *info)
{
    struct boot_gic *gic = &info->gic;
    uint8_t type = e[0];
    uint8_t wanted = type == GICC ? 40 : type == GICD || type == MSI_FRAME ? 24 : 16;
    if (type < GICC || type > ITS) {
        return;
    }
    if (len < wanted) {
        boot_note_once(info, "acpi: short MADT entry of type", type);
    } else if (type == GICC) {
        add_cpu(info, e, len);
    } else if (type == GICD) {
        set_distributor(info, e);
    } else if (type == GICR) {
        add_redistributors(info, load_le64(e + 4), load_le32(e + 12));
    } else if (type == MSI_FRAME && gic->v2m_len == 0 &&
               is_place(info, load_le64(e + 8), V2M_LEN)) {
        gic->v2m_base = load_le64(e + 8);
        gic->v2m_len = V2M_LEN;
    } else if (type == ITS && gic->its_len == 0 && is_place(info, load_le64(e + 8), ITS_LEN)) {
        gic->its_base = load_le64(e + 8);
        gic->its_len = ITS_LEN;
    }
}

/* In version 0 the reader has to find out: a GICv3 has redistributors. */
void acpi_finish_gic(struct boot_info *info)
{
    struct boot_gic *gic = &info->gic;
    if (gic->dist_len == 0) {
        return; /* this MADT is for another machine */
    }
    uint8_t version = gic->version != 0 ? gic->version : gic->redist_count > 0 ? 3 : 2;
    version = version == 4 ? 3 : version; /* version 4 works with the driver for version 3 */
    bool is_whole = (version == 2 && gic->cpu_len != 0) || (version == 3 && gic->redist_count > 0);
    if (!is_whole) {
        boot_note_value(info, "acpi: unusable description of a GIC, version", version);
        *gic = (struct boot_gic){.version = 0};
        return;
    }
    gic->version = version;
    gic->dist_len = version == 2 ? DIST_LEN_2 : DIST_LEN_3;
}

void acpi_read_gtdt(const struct acpi_table *t, struct boot_info *info)
{
    enum { PHYSICAL = 56, VIRTUAL = 64, NEEDED = 72 };
    uint32_t phys = acpi_has(t, 0, NEEDED) ? load_le32(t->bytes + PHYSICAL) : 0;
    uint32_t virt = acpi_has(t, 0, NEEDED) ? load_le32(t->bytes + VIRTUAL) : 0;
    if (phys < INTID_PPI || phys >= INTID_SPI || virt < INTID_PPI || virt >= INTID_SPI) {
        boot_note_value(info, "acpi: the GTDT names no private interrupts for the timer but", virt);
        return;
    }
    info->gic.timer_intid = virt;
    info->gic.timer_phys_intid = phys;
}
