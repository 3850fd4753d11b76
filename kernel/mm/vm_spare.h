// SPDX-License-Identifier: MIT
//
// Places that were given back and stay in a region's tree, as nobody's, for who wants as many
// bytes: he takes the place as it is, and nothing is searched, balanced or copied. Pure: no lock,
// no tables.
#pragma once

#include "kernel/lib/compiler.h"
#include "kernel/mm/vm_tree.h"

/* Structs for places that outlive the range that had them first; so many are spare at most. */
#define VM_SPARES      32u
#define VM_SPARE_LISTS 16u /* a power of two */

/* Larger ranges have page tables of their own: the lowest gap is better for them, where one table
 * may be that of the last one. */
#define VM_SPARE_BYTES_MAX ((uint64_t)512 * PAGE_SIZE)

struct vm_spares {
    struct vm_place *lists[VM_SPARE_LISTS]; /* by length in pages, modulo; given back last first */
    struct vm_place *unused;                /* of `nodes`, by `next`; others are in the tree */
    unsigned next;                          /* in turn: whose list a place goes from */
    struct vm_place nodes[VM_SPARES];
};

/** @brief None is kept yet. */
void vm_spares_open(struct vm_spares *s);

/** Where in a list the first spare place of that length and alignment is, or the list's end. */
struct vm_place **vm_spares_look_on(struct vm_place **at, uint64_t bytes, uint64_t below,
                                    uint64_t align);

static ALWAYS_INLINE struct vm_place **vm_spares_list(struct vm_spares *s, uint64_t bytes)
{
    return &s->lists[(bytes >> PAGE_SHIFT) & (VM_SPARE_LISTS - 1)];
}

/**
 * @brief Take a spare place: it stays in the tree, and the caller is to be its owner.
 * @param bytes  Its length, guards included.
 * @param below  Bytes of guard at its start.
 * @param align  Of what follows them, in bytes: a power of two.
 * @return NULL: there is none that fits.
 */
static ALWAYS_INLINE struct vm_place *vm_spares_take(struct vm_spares *s, uint64_t bytes,
                                                     uint64_t below, uint64_t align)
{
    struct vm_place **at = vm_spares_list(s, bytes), *place = *at;
    /* Mostly the first of a list is the one. */
    if (UNLIKELY(place != NULL && (place->end - place->start != bytes ||
                                   ((place->start + below) & (align - 1)) != 0))) {
        at = vm_spares_look_on(at, bytes, below, align);
        place = *at;
    }
    if (LIKELY(place != NULL)) {
        *at = place->next;
    }
    return place;
}

/** @brief As vm_spares_give(), for a place in a struct of its range's. */
void vm_spares_adopt(struct vm_spares *s, struct vm_tree *t, struct vm_place *place);

/** @brief A range gives its place back: if it is small, it is kept, else it leaves the tree. */
static ALWAYS_INLINE void vm_spares_give(struct vm_spares *s, struct vm_tree *t,
                                         struct vm_place *place)
{
    if (UNLIKELY(place == &place->owner->own)) {
        vm_spares_adopt(s, t, place);
        return;
    }
    struct vm_place **list = vm_spares_list(s, place->end - place->start);
    place->owner = NULL;
    place->next = *list;
    *list = place;
}

/** @brief Keep none any more: their gaps close up. @return false: none was kept. */
bool vm_spares_drop(struct vm_spares *s, struct vm_tree *t);
