// SPDX-License-Identifier: MIT
//
// One offset for each region is chosen at boot, not one for each range: ranges of a region stay
// close together and share page tables, and an offset that leaks reveals its own region only.
#include "kernel/mm/aslr.h"

#include "hal/bootinfo.h"
#include "kernel/lib/compiler.h"

/* The offset is a multiple of 1 GiB, so that the direct map still uses the largest leaves. */
#define DIRECT_STEP ((uint64_t)1 << 30)

/* A region smaller than this runs out of addresses more easily: its offset uses up at most a
 * quarter of it, not half. */
#define ROOMY ((uint64_t)1 << 40)

/* [I] */
static uint64_t direct_base;
static uint64_t offsets[HAL_REGION_COUNT];

/** One of the numbers below `count`, evenly, except for the remainder of dividing 2^64 by it. */
static uint64_t one_of(uint64_t count, uint64_t bits)
{
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

void aslr_init(const struct boot_info *info, const uint64_t *random)
{
    static const enum hal_region moved[] = {HAL_REGION_VM, HAL_REGION_PROGRAM, HAL_REGION_CODE};
    STATIC_ASSERT(ARRAY_COUNT(moved) + 1 == ASLR_WORDS, "a random number for each");
    direct_base = HAL_DIRECT_BASE;
    for (unsigned i = 0; i < ARRAY_COUNT(moved); i++) {
        uint64_t size = hal_layout.region[moved[i]].size;
        uint64_t most = size >= ROOMY ? size / 2 : size / 4;
        offsets[moved[i]] = random == NULL ? 0 : one_of(most / PAGE_SIZE, random[i]) * PAGE_SIZE;
    }
    /* The direct map must still cover all RAM after the shift. */
    uint64_t used = MIN(ram_end(info), HAL_DIRECT_SIZE);
    if (random != NULL) {
        uint64_t steps = (HAL_DIRECT_SIZE - used) / DIRECT_STEP;
        direct_base += one_of(steps, random[ARRAY_COUNT(moved)]) * DIRECT_STEP;
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
