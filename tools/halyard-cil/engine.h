// SPDX-License-Identifier: MIT
//
// How halyard-cil runs a unit.
#pragma once

#include "kernel/cil/run/unit_code.h"
#include "tools/halyard-cil/tool.h"

/**
 * @brief Verify the representation of a unit's methods, and call method 0.
 * @param is_interpreted false: as machine code; on a thread of host_run().
 * @param args One for each parameter. @param result Written only if it returns a value.
 * @return 0, TOOL_TRAPPED or TOOL_REFUSED; what went wrong is printed.
 */
int engine_run(struct cil_unit *u, bool is_interpreted, const struct ir_bits *args,
               struct ir_bits *result);
