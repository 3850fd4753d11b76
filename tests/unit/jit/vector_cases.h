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
    unsigned relaxed; /* enum ir_relaxed: what the machine has */
    /** @brief Compile function 0 of a module. @return false: it is not compiled. */
    bool (*load)(void *ctx, const struct ir_module *m, struct ir_function *f, struct arena *a);
    /** @brief Call it with the arguments of its signature. @return its only result. */
    struct ir_bits (*call)(void *ctx, const struct ir_bits args[3]);
    /** @brief Free it. After each load(), also after a failed one. */
    void (*unload)(void *ctx);
};

/** @brief The bit of a relaxed operation; 0: every machine has the operation. */
static inline unsigned vector_case_relaxed(unsigned op)
{
    switch (ir_op_info[op].lane_op) {
    case IR_LANE_FMA:
    case IR_LANE_FNMA:
        return IR_RELAXED_FMA;
    case IR_LANE_DOT_BYTES:
        return IR_RELAXED_DOT_BYTES;
    case IR_LANE_DOT_ADD_S:
        return IR_RELAXED_DOT_ADD_S;
    case IR_LANE_DOT_ADD_SU:
        return IR_RELAXED_DOT_ADD_SU;
    default:
        return 0;
    }
}

/** @brief Run all cases; print the first failures, each on a line that starts with "# ". @return
 * true: at least a hundred operations were tested, and all results are right. */
bool vector_cases_run(const struct vector_runner *r);
