// SPDX-License-Identifier: MIT
//
// Shared by the files of placement (place*.c).
#pragma once

#include "kernel/jit/opt/copy.h"
#include "kernel/jit/opt/effects.h"

/** What may be done with an instruction. */
enum place_kind {
    PLACE_FIXED,    /**< stays where it is */
    PLACE_FLOATS,   /**< may stand wherever its operands are and all its uses come later */
    PLACE_CONSTANT, /**< is made again in each block that uses it */
};

struct place_plan {
    const struct ir_function *f;
    struct survey survey;
    struct effects effects;
    uint8_t *kind;     /* by value: enum place_kind */
    uint32_t *target;  /* by value: block it goes to */
    uint8_t *is_index; /* by value: an address of a load or store */
    uint32_t *meet;    /* by value: block that dominates all uses that were seen; IR_NONE: none */
    uint32_t *ints, *floats; /* by header of a loop: values that live through it, estimated */
};

static inline bool place_is_constant(unsigned op)
{
    return op == IR_CONST || op == IR_NULL || op == IR_V128_CONST;
}

/** @brief Decide where everything goes. @return OK, E_NOMEM. */
enum status place_decide(const struct ir_function *f, struct arena *a, struct place_plan *out);
