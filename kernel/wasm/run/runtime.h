// SPDX-License-Identifier: MIT
//
// Functions that compiled and interpreted code calls and that are not part of its module:
// instructions that are loops or need the store. All have the same C type, so an engine can call
// any of them.
#pragma once

#include "kernel/wasm/run/instance.h"

/** Integer parameters and result. The upper half of an i32 is 0 in both directions. */
typedef uint64_t wasm_helper_fn(struct wasm_context *c, uint64_t a, uint64_t b, uint64_t d,
                                uint64_t e);

/** By enum wasm_helper. */
extern wasm_helper_fn *const wasm_helpers[WASM_HELPER_COUNT];

/**
 * @brief memory.init and table.init, also for active segments. @return false: it traps.
 * @context{thread}
 */
bool wasm_memory_init(struct wasm_instance *i, uint32_t memory, uint32_t segment, uint64_t to,
                      uint64_t from, uint64_t n);
bool wasm_table_init(struct wasm_instance *i, uint32_t table, uint32_t segment, uint64_t at,
                     uint64_t from, uint64_t n);
/** @brief Make room for `count` elements. The length does not change. @return OK; E_NOMEM, nothing
 * has changed. @context{thread} */
enum status wasm_table_reserve(struct wasm_store *s, struct wasm_table_data *t, uint64_t count);
/** @brief Set all elements. @context{thread} */
void wasm_table_set_all(const struct wasm_table_data *t, uint64_t value);
/** @brief Free the elements. @context{thread} */
void wasm_table_free(struct wasm_store *s, struct wasm_table_data *t);

/** @brief data.drop and elem.drop. @context{thread} */
void wasm_data_drop(struct wasm_instance *i, uint32_t segment);
void wasm_elem_drop(struct wasm_instance *i, uint32_t segment);

/** @brief Size of a value in memory, in bytes. @context{any} */
static inline size_t wasm_value_bytes(unsigned type)
{
    return type == WASM_I32 || type == WASM_F32 ? 4 : type == WASM_V128 ? 16 : 8;
}

/** @brief The bits of a constant expression. Imports must be resolved. @context{thread} */
struct wasm_value {
    uint64_t lo, hi;
} wasm_constant_value(const struct wasm_instance *i, const struct wasm_constant *c);
