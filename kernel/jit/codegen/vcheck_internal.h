// SPDX-License-Identifier: MIT
//
// Parts of the checker of register allocations. It shares nothing with the allocator.
#pragma once

#include "kernel/jit/codegen/vcode.h"
#include "kernel/lib/compiler.h"

/** Sets of virtual registers, numbered. They say which values a location holds. A set with one
 * member has that member's number, so most sets need no memory. Equal sets have equal numbers. */
struct vsets {
    struct arena *arena;
    uint32_t vregs;
    uint32_t *words; /* sets with several members, each in ascending order */
    uint32_t word_count, word_capacity;
    struct vset {
        uint32_t first, count;
    } * sets;
    uint32_t count, capacity;
    uint32_t *table; /* by hash: set + 1 */
    uint32_t table_size;
    uint32_t *scratch; /* the set under construction */
    uint32_t scratch_count, scratch_capacity;
    bool failed;
};

#define VSET_EMPTY UINT32_MAX

void vset_begin(struct vsets *s);
void vset_add(struct vsets *s, uint32_t vreg); /* ascending, between vset_begin() and vset_end() */
uint32_t vset_end(struct vsets *s);
/** The members of a set. The pointer is valid until the next set is made. */
const uint32_t *vset_members(const struct vsets *s, const uint32_t *set, uint32_t *count);
bool vset_has(const struct vsets *s, uint32_t set, uint32_t vreg);
uint32_t vset_intersect(struct vsets *s, uint32_t a, uint32_t b);
uint32_t vset_with(struct vsets *s, uint32_t set, uint32_t vreg);

/** Record a complaint, unless there is one already. @return false. */
bool vcheck_complain(struct vcomplaint *out, uint32_t instr, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/** Liveness of references, computed independently of the allocator: one bit for each reference that
 * moves, by block. */
struct vcheck_refs {
    const struct vcode *v;
    uint32_t *number; /* by virtual register: its bit, + 1; 0: no reference that moves */
    uint32_t *in;     /* by block: what is live at its start, `words` words each */
    uint32_t *now;    /* what is live at the current point */
    uint32_t *next;   /* by slot: the set that it holds after the safe point */
    bool *is_listed;  /* by slot */
    uint32_t words;
};

/** @brief Compute liveness. @return false: no memory. */
bool vcheck_refs_start(struct vcheck_refs *r, const struct vcode *v, struct arena *a);
/**
 * @brief Check the list of a safe point against what slots hold. Then remove references from
 * everywhere else.
 * @param state Sets by location.
 * @param first_slot  Location of slot 0.
 * @return true if the list is right.
 */
bool vcheck_safe_point(struct vcheck_refs *r, struct vsets *sets, uint32_t *state,
                       uint32_t first_slot, uint32_t block, uint32_t instr, struct vcomplaint *out);

/** Checks selection's part. If memory runs out, that is a complaint, too. */
bool vcheck_selection(const struct vcode *v, const struct vregisters *r, struct arena *a,
                      struct vcomplaint *out);
