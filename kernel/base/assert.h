// SPDX-License-Identifier: MIT
//
// Broken invariants of our own. Never for hostile input, device data, modules or lack of memory.
#pragma once

#include "kernel/lib/compiler.h"

/**
 * @brief Report and stop the machine; see kernel/base/panic.c for the block that is printed.
 * @param fmt  "area: what, %value"; printf's conversions of kernel/lib/format.h.
 * @context{any}
 */
_Noreturn void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** In every build: an invariant whose breach would corrupt memory. The condition has no side
 * effect. */
#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (UNLIKELY(!(cond))) {                                                                   \
            panic("assert: %s, at %s:%d", #cond, __FILE__, __LINE__);                              \
        }                                                                                          \
    } while (0)

/** In debug builds only: what is too hot to check always. */
#ifdef HALYARD_DEBUG
#define DASSERT(cond) ASSERT(cond)
#else
#define DASSERT(cond) ((void)sizeof(cond))
#endif
