// SPDX-License-Identifier: MIT
//
// What native programs may call: names, versions, addresses. The version is part of the symbol a
// program imports ("hy_write$1"), so a program that was built against another interface is refused
// by name.
#pragma once

#include <stdint.h>

/** A function that compilers call by themselves carries no version. */
#define EXPORT_NO_VERSION 0u

struct export
{
    const char *name;
    uint32_t version; /* at least 1, or EXPORT_NO_VERSION */
    const void *address;
};

enum export_result { EXPORT_FOUND, EXPORT_OTHER_VERSION, EXPORT_ABSENT };

/**
 * @brief Look up an import.
 * @param symbol   "NAME$VERSION" or "NAME".
 * @param found    The entry of that name, if the result is not EXPORT_ABSENT.
 * @param version  The version that the symbol asks for, EXPORT_NO_VERSION if it names none.
 * @context{any}
 */
enum export_result export_find(const char *symbol, const struct export **found, uint32_t *version);

/* The tables, each beside its functions; each ends with a NULL name. */
extern const struct export hostcall_file_exports[];
extern const struct export hostcall_memory_exports[];
extern const struct export hostcall_print_exports[];
extern const struct export hostcall_thread_exports[];
extern const struct export hostcall_time_exports[];
