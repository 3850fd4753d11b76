// SPDX-License-Identifier: MIT
//
// The stack of operands, and helpers that emit one instruction.
//
// The stack exists only while a body is built: it holds, for each operand, its type and the number
// of the value that computes it. A block sees only its own part, from top->height on. If the block
// is polymorphic (its end is unreachable), its part is below as deep as needed, with operands of
// unknown type 0; popping one of them is valid and yields value 0, which is never used.
#include "kernel/wasm/front/build_internal.h"

#include "kernel/lib/string.h"

bool build_grow(struct wasm_builder *b, void *array, uint32_t *capacity, uint64_t needed,
                size_t size)
{
    void **slot = array;
    void *grown = arena_grow_list(b->temporary, *slot, capacity, needed, size);
    if (grown == NULL) {
        return wasm_fail_memory(&b->r, b->temporary, (size_t)needed * size);
    }
    *slot = grown;
    return true;
}

bool build_stack_grow(struct wasm_builder *b, uint32_t n)
{
    return build_grow(b, &b->stack, &b->stack_capacity, (uint64_t)b->depth + n + 2,
                      sizeof *b->stack);
}

/* The cases that build_pop() does not handle: an
 * operand of unknown type, none at all, and errors. */
uint32_t build_pop_slowly(struct wasm_builder *b, uint32_t type)
{
    if (b->depth == b->top->height) {
        if (!b->top->polymorphic) {
            (void)BUILD_INVALID(b, "type mismatch: expected %s, found nothing",
                                wasm_type_name(type));
        }
        return 0;
    }
    struct build_value top = b->stack[--b->depth];
    if (top.type != 0 && !wasm_is_subtype(b->m, top.type, b->m, type)) {
        (void)BUILD_INVALID(b, "type mismatch: expected %s, found %s", wasm_type_name(type),
                            wasm_type_name(top.type));
        return 0;
    }
    return top.value;
}

struct build_value build_pop_any(struct wasm_builder *b)
{
    if (b->depth == b->top->height) {
        (void)build_pop_slowly(b, 0);
        return (struct build_value){0};
    }
    return b->stack[--b->depth];
}

struct build_value build_pop_reference(struct wasm_builder *b)
{
    struct build_value v = build_pop_any(b);
    if (v.type == 0) {
        v.type = WASM_SOME_REFERENCE;
    }
    if (!wasm_is_reference(v.type)) {
        (void)BUILD_INVALID(b, "type mismatch: expected a reference, found %s",
                            wasm_type_name(v.type));
    }
    return v;
}

/* Insert operands of any type at the bottom of the block's operands. */
static bool insert_unknown(struct wasm_builder *b, uint32_t count)
{
    if (!build_stack_room(b, count)) {
        return false;
    }
    struct build_value *bottom = b->stack + b->top->height;
    memmove(bottom + count, bottom, (b->depth - b->top->height) * sizeof *bottom);
    memset(bottom, 0, count * sizeof *bottom);
    b->depth += count;
    return true;
}

/* In a polymorphic block the missing operands are inserted at the bottom, so that the caller can
 * read `count` operands from the stack in any case. */
bool build_expect(struct wasm_builder *b, const uint32_t *types, uint32_t count)
{
    uint32_t have = b->depth - b->top->height;
    if (have < count) {
        if (!b->top->polymorphic) {
            return BUILD_INVALID(b, "type mismatch: expected %s, found nothing",
                                 wasm_type_name(types[count - have - 1]));
        }
        if (!insert_unknown(b, count - have)) {
            return false;
        }
    }
    struct build_value *v = b->stack + b->depth - count;
    for (uint32_t n = 0; n < count; n++) {
        if (v[n].type != types[n] && v[n].type != 0 &&
            !wasm_is_subtype(b->m, v[n].type, b->m, types[n])) {
            return BUILD_INVALID(b, "type mismatch: expected %s, found %s",
                                 wasm_type_name(types[n]), wasm_type_name(v[n].type));
        }
        v[n].type = types[n];
    }
    return true;
}

uint32_t build_load(struct wasm_builder *b, unsigned type, uint32_t index, struct ir_memref memref)
{
    if (b->m->helps_vectors && type == IR_V128 && memref.access != IR_ACCESS_FULL) {
        return build_vector_load_help(b, index, memref);
    }
    return b->live ? ir_emit(b->f, IR_LOAD, type, index, 0, ir_memref(b->f, &memref)) : 0;
}

void build_store(struct wasm_builder *b, uint32_t index, uint32_t value, struct ir_memref memref)
{
    if (b->live) {
        (void)ir_emit(b->f, IR_STORE, IR_VOID, index, value, ir_memref(b->f, &memref));
    }
}
