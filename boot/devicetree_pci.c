// SPDX-License-Identifier: MIT
//
// PCI hosts in the device tree: the IEEE 1275 PCI binding and host-generic-pci.yaml. Configuration
// space is not accessed here.
#include "boot/devicetree_internal.h"

#include "boot/note.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

enum {
    ADDRESS_CELLS = 3, /* phys.hi with the space and device, then a 64-bit address */
    SIZE_CELLS = 2,
    SPACE_SHIFT = 24,
    SPACE_MASK = 3,
    SPACE_IO = 1,
    SPACE_MEM32 = 2,
    SPACE_MEM64 = 3,
    BUS_SHIFT = 20, /* of an ECAM address */
    CHILD_SIZE = 4 * (ADDRESS_CELLS + 1),
    MSI_ENTRY_SIZE = 16, /* requester id, controller, device id, number of ids */
    REQUESTER_IDS = 0x10000,
};

static void read_buses(struct dt *dt, const struct fdt_node *node, struct boot_pci_host *host)
{
    uint64_t count = host->ecam_len >> BUS_SHIFT;
    uint32_t first = 0;
    uint32_t last = 255;
    struct fdt_value v = fdt_prop(&dt->fdt, node, "bus-range");
    if (v.len == 8 && load_be32(v.bytes) <= load_be32(v.bytes + 4) &&
        load_be32(v.bytes + 4) <= 255) {
        first = load_be32(v.bytes);
        last = load_be32(v.bytes + 4);
    } else if (v.bytes != NULL) {
        boot_note(dt->info, "device tree: malformed bus-range of a PCI host");
    }
    if (last - first >= count) {
        last = first + (uint32_t)count - 1;
    }
    host->bus_first = (uint8_t)first;
    host->bus_last = (uint8_t)last;
}

static void read_windows(struct dt *dt, const struct fdt_node *node, struct boot_pci_host *host)
{
    struct fdt_value v = fdt_prop(&dt->fdt, node, "ranges");
    uint32_t parent_cells, unused;
    if (!fdt_cells(&dt->fdt, node, node->depth - 1, &parent_cells, &unused) || parent_cells == 0 ||
        parent_cells > 2) {
        return; /* dt_registers() has refused this node */
    }
    uint32_t entry = 4 * (ADDRESS_CELLS + parent_cells + SIZE_CELLS);
    if (v.len % entry != 0) {
        boot_note_value(dt->info, "device tree: a PCI host's ranges end within an entry, bytes",
                        v.len);
    }
    for (uint32_t at = 0; v.len - at >= entry; at += entry) {
        const uint8_t *e = v.bytes + at;
        struct boot_pci_window w = {
            .bus = load_be64(e + 4),
            .cpu = fdt_number(e + 4 * ADDRESS_CELLS, parent_cells),
            .len = load_be64(e + 4 * (ADDRESS_CELLS + parent_cells)),
        };
        uint32_t space = load_be32(e) >> SPACE_SHIFT & SPACE_MASK;
        struct boot_pci_window *slot = space == SPACE_IO      ? &host->io
                                       : space == SPACE_MEM32 ? &host->mem32
                                       : space == SPACE_MEM64 ? &host->mem64
                                                              : NULL;
        uint64_t end;
        if (slot == NULL || slot->len != 0 || ADD_OVERFLOWS(w.bus, w.len, &end) ||
            !fdt_translate(&dt->fdt, node, node->depth - 1, &w.cpu) ||
            ADD_OVERFLOWS(w.cpu, w.len, &end)) {
            boot_note_value(dt->info, "device tree: PCI window left out, bus address", w.bus);
            continue;
        }
        *slot = w;
    }
}

/* Each entry: unit address and pin, then the controller, its unit
 * address and its specifier. The controller defines the widths of the
 * latter two, so reading ends at an entry for anything but the GIC. */
static void read_interrupt_map(struct dt *dt, const struct fdt_node *node,
                               struct boot_pci_host *host)
{
    struct fdt_value map = fdt_prop(&dt->fdt, node, "interrupt-map");
    struct fdt_value mask = fdt_prop(&dt->fdt, node, "interrupt-map-mask");
    if (map.bytes == NULL || !dt->has_gic) {
        return;
    }
    if (mask.len != CHILD_SIZE || dt->gic_address_cells > 2) {
        boot_note(dt->info, "device tree: a PCI host's interrupt-map cannot be read");
        return;
    }
    uint32_t devfn_mask = load_be32(mask.bytes);
    uint32_t pin_mask = load_be32(mask.bytes + CHILD_SIZE - 4);
    uint32_t specifier = CHILD_SIZE + 4 + 4 * dt->gic_address_cells;
    uint32_t entry = specifier + 4 * DT_GIC_CELLS;
    if (map.len % entry != 0) {
        boot_note_value(dt->info, "device tree: an interrupt-map ends within an entry, bytes",
                        map.len);
    }

    for (uint32_t at = 0; map.len - at >= entry; at += entry) {
        const uint8_t *e = map.bytes + at;
        uint32_t pin = load_be32(e + CHILD_SIZE - 4) & pin_mask;
        struct boot_pci_intx intx = {.devfn_key = load_be32(e) & devfn_mask,
                                     .devfn_mask = devfn_mask};
        if (load_be32(e + CHILD_SIZE) != dt->gic_phandle || host->intx_count == BOOT_MAX_INTX) {
            boot_note(dt->info, "device tree: part of a PCI host's interrupt-map is left out");
            return;
        }
        if (pin < 1 || pin > 4 || !dt_gic_line(e + specifier, &intx.line, &intx.level)) {
            boot_note_value(dt->info, "device tree: unusable entry in an interrupt-map, pin", pin);
            continue;
        }
        intx.pin = (uint8_t)pin;
        host->intx[host->intx_count++] = intx;
    }
}

/* Bindings/pci/pci-msi.txt. Ids that map to another controller, or to none, are not in the result:
 * their devices cannot send messages. */
static void read_msi_map(struct dt *dt, const struct fdt_node *node, struct boot_pci_host *host)
{
    struct fdt_value map = fdt_prop(&dt->fdt, node, "msi-map");
    host->msi_mask = REQUESTER_IDS - 1;
    if (map.bytes == NULL) {
        return;
    }
    host->has_msi_map = true;
    (void)fdt_prop_u32(&dt->fdt, node, "msi-map-mask", &host->msi_mask);
    for (uint32_t at = 0; map.len - at >= MSI_ENTRY_SIZE; at += MSI_ENTRY_SIZE) {
        const uint8_t *e = map.bytes + at;
        uint32_t controller = load_be32(e + 4);
        struct boot_pci_msi part = {load_be32(e), load_be32(e + 8), load_be32(e + 12)};
        uint32_t end;
        if (part.first >= REQUESTER_IDS || part.len > REQUESTER_IDS - part.first ||
            ADD_OVERFLOWS(part.device, part.len, &end) || host->msi_count == BOOT_MAX_MSI_MAP) {
            boot_note_value(dt->info, "device tree: part of an msi-map left out, requester id",
                            part.first);
        } else if (controller != 0 &&
                   (controller == dt->its_phandle || controller == dt->v2m_phandle)) {
            host->msi[host->msi_count++] = part;
        }
    }
}

void dt_read_pci(struct dt *dt, const struct fdt_node *node)
{
    if (!fdt_is_compatible(&dt->fdt, node, "pci-host-ecam-generic")) {
        return;
    }
    struct boot_info *info = dt->info;
    uint32_t address_cells, size_cells;
    uint64_t base, len;
    if (!dt_registers(dt, node, 0, &base, &len) || len >> BUS_SHIFT == 0 ||
        !IS_ALIGNED(base, (uint64_t)1 << BUS_SHIFT) ||
        !fdt_cells(&dt->fdt, node, node->depth, &address_cells, &size_cells) ||
        address_cells != ADDRESS_CELLS || size_cells != SIZE_CELLS) {
        boot_note(info, "device tree: unusable description of a PCI host");
        return;
    }
    if (info->pci_count == BOOT_MAX_PCI) {
        boot_note(info, "device tree: too many PCI hosts, one is left out");
        return;
    }
    /* Filled in place, because it is too large for the stack. The caller has zeroed it, which is
     * the default. */
    struct boot_pci_host *host = &info->pci[info->pci_count++];
    uint32_t segment = 0;
    (void)fdt_prop_u32(&dt->fdt, node, "linux,pci-domain", &segment);
    host->ecam_base = base;
    host->ecam_len = len;
    host->segment = (uint16_t)segment;
    host->dma_coherent = fdt_prop(&dt->fdt, node, "dma-coherent").bytes != NULL;
    read_buses(dt, node, host);
    read_windows(dt, node, host);
    read_interrupt_map(dt, node, host);
    read_msi_map(dt, node, host);
}
