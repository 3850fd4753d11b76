// SPDX-License-Identifier: MIT
//
// Machine code of no sense, from a seed: for the register allocator's tests. Control flow is that
// of structured programs (blocks with exits, loops, branches both ways, switches), values go
// through variables and temporaries, instructions have all kinds of constraints.
#pragma once

#include "kernel/jit/backend.h"

#include <stdint.h>

/** Register files like those of the two machines. */
extern const struct jit_machine mock_x86, mock_arm;

struct random_vcode {
    uint32_t seed;
    uint32_t size;      /* about how many instructions */
    uint32_t variables; /* values that live long: pressure */
    bool refs;          /* references, and calls that are safe points */
};

/** @brief Build; memory is enough. */
void random_vcode(struct vcode *v, struct arena *a, const struct jit_machine *m,
                  const struct random_vcode *what);

/** @brief Next number of a generator whose state is not 0. */
uint32_t random_next(uint32_t *state);
