// SPDX-License-Identifier: MIT
//
// The local APIC, the vectors of interrupt lines, and message-signalled interrupts. SDM volume 3A,
// chapter 11. Its registers are in memory (xAPIC) or MSRs (x2APIC, 11.12). Pins are in ioapic.c,
// the timer in event_timer.c. A line has the same vector on all CPUs, so that any of them can
// handle it.
#include "arch/x86_64/apic.h"

#include "hal/cpu.h"
#include "hal_arch/sysreg.h"
#include "kernel/base/assert.h"
#include "kernel/lib/compiler.h"

#define APIC_SPURIOUS_ENABLE (1u << 8)
#define APIC_LVT_NMI         (4u << 8)
#define APIC_LVT_EXTINT      (7u << 8)
#define APIC_BASE_ADDR       UINT64_C(0x000ffffffffff000)

#define MSI_ADDRESS UINT64_C(0xfee00000) /* SDM 11.11: destination id in bits 12 to 19 */

#define NO_LINE UINT32_MAX

#define ICR_PENDING (1u << 12)
#define SEND_SPINS  1000000u

/* Messages and IOAPICs have 8 bits for a CPU; all ones mean every CPU. */
#define APIC_ID_MAX 254u

/** A way to access the registers. */
struct apic_access {
    const char *name;
    uint32_t (*read)(enum apic_register reg);
    void (*write)(enum apic_register reg, uint32_t value);
    void (*send)(uint32_t id, uint32_t what);
    unsigned id_shift; /* position of the id in APIC_ID */
    uint32_t id_max;   /* largest id that `send` can use; all ones mean every CPU */
};

/* The line of each vector, and the reverse. Written under the lock. Read without it by the owner of
 * a line, and by the handler of its interrupt. */
static struct apic_lock vectors;
static uint32_t vector_line[256];
static uint8_t line_vector[APIC_LINE_END];

/* The target CPU of each message: changed under the line's lock. Relaxed: if a line moves while a
 * message is being composed, the message is composed again for the move. */
static _Atomic uint8_t message_target[APIC_LINE_TIMER - APIC_LINE_MSI];

static struct io_region apic; /* xAPIC */
static const struct apic_access *access;
static uint32_t boot_apic_id;
static uint32_t timer_mode, timer_masked; /* the same on all CPUs */

uint64_t apic_base(void)
{
    return read_msr(MSR_APIC_BASE) & APIC_BASE_ADDR;
}

static uint32_t xapic_read(enum apic_register reg)
{
    return io_read32(&apic, reg);
}

static void xapic_write(enum apic_register reg, uint32_t value)
{
    io_write32(&apic, reg, value);
}

static uint32_t x2apic_read(enum apic_register reg)
{
    return (uint32_t)read_msr(MSR_X2APIC + (reg >> 4));
}

static void x2apic_write(enum apic_register reg, uint32_t value)
{
    write_msr(MSR_X2APIC + (reg >> 4), value);
}

/* Two stores, of which the second sends. The previous message must have been sent (SDM 11.6.1:
 * delivery status). The wait is limited, so that broken hardware does not stop this CPU. */
static void xapic_send(uint32_t id, uint32_t what)
{
    irq_state_t state = hal_irq_save();
    for (unsigned i = 0; i < SEND_SPINS && (xapic_read(APIC_ICR) & ICR_PENDING) != 0; i++) {
        hal_cpu_relax();
    }
    xapic_write(APIC_ICR_TARGET, id << 24);
    xapic_write(APIC_ICR, what);
    hal_irq_restore(state);
}

/* One register of 64 bits, and a WRMSR that does not wait for earlier stores: SDM 11.12.3. */
static void x2apic_send(uint32_t id, uint32_t what)
{
    mfence();
    write_msr(MSR_X2APIC + (APIC_ICR >> 4), (uint64_t)id << 32 | what);
}

static const struct apic_access xapic = {"xAPIC", xapic_read, xapic_write, xapic_send, 24, 0xfe};
static const struct apic_access x2apic = {"x2APIC",    x2apic_read, x2apic_write,
                                          x2apic_send, 0,           UINT32_MAX - 1};

uint32_t apic_read(enum apic_register reg)
{
    return access->read(reg);
}

/* Used twice in every interrupt: avoid the indirect call. */
static ALWAYS_INLINE void put_register(enum apic_register reg, uint32_t value)
{
    if (LIKELY(access == &xapic)) {
        io_write32(&apic, reg, value);
    } else {
        access->write(reg, value);
    }
}

void apic_write(enum apic_register reg, uint32_t value)
{
    put_register(reg, value);
}

uint32_t apic_id(void)
{
    return apic_read(APIC_ID) >> access->id_shift;
}

bool apic_can_name(uint32_t id)
{
    return id <= access->id_max;
}

void apic_send(uint32_t id, uint32_t what)
{
    access->send(id, what);
}

const char *apic_mode(void)
{
    return access->name;
}

/* Firmware may have enabled x2APIC already; then it cannot be left except through "disabled". */
static bool has_x2apic(void)
{
    return (read_msr(MSR_APIC_BASE) & APIC_BASE_X2APIC) != 0 ||
           (cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC) != 0;
}

bool apic_needs_registers(void)
{
    return !has_x2apic();
}

/* From disabled to xAPIC to x2APIC, one step with each write (SDM 11.12.5). */
static void enable(void)
{
    uint64_t base = read_msr(MSR_APIC_BASE);
    bool is_x2 = has_x2apic();
    if ((base & APIC_BASE_ENABLE) == 0) {
        base |= APIC_BASE_ENABLE;
        write_msr(MSR_APIC_BASE, base);
    }
    if (is_x2 && (base & APIC_BASE_X2APIC) == 0) {
        write_msr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
    }
    access = is_x2 ? &x2apic : &xapic;
}

static void write_timer(uint32_t masked)
{
    timer_masked = masked;
    apic_write(APIC_LVT_TIMER, masked | timer_mode | APIC_VECTOR_TIMER);
    /* In xAPIC mode this is a store, and the WRMSR of the deadline could overtake
     * it: SDM 11.5.4.1. */
    mfence();
}

void apic_set_timer_mode(uint32_t mode)
{
    timer_mode = mode;
    write_timer(APIC_LVT_MASKED);
}

/* Initialise the calling CPU's own part. False: it is disabled and cannot be enabled. */
static bool init_local(void)
{
    enable();
    if ((read_msr(MSR_APIC_BASE) & APIC_BASE_ENABLE) == 0) {
        return false;
    }
    apic_write(APIC_TPR, 0);
    write_timer(timer_masked);
    apic_write(APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_1);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED | APIC_LVT_EXTINT);
    apic_write(APIC_LVT_LINT1, APIC_LVT_NMI);
    apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED | APIC_VECTOR_ERROR);
    apic_write(APIC_SPURIOUS, APIC_SPURIOUS_ENABLE | APIC_VECTOR_SPURIOUS);
    return true;
}

const char *apic_init(const struct io_region *regs)
{
    apic = *regs;
    for (unsigned i = 0; i < ARRAY_COUNT(vector_line); i++) {
        vector_line[i] = NO_LINE;
    }
    vector_line[APIC_VECTOR_TIMER] = APIC_LINE_TIMER;
    line_vector[APIC_LINE_TIMER] = APIC_VECTOR_TIMER;

    timer_mode = APIC_TIMER_ONE_SHOT;
    timer_masked = APIC_LVT_MASKED;
    if (!init_local()) {
        return "the local APIC is disabled and stays so";
    }
    boot_apic_id = apic_id();
    return boot_apic_id <= APIC_ID_MAX
               ? NULL
               : "the boot CPU's APIC id is above 254, which interrupts cannot address";
}

static unsigned take_vector_locked(uint32_t line)
{
    for (unsigned v = APIC_VECTOR_FIRST; v <= APIC_VECTOR_LAST; v++) {
        if (vector_line[v] == NO_LINE) {
            vector_line[v] = line;
            line_vector[line] = (uint8_t)v;
            return v;
        }
    }
    return 0;
}

static void set_message_target(uint32_t line, uint32_t id)
{
    atomic_store_explicit(&message_target[line - APIC_LINE_MSI], (uint8_t)id, memory_order_relaxed);
}

static void free_vector_locked(unsigned vector)
{
    line_vector[vector_line[vector]] = 0;
    vector_line[vector] = NO_LINE;
}

static unsigned take_vector(uint32_t line)
{
    irq_state_t state = apic_lock(&vectors);
    unsigned vector = take_vector_locked(line);
    apic_unlock(&vectors, state);
    return vector;
}

static void free_vector(unsigned vector)
{
    irq_state_t state = apic_lock(&vectors);
    free_vector_locked(vector);
    apic_unlock(&vectors, state);
}

/* Message-signalled and timer interrupts are edges; a pin has the trigger of its wiring. */
static enum status configure(uint32_t line, enum irq_trigger trigger)
{
    if (line >= APIC_LINE_END) {
        return E_RANGE;
    }
    if (line >= APIC_LINE_MSI) {
        if (line_vector[line] == 0) {
            return E_RANGE; /* not allocated by alloc_msi() */
        }
        return trigger == IRQ_EDGE ? OK : E_NOTSUP;
    }

    bool is_new = line_vector[line] == 0;
    unsigned vector = is_new ? take_vector(line) : line_vector[line];
    if (vector == 0) {
        return E_RANGE;
    }
    enum status s = ioapic_configure(line, vector, boot_apic_id, trigger);
    if (s != OK && is_new) {
        free_vector(vector);
    }
    return s;
}

static void set_mask(uint32_t line, bool is_masked)
{
    if (line == APIC_LINE_TIMER) {
        write_timer(is_masked ? APIC_LVT_MASKED : 0);
    } else if (line < APIC_LINE_MSI) {
        ioapic_set_mask(line, is_masked);
    }
    /* A message is masked at its source: by the driver, in the device's MSI-X table. */
}

/* The ids that IOAPICs and messages can use: eight bits. */
static enum status route(uint32_t line, const struct hal_cpu *cpu)
{
    if (line == APIC_LINE_TIMER) {
        return E_NOTSUP;
    }
    if (line >= APIC_LINE_END || line_vector[line] == 0 || cpu->hw_id > APIC_ID_MAX) {
        return E_RANGE;
    }
    if (line < APIC_LINE_MSI) {
        ioapic_route(line, (uint32_t)cpu->hw_id);
    } else {
        set_message_target(line, (uint32_t)cpu->hw_id);
    }
    return OK;
}

static void mask(uint32_t line)
{
    set_mask(line, true);
}

static void unmask(uint32_t line)
{
    set_mask(line, false);
}

/* A spurious interrupt has no bit in service, so it must not get an EOI. It gets none because it
 * has no line. */
static uint32_t ack(unsigned vector)
{
    hal_mmu_leave_idle(); /* before anything else is read */
    uint32_t line = vector_line[vector];
    if (UNLIKELY(line == NO_LINE)) {
        if (vector == APIC_VECTOR_IPI) {
            apic_write(APIC_EOI, 0);
            return IRQ_LINE_IPI;
        }
        if (vector == APIC_VECTOR_SPURIOUS) {
            return IRQ_LINE_NONE;
        }
        /* a device sends a message that it was not given, or was given before */
        put_register(APIC_EOI, 0);
        return IRQ_LINE_STRAY;
    }
    return line;
}

static void eoi(uint32_t line)
{
    (void)line;
    put_register(APIC_EOI, 0);
}

/* A CPU that messages cannot address can still be used; no line is routed to it. */
static enum status add_cpu(const struct hal_cpu *cpu)
{
    return cpu->hw_id <= UINT32_MAX && apic_can_name((uint32_t)cpu->hw_id) ? OK : E_RANGE;
}

static enum status init_cpu(void)
{
    return init_local() ? OK : E_NODEV;
}

static void raise(const struct hal_cpu *cpu)
{
    if (cpu == hal_this_cpu()) {
        /* This may be an NMI: if it interrupted the code between its two stores, that code's target
         * must not change. */
        mfence();
        apic_write(APIC_ICR, APIC_SEND_SELF | APIC_VECTOR_IPI);
        return;
    }
    apic_send((uint32_t)cpu->hw_id, APIC_SEND_VECTOR | APIC_VECTOR_IPI);
}

static bool raise_nmi(const struct hal_cpu *cpu)
{
    apic_send((uint32_t)cpu->hw_id, APIC_SEND_NMI);
    return true;
}

const struct irq_controller apic_irq_controller = {
    .name = "IOAPIC and local APIC",
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

/* Number of consecutive free lines from `line` on, at most `wanted`. */
static uint32_t free_run(uint32_t line, uint32_t wanted)
{
    uint32_t n = 0;
    while (n < wanted && line + n < APIC_LINE_TIMER && line_vector[line + n] == 0) {
        n++;
    }
    return n;
}

/* The first run that is long enough, otherwise the longest. @return its length. */
static uint32_t find_run(uint32_t wanted, uint32_t *first)
{
    uint32_t best = 0, n;
    for (uint32_t line = APIC_LINE_MSI; line < APIC_LINE_TIMER && best < wanted; line += n + 1) {
        n = free_run(line, wanted);
        if (n > best) {
            best = n;
            *first = line;
        }
    }
    return best;
}

static enum status alloc_msi(uint32_t device_id, uint32_t wanted, uint32_t *first, uint32_t *count)
{
    (void)device_id; /* there is no interrupt remapping: any device can send any message */
    irq_state_t state = apic_lock(&vectors);
    uint32_t line = 0, taken = 0;
    uint32_t n = find_run(wanted, &line);
    while (taken < n && take_vector_locked(line + taken) != 0) {
        set_message_target(line + taken, boot_apic_id);
        taken++;
    }
    apic_unlock(&vectors, state);
    if (taken == 0) {
        return E_NOSPC;
    }
    *first = line;
    *count = taken;
    return OK;
}

static void free_msi(uint32_t device_id, uint32_t first, uint32_t count)
{
    (void)device_id;
    irq_state_t state = apic_lock(&vectors);
    for (uint32_t line = first; line < first + count; line++) {
        ASSERT(line >= APIC_LINE_MSI && line < APIC_LINE_TIMER && line_vector[line] != 0);
        free_vector_locked(line_vector[line]);
    }
    apic_unlock(&vectors, state);
}

static void compose(uint32_t line, uint64_t *address, uint32_t *data)
{
    uint64_t target =
        atomic_load_explicit(&message_target[line - APIC_LINE_MSI], memory_order_relaxed);
    *address = MSI_ADDRESS | target << 12;
    *data = line_vector[line]; /* fixed delivery, edge */
}

const struct msi_controller apic_msi_controller = {
    .name = "local APIC",
    .alloc = alloc_msi,
    .free = free_msi,
    .compose = compose,
    .can_mask = false, /* a message that arrives already has its vector */
};
