// SPDX-License-Identifier: MIT
//
// See the header. One function for each kind of device. If it finds none, it notes which function
// of the kernel is then missing.
#include "boot/devices.h"

#include "boot/note.h"
#include "boot/ranges.h"

enum {
    IOAPIC_LEN = 0x20, /* its select and window registers */
    HPET_LEN = 0x400,
};

/* Absent registers have length 0 and are not in RAM. */
static bool is_in_ram(struct boot_info *info, uint64_t base, uint64_t len, const char *note)
{
    if (!boot_is_any_ram(info, base, len)) {
        return false;
    }
    boot_note_value(info, note, base);
    return true;
}

static bool is_host_in_ram(struct boot_info *info, const struct boot_pci_host *h)
{
    static const char window[] = "devices: a PCI host whose window overlaps RAM is left out, at";
    return is_in_ram(
               info, h->ecam_base, h->ecam_len,
               "devices: a PCI host whose configuration space overlaps RAM is left out, at") ||
           is_in_ram(info, h->io.cpu, h->io.len, window) ||
           is_in_ram(info, h->mem32.cpu, h->mem32.len, window) ||
           is_in_ram(info, h->mem64.cpu, h->mem64.len, window);
}

static void check_pci(struct boot_info *info)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < info->pci_count; i++) {
        if (is_host_in_ram(info, &info->pci[i])) {
            continue;
        }
        if (kept != i) {
            info->pci[kept] = info->pci[i];
        }
        kept++;
    }
    info->pci_count = kept;
}

static void check_ioapics(struct boot_info *info)
{
    struct boot_acpi *acpi = &info->acpi;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < acpi->ioapic_count; i++) {
        if (!is_in_ram(info, acpi->ioapic[i].base, IOAPIC_LEN,
                       "devices: an IOAPIC that overlaps RAM is left out, at")) {
            acpi->ioapic[kept++] = acpi->ioapic[i];
        }
    }
    acpi->ioapic_count = kept;
}

static bool is_gic_in_ram(struct boot_info *info)
{
    static const char note[] = "devices: a GIC that overlaps RAM is left out, at";
    const struct boot_gic *gic = &info->gic;
    bool is_bad = is_in_ram(info, gic->dist_base, gic->dist_len, note) ||
                  is_in_ram(info, gic->cpu_base, gic->cpu_len, note);
    for (uint32_t i = 0; i < gic->redist_count && !is_bad; i++) {
        is_bad = is_in_ram(info, gic->redist[i].base, gic->redist[i].len, note);
    }
    return is_bad;
}

static void check_gic(struct boot_info *info)
{
    static const char note[] = "devices: message interrupts that overlap RAM are left out, at";
    struct boot_gic *gic = &info->gic;
    if (is_gic_in_ram(info)) {
        *gic = (struct boot_gic){.version = 0};
    }
    if (is_in_ram(info, gic->its_base, gic->its_len, note)) {
        gic->its_len = 0;
    }
    if (is_in_ram(info, gic->v2m_base, gic->v2m_len, note)) {
        gic->v2m_len = 0;
    }
}

static void check_clocks(struct boot_info *info)
{
    if (info->acpi.hpet_base != 0 &&
        is_in_ram(info, info->acpi.hpet_base, HPET_LEN,
                  "devices: an HPET that overlaps RAM is left out, at")) {
        info->acpi.hpet_base = 0;
    }
    if (is_in_ram(info, info->rtc_base, info->rtc_len,
                  "devices: a clock that overlaps RAM is left out, at")) {
        info->rtc_len = 0;
    }
}

static void check_consoles(struct boot_info *info)
{
    struct boot_framebuffer *fb = &info->framebuffer;
    if (!info->uart.is_port && info->uart.kind != BOOT_UART_NONE &&
        is_in_ram(info, info->uart.base, info->uart.len,
                  "devices: a UART that overlaps RAM is left out, at")) {
        info->uart = (struct boot_uart){.kind = BOOT_UART_NONE};
    }
    if (fb->present && is_in_ram(info, fb->base, (uint64_t)fb->pitch_bytes * fb->height,
                                 "devices: a framebuffer that overlaps RAM is left out, at")) {
        fb->present = false;
    }
}

void boot_check_devices(struct boot_info *info)
{
    check_pci(info);
    check_ioapics(info);
    check_gic(info);
    check_clocks(info);
    check_consoles(info);
}
