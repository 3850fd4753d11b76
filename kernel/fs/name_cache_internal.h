// SPDX-License-Identifier: MIT
//
// Shared by name_cache.c, which changes the table of names, and walk_kept.c, which reads it.
#pragma once

#include "kernel/fs/name_cache.h"
#include "kernel/lib/compiler.h"

/* Relaxed, but for `version`, which orders the others. */
struct name_slot {
    _Atomic uint32_t version; /* odd while the rest changes */
    _Atomic uint32_t len;
    _Atomic uint64_t dir;           /* its serial */
    _Atomic(struct fs_node *) node; /* NULL: the slot is free */
    _Atomic uint64_t words[NAME_WORDS];
};
STATIC_ASSERT(sizeof(struct name_slot) == 64, "a slot is one line of a CPU's cache");

/* Names of one node: numbers of slots, from 1. 0: none. */
struct name_links {
    uint32_t previous, next;
};

/* The links of slot n are links[n] of the array after the slots. links[0] is not used.
 * Field protection:  [I] set before it is published   [s] the slot's version */
struct name_table {
    struct rcu_call call;     /* [I] */
    uint32_t shift;           /* [I] the hash's upper bits choose a slot: 64 - shift of them */
    struct name_slot slots[]; /* [s] */
};

/* A product's upper bits depend on all bits of its factors, so they are used. The factor is 2^64
 * divided by the golden ratio. */
static ALWAYS_INLINE struct name_slot *name_slot_of(struct name_table *t, uint64_t dir,
                                                    const uint64_t *words, size_t len)
{
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = dir * factor;
    for (size_t i = 0; i < (len + 7) / 8; i++) {
        hash = (hash ^ words[i]) * factor;
    }
    return &t->slots[hash >> t->shift];
}
