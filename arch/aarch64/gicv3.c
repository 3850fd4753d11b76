// SPDX-License-Identifier: MIT
//
// GICv3: memory-mapped distributor, a redistributor for each CPU, and a CPU
// interface in system registers. GIC architecture 3 and 4 (IHI 0069). All interrupts
// are in non-secure group 1, which is delivered as IRQ, except one SGI: if there is
// only one security state, the kernel may use group 0, which is delivered as FIQ and
// which hal_irq_save() does not mask. Message lines are in gicv3_msi.c.
#include "arch/aarch64/gic.h"

#include "arch/aarch64/cpu.h"
#include "hal_arch/barrier.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"

#define GICD_IROUTER 0x6000 /* 64 bits a line */

/* In the non-secure view; with one security state, group 0 and group 1. */
#define GICD_CTLR_GROUP1  (1u << 0)
#define GICD_CTLR_GROUP1A (1u << 1)
#define GICD_CTLR_ARE     (1u << 4)
#define GICD_CTLR_DS      (1u << 6) /* only one security state; the non-secure one of two reads 0 */
#define GICD_CTLR_RWP     (1u << 31)
#define GICD_LEN_MIN      0x10000u

#define GICD_TYPER_LPIS       (1u << 17)
#define GICD_TYPER_ID_BITS(t) (((t) >> 19 & 31u) + 1)

#define GICR_TYPER 0x0008
#define GICR_WAKER 0x0014

#define GICR_FRAME           0x10000u /* the first for control, the second for SGIs and PPIs */
#define GICR_USED            0x1000u  /* of both */
#define GICR_TYPER_NUMBER(t) ((uint32_t)((t) >> 8) & 0xffffu)
#define GICR_TYPER_VLPIS     (1u << 1)
#define GICR_TYPER_LAST      (1u << 4)
#define GICR_WAKER_SLEEP     (1u << 1)
#define GICR_WAKER_ASLEEP    (1u << 2)

#define GICD_TYPER_RSS (1u << 26)
#define ICC_CTLR_RSS   (1u << 18)
#define SGI_TARGETS    16u

#define PIDR2_VERSION(v) ((v) >> 4 & 15u)
#define SPINS            1000000u /* far longer than a register really needs */

SYSREG_READ(s3_0_c12_c8_0)   /* ICC_IAR0_EL1 */
SYSREG_WRITE(s3_0_c12_c8_1)  /* ICC_EOIR0_EL1 */
SYSREG_WRITE(s3_0_c12_c8_3)  /* ICC_BPR0_EL1 */
SYSREG_WRITE(s3_0_c12_c12_6) /* ICC_IGRPEN0_EL1 */
SYSREG_WRITE(s3_0_c12_c11_7) /* ICC_SGI0R_EL1 */
SYSREG_READ(s3_0_c12_c12_0)  /* ICC_IAR1_EL1 */
SYSREG_WRITE(s3_0_c12_c12_1) /* ICC_EOIR1_EL1 */
SYSREG_WRITE(s3_0_c12_c12_3) /* ICC_BPR1_EL1 */
SYSREG_WRITE(s3_0_c12_c11_5) /* ICC_SGI1R_EL1 */
SYSREG_READ(s3_0_c12_c12_4)  /* ICC_CTLR_EL1 */
SYSREG_WRITE(s3_0_c12_c12_4)
SYSREG_READ(s3_0_c12_c12_5) /* ICC_SRE_EL1 */
SYSREG_WRITE(s3_0_c12_c12_5)
SYSREG_WRITE(s3_0_c12_c12_7) /* ICC_IGRPEN1_EL1 */
SYSREG_WRITE(s3_0_c4_c6_0)   /* ICC_PMR_EL1 */

static struct io_region dist;
static uint32_t line_count;

static bool has_group0; /* group 0 is configured; can_nmi tells whether FIQs arrive */
static bool can_nmi;    /* [I] before other CPUs run: an FIQ sent to this CPU has arrived */

static struct gic_private private_lines;

/** A CPU's redistributor. */
struct redist {
    struct io_region ctl, sgi;
    uint64_t base;     /* physical */
    uint32_t affinity; /* of its CPU, as from affinity_of() */
};

/* In the order of firmware's regions, as far as the
 * search has come: up to the last CPU that was added. */
static struct redist redists[CPU_MAX];
static uint32_t redist_count;

/* Where the search continues. */
static struct {
    uint32_t region;
    uint64_t at; /* offset in the region */
} walk;

static struct boot_gic told;
static const struct gic_mapper *memory;
static uint32_t redist_of[CPU_MAX]; /* [I] by CPU, index in redists[] */

static bool wait_clear(const struct io_region *r, size_t reg, uint32_t bit)
{
    for (uint32_t i = 0; i < SPINS; i++) {
        if ((io_read32(r, reg) & bit) == 0) {
            return true;
        }
    }
    return false;
}

/* The affinity in the format of GICR_TYPER: Aff3.Aff2.Aff1.Aff0. */
static uint32_t affinity_of(uint64_t mpidr)
{
    return (uint32_t)((mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff));
}

static struct redist *own_redist(void)
{
    return &redists[redist_of[hal_this_cpu()->id]];
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

/* Map the used pages of the redistributor at `base`. */
static enum status map_redistributor(uint64_t base, struct redist *r)
{
    enum status s = memory->map(base, GICR_USED, &r->ctl);
    if (s != OK) {
        return s;
    }
    s = memory->map(base + GICR_FRAME, GICR_USED, &r->sgi);
    if (s != OK) {
        memory->unmap(&r->ctl);
        return s;
    }
    r->base = base;
    r->affinity = (uint32_t)(io_read64(&r->ctl, GICR_TYPER) >> 32);
    return OK;
}

/* Distance to the next redistributor: as the tables specify, or by the number of its frames; beyond
 * the end of the region after its last one. */
static uint64_t step_from(const struct redist *r, uint64_t left)
{
    uint64_t typer = io_read64(&r->ctl, GICR_TYPER);
    uint64_t stride = (typer & GICR_TYPER_LAST) != 0    ? left
                      : told.redist_stride != 0         ? told.redist_stride
                      : (typer & GICR_TYPER_VLPIS) != 0 ? 4 * GICR_FRAME
                                                        : 2 * GICR_FRAME;
    return MIN(stride, left);
}

/* Examine one more redistributor. E_NODEV: there are no more. */
static enum status find_next(void)
{
    while (walk.region < told.redist_count &&
           told.redist[walk.region].len - walk.at < 2 * GICR_FRAME) {
        walk.region++;
        walk.at = 0;
    }
    if (walk.region == told.redist_count || redist_count == CPU_MAX) {
        return E_NODEV;
    }
    struct redist *r = &redists[redist_count];
    enum status s = map_redistributor(told.redist[walk.region].base + walk.at, r);
    if (s == OK) {
        walk.at += step_from(r, told.redist[walk.region].len - walk.at);
        redist_count++;
    }
    return s;
}

static enum status find_redistributor(uint64_t mpidr, uint32_t *out)
{
    for (uint32_t i = 0;; i++) {
        enum status s = i < redist_count ? OK : find_next();
        if (s != OK) {
            return s;
        }
        if (redists[i].affinity == affinity_of(mpidr)) {
            *out = i;
            return OK;
        }
    }
}

static enum status init_redistributor(void)
{
    const struct redist *r = own_redist();
    io_write32(&r->ctl, GICR_WAKER, io_read32(&r->ctl, GICR_WAKER) & ~GICR_WAKER_SLEEP);
    if (!wait_clear(&r->ctl, GICR_WAKER, GICR_WAKER_ASLEEP)) {
        return E_TIMEDOUT;
    }
    gic_quiet(&r->sgi, 0, GIC_PPI_END);
    io_write32(&r->sgi, GICD_IGROUPR, UINT32_MAX & ~(has_group0 ? 1u << GIC_SGI_NMI : 0));
    io_write32(&r->sgi, GICD_IGRPMODR, 0);
    gic_private_apply(&private_lines, &r->sgi);
    if (has_group0) {
        io_write8(&r->sgi, GICD_IPRIORITYR + GIC_SGI_NMI, GIC_PRIORITY_NMI);
        gic_write_bit(&r->sgi, GICD_ISENABLER, GIC_SGI_NMI);
    }
    return OK;
}

static enum status init_interface(void)
{
    write_s3_0_c12_c12_5(read_s3_0_c12_c12_5() | 1);
    isb();
    if ((read_s3_0_c12_c12_5() & 1) == 0) {
        return E_NODEV; /* EL2 or EL3 denies access to the system registers */
    }
    write_s3_0_c4_c6_0(GIC_MASK_NONE);
    write_s3_0_c12_c12_3(0);
    /* one write ends an interrupt: it drops the priority and deactivates */
    write_s3_0_c12_c12_4(0);
    write_s3_0_c12_c12_7(1);
    if (has_group0) {
        write_s3_0_c12_c8_3(0);
        write_s3_0_c12_c12_6(1);
    }
    isb();
    return OK;
}

static enum status init_cpu(void)
{
    enum status s = init_redistributor();
    return s == OK ? init_interface() : s;
}

/* ICC_SGI1R_EL1 and ICC_SGI0R_EL1 address CPUs by affinity, up to 16 with the same upper levels in
 * one write. */
static uint64_t sgi_to(uint64_t id, uint32_t sgi)
{
    uint64_t last = id & 0xff;
    return (id >> 32 & 0xff) << 48 | last / SGI_TARGETS << 44 | (id >> 16 & 0xff) << 32 |
           (uint64_t)sgi << 24 | (id >> 8 & 0xff) << 16 | UINT64_C(1) << last % SGI_TARGETS;
}

static void send_nmi(uint64_t id)
{
    dsb_ishst(); /* stores before the IPI become visible first */
    write_s3_0_c12_c11_7(sgi_to(id, GIC_SGI_NMI));
    isb();
}

bool gicv3_take_fiq(void)
{
    if (!has_group0) {
        return false;
    }
    uint32_t id = (uint32_t)read_s3_0_c12_c8_0() & 0xffffffu;
    dsb_sy(); /* as in ack() */
    if (id != GIC_SGI_NMI) {
        return false;
    }
    write_s3_0_c12_c8_1(id);
    isb();
    return true;
}

/* Whether firmware keeps FIQs for itself (SCR_EL3.FIQ) is
 * not visible: send one and see whether it arrives. */
static void prove_group0(void)
{
    struct hal_cpu *cpu = hal_this_cpu();
    atomic_store_explicit(&cpu->nmi_sent, true, memory_order_relaxed);
    send_nmi(cpu_hardware_id());
    for (uint32_t i = 0; i < SPINS && !can_nmi; i++) { /* upcall_nmi() accepts and ends it */
        can_nmi = !atomic_load_explicit(&cpu->nmi_sent, memory_order_relaxed);
    }
    atomic_store_explicit(&cpu->nmi_sent, false, memory_order_relaxed);
}

static enum status init_mapped(void)
{
    if (PIDR2_VERSION(io_read32(&dist, GICD_PIDR2)) < 3) {
        return E_NODEV;
    }
    enum status s = find_redistributor(cpu_hardware_id(), &redist_of[0]);
    if (s == OK) {
        s = init_distributor();
    }
    if (s != OK) {
        return s;
    }
    has_group0 = (io_read32(&dist, GICD_CTLR) & GICD_CTLR_DS) != 0;
    s = init_cpu();
    if (s == OK && has_group0) {
        prove_group0();
    }
    return s;
}

static void forget_redistributors(void)
{
    while (redist_count > 0) {
        redist_count--;
        memory->unmap(&redists[redist_count].sgi);
        memory->unmap(&redists[redist_count].ctl);
    }
}

enum status gicv3_init(const struct boot_gic *gic, const struct gic_mapper *mapper)
{
    if (gic->dist_len < GICD_LEN_MIN) {
        return E_INVAL;
    }
    told = *gic;
    memory = mapper;
    enum status s = mapper->map(gic->dist_base, GICD_LEN_MIN, &dist);
    if (s != OK) {
        return s;
    }
    s = init_mapped();
    if (s != OK) {
        forget_redistributors();
        mapper->unmap(&dist);
    }
    return s;
}

void gicv3_get_cpu(cpu_t cpu, struct gicv3_cpu *out)
{
    uint32_t typer = io_read32(&dist, GICD_TYPER);
    const struct redist *r = &redists[redist_of[cpu]];
    *out = (struct gicv3_cpu){
        .redist = r->ctl,
        .redist_base = r->base,
        .number = GICR_TYPER_NUMBER(io_read64(&r->ctl, GICR_TYPER)),
        .id_bits = (typer & GICD_TYPER_LPIS) != 0 ? GICD_TYPER_ID_BITS(typer) : 0,
    };
}

/* The registers of a line: of shared lines in the
 * distributor, of private ones in the redistributor. */
static const struct io_region *home(uint32_t line)
{
    return line < GIC_PPI_END ? &own_redist()->sgi : &dist;
}

static enum status configure(uint32_t line, enum irq_trigger trigger)
{
    if (line >= GIC_LPI_FIRST) {
        return gicv3_lpi_configure(line, trigger);
    }
    gic_private_note_trigger(&private_lines, line, trigger);
    return line < line_count ? gic_set_trigger(home(line), line, trigger) : E_RANGE;
}

static void mask(uint32_t line)
{
    if (line >= GIC_LPI_FIRST) {
        gicv3_lpi_set_masked(line, true);
        return;
    }
    gic_private_note(&private_lines, line, false);
    gic_write_bit(home(line), GICD_ICENABLER, line);
    /* Wait for RWP: then the line is quiet. In GICR_CTLR the bit is elsewhere; reading back is
     * enough there. */
    if (line < GIC_PPI_END) {
        (void)io_read32(home(line), GICD_ICENABLER);
    } else {
        (void)wait_clear(&dist, GICD_CTLR, GICD_CTLR_RWP);
    }
}

static void unmask(uint32_t line)
{
    if (line >= GIC_LPI_FIRST) {
        gicv3_lpi_set_masked(line, false);
    } else {
        gic_private_note(&private_lines, line, true);
        gic_write_bit(home(line), GICD_ISENABLER, line);
    }
}

static enum status route(uint32_t line, const struct hal_cpu *cpu)
{
    if (line >= GIC_LPI_FIRST) {
        struct gicv3_cpu target;
        gicv3_get_cpu(cpu->id, &target);
        return gicv3_lpi_route(line, cpu->id, &target);
    }
    if (line < GIC_PPI_END) {
        return E_NOTSUP;
    }
    if (line >= line_count) {
        return E_RANGE;
    }
    io_write64(&dist, GICD_IROUTER + (size_t)line * 8, cpu->hw_id);
    return OK;
}

static uint32_t ack(unsigned vector)
{
    (void)vector;
    uint32_t line = (uint32_t)read_s3_0_c12_c12_0() & 0xffffffu;
    dsb_sy(); /* acknowledge before the handler accesses its device */
    if (line == GIC_SGI_IPI) {
        write_s3_0_c12_c12_1(line);
        isb();
        return IRQ_LINE_IPI;
    }
    bool is_none = line >= GIC_INTID_END && line < GIC_LPI_FIRST;
    return is_none ? IRQ_LINE_NONE : line;
}

static void eoi(uint32_t line)
{
    write_s3_0_c12_c12_1(line);
    isb();
}

/* CPUs beyond the first 16 of a level can be addressed only if distributor and CPU interface
 * support ranges. */
static bool has_ranges(void)
{
    return (read_s3_0_c12_c12_4() & ICC_CTLR_RSS) != 0 &&
           (io_read32(&dist, GICD_TYPER) & GICD_TYPER_RSS) != 0;
}

static enum status add_cpu(const struct hal_cpu *cpu)
{
    if ((cpu->hw_id & 0xff) >= SGI_TARGETS && !has_ranges()) {
        return E_RANGE;
    }
    return find_redistributor(cpu->hw_id, &redist_of[cpu->id]);
}

static void raise(const struct hal_cpu *cpu)
{
    dsb_ishst(); /* stores before the IPI become visible first */
    write_s3_0_c12_c11_5(sgi_to(cpu->hw_id, GIC_SGI_IPI));
    isb();
}

static bool raise_nmi(const struct hal_cpu *cpu)
{
    if (can_nmi) {
        send_nmi(cpu->hw_id);
    }
    return can_nmi;
}

const struct irq_controller gicv3_controller = {
    .name = "gicv3",
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
