// SPDX-License-Identifier: MIT
//
// Names what a module needs beyond WebAssembly 2.0, so that its message says more than "unknown
// operator". The modules are refused as malformed, which they are in version 2.0.
#pragma once

#include "kernel/wasm/front/reader.h"

/** Where a number is found. */
enum wasm_place {
    WASM_PLACE_TYPE,
    WASM_PLACE_OPERATOR, /**< its first byte */
    WASM_PLACE_MORE,     /**< its number after the prefix 0xfc */
    WASM_PLACE_LIMITS,   /**< flags of the limits of a memory or table */
};

/** @brief Record an error if a later version or a proposal defines the number: "exceptions are not
 * supported". @return true: an error is recorded. */
bool wasm_fail_newer(struct wasm_reader *r, const uint8_t *where, enum wasm_place place,
                     uint32_t number);
