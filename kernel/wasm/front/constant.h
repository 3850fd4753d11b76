// SPDX-License-Identifier: MIT
//
// The operators of constant expressions. The decoder checks an expression, and an instance
// evaluates it: both read it with the same function.
#pragma once

#include "kernel/wasm/front/reader.h"

/** Most operands of an expression that exist at the same time: evaluation has room for so many. */
#define WASM_CONSTANT_DEPTH 64u

/** Values of struct wasm_constant.opcode. */
enum {
    WASM_CONSTANT_END = 0x0b, /**< of a struct wasm_constant: a longer expression, at `lo` */
    WASM_CONSTANT_GLOBAL = 0x23,
    WASM_CONSTANT_I32 = 0x41,
    WASM_CONSTANT_I64 = 0x42,
    WASM_CONSTANT_F32 = 0x43,
    WASM_CONSTANT_F64 = 0x44,
    WASM_CONSTANT_I32_ADD = 0x6a,
    WASM_CONSTANT_I32_SUB = 0x6b,
    WASM_CONSTANT_I32_MUL = 0x6c,
    WASM_CONSTANT_I64_ADD = 0x7c,
    WASM_CONSTANT_I64_SUB = 0x7d,
    WASM_CONSTANT_I64_MUL = 0x7e,
    WASM_CONSTANT_NULL = 0xd0,
    WASM_CONSTANT_FUNCTION = 0xd2,
    WASM_CONSTANT_VECTOR = 0xfd,
};

/** @brief Read an operator and its immediates, without checking what they refer to. @return false:
 * an error is recorded. */
bool wasm_constant_read(struct wasm_reader *r, struct wasm_constant *out);
