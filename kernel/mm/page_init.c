// SPDX-License-Identifier: MIT
//
// Starts the page allocator: turns the memory map into areas of blocks. The work is proportional to
// the number of ranges, except for clearing the records: 40 bytes for each 4 MiB.

#include "kernel/mm/page_internal.h"

#include "kernel/lib/string.h"
#include "kernel/mm/magazine.h"

/* from here on the runs that a CPU keeps are less than a hundredth of memory */
#define PLENTY_BYTES    ((uint64_t)60 << 20)
#define DEPOT_PAGES_MAX 4096u /* 16 MiB in runs of one order, if memory is large enough */
#define STATES_PART     4096u /* share of memory that page_states may use: one part in this many */
#define BUSY_MAX        (BOOT_MAX_RANGES + BOOT_MAX_MODULES + 4)

/** Frames [first, end) of one kind and one owner. */
struct run {
    uint64_t first, end;
    enum { RUN_HOLE, RUN_BUSY, RUN_FREE } kind;
    enum page_owner owner; /* RUN_BUSY */
};

/* Static because they are too large for the stack. Used by page_init() only. */
static const struct boot_info *boot;
static struct run busy[BUSY_MAX]; /* may overlap: the first match counts */
static unsigned busy_count;

static struct page_area areas[BOOT_MAX_RANGES];
static unsigned area_count;

static void add_busy(uint64_t base, uint64_t end, enum page_owner owner)
{
    if (base < end) {
        ASSERT(busy_count < BUSY_MAX);
        busy[busy_count++] = (struct run){
            .first = base >> PAGE_SHIFT,
            .end = (end + PAGE_SIZE - 1) >> PAGE_SHIFT,
            .kind = RUN_BUSY,
            .owner = owner,
        };
    }
}

static void collect_busy(struct page_early_use early)
{
    add_busy(boot->image_base, boot->image_base + boot->image_len, PAGE_KERNEL);
    for (uint32_t i = 0; i < boot->module_count; i++) {
        add_busy(boot->modules[i].base, boot->modules[i].base + boot->modules[i].len, PAGE_MODULE);
    }
    /* Before the early tables: the early allocator skipped the ranges reserved in its window. */
    for (uint32_t i = 0; i < boot->reserved_count; i++) {
        add_busy(boot->reserved[i].base, boot->reserved[i].base + boot->reserved[i].len,
                 PAGE_OTHER);
    }
    add_busy(early.base, early.end, PAGE_TABLE);
}

/** The whole frames of a range, if it is RAM. false: none. */
static bool ram_frames(const struct boot_range *r, uint64_t *first, uint64_t *end)
{
    if (r->kind != BOOT_RAM) {
        return false;
    }
    *first = r->base >> PAGE_SHIFT;
    *end = (r->base + r->len) >> PAGE_SHIFT;
    return *first < *end;
}

/** The run of frames of one kind that begins at `frame`, up to `limit`. @pre frame < limit */
static struct run run_at(uint64_t frame, uint64_t limit)
{
    struct run run = {.first = frame, .end = limit, .kind = RUN_HOLE};
    for (uint32_t i = 0; i < boot->range_count; i++) {
        uint64_t first, end;
        if (ram_frames(&boot->ranges[i], &first, &end) && end > frame) {
            run.kind = first <= frame ? RUN_FREE : RUN_HOLE;
            run.end = MIN(limit, first <= frame ? end : first);
            break;
        }
    }
    if (run.kind == RUN_HOLE) {
        return run;
    }
    for (unsigned i = 0; i < busy_count; i++) {
        const struct run *b = &busy[i];
        if (b->first > frame) {
            run.end = MIN(run.end, b->first);
        } else if (b->end > frame) {
            run.end = MIN(run.end, b->end);
            if (run.kind == RUN_FREE) {
                run.kind = RUN_BUSY;
                run.owner = b->owner;
            }
        }
    }
    return run;
}

/* An area is one array of records. Holes of up to AREA_GAP_MAX blocks stay inside an area, because
 * a few unused records cost less than a longer search in page_find_block(). */
static void find_areas(void)
{
    for (uint32_t i = 0; i < boot->range_count; i++) {
        uint64_t first, end;
        if (!ram_frames(&boot->ranges[i], &first, &end)) {
            continue;
        }
        first >>= PAGE_ORDER_MAX;
        end = (end + BLOCK_PAGES - 1) >> PAGE_ORDER_MAX;
        struct page_area *last = area_count > 0 ? &areas[area_count - 1] : NULL;
        if (last != NULL && first <= last->first + last->count + AREA_GAP_MAX) {
            last->count = MAX(end, last->first + last->count) - last->first;
        } else {
            areas[area_count++] = (struct page_area){.first = first, .count = end - first};
        }
    }
    if (area_count == 0) {
        panic("page: the memory map has no RAM");
    }
}

/** The lowest free run of `pages` frames. */
static uint64_t find_gap(uint64_t pages)
{
    for (unsigned i = 0; i < area_count; i++) {
        uint64_t limit = (areas[i].first + areas[i].count) << PAGE_ORDER_MAX;
        struct run run;
        for (uint64_t at = areas[i].first << PAGE_ORDER_MAX; at < limit; at = run.end) {
            run = run_at(at, limit);
            if (run.kind == RUN_FREE && run.end - run.first >= pages) {
                return run.first;
            }
        }
    }
    panic("page: no room for %llu pages of block records", (unsigned long long)pages);
}

/** Number of blocks, from the first one, that page_states covers: whole areas, as many as fit
 * without wasting memory on the holes between them. */
static uint64_t states_count(uint64_t total)
{
    uint64_t most = MAX((total << BLOCK_SHIFT) / STATES_PART, PAGE_SIZE) / sizeof(uintptr_t);
    uint64_t count = areas[0].count;
    for (unsigned i = 1; i < area_count; i++) {
        uint64_t reach = areas[i].first + areas[i].count - areas[0].first;
        count = reach <= most ? reach : count;
    }
    return count;
}

static void place_records(void)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < area_count; i++) {
        total += areas[i].count;
    }
    uint64_t count = states_count(total);
    uint64_t bytes = total * sizeof(struct page_block) + count * sizeof(uintptr_t);
    uint64_t base = find_gap((bytes + PAGE_SIZE - 1) >> PAGE_SHIFT) << PAGE_SHIFT;
    add_busy(base, base + bytes, PAGE_META);

    struct page_block *records = hal_direct(paddr(base));
    memset(records, 0, bytes);
    for (unsigned i = 0; i < area_count; i++) {
        areas[i].blocks = records;
        records += areas[i].count;
    }
    page_states = (struct page_states){
        .blocks = (uintptr_t)records - areas[0].first * sizeof(uintptr_t),
        .first = areas[0].first << PAGE_ORDER_MAX,
        .count = count << PAGE_ORDER_MAX,
    };
}

/** A block whose frames differ. Its metadata goes into its first free run that is long enough. */
static void init_mixed_block(uint64_t number)
{
    uint64_t first = number << PAGE_ORDER_MAX, limit = first + BLOCK_PAGES;
    struct run run;
    uint64_t meta = limit;
    for (uint64_t at = first; at < limit && meta == limit; at = run.end) {
        run = run_at(at, limit);
        if (run.kind == RUN_FREE && run.end - run.first >= META_PAGES) {
            meta = run.first;
        }
    }
    if (meta < limit) {
        page_cut_block(number, (unsigned)(meta - first));
    }

    for (uint64_t at = first; at < limit; at = run.end) {
        run = run_at(at, limit);
        if (run.kind == RUN_BUSY) {
            page_add_fixed(run.owner, run.end - run.first);
        } else if (run.kind == RUN_FREE && meta == limit) {
            page_add_fixed(PAGE_META, run.end - run.first); /* too few to be worth describing */
        } else if (run.kind == RUN_FREE) {
            unsigned skip = run.first == meta ? META_PAGES : 0;
            page_add_fixed(PAGE_META, skip);
            page_add_frames(number, (unsigned)(run.first + skip - first),
                            (unsigned)(run.end - first));
        }
    }
}

/** Whole blocks of one kind from `first` on. @return their number, at least 1. */
static uint64_t init_whole_blocks(const struct page_area *area, uint64_t first,
                                  const struct run *run)
{
    uint64_t count = (run->end >> PAGE_ORDER_MAX) - first;
    if (run->kind == RUN_FREE) {
        page_add_span(first, count);
    } else if (run->kind == RUN_BUSY) {
        page_add_fixed(run->owner, count << PAGE_ORDER_MAX);
        for (uint64_t i = 0; i < count; i++) {
            area->blocks[first - area->first + i].state = BLOCK_FIXED;
        }
    }
    return count;
}

static void init_area(const struct page_area *area)
{
    uint64_t limit = (area->first + area->count) << PAGE_ORDER_MAX;
    for (uint64_t number = area->first; number < area->first + area->count;) {
        uint64_t first = number << PAGE_ORDER_MAX;
        struct run run = run_at(first, limit);
        if (run.end - first < BLOCK_PAGES) {
            init_mixed_block(number++);
        } else {
            number += init_whole_blocks(area, number, &run);
        }
    }
}

static uint64_t ram_bytes(const struct boot_info *info)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < info->range_count; i++) {
        sum += info->ranges[i].kind == BOOT_RAM ? info->ranges[i].len : 0;
    }
    return sum;
}

/* The order matters: the busy ranges must be known before records can be placed, and the records
 * are a busy range themselves before init_area() frees what is left. Where busy ranges overlap, the
 * one added first gives the owner. */
void page_init(const struct boot_info *info)
{
    boot = info;
    busy_count = area_count = 0;
    add_busy(0, 1, PAGE_OTHER); /* a magazine uses 0 for "no run", so frame 0 is never allocated */
    collect_busy(page_early_finish());
    find_areas();
    place_records();
    page_set_areas(areas, area_count);
    page_map.boot = info;
    for (unsigned i = 0; i < area_count; i++) {
        init_area(&areas[i]);
    }
    page_map.has_plenty = ram_bytes(info) >= PLENTY_BYTES;
    page_map.depot_pages = (uint32_t)MIN(ram_bytes(info) / PAGE_SIZE / 64, DEPOT_PAGES_MAX);
    magazine_open(hal_this_cpu());
    page_poison_init();
}
