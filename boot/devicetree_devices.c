// SPDX-License-Identifier: MIT
//
// Small nodes of the device tree: processors, UARTs, the PL031 clock, QEMU's configuration.
#include "boot/devicetree_internal.h"

#include "boot/note.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

bool dt_registers(const struct dt *dt, const struct fdt_node *node, uint32_t index, uint64_t *base,
                  uint64_t *len)
{
    uint64_t b, n;
    if (!fdt_reg(&dt->fdt, node, index, &b, &n) || b % 8 != 0) {
        return false;
    }
    *base = b;
    *len = n;
    return true;
}

static bool has_cpu(const struct boot_info *info, uint64_t hw_id)
{
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        if (info->cpus[i].hw_id == hw_id) {
            return true;
        }
    }
    return false;
}

void dt_read_cpu(struct dt *dt, const struct fdt_node *node)
{
    const struct fdt *f = &dt->fdt;
    struct boot_info *info = dt->info;
    if (!fdt_list_has(fdt_prop(f, node, "device_type"), "cpu")) {
        return;
    }
    struct fdt_value reg = fdt_prop(f, node, "reg");
    uint32_t cells, unused;
    if (!fdt_cells(f, node, 1, &cells, &unused) || cells < 1 || cells > 2 || reg.len != 4 * cells) {
        boot_note(info, "device tree: a CPU without a usable reg");
        return;
    }
    uint64_t hw_id = fdt_number(reg.bytes, cells);
    if (has_cpu(info, hw_id)) {
        boot_note_value(info, "device tree: the same CPU again, reg", hw_id);
        return;
    }
    if (info->cpu_count == BOOT_MAX_CPUS) {
        boot_note(info, "device tree: too many CPUs, some are left out");
        return;
    }
    struct fdt_value method = fdt_prop(f, node, "enable-method");
    bool is_psci = fdt_list_has(method, "psci");
    if (method.bytes != NULL && !is_psci) {
        /* With a spin table, or a method of the board. The boot CPU may be one of these. */
        boot_note_once(info, "device tree: a CPU that is not started through PSCI stays off, reg",
                       hw_id);
    }
    info->cpus[info->cpu_count] = (struct boot_cpu){
        .hw_id = hw_id,
        .acpi_uid = info->cpu_count,
        .enabled = fdt_is_available(f, node) && is_psci,
    };
    info->cpu_count++;
}

/* The rate of the node's first clock, if that is a fixed clock. */
static uint32_t clock_rate(const struct dt *dt, const struct fdt_node *node)
{
    uint32_t hz = 0;
    struct fdt_node clock;
    struct fdt_value v = fdt_prop(&dt->fdt, node, "clocks");
    if (fdt_prop_u32(&dt->fdt, node, "clock-frequency", &hz)) {
        return hz;
    }
    if (v.len >= 4 && fdt_find_phandle(&dt->fdt, load_be32(v.bytes), &clock) &&
        fdt_is_compatible(&dt->fdt, &clock, "fixed-clock")) {
        (void)fdt_prop_u32(&dt->fdt, &clock, "clock-frequency", &hz);
    }
    return hz;
}

void dt_read_serial(struct dt *dt, const struct fdt_node *node)
{
    const struct fdt *f = &dt->fdt;
    struct fdt_value list = fdt_prop(f, node, "compatible");
    bool is_chosen = fdt_id(node) == dt->stdout_id;
    struct boot_uart uart = {.kind = fdt_list_has(list, "arm,pl011")  ? BOOT_UART_PL011
                                     : fdt_list_has(list, "ns16550a") ? BOOT_UART_16550
                                                                      : BOOT_UART_NONE};
    if (uart.kind == BOOT_UART_NONE || (dt->info->uart.kind != BOOT_UART_NONE && !is_chosen)) {
        return;
    }
    uint32_t shift = 0;
    (void)fdt_prop_u32(f, node, "reg-shift", &shift);
    if (!dt_registers(dt, node, 0, &uart.base, &uart.len) || shift > 3) {
        boot_note(dt->info, "device tree: a UART without a usable reg");
        return;
    }
    if (!dt_interrupt(dt, node, 0, &uart.line)) {
        boot_note(dt->info, "device tree: a UART without a usable interrupt");
        uart.line = UINT32_MAX;
    }
    uart.reg_shift = (uint8_t)shift;
    uart.clock_hz = clock_rate(dt, node);
    dt->info->uart = uart;
}

void dt_read_rtc(struct dt *dt, const struct fdt_node *node)
{
    struct boot_info *info = dt->info;
    if (info->rtc_len != 0 || !fdt_is_compatible(&dt->fdt, node, "arm,pl031")) {
        return;
    }
    uint64_t base, len;
    uint32_t line;
    if (!dt_registers(dt, node, 0, &base, &len) || !dt_interrupt(dt, node, 0, &line)) {
        boot_note(info, "device tree: a PL031 without a usable reg or interrupt");
        return;
    }
    info->rtc_base = base;
    info->rtc_len = len;
    info->rtc_line = line;
}

void dt_read_fw_cfg(struct dt *dt, const struct fdt_node *node)
{
    struct boot_info *info = dt->info;
    if (info->fw_cfg_len != 0 || !fdt_is_compatible(&dt->fdt, node, "qemu,fw-cfg-mmio")) {
        return;
    }
    uint64_t base, len;
    if (!dt_registers(dt, node, 0, &base, &len)) {
        boot_note(info, "device tree: a fw-cfg without a usable reg");
        return;
    }
    info->fw_cfg_base = base;
    info->fw_cfg_len = len;
}
