// SPDX-License-Identifier: MIT
//
// Names what a module needs beyond WebAssembly 2.0, so that its message says more than "unknown
// operator". The modules are refused as malformed, which they are in version 2.0.
#pragma once

#include <stdint.h>

/** @brief The feature of later versions that a byte in place of a type belongs to, as a sentence:
 * "exceptions are not supported". @return NULL: none. @context{any} */
const char *wasm_newer_type(uint8_t byte);

/** @brief The same for the first byte of an operator. @context{any} */
const char *wasm_newer_operator(uint8_t byte);

/** @brief The same for an operator with prefix 0xfc or 0xfd. @context{any} */
const char *wasm_newer_prefixed(uint8_t prefix, uint32_t number);

/** @brief The same for the flags of the limits of a memory or a table. @context{any} */
const char *wasm_newer_limits(uint8_t flags);

/** What section 13, and kind 4 of imports and exports, are for. */
extern const char wasm_newer_tag[];
