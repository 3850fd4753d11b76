// SPDX-License-Identifier: MIT
//
// Bodies that are made to be expensive: deep, wide, long, with everything that two counts can be
// multiplied by. Each is of type 0 in the module of wasm_body.h.
#pragma once

#include "tests/unit/jit/wasm_bytes.h"

struct wasm_shape {
    const char *name;
    void (*put_body)(struct bytes *b, uint32_t n);
    uint32_t size; /* n at which it is hostile; a tenth of it is made, too */
};

extern const struct wasm_shape wasm_shapes[];
extern const size_t wasm_shape_count;
