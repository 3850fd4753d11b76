// SPDX-License-Identifier: MIT
//
// Shared by the files of the verifier.
#pragma once

#include "kernel/jit/ir/ir_cfg.h"
#include "kernel/jit/ir/ir_verify.h"

struct verifier {
    struct ir_function *f; /* not changed */
    struct ir_complaint *out;
    enum status status;
    uint32_t at;        /* instruction that is being checked */
    uint32_t *block_of; /* by instruction */
    struct ir_cfg cfg;
};

/**
 * @brief Record an error of the instruction that is being checked, unless there is one already.
 * @return false.
 */
bool verify_fail(struct verifier *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** @brief Check the types of every instruction, whose indices must be valid.
 * @return status is OK. */
bool verify_types(struct verifier *v);

/** @brief Check the types and immediates of a vector operation. @return status is OK. */
bool verify_vector_types(struct verifier *v, const struct ir_instr *i);
