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
// One instruction a line: its number, its operation, its operands. Before an operand, `=` means
// that it is written, `!` that its time is early and `~` that it is late where that is unusual, `.`
// that it is a temporary. After an operand, `{rax}` means that it must be in that register, `{*}`
// that it may stay in a slot, `{1}` that it is tied to operand 1. After allocation `@` precedes the
// location, and the allocator's moves have lines of their own before the instruction.
#pragma once

#include "kernel/jit/backend.h"
#include "kernel/jit/ir/ir_text.h"

/** @brief Print a function. @context{as the sink} */
void vcode_print(const struct vcode *v, const struct jit_machine *m, ir_sink sink, void *ctx);
