// SPDX-License-Identifier: MIT
//
// Checks of the kernel's own invariants. Never for
// hostile input, device data, modules or out-of-memory.
#pragma once

#include "kernel/lib/compiler.h"

/**
 * @brief Report and stop the machine; kernel/base/panic.c prints the block.
 * @param fmt "area: what, %value"; conversions as in kernel/lib/format.h.
 * @context{any}
 */
_Noreturn void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** In every build: an invariant whose violation would
 * corrupt memory. The condition has no side effect. */
#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (UNLIKELY(!(cond))) {                                                                   \
            panic("assert: %s, at %s:%d", #cond, __FILE__, __LINE__);                              \
        }                                                                                          \
    } while (0)

/** Debug builds only: checks on paths that are too hot to check always. */
#ifdef HALYARD_DEBUG
#define DASSERT(cond) ASSERT(cond)
#else
#define DASSERT(cond) ((void)sizeof(cond))
#endif
