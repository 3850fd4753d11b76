// SPDX-License-Identifier: MIT
//
// Parts of the checker of register allocations. It shares nothing with the allocator.
#pragma once

#include "kernel/jit/codegen/vcode.h"
#include "kernel/lib/compiler.h"

/** Sets of virtual registers whose value a location has, by number: one with one member has that
 * member's number, so most need no memory. Equal sets have equal numbers. */
struct vsets {
    struct arena *arena;
    uint32_t vregs;
    uint32_t *words; /* of the others: members, ascending */
    uint32_t word_count, word_capacity;
    struct vset {
        uint32_t first, count;
    } * sets;
    uint32_t count, capacity;
    uint32_t *table; /* by hash: set + 1 */
    uint32_t table_size;
    uint32_t *scratch; /* the set that is being made */
    uint32_t scratch_count, scratch_capacity;
    bool failed;
};

#define VSET_EMPTY UINT32_MAX

void vset_begin(struct vsets *s);
void vset_add(struct vsets *s, uint32_t vreg); /* ascending, between vset_begin() and vset_end() */
uint32_t vset_end(struct vsets *s);
/** The members of a set: a pointer that is good until the next set is made. */
const uint32_t *vset_members(const struct vsets *s, const uint32_t *set, uint32_t *count);
bool vset_has(const struct vsets *s, uint32_t set, uint32_t vreg);
uint32_t vset_intersect(struct vsets *s, uint32_t a, uint32_t b);
uint32_t vset_with(struct vsets *s, uint32_t set, uint32_t vreg);

/** Remember what is wrong, if nothing is yet. @return false. */
bool vcheck_complain(struct vcomplaint *out, uint32_t instr, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/** Where references live, found anew: bits of those that move, by block. */
struct vcheck_refs {
    const struct vcode *v;
    uint32_t *number; /* by virtual register: which bit, + 1; 0: it is no reference that moves */
    uint32_t *in;     /* by block: what is alive at its start, `words` each */
    uint32_t *now;    /* at a point */
    uint32_t *next;   /* by slot: the set that it holds behind the safe point */
    bool *is_listed;  /* by slot */
    uint32_t words;
};

/** @brief Find what is alive. @return false: no memory. */
bool vcheck_refs_start(struct vcheck_refs *r, const struct vcode *v, struct arena *a);
/**
 * @brief Check the list of a safe point against what slots hold, and have references be gone from
 * everywhere else.
 * @param state       Sets by location. @param first_slot  Location of slot 0.
 * @return whether it is right.
 */
bool vcheck_safe_point(struct vcheck_refs *r, struct vsets *sets, uint32_t *state,
                       uint32_t first_slot, uint32_t block, uint32_t instr, struct vcomplaint *out);

/** Selection's part. Memory may run out: a complaint like any other. */
bool vcheck_selection(const struct vcode *v, const struct vregisters *r, struct arena *a,
                      struct vcomplaint *out);
