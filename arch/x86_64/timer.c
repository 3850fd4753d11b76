// SPDX-License-Identifier: MIT
//
// Time: the TSC is the counter, and the local APIC's timer may be needed for
// events. No source reports the rate of both reliably, so both are measured
// in one interval against the best clock available: the TSC if CPUID reports
// its rate, else HPET, ACPI PM timer, PIT. Events are in event_timer.c.
#include "arch/x86_64/timer.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "hal/layout.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"

#define WINDOW_US 150
#define US_PER_S  1000000u
#define EDGES     3 /* number of samples at each end; the one that was disturbed least counts */

#define HPET_PERIOD   0x04 /* femtoseconds per tick */
#define HPET_CONFIG   0x10
#define HPET_COUNTER  0xf0
#define HPET_ENABLE   1u
#define HPET_FS_PER_S UINT64_C(1000000000000000)
#define HPET_FS_MAX   100000000u /* HPET 1.0a, 2.3.4 */

#define PM_TIMER_HZ   3579545
#define PM_TIMER_MASK 0xffffffu

#define PIT_HZ        1193182
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND   0x43
#define PIT_LOAD_2    0xb0 /* channel 2, low byte then high byte, mode 0 */
#define PIT_LATCH_2   0x80
#define PIT_GATE      0x61
#define PIT_GATE_2    0x01
#define PIT_SPEAKER   0x02

/** A clock of known rate. `read` counts up modulo mask + 1. */
struct reference {
    const char *name;
    uint32_t (*read)(void);
    uint64_t hz;
    uint32_t mask;
};

/** The three clocks at one time. */
struct sample {
    uint32_t reference;
    uint64_t tsc;
    uint32_t apic; /* counts down */
};

static uint64_t tsc_hz, entry_tsc;
static const char *reference_name;
static uint64_t apic_per_tsc; /* 32.32 fixed point */
static struct io_region hpet;
static uint16_t pm_port;

static uint32_t read_tsc_low(void)
{
    return (uint32_t)hal_counter_read();
}

static uint32_t read_hpet(void)
{
    return io_read32(&hpet, HPET_COUNTER);
}

static uint32_t read_pm(void)
{
    return port_in32(pm_port) & PM_TIMER_MASK;
}

static uint32_t read_pit(void)
{
    port_out8(PIT_COMMAND, PIT_LATCH_2);
    uint32_t lo = port_in8(PIT_CHANNEL_2);
    uint32_t hi = port_in8(PIT_CHANNEL_2);
    return 0xffff - (hi << 8 | lo);
}

/* CPUID leaf 15H: TSC rate = crystal * EBX / EAX, if all three are reported. */
static uint64_t tsc_hz_from_cpuid(void)
{
    if (cpuid(0, 0).eax < 0x15) {
        return 0;
    }
    struct cpuid leaf = cpuid(0x15, 0);
    return leaf.eax == 0 ? 0 : (uint64_t)leaf.ecx * leaf.ebx / leaf.eax;
}

/* Registers, accessed through the bootstrap direct map,
 * which is uncached at the end of the first 4 GiB. */
static bool reach_registers(uint64_t base, uint64_t len, struct io_region *out)
{
    if (base < HAL_BOOT_MMIO || base >= HAL_BOOT_DIRECT || len > HAL_BOOT_DIRECT - base) {
        return false;
    }
    *out = (struct io_region){.base = (uintptr_t)hal_direct(paddr(base)), .len = len};
    return true;
}

static bool start_hpet(uint64_t base, struct reference *out)
{
    if (base == 0 || !reach_registers(base, 0x400, &hpet)) {
        return false;
    }
    uint32_t period_fs = io_read32(&hpet, HPET_PERIOD);
    if (period_fs == 0 || period_fs > HPET_FS_MAX) {
        return false;
    }
    io_write32(&hpet, HPET_CONFIG, io_read32(&hpet, HPET_CONFIG) | HPET_ENABLE);
    *out = (struct reference){"HPET", read_hpet, HPET_FS_PER_S / period_fs, UINT32_MAX};
    return true;
}

static void start_pit(struct reference *out)
{
    uint8_t gate = port_in8(PIT_GATE) & (uint8_t) ~(PIT_GATE_2 | PIT_SPEAKER);
    port_out8(PIT_GATE, gate | PIT_GATE_2);
    port_out8(PIT_COMMAND, PIT_LOAD_2);
    port_out8(PIT_CHANNEL_2, 0xff);
    port_out8(PIT_CHANNEL_2, 0xff);
    *out = (struct reference){"PIT", read_pit, PIT_HZ, 0xffff};
}

static struct reference choose_reference(const struct boot_acpi *acpi)
{
    struct reference ref = {"CPUID", read_tsc_low, tsc_hz_from_cpuid(), UINT32_MAX};
    if (ref.hz != 0 || start_hpet(acpi->hpet_base, &ref)) {
        return ref;
    }
    if (acpi->pm_timer_port != 0 && acpi->pm_timer_port <= UINT16_MAX) {
        pm_port = (uint16_t)acpi->pm_timer_port;
        return (struct reference){"PM timer", read_pm, PM_TIMER_HZ, PM_TIMER_MASK};
    }
    start_pit(&ref);
    return ref;
}

/*
 * Read the clocks just after a tick of the reference. A hypervisor may preempt the CPU between two
 * reads: of several edges, use the one whose reads are closest together. The wait ends if the
 * reference does not tick.
 */
static struct sample take_sample(const struct reference *ref)
{
    struct sample best = {0};
    uint64_t best_width = UINT64_MAX;
    for (unsigned edge = 0; edge < EDGES; edge++) {
        uint32_t before = ref->read(), now = before;
        uint64_t from = 0;
        for (unsigned i = 0; i < 10000 && now == before; i++) {
            from = hal_counter_read();
            now = ref->read();
        }
        struct sample s = {.reference = now, .tsc = hal_counter_read()};
        s.apic = apic_read(APIC_TIMER_CURRENT);
        uint64_t width = hal_counter_read() - from;
        if (width < best_width) {
            best = s;
            best_width = width;
        }
    }
    return best;
}

const char *timer_calibrate(uint64_t entry_counter, const struct boot_acpi *acpi)
{
    struct io_region regs = {0};
    entry_tsc = entry_counter;
    if (apic_needs_registers() && !reach_registers(apic_base(), PAGE_SIZE, &regs)) {
        return "the local APIC's registers are not below 4 GiB";
    }
    const char *why = apic_init(&regs);
    if (why != NULL) {
        return why;
    }
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);

    struct reference ref = choose_reference(acpi);
    uint32_t window = (uint32_t)(ref.hz * WINDOW_US / US_PER_S);
    /* the first one is not used: it brings the code into the caches, or translates it */
    take_sample(&ref);
    struct sample a = take_sample(&ref);
    for (unsigned i = 0; i < 1000000 && ((ref.read() - a.reference) & ref.mask) < window; i++) {
        hal_cpu_relax();
    }
    struct sample b = take_sample(&ref);
    apic_write(APIC_TIMER_INITIAL, 0);

    reference_name = ref.name;
    uint64_t ticks = (b.reference - a.reference) & ref.mask;
    uint64_t tsc = b.tsc - a.tsc, apic = a.apic - b.apic;
    if (ticks == 0 || tsc == 0 || apic == 0) {
        return "a clock does not run: the time-stamp counter cannot be calibrated";
    }
    tsc_hz = tsc * ref.hz / ticks;
    apic_per_tsc = (apic << 32) / tsc;
    event_timer_set_rate(apic_per_tsc);
    return tsc_hz >= US_PER_S && apic_per_tsc != 0 ? NULL
                                                   : "the measured clock rates are impossible";
}

void timer_describe(char *buf, size_t len)
{
    uint64_t apic_hz = (uint64_t)((unsigned __int128)tsc_hz * apic_per_tsc >> 32);
    fmt_print(buf, len, "TSC %llu Hz, local APIC timer %llu Hz, measured against %s",
              (unsigned long long)tsc_hz, (unsigned long long)apic_hz, reference_name);
}

uint64_t hal_counter_hz(void)
{
    return tsc_hz;
}

uint64_t hal_counter_at_entry(void)
{
    return entry_tsc;
}
