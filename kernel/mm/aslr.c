// SPDX-License-Identifier: MIT
//
// Offsets are chosen once a boot, not for each range: ranges that lie together share page tables,
// and one offset that leaks tells of its own region only.
#include "kernel/mm/aslr.h"

#include "hal/bootinfo.h"
#include "kernel/lib/compiler.h"
#include "kernel/random.h"

/* The direct map's leaves stay as large as RAM allows. */
#define DIRECT_STEP ((uint64_t)1 << 30)

/* Regions smaller than that are used up more easily: a quarter of them is given away, not half. */
#define ROOMY ((uint64_t)1 << 40)

/* [I] */
static uint64_t direct_base;
static uint64_t offsets[HAL_REGION_COUNT];

/** Evenly one of `count` numbers from 0 on, but for what 64 bits do not divide evenly. */
static uint64_t one_of(uint64_t count)
{
    uint64_t bits;
    random_bytes(&bits, sizeof(bits));
    return count == 0 ? 0 : bits % count;
}

static uint64_t ram_end(const struct boot_info *info)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *r = &info->ranges[i];
        if (r->kind == BOOT_RAM || r->kind == BOOT_ACPI_RECLAIM) {
            end = MAX(end, r->base + r->len);
        }
    }
    return end;
}

void aslr_init(const struct boot_info *info, bool is_on)
{
    static const enum hal_region moved[] = {HAL_REGION_VM, HAL_REGION_PROGRAM, HAL_REGION_CODE};
    direct_base = HAL_DIRECT_BASE;
    for (unsigned i = 0; i < ARRAY_COUNT(moved); i++) {
        uint64_t size = hal_layout.region[moved[i]].size;
        uint64_t most = size >= ROOMY ? size / 2 : size / 4;
        offsets[moved[i]] = is_on ? one_of(most / PAGE_SIZE) * PAGE_SIZE : 0;
    }
    uint64_t used = MIN(ram_end(info), HAL_DIRECT_SIZE);
    if (is_on) {
        direct_base += one_of((HAL_DIRECT_SIZE - used) / DIRECT_STEP) * DIRECT_STEP;
    }
}

uint64_t aslr_direct_base(void)
{
    return direct_base;
}

uint64_t aslr_offset(enum hal_region region)
{
    return offsets[region];
}
