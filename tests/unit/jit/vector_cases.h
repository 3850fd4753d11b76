// SPDX-License-Identifier: MIT
//
// Compiled vector operations against ir_eval(): each over boundary values of its lanes, NaN
// payloads, shift counts and lane numbers, with operands in registers and as constants; shuffles,
// constants, loads; tests of vectors by their users. The caller compiles and calls.
#pragma once

#include "kernel/jit/ir/ir_eval.h"

#include <stdbool.h>

/** Compiles a function and calls it on the machine that the test runs on. */
struct vector_runner {
    void *ctx;
    /** @brief Compile function 0 of a module. @return false: it is not compiled. */
    bool (*load)(void *ctx, const struct ir_module *m, struct ir_function *f, struct arena *a);
    /** @brief Call it with the arguments of its signature. @return its only result. */
    struct ir_bits (*call)(void *ctx, const struct ir_bits args[3]);
    /** @brief Free it. After each load(), also after a failed one. */
    void (*unload)(void *ctx);
};

/** @brief Run all cases; print the first failures, each on a line that starts with "# ". @return
 * true: at least a hundred operations were tested, and all results are right. */
bool vector_cases_run(const struct vector_runner *r);
