// SPDX-License-Identifier: MIT
//
// The GIC in the device tree, and interrupt specifiers:
// arm,gic.yaml, arm,gic-v3.yaml, arm,arch_timer.yaml.
#include "boot/devicetree_internal.h"

#include "boot/note.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

enum {
    KIND_SPI = 0,
    KIND_PPI = 1,
    FIRST_PPI = 16,
    FIRST_SPI = 32,
    SPI_COUNT = 988,
    PPI_COUNT = 16,
    FLAG_LEVEL_HIGH = 4,
    FLAG_LEVEL_LOW = 8,
};

bool dt_gic_line(const uint8_t *cells, uint32_t *line, bool *is_level)
{
    uint32_t kind = load_be32(cells);
    uint32_t number = load_be32(cells + 4);
    uint32_t flags = load_be32(cells + 8);
    if (kind == KIND_SPI && number < SPI_COUNT) {
        *line = FIRST_SPI + number;
    } else if (kind == KIND_PPI && number < PPI_COUNT) {
        *line = FIRST_PPI + number;
    } else {
        return false;
    }
    *is_level = (flags & (FLAG_LEVEL_HIGH | FLAG_LEVEL_LOW)) != 0;
    return true;
}

/* "interrupt-parent" of the node or of its nearest ancestor that has one. */
static bool is_parent_gic(const struct dt *dt, const struct fdt_node *node)
{
    for (uint32_t up = 0; up <= node->depth; up++) {
        struct fdt_value v = fdt_prop_at(&dt->fdt, node, node->depth - up, "interrupt-parent");
        if (v.bytes != NULL) {
            return v.len == 4 && load_be32(v.bytes) == dt->gic_phandle;
        }
    }
    return false;
}

/* Entries consist of a phandle and as many cells as that controller defines: only the GIC's number
 * is known. */
static bool find_extended(const struct dt *dt, struct fdt_value v, uint32_t index,
                          const uint8_t **out)
{
    uint32_t entry = 4 * (1 + DT_GIC_CELLS);
    for (uint32_t at = 0; v.len - at >= entry; at += entry) {
        if (load_be32(v.bytes + at) != dt->gic_phandle) {
            return false;
        }
        if (index-- == 0) {
            *out = v.bytes + at + 4;
            return true;
        }
    }
    return false;
}

bool dt_interrupt(const struct dt *dt, const struct fdt_node *node, uint32_t index, uint32_t *line)
{
    if (!dt->has_gic) {
        return false;
    }
    bool is_level;
    const uint8_t *cells;
    struct fdt_value v = fdt_prop(&dt->fdt, node, "interrupts-extended");
    if (v.bytes != NULL) {
        return find_extended(dt, v, index, &cells) && dt_gic_line(cells, line, &is_level);
    }
    v = fdt_prop(&dt->fdt, node, "interrupts");
    if (v.bytes == NULL || index >= v.len / (4 * DT_GIC_CELLS) || !is_parent_gic(dt, node)) {
        return false;
    }
    return dt_gic_line(v.bytes + index * 4 * DT_GIC_CELLS, line, &is_level);
}

static bool is_gic_v2(const struct fdt_value list)
{
    return fdt_list_has(list, "arm,gic-400") || fdt_list_has(list, "arm,cortex-a15-gic") ||
           fdt_list_has(list, "arm,cortex-a7-gic") || fdt_list_has(list, "arm,cortex-a9-gic");
}

/* arm,gic-v3.yaml: a multiple of 64 KiB. A redistributor has at least two frames of that size. */
static void read_stride(struct dt *dt, const struct fdt_node *node, struct boot_gic *gic)
{
    enum { FRAME = 0x10000 };
    struct fdt_value v = fdt_prop(&dt->fdt, node, "redistributor-stride");
    uint64_t stride = v.len == 4 || v.len == 8 ? fdt_number(v.bytes, v.len / 4) : 0;
    if (v.bytes == NULL) {
        return;
    }
    if (stride < 2 * FRAME || stride % FRAME != 0) {
        boot_note_value(dt->info, "device tree: impossible redistributor-stride, ignored", stride);
        return;
    }
    gic->redist_stride = stride;
}

static bool read_redistributors(struct dt *dt, const struct fdt_node *node, struct boot_gic *gic)
{
    uint32_t count = 1;
    (void)fdt_prop_u32(&dt->fdt, node, "#redistributor-regions", &count);
    if (count > BOOT_MAX_GIC) {
        boot_note_value(dt->info, "device tree: too many redistributor regions, some are left out",
                        count);
        count = BOOT_MAX_GIC;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!dt_registers(dt, node, 1 + i, &gic->redist[i].base, &gic->redist[i].len)) {
            return false;
        }
    }
    gic->redist_count = count;
    read_stride(dt, node, gic);
    return count > 0;
}

void dt_read_gic(struct dt *dt, const struct fdt_node *node)
{
    struct fdt_value list = fdt_prop(&dt->fdt, node, "compatible");
    uint8_t version = fdt_list_has(list, "arm,gic-v3") ? 3 : is_gic_v2(list) ? 2 : 0;
    if (version == 0 || dt->has_gic) {
        return;
    }
    struct boot_gic *gic = &dt->info->gic;
    uint32_t cells = 0;
    bool is_sound = fdt_prop_u32(&dt->fdt, node, "#interrupt-cells", &cells) &&
                    cells == DT_GIC_CELLS &&
                    fdt_prop_u32(&dt->fdt, node, "phandle", &dt->gic_phandle) &&
                    dt_registers(dt, node, 0, &gic->dist_base, &gic->dist_len);
    if (is_sound) {
        is_sound = version == 3 ? read_redistributors(dt, node, gic)
                                : dt_registers(dt, node, 1, &gic->cpu_base, &gic->cpu_len);
    }
    if (!is_sound) {
        *gic = (struct boot_gic){.version = 0};
        boot_note_value(dt->info, "device tree: unusable description of a GIC, version", version);
        return;
    }
    /* If absent, the default here is 0, unlike for "reg" of children. */
    dt->gic_address_cells = 0;
    (void)fdt_prop_u32(&dt->fdt, node, "#address-cells", &dt->gic_address_cells);
    gic->version = version;
    dt->has_gic = true;
}

void dt_read_gic_messages(struct dt *dt, const struct fdt_node *node)
{
    struct boot_gic *gic = &dt->info->gic;
    struct fdt_value list = fdt_prop(&dt->fdt, node, "compatible");
    bool is_its = fdt_list_has(list, "arm,gic-v3-its");
    bool is_frame = fdt_list_has(list, "arm,gic-v2m-frame");
    if ((is_its && gic->its_len != 0) || (is_frame && gic->v2m_len != 0)) {
        boot_note_once(dt->info,
                       is_its ? "device tree: more than one ITS, one is left out, node"
                              : "device tree: more than one v2m frame, one is left out, node",
                       fdt_id(node));
    } else if (is_its) {
        if (dt_registers(dt, node, 0, &gic->its_base, &gic->its_len)) {
            (void)fdt_prop_u32(&dt->fdt, node, "phandle", &dt->its_phandle);
        }
    } else if (is_frame) {
        if (dt_registers(dt, node, 0, &gic->v2m_base, &gic->v2m_len)) {
            (void)fdt_prop_u32(&dt->fdt, node, "phandle", &dt->v2m_phandle);
        }
    }
}

void dt_read_timer(struct dt *dt, const struct fdt_node *node)
{
    enum { PHYSICAL = 1, VIRTUAL = 2 }; /* after the secure one, before the hypervisor's */
    struct boot_gic *gic = &dt->info->gic;
    struct fdt_value list = fdt_prop(&dt->fdt, node, "compatible");
    uint32_t phys, virt;
    if (!fdt_list_has(list, "arm,armv8-timer") && !fdt_list_has(list, "arm,armv7-timer")) {
        return;
    }
    if (!dt_interrupt(dt, node, VIRTUAL, &virt) || !dt_interrupt(dt, node, PHYSICAL, &phys)) {
        boot_note(dt->info, "device tree: the timer has no usable interrupts");
        return;
    }
    gic->timer_intid = virt;
    gic->timer_phys_intid = phys;
}
