// SPDX-License-Identifier: MIT
//
// Between the three files of the page allocator: page_early.c hands out frames before there is one,
// page_init.c builds it from the memory map, page.c runs it.
//
// Frames come in blocks of 2^PAGE_ORDER_MAX. A block that is free or taken as a whole needs no more
// than its record; only a block that is cut into smaller runs has a state for each frame, which
// lies in frames of the block itself. So start-up touches blocks, not frames, and memory that
// nobody uses costs 8 bytes a MiB.
#pragma once

#include "hal/bootinfo.h"
#include "kernel/mm/page.h"

#define BLOCK_PAGES ((uint64_t)1 << PAGE_ORDER_MAX)
#define BLOCK_SHIFT (PAGE_SHIFT + PAGE_ORDER_MAX)

enum block_state {
    BLOCK_NONE,  /* no RAM */
    BLOCK_FIXED, /* never handed out: `owner` has it, or several have parts of it */
    BLOCK_FREE,  /* whole, in the free list of the largest order */
    BLOCK_TAKEN, /* whole, by `owner` */
    BLOCK_CUT,   /* `meta` describes its frames */
};

/** One frame's state while its block is cut: kind, order of the run it begins, owner. */
enum frame_kind {
    FRAME_INSIDE, /* inside a run that begins at a lower frame */
    FRAME_FREE,   /* begins a free run; its link is in a free list */
    FRAME_TAKEN,  /* begins a taken run; its link is the owner's */
    FRAME_FIXED,  /* no RAM, or never handed out */
};

struct page_meta {
    struct list_node link[1 << PAGE_ORDER_MAX];
    uint16_t state[1 << PAGE_ORDER_MAX]; /* kind | order << 4 | owner << 8 */
};

#define META_PAGES ((sizeof(struct page_meta) + PAGE_SIZE - 1) >> PAGE_SHIFT)

static inline uint16_t frame_state(enum frame_kind kind, unsigned order, enum page_owner owner)
{
    return (uint16_t)((unsigned)kind | order << 4 | (unsigned)owner << 8);
}

/* Field protection: the page lock. */
struct page_block {
    struct list_node link;  /* BLOCK_FREE: in a free list; BLOCK_TAKEN: the owner's */
    struct page_meta *meta; /* BLOCK_CUT: in the direct map, inside the block */
    uint16_t free_pages;    /* BLOCK_CUT */
    uint8_t state;          /* enum block_state */
    uint8_t owner;          /* enum page_owner of BLOCK_TAKEN */
};

/** Records of consecutive blocks. Holes of up to AREA_GAP_MAX blocks lie inside. */
struct page_area {
    uint64_t first; /* block number: physical address >> BLOCK_SHIFT */
    uint64_t count;
    struct page_block *blocks;
};

#define AREA_GAP_MAX 256 /* blocks: 8 KiB of records are cheaper than a longer search */

/** @brief Install the areas; ascending, kept by reference. @context{early, once} */
void page_set_areas(const struct page_area *areas, unsigned count);

/** @brief Count pages for an owner, PAGE_FREE not among them. @context{early} */
void page_add_fixed(enum page_owner owner, uint64_t pages);

/** @brief Make a whole block free. @context{early} */
void page_add_block(uint64_t number);

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
