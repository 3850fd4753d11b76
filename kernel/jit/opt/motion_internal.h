// SPDX-License-Identifier: MIT
//
// Shared by the files of code motion (motion*.c).
#pragma once

#include "kernel/jit/opt/copy.h"
#include "kernel/jit/opt/effects.h"

/** What code motion may do with an instruction. */
enum motion_kind {
    MOTION_FIXED,    /**< it stays where it is */
    MOTION_FLOATS,   /**< it may be anywhere after its operands and before its uses */
    MOTION_CONSTANT, /**< it is made again in each block that uses it */
};

struct motion_plan {
    const struct ir_function *f;
    struct survey survey;
    struct effects effects;
    uint8_t *kind;     /* by value: enum motion_kind */
    uint32_t *target;  /* by value: the block that it goes to */
    uint8_t *is_index; /* by value: it is the address of a load or store */
    uint32_t *meet; /* by value: block that dominates all uses found so far; IR_NONE: none found */
    /* by header of a loop: estimated number of values that live through it */
    uint32_t *ints, *floats;
};

static inline bool motion_is_constant(unsigned op)
{
    return op == IR_CONST || op == IR_NULL || op == IR_V128_CONST;
}

/** @brief Decide the target of each value. @return OK, E_NOMEM. */
enum status motion_decide(const struct ir_function *f, struct arena *a, struct motion_plan *out);
