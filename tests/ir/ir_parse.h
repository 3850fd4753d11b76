// SPDX-License-Identifier: MIT
//
// Reads the text that kernel/jit/ir/ir_text.h describes. Only tests do: it is no part of the
// kernel.
#pragma once

#include "kernel/jit/ir/ir_text.h"

/** A module that was parsed. All of it is in the arena. */
struct ir_text {
    struct ir_module module;
    struct ir_function **functions; /* by callee; NULL: declared only */
    uint32_t error_line;            /* line of the error, from 1 */
    const char *error;              /* the error, or NULL */
};

/**
 * @brief Parse a module. Checks only the grammar; ir_verify() checks the rest.
 * @param text  `len` bytes, read during the call only.
 * @return OK; E_CORRUPT: out->error and out->error_line say why; E_NOMEM. @context{thread}
 */
enum status ir_parse(struct arena *a, const char *text, size_t len, struct ir_text *out);
