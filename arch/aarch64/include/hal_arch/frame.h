// SPDX-License-Identifier: MIT
//
// The registers saved by an exception, in the layout of vectors.S. Other code uses hal/trap.h to
// read them.
#pragma once

#include <stdint.h>

struct hal_frame {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;        /* ELR_EL1 */
    uint64_t pstate;    /* SPSR_EL1 */
    uint64_t record[2]; /* a frame record {x29, pc}: backtraces go through the exception */
};
