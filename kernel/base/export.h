// SPDX-License-Identifier: MIT
//
// Functions that the kernel offers to loaded code: names, versions, addresses. The version is part
// of the imported symbol ("virtq_add$1"), so code built against another interface is refused by
// name. kernel/load/native/export.h defines which code may import what.
#pragma once

#include <stdint.h>

/** Version of the interface between the kernel and loaded modules as a whole: struct driver, struct
 * additions, and every struct that a module shares with the functions that it calls or defines.
 * modules/module.h stores it in the note. */
#ifdef HALYARD_DEBUG
#define DRIVER_INTERFACE 0x10009u /* locks have more fields */
#else
#define DRIVER_INTERFACE 9u
#endif

/** For functions that compilers call by themselves, which carry no version. */
#define EXPORT_NO_VERSION 0u

struct export
{
    const char *name;
    uint32_t version; /* at least 1, or EXPORT_NO_VERSION */
    const void *address;
};
