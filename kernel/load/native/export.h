// SPDX-License-Identifier: MIT
//
// The functions that loaded code may call: for native programs the host calls, for drivers those
// that drivers/exports.c lists. The version is part of the imported symbol ("hy_write$1"), so code
// that was built against another interface is refused, with the name of the function.
#pragma once

#include "kernel/base/export.h"
#include "kernel/load/loader.h"

enum export_result { EXPORT_FOUND, EXPORT_OTHER_VERSION, EXPORT_ABSENT };

/**
 * @brief Look up an import.
 * @param kind Kind of the importing module.
 * @param symbol "NAME$VERSION" or "NAME".
 * @param found The entry of that name, unless the result is EXPORT_ABSENT.
 * @param version  The version that the symbol requests, EXPORT_NO_VERSION if it has none.
 * @context{any}
 */
enum export_result export_find(enum load_kind kind, const char *symbol, const struct export **found,
                               uint32_t *version);

/** @brief Install the functions that loaded drivers may call. @param exports Ascending by name;
 *     stays. @context{once, before a driver is loaded} */
void export_offer_to_drivers(const struct export *exports, uint32_t count);

/* The tables, each next to its functions; each ends with a NULL name. */
extern const struct export hostcall_file_exports[];
extern const struct export hostcall_memory_exports[];
extern const struct export hostcall_print_exports[];
extern const struct export hostcall_thread_exports[];
extern const struct export hostcall_terminal_exports[];
extern const struct export hostcall_time_exports[];
