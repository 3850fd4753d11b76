// SPDX-License-Identifier: MIT
//
// Meaningless machine code, from a seed: for the register allocator's tests. Control flow is
// structured (blocks with exits, loops, two-way branches, switches), values pass through variables
// and temporaries, and instructions have all kinds of constraints.
#pragma once

#include "kernel/jit/backend.h"

#include <stdint.h>

/** Register files like those of the two real machines. */
extern const struct jit_machine mock_x86, mock_arm;

struct random_vcode {
    uint32_t seed;
    uint32_t size;      /* approximate number of instructions */
    uint32_t variables; /* number of long-lived values: register pressure */
    bool refs;          /* references, and calls that are safe points */
};

/** @brief Build the code; the arena has enough memory. */
void random_vcode(struct vcode *v, struct arena *a, const struct jit_machine *m,
                  const struct random_vcode *what);

/** @brief Next number of a generator whose state must not be 0. */
uint32_t random_next(uint32_t *state);
