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
    uint32_t at;        /* instruction that is being looked at */
    uint32_t *block_of; /* by instruction */
    struct ir_cfg cfg;
};

/** @brief Note what is wrong with the instruction that is looked at, unless something was before.
 * @return false. */
bool verify_fail(struct verifier *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** @brief The types of every instruction; its indices are known to be good. @return status is OK.
 */
bool verify_types(struct verifier *v);

/** @brief The types and immediates of an operation on vectors. @return status is OK. */
bool verify_vector_types(struct verifier *v, const struct ir_instr *i);
