// SPDX-License-Identifier: MIT
//
// Exceptions of a store: thrown ones and those that an exnref refers to.
//
// An exnref is a number that none of the last 2^31 exceptions had, so that every use of it can be
// checked: a wrong number, by whatever mistake, is no exception. An exception that was caught
// without an exnref is freed at once. Others are freed when nothing refers to them: a collection
// marks those that globals, tables, other exceptions, the interpreter's frames or any word of the
// stack may refer to. One takes place when as many exceptions have been made as the last one left,
// at least EXCEPTIONS_LEAST, and when memory runs out. All memory is charged to the store's budget.
#pragma once

#include "kernel/wasm/run/instance.h"

#define EXCEPTIONS_LEAST 64u

/** @brief A new exception with a tag of an instance's module, whose values are 0. It becomes the
 * one that is being thrown. @return 0: no memory, or no such tag. @context{thread} */
uint64_t wasm_exception_make(struct wasm_instance *i, uint64_t tag);

/** @brief Start to throw. @param goes_on  Set: it was thrown before, and the last one that was; so
 * the engine continues its backtrace. @return false: it is no exception. @context{thread} */
bool wasm_exception_throw(struct wasm_store *s, uint64_t exception, bool *goes_on);

/** @brief The helpers of exceptions, in the order of enum wasm_helper from WASM_HELPER_EXN_SET
 * to _EXN_END. Wrong numbers are ignored; reads of them return 0. @context{thread} */
void wasm_exception_set(struct wasm_store *s, uint64_t exception, uint64_t cell, uint64_t value,
                        unsigned class);
uint64_t wasm_exception_get(struct wasm_store *s, uint64_t exception, uint64_t cell,
                            unsigned class);
bool wasm_exception_is(const struct wasm_instance *i, uint64_t exception, uint64_t tag);
void wasm_exception_end(struct wasm_store *s, uint64_t exception, bool is_kept);

/** Classes of what is in a cell of an exception. */
enum { WASM_CELL_NUMBER, WASM_CELL_FUNC, WASM_CELL_EXTERN };

/** @brief Describe the exception that was not caught. @context{thread} */
void wasm_exception_describe(const struct wasm_store *s, struct wasm_thrown *out);

/** @brief Describe it: 'tag 0 "env.__cpp_exception", i32 66576'. Tags have the names of their
 * import or export. @context{any} */
void wasm_exception_text(const struct wasm_thrown *t, char *buf, size_t len);

/** @brief Free all. Nothing may be running. @context{thread} */
void wasm_exceptions_free(struct wasm_store *s);

/** @brief The number of exceptions that exist. @context{thread} */
static inline uint32_t wasm_exceptions_count(const struct wasm_store *s)
{
    return s->exceptions.live;
}
