// SPDX-License-Identifier: MIT
//
// GICv2: memory-mapped distributor and CPU interface. GIC architecture 2.0 (IHI 0048). The
// assignment of interrupts to groups remains as firmware left it. With one security state all are
// in group 0 and are delivered as IRQ; with two, the non-secure view shows only group 1. In both
// cases bit 0 of both control registers is the right enable bit.
#include "arch/aarch64/gic.h"

#include "hal/cpu.h"
#include "hal_arch/barrier.h"
#include "kernel/lib/compiler.h"

#define GICC_CTLR 0x00
#define GICC_PMR  0x04
#define GICC_BPR  0x08
#define GICC_IAR  0x0c
#define GICC_EOIR 0x10

#define CTLR_ENABLE  1u
#define IAR_INTID(v) ((v)&0x3ffu)
#define SGIR_TARGETS 16
#define CPUS         8u /* the architecture's limit */
#define GICD_LEN_MIN 0x1000u
#define GICC_LEN_MIN 0x1000u /* EOIR and IAR; other registers are not used */

static struct io_region dist, cpu_interface;
static uint32_t line_count;
static struct gic_private private_lines;

/* Four lines share a word of GICD_ITARGETSR. */
static struct gic_lock targets_lock;

/* By CPU: the bit of its interface, from own_target(). [o], set before it is online. */
static uint8_t target_of[CPUS];

/* By CPU: the value that ack() read. eoi() must write it back completely, including an SGI's
 * sender. [o] by the owning CPU. */
static uint32_t acked[CPUS];

/* The bit of this CPU's interface in target masks:
 * the target registers of private lines show it. */
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

static enum status init_cpu(void)
{
    target_of[hal_this_cpu()->id] = own_target();
    gic_quiet(&dist, 0, GIC_PPI_END);
    gic_private_apply(&private_lines, &dist);
    io_write32(&cpu_interface, GICC_PMR, GIC_MASK_NONE);
    io_write32(&cpu_interface, GICC_BPR, 0);
    io_write32(&cpu_interface, GICC_CTLR, CTLR_ENABLE);
    return OK;
}

static enum status add_cpu(const struct hal_cpu *cpu)
{
    return cpu->id < CPUS ? OK : E_RANGE;
}

static void raise(const struct hal_cpu *cpu)
{
    dsb_ishst(); /* stores before the IPI become visible first */
    io_write32(&dist, GICD_SGIR, (uint32_t)target_of[cpu->id] << SGIR_TARGETS | GIC_SGI_IPI);
}

/* FIQ would require group 0, with everything else in group 1. Only a distributor with the security
 * extensions has these registers, and only on the secure side. */
static bool raise_nmi(const struct hal_cpu *cpu)
{
    (void)cpu;
    return false;
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
    return init_cpu();
}

static enum status configure(uint32_t line, enum irq_trigger trigger)
{
    gic_private_note_trigger(&private_lines, line, trigger);
    return line < line_count ? gic_set_trigger(&dist, line, trigger) : E_RANGE;
}

static void mask(uint32_t line)
{
    gic_private_note(&private_lines, line, false);
    gic_write_bit(&dist, GICD_ICENABLER, line);
    (void)io_read32(&dist,
                    GICD_ICENABLER); /* wait until the store has arrived: then the line is quiet */
}

static void unmask(uint32_t line)
{
    gic_private_note(&private_lines, line, true);
    gic_write_bit(&dist, GICD_ISENABLER, line);
}

static void set_target(uint32_t line, uint8_t target)
{
    size_t at = GICD_ITARGETSR + (line & ~3u);
    unsigned shift = line % 4 * 8;
    irq_state_t state = gic_lock(&targets_lock);
    uint32_t others = io_read32(&dist, at) & ~(0xffu << shift);
    io_write32(&dist, at, others | (uint32_t)target << shift);
    gic_unlock(&targets_lock, state);
}

/* Some distributors (QEMU's) leave a pending edge with its old target, which would no longer handle
 * it. So clear it and make it pending again. The line is disabled meanwhile, otherwise the
 * interrupt could be taken in between and then arrive twice. */
static enum status route(uint32_t line, const struct hal_cpu *cpu)
{
    size_t word = line / 32 * 4;
    uint32_t bit = 1u << line % 32;
    if (line < GIC_PPI_END) {
        return E_NOTSUP;
    }
    if (line >= line_count || cpu->id >= CPUS) {
        return E_RANGE;
    }
    bool is_enabled = (io_read32(&dist, GICD_ISENABLER + word) & bit) != 0;
    mask(line);
    bool is_pending =
        gic_is_edge(&dist, line) && (io_read32(&dist, GICD_ISPENDR + word) & bit) != 0;
    set_target(line, target_of[cpu->id]);
    if (is_pending) {
        io_write32(&dist, GICD_ICPENDR + word, bit);
        io_write32(&dist, GICD_ISPENDR + word, bit);
    }
    if (is_enabled) {
        unmask(line);
    }
    return OK;
}

static uint32_t ack(unsigned vector)
{
    (void)vector;
    uint32_t iar = io_read32(&cpu_interface, GICC_IAR);
    if (IAR_INTID(iar) >= GIC_INTID_END) {
        return IRQ_LINE_NONE;
    }
    if (IAR_INTID(iar) == GIC_SGI_IPI) {
        io_write32(&cpu_interface, GICC_EOIR, iar);
        return IRQ_LINE_IPI;
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
    .route = route,
    .ack = ack,
    .eoi = eoi,
    .add_cpu = add_cpu,
    .init_cpu = init_cpu,
    .raise = raise,
    .raise_nmi = raise_nmi,
};
