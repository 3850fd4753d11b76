// SPDX-License-Identifier: MIT
//
// The passes between a front-end and a machine. Each reads one function and builds another, through
// ir_build(), so that what one makes simple is simple for the next.
//
// Passes never move an instruction that may trap over another effect, and never leave one out
// unless the same trap would have stopped the program before.
#pragma once

#include "kernel/jit/ir.h"

struct opt_options {
    bool verify; /* what comes in, and after each pass */
    /** Shown the function after each pass: "gvn", "place". Or NULL. */
    void (*show)(void *ctx, const char *stage, const struct ir_function *f);
    void *ctx;
    struct ir_complaint *complaint; /* what verification found; not NULL if `verify` */
};

/**
 * @brief All passes; none, and *out is `in`, where one block returns parameters and constants.
 * @param in   Verified; not changed.
 * @param a    Receives everything that is built.
 * @return OK; E_NOMEM; E_OVERFLOW; E_CORRUPT: what came in or what a pass made is not valid
 * (only with options->verify). @context{thread}
 */
enum status opt_run(const struct ir_function *in, const struct opt_options *options,
                    struct arena *a, struct ir_function **out);

/**
 * @brief Value numbering over the dominator tree: what is computed once is not computed again; nor
 * are loads of what memory is known to hold. Branches whose condition is known are jumps, blocks
 * that nothing leads to and values that nothing needs are left out.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status opt_gvn(const struct ir_function *in, struct arena *a, struct ir_function **out);

/**
 * @brief Placement: what does not change in a loop goes before it if it is worth a register, what
 * only some ways need goes there, constants are made where they are used. What nothing needs is
 * left out.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status opt_place(const struct ir_function *in, struct arena *a, struct ir_function **out);
