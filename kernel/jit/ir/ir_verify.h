// SPDX-License-Identifier: MIT
//
// Verifies that a function is valid intermediate representation. Runs after every pass in debug
// builds, and on every function that was parsed from text.
#pragma once

#include "kernel/jit/ir.h"

/** An error: "v12: lt_s: operands of two types", with the number of the instruction or block. */
struct ir_complaint {
    char text[120];
};

/**
 * @brief Check structure, types and dominance.
 * @param a  For temporary memory; not released here.
 * @return OK; E_CORRUPT: out has the error; E_NOMEM. @context{thread}
 */
enum status ir_verify(struct arena *a, const struct ir_function *f, struct ir_complaint *out);
