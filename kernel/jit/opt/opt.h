// SPDX-License-Identifier: MIT
//
// The passes between a front-end and a machine. Each reads one function and builds another through
// ir_build(), so a simplification by one pass is visible to the next.
//
// Rules for all passes: never move an instruction that may trap across another effect, and never
// remove one unless the same trap would have stopped the program earlier.
#pragma once

#include "kernel/jit/ir/ir_verify.h"

struct opt_options {
    /* ir_verify(), for the input and the result of each pass; or NULL */
    enum status (*verify)(struct arena *scratch, const struct ir_function *f,
                          struct ir_complaint *out);
    /** Called with the function after each pass: "gvn", "motion". Or NULL. */
    void (*show)(void *ctx, const char *stage, const struct ir_function *f);
    void *ctx;
    struct ir_complaint *complaint; /* result of verification; not NULL with `verify` */
};

/**
 * @brief Run all passes. If the function is one block that returns parameters and constants, there
 * is nothing to do and *out is `in`.
 * @param in Verified; not changed.
 * @param a Memory for everything that is built.
 * @return OK; E_NOMEM; E_OVERFLOW; E_CORRUPT: the input or the result of a pass is invalid (only
 * with options->verify). @context{thread}
 */
enum status opt_run(const struct ir_function *in, const struct opt_options *options,
                    struct arena *a, struct ir_function **out);

/**
 * @brief Value numbering over the dominator tree: nothing is computed twice, and memory whose
 * contents are known is not loaded again. Branches with a known condition become jumps; unreachable
 * blocks and unneeded values are removed.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status opt_gvn(const struct ir_function *in, struct arena *a, struct ir_function **out);

/**
 * @brief Code motion: a value that does not change in a loop moves before the loop if it is worth a
 * register; a value that only some paths need moves there; constants are made where they are used.
 * Unneeded values are removed.
 * @return OK, E_NOMEM. @context{thread}
 */
enum status opt_motion(const struct ir_function *in, struct arena *a, struct ir_function **out);
