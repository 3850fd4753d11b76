// SPDX-License-Identifier: MIT
//
// The PC: its controllers and drivers, and the order in which they are initialised. The only file
// of this machine that knows both the kernel and the drivers.
#include "hal/platform.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/power.h"
#include "arch/x86_64/timer.h"
#include "drivers/fw_cfg/fw_cfg_files.h"
#include "drivers/input/ps2.h"
#include "drivers/pci/pci.h"
#include "drivers/registry.h"
#include "drivers/rtc/cmos.h"
#include "drivers/serial/ns16550.h"
#include "drivers/video/boot_screen.h"
#include "drivers/video/ramfb.h"
#include "hal/bootinfo.h"
#include "hal/cpu.h"
#include "hal/upcall.h"
#include "hal_arch/offsets.h"
#include "kernel/base/assert.h"
#include "kernel/base/log.h"
#include "kernel/io/irq.h"
#include "kernel/load/native/export.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"

#define APIC_BYTES   0x1000
#define IOAPIC_BYTES 0x20 /* select at 0, window at 0x10 */

/* Address of a PC's first IOAPIC if there is no MADT. */
#define IOAPIC_DEFAULT 0xfec00000

/* Standard addresses of a PC's serial ports. */
#define COM1     0x3f8
#define COM1_IRQ 4
#define COM_LEN  8

static const struct {
    uint16_t base;
    uint8_t irq;
} com_ports[] = {{COM1, COM1_IRQ}, {0x2f8, 3}, {0x3e8, 4}, {0x2e8, 3}};

#define KEYBOARD_IRQ 1

/* QEMU's configuration device, at the same address in every PC that it emulates. */
#define FW_CFG     0x510
#define FW_CFG_LEN 12

static struct irq_action timer_action;

static enum irq_result timer_interrupt(void *ctx)
{
    (void)ctx;
    upcall_timer();
    return IRQ_HANDLED;
}

/* The line of ISA interrupt `source`. The trigger is an edge, whatever the override says about the
 * pin, because every ISA device produces edges. */
static uint32_t isa_line(const struct boot_acpi *acpi, uint8_t source)
{
    for (uint32_t i = 0; i < acpi->override_count; i++) {
        if (acpi->override[i].source == source) {
            return acpi->override[i].gsi;
        }
    }
    return source;
}

static void map_or_panic(uint64_t base, uint64_t len, const char *what, struct io_region *out)
{
    enum status s = vm_map_device(base, len, out);
    if (s != OK) {
        panic("platform: mapping the %s at 0x%llx: %s", what, (unsigned long long)base,
              status_text(s));
    }
}

static void add_ioapic(uint64_t base, uint32_t gsi_base)
{
    struct io_region regs;
    map_or_panic(base, IOAPIC_BYTES, "IOAPIC", &regs);
    enum status s = ioapic_add(&regs, gsi_base);
    if (s != OK) {
        log_warn("platform", "IOAPIC at 0x%llx: %s", (unsigned long long)base, status_text(s));
    }
}

static void init_interrupts(const struct boot_acpi *acpi)
{
    struct io_region regs = {0};
    if (acpi->has_legacy_pic) {
        pic_disable();
    }
    if (apic_needs_registers()) {
        map_or_panic(apic_base(), APIC_BYTES, "local APIC", &regs);
    }
    const char *why = apic_init(&regs);
    if (why != NULL) {
        panic("platform: %s", why);
    }
    ioapic_set_overrides(acpi);
    for (uint32_t i = 0; i < acpi->ioapic_count; i++) {
        add_ioapic(acpi->ioapic[i].base, acpi->ioapic[i].gsi_base);
    }
    if (acpi->ioapic_count == 0) {
        add_ioapic(IOAPIC_DEFAULT, 0);
    }
    machine_irq_install(&apic_irq_controller);
    machine_msi_install(&apic_msi_controller);
}

static void init_timer(void)
{
    char line[128];
    timer_describe(line, sizeof(line));
    log_debug("timer", "%s", line);
    machine_timer_install(event_timer_choose());
    log_debug("timer", "%s, local APIC as %s", machine_timer()->name, apic_mode());
    timer_action = (struct irq_action){.handle = timer_interrupt, .name = "timer"};
    enum status s = irq_request_private(&timer_action, APIC_LINE_TIMER, IRQ_EDGE);
    if (s != OK) {
        panic("platform: timer interrupt: %s", status_text(s));
    }
}

void hal_platform_init_core(const struct boot_info *info)
{
    power_init(&info->acpi);
    machine_power_install(&power_acpi);
    init_interrupts(&info->acpi);
    init_timer();
}

void hal_platform_remove_cpu(struct hal_cpu *cpu)
{
    struct vm_range *range = cpu->arch.stacks;
    vm_unmap(range, 0, range->pages, true);
    vm_release(range);
    heap_free(range);
}

/* Stacks of the interrupt stack table, each above a page that is never mapped. */
static enum status add_ist_stacks(struct hal_cpu *cpu)
{
    const size_t span = IST_STACK_SPAN / PAGE_SIZE;
    const struct vm_request request = {
        .pages = IST_STACKS * span, .region = HAL_REGION_VM, .name = "interrupt stacks"};
    struct vm_range *range = heap_zalloc(sizeof(*range));
    if (range == NULL) {
        return E_NOMEM;
    }
    enum status s = vm_reserve(range, &request);
    if (s != OK) {
        heap_free(range);
        return s;
    }
    cpu->arch.stacks = range;
    for (size_t i = 0; i < IST_STACKS && s == OK; i++) {
        s = vm_populate(range, i * span + 1, span - 1, PROT_R | PROT_W, PAGE_STACK);
    }
    if (s != OK) {
        hal_platform_remove_cpu(cpu);
        return s;
    }
    cpu->arch.ist_base = range->base;
    return OK;
}

enum status hal_platform_add_cpu(struct hal_cpu *cpu)
{
    enum status s = machine_irq_controller()->add_cpu(cpu);
    return s == OK ? add_ist_stacks(cpu) : s;
}

/* The timer's mode is a setting of the local APIC, and is the same on all CPUs. */
enum status hal_platform_init_cpu(void)
{
    return machine_irq_controller()->init_cpu();
}

static struct boot_uart com_port(const struct boot_acpi *acpi, unsigned i)
{
    return (struct boot_uart){.kind = BOOT_UART_16550,
                              .is_port = true,
                              .base = com_ports[i].base,
                              .len = COM_LEN,
                              .line = isa_line(acpi, com_ports[i].irq),
                              .has_early = com_ports[i].base == COM1};
}

/* Initialise the console that firmware names, if any; returns its I/O port, or 0. */
static uint64_t init_firmware_console(const struct boot_info *info)
{
    struct boot_uart uart = info->uart;
    if (uart.kind != BOOT_UART_16550) {
        return 0;
    }
    uart.has_early = uart.is_port && uart.base == COM1;
    if (uart.line == IRQ_LINE_NONE && uart.has_early) {
        uart.line = isa_line(&info->acpi, COM1_IRQ);
    }
    enum status s = ns16550_init(&uart);
    if (s != OK) {
        log_warn("platform", "serial port at 0x%llx: %s", (unsigned long long)uart.base,
                 status_text(s));
    }
    return s == OK && uart.is_port ? uart.base : 0;
}

static void init_serial(const struct boot_info *info)
{
    uint64_t known = init_firmware_console(info);
    for (unsigned i = 0; i < ARRAY_COUNT(com_ports); i++) {
        struct boot_uart uart = com_port(&info->acpi, i);
        enum status s = uart.base == known ? OK : ns16550_init(&uart);
        if (s != OK && (s != E_NODEV || (uart.has_early && known == 0))) {
            log_warn("platform", "serial port at 0x%llx: %s", (unsigned long long)uart.base,
                     status_text(s));
        }
    }
}

/* The screen that firmware set up, or else QEMU's. */
static void init_screen(const struct boot_info *info)
{
    static const struct io_region fw_cfg = {.base = FW_CFG, .len = FW_CFG_LEN, .is_port = true};
    fw_cfg_offer_files(&fw_cfg);
    enum status s = boot_screen_init(info);
    if (s == E_NODEV || s == E_INVAL) {
        s = ramfb_init(&fw_cfg);
    }
    if (s != OK && s != E_NODEV) {
        log_warn("platform", "screen: %s", status_text(s));
    }
}

static void init_clock(const struct boot_acpi *acpi)
{
    enum status s = acpi->has_cmos_rtc ? cmos_rtc_init() : E_NODEV;
    if (s != OK) {
        log_warn("platform", "CMOS clock: %s", status_text(s));
    }
}

static void init_keyboard(const struct boot_acpi *acpi)
{
    enum status s = acpi->has_8042 ? ps2_init(isa_line(acpi, KEYBOARD_IRQ)) : E_NODEV;
    if (s != OK && s != E_NODEV) {
        log_warn("platform", "keyboard controller: %s", status_text(s));
    }
}

static void add_pci_host(const struct boot_pci_host *host)
{
    enum status s = pci_add_host(host);
    if (s != OK) {
        log_warn("platform", "PCI host of segment %u: %s", host->segment, status_text(s));
    }
}

static void init_pci(const struct boot_info *info)
{
    /* Without an MCFG table the configuration ports access the first segment. */
    static const struct boot_pci_host ports = {.bus_last = 255, .dma_coherent = true};
    if (info->pci_count == 0) {
        add_pci_host(&ports);
    }
    for (uint32_t i = 0; i < info->pci_count; i++) {
        add_pci_host(&info->pci[i]);
    }
}

void hal_platform_init_devices(const struct boot_info *info)
{
    driver_link(driver_registry);
    export_offer_to_drivers(driver_exports, driver_export_count);
    init_serial(info);
    init_clock(&info->acpi);
    init_keyboard(&info->acpi);
    init_pci(info);
    /* after PCI, which disables framebuffers while it determines the size of BARs */
    init_screen(info);
}
