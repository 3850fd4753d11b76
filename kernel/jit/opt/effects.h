// SPDX-License-Identifier: MIT
//
// Which memory an instruction may change, and which a loop does. Classes of memory (ir_place's) are
// numbered anew, those that a function uses, so that a set of them is a word.
#pragma once

#include "kernel/jit/ir.h"
#include "kernel/jit/ir/ir_cfg.h"

/** Classes with a number of their own; further ones share the last. */
#define EFFECTS_CLASSES 16u

struct effects {
    uint8_t number[256]; /* by alias class */
    uint32_t count;
    uint16_t *written; /* by header of a loop: classes that change in it */
};

/** @brief Sweep a function once. @return OK, E_NOMEM. @context{thread} */
enum status effects_make(struct arena *a, const struct ir_function *f, const struct ir_cfg *cfg,
                         struct effects *out);

/** @brief Whether it may change memory of every class. */
bool effects_writes_all(const struct ir_function *f, const struct ir_instr *i);
