// SPDX-License-Identifier: MIT
//
// The intermediate representation as text: for people, for tests, and for reducing a failing case.
// The kernel only prints it; tests/ir/ir_parse.h reads it.
//
//     memory guard 0x80000000 base 0 length 8
//     signature (i32, i32) -> (i32)
//     signature (i64) -> ()
//     callee @sum signature 0
//     callee @log signature 1 helper 16 reads writes
//     poll 24 @collect
//     cards 32 shift 9
//     function @sum {
//     slot 16 align 8
//     block0(v0: i32, v1: i32):
//       v2 = const.i32 0x0
//     ...
//       branch v4, block1(v3), block2()
//     }
//
// One instruction a line. An operation's suffix is the type of its result, or of its first operand
// if the result's type is always the same. Constants written as two numbers (a v128, the lanes of a
// shuffle) have the low half first. `!12` at the end of a line is the location in the source,
// `safe` marks a safe point, `rare` a block that is rarely executed. A text may choose any names
// for values and blocks; printing uses their indices.
#pragma once

#include "kernel/jit/ir.h"

/** Receives printed text, piece by piece. */
typedef void (*ir_sink)(void *ctx, const char *s, size_t len);

/**
 * @brief Print one function. It need not be valid: an index out of range is printed as a number.
 * @context{as the sink}
 */
void ir_print_function(const struct ir_function *f, ir_sink sink, void *ctx);
/** @brief Print what the functions of a module have in common. */
void ir_print_module(const struct ir_module *m, ir_sink sink, void *ctx);
