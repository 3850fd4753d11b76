// SPDX-License-Identifier: MIT
//
// Shared by the parts of the module decoder.
#pragma once

#include "kernel/wasm/front/reader.h"

struct wasm_decoder {
    struct wasm_reader r;
    struct wasm_module *m;
    const struct wasm_bounds *bounds;
    struct wasm_bytes names; /* contents of the custom section of that name; empty: there is none */
    uint32_t bodies;         /* read so far */
    uint32_t import_capacity, function_capacity, table_capacity, memory_capacity, global_capacity,
        tag_capacity;
};

/** @brief Zeroed memory from the module's arena. @return NULL: recorded in the reader. */
void *decode_alloc(struct wasm_decoder *d, uint32_t count, size_t size);

/** @brief Append an element, not initialised, to an array of the module.
 * @return it, or NULL: an error is recorded. */
void *decode_append(struct wasm_decoder *d, void *array, uint32_t *count, uint32_t *capacity,
                    size_t size);
#define DECODE_APPEND(d, array, kind)                                                              \
    decode_append(d, &(d)->m->array, &(d)->m->kind##_count, &(d)->kind##_capacity,                 \
                  sizeof *(d)->m->array)

/** @brief Read an index below `count`. @param what  For messages: "function". */
bool decode_index(struct wasm_decoder *d, uint32_t count, const char *what, uint32_t *out);

/** @brief Read a constant expression that yields one value of the type. */
bool decode_constant(struct wasm_decoder *d, uint32_t type, struct wasm_constant *out);

bool decode_table_type(struct wasm_decoder *d, struct wasm_table_type *out);
bool decode_memory_type(struct wasm_decoder *d);
bool decode_global_type(struct wasm_decoder *d, struct wasm_global_type *out);

/* The contents of each section. */
bool decode_types(struct wasm_decoder *d);
bool decode_imports(struct wasm_decoder *d);
bool decode_functions(struct wasm_decoder *d);
bool decode_tables(struct wasm_decoder *d);
bool decode_memories(struct wasm_decoder *d);
bool decode_globals(struct wasm_decoder *d);
bool decode_tags(struct wasm_decoder *d);
bool decode_exports(struct wasm_decoder *d);
bool decode_start(struct wasm_decoder *d);
bool decode_elements(struct wasm_decoder *d);
bool decode_data_count(struct wasm_decoder *d);
bool decode_code(struct wasm_decoder *d);
bool decode_data(struct wasm_decoder *d);

/**
 * @brief Read the names section. Whatever is wrong in it is left out.
 * @return false: no memory.
 */
bool decode_names(struct wasm_decoder *d);

/** @brief Compute the offsets in an instance's context, and the module's tables for the
 * representation. */
bool decode_layout(struct wasm_decoder *d);
