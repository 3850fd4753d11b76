// SPDX-License-Identifier: MIT
//
// ARM PrimeCell PL031 real-time clock.
#pragma once

#include "kernel/lib/status.h"

#include <stdint.h>

/**
 * @brief Set the wall clock from the PL031 at physical [base, base + len).
 * @return OK; E_INVAL: len is too small for one; E_NODEV: something else is there; E_NOMEM.
 * @context{thread}
 */
enum status pl031_init(uint64_t base, uint64_t len);
