// SPDX-License-Identifier: MIT
//
// Machine code with virtual registers as text, for people.
//
//     block1(v4 v7) loop 1:
//       slot0 -> rdx
//       12 add.64 =v9@rax v4@rcx v5@rdx
//       13 jump
//       -> block2(v9)
//
// One instruction a line: its number, its operation, its operands. `=` is before an operand that is
// written, `!` (early) or `~` (late) before one whose time is not the usual, `.` before a
// temporary;
// `{rax}` behind one that must be there, `{*}` behind one that may stay in a slot, `{1}` behind one
// tied to operand 1. After allocation `@` is before the location, and the allocator's moves stand
// on lines of their own before the instruction.
#pragma once

#include "kernel/jit/backend.h"
#include "kernel/jit/ir/ir_text.h"

/** @brief Print a function. @context{as the sink} */
void vcode_print(const struct vcode *v, const struct jit_machine *m, ir_sink sink, void *ctx);
