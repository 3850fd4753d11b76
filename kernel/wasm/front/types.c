// SPDX-License-Identifier: MIT
//
// Ids of function types: the loader's numbers for them.
#include "kernel/wasm/front/wasm.h"

#include "kernel/mm/heap.h"

#define FEW 8u /* up to this many types need no allocation */

/* The loader counts the references to a type, so wasm_type_ids_drop() must follow, exactly once. */
enum status wasm_type_ids_take(struct wasm_signature *signatures, uint32_t count)
{
    struct load_type few[FEW];
    if (count == 0) {
        return OK;
    }
    struct load_type *types = count <= FEW ? few : heap_calloc(count, sizeof *types);
    if (types == NULL) {
        return E_NOMEM;
    }
    for (uint32_t n = 0; n < count; n++) {
        const struct wasm_signature *s = &signatures[n];
        types[n] = (struct load_type){s->types, s->params + s->results, s->params, s->id};
    }
    enum status s = load_types_take(types, count);
    for (uint32_t n = 0; s == OK && n < count; n++) {
        signatures[n].id = types[n].number;
    }
    if (types != few) {
        heap_free(types);
    }
    return s;
}

void wasm_type_ids_drop(const struct wasm_signature *signatures, uint32_t count)
{
    if (count > 0) {
        load_types_drop(&signatures->id, count, sizeof *signatures);
    }
}
