// SPDX-License-Identifier: MIT
//
// The rules that each machine's table of address regions must satisfy.
#include "kernel/mm/layout.h"

#include "kernel/lib/compiler.h"

#define MIN_PROGRAM_BYTES ((uint64_t)1 << 40)

static uint64_t last_of(const struct hal_region_range *r)
{
    return r->base + (r->size - 1);
}

const char *layout_check(const struct hal_layout *layout)
{
    const struct hal_region_range *r = layout->region;
    for (unsigned i = 0; i < HAL_REGION_COUNT; i++) {
        if (r[i].name == NULL || r[i].size == 0 || last_of(&r[i]) < r[i].base) {
            return "a region is empty, unnamed or wraps";
        }
        if (!IS_ALIGNED(r[i].base, PAGE_SIZE) || !IS_ALIGNED(r[i].size, PAGE_SIZE)) {
            return "a region is not made of pages";
        }
        for (unsigned j = 0; j < i; j++) {
            if (r[i].base <= last_of(&r[j]) && r[j].base <= last_of(&r[i])) {
                return "two regions overlap";
            }
        }
        if (i != HAL_REGION_USER && r[i].base <= last_of(&r[HAL_REGION_USER])) {
            return "a kernel region lies in the user half";
        }
    }
    if (r[HAL_REGION_USER].base != 0) {
        return "the user half does not start at 0";
    }
    if (r[HAL_REGION_PROGRAM].size < MIN_PROGRAM_BYTES) {
        return "less than 1 TiB for programs";
    }
    uint64_t lowest = MIN(r[HAL_REGION_IMAGE].base, r[HAL_REGION_CODE].base);
    uint64_t highest = MAX(last_of(&r[HAL_REGION_IMAGE]), last_of(&r[HAL_REGION_CODE]));
    if (highest - lowest >= layout->code_reach) {
        return "loaded code is out of reach of the kernel's text";
    }
    /* One byte of shadow describes eight bytes of the kernel's half. */
    uint64_t first = UINT64_MAX, last = 0;
    for (unsigned i = 0; i < HAL_REGION_COUNT; i++) {
        if (i != HAL_REGION_USER && i != HAL_REGION_SHADOW) {
            first = MIN(first, r[i].base);
            last = MAX(last, last_of(&r[i]));
        }
    }
    if (r[HAL_REGION_SHADOW].size < (last - first) / 8) {
        return "the shadow is too small for the kernel's half";
    }
    return NULL;
}
