// SPDX-License-Identifier: MIT
//
// GICv3: memory-mapped distributor, a redistributor for each CPU, and system registers as CPU
// interface. GIC architecture 3 and 4 (IHI 0069). Everything is non-secure group 1. Message lines
// are gicv3_msi.c's.
#include "arch/aarch64/gic.h"

#include "arch/aarch64/cpu.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"

#define GICD_IROUTER 0x6000 /* 64 bits a line */

#define GICD_CTLR_GROUP1  (1u << 0) /* as the non-secure side sees it */
#define GICD_CTLR_GROUP1A (1u << 1)
#define GICD_CTLR_ARE     (1u << 4)
#define GICD_CTLR_RWP     (1u << 31)
#define GICD_LEN_MIN      0x10000u

#define GICD_TYPER_LPIS       (1u << 17)
#define GICD_TYPER_ID_BITS(t) (((t) >> 19 & 31u) + 1)

#define GICR_TYPER 0x0008
#define GICR_WAKER 0x0014

#define GICR_FRAME           0x10000u /* one for control, the next for SGIs and PPIs */
#define GICR_USED            0x1000u  /* of either */
#define GICR_TYPER_NUMBER(t) ((uint32_t)((t) >> 8) & 0xffffu)
#define GICR_TYPER_VLPIS     (1u << 1)
#define GICR_TYPER_LAST      (1u << 4)
#define GICR_WAKER_SLEEP     (1u << 1)
#define GICR_WAKER_ASLEEP    (1u << 2)

#define PIDR2_VERSION(v) ((v) >> 4 & 15u)
#define SPINS            1000000u /* far beyond any real wait for a register */

SYSREG_READ(s3_0_c12_c12_0)  /* ICC_IAR1_EL1 */
SYSREG_WRITE(s3_0_c12_c12_1) /* ICC_EOIR1_EL1 */
SYSREG_WRITE(s3_0_c12_c12_3) /* ICC_BPR1_EL1 */
SYSREG_WRITE(s3_0_c12_c12_4) /* ICC_CTLR_EL1 */
SYSREG_READ(s3_0_c12_c12_5)  /* ICC_SRE_EL1 */
SYSREG_WRITE(s3_0_c12_c12_5)
SYSREG_WRITE(s3_0_c12_c12_7) /* ICC_IGRPEN1_EL1 */
SYSREG_WRITE(s3_0_c4_c6_0)   /* ICC_PMR_EL1 */

static struct io_region dist;
static uint32_t line_count;

/* This CPU's redistributor; with more CPUs, one of each. */
static struct io_region redist, redist_sgi;
static uint64_t redist_base; /* physical */

static void isb(void)
{
    __asm__ volatile("isb" : : : "memory");
}

static bool wait_clear(const struct io_region *r, size_t reg, uint32_t bit)
{
    for (uint32_t i = 0; i < SPINS; i++) {
        if ((io_read32(r, reg) & bit) == 0) {
            return true;
        }
    }
    return false;
}

/* Affinity in the order of GICR_TYPER: Aff3.Aff2.Aff1.Aff0. */
static uint32_t own_affinity(void)
{
    uint64_t mpidr = cpu_hardware_id();
    return (uint32_t)((mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff));
}

static enum status init_distributor(void)
{
    io_write32(&dist, GICD_CTLR, 0);
    if (!wait_clear(&dist, GICD_CTLR, GICD_CTLR_RWP)) {
        return E_TIMEDOUT;
    }
    line_count = gic_line_count(&dist);
    gic_quiet(&dist, GIC_PPI_END, line_count);
    for (uint32_t line = GIC_PPI_END; line < line_count; line += 32) {
        io_write32(&dist, GICD_IGROUPR + line / 32 * 4, UINT32_MAX);
        io_write32(&dist, GICD_IGRPMODR + line / 32 * 4, 0);
    }
    io_write32(&dist, GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GROUP1A | GICD_CTLR_GROUP1);
    for (uint32_t line = GIC_PPI_END; line < line_count; line++) {
        io_write64(&dist, GICD_IROUTER + (size_t)line * 8, cpu_hardware_id());
    }
    return wait_clear(&dist, GICD_CTLR, GICD_CTLR_RWP) ? OK : E_TIMEDOUT;
}

/* Map the pages in use of the redistributor at `base`. */
static enum status map_redistributor(uint64_t base, const struct gic_mapper *mapper)
{
    enum status s = mapper->map(base, GICR_USED, &redist);
    if (s != OK) {
        return s;
    }
    s = mapper->map(base + GICR_FRAME, GICR_USED, &redist_sgi);
    if (s != OK) {
        mapper->unmap(&redist);
    }
    return s;
}

/* Look at the redistributors of one region, until its last one or the end. Their distance is the
 * table's (0: their own, by the frames they have). */
static enum status find_in_region(uint64_t base, uint64_t len, uint64_t told,
                                  const struct gic_mapper *mapper)
{
    uint64_t stride = 0;
    for (uint64_t at = 0; len - at >= 2 * GICR_FRAME; at += MIN(stride, len - at)) {
        enum status s = map_redistributor(base + at, mapper);
        if (s != OK) {
            return s;
        }
        uint64_t typer = io_read64(&redist, GICR_TYPER);
        if (typer >> 32 == own_affinity()) {
            redist_base = base + at;
            return OK;
        }
        mapper->unmap(&redist_sgi);
        mapper->unmap(&redist);
        if ((typer & GICR_TYPER_LAST) != 0) {
            break;
        }
        stride = told != 0                         ? told
                 : (typer & GICR_TYPER_VLPIS) != 0 ? 4 * GICR_FRAME
                                                   : 2 * GICR_FRAME;
    }
    return E_NODEV;
}

static enum status find_redistributor(const struct boot_gic *gic, const struct gic_mapper *mapper)
{
    enum status s = E_NODEV;
    for (uint32_t i = 0; i < gic->redist_count && s == E_NODEV; i++) {
        s = find_in_region(gic->redist[i].base, gic->redist[i].len, gic->redist_stride, mapper);
    }
    return s;
}

static enum status init_redistributor(void)
{
    io_write32(&redist, GICR_WAKER, io_read32(&redist, GICR_WAKER) & ~GICR_WAKER_SLEEP);
    if (!wait_clear(&redist, GICR_WAKER, GICR_WAKER_ASLEEP)) {
        return E_TIMEDOUT;
    }
    gic_quiet(&redist_sgi, 0, GIC_PPI_END);
    io_write32(&redist_sgi, GICD_IGROUPR, UINT32_MAX);
    io_write32(&redist_sgi, GICD_IGRPMODR, 0);
    return OK;
}

static enum status init_cpu(void)
{
    write_s3_0_c12_c12_5(read_s3_0_c12_c12_5() | 1);
    isb();
    if ((read_s3_0_c12_c12_5() & 1) == 0) {
        return E_NODEV; /* EL2 or EL3 keeps the system registers for itself */
    }
    write_s3_0_c4_c6_0(GIC_MASK_NONE);
    write_s3_0_c12_c12_3(0);
    write_s3_0_c12_c12_4(0); /* one write ends an interrupt: priority drop and deactivation */
    write_s3_0_c12_c12_7(1);
    isb();
    return OK;
}

static enum status init_mapped(const struct boot_gic *gic, const struct gic_mapper *mapper)
{
    if (PIDR2_VERSION(io_read32(&dist, GICD_PIDR2)) < 3) {
        return E_NODEV;
    }
    enum status s = find_redistributor(gic, mapper);
    if (s != OK) {
        return s;
    }
    s = init_distributor();
    if (s == OK) {
        s = init_redistributor();
    }
    if (s == OK) {
        s = init_cpu();
    }
    if (s != OK) {
        mapper->unmap(&redist_sgi);
        mapper->unmap(&redist);
    }
    return s;
}

enum status gicv3_init(const struct boot_gic *gic, const struct gic_mapper *mapper)
{
    if (gic->dist_len < GICD_LEN_MIN) {
        return E_INVAL;
    }
    enum status s = mapper->map(gic->dist_base, GICD_LEN_MIN, &dist);
    if (s != OK) {
        return s;
    }
    s = init_mapped(gic, mapper);
    if (s != OK) {
        mapper->unmap(&dist);
    }
    return s;
}

void gicv3_get_cpu(struct gicv3_cpu *out)
{
    uint32_t typer = io_read32(&dist, GICD_TYPER);
    *out = (struct gicv3_cpu){
        .redist = redist,
        .redist_base = redist_base,
        .number = GICR_TYPER_NUMBER(io_read64(&redist, GICR_TYPER)),
        .id_bits = (typer & GICD_TYPER_LPIS) != 0 ? GICD_TYPER_ID_BITS(typer) : 0,
    };
}

/* Where the registers of a line are: shared ones in the distributor, private ones in the
 * redistributor. */
static const struct io_region *home(uint32_t line)
{
    return line < GIC_PPI_END ? &redist_sgi : &dist;
}

static enum status configure(uint32_t line, enum irq_trigger trigger)
{
    if (line >= GIC_LPI_FIRST) {
        return gicv3_lpi_configure(line, trigger);
    }
    return line < line_count ? gic_set_trigger(home(line), line, trigger) : E_RANGE;
}

static void mask(uint32_t line)
{
    if (line >= GIC_LPI_FIRST) {
        gicv3_lpi_set_masked(line, true);
        return;
    }
    gic_write_bit(home(line), GICD_ICENABLER, line);
    /* RWP: the line is quiet from here on. GICR_CTLR has the bit elsewhere; reading back orders
     * enough. */
    if (line < GIC_PPI_END) {
        (void)io_read32(&redist_sgi, GICD_ICENABLER);
    } else {
        (void)wait_clear(&dist, GICD_CTLR, GICD_CTLR_RWP);
    }
}

static void unmask(uint32_t line)
{
    if (line >= GIC_LPI_FIRST) {
        gicv3_lpi_set_masked(line, false);
    } else {
        gic_write_bit(home(line), GICD_ISENABLER, line);
    }
}

static uint32_t ack(unsigned vector)
{
    (void)vector;
    uint32_t line = (uint32_t)read_s3_0_c12_c12_0() & 0xffffffu;
    __asm__ volatile("dsb sy"
                     :
                     :
                     : "memory"); /* acknowledged before the handler looks at its device */
    bool is_none = line >= GIC_INTID_END && line < GIC_LPI_FIRST;
    return is_none ? IRQ_LINE_NONE : line;
}

static void eoi(uint32_t line)
{
    write_s3_0_c12_c12_1(line);
    isb();
}

const struct irq_controller gicv3_controller = {
    .name = "gicv3",
    .configure = configure,
    .mask = mask,
    .unmask = unmask,
    .ack = ack,
    .eoi = eoi,
};
