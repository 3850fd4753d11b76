// SPDX-License-Identifier: MIT
//
// Between the files of the page allocator: page_early.c hands out frames before there is one,
// page_init.c builds it from the memory map, page_buddy.c runs it, page.c keeps a few runs for each
// CPU, page_look.c says what is what.
//
// Frames come in blocks of 2^PAGE_ORDER_MAX. A block that is free or taken as a whole needs no more
// than its record; only a block that is cut into smaller runs has a state for each frame, which
// lies in frames of the block itself. So start-up touches blocks, not frames, and memory that
// nobody uses costs 8 bytes a MiB.
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
    BLOCK_FIXED, /* never handed out: `owner` has it, or several have parts of it */
    BLOCK_FREE,  /* whole, in the free list of the largest order */
    BLOCK_SPAN,  /* whole and free, and so are the blocks behind it, `span` in all: page_blocks.c */
    BLOCK_TAKEN, /* whole, by `owner` */
    BLOCK_CUT,   /* `meta` describes its frames */
};

struct page_meta {
    struct list_node link[1 << PAGE_ORDER_MAX];
    uint16_t state[1 << PAGE_ORDER_MAX]; /* frame_state(), while the block is cut */
};

#define META_PAGES ((sizeof(struct page_meta) + PAGE_SIZE - 1) >> PAGE_SHIFT)

/* Field protection: the page lock. */
struct page_block {
    /* BLOCK_FREE: in a free list; BLOCK_SPAN: of the zone's spans; BLOCK_TAKEN: the owner's */
    struct list_node link;
    union {
        struct page_meta *meta; /* BLOCK_CUT: in the direct map, inside the block; else NULL */
        uint64_t span;          /* BLOCK_SPAN: blocks */
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

#define AREA_GAP_MAX 256 /* blocks: 8 KiB of records are cheaper than a longer search */

/** All records. [I] */
struct page_map {
    const struct boot_info *boot; /* its ranges */
    const struct page_area *areas;
    unsigned area_count;
    bool has_plenty;                           /* so that each CPU may keep some */
    uint32_t depot_pages;                      /* a depot keeps so many at most */
    uint64_t fixed_by_owner[PAGE_OWNER_COUNT]; /* pages that are never handed out */
};
extern struct page_map page_map;

/** NULL: it is in no area. @context{any} */
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
extern uint64_t page_free_count; /* [page_lock] in runs and spans; what is kept, and records: not */

/* Frames below 4 GiB are kept for who can use no others: page_alloc() takes them last. Those that
 * are so far that page_states does not reach them it takes first: no CPU keeps them. */
enum { ZONE_LOW, ZONE_HIGH, ZONE_FAR, PAGE_ZONES };

/* Field protection: the page lock. */
struct page_zone {
    struct list free[PAGE_ORDER_MAX + 1];
    struct list
        spans;     /* of blocks that are in no list, by their first; the lowest first at start */
    uint32_t mask; /* bit i set iff free[i] is not empty */
};
extern struct page_zone page_zones[PAGE_ZONES];

struct page_zone *page_zone_of(uint64_t block);
/** The next block, above this one, that may be of another zone. */
uint64_t page_zone_end(uint64_t block);
/** A BLOCK_FREE: into its zone's list, behind the others, and out of it. */
void page_list_block(struct page_zone *z, struct page_block *block);
void page_unlist_block(struct page_zone *z, struct page_block *block);

/** @return false: no run that large is free. */
bool page_take_locked(unsigned order, enum page_owner owner, paddr_t *out) REQUIRES(page_lock);
/** The same, of what page_states reaches. */
bool page_take_near_locked(unsigned order, enum page_owner owner, paddr_t *out) REQUIRES(page_lock);
/** A run that is taken, or kept; a panic if it is not. */
void page_give_locked(paddr_t base, unsigned order) REQUIRES(page_lock);
/** Have the last cut block that is all free made whole. */
void page_join_spare_locked(void) REQUIRES(page_lock);
/** The order of the largest free run. */
unsigned page_largest_locked(void) REQUIRES(page_lock);
/** A panic, which says what is wrong with giving it back. Not declared as what never returns: who
 * calls it last need not save registers. */
void page_bad_free(paddr_t base, unsigned order);
/** Depots, empty. */
void page_open_depots(void);
/** What a CPU's magazine may keep. */
unsigned page_magazine_limit(unsigned order);
/** A run, and more for this CPU's magazine, which is empty. NULL: there is none that has a state in
 * page_states. */
void *page_refill(unsigned order);
/** This CPU's magazine is full: it keeps its younger half and the run. */
void page_spill(unsigned order, void *run);
/** Of what this CPU and the depots keep, some is free again: it may make a larger run. @return
 * false: they keep nothing. */
bool page_give_some_locked(void) REQUIRES(page_lock);
/** All of it. */
void page_give_kept(void);

/** The frame that a free or held run of a cut block begins with, by its link. */
paddr_t page_of_node(const struct list_node *n);

/** @brief Install the areas; ascending, kept by reference. @context{early, once} */
void page_set_areas(const struct page_area *areas, unsigned count);

/** @brief Count pages for an owner, PAGE_FREE not among them. @context{early} */
void page_add_fixed(enum page_owner owner, uint64_t pages);

/* --- page_blocks.c --- */

/** @brief Make whole blocks free; O(1). @context{early} */
void page_add_span(uint64_t first, uint64_t count);
/** The first block of a span becomes a BLOCK_FREE. @return false: the zone has no span that begins
 * at block `highest` or below. */
bool page_carve_locked(struct page_zone *z, uint64_t highest) REQUIRES(page_lock);

/* --- page_buddy.c, at start-up --- */

/**
 * @brief Begin to cut a block whose frames differ: every frame is FRAME_FIXED, nothing is counted.
 * @param meta_index  Its frames [meta_index, meta_index + META_PAGES) become the block's meta.
 * @context{early}
 */
void page_cut_block(uint64_t number, unsigned meta_index);

/** @brief Make frames [first, end) of a cut block free. @context{early} */
void page_add_frames(uint64_t number, unsigned first, unsigned end);

/** Frames that were handed out early: physical [base, end). Reserved ranges may lie inside. */
struct page_early_use {
    uint64_t base, end;
};

/** @brief A frame before the allocator exists, contents undefined, in the direct map.
 *  @return false: the early window is used up. @context{early} */
bool page_early_frame(paddr_t *out);

/** @brief Close the early allocator and tell what it handed out. @context{early, once} */
struct page_early_use page_early_finish(void);

/** @brief True from page_early_init() to page_early_finish(). */
bool page_early_is_open(void);
