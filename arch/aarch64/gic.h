// SPDX-License-Identifier: MIT
//
// The interrupt controllers of this machine, from which platform.c chooses.
// Both are versions of ARM's Generic Interrupt Controller. INTIDs: 0 to 15
// are SGIs (between CPUs), 16 to 31 PPIs (separate for each CPU), 32 to
// 1019 SPIs (shared), from 8192 on LPIs (messages; GICv3 with an ITS only).
#pragma once

#include "hal/bootinfo.h"
#include "hal/cpu.h"
#include "hal/io.h"
#include "hal/irq.h"

#include <stdatomic.h>

#define GIC_SGI_IPI      0u /* sent between CPUs: IRQ_LINE_IPI */
#define GIC_SGI_NMI      1u /* the same in group 0, which is delivered as FIQ: upcall_nmi() */
#define GIC_SGI_END      16u
#define GIC_PPI_END      32u
#define GIC_INTID_END    1020u /* 1020 to 1023 mean "none" */
#define GIC_LPI_FIRST    8192u
#define GIC_PRIORITY     0xa0u /* for every interrupt: they do not preempt each other */
#define GIC_PRIORITY_ALL 0xa0a0a0a0u
#define GIC_PRIORITY_NMI 0x20u /* preempts the others, even their handlers */
#define GIC_MASK_NONE    0xf0u /* priority mask that allows all of them */

/**
 * @brief A lock for this machine's own files, with interrupts masked: this layer cannot use
 * kernel/base/spinlock.h.
 * @context{any} @{
 */
struct gic_lock {
    atomic_flag taken; /* acquire and release, as for any lock */
};

static inline irq_state_t gic_lock(struct gic_lock *lock)
{
    irq_state_t state = hal_irq_save();
    while (atomic_flag_test_and_set_explicit(&lock->taken, memory_order_acquire)) {
        hal_cpu_relax();
    }
    return state;
}

static inline void gic_unlock(struct gic_lock *lock, irq_state_t state)
{
    atomic_flag_clear_explicit(&lock->taken, memory_order_release);
    hal_irq_restore(state);
}
/** @} */

/** How a controller maps its registers and allocates memory: vm_map_device() and vm_unmap_device()
 * of kernel/mm/vm.h, kernel/mm/page.h. */
struct gic_mapper {
    enum status (*map)(uint64_t base, uint64_t len, struct io_region *out);
    void (*unmap)(const struct io_region *region);
    /** Memory in the direct map, contents undefined. `len` is rounded
     * up to a power of two of at least 4 KiB, which is also the
     * alignment. E_NOMEM; E_INVAL: more than 4 MiB. Does not sleep. */
    enum status (*alloc)(uint64_t len, paddr_t *out);
    /** Free memory that alloc() returned for the same `len`. */
    void (*free)(paddr_t base, uint64_t len);
};

/**
 * @brief Initialise the distributor and this CPU's interface; every line is masked.
 * @return OK; E_INVAL: the size of a register area is impossible; E_NODEV: the device has another
 * version, or this CPU has no redistributor; E_TIMEDOUT: the redistributor does not wake up;
 * E_NOMEM.
 * @context{early, once}
 */
enum status gicv2_init(const struct boot_gic *gic, const struct gic_mapper *mapper);
enum status gicv3_init(const struct boot_gic *gic, const struct gic_mapper *mapper);

/**
 * @brief Accept and end an FIQ that has arrived.
 * @return false: raise_nmi() did not send it.
 * @context{any, FIQ masked; also before gicv3_init()}
 */
bool gicv3_take_fiq(void);

extern const struct irq_controller gicv2_controller;
extern const struct irq_controller gicv3_controller;

/**
 * @brief Initialise a GICv2m frame: SPIs that are raised by a store to one address.
 * @return OK; E_INVAL: the size of the register area is impossible; E_NODEV: the frame has no SPIs;
 * E_NOMEM.
 * @context{early, once}
 */
enum status gicv2m_init(uint64_t base, uint64_t len, const struct gic_mapper *mapper);

extern const struct msi_controller gicv2m_controller;

/** What message interrupts need to know about a GICv3 and the target CPU. */
struct gicv3_cpu {
    struct io_region redist; /* its redistributor's control registers */
    uint64_t redist_base;    /* physical address */
    uint32_t number;         /* as in GICR_TYPER */
    unsigned id_bits;        /* of INTIDs; 0: no LPIs */
};

/** @brief Describe a CPU. @pre gicv3_init(), and add_cpu() for other CPUs. @context{any} */
void gicv3_get_cpu(cpu_t cpu, struct gicv3_cpu *out);

/**
 * @brief Initialise the machine's ITS, which provides message lines from GIC_LPI_FIRST on.
 * @return OK; E_NOTSUP: no LPIs here; E_BUSY: the firmware's tables are in use and cannot be
 * replaced; E_INVAL: the size of the register area is impossible, or tables of the required form
 * cannot be allocated; E_NOMEM; E_TIMEDOUT; E_IO: it refuses commands.
 * @context{early, once}
 */
enum status gicv3_its_init(const struct boot_gic *gic, const struct gicv3_cpu *cpu,
                           const struct gic_mapper *mapper);

extern const struct msi_controller gicv3_msi_controller;

/** @brief For gicv3.c: configure, mask, unmask and route lines from GIC_LPI_FIRST on. @param
 * cpu  Number of the CPU that `target` describes. */
enum status gicv3_lpi_configure(uint32_t line, enum irq_trigger trigger);
void gicv3_lpi_set_masked(uint32_t line, bool is_masked);
enum status gicv3_lpi_route(uint32_t line, cpu_t cpu, const struct gicv3_cpu *target);

/* ---- The distributor, common to both versions ---- */

#define GICD_CTLR       0x0000
#define GICD_TYPER      0x0004
#define GICD_IGROUPR    0x0080
#define GICD_ISENABLER  0x0100
#define GICD_ICENABLER  0x0180
#define GICD_ISPENDR    0x0200
#define GICD_ICPENDR    0x0280
#define GICD_ICACTIVER  0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ITARGETSR  0x0800
#define GICD_ICFGR      0x0c00
#define GICD_IGRPMODR   0x0d00
#define GICD_SGIR       0x0f00 /* GICv2 */
#define GICD_PIDR2      0xffe8 /* GICv3 */

/** @brief Number of INTIDs that the distributor has: 32 to 1020. */
uint32_t gic_line_count(const struct io_region *distributor);

/** The private interrupts of each CPU, as they were configured on the boot CPU; one bit each. */
struct gic_private {
    uint32_t enabled;
    uint32_t edge;
};

/** @brief Record that a private interrupt was unmasked or masked, or its trigger. Other
 * lines are ignored. */
void gic_private_note(struct gic_private *p, uint32_t line, bool is_enabled);
void gic_private_note_trigger(struct gic_private *p, uint32_t line, enum irq_trigger trigger);

/** @brief Configure the calling CPU's private interrupts in the same way. @param r  The registers
 * for them. */
void gic_private_apply(const struct gic_private *p, const struct io_region *r);

/** @brief Set, or clear, the bit of a line in a register array of one bit a
 * line (write-one registers). */
void gic_write_bit(const struct io_region *r, size_t array, uint32_t line);

/**
 * @brief Make a line edge or level triggered.
 * @return OK; E_NOTSUP: active-low level, or an SGI that is not edge.
 */
enum status gic_set_trigger(const struct io_region *r, uint32_t line, enum irq_trigger trigger);

/** @brief Whether the line is edge triggered. @pre `line` is no SGI */
bool gic_is_edge(const struct io_region *r, uint32_t line);

/** @brief Mask the lines [first, end), clear their state and set the common priority. Both must be
 * multiples of 32. */
void gic_quiet(const struct io_region *r, uint32_t first, uint32_t end);
