// SPDX-License-Identifier: MIT
//
// The status channel, powering off and resetting (hal/power.h).
#include "arch/x86_64/power.h"

#include "arch/x86_64/cpu.h"
#include "hal/timer.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"

#define STATUS_PORT      0x501 /* isa-debugcon: two bytes for each record */
#define DEBUG_EXIT_PORT  0xf4  /* isa-debug-exit ends QEMU at once; the status is in the records */
#define DEBUG_EXIT_VALUE 0x10

#define PM1_SLP_TYP_SHIFT 10 /* ACPI 6.5, 4.8.3.2.1 */
#define PM1_SLP_EN        (1u << 13)

#define RESET_CONTROL      0xcf9 /* in every chipset since the PIIX */
#define RESET_CONTROL_HARD 0x02
#define RESET_CONTROL_GO   0x06
#define RESET_WAIT_MS      50
#define KBC_COMMAND        0x64
#define KBC_PULSE_RESET    0xfe

static struct {
    uint32_t pm1a, pm1b;
    uint16_t typ_a, typ_b;
    bool has_s5, has_reset, has_8042;
    uint16_t reset_port;
    uint8_t reset_value;
} ports;

void power_init(const struct boot_acpi *acpi)
{
    ports.pm1a = acpi->pm1a_cnt_port;
    ports.pm1b = acpi->pm1b_cnt_port;
    ports.typ_a = acpi->s5_slp_typ_a;
    ports.typ_b = acpi->s5_slp_typ_b;
    ports.has_s5 = acpi->s5_present && ports.pm1a != 0;
    ports.has_reset = acpi->reset_present;
    ports.reset_port = acpi->reset_port;
    ports.reset_value = acpi->reset_value;
    ports.has_8042 = acpi->has_8042;
}

static void acpi_off(void)
{
    if (!ports.has_s5) {
        return;
    }
    port_out16((uint16_t)ports.pm1a, (uint16_t)(ports.typ_a << PM1_SLP_TYP_SHIFT | PM1_SLP_EN));
    if (ports.pm1b != 0) {
        port_out16((uint16_t)ports.pm1b, (uint16_t)(ports.typ_b << PM1_SLP_TYP_SHIFT | PM1_SLP_EN));
    }
}

/* A reset takes time, in QEMU until its main loop runs:
 * try the next method only if this one failed. */
static void wait_for_reset(void)
{
    uint64_t until = hal_counter_read() + hal_counter_hz() / 1000 * RESET_WAIT_MS;
    while (hal_counter_read() < until) {
        hal_cpu_relax();
    }
}

/* From the method that this machine specifies to the one that no CPU can refuse. */
static void reset(void)
{
    if (ports.has_reset) {
        port_out8(ports.reset_port, ports.reset_value);
        wait_for_reset();
    }
    port_out8(RESET_CONTROL, RESET_CONTROL_HARD);
    port_out8(RESET_CONTROL, RESET_CONTROL_GO);
    wait_for_reset();
    if (ports.has_8042) {
        port_out8(KBC_COMMAND, KBC_PULSE_RESET);
        wait_for_reset();
    }
    struct PACKED {
        uint16_t limit;
        uint64_t base;
    } empty = {0};
    __asm__ volatile("lidt %0" : : "m"(empty));
    __asm__ volatile("int3"); /* no vector and no double fault handler: the CPU shuts down */
}

const struct power_ops power_acpi = {.name = "acpi", .off = acpi_off, .reset = reset};

void hal_exit_record(enum exit_kind kind, uint8_t status)
{
    port_out8(STATUS_PORT, (uint8_t)kind);
    port_out8(STATUS_PORT, status);
}

void hal_power_off(void)
{
    if (cpu_features()->hypervisor) {
        port_out32(DEBUG_EXIT_PORT, DEBUG_EXIT_VALUE);
    }
    if (machine_power() != NULL) {
        machine_power()->off();
    }
    hal_cpu_halt();
}

void hal_power_reset(void)
{
    if (machine_power() != NULL) {
        machine_power()->reset();
    } else {
        reset();
    }
    hal_cpu_halt();
}
