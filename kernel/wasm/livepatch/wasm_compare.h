// SPDX-License-Identifier: MIT
#pragma once

#include "kernel/load/loader.h"
#include "kernel/wasm/front/wasm.h"

/**
 * @brief Whether two modules differ in nothing but the bodies of their functions, custom sections
 * aside. Then their contexts have the same layout.
 * @return OK; E_NOTSUP: they do, and err says where. @context{any}
 */
enum status wasm_compare(const struct wasm_module *m, const struct wasm_module *fresh,
                         struct loader_error *err);

/** @brief Whether the bodies of a function differ. @pre wasm_compare() @context{any} */
bool wasm_body_differs(const struct wasm_module *m, const struct wasm_module *fresh, uint32_t n);

/** @brief The name of a function, or its number. @param out  Receives it, perhaps truncated.
 * @context{any} */
void wasm_function_text(const struct wasm_module *m, uint32_t n, char *out, size_t size);
