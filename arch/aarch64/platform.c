// SPDX-License-Identifier: MIT
//
// The composition root: chooses this machine's
// controllers and drivers, based on the firmware's data.
#include "hal/platform.h"

#include "arch/aarch64/cpu.h"
#include "arch/aarch64/gic.h"
#include "arch/aarch64/power.h"
#include "arch/aarch64/timer.h"
#include "drivers/fw_cfg/fw_cfg_files.h"
#include "drivers/pci/pci.h"
#include "drivers/registry.h"
#include "drivers/rtc/pl031.h"
#include "drivers/serial/ns16550.h"
#include "drivers/serial/pl011.h"
#include "drivers/video/boot_screen.h"
#include "drivers/video/ramfb.h"
#include "hal/bootinfo.h"
#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/irq.h"
#include "hal/power.h"
#include "hal/timer.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/io/irq.h"
#include "kernel/load/native/export.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"

/* Every controller that the image supports. */
static const struct {
    uint8_t version;
    enum status (*init)(const struct boot_gic *gic, const struct gic_mapper *mapper);
    const struct irq_controller *controller;
} gics[] = {
    {2, gicv2_init, &gicv2_controller},
    {3, gicv3_init, &gicv3_controller},
};

static unsigned order_of(uint64_t len)
{
    unsigned order = 0;
    while (PAGE_SIZE << order < len) {
        order++;
    }
    return order;
}

static enum status take_memory(uint64_t len, paddr_t *out)
{
    return page_alloc(order_of(len), PAGE_DMA, out);
}

static void add_memory(paddr_t base, uint64_t len)
{
    page_free(base, order_of(len));
}

static const struct gic_mapper mapper = {
    .map = vm_map_device, .unmap = vm_unmap_device, .alloc = take_memory, .free = add_memory};

static const struct power_ops psci = {
    .name = "psci", .off = power_psci_off, .reset = power_psci_reset};

static enum irq_result on_timer(void *ctx)
{
    (void)ctx;
    timer_interrupt();
    return IRQ_HANDLED;
}

static struct irq_action timer_action = {.handle = on_timer, .name = "timer"};

static void init_interrupts(const struct boot_info *info)
{
    const struct boot_gic *gic = &info->gic;
    for (size_t i = 0; i < ARRAY_COUNT(gics); i++) {
        if (gics[i].version == gic->version) {
            enum status s = gics[i].init(gic, &mapper);
            if (s != OK) {
                panic("platform: %s: %s", gics[i].controller->name, status_text(s));
            }
            machine_irq_install(gics[i].controller);
            log_info("irq", "%s, distributor at 0x%llx", gics[i].controller->name,
                     (unsigned long long)gic->dist_base);
            return;
        }
    }
    panic("platform: firmware describes no supported interrupt controller");
}

static enum status init_its(const struct boot_gic *gic)
{
    struct gicv3_cpu cpu;
    gicv3_get_cpu(hal_this_cpu()->id, &cpu);
    return gicv3_its_init(gic, &cpu, &mapper);
}

/* Without message interrupts, devices use their lines. */
static void init_msi(const struct boot_gic *gic)
{
    bool has_its = gic->version == 3 && gic->its_len != 0;
    if (!has_its && gic->v2m_len == 0) {
        return;
    }
    const struct msi_controller *ctl = has_its ? &gicv3_msi_controller : &gicv2m_controller;
    uint64_t base = has_its ? gic->its_base : gic->v2m_base;
    enum status s = has_its ? init_its(gic) : gicv2m_init(base, gic->v2m_len, &mapper);
    if (s != OK) {
        log_warn("irq", "%s at 0x%llx: %s; devices use their lines", ctl->name,
                 (unsigned long long)base, status_text(s));
        return;
    }
    machine_msi_install(ctl);
    log_debug("irq", "messages through %s at 0x%llx", ctl->name, (unsigned long long)base);
}

static void init_timer(const struct boot_gic *gic)
{
    machine_timer_install(&timer_virtual);
    enum status s = irq_request_private(&timer_action, gic->timer_intid, IRQ_LEVEL_HIGH);
    if (s != OK) {
        panic("platform: timer, line %u: %s", gic->timer_intid, status_text(s));
    }
}

void hal_platform_init_core(const struct boot_info *info)
{
    machine_power_install(&psci);
    init_interrupts(info);
    init_msi(&info->gic);
    init_timer(&info->gic);
}

void hal_platform_remove_cpu(struct hal_cpu *cpu)
{
    struct vm_range *range = cpu->arch.stacks;
    vm_unmap(range, 0, range->pages, true);
    vm_release(range);
    heap_free(range);
}

/* The stacks for FIQs and stack overflows have the same
 * form as all stacks: the upper half of a block. */
static enum status add_exception_stacks(struct hal_cpu *cpu)
{
    const size_t pages = HAL_STACK_SIZE / PAGE_SIZE;
    const struct vm_request request = {.pages = HAL_STACK_ALIGN / PAGE_SIZE,
                                       .align = HAL_STACK_ALIGN,
                                       .region = HAL_REGION_VM,
                                       .name = "exception stacks"};
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
    s = vm_populate(range, range->pages - pages, pages, PROT_R | PROT_W, PAGE_STACK);
    if (s != OK) {
        hal_platform_remove_cpu(cpu);
        return s;
    }
    cpu_set_exception_stacks(cpu, range->base + HAL_STACK_ALIGN);
    return OK;
}

enum status hal_platform_add_cpu(struct hal_cpu *cpu)
{
    enum status s = machine_irq_controller()->add_cpu(cpu);
    return s == OK ? add_exception_stacks(cpu) : s;
}

/* The timer's interrupt is private to each CPU. */
enum status hal_platform_init_cpu(void)
{
    return machine_irq_controller()->init_cpu();
}

/* Report a device that does not work. The kernel runs without it. */
static void report(const char *what, enum status s)
{
    if (s != OK) {
        log_warn("platform", "%s: %s", what, status_text(s));
    }
}

static void init_console(const struct boot_info *info)
{
    struct boot_uart uart = info->uart;
    uart.has_early = uart.kind == BOOT_UART_PL011;
    switch (uart.kind) {
    case BOOT_UART_PL011:
        report("pl011", pl011_init(&uart));
        break;
    case BOOT_UART_16550:
        report("16550", ns16550_init(&uart));
        break;
    case BOOT_UART_NONE:
        log_warn("platform", "no supported console");
        break;
    }
}

/* @return E_NODEV: it does not exist. */
static enum status init_fw_cfg(const struct boot_info *info, struct io_region *out)
{
    enum status s =
        info->fw_cfg_len != 0 ? vm_map_device(info->fw_cfg_base, info->fw_cfg_len, out) : E_NODEV;
    if (s == OK) {
        fw_cfg_offer_files(out);
    }
    return s;
}

/* The screen that firmware set up, or else QEMU's. */
static void init_screen(const struct boot_info *info)
{
    struct io_region fw_cfg;
    enum status has_fw_cfg = init_fw_cfg(info, &fw_cfg);
    enum status s = boot_screen_init(info);
    if (s == E_NODEV || s == E_INVAL) {
        s = has_fw_cfg == OK ? ramfb_init(&fw_cfg) : has_fw_cfg;
    }
    if (s != E_NODEV) {
        report("screen", s);
    }
}

/* Firmware that keeps the clock for itself has passed the time at which the kernel was entered. */
static void init_clock(const struct boot_info *info)
{
    const struct boot_time *t = &info->time;
    if (info->rtc_len != 0) {
        report("pl031", pl031_init(info->rtc_base, info->rtc_len));
    } else if (t->present) {
        uint64_t local = clock_from_civil(t->year, t->month, t->day, t->hour, t->minute, t->second);
        clock_set_wall(local + (uint64_t)(t->zone_minutes * 60) + clock_now_ns() / NS_PER_S);
    }
}

void hal_platform_init_devices(const struct boot_info *info)
{
    driver_link(driver_registry);
    export_offer_to_drivers(driver_exports, driver_export_count);
    init_console(info);
    init_clock(info);
    for (uint32_t i = 0; i < info->pci_count; i++) {
        report("pci", pci_add_host(&info->pci[i]));
    }
    /* after PCI, which disables framebuffers while it determines the size of BARs */
    init_screen(info);
}
