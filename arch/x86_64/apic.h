// SPDX-License-Identifier: MIT
//
// The local APIC (apic.c) and the IOAPICs (ioapic.c), for each other, the timers and platform.c.
//
// Lines (hal/irq.h): global system interrupts 0 to 255, message-signalled lines from APIC_LINE_MSI,
// and the local timer. A line has an IDT vector from the moment it is configured or allocated.
#pragma once

#include "hal/bootinfo.h"
#include "hal/io.h"
#include "hal/cpu.h"
#include "hal/irq.h"

#include <stdatomic.h>

#define APIC_LINE_MSI   256u
#define APIC_LINE_TIMER 1024u
#define APIC_LINE_END   1025u

#define APIC_VECTOR_FIRST    0x30 /* 0x20 to 0x2f is where the PICs were told to stay */
#define APIC_VECTOR_LAST     0xef
#define APIC_VECTOR_TIMER    0xf0
#define APIC_VECTOR_IPI      0xf1
#define APIC_VECTOR_ERROR    0xfe
#define APIC_VECTOR_SPURIOUS 0xff

/** Offsets of local APIC registers in xAPIC mode: SDM volume 3A, table 11-1. In x2APIC mode their
 * MSRs follow from them. */
enum apic_register {
    APIC_ID = 0x20,
    APIC_TPR = 0x80,
    APIC_EOI = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_ICR = 0x300,
    APIC_ICR_TARGET = 0x310, /* xAPIC only */
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

/* What APIC_ICR sends, to one CPU: SDM 11.6.1. */
#define APIC_SEND_VECTOR  (1u << 14)            /* and the vector */
#define APIC_SEND_SELF    (1u << 14 | 1u << 18) /* the same to this CPU; needs no target */
#define APIC_SEND_NMI     (1u << 14 | 4u << 8)
#define APIC_SEND_INIT    (1u << 14 | 5u << 8)
#define APIC_SEND_STARTUP (1u << 14 | 6u << 8) /* and the page that it begins in */

#define APIC_LVT_MASKED     (1u << 16)
#define APIC_TIMER_DIVIDE_1 0x0bu

/* Modes of the timer, in APIC_LVT_TIMER. */
#define APIC_TIMER_ONE_SHOT (0u << 17)
#define APIC_TIMER_DEADLINE (2u << 17)

/** Interrupts through IOAPIC and local APIC; and messages to the local APIC. */
extern const struct irq_controller apic_irq_controller;
extern const struct msi_controller apic_msi_controller;

/** @brief Physical address of the local APIC's registers, from its MSR. @context{any} */
uint64_t apic_base(void);

/** @brief False: the registers are MSRs (x2APIC), and apic_init() wants no others. @context{early}
 */
bool apic_needs_registers(void);

/**
 * @brief Enable this CPU's local APIC, whatever firmware made of it, everything in it masked:
 * x2APIC where the CPU has it, else xAPIC.
 * @param regs  Its registers, if apic_needs_registers(); copied.
 * @return NULL, or why interrupts cannot work.
 * @context{early}
 */
const char *apic_init(const struct io_region *regs);

/** @brief The calling CPU's number. @pre apic_init(). @context{any} */
uint32_t apic_id(void);

/** @brief Can interrupts be sent to that CPU? xAPIC names it in 8 bits, x2APIC in 32. @context{any}
 */
bool apic_can_name(uint32_t id);

/** @brief Interrupt another CPU: APIC_SEND_*. What was stored before is seen there.
 * @pre apic_can_name(id). @context{any} */
void apic_send(uint32_t id, uint32_t what);

/** @brief "xAPIC" or "x2APIC". @pre apic_init(). @context{any} */
const char *apic_mode(void);

/** @brief Choose the timer's mode, APIC_TIMER_*; it is masked. @context{early} */
void apic_set_timer_mode(uint32_t mode);

uint32_t apic_read(enum apic_register reg);
void apic_write(enum apic_register reg, uint32_t value);

/** @brief A lock of this machine's own, interrupts masked: kernel/base/spinlock.h is not for this
 * layer.
 * @context{any} @{ */
struct apic_lock {
    atomic_flag taken; /* acquire and release, as of any lock */
};

static inline irq_state_t apic_lock(struct apic_lock *lock)
{
    irq_state_t state = hal_irq_save();
    while (atomic_flag_test_and_set_explicit(&lock->taken, memory_order_acquire)) {
        hal_cpu_relax();
    }
    return state;
}

static inline void apic_unlock(struct apic_lock *lock, irq_state_t state)
{
    atomic_flag_clear_explicit(&lock->taken, memory_order_release);
    hal_irq_restore(state);
}
/** @} */

/**
 * @brief Take over one IOAPIC; all its pins masked.
 * @param regs  Its registers; copied.
 * @return E_NOSPC: more than BOOT_MAX_IOAPIC. E_NODEV: nothing answers there.
 */
enum status ioapic_add(const struct io_region *regs, uint32_t gsi_base);

/** @brief Remember what the MADT says of single pins: their polarity wins over the asker's. @param
 * acpi kept */
void ioapic_set_overrides(const struct boot_acpi *acpi);

/** @brief Program a pin, masked. @return E_RANGE: no IOAPIC has this global system interrupt. */
enum status ioapic_configure(uint32_t gsi, unsigned vector, uint32_t apic_id,
                             enum irq_trigger trigger);
void ioapic_set_mask(uint32_t gsi, bool is_masked);
/** @brief Send a pin's interrupts to another CPU. @pre ioapic_configure() of it. */
void ioapic_route(uint32_t gsi, uint32_t apic_id);

/** @brief Mask the two legacy PICs for ever, out of the way of the exceptions. */
void pic_disable(void);
