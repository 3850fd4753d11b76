// SPDX-License-Identifier: MIT
//
// The check before an access to memory, in kernels of the presets with -asan. The address sanitizer
// (kernel/mm/asan.h) installs it. In other builds this is nothing.
#pragma once

#ifdef HALYARD_ADDRESS

#include <stdbool.h>
#include <stddef.h>

/** Panics if a byte must not be accessed. NULL: nothing is checked. Written before other CPUs run,
 * and in a panic. */
extern void (*access_check)(const void *p, size_t len, bool is_write, const void *pc);

/** @brief Check no access any longer: a report may look at anything. @context{any} */
void access_check_stop(void);

#define ACCESS_CHECK(p, len, is_write)                                                             \
    do {                                                                                           \
        if (access_check != NULL) {                                                                \
            access_check(p, len, is_write, __builtin_return_address(0));                           \
        }                                                                                          \
    } while (0)

#else

static inline void access_check_stop(void)
{
}

#define ACCESS_CHECK(p, len, is_write) ((void)0)

#endif
