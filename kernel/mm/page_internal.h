// SPDX-License-Identifier: MIT
//
// Shared by the files of the page allocator: page_early.c allocates frames before it exists,
// page_init.c builds it from the memory map, page_buddy.c runs it, page.c keeps a few runs for each
// CPU, page_look.c reports on it.
//
// Frames are grouped in blocks of 2^PAGE_ORDER_MAX. A block that is free or allocated as a whole
// needs only its record. Only a block that is split into smaller runs has a state for each frame,
// stored in frames of the block itself. So start-up touches blocks, not frames, and unused memory
// costs 8 bytes for each MiB.
#pragma once

#include "hal/bootinfo.h"
#include "kernel/base/assert.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/page.h"

#define BLOCK_PAGES ((uint64_t)1 << PAGE_ORDER_MAX)
#define BLOCK_SHIFT (PAGE_SHIFT + PAGE_ORDER_MAX)

enum block_state {
    BLOCK_NONE,  /* no RAM; or inside a span */
    BLOCK_FIXED, /* never allocated: `owner` has it, or several owners have parts of it */
    BLOCK_FREE,  /* whole, in the free list of the largest order */
    BLOCK_SPAN,  /* whole and free, as are the `span` blocks that start here: page_blocks.c */
    BLOCK_TAKEN, /* allocated as a whole by `owner` */
    BLOCK_CUT,   /* split: `meta` describes its frames */
};

struct page_meta {
    struct list_node link[1 << PAGE_ORDER_MAX];
    uint16_t state[1 << PAGE_ORDER_MAX]; /* frame_state(), while the block is split */
};

#define META_PAGES ((sizeof(struct page_meta) + PAGE_SIZE - 1) >> PAGE_SHIFT)

/* Field protection: the page lock. */
struct page_block {
    /* BLOCK_FREE: in a free list; BLOCK_SPAN: in the zone's spans; BLOCK_TAKEN: the owner's */
    struct list_node link;
    union {
        struct page_meta *meta; /* BLOCK_CUT: in the direct map, inside the block; else NULL */
        uint64_t span;          /* BLOCK_SPAN: number of blocks */
    };
    uint16_t free_pages; /* BLOCK_CUT */
    uint8_t state;       /* enum block_state */
    uint8_t owner;       /* enum page_owner of BLOCK_TAKEN */
};

/** Records of consecutive blocks. Holes of up to AREA_GAP_MAX blocks lie inside. */
struct page_area {
    uint64_t first; /* block number: physical address >> BLOCK_SHIFT */
    uint64_t count;
    struct page_block *blocks;
};

#define AREA_GAP_MAX 256 /* blocks; 8 KiB of records cost less than a longer search */

/** All records. [I] */
struct page_map {
    const struct boot_info *boot; /* for its ranges */
    const struct page_area *areas;
    unsigned area_count;
    bool has_plenty;                           /* enough memory for each CPU to keep some runs */
    uint32_t depot_pages;                      /* most pages that a depot keeps */
    uint64_t fixed_by_owner[PAGE_OWNER_COUNT]; /* pages that are never allocated */
};
extern struct page_map page_map;

/** NULL: the block is in no area. @context{any} */
static ALWAYS_INLINE struct page_block *page_find_block(uint64_t number)
{
    for (unsigned i = 0; i < page_map.area_count; i++) {
        uint64_t index = number - page_map.areas[i].first;
        if (LIKELY(index < page_map.areas[i].count)) {
            return &page_map.areas[i].blocks[index];
        }
    }
    return NULL;
}

static inline uint64_t page_block_number(const struct page_block *block)
{
    for (unsigned i = 0;; i++) {
        ASSERT(i < page_map.area_count);
        const struct page_area *a = &page_map.areas[i];
        if (block >= a->blocks && block < a->blocks + a->count) {
            return a->first + (uint64_t)(block - a->blocks);
        }
    }
}

static inline unsigned page_index(paddr_t frame)
{
    return (unsigned)(frame.raw >> PAGE_SHIFT) & (BLOCK_PAGES - 1);
}

/* --- page_buddy.c --- */

extern struct spinlock page_lock;
/* [page_lock] pages in runs and spans; without kept runs and metadata */
extern uint64_t page_free_count;

/* page_alloc() allocates frames below 4 GiB last: some devices can use no others. It allocates
 * frames beyond the reach of page_states first: no CPU keeps those. */
enum { ZONE_LOW, ZONE_HIGH, ZONE_FAR, PAGE_ZONES };

/* Field protection: the page lock. */
struct page_zone {
    struct list free[PAGE_ORDER_MAX + 1];
    struct list
        /* [page_lock] spans, by the link of their first block; at start-up in ascending order */
        spans;
    uint32_t mask; /* bit i is set iff free[i] is not empty */
};
extern struct page_zone page_zones[PAGE_ZONES];

struct page_zone *page_zone_of(uint64_t block);
/** The next block number above this one at which another zone may begin. */
uint64_t page_zone_end(uint64_t block);
/** Append a BLOCK_FREE to its zone's list, or remove it. */
void page_list_block(struct page_zone *z, struct page_block *block);
void page_unlist_block(struct page_zone *z, struct page_block *block);

/** Allocate a run. @return false: no run that large is free. */
bool page_alloc_locked(unsigned order, enum page_owner owner, paddr_t *out) REQUIRES(page_lock);
/** The same, but only frames that page_states covers. */
bool page_alloc_near_locked(unsigned order, enum page_owner owner, paddr_t *out)
    REQUIRES(page_lock);
/** Free an allocated or kept run; panics if it is neither. */
void page_free_locked(paddr_t base, unsigned order) REQUIRES(page_lock);
/** Make the last split block whole if nothing of it is allocated. */
void page_join_spare_locked(void) REQUIRES(page_lock);
/** The order of the largest free run. */
unsigned page_largest_locked(void) REQUIRES(page_lock);
/** Panic and report why this run cannot be freed. Not declared _Noreturn, so that a caller whose
 * last call it is need not save registers. */
void page_bad_free(paddr_t base, unsigned order);
/** Empty all depots. */
void page_open_depots(void);
/** Number of runs that a CPU's magazine may keep. */
unsigned page_magazine_limit(unsigned order);
/** Allocate a run and refill this CPU's empty magazine.
 * NULL: no run that page_states covers is free. */
void *page_refill(unsigned order);
/** Make room in this CPU's full magazine, which keeps its younger half, and add the run. */
void page_spill(unsigned order, void *run);
/** Free some of the runs that this CPU and the depots keep, so that they may join into larger ones.
 * @return false: they keep none. */
bool page_drain_some_locked(void) REQUIRES(page_lock);
/** Free all of them. */
void page_drain_all(void);

/** The first frame of a free or allocated run of a split block, given by its link. */
paddr_t page_of_node(const struct list_node *n);

/** @brief Install the areas: ascending, kept by reference. @context{early, once} */
void page_set_areas(const struct page_area *areas, unsigned count);

/** @brief Account pages to an owner other than PAGE_FREE. @context{early} */
void page_add_fixed(enum page_owner owner, uint64_t pages);

/* --- page_blocks.c --- */

/** @brief Make whole blocks free; O(1). @context{early} */
void page_add_span(uint64_t first, uint64_t count);
/** Turn the first block of a span into a BLOCK_FREE. @return false: the zone has no span that
 * begins at or below block `highest`. */
bool page_carve_locked(struct page_zone *z, uint64_t highest) REQUIRES(page_lock);

/* --- page_buddy.c, at start-up --- */

/**
 * @brief Start splitting a block whose frames differ: every frame becomes FRAME_FIXED,
 *     nothing is counted.
 * @param meta_index Its frames [meta_index, meta_index + META_PAGES) hold the metadata.
 * @context{early}
 */
void page_cut_block(uint64_t number, unsigned meta_index);

/** @brief Make frames [first, end) of a cut block free. @context{early} */
void page_add_frames(uint64_t number, unsigned first, unsigned end);

/** Frames that the early allocator has allocated: physical
 * [base, end). Reserved ranges may lie inside. */
struct page_early_use {
    uint64_t base, end;
};

/** @brief Allocate a frame before the page allocator exists; contents undefined, in the direct map.
 * @return false: the early window is used up. @context{early} */
bool page_early_frame(paddr_t *out);

/** @brief Close the early allocator and return the range that it allocated.
 * @context{early, once} */
struct page_early_use page_early_finish(void);

/** @brief True from page_early_init() to page_early_finish(). */
bool page_early_is_open(void);
