// SPDX-License-Identifier: MIT
//
// Replacing functions of the kernel while it runs. A patch is an extension of one kernel
// (extension.h) that lists functions and their replacements; docs/extensions.md shows how to make
// one.
//
// Calls in flight end in the code in which they began. kernel/livepatch/ has the commands. The
// image has livepatch_apply() and livepatch_undo(); livepatch.ko has the rest, which the image
// would only keep for it.
#pragma once

#include "hal/types.h"
#include "kernel/load/extension_format.h"
#include "kernel/load/loader.h" /* struct loader_error */

#define LIVEPATCH_FUNCTIONS_MAX 16
#define LIVEPATCH_NAME_MAX      32

/**
 * @brief Apply a patch: from now on every call of its functions runs their replacements, on every
 *     CPU. Of several patches of one function, the one that was applied last counts.
 * @param name At most LIVEPATCH_NAME_MAX - 1 bytes; copied.
 * @param functions Ends with a NULL name; stays until the patch is undone, and the replacements
 *     as long as calls of them last.
 * @return OK; E_EXIST: a patch of that name is applied; E_NOTSUP: a function has no patchable
 *     entry, or its replacement is out of reach; E_CORRUPT: it lists no function, or more than
 *     LIVEPATCH_FUNCTIONS_MAX; E_NOMEM. On failure nothing has changed.
 * @context{thread, may sleep}
 */
enum status livepatch_apply(const char *name, const struct livepatch *functions,
                            struct loader_error *err);

/** @brief Undo a patch: its functions run as they would without it.
 * @return OK; E_NOENT: no such patch is applied. @context{thread, may sleep} */
enum status livepatch_undo(const char *name, struct loader_error *err);

/**
 * @brief From now on record each call of a function (TRACE_CALL of kernel/trace/trace.h) while
 *     tracing is on, whether the call runs the function itself or a replacement. The trace has
 *     memory for its calls (trace_prepare_calls()).
 * @return OK, also if it is traced already; E_NOTSUP: it has no patchable entry; E_NOSPC: HAL_STUBS
 *     other functions are traced, or were and have kept their stubs.
 * @context{thread, may sleep}
 */
enum status livepatch_trace(vaddr_t function);

/** @brief End that; nothing if it is not traced. Calls in flight are still recorded.
 * @context{thread, may sleep} */
void livepatch_untrace(vaddr_t function);

/** @brief The next traced function. @param i 0, then as it was left. @return 0: no more.
 * @context{thread, may sleep} */
vaddr_t livepatch_get_traced(unsigned *i);

struct livepatch_info {
    char name[LIVEPATCH_NAME_MAX];
    const struct livepatch *functions; /* as in struct extension */
};

/** @brief The i-th applied patch, oldest first.
 * @return false past the end. @context{thread, may sleep} */
bool livepatch_get_info(uint32_t i, struct livepatch_info *out);

/** @brief Call fn(arg) while no entry is changed: it may write code in other ways (hal/text.h).
 * @context{thread, may sleep} */
void livepatch_exclude(void (*fn)(void *arg), void *arg);
