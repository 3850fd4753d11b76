// SPDX-License-Identifier: MIT
//
// C calls a compiled function whose type is known only when it runs.
#pragma once

#include "kernel/jit/code/code_map.h"

/** A call. Arguments and results lie in cells of 64 bits, a v128 in two; what is narrower has the
 * rest of its cell 0. */
struct code_call {
    uint64_t code, context;       /* addresses */
    const uint8_t *types;         /* parameters, then results, in the front-end's numbers */
    unsigned (*type_of)(uint8_t); /* enum ir_type of such a number */
    uint32_t param_count, result_count;
};

/**
 * @brief Call a function. Calls nest: what it calls may call again.
 * @param results  Written only if it returns.
 * @return enum code_outcome, and for a trap which; m->trace says where unless it returned. A trap
 * of IR_TRAP_NO_MEMORY, with nothing run: there is none for arguments that go on the stack.
 * @context{thread that owns floating-point registers}
 */
uint64_t code_call(struct code_map *m, const struct code_call *call, const uint64_t *args,
                   uint64_t *results);
