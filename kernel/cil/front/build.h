// SPDX-License-Identifier: MIT
//
// From CIL to the intermediate representation: static methods on numbers, with local variables,
// branches and calls of each other. Everything else is refused by name.
#pragma once

#include "kernel/cil/front/verify.h"

/** A method of a unit; its number is that of its callee. */
struct cil_unit_method {
    struct cil_assembly *a;
    uint32_t row;
    struct ir_function *function;
};

/** A method and all that it calls. */
struct cil_unit {
    struct cil_domain *d;
    struct arena *arena; /* for everything in the unit */
    struct ir_module ir;
    struct cil_unit_method *methods; /* method 0 is the one that was asked for */
    struct ir_callee *callees;
    struct ir_signature *signatures;
    uint8_t *types;
    uint32_t count, capacity, callee_capacity, signature_capacity, type_count, type_capacity;
};

/**
 * @brief Verify and translate a static method, and those that it calls.
 * @param out Filled in place; its memory is the arena's. Not to be moved: functions refer to it.
 * @return false: recorded. E_NOTSUP: an instruction or a type that is not translated yet.
 */
bool cil_unit_build(struct cil_assembly *a, uint32_t row, struct arena *arena,
                    struct cil_unit *out);
