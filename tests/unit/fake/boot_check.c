// SPDX-License-Identifier: MIT
//
// See the header.
#include "fake/boot_check.h"

#include "boot/ranges.h"

#include <stdlib.h>
#include <string.h>

static const char *check_list(const struct boot_range *list, uint32_t count)
{
    if (count > BOOT_MAX_RANGES) {
        return "too many ranges";
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct boot_range *r = &list[i];
        if (r->len == 0 || r->base % PAGE_SIZE != 0 || r->len % PAGE_SIZE != 0) {
            return "empty or misaligned range";
        }
        if (r->base + r->len < r->base) {
            return "range wraps";
        }
        if (i > 0 && list[i - 1].base + list[i - 1].len > r->base) {
            return "ranges overlap or are not sorted";
        }
        if (i > 0 && list[i - 1].kind == r->kind && list[i - 1].base + list[i - 1].len == r->base) {
            return "ranges not merged";
        }
    }
    return NULL;
}

static bool is_terminated(const char *s, size_t size)
{
    return memchr(s, 0, size) != NULL;
}

static const char *check_free(const struct boot_info *info)
{
    uint64_t cursor = 0;
    uint64_t total = 0;
    struct boot_range r;
    while (boot_next_free(info, &cursor, &r)) {
        if (r.len == 0 || r.base + r.len != cursor) {
            return "free range is odd";
        }
        for (uint32_t i = 0; i < info->reserved_count; i++) {
            const struct boot_range *t = &info->reserved[i];
            if (r.base < t->base + t->len && t->base < r.base + r.len) {
                return "free range is reserved";
            }
        }
        total += r.len;
    }
    return total <= boot_total_ram(info) ? NULL : "more is free than there is";
}

const char *boot_check_invariants(const struct boot_info *info)
{
    const char *why = check_list(info->ranges, info->range_count);
    if (why == NULL) {
        why = check_list(info->reserved, info->reserved_count);
    }
    if (why != NULL) {
        return why;
    }
    if (!is_terminated(info->cmdline, sizeof(info->cmdline)) ||
        !is_terminated(info->loader, sizeof(info->loader))) {
        return "unterminated string";
    }
    if (info->module_count > BOOT_MAX_MODULES || info->cpu_count > BOOT_MAX_CPUS ||
        info->pci_count > BOOT_MAX_PCI || info->note_count > BOOT_MAX_NOTES ||
        info->acpi.ioapic_count > BOOT_MAX_IOAPIC || info->seed.len > BOOT_SEED_MAX ||
        info->acpi.override_count > BOOT_MAX_OVERRIDE || info->gic.redist_count > BOOT_MAX_GIC) {
        return "count past the array";
    }
    for (uint32_t i = 0; i < info->module_count; i++) {
        if (!is_terminated(info->modules[i].name, sizeof(info->modules[i].name))) {
            return "unterminated module name";
        }
    }
    for (uint32_t i = 0; i < info->note_count; i++) {
        if (!is_terminated(info->notes[i], BOOT_NOTE_MAX)) {
            return "unterminated note";
        }
    }
    for (uint32_t i = 0; i < info->pci_count; i++) {
        const struct boot_pci_host *h = &info->pci[i];
        if (h->intx_count > BOOT_MAX_INTX || h->bus_first > h->bus_last ||
            (uint64_t)(h->bus_last - h->bus_first + 1) << 20 > h->ecam_len) {
            return "PCI host without room for its buses";
        }
        if (h->msi_count > BOOT_MAX_MSI_MAP) {
            return "PCI host with too many message ids in its map";
        }
    }
    return check_free(info);
}

bool boot_check_only_notes(const struct boot_info *info)
{
    struct boot_info *copy = malloc(sizeof(*copy));
    struct boot_info *zero = calloc(1, sizeof(*zero));
    if (copy == NULL || zero == NULL) {
        abort();
    }
    *copy = *info;
    copy->note_count = 0;
    memset(copy->notes, 0, sizeof(copy->notes));
    bool is_same = memcmp(copy, zero, sizeof(*zero)) == 0;
    free(copy);
    free(zero);
    return is_same && info->note_count > 0;
}

bool boot_check_has_note(const struct boot_info *info, const char *text)
{
    for (uint32_t i = 0; i < info->note_count; i++) {
        if (strncmp(info->notes[i], text, strlen(text)) == 0) {
            return true;
        }
    }
    return false;
}
