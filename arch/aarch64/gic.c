// SPDX-License-Identifier: MIT
//
// Common code for the distributors of GICv2 and GICv3, and for GICv3's redistributors: arrays of
// registers by line. GIC architecture 2.0 (IHI 0048) 4.3, 3 and 4 (IHI 0069) 12.9.
#include "arch/aarch64/gic.h"

#include "kernel/lib/compiler.h"

#define TYPER_LINES(typer) (((typer)&31u) * 32 + 32)
#define CFG_EDGE           2u

/* Sixteen lines share a word of GICD_ICFGR. */
static struct gic_lock trigger_lock;

uint32_t gic_line_count(const struct io_region *distributor)
{
    return MIN(TYPER_LINES(io_read32(distributor, GICD_TYPER)), GIC_INTID_END);
}

void gic_write_bit(const struct io_region *r, size_t array, uint32_t line)
{
    io_write32(r, array + line / 32 * 4, 1u << line % 32);
}

enum status gic_set_trigger(const struct io_region *r, uint32_t line, enum irq_trigger trigger)
{
    if (trigger == IRQ_LEVEL_LOW || (line < GIC_SGI_END && trigger != IRQ_EDGE)) {
        return E_NOTSUP;
    }
    if (line < GIC_SGI_END) {
        return OK;
    }
    size_t at = GICD_ICFGR + line / 16 * 4;
    uint32_t bit = CFG_EDGE << line % 16 * 2;
    irq_state_t state = gic_lock(&trigger_lock);
    uint32_t old = io_read32(r, at);
    uint32_t value = trigger == IRQ_EDGE ? old | bit : old & ~bit;
    if (value != old) {
        io_write32(r, at, value);
    }
    gic_unlock(&trigger_lock, state);
    /* The trigger of a private interrupt may be fixed in hardware: then the existing setting
     * remains, and works. */
    return OK;
}

bool gic_is_edge(const struct io_region *r, uint32_t line)
{
    return (io_read32(r, GICD_ICFGR + line / 16 * 4) >> line % 16 * 2 & CFG_EDGE) != 0;
}

void gic_quiet(const struct io_region *r, uint32_t first, uint32_t end)
{
    for (uint32_t line = first; line < end; line += 32) {
        size_t word = line / 32 * 4;
        io_write32(r, GICD_ICENABLER + word, UINT32_MAX);
        io_write32(r, GICD_ICPENDR + word, UINT32_MAX);
        io_write32(r, GICD_ICACTIVER + word, UINT32_MAX);
    }
    for (uint32_t line = first; line < end; line += 4) {
        io_write32(r, GICD_IPRIORITYR + line, GIC_PRIORITY_ALL);
    }
}

void gic_private_note(struct gic_private *p, uint32_t line, bool is_enabled)
{
    if (line < GIC_PPI_END) {
        uint32_t bit = 1u << line;
        p->enabled = is_enabled ? p->enabled | bit : p->enabled & ~bit;
    }
}

void gic_private_note_trigger(struct gic_private *p, uint32_t line, enum irq_trigger trigger)
{
    if (line < GIC_PPI_END) {
        uint32_t bit = 1u << line;
        p->edge = trigger == IRQ_EDGE ? p->edge | bit : p->edge & ~bit;
    }
}

void gic_private_apply(const struct gic_private *p, const struct io_region *r)
{
    for (uint32_t line = GIC_SGI_END; line < GIC_PPI_END; line++) {
        if ((p->enabled >> line & 1) != 0) {
            (void)!gic_set_trigger(r, line, (p->edge >> line & 1) != 0 ? IRQ_EDGE : IRQ_LEVEL_HIGH);
        }
    }
    io_write32(r, GICD_ISENABLER, p->enabled | 1u << GIC_SGI_IPI);
}
