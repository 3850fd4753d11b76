// SPDX-License-Identifier: MIT
//
// Calls from C to a compiled function whose type is known only at run time.
#pragma once

#include "kernel/jit/code/code_map.h"

/** A call. Arguments and results are in cells of 64 bits, a v128 in two. The rest of a cell with a
 * narrower value is 0. */
struct code_call {
    uint64_t code, context;       /* addresses */
    const uint8_t *types;         /* parameters, then results, as the front-end numbers types */
    unsigned (*type_of)(uint8_t); /* the enum ir_type for such a number */
    uint32_t param_count, result_count;
};

/**
 * @brief Call a function. Calls can be nested: the function may call C code that calls again.
 * @param results  Written only if it returns.
 * @return enum code_outcome, combined with the trap if it trapped; unless it returned, m->trace
 * says where. A trap IR_TRAP_NO_MEMORY may mean that there was no memory for arguments on the stack
 * and that nothing was executed.
 * @context{thread that owns floating-point registers}
 */
uint64_t code_call(struct code_map *m, const struct code_call *call, const uint64_t *args,
                   uint64_t *results);
