// SPDX-License-Identifier: MIT
//
// The lock checker's reports. The locks call it through kernel/debug/lockcheck.h.
#pragma once

#include "kernel/debug/lockcheck.h"

#include <stdbool.h>

#ifdef HALYARD_DEBUG

/** @brief Check locks from here on. @context{early, once} */
void lockcheck_install(void);

/** @brief Number of unexpected reports so far. @context{any} */
uint32_t lockcheck_reports(void);

/** @brief Expect the next report of this kind, which a test provokes: it is logged but not counted.
 * @context{any} */
void lockcheck_expect(enum lock_fault kind);
/** @brief True until the expected report has come. @context{any} */
bool lockcheck_is_expected(enum lock_fault kind);
/** @brief True until every report that has come is in the log. The next CPU that may print it does,
 * which can be another one than the caller's. @context{any} */
bool lockcheck_has_unprinted(void);

#else

#define lockcheck_install() ((void)0)
#define lockcheck_reports() 0u

#endif
