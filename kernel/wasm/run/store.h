// SPDX-License-Identifier: MIT
//
// Functions of the store for creating instances.
#pragma once

#include "kernel/wasm/run/instance.h"

/**
 * @brief Free an instance that is in no list, and drop its reference to the code.
 * @context{thread}
 */
void wasm_free_instance(struct wasm_store *s, struct wasm_instance *i);

/** @brief Make a memory of a store, and let it have its first pages. @return OK; E_NOMEM;
 * E_OVERFLOW: it begins with more than WASM_PAGES_MAX; E_CANCELLED. @context{thread} */
enum status wasm_make_memory(struct wasm_store *s, const struct wasm_limits *limits,
                             struct wasm_memory **out);

/** @brief Free the objects in the store's lists that come before `until`. @context{thread} */
void wasm_free_memories(struct wasm_store *s, const struct wasm_memory *until);
void wasm_free_hosts(struct wasm_store *s, const struct wasm_host *until);

/** @brief The final outcome, considering that the store may have been stopped meanwhile: a trap
 * or an exception after that is none. @return stop->outcome. @context{any} */
enum wasm_outcome wasm_end(const struct wasm_store *s, enum wasm_outcome outcome,
                           struct wasm_stop *stop);
