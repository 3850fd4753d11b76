// SPDX-License-Identifier: MIT
//
// What making an instance needs of the store that it is made in.
#pragma once

#include "kernel/jit/wasm/instance.h"

/** @brief Give an instance back that is in no list; its reference to the code, too.
 * @context{thread} */
void wasm_free_instance(struct wasm_store *s, struct wasm_instance *i);

/** @brief Give back what is in the store's lists in front of `until`. @context{thread} */
void wasm_free_memories(struct wasm_store *s, const struct wasm_memory *until);
void wasm_free_hosts(struct wasm_store *s, const struct wasm_host *until);

/** @brief What an outcome means when the store may have been stopped meanwhile: a trap that comes
 * from the flag has no meaning of its own. @return stop->outcome. @context{any} */
enum wasm_outcome wasm_end(const struct wasm_store *s, enum wasm_outcome outcome,
                           struct wasm_stop *stop);
