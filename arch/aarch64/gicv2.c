// SPDX-License-Identifier: MIT
//
// GICv2: memory-mapped distributor and CPU interface. GIC architecture 2.0 (IHI 0048). Groups stay
// as firmware left them: with one security state all is group 0 and arrives as IRQ, with two the
// non-secure view shows only group 1; bit 0 of both control registers is the right enable either
// way.
#include "arch/aarch64/gic.h"

#include "hal/cpu.h"
#include "kernel/lib/compiler.h"

#define GICC_CTLR 0x00
#define GICC_PMR  0x04
#define GICC_BPR  0x08
#define GICC_IAR  0x0c
#define GICC_EOIR 0x10

#define CTLR_ENABLE  1u
#define IAR_INTID(v) ((v)&0x3ffu)
#define CPUS         8u /* the architecture's limit */
#define GICD_LEN_MIN 0x1000u
#define GICC_LEN_MIN 0x1000u /* EOIR and IAR; the rest is not used */

static struct io_region dist, cpu_interface;
static uint32_t line_count;

/* What ack() read, by CPU: eoi() must write it back whole, with an SGI's sender. [o] by the owning
 * CPU. */
static uint32_t acked[CPUS];

/* Mask with one bit: which interface is this CPU's. Reads of the private lines' targets tell. */
static uint8_t own_target(void)
{
    for (uint32_t line = 0; line < GIC_PPI_END; line += 4) {
        uint32_t targets = io_read32(&dist, GICD_ITARGETSR + line);
        targets |= targets >> 16;
        targets |= targets >> 8;
        if ((targets & 0xff) != 0) {
            return (uint8_t)targets;
        }
    }
    return 1; /* one CPU: the registers read as zero */
}

static void init_distributor(void)
{
    uint32_t target = own_target() * 0x01010101u;
    io_write32(&dist, GICD_CTLR, 0);
    line_count = gic_line_count(&dist);
    gic_quiet(&dist, GIC_PPI_END, line_count);
    for (uint32_t line = GIC_PPI_END; line < line_count; line += 4) {
        io_write32(&dist, GICD_ITARGETSR + line, target);
    }
    io_write32(&dist, GICD_CTLR, CTLR_ENABLE);
}

static void init_cpu(void)
{
    gic_quiet(&dist, 0, GIC_PPI_END);
    io_write32(&cpu_interface, GICC_PMR, GIC_MASK_NONE);
    io_write32(&cpu_interface, GICC_BPR, 0);
    io_write32(&cpu_interface, GICC_CTLR, CTLR_ENABLE);
}

enum status gicv2_init(const struct boot_gic *gic, const struct gic_mapper *mapper)
{
    if (gic->dist_len < GICD_LEN_MIN || gic->cpu_len < GICC_LEN_MIN) {
        return E_INVAL;
    }
    enum status s = mapper->map(gic->dist_base, GICD_LEN_MIN, &dist);
    if (s != OK) {
        return s;
    }
    s = mapper->map(gic->cpu_base, GICC_LEN_MIN, &cpu_interface);
    if (s != OK) {
        mapper->unmap(&dist);
        return s;
    }
    init_distributor();
    init_cpu();
    return OK;
}

static enum status configure(uint32_t line, enum irq_trigger trigger)
{
    return line < line_count ? gic_set_trigger(&dist, line, trigger) : E_RANGE;
}

static void mask(uint32_t line)
{
    gic_write_bit(&dist, GICD_ICENABLER, line);
    (void)io_read32(&dist,
                    GICD_ICENABLER); /* the store has arrived: the line is quiet from here on */
}

static void unmask(uint32_t line)
{
    gic_write_bit(&dist, GICD_ISENABLER, line);
}

static uint32_t ack(unsigned vector)
{
    (void)vector;
    uint32_t iar = io_read32(&cpu_interface, GICC_IAR);
    if (IAR_INTID(iar) >= GIC_INTID_END) {
        return IRQ_LINE_NONE;
    }
    acked[hal_this_cpu()->id % CPUS] = iar;
    return IAR_INTID(iar);
}

static void eoi(uint32_t line)
{
    (void)line;
    io_write32(&cpu_interface, GICC_EOIR, acked[hal_this_cpu()->id % CPUS]);
}

const struct irq_controller gicv2_controller = {
    .name = "gicv2",
    .configure = configure,
    .mask = mask,
    .unmask = unmask,
    .ack = ack,
    .eoi = eoi,
};
