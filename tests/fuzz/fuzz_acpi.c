// SPDX-License-Identifier: MIT
//
// Arbitrary bytes as ACPI tables. Checksums would reject nearly every mutation at once, so the
// mapped tables always have correct ones; test_boot_acpi.c tests wrong checksums.
#include "boot/acpi.h"

#include "boot/ranges.h"
#include "fake/boot_check.h"
#include "fake/fake_boot_mem.h"

#include <stdlib.h>
#include <string.h>

#define BASE 0xe0000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_sum(uint8_t *bytes, size_t len, size_t at)
{
    uint8_t sum = 0;
    bytes[at] = 0;
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    bytes[at] = (uint8_t)-sum;
}

/* Wraps the fake's map and fixes the checksums: an RSDP has one for its first 20 bytes and
 * one for all, a table has one. */
static const void *map_summed(void *ctx, uint64_t phys, size_t len)
{
    struct fake_boot_mem *f = ctx;
    const void *mapped = f->mem.map(f->mem.ctx, phys, len);
    uint8_t *bytes = (uint8_t *)mapped; /* the fake's copy, allocated for this call */
    if (mapped == NULL || len < 20) {
        return mapped;
    }
    if (memcmp(bytes, "RSD PTR ", 8) == 0) {
        set_sum(bytes, 20, 8);
        if (len >= 36) {
            set_sum(bytes, len, 32);
        }
    } else if (len > 36) {
        set_sum(bytes, len, 9);
    }
    return mapped;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    memset(&info, 0, sizeof(info));
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, BASE, data, size);
    struct boot_mem mem = {.map = map_summed, .ctx = &f};
    info.acpi.rsdp = BASE + 16;
    /* RAM, in which reported registers may lie */
    boot_range_add(&info, 0x100000, 0x40000000, BOOT_RAM);
    enum status s = acpi_parse(&mem, &info);
    fake_boot_mem_release(&f);
    if ((s != OK && (info.acpi.present || info.note_count == 0)) ||
        boot_check_invariants(&info) != NULL) {
        abort();
    }
    return 0;
}
