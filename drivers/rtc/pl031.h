// SPDX-License-Identifier: MIT
//
// ARM PrimeCell PL031 real-time clock.
#pragma once

#include "kernel/lib/status.h"

#include <stdint.h>

/**
 * @brief Set the wall clock from the PL031 at physical [base, base + len).
 * @return OK; E_INVAL: len is too small; E_NODEV: the device there is not a PL031; E_NOMEM.
 * @context{thread}
 */
enum status pl031_init(uint64_t base, uint64_t len);
