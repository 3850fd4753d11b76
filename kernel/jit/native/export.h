// SPDX-License-Identifier: MIT
//
// What loaded code may call: native programs the host calls, drivers what drivers/exports.c lists.
// The version is part of the symbol that is imported ("hy_write$1"), so code that was built against
// another interface is refused by name.
#pragma once

#include "kernel/base/export.h"
#include "kernel/jit/loader.h"

enum export_result { EXPORT_FOUND, EXPORT_OTHER_VERSION, EXPORT_ABSENT };

/**
 * @brief Look up an import.
 * @param kind     Whose.
 * @param symbol   "NAME$VERSION" or "NAME".
 * @param found    The entry of that name, if the result is not EXPORT_ABSENT.
 * @param version  The version that the symbol asks for, EXPORT_NO_VERSION if it names none.
 * @context{any}
 */
enum export_result export_find(enum load_kind kind, const char *symbol, const struct export **found,
                               uint32_t *version);

/* The tables, each beside its functions; each ends with a NULL name. */
extern const struct export hostcall_file_exports[];
extern const struct export hostcall_memory_exports[];
extern const struct export hostcall_print_exports[];
extern const struct export hostcall_thread_exports[];
extern const struct export hostcall_time_exports[];
