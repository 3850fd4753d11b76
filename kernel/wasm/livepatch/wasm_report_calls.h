// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/jit/arena.h"
#include "kernel/jit/ir.h"
#include "kernel/lib/status.h"

/**
 * @brief Copy a function; the copy also calls the helper WASM_HELPER_COMPILE with `event` when it
 * begins, and with event + 1 before it returns or ends in a call.
 * @param out  In the arena. @return OK, E_NOMEM. @context{thread}
 */
enum status wasm_report_calls(const struct ir_function *f, uint32_t event, struct arena *a,
                              struct ir_function **out);
