// SPDX-License-Identifier: MIT
//
// The operators behind the prefix 0xfd, by number.
#include "kernel/jit/wasm/build_internal.h"

enum {
    WASM_NONE = 0,
};

static const struct wasm_operator operators[] = {
#define WASM_VECTOR_OP(number, name, shape, action, in, out, op, extra)                            \
    [number] = {                                                                                   \
        name, WASM_SHAPE_##shape, WASM_ACTION_##action, WASM_##in, WASM_##out, op, extra,          \
    },
#include "kernel/jit/wasm/vector_operators.def"
#undef WASM_VECTOR_OP
};

const struct wasm_operator *wasm_vector_operator(uint32_t number)
{
    return number < ARRAY_COUNT(operators) ? &operators[number] : NULL;
}

void build_vector_operator(struct wasm_builder *b, const struct wasm_operator *o, uint32_t number)
{
    (void)number;
    (void)wasm_fail(&b->r, b->operator, E_NOTSUP, "%s", o->name);
}

uint32_t build_vector_zero(struct wasm_builder *b)
{
    return b->live ? ir_const_vector(b->f, 0, 0) : 0;
}
