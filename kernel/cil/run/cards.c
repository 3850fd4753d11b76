// SPDX-License-Identifier: MIT
//
// Two tables over memory that a collection uses. The card table says in which parts of the old
// objects the program has stored references. The table of starts finds the object that an address
// leads into.
//
// A collection of the young objects takes the old ones in dirty cards for roots, because only there
// may references to young objects be. Objects become old when they survive a second collection, so
// cards stay dirty, or become dirty, if old objects lead to objects that have survived one.
//
// The card table is in the window, and the program can write it: a card that is wrongly clean
// leaves a reference to an object that has gone. It leads somewhere in the window, and
// cil_heap_size() checks the bytes that it finds there, as always.
#include "kernel/cil/run/runtime.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#define BLOCK_BYTES (UINT32_C(1) << CIL_BLOCK_SHIFT)
#define CARD_BYTES  (UINT32_C(1) << CIL_CARD_SHIFT)
#define BACK        64u /* in the table of starts: no object starts in this block */
#define EIGHT_CLEAN (UINT64_C(0x0101010101010101) * CIL_CARD_CLEAN)

/* ---- Cards ---- */

void cil_note_stores(struct cil_runtime *r, uint64_t at, uint64_t bytes)
{
    uint8_t *cards = r->world->memory.base + r->world->heap.cards;
    uint32_t first = (uint32_t)at >> CIL_CARD_SHIFT;
    if (bytes != 0 && !cil_is_large(&r->world->heap, at)) { /* large objects have no references */
        uint32_t last = (uint32_t)(((uint32_t)at + bytes - 1) >> CIL_CARD_SHIFT);
        memset(cards + first, CIL_CARD_DIRTY, last - first + (size_t)1);
    }
}

/* The first card from one on that is dirty or not; `end`: none is. */
static uint32_t seek(struct cil_runtime *r, uint32_t card, uint32_t end, bool is_dirty)
{
    const uint8_t *cards = r->world->memory.base + r->world->heap.cards;
    while (card < end) {
        if (is_dirty && end - card >= 8 && load_le64(cards + card) == EIGHT_CLEAN) {
            card += 8;
        } else if ((cards[card] == CIL_CARD_DIRTY) == is_dirty) {
            return card;
        } else {
            card++;
        }
    }
    return end;
}

uint32_t cil_cards_next(struct cil_runtime *r, uint32_t *at)
{
    const struct cil_heap *h = &r->world->heap;
    uint32_t end = (uint32_t)(((uint64_t)h->old + CARD_BYTES - 1) >> CIL_CARD_SHIFT);
    if (*at >= h->old) {
        return 0;
    }
    uint32_t first = seek(r, *at >> CIL_CARD_SHIFT, end, true);
    uint32_t after = seek(r, first, end, false);
    cil_poll(r, 1 + (after - (*at >> CIL_CARD_SHIFT)) / 64);
    *at = MAX(*at, first << CIL_CARD_SHIFT);
    return first == end ? 0 : MIN(after << CIL_CARD_SHIFT, h->old);
}

void cil_cards_clean(struct cil_runtime *r, uint32_t at, uint32_t end)
{
    uint32_t first = at >> CIL_CARD_SHIFT;
    uint32_t after = (uint32_t)(((uint64_t)end + CARD_BYTES - 1) >> CIL_CARD_SHIFT);
    if (first < after) {
        memset(r->world->memory.base + r->world->heap.cards + first, CIL_CARD_CLEAN,
               after - (size_t)first);
    }
}

bool cil_card_is_dirty(const struct cil_runtime *r, uint32_t at)
{
    return r->world->memory.base[r->world->heap.cards + (at >> CIL_CARD_SHIFT)] == CIL_CARD_DIRTY;
}

/* ---- Where objects start ---- */

/* The table is filled only when an address needs it: addresses that lead into objects, and dirty
 * cards. It stays filled for old objects, which no minor collection moves. */

static uint32_t block_of(const struct cil_heap *h, uint32_t at)
{
    return (at - h->start) >> CIL_BLOCK_SHIFT;
}

/* For blocks in which no object starts: how far before them one may. Entry BACK + k says that none
 * starts in the 2^k blocks before, so that the way back from the end of an object of n blocks has
 * log2(n) steps. */
static void note_inner_blocks(struct cil_heap *h, uint32_t block, uint32_t last)
{
    for (uint32_t n = block + 1; n <= last; n++) {
        h->starts[n] = (uint8_t)(BACK + 31 - (uint32_t)__builtin_clz(n - block));
    }
}

static void find_starts(struct cil_runtime *r, uint32_t end, uint32_t next)
{
    struct cil_heap *h = &r->world->heap;
    const struct cil_gc_type *type;
    for (uint32_t at = h->starts_end, bytes; at < end; at += bytes) {
        bytes = cil_heap_size(r, at, next, &type);
        uint32_t block = block_of(h, at);
        if (block != h->starts_last) {
            h->starts[block] = (uint8_t)((at - h->start) % BLOCK_BYTES >> CIL_GRAIN_SHIFT);
        }
        note_inner_blocks(h, block, block_of(h, at + bytes - 1));
        h->starts_last = block;
        h->starts_end = at + bytes;
        cil_poll(r, 1 + bytes / BLOCK_BYTES);
    }
}

/* Those of the objects that stay are kept for the next collection. */
static void fill_starts(struct cil_runtime *r, uint32_t address, uint32_t next)
{
    struct cil_heap *h = &r->world->heap;
    if (h->starts_end < h->from) {
        find_starts(r, h->from, next);
        h->kept_end = h->starts_end;
        h->kept_last = h->starts_last;
    }
    if (address >= h->starts_end) {
        find_starts(r, next, next);
    }
}

void cil_starts_forget(struct cil_heap *h, bool is_minor)
{
    if (!is_minor) {
        h->starts_end = h->kept_end = h->bottom;
        h->starts_last = h->kept_last = UINT32_MAX;
    } else if (h->starts_end > h->from) {
        h->starts_end = h->kept_end;
        h->starts_last = h->kept_last;
    }
}

/* The last object that starts in the block of an address, or before, and not after the address. */
static uint32_t start_before(struct cil_heap *h, uint32_t address)
{
    uint32_t block = block_of(h, address);
    for (;;) {
        uint8_t entry = h->starts[block];
        uint32_t at = h->start + block * BLOCK_BYTES + ((uint32_t)entry << CIL_GRAIN_SHIFT);
        h->searched++;
        if (entry < BACK && at <= address) {
            return at;
        }
        block -= entry < BACK ? 1 : 1u << (entry - BACK);
    }
}

uint32_t cil_start_of(struct cil_runtime *r, uint32_t address, uint32_t next)
{
    const struct cil_gc_type *type;
    fill_starts(r, address, next);
    uint32_t at = start_before(&r->world->heap, address);
    for (;;) {
        uint32_t end = at + cil_heap_size(r, at, next, &type);
        if (end > address) {
            return at;
        }
        at = end;
    }
}
