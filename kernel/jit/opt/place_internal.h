// SPDX-License-Identifier: MIT
//
// Shared by the files of placement (place*.c).
#pragma once

#include "kernel/jit/opt/copy.h"
#include "kernel/jit/opt/effects.h"

/** What placement may do with an instruction. */
enum place_kind {
    PLACE_FIXED,    /**< it stays where it is */
    PLACE_FLOATS,   /**< it may be anywhere after its operands and before its uses */
    PLACE_CONSTANT, /**< it is made again in each block that uses it */
};

struct place_plan {
    const struct ir_function *f;
    struct survey survey;
    struct effects effects;
    uint8_t *kind;     /* by value: enum place_kind */
    uint32_t *target;  /* by value: the block that it goes to */
    uint8_t *is_index; /* by value: it is the address of a load or store */
    uint32_t *meet; /* by value: block that dominates all uses found so far; IR_NONE: none found */
    /* by header of a loop: estimated number of values that live through it */
    uint32_t *ints, *floats;
};

static inline bool place_is_constant(unsigned op)
{
    return op == IR_CONST || op == IR_NULL || op == IR_V128_CONST;
}

/** @brief Decide the target of each value. @return OK, E_NOMEM. */
enum status place_decide(const struct ir_function *f, struct arena *a, struct place_plan *out);
