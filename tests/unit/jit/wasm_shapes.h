// SPDX-License-Identifier: MIT
//
// Function bodies that are expensive on purpose: deep, wide or long, in every way in which two
// counts can multiply. Each is of type 0 in the module of wasm_body.h.
#pragma once

#include "tests/unit/jit/wasm_bytes.h"

struct wasm_shape {
    const char *name;
    void (*put_body)(struct bytes *b, uint32_t n);
    uint32_t size; /* n at which it is hostile; a tenth of it is generated, too */
};

extern const struct wasm_shape wasm_shapes[];
extern const size_t wasm_shape_count;
