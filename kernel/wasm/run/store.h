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

/** @brief Free the objects in the store's lists that come before `until`. @context{thread} */
void wasm_free_memories(struct wasm_store *s, const struct wasm_memory *until);
void wasm_free_hosts(struct wasm_store *s, const struct wasm_host *until);

/** @brief The final outcome, considering that the store may have been stopped meanwhile: a trap
 * caused by the flag is no trap. @return stop->outcome. @context{any} */
enum wasm_outcome wasm_end(const struct wasm_store *s, enum wasm_outcome outcome,
                           struct wasm_stop *stop);
