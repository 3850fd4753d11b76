// SPDX-License-Identifier: MIT
//
// Frames before the page allocator exists: a cursor moves up through the early window and skips
// reserved ranges. Nothing is freed here; page_init.c takes over the frames that were allocated.

#include "kernel/mm/page_internal.h"

#include "kernel/base/assert.h"

/* No locks: only the boot CPU runs. */
static const struct boot_info *boot;
static uint64_t window_base, window_end; /* physical, page aligned */
static uint64_t cursor;
static bool is_open;

void page_early_init(const struct boot_info *info)
{
    boot = info;
    window_base = ALIGN_UP(info->early_base, PAGE_SIZE);
    window_end = ALIGN_DOWN(info->early_base + info->early_len, PAGE_SIZE);
    if (window_base >= window_end) {
        panic("page: no memory that the boot tables map (%llu bytes at 0x%llx)",
              (unsigned long long)info->early_len, (unsigned long long)info->early_base);
    }
    cursor = window_base;
    is_open = true;
}

bool page_early_is_open(void)
{
    return is_open;
}

/** End of a reserved range that touches the frame at `base`, or 0. */
static uint64_t reserved_end(uint64_t base)
{
    for (uint32_t i = 0; i < boot->reserved_count; i++) {
        const struct boot_range *r = &boot->reserved[i];
        if (r->base < base + PAGE_SIZE && r->base + r->len > base) {
            return ALIGN_UP(r->base + r->len, PAGE_SIZE);
        }
    }
    return 0;
}

/** First frame at or above `base` that is RAM, or the window's end. */
static uint64_t ram_from(uint64_t base)
{
    for (uint32_t i = 0; i < boot->range_count; i++) {
        const struct boot_range *r = &boot->ranges[i];
        if (r->kind == BOOT_RAM && r->base + r->len > base) {
            return MAX(r->base, base); /* the ranges are sorted: the first match is the lowest */
        }
    }
    return window_end;
}

bool page_early_frame(paddr_t *out)
{
    ASSERT(is_open);
    for (;;) {
        uint64_t base = ram_from(cursor);
        if (base >= window_end) {
            return false;
        }
        cursor = reserved_end(base);
        if (cursor == 0) {
            cursor = base + PAGE_SIZE;
            *out = paddr(base);
            return true;
        }
    }
}

struct page_early_use page_early_finish(void)
{
    ASSERT(is_open);
    is_open = false;
    return (struct page_early_use){.base = window_base, .end = cursor};
}
