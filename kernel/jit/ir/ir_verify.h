// SPDX-License-Identifier: MIT
//
// Is a function what the intermediate representation says it is? Run after every pass in debug
// builds and on every function that came as text.
#pragma once

#include "kernel/jit/ir.h"

/** What is wrong: "v12: lt_s: operands of two types", with the number of the instruction or block.
 */
struct ir_complaint {
    char text[120];
};

/**
 * @brief Check structure, types and dominance.
 * @param a  For what is computed along the way: cleared by nobody here.
 * @return OK; E_CORRUPT: out says what is wrong; E_NOMEM. @context{thread}
 */
enum status ir_verify(struct arena *a, const struct ir_function *f, struct ir_complaint *out);
