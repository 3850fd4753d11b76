// SPDX-License-Identifier: MIT
//
// Which memory an instruction may write, and which a loop may write. The alias classes
// (ir_memref's) that a function uses are renumbered, so that a set of them fits in a word.
#pragma once

#include "kernel/jit/ir.h"
#include "kernel/jit/ir/ir_cfg.h"

/** Number of classes with a number of their own; all further ones share the last. */
#define EFFECTS_CLASSES 16u

struct effects {
    uint8_t number[256]; /* by alias class */
    uint32_t count;
    uint16_t *written; /* by header of a loop: set of classes written in it */
};

/** @brief Compute effects in one sweep. @return OK, E_NOMEM. */
enum status effects_make(struct arena *a, const struct ir_function *f, const struct ir_cfg *cfg,
                         struct effects *out);

/** @brief Whether the instruction may write memory of every class. */
bool effects_writes_all(const struct ir_function *f, const struct ir_instr *i);
