// SPDX-License-Identifier: MIT
//
// The inline part of page.h, which includes it: allocating and freeing a small run of a constant
// order calls nothing but the magazine's few instructions.
#pragma once

#include "hal/magazine.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/mm/page.h"

/** A frame's state: kind, order of the run that it begins, and owner. See page_internal.h. */
enum frame_kind {
    FRAME_INSIDE,    /* inside a run that begins at a lower frame */
    FRAME_FREE,      /* begins a free run; its link is in a free list */
    FRAME_ALLOCATED, /* begins an allocated run; its link belongs to the owner */
    FRAME_FIXED,     /* no RAM, or never allocated */
    FRAME_KEPT,      /* begins a run in a CPU's magazine, or in a depot by its link */
};

static inline uint16_t frame_state(enum frame_kind kind, unsigned order, enum page_owner owner)
{
    return (uint16_t)((unsigned)kind | order << 4 | (unsigned)owner << 8);
}

/**
 * Change the state of a run that belongs to its owner or is in a CPU's magazine, without the lock.
 * Relaxed: it protects no other data, and code under the lock only looks for FRAME_FREE, which such
 * a run is neither before nor after.
 */
static ALWAYS_INLINE void page_set_state(uint16_t *state, uint16_t to)
{
    __atomic_store_n(state, to, __ATOMIC_RELAXED);
}

static ALWAYS_INLINE uint16_t page_get_state(const uint16_t *state)
{
    return __atomic_load_n(state, __ATOMIC_RELAXED);
}

/** True for an allocated run of that order, whatever its owner. */
static ALWAYS_INLINE bool page_is_allocated(uint16_t state, unsigned order)
{
    return (state & 0xff) == (FRAME_ALLOCATED | order << 4);
}

/** Finds the states of the frames [first, first + count) in two steps: block, then frame. */
struct page_states {
    /* [I] Address of an array, biased so that the block number is its index. Each element is the
     *     address of a block's states, biased so that the frame number is the index; 0: the block
     *     is not split. Elements: [page_lock], except that the owner of a run in the block may read
     *     its element. */
    uintptr_t blocks;
    uint64_t first, count; /* [I] */
};
extern struct page_states page_states;

static ALWAYS_INLINE uintptr_t *page_states_of(uint64_t block)
{
    return (uintptr_t *)(page_states.blocks + block * sizeof(uintptr_t));
}

static ALWAYS_INLINE uint16_t *page_state(uintptr_t states, uint64_t frame)
{
    return (uint16_t *)(states + frame * sizeof(uint16_t));
}

/** @brief Allocate any run: a large one, or a small one if the magazine is empty. */
enum status page_alloc_any(unsigned order, enum page_owner owner, paddr_t *out);
/** @brief Free any run; panics if no such run is allocated. */
void page_free_any(paddr_t base, unsigned order);

/* page_poison.c: mark a run as freed; check and unmark pages that were allocated. */
#ifdef HALYARD_DEBUG
void page_poison_init(void);
void page_poison_given(paddr_t base, unsigned order);
void page_poison_taken(paddr_t base, size_t pages);
#else
static inline void page_poison_init(void)
{
}
static inline void page_poison_given(paddr_t base, unsigned order)
{
    (void)base;
    (void)order;
}
static inline void page_poison_taken(paddr_t base, size_t pages)
{
    (void)base;
    (void)pages;
}
#endif

#define PAGE_MAGAZINE(order) HAL_MAGAZINE(24 + (order)) /* kernel/mm/magazine.h */

static ALWAYS_INLINE enum status page_alloc(unsigned order, enum page_owner owner, paddr_t *out)
{
    if (failure_is_due()) {
        return E_NOMEM;
    }
    if (!__builtin_constant_p(order) || order > PAGE_KEPT_ORDER_MAX) {
        return page_alloc_any(order, owner, out);
    }
    paddr_t base = paddr((uintptr_t)hal_magazine_pop(0, PAGE_MAGAZINE(order)));
    if (UNLIKELY(base.raw == 0)) {
        return page_alloc_any(order, owner, out);
    }
    uint64_t frame = base.raw >> PAGE_SHIFT;
    page_set_state(page_state(*page_states_of(frame >> PAGE_ORDER_MAX), frame),
                   frame_state(FRAME_ALLOCATED, order, owner));
    page_poison_taken(base, (size_t)1 << order);
    *out = base;
    return OK;
}

/** The frame's state if its bits in `mask` equal those of `like`. NULL: needs a closer check. */
static ALWAYS_INLINE uint16_t *page_state_like(paddr_t base, unsigned mask, unsigned like)
{
    /* Rotated, so that an unaligned address becomes a frame number out of range. */
    uint64_t frame = base.raw >> PAGE_SHIFT | base.raw << (64 - PAGE_SHIFT);
    if (UNLIKELY(frame - page_states.first >= page_states.count)) {
        return NULL;
    }
    uintptr_t states = *page_states_of(frame >> PAGE_ORDER_MAX);
    uint16_t *state = page_state(states, frame);
    return LIKELY(states != 0) && LIKELY((page_get_state(state) & mask) == like) ? state : NULL;
}

/** State of the first frame of an allocated run of that order, whatever its owner. */
static ALWAYS_INLINE uint16_t *page_allocated_state(paddr_t base, unsigned order)
{
    return page_state_like(base, 0xff, frame_state(FRAME_ALLOCATED, order, (enum page_owner)0));
}

/** State of the first frame of a run allocated for that owner, whatever its order. */
static ALWAYS_INLINE uint16_t *page_owned_state(paddr_t base, enum page_owner owner)
{
    return page_state_like(base, 0xff0f, frame_state(FRAME_ALLOCATED, 0, owner));
}

/** Put a small run, whose state shows that it is allocated, into this CPU's magazine. */
static ALWAYS_INLINE void page_keep(paddr_t base, uint16_t *state, unsigned order)
{
    page_poison_given(base, order);
    page_set_state(state, frame_state(FRAME_KEPT, order, PAGE_FREE));
    hal_magazine_push((void *)(uintptr_t)base.raw, PAGE_MAGAZINE(order));
}

static ALWAYS_INLINE void page_free(paddr_t base, unsigned order)
{
    uint16_t *state;
    if (__builtin_constant_p(order) && order <= PAGE_KEPT_ORDER_MAX &&
        LIKELY((state = page_allocated_state(base, order)) != NULL)) {
        page_keep(base, state, order);
    } else {
        page_free_any(base, order);
    }
}
