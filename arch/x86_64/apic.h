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

#define APIC_VECTOR_FIRST    0x30 /* the PICs use 0x20 to 0x2f */
#define APIC_VECTOR_LAST     0xef
#define APIC_VECTOR_TIMER    0xf0
#define APIC_VECTOR_IPI      0xf1
#define APIC_VECTOR_ERROR    0xfe
#define APIC_VECTOR_SPURIOUS 0xff

/** Offsets of local APIC registers in xAPIC mode: SDM volume 3A, table 11-1. The MSRs of x2APIC
 * mode are computed from them. */
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

/* The messages of APIC_ICR, to one CPU: SDM 11.6.1. */
#define APIC_SEND_VECTOR  (1u << 14)            /* plus the vector */
#define APIC_SEND_SELF    (1u << 14 | 1u << 18) /* the same to this CPU; needs no target */
#define APIC_SEND_NMI     (1u << 14 | 4u << 8)
#define APIC_SEND_INIT    (1u << 14 | 5u << 8)
#define APIC_SEND_STARTUP (1u << 14 | 6u << 8) /* plus the number of the page where it starts */

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

/** @brief Whether apic_init() needs memory-mapped registers. False: the registers are MSRs
 * (x2APIC). @context{early} */
bool apic_needs_registers(void);

/**
 * @brief Enable this CPU's local APIC, in whatever state firmware left it, with all its interrupts
 * masked: x2APIC if the CPU supports it, otherwise xAPIC.
 * @param regs  Its registers, if apic_needs_registers(); copied.
 * @return NULL, or the reason why interrupts cannot work.
 * @context{early}
 */
const char *apic_init(const struct io_region *regs);

/** @brief The calling CPU's APIC id. @pre apic_init(). @context{any} */
uint32_t apic_id(void);

/** @brief Whether interrupts can be sent to a CPU with this id. xAPIC has 8 bits for it, x2APIC 32.
 * @context{any} */
bool apic_can_name(uint32_t id);

/**
 * @brief Send an interrupt to another CPU: APIC_SEND_*. Earlier stores are visible there when it
 * arrives.
 * @pre apic_can_name(id). @context{any}
 */
void apic_send(uint32_t id, uint32_t what);

/** @brief "xAPIC" or "x2APIC". @pre apic_init(). @context{any} */
const char *apic_mode(void);

/** @brief Set the timer's mode, APIC_TIMER_*; the timer is masked. @context{early} */
void apic_set_timer_mode(uint32_t mode);

uint32_t apic_read(enum apic_register reg);
void apic_write(enum apic_register reg, uint32_t value);

/**
 * @brief A lock for this machine's own files, with interrupts masked: this layer cannot use
 * kernel/base/spinlock.h.
 * @context{any} @{
 */
struct apic_lock {
    atomic_flag taken; /* acquire and release, as for any lock */
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
 * @brief Initialise one IOAPIC, with all its pins masked.
 * @param regs  Its registers; copied.
 * @return E_NOSPC: more than BOOT_MAX_IOAPIC. E_NODEV: there is no device.
 */
enum status ioapic_add(const struct io_region *regs, uint32_t gsi_base);

/** @brief Set the MADT's descriptions of single pins. Their polarity overrides the caller's. @param
 * acpi  Must stay valid. */
void ioapic_set_overrides(const struct boot_acpi *acpi);

/** @brief Program a pin, masked. @return E_RANGE: no IOAPIC has this global system interrupt. */
enum status ioapic_configure(uint32_t gsi, unsigned vector, uint32_t apic_id,
                             enum irq_trigger trigger);
void ioapic_set_mask(uint32_t gsi, bool is_masked);
/** @brief Route a pin's interrupts to another CPU. @pre ioapic_configure() for it. */
void ioapic_route(uint32_t gsi, uint32_t apic_id);

/** @brief Mask the two legacy PICs permanently, with vectors that do not
 * conflict with exceptions. */
void pic_disable(void);
